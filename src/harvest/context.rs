//! The JSON-LD context of a source: fetched conditionally by every run, and accepted into the log with the run.

use std::sync::Arc;

use chrono::Utc;
use tokio::runtime::Runtime;
use url::Url;

use super::client::{CONTEXT_BYTES, Client};
use super::conditional::{FetchedDocument, Validators};
use super::error::FetchError;
use super::outcome::HarvestError;
use crate::config::SourceKind;
use crate::log::{Document, Log, LogError, NewDocument, SourceId, SourceRow};
use crate::oai::Granularity;
use crate::rdf::{Context, ContextError, PayloadFormat, try_context};

/// What the log keeps of a source once a run is accepted: a run that is refused changes nothing.
pub(super) struct Acceptance {
    /// The granularity that `Identify` named, of an OAI-PMH source.
    pub(super) granularity: Option<Granularity>,
    /// The context that the run reads payloads with.
    pub(super) context: Option<RunContext>,
}

impl Acceptance {
    /// Keeps it.
    pub(super) fn accept(&self, log: &mut Log, source: SourceId) -> Result<(), LogError> {
        if let Some(granularity) = self.granularity {
            log.set_granularity(source, granularity)?;
        }
        self.context.as_ref().map_or(Ok(()), |context| context.accept(log, source))
    }
}

/// The context that a run reads payloads with.
pub(super) struct RunContext {
    /// The context.
    pub(super) context: Arc<Context>,
    url: Url,
    version: Version,
    /// Whether the log does not have this version yet.
    is_new: bool,
}

/// A version of a context, and what the server said of it.
#[derive(Clone)]
struct Version {
    body: Vec<u8>,
    validators: Validators,
}

/// The context of a source: that of the configuration, or that of earlier runs. It is fetched if the log has none or an older
/// version; if it cannot be fetched now, the version of the log is used.
pub(super) fn context_of(
    log: &Log,
    runtime: &Runtime,
    client: &Client,
    configured: Option<&Url>,
    row: &SourceRow,
) -> Result<Option<RunContext>, HarvestError> {
    let earlier = || row.context.as_deref().and_then(|url| Url::parse(url).ok());
    let Some(url) = configured.cloned().or_else(earlier).filter(|_| uses_context(row)) else {
        return Ok(None);
    };
    let known = log
        .document(url.as_str())?
        .map(|Document { body, etag, last_modified }| Version { body, validators: Validators { etag, last_modified } });
    let answer = runtime.block_on(client.document(&url, known.as_ref().map(|known| &known.validators)));
    let version = match (answer, &known) {
        (Ok(FetchedDocument::New { body, validators }), _) => Version { body, validators },
        (Ok(FetchedDocument::NotModified), Some(known)) => known.clone(),
        (Ok(FetchedDocument::NotModified), None) => {
            return Err(HarvestError::Unavailable(FetchError::Status { url: url.to_string(), status: 304, retry_after: None }));
        }
        (Err(FetchError::Stopped), _) => return Err(HarvestError::Unavailable(FetchError::Stopped)),
        (Err(error), Some(known)) => {
            tracing::warn!("{error}; the version of the JSON-LD context that the log has is used");
            known.clone()
        }
        (Err(error), None) => return Err(HarvestError::Unavailable(error)),
    };
    chosen(url, version, known).map(Some)
}

/// The version that came, or the one that the log has if that cannot be used.
fn chosen(url: Url, version: Version, known: Option<Version>) -> Result<RunContext, HarvestError> {
    let is_new = known.as_ref().is_none_or(|known| known.body != version.body);
    match (usable(&url, &version.body), known.filter(|_| is_new)) {
        (Err(error), Some(known)) => {
            tracing::warn!("{error}; the version that the log has is used");
            let context = Arc::new(Context::new(url.as_str(), &known.body)?);
            Ok(RunContext { context, url, version: known, is_new: false })
        }
        (context, _) => Ok(RunContext { context: context?, url, version, is_new }),
    }
}

/// Whether a source may have JSON-LD.
fn uses_context(row: &SourceRow) -> bool {
    row.format == PayloadFormat::JsonLd || row.kind == SourceKind::Documents
}

/// A context that payloads can be parsed with: one that is not would empty the mirror.
fn usable(url: &Url, body: &[u8]) -> Result<Arc<Context>, HarvestError> {
    let context = Arc::new(Context::new(url.as_str(), body)?);
    match try_context(&context) {
        Ok(()) => Ok(context),
        Err(reason) => Err(HarvestError::Context(ContextError::Unusable { url: url.to_string(), reason: reason.to_string() })),
    }
}

/// How many names a message lists.
const NAMED: usize = 10;

/// The first of some names, and how many there are.
fn few(names: &[String]) -> String {
    let first = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED { format!("{first} and {} more", names.len() - NAMED) } else { first }
}

impl RunContext {
    /// The context that a dump brought with it; nothing if its IRI is no address.
    pub(super) fn of_dump(log: &Log, url: &str, document: Vec<u8>) -> Result<Option<Self>, HarvestError> {
        let Ok(url) = Url::parse(url) else { return Ok(None) };
        if document.len() > CONTEXT_BYTES {
            return Err(HarvestError::Unavailable(FetchError::TooLarge { url: url.to_string(), limit: CONTEXT_BYTES }));
        }
        let without = |body| Version { body, validators: Validators::default() };
        let known = log.document(url.as_str())?.map(|known| without(known.body));
        chosen(url, without(document), known).map(Some)
    }

    /// Makes it the context of a source: a new version is kept, and what depends on it is read again.
    fn accept(&self, log: &mut Log, source: SourceId) -> Result<(), LogError> {
        let Version { body, validators: Validators { etag, last_modified } } = &self.version;
        let (etag, last_modified) = (etag.as_deref(), last_modified.as_deref());
        let document = NewDocument { url: self.url.as_str(), body, etag, last_modified };
        let records = log.accept_context(source, document, Utc::now().timestamp_millis())?;
        if records > 0 {
            tracing::info!(records, "the JSON-LD context changed: records are read again");
        }
        if self.is_new && !self.context.dropped().is_empty() {
            tracing::warn!(
                "the JSON-LD context {} defines terms that expand to something else, which are dropped: {}",
                self.url,
                few(self.context.dropped())
            );
        }
        Ok(())
    }
}
