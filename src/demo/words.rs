//! The words that made-up records are put together from.

use super::dice::Dice;

const GIVEN: [&str; 12] =
    ["Åsa", "Selma", "Björn", "Märta", "Karin", "Östen", "Ragnhild", "Nils", "Ebba", "Gösta", "Ulla-Britt", "Sören"];
const FAMILY: [&str; 12] =
    ["Ågren", "Lindström", "Öberg", "Nyström", "Hägg", "Sjöblom", "Ek & Dal", "O'Brien", "Wärn", "Tranströmare", "Kvist", "Fält"];
/// What records are about.
pub(super) const SUBJECTS: [&str; 10] = [
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
/// Where most of them are published.
pub(super) const PLACES: [&str; 6] = ["Stockholm", "Göteborg", "Umeå", "Malmö", "Växjö", "Östersund"];
/// Who publishes them.
pub(super) const PUBLISHERS: [&str; 6] =
    ["Norstedts", "Bonniers", "Ordfront", "Bokförlaget Åsnan", "Sjö & Land", "Umeå universitet"];

/// A name: given and family.
pub(super) fn name(dice: &mut Dice) -> (&'static str, &'static str) {
    (dice.pick(&GIVEN), dice.pick(&FAMILY))
}
