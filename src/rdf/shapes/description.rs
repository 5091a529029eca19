//! What a record says, whatever its vocabulary and shape.

use oxigraph::model::{NamedOrBlankNodeRef, Term};
use serde::Serialize;

use super::aspect::Aspect;
use super::table::Shapes;
use super::thing::{Name, Thing, choose};
use super::walk::{Walk, literal};
use crate::rdf::graph::{Graph, Node, last_part, node, short};

/// What a record says of what it describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// The IRI of what it describes, if that has one.
    pub entity: Option<String>,
    /// The code of its kind; its class, where no kind fits; empty where it has none.
    pub kind: String,
    /// Its names, a language each: its titles, else its names, else its labels.
    pub names: Vec<Name>,
    /// Other names and titles.
    pub variants: Vec<Name>,
    /// Who is responsible, in the words of the title page.
    pub responsibility: Vec<String>,
    /// Who made it, in the order of the record.
    pub contributors: Vec<Contributor>,
    /// Where, by whom and when it was published.
    pub publications: Vec<Publication>,
    /// The first year of publication.
    pub year: Option<i64>,
    /// The IRIs of all categories of the thing and of its work: category, genre, content, media, carrier, issuance.
    pub categories: Vec<String>,
    /// Genres and forms.
    pub genres: Vec<Thing>,
    /// What its work holds: text, music, images.
    pub contents: Vec<Thing>,
    /// Carriers and the like: what an instance is.
    pub carriers: Vec<Thing>,
    /// Languages.
    pub languages: Vec<Thing>,
    /// Subjects.
    pub subjects: Vec<Thing>,
    /// Classifications.
    pub classifications: Vec<Thing>,
    /// For whom it is meant.
    pub audiences: Vec<Thing>,
    /// Whether it is an instance of a work.
    pub is_instance: bool,
    /// The IRIs of agents, works and the parts of composed subjects: whose names find it.
    pub refers: Vec<String>,
    /// The works that it is an instance of and that have a record of their own.
    pub works: Vec<Thing>,
    /// Life span, or years of birth and death.
    pub life_span: Option<String>,
    /// Descriptions.
    pub descriptions: Vec<Name>,
    /// Summaries.
    pub summaries: Vec<Thing>,
    /// Notes.
    pub notes: Vec<Thing>,
    /// Notes on the scope of a term.
    pub scope_notes: Vec<Name>,
    /// Extent.
    pub extents: Vec<Thing>,
    /// Editions.
    pub editions: Vec<Thing>,
    /// Series.
    pub series: Vec<SeriesPart>,
    /// What it is a part of.
    pub part_of: Vec<Thing>,
    /// Nationalities.
    pub nationalities: Vec<Thing>,
    /// Broader terms, classes and properties.
    pub broader: Vec<Thing>,
    /// Narrower terms.
    pub narrower: Vec<Thing>,
    /// Related terms.
    pub related: Vec<Thing>,
    /// The schemes that it belongs to.
    pub schemes: Vec<Thing>,
    /// Identifiers.
    pub identifiers: Vec<Identifier>,
    /// The addresses of those who describe the same.
    pub same: Vec<String>,
    /// The addresses of those who describe something close.
    pub close: Vec<String>,
    /// The addresses where it can be read.
    pub online: Vec<String>,
}

/// Somebody who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contributor {
    /// Who.
    pub agent: Thing,
    /// As what.
    pub roles: Vec<Thing>,
    /// The code of the agent's kind, if this record says its class or its family name; otherwise empty.
    pub agent_kind: String,
    /// Whether this is the main contribution.
    pub primary: bool,
}

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Publication {
    /// Where.
    pub place: Option<Thing>,
    /// By whom.
    pub publisher: Option<Thing>,
    /// When, in the words of the record.
    pub date: Option<String>,
}

/// A series that it is part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeriesPart {
    /// The series.
    pub series: Thing,
    /// The number in it.
    pub number: Option<String>,
}

/// An identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identifier {
    /// What kind: `ISBN`; empty where the record does not say.
    pub kind: String,
    /// The identifier.
    pub value: String,
}

/// The most works of one instance that are read with it: a collection has several.
const MOST_WORKS: usize = 32;

impl Description {
    /// What a record says. Pure. `None` if the graph is empty.
    #[must_use]
    pub fn of(shapes: &Shapes, record: &str, graph: &Graph<'_>) -> Option<Self> {
        let walk = Walk::new(shapes, graph);
        walk.main(record).map(|main| Self::of_node(&walk, main))
    }

    fn of_node<'a>(walk: &Walk<'_, 'a>, main: Node<'a>) -> Self {
        let mut works = walk.nodes(&[main], Aspect::Work);
        works.truncate(MOST_WORKS);
        let both: Vec<Node<'a>> = std::iter::once(main).chain(works.iter().copied()).collect();
        let names = of_either(&both, |node| walk.names(node));
        let variants = walk.variants(main, &names);
        let is_instance = !works.is_empty();
        let publications = publications(walk, main);
        let categories = walk.all(&both, Aspect::Category);
        let literals = |aspect| -> Vec<Name> {
            walk.things(&[main], aspect).into_iter().filter(|thing| thing.iri.is_none()).flat_map(|thing| thing.names).collect()
        };
        let categories: Vec<String> = categories
            .into_iter()
            .filter_map(node)
            .filter_map(|node| match node {
                NamedOrBlankNodeRef::NamedNode(name) => Some(name.as_str().to_owned()),
                NamedOrBlankNodeRef::BlankNode(_) => None,
            })
            .collect();
        let elsewhere = |work: &&Node<'a>| matches!(work, NamedOrBlankNodeRef::NamedNode(_)) && !walk.graph.describes(**work);
        let bare = |work: &Node<'a>| {
            let NamedOrBlankNodeRef::NamedNode(name) = work else { return None };
            Some(Thing { iri: Some(name.as_str().to_owned()), names: Vec::new(), code: None })
        };
        Self {
            entity: match main {
                NamedOrBlankNodeRef::NamedNode(name) => Some(name.as_str().to_owned()),
                NamedOrBlankNodeRef::BlankNode(_) => None,
            },
            kind: kind(walk, &both, &categories, is_instance),
            variants,
            names,
            responsibility: walk.texts(&[main], Aspect::Responsibility).into_iter().map(str::to_owned).collect(),
            contributors: contributors(walk, &both),
            year: publications.iter().filter_map(|publication| publication.date.as_deref()).find_map(year),
            publications,
            categories,
            genres: walk.things(&both, Aspect::Genre),
            contents: walk.things(if is_instance { &both[1..] } else { &both }, Aspect::Content),
            carriers: if is_instance { walk.things(&[main], Aspect::Carrier) } else { Vec::new() },
            languages: walk.things(&both, Aspect::Language),
            subjects: walk.things(&both, Aspect::Subject),
            classifications: walk.things(&both, Aspect::Classification),
            audiences: walk.things(&both, Aspect::Audience),
            is_instance,
            refers: refers(walk, &both, &works),
            works: works.iter().filter(elsewhere).filter_map(bare).collect(),
            life_span: life_span(walk, main),
            descriptions: literals(Aspect::Description),
            summaries: walk.things(&both, Aspect::Summary),
            notes: walk.things(&both, Aspect::Note),
            scope_notes: literals(Aspect::ScopeNote),
            extents: walk.things(&[main], Aspect::Extent),
            editions: walk.things(&[main], Aspect::Edition),
            series: series(walk, main),
            part_of: walk.things(&[main], Aspect::PartOf),
            nationalities: walk.things(&[main], Aspect::Nationality),
            broader: walk.things(&[main], Aspect::Broader),
            narrower: walk.things(&[main], Aspect::Narrower),
            related: walk.things(&[main], Aspect::Related),
            schemes: walk.things(&[main], Aspect::Scheme),
            identifiers: identifiers(walk, main),
            same: addresses(walk, main, Aspect::Same),
            close: addresses(walk, main, Aspect::Close),
            online: addresses(walk, main, Aspect::Online).into_iter().filter(|address| address.starts_with("http")).collect(),
        }
    }

    /// Its name: in the first of these languages, else without one, else any.
    #[must_use]
    pub fn label(&self, languages: &[String]) -> Option<&str> {
        choose(&self.names, languages)
    }

    /// A second line for people: who, where published, life span, what about, scheme.
    #[must_use]
    pub fn detail(&self, languages: &[String]) -> String {
        let label = |thing: &Thing| thing.label(languages).map(str::to_owned);
        let responsible = self
            .responsibility
            .first()
            .cloned()
            .or_else(|| self.contributors.iter().find_map(|contributor| label(&contributor.agent)));
        let published = self.publications.first().map(|publication| {
            let Publication { place, publisher, date } = publication;
            let parts = [place.as_ref().and_then(label), publisher.as_ref().and_then(label), date.clone()];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        });
        let said = choose(&self.descriptions, languages).or_else(|| choose(&self.scope_notes, languages)).map(str::to_owned);
        let scheme = self.schemes.first().map(|scheme| scheme.label_or_iri(languages));
        let parts = [responsible, published, self.life_span.clone(), said, scheme];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

/// The IRIs of agents, works, and the parts of composed subjects.
fn refers<'a>(walk: &Walk<'_, 'a>, both: &[Node<'a>], works: &[Node<'a>]) -> Vec<String> {
    let contributions = walk.nodes(both, Aspect::Contribution);
    let agents = walk.nodes(&contributions, Aspect::Agent);
    let makers = [Aspect::Creator, Aspect::Contributor].into_iter().flat_map(|aspect| walk.nodes(both, aspect));
    let parts = walk.nodes(both, Aspect::Subject).into_iter().flat_map(|subject| walk.terms_of(subject));
    let all = agents.into_iter().chain(makers).chain(works.iter().copied()).chain(parts);
    all.filter_map(|node| match node {
        NamedOrBlankNodeRef::NamedNode(name) => Some(name.as_str().to_owned()),
        NamedOrBlankNodeRef::BlankNode(_) => None,
    })
    .collect()
}

/// What the first of some nodes has of it.
fn of_either<'a, T>(nodes: &[Node<'a>], find: impl Fn(Node<'a>) -> Vec<T>) -> Vec<T> {
    nodes.iter().map(|node| find(*node)).find(|found| !found.is_empty()).unwrap_or_default()
}

fn kind<'a>(walk: &Walk<'_, 'a>, both: &[Node<'a>], categories: &[String], is_instance: bool) -> String {
    let terms = &walk.shapes.terms;
    let classes: Vec<&str> = both.iter().flat_map(|node| walk.classes(*node)).collect();
    let said = classes.iter().copied().chain(categories.iter().map(String::as_str)).filter_map(|iri| terms.get(iri));
    let known = walk.shapes.kinds.of(said, is_instance).map(str::to_owned);
    known.unwrap_or_else(|| classes.first().map(|class| short(class).to_owned()).unwrap_or_default())
}

/// The most roles of one contribution: each agent gets a copy of them.
const MOST_ROLES: usize = 16;

fn contributors<'a>(walk: &Walk<'_, 'a>, of: &[Node<'a>]) -> Vec<Contributor> {
    let mut found = Vec::new();
    for contribution in walk.nodes(of, Aspect::Contribution) {
        let mut roles = walk.things(&[contribution], Aspect::Role);
        roles.truncate(MOST_ROLES);
        let primary = walk.class_terms(contribution).any(|class| walk.shapes.primary.contains(&class));
        for value in walk.all(&[contribution], Aspect::Agent) {
            let agent_kind = agent_kind(walk, value);
            found.extend(walk.thing(value).map(|agent| Contributor { agent, roles: roles.clone(), agent_kind, primary }));
        }
    }
    // A property that names somebody says what they did.
    for (aspect, primary) in [(Aspect::Creator, true), (Aspect::Contributor, false)] {
        for (node, path) in of.iter().flat_map(|node| walk.shapes.paths(aspect).iter().map(move |path| (*node, path))) {
            let role = path.0.last().map(|step| walk.shapes.terms.iri(step.property).to_owned());
            let role = Thing { iri: role, names: Vec::new(), code: None };
            for value in walk.follow(node, path) {
                let (agent_kind, roles) = (agent_kind(walk, value), vec![role.clone()]);
                found.extend(walk.thing(value).map(|agent| Contributor { agent, roles, agent_kind, primary }));
            }
        }
    }
    found
}

/// The kind of an agent, as far as this record says.
fn agent_kind<'a>(walk: &Walk<'_, 'a>, value: &'a Term) -> String {
    match node(value) {
        Some(agent) if walk.text(agent, Aspect::FamilyName).is_some() => "person".to_owned(),
        Some(agent) => kind(walk, &[agent], &[], false),
        None => String::new(),
    }
}

fn publications<'a>(walk: &Walk<'_, 'a>, main: Node<'a>) -> Vec<Publication> {
    let nodes = walk.nodes(&[main], Aspect::Publication);
    let each = if nodes.is_empty() { vec![main] } else { nodes };
    let read = |node: Node<'a>| {
        let first = |aspect| walk.things(&[node], aspect).into_iter().next();
        let date = walk.text(node, Aspect::Year).map(str::to_owned);
        Publication { place: first(Aspect::Place), publisher: first(Aspect::Publisher), date }
    };
    let said = |publication: &Publication| *publication != Publication { place: None, publisher: None, date: None };
    each.into_iter().map(read).filter(said).collect()
}

/// The first four digits in a row, if they are a year.
fn year(date: &str) -> Option<i64> {
    let digits = date.as_bytes().windows(4).position(|window| window.iter().all(u8::is_ascii_digit))?;
    date.get(digits..digits + 4)?.parse().ok().filter(|year| (1000..2100).contains(year))
}

fn life_span<'a>(walk: &Walk<'_, 'a>, main: Node<'a>) -> Option<String> {
    let stated = walk.text(main, Aspect::LifeSpan).map(str::to_owned);
    stated.or_else(|| match (walk.text(main, Aspect::Birth), walk.text(main, Aspect::Death)) {
        (None, None) => None,
        (birth, death) => Some(format!("{}–{}", birth.unwrap_or_default(), death.unwrap_or_default())),
    })
}

fn series<'a>(walk: &Walk<'_, 'a>, main: Node<'a>) -> Vec<SeriesPart> {
    let mut found = Vec::new();
    for value in walk.all(&[main], Aspect::Series) {
        let Some(membership) = node(value) else {
            found.extend(walk.thing(value).map(|series| SeriesPart { series, number: None }));
            continue;
        };
        let number = walk.text(membership, Aspect::SeriesNumber).map(str::to_owned);
        let named = walk.things(&[membership], Aspect::InSeries).into_iter();
        let stated = walk.things(&[membership], Aspect::SeriesStatement);
        found.extend(named.chain(stated).map(|series| SeriesPart { series, number: number.clone() }));
    }
    found
}

fn identifiers<'a>(walk: &Walk<'_, 'a>, main: Node<'a>) -> Vec<Identifier> {
    let mut found = Vec::new();
    for path in walk.shapes.paths(Aspect::Identifier) {
        for value in walk.follow(main, path) {
            let Some(node) = node(value) else {
                let kind = path.0.last().map(|step| last_part(walk.shapes.terms.iri(step.property))).unwrap_or_default();
                found.extend(literal(value).map(|value| Identifier { kind, value: value.to_owned() }));
                continue;
            };
            let Some(value) = walk.text(node, Aspect::IdentifierValue) else { continue };
            let class = walk.classes(node).map(last_part).find(|class| class != "Identifier" && class != "PropertyValue");
            let stated = || walk.things(&[node], Aspect::IdentifierType).first().map(|kind| kind.label_or_iri(&[]));
            found.push(Identifier { kind: class.or_else(stated).unwrap_or_default(), value: value.to_owned() });
        }
    }
    found
}

fn addresses<'a>(walk: &Walk<'_, 'a>, main: Node<'a>, aspect: Aspect) -> Vec<String> {
    let each = walk.all(&[main], aspect).into_iter().filter_map(|value| match node(value) {
        Some(NamedOrBlankNodeRef::NamedNode(name)) => Some(name.as_str().to_owned()),
        Some(_) => None,
        None => literal(value).map(str::to_owned),
    });
    each.collect()
}
