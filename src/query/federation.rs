//! `SERVICE` (SPARQL 1.1 Federated Query) to the hosts that the user listed, and to no others.

use std::io::Read;
use std::time::Duration;

use oxigraph::model::NamedNode;
use oxigraph::sparql::results::{QueryResultsFormat, QueryResultsParser, ReaderQueryResultsParserOutput};
use oxigraph::sparql::{DefaultServiceHandler, QuerySolutionIter};

/// Asks other endpoints, if their hosts are listed.
pub(super) struct Services {
    hosts: Vec<String>,
    time: Duration,
}

/// Why another endpoint gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceError {
    #[error("SERVICE <{0}> is not allowed here: its host is not in `query.service_hosts`")]
    Host(String),
    #[error("SERVICE <{0}> could not be asked: {1}")]
    Http(String, String),
    #[error("SERVICE <{0}> answered with what is no SPARQL result: {1}")]
    Answer(String, String),
}

/// The largest answer of another endpoint, in bytes.
const LARGEST: u64 = 64 << 20;

impl Services {
    pub(super) fn new(hosts: Vec<String>, time: Duration) -> Self {
        Self { hosts, time }
    }

    fn ask(&self, name: &str, query: String) -> Result<Vec<u8>, ServiceError> {
        let failed = |error: reqwest::Error| ServiceError::Http(name.to_owned(), error.without_url().to_string());
        // A redirect could lead to a host that is not listed.
        let client = reqwest::blocking::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(self.time)
            .build()
            .map_err(failed)?;
        let request = client
            .post(name)
            .header("content-type", "application/sparql-query")
            .header("accept", "application/sparql-results+json")
            .body(query);
        let answer = request.send().and_then(reqwest::blocking::Response::error_for_status).map_err(failed)?;
        let mut body = Vec::new();
        answer
            .take(LARGEST + 1)
            .read_to_end(&mut body)
            .map_err(|error| ServiceError::Http(name.to_owned(), error.to_string()))?;
        if body.len() as u64 > LARGEST {
            return Err(ServiceError::Http(name.to_owned(), format!("the answer has more than {LARGEST} bytes")));
        }
        Ok(body)
    }
}

/// Whether a host is in a list: by name, or by name and port.
fn is_listed(hosts: &[String], iri: &str) -> bool {
    let Ok(url) = url::Url::parse(iri) else { return false };
    let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else { return false };
    let with_port = url.port().map(|port| format!("{host}:{port}"));
    hosts.iter().any(|listed| match &with_port {
        Some(with_port) => listed.eq_ignore_ascii_case(with_port),
        None => listed.eq_ignore_ascii_case(host),
    })
}

impl DefaultServiceHandler for Services {
    type Error = ServiceError;

    fn handle(
        &self,
        service_name: &NamedNode,
        pattern: &spargebra::algebra::GraphPattern,
        base_iri: Option<&oxiri::Iri<String>>,
    ) -> Result<QuerySolutionIter<'static>, ServiceError> {
        let name = service_name.as_str();
        if !is_listed(&self.hosts, name) {
            return Err(ServiceError::Host(name.to_owned()));
        }
        let query = spargebra::Query::Select { dataset: None, pattern: pattern.clone(), base_iri: base_iri.cloned() };
        let body = self.ask(name, query.to_string())?;
        let wrong = |error: &dyn std::fmt::Display| ServiceError::Answer(name.to_owned(), error.to_string());
        match QueryResultsParser::from_format(QueryResultsFormat::Json).for_reader(std::io::Cursor::new(body)) {
            Ok(ReaderQueryResultsParserOutput::Solutions(solutions)) => Ok(solutions.into()),
            Ok(ReaderQueryResultsParserOutput::Boolean(_)) => Err(wrong(&"a boolean")),
            Err(error) => Err(wrong(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_hosts_are_asked() {
        let hosts = ["query.wikidata.org".to_owned(), "127.0.0.1:8080".to_owned()];
        for yes in ["https://query.wikidata.org/sparql", "http://QUERY.wikidata.org/", "http://127.0.0.1:8080/sparql"] {
            assert!(is_listed(&hosts, yes), "{yes}");
        }
        for no in [
            "https://wikidata.org/",
            "http://127.0.0.1/",
            "http://127.0.0.1:80/",
            "http://query.wikidata.org:22/",
            "http://query.wikidata.org@evil.example/",
            "file://query.wikidata.org/etc/passwd",
            "urn:x",
        ] {
            assert!(!is_listed(&hosts, no), "{no}");
        }
    }
}
