//! The authorities, and the many ways in which records write their addresses and identifiers.
//!
//! Each reference is brought into one form: the authority, its own identifier, and one IRI.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{percent_decode_str, utf8_percent_encode};
use url::Url;

use crate::rdf::NOT_IN_PATH;

/// Who describes an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Authority {
    /// `Q…` of Wikidata.
    Wikidata,
    /// `language:Title` of any Wikipedia.
    Wikipedia,
    /// A title of `DBpedia`, with the prefix `language:`, except for English.
    DBpedia,
    /// `names/n…`, `subjects/sh…`, `vocabulary/…` of id.loc.gov.
    LibraryOfCongress,
    /// A number of the Virtual International Authority File.
    Viaf,
    /// Sixteen digits, ISO 27729.
    Isni,
    /// Sixteen digits in groups of four.
    Orcid,
    /// An older identifier of Libris, `bib/…` or `auth/…`.
    Libris,
}

/// A reference in its one form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Who.
    pub authority: Authority,
    /// Their identifier.
    pub id: String,
    /// Its address.
    pub iri: String,
}

impl Authority {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Wikidata,
        Self::Wikipedia,
        Self::DBpedia,
        Self::LibraryOfCongress,
        Self::Viaf,
        Self::Isni,
        Self::Orcid,
        Self::Libris,
    ];

    /// The short name, as in `links --authority`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wikidata => "wikidata",
            Self::Wikipedia => "wikipedia",
            Self::DBpedia => "dbpedia",
            Self::LibraryOfCongress => "loc",
            Self::Viaf => "viaf",
            Self::Isni => "isni",
            Self::Orcid => "orcid",
            Self::Libris => "libris",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Wikidata => "Wikidata",
            Self::Wikipedia => "Wikipedia",
            Self::DBpedia => "DBpedia",
            Self::LibraryOfCongress => "Library of Congress",
            Self::Viaf => "VIAF",
            Self::Isni => "ISNI",
            Self::Orcid => "ORCID",
            Self::Libris => "Libris",
        }
    }

    /// The reference for an identifier as people and records write it, or `None` where it is none.
    #[must_use]
    pub fn reference(self, id: &str) -> Option<Reference> {
        let id = id.trim();
        let (id, iri) = match self {
            Self::Wikidata => {
                let id = id.to_ascii_uppercase();
                numbered(&id, "Q")?;
                let iri = format!("http://www.wikidata.org/entity/{id}");
                (id, iri)
            }
            Self::Viaf => {
                digits(id, 1..=22)?;
                (id.to_owned(), format!("http://viaf.org/viaf/{id}"))
            }
            Self::Isni => {
                let id = sixteen(id)?;
                let iri = format!("https://isni.org/isni/{id}");
                (id, iri)
            }
            Self::Orcid => {
                let plain = sixteen(id.trim_start_matches("https://orcid.org/").trim_start_matches("http://orcid.org/"))?;
                let id = [&plain[..4], &plain[4..8], &plain[8..12], &plain[12..]].join("-");
                let iri = format!("https://orcid.org/{id}");
                (id, iri)
            }
            Self::LibraryOfCongress => {
                let id = if id.contains('/') { id.to_owned() } else { lccn(id)? };
                (
                    id.clone(),
                    format!(
                        "http://id.loc.gov/{}{}",
                        if id.starts_with("vocabulary/") { "" } else { "authorities/" },
                        encoded(&id)
                    ),
                )
            }
            Self::Wikipedia => {
                let (language, title) = id.split_once(':')?;
                if language.is_empty() || title.is_empty() || !language.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
                    return None;
                }
                let title = title.replace(' ', "_");
                (format!("{language}:{title}"), format!("https://{language}.wikipedia.org/wiki/{}", encoded(&title)))
            }
            Self::DBpedia => {
                let name = id.replace(' ', "_");
                let language = name
                    .split_once(':')
                    .map(|(language, _)| language)
                    .filter(|language| (2..=3).contains(&language.len()) && language.chars().all(|c| c.is_ascii_lowercase()));
                let (host, title) = match language {
                    Some(language) => (format!("{language}.dbpedia.org"), name.get(language.len() + 1..).unwrap_or_default()),
                    None => ("dbpedia.org".to_owned(), name.as_str()),
                };
                if title.is_empty() {
                    return None;
                }
                (name.clone(), format!("http://{host}/resource/{}", encoded(title)))
            }
            Self::Libris => {
                let (kind, number) = id.split_once('/')?;
                digits(number, 1..=15).filter(|()| matches!(kind, "bib" | "auth" | "hold"))?;
                (id.to_owned(), format!("http://libris.kb.se/resource/{id}"))
            }
        };
        Some(Reference { authority: self, id, iri })
    }

    /// The reference that an address stands for, in any of the shapes that records hold.
    #[must_use]
    pub fn of_address(address: &str) -> Option<Reference> {
        let address = address.trim();
        let rest = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://"))?;
        if !may_be_known(rest) {
            return None;
        }
        let url = Url::parse(address).ok()?;
        let host = url.host_str()?.to_ascii_lowercase();
        let host = host.strip_prefix("www.").unwrap_or(&host);
        let decoded = percent_decode_str(url.path()).decode_utf8().ok()?;
        let parts: Vec<&str> = decoded.split('/').filter(|part| !part.is_empty()).collect();
        match host {
            "wikidata.org" | "m.wikidata.org" => {
                let id = parts.iter().rev().find(|part| part.starts_with(['Q', 'q']))?;
                Self::Wikidata.reference(id.split('.').next()?)
            }
            "viaf.org" => {
                let place = parts.iter().position(|part| *part == "viaf")?;
                Self::Viaf.reference(parts.get(place + 1)?)
            }
            "isni.org" | "isni-url.oclc.nl" | "isni.oclc.org" => Self::Isni.reference(parts.last()?),
            "orcid.org" => Self::Orcid.reference(parts.last()?),
            "id.loc.gov" => library_of_congress(&parts),
            "libris.kb.se" => {
                let parts = parts.strip_prefix(&["resource"]).unwrap_or(&parts);
                let [kind, number] = parts else { return None };
                Self::Libris.reference(&format!("{kind}/{number}"))
            }
            _ => {
                if let Some(language) = host.strip_suffix(".wikipedia.org") {
                    let language = language.strip_suffix(".m").unwrap_or(language);
                    return Self::Wikipedia.reference(&format!("{language}:{}", wikipedia_title(&url, &decoded)?));
                }
                let language =
                    host.strip_suffix("dbpedia.org").filter(|rest| rest.is_empty() || rest.ends_with('.'))?.trim_end_matches('.');
                let place = parts.iter().position(|part| matches!(*part, "resource" | "data" | "page"))?;
                let title = parts.get(place + 1..)?.join("/");
                let title = if parts[place] == "data" {
                    title
                        .rsplit_once('.')
                        .filter(|(_, ending)| matches!(*ending, "rdf" | "ttl" | "n3" | "json" | "jsonld" | "ntriples" | "xml"))
                        .map_or(title.clone(), |(name, _)| name.to_owned())
                } else {
                    title
                };
                let colon = if language.is_empty() { "" } else { ":" };
                Self::DBpedia.reference(&format!("{language}{colon}{title}"))
            }
        }
    }

    /// The kind of identifier that a class or `typeNote` of KBV names: `VIAF`, `isni`, `LCCN` …
    #[must_use]
    pub fn of_identifier_type(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "wikidataid" | "wikidata" => Some(Self::Wikidata),
            "viaf" => Some(Self::Viaf),
            "isni" => Some(Self::Isni),
            "orcid" => Some(Self::Orcid),
            "lccn" | "lcnaf" => Some(Self::LibraryOfCongress),
            _ => None,
        }
    }
}

/// Domains of the authorities; other hosts need no parsing, and most IRIs of a record have others.
const DOMAINS: [&str; 9] = [
    "wikidata.org",
    "viaf.org",
    "isni.org",
    "isni-url.oclc.nl",
    "isni.oclc.org",
    "orcid.org",
    "id.loc.gov",
    "wikipedia.org",
    "dbpedia.org",
];

/// Whether an address, given without its scheme, may be one that [`Authority::of_address`] knows. In doubt it may.
fn may_be_known(rest: &str) -> bool {
    let (host, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    let holds = |name: &str| host.as_bytes().windows(name.len()).any(|part| part.eq_ignore_ascii_case(name.as_bytes()));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'@');
    if holds("libris.kb.se") {
        // Most are records of its own.
        return path.contains('%') || ["bib", "auth", "hold"].iter().any(|kind| path.contains(kind));
    }
    DOMAINS.iter().any(|domain| holds(domain)) || !host.bytes().all(plain)
}

fn encoded(text: &str) -> impl fmt::Display + '_ {
    utf8_percent_encode(text, NOT_IN_PATH)
}

/// The title in an address of Wikipedia: `/wiki/Title` or `/w/index.php?title=Title`; underscores for spaces, first letter large.
fn wikipedia_title(url: &Url, path: &str) -> Option<String> {
    let title = match path.strip_prefix("/wiki/") {
        Some(title) => title.to_owned(),
        None => url.query_pairs().find(|(name, _)| name == "title")?.1.into_owned(),
    };
    let title = title.trim().replace(' ', "_");
    let mut letters = title.chars();
    let first = letters.next()?;
    Some(first.to_uppercase().chain(letters).collect())
}

fn library_of_congress(parts: &[&str]) -> Option<Reference> {
    let parts: Vec<&str> =
        parts.iter().map(|part| part.trim_end_matches(".html").trim_end_matches(".rdf").trim_end_matches(".json")).collect();
    match parts.as_slice() {
        ["authorities", scheme, id] => Authority::LibraryOfCongress.reference(&format!("{scheme}/{id}")),
        ["vocabulary", ..] if parts.len() > 1 => Authority::LibraryOfCongress.reference(&parts.join("/")),
        // The old form without a scheme, `/authorities/sh85…`.
        ["authorities", id] => Authority::LibraryOfCongress.reference(&lccn(id)?),
        _ => None,
    }
}

/// `n 79021164` and `sh85121735` to `names/n79021164` and `subjects/sh85121735`; numbers of other schemes are none.
fn lccn(text: &str) -> Option<String> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let letters: String = compact.chars().take_while(char::is_ascii_lowercase).collect();
    digits(&compact[letters.len()..], 6..=12)?;
    let scheme = match letters.as_str() {
        "n" | "nr" | "nb" | "no" | "ns" => "names",
        "sh" | "sj" => "subjects",
        "gf" => "genreForms",
        _ => return None,
    };
    Some(format!("{scheme}/{compact}"))
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<()> {
    (length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
}

fn numbered(text: &str, prefix: &str) -> Option<()> {
    digits(text.strip_prefix(prefix)?, 1..=18)
}

/// Sixteen digits, the last maybe an X, whatever stands between them.
fn sixteen(text: &str) -> Option<String> {
    let id: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_ascii_uppercase();
    let body = id.strip_suffix(['X', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])?;
    digits(body, 15..=15).map(|()| id.clone())
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Authority {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let wanted = name.to_ascii_lowercase();
        Self::ALL.into_iter().find(|authority| authority.name() == wanted).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|authority| authority.name()).collect();
            format!("{name:?} is no authority: it is one of {}", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_come_to_one_form() {
        for (address, authority, id) in [
            ("http://www.wikidata.org/entity/Q1762", "wikidata", "Q1762"),
            ("https://www.wikidata.org/wiki/Q1762", "wikidata", "Q1762"),
            ("https://m.wikidata.org/wiki/Special:EntityData/Q1762.json", "wikidata", "Q1762"),
            ("http://sv.wikipedia.org/wiki/August_Strindberg", "wikipedia", "sv:August_Strindberg"),
            ("https://sv.m.wikipedia.org/wiki/Selma_Lagerl%C3%B6f", "wikipedia", "sv:Selma_Lagerlöf"),
            ("http://sv.wikipedia.org/wiki/Selma_Lagerlöf", "wikipedia", "sv:Selma_Lagerlöf"),
            ("http://en.wikipedia.org/w/index.php?title=august Strindberg", "wikipedia", "en:August_Strindberg"),
            ("http://dbpedia.org/resource/August_Strindberg", "dbpedia", "August_Strindberg"),
            ("http://dbpedia.org/data/August_Strindberg.rdf", "dbpedia", "August_Strindberg"),
            ("http://sv.dbpedia.org/resource/Selma_Lagerl%C3%B6f", "dbpedia", "sv:Selma_Lagerlöf"),
            ("http://id.loc.gov/authorities/names/n79021164", "loc", "names/n79021164"),
            ("https://id.loc.gov/authorities/subjects/sh85121735.html", "loc", "subjects/sh85121735"),
            ("http://id.loc.gov/authorities/genreForms/gf2014026339", "loc", "genreForms/gf2014026339"),
            ("http://id.loc.gov/vocabulary/relators/aut", "loc", "vocabulary/relators/aut"),
            ("http://id.loc.gov/authorities/label/Sweden", "loc", "label/Sweden"),
            ("http://viaf.org/viaf/54154627", "viaf", "54154627"),
            ("https://www.viaf.org/viaf/54154627/#skos:Concept", "viaf", "54154627"),
            ("https://isni.org/isni/0000000103407488", "isni", "0000000103407488"),
            ("https://orcid.org/0000-0002-1825-0097", "orcid", "0000-0002-1825-0097"),
            ("http://libris.kb.se/resource/auth/281943", "libris", "auth/281943"),
            ("http://libris.kb.se/bib/8369159", "libris", "bib/8369159"),
        ] {
            let found = Authority::of_address(address).unwrap_or_else(|| panic!("{address} is known"));
            assert_eq!((found.authority.name(), found.id.as_str()), (authority, id), "{address}");
            assert_eq!(Authority::of_address(&found.iri).map(|r| r.id), Some(found.id), "{address} by way of {}", found.iri);
        }
    }

    #[test]
    fn other_addresses_are_no_links() {
        for address in [
            "http://example.org/viaf/1",
            "http://viaf.org/viaf/sourceID/LC%7Cn79",
            "not a url",
            "http://notdbpedia.org/resource/X",
            "https://libris.kb.se/khw03jc347kgv4w#it",
            "http://www.wikidata.org/wiki/Property:P1",
            "http://sv.wikipedia.org/",
            "",
        ] {
            assert_eq!(Authority::of_address(address), None, "{address}");
        }
    }

    #[test]
    fn identifiers_are_normalised() {
        let id = |authority: Authority, text: &str| authority.reference(text).map(|reference| reference.id);
        assert_eq!(id(Authority::Isni, "0000 0001 0340 7488"), Some("0000000103407488".into()));
        assert_eq!(id(Authority::Isni, "\n0000000115796660"), Some("0000000115796660".into()));
        assert_eq!(id(Authority::Isni, "000000012146438x"), Some("000000012146438X".into()));
        assert_eq!(id(Authority::Isni, "1234"), None);
        assert_eq!(id(Authority::Orcid, "0000000218250097"), Some("0000-0002-1825-0097".into()));
        assert_eq!(id(Authority::LibraryOfCongress, "n 79021164"), Some("names/n79021164".into()));
        assert_eq!(id(Authority::LibraryOfCongress, "   55047611"), None);
        assert_eq!(id(Authority::Wikidata, "q1762"), Some("Q1762".into()));
        assert_eq!(Authority::of_identifier_type("WikidataID"), Some(Authority::Wikidata));
        assert_eq!(Authority::of_identifier_type("ISBN"), None);
    }

    #[test]
    fn odd_spellings_of_a_host_are_not_passed_over() {
        for address in [
            "http://WWW.VIAF.org/viaf/54154627",
            "http://viaf.org:80/viaf/54154627",
            "http://someone@viaf.org/viaf/54154627",
            "http://vi%61f.org/viaf/54154627",
            "http://ｖｉａｆ.org/viaf/54154627",
            "http://libris.kb.se/resource/b%69b/8369159",
        ] {
            assert!(Authority::of_address(address).is_some(), "{address}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            for authority in Authority::ALL {
                let _ = authority.reference(&text);
            }
            let _ = Authority::of_address(&text);
            let _ = Authority::of_address(&format!("http://sv.wikipedia.org/wiki/{text}"));
            let _ = Authority::of_address(&format!("http://id.loc.gov/authorities/{text}"));
        }
    }
}
