//! The formats of reference managers, and documents in them.

use super::bibtex::{Keys, bibtex};
use super::csl::csl;
use super::model::Citation;
use super::ris::ris;

/// A format of reference managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CitationFormat {
    /// RIS, of Reference Manager: `.ris`.
    Ris,
    /// BibTeX: `.bib`.
    BibTex,
    /// CSL-JSON, of the Citation Style Language: `.csl.json`.
    Csl,
}

impl CitationFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ris, Self::BibTex, Self::Csl];

    /// The end of the name of a file.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Ris => "ris",
            Self::BibTex => "bib",
            Self::Csl => "csl.json",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Ris => "RIS",
            Self::BibTex => "BibTeX",
            Self::Csl => "CSL",
        }
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Ris => "application/x-research-info-systems",
            Self::BibTex => "application/x-bibtex",
            Self::Csl => "application/vnd.citationstyles.csl+json",
        }
    }

    /// Writes citations as one document.
    #[must_use]
    pub fn write(self, citations: &[Citation]) -> String {
        match self {
            Self::Ris => citations.iter().map(ris).collect(),
            Self::BibTex => {
                let mut keys = Keys::default();
                citations.iter().map(|citation| bibtex(citation, &mut keys)).collect::<Vec<_>>().join("\n")
            }
            Self::Csl => {
                let items: Vec<_> = citations.iter().map(csl).collect();
                serde_json::to_string_pretty(&items).unwrap_or_default() + "\n"
            }
        }
    }
}
