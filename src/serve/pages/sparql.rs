//! The SPARQL page. Its scripts colour and complete the query, and show results and plans in place; without them, the form
//! leads to the results, and to this page with the plan.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use url::form_urlencoded;

use super::examples::EXAMPLES;
use super::layout::{Page, Place, scroll};
use super::plan;
use super::words::{Language, Words};
use crate::query::{Explained, PREFIXES};
use crate::serve::app::App;
use crate::serve::negotiate::title_of;

/// The formats of results that the page offers.
const FORMATS: [&str; 8] = ["json", "csv", "tsv", "xml", "ttl", "nt", "rdf", "jsonld"];

/// Rows that the page shows.
const ROWS: u64 = 1000;

/// Returns the page, with a query in its form; `names` says whether results are to have names, `plan` what the query does.
#[must_use]
pub fn page(app: &App, headers: &HeaderMap, query: &str, names: bool, plan: Option<&Explained>) -> Response {
    let language = Language::of(headers);
    // A fresh page needs no parameter for what it does by itself.
    let labels_in_other = if names && !query.is_empty() { language.words().other_code } else { "" };
    let page = Page {
        app,
        language,
        title: language.words().sparql,
        place: Place::Sparql,
        keep: vec![("query", query.to_owned()), ("labels", labels_in_other.to_owned())],
        script: true,
        address: query.is_empty().then(|| app.address_of(headers, "/sparql")),
        data: None,
    };
    page.render(StatusCode::OK, &content(&page, query, names, plan))
}

fn content(page: &Page<'_>, query: &str, names: bool, plan: Option<&Explained>) -> Markup {
    let (words, base) = (page.words(), &page.app.base);
    let shown = if query.is_empty() { EXAMPLES.first().map_or("", |example| example.query) } else { query };
    let run = !query.is_empty() && plan.is_none();
    html! {
        h1 { (words.sparql) }
        p.lead { (words.sparql_intro) }
        div.asking {
            div {
                form #ask method="get" action={ (base) "/sparql" } data-rows=(page.app.config.serve.rows.min(ROWS)) data-run=(if run { "yes" } else { "" })
                    data-record-base=(page.app.config.serve.record_base) data-base=(base) data-endpoint={ (base) "/sparql" }
                    data-vocabulary={ (base) "/sparql/vocabulary?labels=" (page.language.code()) }
                {
                    @for (name, text) in messages(words) { input type="hidden" disabled data-message=(name) value=(text); }
                    label for="query" { (words.query) }
                    div.editor {
                        textarea #query name="query" rows="11" spellcheck="false" autocapitalize="off" autocomplete="off" aria-describedby="hint" { (shown) }
                    }
                    div.controls {
                        button.primary type="submit" { (words.run) }
                        // The plan of a remote store is not known.
                        @if !page.app.engines.is_elsewhere() {
                            button type="submit" name="explain" value="page" { (words.plan) }
                        }
                        button #stop type="button" hidden { (words.stop) }
                        button #share type="button" hidden { (words.share) }
                        label for="format" { (words.format) }
                        select #format name="format" {
                            @for format in FORMATS { option value=(format) { (title_of(format)) } }
                        }
                        label.names { input #labels type="checkbox" name="labels" value=(page.language.code()) checked[names]; " " (words.with_names) }
                        span.hint #hint { (words.run_hint) span #completion-hint hidden { " " (words.completion_hint) } }
                    }
                    p #shared role="status" {}
                }
                section #plan hidden[plan.is_none()] {
                    h2 { (words.plan) }
                    p.hint { (words.plan_hint) }
                    div #steps { @if let Some(plan) = plan { (plan::table(plan, page.language)) } }
                }
                section #results hidden {
                    h2 { (words.results) }
                    p #summary role="status" {}
                    div #problem role="alert" hidden {}
                    div #chart {}
                    div.scroll #table role="region" aria-label=(words.results) tabindex="0" {}
                    nav.pager #pager aria-label=(words.pages) hidden {
                        button #previous type="button" { (words.previous) }
                        span #page role="status" {}
                        button #next type="button" { (words.next) }
                    }
                    p #downloads hidden {
                        (words.download) ": "
                        @for format in FORMATS { a data-format=(format) aria-label={ (words.download) " " (title_of(format)) } href="#" { (title_of(format)) } " " }
                    }
                }
            }
            aside {
                h2 { (words.examples) }
                ul.examples {
                    @for example in EXAMPLES.iter() {
                        @let text = if page.language == Language::Swedish { example.swedish } else { example.english };
                        li { a.example href={ (base) "/sparql?" (address(example.query, page.language)) } { (text) } }
                    }
                }
            }
        }
        details {
            summary { (words.prefixes) }
            (scroll(words.prefixes, &html! {
                table.prefixes { tbody { @for (prefix, namespace) in PREFIXES { tr { th scope="row" { code { (prefix) ":" } } td { code { (namespace) } } } } } }
            }))
        }
    }
}

/// The texts that the scripts show, by the names that they have there.
fn messages(words: &Words) -> [(&'static str, &'static str); 22] {
    [
        ("running", words.running),
        ("none", words.no_results),
        ("rows", words.rows),
        ("cut", words.cut),
        ("ms", words.milliseconds),
        ("yes", words.yes),
        ("no", words.no),
        ("failed", words.failed),
        ("chart", words.chart),
        ("time-line", words.time_line),
        ("left-out", words.left_out),
        ("place", words.place),
        ("suggestions", words.suggestions),
        ("classes", words.class),
        ("properties", words.property),
        ("shared", words.shared),
        ("plan", words.plan),
        ("plan-step", words.plan_step),
        ("plan-expected", words.plan_expected),
        ("plan-came", words.plan_came),
        ("plan-results", words.plan_results),
        ("plan-none", words.plan_none),
    ]
}

/// Returns the parameters of this page with a query and names.
fn address(query: &str, language: Language) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("query", query).append_pair("labels", language.code()).finish()
}
