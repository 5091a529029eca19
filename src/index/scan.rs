//! The rows that match a pattern.

use std::ops::Range;

use super::code::{BLANK, COMPUTED, Code};
use super::directory::KeyWalk;
use super::error::IndexError;
use super::packed::{Index, Layer};
use super::segment::GraphOf;

/// What is sought: codes; a place that is `None` is anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) subject: Option<Code>,
    pub(super) predicate: Option<Code>,
    pub(super) object: Option<Code>,
    pub(super) graph: Option<Code>,
}

/// A row that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Found {
    pub(super) subject: Code,
    pub(super) predicate: Code,
    pub(super) object: Code,
    /// The name of its graph; 0 if that is not wanted.
    pub(super) graph: Code,
}

/// The rows that match a pattern, segment by segment.
pub(super) struct Scan<'a> {
    index: &'a Index,
    pattern: Pattern,
    /// The layer that the graph of the pattern is in, and its ordinal there.
    only: Option<(usize, u32)>,
    /// Whether names of graphs are wanted.
    names: bool,
    layer: usize,
    cursor: Cursor,
}

/// Where a scan is in a segment.
enum Cursor {
    /// Before the segment.
    Before,
    /// Among rows of a subject; `first` is the first of all that it has.
    Subject { subject: Code, graph: GraphOf, first: u32, rows: Range<u32> },
    /// Among rows of an object.
    Object { object: Code, rows: Range<u32> },
    /// Among the objects of a predicate.
    Predicate { number: u16, objects: Range<usize>, object: Code, rows: Range<u32> },
    /// Among all rows.
    All(Box<AllRows>),
    /// Among the subjects of a graph.
    Graph(Box<GraphRows>),
}

/// See [`Cursor::All`]. Apart, so that a cursor is small: most are made for a row or two.
struct AllRows {
    keys: KeyWalk,
    rank: u32,
    subject: Code,
    graph: GraphOf,
    first: u32,
    rows: Range<u32>,
}

/// See [`Cursor::Graph`].
struct GraphRows {
    blanks: Range<Code>,
    subjects: Range<usize>,
    subject: Code,
    graph: GraphOf,
    first: u32,
    rows: Range<u32>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(index: &'a Index, pattern: Pattern) -> Result<Self, IndexError> {
        let only = match pattern.graph {
            None => None,
            Some(graph) => match index.graph(graph)? {
                None => return Ok(Self { index, pattern, only: None, names: true, layer: usize::MAX, cursor: Cursor::Before }),
                only => only,
            },
        };
        Ok(Self { index, pattern, only, names: true, layer: only.map_or(0, |(layer, _)| layer), cursor: Cursor::Before })
    }

    /// The rows of all graphs that match, without the names of their graphs: a look-up less for each.
    pub(super) fn without_graphs(index: &'a Index, pattern: Pattern) -> Self {
        Self { index, pattern: Pattern { graph: None, ..pattern }, only: None, names: false, layer: 0, cursor: Cursor::Before }
    }

    /// The next row.
    #[inline]
    pub(super) fn step(&mut self) -> Result<Option<Found>, IndexError> {
        loop {
            let Some(layer) = self.index.layers.get(self.layer) else { return Ok(None) };
            // Without masks, every graph counts.
            let ordinals = self.names || layer.mask.count() > 0;
            if matches!(self.cursor, Cursor::Before) {
                let Some(cursor) = begin(layer, &self.pattern, self.only, ordinals)? else {
                    self.next_layer();
                    continue;
                };
                self.cursor = cursor;
            }
            match self.cursor.step(layer, &self.pattern, ordinals)? {
                Some((found, ordinal)) => {
                    let counts = match self.only {
                        Some((_, only)) => only == ordinal,
                        None => !layer.mask.has(ordinal),
                    };
                    if counts {
                        let graph = if self.names { layer.segment.graph_name(ordinal)? } else { 0 };
                        return Ok(Some(Found { graph, ..found }));
                    }
                }
                None => self.next_layer(),
            }
        }
    }

    fn next_layer(&mut self) {
        self.layer = if self.only.is_some() { usize::MAX } else { self.layer.saturating_add(1) };
        self.cursor = Cursor::Before;
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Found, IndexError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            // An error is the end.
            self.layer = usize::MAX;
        }
        step.transpose()
    }
}

/// Rows that a subject has, about.
const ROWS_OF_A_SUBJECT: usize = 4;

/// Where a scan begins in a segment; `None` if nothing of it matches.
fn begin(layer: &Layer, pattern: &Pattern, only: Option<(usize, u32)>, ordinals: bool) -> Result<Option<Cursor>, IndexError> {
    let segment = &layer.segment;
    let nothing = GraphOf::One(0);
    let number = match pattern.predicate {
        None => None,
        Some(predicate) => match segment.predicate(predicate) {
            None => return Ok(None),
            number => number,
        },
    };
    if let Some(subject) = pattern.subject {
        let all = segment.subjects.rows(&segment.file, subject)?;
        let rows = match number {
            Some(number) => segment.narrow_spo(all.clone(), number, pattern.object)?,
            None => all.clone(),
        };
        if rows.is_empty() {
            return Ok(None);
        }
        let graph = if ordinals { segment.graph_of(subject)? } else { nothing };
        return Ok(Some(Cursor::Subject { subject, graph, first: all.start, rows }));
    }
    let graph = only.map(|(_, ordinal)| segment.graph(ordinal)).transpose()?;
    let subjects = graph.as_ref().map_or(usize::MAX, |graph| graph.blanks.len() + graph.subjects.len());
    if let Some(object) = pattern.object {
        let all = segment.objects.rows(&segment.file, object)?;
        let rows = match number {
            Some(number) => segment.narrow_ops(all, number, None)?,
            None => all,
        };
        // All that is said of a thing may be said in one graph, but a kind of things stands in many.
        if rows.len() / ROWS_OF_A_SUBJECT <= subjects {
            return Ok(Some(Cursor::Object { object, rows }));
        }
    }
    if let Some(graph) = graph {
        let (blanks, subjects) = (graph.blanks, graph.subjects);
        let rows = GraphRows { blanks, subjects, subject: 0, graph: nothing, first: 0, rows: 0..0 };
        return Ok(Some(Cursor::Graph(Box::new(rows))));
    }
    if let Some(number) = number {
        return Ok(Some(Cursor::Predicate { number, objects: segment.objects_of(number)?, object: 0, rows: 0..0 }));
    }
    let keys = segment.subjects.keys.walk();
    Ok(Some(Cursor::All(Box::new(AllRows { keys, rank: 0, subject: 0, graph: nothing, first: 0, rows: 0..0 }))))
}

impl Cursor {
    /// The next row that matches, with the ordinal of its graph. Its graph's name is not looked up yet.
    #[inline]
    fn step(&mut self, layer: &Layer, pattern: &Pattern, ordinals: bool) -> Result<Option<(Found, u32)>, IndexError> {
        let segment = &layer.segment;
        let matches = |found: Found| {
            pattern.object.is_none_or(|object| object == found.object)
                && pattern.predicate.is_none_or(|predicate| predicate == found.predicate)
        };
        match self {
            Self::Before => Ok(None),
            Self::Subject { subject, graph, first, rows } => {
                for row in rows {
                    let (found, ordinal) = row_of(layer, *subject, *graph, *first, row)?;
                    if matches(found) {
                        return Ok(Some((found, ordinal)));
                    }
                }
                Ok(None)
            }
            Self::Object { object, rows } => rows.next().map(|row| row_of_object(layer, *object, row, ordinals)).transpose(),
            Self::Predicate { number, objects, object, rows } => loop {
                if let Some(row) = rows.next() {
                    return row_of_object(layer, *object, row, ordinals).map(Some);
                }
                let Some(place) = objects.next() else { return Ok(None) };
                *object = segment.object_at(place)?;
                *rows = segment.narrow_ops(segment.objects.rows(&segment.file, *object)?, *number, None)?;
            },
            Self::All(all) => loop {
                let AllRows { keys, rank, subject, graph, first, rows } = &mut **all;
                if let Some(row) = rows.next() {
                    return row_of(layer, *subject, *graph, *first, row).map(Some);
                }
                let Some(code) = keys.next(&segment.file)? else { return Ok(None) };
                (*subject, *rows) = (code, segment.subjects.rows_of(&segment.file, *rank)?);
                if ordinals {
                    *graph = segment.graph_of(code)?;
                }
                *first = rows.start;
                *rank += 1;
            },
            Self::Graph(all) => loop {
                let GraphRows { blanks, subjects, subject, graph, first, rows } = &mut **all;
                for row in &mut *rows {
                    let (found, ordinal) = row_of(layer, *subject, *graph, *first, row)?;
                    if matches(found) {
                        return Ok(Some((found, ordinal)));
                    }
                }
                let code = match subjects.next() {
                    Some(place) => segment.file.get(segment.graph_subjects, place)?,
                    None => match blanks.next() {
                        Some(code) if (BLANK..COMPUTED).contains(&code) => code,
                        _ => return Ok(None),
                    },
                };
                *rows = segment.subjects.rows(&segment.file, code)?;
                if rows.start < rows.end {
                    (*subject, *first, *graph) = (code, rows.start, segment.graph_of(code)?);
                }
            },
        }
    }
}

#[inline]
fn row_of(layer: &Layer, subject: Code, graph: GraphOf, first: u32, row: u32) -> Result<(Found, u32), IndexError> {
    let segment = &layer.segment;
    let (number, object) = segment.spo(row)?;
    let ordinal = segment.graph_at(graph, row.wrapping_sub(first))?;
    Ok((Found { subject, predicate: segment.predicate_code(number)?, object, graph: 0 }, ordinal))
}

#[inline]
fn row_of_object(layer: &Layer, object: Code, row: u32, ordinals: bool) -> Result<(Found, u32), IndexError> {
    let segment = &layer.segment;
    let (number, subject) = segment.ops(row)?;
    let ordinal = if ordinals { segment.graph_of_ops(row, object, number, subject)? } else { 0 };
    Ok((Found { subject, predicate: segment.predicate_code(number)?, object, graph: 0 }, ordinal))
}
