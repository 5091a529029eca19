//! Runs: patterns that follow one another in a plan, answered here in one go. The engine takes some hundred nanoseconds for each
//! row that it hands from one pattern to the next.

use std::cell::OnceCell;
use std::rc::Rc;

use oxigraph::model::{NamedNode, Term, TermRef};

use super::code::Code;
use super::error::IndexError;
use super::packed::Index;
use super::plan::{Edge, Item, Link, Plan};
use super::rows::Slot;

/// Patterns over all graphs, in the order in which they are looked up. For each way in which all of them match, a run gives the
/// values of its ends; or it gives one row for many ways ([`Gathered`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The predicate that stands for it in a query.
    pub name: NamedNode,
    /// Its patterns.
    pub steps: Vec<RunStep>,
    /// How many variables they have. Each is a number below this.
    pub variables: u8,
    /// What is the subject, the object and the graph of what it gives; without anything, that is its name.
    pub ends: [Option<RunEnd>; 3],
    /// What becomes of the ways in which it matches.
    pub gathered: Gathered,
}

/// What stands at an end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// The value of a variable.
    Variable(u8),
    /// For groups: how many ways there are, with one of these.
    Count,
    /// For groups: how many different values a variable has.
    Different(u8),
}

/// What a run gives for the ways in which its patterns match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gathered {
    /// A row for each.
    Not,
    /// A row for all that have the same values of the variables at its ends, with counts. Without such variables, one row.
    Groups,
    /// A row for each, but for those that cannot be among the first `most` when they are sorted by the values of a variable.
    First {
        /// The variable.
        by: u8,
        /// How many are wanted.
        most: usize,
        /// Whether the greatest come first.
        descending: bool,
    },
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunStep {
    /// A pattern matches.
    Matches(RunPattern),
    /// Patterns match together, whatever in how many ways, or do not match at all.
    Exists {
        /// Whether they match.
        exists: bool,
        /// The patterns.
        patterns: Vec<RunPattern>,
    },
    /// Any triple, with the variable of its predicate: the only step of a run whose groups are counted by nothing else.
    Any(u8),
}

/// A pattern of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPattern {
    /// Its subject.
    pub subject: RunPlace,
    /// The ways from the subject to the object, each of one edge or more. With several ways, each pair of a subject and an object
    /// matches once, as in a path of alternatives.
    pub paths: Vec<Vec<RunEdge>>,
    /// Its object.
    pub object: RunPlace,
}

/// A property in a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEdge {
    /// The property.
    pub predicate: NamedNode,
    /// Whether it is walked from its object to its subject.
    pub reversed: bool,
}

/// A subject or an object of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunPlace {
    /// A variable.
    Variable(u8),
    /// A term.
    Is(Term),
}

/// A run whose terms were looked up.
pub(super) struct Prepared {
    items: Vec<Item>,
    /// What its slots hold at first: a variable nothing, which is 0, and a constant its code.
    pub(super) slots: Vec<Code>,
    pub(super) ends: [Option<RunEnd>; 3],
    pub(super) gathered: Gathered,
    /// Whether it can match at all.
    pub(super) possible: bool,
    /// If it is any triple, the variable of its predicate.
    pub(super) any: Option<u8>,
    /// How it is answered, by which of its ends are known.
    plans: [OnceCell<Rc<Plan>>; 8],
}

impl Prepared {
    pub(super) fn new(run: &Run, index: &Index) -> Result<Self, IndexError> {
        let mut slots = Slots { values: vec![0; usize::from(run.variables)], index };
        let (mut items, mut possible, mut any) = (Vec::new(), true, None);
        for step in &run.steps {
            match step {
                RunStep::Any(predicate) => any = Some(*predicate),
                RunStep::Matches(pattern) => match slots.link(pattern)? {
                    Some(link) => items.push(Item::Link(link)),
                    None => possible = false,
                },
                RunStep::Exists { exists, patterns } => {
                    let links: Vec<Option<Link>> =
                        patterns.iter().map(|pattern| slots.link(pattern)).collect::<Result<_, _>>()?;
                    match links.into_iter().collect::<Option<Vec<Link>>>() {
                        Some(links) => {
                            let origin = slots.slot(0);
                            items.push(Item::Exists { exists: *exists, links, origin });
                        }
                        None => possible &= !exists,
                    }
                }
            }
        }
        let plans = Default::default();
        Ok(Self { items, slots: slots.values, ends: run.ends, gathered: run.gathered, possible, any, plans })
    }

    /// How it is answered, if these of its ends are known.
    pub(super) fn plan(&self, known: [bool; 3]) -> Rc<Plan> {
        let place = known.iter().rev().fold(0, |place, known| place << 1 | usize::from(*known));
        let plan = self.plans[place].get_or_init(|| {
            let mut bound: Vec<bool> = self.slots.iter().map(|code| *code != 0).collect();
            for (end, known) in self.ends.iter().zip(known) {
                if let Some(RunEnd::Variable(variable)) = end {
                    bound[usize::from(*variable)] |= known;
                }
            }
            Rc::new(Plan::new(&self.items, &mut bound))
        });
        Rc::clone(plan)
    }
}

/// The slots of a run while it is prepared.
struct Slots<'a> {
    values: Vec<Code>,
    index: &'a Index,
}

impl Slots<'_> {
    fn slot(&mut self, code: Code) -> Slot {
        self.values.push(code);
        self.values.len() - 1
    }

    /// The slot of a place; `None` for a term that nothing has.
    fn place(&mut self, place: &RunPlace) -> Result<Option<Slot>, IndexError> {
        Ok(match place {
            RunPlace::Variable(number) => Some(usize::from(*number)),
            RunPlace::Is(term) => self.index.code(term.as_ref())?.map(|code| self.slot(code)),
        })
    }

    /// A pattern with its slots; `None` if it cannot match.
    fn link(&mut self, pattern: &RunPattern) -> Result<Option<Link>, IndexError> {
        let (subject, object) = (self.place(&pattern.subject)?, self.place(&pattern.object)?);
        let mut paths = Vec::new();
        for path in &pattern.paths {
            let edges: Vec<Option<Edge>> = path.iter().map(|edge| self.edge(edge)).collect::<Result<_, _>>()?;
            if let Some(edges) = edges.into_iter().collect::<Option<Vec<Edge>>>() {
                let between = (1..edges.len()).map(|_| self.slot(0)).collect();
                paths.push((edges, between));
            }
        }
        let (Some(subject), Some(object), false) = (subject, object, paths.is_empty()) else { return Ok(None) };
        let once = pattern.paths.len() > 1 || pattern.paths.iter().any(|path| path.len() > 1);
        let once = once.then(|| self.slot(0));
        Ok(Some(Link { subject, object, paths, once }))
    }

    /// A property with its number in each segment; `None` if nothing has it.
    fn edge(&self, edge: &RunEdge) -> Result<Option<Edge>, IndexError> {
        let Some(code) = self.index.code(TermRef::from(edge.predicate.as_ref()))? else { return Ok(None) };
        let numbers = self.index.layers.iter().map(|layer| layer.segment.predicate(code)).collect();
        Ok(Some(Edge { numbers, reversed: edge.reversed }))
    }
}
