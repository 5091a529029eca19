//! Random datasets and queries from small alphabets, so that patterns match.

use oxigraph::model::{BlankNode, Dataset, GraphName, Literal, NamedNode, NamedOrBlankNode, Quad, Term};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn node(name: &str) -> NamedNode {
    NamedNode::new_unchecked(format!("e:{name}"))
}

/// Quads: the same triple in several graphs, blank nodes, languages, numbers; a node that is also a graph.
pub(super) fn dataset() -> impl Strategy<Value = Dataset> {
    let blank = |name: &str| BlankNode::new_unchecked(name);
    let subjects: Vec<NamedOrBlankNode> =
        vec![node("a").into(), node("b").into(), node("c").into(), blank("x").into(), blank("y").into()];
    let objects: Vec<Term> = vec![
        node("a").into(),
        node("b").into(),
        node("c").into(),
        blank("x").into(),
        blank("y").into(),
        Literal::new_simple_literal("t").into(),
        Literal::new_language_tagged_literal_unchecked("t", "en").into(),
        Literal::new_language_tagged_literal_unchecked("t", "sv").into(),
        Literal::from(1).into(),
        Literal::from(2).into(),
    ];
    let graphs: Vec<GraphName> = vec![node("g").into(), node("h").into(), node("a").into(), GraphName::DefaultGraph];
    let quad = (select(subjects), select(vec![node("p"), node("q"), node("r")]), select(objects), vec(select(graphs), 1..3));
    vec(quad, 6..30).prop_map(|quads| {
        let each = |(subject, predicate, object, graphs): (NamedOrBlankNode, NamedNode, Term, Vec<GraphName>)| {
            graphs.into_iter().map(move |graph| Quad::new(subject.clone(), predicate.clone(), object.clone(), graph))
        };
        quads.into_iter().flat_map(each).collect()
    })
}

fn text(of: &'static [&'static str]) -> BoxedStrategy<String> {
    select(of).prop_map(str::to_owned).boxed()
}

fn variable() -> BoxedStrategy<String> {
    text(&["?a", "?b", "?c", "?d"])
}

fn constant() -> BoxedStrategy<String> {
    text(&["<e:a>", "<e:b>", "<e:c>", "'t'", "'t'@en", "1", "2"])
}

fn triples() -> BoxedStrategy<String> {
    let subject = prop_oneof![9 => variable(), 1 => text(&["<e:a>", "<e:b>"]), 1 => text(&["[]", "_:n"])];
    let predicate = prop_oneof![
        6 => text(&["<e:p>", "<e:q>", "<e:r>"]),
        1 => text(&["?b", "?d"]),
        2 => text(&[
            "<e:p>/<e:q>", "^<e:p>", "<e:p>|<e:q>", "<e:p>*", "<e:p>+", "<e:q>?", "!<e:p>", "!(<e:p>|<e:q>)", "(<e:p>|^<e:q>)/<e:r>",
            "^(<e:p>/<e:q>*)", "(<e:p>/<e:q>)+", "!(<e:p>|^<e:q>)", "(<e:p>|<e:q>)*",
        ]),
    ];
    let object = prop_oneof![8 => variable(), 1 => constant(), 1 => text(&["[]"])];
    let triple = (subject, predicate, object).prop_map(|(s, p, o)| format!("{s} {p} {o} . "));
    prop_oneof![2 => vec(triple.clone(), 1..2), 2 => vec(triple.clone(), 2..3), 1 => vec(triple, 3..4)]
        .prop_map(|triples| numbered(&triples.concat()))
        .boxed()
}

/// Blank nodes with a label may not stand in two groups; so few have one, and those are in one block.
fn numbered(block: &str) -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    block.replace("_:n", &format!("_:n{}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

fn values() -> BoxedStrategy<String> {
    let value = prop_oneof![4 => constant(), 1 => text(&["UNDEF"])];
    let one = (variable(), vec(value.clone(), 0..4)).prop_map(|(name, rows)| format!("VALUES {name} {{ {} }} ", rows.join(" ")));
    let two = (select(vec!["?a ?b", "?b ?c", "?c ?a"]), vec((value.clone(), value), 0..4)).prop_map(|(names, rows)| {
        let rows: String = rows.iter().map(|(one, other)| format!("({one} {other}) ")).collect();
        format!("VALUES ({names}) {{ {rows}}} ")
    });
    prop_oneof![one, two].boxed()
}

fn expression(group: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let simple = prop_oneof![
        (variable(), text(&["=", "!=", "<"]), prop_oneof![variable(), constant()]).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        variable().prop_map(|a| format!("BOUND({a})")),
        variable().prop_map(|a| format!("!BOUND({a})")),
        variable().prop_map(|a| format!("isIRI({a})")),
        variable().prop_map(|a| format!("LANG({a}) = 'en'")),
        (variable(), variable()).prop_map(|(a, b)| format!("COALESCE({a}, {b}) = <e:a>")),
        (variable(), constant(), constant()).prop_map(|(a, b, c)| format!("{a} IN ({b}, {c})")),
    ];
    let exists = (text(&["EXISTS", "NOT EXISTS"]), group).prop_map(|(word, group)| format!("{word} {{ {group}}}"));
    let one = prop_oneof![3 => simple, 2 => exists];
    (one.clone(), proptest::option::weighted(0.4, (text(&["&&", "||"]), one)))
        .prop_map(|(one, other)| match other {
            Some((op, other)) => format!("({one} {op} {other})"),
            None => format!("({one})"),
        })
        .boxed()
}

fn part(group: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let subselect = (
        text(&[
            "SELECT ?a ?b",
            "SELECT DISTINCT ?a",
            "SELECT *",
            "SELECT (?a AS ?e) ?b",
            "SELECT (COUNT(*) AS ?n)",
            "SELECT (COUNT(DISTINCT *) AS ?n)",
            "SELECT ?a (COUNT(?b) AS ?n)",
            "SELECT ?g ?a",
        ]),
        group.clone(),
    )
        .prop_map(|(select, group)| {
            let end = if select.starts_with("SELECT ?a (") { "GROUP BY ?a " } else { "" };
            format!("{{ {select} {{ {group}}} {end}}} ")
        });
    let graph =
        (text(&["?g", "<e:g>", "<e:a>", "?a"]), group.clone()).prop_map(|(name, group)| format!("GRAPH {name} {{ {group}}} "));
    let bind = (prop_oneof![expression(group.clone()), variable(), constant()], text(&["?d", "?e", "?f"]))
        .prop_map(|(expression, name)| format!("BIND({expression} AS {name}) "));
    prop_oneof![
        4 => triples(),
        3 => group.clone().prop_map(|group| format!("OPTIONAL {{ {group}}} ")),
        2 => (group.clone(), group.clone()).prop_map(|(one, other)| format!("{{ {one}}} UNION {{ {other}}} ")),
        2 => group.clone().prop_map(|group| format!("MINUS {{ {group}}} ")),
        3 => graph,
        2 => values(),
        1 => bind,
        3 => expression(group.clone()).prop_map(|expression| format!("FILTER {expression} ")),
        2 => subselect,
        1 => group.clone().prop_map(|group| format!("{{ {group}}} ")),
        1 => group.prop_map(|group| format!("LATERAL {{ {group}}} ")),
    ]
    .boxed()
}

/// Queries, as text. Some are no valid queries.
pub(super) fn query() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![4 => triples(), 1 => values()].boxed();
    let group = leaf.prop_recursive(3, 14, 3, |inner| {
        let first = prop_oneof![4 => triples(), 1 => values(), 1 => Just(String::new())];
        (first, vec(part(inner.boxed()), 1..3)).prop_map(|(first, parts)| first + &parts.concat()).boxed()
    });
    let head = text(&[
        "SELECT *",
        "SELECT *",
        "SELECT ?a ?b",
        "SELECT DISTINCT ?a ?c",
        "SELECT (COUNT(*) AS ?n)",
        "SELECT (COUNT(DISTINCT *) AS ?n)",
        "SELECT ?a (COUNT(?b) AS ?n)",
        "ASK",
        "CONSTRUCT { ?a <e:p> ?b . ?a ?b ?c }",
    ]);
    let from = text(&["", "", "", "", "FROM <e:g>", "FROM <e:g> FROM <e:h>", "FROM <e:g> FROM NAMED <e:a>", "FROM NAMED <e:h>"]);
    let end = prop_oneof![4 => Just(String::new()), 1 => values()];
    (head, from, group, end).prop_map(|(head, from, group, end)| {
        let by = if head.starts_with("SELECT ?a (") { "GROUP BY ?a " } else { "" };
        format!("{head} {from} WHERE {{ {group}}} {by}{end}")
    })
}
