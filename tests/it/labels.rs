//! The names of IRIs: what definitions and other vocabularies say, in each language, in queries and on pages.

use std::sync::{Arc, Mutex};

use axum::response::IntoResponse;
use serde_json::Value;

use crate::harness::Bench;
use crate::questions::harvest_definitions;
use crate::scripted::{Scripted, document, scripted};
use crate::server::{Answer, Server};

const PREFIXES: &str = "@prefix : <https://id.kb.se/vocab/> . @prefix rel: <https://id.kb.se/relator/> . @prefix lge: <https://id.kb.se/language/> .
    @prefix sao: <https://id.kb.se/term/sao/> . @prefix saogf: <https://id.kb.se/term/saogf/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
    @prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
    @prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix schema: <http://schema.org/> . @prefix bf: <http://id.loc.gov/ontologies/bibframe/> . ";

/// Records, by identifier: definitions in KBV, with and without an envelope; terms of other vocabularies; a person and a book.
const RECORDS: [(&str, &str); 11] = [
    (
        "https://libris.kb.se/d1",
        "<https://libris.kb.se/d1> a :Record; :mainEntity lge:swe . lge:swe a :Language; :code \"swe\"; :prefLabel \"Svenska\"@sv, \"Swedish\"@en .",
    ),
    (
        "https://libris.kb.se/d2",
        "<https://libris.kb.se/d2> a :Record; :mainEntity rel:author; :sameAs <http://libris.kb.se/bib/1> .
         rel:author a :Role; :sameAs rel:aut, <http://libris.kb.se/auth/2>; :prefLabel \"Författare\"@sv, \"Author\"@en .",
    ),
    ("https://id.kb.se/term/saogf/Romaner", "saogf:Romaner a skos:Concept; skos:prefLabel \"Romaner (genre)\"@sv ."),
    (
        "https://id.kb.se/vocab/Gadget",
        ":Gadget a owl:Class; rdfs:label \"Manick\"@sv, \"Clever thing\"@en-gb .",
    ),
    ("https://x.example/gadget", "<https://x.example/gadget> a :Gadget; rdfs:label \"Dosan\" ."),
    ("https://x.example/foaf", "<https://x.example/foaf> a foaf:Agent; foaf:name \"Åsa & Co <b>\" ."),
    ("https://x.example/schema", "<https://x.example/schema> a schema:Place; schema:name \"Ort\"@sv, \"Place\"@en, \"Paikka\"@fi ."),
    ("https://x.example/bibframe", "<https://x.example/bibframe> a bf:Person; rdfs:label \"Lindgren, Astrid\" ."),
    (
        "https://libris.kb.se/p1",
        "<https://libris.kb.se/p1> a :Record; :mainEntity <https://libris.kb.se/p1#it> .
         <https://libris.kb.se/p1#it> a :Person; :familyName \"Lagerlöf\"; :givenName \"Selma\"; :nationality <https://id.kb.se/nationality/e-sw---> .",
    ),
    (
        "https://libris.kb.se/b1",
        "<https://libris.kb.se/b1> a :Record; :mainEntity <https://libris.kb.se/b1#it> .
         <https://libris.kb.se/b1#it> a :PhysicalResource; :hasTitle [ a :Title; :mainTitle \"Nils\" ]; :instanceOf [ a :Text; :language lge:swe;
           :contribution [ a :PrimaryContribution; :agent <https://libris.kb.se/p1#it>; :role rel:aut ]; :genreForm saogf:Romaner ] .
         lge:swe :label \"sv.\"@sv .",
    ),
    (
        "https://libris.kb.se/b2",
        "<https://libris.kb.se/b2> a :Record; :mainEntity <https://libris.kb.se/b2#it> .
         <https://libris.kb.se/b2#it> a :PhysicalResource; :hasTitle [ a :Title; :mainTitle \"Gösta\" ]; :instanceOf [ a :Text; :subject sao:Ok%C3%A4nt ] .",
    ),
];

/// The records that the source lists: an identifier with a payload, or deleted.
type Listed = Arc<Mutex<Vec<(String, Option<String>)>>>;

fn source() -> (Scripted, Listed) {
    let listed: Listed = Arc::default();
    *listed.lock().expect("not poisoned") =
        RECORDS.iter().map(|(identifier, turtle)| ((*identifier).to_owned(), Some((*turtle).to_owned()))).collect();
    let said = Arc::clone(&listed);
    let server = scripted(move |_, _| {
        let listed = said.lock().expect("not poisoned");
        let records = listed.iter().map(|(identifier, turtle)| {
            let header = format!("<identifier>{identifier}</identifier><datestamp>2026-01-01T00:00:00Z</datestamp>");
            match turtle {
                Some(turtle) => {
                    format!("<record><header>{header}</header><metadata><![CDATA[{PREFIXES}{turtle}]]></metadata></record>")
                }
                None => format!("<record><header status=\"deleted\">{header}</header></record>"),
            }
        });
        document(&format!("<ListRecords>{}</ListRecords>", records.collect::<String>())).into_response()
    });
    (server, listed)
}

fn mirror() -> (Bench, Scripted, Listed) {
    let (server, listed) = source();
    let bench = Bench::at(&server.url);
    let summary = bench.harvest("x", None, &["--prefix", "ttl"]);
    assert_eq!(summary["created"], RECORDS.len(), "{summary}");
    (bench, server, listed)
}

/// What an IRI is called, in some languages.
fn name(bench: &Bench, iri: &str, languages: &str) -> String {
    let query = format!("SELECT ?x {{ VALUES ?x {{ <{iri}> }} }}");
    let json = bench.run(&["query", "--labels", languages, "--format", "json", &query]).json();
    json["results"]["bindings"][0]["xLabel"]["value"].as_str().unwrap_or("-").to_owned()
}

fn page(server: &Server, path: &str, language: &str) -> String {
    let request = server.client.get(format!("{}{path}", server.url));
    Answer::of(request.header("accept", "text/html").header("accept-language", language)).ok().body
}

#[test]
fn every_vocabulary_names_its_iris_in_each_language() {
    let (bench, _source, _) = mirror();
    for (iri, swedish, english) in [
        ("https://id.kb.se/language/swe", "Svenska", "Swedish"),
        ("https://id.kb.se/relator/author", "Författare", "Author"),
        ("https://id.kb.se/relator/aut", "Författare", "Author"),
        ("https://id.kb.se/term/saogf/Romaner", "Romaner (genre)", "Romaner (genre)"),
        ("https://id.kb.se/vocab/Gadget", "Manick", "Clever thing"),
        ("https://x.example/foaf", "Åsa & Co <b>", "Åsa & Co <b>"),
        ("https://x.example/schema", "Ort", "Place"),
        ("https://x.example/bibframe", "Lindgren, Astrid", "Lindgren, Astrid"),
        ("https://libris.kb.se/p1#it", "Lagerlöf, Selma", "Lagerlöf, Selma"),
        ("https://libris.kb.se/b1#it", "Nils", "Nils"),
        ("http://libris.kb.se/auth/2", "-", "-"),
        ("http://libris.kb.se/bib/1", "-", "-"),
        ("https://id.kb.se/term/sao/Ok%C3%A4nt", "-", "-"),
    ] {
        assert_eq!((name(&bench, iri, "sv"), name(&bench, iri, "en")), (swedish.into(), english.into()), "{iri}");
    }
    assert_eq!(name(&bench, "https://x.example/schema", "de,fi,en"), "Paikka");
    assert_eq!(name(&bench, "https://x.example/schema", "de"), "Ort");
}

#[test]
fn names_follow_their_records() {
    let (bench, _source, listed) = mirror();
    let swe = "https://id.kb.se/language/swe";
    listed.lock().expect("not poisoned")[0].1 =
        Some(RECORDS[0].1.replace("\"Svenska\"@sv", "\"Svenskan\"@sv, \"Schwedisch\"@de"));
    listed.lock().expect("not poisoned")[1].1 = None;
    let summary = bench.harvest("x", None, &["--prefix", "ttl"]);
    assert_eq!((&summary["changed"], &summary["deleted"]), (&1.into(), &1.into()), "{summary}");
    assert_eq!(["sv", "en", "de"].map(|language| name(&bench, swe, language)), ["Svenskan", "Swedish", "Schwedisch"]);
    assert_eq!(["author", "aut"].map(|role| name(&bench, &format!("https://id.kb.se/relator/{role}"), "sv")), ["-", "-"]);
    // What a book calls the language counts only as long as nobody else says more.
    listed.lock().expect("not poisoned")[0].1 = None;
    bench.harvest("x", None, &["--prefix", "ttl"]);
    assert_eq!(["sv", "en"].map(|language| name(&bench, swe, language)), ["sv.", "sv."]);

    let whole = bench.contents();
    bench.run(&["verify"]).expect(0);
    bench.run(&["rebuild", "labels"]).expect(0);
    assert_eq!(bench.contents(), whole, "a rebuild gives the same");
    bench.run(&["verify"]).expect(0);
}

#[test]
fn verify_finds_every_kind_of_damage_to_names() {
    let (bench, _source, _) = mirror();
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    for damage in [
        "UPDATE label SET text = 'Norska' WHERE text = 'Svenska'",
        "UPDATE label SET iri = 'https://id.kb.se/language/nor' WHERE text = 'Swedish'",
        "UPDATE label SET language = '' WHERE text = 'Författare'",
        "UPDATE label SET rank = rank + 100 WHERE text = 'Nils'",
        "DELETE FROM label WHERE text = 'Ort'",
        "INSERT INTO label (record_id, iri, language, text, rank) SELECT record_id, 'https://x.example/new', '', 'x', 1 FROM label LIMIT 1",
    ] {
        log.execute_batch(damage).expect("valid");
        let report = bench.run(&["verify", "--json"]).expect(1);
        let report: Value = serde_json::from_str(&report.stdout).expect("JSON");
        assert!(report["faults"].as_array().expect("a list").iter().all(|fault| fault["part"] == "labels"), "{damage}: {report}");
        bench.run(&["rebuild", "labels"]).expect(0);
        bench.run(&["verify"]).expect(0);
    }
}

const ROLES: &str = "SELECT ?role ?agent (COUNT(*) AS ?n) { ?c :role ?role ; :agent ?agent } GROUP BY ?role ?agent";

#[test]
fn results_have_names_in_place_of_iris_or_beside_them() {
    let (bench, _source, _) = mirror();
    let query = |format: &str| bench.run(&["query", "--labels", "sv", "--format", format, ROLES]).ok();
    let table = query("table");
    assert!(table.contains("Författare") && table.contains("Lagerlöf, Selma") && !table.contains("http"), "{table}");
    assert!(!table.contains("Label"), "{table}");
    assert_eq!(
        query("csv").replace("\r\n", "\n"),
        "role,roleLabel,agent,agentLabel,n\nhttps://id.kb.se/relator/aut,Författare,https://libris.kb.se/p1#it,\"Lagerlöf, Selma\",1\n"
    );
    let tsv = query("tsv");
    assert!(tsv.starts_with("?role\t?roleLabel\t?agent\t?agentLabel\t?n\n"), "{tsv}");
    assert!(tsv.contains("<https://id.kb.se/relator/aut>\t\"Författare\"@sv\t"), "{tsv}");
    let json: Value = serde_json::from_str(&query("json")).expect("JSON");
    assert_eq!(json["head"]["vars"], serde_json::json!(["role", "roleLabel", "agent", "agentLabel", "n"]));
    let row = &json["results"]["bindings"][0];
    assert_eq!(row["roleLabel"], serde_json::json!({"type": "literal", "value": "Författare", "xml:lang": "sv"}));
    assert_eq!(row["agentLabel"], serde_json::json!({"type": "literal", "value": "Lagerlöf, Selma"}));
    assert!(query("xml").contains("<binding name=\"roleLabel\"><literal xml:lang=\"sv\">Författare</literal></binding>"));

    // A variable of the query keeps its meaning; what has no name has none.
    let own = "SELECT ?x ?xLabel ?y { VALUES (?x ?xLabel ?y) { (lge:swe 'mine' lge:xxx) } }";
    let own = bench.run(&["query", "--labels", "en", "--format", "csv", own]).ok();
    assert_eq!(
        own.replace("\r\n", "\n"),
        "x,xLabel,y,yLabel\nhttps://id.kb.se/language/swe,mine,https://id.kb.se/language/xxx,\n"
    );
    let none = bench.run(&["query", "--labels", "en", "--format", "csv", "SELECT ?x { ?x a :Nothing }"]).ok();
    assert_eq!(none.trim(), "x");

    for other in ["ASK { ?s ?p ?o }", "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }"] {
        let done = bench.run(&["query", "--labels", "sv", other]).expect(2);
        assert!(done.stdout.is_empty() && done.stderr.contains("SELECT query only"), "{}", done.stderr);
    }
    let done = bench.run(&["query", "--labels", "svenska språket", ROLES]).expect(2);
    assert!(done.stderr.contains("is not a list of languages"), "{}", done.stderr);
    assert!(!bench.run(&["query", "--format", "csv", ROLES]).ok().contains("Label"), "only who asks gets names");
}

#[test]
fn a_record_says_what_its_iris_are_called() {
    let (bench, _source, _) = mirror();
    let turtle = bench.run(&["record", "b1", "--labels", "sv"]).ok();
    assert!(turtle.contains("# called:     <https://id.kb.se/relator/aut> Författare\n"), "{turtle}");
    assert!(turtle.contains("# called:     <https://libris.kb.se/p1#it> Lagerlöf, Selma\n"), "{turtle}");
    let plain = bench.run(&["record", "b1"]).ok();
    let data = |text: &str| text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    assert!(!plain.contains("# called:") && data(&plain) == data(&turtle), "{plain}");
    let xml = bench.run(&["record", "b1", "--labels", "en", "--format", "rdfxml"]).expect(0);
    assert!(xml.stderr.contains("<https://id.kb.se/language/swe> Swedish") && xml.stdout.starts_with("<?xml"), "{}", xml.stderr);
}

#[test]
fn the_endpoint_adds_names_and_forgets_none_that_changed() {
    let (bench, _source, listed) = mirror();
    let server = Server::start(&bench, &[]);
    let address = |parameters: &[(&str, &str)]| {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("{}/sparql?{query}", server.url)
    };
    let ask = |parameters: &[(&str, &str)]| Answer::of(server.client.get(address(parameters)).header("accept", "text/csv"));
    let named = ask(&[("query", ROLES), ("labels", "sv")]).ok();
    assert!(named.body.contains("https://id.kb.se/relator/aut,Författare,"), "{}", named.body);
    assert!(
        !ask(&[("query", ROLES)]).ok().body.contains("Författare")
            && !ask(&[("query", ROLES), ("labels", "")]).ok().body.contains("Label")
    );
    assert!(ask(&[("query", ROLES), ("labels", "en")]).ok().body.contains("Author"));
    let refused = ask(&[("query", "ASK { ?s ?p ?o }"), ("labels", "sv")]);
    assert!(refused.status == 400 || refused.status == 406, "{}", refused.body);
    assert_eq!(ask(&[("query", ROLES), ("labels", "s v")]).status, 400);
    // The same results with other names are another answer, though no quad of them changed.
    let etag = named.header("etag").to_owned();
    let again = server.client.get(address(&[("query", ROLES), ("labels", "sv")])).header("accept", "text/csv");
    assert_eq!(Answer::of(again.header("if-none-match", &etag)).status, 304);
    listed.lock().expect("not poisoned")[1].1 = Some(RECORDS[1].1.replace("Författare", "Upphovsman"));
    bench.harvest("x", None, &["--prefix", "ttl"]);
    let changed = ask(&[("query", ROLES), ("labels", "sv")]).ok();
    assert!(changed.body.contains("Upphovsman") && changed.header("etag") != etag, "{}", changed.body);
    // The page of the query keeps the wish.
    let form = page(&server, "/sparql?query=SELECT+*+%7B%7D&labels=sv", "sv");
    assert!(form.contains("name=\"labels\" value=\"sv\" checked"), "{form}");
    assert!(form.contains("labels=en&amp;lang=en"), "in the other language, names are in that");
    assert!(!page(&server, "/sparql?query=SELECT+*+%7B%7D", "sv").contains(" checked"));
}

#[test]
fn pages_say_names_in_the_visitors_language() {
    let (bench, _source, _) = mirror();
    let server = Server::start(&bench, &[]);
    for (language, role, tongue, kind) in [("sv", "Författare", "Svenska", "Manick"), ("en", "Author", "Swedish", "Clever thing")]
    {
        let book = page(&server, "/b1", language);
        assert!(book.contains(&format!("<a href=\"/p1\">Lagerlöf, Selma</a> ({role})")), "{book}");
        assert!(book.contains(&format!("<a href=\"/d1\">{tongue}</a>")), "{book}");
        let gadget = page(&server, "/record/https%3A%2F%2Fx.example%2Fgadget", language);
        assert!(gadget.contains(&format!("<span class=\"kind\">{kind}</span>")), "{gadget}");
        assert!(book.contains("Romaner (genre)</a>") && !book.contains("harvest definitions"), "{book}");
        let definition = page(&server, "/d1", language);
        assert!(definition.contains(&format!("<h1>{tongue}</h1>")), "{definition}");
        let front = page(&server, "/", language);
        let chart = front.split("<figure class=\"chart\">").find(|chart| chart.contains(kind)).expect("a chart of the kinds");
        assert!(chart.contains("<text class=\"name\"") && chart.contains("<rect class=\"bar\""), "{chart}");
        assert!(page(&server, "/record/https%3A%2F%2Fx.example%2Ffoaf", language).contains("<h1>Åsa &amp; Co &lt;b&gt;</h1>"));
    }
    // What has no name is called by the end of its IRI, and the page says once what to harvest, if that brings the name.
    let unnamed = page(&server, "/b2", "sv");
    assert!(unnamed.contains(">Okänt</a>") && !unnamed.contains("harvest definitions"), "subjects come otherwise: {unnamed}");
    let person = page(&server, "/p1", "en");
    assert!(person.contains(">e-sw---</a>") && person.contains("Some names are missing"), "{person}");
    assert_eq!(person.matches("libris-mirror harvest definitions").count(), 1, "{person}");
}

#[test]
fn a_mirror_without_names_still_opens() {
    let bench = Bench::new(200);
    bench.harvest("all", None, &[]);
    let whole = bench.contents();
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    log.execute_batch("DELETE FROM view WHERE name = 'labels'; DELETE FROM label").expect("valid");
    bench.run(&["publish"]).expect(0);
    assert_eq!(bench.contents(), whole);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn with_the_definitions_everything_has_the_name_that_they_say() {
    let bench = Bench::new(1200);
    bench.harvest("all", None, &[]);
    assert_eq!(name(&bench, "https://id.kb.se/language/swe", "sv"), "-");
    harvest_definitions(&bench);
    for (property, language) in
        [("language", "sv"), ("contribution/:role", "en"), ("language", "en"), ("contribution/:role", "sv")]
    {
        let query = format!(
            "SELECT DISTINCT ?x ?due {{ ?work :{property} ?x . ?x :prefLabel ?due FILTER (LANG(?due) = \"{language}\") }} ORDER BY ?x"
        );
        let json = bench.run(&["query", "--labels", language, "--format", "json", &query]).json();
        let rows = json["results"]["bindings"].as_array().expect("rows");
        assert!(rows.len() > 2 && rows.iter().all(|row| row["xLabel"] == row["due"]), "{property} in {language}: {json:#}");
        // And there is none without a name.
        let all = format!("SELECT DISTINCT ?x {{ ?work :{property} ?x FILTER isIRI(?x) }}");
        let all = bench.run(&["query", "--labels", language, "--format", "json", &all]).json();
        let all = all["results"]["bindings"].as_array().expect("rows").iter();
        assert!(all.clone().all(|row| row["xLabel"]["value"].is_string()), "{property}: {all:#?}");
    }
    bench.run(&["verify"]).expect(0);
}
