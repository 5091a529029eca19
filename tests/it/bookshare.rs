//! `/book`, `/periodicals`, `/reference` and `/download`: the mirror in the style of Bookshare's API V1.

use std::collections::BTreeSet;
use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::Bench;
use crate::server::{Answer, Server};

/// Many requests a second, for tests of other things.
const QUICK: [&str; 2] = ["--set-config", "serve.api_per_s=1000"];

fn served(records: u64, more: &[&str]) -> (Bench, Server) {
    let bench = Bench::new(records);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[&QUICK[..], more].concat());
    (bench, server)
}

/// What is in the envelope.
fn asked(server: &Server, path: &str) -> Value {
    let answer = server.get(&format!("{path}/format/json")).ok();
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()["bookshare"].clone()
}

fn list(server: &Server, path: &str) -> Value {
    asked(server, path)["book"]["list"].clone()
}

fn ids(list: &Value) -> Vec<String> {
    let results = list["result"].as_array().expect("results");
    results.iter().map(|result| result["id"].as_str().expect("an id").to_owned()).collect()
}

/// All ids of a list, page by page.
fn all(server: &Server, path: &str) -> BTreeSet<String> {
    let (mut found, mut page) = (BTreeSet::new(), 1);
    loop {
        let list = list(server, &format!("{path}/page/{page}/limit/97"));
        for id in ids(&list) {
            assert!(found.insert(id), "none comes twice");
        }
        if page >= list["numPages"].as_u64().expect("a number") {
            assert_eq!(found.len() as u64, list["totalResults"].as_u64().expect("a number"));
            return found;
        }
        page += 1;
    }
}

/// The ids of the records that a query of the store gives.
fn queried(server: &Server, pattern: &str) -> BTreeSet<String> {
    let json = server.ask(&format!("SELECT DISTINCT ?record {{ {pattern} }}")).ok().json();
    let rows = json["results"]["bindings"].as_array().expect("rows");
    rows.iter()
        .map(|row| row["record"]["value"].as_str().expect("an IRI").rsplit('/').next().expect("a part").to_owned())
        .collect()
}

/// A value of one of the first books that has it, with the id of the book.
fn some(server: &Server, name: &str) -> (String, String) {
    let list = list(server, "/book/latest/limit/250");
    let of = |result: &Value| {
        let value = if result[name].is_array() { &result[name][0] } else { &result[name] };
        Some((value.as_str()?.to_owned(), result["id"].as_str()?.to_owned()))
    };
    list["result"].as_array().expect("results").iter().find_map(of).unwrap_or_else(|| panic!("no book has {name}: {list}"))
}

#[test]
fn books_are_found_by_title_author_isbn_category_and_day() {
    let (bench, server) = served(1500, &[]);
    let books = all(&server, "/book/latest");
    let kinds = bench.run(&["search", "--json", "--limit", "1", "--facets", "40"]).ok();
    assert!(books.len() > 300, "{} books: {kinds}", books.len());
    assert_eq!(all(&server, "/book/popular"), books);
    let (title, id) = some(&server, "title");
    let word = title.split_whitespace().max_by_key(|word| word.len()).expect("a word").to_owned();
    let by_title = all(&server, &format!("/book/search/title/{word}"));
    assert!(by_title.contains(&id) && by_title.is_subset(&books) && by_title.len() < books.len());
    let (author, id) = some(&server, "author");
    let family = author.split(',').next().expect("a name");
    let by_author = all(&server, &format!("/book/search/author/{family}"));
    assert!(by_author.contains(&id), "{family}");
    // A text may be of both: a word of the title, and a name.
    let by_text = all(&server, &format!("/book/search/{family}"));
    assert!(by_text.is_superset(&by_author));
    let titled = asked(&server, &format!("/book/id/{id}"))["book"]["metadata"]["title"].as_str().expect("a title").to_owned();
    let both = format!("{} {family}", titled.split_whitespace().next().expect("a word"));
    assert!(all(&server, &format!("/book/search/{}", both.replace(' ', "%20"))).contains(&id), "{both}");
    assert!(all(&server, &format!("/book/search/{}", both.replace(' ', "+"))).contains(&id), "{both}");
    assert!(all(&server, &format!("/book/searchFTS/{word}")).is_superset(&by_title));
    // Any hyphenation, ten digits or thirteen.
    let (isbn, id) = some(&server, "isbn13");
    assert_eq!(isbn.len(), 13);
    let hyphens = format!("{}-{}-{}", &isbn[..3], &isbn[3..8], &isbn[8..]);
    for isbn in [isbn.clone(), hyphens, format!("{} {}", &isbn[..3], &isbn[3..])] {
        assert!(ids(&list(&server, &format!("/book/isbn/{isbn}"))).contains(&id), "{isbn}");
    }
    let (category, id) = some(&server, "category");
    let categories = asked(&server, "/reference/category/list")["category"]["list"].clone();
    let known = categories["result"].as_array().expect("categories").iter().find(|known| known["name"] == *category).cloned();
    if let Some(known) = known {
        let of = all(&server, &format!("/book/search/category/{}", known["id"].as_str().expect("an id")));
        assert!(of.contains(&id) && of.len() as u64 <= known["totalResults"].as_u64().expect("a number"), "{known}");
    }
    assert!(categories["totalResults"].as_u64().is_some_and(|count| count > 3));
    // Together.
    let today = chrono::Utc::now().format("%m%d%Y");
    let since = all(&server, &format!("/book/search/since/{today}"));
    assert!(since == books || chrono::Utc::now().format("%m%d%Y").to_string() != today.to_string());
    let tomorrow = (chrono::Utc::now() + chrono::TimeDelta::days(2)).format("%m%d%Y");
    assert!(all(&server, &format!("/book/search/since/{tomorrow}")).is_empty());
    assert_eq!(all(&server, &format!("/book/search/title/{word}/since/{today}")), by_title);
    let serials = asked(&server, "/periodicals/list")["periodical"]["list"].clone();
    let serial = ids(&serials).first().expect("a serial").clone();
    assert!(!books.contains(&serial));
    assert!(asked(&server, &format!("/periodicals/id/{serial}"))["periodical"]["metadata"]["title"].is_string());
    assert_eq!(server.get(&format!("/book/id/{serial}")).status, 404);
    // Nothing but what the data say: books whose author has this family name in a record of its own.
    let named = queried(
        &server,
        &format!(
            "GRAPH ?record {{ ?record kbv:mainEntity ?book . ?book kbv:instanceOf ?work . ?work kbv:contribution/kbv:agent ?who }} ?who kbv:familyName \"{family}\""
        ),
    );
    assert!(named.iter().filter(|id| books.contains(*id)).all(|id| by_author.contains(id)), "{named:?} {by_author:?}");
}

#[test]
fn what_is_new_comes_first_and_is_new_since_its_day() {
    let (bench, server) = served(300, &[]);
    let before = list(&server, "/book/latest")["totalResults"].clone();
    bench.state().with_catalogue(|catalogue| catalogue.add(60, chrono::Utc::now()));
    bench.harvest("all", None, &[]);
    let begun = Instant::now();
    let mut latest = list(&server, "/book/latest");
    while latest["totalResults"] == before && begun.elapsed() < Duration::from_secs(20) {
        latest = list(&server, "/book/latest");
    }
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let place = |id: &String| -> i64 {
        log.query_row("SELECT id FROM record WHERE identifier LIKE '%/' || ?1", [id], |row| row.get(0)).expect("a record")
    };
    let places: Vec<i64> = ids(&latest).iter().map(place).collect();
    assert!(places.is_sorted_by(|one, next| one > next) && places[0] > 300, "{places:?}");
}

#[test]
fn both_formats_have_the_envelope_and_mistakes_come_in_it() {
    let (_bench, server) = served(400, &[]);
    let xml = server.get("/book/latest/limit/2").ok();
    assert_eq!(xml.header("content-type"), "text/xml; charset=utf-8");
    for part in
        ["<bookshare><version>", "<messages><string>", "<book><list><page>1</page><limit>2</limit><num-pages>", "<result><id>"]
    {
        assert!(xml.body.contains(part), "{}", xml.body);
    }
    assert_eq!(xml.body.matches("<result>").count(), 2);
    for (path, status, code) in [
        ("/book/nothing", 404, 1001),
        ("/book/search", 400, 1002),
        ("/book/search/x/page/one", 400, 1003),
        ("/book/search/since/2025-01-01", 400, 1004),
        ("/book/search/title/a/author/b", 400, 1006),
        ("/book/search/x/page/1/page/2", 400, 1007),
        ("/book/search/-", 400, 1008),
        ("/book/isbn/123", 400, 1009),
        ("/book/id/none", 404, 3001),
        ("/periodicals/id/%2F..%2F..%2Fetc", 404, 3001),
        ("/download/content/none/version/1", 404, 3001),
        ("/download/content/none/version/9", 404, 3002),
        ("/book/search/x/for/me@example.org", 403, 2003),
    ] {
        let answer = server.get(&format!("{path}/format/json"));
        // A download has no format, and an answer is XML.
        let answer = if path.starts_with("/download") { server.get(path) } else { answer };
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        let code_of = if answer.header("content-type").starts_with("text/xml") {
            assert!(answer.body.contains(&format!("<status-code>{code}</status-code>")), "{path}: {}", answer.body);
            continue;
        } else {
            answer.json()["bookshare"]["statusCode"].clone()
        };
        assert_eq!(code_of, code, "{path}");
    }
    let csv = server.get("/book/search/x/format/csv");
    assert!(csv.status == 400 && csv.body.contains("<status-code>1005</status-code>"), "{csv:?}");
    let login = Answer::of(server.client.get(format!("{}/book/latest", server.url)).basic_auth("me", Some("secret")));
    assert_eq!(login.status, 403);
    let posted = Answer::of(server.client.post(format!("{}/book/latest", server.url)));
    assert!(posted.status == 405 && posted.body.contains("<status-code>1010</status-code>"), "{posted:?}");
}

#[test]
fn a_download_is_the_rdf_of_a_record_and_never_the_book() {
    let (bench, server) = served(200, &[]);
    let id = ids(&list(&server, "/book/latest/limit/1"))[0].clone();
    let iri = format!("https://libris.kb.se/{id}");
    for (version, ending, format) in [(1, "ttl", "ttl"), (2, "rdf", "rdf"), (3, "jsonld", "jsonld"), (4, "nt", "nt")] {
        let got = server.client.get(format!("{}/download/content/{id}/version/{version}", server.url)).send().expect("an answer");
        assert_eq!((got.status().as_u16(), &got.headers()["content-type"]), (200, &"application/zip".parse().expect("valid")));
        let length = got.headers()["content-length"].to_str().expect("text").to_owned();
        let bytes = got.bytes().expect("bytes");
        assert_eq!(length, bytes.len().to_string());
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a ZIP archive");
        let mut text = String::new();
        archive.by_name(&format!("{id}.{ending}")).expect("there").read_to_string(&mut text).expect("text");
        assert_eq!(text, server.get(&format!("/{id}/data.{format}")).ok().body, "{version}");
    }
    assert!(bench.quads().iter().any(|quad| quad.contains(&iri)));
}

#[test]
fn keys_and_rates_are_checked() {
    let bench = Bench::new(100);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &["--set-config", "serve.api_keys=one,two"]);
    let code = |path: &str| {
        let answer = server.get(path);
        (
            answer.status,
            answer.body.split("<status-code>").nth(1).and_then(|rest| rest.split('<').next()?.parse().ok()).unwrap_or(0),
        )
    };
    assert_eq!(code("/book/latest?api_key=one"), (200, 0));
    assert_eq!(code("/book/latest"), (401, 2001));
    assert_eq!(code("/book/latest?api_key=three"), (401, 2002));
    // The rest of the server asks for no key, nor does it count.
    assert_eq!(server.get("/health").status, 200);
    let begun = Instant::now();
    let mut slow = None;
    for _ in 0..50 {
        let answer = server.get("/book/id/none/format/json?api_key=two");
        if answer.status == 429 {
            slow = Some(answer);
            break;
        }
    }
    let slow = slow.unwrap_or_else(|| panic!("50 requests in {:?}", begun.elapsed()));
    assert_eq!((slow.header("retry-after"), slow.json()["bookshare"]["statusCode"].as_u64()), ("1", Some(4001)));
    // Another key is another client.
    std::thread::park_timeout(Duration::from_secs(1));
    assert_eq!(code("/book/latest?api_key=one"), (200, 0));
    let wrong = bench.run(&["serve", "--set-config", "serve.api_per_s=0"]).expect(2);
    assert!(wrong.stderr.contains("serve.api_per_s"), "{}", wrong.stderr);
}
