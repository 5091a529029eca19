//! What things are called: titles, names and labels with their languages.

use super::aspect::Aspect;
use super::thing::{Name, Thing, choose};
use super::walk::{Walk, literal};
use crate::rdf::graph::{Node, last_part, node};
use oxigraph::model::{NamedOrBlankNodeRef, Term};

/// The most languages in which a name is kept: more than any library catalogue has.
const MOST_LANGUAGES: usize = 64;
/// Lists in records have a handful of members; one with a cycle has no end.
const LONGEST_LIST: usize = 16;
const FIRST: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#first";
const REST: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#rest";

impl<'a> Walk<'_, 'a> {
    /// The names of a node, a language each: its titles, else its names, else its labels, else the terms that it is made of.
    pub(super) fn names(&self, of: Node<'a>) -> Vec<Name> {
        let mut names = self.plain_names(of);
        if names.is_empty() {
            names.extend(self.components(of).map(unmarked));
        }
        names
    }

    fn plain_names(&self, of: Node<'a>) -> Vec<Name> {
        let titles = self.each_language(of, Aspect::Title);
        if !titles.is_empty() {
            return titles;
        }
        let family = self.text(of, Aspect::FamilyName);
        let given = self.text(of, Aspect::GivenName);
        if let (Some(family), Some(given)) = (family, given) {
            return vec![unmarked(format!("{family}, {given}"))];
        }
        for aspect in [Aspect::Name, Aspect::Label] {
            let names = self.each_language(of, aspect);
            if !names.is_empty() {
                return names;
            }
        }
        family.or(given).map(|name| unmarked(name.to_owned())).into_iter().collect()
    }

    /// The first name in each language that the paths of an aspect lead to.
    fn each_language(&self, of: Node<'a>, aspect: Aspect) -> Vec<Name> {
        let mut names: Vec<Name> = Vec::new();
        for path in self.shapes.paths(aspect) {
            for value in self.follow(of, path) {
                if names.len() < MOST_LANGUAGES
                    && let Some(name) = self.name(value)
                    && !names.iter().any(|known| known.language == name.language)
                {
                    names.push(name);
                }
            }
        }
        names
    }

    /// The name that a value is, or that a node with a main title has.
    fn name(&self, value: &'a Term) -> Option<Name> {
        let Some(title) = node(value) else {
            let Term::Literal(text) = value else { return None };
            let language = text.language().unwrap_or_default().to_ascii_lowercase();
            return literal(value).map(|text| Name { text: text.to_owned(), language });
        };
        let main = self.all(&[title], Aspect::MainTitle).into_iter().find_map(|main| self.name_of_literal(main))?;
        let mut text = main.text;
        for (aspect, between) in [(Aspect::TitlePart, ". "), (Aspect::TitleRest, " : ")] {
            for more in self.texts(&[title], aspect) {
                text.push_str(between);
                text.push_str(more);
            }
        }
        Some(Name { text, language: main.language })
    }

    fn name_of_literal(&self, value: &'a Term) -> Option<Name> {
        if node(value).is_some() { None } else { self.name(value) }
    }

    /// The parts of a composed heading, `Historia -- Sverige -- 1900-talet`, if this record names them.
    fn components(&self, of: Node<'a>) -> Option<String> {
        let parts = self.terms_of(of).into_iter().filter_map(|part| match part {
            NamedOrBlankNodeRef::NamedNode(name) if !self.graph.describes(part) => Some(last_part(name.as_str())),
            part => choose(&self.plain_names(part), self.shapes.languages()).map(str::to_owned),
        });
        let parts: Vec<String> = parts.collect();
        (!parts.is_empty()).then(|| parts.join(" -- "))
    }

    /// The terms that a composed heading is made of.
    pub(super) fn terms_of(&self, of: Node<'a>) -> Vec<Node<'a>> {
        let (mut parts, mut cells) = (Vec::new(), 0);
        let mut cell = self.nodes(&[of], Aspect::Components).into_iter().next();
        while let Some(at) = cell.filter(|_| cells < LONGEST_LIST) {
            parts.extend(self.graph.nodes(at, FIRST).next());
            cells += 1;
            cell = self.graph.nodes(at, REST).next();
        }
        parts
    }

    /// Other names of a node: of its variants, in any language, that are not among its names.
    pub(super) fn variants(&self, of: Node<'a>, names: &[Name]) -> Vec<Name> {
        let mut variants = Vec::new();
        let mut seen: rustc_hash::FxHashSet<Name> = names.iter().cloned().collect();
        for value in self.all(&[of], Aspect::Variant) {
            let found = match node(value) {
                Some(variant) => self.name(value).map_or_else(|| self.names(variant), |name| vec![name]),
                None => self.name(value).into_iter().collect(),
            };
            variants.extend(found.into_iter().filter(|name| seen.insert(name.clone())));
        }
        variants
    }

    /// What a value refers to; `None` for a node without an IRI of which this record says no name.
    pub(super) fn thing(&self, value: &'a Term) -> Option<Thing> {
        let Some(of) = node(value) else {
            return self.name(value).map(|name| Thing { iri: None, names: vec![name], code: None });
        };
        if let Some(known) = self.known.borrow().get(&of) {
            return known.clone();
        }
        let thing = self.node_as_thing(of);
        self.known.borrow_mut().insert(of, thing.clone());
        thing
    }

    fn node_as_thing(&self, of: Node<'a>) -> Option<Thing> {
        let (names, code) = (self.names(of), self.text(of, Aspect::Code).map(str::to_owned));
        match of {
            NamedOrBlankNodeRef::NamedNode(name) => Some(Thing { iri: Some(name.as_str().to_owned()), names, code }),
            NamedOrBlankNodeRef::BlankNode(_) if names.is_empty() && code.is_none() => None,
            NamedOrBlankNodeRef::BlankNode(_) => Some(Thing { iri: None, names, code }),
        }
    }

    /// What the values of an aspect refer to.
    pub(super) fn things(&self, of: &[Node<'a>], aspect: Aspect) -> Vec<Thing> {
        self.all(of, aspect).into_iter().filter_map(|value| self.thing(value)).collect()
    }
}

fn unmarked(text: String) -> Name {
    Name { text, language: String::new() }
}
