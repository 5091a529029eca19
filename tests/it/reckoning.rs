//! The answers to the statistics questions, by loops over what the fake serves: the same questions as those of
//! `tests/fixtures/questions`, computed a second time and in another way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::payloads::{Payloads, iris, is_a, text, values, vocab, walk};

/// The rows of an answer, sorted.
pub type Rows = BTreeSet<Vec<String>>;

const GENRES: [&str; 2] = ["category", "genreForm"];
const CONTENTS: [&str; 2] = ["category", "contentType"];
const CARRIERS: [&str; 2] = ["category", "carrierType"];
const UP: [&str; 2] = ["broader", "broadMatch"];

fn rda(term: &str) -> String {
    format!("https://id.kb.se/term/rda/{term}")
}

fn all<'a>(node: &'a Value, properties: &[&str]) -> Vec<&'a str> {
    properties.iter().flat_map(|property| iris(node, property)).collect()
}

/// The members of groups, each counted once.
#[derive(Default)]
struct Groups(BTreeMap<Vec<String>, BTreeSet<String>>);

impl Groups {
    fn add<'a>(&mut self, group: impl IntoIterator<Item = &'a str>, member: impl ToString) {
        self.0.entry(group.into_iter().map(str::to_owned).collect()).or_default().insert(member.to_string());
    }

    /// A row for each group: what it is, and how many it has.
    fn rows(self) -> Rows {
        self.of_at_least(1)
    }

    fn of_at_least(self, least: usize) -> Rows {
        let groups = self.0.into_iter().filter(|(_, members)| members.len() >= least);
        groups
            .map(|(mut group, members)| {
                group.push(members.len().to_string());
                group
            })
            .collect()
    }
}

fn years(instance: &Value) -> Vec<&str> {
    values(instance, "publication").into_iter().filter_map(|publication| text(publication, "year")).collect()
}

fn decades(instance: &Value) -> Vec<String> {
    let primary = values(instance, "publication").into_iter().filter(|publication| is_a(publication, "PrimaryPublication"));
    primary.filter_map(|publication| Some(format!("{}0", &text(publication, "year")?[..3]))).collect()
}

/// Whether an instance is issued in this way, in either shape.
fn is_issued_as(instance: &Value, work: &Value, class: &str) -> bool {
    iris(instance, "issuanceType").contains(&vocab(class).as_str()) || is_a(work, class)
}

fn is_book(instance: &Value, work: &Value) -> bool {
    is_issued_as(instance, work, "Monograph") && all(work, &CONTENTS).contains(&rda("Text").as_str())
}

/// The people who have a record: their IRI, and they.
fn people(payloads: &Payloads) -> BTreeMap<&str, &Value> {
    let people = payloads.records.iter().filter(|[_, thing]| is_a(thing, "Person"));
    people.filter_map(|[_, person]| Some((person["@id"].as_str()?, person))).collect()
}

/// The answer to a question, by the number of its file.
pub fn answer(question: &str, payloads: &Payloads) -> Rows {
    let mut groups = Groups::default();
    let name = |iri: &str| payloads.name(iri).map(str::to_owned);
    let instances = payloads.instances();
    let works = payloads.works();
    match question {
        "01" => {
            for (instance, work) in &instances {
                let romaner = "https://id.kb.se/term/saogf/Romaner";
                if all(work, &GENRES).iter().any(|genre| payloads.broader(genre, &UP).contains(romaner)) {
                    years(instance).into_iter().for_each(|year| groups.add([year], &instance["@id"]));
                }
            }
        }
        "02" | "09" => {
            for (instance, work) in &instances {
                let spoken = all(work, &CONTENTS).contains(&rda("SpokenWord").as_str());
                if if question == "02" { is_book(instance, work) } else { spoken } {
                    iris(work, "language").into_iter().filter_map(name).for_each(|name| groups.add([&*name], &instance["@id"]));
                }
            }
        }
        "03" => {
            for (key, work) in &works {
                if iris(work, "language").contains(&"https://id.kb.se/language/swe") {
                    let originals = values(work, "translationOf").into_iter().flat_map(|original| iris(original, "language"));
                    originals.filter_map(name).for_each(|name| groups.add([&*name], key));
                }
            }
        }
        "04" => {
            let people = people(payloads);
            for (key, work) in works.iter().filter(|(_, work)| work.get("translationOf").is_some()) {
                for contribution in values(work, "contribution").into_iter().filter(|one| is_a(one, "PrimaryContribution")) {
                    let author = iris(contribution, "role").contains(&"https://id.kb.se/relator/author");
                    for agent in iris(contribution, "agent").into_iter().filter(|_| author) {
                        let family = people.get(agent).and_then(|person| text(person, "familyName"));
                        family.into_iter().for_each(|family| groups.add([agent, family], key));
                    }
                }
            }
            return groups.of_at_least(2);
        }
        "05" => {
            let books: Vec<_> = instances.iter().filter(|(instance, work)| is_book(instance, work)).collect();
            let juvenile = "http://id.loc.gov/vocabulary/maudience/juv";
            let young = |audience: &&str| {
                payloads.definitions.get(*audience).is_some_and(|one| iris(one, "exactMatch").contains(&juvenile))
            };
            let children = books.iter().filter(|(_, work)| iris(work, "intendedAudience").iter().any(young)).count();
            let percent = (200 * children + books.len()) / (2 * books.len());
            return Rows::from([[books.len(), children, percent].map(|number| number.to_string()).to_vec()]);
        }
        "06" => {
            let fiction = "https://id.kb.se/term/saogf/Sk%C3%B6nlitteratur";
            for (key, work) in &works {
                let genres = all(work, &GENRES).into_iter().filter(|genre| {
                    let defined = payloads.definitions.get(*genre).is_some_and(|one| is_a(one, "GenreForm"));
                    defined && payloads.broader(genre, &UP).contains(fiction)
                });
                genres.filter_map(name).for_each(|name| groups.add([&*name], key));
            }
        }
        "08" => {
            for (instance, _) in instances.iter().filter(|(instance, work)| is_issued_as(instance, work, "Serial")) {
                decades(instance).iter().for_each(|decade| groups.add([&**decade], &instance["@id"]));
            }
        }
        "10" => {
            for (instance, _) in instances.iter().filter(|(instance, work)| is_book(instance, work)) {
                let carriers = all(instance, &CARRIERS).into_iter();
                let carriers = carriers.filter(|one| payloads.definitions.get(*one).is_some_and(|one| is_a(one, "CarrierType")));
                carriers.filter_map(name).for_each(|name| groups.add([&*name], &instance["@id"]));
            }
        }
        "13" => {
            let defined = payloads.definitions.values();
            for thing in payloads.records.iter().map(|[_, thing]| thing).chain(defined) {
                if iris(thing, "exactMatch").iter().any(|item| item.starts_with("http://www.wikidata.org/entity/")) {
                    groups.add([&*vocab(thing["@type"].as_str().expect("a class"))], &thing["@id"]);
                }
            }
        }
        "14" => {
            for (iri, person) in people(payloads) {
                iris(person, "nationality").into_iter().filter_map(name).for_each(|name| groups.add([&*name], iri));
            }
        }
        "15" | "16" => {
            for (key, work) in &works {
                for subject in iris(work, "subject") {
                    let nature = payloads.broader(subject, &["broader"]).contains("https://id.kb.se/term/sao/Natur");
                    match (payloads.name(subject), question) {
                        (Some(name), "15") => groups.add([subject, name], key),
                        (Some(name), _) if nature => groups.add([name], key),
                        _ => {}
                    }
                }
            }
        }
        "18" => {
            for (instance, work) in &instances {
                for title in values(work, "hasTitle").into_iter().filter_map(|title| text(title, "mainTitle")) {
                    groups.add([work["@id"].as_str().expect("an IRI"), title], &instance["@id"]);
                }
            }
            return groups.of_at_least(2);
        }
        "19" => {
            for (instance, work) in &instances {
                if all(work, &CONTENTS).contains(&rda("CartographicImage").as_str()) {
                    let places = values(instance, "publication").into_iter().flat_map(|one| values(one, "place"));
                    places.filter_map(|place| text(place, "label")).for_each(|place| groups.add([place], &instance["@id"]));
                }
            }
        }
        "20" => {
            for (instance, work) in &instances {
                for content in all(work, &CONTENTS) {
                    let defined = payloads.definitions.get(content).is_some_and(|one| is_a(one, "ContentType"));
                    if defined && payloads.broader(content, &UP).contains("https://id.kb.se/term/saogf/Musik") {
                        groups.add(payloads.name(content), &instance["@id"]);
                    }
                }
            }
        }
        "21" => {
            let defined = payloads.definitions.values();
            for thing in payloads.records.iter().map(|[_, thing]| thing).chain(defined) {
                let class = payloads.definitions.get(&vocab(thing["@type"].as_str().expect("a class")));
                let others = class.map(|class| iris(class, "equivalentClass")).unwrap_or_default().into_iter();
                let bibframe = others.filter(|other| other.starts_with("http://id.loc.gov/ontologies/bibframe/"));
                bibframe.for_each(|other| groups.add([other], &thing["@id"]));
            }
        }
        "23" => {
            let people = people(payloads);
            for (instance, work) in &instances {
                let film = all(work, &CONTENTS).contains(&rda("TwoDimensionalMovingImage").as_str());
                for contribution in values(work, "contribution").into_iter().filter(|_| film) {
                    let director = iris(contribution, "role").contains(&"https://id.kb.se/relator/director");
                    for agent in iris(contribution, "agent").into_iter().filter(|_| director) {
                        let Some(person) = people.get(agent) else { continue };
                        let (family, given) = (text(person, "familyName"), text(person, "givenName"));
                        groups.add([agent, family.expect("a name"), given.expect("a name")], &instance["@id"]);
                    }
                }
            }
        }
        "24" => {
            let mut digital = Groups::default();
            for (instance, _) in &instances {
                let form = "https://id.kb.se/term/saobf/DigitalForm";
                let way = [UP[0], UP[1], "closeMatch"];
                let file = all(instance, &CARRIERS).iter().any(|carrier| payloads.broader(carrier, &way).contains(form));
                for decade in decades(instance) {
                    groups.add([&*decade], &instance["@id"]);
                    let _ = file && {
                        digital.add([&*decade], &instance["@id"]);
                        true
                    };
                }
            }
            let how_many = |decade: &Vec<String>| digital.0.get(decade).map_or(0, BTreeSet::len).to_string();
            let rows = groups.0.iter().map(|(decade, all)| vec![decade[0].clone(), all.len().to_string(), how_many(decade)]);
            return rows.collect();
        }
        _ => return of_nodes(question, payloads),
    }
    groups.rows()
}

/// The answers that every node of every record has a part in.
fn of_nodes(question: &str, payloads: &Payloads) -> Rows {
    let mut counts: BTreeMap<Vec<String>, u64> = BTreeMap::new();
    let mut count = |group: &[Option<&str>]| {
        if let Some(group) = group.iter().map(|part| part.map(str::to_owned)).collect() {
            *counts.entry(group).or_default() += 1;
        }
    };
    let name = |iri: &str| payloads.name(iri);
    let mut see = |node: &Value| match question {
        "07" if is_a(node, "PrimaryPublication") => {
            iris(node, "country").into_iter().for_each(|country| count(&[Some(country), name(country)]));
        }
        "11" => {
            let class = node["@type"].as_str().filter(|class| payloads.is_below(class, "Work"));
            class.into_iter().for_each(|class| count(&[name(&vocab(class))]));
        }
        "12" if node.get("agent").is_some() => {
            for role in iris(node, "role") {
                count(&[payloads.definitions.get(role).and_then(|role| text(role, "code")), name(role)]);
            }
        }
        "17" if is_a(node, "SeriesMembership") => {
            values(node, "inSeries").into_iter().for_each(|series| count(&[text(series, "label")]));
        }
        "22" => {
            for identifier in values(node, "identifiedBy") {
                let class = identifier["@type"].as_str().filter(|class| payloads.is_below(class, "Identifier"));
                class.into_iter().for_each(|class| count(&[name(&vocab(class))]));
            }
        }
        "07" | "12" | "17" => {}
        _ => panic!("nobody computes the answer to question {question}"),
    };
    payloads.records.iter().for_each(|[_, thing]| walk(thing, &mut see));
    counts
        .into_iter()
        .map(|(mut group, number)| {
            group.push(number.to_string());
            group
        })
        .collect()
}
