//! The rows of a property of which something is known, segment by segment.

use std::ops::Range;

use zerocopy::little_endian::U32;

use super::code::Code;
use super::error::IndexError;
use super::packed::{Index, Layer};
use super::segment::GraphOf;

/// Where a value is.
pub(super) type Slot = usize;

/// What is known of a look-up before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Subject,
    Object,
    Both,
    Neither,
}

impl Known {
    pub(super) fn of(subject: Slot, object: Slot, bound: &[bool]) -> Self {
        match (bound[subject], bound[object]) {
            (true, true) => Self::Both,
            (true, false) => Self::Subject,
            (false, true) => Self::Object,
            (false, false) => Self::Neither,
        }
    }
}

/// The rows of a property, segment by segment.
#[derive(Default)]
pub(super) struct Rows<'a> {
    /// The segment after the one that is read.
    next: usize,
    /// The property's number in the segment that is read.
    number: u16,
    /// If nothing is known: the objects of the property that are still to come, and the one whose rows are read.
    objects: Range<usize>,
    object: Code,
    nodes: Nodes<'a>,
}

impl<'a> Rows<'a> {
    /// Answers whether there is another row; what was not known of it is in its slots then.
    #[inline]
    pub(super) fn next(
        &mut self,
        index: &'a Index,
        (subject, object): (Slot, Slot),
        known: Known,
        numbers: &[Option<u16>],
        values: &mut [Code],
    ) -> Result<bool, IndexError> {
        loop {
            if let Some(node) = self.nodes.next()? {
                match known {
                    Known::Subject => values[object] = node,
                    Known::Object => values[subject] = node,
                    Known::Both => {}
                    Known::Neither if subject == object && node != self.object => continue,
                    Known::Neither => (values[subject], values[object]) = (node, self.object),
                }
                return Ok(true);
            }
            if let Some(place) = self.objects.next() {
                let layer = &index.layers[self.next - 1];
                self.object = layer.segment.object_at(place)?;
                self.nodes = Nodes::subjects(layer, self.object, self.number)?;
                continue;
            }
            let (Some(layer), Some(number)) = (index.layers.get(self.next), numbers.get(self.next)) else { return Ok(false) };
            self.next += 1;
            let Some(number) = *number else { continue };
            self.number = number;
            match known {
                Known::Subject => self.nodes = Nodes::objects(layer, values[subject], number, None)?,
                Known::Both => self.nodes = Nodes::objects(layer, values[subject], number, Some(values[object]))?,
                Known::Object => self.nodes = Nodes::subjects(layer, values[object], number)?,
                Known::Neither => self.objects = layer.segment.objects_of(number)?,
            }
        }
    }
}

/// The nodes of some rows of a segment, without those whose graphs count no more.
#[derive(Default)]
struct Nodes<'a> {
    list: std::slice::Iter<'a, U32>,
    /// The row that comes next, and how its graph is found, if there are graphs that count no more.
    row: u32,
    doubt: Option<(&'a Layer, Doubt)>,
}

/// How the graph of a row is found.
#[derive(Clone, Copy)]
enum Doubt {
    /// A subject's rows, of which this is the first, are in several graphs.
    Rows { graph: GraphOf, first: u32 },
    /// The nodes are subjects.
    Subjects { object: Code, number: u16 },
}

impl<'a> Nodes<'a> {
    /// The objects of a subject.
    #[inline]
    fn objects(layer: &'a Layer, subject: Code, number: u16, object: Option<Code>) -> Result<Self, IndexError> {
        let segment = &layer.segment;
        let all = segment.subjects.rows(&segment.file, subject)?;
        let first = all.start;
        let rows = segment.narrow_spo(all, number, object)?;
        if rows.is_empty() {
            return Ok(Self::default());
        }
        let doubt = if !layer.doubts(subject)? {
            None
        } else {
            match segment.graph_of(subject)? {
                GraphOf::One(graph) if layer.mask.has(graph) => return Ok(Self::default()),
                GraphOf::One(_) => None,
                graph @ GraphOf::Each(_) => Some((layer, Doubt::Rows { graph, first })),
            }
        };
        Ok(Self { row: rows.start, list: segment.spo_nodes(rows)?.iter(), doubt })
    }

    /// The subjects of an object.
    #[inline]
    fn subjects(layer: &'a Layer, object: Code, number: u16) -> Result<Self, IndexError> {
        let segment = &layer.segment;
        let rows = segment.narrow_ops(segment.objects.rows(&segment.file, object)?, number, None)?;
        let doubt = (layer.mask.count() > 0).then_some((layer, Doubt::Subjects { object, number }));
        Ok(Self { row: rows.start, list: segment.ops_nodes(rows)?.iter(), doubt })
    }

    #[inline]
    fn next(&mut self) -> Result<Option<Code>, IndexError> {
        for node in self.list.by_ref() {
            let node = node.get();
            let Some((layer, doubt)) = self.doubt else { return Ok(Some(node)) };
            let row = self.row;
            self.row += 1;
            if matches!(doubt, Doubt::Subjects { .. }) && !layer.doubts(node)? {
                return Ok(Some(node));
            }
            let graph = match doubt {
                Doubt::Rows { graph, first } => layer.segment.graph_at(graph, row.wrapping_sub(first))?,
                Doubt::Subjects { object, number } => layer.segment.graph_of_ops(row, object, number, node)?,
            };
            if !layer.mask.has(graph) {
                return Ok(Some(node));
            }
        }
        Ok(None)
    }
}
