//! The rows of a property for a batch, of which something is known, segment by segment.

use std::ops::Range;

use zerocopy::little_endian::U32;

use super::batch::{Batch, Request};
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

/// The rows of a property for a batch of rows that came.
#[derive(Default)]
pub(super) struct Rows<'a> {
    lists: Vec<List<'a>>,
    at: usize,
    /// If nothing is known: the objects of the property that are still to come.
    objects: Vec<Objects>,
    /// What is looked up at a time.
    ranges: Vec<Range<u32>>,
}

/// Nodes that one row leads to.
struct List<'a> {
    input: usize,
    /// Where nothing is known, the object that they have.
    object: Code,
    nodes: Nodes<'a>,
}

/// Objects of a property in a segment, for one row.
struct Objects {
    input: usize,
    layer: usize,
    number: u16,
    left: Range<usize>,
}

impl<'a> Rows<'a> {
    pub(super) fn end(&mut self) {
        self.lists.clear();
        self.objects.clear();
        self.at = 0;
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == self.lists.len() && self.objects.is_empty()
    }

    /// Looks up the rows for a batch.
    pub(super) fn begin(
        &mut self,
        index: &'a Index,
        (subject, object): (Slot, Slot),
        known: Known,
        numbers: &[Option<u16>],
        input: &Batch,
    ) -> Result<(), IndexError> {
        self.end();
        for (place, (layer, number)) in index.layers.iter().zip(numbers).enumerate() {
            let (Some(number), segment) = (*number, &layer.segment) else { continue };
            if known == Known::Neither {
                let left = segment.objects_of(number)?;
                self.objects.extend((0..input.len()).map(|input| Objects { input, layer: place, number, left: left.clone() }));
                continue;
            }
            // In turns, each of which has many places to wait for at once.
            let (directory, slot) =
                if known == Known::Object { (&segment.objects, object) } else { (&segment.subjects, subject) };
            self.ranges.clear();
            for at in 0..input.len() {
                self.ranges.push(directory.rows(&segment.file, input.row(at)[slot])?);
            }
            for (at, range) in self.ranges.iter().enumerate().filter(|(_, range)| !range.is_empty()) {
                let row = input.row(at);
                let nodes = match known {
                    Known::Object => Nodes::subjects(layer, range.clone(), row[object], number)?,
                    Known::Both => Nodes::objects(layer, range.clone(), row[subject], number, Some(row[object]))?,
                    _ => Nodes::objects(layer, range.clone(), row[subject], number, None)?,
                };
                if !nodes.list.as_slice().is_empty() {
                    self.lists.push(List { input: at, object: 0, nodes });
                }
            }
        }
        Ok(())
    }

    /// Looks up the next objects of the property. Answers whether there were any.
    fn more(&mut self, index: &'a Index, limit: usize) -> Result<bool, IndexError> {
        let Some(Objects { input, layer, number, left }) = self.objects.last_mut() else { return Ok(false) };
        let (layer, places) = (&index.layers[*layer], left.start..left.end.min(left.start.saturating_add(limit)));
        left.start = places.end;
        let (segment, input, number, ends) = (&layer.segment, *input, *number, left.start >= left.end);
        if ends {
            self.objects.pop();
        }
        self.lists.clear();
        self.ranges.clear();
        self.at = 0;
        for place in places.clone() {
            self.ranges.push(segment.objects.rows(&segment.file, segment.object_at(place)?)?);
        }
        for (place, range) in places.zip(&self.ranges) {
            let object = segment.object_at(place)?;
            let nodes = Nodes::subjects(layer, range.clone(), object, number)?;
            self.lists.push(List { input, object, nodes });
        }
        Ok(true)
    }

    /// Hands rows on, with what was not known of them.
    pub(super) fn produce(
        &mut self,
        index: &'a Index,
        (subject, object): (Slot, Slot),
        known: Known,
        input: &Batch,
        request: &mut Request<'_>,
    ) -> Result<(), IndexError> {
        while request.is_open() {
            let Some(list) = self.lists.get_mut(self.at) else {
                if self.more(index, request.limit)? {
                    continue;
                }
                break;
            };
            let row = input.row(list.input);
            let node = if request.skips(row) { None } else { list.nodes.next()? };
            let Some(node) = node else {
                self.at += 1;
                continue;
            };
            let found = match known {
                Known::Subject => [row[subject], node],
                Known::Object => [node, row[object]],
                Known::Both => [row[subject], row[object]],
                Known::Neither if subject == object && node != list.object => continue,
                Known::Neither => [node, list.object],
            };
            let new = request.out.push(row);
            [new[subject], new[object]] = found;
            if request.once {
                self.at += 1;
            }
        }
        Ok(())
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
    /// The objects of a subject, of all whose rows.
    #[inline]
    fn objects(layer: &'a Layer, all: Range<u32>, subject: Code, number: u16, object: Option<Code>) -> Result<Self, IndexError> {
        let (segment, first) = (&layer.segment, all.start);
        let rows = segment.narrow_spo(all, number, object)?;
        if rows.is_empty() {
            return Ok(Self::default());
        }
        let doubt = if layer.doubts(subject)? {
            match segment.graph_of(subject)? {
                GraphOf::One(graph) if layer.mask.has(graph) => return Ok(Self::default()),
                GraphOf::One(_) => None,
                graph @ GraphOf::Each(_) => Some((layer, Doubt::Rows { graph, first })),
            }
        } else {
            None
        };
        Ok(Self { row: rows.start, list: segment.spo_nodes(rows)?.iter(), doubt })
    }

    /// The subjects of an object, of all whose rows.
    #[inline]
    fn subjects(layer: &'a Layer, all: Range<u32>, object: Code, number: u16) -> Result<Self, IndexError> {
        let segment = &layer.segment;
        let rows = segment.narrow_ops(all, number, None)?;
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
