//! The fake Libris over HTTP, on 127.0.0.1 alone.

use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::{RawForm, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::catalogue::{Catalogue, Entry};
use super::render::{CONTEXT, jsonld, rdfxml, turtle};
use crate::oai::{Datestamp, OAI_NAMESPACE};

/// Rows scanned for a page, as Libris does it: not all of them need be in the set.
pub const PAGE_ROWS: usize = 1000;

/// What the server works on.
pub struct ServerState {
    /// The rows.
    pub catalogue: RwLock<Catalogue>,
    /// Whether answers are compressed for those who ask.
    pub gzip: bool,
    /// Rows scanned for a page.
    pub page_rows: AtomicUsize,
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl ServerState {
    /// A server's state.
    #[must_use]
    pub fn new(catalogue: Catalogue, gzip: bool) -> Arc<Self> {
        Arc::new(Self {
            catalogue: RwLock::new(catalogue),
            gzip,
            page_rows: AtomicUsize::new(PAGE_ROWS),
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    /// OAI-PMH requests so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes of answers so far, before compression.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Works on the rows.
    pub fn with_catalogue<T>(&self, work: impl FnOnce(&mut Catalogue) -> T) -> T {
        work(&mut self.catalogue.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A running server. It stops when this is dropped.
pub struct FakeLibris {
    /// Its state, for changing the rows.
    pub state: Arc<ServerState>,
    address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
}

impl FakeLibris {
    /// Starts a server on a free port of 127.0.0.1, or on the given one.
    ///
    /// # Errors
    /// When the port is taken or the runtime cannot start.
    pub fn start(state: Arc<ServerState>, port: u16, wrap: impl FnOnce(Router) -> Router) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", port)))?;
        let address = listener.local_addr()?;
        let app = wrap(router(Arc::clone(&state)));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Ok(Self { state, address, runtime: Some(runtime) })
    }

    /// The base URL for harvesting.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/api/oaipmh/", self.address)
    }

    /// The URL of its JSON-LD context.
    #[must_use]
    pub fn context_url(&self) -> String {
        format!("http://{}/context.jsonld", self.address)
    }
}

impl Drop for FakeLibris {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The routes: the OAI-PMH server, the context, and a way to change and count the rows by hand.
pub fn router(state: Arc<ServerState>) -> Router {
    Router::new()
        .route("/api/oaipmh/", get(oai).post(oai))
        .route("/context.jsonld", get(|| async { ([(CONTENT_TYPE, "application/ld+json")], CONTEXT) }))
        .route("/demo/counts", get(counts))
        .route("/demo/change", get(change).post(change))
        .with_state(state)
}

fn arguments(form: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(form).into_owned().collect()
}

async fn counts(State(state): State<Arc<ServerState>>, RawForm(form): RawForm) -> Response {
    let set = arguments(&form).into_iter().find(|(name, _)| name == "set").map(|(_, set)| set);
    axum::Json(state.with_catalogue(|catalogue| catalogue.counts(set.as_deref()))).into_response()
}

/// Changes so many rows: `update`, `delete`, `add`, `leave` the national bibliography, `backdate`. With `every=K`, each K-th
/// of those that are updated or deleted, so that they are spread over the catalogue.
async fn change(State(state): State<Arc<ServerState>>, RawForm(form): RawForm) -> Response {
    let number = |wanted: &str| {
        arguments(&form).iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.parse::<usize>().ok()).unwrap_or(0)
    };
    let (update, delete, add) = (number("update"), number("delete"), number("add"));
    let (leave, backdate, every) = (number("leave"), number("backdate"), number("every").max(1));
    state.with_catalogue(|catalogue| {
        let mut live = catalogue.live((update + delete).saturating_mul(every)).into_iter().step_by(every);
        catalogue.update(&live.by_ref().take(update).collect::<Vec<_>>(), Utc::now());
        catalogue.delete(&live.collect::<Vec<_>>(), Utc::now());
        // These two are unseen by harvests of the national bibliography.
        let mut national = catalogue.national(leave + backdate).into_iter();
        catalogue.leave(&national.by_ref().take(leave).collect::<Vec<_>>());
        catalogue.backdate(&national.collect::<Vec<_>>());
        catalogue.add(add as u64, Utc::now());
    });
    format!("updated {update}, deleted {delete}, added {add}, left {leave}, backdated {backdate}\n").into_response()
}

async fn oai(State(state): State<Arc<ServerState>>, headers: HeaderMap, RawForm(form): RawForm) -> Response {
    state.requests.fetch_add(1, Ordering::Relaxed);
    let body = tokio::task::block_in_place(|| {
        let catalogue = state.catalogue.read().unwrap_or_else(PoisonError::into_inner);
        answer(&catalogue, &arguments(&form), state.page_rows.load(Ordering::Relaxed))
    });
    state.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
    let asked = headers.get("accept-encoding").and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("gzip"));
    if state.gzip && asked {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        if io::Write::write_all(&mut encoder, body.as_bytes()).is_ok()
            && let Ok(body) = encoder.finish()
        {
            return ([("content-type", "text/xml;charset=utf-8"), ("content-encoding", "gzip")], body).into_response();
        }
    }
    ([(CONTENT_TYPE, "text/xml;charset=utf-8")], body).into_response()
}

/// What a list was asked for; a token is this, with a place in the list.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Asked {
    verb: String,
    prefix: String,
    set: Option<String>,
    from: i64,
    until: i64,
    after: Option<(i64, u64)>,
}

/// An OAI-PMH error: code and message.
type Refusal = (&'static str, String);

const FORMATS: [&str; 6] = ["rdfxml", "rdfxml_expanded", "ttl", "jsonld", "jsonld_expanded", "oai_dc"];
const SETS: [&str; 4] = ["auth", "bib", "nb", "sao"];

fn answer(catalogue: &Catalogue, arguments: &[(String, String)], page_rows: usize) -> String {
    let now = Utc::now();
    let mut text = String::with_capacity(1 << 16);
    let _ = write!(
        text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><OAI-PMH xmlns=\"{OAI_NAMESPACE}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><responseDate>{}</responseDate><request>fake</request>",
        now.to_rfc3339_opts(SecondsFormat::Nanos, true)
    );
    let content = verb(catalogue, arguments, now.timestamp_millis(), page_rows);
    match content {
        Ok(content) => text.push_str(&content),
        Err((code, message)) => {
            let _ = write!(text, "<error code=\"{code}\">{}</error>", quick_xml::escape::escape(message));
        }
    }
    text.push_str("</OAI-PMH>");
    text
}

fn verb(catalogue: &Catalogue, arguments: &[(String, String)], now: i64, page_rows: usize) -> Result<String, Refusal> {
    const KNOWN: [&str; 7] = ["verb", "metadataPrefix", "identifier", "from", "until", "set", "resumptionToken"];
    let mut given: HashMap<&str, &str> = HashMap::new();
    for (name, value) in arguments {
        if !KNOWN.contains(&name.as_str()) && !name.starts_with("x-") {
            return Err(("badArgument", format!("Unknown parameter: {name}")));
        }
        if given.insert(name, value).is_some() {
            return Err(("badArgument", format!("Repeated parameter: {name}")));
        }
    }
    match given.get("verb").copied() {
        Some("Identify") => Ok("<Identify><repositoryName>Fake Libris</repositoryName><baseURL>http://127.0.0.1/</baseURL><protocolVersion>2.0</protocolVersion><adminEmail>nobody@example.org</adminEmail><earliestDatestamp>2004-01-01T00:00:00.123456Z</earliestDatestamp><deletedRecord>persistent</deletedRecord><granularity>YYYY-MM-DDThh:mm:ssZ</granularity></Identify>".into()),
        Some("ListMetadataFormats") => {
            let formats: String = FORMATS.iter().map(|prefix| format!("<metadataFormat><metadataPrefix>{prefix}</metadataPrefix></metadataFormat>")).collect();
            Ok(format!("<ListMetadataFormats>{formats}</ListMetadataFormats>"))
        }
        Some("ListSets") => {
            let sets: String = SETS.iter().map(|set| format!("<set><setSpec>{set}</setSpec><setName>{set}</setName></set>")).collect();
            Ok(format!("<ListSets>{sets}</ListSets>"))
        }
        Some("GetRecord") => {
            let prefix = prefix(&given)?;
            let entry = catalogue.find(given.get("identifier").copied().unwrap_or_default()).ok_or(("noRecordsMatch", String::new()))?;
            let mut text = "<GetRecord>".to_owned();
            write_record(&mut text, &entry, prefix);
            Ok(text + "</GetRecord>")
        }
        Some(verb @ ("ListRecords" | "ListIdentifiers")) => list(catalogue, &asked(verb, &given, now)?, given.contains_key("resumptionToken"), page_rows),
        other => Err(("badVerb", format!("Unknown verb: {}", other.unwrap_or_default()))),
    }
}

fn prefix<'a>(given: &HashMap<&str, &'a str>) -> Result<&'a str, Refusal> {
    let prefix = given.get("metadataPrefix").copied().ok_or(("badArgument", "metadataPrefix is missing".to_owned()))?;
    if FORMATS.contains(&prefix) { Ok(prefix) } else { Err(("cannotDisseminateFormat", format!("Unsupported format: {prefix}"))) }
}

fn asked(verb: &str, given: &HashMap<&str, &str>, now: i64) -> Result<Asked, Refusal> {
    if let Some(token) = given.get("resumptionToken") {
        if given.len() > 2 {
            return Err(("badArgument", "resumptionToken is an exclusive argument".into()));
        }
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|json| serde_json::from_slice::<Asked>(&json).ok());
        return decoded.filter(|asked| asked.verb == verb).ok_or(("badResumptionToken", "The token is not valid".into()));
    }
    let bound = |name: &str, none: i64, last: i64| match given.get(name) {
        None => Ok(none),
        Some(text) if text.len() == 20 && text.ends_with('Z') || text.len() == 10 => {
            let day = if text.len() == 10 { 86_399_999 } else { 999 };
            let stamp = Datestamp::parse(text).map_err(|_| {
                ("badArgument", format!("Allowed time formats are: YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ, not {text}"))
            })?;
            Ok(stamp.millis() + day * last)
        }
        Some(text) => Err(("badArgument", format!("Allowed time formats are: YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ, not {text}"))),
    };
    let set = given.get("set").map(|set| (*set).to_owned());
    if let Some(set) = set.as_deref().filter(|set| !SETS.contains(set)) {
        return Err(("badArgument", format!("Not a supported set spec: {set}")));
    }
    Ok(Asked {
        verb: verb.into(),
        prefix: prefix(given)?.into(),
        set,
        from: bound("from", 0, 0)?,
        until: bound("until", now, 1)?,
        after: None,
    })
}

fn list(catalogue: &Catalogue, asked: &Asked, resumed: bool, page_rows: usize) -> Result<String, Refusal> {
    let mut rows = catalogue.page(asked.after, asked.from, asked.until, page_rows + 1);
    let more = rows.len() > page_rows;
    rows.truncate(page_rows);
    let next = rows.last().map(|last| (last.modified, last.number));
    let records = asked.verb == "ListRecords";
    let mut text = format!("<{}>", asked.verb);
    let mut any = false;
    for (place, entry) in rows.iter().enumerate().filter(|(_, entry)| entry.is_in(asked.set.as_deref())) {
        any = true;
        if records {
            write_record(&mut text, entry, &asked.prefix);
        } else {
            write_header(&mut text, entry);
        }
        // In expanded formats a changed authority brings the records that point to it along, old as they are.
        if asked.prefix.ends_with("_expanded") && place % 100 == 99 && records && rows[place / 2].is_in(asked.set.as_deref()) {
            write_record(&mut text, &rows[place / 2], &asked.prefix);
        }
    }
    if more {
        let token = Asked { after: next, ..asked.clone() };
        let json = serde_json::to_vec(&token).unwrap_or_default();
        let _ = write!(text, "<resumptionToken>{}</resumptionToken>", BASE64_URL_SAFE_NO_PAD.encode(json));
    } else if resumed {
        text.push_str("<resumptionToken/>");
    } else if !any {
        return Err(("noRecordsMatch", String::new()));
    }
    let _ = write!(text, "</{}>", asked.verb);
    Ok(text)
}

fn write_header(text: &mut String, entry: &Entry) {
    let status = if entry.deleted { " status=\"deleted\"" } else { "" };
    let _ = write!(
        text,
        "<header{status}><identifier>{}</identifier><datestamp>{}</datestamp>",
        entry.identifier(),
        entry.datestamp()
    );
    if let Some(set) = entry.set() {
        let _ = write!(text, "<setSpec>{set}</setSpec>");
    }
    text.push_str("</header>");
    let _ = write!(text, "<about><agent xmlns=\"\" name=\"NB\"/></about>");
}

fn write_record(text: &mut String, entry: &Entry, prefix: &str) {
    text.push_str("<record>");
    let mut header = String::new();
    write_header(&mut header, entry);
    let (header, about) = header.split_at(header.find("<about>").unwrap_or(header.len()));
    text.push_str(header);
    if !entry.deleted {
        let nodes = entry.nodes();
        text.push_str("<metadata>");
        match prefix.split('_').next() {
            Some("ttl") => {
                let _ = write!(text, "<![CDATA[{}]]>", turtle(&nodes));
            }
            Some("jsonld") => {
                let _ = write!(text, "<![CDATA[{}]]>", jsonld(&nodes));
            }
            Some("oai") => text.push_str("<oai_dc:dc xmlns:oai_dc=\"http://www.openarchives.org/OAI/2.0/oai_dc/\"/>"),
            _ => text.push_str(&rdfxml(&nodes)),
        }
        text.push_str("</metadata>");
        text.push_str(about);
    }
    text.push_str("</record>");
}
