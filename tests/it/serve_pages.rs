//! The pages: their texts in both languages, and that no foreign code can get into them.

use axum::response::IntoResponse;
use libris_mirror::demo::identifier;

use crate::harness::Bench;
use crate::scripted::{document, scripted};
use crate::server::{Answer, Server};

fn page(server: &Server, path: &str, language: &str) -> Answer {
    Answer::of(
        server.client.get(format!("{}{path}", server.url)).header("accept", "text/html").header("accept-language", language),
    )
}

#[test]
fn the_pages_speak_english_and_swedish() {
    let bench = Bench::new(400);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    for (path, english, swedish) in [
        ("/", "What is here", "Vad som finns här"),
        ("/search?q=i", " found", " träffar"),
        ("/sparql", "Novels by year of publication", "Romaner per utgivningsår"),
        ("/harvest", "Next harvest", "Nästa skörd"),
        ("/nothing", "There is no such page or record here", "Det finns ingen sådan sida eller post här"),
    ] {
        let (in_english, in_swedish) = (page(&server, path, "en"), page(&server, path, "sv-SE,sv;q=0.9"));
        assert!(
            in_english.body.contains(english) && in_english.body.contains("<html lang=\"en\">"),
            "{path}: {}",
            in_english.body
        );
        assert!(
            in_swedish.body.contains(swedish) && in_swedish.body.contains("<html lang=\"sv\">"),
            "{path}: {}",
            in_swedish.body
        );
        assert_eq!(in_swedish.header("content-language"), "sv");
        for answer in [in_english, in_swedish] {
            assert!(answer.header("content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            // No inline scripts or styles, nothing from other hosts.
            for forbidden in ["<style", " style=", "onclick=", "onload=", "javascript:"] {
                assert!(!answer.body.contains(forbidden), "{path}: {forbidden}");
            }
            assert!(answer.body.matches("<script").count() == answer.body.matches("<script src=\"/assets/").count());
            assert_eq!(answer.body.matches("<h1>").count(), 1, "{path}");
            assert!(answer.body.contains("class=\"skip\" href=\"#content\"") && answer.body.contains("id=\"content\""));
        }
    }
    let chosen = page(&server, "/search?q=fj%C3%A4ril&lang=sv", "en");
    assert!(chosen.body.contains("<html lang=\"sv\">") && chosen.header("set-cookie").starts_with("lang=sv; Path=/;"));
    assert!(chosen.body.contains("?q=fj%C3%A4ril&amp;lang=en"), "the other language keeps the words");
    let cookie = server.client.get(format!("{}/", server.url)).header("cookie", "lang=sv").send().expect("an answer");
    assert!(cookie.text().expect("text").contains("<html lang=\"sv\">"));
}

#[test]
fn the_front_page_counts_what_is_here() {
    let bench = Bench::new(400);
    bench.harvest("nb", Some("nb"), &[]);
    bench.harvest("auth", Some("auth"), &[]);
    let server = Server::start(&bench, &[]);
    let body = page(&server, "/", "en").ok().body;
    let counts = bench.state().with_catalogue(|catalogue| [Some("nb"), Some("auth")].map(|set| catalogue.counts(set)));
    let live: u64 = counts.iter().map(|counts| counts.live).sum();
    assert!(body.contains(&format!("<strong>{live}</strong> records")), "{body}");
    let links: u64 = bench.link_stats().iter().filter(|(name, _)| *name != "libris").map(|(_, links)| links).sum();
    assert!(body.contains(&format!("<strong>{links}</strong> links")), "{body}");
    assert!(body.matches("<svg ").count() >= 4 && body.contains("aria-label=\"Records by decade of publication\""), "{body}");
}

#[test]
fn a_search_leads_to_a_record_and_on_to_its_contributors() {
    let bench = Bench::new(400);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let live = bench.state().with_catalogue(|catalogue| catalogue.live(400));
    let book = live.iter().copied().find(|number| number % 5 == 2 && *number > 100).expect("a book");
    let found = page(&server, &format!("/search?q=91{book:07}X"), "en").ok().body;
    let own = format!("/{}", identifier(book).rsplit('/').next().expect("an id"));
    assert!(found.contains(&format!("<a href=\"{own}\">")), "{found}");
    let record = page(&server, &own, "en").ok().body;
    let refers = record.split("href=\"/sparql?query=").nth(1).and_then(|rest| rest.split('"').next()).expect("a query");
    let refers = percent_encoding::percent_decode_str(refers).decode_utf8().expect("text").replace('+', " ");
    assert!(refers.contains(&format!("?p <{}#it>", identifier(book))), "{refers}");
    for part in [
        "<dt>Contributors</dt>",
        "<dt>Published</dt>",
        "<dt>Subjects</dt>",
        "Historia -- Sverige",
        "class=\"badge libris\"",
        "as Turtle",
    ] {
        assert!(record.contains(part), "{part}: {record}");
    }
    let author = record
        .split("<dt>Contributors</dt>")
        .nth(1)
        .and_then(|rest| rest.split("href=\"").nth(1)?.split('"').next())
        .expect("a link");
    assert!(author.starts_with('/') && page(&server, author, "en").status == 200, "{author}");
}

/// Returns the first text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map_or("", |(within, _)| within)
}

#[test]
fn a_search_has_as_many_pages_as_it_says_on_each_of_them() {
    let bench = Bench::new(3000);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let mut counts = Vec::new();
    // Some match in one way, some in several, some more often than is shown.
    for words in ["fj%C3%A4ril", "isbrytare", "isbrytare+i+g%C3%B6", "g%C3%B6teborg", "lindstr%C3%B6m", "1001", "i"] {
        let open = |number: usize| page(&server, &format!("/search?q={words}&page={number}"), "en").ok().body;
        let first = open(1);
        let status = between(&first, "<p role=\"status\">", "</p>").to_owned();
        let place = |body: &str| between(between(body, "<nav class=\"pager\"", "</nav>"), "<span>", "</span>").to_owned();
        let last: usize = place(&first).rsplit(' ').next().and_then(|last| last.parse().ok()).unwrap_or(1);
        let mut records = Vec::new();
        for number in 1..=last {
            let body = open(number);
            assert_eq!(between(&body, "<p role=\"status\">", "</p>"), status, "{words} {number}");
            assert!(last == 1 || place(&body) == format!("{number} / {last}"), "{words} {number}: {}", place(&body));
            assert_eq!(body.contains("rel=\"next\""), number < last, "{words} {number}");
            let hits = between(&body, "<ol class=\"hits\"", "</ol>");
            let found = hits.split("<li>").skip(1).map(|hit| between(hit, "href=\"", "\"").to_owned());
            let before = records.len();
            records.extend(found);
            let full = number < last && records.len() == before + 20;
            assert!(full || number == last && records.len() > before, "{words} {number}: {} more", records.len() - before);
        }
        let shown = records.len();
        records.sort();
        records.dedup();
        assert_eq!(records.len(), shown, "{words}: nothing is shown twice");
        let found: usize = between(&status, "<strong>", "</strong>").replace(',', "").parse().expect("a number");
        let part = format!(", of which {shown} are shown");
        assert_eq!(status.contains(&part), found > shown, "{words}: {status}, and {shown}");
        assert!(found >= shown && !status.contains("at least"), "{words}: {status}, and {shown}");
        // After the last page comes the last page again.
        assert_eq!(place(&open(last + 1)), place(&open(last)), "{words}");
        counts.push((found, shown));
    }
    assert!(counts.iter().all(|(found, shown)| found == shown) && counts.iter().any(|(found, _)| *found > 200), "{counts:?}");
}

/// Returns the values of an attribute of all elements with this name.
fn values<'a>(body: &'a str, element: &str, attribute: &str) -> Vec<&'a str> {
    let open = format!("<{element} ");
    let elements = body.split(&open).skip(1).filter_map(|rest| rest.split('>').next());
    elements.map(|element| between(element, &format!("{attribute}=\""), "\"")).filter(|value| !value.is_empty()).collect()
}

#[test]
fn what_can_be_pressed_or_moved_has_a_name_of_its_own() {
    let bench = Bench::new(400);
    bench.harvest("nb", Some("nb"), &[]);
    bench.harvest("auth", Some("auth"), &[]);
    let book =
        bench.state().with_catalogue(|catalogue| catalogue.live(400)).into_iter().find(|number| number % 5 == 2).expect("a book");
    let server = Server::start(&bench, &[]);
    let own = format!("/{}", identifier(book).rsplit('/').next().expect("an id"));
    for (path, language, names) in [
        (own.as_str(), "en", ["Download as Turtle", "Download as RDF/XML", "Download as JSON-LD"]),
        (&own, "sv", ["Ladda ner som Turtle", "Ladda ner som N-Triples", "Ladda ner som TriG"]),
        ("/sparql", "en", ["Download as JSON", "Download as CSV", "Download as Turtle"]),
    ] {
        let body = page(&server, path, language).ok().body;
        let labels = values(&body, "a", "aria-label");
        assert!(names.iter().all(|name| labels.contains(name)), "{path}: {labels:?}");
        // The accessible name contains the visible text (WCAG 2.5.3).
        for link in body.split("<a ").filter(|link| link.split('>').next().is_some_and(|head| head.contains("aria-label"))) {
            let (label, text) = (between(link, "aria-label=\"", "\""), between(link, ">", "</a>"));
            assert!(label.ends_with(text) && !text.is_empty(), "{label}: {text}");
        }
    }
    for (path, language) in [("/", "en"), ("/", "sv"), ("/harvest", "en"), ("/search", "en"), (&own, "sv"), ("/sparql", "sv")] {
        let body = page(&server, path, language).ok().body;
        assert!(!body.contains("autofocus"), "{path}: nothing skips the menu");
        let summaries = body.split("<summary>").skip(1).filter_map(|rest| Some(rest.split_once("</summary>")?.0));
        for mut named in [summaries.collect::<Vec<_>>(), values(&body, "div", "aria-label")] {
            let count = named.len();
            named.sort_unstable();
            named.dedup();
            assert_eq!(named.len(), count, "{path}: {named:?}");
        }
        let boxes = (body.matches("class=\"scroll\"").count(), values(&body, "div", "aria-label").len());
        assert_eq!(
            boxes,
            (values(&body, "div", "tabindex").len(), boxes.0),
            "{path}: the keyboard reaches them, and each has a name"
        );
    }
    assert!(page(&server, "/", "en").body.contains("As a table<span class=\"hidden\">: Records by decade of publication</span>"));
}

#[test]
fn what_a_record_says_cannot_become_code() {
    let evil = "</textarea><script>alert(1)</script>";
    let escaped = evil.replace('<', "&lt;").replace('>', "&gt;");
    let rdf = format!(
        r#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:kbv="https://id.kb.se/vocab/">
        <rdf:Description rdf:about="https://libris.kb.se/evil"><kbv:mainEntity rdf:resource="https://libris.kb.se/evil#it"/></rdf:Description>
        <rdf:Description rdf:about="https://libris.kb.se/evil#it"><kbv:prefLabel>{escaped}</kbv:prefLabel><kbv:scopeNote>{escaped}</kbv:scopeNote>
        <kbv:broader rdf:resource="javascript:alert(1)"/></rdf:Description></rdf:RDF>"#
    );
    let record = |identifier: &str, rdf: &str| {
        format!(
            "<record><header><identifier>{identifier}</identifier><datestamp>2026-01-01T00:00:00Z</datestamp></header><metadata>{rdf}</metadata></record>"
        )
    };
    let records = record("https://libris.kb.se/evil", &rdf) + &record("javascript:alert(2)", &rdf.replace("/evil", "/other"));
    let source = scripted(move |_, _| document(&format!("<ListRecords>{records}</ListRecords>")).into_response());
    let bench = Bench::at(&source.url);
    bench.run(&bench.harvest_words("all", None, &[])).expect(0);
    let server = Server::start(&bench, &[]);
    let encoded = percent_encoding::utf8_percent_encode(evil, percent_encoding::NON_ALPHANUMERIC).to_string();
    for path in [
        "/evil".to_owned(),
        "/record/javascript%3Aalert%282%29".to_owned(),
        "/search?q=alert".to_owned(),
        format!("/search?q={encoded}"),
        format!("/sparql?query={encoded}"),
        format!("/{encoded}"),
        "/".to_owned(),
        "/harvest".to_owned(),
    ] {
        let answer = page(&server, &path, "en");
        assert!(!answer.body.contains("<script>alert"), "{path}: {}", answer.body);
        assert!(!answer.body.contains("href=\"javascript:"), "{path}: {}", answer.body);
    }
    assert!(page(&server, "/evil", "en").ok().body.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn the_harvest_page_says_what_went_wrong() {
    let bench = Bench::new(200);
    bench.harvest("all", None, &[]);
    let dead = ["harvest", "--name", "gone", "--url", "http://127.0.0.1:9/oai"];
    let told = bench.run(&dead).expect(69).stderr;
    let server = Server::start(&bench, &[]);
    let body = page(&server, "/harvest", "en").ok().body;
    assert!(body.contains("Why runs ended early") && body.contains("<td>gone</td>"), "{body}");
    let words = told.split("error: ").nth(1).and_then(|rest| rest.split('\n').next()).expect("a message");
    assert!(body.contains(words.split(':').next().expect("its beginning")), "{words}: {body}");
}

#[test]
fn a_server_before_the_first_harvest_says_so() {
    let bench = Bench::at("http://127.0.0.1:9/");
    assert!(bench.run(&["serve"]).expect(1).stderr.contains("there is no mirror in"));
    let server = Server::start(
        &bench,
        &[
            "--harvest-every",
            "1h",
            "--set-config",
            "sources.nb.url=http://127.0.0.1:9/",
            "--set-config",
            "sources.auth.enabled=false",
            "--set-config",
            "sources.definitions.enabled=false",
        ],
    );
    let health = server.get("/health");
    assert_eq!((health.status, health.json()["ready"].as_bool()), (503, Some(false)));
    assert_eq!(server.ask("ASK {}").status, 503);
    let front = page(&server, "/", "en");
    assert!(
        front.status == 200
            && (front.body.contains("Nothing has been harvested yet") || front.body.contains("<strong>0</strong>")),
        "{front:?}"
    );
}
