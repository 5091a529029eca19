//! Any bytes as an answer of an OAI-PMH server: read to the end or refused, never a panic, never beyond the limits.
#![no_main]

use std::io::BufReader;

use libfuzzer_sys::fuzz_target;
use libris_mirror::oai::{Document, Item, Limits, payload_of, readable};

const LIMITS: Limits = Limits { record_bytes: 4096, depth: 32 };

fuzz_target!(|bytes: &[u8]| {
    let (capacity, bytes) = bytes.split_first().map_or((1, bytes), |(first, rest)| (usize::from(*first).max(1), rest));
    let mut document = Document::new(BufReader::with_capacity(capacity, bytes), LIMITS);
    while let Ok(Some(item)) = document.next_item() {
        assert!(document.position() <= bytes.len() as u64);
        if let Item::Record(record) = item {
            assert!(record.metadata.is_none_or(|range| range.end <= record.xml.len()));
            let _ = payload_of(&readable(&record.xml), LIMITS.depth);
        }
    }
});
