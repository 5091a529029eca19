//! The search page, and suggestions for who is typing.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::kinds::kind_name;
use super::layout::{Page, Place};
use super::names::Names;
use super::narrowing::{Asked, Called, chips, orders, panel};
use super::search_form;
use super::words::Language;
use crate::log::Log;
use crate::search::{Finder, Found, SearchError};
use crate::serve::app::App;
use crate::serve::problem::Problem;

/// Results on a page.
const HITS_PER_PAGE: usize = 20;

/// Values of each facet on a page.
const VALUES: usize = 12;

/// Suggestions for who is typing.
const SUGGESTIONS: usize = 10;

/// `/search?q=`
pub async fn search(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Problem> {
    let asked = Asked::of(&query.unwrap_or_default());
    let finder = app.finder()?;
    let (sought, language, shapes) = (asked.clone(), Language::of(&headers), Arc::clone(&app.config.shapes));
    let (found, number, called) = app
        .log
        .read(move |reading| {
            let (found, number) = page_of(&finder, &reading.log, &sought)?;
            let called = Called::of(&Names::new(&reading.log, &shapes, language), &found.facets)?;
            Ok((found, number, called))
        })
        .await?;
    let asked = Asked { page: number, ..asked };
    let page = Page {
        app: &app,
        language,
        title: &asked.text,
        place: Place::Search,
        keep: asked.parameters(),
        script: false,
        address: None,
        data: None,
    };
    Ok(page.render(StatusCode::OK, &content(&page, &asked, &found, &called)))
}

/// `/suggest?q=`, in the format of `OpenSearch` suggestions
pub async fn suggest(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let text = Asked::of(&query.unwrap_or_default()).text;
    let (finder, sought) = (app.finder()?, text.clone());
    let suggested = app.log.read(move |reading| Ok(finder.suggest(&reading.log, &sought, SUGGESTIONS)?)).await?;
    let mut response = Json((text, suggested)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-suggestions+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(response)
}

/// Returns a page of results and its number: the last page if there are fewer.
fn page_of(finder: &Finder, log: &Log, asked: &Asked) -> Result<(Found, usize), SearchError> {
    let found = finder.find(log, &asked.question(asked.page, HITS_PER_PAGE, VALUES))?;
    let last = found.reachable.div_ceil(HITS_PER_PAGE).max(1);
    if asked.page <= last {
        return Ok((found, asked.page));
    }
    Ok((finder.find(log, &asked.question(last, HITS_PER_PAGE, VALUES))?, last))
}

fn content(page: &Page<'_>, asked: &Asked, found: &Found, called: &Called) -> Markup {
    let (words, language) = (page.words(), page.language);
    html! {
        h1 { (words.search) }
        (search_form(page, asked))
        (chips(page, asked, &found.facets, called))
        div.finding {
            (panel(page, asked, &found.facets, called))
            section aria-label=(words.results) {
                @if found.filling { p.notice { (words.filling) } }
                @if asked.is_empty() { p.hint { (words.browse) } }
                p role="status" {
                    @if found.matches == 0 { strong { (words.found_none) } " " (words.found_hint) }
                    @else {
                        strong { (language.number(found.matches)) } " " (words.found)
                        @if found.reachable < found.matches { ", " (words.of_these) " " (language.number(found.reachable)) " " (words.shown) }
                    }
                }
                @if found.matches > 0 {
                    (orders(page, asked))
                    p.hint { a rel="alternate nofollow" type="application/atom+xml" href=(asked.address(&page.app.base).replacen("/search?", "/search.atom?", 1)) { (words.feed) } }
                    ol.hits start=((asked.page - 1) * HITS_PER_PAGE + 1) {
                        @for entry in &found.entries {
                            li {
                                a href=(page.app.record_path(&entry.record)) { (entry.label) }
                                " " span.kind { (kind_name(&page.app.config.shapes, &entry.kind, language)) }
                                @if !entry.detail.is_empty() { p { (entry.detail) } }
                            }
                        }
                    }
                    (pager(page, asked, found))
                }
            }
        }
    }
}

fn pager(page: &Page<'_>, asked: &Asked, found: &Found) -> Markup {
    let (words, number) = (page.words(), asked.page);
    let address = |number| Asked { page: number, ..asked.clone() }.address(&page.app.base);
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
