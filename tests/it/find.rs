//! `/find`: the search of Libris XL over the mirror, against queries that say the same.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::Bench;
use crate::server::Server;

fn served(records: u64) -> (Bench, Server) {
    let bench = Bench::new(records);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    (bench, server)
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn found(server: &Server, pairs: &[(&str, &str)]) -> Value {
    let answer = server.get(&format!("/find?{}", encoded(pairs))).ok();
    assert_eq!(answer.header("content-type"), "application/ld+json");
    answer.json()
}

fn records(view: &Value) -> Vec<String> {
    let items = view["items"].as_array().expect("items");
    items.iter().map(|item| item["meta"]["@id"].as_str().unwrap_or_else(|| panic!("{item}")).to_owned()).collect()
}

/// All records of a list, page by page along its links.
fn all(server: &Server, pairs: &[(&str, &str)]) -> BTreeSet<String> {
    let mut view = found(server, &[pairs, &[("_limit", "90")]].concat());
    let total = view["totalItems"].as_u64().expect("a number");
    let mut listed = records(&view);
    while let Some(next) = view["next"]["@id"].as_str() {
        let path = next.strip_prefix(&server.url).expect("an address of this server");
        view = server.get(path).ok().json();
        listed.extend(records(&view));
    }
    let set: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!((set.len(), set.len() as u64), (listed.len(), total), "{pairs:?}");
    set
}

/// The records that a pattern finds, by a query of the index.
fn queried(server: &Server, pattern: &str) -> BTreeSet<String> {
    let json = server.ask(&format!("SELECT DISTINCT ?record {{ ?record kbv:mainEntity ?thing . {pattern} }}")).ok().json();
    let rows = json["results"]["bindings"].as_array().expect("rows");
    rows.iter().map(|row| row["record"]["value"].as_str().expect("an IRI").to_owned()).collect()
}

/// The value that comes most often.
fn frequent(server: &Server, pattern: &str) -> Vec<String> {
    let query = format!(
        "SELECT ?value {{ ?record kbv:mainEntity ?thing . {pattern} }} GROUP BY ?value ORDER BY DESC(COUNT(DISTINCT ?thing)) LIMIT 3"
    );
    let json = server.ask(&query).ok().json();
    let rows = json["results"]["bindings"].as_array().expect("rows");
    rows.iter().map(|row| row["value"]["value"].as_str().expect("a value").to_owned()).collect()
}

#[test]
fn words_are_joined_as_libris_joins_them() {
    let (_bench, server) = served(900);
    let titles = frequent(
        &server,
        "?thing kbv:hasTitle/kbv:mainTitle ?title . BIND(STRBEFORE(?title, ' ') AS ?value) FILTER(STRLEN(?value) > 3)",
    );
    let [a, b] = [&titles[0], &titles[1]].map(String::as_str);
    let of = |q: &str| all(&server, &[("q", q)]);
    let (with_a, with_b) = (of(a), of(b));
    assert!(!with_a.is_empty() && !with_b.is_empty() && with_a != with_b, "{titles:?}");
    assert_eq!(of(&format!("{a} {b}")), with_a.intersection(&with_b).cloned().collect());
    assert_eq!(of(&format!("{a} + {b}")), with_a.intersection(&with_b).cloned().collect());
    assert_eq!(of(&format!("{a} | {b}")), with_a.union(&with_b).cloned().collect());
    assert_eq!(of(&format!("{a} -{b}")), with_a.difference(&with_b).cloned().collect());
    assert_eq!(of(&format!("({a} | {b}) -({a} {b})")), with_a.symmetric_difference(&with_b).cloned().collect());
    assert!(of(&format!("{}*", &a.to_lowercase()[..3])).is_superset(&with_a));
    assert!(of("\"qqqq zzzz\"").is_empty() && of("-").is_empty());
    let everything = all(&server, &[]);
    assert_eq!(of("*"), everything);
    assert_eq!(everything, queried(&server, ""));
}

#[test]
fn filters_find_what_queries_find() {
    let (_bench, server) = served(1200);
    let language = &frequent(&server, "?thing kbv:instanceOf/kbv:language ?value FILTER(isIRI(?value))")[0];
    let agent = &frequent(&server, "?thing kbv:instanceOf/kbv:contribution/kbv:agent ?value FILTER(isIRI(?value))")[0];
    let class = &frequent(&server, "?thing a ?value")[0];
    let year = &frequent(&server, "?thing kbv:publication/kbv:year ?value")[0];
    let short = class.strip_prefix("https://id.kb.se/vocab/").expect("a class of KB");
    let language_is = format!("?thing kbv:instanceOf/kbv:language <{language}>");
    let year_is = |test: &str| format!("?thing kbv:publication/kbv:year ?y FILTER(xsd:integer(STR(?y)) {test})");
    let cases: Vec<(Vec<(&str, &str)>, String)> = vec![
        (vec![("instanceOf.language.@id", language)], language_is.clone()),
        (vec![("@type", short)], format!("?thing a <{class}>")),
        (vec![("@type", class)], format!("?thing a <{class}>")),
        (vec![("publication.year", year)], format!("?thing kbv:publication/kbv:year ?y FILTER(STR(?y) = \"{year}\")")),
        (
            vec![("instanceOf.language.@id", language), ("publication.year", year)],
            format!("{language_is} . ?thing kbv:publication/kbv:year ?y FILTER(STR(?y) = \"{year}\")"),
        ),
        (vec![("min-publication.year", year)], year_is(&format!(">= {year}"))),
        (vec![("minEx-publication.year", year)], year_is(&format!("> {year}"))),
        (vec![("max-publication.year", year)], year_is(&format!("<= {year}"))),
        (vec![("maxEx-publication.year", year)], year_is(&format!("< {year}"))),
        (vec![("not-instanceOf.language.@id", language)], format!("FILTER NOT EXISTS {{ {language_is} }}")),
        (vec![("exists-publication.year", "true")], "?thing kbv:publication/kbv:year ?y".into()),
        (vec![("exists-publication.year", "false")], "FILTER NOT EXISTS { ?thing kbv:publication/kbv:year ?y }".into()),
        (vec![("not-exists-publication.year", "true")], "FILTER NOT EXISTS { ?thing kbv:publication/kbv:year ?y }".into()),
        (
            vec![("or-instanceOf.language.@id", language), ("or-instanceOf.contribution.agent.@id", agent)],
            format!("{{ {language_is} }} UNION {{ ?thing kbv:instanceOf/kbv:contribution/kbv:agent <{agent}> }}"),
        ),
        (vec![("o", agent)], format!("GRAPH ?record {{ ?x ?p <{agent}> }} FILTER(?thing != <{agent}>)")),
        (vec![("@reverse.mainEntity.mainEntity.@type", short)], format!("?thing ^kbv:mainEntity/kbv:mainEntity/a <{class}>")),
        (vec![("matches-meta.modified", "2026")], "?record kbv:modified ?m FILTER(STRSTARTS(STR(?m), \"2026\"))".into()),
    ];
    let everything = queried(&server, "").len();
    for (pairs, pattern) in cases {
        let due = queried(&server, &pattern);
        assert!(!due.is_empty(), "{pairs:?} finds nothing: {pattern}");
        assert!(due.len() < everything || pairs[0].0.starts_with("matches") || pairs[0].0.starts_with('@'), "{pairs:?}");
        assert_eq!(all(&server, &pairs), due, "{pairs:?}");
    }
    // A value that comes several times is any of them; with `and-`, all.
    let languages = frequent(&server, "?thing kbv:instanceOf/kbv:language ?value FILTER(isIRI(?value))");
    let either = all(&server, &[("instanceOf.language.@id", &languages[0]), ("instanceOf.language.@id", &languages[1])]);
    let [one, other] = [0, 1].map(|at: usize| all(&server, &[("instanceOf.language.@id", &languages[at])]));
    assert_eq!(either, one.union(&other).cloned().collect());
    let both = all(&server, &[("and-instanceOf.language.@id", &languages[0]), ("and-instanceOf.language.@id", &languages[1])]);
    assert_eq!(both, one.intersection(&other).cloned().collect());
    // Words and filters together.
    let q = all(&server, &[("q", "a*")]);
    assert_eq!(
        all(&server, &[("q", "a*"), ("publication.year", year)]),
        q.intersection(&all(&server, &[("publication.year", year)])).cloned().collect()
    );
}

#[test]
fn a_page_is_in_order_and_an_item_is_what_the_record_describes() {
    let (_bench, server) = served(500);
    let year = |item: &Value| -> i64 {
        let publication = if item["publication"].is_array() { &item["publication"][0] } else { &item["publication"] };
        let year = if publication["year"].is_array() { &publication["year"][0] } else { &publication["year"] };
        year.as_str().or(year["@value"].as_str()).and_then(|year| year.parse().ok()).unwrap_or_else(|| panic!("{item}"))
    };
    for (sort, filter) in [("publication.year", "true"), ("-publication.year", "true")] {
        let view = found(&server, &[("exists-publication.year", filter), ("_sort", sort), ("_limit", "300")]);
        let mut years: Vec<i64> = view["items"].as_array().expect("items").iter().map(year).collect();
        if sort.starts_with('-') {
            years.reverse();
        }
        assert!(years.len() > 50 && years.is_sorted(), "{sort}: {years:?}");
    }
    let view = found(&server, &[("@type", "Print"), ("_limit", "1")]);
    let view =
        if view["items"][0].is_null() { found(&server, &[("exists-publication.year", "true"), ("_limit", "1")]) } else { view };
    let item = &view["items"][0];
    assert!(item["@id"].as_str().is_some_and(|id| id.ends_with("#it")) && item["instanceOf"].is_object(), "{item}");
    assert_eq!(
        (&view["itemOffset"], &view["itemsPerPage"], &view["@type"]),
        (&0.into(), &1.into(), &"PartialCollectionView".into())
    );
    assert_eq!(
        server.get(&format!("/find.jsonld?{}", encoded(&[("q", "*"), ("_limit", "2")]))).ok().json()["items"]
            .as_array()
            .expect("items")
            .len(),
        2
    );
}

#[test]
fn what_is_wrong_is_named() {
    let (_bench, server) = served(60);
    for (query, words) in [
        ("instanceOf.nonsense.@id=https://x/a", "nothing in this mirror has a property \"nonsense\""),
        ("_sort=nonsense", "\"nonsense\""),
        ("instanceOf.@id=a%20b", "\"a b\" is no IRI"),
        ("_limit=many", "_limit=many is no number"),
        ("_page=2", "there is no parameter _page"),
        ("exists-instanceOf=perhaps", "true or false"),
        ("@type=%22%7D", "is no IRI"),
    ] {
        let answer = server.get(&format!("/find?{query}"));
        assert!(answer.status == 400 && answer.body.contains(words), "{query}: {answer:?}");
    }
    let deep = server.get(&format!("/find?q={}a", "(".repeat(20_000)));
    assert_eq!(deep.status, 200);
    assert!(server.get("/health").status == 200);
}
