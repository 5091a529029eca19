//! Results that were given before: a snapshot does not change, so the same question has the same answer until the next.

use std::sync::Arc;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::query::{Ended, Head};

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Known {
    /// How it began.
    pub head: Option<Head>,
    /// All of it.
    pub data: Bytes,
    /// How it ended.
    pub ended: Ended,
}

#[derive(Debug, Clone)]
struct Size;

impl Weighter<[u8; 32], Arc<Known>> for Size {
    fn weight(&self, _: &[u8; 32], known: &Arc<Known>) -> u64 {
        known.data.len() as u64 + 256
    }
}

/// Answers by what they depend on, up to a number of bytes; the least used go first.
pub struct Answers(Cache<[u8; 32], Arc<Known>, Size>);

/// About how large an answer is.
const TYPICAL: usize = 4 << 10;

impl Answers {
    /// Room for so many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self(Cache::with_weighter(usize::try_from(bytes).unwrap_or(usize::MAX) / TYPICAL + 1, bytes, Size))
    }

    /// The answer to a question, if it was given before.
    #[must_use]
    pub fn get(&self, key: &[u8; 32]) -> Option<Arc<Known>> {
        self.0.get(key)
    }

    /// Keeps an answer.
    pub fn keep(&self, key: [u8; 32], known: Known) {
        self.0.insert(key, Arc::new(known));
    }
}
