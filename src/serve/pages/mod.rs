//! The web pages: HTML rendered here, with one style sheet and a few scripts of our own, in English and Swedish.

pub mod assets;
mod atom;
mod card;
mod charts;
mod examples;
mod front;
mod guide;
mod harvest;
mod kinds;
mod layout;
mod names;
mod narrowing;
mod plan;
mod record;
mod search;
mod sparql;
mod words;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};

pub use atom::atom;
pub use examples::{EXAMPLES, Example};
pub use front::front;
pub use guide::{guide, guide_topic};
pub use harvest::harvest;
pub use record::record;
pub use search::{search, suggest};
pub use words::Language;

use super::app::App;
use crate::query::Explained;
use layout::{Page, Place};
use narrowing::Asked;

/// Returns the language of the visitor.
#[must_use]
pub fn language(headers: &HeaderMap) -> Language {
    Language::of(headers)
}

/// Returns the SPARQL page, with what a query does, if it was asked for.
#[must_use]
pub fn sparql(app: &App, headers: &HeaderMap, query: &str, names: bool, plan: Option<&Explained>) -> Response {
    sparql::page(app, headers, query, names, plan)
}

/// Returns the page for an address that does not exist (404).
#[must_use]
pub fn missing(app: &App, headers: &HeaderMap) -> Response {
    let language = Language::of(headers);
    let words = language.words();
    let page = Page {
        app,
        language,
        title: words.not_found,
        place: Place::Elsewhere,
        keep: Vec::new(),
        script: false,
        address: None,
        data: None,
    };
    let content = html! {
        h1 { (words.not_found) }
        p { (words.not_found_hint) }
        (search_form(&page, &Asked::default()))
    };
    page.render(StatusCode::NOT_FOUND, &content)
}

/// Returns the form of a search. What is chosen stays chosen when the words change.
fn search_form(page: &Page<'_>, asked: &Asked) -> Markup {
    let (words, base) = (page.words(), &page.app.base);
    html! {
        form.search role="search" method="get" action={ (base) "/search" } {
            label for="q" { (words.search_label) }
            div.row {
                div.typing {
                    input #q type="search" name="q" value=(asked.text) autocomplete="off" aria-describedby="search-hint" data-suggest={ (base) "/suggest" };
                }
                @for (name, value) in asked.parameters().iter().filter(|(name, _)| !["q", "page"].contains(name)) {
                    input type="hidden" name=(name) value=(value);
                }
                button.primary type="submit" { (words.search) }
            }
            p.hint #search-hint { (words.search_hint) }
            script src=(assets::SUGGEST.address(base)) defer {}
        }
    }
}
