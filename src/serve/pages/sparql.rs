//! The SPARQL page. Its script shows results in place; without the script, the form leads to them.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use url::form_urlencoded;

use super::examples::EXAMPLES;
use super::layout::{Page, Place, scroll};
use super::words::Language;
use crate::query::PREFIXES;
use crate::serve::app::App;
use crate::serve::negotiate::title_of;

/// The formats of results that the page offers.
const FORMATS: [&str; 8] = ["json", "csv", "tsv", "xml", "ttl", "nt", "rdf", "jsonld"];

/// Rows that the page shows.
const ROWS: u64 = 1000;

/// Returns the page, with a query in its form; `names` says whether results are to have names.
#[must_use]
pub fn page(app: &App, headers: &HeaderMap, query: &str, names: bool) -> Response {
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
    page.render(StatusCode::OK, &content(&page, query, names))
}

fn content(page: &Page<'_>, query: &str, names: bool) -> Markup {
    let (words, base) = (page.words(), &page.app.base);
    let shown = if query.is_empty() { EXAMPLES.first().map_or("", |example| example.query) } else { query };
    let messages = [
        ("running", words.running),
        ("none", words.no_results),
        ("rows", words.rows),
        ("cut", words.cut),
        ("ms", words.milliseconds),
        ("yes", words.yes),
        ("no", words.no),
        ("failed", words.failed),
        ("chart", words.chart),
    ];
    html! {
        h1 { (words.sparql) }
        p.lead { (words.sparql_intro) }
        div.asking {
            div {
                form #ask method="get" action={ (base) "/sparql" } data-rows=(page.app.config.serve.rows.min(ROWS)) data-run=(if query.is_empty() { "" } else { "yes" })
                    data-record-base=(page.app.config.serve.record_base) data-base=(base)
                    data-endpoint={ (base) "/sparql" }
                {
                    @for (name, text) in messages { input type="hidden" disabled data-message=(name) value=(text); }
                    label for="query" { (words.query) }
                    textarea #query name="query" rows="11" spellcheck="false" autocapitalize="off" autocomplete="off" aria-describedby="hint" { (shown) }
                    div.controls {
                        button.primary type="submit" { (words.run) }
                        button #stop type="button" hidden { (words.stop) }
                        label for="format" { (words.format) }
                        select #format name="format" {
                            @for format in FORMATS { option value=(format) { (title_of(format)) } }
                        }
                        label.names { input #labels type="checkbox" name="labels" value=(page.language.code()) checked[names]; " " (words.with_names) }
                        span.hint #hint { (words.run_hint) }
                    }
                }
                section #results aria-live="polite" hidden {
                    h2 { (words.results) }
                    p #summary role="status" {}
                    div #problem hidden {}
                    div #chart {}
                    div.scroll #table role="region" aria-label=(words.results) tabindex="0" {}
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

/// Returns the parameters of this page with a query and names.
fn address(query: &str, language: Language) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("query", query).append_pair("labels", language.code()).finish()
}
