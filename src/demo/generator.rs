//! Made-up records of realistic shape and size: the same number always gives the same record.
//!
//! Every fifth is an authority, the others are instances of 50 to 70 triples with a work, in the shape that is asked for.
//! Names and titles carry å ä ö, quotes, `&` and `<`.

use super::dice::Dice;
use super::node::{Node, Value, iri};
use super::numbering::{identifier, is_authority};
use super::shape::{Shape, Shapes};
use super::{authorities, instances};

/// The description of a record in some version, in the shape that it has in a mixed catalogue.
#[must_use]
pub fn record(number: u64, version: u32, modified: &str) -> Vec<Node> {
    record_in(Shapes::Mixed.of(number), number, version, modified)
}

/// The description of a record in some version and shape: the document, and what it describes.
#[must_use]
pub fn record_in(shape: Shape, number: u64, version: u32, modified: &str) -> Vec<Node> {
    let id = identifier(number);
    let mut dice = Dice(number.wrapping_mul(0x1000_0000_01b3));
    let document = document(&id, number, version, modified, &mut dice);
    let describe = if is_authority(number) { authorities::thing } else { instances::instance };
    vec![document, describe(&id, number, version, shape, &mut dice)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_gives_the_same_record() {
        assert_eq!(record(42, 0, "2026-01-01T00:00:00Z"), record(42, 0, "2026-01-01T00:00:00Z"));
        assert_ne!(record(42, 0, "2026-01-01T00:00:00Z"), record(42, 1, "2026-01-01T00:00:00Z"));
    }
}
