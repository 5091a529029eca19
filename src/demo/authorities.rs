//! Made-up authorities: people with links to every authority, topics, organisations, and works that editions share.

use super::dice::Dice;
use super::node::{Node, Value, iri};
use super::numbering::{is_work, person_before};
use super::shape::Shape;
use super::terms::in_sao;
use super::words::{PLACES, PUBLISHERS, SUBJECTS, name};
use super::works;

/// Most people are Swedish.
const NATIONALITY: [&str; 8] = ["e-sw---", "e-sw---", "e-sw---", "e-fi---", "e-no---", "e-dk---", "e-gx---", "e-uk---"];

/// What an authority record describes.
pub(super) fn thing(id: &str, number: u64, version: u32, shape: Shape, dice: &mut Dice) -> Node {
    match number % 15 {
        0 => topic(id, version, dice),
        5 if number.is_multiple_of(2) => organization(id, number, version, dice),
        _ if is_work(number) => work(id, number, version, shape, dice),
        _ => person(id, number, version, dice),
    }
}

fn person(id: &str, number: u64, version: u32, dice: &mut Dice) -> Node {
    let (given, family) = name(dice);
    let born = 1800 + dice.below(190);
    let wiki = format!("{given}_{family}_({number})").replace(' ', "_");
    let nationality = Dice(number ^ 0x6e61_7469_6f6e).pick(&NATIONALITY);
    let mut node = Node::named(format!("{id}#it"), "Person")
        .with("givenName", given)
        .with("familyName", family)
        .with("lifeSpan", format!("{born}-{}", born + 30 + dice.below(60)))
        .with("nationality", iri(format!("https://id.kb.se/nationality/{nationality}")))
        .with("hasVariant", Node::blank("Person").with("name", format!("{family}, {}.", given.chars().next().unwrap_or('X'))))
        .with("description", format!("Författare, version {version}"));
    // Not every person has every link; together they use every shape that real records have.
    if number.is_multiple_of(2) {
        node = node.with("exactMatch", iri(format!("http://www.wikidata.org/entity/Q{}", 1000 + number)));
    } else if number % 7 == 5 {
        node = node.with("identifiedBy", Node::blank("WikidataID").with("value", format!("Q{}", 1000 + number)));
    }
    if !number.is_multiple_of(7) {
        node = node.with("identifiedBy", Node::blank("VIAF").with("value", format!("{}", 10_000_000 + number)));
    }
    if number.is_multiple_of(4) {
        let isni = format!("{:015}", 421_234_560_000 + number);
        node = node.with("identifiedBy", Node::blank("ISNI").with("value", format!("\n{isni}{}", isni_check(&isni))));
    }
    if number.is_multiple_of(4) || number % 7 == 5 {
        let address = format!("http://sv.wikipedia.org/wiki/{wiki}");
        node = node.with("isPrimaryTopicOf", Node::blank("Document").with("uri", Value::Typed(address, "anyURI")));
    }
    if number.is_multiple_of(8) {
        node = node.with("sameAs", iri(format!("http://dbpedia.org/resource/Person_{number}")));
    }
    if number.is_multiple_of(4) {
        node = node.with("closeMatch", iri(format!("http://id.loc.gov/authorities/names/n{}", 79_000_000 + number)));
    }
    node
}

/// The check character of an ISNI (ISO 7064, MOD 11-2).
fn isni_check(digits: &str) -> char {
    let sum = digits.chars().filter_map(|c| c.to_digit(10)).fold(0, |sum, digit| (sum + digit) * 2);
    match (12 - sum % 11) % 11 {
        10 => 'X',
        check => char::from_digit(check, 10).unwrap_or('0'),
    }
}

fn topic(id: &str, version: u32, dice: &mut Dice) -> Node {
    let label = dice.pick(&SUBJECTS);
    Node::named(format!("{id}#it"), "Topic")
        .with("prefLabel", label)
        .with("inScheme", iri("https://id.kb.se/term/sao"))
        .with("altLabel", format!("{label}, i allmänhet"))
        .with("scopeNote", format!("Version {version}"))
        .with("broader", iri(in_sao("Natur")))
        .with("closeMatch", iri(format!("http://id.loc.gov/authorities/subjects/sh{}", 85_000_000 + dice.below(100_000))))
}

fn organization(id: &str, number: u64, version: u32, dice: &mut Dice) -> Node {
    Node::named(format!("{id}#it"), "Organization")
        .with("name", format!("{} ({number})", dice.pick(&PUBLISHERS)))
        .with("place", Node::blank("Place").with("label", dice.pick(&PLACES)))
        .with("description", format!("Förlag & bokhandel, version {version}"))
        .with("identifiedBy", Node::blank("VIAF").with("value", format!("{}", 20_000_000 + number)))
        .with("exactMatch", iri(format!("http://www.wikidata.org/entity/Q{}", 500_000 + number)))
}

/// A work that several editions are instances of.
fn work(id: &str, number: u64, version: u32, shape: Shape, dice: &mut Dice) -> Node {
    let author = person_before(number, dice);
    let title = format!("Sagan om {}", dice.pick(&SUBJECTS).to_lowercase());
    works::classified(Some(format!("{id}#it")), number, &works::BOOK, shape, dice)
        .with("hasTitle", Node::blank("Title").with("mainTitle", title))
        .with("contribution", works::contribution("PrimaryContribution", iri(format!("{author}#it")), "author"))
        .with("description", format!("Verk, version {version}"))
        .with("exactMatch", iri(format!("http://www.wikidata.org/entity/Q{}", 900_000 + number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_character_is_that_of_the_standard() {
        assert_eq!(isni_check("000000012146438"), 'X');
        assert_eq!(isni_check("000000010340748"), '8');
    }
}
