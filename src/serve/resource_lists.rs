//! The form of the lists of `ResourceSync`: sitemaps with a namespace of their own.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat};
use quick_xml::escape::escape;

use super::app::App;

const SPACES: &str = "xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" xmlns:rs=\"http://www.openarchives.org/rs/terms/\"";

/// Where the lists are.
pub(super) const CAPABILITIES: &str = "/resourcesync/capabilitylist.xml";

/// A time in the form of sitemaps.
pub(super) fn time(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A list as a document.
pub(super) fn text_of(element: &str, head: &str, entries: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{element} {SPACES}>\n{head}\n{entries}</{element}>\n")
}

/// A list as an answer.
pub(super) fn list_of(element: &str, head: &str, entries: &str) -> Response {
    ([(CONTENT_TYPE, "application/xml; charset=utf-8")], text_of(element, head, entries)).into_response()
}

/// The head of a list below the capability list, with what it says of itself.
pub(super) fn head_of(address: &str, says: &str) -> String {
    format!("{}<rs:md {says}/>", up(address, CAPABILITIES))
}

/// The link to the list above.
pub(super) fn up(address: &str, path: &str) -> String {
    format!("<rs:ln rel=\"up\" href=\"{}\"/>", escape(format!("{address}{path}")))
}

/// The address of the data of a record.
pub(super) fn data(app: &App, address: &str, identifier: &str) -> String {
    let path = app.record_path(identifier);
    format!("{address}{}/data.jsonld", path.strip_prefix(&app.base).unwrap_or(&path))
}
