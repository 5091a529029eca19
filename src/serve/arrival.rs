//! Checks before any route sees a request: it names its host, and its body is within the limit and not compressed.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::app::App;
use super::problem::Problem;

/// How long the body of a refused request is read and dropped. A client may lose the answer if the connection is closed
/// with unread bytes (RFC 9112, 9.6).
const LINGER: Duration = Duration::from_secs(1);

/// Passes valid requests on, with the host that they name.
pub(super) async fn admitted(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let checked = host_of(request.version(), request.uri(), request.headers());
    let checked = checked.and_then(|host| body_is_fit(request.headers(), app.body_limit()).map(|()| host));
    match checked {
        Ok(None) => {}
        Ok(Some(host)) => {
            request.headers_mut().insert(HOST, host);
        }
        Err(problem) => return refused(problem, request.into_body()),
    }
    next.run(request).await
}

fn refused(problem: Problem, body: Body) -> Response {
    tokio::spawn(timeout(LINGER, drained(body.into_data_stream())));
    let packed = problem.status == StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let mut response = problem.into_response();
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if packed {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    response
}

async fn drained(mut body: BodyDataStream) {
    while let Some(Ok(_)) = body.next().await {}
}

/// Returns the host that a request names: that of its target, else its `Host` header (RFC 9112, 3.2).
fn host_of(version: Version, target: &Uri, headers: &HeaderMap) -> Result<Option<HeaderValue>, Problem> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version >= Version::HTTP_11 => return Err(Problem::bad_request("the request has no Host")),
        (Some(_), Some(_)) => return Err(Problem::bad_request("the request has more than one Host")),
        (Some(host), None) if !host.to_str().is_ok_and(is_host) => {
            return Err(Problem::bad_request(
                "the Host of the request is not valid: use a name or an address, and perhaps a port",
            ));
        }
        _ => {}
    }
    let Some(authority) = target.authority() else { return Ok(None) };
    if !is_host(authority.as_str()) {
        return Err(Problem::bad_request("the host in the address of the request is not valid"));
    }
    Ok(HeaderValue::from_str(authority.as_str()).ok())
}

/// Returns whether a text is `uri-host [ ":" port ]` (RFC 9110, 7.2; RFC 3986, 3.2.2).
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((address, port))) => {
            (address.parse::<Ipv6Addr>().is_ok(), port.strip_prefix(':').or(port.is_empty().then_some("")))
        }
        Some(None) => return false,
        None => {
            let (name, port) = text.split_once(':').unwrap_or((text, ""));
            (is_name(name.as_bytes()), Some(port))
        }
    };
    host && port
        .is_some_and(|port| port.is_empty() || port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// Returns whether a text is a `reg-name` that is not empty; an IPv4 address is one.
fn is_name(name: &[u8]) -> bool {
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte);
        let encoded =
            *byte == b'%' && bytes.next().is_some_and(u8::is_ascii_hexdigit) && bytes.next().is_some_and(u8::is_ascii_hexdigit);
        if !plain && !encoded {
            return false;
        }
    }
    !name.is_empty()
}

/// Refuses a body whose headers say that it is too long or compressed. A body in chunks is counted where it is read.
fn body_is_fit(headers: &HeaderMap, limit: usize) -> Result<(), Problem> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    if length.is_some_and(|length| length > limit as u64) {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body of the request is longer than {limit} bytes")));
    }
    let has_body = length.is_some_and(|length| length > 0) || headers.contains_key(TRANSFER_ENCODING);
    let mut codings = headers.get_all(CONTENT_ENCODING).iter().flat_map(|value| value.to_str().unwrap_or("?").split(','));
    let coded = codings.find(|coding| !["", "identity"].contains(&coding.trim().to_ascii_lowercase().as_str()));
    match coded {
        Some(coding) if has_body => {
            let detail = format!("the body of the request is compressed ({}): send it uncompressed", coding.trim());
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_what_is_none() {
        for host in ["libris.kb.se", "x", "127.0.0.1:80", "[::1]", "[::1]:8080", "a:", "xn--bcher-kva.example", "a%20b"] {
            assert!(is_host(host), "{host}");
        }
        for other in [
            "", ":80", "a b", "a/b", "user@a", "a:b", "a:99999", "a:1:2", "[::1", "[x]", "[::1]x", "é", "a%2", "a?b", "a#b",
            "[]", "<a>", "a:+1",
        ] {
            assert!(!is_host(other), "{other}");
        }
    }
}
