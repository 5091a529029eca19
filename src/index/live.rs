//! Which terms something still has.

use super::code::{BLANK, Code};
use super::error::IndexError;
use super::packed::Layer;
use super::walk::each_row;

/// A bit for each term of an index.
pub(super) struct Live(Vec<u64>);

impl Live {
    /// The terms that graphs which count have, and their names.
    pub(super) fn of(layers: &[Layer]) -> Result<Self, IndexError> {
        let last = layers.last().map(|layer| &layer.segment.dictionary);
        let terms = last.map_or(0, |dictionary| dictionary.first + dictionary.count);
        let mut live = Self(vec![0; (terms as usize).div_ceil(64)]);
        for layer in layers {
            let segment = &layer.segment;
            for graph in (0..segment.graphs).filter(|graph| !layer.mask.has(*graph)) {
                live.add(segment.graph_name(graph)?);
            }
            each_row(layer, |subject, predicate, object| {
                live.add(subject);
                live.add(predicate);
                live.add(object);
            })?;
        }
        Ok(live)
    }

    fn add(&mut self, code: Code) {
        if code < BLANK
            && let Some(word) = self.0.get_mut(code as usize / 64)
        {
            *word |= 1 << (code % 64);
        }
    }

    pub(super) fn has(&self, code: Code) -> bool {
        self.0.get(code as usize / 64).is_some_and(|word| word >> (code % 64) & 1 == 1)
    }
}
