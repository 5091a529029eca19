//! What a number of the catalogue stands for: its identifier, and what kind of record it is.

use super::dice::Dice;

/// Where Libris's records live.
const BASE: &str = "https://libris.kb.se/";
const ALPHABET: &[u8] = b"0123456789bcdfghjklmnpqrstvwxz";

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

/// Whether an authority is a work.
#[must_use]
pub fn is_work(number: u64) -> bool {
    number % 50 == 35 && !number.is_multiple_of(15)
}

fn is_person(number: u64) -> bool {
    is_authority(number) && !number.is_multiple_of(15) && number % 30 != 20 && !is_work(number)
}

/// A person of the catalogue before a record; the first ones made the most.
pub(super) fn person_before(number: u64, dice: &mut Dice) -> String {
    let people = dice.below(number / 5 + 1);
    let drawn = dice.below(people + 1) * 5;
    let person = (0..=drawn / 5).map(|back| drawn - back * 5).find(|candidate| is_person(*candidate));
    identifier(person.unwrap_or(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_records_have_the_same_identifier() {
        let names: std::collections::HashSet<String> = (0..50_000).map(identifier).collect();
        assert_eq!(names.len(), 50_000);
        assert!(names.iter().all(|name| name.len() == BASE.len() + 15));
    }

    #[test]
    fn a_person_is_found_before_every_record() {
        let people: Vec<String> = (0..500).filter(|number| is_person(*number)).map(identifier).collect();
        let mut dice = Dice(1);
        assert!((0..500).all(|number| people.contains(&person_before(number, &mut dice))));
    }
}
