//! Facets, orders, references and suggestions, through the binary and the pages, against counts of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::IntoResponse;
use libris_mirror::demo::identifier;
use serde_json::Value;

use crate::harness::Bench;
use crate::scripted::{document, harvest, scripted, with_payload};
use crate::server::{Answer, Server};

fn search(bench: &Bench, words: &[&str]) -> Value {
    bench.run(&[&["search", "--json", "--limit", "1000"], words].concat()).json()
}

fn records(found: &Value) -> Vec<String> {
    let entries = found["entries"].as_array().expect("entries");
    entries.iter().map(|entry| entry["record"].as_str().expect("an IRI").to_owned()).collect()
}

/// The counts of a facet, by its values.
fn counts(found: &Value, facet: &str) -> BTreeMap<String, u64> {
    let facets = found["facets"].as_array().expect("facets");
    let of = facets.iter().find(|of| of["facet"] == facet).unwrap_or_else(|| panic!("no {facet}: {found}"));
    let values = of["values"]
        .as_array()
        .expect("values")
        .iter()
        .map(|value| (value["value"].as_str().expect("a value").to_owned(), value["count"].as_u64().expect("a count")));
    values.collect()
}

/// What records say: languages, categories, decades.
type Said = BTreeMap<String, [BTreeSet<String>; 3]>;

/// What records say, by queries of the graphs.
fn said(bench: &Bench) -> Said {
    let mut said = Said::new();
    let paths = [
        "kbv:instanceOf?/(kbv:language|kbv:associatedLanguage)",
        "kbv:instanceOf?/(kbv:category|kbv:genreForm|kbv:contentType|kbv:mediaType|kbv:carrierType|kbv:issuanceType)",
        "kbv:publication/kbv:year",
    ];
    for (place, path) in paths.into_iter().enumerate() {
        let query = format!("SELECT ?r ?v {{ GRAPH ?r {{ ?r kbv:mainEntity ?i . ?i {path} ?v }} }}");
        let table = bench.run(&["query", "--format", "csv", &query]).ok();
        for line in table.lines().skip(1) {
            let (record, value) = line.trim().split_once(',').expect("two cells");
            let value = if place == 2 { format!("{}0", &value[..3]) } else { value.to_owned() };
            said.entry(record.to_owned()).or_default()[place].insert(value);
        }
    }
    said
}

/// Chosen languages, categories and decades.
type Choice<'a> = [&'a [&'a str]; 3];

#[test]
fn facets_combine_and_count_as_the_graphs_say() {
    let bench = Bench::new(900);
    bench.harvest("all", None, &[]);
    let said = said(&bench);
    assert!(said.len() > 300, "{}", said.len());
    let decade = said.values().find_map(|[.., decades]| decades.first()).expect("a decade").clone();
    // Of one facet any value will do, of several facets all must hold.
    let choices: [Choice<'_>; 6] = [
        [&["swe"], &[], &[]],
        [&["swe", "fin"], &["Romaner"], &[]],
        [&[], &["Romaner", "Fackböcker"], &[]],
        [&["sme"], &[], &[&decade]],
        [&["eng"], &["Lyrik"], &[&decade]],
        [&[], &[], &[&decade]],
    ];
    for choice in choices {
        let mut words = vec!["--facets"];
        for (option, values) in ["--language", "--category", "--decade"].iter().zip(choice) {
            words.extend(values.iter().flat_map(|value| [*option, value]));
        }
        let found = search(&bench, &words);
        let fits = |record: &[BTreeSet<String>; 3], but: usize| {
            (0..3).all(|facet| {
                let has = |value: &&&str| record[facet].iter().any(|known| libris_mirror::rdf::last_part(known) == **value);
                facet == but || choice[facet].is_empty() || choice[facet].iter().any(|value| has(&value))
            })
        };
        let due: Vec<&String> = said.iter().filter(|(_, record)| fits(record, 9)).map(|(name, _)| name).collect();
        let mut held = records(&found);
        held.sort();
        assert_eq!(held.iter().collect::<Vec<_>>(), due, "{words:?}");
        assert_eq!(found["matches"], due.len(), "{words:?}");
        // A facet counts what would be found if nothing of itself were chosen.
        for (place, facet) in ["language", "category", "decade"].into_iter().enumerate() {
            let mut due: BTreeMap<&String, u64> = BTreeMap::new();
            for record in said.values().filter(|record| fits(record, place)) {
                record[place].iter().for_each(|value| *due.entry(value).or_default() += 1);
            }
            for (value, count) in counts(&found, facet) {
                assert_eq!(due.get(&value).copied().unwrap_or_default(), count, "{words:?}: {facet} {value}");
            }
        }
    }
    let all = search(&bench, &["--facets"]);
    assert_eq!(all["matches"], bench.count("SELECT (COUNT(DISTINCT ?r) AS ?n) { GRAPH ?r { ?s ?p ?o } }"));
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let links = "SELECT count(DISTINCT graph) FROM link WHERE authority = 'wikidata'";
    let links: u64 = log.query_row(links, [], |row| row.get(0)).expect("a number");
    assert_eq!(counts(&all, "link")["wikidata"], links);
    assert_eq!(counts(&all, "source")["all"], all["matches"].as_u64().expect("a number"));
    let by_iri = search(&bench, &["--language", "https://id.kb.se/language/swe"]);
    assert_eq!(by_iri["matches"], search(&bench, &["--language", "SWE"])["matches"], "by the last part, in any case");
    assert_eq!(search(&bench, &["--language", "tlh"])["matches"], 0);
    bench.run(&["search"]).expect(2);
}

#[test]
fn results_are_in_the_order_that_was_asked_for() {
    let bench = Bench::new(500);
    bench.harvest("all", None, &[]);
    let years = |order: &str| -> Vec<Option<i64>> {
        let found = search(&bench, &["isbrytare", "--sort", order]);
        found["entries"].as_array().expect("entries").iter().map(|entry| entry["year"].as_i64()).collect()
    };
    let (newest, oldest) = (years("year"), years("oldest"));
    assert!(newest.len() > 5 && newest.windows(2).all(|pair| pair[0] >= pair[1]), "{newest:?}");
    let known: Vec<i64> = oldest.iter().flatten().copied().collect();
    assert!(known.is_sorted() && oldest.iter().take(known.len()).all(Option::is_some), "{oldest:?}");
    let found = search(&bench, &["--kind", "person", "--sort", "title"]);
    let place = |c: char| "abcdefghijklmnopqrstuvwxyzåäö".chars().position(|letter| letter == c);
    let firsts: Vec<_> = found["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .filter_map(|entry| place(entry["label"].as_str()?.to_lowercase().chars().next()?))
        .collect();
    assert!(firsts.len() > 20 && firsts.is_sorted(), "å, ä and ö come last: {firsts:?}");
    // Pages follow one another, however they are cut.
    let all = records(&search(&bench, &["i", "--sort", "title"]));
    let mut cut = Vec::new();
    for offset in (0..all.len()).step_by(70) {
        let words = ["search", "i", "--json", "--sort", "title", "--limit", "70", "--offset", &offset.to_string()];
        cut.extend(records(&bench.run(&words).json()));
    }
    assert_eq!(cut, all);
}

/// A record in RDF/XML.
fn record(number: usize, content: &str) -> String {
    let iri = format!("https://libris.kb.se/r{number}");
    with_payload(
        number,
        &format!(
            "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"https://id.kb.se/vocab/\">\
             <Record rdf:about=\"{iri}\"><mainEntity rdf:resource=\"{iri}#it\"/></Record>{}</rdf:RDF>",
            content.replace("IT", &format!("rdf:about=\"{iri}#it\""))
        ),
    )
}

fn book(number: usize, title: &str, author: usize, subject: usize) -> String {
    record(
        number,
        &format!(
            "<PhysicalResource IT><hasTitle><Title><mainTitle>{title}</mainTitle></Title></hasTitle><instanceOf><Text>\
             <contribution><Contribution><agent rdf:resource=\"https://libris.kb.se/r{author}#it\"/></Contribution></contribution>\
             <subject rdf:resource=\"https://libris.kb.se/r{subject}#it\"/></Text></instanceOf></PhysicalResource>"
        ),
    )
}

fn topic(number: usize, label: &str, broader: Option<usize>) -> String {
    let broader = broader.map(|broader| format!("<broader rdf:resource=\"https://libris.kb.se/r{broader}#it\"/>"));
    record(number, &format!("<Topic IT><prefLabel>{label}</prefLabel>{}</Topic>", broader.unwrap_or_default()))
}

fn person(number: usize, variant: &str) -> String {
    record(
        number,
        &format!(
            "<Person IT><familyName>Lagerlöf</familyName><givenName>Selma</givenName>\
             <hasVariant><Person><name>{variant}</name></Person></hasVariant></Person>"
        ),
    )
}

#[test]
fn a_book_is_found_by_the_names_of_what_it_refers_to() {
    let renamed = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&renamed);
    let server = scripted(move |_, _| {
        let variant = if now.load(Ordering::SeqCst) { "Mårbacka" } else { "Ottilia" };
        let all = [
            person(1, variant),
            book(2, "Nils resa", 1, 3),
            topic(3, "Gäss", Some(4)),
            topic(4, "Fåglar", Some(5)),
            // A circle of broader terms has no end.
            topic(5, "Djur", Some(3)),
            book(6, "Djurgården i Nils tid", 9, 8),
            topic(8, "Parker", None),
            // An instance whose work has a record of its own.
            record(
                10,
                "<PhysicalResource IT><hasTitle><Title><mainTitle>Tre noveller</mainTitle></Title></hasTitle>\
                <instanceOf rdf:resource=\"https://libris.kb.se/r11#it\"/></PhysicalResource>",
            ),
            record(
                11,
                "<Monograph IT><hasTitle><Title><mainTitle>Noveller</mainTitle></Title></hasTitle>\
                <contribution><Contribution><agent rdf:resource=\"https://libris.kb.se/r1#it\"/></Contribution></contribution></Monograph>",
            ),
        ];
        document(&format!("<ListRecords>{}</ListRecords>", all.concat())).into_response()
    });
    let (bench, _, _) = harvest(&server, 0, &[]);
    let found = |words: &[&str]| -> Vec<String> {
        let names = records(&search(&bench, words)).into_iter();
        names.map(|record| record.rsplit('/').next().expect("a name").to_owned()).collect()
    };
    let all = |words: &[&str]| found(words).into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    assert_eq!(found(&["ottilia"])[0], "r1", "the author before her books");
    assert_eq!(all(&["ottilia"]), ["r1", "r10", "r11", "r2"], "her books, one by way of its work");
    assert_eq!(found(&["tre", "ottilia"]), ["r10"]);
    let cited = bench.run(&["record", "r10", "--format", "ris"]).ok();
    assert!(cited.contains("Lagerlöf, Selma"), "the work says who wrote it: {cited}");
    assert_eq!(found(&["nils", "ottil"]), ["r2"], "words of both, the last a beginning");
    assert_eq!(found(&["\"nils resa\"", "selma lagerlöf"]), ["r2"]);
    assert_eq!(found(&["\"resa nils\""]), [] as [&str; 0], "a phrase has an order");
    assert_eq!(found(&["gäss", "resa"]), ["r2"], "by its subject");
    assert_eq!(found(&["fåglar"]), ["r4", "r2"], "by a broader term");
    assert_eq!(found(&["nils", "djur"]), ["r6", "r2"], "by the term above that, after what says it itself");
    assert_eq!(found(&["parker"]), ["r8", "r6"]);
    assert_eq!(found(&["parker", "selma"]), [] as [&str; 0]);
    // The author is called otherwise: her book is not indexed again, and found all the same.
    renamed.store(true, Ordering::SeqCst);
    bench.run(&bench.harvest_words("x", None, &["--full"])).expect(0);
    assert_eq!(all(&["mårbacka"]), ["r1", "r10", "r11", "r2"]);
    assert_eq!(found(&["ottilia"]), [] as [&str; 0]);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn an_index_that_is_missing_or_damaged_is_named_and_made_again() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let index = bench.data().join("search");
    let before = search(&bench, &["i", "--facets"]);
    // Missing: readers say what to do, and the next writer does it.
    fs_err::remove_dir_all(&index).expect("removed");
    let missing = bench.run(&["search", "i"]);
    assert!(missing.code != Some(0) && missing.stderr.contains("rebuild search"), "{}", missing.stderr);
    bench.harvest("all", None, &[]);
    assert_eq!(search(&bench, &["i", "--facets"]), before);
    // Unreadable.
    fs_err::write(index.join("meta.json"), "{").expect("spoiled");
    let damaged = bench.run(&["search", "i"]);
    assert!(damaged.code != Some(0) && damaged.stderr.contains("rebuild search"), "{}", damaged.stderr);
    bench.run(&["rebuild", "search"]).expect(0);
    assert_eq!(search(&bench, &["i", "--facets"]), before);
    bench.run(&["verify"]).expect(0);
    // Bytes of a file of each kind: a search finds something or says what to do, and a check names the file.
    for ending in ["pos", "idx", "term", "fast"] {
        let files = fs_err::read_dir(&index).expect("there").flatten().map(|entry| entry.path());
        let files = files.filter(|path| path.extension().is_some_and(|known| known == ending));
        let file = files.max_by_key(|path| fs_err::metadata(path).expect("there").len()).expect("a file");
        let mut bytes = fs_err::read(&file).expect("read");
        let (third, step) = (bytes.len() / 3, (bytes.len() / 180).max(1));
        bytes[third..].iter_mut().step_by(step).take(60).for_each(|byte| *byte ^= 0x55);
        fs_err::write(&file, bytes).expect("spoiled");
        for words in ["i", "selma lindström", "isbrytare"] {
            let found = bench.run(&["search", words]);
            let says = found.code == Some(1) && found.stderr.contains("rebuild search");
            assert!(found.code == Some(0) || says, "{ending} {words}: {:?} {}", found.code, found.stderr);
        }
        let verify = bench.run(&["verify"]).expect(1);
        let said = format!("{}{}", verify.stdout, verify.stderr);
        let name = file.file_name().and_then(|name| name.to_str()).expect("text");
        assert!(said.contains(&format!("the file {name} of the index is damaged")), "{said}");
        bench.run(&["rebuild", "search"]).expect(0);
        bench.run(&["verify"]).expect(0);
    }
}

#[test]
fn a_backup_has_the_index_and_a_restore_need_not_make_it() {
    let bench = Bench::new(400);
    bench.harvest("all", None, &[]);
    let before = search(&bench, &["i", "--facets"]);
    let backup = bench.path().join("backup");
    bench.run(&["backup", backup.to_str().expect("text")]).expect(0);
    bench.state().with_catalogue(|catalogue| catalogue.delete(&(0..200).collect::<Vec<_>>(), chrono::Utc::now()));
    bench.harvest("all", None, &[]);
    assert_ne!(search(&bench, &["i", "--facets"]), before);
    let restored = bench.run(&["restore", backup.to_str().expect("text"), "--force"]).expect(0);
    assert!(restored.stderr.contains("; 0 records were applied"), "{}", restored.stderr);
    assert_eq!(search(&bench, &["i", "--facets"]), before);
    bench.run(&["verify"]).expect(0);
}

fn page(server: &Server, path: &str) -> Answer {
    let request = server.client.get(format!("{}{path}", server.url)).header("accept", "text/html");
    Answer::of(request.header("accept-language", "en"))
}

/// The links within a part of a page: addresses and the text up to the next link.
fn links<'a>(body: &'a str, part: &str) -> Vec<(String, &'a str)> {
    let (_, from) = body.split_once(part).unwrap_or_else(|| panic!("no {part}: {body}"));
    let part = from.split("</nav>").next().expect("a part");
    let each = part.split("href=\"").skip(1).filter_map(|rest| rest.split_once('"'));
    each.map(|(address, rest)| (address.replace("&amp;", "&"), rest)).collect()
}

fn found(body: &str) -> u64 {
    let (before, _) = body.split_once("</strong> found").unwrap_or_else(|| panic!("nothing found: {body}"));
    before.rsplit('>').next().expect("a number").replace(',', "").parse().expect("a number")
}

#[test]
fn the_page_narrows_by_links_and_takes_back_by_chips() {
    let bench = Bench::new(600);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let first = page(&server, "/search?q=i").ok().body;
    let narrowing = links(&first, "<nav class=\"narrow\"");
    assert!(narrowing.len() > 15, "{narrowing:?}");
    // Every count is what its link finds.
    for (address, rest) in narrowing.iter().step_by(3) {
        let count = rest.split("class=\"count\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a count");
        let body = page(&server, address).ok().body;
        assert_eq!(found(&body), count.replace(',', "").parse::<u64>().expect("a number"), "{address}");
        assert!(body.contains("class=\"chip\"") && body.contains("aria-current=\"true\""), "{address}");
    }
    let narrow = page(&server, "/search?q=i&language=swe&category=Romaner&sort=title").ok().body;
    let (_, chips) = narrow.split_once("<ul class=\"chips\"").expect("chips");
    let chips: Vec<&str> = chips.split("</ul>").next().expect("a list").split("href=\"").skip(1).collect();
    assert_eq!(chips.len(), 3, "one each, and one for all: {chips:?}");
    let without = chips.iter().find(|chip| chip.contains("<strong>swe")).and_then(|chip| chip.split('"').next()).expect("a chip");
    let without = without.replace("&amp;", "&");
    assert!(!without.contains("language=") && without.contains("category=") && without.contains("sort=title"), "{without}");
    assert!(found(&page(&server, &without).ok().body) > found(&narrow));
    assert!(narrow.contains("<input type=\"hidden\" name=\"sort\" value=\"title\">"), "other words keep what is chosen");
    // Without words all records are there to browse.
    let all = page(&server, "/search").ok().body;
    assert_eq!(found(&all), search(&bench, &["--facets"])["matches"].as_u64().expect("a number"));
}

#[test]
fn who_types_sees_headings_that_begin_so_the_most_used_first() {
    let bench = Bench::new(800);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let suggest = |text: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", text).finish();
        let address = format!("{}/suggest?{query}", server.url);
        let answer = Answer::of(server.client.get(address)).ok();
        assert_eq!(answer.header("content-type"), "application/x-suggestions+json");
        assert!(answer.header("cache-control").contains("max-age"));
        let parts = answer.json();
        assert_eq!(parts[0], text.trim());
        parts[1].as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    let found = suggest("isbr");
    assert!((1..=10).contains(&found.len()) && found.iter().all(|text| text.to_lowercase().contains("isbrytare")), "{found:?}");
    assert_eq!(found[0], "Isbrytare", "a subject before the books about it");
    assert!(suggest("").is_empty() && suggest("qqq").is_empty());
    // Given name first, and in any order.
    let live = bench.state().with_catalogue(|catalogue| catalogue.live(800));
    let person = live.iter().copied().find(|number| number % 20 == 10 && number % 15 != 0 && number % 15 != 5).expect("a person");
    let entry = search(&bench, &[&identifier(person)[21..]])["entries"][0].clone();
    let label = entry["label"].as_str().expect("a label");
    let (family, given) = label.split_once(", ").expect("two names");
    let beginning: String = family.chars().take(3).collect();
    for text in [format!("{given} {beginning}"), format!("{family}, {given}")] {
        assert!(suggest(&text).iter().any(|found| found == label), "{text}: {:?}", suggest(&text));
    }
}

#[test]
fn hostile_searches_are_answered_in_bounds() {
    let bench = Bench::new(200);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let many: String = (0..1200).map(|number| format!("&subject={number}&x{number}=y")).collect();
    for query in [
        format!("q={}", "å".repeat(2000)),
        format!("q={}", "ord+".repeat(1500)),
        format!("q=i{many}"),
        "q=%00%ff%f0%9f%92%a9&kind=%ff&decade=-1&page=99999999999999999999".to_owned(),
        "q=%22%22%22+%22+*+NEAR%28&sort=%27&language=%22%3E%3Cscript%3E".to_owned(),
        "q=i&page=18446744073709551615".to_owned(),
        "q=a&q=b&kind=&kind=%20".to_owned(),
    ] {
        for path in ["search", "suggest"] {
            let answer = page(&server, &format!("/{path}?{query}"));
            // A request may be longer than the server reads.
            assert!([200, 414, 431].contains(&answer.status), "{} {}", answer.status, answer.body);
            assert!(!answer.body.contains("<script>"), "{}", answer.body);
        }
    }
}
