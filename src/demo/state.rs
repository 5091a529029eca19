//! The state of the fake Libris: its rows, and what its services are to do.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::catalogue::Catalogue;
use super::dumps::EmmService;

/// Rows scanned for a page, as Libris does it: not all of them need be in the set.
pub const PAGE_ROWS: usize = 1000;

/// The state of the server.
pub struct ServerState {
    /// The rows.
    pub catalogue: RwLock<Catalogue>,
    /// Whether answers are compressed for clients that accept it.
    pub gzip: bool,
    /// Rows scanned for a page.
    pub page_rows: AtomicUsize,
    /// Records that cannot be converted into any format, by number.
    pub unconverted: RwLock<HashSet<u64>>,
    /// The service of dumps and changes.
    pub emm: EmmService,
    pub(super) requests: AtomicU64,
    pub(super) bytes: AtomicU64,
}

impl ServerState {
    /// A server's state.
    #[must_use]
    pub fn new(catalogue: Catalogue, gzip: bool) -> Arc<Self> {
        Arc::new(Self {
            catalogue: RwLock::new(catalogue),
            gzip,
            page_rows: AtomicUsize::new(PAGE_ROWS),
            unconverted: RwLock::default(),
            emm: EmmService::default(),
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

    /// Changes or reads the rows.
    pub fn with_catalogue<T>(&self, work: impl FnOnce(&mut Catalogue) -> T) -> T {
        work(&mut self.catalogue.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The arguments of a query or a form.
pub(super) fn arguments(form: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(form).into_owned().collect()
}
