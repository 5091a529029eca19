//! Records of many vocabularies through the binary: each has a kind, a name and links, by one table that a user may extend.

use axum::response::IntoResponse;
use serde_json::Value;

use crate::harness::Bench;
use crate::scripted::{Scripted, document, scripted};
use crate::server::{Answer, Server};

const PREFIXES: &str = "@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
    @prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix schema: <https://schema.org/> . @prefix bf: <http://id.loc.gov/ontologies/bibframe/> .
    @prefix dc: <http://purl.org/dc/elements/1.1/> . @prefix dct: <http://purl.org/dc/terms/> . @prefix foaf: <http://xmlns.com/foaf/0.1/> .
    @prefix gndo: <https://d-nb.info/standards/elementset/gnd#> . @prefix mads: <http://www.loc.gov/mads/rdf/v1#> .
    @prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . @prefix kbv: <https://id.kb.se/vocab/> .
    @prefix kbrda: <https://id.kb.se/term/rda/> . @prefix saobf: <https://id.kb.se/term/saobf/> . @prefix saogf: <https://id.kb.se/term/saogf/> . ";

/// A record, and what must be known of it.
struct Sample {
    identifier: &'static str,
    turtle: &'static str,
    kind: &'static str,
    /// What people see for the kind, in Swedish.
    kind_in_swedish: &'static str,
    label: &'static str,
    in_english: &'static str,
    /// Words that find it, besides its label.
    found_by: &'static [&'static str],
    entity: &'static str,
    /// `authority id`
    links: &'static [&'static str],
}

const SAMPLES: [Sample; 9] = [
    Sample {
        identifier: "https://terms.example/one",
        turtle: r#"<https://terms.example/one> a skos:Concept ; skos:prefLabel "Fjärilsvingar"@sv, "Butterfly wings"@en ; skos:altLabel "Vingfjäll"@sv ;
            skos:broader <https://terms.example/two> ; skos:exactMatch <http://www.wikidata.org/entity/Q11> ; skos:inScheme <https://terms.example/> ."#,
        kind: "concept",
        kind_in_swedish: "Begrepp",
        label: "Fjärilsvingar",
        in_english: "Butterfly wings",
        found_by: &["vingfjäll", "butterfly wings", "q11"],
        entity: "https://terms.example/one",
        links: &["wikidata Q11"],
    },
    Sample {
        identifier: "https://vocab.example/#Boat",
        turtle: r#"<https://vocab.example/#Boat> a owl:Class ; rdfs:label "Segelbåt"@sv, "Sailing boat"@en ; rdfs:comment "Flyter."@sv ;
            owl:sameAs <http://dbpedia.org/resource/Sailboat> ; rdfs:subClassOf [ a owl:Restriction ] ."#,
        kind: "class",
        kind_in_swedish: "Klass",
        label: "Segelbåt",
        in_english: "Sailing boat",
        found_by: &["sailing boat"],
        entity: "https://vocab.example/#Boat",
        links: &["dbpedia Sailboat"],
    },
    Sample {
        identifier: "oai:shop.example:7",
        turtle: r#"<https://shop.example/book/7> a schema:Book ; schema:name "Fyrvaktarens dagbok"@sv, "The lighthouse diary"@en ; schema:isbn "978-91-7000-059-1" ;
            schema:author [ a schema:Person ; schema:name "Åsa Ågren" ; schema:sameAs <http://viaf.org/viaf/7007> ] ; schema:datePublished "1938-05-01" ;
            schema:inLanguage "sv" ; schema:sameAs <https://www.wikidata.org/wiki/Q77> ; schema:about [ schema:name "Fyrar" ] ."#,
        kind: "book",
        kind_in_swedish: "Bok",
        label: "Fyrvaktarens dagbok",
        in_english: "The lighthouse diary",
        found_by: &["9789170000591", "åsa ågren", "fyrar", "the lighthouse diary"],
        entity: "https://shop.example/book/7",
        links: &["viaf 7007", "wikidata Q77"],
    },
    Sample {
        identifier: "https://loc.example/instances/9",
        turtle: r#"<https://loc.example/instances/9> a bf:Instance, bf:Print ; bf:issuance <http://id.loc.gov/vocabulary/issuance/mono> ;
            bf:title [ a bf:Title ; bf:mainTitle "Over the ice" ; bf:subtitle "a chronicle" ], [ a bf:VariantTitle ; bf:mainTitle "Ice chronicle" ] ;
            bf:instanceOf <https://loc.example/works/9> ; bf:identifiedBy [ a bf:Isbn ; rdf:value "0-8044-2957-X" ] ;
            bf:provisionActivity [ a bf:Publication ; bf:date "1999" ; bf:place [ rdfs:label "New York" ] ] .
            <https://loc.example/works/9> a bf:Work, bf:Text ; bf:contribution [ a bf:PrimaryContribution ; bf:agent [ a bf:Person ; rdfs:label "Doe, Jane" ;
            owl:sameAs <http://id.loc.gov/authorities/names/n79021164> ] ; bf:role <http://id.loc.gov/vocabulary/relators/aut> ] ."#,
        kind: "book",
        kind_in_swedish: "Bok",
        label: "Over the ice : a chronicle",
        in_english: "Over the ice : a chronicle",
        found_by: &["9780804429573", "ice chronicle"],
        entity: "https://loc.example/instances/9",
        links: &["loc names/n79021164"],
    },
    Sample {
        identifier: "oai:repository.example:12",
        turtle: r#"<https://repository.example/12> dc:title "Om isens tjocklek" ; dct:alternative "Israpporten" ; dc:creator "Berg, Bo" ; dc:date "2003" ; dc:language "swe" ;
            dct:type <http://purl.org/dc/dcmitype/Text> ; dct:identifier "https://orcid.org/0000-0002-1825-0097" ; dc:subject "Glaciologi" ."#,
        kind: "text",
        kind_in_swedish: "Text",
        label: "Om isens tjocklek",
        in_english: "Om isens tjocklek",
        found_by: &["israpporten", "glaciologi"],
        entity: "https://repository.example/12",
        links: &["orcid 0000-0002-1825-0097"],
    },
    Sample {
        identifier: "oai:dnb.example:authorities/118",
        turtle: r#"<https://gnd.example/118/about> a foaf:Document ; foaf:primaryTopic <https://gnd.example/118> .
            <https://gnd.example/118> a gndo:DifferentiatedPerson ; gndo:preferredNameForThePerson "Vinter, Vera" ; gndo:variantNameForThePerson "Winter, Wera" ;
            gndo:preferredNameEntityForThePerson [ gndo:forename "Vera" ; gndo:surname "Vinter" ] ; gndo:dateOfBirth "1858" ; gndo:dateOfDeath "1940" ;
            owl:sameAs <http://viaf.org/viaf/118> ; gndo:gndIdentifier "118" ."#,
        kind: "person",
        kind_in_swedish: "Person",
        label: "Vinter, Vera",
        in_english: "Vinter, Vera",
        found_by: &["winter wera"],
        entity: "https://gnd.example/118",
        links: &["viaf 118"],
    },
    Sample {
        identifier: "https://loc.example/authorities/names/n1",
        turtle: r#"<https://loc.example/authorities/names/n1> a mads:PersonalName, mads:Authority, skos:Concept ; mads:authoritativeLabel "Sommar, Sven, 1901-1980" ;
            mads:hasVariant [ a mads:Variant ; mads:variantLabel "Sommar, S." ] ; mads:hasExactExternalAuthority <http://viaf.org/viaf/1901> ."#,
        kind: "person",
        kind_in_swedish: "Person",
        label: "Sommar, Sven, 1901-1980",
        in_english: "Sommar, Sven, 1901-1980",
        found_by: &["sommar s"],
        entity: "https://loc.example/authorities/names/n1",
        links: &["viaf 1901"],
    },
    Sample {
        identifier: "https://libris.kb.se/old1",
        turtle: r#"<https://libris.kb.se/old1> a kbv:Record ; kbv:mainEntity <https://libris.kb.se/old1#it> .
            <https://libris.kb.se/old1#it> a kbv:Print ; kbv:issuanceType kbv:Monograph ; kbv:hasTitle [ a kbv:Title ; kbv:mainTitle "Vintergatan" ] ;
            kbv:instanceOf [ a kbv:Text ; kbv:genreForm saogf:Romaner ; kbv:contentType kbrda:Text ; kbv:contribution [ kbv:agent [ a kbv:Person ; kbv:familyName "Ek"; kbv:givenName "Eva" ] ] ] ;
            kbv:exactMatch <http://www.wikidata.org/entity/Q901> ."#,
        kind: "book",
        kind_in_swedish: "Bok",
        label: "Vintergatan",
        in_english: "Vintergatan",
        found_by: &["eva ek", "romaner vintergatan"],
        entity: "https://libris.kb.se/old1#it",
        links: &["wikidata Q901"],
    },
    Sample {
        identifier: "https://libris.kb.se/new1",
        turtle: r#"<https://libris.kb.se/new1> a kbv:Record ; kbv:mainEntity <https://libris.kb.se/new1#it> .
            <https://libris.kb.se/new1#it> a kbv:PhysicalResource ; kbv:category kbrda:Volume, saobf:Print ; kbv:hasTitle [ a kbv:Title ; kbv:mainTitle "Karlavagnen" ] ;
            kbv:instanceOf [ a kbv:Monograph ; kbv:category saogf:Romaner, kbrda:Text ; kbv:contribution [ kbv:agent [ a kbv:Person ; kbv:familyName "Ask"; kbv:givenName "Ida" ] ] ] ;
            kbv:exactMatch <http://www.wikidata.org/entity/Q902> ."#,
        kind: "book",
        kind_in_swedish: "Bok",
        label: "Karlavagnen",
        in_english: "Karlavagnen",
        found_by: &["ida ask", "romaner karlavagnen"],
        entity: "https://libris.kb.se/new1#it",
        links: &["wikidata Q902"],
    },
];

/// A server with these records, as Turtle.
fn served(records: &[(String, String)]) -> Scripted {
    let record = |(identifier, turtle): &(String, String)| {
        format!(
            "<record><header><identifier>{identifier}</identifier><datestamp>2026-01-01T00:00:00Z</datestamp></header><metadata><![CDATA[{turtle}]]></metadata></record>"
        )
    };
    let all: String = records.iter().map(record).collect();
    scripted(move |_, _| document(&format!("<ListRecords>{all}</ListRecords>")).into_response())
}

fn find(bench: &Bench, words: &str, more: &[&str]) -> Value {
    let words = [&["search", "--json", words], more].concat();
    bench.run(&words).json()["entries"].clone()
}

fn page(server: &Server, record: &str, language: &str) -> String {
    let path: String = url::form_urlencoded::byte_serialize(record.as_bytes()).collect();
    let request = server.client.get(format!("{}/record/{path}", server.url));
    let answer = Answer::of(request.header("accept", "text/html").header("accept-language", language));
    // A record of the base has an address of its own.
    if answer.status == 200 {
        return answer.body;
    }
    let to = answer.header("location").to_owned();
    let to = if to.starts_with("http") { to } else { format!("{}{to}", server.url) };
    Answer::of(server.client.get(to).header("accept", "text/html").header("accept-language", language)).ok().body
}

#[test]
fn records_of_every_vocabulary_have_a_kind_names_and_links() {
    let records = SAMPLES.iter().map(|sample| (sample.identifier.to_owned(), format!("{PREFIXES}{}", sample.turtle)));
    let source = served(&records.collect::<Vec<_>>());
    let bench = Bench::at(&source.url);
    let summary = bench.harvest("all", None, &["--prefix", "ttl"]);
    assert_eq!(summary["created"], SAMPLES.len() as u64, "{summary}");
    let server = Server::start(&bench, &[]);
    for Sample { identifier, kind, kind_in_swedish, label, in_english, found_by, entity, links, .. } in SAMPLES {
        for words in [&[label], found_by].concat() {
            let found = find(&bench, words, &[]);
            let entry = found.as_array().expect("entries").iter().find(|entry| entry["record"] == identifier);
            let entry = entry.unwrap_or_else(|| panic!("{identifier} by {words}: {found}"));
            assert_eq!(
                (&entry["kind"], &entry["label"], &entry["entity"]),
                (&kind.into(), &label.into(), &entity.into()),
                "{words}"
            );
        }
        let shown = bench.run(&["record", identifier]).ok();
        assert!(shown.contains(&format!("# kind:       {kind}\n# name:       {label}\n")), "{shown}");
        let held = bench.run(&["links", "--record", identifier, "--json"]).json();
        let held: Vec<String> = held
            .as_array()
            .expect("links")
            .iter()
            .map(|link| format!("{} {}", link["authority"].as_str().unwrap_or_default(), link["id"].as_str().unwrap_or_default()))
            .collect();
        assert_eq!(held, links, "{identifier}");
        let (swedish, english) = (page(&server, identifier, "sv"), page(&server, identifier, "en"));
        assert!(swedish.contains(&format!("<span class=\"kind\">{kind_in_swedish}</span>")), "{identifier}: {swedish}");
        assert!(swedish.contains(&format!("<h1>{label}</h1>")), "{identifier}: {swedish}");
        assert!(english.contains(&format!("<h1>{in_english}</h1>")), "{identifier}: {english}");
    }
    drop(server);
    bench.run(&["verify"]).expect(0);
    let before = bench.contents();
    for view in ["links", "search"] {
        bench.run(&["rebuild", view]).expect(0);
    }
    bench.run(&["verify"]).expect(0);
    assert_eq!(bench.contents(), before);
}

#[test]
fn a_line_of_the_users_table_shows_up_after_the_next_harvest() {
    let boat = r#"<https://harbour.example/1> a <https://harbour.example/v/Boat> ; <https://harbour.example/v/heading> "Havsörnen" ; rdfs:label "b1" ."#;
    let source = served(&[
        ("https://harbour.example/1".to_owned(), format!("{PREFIXES}{boat}")),
        (SAMPLES[8].identifier.to_owned(), format!("{PREFIXES}{}", SAMPLES[8].turtle)),
    ]);
    let bench = Bench::at(&source.url);
    bench.harvest("all", None, &["--prefix", "ttl"]);
    let found = find(&bench, "b1", &[]);
    assert_eq!((&found[0]["kind"], &found[0]["label"]), (&"https://harbour.example/v/Boat".into(), &"b1".into()), "{found}");

    let file = bench.path().join("mine.toml");
    let table = "[describe]\ntitle = [\"<https://harbour.example/v/heading>\"]\n
        [[describe.kinds]]\ncode = \"boat\"\nen = \"Boat\"\nsv = \"Båt\"\nany = [\"<https://harbour.example/v/Boat>\"]\n";
    fs_err::write(&file, table).expect("written");
    let file = file.display().to_string();
    let config = ["--config", file.as_str()];
    let summary = bench.harvest("all", None, &[&["--prefix", "ttl"], config.as_slice()].concat());
    assert_eq!((&summary["created"], &summary["changed"]), (&0.into(), &0.into()), "nothing came: {summary}");
    let found = find(&bench, "havsörnen", &config);
    assert_eq!((&found[0]["kind"], &found[0]["label"]), (&"boat".into(), &"Havsörnen".into()), "{found}");
    // The lists of the defaults still count.
    assert_eq!(find(&bench, "karlavagnen", &config)[0]["kind"], "book");
    let held = bench.contents();
    bench.run(&[&["verify"], config.as_slice()].concat()).expect(0);
    bench.run(&[&["rebuild", "search"], config.as_slice()].concat()).expect(0);
    assert_eq!(bench.contents(), held);
    let server = Server::start(&bench, &config);
    assert!(page(&server, "https://harbour.example/1", "sv").contains("<span class=\"kind\">Båt</span>"));
    drop(server);

    // Without the user's file, everything is as it was.
    bench.harvest("all", None, &["--prefix", "ttl"]);
    assert_eq!(find(&bench, "b1", &[])[0]["kind"], "https://harbour.example/v/Boat");
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_mistake_in_the_table_is_named_with_what_to_do() {
    let bench = Bench::at("http://127.0.0.1:1/oai");
    for (table, said) in [
        ("[describe]\ntitel = [\"dc:title\"]", "did you mean `describe.title`?"),
        (
            "[describe]\ntitle = [\"abc:title\"]",
            "describe.title = \"abc:title\" is not valid: the prefix \"abc\" is unknown: write the IRI in <>",
        ),
        ("[describe]\ntitle = \"dc:title\"", "it must be a list of texts"),
        ("[describe.signs]\ntext = [\"Text\"]", "describe.signs.text = \"Text\" is not valid"),
        ("[[describe.kinds]]\ncode = \"boat\"\nany = [\"boats\"]", "describe.kinds = \"boats\" is not valid: it is no sign"),
        ("[[describe.kinds]]\ncode = \"A boat\"\nany = [\"kbv:Boat\"]", "a code is of lower-case letters"),
        ("[[describe.kinds]]\ncode = \"boat\"", "it needs `any` or `all`"),
        ("[describe]\nkinds = [\"boat\"]", "a list of tables"),
    ] {
        fs_err::write(bench.path().join("mine.toml"), table).expect("written");
        let done = bench.run(&["status", "--config", "mine.toml"]);
        assert!(done.stderr.contains(said) && done.stderr.contains("mine.toml"), "{table}: {}", done.stderr);
    }
}
