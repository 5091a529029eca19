//! What servers do and a harvester must bear.

use axum::http::StatusCode;
use axum::response::IntoResponse;

use crate::harness::Bench;
use crate::scripted::{NAMESPACE, document, list, mortal, record, scripted, with_payload};

fn triples(bench: &Bench) -> u64 {
    bench.quads().len() as u64
}

#[test]
fn answers_that_fail_are_asked_for_again() {
    let server = scripted(|query, count| {
        let page = if query.contains("resumptionToken=next") {
            list(5..9, "<resumptionToken/>")
        } else {
            list(0..5, "<resumptionToken>next</resumptionToken>")
        };
        match count {
            0 => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")], "later").into_response(),
            1 => "<html><body>Just a moment</body></html>".into_response(),
            2 => page[..page.len() / 2].to_owned().into_response(),
            3 => (StatusCode::TOO_MANY_REQUESTS, "slower").into_response().map(axum::body::Body::new),
            5 => page.replace(NAMESPACE, "").into_response(),
            6 => String::new().into_response(),
            _ => page.into_response(),
        }
    });
    let bench = Bench::at(&server.url);
    let done =
        bench.run(&[bench.harvest_words("x", None, &[]).as_slice(), &["--set-config", "harvest.tries=5"]].concat()).expect(0);
    assert_eq!(server.asked(), 8);
    for sign in ["HTTP 503, to be asked again in 0 s", "its root element is <html>", "cut", "HTTP 429", "in namespace \"\""] {
        assert!(done.stderr.contains(sign), "{sign}: {}", done.stderr);
    }
    assert_eq!(triples(&bench), 18);
}

#[test]
fn a_source_that_gives_out_in_the_middle_is_exit_69_and_the_next_run_goes_on() {
    let script = |query: &str, count| match (query.contains("resumptionToken=next"), count) {
        (false, _) => list(0..5, "<resumptionToken>next</resumptionToken>").into_response(),
        (true, 0..5) => StatusCode::BAD_GATEWAY.into_response(),
        (true, _) => list(5..9, "").into_response(),
    };
    let server = mortal(script, |before| !(1..=4).contains(&before));
    let bench = Bench::at(&server.url);
    let done = bench.run(&["harvest", "--name", "x", "--url", &bench.url]).expect(69);
    assert!(done.stderr.contains("the source failed") && done.stderr.contains("run the same command again"), "{}", done.stderr);
    assert_eq!(triples(&bench), 10, "what came is kept");
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"), 10, "and published");
    let summary = bench.harvest("x", None, &[]);
    assert_eq!((&summary["resumed"], &summary["received"], triples(&bench)), (&true.into(), &4.into(), 18), "{summary}");
}

#[test]
fn forty_empty_pages_in_a_row_are_no_end() {
    let server = scripted(|query, _| {
        let page: u32 = query.split("resumptionToken=p").nth(1).and_then(|page| page.parse().ok()).unwrap_or(0);
        let token = format!("<resumptionToken>p{}</resumptionToken>", page + 1);
        match page {
            0..40 => document(&format!("<ListRecords>{token}</ListRecords>")),
            _ => list(0..3, ""),
        }
        .into_response()
    });
    let bench = Bench::at(&server.url);
    let summary = bench.harvest("x", None, &[]);
    assert_eq!((&summary["received"], &summary["pages"]), (&3.into(), &41.into()), "{summary}");
}

#[test]
fn a_token_that_leads_back_to_itself_is_named_as_a_loop() {
    let server = scripted(|_, _| list(0..3, "<resumptionToken>again</resumptionToken>").into_response());
    let bench = Bench::at(&server.url);
    let done = bench.run(&["harvest", "--name", "x", "--url", &bench.url]).expect(69);
    assert!(done.stderr.contains("the server is in a loop: the resumption token \"again\""), "{}", done.stderr);
    assert_eq!(server.asked(), 2);
}

#[test]
fn a_long_answer_without_a_token_is_cut_into_pages_and_goes_on_after_a_cut() {
    let script = |query: &str, count| {
        let (all, rest) = (list(0..3500, ""), list(2500..3500, ""));
        match count {
            0 => {
                assert!(!query.contains("from="));
                all[..all.len() * 9 / 10].to_owned().into_response()
            }
            1..=4 => StatusCode::BAD_GATEWAY.into_response(),
            _ => {
                assert!(query.contains("from=2026-01-01T00"), "it goes on from where it got to: {query}");
                rest.into_response()
            }
        }
    };
    let server = mortal(script, |before| !(1..=4).contains(&before));
    let bench = Bench::at(&server.url);
    let words = bench.harvest_words("x", None, &["--set-config", "harvest.overlap_s=60"]);
    let first = bench.run(&words).expect(69);
    assert!(first.stderr.contains("the list is opened again"), "{}", first.stderr);
    assert_eq!((server.asked(), triples(&bench)), (5, 6000), "three pages of a thousand were kept");
    let summary = &bench.run(&words).json()[0];
    assert_eq!((&summary["outcome"], server.asked(), triples(&bench)), (&"complete".into(), 6, 7000), "{summary}");
}

#[test]
fn oai_errors_are_read_under_any_status_and_an_empty_list_is_no_failure() {
    let server = scripted(|_, _| {
        (StatusCode::UNPROCESSABLE_ENTITY, document("<error code=\"noRecordsMatch\">none</error>")).into_response()
    });
    let bench = Bench::at(&server.url);
    let done = bench.run(&["harvest", "--name", "x", "--url", &bench.url]).expect(1);
    assert!(done.stderr.contains("noRecordsMatch: none"), "{}", done.stderr);
    let server = scripted(|_, _| document("<error code=\"noRecordsMatch\">none</error>").into_response());
    let bench = Bench::at(&server.url);
    assert_eq!(bench.harvest("x", None, &[])["outcome"], "complete");
}

#[test]
fn one_bad_record_costs_no_neighbour_and_a_later_version_clears_it() {
    let server = scripted(|query, _| {
        let mended = query.contains("from=");
        let bad = [
            if mended { record(1) } else { with_payload(1, "Error: Document conversion failed.") },
            if mended {
                record(2)
            } else {
                with_payload(
                    2,
                    "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"not an iri\"><rdf:x>1</rdf:x></rdf:Description></rdf:RDF>",
                )
            },
            with_payload(3, "r\u{fffd}v").replace('\u{fffd}', "\u{b}"),
        ];
        document(&format!("<ListRecords>{}{}{}</ListRecords>", record(0), bad.concat(), record(4))).into_response()
    });
    let bench = Bench::at(&server.url);
    let words = ["harvest", "--name", "x", "--url", &bench.url];
    let done = bench.run(&words).expect(65);
    assert!(done.stderr.contains("3 quarantined (see `libris-mirror quarantine`)"), "{}", done.stderr);
    assert_eq!(triples(&bench), 4);
    let listed = bench.run(&["quarantine"]).ok();
    assert_eq!(listed.lines().filter(|line| !line.starts_with(' ')).count(), 3, "{listed}");
    assert!(listed.contains("rdf:about=\"not an iri\""), "the text around the fault: {listed}");
    assert!(listed.contains("the server could not convert the record") && listed.contains("https://libris.kb.se/r2"), "{listed}");
    let raw = bench.run(&["record", "https://libris.kb.se/r3", "--format", "raw"]).ok();
    assert!(raw.contains("r\u{b}v"), "the log keeps what came: {raw:?}");
    assert_eq!(bench.run(&["status", "--json"]).json()["sources"][0]["quarantined"], 3);
    // The next window brings two of them mended.
    bench.run(&words).ok();
    assert_eq!((bench.run(&["quarantine"]).ok().lines().count(), triples(&bench)), (1, 8));
}

#[test]
fn a_prefix_that_says_only_types_is_refused_and_a_better_one_named() {
    let server = scripted(|query, _| {
        let types = "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"https://libris.kb.se/r1\"><rdf:type rdf:resource=\"https://id.kb.se/vocab/Record\"/></rdf:Description></rdf:RDF>";
        if query.contains("ListMetadataFormats") {
            document("<ListMetadataFormats><metadataFormat><metadataPrefix>rdfxml</metadataPrefix></metadataFormat><metadataFormat><metadataPrefix>ttl</metadataPrefix></metadataFormat></ListMetadataFormats>")
        } else if query.contains("GetRecord") {
            document(&format!("<GetRecord>{}</GetRecord>", with_payload(1, "<![CDATA[<https://libris.kb.se/r1> <https://id.kb.se/vocab/mainEntity> <https://libris.kb.se/r1#it> .]]>")))
        } else if query.contains("metadataPrefix=ttl") {
            document(&format!("<ListRecords>{}</ListRecords>", with_payload(1, "<![CDATA[<https://libris.kb.se/r1> <https://id.kb.se/vocab/mainEntity> <https://libris.kb.se/r1#it> .]]>")))
        } else {
            document(&format!("<ListRecords>{}</ListRecords>", with_payload(1, types)))
        }
        .into_response()
    });
    let bench = Bench::at(&server.url);
    let done = bench.run(&bench.harvest_words("x", None, &[])).expect(1);
    assert!(done.stderr.contains("delivers nothing but types") && done.stderr.contains("--prefix ttl"), "{}", done.stderr);
    assert_eq!(bench.harvest("x", None, &["--prefix", "ttl"])["created"], 1);
}

#[test]
fn a_redirection_to_another_host_is_named_and_not_followed() {
    let server = scripted(|_, _| (StatusCode::FOUND, [("location", "http://elsewhere.example/oai")]).into_response());
    let bench = Bench::at(&server.url);
    let done = bench.run(&bench.harvest_words("x", None, &[])).expect(69);
    assert!(done.stderr.contains("redirects to http://elsewhere.example/oai, which is another host"), "{}", done.stderr);
}

/// A server with a certificate of its own that redirects every request; answers its port and the certificate.
fn encrypted(target: String) -> (u16, String, tokio::runtime::Runtime) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).expect("valid");
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, target) = (acceptor.clone(), target.clone());
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await.ok()?;
                // Up to the end of the head of the request.
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.ok()?);
                }
                let answer =
                    format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.ok()?;
                stream.shutdown().await.ok()
            });
        }
    });
    (port, made.cert.pem(), runtime)
}

#[test]
fn a_redirection_out_of_encryption_is_named_and_not_followed() {
    let plain = scripted(|_, _| list(0..3, "").into_response());
    let (port, certificate, _runtime) = encrypted(format!("{}?verb=Identify", plain.url));
    let bench = Bench::at(&format!("https://127.0.0.1:{port}/oai"));
    let trusted = bench.path().join("trusted.pem");
    fs_err::write(&trusted, certificate).expect("written");
    let words = bench.harvest_words("x", None, &[]);
    let output = bench.command(&words).env("SSL_CERT_FILE", &trusted).output().expect("the binary starts");
    let done = crate::harness::Done::of(words.join(" "), &output).expect(69);
    assert!(done.stderr.contains("which is the same host without encryption"), "{}", done.stderr);
    assert_eq!(plain.asked(), 0);
}
