//! Checks prefixes and the IRIs that names stand for.

use oxiri::{Iri, IriRef};

use super::excerpt::brief;
use super::near;
use super::reader::{Read, Reader};
use super::tokens::Token;
use crate::query::PREFIXES;

/// Well-known prefixes of other vocabularies.
const ELSEWHERE: [(&str, &str); 50] = [
    ("bf2", "http://id.loc.gov/ontologies/bibframe/"),
    ("bflc", "http://id.loc.gov/ontologies/bflc/"),
    ("bio", "http://purl.org/vocab/bio/0.1/"),
    ("cc", "http://creativecommons.org/ns#"),
    ("dbo", "http://dbpedia.org/ontology/"),
    ("dbp", "http://dbpedia.org/property/"),
    ("dbr", "http://dbpedia.org/resource/"),
    ("dcat", "http://www.w3.org/ns/dcat#"),
    ("dce", "http://purl.org/dc/elements/1.1/"),
    ("dcmitype", "http://purl.org/dc/dcmitype/"),
    ("dctype", "http://purl.org/dc/dcmitype/"),
    ("edm", "http://www.europeana.eu/schemas/edm/"),
    ("fabio", "http://purl.org/spar/fabio/"),
    ("fn", "http://www.w3.org/2005/xpath-functions#"),
    ("frbr", "http://purl.org/vocab/frbr/core#"),
    ("geo", "http://www.w3.org/2003/01/geo/wgs84_pos#"),
    ("geosparql", "http://www.opengis.net/ont/geosparql#"),
    ("gn", "http://www.geonames.org/ontology#"),
    ("gnd", "https://d-nb.info/gnd/"),
    ("gndo", "https://d-nb.info/standards/elementset/gnd#"),
    ("isbd", "http://iflastandards.info/ns/isbd/elements/"),
    ("kb", "https://id.kb.se/"),
    ("libris", "https://libris.kb.se/"),
    ("lexvo", "http://lexvo.org/id/"),
    ("mads", "http://www.loc.gov/mads/rdf/v1#"),
    ("madsrdf", "http://www.loc.gov/mads/rdf/v1#"),
    ("marcrel", "http://id.loc.gov/vocabulary/relators/"),
    ("oa", "http://www.w3.org/ns/oa#"),
    ("ore", "http://www.openarchives.org/ore/terms/"),
    ("org", "http://www.w3.org/ns/org#"),
    ("p", "http://www.wikidata.org/prop/"),
    ("pq", "http://www.wikidata.org/prop/qualifier/"),
    ("prov", "http://www.w3.org/ns/prov#"),
    ("ps", "http://www.wikidata.org/prop/statement/"),
    ("qb", "http://purl.org/linked-data/cube#"),
    ("rdaa", "http://rdaregistry.info/Elements/a/"),
    ("rdae", "http://rdaregistry.info/Elements/e/"),
    ("rdam", "http://rdaregistry.info/Elements/m/"),
    ("rdau", "http://rdaregistry.info/Elements/u/"),
    ("rdaw", "http://rdaregistry.info/Elements/w/"),
    ("sd", "http://www.w3.org/ns/sparql-service-description#"),
    ("sdo", "https://schema.org/"),
    ("time", "http://www.w3.org/2006/time#"),
    ("vcard", "http://www.w3.org/2006/vcard/ns#"),
    ("viaf", "http://viaf.org/viaf/"),
    ("void", "http://rdfs.org/ns/void#"),
    ("wd", "http://www.wikidata.org/entity/"),
    ("wdt", "http://www.wikidata.org/prop/direct/"),
    ("wikibase", "http://wikiba.se/ontology#"),
    ("xs", "http://www.w3.org/2001/XMLSchema#"),
];

/// Checks the next name: its prefix is declared, and it stands for a valid IRI.
pub(super) fn check(reader: &Reader<'_>) -> Read {
    let (prefix, local) = reader.written().split_once(':').unwrap_or_default();
    let Some(namespace) = reader.prefixes.get(prefix) else {
        if matches!(prefix.to_ascii_lowercase().as_str(), "http" | "https") && local.is_empty() {
            let sentence = "an IRI stands between `<` and `>`".to_owned();
            return Err(reader.stop(reader.here, sentence, format!("write `<{prefix}://…>`")));
        }
        let sentence = format!("the prefix `{}:` is not declared", brief(prefix));
        return Err(reader.stop(reader.here, sentence, hint(reader, prefix)));
    };
    if Iri::parse(format!("{namespace}{}", local.replace('\\', ""))).is_err() {
        let sentence = format!("`{}` does not stand for a valid IRI", brief(reader.written()));
        return Err(reader.stop(reader.here, sentence, "write the IRI in full, between `<` and `>`"));
    }
    Ok(())
}

fn hint(reader: &Reader<'_>, prefix: &str) -> String {
    let declaration = |namespace: &str| format!("PREFIX {}: <{namespace}>", brief(prefix));
    let same_case = PREFIXES.iter().find(|(known, _)| near::same(known, prefix));
    if let Some((known, _)) = same_case {
        return format!("the case of letters counts: write `{known}:`");
    }
    if let Some((_, namespace)) = ELSEWHERE.iter().find(|(known, _)| near::same(known, prefix)) {
        let here = PREFIXES.iter().find(|(known, other)| other == namespace && !known.is_empty());
        return match here {
            Some((known, _)) => format!("write `{known}:`, which is predefined, or add `{}` at the top", declaration(namespace)),
            None => format!("add `{}` at the top of the query", declaration(namespace)),
        };
    }
    let mut known: Vec<&str> = reader.prefixes.keys().copied().filter(|known| known.len() > 1).collect();
    // The order of a map differs in each run.
    known.sort_unstable();
    match near::nearest(prefix, &known) {
        Some(near) if prefix.len() > 2 => format!("did you mean `{near}:`? If not, add `{}` at the top", declaration("…")),
        _ => format!("add `{}` at the top of the query, with its namespace", declaration("…")),
    }
}

impl Reader<'_> {
    /// Checks the next IRI.
    pub(super) fn check_iri(&self) -> Read {
        let written = self.written();
        let iri = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
        let part = |at: usize| Token { start: self.here.start + 1 + at, ..self.here };
        if let Some(at) = iri.find('\\').filter(|at| !iri[*at..].starts_with("\\u") && !iri[*at..].starts_with("\\U")) {
            return Err(self.stop(part(at), "an IRI cannot contain a backslash", "write `%5C` for it, or `/` if that is meant"));
        }
        if iri.contains('\\') || (self.base && IriRef::parse(iri).is_ok()) || Iri::parse(iri).is_ok() {
            return Ok(());
        }
        let digits = |rest: &str| rest.len() >= 3 && rest.bytes().skip(1).take(2).all(|byte| byte.is_ascii_hexdigit());
        if let Some((at, _)) = iri.match_indices('%').find(|(at, _)| !digits(&iri[*at..])) {
            let sentence = "a `%` in an IRI must be followed by two hexadecimal digits";
            return Err(self.stop(part(at), sentence, "write `%25` for the percent sign itself"));
        }
        if !self.base && IriRef::parse(iri).is_ok() {
            let sentence = format!("`<{}>` is a relative IRI, and there is no base to resolve it against", brief(iri));
            let hint = "write it in full, such as <https://libris.kb.se/…>; a name like kbv:Person stands without `<` and `>`";
            return Err(self.stop(self.here, sentence, hint));
        }
        let sentence = format!("`<{}>` is not a valid IRI", brief(iri));
        Err(self.stop(self.here, sentence, "an IRI is like <https://libris.kb.se/khw03jc347kgv4w#it>"))
    }
}
