//! Records that are no KBV: terms as vocabularies state them, with no `kbv:Record` around them and a `#` in their
//! identifiers. KB's own definitions where they are there, and some of ours after their model; from the fake, and from
//! pyoai, an OAI-PMH server that is not ours.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use axum::response::IntoResponse;
use oxigraph::io::{RdfFormat, RdfParser, RdfSerializer};
use oxigraph::model::{NamedOrBlankNode, Quad, Term};
use serde_json::{Value, json};

use crate::clients::{clients, script};
use crate::harness::{Bench, package};
use crate::scripted::{document, scripted, with_payload};
use crate::server::{Answer, Server};

/// A term, as a record.
#[derive(Clone)]
struct Definition {
    identifier: String,
    triples: Vec<Quad>,
}

/// The files of Turtle that are there: our own, and those of KB.
fn files() -> Vec<PathBuf> {
    let mut files: Vec<_> = ["../shared/data/definitions", "tests/fixtures/definitions"]
        .iter()
        .filter_map(|folder| fs_err::read_dir(package().join(folder)).ok())
        .flat_map(|entries| entries.map(|entry| entry.expect("readable").path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "ttl"))
        .collect();
    files.sort();
    files
}

/// The terms of these files: what is said of each IRI, with the blank nodes below it.
fn definitions() -> Vec<Definition> {
    let mut said: BTreeMap<String, Vec<Quad>> = BTreeMap::new();
    for path in files() {
        let text = fs_err::read_to_string(&path).expect("text");
        let mut below: HashMap<NamedOrBlankNode, Vec<Quad>> = HashMap::new();
        let parser =
            RdfParser::from_format(RdfFormat::Turtle).with_base_iri("https://id.kb.se/").expect("an IRI").rename_blank_nodes();
        for quad in parser.for_slice(&text) {
            let quad = quad.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            below.entry(quad.subject.clone()).or_default().push(quad);
        }
        for (subject, quads) in &below {
            let NamedOrBlankNode::NamedNode(name) = subject else { continue };
            let (mut open, mut seen) = (quads.clone(), HashSet::new());
            while let Some(quad) = open.pop() {
                if let Term::BlankNode(node) = &quad.object
                    && seen.insert(node.clone())
                {
                    open.extend(below.get(&NamedOrBlankNode::from(node.clone())).into_iter().flatten().cloned());
                }
                said.entry(name.as_str().to_owned()).or_default().push(quad);
            }
        }
    }
    let each = said.into_iter().map(|(identifier, mut triples)| {
        triples.sort_by_key(ToString::to_string);
        triples.dedup();
        Definition { identifier, triples }
    });
    each.collect()
}

fn written(definition: &Definition, format: RdfFormat) -> String {
    let mut writer = RdfSerializer::from_format(format).for_writer(Vec::new());
    definition.triples.iter().try_for_each(|quad| writer.serialize_quad(quad)).expect("memory");
    String::from_utf8(writer.finish().expect("memory")).expect("text")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// What holds of a mirror of these definitions, whoever served them.
fn check(bench: &Bench, definitions: &[Definition]) {
    let report = bench.run(&["verify", "--json"]).json();
    assert_eq!((&report["fault_count"], &report["quarantined"]), (&0.into(), &0.into()), "{report}");
    assert_eq!(report["records"], definitions.len() as u64);
    let due: usize = definitions.iter().map(|definition| definition.triples.len()).sum();
    assert_eq!((bench.quads().len(), report["quads"].as_u64()), (due, Some(due as u64)));
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"), due as u64);
    for view in ["store", "links", "labels", "search"] {
        bench.run(&["rebuild", view]).expect(0);
    }
    bench.run(&["verify"]).expect(0);

    let known = [
        ("sak", "https://id.example.org/vocab/#Thing", "class", "Sak"),
        ("lapska", "https://id.example.org/language/smi", "language", "Samiska"),
        ("titel", "https://id.example.org/vocab/#title", "property", "titel"),
        // KB's own, where they are there.
        ("skådespelare", "https://id.kb.se/relator/actor", "role", "Skådespelare"),
        ("albanien", "https://id.kb.se/country/aa", "country", "Albanien"),
        ("caló", "https://id.kb.se/language/9ca", "language", "Caló"),
        ("svenska ämnesord", "https://id.kb.se/term/sao", "scheme", "Svenska ämnesord"),
    ];
    let is_there = |record: &str| definitions.iter().any(|definition| definition.identifier == record);
    for (words, record, kind, label) in known {
        if record.starts_with("https://id.kb.se/") && !is_there(record) {
            continue;
        }
        let found = bench.run(&["search", "--json", "--limit", "100", words]).json();
        let entry = found["entries"].as_array().expect("entries").iter().find(|entry| entry["record"] == record);
        let entry = entry.unwrap_or_else(|| panic!("{record} by {words}: {found:#}"));
        assert_eq!((&entry["kind"], &entry["label"]), (&kind.into(), &label.into()), "{entry:#}");
    }

    let thing = "https://id.example.org/vocab/#Thing";
    let shown = bench.run(&["record", thing]).ok();
    assert!(shown.contains("\"Sak\"@sv") && shown.contains(&format!("# identifier: {thing}")), "{shown}");
    let names =
        "SELECT ?x { VALUES ?x { <https://id.example.org/vocab/#Thing> lge:swe rel:aut ctry:sw kbv:Work saogf:Romaner } }";
    let names = bench.run(&["query", "--labels", "sv", "--format", "csv", names]).ok();
    assert!(names.contains("#Thing,Sak"), "{names}");
    if definitions.iter().any(|definition| definition.identifier == "https://id.kb.se/language/swe") {
        let known = [
            ("https://id.kb.se/language/swe", "swe,Svenska"),
            ("https://id.kb.se/relator/author", "aut,Författare"),
            ("https://id.kb.se/country/sw", "sw,Sverige"),
            ("https://id.kb.se/vocab/Work", "Work,Verk"),
        ];
        for (_, name) in known.into_iter().filter(|(record, _)| is_there(record)) {
            assert!(names.contains(&format!("/{name}")), "{name}: {names}");
        }
    }
    let links = bench.run(&["links", "--record", thing, "--json"]).json();
    assert_eq!((&links[0]["entity"], &links[0]["id"]), (&thing.into(), &"Q35120".into()), "{links}");
}

#[test]
fn definitions_are_mirrored_as_they_are() {
    let definitions = definitions();
    assert!(definitions.len() >= 11, "{}", definitions.len());
    let records: Vec<String> = definitions
        .iter()
        .map(|definition| {
            format!(
                "<record><header><identifier>{}</identifier><datestamp>2026-01-01T00:00:00.25+01:00</datestamp></header><metadata><![CDATA[{}]]></metadata></record>",
                escaped(&definition.identifier),
                written(definition, RdfFormat::Turtle).replace("]]>", "]]]]><![CDATA[>")
            )
        })
        .collect();
    let server = scripted(move |query, _| {
        const EACH: usize = 700;
        let start: usize = query.split("resumptionToken=").nth(1).and_then(|token| token.parse().ok()).unwrap_or(0);
        let end = (start + EACH).min(records.len());
        let token = if end < records.len() { format!("<resumptionToken>{end}</resumptionToken>") } else { String::new() };
        document(&format!("<ListRecords>{}{token}</ListRecords>", records[start..end].concat())).into_response()
    });
    let bench = Bench::at(&server.url);
    let summary = bench.harvest("definitions", None, &["--prefix", "ttl"]);
    assert_eq!((&summary["outcome"], &summary["created"]), (&"complete".into(), &(definitions.len() as u64).into()), "{summary}");
    check(&bench, &definitions);
}

#[test]
fn imported_definitions_are_found_and_shown_under_their_names() {
    let bench = Bench::at("http://127.0.0.1:1/");
    let files: Vec<String> = files().into_iter().map(|path| path.display().to_string()).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let import =
        || bench.run(&[&["import", "--json", "--name", "terms", "--split", "subject"], files.as_slice()].concat()).json();
    let created = import()[0]["created"].as_u64().expect("a number");
    assert!(created >= 11, "{created}");
    let again = import();
    let moved = ["created", "changed", "withdrawn"].map(|kind| again[0][kind].as_u64().unwrap_or(0));
    assert_eq!(moved, [0, 0, 0], "what did not change is not changed: {again}");
    let report = bench.run(&["verify", "--json"]).json();
    assert_eq!((&report["fault_count"], &report["records"]), (&0.into(), &created.into()), "{report}");

    let server = Server::start(&bench, &[]);
    let found = |words: &str, record: &str, kind: &str| {
        let found = bench.run(&["search", "--json", words]).json();
        let entry = found["entries"].as_array().expect("entries").iter().find(|entry| entry["record"] == record);
        assert_eq!(entry.map(|entry| entry["kind"].clone()), Some(kind.into()), "{words}: {found}");
        let address = format!("{}/record/{}", server.url, record.replace('#', "%23"));
        let page = Answer::of(server.client.get(address).header("accept", "text/html").header("accept-language", "sv")).ok();
        assert!(page.body.contains(&format!("<h1>{words}")), "{words}: {}", page.body);
    };
    found("Samiska", "https://id.example.org/language/smi", "language");
    found("Sak", "https://id.example.org/vocab/#Thing", "class");
    if files.iter().any(|file| file.ends_with("/languages.ttl")) {
        assert!(created > 5000, "{created}");
        found("Svenska", "https://id.kb.se/language/swe", "language");
        found("Författare", "https://id.kb.se/relator/author", "role");
        found("Sverige", "https://id.kb.se/country/sw", "country");
        let below = "SELECT (COUNT(DISTINCT ?class) AS ?n) { ?class rdfs:subClassOf+ kbv:Work ; a owl:Class }";
        assert!(bench.count(below) > 10);
    }
}

#[test]
fn records_of_any_shape_have_the_entries_that_verify_expects() {
    let identifiers = [
        "https://x.example/a",
        "https://x.example/#b",
        "https://x.example/c#it",
        "urn:d#it",
        "oai:dnb.de:dnb/1",
        "https://x.example/e f",
        "#",
        "https://x.example/g#",
        "https://x.example/å",
        "just words",
        "https://x.example/?q=1&r=%20#h",
    ];
    let payloads = [
        "",
        "<https://y.example/1> a kbv:Person .",
        "[] a kbv:Person ; kbv:name \"Ingen\" .",
        "<https://y.example/1> kbv:mainEntity [ a kbv:Topic ; kbv:prefLabel \"Utan namn\" ] .",
        "<https://y.example/1> kbv:mainEntity \"ett ord\", <https://y.example/1#it>, <https://y.example/2#it> . <https://y.example/2#it> a kbv:Work .",
        "<https://y.example/2#it> a kbv:Work . <https://y.example/1#it> a kbv:Person, kbv:Agent . <SELF#it> a kbv:Text .",
        "<https://y.example/1> a kbv:Record ; kbv:mainEntity <SELF> . <SELF> a kbv:GenreForm ; kbv:exactMatch <http://viaf.org/viaf/1> .",
        "<http://www.w3.org/2004/02/skos/core#x> <http://www.w3.org/2004/02/skos/core#prefLabel> \"SKOS\"@sv .",
    ];
    let mut records = String::new();
    for (place, payload) in payloads.iter().enumerate() {
        for identifier in identifiers {
            let own = identifier.replace("https://x.example/", &format!("https://x.example/{place}/"));
            let own = if own == identifier { format!("{identifier}{place}") } else { own };
            let payload = payload.replace("SELF", "https://x.example/self");
            records += &format!(
                "<record><header><identifier>{}</identifier><datestamp>2026-01-01T00:00:00Z</datestamp></header><metadata><![CDATA[@prefix kbv: <https://id.kb.se/vocab/> . {payload}]]></metadata></record>",
                escaped(&own)
            );
        }
    }
    let server = scripted(move |_, _| {
        // The first one is looked at before anything is kept.
        let sound = with_payload(1, "<![CDATA[<https://x.example/1> <https://x.example/p> <https://x.example/3> .]]>");
        document(&format!("<ListRecords>{sound}{records}</ListRecords>")).into_response()
    });
    let bench = Bench::at(&server.url);
    let done = bench.run(&bench.harvest_words("any", None, &["--prefix", "ttl"]));
    assert!(matches!(done.code, Some(0 | 65)), "{}", done.stderr);
    for round in ["harvested", "rebuilt"] {
        let done = bench.run(&["verify", "--json"]);
        assert_eq!(done.code, Some(0), "{round}: {}", done.stdout);
        for view in ["store", "links", "labels", "search"] {
            bench.run(&["rebuild", view]).expect(0);
        }
    }
}

/// A server of pyoai, which ends with this.
struct PyOai {
    child: Child,
    url: String,
}

impl Drop for PyOai {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pyoai(clients: &std::path::Path, records: &std::path::Path) -> PyOai {
    let mut child = Command::new(clients.join("venv/bin/python"))
        .arg(script("pyoai_server.py"))
        .arg(records)
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    let mut url = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut url).expect("its first line");
    PyOai { child, url: url.trim().to_owned() }
}

#[test]
fn another_providers_server_is_mirrored_and_kept_up_with() {
    let Some(clients) = clients() else { return };
    let mut definitions = definitions();
    // A name that RDF/XML cannot write as a property would be the test's fault, not the mirror's.
    definitions.truncate(4000);
    if !definitions.iter().any(|definition| definition.identifier.contains("example.org")) {
        definitions.extend(self::definitions().into_iter().filter(|definition| definition.identifier.contains("example.org")));
    }
    let record = |definition: &Definition, datestamp: &str| {
        json!({
            "identifier": definition.identifier, "datestamp": datestamp, "sets": ["terms"], "deleted": false,
            "rdfxml": written(definition, RdfFormat::RdfXml),
        })
    };
    let mut records: Vec<Value> = definitions.iter().map(|definition| record(definition, "2026-01-01T00:00:00Z")).collect();
    let bench = Bench::at("http://127.0.0.1:1/");
    let file = bench.path().join("records.json");
    let write = |records: &[Value]| fs_err::write(&file, serde_json::to_vec(records).expect("JSON")).expect("written");
    write(&records);
    let server = pyoai(&clients, &file);
    let words = ["harvest", "--json", "--name", "terms", "--url", &server.url, "--set", "terms"];
    let summary = bench.run(&words).json();
    assert_eq!(
        (&summary[0]["outcome"], &summary[0]["created"]),
        (&"complete".into(), &(definitions.len() as u64).into()),
        "{summary}"
    );
    check(&bench, &definitions);

    // One changes and one is deleted, now.
    let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    definitions[0].triples.pop();
    records[0] = record(&definitions[0], &now);
    // None of those that are looked for again.
    let place =
        definitions.iter().position(|definition| definition.identifier.ends_with("example.org/term/#a/b")).expect("a term");
    let gone = definitions.remove(place);
    records[place]["deleted"] = true.into();
    records[place]["datestamp"] = now.into();
    write(&records);
    let summary = bench.run(&words).json();
    assert_eq!((&summary[0]["changed"], &summary[0]["deleted"]), (&1.into(), &1.into()), "{summary}");
    assert!(bench.run(&["record", &gone.identifier]).ok().contains("deleted at the source"));
    check(&bench, &definitions);
    bench.run(&["audit"]).expect(0);
    let none = bench.run(&["harvest", "--name", "x", "--url", &server.url, "--set", "nothing"]).expect(0);
    assert!(none.stderr.contains("x: 0 records"), "{}", none.stderr);
}
