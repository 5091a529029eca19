//! Harvest, status, query, export, links and record agree with what the source served.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::unix::fs::PermissionsExt;

use libris_mirror::config::Config;
use libris_mirror::demo::{ServedCounts, identifier, rdfxml, record};
use libris_mirror::links::extract;
use libris_mirror::rdf::{PayloadFormat, Reader};

use crate::harness::Bench;

/// Enough for several pages, and for pages of the national bibliography with nothing on them.
const RECORDS: u64 = 6000;

fn assert_agrees(bench: &Bench, name: &str, counts: ServedCounts) {
    let status = bench.run(&["status", "--json"]).json();
    let source = status["sources"].as_array().expect("sources").iter().find(|source| source["name"] == name).expect("the source");
    assert_eq!(source["live"], counts.live, "{status:#}");
    assert_eq!(source["deleted"], counts.deleted, "{status:#}");
    assert_eq!(source["records"], counts.live + counts.deleted);
    assert_eq!(source["quarantined"], 0);
    assert!(status["watermarks"].as_array().expect("views").iter().all(|view| view["page"] == status["log_page"]), "{status:#}");
    let export = bench.run(&["export", "--format", "nt", "--source", name]).ok();
    assert_eq!(export.lines().count() as u64, counts.triples);
}

#[test]
fn every_count_agrees_with_what_the_source_served() {
    let bench = Bench::new(RECORDS);
    let summary = bench.harvest("nb", Some("nb"), &[]);
    let (nb, auth) = bench.state().with_catalogue(|catalogue| (catalogue.counts(Some("nb")), catalogue.counts(Some("auth"))));
    assert_eq!(summary["outcome"], "complete");
    assert_eq!(summary["created"], nb.live);
    assert_eq!(summary["received"], nb.live + nb.deleted);
    assert!(summary["pages"].as_u64() >= Some(6), "the list has empty pages: {summary}");
    bench.harvest("auth", Some("auth"), &[]);

    assert_agrees(&bench, "nb", nb);
    assert_agrees(&bench, "auth", auth);
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"), nb.triples + auth.triples);
    assert_eq!(bench.count("SELECT (COUNT(DISTINCT ?g) AS ?n) { GRAPH ?g { ?s ?p ?o } }"), nb.live + auth.live);
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { ?record kbv:mainEntity ?thing }"), nb.live + auth.live);
    assert_eq!(bench.quads().len() as u64, nb.triples + auth.triples);

    // The links that each live record's own description holds, one record at a time.
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    let reader = Reader::new(PayloadFormat::RdfXml, None, 256);
    let shapes = Config::new(None, HashMap::new(), &[]).expect("the defaults").shapes;
    let live = bench.state().with_catalogue(|catalogue| catalogue.live(usize::MAX));
    for number in live.into_iter().filter(|number| !(3000..4600).contains(number) || number % 5 == 0) {
        let payload = format!("<record><metadata>{}</metadata></record>", rdfxml(&record(number, 0, "2026-01-01T00:00:00Z")));
        for link in extract(&shapes, &reader.quads(&identifier(number), payload.as_bytes()).expect("valid")) {
            *expected.entry(link.reference.authority.to_string()).or_default() += 1;
        }
    }
    assert_eq!(bench.link_stats(), expected);
    assert!(
        ["wikidata", "wikipedia", "dbpedia", "loc", "viaf", "isni", "libris"].iter().all(|name| expected.contains_key(*name)),
        "{expected:?}"
    );
}

#[test]
fn a_second_harvest_asks_for_what_is_new_and_changes_nothing() {
    let bench = Bench::new(3000);
    bench.harvest("all", None, &[]);
    let (quads, links, bytes) = (bench.quads(), bench.link_stats(), bench.state().bytes());
    let snapshot = bench.run(&["status", "--json"]).json()["snapshot"].clone();

    let again = bench.harvest("all", None, &[]);
    assert_eq!(again["outcome"], "complete");
    assert!(again["from"].as_str().is_some_and(|from| from.len() == 20 && from.ends_with('Z')), "{again}");
    assert_eq!(again["received"], 0);
    assert!(bench.state().bytes() - bytes < 5000, "it transferred {} bytes", bench.state().bytes() - bytes);
    assert_eq!(bench.quads(), quads);
    assert_eq!(bench.link_stats(), links);
    let status = bench.run(&["status", "--json"]).json();
    assert_eq!(status["snapshot"], snapshot, "nothing changed, so nothing was published");
    assert!(status["watermarks"].as_array().expect("views").iter().all(|view| view["page"] == status["log_page"]), "{status:#}");
}

#[test]
fn a_full_list_again_leaves_records_that_did_not_change_alone() {
    let bench = Bench::new(1500);
    bench.harvest("all", None, &[]);
    let quads = bench.quads();
    let again = bench.harvest("all", None, &["--full"]);
    assert_eq!((&again["received"], &again["unchanged"]), (&1500.into(), &1500.into()), "{again}");
    assert_eq!(bench.quads(), quads);
}

#[test]
fn changes_and_deletions_at_the_source_appear_and_nothing_else_does() {
    let bench = Bench::new(2000);
    bench.harvest("all", None, &[]);
    let before = bench.quads();
    let (updated, deleted) = bench.state().with_catalogue(|catalogue| {
        let live = catalogue.live(60);
        let (updated, deleted) = (live[..40].to_vec(), live[40..].to_vec());
        catalogue.update(&updated, chrono::Utc::now());
        catalogue.delete(&deleted, chrono::Utc::now());
        catalogue.add(7, chrono::Utc::now());
        (updated, deleted)
    });
    let summary = bench.harvest("all", None, &[]);
    assert_eq!((&summary["changed"], &summary["deleted"], &summary["created"]), (&40.into(), &20.into(), &7.into()), "{summary}");
    assert_agrees(&bench, "all", bench.state().with_catalogue(|catalogue| catalogue.counts(None)));

    let after = bench.quads();
    let graphs = |lines: &[String]| -> BTreeMap<String, BTreeSet<String>> {
        let mut graphs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in lines {
            let graph = line.trim_end_matches(" .").rsplit(' ').next().expect("a graph").to_owned();
            graphs.entry(graph).or_default().insert(line.clone());
        }
        graphs
    };
    let (before, after) = (graphs(&before), graphs(&after));
    let graph = |number: &u64| format!("<{}>", identifier(*number));
    let gone: BTreeSet<String> = deleted.iter().map(graph).collect();
    let changed: BTreeSet<String> = updated.iter().map(graph).collect();
    for (name, quads) in &before {
        match after.get(name) {
            None => assert!(gone.contains(name), "{name} went"),
            Some(now) => assert_eq!(now == quads, !changed.contains(name), "{name}"),
        }
    }
    assert!(gone.iter().all(|name| !after.contains_key(name)));
    assert_eq!(after.len(), before.len() - 20 + 7);
    // The store says what the log says: the version is part of the title or the description.
    assert_eq!(
        bench.count(
            "SELECT (COUNT(*) AS ?n) { ?s ?p ?o FILTER(CONTAINS(STR(?o), 'ersion 1') || CONTAINS(STR(?o), 'upplaga 1')) }"
        ),
        40
    );
    assert!(bench.link_stats().values().sum::<u64>() > 0);
    let person = identifier(*deleted.iter().find(|number| **number % 5 == 0).expect("an authority among them"));
    let links = bench.run(&["links", "--record", &person, "--format", "csv"]).ok();
    assert_eq!(links.lines().count(), 1, "a deleted record has no links: {links}");
}

#[test]
fn rebuilt_views_equal_the_old_ones() {
    let bench = Bench::new(1200);
    bench.harvest("all", None, &[]);
    bench.state().with_catalogue(|catalogue| catalogue.update(&[1, 2, 3, 5, 10], chrono::Utc::now()));
    bench.harvest("all", None, &[]);
    let query = "SELECT ?s ?p ?o ?g { GRAPH ?g { ?s ?p ?o } } ORDER BY ?g ?s ?p ?o";
    let (store, links) = (
        bench.run(&["query", "--format", "tsv", query]).ok(),
        bench.run(&["links", "--iri", &format!("{}#it", identifier(20))]).ok(),
    );
    let (quads, stats) = (bench.quads(), bench.link_stats());

    fs_err::remove_dir_all(bench.data().join("store")).expect("removed");
    bench.run(&["rebuild", "store"]).ok();
    bench.run(&["rebuild", "links"]).ok();
    assert_eq!(bench.run(&["query", "--format", "tsv", query]).ok(), store);
    assert_eq!(bench.run(&["links", "--iri", &format!("{}#it", identifier(20))]).ok(), links);
    assert_eq!((bench.quads(), bench.link_stats()), (quads, stats));
}

#[test]
fn links_are_found_from_every_side() {
    let bench = Bench::new(200);
    bench.harvest("auth", Some("auth"), &[]);
    // A person with links to everyone.
    let (record, entity) = (identifier(40), format!("{}#it", identifier(40)));
    let by_record = bench.run(&["links", "--record", &record, "--format", "json"]).json();
    assert_eq!(bench.run(&["links", "--record", &entity, "--format", "json"]).json(), by_record);
    let authorities: BTreeSet<&str> =
        by_record.as_array().expect("rows").iter().filter_map(|row| row["authority"].as_str()).collect();
    assert!(
        ["loc", "libris", "viaf", "dbpedia", "wikipedia", "wikidata", "isni"].iter().all(|name| authorities.contains(name)),
        "{by_record:#}"
    );
    assert!(by_record.as_array().expect("rows").iter().all(|row| row["entity"] == entity.as_str()), "{by_record:#}");
    for row in by_record.as_array().expect("rows") {
        let (authority, id, iri) =
            (row["authority"].as_str().expect("a"), row["id"].as_str().expect("an id"), row["iri"].as_str().expect("an IRI"));
        for words in [["--authority", authority, "--id", id].as_slice(), ["--iri", iri].as_slice()] {
            let found = bench.run(&[&["links", "--format", "json"], words].concat()).json();
            assert!(found.as_array().expect("rows").contains(row), "{words:?}: {found:#}");
        }
    }
    let none = bench.run(&["links", "--record", "https://libris.kb.se/nosuch"]).expect(1);
    assert!(none.stderr.contains("the mirror has no record \"https://libris.kb.se/nosuch\""), "{}", none.stderr);
}

#[test]
fn a_record_is_shown_with_its_header_in_every_format_and_raw() {
    let bench = Bench::new(20);
    bench.harvest("all", None, &[]);
    let record = identifier(1);
    let turtle = bench.run(&["record", &record]).ok();
    assert!(
        turtle.contains(&format!("# identifier: {record}"))
            && turtle.contains("# sets:       bib")
            && turtle.contains("kbv:mainEntity"),
        "{turtle}"
    );
    let raw = bench.run(&["record", &format!("{record}#it"), "--format", "raw"]).ok();
    assert!(
        raw.starts_with("<record xmlns=\"http://www.openarchives.org/OAI/2.0/\"")
            && raw.contains("<about><agent xmlns=\"\" name=\"NB\"/></about>"),
        "{raw}"
    );
    let lines = bench.run(&["record", &record, "--format", "nt"]).ok().lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(bench.run(&["export", "--canonical", "--record", &record]).ok().lines().count(), lines);
    assert!(bench.run(&["record", &record, "--format", "jsonld"]).ok().contains("https://id.kb.se/vocab/mainEntity"));
    let short = record.strip_prefix("https://libris.kb.se/").expect("an IRI of Libris");
    assert_eq!(bench.run(&["record", short]).ok(), turtle);
    let missing = bench.run(&["record", "https://libris.kb.se/nothing"]).expect(1);
    assert!(missing.stderr.contains("has no record \"https://libris.kb.se/nothing\""), "{}", missing.stderr);
}

#[test]
fn exports_are_whole_compressed_as_named_and_the_same_every_time() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let plain = bench.run(&["export"]).ok();
    for (name, unpack) in [("a.nt.gz", "gz"), ("a.nt.zst", "zst"), ("a.nt", "")] {
        let done = bench.run(&["export", "-o", name]).expect(0);
        assert!(done.stderr.contains("triples of"), "{}", done.stderr);
        let bytes = fs_err::read(bench.path().join(name)).expect("written");
        let mode = fs_err::metadata(bench.path().join(name)).expect("there").permissions().mode();
        assert_eq!(mode & 0o444, 0o444, "{name} is for everyone to read");
        let text = match unpack {
            "gz" => std::io::read_to_string(flate2::read::MultiGzDecoder::new(&bytes[..])).expect("gzip"),
            "zst" => String::from_utf8(zstd::decode_all(&bytes[..]).expect("zstd")).expect("text"),
            _ => String::from_utf8(bytes).expect("text"),
        };
        assert_eq!(text, plain, "{name}");
    }
    assert_eq!(bench.run(&["export"]).ok(), plain);
    bench.run(&["rebuild", "store"]).ok();
    assert_eq!(bench.run(&["export"]).ok(), plain);
    // More than one piece of it is packed, and the prefixes stand at the beginning alone.
    let gzipped = fs_err::read(bench.path().join("a.nt.gz")).expect("written");
    assert!(gzipped.windows(4).filter(|window| window == b"\x1f\x8b\x08\x00").count() > 1, "members of their own");
    let turtle = bench.run(&["export", "--format", "ttl"]).ok();
    let prefixes = turtle.lines().filter(|line| line.starts_with("@prefix ")).count();
    assert!(prefixes > 1 && turtle.lines().take(prefixes).all(|line| line.starts_with("@prefix ")), "{prefixes} prefixes");
    // Every format says the same.
    let canonical = bench.run(&["export", "--canonical"]).ok();
    for format in ["nq", "trig"] {
        let text = bench.run(&["export", "--format", format]).ok();
        let rdf = if format == "nq" { oxigraph::io::RdfFormat::NQuads } else { oxigraph::io::RdfFormat::TriG };
        let quads: Vec<_> = oxigraph::io::RdfParser::from_format(rdf).for_slice(&text).collect::<Result<_, _>>().expect("valid");
        assert_eq!(libris_mirror::rdf::canonical_nquads(&quads).expect("canonical"), canonical, "{format}");
    }
    let turtle = bench.run(&["export", "--format", "ttl"]).ok();
    let triples = oxigraph::io::RdfParser::from_format(oxigraph::io::RdfFormat::Turtle).for_slice(&turtle).count();
    assert_eq!(triples, plain.lines().count());
}

#[test]
fn queries_of_every_form_and_format() {
    let bench = Bench::new(100);
    bench.harvest("all", None, &[]);
    let thing = format!("{}#it", identifier(1));
    assert_eq!(bench.run(&["query", "ASK { ?s a kbv:Person }", "--format", "table"]).ok(), "true\n");
    assert!(bench.run(&["query", "--format", "json", "ASK { ?s a :Nothing }"]).ok().contains("\"boolean\":false"));
    for (format, sign) in [("xml", "<sparql"), ("tsv", "?t"), ("csv", "t\r\n"), ("json", "\"vars\":[\"t\"]"), ("table", "─")] {
        let text = bench.run(&["query", "--format", format, "SELECT ?t { ?s kbv:mainTitle ?t } LIMIT 3"]).ok();
        assert!(text.contains(sign), "{format}: {text}");
    }
    for (format, sign) in
        [("nt", "<https://id.kb.se/vocab/instanceOf>"), ("ttl", "kbv:instanceOf"), ("rdfxml", "<rdf:RDF"), ("jsonld", "\"@id\"")]
    {
        let text = bench.run(&["query", "--format", format, &format!("DESCRIBE <{thing}>")]).ok();
        assert!(text.contains(sign), "{format}: {text}");
    }
    let made = bench
        .run(&["query", &format!("CONSTRUCT {{ <{thing}> dct:title ?t }} {{ <{thing}> kbv:hasTitle/kbv:mainTitle ?t }}")])
        .ok();
    assert_eq!(made.lines().count(), 1, "{made}");
    let wrong = bench.run(&["query", "--format", "ttl", "SELECT * { ?s ?p ?o }"]).expect(1);
    assert!(wrong.stderr.contains("--format ttl does not fit the query"), "{}", wrong.stderr);
    let syntax = bench.run(&["query", "SELECT * { ?s "]).expect(1);
    assert!(syntax.stderr.starts_with("error: this `{` is not closed"), "{}", syntax.stderr);
    let service = bench.run(&["query", "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }"]).expect(1);
    assert!(service.stderr.contains("SERVICE <http://127.0.0.1:9/> is not allowed here"), "{}", service.stderr);
    let slow = bench
        .run(&["query", "--timeout", "1", "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"])
        .expect(1);
    assert!(slow.stderr.contains("the query was ended after 1 s"), "{}", slow.stderr);
}
