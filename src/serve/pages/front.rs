//! The front page: what the mirror holds, and how fresh it is.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::DateTime;
use maud::{Markup, html};

use super::charts::{lying_bars, standing_bars};
use super::layout::{Page, Place, scroll, time_or};
use super::names::Names;
use super::narrowing::Asked;
use super::search_form;
use super::words::{Language, Words};
use crate::links::Authority;
use crate::serve::app::App;
use crate::serve::overview::Overview;
use crate::serve::problem::Problem;

/// `/`
pub async fn front(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let language = Language::of(&headers);
    let page = Page {
        app: &app,
        language,
        title: "",
        place: Place::Home,
        keep: Vec::new(),
        script: false,
        address: Some(app.address_of(&headers, "/")),
        data: None,
    };
    let overview = match app.overviews.get(&app.log).await {
        Ok(overview) => overview,
        Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => {
            let content = html! { h1 { (page.words().tagline) } p { (page.words().nothing_yet) } };
            return Ok(page.render(StatusCode::OK, &content));
        }
        Err(problem) => return Err(problem),
    };
    let shown = overview.kinds.iter().take(KINDS).map(|(kind, records, _)| (kind.clone(), *records)).collect::<Vec<_>>();
    let shapes = Arc::clone(&app.config.shapes);
    let kinds = app
        .log
        .read(move |reading| {
            let names = Names::new(&reading.log, &shapes, language);
            let kinds = shown.into_iter().map(|(kind, records)| Ok((names.kind(&kind)?, records)));
            kinds.collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(page.render(StatusCode::OK, &content(&page, &overview, &kinds)))
}

fn content(page: &Page<'_>, overview: &Overview, kinds: &[(String, u64)]) -> Markup {
    let (words, language, base) = (page.words(), page.language, &page.app.base);
    // Every record has a number of old Libris, which is not a link to another authority.
    let others = overview.links.iter().filter(|(name, _)| name != Authority::Libris.name());
    let links: u64 = others.clone().map(|(_, count)| count).sum();
    let authorities: Vec<(String, u64)> = others
        .map(|(name, count)| {
            let known = Authority::ALL.into_iter().find(|authority| authority.name() == name);
            (known.map_or_else(|| name.clone(), |authority| authority.title().to_owned()), *count)
        })
        .collect();
    html! {
        section.hero {
            h1 { (words.tagline) }
            (search_form(page, &Asked::default()))
        }
        ul.figures aria-label=(words.what_is_here) {
            li { strong { (language.number(overview.records())) } " " (words.records) }
            li { strong { (language.number(overview.triples())) } " " (words.triples) }
            li { strong { (language.number(links)) } " " (words.links_out) }
            li { strong { (time_or(overview.harvested(), words.never)) } " " (words.fresh) }
        }
        p.lead { (words.about) }
        section {
            h2 { (words.what_is_here) }
            (scroll(words.what_is_here, &sources(words, language, overview)))
        }
        div.columns {
            @if !authorities.is_empty() {
                section {
                    h2 { (words.links_by_authority) }
                    (lying_bars(words.links_by_authority, [words.authority, words.links], &authorities, language))
                }
            }
            @if !overview.decades.is_empty() {
                section {
                    h2 { (words.by_decade) }
                    (standing_bars(words.by_decade, [words.decade, words.records], &decades(overview), language))
                }
            }
            section {
                h2 { (words.kinds) }
                (lying_bars(words.kinds, [words.kind, words.records], kinds, language))
            }
            @let harvests = harvests(overview);
            @if !harvests.is_empty() {
                section {
                    h2 { (words.over_time) }
                    (standing_bars(words.over_time, [words.date, words.records], &harvests, language))
                    p { a href={ (base) "/harvest" } { (words.harvests) } }
                }
            }
        }
    }
}

/// Kinds that are shown.
const KINDS: usize = 10;

fn sources(words: &Words, language: Language, overview: &Overview) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { (words.source) } th.number scope="col" { (words.live) } th.number scope="col" { (words.deleted) }
                th.number scope="col" { (words.withdrawn) } th.number scope="col" { (words.quarantined) } th scope="col" { (words.last_harvest) }
            } }
            tbody { @for source in &overview.sources { tr {
                th scope="row" { (source.row.name) }
                td.number { (language.number(source.row.live)) } td.number { (language.number(source.row.deleted)) }
                td.number { (language.number(source.row.withdrawn)) } td.number { (language.number(source.quarantined)) }
                td { (time_or(source.complete.as_ref().and_then(|harvest| harvest.finished_at), words.never)) }
            } } }
        }
    }
}

/// Decades that fit in the chart; older ones are omitted.
const DECADES: usize = 40;

fn decades(overview: &Overview) -> Vec<(String, u64)> {
    let skip = overview.decades.len().saturating_sub(DECADES);
    overview.decades.iter().skip(skip).map(|(decade, count)| (decade.to_string(), *count)).collect()
}

/// Returns the newest harvests of all sources, the oldest of them first.
fn harvests(overview: &Overview) -> Vec<(String, u64)> {
    let mut all: Vec<(i64, u64)> = overview
        .sources
        .iter()
        .flat_map(|source| source.harvests.iter().map(|harvest| (harvest.started_at, harvest.counters.received)))
        .collect();
    all.sort_unstable();
    let skip = all.len().saturating_sub(DECADES);
    let day =
        |millis| DateTime::from_timestamp_millis(millis).map_or_else(String::new, |time| time.format("%Y-%m-%d").to_string());
    all.into_iter().skip(skip).map(|(begun, count)| (day(begun), count)).collect()
}
