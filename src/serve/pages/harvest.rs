//! The page of harvests: what came, what did not, and what the next harvest asks for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};

use super::layout::{Page, Place, scroll, time, time_or};
use super::words::{Language, Words};
use crate::config::SourceKind;
use crate::harvest::{Bounds, Facts, Options, Step, plan};
use crate::log::{HarvestState, TroubleRow, UndeliveredRow};
use crate::quarantine::{self, Quarantined};
use crate::remote::{self, Known};
use crate::serve::app::App;
use crate::serve::overview::SourceOverview;
use crate::serve::problem::Problem;

/// Records of the quarantine that are shown.
const SHOWN: u32 = 50;

/// `/harvest`
pub async fn harvest(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let overview = app.overviews.get(&app.log).await?;
    let lists = app
        .log
        .read(|reading| {
            Ok((quarantine::list(&reading.log, None, SHOWN)?, reading.log.undelivered(None)?, reading.log.troubles(SHOWN)?))
        })
        .await?;
    let (directory, config) = (app.data.path().to_owned(), app.config.clone());
    let remotes = app.log.read(move |reading| Ok(remote::known(&directory, &config, &reading.log)?)).await?;
    let language = Language::of(&headers);
    let page = Page {
        app: &app,
        language,
        title: language.words().harvests,
        place: Place::Harvest,
        keep: Vec::new(),
        script: false,
        address: Some(app.address_of(&headers, "/harvest")),
        data: None,
    };
    let (words, snapshot) = (page.words(), app.snapshot());
    let content = html! {
        h1 { (words.harvests) }
        @if let Some(snapshot) = snapshot {
            @let published = snapshot.published.duration_since(std::time::SystemTime::UNIX_EPOCH).ok().and_then(|time| i64::try_from(time.as_millis()).ok());
            p { (words.snapshot) " " (snapshot.number) ", " (words.published) " " (time_or(published, "–")) }
        }
        @for source in &overview.sources { (source_section(&page, source)) }
        (remote_stores(&page, &remotes))
        (quarantined(&page, &lists.0, overview.sources.iter().map(|source| source.quarantined).sum()))
        (undelivered(&page, &lists.1))
        (troubles(words, &lists.2))
    };
    Ok(page.render(StatusCode::OK, &content))
}

fn source_section(page: &Page<'_>, source: &SourceOverview) -> Markup {
    let (words, language) = (page.words(), page.language);
    let facts = Facts {
        newest: source.harvests.first(),
        complete: source.complete.as_ref(),
        undoubted: source.undoubted.as_ref(),
        bounds: Bounds { granularity: source.row.granularity, overlap_s: page.app.config.harvest.overlap_s },
    };
    html! {
        section {
            h2 { (source.row.name) }
            p { code { (source.row.base_url) } @if let Some(set) = &source.row.set { " · set " code { (set) } } " · " code { (source.row.prefix) } }
            @if source.row.kind == SourceKind::OaiPmh {
                p { strong { (words.next_window) } " " (next(words, &plan(&facts, &Options::default()))) }
            }
            (scroll(&format!("{}: {}", words.harvests, source.row.name), &html! { table {
                thead { tr {
                    th scope="col" { (words.begun) } th scope="col" { (words.ended) } th scope="col" { (words.state) } th scope="col" { (words.asked_from) }
                    th.number scope="col" { (words.pages_of_log) } th.number scope="col" { (words.received) } th.number scope="col" { (words.created) }
                    th.number scope="col" { (words.changed) } th.number scope="col" { (words.unchanged) } th.number scope="col" { (words.deleted) }
                    th.number scope="col" { (words.undelivered) }
                } }
                tbody { @for harvest in &source.harvests { tr {
                    td { (time(harvest.started_at)) } td { (time_or(harvest.finished_at, "–")) }
                    td { (match harvest.state { HarvestState::Open => words.open, HarvestState::Complete if harvest.doubtful => words.in_doubt, HarvestState::Complete => words.complete, HarvestState::Abandoned => words.abandoned }) }
                    td { (harvest.from.as_deref().unwrap_or("–")) }
                    @let counters = &harvest.counters;
                    @for count in [counters.pages, counters.received, counters.created, counters.changed, counters.unchanged, counters.deleted, counters.undelivered] {
                        td.number { (language.number(count)) }
                    }
                } } }
            } }))
        }
    }
}

fn next(words: &Words, step: &Step) -> Markup {
    html! {
        @match step {
            Step::Resume { .. } => { (words.next_resumes) }
            Step::Reopen { from: Some(from), .. } | Step::Begin { from: Some(from), .. } => { (words.next_from) " " (from) }
            Step::Reopen { .. } | Step::Begin { .. } => { (words.next_all) }
        }
    }
}

fn quarantined(page: &Page<'_>, records: &[Quarantined], all: u64) -> Markup {
    let words = page.words();
    html! {
        section {
            h2 { (words.quarantine_heading) }
            @if records.is_empty() { p { (words.none) } } @else {
                @if all > u64::from(SHOWN) { p { (words.first_of) " " (page.language.number(all)) } }
                (scroll(words.quarantine_heading, &html! { table {
                    thead { tr { th scope="col" { (words.record) } th scope="col" { (words.source) } th scope="col" { (words.reason) } } }
                    tbody { @for record in records { tr {
                        td { a href=(page.app.record_path(&record.identifier)) { (record.identifier) } } td { (record.source) }
                        td { (record.reason) @if let Some(excerpt) = &record.excerpt { " " code { (excerpt) } } }
                    } } }
                } }))
            }
        }
    }
}

fn remote_stores(page: &Page<'_>, stores: &[Known]) -> Markup {
    let (words, language) = (page.words(), page.language);
    html! {
        @if !stores.is_empty() {
            section {
                h2 { (words.remote_heading) }
                (scroll(words.remote_heading, &html! { table {
                    thead { tr { th scope="col" { (words.store) } th.number scope="col" { (words.behind_by) } th scope="col" { (words.date) } th scope="col" { (words.reason) } } }
                    tbody { @for Known { remote, note, behind } in stores { tr {
                        td { (remote) }
                        td.number { @if let Some(behind) = behind { (language.number(*behind)) } @else { "–" } }
                        td { (time_or(note.as_ref().map(|note| note.at), "–")) }
                        td { @if let Some(failed) = note.as_ref().and_then(|note| note.failed.as_ref()) { (failed.message.lines().next().unwrap_or_default()) } }
                    } } }
                } }))
            }
        }
    }
}

fn troubles(words: &Words, rows: &[TroubleRow]) -> Markup {
    html! {
        @if !rows.is_empty() {
            section {
                h2 { (words.trouble_heading) }
                (scroll(words.trouble_heading, &html! { table {
                    thead { tr { th scope="col" { (words.date) } th scope="col" { (words.source) } th scope="col" { (words.reason) } } }
                    tbody { @for row in rows { tr { td { (time(row.at)) } td { (row.source) } td { (row.message) } } } }
                } }))
            }
        }
    }
}

fn undelivered(page: &Page<'_>, records: &[UndeliveredRow]) -> Markup {
    let words = page.words();
    html! {
        @if !records.is_empty() {
            section {
                h2 { (words.undelivered_heading) }
                @if records.len() > SHOWN as usize { p { (words.first_of) " " (page.language.number(records.len())) } }
                (scroll(words.undelivered_heading, &html! { table {
                    thead { tr { th scope="col" { (words.record) } th scope="col" { (words.source) } th scope="col" { (words.reason) } } }
                    tbody { @for record in records.iter().take(SHOWN as usize) { tr {
                        td { (record.identifier) } td { (record.source) } td { (record.reason) }
                    } } }
                } }))
            }
        }
    }
}
