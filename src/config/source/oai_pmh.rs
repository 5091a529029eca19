//! A source of kind `oai-pmh`: a list of an OAI-PMH server.

use super::settings::{Field, SourceSettings};
use crate::config::error::ConfigError;
use crate::oai::{MetadataPrefix, SetSpec};
use crate::rdf::PayloadFormat;

/// An OAI-PMH list.
#[derive(Debug, Clone)]
pub struct OaiSource {
    /// The name of the source in this mirror.
    pub name: String,
    /// The base URL.
    pub url: url::Url,
    /// The set, or everything.
    pub set: Option<SetSpec>,
    /// The metadata prefix.
    pub prefix: MetadataPrefix,
    /// The format of the payloads.
    pub format: PayloadFormat,
    /// The URL of the JSON-LD context.
    pub context: Option<url::Url>,
}

/// The metadata prefix of a source that does not name one.
const PREFIX: &str = "rdfxml";

impl OaiSource {
    pub(super) fn check(settings: &SourceSettings, field: Field<'_>) -> Result<Self, ConfigError> {
        let set = settings.set.as_deref().filter(|set| !set.is_empty());
        let prefix = settings.prefix.as_deref().unwrap_or(PREFIX);
        let format = match settings.format.as_deref() {
            None => PayloadFormat::from_prefix(prefix),
            Some("rdfxml") => PayloadFormat::RdfXml,
            Some("ttl") => PayloadFormat::Turtle,
            Some("jsonld") => PayloadFormat::JsonLd,
            Some(other) => return Err(field.wrong("format", other, "it is rdfxml, ttl or jsonld".into())),
        };
        let wrong_set = |error: &dyn std::fmt::Display| field.wrong("set", set.unwrap_or_default(), error.to_string());
        Ok(Self {
            name: field.0.to_owned(),
            url: field.base_url(settings)?,
            set: set.map(SetSpec::new).transpose().map_err(|error| wrong_set(&error))?,
            prefix: MetadataPrefix::new(prefix).map_err(|error| field.wrong("prefix", prefix, error.to_string()))?,
            format,
            context: field.context(settings)?,
        })
    }
}
