//! Results of queries, as the W3C's tests write them and compare them: blank nodes are the same up to their names, numbers and times by
//! their values.

use std::collections::{BTreeMap, HashMap};

use libris_mirror::rdf::isomorphic;
use oxigraph::model::vocab::{rdf, xsd};
use oxigraph::model::{Graph, GraphName, NamedNode, NamedNodeRef, Quad, Term, TermRef, Triple};
use oxigraph::sparql::QueryResults;
use oxigraph::sparql::results::{QueryResultsFormat, QueryResultsParser, QueryResultsSerializer, SliceQueryResultsParserOutput};
use spareval::ExpressionTerm;

use crate::w3c_cases::Suites;

/// A solution.
pub type Row = BTreeMap<String, Term>;

/// Results.
#[derive(Debug, Clone)]
pub enum Results {
    Boolean(bool),
    Graph(Vec<Triple>),
    /// In an order, if `ordered`.
    Rows {
        names: Vec<String>,
        rows: Vec<Row>,
        ordered: bool,
    },
    /// Lines of CSV, which cannot tell what kind of terms there are.
    Csv(Vec<String>),
}

/// What is due in place of a term: numbers and times in the spelling of their value.
fn by_value(term: Term) -> Term {
    Term::from(ExpressionTerm::from(term))
}

fn values(rows: &[Row]) -> Vec<Row> {
    let value = |row: &Row| row.iter().map(|(name, term)| (name.clone(), by_value(term.clone()))).collect();
    rows.iter().map(value).collect()
}

/// The results of a query.
pub fn found(results: QueryResults<'_>) -> Result<Results, String> {
    Ok(match results {
        QueryResults::Boolean(value) => Results::Boolean(value),
        QueryResults::Graph(triples) => Results::Graph(triples.collect::<Result<_, _>>().map_err(|error| error.to_string())?),
        QueryResults::Solutions(solutions) => {
            let names = solutions.variables().iter().map(|name| name.as_str().to_owned()).collect();
            let rows = solutions.map(|solution| {
                let solution = solution.map_err(|error| error.to_string())?;
                Ok(solution.iter().map(|(name, term)| (name.as_str().to_owned(), term.clone())).collect())
            });
            Results::Rows { names, rows: rows.collect::<Result<_, String>>()?, ordered: false }
        }
    })
}

/// The results that a file says are due.
pub fn due(suites: &Suites, file: &NamedNode) -> Results {
    let (text, ending) = (suites.text(file.as_ref()), file.as_str().rsplit('.').next().unwrap_or_default());
    let format = match ending {
        "srx" => QueryResultsFormat::Xml,
        "srj" => QueryResultsFormat::Json,
        "tsv" => QueryResultsFormat::Tsv,
        "csv" => return Results::Csv(lines(&text)),
        _ => return of_graph(suites.graph(file.as_ref())),
    };
    match QueryResultsParser::from_format(format).for_slice(text.as_bytes()).expect("results") {
        SliceQueryResultsParserOutput::Boolean(value) => Results::Boolean(value),
        SliceQueryResultsParserOutput::Solutions(solutions) => {
            let names = solutions.variables().iter().map(|name| name.as_str().to_owned()).collect();
            let rows = solutions.map(|solution| {
                let solution = solution.expect("a solution");
                solution.iter().map(|(name, term)| (name.as_str().to_owned(), term.clone())).collect()
            });
            Results::Rows { names, rows: rows.collect(), ordered: false }
        }
    }
}

/// Results that are told in RDF, or a graph that is the result.
fn of_graph(triples: Vec<Triple>) -> Results {
    let name = |local: &str| NamedNode::new_unchecked(format!("http://www.w3.org/2001/sw/DataAccess/tests/result-set#{local}"));
    let graph: Graph = triples.iter().collect();
    let Some(set) = graph.subject_for_predicate_object(rdf::TYPE, &name("ResultSet")) else {
        return Results::Graph(triples);
    };
    if let Some(TermRef::Literal(value)) = graph.object_for_subject_predicate(set, &name("boolean")) {
        return Results::Boolean(value.value() == "true");
    }
    let texts = |terms: Vec<TermRef<'_>>| -> Vec<String> {
        let text = |term| if let TermRef::Literal(literal) = term { literal.value().to_owned() } else { String::new() };
        terms.into_iter().map(text).collect()
    };
    let names = texts(graph.objects_for_subject_predicate(set, &name("resultVariable")).collect());
    let node = |term: TermRef<'_>| match term {
        TermRef::BlankNode(node) => oxigraph::model::NamedOrBlankNode::from(node.into_owned()),
        TermRef::NamedNode(node) => node.into_owned().into(),
        TermRef::Literal(_) => panic!("{term} is no node"),
    };
    let mut rows: Vec<(Option<u32>, Row)> = Vec::new();
    for solution in graph.objects_for_subject_predicate(set, &name("solution")).map(node) {
        let bindings = graph.objects_for_subject_predicate(&solution, &name("binding")).map(node);
        let found = bindings.map(|binding| {
            let of = |local: &str| graph.object_for_subject_predicate(&binding, &name(local)).expect("a binding");
            (texts(vec![of("variable")]).concat(), of("value").into_owned())
        });
        let index = graph.object_for_subject_predicate(&solution, &name("index"));
        rows.push((index.and_then(|index| texts(vec![index]).concat().parse().ok()), found.collect()));
    }
    let ordered = !rows.is_empty() && rows.iter().all(|(index, _)| index.is_some());
    rows.sort_by_key(|(index, _)| *index);
    Results::Rows { names, rows: rows.into_iter().map(|(_, row)| row).collect(), ordered }
}

/// Lines of CSV without the names of blank nodes: the first, and the others sorted.
fn lines(text: &str) -> Vec<String> {
    let cell = |cell: &str| if cell.starts_with("_:") { "_:".to_owned() } else { cell.to_owned() };
    let line = |line: &str| line.split(',').map(cell).collect::<Vec<_>>().join(",");
    let mut lines: Vec<String> = text.lines().map(|text| line(text.trim_end())).collect();
    lines[1..].sort();
    lines
}

fn csv(names: &[String], rows: &[Row]) -> Vec<String> {
    let variable = |name: &String| oxigraph::model::Variable::new_unchecked(name.clone());
    let serializer = QueryResultsSerializer::from_format(QueryResultsFormat::Csv);
    let mut writer = serializer.serialize_solutions_to_writer(Vec::new(), names.iter().map(variable).collect()).expect("memory");
    for row in rows {
        let cells: Vec<_> = row.iter().map(|(name, term)| (variable(name), term.clone())).collect();
        writer.serialize(cells.iter().map(|(name, term)| (name, term))).expect("memory");
    }
    lines(&String::from_utf8(writer.finish().expect("memory")).expect("text"))
}

/// Why results are not what is due. `ordered` says whether the query asks for an order.
pub fn difference(due: &Results, found: &Results, ordered: bool, lax: bool) -> Option<String> {
    let same = match (due, found) {
        (Results::Boolean(due), Results::Boolean(found)) => due == found,
        (Results::Graph(due), Results::Graph(found)) => same_graphs(due, found),
        (Results::Csv(due), Results::Rows { names, rows, .. }) => {
            // It is not said in which order `SELECT *` has its columns.
            let due_names: Vec<String> = due[0].split(',').map(str::to_owned).collect();
            sorted(&due_names) == sorted(names) && *due == csv(&due_names, rows)
        }
        (Results::Rows { names: due_names, rows: due, ordered: told }, Results::Rows { names, rows, .. }) => {
            let (mut due, mut rows) = (values(due), values(rows));
            if lax {
                for rows in [&mut due, &mut rows] {
                    rows.sort_by_key(|row| format!("{row:?}"));
                    rows.dedup();
                }
            }
            // Results in RDF need not name variables that are never bound.
            let named = sorted(due_names) == sorted(names) || due_names.iter().all(|name| names.contains(name)) && *told;
            named && due.len() == rows.len() && match_rows(&due, &rows, ordered || *told)
        }
        _ => false,
    };
    (!same).then(|| format!("due is {due:#?}\nfound is {found:#?}"))
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names
}

fn same_graphs(due: &[Triple], found: &[Triple]) -> bool {
    let quads = |triples: &[Triple]| {
        let by_value = |triple: &Triple| Triple { object: by_value(triple.object.clone()), ..triple.clone() };
        let quads = triples.iter().map(|triple| by_value(triple).in_graph(GraphName::DefaultGraph));
        quads.collect::<std::collections::HashSet<Quad>>()
    };
    isomorphic(&quads(due), &quads(found)).unwrap_or(false)
}

/// Whether rows are the same, if blank nodes get other names.
fn match_rows(due: &[Row], found: &[Row], ordered: bool) -> bool {
    // Rows without blank nodes, and rows that differ from others, first.
    let blanks = |row: &Row| row.values().filter(|term| term.is_blank_node()).count();
    let mut due: Vec<&Row> = due.iter().collect();
    if !ordered {
        due.sort_by_key(|row| blanks(row));
    }
    let mut used = vec![false; found.len()];
    place(&due, 0, found, &mut used, &Names::default(), ordered)
}

/// Which blank node is which.
#[derive(Default, Clone)]
struct Names {
    there: HashMap<Term, Term>,
    back: HashMap<Term, Term>,
}

impl Names {
    /// The names, if two rows are the same with some more.
    fn with(&self, due: &Row, found: &Row) -> Option<Self> {
        let mut names = self.clone();
        let same = due.len() == found.len()
            && due.iter().zip(found).all(|((due_name, due), (found_name, found))| {
                due_name == found_name
                    && match (due, found) {
                        (Term::BlankNode(_), Term::BlankNode(_)) => {
                            let there = names.there.entry(due.clone()).or_insert_with(|| found.clone()) == found;
                            there && names.back.entry(found.clone()).or_insert_with(|| due.clone()) == due
                        }
                        _ => due == found,
                    }
            });
        same.then_some(names)
    }
}

fn place(due: &[&Row], at: usize, found: &[Row], used: &mut [bool], names: &Names, ordered: bool) -> bool {
    let Some(row) = due.get(at) else { return true };
    let candidates = if ordered { at..at + 1 } else { 0..found.len() };
    let mut tried: Vec<&Row> = Vec::new();
    for candidate in candidates {
        if used[candidate] || tried.contains(&&found[candidate]) {
            continue;
        }
        tried.push(&found[candidate]);
        if let Some(names) = names.with(row, &found[candidate]) {
            used[candidate] = true;
            if place(due, at + 1, found, used, &names, ordered) {
                return true;
            }
            used[candidate] = false;
            if !row.values().any(Term::is_blank_node) {
                return false;
            }
        }
    }
    false
}

/// Whether a query asks for an order.
pub fn asks_for_an_order(query: &spargebra::Query) -> bool {
    use spargebra::algebra::GraphPattern::{Distinct, OrderBy, Project, Reduced, Slice};
    let spargebra::Query::Select { pattern, .. } = query else { return false };
    let mut pattern = pattern;
    loop {
        pattern = match pattern {
            OrderBy { .. } => return true,
            Distinct { inner } | Reduced { inner } | Project { inner, .. } | Slice { inner, .. } => inner,
            _ => return false,
        };
    }
}

#[test]
fn results_are_compared_up_to_names_of_blank_nodes() {
    let blank = |name: &str| Term::from(oxigraph::model::BlankNode::new_unchecked(name));
    let row = |values: &[(&str, Term)]| -> Row {
        values.iter().map(|(name, term)| ((*name).to_owned(), by_value(term.clone()))).collect()
    };
    let typed = |text: &str, datatype: NamedNodeRef<'_>| Term::from(oxigraph::model::Literal::new_typed_literal(text, datatype));
    let one = [row(&[("x", blank("a")), ("y", blank("b"))]), row(&[("x", blank("b"))])];
    let same = [row(&[("x", blank("1"))]), row(&[("x", blank("2")), ("y", blank("1"))])];
    let other = [row(&[("x", blank("1"))]), row(&[("x", blank("1")), ("y", blank("2"))])];
    assert!(match_rows(&one, &same, false) && !match_rows(&one, &same, true) && !match_rows(&one, &other, false));
    let [two, two_again, three] =
        [("2", xsd::INTEGER), ("02", xsd::INTEGER), ("3", xsd::INTEGER)].map(|(text, kind)| typed(text, kind));
    assert!(match_rows(&[row(&[("x", two.clone())])], &[row(&[("x", two_again)])], true));
    assert!(!match_rows(&[row(&[("x", two)])], &[row(&[("x", three)])], true));
}
