//! The table that the program ships with, against records of both shapes and of other vocabularies.

use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::Quad;

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
