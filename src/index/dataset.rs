//! The index as a dataset of oxigraph's engine.

use std::cell::{OnceCell, RefCell};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use oxigraph::model::vocab::xsd;
use oxigraph::model::{BlankNode, Literal, LiteralRef, Term, TermRef};
use rustc_hash::FxHashMap;
use spareval::{CancellationToken, ExpressionTerm, InternalQuad, QueryableDataset};

use super::answer::{Answer, End};
use super::answers::{Answered, Answers, answered};
use super::code::{COMPUTED, Code, is_blank};
use super::error::IndexError;
use super::packed::Index;
use super::run::{Prepared, Run};
use super::scan::{Found, Pattern, Scan};

/// The index, as one query reads it: with the terms that the query computes.
pub struct Reading<'a> {
    index: &'a Index,
    computed: RefCell<Computed>,
    /// Whether names of graphs are wanted.
    graphs: bool,
    /// Runs, by the codes of their names.
    runs: FxHashMap<Code, Rc<Prepared>>,
    token: CancellationToken,
    /// The upper half of the ids of blank nodes in expressions; nobody outside the query knows it.
    tag: u64,
    fault: Fault,
}

/// Why the index could not be read, for all who must know.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct ReadingError(Arc<IndexError>);

impl ReadingError {
    /// Whether the query is at fault, and not the index.
    #[must_use]
    pub fn is_of_the_query(&self) -> bool {
        matches!(*self.0, IndexError::Computed(_))
    }
}

/// The first fault of an index while a query reads it. The engine drops faults within expressions, `EXISTS` and `MINUS`.
#[derive(Debug, Clone, Default)]
pub struct Fault(Rc<OnceCell<ReadingError>>);

impl Fault {
    /// The fault, if there was one.
    #[must_use]
    pub fn first(&self) -> Option<ReadingError> {
        self.0.get().cloned()
    }

    fn note(&self, error: IndexError) -> ReadingError {
        let error = ReadingError(Arc::new(error));
        self.0.get_or_init(|| error.clone());
        error
    }
}

/// What a query computed.
#[derive(Default)]
struct Computed {
    terms: Vec<Term>,
    /// Their codes, and those of some terms of the index that came too: often one comes many times.
    codes: FxHashMap<Term, Code>,
    /// Values of literals that are no texts: to sort them, each is compared many times.
    values: FxHashMap<Node, ExpressionTerm>,
}

/// With so many codes, those of terms of the index are no longer remembered.
const KNOWN: usize = 1 << 14;

/// The most values that are remembered.
const VALUES: usize = 1 << 17;

/// A term of a query.
pub type Node = NonZeroU32;

impl<'a> Reading<'a> {
    /// Reads an index for one query.
    #[must_use]
    pub fn new(index: &'a Index) -> Self {
        let tag = RandomState::new().build_hasher().finish();
        let (runs, token) = (FxHashMap::default(), CancellationToken::new());
        Self { index, computed: RefCell::default(), graphs: true, runs, token, tag, fault: Fault::default() }
    }

    /// Leaves out the names of graphs, for a query over the union of all graphs that asks for none: each costs a look-up.
    #[must_use]
    pub fn without_graphs(mut self) -> Self {
        self.graphs = false;
        self
    }

    /// Answers runs by their names, until the token is cancelled.
    pub fn with_runs(mut self, runs: &[Run], token: CancellationToken) -> Result<Self, ReadingError> {
        for run in runs {
            let name = self.internalize_term(run.name.clone().into())?;
            let prepared = Prepared::new(run, self.index).map_err(|error| self.fault.note(error))?;
            self.runs.insert(name.get(), Rc::new(prepared));
        }
        self.token = token;
        Ok(self)
    }

    /// The first fault while it is read.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault.clone()
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

/// What a run gives, as a row. An end at which nothing is wanted is what it was asked with, the name of the run.
fn run_quad(
    index: &Index,
    name: Code,
    known: [Option<Code>; 3],
    answer: Answer,
    node_of: impl Fn(End) -> Result<Node, IndexError>,
) -> Result<InternalQuad<Node>, IndexError> {
    let end = |place: usize| match answer[place] {
        Some(end) => node_of(end),
        None => node(index, known[place].unwrap_or(name)),
    };
    Ok(InternalQuad { subject: end(0)?, predicate: node(index, name)?, object: end(1)?, graph_name: Some(end(2)?) })
}

fn quad(index: &Index, found: Found) -> Result<InternalQuad<Node>, IndexError> {
    Ok(InternalQuad {
        subject: node(index, found.subject)?,
        predicate: node(index, found.predicate)?,
        object: node(index, found.object)?,
        // The engine leaves the name out where it is not wanted.
        graph_name: Some(if found.graph == 0 { Node::MIN } else { node(index, found.graph)? }),
    })
}

/// Rows as the engine takes them.
struct Quads<'a> {
    rows: Rows<'a>,
    index: &'a Index,
    fault: Fault,
}

enum Rows<'a> {
    Scan(Scan<'a>),
    Run {
        name: Code,
        known: [Option<Code>; 3],
        answers: Box<Answers<'a>>,
    },
    /// What was gathered from a run.
    Gathered(std::vec::IntoIter<InternalQuad<Node>>),
    Failed(IndexError),
    /// Nothing more.
    Ended,
}

impl Iterator for Quads<'_> {
    type Item = Result<InternalQuad<Node>, ReadingError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let next = match &mut self.rows {
            Rows::Scan(scan) => scan.next().map(|found| quad(self.index, found?)),
            Rows::Run { name, known, answers } => {
                // Without counts: those are gathered.
                let node = |end| if let End::Node(code) = end { node(self.index, code) } else { node(self.index, *name) };
                let answer = answers.step().transpose();
                answer.map(|answer| run_quad(self.index, *name, *known, answer?, node))
            }
            Rows::Gathered(quads) => quads.next().map(Ok),
            Rows::Ended => None,
            Rows::Failed(_) => match std::mem::replace(&mut self.rows, Rows::Ended) {
                Rows::Failed(error) => Some(Err(error)),
                _ => None,
            },
        };
        next.map(|next| {
            next.map_err(|error| {
                // An error is the end.
                self.rows = Rows::Ended;
                self.fault.note(error)
            })
        })
    }
}

impl<'a> QueryableDataset<'a> for Reading<'a> {
    type InternalTerm = Node;
    type Error = ReadingError;

    fn internal_quads_for_pattern(
        &self,
        subject: Option<&Node>,
        predicate: Option<&Node>,
        object: Option<&Node>,
        graph_name: Option<Option<&Node>>,
    ) -> impl Iterator<Item = Result<InternalQuad<Node>, ReadingError>> + use<'a> {
        let (index, fault) = (self.index, self.fault.clone());
        let code = |node: Option<&Node>| node.map(|node| node.get());
        let (subject, predicate, object) = (code(subject), code(predicate), code(object));
        let rows = match (predicate.and_then(|name| self.runs.get_key_value(&name)), graph_name) {
            (Some((name, run)), graph) => {
                self.run(*name, run, [subject, object, code(graph.flatten())]).unwrap_or_else(Rows::Failed)
            }
            // Nothing is in no graph.
            (None, Some(None)) => Rows::Ended,
            (None, graph) => {
                let pattern = Pattern { subject, predicate, object, graph: code(graph.flatten()) };
                if self.graphs || pattern.graph.is_some() {
                    Scan::new(index, pattern).map_or_else(Rows::Failed, Rows::Scan)
                } else {
                    Rows::Scan(Scan::without_graphs(index, pattern))
                }
            }
        };
        Quads { rows, index, fault }
    }

    fn internal_named_graphs(&self) -> impl Iterator<Item = Result<Node, ReadingError>> + use<'a> {
        let (index, fault) = (self.index, self.fault.clone());
        let layers = index.layers.iter();
        layers
            .flat_map(|layer| {
                let live = (0..layer.segment.graphs).filter(|graph| !layer.mask.has(*graph));
                live.map(|graph| layer.segment.graph_name(graph))
            })
            .map(move |name| name.and_then(|name| node(index, name)).map_err(|error| fault.note(error)))
    }

    fn contains_internal_graph_name(&self, graph_name: &Node) -> Result<bool, ReadingError> {
        self.index.graph(graph_name.get()).map(|found| found.is_some()).map_err(|error| self.fault.note(error))
    }

    fn internalize_term(&self, term: Term) -> Result<Node, ReadingError> {
        self.node_of(term).map_err(|error| self.fault.note(error))
    }

    fn externalize_term(&self, node: Node) -> Result<Term, ReadingError> {
        self.term(node).map_err(|error| self.fault.note(error))
    }

    fn externalize_expression_term(&self, node: Node) -> Result<ExpressionTerm, ReadingError> {
        self.value(node).map_err(|error| self.fault.note(error))
    }
}

impl<'a> Reading<'a> {
    /// What a run gives for what is known of its ends.
    fn run(&self, name: Code, run: &Rc<Prepared>, known: [Option<Code>; 3]) -> Result<Rows<'a>, IndexError> {
        let index = self.index;
        Ok(match answered(index, run, known, self.token.clone())? {
            Answered::Each(answers) => Rows::Run { name, known, answers },
            Answered::All(answers) => {
                let node = |end| match end {
                    End::Node(code) => node(index, code),
                    End::Count(count) => self.node_of(Literal::from(count).into()),
                };
                let quads = answers.into_iter().map(|answer| run_quad(index, name, known, answer, node));
                Rows::Gathered(quads.collect::<Result<Vec<_>, _>>()?.into_iter())
            }
        })
    }

    /// The node of a term, also of one that the index does not have.
    fn node_of(&self, term: Term) -> Result<Node, IndexError> {
        let id = if let TermRef::BlankNode(blank) = term.as_ref() { blank.unique_id() } else { None };
        // Expressions hand blank nodes back as terms.
        let ours = id.filter(|id| id >> 64 == u128::from(self.tag)).and_then(|id| u32::try_from(id & u128::from(u64::MAX)).ok());
        if let Some(code) = ours {
            return node(self.index, code);
        }
        let mut computed = self.computed.borrow_mut();
        if let Some(code) = computed.codes.get(&term) {
            return node(self.index, *code);
        }
        let code = if let Some(code) = self.index.code(term.as_ref())? {
            if computed.codes.len() < KNOWN {
                computed.codes.insert(term, code);
            }
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

    /// The value of a node, as expressions take it.
    fn value(&self, node: Node) -> Result<ExpressionTerm, IndexError> {
        if let Some(value) = self.computed.borrow().values.get(&node) {
            return Ok(value.clone());
        }
        // An id that leads back, whatever the node is called: so nothing is kept of it, and its name is not made.
        let blank = || BlankNode::new_from_unique_id(u128::from(self.tag) << 64 | u128::from(node.get()));
        if is_blank(node.get()) {
            return Ok(ExpressionTerm::BlankNode(blank()));
        }
        let term = self.term(node)?;
        match term.as_ref() {
            TermRef::BlankNode(_) => Ok(ExpressionTerm::BlankNode(blank())),
            TermRef::Literal(literal) if !is_text(literal) => {
                let mut computed = self.computed.borrow_mut();
                let value = ExpressionTerm::from(term);
                if computed.values.len() < VALUES {
                    computed.values.insert(node, value.clone());
                }
                Ok(value)
            }
            _ => Ok(term.into()),
        }
    }
}
