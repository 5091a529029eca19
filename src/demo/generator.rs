//! Made-up records of realistic shape and size: the same number always gives the same record.
//!
//! Every fifth is an authority (a person, with links to every authority; a topic; an organisation), the others are
//! books of 50 to 70 triples with a blank-node work. Names and titles carry å ä ö, quotes, `&` and `<`.

use super::node::{Node, Value, iri};

/// Where Libris's records live.
const BASE: &str = "https://libris.kb.se/";
const ALPHABET: &[u8] = b"0123456789bcdfghjklmnpqrstvwxz";

const GIVEN: [&str; 12] =
    ["Åsa", "Selma", "Björn", "Märta", "Karin", "Östen", "Ragnhild", "Nils", "Ebba", "Gösta", "Ulla-Britt", "Sören"];
const FAMILY: [&str; 12] =
    ["Ågren", "Lindström", "Öberg", "Nyström", "Hägg", "Sjöblom", "Ek & Dal", "O'Brien", "Wärn", "Tranströmare", "Kvist", "Fält"];
const SUBJECT: [&str; 10] = [
    "Fjärilar",
    "Älvdalen",
    "Sjöfart",
    "Mjölk",
    "Vävning",
    "Isbrytare",
    "Trädgårdar",
    "Krig & fred",
    "Räkenskaper",
    "Lappländska dialekter",
];
const KIND: [&str; 6] = [
    "en handbok",
    "en krönika",
    "minnen från \"den gamla tiden\"",
    "frågor & svar",
    "längd < 100 sidor",
    "urval och kommentarer",
];
const PLACE: [&str; 6] = ["Stockholm", "Göteborg", "Umeå", "Malmö", "Växjö", "Östersund"];
const PUBLISHER: [&str; 6] = ["Norstedts", "Bonniers", "Ordfront", "Bokförlaget Åsnan", "Sjö & Land", "Umeå universitet"];

/// A small deterministic sequence (splitmix64), so that no record depends on another.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let place = usize::try_from(self.below(from.len() as u64)).unwrap_or(0);
        from.get(place).copied().unwrap_or_default()
    }
}

/// The identifier of a record: 15 of Libris's letters and digits.
#[must_use]
pub fn identifier(number: u64) -> String {
    let mut dice = Dice(number ^ 0x6c69_6272_6973);
    let letters = ALPHABET.len() as u64;
    let mut text: String = (0..8).map(|_| char::from(ALPHABET[usize::try_from(dice.below(letters)).unwrap_or(0)])).collect();
    // The number itself, so that no two are equal.
    let mut rest = number;
    for _ in 0..7 {
        text.push(char::from(ALPHABET[usize::try_from(rest % letters).unwrap_or(0)]));
        rest /= letters;
    }
    format!("{BASE}{text}")
}

/// Whether a record is an authority.
#[must_use]
pub fn is_authority(number: u64) -> bool {
    number.is_multiple_of(5)
}

/// The description of a record in some version: the document, and what it describes.
#[must_use]
pub fn record(number: u64, version: u32, modified: &str) -> Vec<Node> {
    let id = identifier(number);
    let mut dice = Dice(number.wrapping_mul(0x1000_0000_01b3));
    let document = document(&id, number, version, modified, &mut dice);
    let thing = match number % 15 {
        0 => topic(&id, version, &mut dice),
        5 if number.is_multiple_of(2) => organization(&id, number, version, &mut dice),
        _ if is_authority(number) => person(&id, number, version, &mut dice),
        _ => return vec![document, book(&id, number, version, &mut dice)],
    };
    vec![document, thing]
}

fn document(id: &str, number: u64, version: u32, modified: &str, dice: &mut Dice) -> Node {
    Node::named(id.to_owned(), "Record")
        .with("mainEntity", iri(format!("{id}#it")))
        .with("controlNumber", format!("{}", 1_000_000 + number))
        .with("created", Value::Typed(format!("{}-0{}-11T00:00:00+01:00", 1990 + dice.below(30), 1 + dice.below(9)), "dateTime"))
        .with("modified", Value::Typed(modified.to_owned(), "dateTime"))
        .with("recordStatus", iri(format!("https://id.kb.se/marc/{}", if version == 0 { "New" } else { "CorrectedOrRevised" })))
        .with("encodingLevel", iri("https://id.kb.se/marc/FullLevel"))
        .with("descriptionCreator", iri(format!("https://libris.kb.se/library/{}", dice.pick(&["NB", "S", "Li", "U"]))))
        .with(
            "sameAs",
            iri(format!("http://libris.kb.se/{}/{}", if is_authority(number) { "auth" } else { "bib" }, 1_000_000 + number)),
        )
}

fn name(dice: &mut Dice) -> (String, String) {
    (dice.pick(&GIVEN).to_owned(), dice.pick(&FAMILY).to_owned())
}

fn person(id: &str, number: u64, version: u32, dice: &mut Dice) -> Node {
    let (given, family) = name(dice);
    let born = 1800 + dice.below(190);
    let wiki = format!("{given}_{family}_({number})").replace(' ', "_");
    let mut node = Node::named(format!("{id}#it"), "Person")
        .with("givenName", given.as_str())
        .with("familyName", family.as_str())
        .with("lifeSpan", format!("{born}-{}", born + 30 + dice.below(60)))
        .with("nationality", iri("https://id.kb.se/nationality/e-sw---"))
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
    let label = dice.pick(&SUBJECT);
    Node::named(format!("{id}#it"), "Topic")
        .with("prefLabel", label)
        .with("inScheme", iri("https://id.kb.se/term/sao"))
        .with("altLabel", format!("{label}, i allmänhet"))
        .with("scopeNote", format!("Version {version}"))
        .with("broader", iri("https://id.kb.se/term/sao/Natur"))
        .with("closeMatch", iri(format!("http://id.loc.gov/authorities/subjects/sh{}", 85_000_000 + dice.below(100_000))))
}

fn organization(id: &str, number: u64, version: u32, dice: &mut Dice) -> Node {
    Node::named(format!("{id}#it"), "Organization")
        .with("name", format!("{} ({number})", dice.pick(&PUBLISHER)))
        .with("place", Node::blank("Place").with("label", dice.pick(&PLACE)))
        .with("description", format!("Förlag & bokhandel, version {version}"))
        .with("identifiedBy", Node::blank("VIAF").with("value", format!("{}", 20_000_000 + number)))
        .with("exactMatch", iri(format!("http://www.wikidata.org/entity/Q{}", 500_000 + number)))
}

fn label(class: &str, text: impl Into<Value>) -> Node {
    Node::blank(class).with("label", text)
}

fn book(id: &str, number: u64, version: u32, dice: &mut Dice) -> Node {
    let year = 1850 + dice.below(175);
    let (subject, kind, place) = (dice.pick(&SUBJECT), dice.pick(&KIND), dice.pick(&PLACE));
    let author = identifier(dice.below(number / 5 + 1) * 5);
    let (given, family) = name(dice);
    let pages = 20 + dice.below(600);
    let mut work = Node::blank("Text")
        .with("language", iri(format!("https://id.kb.se/language/{}", dice.pick(&["swe", "eng", "fin", "sme"]))))
        .with(
            "genreForm",
            iri(format!("https://id.kb.se/term/saogf/{}", dice.pick(&["Romaner", "Noveller", "Fackb%C3%B6cker", "Lyrik"]))),
        )
        .with(
            "contribution",
            Node::blank("PrimaryContribution")
                .with("agent", iri(format!("{author}#it")))
                .with("role", iri("https://id.kb.se/relator/author")),
        )
        .with(
            "contribution",
            Node::blank("Contribution")
                .with("agent", Node::blank("Person").with("givenName", given).with("familyName", family))
                .with("role", iri("https://id.kb.se/relator/editor")),
        )
        .with(
            "subject",
            iri(format!("https://id.kb.se/term/sao/{}", if number.is_multiple_of(2) { "Historiker" } else { "Natur" })),
        )
        .with(
            "subject",
            Node::blank("ComplexSubject").with("inScheme", iri("https://id.kb.se/term/sao")).with(
                "termComponentList",
                Value::List(vec![
                    iri("https://id.kb.se/term/sao/Historia"),
                    Node::blank("GeographicSubdivision").with("prefLabel", "Sverige").into(),
                    Node::blank("TemporalSubdivision").with("prefLabel", format!("{}00-talet", year / 100)).into(),
                ]),
            ),
        );
    // Only where nothing else makes the record longer than real ones are.
    if number % 9 == 1 {
        work = work.with("intendedAudience", iri("https://id.kb.se/marc/Juvenile"));
    }
    if number % 7 == 3 && !number.is_multiple_of(3) && number % 8 != 1 {
        let from = ["eng", "fin", "ger", "nor", "fre"][usize::try_from(number / 7 % 5).unwrap_or(0)];
        let original = Node::blank("Work").with("language", iri(format!("https://id.kb.se/language/{from}")));
        work = work.with("translationOf", original);
    }
    let publication = Node::blank("PrimaryPublication")
        .with("year", format!("{year}"))
        .with("country", iri("https://id.kb.se/country/sw"))
        .with("place", label("Place", place))
        .with("agent", label("Agent", dice.pick(&PUBLISHER)));
    let mut node = Node::named(format!("{id}#it"), "PhysicalResource")
        .with("category", iri("https://id.kb.se/term/rda/Volume"))
        .with("issuanceType", iri("https://id.kb.se/vocab/Monograph"))
        .with(
            "hasTitle",
            Node::blank("Title")
                .with("mainTitle", format!("{subject} i {place}"))
                .with("subtitle", format!("{kind} (nr {number}, upplaga {version})")),
        )
        .with("instanceOf", work)
        .with("publication", publication)
        .with("extent", label("Extent", format!("{pages} s.")))
        .with("identifiedBy", Node::blank("ISBN").with("value", format!("91{:07}X", number % 10_000_000)))
        .with("responsibilityStatement", format!("redaktör: {} & {}", dice.pick(&FAMILY), dice.pick(&FAMILY)))
        .with("sameAs", iri(format!("http://libris.kb.se/resource/bib/{}", 1_000_000 + number)));
    if number.is_multiple_of(3) {
        let series = label("Instance", "Skrifter från \"Sällskapet\" <utan namn>");
        node = node.with(
            "seriesMembership",
            Node::blank("SeriesMembership").with("inSeries", series).with("seriesEnumeration", format!("{}", dice.below(99))),
        );
    }
    if number % 8 == 1 && !number.is_multiple_of(3) {
        let address = format!("http://sv.wikipedia.org/wiki/{subject}_i_{place}").replace(' ', "_");
        node = node.with("relatedTo", Node::blank("Document").with("uri", Value::Typed(address, "anyURI")));
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_gives_the_same_record_and_no_two_the_same_name() {
        assert_eq!(record(42, 0, "2026-01-01T00:00:00Z"), record(42, 0, "2026-01-01T00:00:00Z"));
        assert_ne!(record(42, 0, "2026-01-01T00:00:00Z"), record(42, 1, "2026-01-01T00:00:00Z"));
        let names: std::collections::HashSet<String> = (0..50_000).map(identifier).collect();
        assert_eq!(names.len(), 50_000);
        assert!(names.iter().all(|name| name.len() == BASE.len() + 15));
    }

    #[test]
    fn the_check_character_is_that_of_the_standard() {
        assert_eq!(isni_check("000000012146438"), 'X');
        assert_eq!(isni_check("000000010340748"), '8');
    }
}
