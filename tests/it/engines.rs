//! The index and oxigraph's store give the same answers, and a query says what it does.

use libris_mirror::query::{Question, with_stack};
use libris_mirror::serve::pages::EXAMPLES;
use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::vocab::xsd;
use oxigraph::model::{Literal, Quad, Term};

use crate::harness::{Bench, package};
use crate::questions::harvest_definitions;
use crate::server::Server;
use crate::ways::{Held, Maker, WAYS, lines};

/// The rows of a query, in no order.
fn rows(bench: &Bench, engine: &str, query: &str) -> Vec<String> {
    let format = if query.contains("CONSTRUCT") { "nt" } else { "csv" };
    let answer = bench.run(&["query", "--engine", engine, "--format", format, query]).ok();
    let mut rows: Vec<String> = answer.lines().map(str::to_owned).collect();
    rows.sort_unstable();
    rows
}

/// The examples of the SPARQL page, and 24 questions of statistics.
fn questions() -> Vec<String> {
    let files = fs_err::read_dir(package().join("tests/fixtures/questions")).expect("questions").flatten();
    let files = files.map(|file| fs_err::read_to_string(file.path()).expect("a query"));
    EXAMPLES.iter().map(|example| example.query.to_owned()).chain(files).collect()
}

/// A quad whose time, if it has one, is spelled as the store spells it: the demo's depend on the clock, and may end with a zero.
fn shortest(mut quad: Quad) -> Quad {
    if let Term::Literal(time) = &quad.object
        && time.datatype() == xsd::DATE_TIME
        && let Some((seconds, rest)) = time.value().split_once('.')
    {
        let zone = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let fraction = rest[..zone].trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        quad.object = Literal::new_typed_literal(format!("{seconds}{point}{fraction}{}", &rest[zone..]), xsd::DATE_TIME).into();
    }
    quad
}

#[test]
fn every_way_to_answer_the_examples_gives_the_same() {
    let bench = Bench::new(500);
    bench.harvest("all", None, &[]);
    harvest_definitions(&bench);
    let text = bench.quads().join("\n");
    let quads: Vec<Quad> =
        RdfParser::from_format(RdfFormat::NQuads).for_slice(text.as_bytes()).collect::<Result<_, _>>().expect("quads");
    let quads: Vec<Quad> = quads.into_iter().map(shortest).collect();
    let done = with_stack(|| {
        let held = Held::of(&Maker::new(), &quads, 17);
        for query in questions() {
            // Of rows that are equal in what they are ordered by, a limit takes any. The one of a sub-select gets an order.
            let query = query.replace("} LIMIT 1 }", "} ORDER BY ?record LIMIT 1 }");
            let without = query.rsplit_once("LIMIT").filter(|(_, most)| most.trim().parse::<u64>().is_ok());
            let question = Question::from(without.map_or(query.as_str(), |(query, _)| query).to_owned());
            let ask = |way| held.ask(way, &question, |results| lines(results, false, usize::MAX - 1)).expect("answered");
            let due = ask(WAYS[0]);
            assert!(due.as_ref().is_some_and(|rows| !rows.is_empty()), "{query}");
            for way in &WAYS[1..] {
                assert_eq!(ask(*way), due, "{way:?}: {query}");
            }
        }
    });
    done.expect("a thread");
}

/// Values are compared as values, wherever the variable stands that has them.
#[test]
fn values_that_are_equal_are_equal_in_every_way() {
    let mut text = String::new();
    for (number, (time, size)) in
        [("1997-01-10T23:00:00Z", "05"), ("1997-01-11T00:00:00+01:00", "5"), ("1999-01-10T23:00:00Z", "5.0")].iter().enumerate()
    {
        let kind = if size.contains('.') { "decimal" } else { "integer" };
        for line in [
            format!("<urn:{number}> <urn:is> <urn:it{number}>"),
            format!("<urn:{number}> <urn:at> \"{time}\"^^<http://www.w3.org/2001/XMLSchema#dateTime>"),
            format!("<urn:{number}> <urn:changed> \"{time}\"^^<http://www.w3.org/2001/XMLSchema#dateTime>"),
            format!("<urn:it{number}> <urn:size> \"{size}\"^^<http://www.w3.org/2001/XMLSchema#{kind}>"),
        ] {
            text.push_str(&format!("{line} <urn:{number}> .\n"));
        }
    }
    let quads: Vec<Quad> = RdfParser::from_format(RdfFormat::NQuads).for_slice(&text).collect::<Result<_, _>>().expect("quads");
    let time = "\"1997-01-10T23:00:00Z\"^^xsd:dateTime";
    let done = with_stack(|| {
        let held = Held::of(&Maker::new(), &quads, 3);
        for (query, due) in [
            (format!("{{ ?x <urn:is> ?e . ?x <urn:at> ?c FILTER(?c = {time}) }}"), 2),
            (format!("{{ ?x <urn:is> ?e . ?x <urn:at> ?c FILTER(?c != {time}) }}"), 1),
            (format!("{{ ?x <urn:at>|<urn:changed> ?c FILTER(?c = {time}) }}"), 2),
            (format!("{{ ?x <urn:at> ?c . ?x <urn:changed> ?m FILTER(?c IN ({time}, 1)) }}"), 2),
            (format!("{{ VALUES ?c {{ {time} }} ?x <urn:is> ?e . ?x <urn:at> ?d FILTER(?c = ?d) }}"), 2),
            (format!("{{ {{ SELECT ?c ?m {{ ?x <urn:at> ?c ; <urn:changed> ?m }} }} FILTER(?c = {time} && ?m = {time}) }}"), 2),
            ("{ ?x <urn:is>/<urn:size> ?n FILTER(?n = 5) }".to_owned(), 3),
            ("{ ?x <urn:is>/<urn:size> ?n FILTER(?n IN (5, 7)) }".to_owned(), 3),
            ("{ ?x <urn:is>/<urn:size> ?n . ?y <urn:is>/<urn:size> ?m FILTER(?n = ?m) }".to_owned(), 9),
            (
                format!(
                    "{{ ?r <urn:at> ?c OPTIONAL {{ ?y <urn:at> ?d . ?y <urn:is> ?z FILTER(?d = {time}) }} FILTER(BOUND(?d)) }}"
                ),
                6,
            ),
        ] {
            let question = Question::from(format!("SELECT (COUNT(*) AS ?count) {query}"));
            for way in WAYS {
                let found = held.ask(way, &question, |results| lines(results, false, 10)).expect("answered").expect("few");
                assert!(found[0].starts_with(&format!("?count=\"{due}\"")), "{way:?}: {query}: {found:?}");
            }
        }
    });
    done.expect("a thread");
}

#[test]
fn the_index_answers_as_the_store_does() {
    let bench = Bench::new(1500);
    bench.harvest("all", None, &[]);
    harvest_definitions(&bench);
    bench.state().with_catalogue(|catalogue| {
        catalogue.update(&(0..1200).step_by(7).collect::<Vec<_>>(), chrono::Utc::now());
        catalogue.delete(&[5, 6, 7], chrono::Utc::now());
        catalogue.add(20, chrono::Utc::now());
    });
    bench.harvest("all", None, &[]);
    let files = fs_err::read_dir(bench.data().join("index")).expect("an index").flatten();
    let names: Vec<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    let count = |ending: &str| names.iter().filter(|name| name.ends_with(ending)).count();
    assert!(count(".segment") > 1 && count(".mask") > 0, "several segments, and graphs that were replaced: {names:?}");
    let mut questions = questions();
    questions.extend(
        [
            "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
            "SELECT ?p (COUNT(*) AS ?n) (COUNT(DISTINCT ?s) AS ?m) { ?s ?p ?o } GROUP BY ?p",
            "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g",
            "SELECT (COUNT(*) AS ?n) { ?p a kbv:Person FILTER NOT EXISTS { ?p kbv:identifiedBy ?i . ?i a kbv:ISNI } }",
            "SELECT (COUNT(*) AS ?n) { ?s kbv:broader+ ?o }",
            "SELECT ?b ?c { ?s kbv:hasTitle ?b BIND(?b AS ?c) ?c kbv:mainTitle ?t FILTER(isBlank(?c)) }",
            "SELECT (SUM(?n) AS ?all) { SELECT ?t (COUNT(?b) AS ?n) { ?b kbv:hasTitle [ kbv:mainTitle ?t ] } GROUP BY ?t }",
            "SELECT ?x { VALUES ?x { 1 'a' <https://libris.kb.se/nothing> } FILTER NOT EXISTS { ?x ?p ?o } }",
        ]
        .map(str::to_owned),
    );
    for query in questions {
        let (index, store) = (rows(&bench, "index", &query), rows(&bench, "store", &query));
        // Of rows that are equal in what they are ordered by, a limit takes any.
        if query.contains("LIMIT") {
            assert_eq!(index.len(), store.len(), "{query}");
        } else {
            assert_eq!(index, store, "{query}");
        }
    }
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_query_explains_what_it_does() {
    let bench = Bench::new(400);
    bench.harvest("all", None, &[]);
    let query = "SELECT ?p { ?p a kbv:Person FILTER NOT EXISTS { ?p kbv:identifiedBy ?i . ?i a kbv:ISNI } }";
    let found = bench.run(&["query", "--format", "csv", query]).ok().lines().count() - 1;
    let told = bench.run(&["query", "--explain", query]).ok();
    assert!(told.starts_with("    expected         came  step\n"), "{told}");
    assert!(told.contains("EXISTS") && told.contains(&format!("{found} results in ")), "{told}");
    let report = bench.run(&["query", "--explain", "--json", query]).json();
    assert_eq!(report["results"], found, "{report}");
    let first = &report["steps"][0]["steps"][0];
    let persons = bench.count("SELECT (COUNT(*) AS ?n) { ?p a kbv:Person }");
    assert_eq!((&first["rows"], &first["came"]), (&persons.into(), &persons.into()), "counts of constants are exact: {report}");
    let refused = bench.run(&["query", "--explain", "--format", "csv", query]).expect(2);
    assert!(refused.stderr.contains("cannot be used with"), "{}", refused.stderr);
    // The longest chain first as it is written; the planner begins with the one record.
    let one = "SELECT ?t { ?s kbv:hasTitle ?b . ?b kbv:mainTitle ?t . <https://libris.kb.se/none> kbv:mainEntity ?s }";
    let report = bench.run(&["query", "--explain", "--json", one]).json();
    let text = report["steps"][0]["steps"][0]["text"].as_str().expect("a pattern");
    assert!(text.contains("libris.kb.se/none"), "{report}");
    // A chain that is deeper than a parser of JSON goes.
    let chain: String = (0..150).map(|n| format!("?s a ?t{n} . ")).collect();
    let told = bench.run(&["query", "--explain", &format!("SELECT * {{ VALUES ?s {{ <urn:none> }} {chain} }}")]).ok();
    assert_eq!(
        told.lines().filter(|line| line.contains("?t") && line.split_whitespace().nth(1) == Some("0")).count(),
        150,
        "{told}"
    );
}

/// Flips a bit of the published index where a text is.
fn spoil(bench: &Bench, text: &str) {
    let snapshots = bench.data().join("snapshots");
    let current = fs_err::read_to_string(snapshots.join("current")).expect("published");
    let index = snapshots.join(current.trim()).join("index");
    for entry in fs_err::read_dir(index).expect("an index").flatten() {
        let mut bytes = fs_err::read(entry.path()).expect("a file");
        if let Some(place) = bytes.windows(text.len()).position(|window| window == text.as_bytes()) {
            bytes[place] ^= 1;
            // A file of its own, so that the writer's stays whole.
            fs_err::remove_file(entry.path()).expect("removed");
            fs_err::write(entry.path(), bytes).expect("written");
            return;
        }
    }
    panic!("no file has {text:?}");
}

#[test]
fn a_damaged_index_answers_nothing_and_serve_says_so() {
    let bench = Bench::new(400);
    bench.harvest("all", None, &[]);
    spoil(&bench, "Boken om");
    let server = Server::start(&bench, &[]);
    for query in [
        "SELECT (COUNT(*) AS ?n) { ?s ?p ?o FILTER(STRLEN(STR(?o)) >= 0) }",
        "SELECT (COUNT(*) AS ?n) { ?s ?p ?o FILTER EXISTS { ?t kbv:mainTitle ?x FILTER(CONTAINS(?x, 'nothing has this')) } }",
        "SELECT (MAX(STRLEN(STR(?o))) AS ?n) { ?s ?p ?o }",
        "ASK { FILTER NOT EXISTS { ?s ?p ?o FILTER(STR(?o) = 'nothing has this') } }",
    ] {
        let done = bench.run(&["query", query]).expect(1);
        assert!(done.stderr.contains("is damaged") && done.stderr.contains("rebuild index"), "{query}: {}", done.stderr);
        assert_eq!(done.stdout, "", "{query}");
        let answer = server.get_query(query, "");
        assert!(answer.status == 500 && answer.body.contains("cannot be read"), "{}: {}", answer.status, answer.body);
    }
    let verified = bench.run(&["verify"]).expect(1);
    assert!(verified.stderr.contains("published index"), "{}", verified.stderr);
    bench.run(&["rebuild", "index"]).expect(0);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_graph_that_counts_twice_is_found() {
    let bench = Bench::new(400);
    bench.harvest("all", None, &[]);
    bench.state().with_catalogue(|catalogue| catalogue.update(&[1, 2, 3], chrono::Utc::now()));
    bench.harvest("all", None, &[]);
    bench.run(&["verify"]).expect(0);
    let path = bench.data().join("index/manifest");
    let text = fs_err::read_to_string(&path).expect("a manifest");
    let (json, _) = text.trim_end().rsplit_once('\n').expect("a seal");
    let mut manifest: serde_json::Value = serde_json::from_str(json).expect("JSON");
    assert!(manifest["segments"][0]["mask"].is_string(), "{manifest}");
    manifest["segments"][0]["mask"] = serde_json::Value::Null;
    let changed = manifest.to_string();
    fs_err::write(&path, format!("{changed}\n{:08x}\n", crc32fast::hash(changed.as_bytes()))).expect("written");
    let done = bench.run(&["verify"]).expect(1);
    assert!(done.stderr.contains("index: it holds"), "{}", done.stderr);
    bench.run(&["rebuild", "index"]).expect(0);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_record_with_too_many_properties_costs_itself_alone() {
    let bench = Bench::new(50);
    bench.harvest("all", None, &[]);
    let all = bench.count("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }");
    for (name, count) in [("many", 70_000), ("fewer", 40_000), ("others", 40_001)] {
        let lines: String = (0..count).map(|n| format!("<urn:{name}> <urn:{name}:{n}> \"x\" .\n")).collect();
        fs_err::write(bench.path().join(format!("{name}.nt")), lines).expect("written");
        let done = bench.run(&["import", "--name", name, &format!("{name}.nt")]);
        assert_eq!(done.code, Some(if name == "many" { 65 } else { 0 }), "{}", done.stderr);
    }
    let told = bench.run(&["quarantine"]).ok();
    assert!(told.contains("70000 different properties"), "{told}");
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"), all + 80_001);
    bench.run(&["compact"]).expect(0);
    bench.run(&["verify"]).expect(0);
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"), all + 80_001);
}

#[test]
fn a_mirror_without_the_store_does_all_that_one_with_it_does() {
    let (bench, without) = (Bench::new(600), ["--set-config", "store.enabled=false"]);
    let count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }";
    bench.harvest("all", None, &without);
    assert!(!bench.data().join("store").exists());
    let all = bench.count(count);
    assert!(all > 1000);
    let refused = bench.run(&["query", "--engine", "store", count]).expect(1);
    assert!(refused.stderr.contains("there is no store in") && refused.stderr.contains("store.enabled"), "{}", refused.stderr);
    let report = bench.run(&[&["verify", "--json"][..], &without].concat()).json();
    assert_eq!((&report["stores"], &report["fault_count"]), (&serde_json::json!(["index", "published index"]), &0.into()));
    let status = bench.run(&[&["status", "--json"][..], &without].concat()).json();
    assert!(status["watermarks"].as_array().expect("views").iter().all(|view| view["view"] != "store"), "{status}");
    assert!(status["bytes"]["index"].as_u64() > Some(100_000) && status["bytes"]["store"] == 0, "{status}");
    let refused = bench.run(&[&["rebuild", "store"][..], &without].concat()).expect(2);
    assert!(refused.stderr.contains("store is not enabled"), "{}", refused.stderr);
    bench.run(&[&["rebuild", "all"][..], &without].concat()).expect(0);
    assert_eq!(bench.count(count), all);
    let backup = bench.path().join("backup").display().to_string();
    bench.run(&[&["backup", &backup][..], &without].concat()).expect(0);
    let restored = bench.run(&[&["restore", &backup, "--force"][..], &without].concat()).expect(0);
    assert!(restored.stderr.contains("; 0 records were applied"), "{}", restored.stderr);
    assert_eq!(bench.count(count), all);
    // It comes when it is wanted.
    bench.harvest("all", None, &[]);
    assert_eq!(rows(&bench, "store", count), rows(&bench, "index", count));
    bench.run(&["verify"]).expect(0);
}
