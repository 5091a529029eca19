//! The lengths of dumps that were made to the end. A range needs the length, and only a complete dump tells it.

use quick_cache::sync::Cache;

/// Lengths by the hash of what a dump depends on.
pub struct Lengths(Cache<[u8; 32], u64>);

/// Lengths that are kept: those of all dumps of some states of the log.
const KEPT_LENGTHS: usize = 60;

impl Default for Lengths {
    fn default() -> Self {
        Self(Cache::new(KEPT_LENGTHS))
    }
}

impl Lengths {
    /// Returns the length of a dump, if it is known.
    pub(super) fn known(&self, dump: &[u8; 32]) -> Option<u64> {
        self.0.get(dump)
    }

    /// Returns the length of a dump, or a function to set it. Others that ask wait until the function is called or dropped.
    pub(super) async fn known_or_due(&self, dump: &[u8; 32]) -> Result<u64, impl FnOnce(u64) + Send + '_> {
        let known = self.0.get_value_or_guard_async(dump).await;
        known.map_err(|due| {
            move |length| {
                // Another transfer may have set it meanwhile.
                let _ = due.insert(length);
            }
        })
    }

    /// Keeps the length of a dump.
    pub(super) fn keep(&self, dump: [u8; 32], length: u64) {
        self.0.insert(dump, length);
    }
}
