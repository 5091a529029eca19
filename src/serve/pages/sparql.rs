//! The page to ask in SPARQL. Its script shows results in place; without it the form leads to them.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use url::form_urlencoded;

use super::examples::EXAMPLES;
use super::layout::{Page, Place};
use super::words::Language;
use crate::query::PREFIXES;
use crate::serve::app::App;

/// How many rows the page shows.
const ROWS: u32 = 1000;

/// The page, with a query in it.
#[must_use]
pub fn page(app: &App, language: Language, query: &str) -> Response {
    let page = Page {
        app,
        language,
        title: language.words().sparql,
        place: Place::Sparql,
        keep: vec![("query", query.to_owned())],
        script: true,
    };
    page.render(StatusCode::OK, &content(&page, query))
}

fn content(page: &Page<'_>, query: &str) -> Markup {
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
                form #ask method="get" action={ (base) "/sparql" } data-rows=(ROWS) data-run=(if query.is_empty() { "" } else { "yes" })
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
                            @for format in ["json", "csv", "tsv", "xml", "ttl", "nt", "rdf", "jsonld"] { option value=(format) { (format) } }
                        }
                        span.hint #hint { (words.run_hint) }
                    }
                }
                section #results aria-live="polite" hidden {
                    h2 { (words.results) }
                    p #summary role="status" {}
                    div #problem hidden {}
                    div #chart {}
                    div.scroll #table tabindex="0" {}
                    p #downloads hidden {
                        (words.download) ": "
                        @for format in ["json", "csv", "tsv", "xml", "ttl", "nt", "rdf", "jsonld"] { a data-format=(format) href="#" { (format) } " " }
                    }
                }
            }
            aside {
                h2 { (words.examples) }
                ul.examples {
                    @for example in EXAMPLES.iter() {
                        @let text = if page.language == Language::Swedish { example.swedish } else { example.english };
                        li { a.example href={ (base) "/sparql?" (form_urlencoded::Serializer::new(String::new()).append_pair("query", example.query).finish()) } { (text) } }
                    }
                }
            }
        }
        details {
            summary { (words.prefixes) }
            table.prefixes { tbody { @for (prefix, namespace) in PREFIXES { tr { th scope="row" { code { (prefix) ":" } } td { code { (namespace) } } } } } }
        }
    }
}
