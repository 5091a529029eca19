//! The index: its segments, and what they hold together.

use std::path::Path;
use std::sync::Arc;

use oxigraph::model::{NamedNode, Term, TermRef};

use super::build::Known;
use super::code::{BLANK, Code, FIRST_TERM, is_blank};
use super::error::IndexError;
use super::filter::{Filter, LazyFilter};
use super::manifest::{Manifest, Named};
use super::mask::Mask;
use super::segment::Segment;
use super::terms;
use crate::rdf::nth_blank_node;

/// A segment, and which of its graphs count no more.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) segment: Arc<Segment>,
    pub(super) mask: Mask,
    /// The subjects of graphs that count no more, where these are few.
    hidden: LazyFilter,
}

/// Of so many graphs, one may be masked for those to be few.
const FEW: u32 = 16;

impl Layer {
    pub(super) fn open(directory: &Path, named: &Named) -> Result<Self, IndexError> {
        let segment = Segment::open(&directory.join(&named.file))?;
        let mask = match &named.mask {
            Some(mask) => Mask::read(&directory.join(mask), named.mask_sum, segment.graphs)?,
            None => Mask::none(segment.graphs),
        };
        Ok(Self { segment: Arc::new(segment), mask, hidden: LazyFilter::default() })
    }

    /// The same, with a mask of its own.
    pub(super) fn shared(&self) -> Self {
        Self { segment: Arc::clone(&self.segment), mask: self.mask.clone(), hidden: LazyFilter::default() }
    }

    /// Masks a graph. Answers whether it counted.
    pub(super) fn hide(&mut self, graph: u32) -> bool {
        self.hidden = LazyFilter::default();
        self.mask.add(graph)
    }

    /// Whether a subject may be in a graph that counts no more.
    #[inline]
    pub(super) fn doubts(&self, subject: Code) -> Result<bool, IndexError> {
        if self.mask.count() == 0 {
            return Ok(false);
        }
        let filter = self.hidden.get(|| self.hidden_subjects())?;
        Ok(filter.is_none_or(|filter| filter.may_have(subject)))
    }

    /// A filter of the subjects of masked graphs, unless these are many.
    fn hidden_subjects(&self) -> Result<Option<Filter>, IndexError> {
        let segment = &self.segment;
        if self.mask.count() > segment.graphs / FEW {
            return Ok(None);
        }
        let graphs = (0..segment.graphs).filter(|graph| self.mask.has(*graph)).map(|graph| segment.graph(graph));
        let graphs = graphs.collect::<Result<Vec<_>, _>>()?;
        let mut filter = Filter::sized(graphs.iter().map(|graph| graph.blanks.len() + graph.subjects.len()).sum());
        for graph in graphs {
            segment.subjects_in(graph)?.for_each(|subject| filter.add(subject));
        }
        Ok(Some(filter))
    }

    /// How many graphs count.
    pub(super) fn live(&self) -> u32 {
        self.segment.graphs - self.mask.count().min(self.segment.graphs)
    }
}

/// The index, open for reading.
#[derive(Debug, Default)]
pub struct Index {
    /// From the oldest to the newest.
    pub(super) layers: Vec<Layer>,
}

impl Index {
    /// Opens the index in a directory.
    pub fn open(directory: &Path) -> Result<Self, IndexError> {
        let manifest = Manifest::read(directory)?;
        let manifest = manifest.ok_or_else(|| IndexError::damaged(directory, "it has no manifest"))?;
        Self::of(directory, &manifest)
    }

    pub(super) fn of(directory: &Path, manifest: &Manifest) -> Result<Self, IndexError> {
        let layers = manifest.segments.iter().map(|named| Layer::open(directory, named)).collect::<Result<_, _>>()?;
        Ok(Self { layers })
    }

    /// The codes of the next term and the next blank node.
    pub(super) fn next_codes(&self) -> (Code, Code) {
        let ends = self.layers.last().map(|layer| &layer.segment);
        ends.map_or((FIRST_TERM, BLANK), |last| (last.dictionary.first + last.dictionary.count, last.blanks.end))
    }

    /// How many graphs there are.
    #[must_use]
    pub fn graphs(&self) -> u64 {
        self.layers.iter().map(|layer| u64::from(layer.live())).sum()
    }

    /// How many rows there are, those of masked graphs included.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.layers.iter().map(|layer| u64::from(layer.segment.rows)).sum()
    }

    /// The code of a term; `None` if nothing has it.
    pub(super) fn code(&self, term: TermRef<'_>) -> Result<Option<Code>, IndexError> {
        let mut bytes = Vec::new();
        terms::encode(term, &mut bytes);
        self.find(terms::hash(&bytes), &bytes)
    }

    /// The segment whose dictionary has the term of a code.
    fn segment_of(&self, code: Code) -> Option<&Segment> {
        // The newest segments are the smallest, and have the greatest codes.
        let place = self.layers.partition_point(|layer| layer.segment.dictionary.first <= code);
        let mut layers = self.layers[..place].iter().rev();
        layers.find(|layer| layer.segment.dictionary.has(code)).map(|layer| &*layer.segment)
    }

    /// The term of a code, unless it is a blank node's.
    pub(super) fn term(&self, code: Code) -> Result<Option<Term>, IndexError> {
        self.segment_of(code).map(|segment| segment.dictionary.term(&segment.file, code)).transpose()
    }

    /// The bytes of the same.
    pub(super) fn term_bytes(&self, code: Code) -> Result<Option<&[u8]>, IndexError> {
        self.segment_of(code).map(|segment| segment.dictionary.bytes(&segment.file, code)).transpose()
    }

    /// The term of a blank node's code: its id is made of its graph and its place there.
    pub(super) fn blank(&self, code: Code) -> Result<Option<Term>, IndexError> {
        let Some(layer) = self.layers.iter().find(|layer| layer.segment.blanks.contains(&code)) else { return Ok(None) };
        let segment = &layer.segment;
        let super::segment::GraphOf::One(ordinal) = segment.graph_of(code)? else { return Ok(None) };
        let graph = segment.graph(ordinal)?;
        let Some(Term::NamedNode(name)) = self.term(graph.name)? else {
            return Err(segment.file.damaged("the name of a graph is no IRI"));
        };
        Ok(code.checked_sub(graph.blanks.start).map(|number| nth_blank_node(&name, number.into()).into()))
    }

    /// The code of a blank node, found by trying all.
    #[cfg(test)]
    pub(super) fn blank_code(&self, term: &Term) -> Result<Option<Code>, IndexError> {
        if let Some(code) = self.code(term.as_ref())? {
            return Ok(Some(code));
        }
        for Layer { segment, mask, .. } in &self.layers {
            for graph in (0..segment.graphs).filter(|graph| !mask.has(*graph)) {
                for code in segment.graph(graph)?.blanks {
                    if self.blank(code)?.as_ref() == Some(term) {
                        return Ok(Some(code));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The node of a code.
    pub(super) fn node(&self, code: Code) -> Result<Term, IndexError> {
        let found = if is_blank(code) { self.blank(code)? } else { self.term(code)? };
        found.ok_or_else(|| self.broken(&format!("has no node {code}")))
    }

    /// An error of the whole.
    pub(super) fn broken(&self, reason: &str) -> IndexError {
        let path = self.layers.first().map(|layer| layer.segment.file.path().to_owned()).unwrap_or_default();
        IndexError::Damaged { path, reason: reason.to_owned() }
    }

    /// The names of all graphs.
    pub(super) fn graph_names(&self) -> impl Iterator<Item = Result<NamedNode, IndexError>> {
        let layers = self.layers.iter();
        let codes = layers.flat_map(|layer| {
            let live = (0..layer.segment.graphs).filter(|graph| !layer.mask.has(*graph));
            live.map(|graph| layer.segment.graph_name(graph))
        });
        codes.map(|code| match self.node(code?)? {
            Term::NamedNode(name) => Ok(name),
            _ => Err(self.broken("has a graph whose name is no IRI")),
        })
    }

    /// Where the graph with a name is: the place of its layer, and its ordinal.
    pub(super) fn graph(&self, name: Code) -> Result<Option<(usize, u32)>, IndexError> {
        for (place, layer) in self.layers.iter().enumerate().rev() {
            if let Some(ordinal) = layer.segment.find_graph(name)?.filter(|ordinal| !layer.mask.has(*ordinal)) {
                return Ok(Some((place, ordinal)));
            }
        }
        Ok(None)
    }
}

impl Known for Index {
    fn find(&self, hash: u64, bytes: &[u8]) -> Result<Option<Code>, IndexError> {
        for Layer { segment, .. } in &self.layers {
            if let Some(code) = segment.dictionary.find(&segment.file, hash, bytes)? {
                return Ok(Some(code));
            }
        }
        Ok(None)
    }
}
