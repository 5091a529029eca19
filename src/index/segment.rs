//! A segment: the graphs of some records, and the terms that were new with them. Immutable.
//!
//! Its rows are there twice: by subject, predicate, object and graph (`spo`), and by object, predicate, subject and graph (`ops`). A
//! predicate is two bytes, its number in the segment; predicates are numbered in the order of their codes. A graph is its number in the
//! segment, its ordinal. Blank nodes belong to one graph, whose nodes have codes that follow one another; so a blank node
//! leads to its graph, and the graph to the nodes. A term leads to the one graph that it is a subject of, or, where these are
//! several, to one for each row.

use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zerocopy::little_endian::{U16, U32};

use super::code::{Code, is_blank};
use super::dictionary::{Dictionary, DictionaryForm};
use super::directory::{Directory, DirectoryForm, Form, KeySet};
use super::error::IndexError;
use super::mapped::{Column, Mapped, Place};

/// Marks the number of a list of graphs, in place of a graph.
pub(super) const SEVERAL: u32 = 0x8000_0000;

/// What a segment's footer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SegmentForm {
    pub(super) dictionary: DictionaryForm,
    /// The blank nodes that the segment has, and others that nothing has any more.
    pub(super) blanks: Range<Code>,
    /// Whether each of its terms was in a graph when it was written.
    pub(super) clean: bool,
    pub(super) predicates: PredicateForm,
    pub(super) subjects: DirectoryForm,
    pub(super) subject_graphs: Place,
    pub(super) several_starts: Place,
    pub(super) several_graphs: Place,
    pub(super) spo: [Place; 2],
    pub(super) objects: DirectoryForm,
    pub(super) ops: [Place; 2],
    pub(super) graphs: GraphForm,
}

/// The predicates of a segment, in columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PredicateForm {
    pub(super) codes: Place,
    pub(super) rows: Place,
    pub(super) subjects: Place,
    pub(super) object_starts: Place,
    pub(super) objects: Place,
}

/// The graphs of a segment, in columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GraphForm {
    pub(super) names: Place,
    pub(super) by_name: Place,
    pub(super) blanks: Place,
    pub(super) blank_counts: Place,
    pub(super) subject_starts: Place,
    pub(super) subjects: Place,
    pub(super) of_blanks: [Form; 2],
}

/// A predicate of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Predicate {
    pub(super) code: Code,
    pub(super) rows: u32,
    pub(super) subjects: u32,
}

/// A graph of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Graph {
    pub(super) name: Code,
    pub(super) blanks: Range<Code>,
    /// The terms that are subjects in it.
    pub(super) subjects: Range<usize>,
}

/// The graph of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GraphOf {
    /// The same for all rows of the subject.
    One(u32),
    /// One for each row of the subject, from this place on in the list.
    Each(usize),
}

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: Mapped,
    pub(super) dictionary: Dictionary,
    pub(super) blanks: Range<Code>,
    pub(super) clean: bool,
    /// In the order of their codes.
    pub(super) predicates: Vec<Predicate>,
    object_starts: Column<U32>,
    predicate_objects: Column<U32>,
    pub(super) subjects: Directory,
    subject_graphs: Column<U32>,
    several_starts: Column<U32>,
    several_graphs: Column<U32>,
    spo: (Column<U16>, Column<U32>),
    pub(super) objects: Directory,
    ops: (Column<U16>, Column<U32>),
    graph_names: Column<U32>,
    graphs_by_name: Column<U32>,
    graph_blanks: Column<U32>,
    graph_blank_counts: Column<U32>,
    graph_subject_starts: Column<U32>,
    pub(super) graph_subjects: Column<U32>,
    graph_of_blanks: KeySet,
    /// How many rows, and how many graphs.
    pub(super) rows: u32,
    pub(super) graphs: u32,
}

impl Segment {
    pub(super) fn open(path: &Path) -> Result<Self, IndexError> {
        let file = Mapped::open(path)?;
        let form: SegmentForm = file.footer()?;
        let damaged = || file.damaged("its columns do not fit one another");
        let number = |count: usize| u32::try_from(count).map_err(|_| damaged());
        let spo: (Column<U16>, Column<U32>) = (file.column(form.spo[0])?, file.column(form.spo[1])?);
        let ops: (Column<U16>, Column<U32>) = (file.column(form.ops[0])?, file.column(form.ops[1])?);
        let rows = number(spo.1.len())?;
        let graph_names: Column<U32> = file.column(form.graphs.names)?;
        let graphs = number(graph_names.len())?;
        let segment = Self {
            dictionary: Dictionary::open(&file, form.dictionary)?,
            predicates: predicates(&file, &form.predicates)?,
            object_starts: file.column(form.predicates.object_starts)?,
            predicate_objects: file.column(form.predicates.objects)?,
            subjects: Directory::open(&file, form.subjects)?,
            subject_graphs: file.column(form.subject_graphs)?,
            several_starts: file.column(form.several_starts)?,
            several_graphs: file.column(form.several_graphs)?,
            objects: Directory::open(&file, form.objects)?,
            graphs_by_name: file.column(form.graphs.by_name)?,
            graph_blanks: file.column(form.graphs.blanks)?,
            graph_blank_counts: file.column(form.graphs.blank_counts)?,
            graph_subject_starts: file.column(form.graphs.subject_starts)?,
            graph_subjects: file.column(form.graphs.subjects)?,
            graph_of_blanks: KeySet::open(&file, form.graphs.of_blanks)?,
            blanks: form.blanks.clone(),
            clean: form.clean,
            graph_names,
            spo,
            ops,
            rows,
            graphs,
            file,
        };
        let Self { file, predicates, .. } = &segment;
        let fits = segment.spo.0.len() == spo.1.len()
            && ops.0.len() == spo.1.len()
            && ops.1.len() == spo.1.len()
            && segment.object_starts.len() == predicates.len() + 1
            && segment.graph_subject_starts.len() == graph_names.len() + 1
            && [segment.graphs_by_name, segment.graph_blanks, segment.graph_blank_counts]
                .iter()
                .all(|column| column.len() == graph_names.len())
            && segment.graph_of_blanks.count() == graphs;
        if fits { Ok(segment) } else { Err(file.damaged("its columns do not fit one another")) }
    }

    /// The number of a predicate.
    #[inline]
    pub(super) fn predicate(&self, code: Code) -> Option<u16> {
        self.predicates.binary_search_by_key(&code, |predicate| predicate.code).ok().and_then(|place| u16::try_from(place).ok())
    }

    /// The code of a predicate by its number.
    #[inline]
    pub(super) fn predicate_code(&self, number: u16) -> Result<Code, IndexError> {
        let predicate = self.predicates.get(usize::from(number)).ok_or_else(|| self.file.damaged("a row has no predicate"))?;
        Ok(predicate.code)
    }

    /// Where the objects of a predicate are in the list of objects.
    pub(super) fn objects_of(&self, predicate: u16) -> Result<Range<usize>, IndexError> {
        let bounds = self.file.slice(self.object_starts, usize::from(predicate)..usize::from(predicate) + 2)?;
        Ok(bounds[0].get() as usize..bounds[1].get() as usize)
    }

    /// An object of the list of objects.
    #[inline]
    pub(super) fn object_at(&self, place: usize) -> Result<Code, IndexError> {
        self.file.get(self.predicate_objects, place)
    }

    /// The predicate and the object of a row of `spo`.
    #[inline]
    pub(super) fn spo(&self, row: u32) -> Result<(u16, Code), IndexError> {
        Ok((self.file.get(self.spo.0, row as usize)?, self.file.get(self.spo.1, row as usize)?))
    }

    /// The predicate and the subject of a row of `ops`.
    #[inline]
    pub(super) fn ops(&self, row: u32) -> Result<(u16, Code), IndexError> {
        Ok((self.file.get(self.ops.0, row as usize)?, self.file.get(self.ops.1, row as usize)?))
    }

    /// The objects of some rows of `spo`.
    #[inline]
    pub(super) fn spo_nodes(&self, rows: Range<u32>) -> Result<&[U32], IndexError> {
        self.file.slice(self.spo.1, rows.start as usize..rows.end as usize)
    }

    /// The subjects of some rows of `ops`.
    #[inline]
    pub(super) fn ops_nodes(&self, rows: Range<u32>) -> Result<&[U32], IndexError> {
        self.file.slice(self.ops.1, rows.start as usize..rows.end as usize)
    }

    /// Of the rows of a subject, those with a predicate, and an object.
    #[inline]
    pub(super) fn narrow_spo(&self, rows: Range<u32>, predicate: u16, object: Option<Code>) -> Result<Range<u32>, IndexError> {
        narrow(&self.file, self.spo, rows, predicate, object)
    }

    /// Of the rows of an object, those with a predicate, and a subject.
    #[inline]
    pub(super) fn narrow_ops(&self, rows: Range<u32>, predicate: u16, subject: Option<Code>) -> Result<Range<u32>, IndexError> {
        narrow(&self.file, self.ops, rows, predicate, subject)
    }

    /// The graphs of the rows of a subject.
    #[inline]
    pub(super) fn graph_of(&self, subject: Code) -> Result<GraphOf, IndexError> {
        let nowhere = || self.file.damaged("a subject is in no graph");
        if is_blank(subject) {
            return Ok(GraphOf::One(self.graph_of_blanks.rank_up_to(&self.file, subject)?.ok_or_else(nowhere)?));
        }
        let rank = self.subjects.keys.rank(&self.file, subject)?.ok_or_else(nowhere)?;
        let graph = self.file.get(self.subject_graphs, rank as usize)?;
        if graph & SEVERAL == 0 {
            return Ok(GraphOf::One(graph));
        }
        Ok(GraphOf::Each(self.file.get(self.several_starts, (graph & !SEVERAL) as usize)? as usize))
    }

    /// The graph of a row, of which `row` of those of its subject come before it.
    #[inline]
    pub(super) fn graph_at(&self, graph: GraphOf, row: u32) -> Result<u32, IndexError> {
        match graph {
            GraphOf::One(graph) => Ok(graph),
            GraphOf::Each(start) => self.file.get(self.several_graphs, start + row as usize),
        }
    }

    /// The graph of a row of `ops`: of several rows that are the same otherwise, the first has the first graph.
    pub(super) fn graph_of_ops(&self, row: u32, object: Code, predicate: u16, subject: Code) -> Result<u32, IndexError> {
        let graph = self.graph_of(subject)?;
        if let GraphOf::One(graph) = graph {
            return Ok(graph);
        }
        let first = self.narrow_ops(self.objects.rows(&self.file, object)?, predicate, Some(subject))?.start;
        let all = self.subjects.rows(&self.file, subject)?;
        let same = self.narrow_spo(all.clone(), predicate, Some(object))?;
        let place = row.checked_sub(first).and_then(|before| same.start.checked_add(before)?.checked_sub(all.start));
        self.graph_at(graph, place.ok_or_else(|| self.file.damaged("a row is in no graph"))?)
    }

    /// A graph by its ordinal.
    pub(super) fn graph(&self, ordinal: u32) -> Result<Graph, IndexError> {
        let (file, at) = (&self.file, ordinal as usize);
        let (first, count) = (file.get(self.graph_blanks, at)?, file.get(self.graph_blank_counts, at)?);
        let bounds = file.slice(self.graph_subject_starts, at..at + 2)?;
        let end = first.checked_add(count).ok_or_else(|| file.damaged("a graph has too many nodes"))?;
        let subjects = bounds[0].get() as usize..bounds[1].get() as usize;
        Ok(Graph { name: file.get(self.graph_names, at)?, blanks: first..end, subjects })
    }

    /// The nodes that may be subjects in a graph: its terms that are, and all its blank nodes.
    pub(super) fn subjects_in(&self, graph: Graph) -> Result<impl Iterator<Item = Code>, IndexError> {
        let terms = self.file.slice(self.graph_subjects, graph.subjects)?;
        Ok(terms.iter().map(|term| term.get()).chain(graph.blanks))
    }

    /// The name of a graph.
    #[inline]
    pub(super) fn graph_name(&self, ordinal: u32) -> Result<Code, IndexError> {
        self.file.get(self.graph_names, ordinal as usize)
    }

    /// The ordinal of a graph by its name. Masked ones are found too; one name is here once.
    pub(super) fn find_graph(&self, name: Code) -> Result<Option<u32>, IndexError> {
        let (mut low, mut high) = (0, self.graphs as usize);
        while low < high {
            let middle = usize::midpoint(low, high);
            let ordinal = self.file.get(self.graphs_by_name, middle)?;
            match self.graph_name(ordinal)?.cmp(&name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(Some(ordinal)),
            }
        }
        Ok(None)
    }
}

fn predicates(file: &Mapped, form: &PredicateForm) -> Result<Vec<Predicate>, IndexError> {
    let all = |place| {
        let column: Column<U32> = file.column(place)?;
        file.slice(column, 0..column.len())
    };
    let (codes, rows, subjects) = (all(form.codes)?, all(form.rows)?, all(form.subjects)?);
    if codes.len() > usize::from(u16::MAX) || codes.len() != rows.len() || codes.len() != subjects.len() {
        return Err(file.damaged("its predicates do not fit one another"));
    }
    let each = codes.iter().zip(rows).zip(subjects);
    Ok(each.map(|((code, rows), subjects)| Predicate { code: code.get(), rows: rows.get(), subjects: subjects.get() }).collect())
}

/// So many rows are looked at one by one.
const FEW: usize = 16;

/// Of rows that are sorted by predicate and node, those that have them.
#[inline]
fn narrow(
    file: &Mapped,
    (predicates, nodes): (Column<U16>, Column<U32>),
    rows: Range<u32>,
    predicate: u16,
    node: Option<Code>,
) -> Result<Range<u32>, IndexError> {
    let (start, end) = (rows.start as usize, rows.end as usize);
    let here = file.slice(predicates, start..end)?;
    let (first, count) = if here.len() <= FEW {
        let first = here.iter().position(|value| value.get() >= predicate).unwrap_or(here.len());
        (first, here[first..].iter().take_while(|value| value.get() == predicate).count())
    } else {
        let first = here.partition_point(|value| value.get() < predicate);
        (first, here[first..].partition_point(|value| value.get() == predicate))
    };
    let (mut low, mut high) = (start + first, start + first + count);
    if let Some(node) = node {
        let here = file.slice(nodes, low..high)?;
        let first = here.partition_point(|value| value.get() < node);
        let count = here[first..].partition_point(|value| value.get() == node);
        (low, high) = (low + first, low + first + count);
    }
    // Both are below the number of rows.
    Ok(u32::try_from(low).unwrap_or(u32::MAX)..u32::try_from(high).unwrap_or(u32::MAX))
}
