//! The settings of a source, and their check.

use serde::Deserialize;

use super::error::ConfigError;
use crate::oai::{MetadataPrefix, SetSpec};
use crate::rdf::PayloadFormat;

/// `[sources.NAME]`: an OAI-PMH list that is mirrored.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// The base URL.
    pub url: String,
    /// The set, or everything.
    pub set: Option<String>,
    /// The metadata prefix.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// The format of the payloads, if the prefix does not tell it: `rdfxml`, `ttl` or `jsonld`.
    pub format: Option<String>,
    /// The URL of the JSON-LD context.
    pub context: Option<String>,
    /// Whether it is harvested when no source is named.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn default_prefix() -> String {
    "rdfxml".to_owned()
}

fn yes() -> bool {
    true
}

/// A source that was checked.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name in this mirror.
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

impl SourceSettings {
    /// Checks the settings of one source.
    pub fn check(&self, name: &str) -> Result<Source, ConfigError> {
        let wrong = |key: &str, value: &str, problem: String| ConfigError::Value {
            key: format!("sources.{name}.{key}"),
            value: value.to_owned(),
            problem,
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
            return Err(ConfigError::Value {
                key: "sources".into(),
                value: name.into(),
                problem: "use letters, digits, '-', '_' and '.' for the name of a source".into(),
            });
        }
        let web = |key: &str, text: &str| match url::Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            Ok(_) => Err(wrong(key, text, "it must begin with http:// or https://".into())),
            Err(error) => Err(wrong(key, text, error.to_string())),
        };
        let set = self.set.as_deref().filter(|set| !set.is_empty());
        let format = match self.format.as_deref() {
            None => PayloadFormat::from_prefix(&self.prefix),
            Some("rdfxml") => PayloadFormat::RdfXml,
            Some("ttl") => PayloadFormat::Turtle,
            Some("jsonld") => PayloadFormat::JsonLd,
            Some(other) => return Err(wrong("format", other, "it is rdfxml, ttl or jsonld".into())),
        };
        Ok(Source {
            name: name.to_owned(),
            url: web("url", &self.url)?,
            set: set.map(SetSpec::new).transpose().map_err(|error| wrong("set", set.unwrap_or_default(), error.to_string()))?,
            prefix: MetadataPrefix::new(&self.prefix).map_err(|error| wrong("prefix", &self.prefix, error.to_string()))?,
            format,
            context: self.context.as_deref().filter(|url| !url.is_empty()).map(|url| web("context", url)).transpose()?,
        })
    }
}
