//! A source of kind `emm`: dumps and changes of an Entity Metadata Management API.

use super::{Field, SourceKind, SourceSettings};
use crate::config::error::ConfigError;

/// Dumps and changes.
#[derive(Debug, Clone)]
pub struct EmmSource {
    /// The name of the source in this mirror.
    pub name: String,
    /// The address of the entry, such as `https://libris.kb.se/api/emm/`.
    pub url: url::Url,
    /// The selections that are dumped.
    pub selections: Vec<String>,
    /// Whether a dump is downloaded in one answer in place of pages.
    pub download: bool,
    /// Where the data of single entities is, in place of the host of `url`.
    pub entities: Option<url::Url>,
    /// The URL of the JSON-LD context, in place of the one that the dump names.
    pub context: Option<url::Url>,
}

impl EmmSource {
    /// The settings that it was checked from.
    #[must_use]
    pub fn settings(&self) -> SourceSettings {
        SourceSettings {
            kind: SourceKind::Emm,
            url: Some(self.url.to_string()),
            selections: self.selections.clone(),
            download: self.download,
            entities: self.entities.as_ref().map(ToString::to_string),
            context: self.context.as_ref().map(ToString::to_string),
            ..SourceSettings::default()
        }
    }

    pub(super) fn check(settings: &SourceSettings, field: Field<'_>) -> Result<Self, ConfigError> {
        if settings.selections.is_empty() {
            let problem = "name what is dumped, such as [\"type:Language\"] or [\"all\"]".into();
            return Err(field.wrong("selections", "[]", problem));
        }
        for selection in &settings.selections {
            let known = selection == "all"
                || ["type:", "itemAndInstance:"].iter().any(|start| {
                    let name = selection.strip_prefix(start).unwrap_or_default();
                    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, ':' | '/' | '-' | '_' | '.'))
                });
            if !known {
                return Err(field.wrong("selections", selection, "it is all, type:CLASS or itemAndInstance:SIGEL".into()));
            }
        }
        Ok(Self {
            name: field.0.to_owned(),
            url: field.base_url(settings)?,
            selections: settings.selections.clone(),
            download: settings.download,
            entities: settings.entities.as_deref().map(|url| field.web("entities", url)).transpose()?,
            context: field.context(settings)?,
        })
    }
}
