//! A source of kind `emm`: dumps and changes of an Entity Metadata Management API.

use super::{Field, SourceSettings};
use crate::config::ConfigError;

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
    /// The URL of the JSON-LD context, in place of the one that the dump names.
    pub context: Option<url::Url>,
}

impl EmmSource {
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
            context: field.context(settings)?,
        })
    }
}
