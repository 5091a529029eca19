//! The W3C's query evaluation tests, as their manifests tell them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use libris_mirror::rdf::nth_blank_node;
use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::vocab::rdf;
use oxigraph::model::{
    BlankNode, Graph, GraphName, NamedNode, NamedNodeRef, NamedOrBlankNode, NamedOrBlankNodeRef, Quad, Term, TermRef, Triple,
};

/// The suites, by their folders.
const SUITES: [&str; 2] = ["sparql11", "dawg-data-r2"];

/// Where their files are in the names of graphs. A folder of the machine would say that the tests pass or fail by its name.
const BASE: &str = "http://suites.example/";

const MANIFEST: &str = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#";
const QUERY: &str = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#";

/// A test: the IRIs of its files.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its suite, its folder, and its name there.
    pub name: String,
    pub query: NamedNode,
    /// What is in the default graph.
    pub data: Vec<NamedNode>,
    /// The named graphs, by the IRIs of their files.
    pub named: Vec<NamedNode>,
    pub result: NamedNode,
    /// Whether it is not said how often a solution comes.
    pub lax: bool,
}

/// The suites' files.
pub struct Suites {
    directory: PathBuf,
}

fn name(namespace: &str, local: &str) -> NamedNode {
    NamedNode::new_unchecked(format!("{namespace}{local}"))
}

fn iris<'a>(terms: impl Iterator<Item = TermRef<'a>>) -> Vec<NamedNode> {
    let iri = |term| if let TermRef::NamedNode(node) = term { Some(node.into_owned()) } else { None };
    let mut found: Vec<NamedNode> = terms.filter_map(iri).collect();
    found.sort();
    found
}

impl Suites {
    pub fn new(directory: PathBuf) -> Self {
        assert!(
            SUITES.iter().all(|suite| directory.join(suite).is_dir()),
            "{} lacks the suites: `.ci/run` takes them",
            directory.display()
        );
        Self { directory }
    }

    fn path(&self, iri: NamedNodeRef<'_>) -> PathBuf {
        let path = iri.as_str().strip_prefix(BASE).unwrap_or_else(|| panic!("{iri} is in no suite"));
        self.directory.join(path)
    }

    pub fn text(&self, iri: NamedNodeRef<'_>) -> String {
        fs_err::read_to_string(self.path(iri)).expect("text")
    }

    /// The triples of a file. Its blank nodes are of this file alone.
    pub fn graph(&self, iri: NamedNodeRef<'_>) -> Vec<Triple> {
        let path = self.path(iri);
        let format = path.extension().and_then(|ending| RdfFormat::from_extension(ending.to_str()?));
        let parser = RdfParser::from_format(format.unwrap_or_else(|| panic!("{iri} is no RDF")));
        let parser = parser.with_base_iri(iri.as_str()).expect("an IRI").rename_blank_nodes();
        let quads = parser.for_slice(&fs_err::read(&path).expect("bytes")).collect::<Result<Vec<Quad>, _>>();
        quads.unwrap_or_else(|error| panic!("{iri}: {error}")).into_iter().map(Triple::from).collect()
    }

    /// The triples of a file as a graph with a name. Its blank nodes get the ids that this program gives.
    pub fn quads(&self, iri: NamedNodeRef<'_>, graph: &NamedNode, first: u64) -> Vec<Quad> {
        let mut seen: Vec<BlankNode> = Vec::new();
        let mut given = |node: BlankNode| {
            let place = seen.iter().position(|other| *other == node).unwrap_or_else(|| {
                seen.push(node);
                seen.len() - 1
            });
            nth_blank_node(graph, first + place as u64)
        };
        let triples = self.graph(iri).into_iter();
        triples
            .map(|Triple { subject, predicate, object }| {
                let subject = match subject {
                    NamedOrBlankNode::BlankNode(node) => given(node).into(),
                    node @ NamedOrBlankNode::NamedNode(_) => node,
                };
                let object = if let Term::BlankNode(node) = object { given(node).into() } else { object };
                Quad { subject, predicate, object, graph_name: GraphName::NamedNode(graph.clone()) }
            })
            .collect()
    }

    /// All tests of some kinds, by their names: each with its manifest.
    fn tests(&self, kinds: &[&str]) -> BTreeMap<String, (NamedNode, Rc<Graph>)> {
        let mut tests = BTreeMap::new();
        for suite in SUITES {
            for entry in fs_err::read_dir(self.directory.join(suite)).expect("a folder").flatten() {
                let folder = format!("{suite}/{}", entry.file_name().to_string_lossy());
                if !entry.path().join("manifest.ttl").is_file() {
                    continue;
                }
                let iri = NamedNode::new_unchecked(format!("{BASE}{folder}/manifest.ttl"));
                let graph: Rc<Graph> = Rc::new(self.graph(iri.as_ref()).into_iter().collect());
                let entries = graph.object_for_subject_predicate(&iri, &name(MANIFEST, "entries"));
                for entry in list(&graph, entries) {
                    let TermRef::NamedNode(test) = entry else { panic!("{folder}: {entry} is no test") };
                    let types = iris(graph.objects_for_subject_predicate(test, rdf::TYPE));
                    if kinds.iter().any(|kind| types.contains(&name(MANIFEST, kind))) {
                        let local = test.as_str().rsplit(['#', '/']).next().unwrap_or_default();
                        tests.insert(format!("{folder}/{local}"), (test.into_owned(), Rc::clone(&graph)));
                    }
                }
            }
        }
        tests
    }

    /// The queries that are good or bad by the grammar, as `good` says, by the names of their tests.
    pub fn syntax(&self, good: bool) -> BTreeMap<String, NamedNode> {
        let kinds =
            if good { ["PositiveSyntaxTest", "PositiveSyntaxTest11"] } else { ["NegativeSyntaxTest", "NegativeSyntaxTest11"] };
        let query = |(test, graph): (NamedNode, Rc<Graph>)| {
            let actions = iris(graph.objects_for_subject_predicate(&test, &name(MANIFEST, "action")));
            actions.into_iter().next().unwrap_or_else(|| panic!("{test} lacks a query"))
        };
        self.tests(&kinds).into_iter().map(|(name, test)| (name, query(test))).collect()
    }

    /// All query evaluation tests, by their names.
    pub fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for (case, (test, graph)) in self.tests(&["QueryEvaluationTest", "CSVResultFormatTest"]) {
            let (action, result) = (name(MANIFEST, "action"), name(MANIFEST, "result"));
            let action = match graph.object_for_subject_predicate(&test, &action) {
                Some(TermRef::BlankNode(node)) => NamedOrBlankNodeRef::from(node),
                Some(TermRef::NamedNode(node)) => node.into(),
                _ => panic!("{test} has no action"),
            };
            let all = |local: &str| iris(graph.objects_for_subject_predicate(action, &name(QUERY, local)));
            let lax = graph.object_for_subject_predicate(&test, &name(MANIFEST, "resultCardinality"));
            let one = |found: Vec<NamedNode>| found.into_iter().next().unwrap_or_else(|| panic!("{test} lacks a file"));
            cases.push(Case {
                name: case,
                query: one(all("query")),
                data: all("data"),
                named: all("graphData"),
                result: one(iris(graph.objects_for_subject_predicate(&test, &result))),
                lax: lax == Some(name(MANIFEST, "LaxCardinality").as_ref().into()),
            });
        }
        cases
    }
}

/// The members of a list.
fn list<'a>(graph: &'a Graph, head: Option<TermRef<'a>>) -> Vec<TermRef<'a>> {
    let (mut found, mut head) = (Vec::new(), head);
    loop {
        let node: NamedOrBlankNodeRef<'_> = match head {
            Some(TermRef::BlankNode(node)) => node.into(),
            Some(TermRef::NamedNode(node)) if node != rdf::NIL => node.into(),
            _ => return found,
        };
        found.extend(graph.object_for_subject_predicate(node, rdf::FIRST));
        head = graph.object_for_subject_predicate(node, rdf::REST);
    }
}

/// The folder of suites that the clients' folder has.
pub fn folder(clients: &Path) -> PathBuf {
    clients.join("suites")
}
