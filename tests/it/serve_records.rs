//! Records over HTTP: every format, redirects, deleted and quarantined records.

use libris_mirror::demo::identifier;
use libris_mirror::rdf::isomorphic;
use oxigraph::io::{JsonLdProfileSet, RdfFormat, RdfParser};
use oxigraph::model::{GraphName, Quad};

use crate::harness::Bench;
use crate::server::{Answer, Server};

fn id(number: u64) -> String {
    identifier(number).rsplit('/').next().expect("an id").to_owned()
}

/// Returns a bench with all records, the numbers of a live book and a person, and a server.
fn served(more: &[&str]) -> (Bench, u64, u64, Server) {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let live = bench.state().with_catalogue(|catalogue| catalogue.live(300));
    let book = live.iter().copied().find(|number| number % 5 == 2).expect("a book");
    let person = live.iter().copied().find(|number| number % 40 == 10 && number % 15 == 10).expect("a person");
    let server = Server::start(&bench, more);
    (bench, book, person, server)
}

fn triples(body: &str, format: RdfFormat, base: &str) -> Vec<Quad> {
    let parser = RdfParser::from_format(format).with_base_iri(base).expect("an IRI").for_slice(body);
    parser
        .map(|quad| quad.unwrap_or_else(|error| panic!("{error}: {body}")))
        .map(|quad| Quad { graph_name: GraphName::DefaultGraph, ..quad })
        .collect()
}

#[test]
fn a_record_is_the_same_in_every_format() {
    let (bench, book, _, server) = served(&[]);
    let iri = identifier(book);
    let nt = bench.run(&["record", &iri, "--format", "nt"]).ok();
    let expected = triples(&nt, RdfFormat::NTriples, &iri);
    assert!(expected.len() > 40);
    let path = format!("/{}", id(book));
    for (accept, name, format) in [
        ("text/turtle", "ttl", RdfFormat::Turtle),
        ("application/n-triples", "nt", RdfFormat::NTriples),
        ("application/rdf+xml", "rdf", RdfFormat::RdfXml),
        ("application/ld+json", "jsonld", RdfFormat::JsonLd { profile: JsonLdProfileSet::empty() }),
        ("application/trig", "trig", RdfFormat::TriG),
    ] {
        let negotiated = server.get_as(&path, accept).ok();
        assert_eq!(negotiated.header("content-type"), accept);
        assert_eq!(negotiated.header("content-location"), format!("{path}/data.{name}"));
        let links: Vec<&str> =
            negotiated.headers.iter().filter(|(name, _)| name == "link").map(|(_, value)| value.as_str()).collect();
        assert!(
            links.iter().any(|link| link.contains("rel=\"alternate describedby\"") && link.contains(&format!("{path}/data.ttl"))),
            "{links:?}"
        );
        let direct = server.get(&format!("{path}/data.{name}")).ok();
        assert_eq!(direct.body, negotiated.body);
        assert!(isomorphic(&triples(&direct.body, format, &iri), &expected).expect("small"), "{name}: {}", direct.body);
    }
    let json = server.get(&format!("{path}/data.json")).ok();
    assert_eq!((json.header("content-type"), json.json().is_object() || json.json().is_array()), ("application/json", true));
    assert!(server.get(&format!("{path}/data.trig")).body.contains(&format!("<{iri}> {{")), "TriG names the graph");
    assert_eq!(server.get_as(&path, "image/png").status, 406);
    assert_eq!(server.get(&format!("{path}/data.pdf")).status, 404);
}

#[test]
fn every_answer_of_a_negotiated_address_says_what_it_depends_on() {
    let (_bench, book, person, server) = served(&[]);
    let ask = |path: &str, headers: &[(&str, &str)]| {
        let request = server.client.get(format!("{}{path}", server.url));
        Answer::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
    };
    let (book, person) = (format!("/{}", id(book)), format!("/{}", id(person)));
    let query = "/sparql?query=ASK%20%7B%7D";
    let mut answers: Vec<(String, Answer)> = Vec::new();
    for path in
        [&book, &person, query, "/sparql", "/.well-known/void", "/", "/search?q=i", "/harvest", "/nothing", "/bib/1000001"]
    {
        for accept in ["text/html", "text/turtle", "image/png", "text/csv"] {
            for coding in ["gzip", "identity"] {
                let answer = ask(path, &[("accept", accept), ("accept-encoding", coding)]);
                if !answer.header("etag").is_empty() {
                    let again =
                        ask(path, &[("accept", accept), ("if-none-match", answer.header("etag")), ("accept-encoding", coding)]);
                    assert_eq!(again.status, 304, "{path} {accept}");
                    answers.push((format!("{path} {accept} again"), again));
                }
                answers.push((format!("{path} {accept}"), answer));
            }
        }
    }
    let statuses: std::collections::BTreeSet<u16> = answers.iter().map(|(_, answer)| answer.status).collect();
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), [200, 303, 304, 404, 406]);
    for (what, answer) in &answers {
        let vary: Vec<&str> = answer.headers.iter().filter(|(name, _)| name == "vary").map(|(_, value)| value.as_str()).collect();
        assert_eq!(vary, ["Accept, Accept-Encoding, Accept-Language, Cookie"], "{what}: {}", answer.status);
    }
}

#[test]
fn every_way_to_name_a_record_leads_to_it() {
    let (_bench, book, _, server) = served(&[]);
    let (iri, own) = (identifier(book), format!("/{}", id(book)));
    let encoded = percent_encoding::utf8_percent_encode(&iri, percent_encoding::NON_ALPHANUMERIC).to_string();
    let turtle = server.get(&own).ok().body;
    for path in [
        format!("/record/{iri}"),
        format!("/record/{encoded}"),
        format!("/record/{}", id(book)),
        format!("/record/{iri}/data.ttl"),
    ] {
        assert_eq!(server.get(&path).ok().body, turtle, "{path}");
    }
    for path in [
        format!("{own}%23it"),
        format!("/record/{encoded}%23it"),
        format!("/bib/{}", 1_000_000 + book),
        format!("/resource/bib/{}", 1_000_000 + book),
    ] {
        let answer = server.get(&path);
        assert_eq!((answer.status, answer.header("location")), (303, own.as_str()), "{path}");
    }
    for path in ["/nothing", "/bib/1", "/record/https://libris.kb.se/nothing", "/record/urn:x", "/a/b/c/d", "/record/"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn what_became_of_a_record_is_told() {
    let (bench, book, person, server) = served(&[]);
    bench.state().with_catalogue(|catalogue| {
        catalogue.update(&[person], chrono::Utc::now());
        catalogue.delete(&[book], chrono::Utc::now());
    });
    bench.harvest("all", None, &[]);
    let gone = server.get(&format!("/{}", id(book)));
    assert_eq!(gone.status, 410);
    assert!(gone.body.contains("is deleted at the source"), "{}", gone.body);
    let page = server.get_as(&format!("/{}", id(book)), "text/html");
    assert_eq!(page.status, 410);
    assert!(page.body.contains("was deleted at the source") && page.body.contains("was deleted</td>"), "{}", page.body);
    let page = server.get_as(&format!("/{}", id(person)), "text/html").ok();
    assert_eq!(page.body.matches("<time ").count(), 2, "it came and it changed: {}", page.body);
    assert!(page.body.contains(">changed</td>") && page.body.contains(">came</td>"));

    let etag = server.get(&format!("/{}", id(person))).header("etag").to_owned();
    let again =
        server.client.get(format!("{}/{}", server.url, id(person))).header("if-none-match", etag).send().expect("an answer");
    assert_eq!(again.status(), 304);
}

#[test]
fn the_dataset_describes_itself() {
    let (bench, ..) = served(&[]);
    let server = Server::start(&bench, &["--set-config", "serve.public_url=https://example.org/libris/"]);
    let counts = bench.state().with_catalogue(|catalogue| catalogue.counts(None));
    let void = server.get("/.well-known/void").ok();
    assert_eq!(void.header("content-type"), "text/turtle");
    let all: Vec<String> =
        triples(&void.body, RdfFormat::Turtle, "https://example.org/").iter().map(ToString::to_string).collect();
    let all = all.join("\n");
    for part in [
        format!("<http://rdfs.org/ns/void#triples> \"{}\"", counts.triples),
        format!("<http://rdfs.org/ns/void#entities> \"{}\"", counts.live),
        "<http://rdfs.org/ns/void#sparqlEndpoint> <https://example.org/libris/sparql>".into(),
        "<http://purl.org/dc/terms/license> <https://creativecommons.org/publicdomain/zero/1.0/>".into(),
        "<http://rdfs.org/ns/void#dataDump> <https://example.org/libris/dump.nt.gz>".into(),
        "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/ns/dcat#Dataset>".into(),
        "<http://purl.org/dc/terms/modified> \"20".into(),
    ] {
        assert!(all.contains(&part), "{part}\n{all}");
    }
    assert_eq!(server.get_as("/.well-known/void", "application/rdf+xml").ok().header("content-type"), "application/rdf+xml");
    let description = server.get_as("/sparql", "text/turtle").ok();
    assert!(description.body.contains("sd:UnionDefaultGraph") && description.body.contains("https://example.org/libris/sparql"));
}

#[test]
fn the_page_of_a_record_leads_to_its_data_and_its_other_languages() {
    let (bench, book, ..) = served(&[]);
    let server =
        Server::start(&bench, &["--base-path", "/libris", "--set-config", "serve.public_url=https://example.org/libris"]);
    let page = server.get_as(&format!("/{}", id(book)), "text/html").ok();
    let own = format!("/libris/{}", id(book));
    for (media_type, title, name) in [
        ("text/turtle", "Turtle", "ttl"),
        ("application/n-triples", "N-Triples", "nt"),
        ("application/rdf+xml", "RDF/XML", "rdf"),
        ("application/ld+json", "JSON-LD", "jsonld"),
        ("application/trig", "TriG", "trig"),
        ("application/n-quads", "N-Quads", "nq"),
    ] {
        let link = format!("<link rel=\"alternate\" type=\"{media_type}\" title=\"{title}\" href=\"{own}/data.{name}\">");
        assert!(page.body.contains(&link), "{link}: {}", page.body);
        assert_eq!(server.get(&format!("/{}/data.{name}", id(book))).ok().header("content-type"), media_type);
        let link = format!("<{own}/data.{name}>; rel=\"alternate describedby\"; type=\"{media_type}\"");
        assert!(page.headers.iter().any(|(name, value)| name == "link" && *value == link), "{link}: {:?}", page.headers);
    }
    for (language, end) in [("en", "?lang=en"), ("sv", "?lang=sv"), ("x-default", "")] {
        let link = format!("<link rel=\"alternate\" hreflang=\"{language}\" href=\"https://example.org{own}{end}\">");
        assert!(page.body.contains(&link), "{link}: {}", page.body);
    }
    // Pages that do not exist, and results of a search, are not for search engines.
    for path in ["/nothing", "/search?q=i", "/sparql?query=ASK%20%7B%7D"] {
        assert!(!server.get_as(path, "text/html").body.contains("hreflang=\"x-default\""), "{path}");
    }
}

#[test]
fn behind_a_proxy_every_address_has_its_path() {
    let (bench, book, ..) = served(&[]);
    let server = Server::start(&bench, &["--base-path", "/libris/", "--set-config", "serve.forwarded=true"]);
    assert!(server.url.ends_with("/libris"), "{}", server.url);
    let page = server.get_as("/", "text/html").ok();
    for link in page.body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).filter(|link| link.starts_with('/'))
    {
        assert!(link.starts_with("/libris/"), "{link}");
        if !link.contains("dump") {
            assert!(
                server.client.get(format!("http://{}{link}", server.host())).send().expect("an answer").status().is_success(),
                "{link}"
            );
        }
    }
    let link = server.get(&format!("/{}", id(book))).ok();
    assert!(link.header("link").starts_with(&format!("</libris/{}/data.ttl>", id(book))));
    // A proxy may remove the path.
    let stripped = server.client.get(format!("http://{}/health", server.host())).send().expect("an answer");
    assert_eq!(stripped.status(), 200);
    let request = server.client.get(format!("{}/.well-known/void", server.url));
    let forwarded =
        request.header("x-forwarded-proto", "https").header("x-forwarded-host", "data.example.org").send().expect("an answer");
    assert!(forwarded.text().expect("text").contains("<https://data.example.org/libris/sparql>"));
    let plain = Server::start(&bench, &[]);
    let request = plain.client.get(format!("{}/.well-known/void", plain.url)).header("x-forwarded-host", "evil.example");
    assert!(
        !request.send().expect("an answer").text().expect("text").contains("evil.example"),
        "nobody said that there is a proxy"
    );
}
