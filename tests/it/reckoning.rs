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
    fn add<'a>(&mut self, group: impl IntoIterator<Item = &'a str>, member: &(impl ToString + ?Sized)) {
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
    match question {
        "03" | "06" | "15" | "16" => of_works(question, payloads).rows(),
        "04" => of_people(question, payloads).of_at_least(2),
        "05" => of_children(payloads),
        "07" | "11" | "12" | "17" | "22" => of_nodes(question, payloads),
        "13" | "21" => of_classes(question, payloads).rows(),
        "14" | "23" => of_people(question, payloads).rows(),
        "18" => of_instances(question, payloads).of_at_least(2),
        "24" => of_decades(payloads),
        _ => of_instances(question, payloads).rows(),
    }
}

/// The groups that an instance belongs to.
fn of_instances(question: &str, payloads: &Payloads) -> Groups {
    let mut groups = Groups::default();
    for (instance, work) in payloads.instances() {
        let it = &instance["@id"];
        let contents = all(work, &CONTENTS);
        let holds = |term: &str| contents.contains(&rda(term).as_str());
        let publications = values(instance, "publication").into_iter();
        match question {
            "01" => {
                let novel = |genre: &&str| payloads.broader(genre, &UP).contains("https://id.kb.se/term/saogf/Romaner");
                if all(work, &GENRES).iter().any(novel) {
                    publications.filter_map(|one| text(one, "year")).for_each(|year| groups.add([year], it));
                }
            }
            "02" | "09" => {
                let counts = if question == "02" { is_book(instance, work) } else { holds("SpokenWord") };
                let names = iris(work, "language").into_iter().filter_map(|language| payloads.name(language));
                names.filter(|_| counts).for_each(|name| groups.add([name], it));
            }
            "08" => {
                if is_issued_as(instance, work, "Serial") {
                    for decade in decades(instance) {
                        groups.add([decade.as_str()], it);
                    }
                }
            }
            "10" => {
                if is_book(instance, work) {
                    let carriers = all(instance, &CARRIERS).into_iter().filter(|one| is_defined_as(payloads, one, "CarrierType"));
                    carriers.filter_map(|carrier| payloads.name(carrier)).for_each(|name| groups.add([name], it));
                }
            }
            "18" => {
                for title in values(work, "hasTitle").into_iter().filter_map(|title| text(title, "mainTitle")) {
                    groups.add([work["@id"].as_str().expect("an IRI"), title], it);
                }
            }
            "19" => {
                if holds("CartographicImage") {
                    let places = publications.flat_map(|one| values(one, "place")).filter_map(|place| text(place, "label"));
                    places.for_each(|place| groups.add([place], it));
                }
            }
            "20" => {
                for content in contents.iter().filter(|content| is_defined_as(payloads, content, "ContentType")) {
                    if payloads.broader(content, &UP).contains("https://id.kb.se/term/saogf/Musik") {
                        groups.add(payloads.name(content), it);
                    }
                }
            }
            _ => panic!("nobody computes the answer to question {question}"),
        }
    }
    groups
}

/// Whether a term is defined as one of a class.
fn is_defined_as(payloads: &Payloads, term: &str, class: &str) -> bool {
    payloads.definitions.get(term).is_some_and(|one| is_a(one, class))
}

/// The groups that a work belongs to.
fn of_works(question: &str, payloads: &Payloads) -> Groups {
    let mut groups = Groups::default();
    for (key, work) in payloads.works() {
        match question {
            "03" => {
                let swedish = iris(work, "language").contains(&"https://id.kb.se/language/swe");
                let originals = values(work, "translationOf").into_iter().flat_map(|original| iris(original, "language"));
                let names = originals.filter(|_| swedish).filter_map(|language| payloads.name(language));
                names.for_each(|name| groups.add([name], &key));
            }
            "06" => {
                let fiction = "https://id.kb.se/term/saogf/Sk%C3%B6nlitteratur";
                for genre in all(work, &GENRES).into_iter().filter(|genre| is_defined_as(payloads, genre, "GenreForm")) {
                    if payloads.broader(genre, &UP).contains(fiction) {
                        groups.add(payloads.name(genre), &key);
                    }
                }
            }
            _ => {
                for subject in iris(work, "subject") {
                    let nature = payloads.broader(subject, &["broader"]).contains("https://id.kb.se/term/sao/Natur");
                    match payloads.name(subject) {
                        Some(name) if question == "15" => groups.add([subject, name], &key),
                        Some(name) if nature => groups.add([name], &key),
                        _ => {}
                    }
                }
            }
        }
    }
    groups
}

/// The groups that are made by people.
fn of_people(question: &str, payloads: &Payloads) -> Groups {
    let mut groups = Groups::default();
    let people = people(payloads);
    if question == "14" {
        for (iri, person) in people {
            let names = iris(person, "nationality").into_iter().filter_map(|nationality| payloads.name(nationality));
            names.for_each(|name| groups.add([name], iri));
        }
        return groups;
    }
    // The works that count, each with what is counted.
    let (role, works): (&str, Vec<(String, &Value)>) = if question == "04" {
        let works = payloads.works().into_iter();
        ("author", works.filter(|(_, work)| work.get("translationOf").is_some()).collect())
    } else {
        let film = rda("TwoDimensionalMovingImage");
        let films = payloads.instances().into_iter().filter(|(_, work)| all(work, &CONTENTS).contains(&film.as_str()));
        ("director", films.map(|(instance, work)| (instance["@id"].to_string(), work)).collect())
    };
    let role = format!("https://id.kb.se/relator/{role}");
    for (key, work) in works {
        let contributions = values(work, "contribution").into_iter().filter(|one| iris(one, "role").contains(&role.as_str()));
        for contribution in contributions.filter(|one| question != "04" || is_a(one, "PrimaryContribution")) {
            for agent in iris(contribution, "agent") {
                let Some(person) = people.get(agent) else { continue };
                let names = if question == "04" { vec!["familyName"] } else { vec!["familyName", "givenName"] };
                let names = names.into_iter().map(|property| text(person, property).expect("a name"));
                groups.add([agent].into_iter().chain(names), &key);
            }
        }
    }
    groups
}

/// The classes of all that has a record, definitions included.
fn of_classes(question: &str, payloads: &Payloads) -> Groups {
    let mut groups = Groups::default();
    for thing in payloads.records.iter().map(|[_, thing]| thing).chain(payloads.definitions.values()) {
        let class = vocab(thing["@type"].as_str().expect("a class"));
        if question == "13" {
            if iris(thing, "exactMatch").iter().any(|item| item.starts_with("http://www.wikidata.org/entity/")) {
                groups.add([class.as_str()], &thing["@id"]);
            }
            continue;
        }
        let others = payloads.definitions.get(&class).map(|class| iris(class, "equivalentClass")).unwrap_or_default().into_iter();
        let bibframe = others.filter(|other| other.starts_with("http://id.loc.gov/ontologies/bibframe/"));
        bibframe.for_each(|other| groups.add([other], &thing["@id"]));
    }
    groups
}

/// How many books there are, how many of them for children, and what percentage that is.
fn of_children(payloads: &Payloads) -> Rows {
    let instances = payloads.instances().into_iter();
    let books: Vec<_> = instances.filter(|(instance, work)| is_book(instance, work)).collect();
    let juvenile = "http://id.loc.gov/vocabulary/maudience/juv";
    let young =
        |audience: &&str| payloads.definitions.get(*audience).is_some_and(|one| iris(one, "exactMatch").contains(&juvenile));
    let children = books.iter().filter(|(_, work)| iris(work, "intendedAudience").iter().any(young)).count();
    let percent = (200 * children + books.len()) / (2 * books.len());
    Rows::from([[books.len(), children, percent].map(|number| number.to_string()).to_vec()])
}

/// How many instances each decade has, and how many of them in digital form.
fn of_decades(payloads: &Payloads) -> Rows {
    let mut counts: BTreeMap<String, [u64; 2]> = BTreeMap::new();
    for (instance, _) in payloads.instances() {
        let way = [UP[0], UP[1], "closeMatch"];
        let digital = |carrier: &&str| payloads.broader(carrier, &way).contains("https://id.kb.se/term/saobf/DigitalForm");
        let digital = all(instance, &CARRIERS).iter().any(digital);
        for decade in decades(instance) {
            let count = counts.entry(decade).or_default();
            count[0] += 1;
            count[1] += u64::from(digital);
        }
    }
    counts.into_iter().map(|(decade, [all, digital])| vec![decade, all.to_string(), digital.to_string()]).collect()
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
            for country in iris(node, "country") {
                count(&[Some(country), name(country)]);
            }
        }
        "11" => {
            let class = node["@type"].as_str().filter(|class| payloads.is_below(class, "Work"));
            if let Some(class) = class {
                count(&[name(&vocab(class))]);
            }
        }
        "12" if node.get("agent").is_some() => {
            for role in iris(node, "role") {
                count(&[payloads.definitions.get(role).and_then(|role| text(role, "code")), name(role)]);
            }
        }
        "17" if is_a(node, "SeriesMembership") => {
            for series in values(node, "inSeries") {
                count(&[text(series, "label")]);
            }
        }
        "22" => {
            for identifier in values(node, "identifiedBy") {
                let class = identifier["@type"].as_str().filter(|class| payloads.is_below(class, "Identifier"));
                if let Some(class) = class {
                    count(&[name(&vocab(class))]);
                }
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
