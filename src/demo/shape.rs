//! The two shapes of Libris's data: that of 2025, and the type-normalised one that replaces it since January 2026.

use std::str::FromStr;

use super::dice::Dice;

/// The shape of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The class says what kind of work and instance it is, with `contentType`, `genreForm`, `mediaType`, `carrierType`.
    Old,
    /// The class says how it is issued and whether it can be touched; `category` says the rest.
    New,
}

/// Which shapes a catalogue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shapes {
    /// Only the old one.
    Old,
    /// Only the new one.
    New,
    /// About half of the records have either.
    #[default]
    Mixed,
}

impl Shapes {
    /// The shape of a record: the same each time.
    #[must_use]
    pub fn of(self, number: u64) -> Shape {
        match self {
            Self::Old => Shape::Old,
            Self::New => Shape::New,
            Self::Mixed if Dice(number ^ 0x0073_6861_7065).next().is_multiple_of(2) => Shape::Old,
            Self::Mixed => Shape::New,
        }
    }
}

impl FromStr for Shapes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "old" => Ok(Self::Old),
            "new" => Ok(Self::New),
            "mixed" => Ok(Self::Mixed),
            _ => Err("the shapes are old, new and mixed".into()),
        }
    }
}
