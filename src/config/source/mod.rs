//! The settings of a source, and their check.

mod documents;
mod emm;
mod oai_pmh;
mod settings;

use std::time::Duration;

use super::error::ConfigError;

pub use documents::{DocumentsSource, STDIN, Split};
pub use emm::EmmSource;
pub use oai_pmh::OaiSource;
use settings::Field;
pub use settings::{SourceKind, SourceSettings};

/// A source that was checked.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name in this mirror.
    pub name: String,
    /// The least time between two harvests.
    pub every: Option<Duration>,
    /// Where its records come from.
    pub origin: SourceOrigin,
}

/// Where the records of a source come from.
#[derive(Debug, Clone)]
pub enum SourceOrigin {
    /// An OAI-PMH list.
    OaiPmh(OaiSource),
    /// Dumps and changes.
    Emm(EmmSource),
    /// Documents.
    Documents(DocumentsSource),
}

impl Source {
    /// How it is read.
    #[must_use]
    pub fn kind(&self) -> SourceKind {
        match &self.origin {
            SourceOrigin::OaiPmh(_) => SourceKind::OaiPmh,
            SourceOrigin::Emm(_) => SourceKind::Emm,
            SourceOrigin::Documents(_) => SourceKind::Documents,
        }
    }
}

impl SourceSettings {
    /// Checks the settings of one source.
    pub fn check(&self, name: &str) -> Result<Source, ConfigError> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
            return Err(ConfigError::Value {
                key: "sources".into(),
                value: name.into(),
                problem: "use letters, digits, '-', '_' and '.' for the name of a source".into(),
            });
        }
        let field = Field(name);
        if let Some((key, value)) = self.foreign() {
            let problem = format!("a source of kind {:?} has no such setting", self.kind.name());
            return Err(field.wrong(key, &value, problem));
        }
        let every = self.every.as_deref().map(|text| {
            humantime::parse_duration(text).map_err(|_| field.wrong("every", text, "it must be a time such as 7d or 12h".into()))
        });
        Ok(Source {
            name: name.to_owned(),
            every: every.transpose()?,
            origin: match self.kind {
                SourceKind::OaiPmh => SourceOrigin::OaiPmh(OaiSource::check(self, field)?),
                SourceKind::Emm => SourceOrigin::Emm(EmmSource::check(self, field)?),
                SourceKind::Documents => SourceOrigin::Documents(DocumentsSource::check(self, field)?),
            },
        })
    }
}
