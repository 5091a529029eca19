//! `ResourceSync` (NISO Z39.99): what this mirror has, and what changed, in the format of sitemaps.
//!
//! The description at `/.well-known/resourcesync` leads to the capability list, and that to the list of resources and the list of
//! changes, each in parts. A resource is the data of a record. The parts of the list of changes never change once they are full, so that
//! who reads them again reads only the last.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use quick_xml::escape::escape;

use super::app::App;
use super::problem::Problem;
use super::resource_dump;
use super::resource_lists::{CAPABILITIES, data, list_of, time, up};
use crate::log::{ChangeId, ChangeKind, ChangeRow, ListedRecord};

/// Ids of the log in a part of the list of resources, and changes in a part of the list of changes. A part may have 50 000 entries.
const PER_PART: i64 = 10_000;

/// `/.well-known/resourcesync`: the description of the source.
pub async fn description(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let address = app.address(&headers);
    let entry =
        format!("<url><loc>{}</loc><rs:md capability=\"capabilitylist\"/></url>\n", escape(format!("{address}{CAPABILITIES}")));
    let about = escape(format!("{address}/.well-known/void")).into_owned();
    list_of("urlset", &format!("<rs:ln rel=\"describedby\" href=\"{about}\"/><rs:md capability=\"description\"/>"), &entry)
}

/// A list, by the path of its address.
pub async fn list(State(app): State<Arc<App>>, Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let address = app.address(&headers);
    let missing = || Problem::not_found("ResourceSync has no such list: /.well-known/resourcesync leads to all");
    if let Some(package) = name.strip_prefix("package-").and_then(|name| name.strip_suffix(".zip")) {
        let part = number_of(package).ok_or_else(missing)?;
        return resource_dump::package(&app, &headers, part - 1).await?.ok_or_else(missing);
    }
    let (kind, part) = match name.strip_suffix(".xml").ok_or_else(missing)?.split_once('-') {
        None => (name.strip_suffix(".xml").unwrap_or_default(), None),
        Some((kind, part)) => (kind, Some(number_of(part).ok_or_else(missing)? - 1)),
    };
    match (kind, part) {
        ("capabilitylist", None) => Ok(capabilities(&address)),
        ("resourcelist", None) => resources(&app, &address).await,
        ("changelist", None) => changes(&app, &address).await,
        ("resourcedump", None) => resource_dump::packages(&app, &address).await,
        ("resourcelist", Some(part)) => resources_of(&app, &address, part).await?.ok_or_else(missing),
        ("changelist", Some(part)) => changes_of(&app, &address, part).await?.ok_or_else(missing),
        _ => Err(missing()),
    }
}

/// The number of a part, as it is written in addresses: from 1, with five digits or more.
fn number_of(part: &str) -> Option<i64> {
    let digits = part.len() >= 5 && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = part.parse::<u32>().ok().filter(|number| digits && *number > 0).map(i64::from)?;
    (part == format!("{number:05}")).then_some(number)
}

fn capabilities(address: &str) -> Response {
    let entry = |name: &str| {
        let place = format!("{address}/resourcesync/{name}.xml");
        format!("<url><loc>{}</loc><rs:md capability=\"{name}\"/></url>\n", escape(&place))
    };
    let entries: String = ["resourcelist", "changelist", "resourcedump"].map(entry).concat();
    let head = format!("{}<rs:md capability=\"capabilitylist\"/>", up(address, "/.well-known/resourcesync"));
    list_of("urlset", &head, &entries)
}

fn part_of(address: &str, name: &str, part: i64, more: &str) -> String {
    // Some clients read parts in the order of their addresses.
    let place = format!("{address}/resourcesync/{name}-{:05}.xml", part + 1);
    format!("<sitemap><loc>{}</loc>{more}</sitemap>\n", escape(&place))
}

async fn resources(app: &App, address: &str) -> Result<Response, Problem> {
    let (parts, at) = app
        .log
        .read(|reading| Ok((reading.log.listed_parts(PER_PART)?, reading.log.last_received()?.unwrap_or_default())))
        .await?;
    if parts.iter().all(|(part, _)| *part == 0) {
        return Ok(resources_of(app, address, 0).await?.unwrap_or_else(|| empty(address, "resourcelist", at)));
    }
    let one =
        |(part, changed): &(i64, i64)| part_of(address, "resourcelist", *part, &format!("<lastmod>{}</lastmod>", time(*changed)));
    let entries: String = parts.iter().map(one).collect();
    let head = format!("{}<rs:md capability=\"resourcelist\" at=\"{}\"/>", up(address, CAPABILITIES), time(at));
    Ok(list_of("sitemapindex", &head, &entries))
}

/// A list of nothing.
fn empty(address: &str, name: &str, at: i64) -> Response {
    let head = format!("{}<rs:md capability=\"{name}\" at=\"{}\"/>", up(address, CAPABILITIES), time(at));
    list_of("urlset", &head, "")
}

async fn resources_of(app: &App, address: &str, part: i64) -> Result<Option<Response>, Problem> {
    let after = part.saturating_mul(PER_PART);
    let most = usize::try_from(PER_PART).unwrap_or(usize::MAX);
    let (records, at) = app
        .log
        .read(move |reading| {
            let records = reading.log.listed(after, after.saturating_add(PER_PART), most)?;
            Ok((records, reading.log.last_received()?.unwrap_or_default()))
        })
        .await?;
    let one = |ListedRecord { identifier, changed_at, .. }: &ListedRecord| {
        format!(
            "<url><loc>{}</loc><lastmod>{}</lastmod><rs:md type=\"application/ld+json\"/></url>\n",
            escape(data(app, address, identifier)),
            time(*changed_at)
        )
    };
    let entries: String = records.iter().map(one).collect();
    let head = format!(
        "{}<rs:ln rel=\"index\" href=\"{}\"/><rs:md capability=\"resourcelist\" at=\"{}\"/>",
        up(address, CAPABILITIES),
        escape(format!("{address}/resourcesync/resourcelist.xml")),
        time(at)
    );
    Ok((!records.is_empty()).then(|| list_of("urlset", &head, &entries)))
}

async fn changes(app: &App, address: &str) -> Result<Response, Problem> {
    let last = app.log.read(|reading| Ok(reading.log.last_change()?)).await?;
    if last.0 <= PER_PART {
        return Ok(changes_of(app, address, 0).await?.unwrap_or_else(|| empty(address, "changelist", 0)));
    }
    let entries: String = (0..=(last.0 - 1) / PER_PART).map(|part| part_of(address, "changelist", part, "")).collect();
    let head = format!("{}<rs:md capability=\"changelist\" from=\"{}\"/>", up(address, CAPABILITIES), time(0));
    Ok(list_of("sitemapindex", &head, &entries))
}

async fn changes_of(app: &App, address: &str, part: i64) -> Result<Option<Response>, Problem> {
    let after = part.saturating_mul(PER_PART);
    let (rows, last) = app
        .log
        .read(move |reading| {
            let last = reading.log.last_change()?;
            let mut rows = reading.log.list_changes(ChangeId(after), usize::try_from(PER_PART).unwrap_or(usize::MAX))?;
            rows.retain(|row| row.change.0 <= after.saturating_add(PER_PART));
            // What one source deleted may be there by another.
            let mut listed = Vec::with_capacity(rows.len());
            for row in rows {
                let gone = matches!(row.kind, ChangeKind::Deleted | ChangeKind::Withdrawn);
                let there = gone && reading.log.record(&row.identifier)?.is_some_and(|now| !now.version.gone);
                listed.push((row, there));
            }
            Ok((listed, last))
        })
        .await?;
    if part > 0 && after >= last.0 {
        return Ok(None);
    }
    let (from, until) = (rows.first().map_or(0, |(row, _)| row.at), rows.last().map_or(0, |(row, _)| row.at));
    // A full part stays as it is.
    let until = if last.0 >= after + PER_PART { format!(" until=\"{}\"", time(until)) } else { String::new() };
    let one = |(row, there): &(ChangeRow, bool)| {
        let change = match row.kind {
            _ if *there => "updated",
            ChangeKind::Came | ChangeKind::Reinstated => "created",
            ChangeKind::Changed | ChangeKind::Context | ChangeKind::Retried => "updated",
            ChangeKind::Deleted | ChangeKind::Withdrawn => "deleted",
            ChangeKind::Header => return String::new(),
        };
        let (place, at) = (data(app, address, &row.identifier), time(row.at));
        format!("<url><loc>{}</loc><lastmod>{at}</lastmod><rs:md change=\"{change}\" datetime=\"{at}\"/></url>\n", escape(&place))
    };
    let entries: String = rows.iter().map(one).collect();
    let head = format!(
        "{}<rs:ln rel=\"index\" href=\"{}\"/><rs:md capability=\"changelist\" from=\"{}\"{until}/>",
        up(address, CAPABILITIES),
        escape(format!("{address}/resourcesync/changelist.xml")),
        time(from)
    );
    Ok(Some(list_of("urlset", &head, &entries)))
}
