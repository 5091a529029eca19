//! The search page.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use url::form_urlencoded;

use super::layout::{Page, Place};
use super::words::Language;
use super::{kind_name, search_form};
use crate::log::LogError;
use crate::search::{COUNTED, Found, SearchIndex};
use crate::serve::app::App;
use crate::serve::problem::Problem;

/// The parameters.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: String,
}

/// Results on a page.
const HITS_PER_PAGE: usize = 20;

/// The limit on the text of a search, in characters.
const MAX_CHARS: usize = 300;

/// `/search?q=`
pub async fn search(State(app): State<Arc<App>>, Query(asked): Query<Asked>, headers: HeaderMap) -> Result<Response, Problem> {
    let text: String = asked.q.trim().chars().take(MAX_CHARS).collect();
    let sought = text.clone();
    let number = asked.page.parse().unwrap_or(1).max(1);
    let (found, number) = if text.is_empty() {
        (Found::default(), 1)
    } else {
        app.log.read(move |reading| Ok(page_of(&SearchIndex(&reading.log), &sought, number)?)).await?
    };
    let page = Page {
        app: &app,
        language: Language::of(&headers),
        title: &text,
        place: Place::Search,
        keep: vec![("q", text.clone())],
        script: false,
        address: None,
        data: None,
    };
    Ok(page.render(StatusCode::OK, &content(&page, &text, &found, number)))
}

/// Returns a page of results, or the last page if there are fewer.
fn page_of(index: &SearchIndex<'_>, sought: &str, number: usize) -> Result<(Found, usize), LogError> {
    let found = index.find(sought, (number - 1).saturating_mul(HITS_PER_PAGE), HITS_PER_PAGE)?;
    let last = found.reachable.div_ceil(HITS_PER_PAGE).max(1);
    if number <= last {
        return Ok((found, number));
    }
    Ok((index.find(sought, (last - 1) * HITS_PER_PAGE, HITS_PER_PAGE)?, last))
}

fn content(page: &Page<'_>, text: &str, found: &Found, number: usize) -> Markup {
    let (words, language) = (page.words(), page.language);
    html! {
        h1 { (words.search) }
        (search_form(page, text))
        @if !text.is_empty() {
            p role="status" {
                @if found.matches == 0 { strong { (words.found_none) } " " (words.found_hint) }
                @else {
                    @if found.matches >= COUNTED { (words.at_least) " " }
                    strong { (language.number(found.matches)) } " " (words.found)
                    @if found.reachable < found.matches { ", " (words.of_these) " " (language.number(found.reachable)) " " (words.shown) }
                }
            }
            ol.hits start=((number - 1) * HITS_PER_PAGE + 1) {
                @for entry in &found.entries {
                    li {
                        a href=(page.app.record_path(&entry.record)) { (entry.label) }
                        " " span.kind { (kind_name(&page.app.config.shapes, &entry.kind, language)) }
                        @if !entry.detail.is_empty() { p { (entry.detail) } }
                    }
                }
            }
            (pager(page, text, found, number))
        }
    }
}

fn pager(page: &Page<'_>, text: &str, found: &Found, number: usize) -> Markup {
    let words = page.words();
    let address = |number: usize| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("q", text)
            .append_pair("page", &number.to_string())
            .finish();
        format!("{}/search?{query}", page.app.base)
    };
    let last = found.reachable.div_ceil(HITS_PER_PAGE);
    html! {
        @if last > 1 {
            nav.pager aria-label=(words.pages) {
                @if number > 1 { a rel="prev" href=(address(number - 1)) { (words.previous) } }
                span { (number) " / " (last) }
                @if number < last { a rel="next" href=(address(number + 1)) { (words.next) } }
            }
        }
    }
}
