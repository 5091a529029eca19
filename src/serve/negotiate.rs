//! Content negotiation: the format of an answer by `format=`, else by `Accept` (RFC 9110, 12.5.1). Pure.

use std::str::FromStr;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use headers_accept::Accept;
use mediatype::MediaType;

use crate::query::{GraphFormat, SolutionFormat};

/// A format of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer<T> {
    /// The format.
    pub format: T,
    /// The media type of the answer.
    pub media_type: &'static str,
    /// Other media types that ask for it.
    pub also: &'static [&'static str],
    /// Its short names, for `format=` and file names.
    pub names: &'static [&'static str],
    /// Its name for people.
    pub title: &'static str,
}

/// The formats of solutions and booleans, the preferred one first.
pub const SOLUTIONS: [Offer<SolutionFormat>; 4] = [
    Offer {
        format: SolutionFormat::Json,
        media_type: "application/sparql-results+json",
        also: &["application/json", "text/json"],
        names: &["json", "srj"],
        title: "JSON",
    },
    Offer {
        format: SolutionFormat::Xml,
        media_type: "application/sparql-results+xml",
        also: &["application/xml", "text/xml"],
        names: &["xml", "srx"],
        title: "XML",
    },
    Offer { format: SolutionFormat::Csv, media_type: "text/csv", also: &[], names: &["csv"], title: "CSV" },
    Offer { format: SolutionFormat::Tsv, media_type: "text/tab-separated-values", also: &[], names: &["tsv"], title: "TSV" },
];

/// The formats of graphs, the preferred one first.
pub const GRAPHS: [Offer<GraphFormat>; 6] = [
    Offer {
        format: GraphFormat::Turtle,
        media_type: "text/turtle",
        also: &["application/x-turtle", "text/n3", "text/rdf+n3"],
        names: &["ttl", "turtle", "n3"],
        title: "Turtle",
    },
    Offer {
        format: GraphFormat::NTriples,
        media_type: "application/n-triples",
        also: &["text/plain"],
        names: &["nt", "ntriples"],
        title: "N-Triples",
    },
    Offer {
        format: GraphFormat::RdfXml,
        media_type: "application/rdf+xml",
        also: &["application/xml", "text/xml"],
        names: &["rdf", "rdfxml", "rdf+xml", "xml"],
        title: "RDF/XML",
    },
    Offer {
        format: GraphFormat::JsonLd,
        media_type: "application/ld+json",
        also: &["application/json"],
        names: &["jsonld", "json-ld", "json"],
        title: "JSON-LD",
    },
    Offer { format: GraphFormat::TriG, media_type: "application/trig", also: &[], names: &["trig"], title: "TriG" },
    Offer {
        format: GraphFormat::NQuads,
        media_type: "application/n-quads",
        also: &[],
        names: &["nq", "nquads"],
        title: "N-Quads",
    },
];

/// Returns the name for people of the format with this short name.
#[must_use]
pub fn title_of(name: &'static str) -> &'static str {
    let solutions = SOLUTIONS.iter().map(|offer| (offer.names, offer.title));
    let mut all = solutions.chain(GRAPHS.iter().map(|offer| (offer.names, offer.title)));
    all.find(|(names, _)| names.contains(&name)).map_or(name, |(_, title)| title)
}

/// The formats that a client accepts.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `format=`
    format: Option<String>,
    /// `None` if the client accepts anything.
    accept: Option<String>,
}

impl Wanted {
    /// Reads what a request accepts.
    #[must_use]
    pub fn new(headers: &HeaderMap, format: Option<&str>) -> Self {
        let lines: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let accept = ranges(&lines.join(","));
        // A header that cannot be parsed accepts anything.
        let readable = !accept.trim().is_empty() && Accept::from_str(&accept).is_ok();
        Self { format: format.map(str::to_lowercase), accept: readable.then_some(accept) }
    }

    /// Returns the best of some offers, or `None` if the client accepts none.
    pub fn choose<T: Copy>(&self, offers: &[Offer<T>]) -> Option<Offer<T>> {
        if let Some(format) = &self.format {
            // Some clients send a list.
            let fits = |offer: &&Offer<T>, wanted: &str| {
                offer.names.contains(&wanted) || offer.media_type == wanted || offer.also.contains(&wanted)
            };
            return format.split(',').find_map(|wanted| offers.iter().find(|offer| fits(offer, wanted.trim())).copied());
        }
        let Some(accept) = &self.accept else { return offers.first().copied() };
        let each =
            offers.iter().flat_map(|offer| std::iter::once(&offer.media_type).chain(offer.also).map(move |name| (*name, offer)));
        let known: Vec<(MediaType<'_>, &Offer<T>)> =
            each.filter_map(|(name, offer)| Some((MediaType::parse(name).ok()?, offer))).collect();
        let best = best(accept, known.iter().map(|(media_type, _)| media_type))?;
        known.iter().find(|(media_type, _)| *media_type == best).map(|(_, offer)| **offer)
    }

    /// Returns whether the client prefers a page to any of these.
    pub fn prefers_html<T: Copy>(&self, offers: &[Offer<T>]) -> bool {
        let Some(accept) = self.accept.as_ref().filter(|_| self.format.is_none()) else { return false };
        let html = MediaType::parse("text/html").ok();
        let others = offers.iter().flat_map(|offer| std::iter::once(&offer.media_type).chain(offer.also));
        let known: Vec<MediaType<'_>> = others.filter_map(|name| MediaType::parse(name).ok()).chain(html.clone()).collect();
        // `*/*` alone asks for data.
        names_html(accept) && best(accept, known.iter()) == html
    }
}

/// Removes all parameters except the weights: `text/turtle;charset=utf-8` accepts Turtle. Drops what is not a media range,
/// except the `*` of old versions of Java.
fn ranges(accept: &str) -> String {
    let each = accept.split(',').filter_map(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let range = pieces.next().map(|range| if range == "*" { "*/*" } else { range }).filter(|range| range.contains('/'))?;
        let weight = pieces.find_map(|piece| piece.strip_prefix("q=").or_else(|| piece.strip_prefix("Q=")));
        Some(weight.map_or_else(|| range.to_owned(), |weight| format!("{range};q={weight}")))
    });
    each.collect::<Vec<_>>().join(",")
}

fn names_html(accept: &str) -> bool {
    let lower = accept.to_ascii_lowercase();
    lower.contains("text/html") || lower.contains("application/xhtml+xml")
}

fn best<'a, 'm: 'a>(accept: &str, known: impl IntoIterator<Item = &'a MediaType<'m>>) -> Option<MediaType<'m>> {
    Accept::from_str(accept).ok()?.negotiate(known).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn wanted(accept: &str, format: Option<&str>) -> Wanted {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(ACCEPT, HeaderValue::from_str(accept).expect("a header"));
        }
        Wanted::new(&headers, format)
    }

    #[test]
    fn the_best_format_is_chosen() {
        let solutions = |accept: &str| wanted(accept, None).choose(&SOLUTIONS).map(|offer| offer.format);
        let graph = |accept: &str| wanted(accept, None).choose(&GRAPHS).map(|offer| offer.format);
        assert_eq!(solutions(""), Some(SolutionFormat::Json));
        assert_eq!(solutions("*/*"), Some(SolutionFormat::Json));
        assert_eq!(solutions("text/csv;q=0.5, application/sparql-results+xml"), Some(SolutionFormat::Xml));
        assert_eq!(solutions("application/json"), Some(SolutionFormat::Json));
        assert_eq!(solutions("text/turtle"), None);
        assert_eq!(solutions("text/csv;q=0, text/tab-separated-values;q=0.1"), Some(SolutionFormat::Tsv));
        assert_eq!(solutions("text/html, image/gif, *; q=.2, */*; q=.2"), Some(SolutionFormat::Json), "what old Java sends");
        assert_eq!(solutions("application/sparql-results+json;charset=utf-8"), Some(SolutionFormat::Json));
        assert_eq!(graph("text/turtle; charset=UTF-8; q=0.9, application/rdf+xml;q=0.1"), Some(GraphFormat::Turtle));
        assert_eq!(graph("application/ld+json;profile=\"http://www.w3.org/ns/json-ld#compacted\""), Some(GraphFormat::JsonLd));
        assert_eq!(solutions("é; q=, ;;, ,"), Some(SolutionFormat::Json), "nothing that can be read asks for nothing");
        assert_eq!(graph("application/rdf+xml, text/turtle;q=0.9"), Some(GraphFormat::RdfXml));
        assert_eq!(graph("text/*"), Some(GraphFormat::Turtle));
        assert_eq!(graph("application/sparql-results+json"), None);
        assert_eq!(wanted("text/turtle", Some("CSV")).choose(&SOLUTIONS).map(|offer| offer.format), Some(SolutionFormat::Csv));
        assert_eq!(wanted("", Some("text/turtle")).choose(&GRAPHS).map(|offer| offer.format), Some(GraphFormat::Turtle));
        assert_eq!(wanted("", Some("pdf")).choose(&GRAPHS), None);
        let list = wanted("", Some("application/x-json+ld,application/ld+json"));
        assert_eq!(list.choose(&GRAPHS).map(|offer| offer.format), Some(GraphFormat::JsonLd), "what SPARQLWrapper sends");
    }

    #[test]
    fn browsers_want_pages_and_programs_do_not() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        assert!(wanted(browser, None).prefers_html(&SOLUTIONS) && wanted(browser, None).prefers_html(&GRAPHS));
        assert!(!wanted(browser, Some("json")).prefers_html(&SOLUTIONS));
        for program in ["", "*/*", "text/turtle", "application/sparql-results+json,*/*;q=0.1", "text/turtle, text/html;q=0.5"] {
            assert!(!wanted(program, None).prefers_html(&GRAPHS), "{program}");
        }
    }
}
