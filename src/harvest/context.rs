//! The JSON-LD context of a source: fetched conditionally by every run, and accepted into the log with the run.

use std::sync::Arc;

use chrono::Utc;
use tokio::runtime::Runtime;
use url::Url;

use super::client::{Client, FetchedDocument, Validators};
use super::error::FetchError;
use super::outcome::HarvestError;
use crate::config::Source;
use crate::log::{Log, LogError, NewDocument, SourceId, SourceRow};
use crate::oai::Granularity;
use crate::rdf::{Context, ContextError, PayloadFormat, try_context};

/// What the log keeps of a source once a run is accepted: a run that is refused changes nothing.
pub(super) struct Acceptance {
    /// The granularity that `Identify` named.
    pub(super) granularity: Granularity,
    /// The context that the run reads payloads with.
    pub(super) context: Option<RunContext>,
}

impl Acceptance {
    /// Keeps it.
    pub(super) fn accept(&self, log: &mut Log, source: SourceId) -> Result<(), LogError> {
        log.set_granularity(source, self.granularity)?;
        self.context.as_ref().map_or(Ok(()), |context| context.accept(log, source))
    }
}

/// The context that a run reads payloads with.
pub(super) struct RunContext {
    /// The context.
    pub(super) context: Arc<Context>,
    url: Url,
    body: Vec<u8>,
    /// What the server said of this version; none if it was not fetched now.
    validators: Option<Validators>,
}

/// The context of a source: that of the configuration, or that of earlier runs. It is fetched if the log has none or an older
/// version; if it cannot be fetched now, the version of the log is used.
pub(super) fn context_of(
    log: &Log,
    runtime: &Runtime,
    client: &Client,
    source: &Source,
    row: &SourceRow,
) -> Result<Option<RunContext>, HarvestError> {
    let earlier = || row.context.as_deref().and_then(|url| Url::parse(url).ok());
    let Some(url) = source.context.clone().or_else(earlier).filter(|_| row.format == PayloadFormat::JsonLd) else {
        return Ok(None);
    };
    let known = log.document(url.as_str())?;
    let validators =
        known.as_ref().map(|known| Validators { etag: known.etag.clone(), last_modified: known.last_modified.clone() });
    let answer = runtime.block_on(client.document(&url, validators.as_ref()));
    let (body, validators) = match (answer, known) {
        (Ok(FetchedDocument::New { body, validators }), _) => (body, Some(validators)),
        (Ok(FetchedDocument::NotModified), Some(known)) => (known.body, validators),
        (Ok(FetchedDocument::NotModified), None) => {
            return Err(HarvestError::Unavailable(FetchError::Status { url: url.to_string(), status: 304, retry_after: None }));
        }
        (Err(FetchError::Stopped), _) => return Err(HarvestError::Unavailable(FetchError::Stopped)),
        (Err(error), Some(known)) => {
            tracing::warn!("{error}; the version of the JSON-LD context that the log has is used");
            (known.body, None)
        }
        (Err(error), None) => return Err(HarvestError::Unavailable(error)),
    };
    let context = match (usable(&url, &body), log.document(url.as_str())?) {
        (Err(error), Some(known)) if known.body != body => {
            tracing::warn!("{error}; the version that the log has is used");
            let context = Arc::new(Context::new(url.as_str(), &known.body)?);
            return Ok(Some(RunContext { context, url, body: known.body, validators: None }));
        }
        (context, _) => context?,
    };
    Ok(Some(RunContext { context, url, body, validators }))
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
    /// Makes it the context of a source: a new version is kept, and what depends on it is read again.
    fn accept(&self, log: &mut Log, source: SourceId) -> Result<(), LogError> {
        let now = Utc::now().timestamp_millis();
        let Validators { etag, last_modified } = match &self.validators {
            Some(validators) => validators.clone(),
            None => log
                .document(self.url.as_str())?
                .map_or_else(Validators::default, |known| Validators { etag: known.etag, last_modified: known.last_modified }),
        };
        let (etag, last_modified) = (etag.as_deref(), last_modified.as_deref());
        let document = NewDocument { url: self.url.as_str(), body: &self.body, etag, last_modified };
        let is_new = log.document(self.url.as_str())?.is_none_or(|known| known.body != self.body);
        let records = log.accept_context(source, document, now)?;
        if records > 0 {
            tracing::info!(records, "the JSON-LD context changed: records are read again");
        }
        if is_new && !self.context.dropped().is_empty() {
            tracing::warn!(
                "the JSON-LD context {} defines terms that expand to something else, which are dropped: {}",
                self.url,
                few(self.context.dropped())
            );
        }
        Ok(())
    }
}
