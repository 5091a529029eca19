//! The index as a dataset of oxigraph's engine.

use std::cell::RefCell;
use std::num::NonZeroU32;

use oxigraph::model::vocab::xsd;
use oxigraph::model::{LiteralRef, Term, TermRef};
use rustc_hash::FxHashMap;
use spareval::{ExpressionTerm, InternalQuad, QueryableDataset};

use super::code::{COMPUTED, Code};
use super::error::IndexError;
use super::packed::Index;
use super::scan::{Found, Pattern, Scan};

/// The index, as one query reads it: with the terms that the query computes.
pub struct Reading<'a> {
    index: &'a Index,
    computed: RefCell<Computed>,
}

/// What a query computed, and the blank nodes that it looked at: expressions hand terms back as terms.
#[derive(Default)]
struct Computed {
    terms: Vec<Term>,
    codes: FxHashMap<Term, Code>,
    blanks: FxHashMap<Term, Code>,
    /// Values of literals that are no texts: to sort them, each is compared many times.
    values: FxHashMap<Node, ExpressionTerm>,
}

/// The most values that are remembered.
const VALUES: usize = 1 << 17;

/// A term of a query.
pub type Node = NonZeroU32;

impl<'a> Reading<'a> {
    /// Reads an index for one query.
    #[must_use]
    pub fn new(index: &'a Index) -> Self {
        Self { index, computed: RefCell::default() }
    }

    fn term(&self, node: Node) -> Result<Term, IndexError> {
        let code = node.get();
        match code.checked_sub(COMPUTED) {
            Some(place) => {
                let found = self.computed.borrow().terms.get(place as usize).cloned();
                found.ok_or_else(|| self.index.broken("has a term that was not computed"))
            }
            None => self.index.node(code),
        }
    }
}

fn is_text(literal: LiteralRef<'_>) -> bool {
    literal.language().is_some() || literal.datatype() == xsd::STRING
}

fn node(index: &Index, code: Code) -> Result<Node, IndexError> {
    NonZeroU32::new(code).ok_or_else(|| index.broken("has a node without a code"))
}

fn quad(index: &Index, found: Found) -> Result<InternalQuad<Node>, IndexError> {
    Ok(InternalQuad {
        subject: node(index, found.subject)?,
        predicate: node(index, found.predicate)?,
        object: node(index, found.object)?,
        graph_name: Some(node(index, found.graph)?),
    })
}

/// Rows as the engine takes them; `None` where a pattern can match nothing.
struct Quads<'a> {
    scan: Option<Result<Scan<'a>, IndexError>>,
    index: &'a Index,
}

impl Iterator for Quads<'_> {
    type Item = Result<InternalQuad<Node>, IndexError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.scan.as_mut()? {
            Ok(scan) => scan.next().map(|found| quad(self.index, found?)),
            Err(_) => self.scan.take().and_then(Result::err).map(Err),
        }
    }
}

impl<'a> QueryableDataset<'a> for Reading<'a> {
    type InternalTerm = Node;
    type Error = IndexError;

    fn internal_quads_for_pattern(
        &self,
        subject: Option<&Node>,
        predicate: Option<&Node>,
        object: Option<&Node>,
        graph_name: Option<Option<&Node>>,
    ) -> impl Iterator<Item = Result<InternalQuad<Node>, IndexError>> + use<'a> {
        let code = |node: Option<&Node>| node.map(|node| node.get());
        // Nothing is in no graph.
        let graph = match graph_name {
            Some(None) => return Quads { scan: None, index: self.index },
            Some(graph) => code(graph),
            None => None,
        };
        let pattern = Pattern { subject: code(subject), predicate: code(predicate), object: code(object), graph };
        Quads { scan: Some(Scan::new(self.index, pattern)), index: self.index }
    }

    fn internal_named_graphs(&self) -> impl Iterator<Item = Result<Node, IndexError>> + use<'a> {
        let index = self.index;
        let layers = index.layers.iter();
        layers
            .flat_map(|layer| {
                let live = (0..layer.segment.graphs).filter(|graph| !layer.mask.has(*graph));
                live.map(|graph| layer.segment.graph_name(graph))
            })
            .map(move |name| node(index, name?))
    }

    fn contains_internal_graph_name(&self, graph_name: &Node) -> Result<bool, IndexError> {
        Ok(self.index.graph(graph_name.get())?.is_some())
    }

    fn internalize_term(&self, term: Term) -> Result<Node, IndexError> {
        if let Some(code) = self.index.code(term.as_ref())? {
            return node(self.index, code);
        }
        let mut computed = self.computed.borrow_mut();
        let known = computed.blanks.get(&term).or_else(|| computed.codes.get(&term)).copied();
        let code = if let Some(code) = known {
            code
        } else {
            let code = u32::try_from(computed.terms.len()).ok().and_then(|place| COMPUTED.checked_add(place));
            let code = code.ok_or(IndexError::Computed(u32::MAX - COMPUTED))?;
            computed.terms.push(term.clone());
            computed.codes.insert(term, code);
            code
        };
        drop(computed);
        node(self.index, code)
    }

    fn externalize_term(&self, node: Node) -> Result<Term, IndexError> {
        self.term(node)
    }

    fn externalize_expression_term(&self, node: Node) -> Result<ExpressionTerm, IndexError> {
        if let Some(value) = self.computed.borrow().values.get(&node) {
            return Ok(value.clone());
        }
        let term = self.term(node)?;
        let mut computed = self.computed.borrow_mut();
        match term.as_ref() {
            TermRef::BlankNode(_) => {
                computed.blanks.insert(term.clone(), node.get());
            }
            TermRef::Literal(literal) if !is_text(literal) && computed.values.len() < VALUES => {
                let value = ExpressionTerm::from(term);
                computed.values.insert(node, value.clone());
                return Ok(value);
            }
            _ => {}
        }
        Ok(term.into())
    }
}
