//! Resource dumps (`ResourceSync`, NISO Z39.99, section 11): the data of records in ZIP packages, each with a manifest.

use std::io::{Cursor, Write};
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use quick_xml::escape::escape;
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::app::App;
use super::problem::Problem;
use super::reading::Reading;
use super::resource_lists::{data, head_of, list_of, text_of, time};
use crate::query::GraphFormat;
use crate::views::{Content, ViewError};

/// Ids of the log in a package: some megabytes, which are made in memory.
const PER_PACKAGE: i64 = 1000;

/// `/resourcesync/resourcedump.xml`: the list of packages.
pub(super) async fn packages(app: &App, address: &str) -> Result<Response, Problem> {
    let (parts, at) = app
        .log
        .read(|reading| Ok((reading.log.listed_parts(PER_PACKAGE)?, reading.log.last_received()?.unwrap_or_default())))
        .await?;
    let one = |(part, changed): &(i64, i64)| {
        let place = format!("{address}/resourcesync/package-{:05}.zip", part + 1);
        format!(
            "<url><loc>{}</loc><lastmod>{}</lastmod><rs:md type=\"application/zip\"/></url>\n",
            escape(&place),
            time(*changed)
        )
    };
    let entries: String = parts.iter().map(one).collect();
    Ok(list_of("urlset", &head_of(address, &format!("capability=\"resourcedump\" at=\"{}\"", time(at))), &entries))
}

/// `/resourcesync/package-N.zip`
pub(super) async fn package(app: &Arc<App>, headers: &HeaderMap, part: i64) -> Result<Option<Response>, Problem> {
    // A package is as much work as a small dump.
    let permit = Arc::clone(&app.dumps).acquire_owned().await.map_err(|error| Problem::internal(&error))?;
    let (served, address) = (Arc::clone(app), app.address(headers));
    let bytes = app.log.read(move |reading| {
        let _permit = permit;
        packed(reading, &served, &address, part)
    });
    Ok(bytes.await?.map(|bytes| ([(CONTENT_TYPE, "application/zip")], bytes).into_response()))
}

fn packed(reading: &mut Reading, app: &App, address: &str, part: i64) -> Result<Option<Vec<u8>>, ViewError> {
    let after = part.saturating_mul(PER_PACKAGE);
    let listed =
        reading.log.listed(after, after.saturating_add(PER_PACKAGE), usize::try_from(PER_PACKAGE).unwrap_or(usize::MAX))?;
    if listed.is_empty() {
        return Ok(None);
    }
    let failed = |error: zip::result::ZipError| ViewError::own(error);
    let (mut zip, mut entries) = (ZipWriter::new(Cursor::new(Vec::new())), String::new());
    for record in listed {
        let Some(row) = reading.log.record(&record.identifier)? else { continue };
        let Content::Quads(quads) = reading.content(&row)? else { continue };
        let body = GraphFormat::JsonLd.write(&quads, Vec::new()).map_err(ViewError::own)?;
        let path = format!("resources/{}.jsonld", record.record);
        zip.start_file(&path, SimpleFileOptions::default()).map_err(failed)?;
        zip.write_all(&body).map_err(ViewError::own)?;
        entries.push_str(&format!(
            "<url><loc>{}</loc><lastmod>{}</lastmod><rs:md type=\"application/ld+json\" length=\"{}\" hash=\"sha-256:{:x}\" path=\"/{path}\"/></url>\n",
            escape(data(app, address, &record.identifier)),
            time(record.changed_at),
            body.len(),
            Sha256::digest(&body)
        ));
    }
    let at = reading.log.last_received()?.unwrap_or_default();
    let head = head_of(address, &format!("capability=\"resourcedump-manifest\" at=\"{}\"", time(at)));
    zip.start_file("manifest.xml", SimpleFileOptions::default()).map_err(failed)?;
    zip.write_all(text_of("urlset", &head, &entries).as_bytes()).map_err(ViewError::own)?;
    Ok(Some(zip.finish().map_err(failed)?.into_inner()))
}
