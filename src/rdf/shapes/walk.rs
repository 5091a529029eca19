//! Walking a record's graph along the paths of the table.

use std::cell::RefCell;
use std::rc::Rc;

use oxigraph::model::{NamedOrBlankNodeRef, Term};
use rustc_hash::{FxHashMap, FxHashSet};

use super::aspect::Aspect;
use super::path::{Only, Path, TermId};
use super::table::Shapes;
use super::thing::Thing;
use crate::rdf::graph::{Graph, Node, node};
use crate::rdf::vocab::RDF_TYPE;

/// What is said of a node in terms that the table knows.
type Sheet<'a> = Rc<[(TermId, &'a Term)]>;

/// The most values of an aspect, and the most nodes that a path goes on from: a record in which many nodes share large ones
/// must not cost their product. Records hold a few hundred subjects or contributors at most.
const MOST_VALUES: usize = 1000;

/// A graph, read by a table.
pub(super) struct Walk<'w, 'a> {
    pub(super) shapes: &'w Shapes,
    pub(super) graph: &'w Graph<'a>,
    /// Of the nodes that were visited: many paths begin at the same node.
    sheets: RefCell<FxHashMap<Node<'a>, Sheet<'a>>>,
    /// What was found out of nodes that are referred to: many references may lead to one node.
    pub(super) known: RefCell<FxHashMap<Node<'a>, Option<Thing>>>,
}

impl<'w, 'a> Walk<'w, 'a> {
    pub(super) fn new(shapes: &'w Shapes, graph: &'w Graph<'a>) -> Self {
        Self { shapes, graph, sheets: RefCell::default(), known: RefCell::default() }
    }

    fn sheet(&self, of: Node<'a>) -> Sheet<'a> {
        let known = self.sheets.borrow().get(&of).map(Rc::clone);
        known.unwrap_or_else(|| {
            let said = self.graph.quads(of).iter();
            let sheet: Sheet<'a> =
                said.filter_map(|quad| Some((self.shapes.terms.get(quad.predicate.as_str())?, &quad.object))).collect();
            self.sheets.borrow_mut().insert(of, Rc::clone(&sheet));
            sheet
        })
    }

    /// The values at the end of a path.
    pub(super) fn follow(&self, of: Node<'a>, path: &Path) -> Vec<&'a Term> {
        let (mut nodes, mut found) = (vec![of], Vec::new());
        for (place, step) in path.0.iter().enumerate() {
            if place > 0 {
                let mut seen = FxHashSet::default();
                nodes = found.into_iter().filter_map(node).filter(|node| seen.insert(*node)).take(MOST_VALUES).collect();
            }
            found = Vec::new();
            for at in &nodes {
                let values = self.sheet(*at);
                let fits = values.iter().filter(|(property, value)| *property == step.property && self.keeps(&step.only, value));
                found.extend(fits.map(|(_, value)| *value));
            }
        }
        found
    }

    fn keeps(&self, only: &Only, value: &'a Term) -> bool {
        match only {
            Only::All => true,
            Only::Beginning(beginning) => matches!(value, Term::NamedNode(name) if name.as_str().starts_with(beginning)),
            Only::Class(class) => node(value).is_some_and(|node| self.class_terms(node).any(|known| known == *class)),
        }
    }

    /// The classes of a node, as they came.
    pub(super) fn classes(&self, of: Node<'a>) -> impl Iterator<Item = &'a str> + use<'a, 'w> {
        self.graph.quads(of).iter().filter(|quad| quad.predicate.as_ref() == RDF_TYPE).filter_map(|quad| match &quad.object {
            Term::NamedNode(class) => Some(class.as_str()),
            _ => None,
        })
    }

    /// Those of its classes that the table names.
    pub(super) fn class_terms(&self, of: Node<'a>) -> impl Iterator<Item = TermId> + use<'a, 'w, '_> {
        self.classes(of).filter_map(|class| self.shapes.terms.get(class))
    }

    /// The values of all paths of an aspect, each once.
    pub(super) fn all(&self, of: &[Node<'a>], aspect: Aspect) -> Vec<&'a Term> {
        let mut seen = FxHashSet::default();
        let mut found = Vec::new();
        for (at, path) in of.iter().flat_map(|at| self.shapes.paths(aspect).iter().map(move |path| (*at, path))) {
            found.extend(self.follow(at, path).into_iter().filter(|value| seen.insert(*value)));
            if found.len() >= MOST_VALUES {
                found.truncate(MOST_VALUES);
                break;
            }
        }
        found
    }

    /// The nodes that an aspect leads to, each once.
    pub(super) fn nodes(&self, of: &[Node<'a>], aspect: Aspect) -> Vec<Node<'a>> {
        self.all(of, aspect).into_iter().filter_map(node).collect()
    }

    /// The literals of an aspect, without space around them, each once.
    pub(super) fn texts(&self, of: &[Node<'a>], aspect: Aspect) -> Vec<&'a str> {
        self.all(of, aspect).into_iter().filter_map(literal).collect()
    }

    /// The first literal of an aspect.
    pub(super) fn text(&self, of: Node<'a>, aspect: Aspect) -> Option<&'a str> {
        self.shapes.paths(aspect).iter().find_map(|path| self.follow(of, path).into_iter().find_map(literal))
    }

    /// What a record describes: by its main property, else `<record#it>`, else the record itself, else the subject that
    /// nothing else refers to and of which most is said.
    pub(super) fn main(&self, record: &str) -> Option<Node<'a>> {
        self.stated_main(record).or_else(|| self.root())
    }

    /// The same, if the record says so.
    pub(super) fn stated_main(&self, record: &str) -> Option<Node<'a>> {
        let own = self.graph.named(record);
        let stated = own.and_then(|own| self.nodes(&[own], Aspect::Main).first().copied());
        stated
            .or_else(|| self.stated_by_another())
            .or_else(|| self.graph.subjects().find(|subject| is_it(*subject, record)))
            .or(own)
    }

    /// What a document other than the record says that it is about.
    fn stated_by_another(&self) -> Option<Node<'a>> {
        let properties: Vec<TermId> =
            self.shapes.paths(Aspect::Main).iter().filter_map(|path| path.0.first()).map(|step| step.property).collect();
        let stated = self
            .graph
            .all()
            .iter()
            .filter(|quad| self.shapes.terms.get(quad.predicate.as_str()).is_some_and(|term| properties.contains(&term)));
        stated.filter_map(|quad| node(&quad.object)).find(|node| self.graph.describes(*node))
    }

    fn root(&self) -> Option<Node<'a>> {
        let referred: FxHashSet<Node<'a>> = self
            .graph
            .all()
            .iter()
            .filter_map(|quad| node(&quad.object).filter(|object| *object != quad.subject.as_ref()))
            .collect();
        // Of equals the first by name, so that every run finds the same.
        let rank = |subject: &Node<'a>| {
            let named = matches!(subject, NamedOrBlankNodeRef::NamedNode(_));
            (!referred.contains(subject), named, self.graph.quads(*subject).len(), std::cmp::Reverse(subject.to_string()))
        };
        self.graph.subjects().max_by_key(rank)
    }
}

/// The text of a literal, unless it is empty.
pub(super) fn literal(term: &Term) -> Option<&str> {
    match term {
        Term::Literal(literal) => Some(literal.value().trim()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

fn is_it(subject: Node<'_>, record: &str) -> bool {
    matches!(subject, NamedOrBlankNodeRef::NamedNode(name) if name.as_str().strip_prefix(record) == Some("#it"))
}
