//! Random quads and queries from small alphabets, so that patterns match. The tests of the engines (`tests/it`) use them too.

use std::ops::Range;

use oxigraph::model::{BlankNode, GraphName, Literal, NamedNode, NamedOrBlankNode, Quad, Term};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn node(name: &str) -> NamedNode {
    NamedNode::new_unchecked(format!("e:{name}"))
}

/// The graphs that quads are in; a node of the quads is one too.
pub(super) fn graphs() -> Vec<GraphName> {
    ["g", "h", "a", "d"].map(|name| node(name).into()).to_vec()
}

/// The namespace of XML Schema's datatypes.
pub(super) const XSD: &str = "http://www.w3.org/2001/XMLSchema#";

/// Literals that are easily taken for others: a spelling, the spelling that a store keeps for its value, the datatype in [`XSD`].
pub(super) const ODD: [(&str, &str, &str); 17] = [
    ("01", "1", "integer"),
    ("-0", "0", "integer"),
    ("1.0", "1", "decimal"),
    ("1.5", "1.5", "decimal"),
    ("1.0E0", "1", "double"),
    ("-0.0", "-0", "double"),
    ("0", "0", "double"),
    ("NaN", "NaN", "double"),
    ("INF", "INF", "double"),
    ("1", "true", "boolean"),
    ("true", "true", "boolean"),
    ("2025-12-31T24:00:00Z", "2026-01-01T00:00:00Z", "dateTime"),
    ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "dateTime"),
    ("2026-01-01T01:00:00+01:00", "2026-01-01T01:00:00+01:00", "dateTime"),
    ("2026-01-01", "2026-01-01", "date"),
    ("one", "one", "integer"),
    ("24:00:00", "00:00:00", "time"),
];

fn odd() -> Vec<Term> {
    let typed = |(spelling, _, datatype): (&str, &str, &str)| {
        Literal::new_typed_literal(spelling, NamedNode::new_unchecked(format!("{XSD}{datatype}"))).into()
    };
    let mut terms: Vec<Term> = ODD.map(typed).to_vec();
    terms.push(Literal::new_simple_literal("").into());
    terms.push(Literal::new_simple_literal("e:a").into());
    terms.push(Literal::new_typed_literal("t", node("type")).into());
    terms
}

/// Quads: the same triple in several graphs, blank nodes, languages, numbers and odd literals.
pub(super) fn quads(graphs: Vec<GraphName>, size: Range<usize>) -> impl Strategy<Value = Vec<Quad>> {
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
    let objects = prop_oneof![5 => select(objects), 1 => select(odd())];
    let quad = (select(subjects), select(vec![node("p"), node("q"), node("r")]), objects, vec(select(graphs), 1..3));
    vec(quad, size).prop_map(|quads| {
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
    let odd: Vec<String> = odd().iter().map(ToString::to_string).collect();
    prop_oneof![6 => text(&["<e:a>", "<e:b>", "<e:c>", "'t'", "'t'@en", "'t'@SV", "1", "2"]), 1 => select(odd)].boxed()
}

fn triples() -> BoxedStrategy<String> {
    let subject = prop_oneof![9 => variable(), 1 => text(&["<e:a>", "<e:b>"]), 1 => text(&["[]", "_:n"])];
    let predicate = prop_oneof![
        6 => text(&["<e:p>", "<e:q>", "<e:r>"]),
        1 => text(&["?b", "?d"]),
        2 => text(&[
            "<e:p>/<e:q>", "^<e:p>", "<e:p>|<e:q>", "<e:p>*", "<e:p>+", "<e:q>?", "!<e:p>", "!(<e:p>|<e:q>)", "(<e:p>|^<e:q>)/<e:r>",
            "^(<e:p>/<e:q>*)", "(<e:p>/<e:q>)+", "!(<e:p>|^<e:q>)", "(<e:p>|<e:q>)*", "<e:p>|(<e:q>/<e:r>)", "^<e:p>|<e:q>",
            "<e:r>|^(<e:p>/^<e:q>)",
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

/// Conditions of one variable, `_`.
fn function() -> BoxedStrategy<String> {
    text(&[
        "_ + 1 = 2",
        "_ * 2 > 2.5",
        "STRLEN(STR(_)) > 1",
        "REGEX(STR(_), '^E:[ab]', 'i')",
        "CONTAINS(STR(_), 't')",
        "langMatches(LANG(_), '*')",
        "YEAR(_) = 2026",
        "DATATYPE(_) = <http://www.w3.org/2001/XMLSchema#integer>",
        "isBlank(_)",
        "isNumeric(_)",
        "isLiteral(_)",
        "_",
    ])
}

fn expression(group: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let simple = prop_oneof![
        (variable(), text(&["=", "!=", "<"]), prop_oneof![variable(), constant()]).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        variable().prop_map(|a| format!("BOUND({a})")),
        variable().prop_map(|a| format!("!BOUND({a})")),
        variable().prop_map(|a| format!("isIRI({a})")),
        variable().prop_map(|a| format!("LANG({a}) = 'en'")),
        (variable(), variable()).prop_map(|(a, b)| format!("COALESCE({a}, {b}) = <e:a>")),
        (variable(), variable()).prop_map(|(a, b)| format!("sameTerm({a}, {b})")),
        (variable(), variable()).prop_map(|(a, b)| format!("STR({a}) = STR({b})")),
        (variable(), variable(), constant()).prop_map(|(a, b, c)| format!("IF(BOUND({a}), {a}, {b}) = {c}")),
        (variable(), function()).prop_map(|(a, function)| function.replace('_', &a)),
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
            "SELECT ?a (SUM(?b) AS ?n)",
            "SELECT ?a (COUNT(DISTINCT ?b) AS ?n)",
        ]),
        group.clone(),
    )
        .prop_map(|(select, group)| {
            let end = if select.starts_with("SELECT ?a (") { "GROUP BY ?a " } else { "" };
            format!("{{ {select} {{ {group}}} {end}}} ")
        });
    // Which solutions a limit takes must be certain: no two of these are equal in what they are ordered by.
    let limited = (text(&["LIMIT 2", "LIMIT 0", "OFFSET 1", "LIMIT 1 OFFSET 1"]), group.clone())
        .prop_map(|(limit, group)| format!("{{ SELECT DISTINCT ?a {{ {group}FILTER (isIRI(?a)) }} ORDER BY ?a {limit} }} "));
    let graph = (text(&["?g", "?g", "<e:g>", "<e:a>", "?a", "<e:z>"]), group.clone())
        .prop_map(|(name, group)| format!("GRAPH {name} {{ {group}}} "));
    let computed = (text(&["_ + 1", "STR(_)", "LANG(_)", "DATATYPE(_)", "IRI(STR(_))", "STRLEN(STR(_))"]), variable())
        .prop_map(|(function, name)| function.replace('_', &name));
    let bind = (prop_oneof![expression(group.clone()), variable(), constant(), computed], text(&["?d", "?e", "?f"]))
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
        1 => limited,
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
    let (head, from) = (select(HEADS.to_vec()), text(&FROMS));
    let end = prop_oneof![4 => Just(String::new()), 1 => values()];
    (head, from, group, end)
        .prop_map(|((head, filter, by), from, group, end)| format!("{head} {from} WHERE {{ {group}{filter}}} {by} {end}"))
}

/// The end of a query whose solutions have an order; no two of them are equal in it.
pub(super) const ORDERED: &str = "ORDER BY ?a DESC(STR(?b)) LANG(?b) isIRI(?b)";

/// How a query begins, what its group ends with, and what follows the group.
const HEADS: [(&str, &str, &str); 29] = [
    ("SELECT *", "", ""),
    ("SELECT *", "", ""),
    ("SELECT *", "", ""),
    ("SELECT ?a ?b", "", ""),
    ("SELECT DISTINCT ?a ?c", "", ""),
    ("SELECT (COUNT(*) AS ?n)", "", ""),
    ("SELECT (COUNT(DISTINCT *) AS ?n)", "", ""),
    ("SELECT ?a (COUNT(?b) AS ?n)", "", "GROUP BY ?a"),
    ("SELECT ?a ?b (COUNT(*) AS ?n)", "", "GROUP BY ?a ?b HAVING (COUNT(*) > 1)"),
    ("SELECT ?a (SUM(?b) AS ?n)", "", "GROUP BY ?a"),
    ("SELECT (AVG(?a) AS ?n) (COUNT(DISTINCT ?b) AS ?m)", "", ""),
    ("SELECT (MIN(STR(?a)) AS ?n) (MAX(STRLEN(STR(?b))) AS ?m)", "", ""),
    ("SELECT ?l (STRLEN(GROUP_CONCAT(STR(?b))) AS ?n)", "", "GROUP BY (LANG(?a) AS ?l)"),
    ("SELECT ?a (SAMPLE(?a) AS ?n)", "", "GROUP BY ?a"),
    ("SELECT (COUNT(DISTINCT ?a) AS ?n) (COUNT(?b) AS ?m)", "", ""),
    ("SELECT ?c (COUNT(DISTINCT ?a) AS ?n) (COUNT(DISTINCT ?b) AS ?m)", "", "GROUP BY ?c"),
    (
        "SELECT ?a (COUNT(*) AS ?n)",
        "FILTER EXISTS { ?a <e:q> ?z } FILTER NOT EXISTS { ?b <e:p> ?y . ?y <e:q> ?x } ",
        "GROUP BY ?a",
    ),
    ("SELECT ?b (COUNT(DISTINCT ?a) AS ?n)", "FILTER (LANG(?b) = 'sv' || ?b = 1) ", "GROUP BY ?b HAVING (?n != 2)"),
    ("SELECT ?b ?a (COUNT(*) AS ?n)", "FILTER (STR(?b) > 'e:a') ", "GROUP BY ?b ?a"),
    ("SELECT ?b", "", "GROUP BY ?b"),
    (ONLY_VALUES, "", "ORDER BY ?b STR(?b) DATATYPE(?b) LANG(?b) LIMIT 2"),
    (ONLY_VALUES, "", "ORDER BY DESC(?b) STR(?b) DATATYPE(?b) LANG(?b) LIMIT 3 OFFSET 1"),
    ("SELECT DISTINCT ?a ?b", ONE_ORDER, ORDERED),
    ("SELECT DISTINCT ?a ?b", ONE_ORDER, "ORDER BY ?a DESC(STR(?b)) LANG(?b) isIRI(?b) LIMIT 3"),
    ("SELECT DISTINCT ?a ?b", ONE_ORDER, "ORDER BY ?a DESC(STR(?b)) LANG(?b) isIRI(?b) LIMIT 2 OFFSET 1"),
    ("ASK", "", ""),
    ("CONSTRUCT { ?a <e:p> ?b . ?a ?b ?c }", "", ""),
    ("DESCRIBE ?a", "", ""),
    ("DESCRIBE <e:a> ?b", "", ""),
];

/// Values that are the same for terms that come together in an order.
const ONLY_VALUES: &str = "SELECT (STR(?b) AS ?s) (DATATYPE(?b) AS ?t) (LANG(?b) AS ?l)";

/// No two of these terms are equal in [`ORDERED`].
const ONE_ORDER: &str = "FILTER (isIRI(?a) && (isIRI(?b) || LANG(?b) != '')) ";

/// The datasets of queries; some graphs are in none.
const FROMS: [&str; 12] = [
    "",
    "",
    "",
    "",
    "",
    "",
    "FROM <e:g>",
    "FROM <e:g> FROM <e:h>",
    "FROM <e:g> FROM NAMED <e:a>",
    "FROM NAMED <e:h>",
    "FROM <e:z>",
    "FROM <e:h> FROM NAMED <e:g> FROM NAMED <e:z>",
];
