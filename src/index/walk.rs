//! A walk through the rows of a segment whose graphs count.

use super::code::Code;
use super::compose::Row;
use super::directory::KeyWalk;
use super::error::IndexError;
use super::packed::Layer;
use super::segment::{GraphOf, Segment};

/// The rows of a layer that count, in the order of `spo` or `ops`, with the numbers that they have in the merged segment.
pub(super) struct Rows<'a> {
    layer: &'a Layer,
    predicates: &'a [u32],
    ordinals: &'a [u32],
    turned: bool,
    keys: KeyWalk,
    rank: u32,
    key: Code,
    left: std::ops::Range<u32>,
    first: u32,
    graph: GraphOf,
}

impl<'a> Rows<'a> {
    pub(super) fn new(layer: &'a Layer, predicates: &'a [u32], ordinals: &'a [u32], turned: bool) -> Self {
        let segment = &layer.segment;
        let keys = if turned { segment.objects.keys.walk() } else { segment.subjects.keys.walk() };
        Self { layer, predicates, ordinals, turned, keys, rank: 0, key: 0, left: 0..0, first: 0, graph: GraphOf::One(0) }
    }

    pub(super) fn next(&mut self) -> Result<Option<Row>, IndexError> {
        let Segment { file, subjects, objects, .. } = &*self.layer.segment;
        loop {
            let Some(row) = self.left.next() else {
                let Some(key) = self.keys.next(file)? else { return Ok(None) };
                self.key = key;
                self.left = if self.turned { objects } else { subjects }.rows_of(file, self.rank)?;
                self.first = self.left.start;
                self.rank += 1;
                if !self.turned {
                    self.graph = self.layer.segment.graph_of(key)?;
                }
                continue;
            };
            let segment = &self.layer.segment;
            let (number, other) = if self.turned { segment.ops(row)? } else { segment.spo(row)? };
            let ordinal = if self.turned {
                segment.graph_of_ops(row, self.key, number, other)?
            } else {
                segment.graph_at(self.graph, row.wrapping_sub(self.first))?
            };
            if self.layer.mask.has(ordinal) {
                continue;
            }
            let lost = || file.damaged("a row leads nowhere");
            let predicate = *self.predicates.get(usize::from(number)).ok_or_else(lost)?;
            let ordinal = *self.ordinals.get(ordinal as usize).ok_or_else(lost)?;
            return Ok(Some([self.key, predicate, other, ordinal]));
        }
    }
}

/// Shows each row of a layer that counts: its subject, predicate and object.
pub(super) fn each_row(layer: &Layer, mut see: impl FnMut(Code, Code, Code)) -> Result<(), IndexError> {
    let predicates: Vec<u32> = layer.segment.predicates.iter().map(|predicate| predicate.code).collect();
    let ordinals = vec![0; layer.segment.graphs as usize];
    let mut rows = Rows::new(layer, &predicates, &ordinals, false);
    while let Some([subject, predicate, object, _]) = rows.next()? {
        see(subject, predicate, object);
    }
    Ok(())
}
