//! What a run or an audit of a source of kind `documents` begins with.

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use super::arrival::Arrivals;
use super::batch::Reading;
use crate::config::{DocumentsSource, Source};
use crate::harvest::client::Client;
use crate::harvest::conditional::first_16;
use crate::harvest::context::{Acceptance, RunContext, context_of};
use crate::harvest::error::FetchError;
use crate::harvest::outcome::HarvestError;
use crate::harvest::scope::Run;
use crate::log::SourceRow;
use crate::mirror::Mirror;

/// What a run or an audit begins with.
pub(super) struct Begun<'a> {
    pub(super) source: &'a Source,
    pub(super) client: Client,
    pub(super) row: SourceRow,
    pub(super) reading: Reading<'a>,
    pub(super) acceptance: Acceptance,
}

impl<'a> Begun<'a> {
    pub(super) fn new(
        mirror: &mut Mirror,
        source: &'a Source,
        documents: &'a DocumentsSource,
        run: Run<'a>,
    ) -> Result<Self, HarvestError> {
        // Temporary files have no names, so that a crash leaves none behind.
        let directory = mirror.home().directory.to_owned();
        let anywhere =
            || Url::parse("http://localhost/").map_err(|error| HarvestError::Fault(FetchError::Fault(error.to_string())));
        let base = documents.urls.first().cloned().map_or_else(anywhere, Ok)?;
        let client = Client::new(&base, &run.config.harvest, run.stop.clone()).map_err(HarvestError::Unavailable)?;
        let log = &mut mirror.log;
        let row = log.enter_source(source)?;
        let context = match context_of(log, run.runtime, &client, documents.context.as_ref(), &row) {
            Ok(context) => context,
            Err(error) => {
                log.forget_documents_of_empty_source(row.id)?;
                return Err(error);
            }
        };
        let reading = reading_of(documents, run, directory, context.as_ref());
        Ok(Self { source, client, row, reading, acceptance: Acceptance { granularity: None, context } })
    }

    pub(super) fn arrivals(&self) -> Arrivals<'_> {
        let Reading { source, run, directory, settings, .. } = &self.reading;
        Arrivals { source, run: *run, client: &self.client, directory, settings: *settings }
    }
}

/// What documents are read with.
fn reading_of<'a>(source: &'a DocumentsSource, run: Run<'a>, directory: PathBuf, context: Option<&RunContext>) -> Reading<'a> {
    let context = context.map(|context| Arc::clone(&context.context));
    let mut hasher = blake3::Hasher::new();
    // The number grows when this program reads documents in another way.
    hasher.update(format!("2 {:?} ", source.format).as_bytes());
    hasher.update(context.as_ref().map_or(&[], |context| context.document()));
    Reading { source, run, directory, context, settings: first_16(&hasher) }
}
