//! The names of KBV and related vocabularies that the mirror uses.

use oxigraph::model::NamedNodeRef;

/// The namespace of KB's vocabulary.
pub const KBV: &str = "https://id.kb.se/vocab/";

macro_rules! terms {
    ($($name:ident = $iri:literal;)*) => { $(
        #[doc = concat!("`<", $iri, ">`")]
        pub const $name: NamedNodeRef<'static> = NamedNodeRef::new_unchecked($iri);
    )* };
}

terms! {
    RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
}
