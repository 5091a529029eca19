//! The fields of a record as a librarian reads them, in that order. Pure: quads in, fields out.

use oxigraph::model::NamedOrBlankNodeRef;

use super::words::Words;
use crate::rdf::{Graph, Node};

/// A field with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its values, each once.
    pub values: Vec<Piece>,
}

/// A value: a text, and the IRI of what it names, if there is one. If the text is missing, the IRI must be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: Option<String>,
    /// The IRI.
    pub iri: Option<String>,
    /// What follows the text, such as a number in a series.
    pub after: String,
    /// Roles, which follow in brackets: texts and IRIs.
    pub roles: Vec<Piece>,
}

impl Piece {
    fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), iri: None, after: String::new(), roles: Vec::new() }
    }
}

/// Returns the fields of the entity that a record describes.
#[must_use]
pub fn fields(graph: &Graph<'_>, main: Node<'_>, said: &Words) -> Vec<Field> {
    let works: Vec<Node<'_>> =
        std::iter::once(main).chain(graph.nodes(main, "instanceOf").filter(|work| graph.describes(*work))).collect();
    let texts = |property: &str| literals(graph, &[main], property);
    let things = |properties: &[&str]| named(graph, &works, properties);
    let all = [
        (said.responsibility, texts("responsibilityStatement")),
        (said.contributors, contributors(graph, &works)),
        (said.publication, publications(graph, main)),
        (said.life_span, texts("lifeSpan")),
        (said.description, texts("description")),
        (said.extent, named(graph, &[main], &["extent"])),
        (said.series, series(graph, main)),
        (said.part_of, named(graph, &[main], &["isPartOf"])),
        (said.work, works_elsewhere(graph, main)),
        (said.language, things(&["language", "associatedLanguage"])),
        (said.genre, things(&["genreForm", "category"])),
        (said.subjects, things(&["subject"])),
        (said.classification, things(&["classification"])),
        (said.summary, things(&["summary"])),
        (said.notes, things(&["hasNote"])),
        (said.nationality, things(&["nationality"])),
        (said.variants, variants(graph, main)),
        (said.scope_note, texts("scopeNote")),
        (said.broader, things(&["broader"])),
        (said.narrower, things(&["narrower"])),
        (said.related, things(&["related"])),
        (said.scheme, things(&["inScheme"])),
        (said.identifiers, identifiers(graph, main)),
    ];
    let mut fields = Vec::new();
    for (name, values) in all {
        let mut distinct: Vec<Piece> = Vec::new();
        for value in values {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        if !distinct.is_empty() {
            fields.push(Field { name, values: distinct });
        }
    }
    fields
}

fn literals(graph: &Graph<'_>, of: &[Node<'_>], property: &str) -> Vec<Piece> {
    let values = of.iter().flat_map(|node| graph.values(*node, property).collect::<Vec<_>>());
    values
        .filter_map(|value| match value {
            oxigraph::model::Term::Literal(literal) => Some(Piece::text(literal.value().trim())),
            _ => None,
        })
        .collect()
}

/// Returns the name of a node: the name in this record, or its IRI, which may be looked up.
fn piece(graph: &Graph<'_>, node: Node<'_>) -> Option<Piece> {
    let label = graph.label(node);
    match node {
        NamedOrBlankNodeRef::NamedNode(name) => {
            Some(Piece { text: label, iri: Some(name.as_str().to_owned()), after: String::new(), roles: Vec::new() })
        }
        NamedOrBlankNodeRef::BlankNode(_) => label.map(Piece::text),
    }
}

fn named(graph: &Graph<'_>, of: &[Node<'_>], properties: &[&str]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (node, property) in of.iter().flat_map(|node| properties.iter().map(move |property| (*node, *property))) {
        pieces.extend(graph.nodes(node, property).filter_map(|value| piece(graph, value)));
        pieces.extend(literals(graph, &[node], property));
    }
    pieces
}

fn contributors(graph: &Graph<'_>, works: &[Node<'_>]) -> Vec<Piece> {
    let contributions = works.iter().flat_map(|work| graph.nodes(*work, "contribution").collect::<Vec<_>>());
    contributions
        .flat_map(|contribution| {
            let roles: Vec<Piece> = graph.nodes(contribution, "role").filter_map(|role| piece(graph, role)).collect();
            let agents: Vec<Piece> = graph.nodes(contribution, "agent").filter_map(|agent| piece(graph, agent)).collect();
            agents.into_iter().map(move |agent| Piece { roles: roles.clone(), ..agent })
        })
        .collect()
}

fn publications(graph: &Graph<'_>, main: Node<'_>) -> Vec<Piece> {
    let each = graph.nodes(main, "publication").chain(graph.nodes(main, "manufacture"));
    each.filter_map(|publication| {
        let label = |property| graph.nodes(publication, property).find_map(|node| graph.label(node));
        let text = |property| graph.text(publication, property).map(str::to_owned);
        let (place, agent) = (label("place"), label("agent"));
        let year = text("year").or_else(|| text("date")).or_else(|| text("startYear"));
        let before = [place, agent].into_iter().flatten().collect::<Vec<_>>().join(" : ");
        let whole = [Some(before).filter(|text| !text.is_empty()), year].into_iter().flatten().collect::<Vec<_>>().join(", ");
        (!whole.is_empty()).then(|| Piece::text(whole))
    })
    .collect()
}

fn series(graph: &Graph<'_>, main: Node<'_>) -> Vec<Piece> {
    let memberships = graph.nodes(main, "seriesMembership");
    memberships
        .flat_map(|membership| {
            let number = graph.text(membership, "seriesEnumeration").map_or(String::new(), |number| format!(" ; {number}"));
            let statement = graph.text(membership, "seriesStatement").map(Piece::text);
            let pieces: Vec<Piece> =
                graph.nodes(membership, "inSeries").filter_map(|series| piece(graph, series)).chain(statement).collect();
            pieces.into_iter().map(move |piece| Piece { after: number.clone(), ..piece })
        })
        .collect()
}

/// Returns the values of works that have a record of their own.
fn works_elsewhere(graph: &Graph<'_>, main: Node<'_>) -> Vec<Piece> {
    let works = graph
        .nodes(main, "instanceOf")
        .filter(|work| matches!(work, NamedOrBlankNodeRef::NamedNode(_)) && !graph.describes(*work));
    works.filter_map(|work| piece(graph, work)).collect()
}

fn variants(graph: &Graph<'_>, main: Node<'_>) -> Vec<Piece> {
    let nodes = graph.nodes(main, "hasVariant").filter_map(|variant| graph.label(variant).map(Piece::text));
    nodes.chain(literals(graph, &[main], "altLabel")).collect()
}

fn identifiers(graph: &Graph<'_>, main: Node<'_>) -> Vec<Piece> {
    let nodes = graph.nodes(main, "identifiedBy").chain(graph.nodes(main, "indirectlyIdentifiedBy"));
    nodes
        .filter_map(|node| {
            let value = graph.text(node, "value")?;
            let kind = graph.class(node).filter(|class| *class != "Identifier").or_else(|| graph.text(node, "typeNote"));
            Some(Piece::text(kind.map_or_else(|| value.to_owned(), |kind| format!("{kind} {value}"))))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::pages::words::Language;
    use oxigraph::io::{RdfFormat, RdfParser};
    use oxigraph::model::Quad;

    #[test]
    fn a_book_shows_what_a_catalogue_card_shows() {
        let turtle = r#"@prefix : <https://id.kb.se/vocab/> . @base <https://libris.kb.se/abc> .
            <> :mainEntity <#it> .
            <#it> a :PhysicalResource; :hasTitle [a :Title; :mainTitle "Fröken Julie"; :subtitle "ett naturalistiskt sorgespel"];
              :instanceOf [a :Text; :contribution [a :PrimaryContribution; :agent <https://libris.kb.se/x#it>; :role <https://id.kb.se/relator/author>];
                :subject <https://id.kb.se/term/sao/Historiker>; :genreForm <https://id.kb.se/term/saogf/Dramatik>];
              :publication [:place [:label "Stockholm"]; :agent [:label "Seelig"]; :year "1888"];
              :identifiedBy [a :ISBN; :value "91"], [a :Identifier; :typeNote "isni"; :value "7"]."#;
        let quads: Vec<Quad> =
            RdfParser::from_format(RdfFormat::Turtle).for_slice(turtle).collect::<Result<_, _>>().expect("valid Turtle");
        let graph = Graph::new(&quads);
        let main = graph.main_entity("https://libris.kb.se/abc").expect("it");
        let fields = fields(&graph, main, Language::English.words());
        let told: Vec<String> = fields
            .iter()
            .map(|field| {
                let values = field.values.iter().map(|piece| {
                    let said = |piece: &Piece| piece.text.clone().or_else(|| piece.iri.clone()).unwrap_or_default();
                    let roles: String = piece.roles.iter().map(|role| format!(" ({})", said(role))).collect();
                    format!("{}{roles}{}", said(piece), piece.after)
                });
                format!("{}: {}", field.name, values.collect::<Vec<_>>().join(" | "))
            })
            .collect();
        assert_eq!(
            told,
            [
                "Contributors: https://libris.kb.se/x#it (https://id.kb.se/relator/author)",
                "Published: Stockholm : Seelig, 1888",
                "Genre and form: https://id.kb.se/term/saogf/Dramatik",
                "Subjects: https://id.kb.se/term/sao/Historiker",
                "Identifiers: ISBN 91 | isni 7",
            ]
        );
    }
}
