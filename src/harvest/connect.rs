//! What every run needs before its first list: a runtime, and the source's `Identify`.

use tokio::runtime::Runtime;

use super::client::Client;
use super::error::FetchError;
use super::list::read_identify;
use super::outcome::HarvestError;
use crate::config::Harvest;
use crate::oai::{Datestamp, Identify, Request};

/// The runtime of the network side.
pub(super) fn runtime() -> Result<Runtime, HarvestError> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(HarvestError::Runtime)
}

/// Asks the source for `Identify`; with its clock, if the answer has one.
pub(super) async fn identify(client: &Client, settings: &Harvest) -> Result<(Identify, Option<Datestamp>), FetchError> {
    let settings = settings.clone();
    client.ask(&Request::Identify, move |input| read_identify(input, &settings)).await
}
