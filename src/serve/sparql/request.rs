//! Parses SPARQL requests (SPARQL 1.1 Protocol, 2.1). Pure.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode};
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use crate::labels::{Languages, LanguagesError};
use crate::serve::problem::Problem;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SparqlRequest {
    /// The query; a request without one gets the service description.
    pub query: Option<String>,
    /// `default-graph-uri`
    pub default_graphs: Vec<String>,
    /// `named-graph-uri`
    pub named_graphs: Vec<String>,
    /// `format`
    pub format: Option<String>,
    /// `labels`: the languages in which the client wants names added; empty for none.
    pub labels: Option<Languages>,
    /// `rows`: the client wants at most this many results, so cutting there is not an error.
    pub rows: Option<u64>,
    /// `explain`: the client wants to know what the query does, in place of its results.
    pub explain: Option<Explain>,
}

/// How a client wants to see what a query does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explain {
    /// In the format that it accepts.
    Accepted,
    /// On the page, whatever else it asks for: so the page asks where there are no scripts.
    Page,
}

const FORM: &str = "application/x-www-form-urlencoded";
const DIRECT: &str = "application/sparql-query";

/// Reads a request.
pub fn read(method: &Method, query_string: &str, headers: &HeaderMap, body: &[u8]) -> Result<SparqlRequest, Problem> {
    let mut request = SparqlRequest::default();
    match *method {
        Method::GET | Method::HEAD => request.parameters(query_string, true)?,
        Method::POST => match media_type(headers)?.as_str() {
            FORM => {
                let text = utf8(body)?;
                request.parameters(query_string, true)?;
                request.parameters(&text, true)?;
            }
            DIRECT => {
                request.parameters(query_string, false)?;
                request.query = Some(utf8(body)?);
            }
            "application/sparql-update" => return Err(read_only()),
            other => {
                let detail = format!("a query is posted as {DIRECT} or {FORM}, not as {other:?}");
                return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
            }
        },
        _ => return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "a query is sent by GET or POST")),
    }
    if *method == Method::POST && request.query.is_none() {
        return Err(Problem::bad_request("the request has no query: send it as `query=`, or as the body"));
    }
    Ok(request)
}

fn read_only() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "a mirror is read-only: send a query, not an update")
}

fn utf8(body: &[u8]) -> Result<String, Problem> {
    String::from_utf8(body.to_vec()).map_err(|_| Problem::bad_request("the query is not UTF-8, which the protocol requires"))
}

/// The media type of the body; its charset must be UTF-8 if it names one.
fn media_type(headers: &HeaderMap) -> Result<String, Problem> {
    let unsupported = |detail: String| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Err(unsupported(format!("the request has no Content-Type: a query is posted as {DIRECT} or {FORM}")));
    };
    let text = value.to_str().unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    });
    match charset {
        Some(charset) if charset != "utf-8" && charset != "utf8" && charset != "us-ascii" => {
            Err(unsupported(format!("the query is in {charset:?}, and the protocol requires UTF-8")))
        }
        _ => Ok(essence),
    }
}

impl SparqlRequest {
    fn parameters(&mut self, text: &str, with_query: bool) -> Result<(), Problem> {
        if percent_decode_str(text).decode_utf8().is_err() {
            return Err(Problem::bad_request("the parameters are not UTF-8, which the protocol requires"));
        }
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            match &*name {
                "query" if !with_query || self.query.is_some() => {
                    return Err(Problem::bad_request("the request has more than one query: send one"));
                }
                "query" => self.query = Some(value.into_owned()),
                "update" => return Err(read_only()),
                "default-graph-uri" => self.default_graphs.push(value.into_owned()),
                "named-graph-uri" => self.named_graphs.push(value.into_owned()),
                "format" | "output" if !value.is_empty() => self.format = Some(value.into_owned()),
                "labels" if !value.is_empty() => {
                    let problem = |error: LanguagesError| Problem::bad_request(error.to_string());
                    self.labels = Some(value.parse().map_err(problem)?);
                }
                "rows" if !value.is_empty() => {
                    let rows = value.parse().ok().filter(|rows| *rows > 0);
                    self.rows =
                        Some(rows.ok_or_else(|| Problem::bad_request(format!("rows={value} is not a number of results")))?);
                }
                "explain" => {
                    self.explain = match &*value {
                        "true" => Some(Explain::Accepted),
                        "page" => Some(Explain::Page),
                        "" | "false" => None,
                        _ => return Err(Problem::bad_request(format!("explain={value} is unknown: use true or page"))),
                    }
                }
                // Clients of other servers add parameters that this one does not know.
                _ => {}
            }
        }
        Ok(())
    }
}
