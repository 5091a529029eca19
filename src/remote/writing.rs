//! What is sent to a remote store: the graphs of some records as N-Quads, or as one SPARQL 1.1 Update. Pure.

use std::fmt::Write as _;

use oxigraph::model::{NamedNode, NamedOrBlankNode, Quad, Term};

use crate::views::ParsedChange;

/// The beginning of the names of blank nodes in a store of triples only.
const BLANK: &str = "urn:libris-mirror:blank:";

/// The graph of a record as a store must have it.
#[derive(Debug)]
pub struct Graph {
    /// The record's number in the log.
    pub(super) record: i64,
    /// Its name.
    pub(super) name: NamedNode,
    /// Its triples, a line each, without full stops; nothing for a record that has no graph.
    triples: String,
    /// For a store of triples only: what it said before, and nothing says any more.
    pub(super) gone: Vec<String>,
    /// Whether it is for a store of triples only.
    of_union: bool,
    /// How many there are.
    pub(super) count: usize,
}

impl Graph {
    /// The graph that a change leaves.
    pub(super) fn of(change: &ParsedChange) -> Self {
        let quads = change.content.quads();
        let mut triples = String::with_capacity(quads.len() * 128);
        for quad in quads {
            write_triple(&mut triples, quad);
        }
        Self { record: change.record, name: change.graph.clone(), triples, gone: Vec::new(), of_union: false, count: quads.len() }
    }

    /// The same for a store of triples only, with names for blank nodes.
    pub(super) fn in_union(self) -> Self {
        let named = |term: &str| match term.strip_prefix("_:") {
            Some(label) => format!("<{BLANK}{label}>"),
            None => term.to_owned(),
        };
        let mut triples = String::with_capacity(self.triples.len());
        for line in self.triples.lines() {
            // Neither a subject nor a predicate has a space in it.
            let mut parts = line.splitn(3, ' ');
            let mut next = || parts.next().unwrap_or_default();
            let (subject, predicate, object) = (named(next()), next(), named(next()));
            let _ = writeln!(triples, "{subject} {predicate} {object}");
        }
        Self { triples, of_union: true, ..self }
    }

    /// Its triples, without full stops.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.triples.lines()
    }
}

impl Graph {
    /// A graph of the same name without triples.
    pub(super) fn without_triples(&self) -> Self {
        Self { name: self.name.clone(), triples: String::new(), gone: self.gone.clone(), count: 0, ..*self }
    }
}

/// Writes the triple of a quad with a line end. Writing to a text cannot fail.
fn write_triple(text: &mut String, quad: &Quad) {
    let Quad { subject, predicate, object, .. } = quad;
    let _ = writeln!(text, "{subject} {predicate} {object}");
}

/// A graph to be sent, and whether the store may have another form of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due<'a> {
    pub(super) graph: &'a Graph,
    pub(super) replaces: bool,
}

/// N-Quads of graphs that a store does not have.
pub(super) fn nquads(graphs: &[Due<'_>]) -> String {
    let mut text = String::with_capacity(graphs.iter().map(|due| due.graph.triples.len() + 96 * due.graph.count).sum());
    for Graph { name, triples, of_union, .. } in graphs.iter().map(|due| due.graph) {
        for triple in triples.lines() {
            let _ = if *of_union { writeln!(text, "{triple} .") } else { writeln!(text, "{triple} {name} .") };
        }
    }
    text
}

/// An update after which a store has these graphs, whatever it had of them.
///
/// `INSERT` with an empty pattern is what `INSERT DATA` is. Virtuoso takes blank nodes only in the former, and fails at some that name
/// several graphs.
pub(super) fn update(graphs: &[Due<'_>]) -> String {
    let mut text = String::with_capacity(graphs.iter().map(|due| due.graph.triples.len() + 4 * due.graph.count + 256).sum());
    for Due { graph: Graph { name, triples, count, gone, of_union, .. }, replaces } in graphs {
        if *of_union {
            for (word, lines) in [("DELETE", gone.join(" .\n")), ("INSERT", triples.trim_end().replace('\n', " .\n"))] {
                if !lines.is_empty() {
                    let _ = writeln!(text, "{word} DATA {{\n{lines} .\n}};");
                }
            }
            continue;
        }
        if *replaces {
            let _ = writeln!(text, "DROP SILENT GRAPH {name};");
        }
        if *count > 0 {
            let _ = writeln!(text, "INSERT {{ GRAPH {name} {{");
            for triple in triples.lines() {
                let _ = writeln!(text, "{triple} .");
            }
            text.push_str("} } WHERE {};\n");
        }
    }
    text
}

/// A triple as it is sent to a store of triples only, without its full stop: blank nodes have names.
pub(super) fn line(quad: &Quad) -> String {
    let subject = match &quad.subject {
        NamedOrBlankNode::BlankNode(node) => format!("<{BLANK}{}>", node.as_str()),
        named @ NamedOrBlankNode::NamedNode(_) => named.to_string(),
    };
    let object = match &quad.object {
        Term::BlankNode(node) => format!("<{BLANK}{}>", node.as_str()),
        other => other.to_string(),
    };
    format!("{subject} {} {object}", quad.predicate)
}

/// Cuts a list into requests of about `quads` quads; of one graph at least.
pub(super) fn requests<'a, 'b>(mut due: &'b [Due<'a>], quads: usize) -> impl Iterator<Item = &'b [Due<'a>]> {
    std::iter::from_fn(move || {
        let mut sum = 0;
        let fits = |due: &&Due<'_>| {
            // A graph that is dropped is work as well.
            sum += due.graph.count + 1;
            sum <= quads
        };
        let count = due.iter().take_while(fits).count().max(1).min(due.len());
        let (request, rest) = due.split_at(count);
        due = rest;
        (!request.is_empty()).then_some(request)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use oxigraph::model::{BlankNode, Literal};

    use super::*;
    use crate::log::PageId;
    use crate::rdf::shapes::Shapes;
    use crate::views::Content;

    fn graph(record: i64, texts: &[&str]) -> Graph {
        let name = NamedNode::new_unchecked(format!("https://libris.kb.se/{record}"));
        let quad = |text: &&str| Quad::new(BlankNode::new_unchecked("b1"), name.clone(), Literal::from(*text), name.clone());
        let content = Content::Quads(Arc::new(texts.iter().map(quad).collect()));
        let config = crate::config::Config::new(None, std::collections::HashMap::new(), &[]).expect("the defaults");
        let shapes: Arc<Shapes> = config.shapes;
        Graph::of(&ParsedChange::new(record, PageId(1), name.clone(), content, false, shapes))
    }

    fn due(graph: &Graph, replaces: bool) -> Due<'_> {
        Due { graph, replaces }
    }

    #[test]
    fn what_a_store_may_have_is_dropped_first_and_what_is_gone_is_only_dropped() {
        let (new, changed, gone) = (graph(1, &["a \"quoted\"\nline"]), graph(2, &["b"]), graph(3, &[]));
        assert_eq!(
            update(&[due(&new, false), due(&changed, true), due(&gone, true)]),
            "INSERT { GRAPH <https://libris.kb.se/1> {\n\
             _:b1 <https://libris.kb.se/1> \"a \\\"quoted\\\"\\nline\" .\n\
             } } WHERE {};\n\
             DROP SILENT GRAPH <https://libris.kb.se/2>;\n\
             INSERT { GRAPH <https://libris.kb.se/2> {\n\
             _:b1 <https://libris.kb.se/2> \"b\" .\n\
             } } WHERE {};\n\
             DROP SILENT GRAPH <https://libris.kb.se/3>;\n"
        );
        assert_eq!(update(&[due(&gone, true)]), "DROP SILENT GRAPH <https://libris.kb.se/3>;\n");
        assert_eq!(
            nquads(&[due(&new, false), due(&gone, false)]),
            "_:b1 <https://libris.kb.se/1> \"a \\\"quoted\\\"\\nline\" <https://libris.kb.se/1> .\n"
        );
    }

    #[test]
    fn requests_are_about_as_large_as_was_asked_for() {
        let graphs: Vec<Graph> = [3, 3, 9, 0, 1]
            .iter()
            .zip(1..)
            .map(|(size, n)| graph(n, &["a", "b", "c", "d", "e", "f", "g", "h", "i"][..*size]))
            .collect();
        let all: Vec<Due<'_>> = graphs.iter().map(|graph| due(graph, true)).collect();
        let sizes: Vec<usize> = requests(&all, 8).map(<[_]>::len).collect();
        assert_eq!(sizes, [2, 1, 2]);
        assert_eq!(requests(&[], 8).count(), 0);
    }
}
