//! Made-up instances: books, e-books, audio books, serials, maps, music, films, with their works.

use super::dice::Dice;
use super::node::{Node, Value, iri};
use super::numbering::{identifier, is_work, person_before};
use super::shape::Shape;
use super::terms::{in_sao, in_term};
use super::words::{PLACES, PUBLISHERS, SUBJECTS, name};
use super::works::{self, Form, contribution, form, is_for_children, translated};

const KIND: [&str; 6] = [
    "en handbok",
    "en krönika",
    "minnen från \"den gamla tiden\"",
    "frågor & svar",
    "längd < 100 sidor",
    "urval och kommentarer",
];
/// Places and the countries they are in.
const ELSEWHERE: [(&str, &str); 8] = [
    ("Helsingfors", "fi"),
    ("Åbo", "fi"),
    ("Oslo", "no"),
    ("København", "dk"),
    ("Berlin", "gw"),
    ("London", "xxk"),
    ("New York", "xxu"),
    ("Paris", "fr"),
];
const SERIES: [&str; 5] = [
    "Skrifter från \"Sällskapet\" <utan namn>",
    "Norrländska studier",
    "Svenska småskrifter",
    "En bok för alla & envar",
    "Årsböcker i urval",
];
const FAMILY: [&str; 4] = ["Ågren", "Öberg", "Ek & Dal", "O'Brien"];

/// What makes the instance and the work of a record, drawn once.
struct Drawn {
    year: u64,
    subject: &'static str,
    kind: &'static str,
    place: &'static str,
    author: String,
    second: (&'static str, &'static str),
    pages: u64,
}

/// An instance with its work.
pub(super) fn instance(id: &str, number: u64, version: u32, shape: Shape, dice: &mut Dice) -> Node {
    let form = form(number);
    let drawn = Drawn {
        year: 1850 + dice.below(175),
        subject: dice.pick(&SUBJECTS),
        kind: dice.pick(&KIND),
        place: dice.pick(&PLACES),
        author: person_before(number, dice),
        second: name(dice),
        pages: 20 + dice.below(600),
    };
    // Discs and files are younger than paper.
    let year = if form.media == "Unmediated" { drawn.year } else { 1985 + drawn.year % 40 };
    let work = work(id, number, form, shape, &drawn, dice);
    let (place, country) = if dice.below(5) == 0 {
        ELSEWHERE[usize::try_from(dice.below(ELSEWHERE.len() as u64)).unwrap_or(0)]
    } else {
        (dice.pick(&PLACES), "sw")
    };
    let titled = if number % 5 == 2 { "{s} i {p}" } else { dice.pick(form.titles) };
    let publication = Node::blank("PrimaryPublication")
        .with("year", format!("{year}"))
        .with("country", iri(format!("https://id.kb.se/country/{country}")))
        .with("place", label("Place", place))
        .with("agent", label("Agent", dice.pick(&PUBLISHERS)));
    let title = Node::blank("Title")
        .with("mainTitle", title(titled, drawn.subject, drawn.place))
        .with("subtitle", format!("{} (nr {number}, upplaga {version})", drawn.kind));
    let number_of = match form.identifier {
        "ISBN" => format!("91{:07}X", number % 10_000_000),
        "ISSN" => format!("{:04}-{:04}", number / 10_000 % 10_000, number % 10_000),
        _ => format!("979-0-66{:06}", number % 1_000_000),
    };
    let mut node = shaped(id, number, form, shape)
        .with("hasTitle", title)
        .with("instanceOf", work)
        .with("publication", publication)
        .with("extent", label("Extent", format!("{} s.", drawn.pages)))
        .with("identifiedBy", Node::blank(form.identifier).with("value", number_of))
        .with("responsibilityStatement", format!("redaktör: {} & {}", dice.pick(&FAMILY), drawn.second.1))
        .with("sameAs", iri(format!("http://libris.kb.se/resource/bib/{}", 1_000_000 + number)));
    if is_in_series(number, form) {
        let series = label("Instance", dice.pick(&SERIES));
        node = node.with(
            "seriesMembership",
            Node::blank("SeriesMembership").with("inSeries", series).with("seriesEnumeration", format!("{}", dice.below(99))),
        );
    }
    if number % 8 == 1 && !number.is_multiple_of(3) && translated(number).is_none() {
        let address = format!("http://sv.wikipedia.org/wiki/{}_i_{}", drawn.subject, drawn.place).replace(' ', "_");
        node = node.with("relatedTo", Node::blank("Document").with("uri", Value::Typed(address, "anyURI")));
    }
    node
}

/// A title from its pattern. A subject within it has no capital, unless it is a name.
fn title(pattern: &str, subject: &str, place: &str) -> String {
    let within = if subject == "Älvdalen" { subject.to_owned() } else { subject.to_lowercase() };
    match pattern.strip_prefix("{s}") {
        Some(rest) => format!("{subject}{rest}"),
        None => pattern.replace("{s}", &within),
    }
    .replace("{p}", place)
}

/// Only where nothing else makes the record longer than real ones are.
fn is_in_series(number: u64, form: &Form) -> bool {
    number.is_multiple_of(3) && form.issuance == "Monograph" && translated(number).is_none()
}

fn label(class: &str, text: impl Into<Value>) -> Node {
    Node::blank(class).with("label", text)
}

/// The instance with what says its kind.
fn shaped(id: &str, number: u64, form: &Form, shape: Shape) -> Node {
    let it = format!("{id}#it");
    let rda = |term: &str| iri(in_term(&format!("rda/{term}")));
    match shape {
        Shape::Old => Node::named(it, if number.is_multiple_of(4) && !form.digital { "Instance" } else { form.old_instance })
            .with("mediaType", rda(form.media))
            .with("carrierType", rda(form.carrier))
            .with("issuanceType", iri(format!("https://id.kb.se/vocab/{}", form.issuance))),
        Shape::New => {
            // What was normalised first, in January 2026, has terms that were renamed since.
            let early = number.is_multiple_of(16) && matches!(form.carrier_form, "Print" | "EBook");
            let carrier_form = format!("{}/{}", if early { "ktg" } else { "saobf" }, form.carrier_form);
            Node::named(it, if form.digital { "DigitalResource" } else { "PhysicalResource" })
                .with("category", rda(form.carrier))
                .with("category", iri(in_term(&carrier_form)))
        }
    }
}

/// The work: usually a blank node, at times one with an IRI, or that of another record.
fn work(id: &str, number: u64, form: &Form, shape: Shape, drawn: &Drawn, dice: &mut Dice) -> Value {
    if number % 13 == 5
        && number % 5 != 2
        && (form.content, form.issuance) == ("Text", "Monograph")
        && let Some(shared) = work_before(number)
    {
        return iri(format!("{}#it", identifier(shared)));
    }
    let own = (number % 11 == 3).then(|| format!("{id}#work"));
    let role = match form.role {
        "author" if translated(number).is_some() => "translator",
        "author" if form.media == "Audio" => "narrator",
        "author" if is_for_children(number) => "illustrator",
        "composer" if form.media == "Audio" => "performer",
        "composer" => "lyricist",
        _ => "editor",
    };
    let (given, family) = drawn.second;
    let second = Node::blank("Person").with("givenName", given).with("familyName", family);
    let subject = if number.is_multiple_of(2) { "Historiker" } else { drawn.subject };
    let mut components = vec![iri(in_sao("Historia")), Node::blank("GeographicSubdivision").with("prefLabel", "Sverige").into()];
    if !is_in_series(number, form) {
        let century = format!("{}00-talet", drawn.year / 100);
        components.push(Node::blank("TemporalSubdivision").with("prefLabel", century).into());
    }
    let complex = Node::blank("ComplexSubject")
        .with("inScheme", iri("https://id.kb.se/term/sao"))
        .with("termComponentList", Value::List(components));
    let mut work = works::classified(own, number, form, shape, dice)
        .with("contribution", contribution("PrimaryContribution", iri(format!("{}#it", drawn.author)), form.role))
        .with("subject", iri(in_sao(subject)))
        .with("subject", complex);
    if !matches!(form.role, "publisher" | "cartographer") {
        work = work.with("contribution", contribution("Contribution", second, role));
    }
    work.into()
}

/// The last work authority before a record.
fn work_before(number: u64) -> Option<u64> {
    (number.saturating_sub(200)..number).rev().find(|candidate| is_work(*candidate))
}
