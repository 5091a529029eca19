//! The addresses of a server: made here, never taken from an answer.

use url::Url;

/// The address of a server of the API.
#[derive(Debug, Clone)]
pub struct Endpoint {
    base: Url,
    entities: Url,
    /// Whether the user named the place of entities.
    named: bool,
}

impl Endpoint {
    /// The server whose entry is at `base`. Entities are fetched from the same host, or from `entities`.
    #[must_use]
    pub fn new(base: &Url, entities: Option<&Url>) -> Self {
        let mut own = base.clone();
        own.set_path("/");
        own.set_query(None);
        own.set_fragment(None);
        Self { base: base.clone(), entities: entities.cloned().unwrap_or(own), named: entities.is_some() }
    }

    /// The entry.
    #[must_use]
    pub fn entry(&self) -> &Url {
        &self.base
    }

    /// The page of the feed that ends at a time, milliseconds since 1970.
    #[must_use]
    pub fn feed(&self, until: i64) -> Url {
        let mut url = self.base.clone();
        url.query_pairs_mut().append_pair("until", &until.to_string());
        url
    }

    /// A page of a dump.
    #[must_use]
    pub fn dump(&self, selection: &str, offset: u64) -> Url {
        let mut url = self.full(selection);
        url.query_pairs_mut().append_pair("offset", &offset.to_string());
        url
    }

    /// A dump in one answer.
    #[must_use]
    pub fn download(&self, selection: &str) -> Url {
        let mut url = self.full(selection);
        url.query_pairs_mut().append_pair("download", ".ndjsonld.gz");
        url
    }

    fn full(&self, selection: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("full");
        }
        url.query_pairs_mut().append_pair("selection", selection);
        url
    }

    /// Where the data of an entity or a record is, always on a host that the user named: at its path where its IRI has that host,
    /// else at the whole IRI, as Libris takes it for `https://id.kb.se/…`.
    #[must_use]
    pub fn entity(&self, iri: &str) -> Option<Url> {
        let document = iri.split('#').next().unwrap_or_default();
        // A place that the user named for entities may have those of any name.
        let parsed = Url::parse(document).ok().filter(|url| self.named || matches!(url.scheme(), "http" | "https"))?;
        let mut url = self.entities.clone();
        let prefix = self.entities.path().trim_end_matches('/');
        let path = if parsed.has_host() && parsed.host_str() == url.host_str() {
            parsed.path().to_owned()
        } else {
            format!("/{document}")
        };
        url.set_path(&format!("{prefix}{path}"));
        // The record alone: the server would add what it says of everything that the record links to.
        url.query_pairs_mut().append_pair("embellished", "false").append_pair("framed", "false");
        Some(url)
    }
}

/// The number that a link has for a parameter.
#[must_use]
pub fn parameter(link: &str, name: &str) -> Option<u64> {
    let query = link.split_once('?')?.1.split('#').next()?;
    let (_, value) = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name)?;
    value.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_on_the_host_of_the_user() {
        let base = Url::parse("https://libris.kb.se/api/emm/").expect("an address");
        let server = Endpoint::new(&base, None);
        assert_eq!(server.feed(17).as_str(), "https://libris.kb.se/api/emm/?until=17");
        assert_eq!(server.dump("type:Role", 200).as_str(), "https://libris.kb.se/api/emm/full?selection=type%3ARole&offset=200");
        assert!(server.download("all").as_str().ends_with("/full?selection=all&download=.ndjsonld.gz"));
        let address = |iri: &str| server.entity(iri).map(|url| url.to_string());
        let own = "https://libris.kb.se/khw03jc3?embellished=false&framed=false";
        assert_eq!(address("https://libris.kb.se/khw03jc3#it").as_deref(), Some(own));
        let other = "https://libris.kb.se/https://id.kb.se/language/swe?embellished=false&framed=false";
        assert_eq!(address("https://id.kb.se/language/swe").as_deref(), Some(other));
        assert_eq!(
            address("https://evil.example/x?y=1").as_deref().map(|url| url.starts_with("https://libris.kb.se/")),
            Some(true)
        );
        for none in ["urn:x", "file:///etc/passwd", "", "no address"] {
            assert_eq!(address(none), None);
        }
        let elsewhere = Url::parse("http://127.0.0.1:9/data/").expect("an address");
        let server = Endpoint::new(&base, Some(&elsewhere));
        let there = server.entity("https://libris.kb.se/a").map(|url| url.to_string()).unwrap_or_default();
        assert!(there.starts_with("http://127.0.0.1:9/data/https://libris.kb.se/a?"), "{there}");
        let urn = server.entity("urn:x:1").map(|url| url.to_string()).unwrap_or_default();
        assert!(urn.starts_with("http://127.0.0.1:9/data/urn:x:1?"), "{urn}");
    }

    #[test]
    fn numbers_are_read_from_links() {
        assert_eq!(parameter("https://x/full?selection=all&offset=300", "offset"), Some(300));
        assert_eq!(parameter("?until=12#x", "until"), Some(12));
        for wrong in ["https://x/full", "?offset=", "?offset=-1", "?offset=1e9", "?offset=99999999999999999999"] {
            assert_eq!(parameter(wrong, "offset"), None, "{wrong}");
        }
    }
}
