//! Faults of real servers, on demand: a layer around the fake Libris that spoils some of its answers.
//!
//! Each fault was seen in the wild. All of them are temporary: a client that retries, or resumes in the next run, ends with the
//! same mirror as one that met none.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::stream::{self, StreamExt};
use serde_json::Value;

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A way to spoil an answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $($(#[$doc])* $variant,)* }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

faults! {
    /// 503 with Retry-After in seconds.
    Busy = "busy",
    /// 503 with Retry-After as a date.
    BusyDate = "busy-date",
    /// 503 without Retry-After.
    BusySilent = "busy-silent",
    /// 503 with a Retry-After of thirty years.
    BusyForever = "busy-forever",
    /// 429 with Retry-After.
    TooMany = "too-many",
    /// 502.
    BadGateway = "bad-gateway",
    /// An HTML page with status 200.
    Html = "html",
    /// A challenge for browsers, as Cloudflare sends it.
    Challenge = "challenge",
    /// The connection breaks in the middle of the body.
    Cut = "cut",
    /// The connection breaks in the middle of a character.
    CutCharacter = "cut-character",
    /// The body ends early, and its length says that this is all.
    Short = "short",
    /// No body.
    Empty = "empty",
    /// The connection breaks before the first byte of the body.
    Reset = "reset",
    /// A third of the body, and then silence.
    Stall = "stall",
    /// A byte a second.
    Slow = "slow",
    /// Gzip that ends early.
    GzipCut = "gzip-cut",
    /// Gzip that grows a thousandfold.
    GzipBomb = "gzip-bomb",
    /// Gzip that no header announces.
    GzipUnannounced = "gzip-unannounced",
    /// Plain text that is announced as gzip.
    GzipFalse = "gzip-false",
    /// No namespace.
    NoNamespace = "no-namespace",
    /// The namespace of another protocol.
    OtherNamespace = "other-namespace",
    /// An encoding declaration that is not true.
    FalseEncoding = "false-encoding",
    /// No XML declaration at all.
    NoDeclaration = "no-declaration",
    /// A document type declaration with an entity.
    Doctype = "doctype",
    /// Warnings of the server after the root element.
    Notice = "notice",
    /// The first record of the page comes twice.
    Twice = "twice",
    /// Tokens have expired.
    Expired = "expired",
    /// Tokens with white space around them and attributes.
    Padded = "padded",
    /// The token is left out, though `completeListSize` promises more.
    Lost = "lost",
    /// Forty empty pages before the next one.
    Hollow = "hollow",
    /// Tokens have expired, and the error comes with status 422.
    Unprocessable = "unprocessable",
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|fault| fault.name()).collect();
            format!("{name:?} is no fault; there are {}", names.join(", "))
        })
    }
}

/// Which answers are spoiled, and how.
#[derive(Debug, Default)]
pub struct Faults {
    kinds: RwLock<Vec<Fault>>,
    /// One answer in this many is spoiled; none if 0.
    every: AtomicU64,
    answers: AtomicU64,
    /// Records that kill every list that holds them; with `true`, `GetRecord` as well.
    poison: RwLock<BTreeMap<String, bool>>,
    tally: Mutex<BTreeMap<&'static str, u64>>,
}

/// Empty pages in a row.
const HOLLOW: u64 = 40;

fn locked<T>(result: Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

impl Faults {
    /// One answer in `every`, about, is spoiled by one of `kinds`.
    #[must_use]
    pub fn new(kinds: Vec<Fault>, every: u64) -> Arc<Self> {
        Arc::new(Self { kinds: RwLock::new(kinds), every: AtomicU64::new(every), ..Self::default() })
    }

    /// Ends all faults.
    pub fn end(&self) {
        self.every.store(0, Ordering::SeqCst);
        locked(self.poison.write()).clear();
    }

    /// Makes a record kill every list that contains it, and with `alone` its own `GetRecord`.
    pub fn poison(&self, identifier: &str, alone: bool) {
        locked(self.poison.write()).insert(identifier.to_owned(), alone);
    }

    /// How often each fault struck.
    #[must_use]
    pub fn tally(&self) -> BTreeMap<&'static str, u64> {
        locked(self.tally.lock()).clone()
    }

    /// The faults that never struck.
    #[must_use]
    pub fn idle(&self) -> BTreeSet<&'static str> {
        let tally = self.tally();
        locked(self.kinds.read()).iter().map(|fault| fault.name()).filter(|name| !tally.contains_key(name)).collect()
    }

    /// Puts the layer around the routes of a server.
    pub fn around(self: &Arc<Self>, router: Router) -> Router {
        let faults = Arc::clone(self);
        router.layer(from_fn(move |request: Request, next: Next| {
            let faults = Arc::clone(&faults);
            async move {
                let path = request.uri().path();
                if path.starts_with("/api/") || path.starts_with("/http") {
                    faults.answer(request, next).await
                } else {
                    next.run(request).await
                }
            }
        }))
    }

    fn strike(&self) -> Option<Fault> {
        let every = self.every.load(Ordering::SeqCst);
        let number = self.answers.fetch_add(1, Ordering::SeqCst) + 1;
        let kinds = locked(self.kinds.read());
        // Pseudo-random, and the same every time (splitmix64).
        let mut dice = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        dice = (dice ^ (dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        dice = (dice ^ (dice >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        dice ^= dice >> 31;
        if every == 0 || kinds.is_empty() || !dice.is_multiple_of(every) {
            return None;
        }
        let place = usize::try_from(dice / every % kinds.len() as u64).unwrap_or(0);
        kinds.get(place).copied()
    }

    fn note(&self, fault: Fault) {
        *locked(self.tally.lock()).entry(fault.name()).or_default() += 1;
    }

    async fn answer(&self, mut request: Request, next: Next) -> Response {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let fault = self.strike();
        if let Some(page) = hollow_page(&query, fault == Some(Fault::Hollow)) {
            if fault == Some(Fault::Hollow) {
                self.note(Fault::Hollow);
            }
            return page.into_response();
        }
        let expired =
            fault.filter(|fault| matches!(fault, Fault::Expired | Fault::Unprocessable) && query.contains("resumptionToken"));
        if let Some(fault) = expired {
            self.note(fault);
            if let Ok(uri) = "/api/oaipmh/?verb=ListRecords&resumptionToken=expired".parse() {
                *request.uri_mut() = uri;
            }
        }
        // The layer works on plain bodies.
        request.headers_mut().remove(header::ACCEPT_ENCODING);
        let response = next.run(request).await;
        if !response.status().is_success() {
            return response;
        }
        let Ok(body) = to_bytes(response.into_body(), usize::MAX).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        if expired == Some(Fault::Unprocessable) {
            return (StatusCode::UNPROCESSABLE_ENTITY, xml(body)).into_response();
        }
        if self.is_poisoned(&query, &body) {
            return (StatusCode::INTERNAL_SERVER_ERROR, "java.lang.NullPointerException").into_response();
        }
        let Some(spoiled) = fault.and_then(|fault| spoil(fault, &body).map(|response| (fault, response))) else {
            return xml(body);
        };
        self.note(spoiled.0);
        spoiled.1
    }

    fn is_poisoned(&self, query: &str, body: &[u8]) -> bool {
        let poison = locked(self.poison.read());
        if poison.is_empty() || !(query.contains("ListRecords") || query.contains("GetRecord")) {
            return false;
        }
        let text = String::from_utf8_lossy(body);
        let alone = query.contains("GetRecord");
        poison.iter().any(|(identifier, deadly)| (!alone || *deadly) && text.contains(&format!("<identifier>{identifier}<")))
    }
}

fn xml(body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "text/xml;charset=utf-8")], body.into()).into_response()
}

/// A body that breaks after some chunks.
fn broken(chunks: Vec<Bytes>) -> Response {
    let chunks = chunks.into_iter().map(Ok);
    let end = stream::once(async { Err(io::Error::other("the fake breaks the connection here")) });
    xml(Body::from_stream(stream::iter(chunks).chain(end)))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Spoils an answer, if the fault applies to it.
fn spoil(fault: Fault, body: &Bytes) -> Option<Response> {
    let text = || String::from_utf8_lossy(body);
    let replaced = |from: &str, to: &str| text().contains(from).then(|| xml(text().replacen(from, to, 1)));
    let half = body.len() / 2;
    let namespace = crate::oai::OAI_NAMESPACE;
    let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    let busy = |status, wait: &str| Some((status, [("retry-after", wait.to_owned())], "busy").into_response());
    match fault {
        Fault::Busy => busy(StatusCode::SERVICE_UNAVAILABLE, "0"),
        Fault::BusyDate => {
            let date = httpdate::fmt_http_date(std::time::SystemTime::from(chrono::Utc::now()));
            busy(StatusCode::SERVICE_UNAVAILABLE, &date)
        }
        Fault::BusySilent => Some((StatusCode::SERVICE_UNAVAILABLE, "busy").into_response()),
        Fault::BusyForever => busy(StatusCode::SERVICE_UNAVAILABLE, "999999999"),
        Fault::TooMany => busy(StatusCode::TOO_MANY_REQUESTS, "1"),
        Fault::BadGateway => Some((StatusCode::BAD_GATEWAY, "<html><body>Bad gateway</body></html>").into_response()),
        Fault::Html => Some(xml("<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>")),
        Fault::Challenge => {
            let page = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><script src=\"/cdn-cgi/challenge-platform/x\"></script></body></html>";
            Some((StatusCode::FORBIDDEN, [("cf-mitigated", "challenge")], page).into_response())
        }
        Fault::Cut => Some(broken(vec![body.slice(..half)])),
        Fault::CutCharacter => {
            let place = body.iter().enumerate().skip(half).find(|(_, byte)| **byte >= 0xc3)?.0 + 1;
            Some(broken(vec![body.slice(..place)]))
        }
        Fault::Short => Some(xml(body.slice(..half))),
        Fault::Empty => Some(xml("")),
        Fault::Reset => Some(broken(Vec::new())),
        Fault::Stall => {
            let first = stream::iter([Ok::<_, Infallible>(body.slice(..body.len() / 3))]);
            Some(xml(Body::from_stream(first.chain(stream::pending()))))
        }
        Fault::Slow => {
            let body = body.clone();
            let bytes = stream::unfold((body, 0), |(body, place)| async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                (place < body.len()).then(|| (Ok::<_, Infallible>(body.slice(place..=place)), (body, place + 1)))
            });
            Some(xml(Body::from_stream(bytes)))
        }
        Fault::GzipCut => {
            let zipped = gzip(body);
            let part = zipped[..zipped.len() / 2].to_vec();
            Some(announced(part))
        }
        Fault::GzipBomb => Some(announced(gzip(&vec![b' '; 64 << 20]))),
        Fault::GzipUnannounced => Some(xml(gzip(body))),
        Fault::GzipFalse => Some(announced(body.to_vec())),
        Fault::NoNamespace => replaced(&format!(" xmlns=\"{namespace}\""), ""),
        Fault::OtherNamespace => replaced(namespace, "http://www.openarchives.org/OAI/1.1/"),
        Fault::FalseEncoding => replaced("encoding=\"UTF-8\"", "encoding=\"ISO-8859-1\""),
        Fault::NoDeclaration => replaced(declaration, ""),
        Fault::Doctype => replaced(declaration, &format!("{declaration}<!DOCTYPE x [<!ENTITY a \"b\">]>")),
        Fault::Notice => {
            replaced("</OAI-PMH>", "</OAI-PMH>\n<br />\n<b>Notice</b>: Undefined index: x in <b>/var/www/oai.php</b>")
        }
        Fault::Twice => {
            let text = text();
            let (start, end) = (text.find("<record>")?, text.find("</record>")? + "</record>".len());
            let record = text.get(start..end)?.to_owned();
            replaced("</ListRecords>", &format!("{record}</ListRecords>"))
                .filter(|_| !text.contains("<resumptionToken"))
                .or_else(|| replaced("<resumptionToken", &format!("{record}<resumptionToken")))
        }
        Fault::Padded => {
            let text = text();
            let token = token_in(&text)?;
            let padded =
                format!("<resumptionToken expirationDate=\"2099-01-01T00:00:00Z\" cursor=\"1\">\n  {token}\n</resumptionToken>");
            replaced(&format!("<resumptionToken>{token}</resumptionToken>"), &padded)
        }
        Fault::Lost => {
            let text = text();
            let token = token_in(&text)?;
            replaced(&format!("<resumptionToken>{token}</resumptionToken>"), "<resumptionToken completeListSize=\"10000000\"/>")
        }
        // These change the request.
        Fault::Expired | Fault::Unprocessable | Fault::Hollow => None,
    }
}

fn announced(body: Vec<u8>) -> Response {
    let mut response = xml(body);
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

fn token_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<resumptionToken>")?;
    rest.split_once("</resumptionToken>").map(|(token, _)| token)
}

/// An empty page with a token for the next empty page; that of the last one is the original token.
fn hollow_page(query: &str, begin: bool) -> Option<Response> {
    let given =
        |wanted: &str| url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value);
    let (token, verb) = (given("resumptionToken")?, given("verb")?);
    let mut asked: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token.as_bytes()).ok()?).ok()?;
    let hollow = asked.get("hollow").and_then(Value::as_u64).unwrap_or(if begin { 0 } else { HOLLOW });
    if hollow >= HOLLOW {
        return None;
    }
    asked.as_object_mut()?.insert("hollow".into(), (hollow + 1).into());
    let next = BASE64_URL_SAFE_NO_PAD.encode(asked.to_string());
    let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    Some(xml(format!(
        "<OAI-PMH xmlns=\"{}\"><responseDate>{now}</responseDate><{verb}><resumptionToken>{next}</resumptionToken></{verb}></OAI-PMH>",
        crate::oai::OAI_NAMESPACE
    )))
}
