//! A cache of query results. A snapshot does not change, so the same query has the same results until the next one.

use std::sync::Arc;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::query::{Ended, Head};

/// A complete answer.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its head.
    pub head: Option<Head>,
    /// Its body.
    pub data: Bytes,
    /// Its end.
    pub ended: Ended,
}

#[derive(Debug, Clone)]
struct Size;

impl Weighter<[u8; 32], Arc<Known>> for Size {
    fn weight(&self, _: &[u8; 32], known: &Arc<Known>) -> u64 {
        known.data.len() as u64 + 256
    }
}

/// Answers by the hash of what they depend on, up to a number of bytes; the least used are evicted first.
pub struct Answers(Cache<[u8; 32], Arc<Known>, Size>);

/// The typical size of an answer, in bytes.
const TYPICAL_BYTES: usize = 4 << 10;

impl Answers {
    /// Returns a cache for this many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self(Cache::with_weighter(usize::try_from(bytes).unwrap_or(usize::MAX) / TYPICAL_BYTES + 1, bytes, Size))
    }

    /// Returns the answer, if it is cached.
    #[must_use]
    pub fn get(&self, key: &[u8; 32]) -> Option<Arc<Known>> {
        self.0.get(key)
    }

    /// Keeps an answer.
    pub fn keep(&self, key: [u8; 32], known: Known) {
        self.0.insert(key, Arc::new(known));
    }
}
