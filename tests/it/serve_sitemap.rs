//! The files that search engines and browsers request by themselves: `robots.txt`, the sitemap, the icon.

use std::collections::BTreeSet;

use libris_mirror::demo::identifier;
use libris_mirror::guide::TOPICS;

use crate::harness::Bench;
use crate::server::{Answer, Server};

/// Returns the texts of all elements with this name.
fn texts(xml: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    xml.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0.to_owned())).collect()
}

/// Returns all addresses of a sitemap, which all begin with `begins`, with their times.
fn sitemap(server: &Server, begins: &str) -> Vec<(String, String)> {
    let index = server.get("/sitemap.xml").ok();
    assert_eq!(index.header("content-type"), "application/xml; charset=utf-8");
    assert!(index.body.starts_with(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">"
    ));
    let parts = texts(&index.body, "loc");
    assert!(!parts.is_empty(), "{}", index.body);
    let each = parts.iter().map(|part| {
        let path = part.strip_prefix(begins).unwrap_or_else(|| panic!("{part} is not below {begins}"));
        let part = server.get(path).ok();
        assert_eq!(part.header("content-type"), "application/xml; charset=utf-8");
        assert!(part.body.starts_with("<?xml") && part.body.ends_with("</urlset>\n"), "{}", part.body);
        texts(&part.body, "url")
    });
    each.flatten().map(|url| (texts(&url, "loc").concat(), texts(&url, "lastmod").concat())).collect()
}

/// The pages that are not records.
fn pages() -> Vec<String> {
    let topics = TOPICS.iter().map(|topic| format!("/guide/{}", topic.name));
    ["/", "/harvest", "/sparql", "/guide"].into_iter().map(str::to_owned).chain(topics).collect()
}

#[test]
fn the_sitemap_lists_what_there_is_to_see() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    // The same records from another source are the same pages.
    bench.harvest("nb", Some("nb"), &[]);
    let server = Server::start(&bench, &[]);
    let live = bench.state().with_catalogue(|catalogue| catalogue.live(300));
    let id = |number: u64| identifier(number).rsplit('/').next().expect("an id").to_owned();
    let due = |numbers: &[u64]| -> BTreeSet<String> {
        let records = numbers.iter().map(|number| format!("{}/{}", server.url, id(*number)));
        records.chain(pages().iter().map(|page| format!("{}{page}", server.url))).collect()
    };
    let listed = sitemap(&server, &server.url);
    let addresses: BTreeSet<String> = listed.iter().map(|(address, _)| address.clone()).collect();
    assert_eq!(addresses.len(), listed.len(), "each once");
    assert_eq!(addresses, due(&live));
    for (address, changed) in listed.iter().filter(|(address, _)| !pages().iter().any(|page| address.ends_with(page))) {
        let time = chrono::DateTime::parse_from_rfc3339(changed).unwrap_or_else(|error| panic!("{address} {changed}: {error}"));
        assert!(
            time <= chrono::Utc::now() && chrono::Utc::now() - time.to_utc() < chrono::Duration::hours(1),
            "{address} {changed}"
        );
    }
    let request = |path: &str, etag: &str| server.client.get(format!("{}{path}", server.url)).header("if-none-match", etag);
    let etags: Vec<String> =
        ["/sitemap.xml", "/sitemap-1.xml"].iter().map(|path| server.get(path).ok().header("etag").to_owned()).collect();
    for (path, etag) in ["/sitemap.xml", "/sitemap-1.xml"].into_iter().zip(&etags) {
        let again = Answer::of(request(path, etag));
        assert_eq!((again.status, again.header("vary")), (304, "Accept-Encoding"), "{path}");
    }
    bench.state().with_catalogue(|catalogue| catalogue.delete(&live[..2], chrono::Utc::now()));
    bench.harvest("all", None, &[]);
    bench.harvest("nb", Some("nb"), &[]);
    assert_eq!(Answer::of(request("/sitemap-1.xml", &etags[1])).status, 200);
    let addresses: BTreeSet<String> = sitemap(&server, &server.url).into_iter().map(|(address, _)| address).collect();
    assert_eq!(addresses, due(&live[2..]));
    for path in ["/sitemap-2.xml", "/sitemap-0.xml", "/sitemap-1", "/sitemap-x.xml", "/sitemap-99999999999.xml"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn addresses_of_the_sitemap_are_those_that_clients_know() {
    let bench = Bench::new(60);
    bench.harvest("all", None, &[]);
    let number = bench.state().with_catalogue(|catalogue| catalogue.live(60))[0];
    let words = ["--base-path", "/libris", "--set-config", "serve.public_url=https://example.org/a&b/"];
    let server = Server::start(&bench, &words);
    let listed = sitemap(&server, "https://example.org/a&amp;b");
    let own = format!("https://example.org/a&amp;b/{}", &identifier(number)["https://libris.kb.se/".len()..]);
    assert!(listed.iter().any(|(address, _)| *address == own), "{listed:?}");
    let robots = server.get("/robots.txt").ok();
    assert_eq!(robots.header("content-type"), "text/plain; charset=utf-8");
    for line in [
        "User-agent: *",
        "Allow: /a&b/",
        "Disallow: /a&b/sparql?",
        "Disallow: /a&b/search?",
        "Disallow: /a&b/dump.",
        "Sitemap: https://example.org/a&b/sitemap.xml",
    ] {
        assert!(robots.body.lines().any(|each| each == line), "{line}: {}", robots.body);
    }
    // Records without a short address have the long one.
    let other = Server::start(&bench, &["--set-config", "serve.record_base=https://other.example/"]);
    let (long, _) = sitemap(&other, &other.url).into_iter().find(|(address, _)| address.contains("/record/")).expect("records");
    let path = long.strip_prefix(&other.url).expect("below the server");
    assert!(other.get_as(path, "text/html").ok().body.contains("<article>"), "{long}");
}

#[test]
fn a_large_sitemap_comes_in_parts() {
    let bench = Bench::new(60);
    bench.harvest("all", None, &[]);
    let live = bench.state().with_catalogue(|catalogue| catalogue.live(60));
    // Enough records for a second part, and deleted ones for an empty third part.
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    log.execute_batch(
        "INSERT INTO record (id, source_id, identifier, datestamp_text, sets, deleted, hash, page_id, offset, length, first_page, delivered, last_change)
         WITH RECURSIVE number (n) AS (SELECT 61 UNION ALL SELECT n + 1 FROM number WHERE n < 98500)
         SELECT n, 1, 'https://libris.kb.se/made' || n, '', '', n > 98000, x'', 1, 0, 0, 1, 1, 1 FROM number WHERE n > (SELECT max(id) FROM record);
         INSERT INTO change (record_id, kind, page_id) SELECT id, 1, 1 FROM record WHERE identifier LIKE 'https://libris.kb.se/made%'",
    )
    .expect("made");
    let server = Server::start(&bench, &[]);
    let parts = texts(&server.get("/sitemap.xml").ok().body, "loc");
    assert_eq!(parts, [format!("{}/sitemap-1.xml", server.url), format!("{}/sitemap-2.xml", server.url)]);
    let counts: Vec<usize> = ["/sitemap-1.xml", "/sitemap-2.xml"]
        .iter()
        .map(|path| texts(&server.get(path).ok().body, "loc").into_iter().collect::<BTreeSet<_>>().len())
        .collect();
    assert!(counts.iter().all(|count| (40_000..=50_000).contains(count)), "{counts:?}");
    let made = 98_000
        - log
            .query_row("SELECT count(*) FROM record WHERE identifier NOT LIKE '%/made%'", [], |row| row.get::<_, usize>(0))
            .expect("a count");
    assert_eq!(counts.iter().sum::<usize>(), made + live.len() + pages().len());
    assert_eq!(server.get("/sitemap-3.xml").status, 404);
}

#[test]
fn a_mirror_without_records_has_pages() {
    let bench = Bench::new(0);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    assert_eq!(sitemap(&server, &server.url).len(), pages().len());
}

#[test]
fn browsers_find_the_icon_where_they_look_for_it() {
    let bench = Bench::new(20);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let icon = server.client.get(format!("{}/favicon.ico", server.url)).send().expect("an answer");
    assert_eq!((icon.status().as_u16(), &icon.headers()["content-type"]), (200, &"image/x-icon".parse().expect("a value")));
    let bytes = icon.bytes().expect("a body");
    // Type 1 with two images, each at its offset.
    assert_eq!(bytes[..6], [0, 0, 1, 0, 2, 0]);
    for entry in bytes[6..38].chunks(16) {
        let number = |at: usize| u32::from_le_bytes(entry[at..at + 4].try_into().expect("four")) as usize;
        assert!(bytes[number(12)..number(12) + number(8)].starts_with(b"\x89PNG\r\n"));
    }
}
