//! Made-up works in both shapes: one table says of each form what says it before 2026, and what says it since.

use super::dice::Dice;
use super::node::{Node, Value, iri};
use super::shape::Shape;
use super::terms::in_term;

/// A form of publication, such as printed books or maps.
pub(super) struct Form {
    /// How many of a hundred bibliographic records have it.
    pub(super) share: u64,
    /// What says what kind of work it is.
    old_work: &'static str,
    new_work: &'static str,
    pub(super) content: &'static str,
    genres: &'static [&'static str],
    /// What says what kind of instance it is. Old data often says no more than `Instance`.
    pub(super) old_instance: &'static str,
    pub(super) digital: bool,
    pub(super) media: &'static str,
    pub(super) carrier: &'static str,
    pub(super) carrier_form: &'static str,
    pub(super) issuance: &'static str,
    pub(super) role: &'static str,
    /// Titles, with places for a subject `{s}` and a place `{p}`.
    pub(super) titles: &'static [&'static str],
    pub(super) identifier: &'static str,
}

const LITERATURE: [&str; 14] = [
    "saogf/Romaner",
    "saogf/Romaner",
    "saogf/Historiska romaner",
    "saogf/Deckare",
    "saogf/Polisromaner",
    "saogf/Noveller",
    "saogf/Lyrik",
    "saogf/Dramatik",
    "saogf/Fackböcker",
    "saogf/Handböcker",
    "saogf/Kokböcker",
    "saogf/Biografier",
    "saogf/Självbiografier",
    "saogf/Läromedel",
];
const FOR_CHILDREN: [&str; 4] = ["saogf/Bilderböcker", "saogf/Kapitelböcker", "barngf/Mysterier", "barngf/Rim och ramsor"];
const BOOK_TITLES: [&str; 5] = ["{s} i {p}", "{s} i {p}", "Boken om {s}", "Åter till {p}", "{s} och andra minnen från {p}"];

pub(super) const BOOK: Form = Form {
    share: 48,
    old_work: "Text",
    new_work: "Monograph",
    content: "Text",
    genres: &LITERATURE,
    old_instance: "Print",
    digital: false,
    media: "Unmediated",
    carrier: "Volume",
    carrier_form: "Print",
    issuance: "Monograph",
    role: "author",
    titles: &BOOK_TITLES,
    identifier: "ISBN",
};
const MUSIC: [&str; 4] = ["saogf/Visor", "saogf/Kammarmusik", "saogf/Folkmusik", "saogf/Musik"];

/// All of them; the shares add up to a hundred.
pub(super) const FORMS: [Form; 10] = [
    BOOK,
    Form {
        share: 12,
        old_instance: "Electronic",
        digital: true,
        media: "Computer",
        carrier: "OnlineResource",
        carrier_form: "EBook",
        ..BOOK
    },
    Form {
        share: 8,
        old_work: "Audio",
        content: "SpokenWord",
        old_instance: "Instance",
        media: "Audio",
        carrier: "AudioDisc",
        carrier_form: "SoundStorageMedium",
        ..BOOK
    },
    Form {
        share: 9,
        new_work: "Serial",
        genres: &["saogf/Tidskrifter", "saogf/Tidskrifter", "saogf/Dagstidningar"],
        issuance: "Serial",
        role: "publisher",
        titles: &["Tidskrift för {s}", "{p}s nyheter", "Meddelanden om {s}"],
        identifier: "ISSN",
        ..BOOK
    },
    Form {
        share: 6,
        old_work: "Cartography",
        content: "CartographicImage",
        genres: &["saogf/Kartor", "saogf/Sjökort"],
        old_instance: "Map",
        carrier: "Sheet",
        role: "cartographer",
        titles: &["Karta över {p}", "Sjökort: {p} med omnejd"],
        ..BOOK
    },
    Form {
        share: 5,
        old_work: "NotatedMusic",
        content: "NotatedMusic",
        genres: &MUSIC,
        role: "composer",
        titles: &["Tolv visor från {p}", "Sånger om {s}"],
        identifier: "ISMN",
        ..BOOK
    },
    Form {
        share: 4,
        old_work: "Music",
        content: "PerformedMusic",
        genres: &MUSIC,
        old_instance: "SoundRecording",
        media: "Audio",
        carrier: "AudioDisc",
        carrier_form: "SoundStorageMedium",
        role: "composer",
        titles: &["Spelmän från {p}", "Musik till {s}"],
        ..BOOK
    },
    Form {
        share: 4,
        old_work: "MovingImage",
        content: "TwoDimensionalMovingImage",
        genres: &["saogf/Spelfilmer", "saogf/Dokumentärfilmer"],
        old_instance: "VideoRecording",
        media: "Video",
        carrier: "Videodisc",
        carrier_form: "VideoStorageMedium",
        role: "director",
        titles: &["{s}: en film från {p}"],
        ..BOOK
    },
    Form {
        share: 2,
        new_work: "Collection",
        genres: &["saogf/Facklitteratur"],
        issuance: "Collection",
        titles: &["Handlingar om {s}"],
        ..BOOK
    },
    Form {
        share: 2,
        new_work: "Integrating",
        genres: &["saogf/Uppslagsverk"],
        old_instance: "Electronic",
        digital: true,
        media: "Computer",
        carrier: "OnlineResource",
        carrier_form: "EBook",
        issuance: "Integrating",
        titles: &["Databasen om {s}"],
        ..BOOK
    },
];

/// The form of a bibliographic record. Every number that ends with 2 or 7 is a printed book, for tests that need one.
pub(super) fn form(number: u64) -> &'static Form {
    let mut left = Dice(number ^ 0x666f_726d).below(100);
    let drawn = FORMS.iter().find(|form| {
        let found = left < form.share;
        left = left.saturating_sub(form.share);
        found
    });
    drawn.filter(|_| number % 5 != 2).unwrap_or(&FORMS[0])
}

/// Whether a work is for children.
pub(super) fn is_for_children(number: u64) -> bool {
    number % 9 == 1
}

/// Swedish more often than all others together.
const LANGUAGES: [&str; 20] = [
    "swe", "swe", "swe", "swe", "swe", "swe", "swe", "swe", "swe", "swe", "swe", "eng", "eng", "eng", "fin", "sme", "ger", "nor",
    "dan", "fre",
];
const ORIGINALS: [&str; 7] = ["eng", "eng", "eng", "fin", "ger", "nor", "fre"];

/// A translation is from the first language into the second.
pub(super) fn translated(number: u64) -> Option<&'static str> {
    (number % 7 == 3).then(|| Dice(number ^ 0x0066_726f_6d00).pick(&ORIGINALS))
}

/// A work with what classifies it: class, content, genres, audience, languages.
pub(super) fn classified(id: Option<String>, number: u64, form: &Form, shape: Shape, dice: &mut Dice) -> Node {
    let class = match shape {
        Shape::Old => form.old_work,
        Shape::New => form.new_work,
    };
    let (content_property, genre_property) = match shape {
        Shape::Old => ("contentType", "genreForm"),
        Shape::New => ("category", "category"),
    };
    let for_children = is_for_children(number) && form.role == "author";
    let genre = dice.pick(if for_children { &FOR_CHILDREN } else { form.genres });
    let language = dice.pick(&LANGUAGES);
    let original = translated(number);
    let language = if original.is_some() { "swe" } else { language };
    let mut work = Node { id, ..Node::blank(class) }
        .with(content_property, iri(in_term(&format!("rda/{}", form.content))))
        .with(genre_property, iri(in_term(genre)))
        .with("language", iri(format!("https://id.kb.se/language/{language}")));
    if for_children {
        work = work.with("intendedAudience", iri("https://id.kb.se/marc/Juvenile"));
    }
    if let Some(original) = original {
        let class = if shape == Shape::Old { "Work" } else { "Monograph" };
        let original = Node::blank(class).with("language", iri(format!("https://id.kb.se/language/{original}")));
        work = work.with("translationOf", original);
    }
    work
}

/// Who made something, and how.
pub(super) fn contribution(class: &str, agent: impl Into<Value>, role: &str) -> Node {
    Node::blank(class).with("agent", agent).with("role", iri(format!("https://id.kb.se/relator/{role}")))
}
