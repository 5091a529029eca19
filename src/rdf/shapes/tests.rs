//! The table that the program ships with, against records of both shapes and of other vocabularies.

use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::Quad;
use proptest::prelude::*;

use super::{Description, Shapes};
use crate::rdf::Graph;

const IRI: &str = "https://libris.kb.se/fcrtpljz1qp2bdv";

fn described(turtle: &str) -> Description {
    let mut document = format!("@base <{IRI}> . ");
    for (prefix, namespace) in crate::rdf::prefixes::all() {
        document.push_str(&format!("@prefix {prefix}: <{namespace}> . "));
    }
    document.push_str(turtle);
    let parser = RdfParser::from_format(RdfFormat::Turtle).for_slice(&document);
    let quads: Vec<Quad> = parser.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{turtle}: {error}"));
    Description::of(&Shapes::standard(), IRI, &Graph::new(&quads)).expect("it describes something")
}

/// The kind of an instance with some classes and categories, and with a work that has others.
fn kind(instance: &str, work: &str) -> String {
    described(&format!("<> a kbv:Record; kbv:mainEntity <#it> . <#it> {instance}; kbv:instanceOf [ {work} ] .")).kind
}

#[test]
fn both_shapes_of_a_record_are_of_one_kind() {
    let print =
        ("a kbv:PhysicalResource; kbv:category kbrda:Volume, saobf:Print", "a kbv:PhysicalResource; kbv:category ktg:Print");
    let volume = "a kbv:Print; kbv:mediaType kbrda:Unmediated; kbv:carrierType kbrda:Volume";
    let old = |issuance: &str| format!("{volume}; kbv:issuanceType kbv:{issuance}");
    for (due, instance, work, new_instance, new_work) in [
        ("book", old("Monograph"), "a kbv:Text", print.0, "a kbv:Monograph; kbv:category kbrda:Text"),
        (
            "book",
            old("Monograph"),
            "a kbv:Text; kbv:contentType kbrda:Text, kbrda:StillImage",
            print.1,
            "a kbv:Monograph; kbv:category kbrda:Text, kbrda:StillImage",
        ),
        ("serial", old("Serial"), "a kbv:Text; kbv:contentType kbrda:Text", print.0, "a kbv:Serial; kbv:category kbrda:Text"),
        (
            "music",
            old("Monograph"),
            "a kbv:NotatedMusic; kbv:contentType kbrda:NotatedMusic",
            print.0,
            "a kbv:Monograph; kbv:category kbrda:NotatedMusic, kbrda:Text",
        ),
        ("map", old("Monograph"), "a kbv:Cartography", print.0, "a kbv:Monograph; kbv:category kbrda:CartographicImage"),
        ("picture", old("Monograph"), "a kbv:StillImage", print.0, "a kbv:Monograph; kbv:category kbrda:StillImage"),
        (
            "article",
            old("ComponentPart"),
            "a kbv:Text",
            "a kbv:PhysicalResource; kbv:category saobf:Print, saobf:ComponentPart",
            "a kbv:Monograph; kbv:category kbrda:Text",
        ),
        (
            "ebook",
            "a kbv:Electronic; kbv:carrierType kbrda:OnlineResource; kbv:issuanceType kbv:Monograph".into(),
            "a kbv:Text",
            "a kbv:DigitalResource; kbv:category saobf:EBook",
            "a kbv:Monograph; kbv:category kbrda:Text",
        ),
        (
            "sound",
            "a kbv:SoundRecording; kbv:issuanceType kbv:Monograph".into(),
            "a kbv:Audio",
            "a kbv:PhysicalResource; kbv:category kbrda:AudioDisc",
            "a kbv:Monograph; kbv:category kbrda:SpokenWord",
        ),
        (
            "film",
            "a kbv:VideoRecording".into(),
            "a kbv:MovingImage",
            "a kbv:PhysicalResource",
            "a kbv:Monograph; kbv:category kbrda:TwoDimensionalMovingImage",
        ),
        (
            "manuscript",
            "a kbv:Manuscript; kbv:issuanceType kbv:Monograph".into(),
            "a kbv:Text",
            "a kbv:PhysicalResource; kbv:category saobf:Handwritten",
            "a kbv:Monograph; kbv:category kbrda:Text",
        ),
        (
            "kit",
            "a kbv:Instance; kbv:issuanceType kbv:Monograph".into(),
            "a kbv:Kit",
            "a kbv:PhysicalResource",
            "a kbv:Monograph; kbv:category ktg:Kit",
        ),
        (
            "object",
            "a kbv:Instance".into(),
            "a kbv:Object",
            "a kbv:PhysicalResource",
            "a kbv:Monograph; kbv:category kbrda:ThreeDimensionalForm",
        ),
        (
            "integrating",
            "a kbv:Instance; kbv:issuanceType kbv:Integrating".into(),
            "a kbv:Work",
            "a kbv:PhysicalResource",
            "a kbv:Integrating",
        ),
        ("collection", old("Collection"), "a kbv:Text", print.0, "a kbv:Collection; kbv:category kbrda:Text"),
    ] {
        assert_eq!(kind(&instance, work), due, "as it was: {instance} / {work}");
        assert_eq!(kind(new_instance, new_work), due, "as it is: {new_instance} / {new_work}");
        // While a record is rewritten, its parts may have different shapes.
        assert_eq!(
            kind(&instance, &format!("{work}, {}", new_work.trim_start_matches("a "))),
            due,
            "mixed: {instance} / {new_work}"
        );
        let both = format!("{instance}; {new_instance}");
        assert_eq!(kind(&both, new_work), due, "mixed: {both} / {new_work}");
    }
}

#[test]
fn other_vocabularies_have_kinds_too() {
    for (due, classes) in [
        ("person", "kbv:Person"),
        ("person", "foaf:Person"),
        ("person", "<https://schema.org/Person>"),
        ("person", "mads:PersonalName, mads:Authority, skos:Concept"),
        ("person", "gndo:DifferentiatedPerson"),
        ("family", "kbv:Family"),
        ("organisation", "kbv:Organization"),
        ("library", "kbv:Library"),
        ("meeting", "kbv:Meeting"),
        ("jurisdiction", "kbv:Jurisdiction"),
        ("topic", "kbv:Topic"),
        ("topic", "gndo:SubjectHeadingSensoStricto"),
        ("complex-subject", "kbv:ComplexSubject"),
        ("place", "kbv:Geographic"),
        ("period", "kbv:Temporal"),
        ("genre", "kbv:GenreForm"),
        ("language", "schema:Language"),
        ("country", "schema:Country"),
        ("role", "bf:Role"),
        ("category", "bf:Content"),
        ("category", "kbv:CarrierForm"),
        ("class", "owl:Class"),
        ("property", "owl:DatatypeProperty, rdf:Property"),
        ("datatype", "rdfs:Datatype"),
        ("scheme", "kbv:TopicScheme"),
        ("concept", "skos:Concept"),
        ("work", "kbv:Monograph; kbv:category kbrda:Text"),
        ("work", "kbv:Text"),
        ("work", "bf:Work, bf:Text"),
        ("book", "schema:Book"),
        ("serial", "bibo:Journal"),
        ("text", "rdf:Alt; dct:type dcmitype:Text"),
        ("holding", "kbv:Item"),
        ("Boat", "kbv:Boat"),
        ("https://x.example/Boat", "<https://x.example/Boat>"),
    ] {
        assert_eq!(described(&format!("<#it> a {classes} .")).kind, due, "{classes}");
    }
    assert_eq!(
        kind("a bf:Instance, bf:Print; bf:issuance <http://id.loc.gov/vocabulary/issuance/mono>", "a bf:Work, bf:Text"),
        "book"
    );
}

#[test]
fn every_kind_has_a_name_in_both_languages_and_a_code_that_stays() {
    let shapes = Shapes::standard();
    for kind in shapes.kinds() {
        assert!(!kind.en.is_empty() && !kind.sv.is_empty(), "{kind:?}");
    }
    assert!(shapes.kinds().len() > 40);
}

/// What a book is, and how each part of its record is written: as until 2025, as since 2026, or in both ways.
#[derive(Debug, Clone)]
struct Book {
    content: &'static str,
    genre: &'static str,
    language: &'static str,
    title: String,
    shapes: [u8; 4],
}

fn books() -> impl Strategy<Value = Book> {
    let content = proptest::sample::select(vec!["Text", "NotatedMusic", "SpokenWord", "StillImage", "CartographicImage"]);
    let genre = proptest::sample::select(vec!["saogf:Romaner", "saogf:Lyrik", "barngf:Bilderb%C3%B6cker"]);
    let language = proptest::sample::select(vec!["swe", "eng", "fin"]);
    (content, genre, language, "[A-ZÅÄÖ][a-zåäö]{1,9}( [a-zåäö]{1,9}){0,3}", proptest::array::uniform4(0_u8..3))
        .prop_map(|(content, genre, language, title, shapes)| Book { content, genre, language, title, shapes })
}

impl Book {
    fn turtle(&self) -> String {
        let either = |part: usize, old: String, new: String| match self.shapes[part] {
            0 => old,
            1 => new,
            _ => format!("{old}; {new}"),
        };
        let Self { content, genre, language, title, .. } = self;
        let work = match *content {
            "SpokenWord" => "Audio",
            "CartographicImage" => "Cartography",
            content => content,
        };
        // A record that says in no way that it is a monograph is of another kind: its instance says so in the old shape.
        let instance = either(0, "a kbv:Print".into(), "a kbv:PhysicalResource; kbv:category saobf:Print".into());
        let carrier =
            either(1, "kbv:carrierType kbrda:Volume; kbv:issuanceType kbv:Monograph".into(), "kbv:category kbrda:Volume".into());
        let class = either(
            2,
            format!("a kbv:{work}; kbv:contentType kbrda:{content}"),
            format!("a kbv:Monograph; kbv:category kbrda:{content}"),
        );
        let form = either(3, format!("kbv:genreForm {genre}"), format!("kbv:category {genre}"));
        format!(
            "<> a kbv:Record; kbv:mainEntity <#it> . <#it> {instance}; {carrier}; kbv:hasTitle [a kbv:Title; kbv:mainTitle \"{title}\"];
             kbv:instanceOf [{class}; {form}; kbv:language lge:{language}] ."
        )
    }
}

proptest! {
    #[test]
    fn a_book_says_the_same_in_every_shape(book in books()) {
        let said = described(&book.turtle());
        let whole = described(&Book { shapes: [1; 4], ..book.clone() }.turtle());
        prop_assert_eq!(&said.kind, &whole.kind, "{}", book.turtle());
        prop_assert_eq!(said.label(&[]), Some(book.title.as_str()));
        let iris = |things: &[super::Thing]| things.iter().filter_map(|thing| thing.iri.clone()).collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(iris(&said.genres), iris(&whole.genres));
        prop_assert_eq!(iris(&said.languages), iris(&whole.languages));
        prop_assert_eq!(iris(&said.contents), iris(&whole.contents));
        let language = format!("https://id.kb.se/language/{}", book.language);
        prop_assert!(iris(&said.languages).contains(&language));
        let genre = book.genre.split_once(':').map(|(_, name)| name.to_owned()).unwrap_or_default();
        prop_assert!(iris(&said.genres).iter().all(|iri| iri.ends_with(&genre)) && said.genres.len() == 1);
    }
}

#[test]
fn everything_has_a_name_for_people() {
    let label = |turtle: &str| {
        let said = described(turtle);
        said.label(Shapes::standard().languages()).map(str::to_owned)
    };
    assert_eq!(
        label(r#"<> kbv:mainEntity <#it> . <#it> kbv:hasTitle [a kbv:VariantTitle; kbv:mainTitle "B"], [a kbv:Title; kbv:mainTitle "A"; kbv:subtitle "a"; kbv:partNumber "2"] ."#).as_deref(),
        Some("A. 2 : a")
    );
    assert_eq!(label(r#"<#it> kbv:familyName "Ågren"; kbv:givenName "Åsa" ."#).as_deref(), Some("Ågren, Åsa"));
    assert_eq!(label(r#"<#it> kbv:name "Elagabalus" ."#).as_deref(), Some("Elagabalus"));
    assert_eq!(label(r#"<#it> kbv:prefLabel "Fjärilar" ."#).as_deref(), Some("Fjärilar"));
    assert_eq!(
        label(r#"<#it> kbv:termComponentList (<https://id.kb.se/term/sao/Historia> [kbv:prefLabel "Sverige"]) ."#).as_deref(),
        Some("Historia -- Sverige")
    );
    assert_eq!(label("<> kbv:mainEntity <#it> ."), None);
    // A list with a cycle ends.
    let cycle = label("<#it> kbv:termComponentList _:a . _:a rdf:first <https://x.example/A>; rdf:rest _:a .");
    assert_eq!(cycle.map(|text| text.matches('A').count()), Some(16));
    let several = described(r#"<> a skos:Concept; skos:prefLabel "Ett"@sv, "One"@en-GB, "Uno"@it ."#);
    let in_language = |tag: &str| several.label(&[tag.to_owned()]).map(str::to_owned);
    assert_eq!([in_language("sv"), in_language("en"), in_language("it")].map(Option::unwrap_or_default), ["Ett", "One", "Uno"]);
}

#[test]
fn a_hostile_record_costs_no_more_than_its_length() {
    // Many contributions to one agent that has many names, and many roles for many agents.
    let number = 20_000;
    let mut turtle = String::from("<> kbv:mainEntity <#it> . <#it> a kbv:Print . ");
    for n in 0..number {
        turtle.push_str(&format!(
            "<#it> kbv:contribution [ kbv:agent <x:a> ]; kbv:subject <x:a> . <x:a> kbv:name \"{n}\"; kbv:prefLabel \"{n}\"; kbv:altLabel \"v{n}\" .
             <x:c> kbv:agent <x:a{n}>; kbv:role <x:r{n}> . "
        ));
    }
    turtle.push_str("<#it> kbv:contribution <x:c> .");
    let begun = std::time::Instant::now();
    let said = described(&turtle);
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(said.contributors.len() < 2100 && said.contributors.iter().all(|who| who.roles.len() <= 16));
}

#[test]
fn everything_that_has_a_name_is_found_with_it() {
    let turtle = r#"@prefix skos: <http://www.w3.org/2004/02/skos/core#> . <x:b> skos:prefLabel "B"@sv; skos:notation "b" .
        <x:a> skos:notation "a" . <x:c> skos:related <x:a> . [] skos:prefLabel "D" ."#;
    let parser = RdfParser::from_format(RdfFormat::Turtle).for_slice(turtle);
    let quads: Vec<Quad> = parser.collect::<Result<_, _>>().expect("valid Turtle");
    let graph = Graph::new(&quads);
    let told = |record: &str| -> Vec<String> {
        let subjects = super::Subject::all(&Shapes::standard(), record, &graph).into_iter();
        subjects.map(|subject| format!("{} {} {}", subject.iri, subject.names[0].text, subject.described)).collect()
    };
    // A code is no name. Who does not say what it describes describes all.
    assert_eq!(told("x:terms"), ["x:b B true"]);
    assert_eq!(told("x:a"), ["x:b B false"]);
    assert_eq!(told("x:b"), ["x:b B true"]);
}

#[test]
fn a_record_describes_what_it_says_or_what_most_is_said_of() {
    for (due, turtle) in [
        ("https://x.example/a", "<> foaf:primaryTopic <https://x.example/a> . <#it> a kbv:Person ."),
        (
            "https://x.example/a",
            "<https://x.example/doc> foaf:primaryTopic <https://x.example/a> . <https://x.example/a> a kbv:Person .",
        ),
        ("https://libris.kb.se/fcrtpljz1qp2bdv#it", "<#it> a kbv:Person . <> a kbv:Record ."),
        (
            "https://libris.kb.se/fcrtpljz1qp2bdv",
            "<> a skos:Concept; skos:broader <https://x.example/b> . <https://x.example/b> skos:prefLabel \"B\", \"C\"@en, \"D\"@sv .",
        ),
        (
            "https://x.example/b",
            "<https://x.example/a> a skos:Concept . <https://x.example/b> a skos:Concept; skos:broader <https://x.example/a> .",
        ),
        (
            "https://x.example/b",
            "<https://x.example/b> a skos:Concept; skos:notation \"b\" . <https://x.example/a> a skos:Concept . [] a skos:Concept; skos:notation \"1\", \"2\" .",
        ),
        (
            "https://x.example/a",
            "<https://x.example/a> skos:related <https://x.example/b> . <https://x.example/b> skos:related <https://x.example/a> .",
        ),
    ] {
        assert_eq!(described(turtle).entity.as_deref(), Some(due), "{turtle}");
    }
}
