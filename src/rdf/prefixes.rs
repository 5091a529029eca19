//! The prefixes that KB's own endpoint predefines, so that its published example queries run without changes.

/// Prefix and namespace.
pub const PREFIXES: [(&str, &str); 23] = [
    ("", "https://id.kb.se/vocab/"),
    ("kbv", "https://id.kb.se/vocab/"),
    ("marc", "https://id.kb.se/marc/"),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
    ("foaf", "http://xmlns.com/foaf/0.1/"),
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("dct", "http://purl.org/dc/terms/"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("schema", "http://schema.org/"),
    ("bibo", "http://purl.org/ontology/bibo/"),
    ("bf", "http://id.loc.gov/ontologies/bibframe/"),
    ("ctry", "https://id.kb.se/country/"),
    ("lge", "https://id.kb.se/language/"),
    ("rel", "https://id.kb.se/relator/"),
    ("sao", "https://id.kb.se/term/sao/"),
    ("saogf", "https://id.kb.se/term/saogf/"),
    ("ktg", "https://id.kb.se/term/ktg/"),
    ("kbrda", "https://id.kb.se/term/rda/"),
    ("lib", "https://libris.kb.se/library/"),
];

/// More prefixes that the table of shapes may use.
pub const OF_SHAPES: [(&str, &str); 6] = [
    ("saobf", "https://id.kb.se/term/saobf/"),
    ("barngf", "https://id.kb.se/term/barngf/"),
    ("gndo", "https://d-nb.info/standards/elementset/gnd#"),
    ("mads", "http://www.loc.gov/mads/rdf/v1#"),
    ("rdau", "http://rdaregistry.info/Elements/u/"),
    ("dcmitype", "http://purl.org/dc/dcmitype/"),
];

/// All of these.
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    PREFIXES.into_iter().chain(OF_SHAPES)
}

/// Returns the IRI of a prefixed name, or of one in `<>`.
pub(super) fn expand(name: &str) -> Result<String, String> {
    if let Some(iri) = name.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        return oxigraph::model::NamedNode::new(iri)
            .map(|node| node.as_str().to_owned())
            .map_err(|error| format!("{name} is no IRI: {error}"));
    }
    let Some((prefix, local)) = name.split_once(':') else {
        return Err(format!("{name:?} is neither a prefixed name, such as kbv:subject, nor an IRI in <>"));
    };
    let Some((_, namespace)) = all().find(|(known, _)| *known == prefix) else {
        let all: Vec<&str> = all().map(|(prefix, _)| prefix).filter(|prefix| !prefix.is_empty()).collect();
        return Err(format!("the prefix {prefix:?} is unknown: write the IRI in <>, or use one of {}", all.join(", ")));
    };
    let iri = format!("{namespace}{local}");
    oxigraph::model::NamedNode::new(&iri)
        .map(|node| node.as_str().to_owned())
        .map_err(|error| format!("{name} is no IRI: {error}"))
}

/// Returns the short form of an IRI for people: `kbv:Person`; `None` outside of the namespaces.
#[must_use]
pub fn compact(iri: &str) -> Option<String> {
    PREFIXES.iter().filter(|(prefix, _)| !prefix.is_empty()).find_map(|(prefix, namespace)| {
        let local = iri.strip_prefix(namespace)?;
        let plain = !local.is_empty() && local.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        plain.then(|| format!("{prefix}:{local}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_namespace_is_an_iri_and_every_prefix_is_defined_once() {
        let mut seen = std::collections::HashSet::new();
        for (prefix, namespace) in all() {
            assert!(oxigraph::model::NamedNode::new(namespace).is_ok(), "{namespace}");
            assert!(seen.insert(prefix), "{prefix} twice");
        }
    }

    #[test]
    fn iris_are_shortened_only_where_they_can_be_written_so() {
        assert_eq!(compact("https://id.kb.se/vocab/Person").as_deref(), Some("kbv:Person"));
        assert_eq!(compact("https://id.kb.se/term/sao/Historiker").as_deref(), Some("sao:Historiker"));
        assert_eq!(compact("https://id.kb.se/term/sao/a/b"), None);
        assert_eq!(compact("https://id.kb.se/vocab/"), None);
    }
}
