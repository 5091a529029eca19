//! The settings of a source, as they are written.

use serde::{Deserialize, Serialize};

use crate::config::error::ConfigError;

/// `[sources.NAME]`: what is mirrored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// How the source is read.
    #[serde(default)]
    pub kind: SourceKind,
    /// The base URL of an `oai-pmh` or `emm` source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The set of an `oai-pmh` source, or everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// The metadata prefix of an `oai-pmh` source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The format of the payloads of an `oai-pmh` source, if the prefix does not tell it: `rdfxml`, `ttl` or `jsonld`. The format
    /// of the documents of a `documents` source, if neither their names nor the server tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The URL of the JSON-LD context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// What an `emm` source dumps: `all`, `type:X`, `itemAndInstance:SIGEL`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selections: Vec<String>,
    /// Whether an `emm` source is downloaded in one answer in place of pages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub download: bool,
    /// Where an `emm` source serves the data of single entities, if not on the host of `url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entities: Option<String>,
    /// The documents of a `documents` source on the web.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// The documents of a `documents` source on this machine; patterns such as `data/*.ttl`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The media types that a `documents` source asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
    /// What becomes a record of a `documents` source: `document`, `graph` or `subject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// The least time between two harvests, such as `7d`, unless the source is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    /// Whether it is harvested when no source is named.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// How a source is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A list of an OAI-PMH 2.0 server.
    #[default]
    OaiPmh,
    /// Dumps and changes of an Entity Metadata Management API 1.0.
    Emm,
    /// RDF documents, on the web or on this machine.
    Documents,
}

impl SourceKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OaiPmh, Self::Emm, Self::Documents];

    /// Its name in the configuration and in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OaiPmh => "oai-pmh",
            Self::Emm => "emm",
            Self::Documents => "documents",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Default for SourceSettings {
    fn default() -> Self {
        Self {
            kind: SourceKind::OaiPmh,
            url: None,
            set: None,
            prefix: None,
            format: None,
            context: None,
            selections: Vec::new(),
            download: false,
            entities: None,
            urls: Vec::new(),
            files: Vec::new(),
            accept: None,
            split: None,
            every: None,
            enabled: true,
        }
    }
}

impl SourceSettings {
    /// A setting that sources of this kind do not have, with its value.
    pub(super) fn foreign(&self) -> Option<(&'static str, String)> {
        use SourceKind::{Documents, Emm, OaiPmh};
        let text = |text: &Option<String>| text.clone();
        let list = |list: &[String]| (!list.is_empty()).then(|| list.join(", "));
        let all: [(&[SourceKind], &'static str, Option<String>); 11] = [
            (&[OaiPmh, Emm], "url", text(&self.url)),
            (&[OaiPmh], "set", text(&self.set)),
            (&[OaiPmh], "prefix", text(&self.prefix)),
            (&[OaiPmh, Documents], "format", text(&self.format)),
            (&[Emm], "selections", list(&self.selections)),
            (&[Emm], "download", self.download.then(|| "true".to_owned())),
            (&[Emm], "entities", text(&self.entities)),
            (&[Documents], "urls", list(&self.urls)),
            (&[Documents], "files", list(&self.files)),
            (&[Documents], "accept", text(&self.accept)),
            (&[Documents], "split", text(&self.split)),
        ];
        all.into_iter().filter(|(kinds, ..)| !kinds.contains(&self.kind)).find_map(|(_, key, value)| Some((key, value?)))
    }
}

/// Makes errors that name a setting of a source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a>(pub(super) &'a str);

impl Field<'_> {
    pub(super) fn wrong(self, key: &str, value: &str, problem: String) -> ConfigError {
        ConfigError::Value { key: format!("sources.{}.{key}", self.0), value: value.to_owned(), problem }
    }

    /// An address on the web.
    pub(super) fn web(self, key: &str, text: &str) -> Result<url::Url, ConfigError> {
        match url::Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            Ok(_) => Err(self.wrong(key, text, "it must begin with http:// or https://".into())),
            Err(error) => Err(self.wrong(key, text, error.to_string())),
        }
    }

    /// The address that a source cannot do without.
    pub(super) fn base_url(self, settings: &SourceSettings) -> Result<url::Url, ConfigError> {
        match settings.url.as_deref() {
            Some(text) => self.web("url", text),
            None => Err(self.wrong("url", "", "it must be the address of the server".into())),
        }
    }

    /// The address of the JSON-LD context, if there is one.
    pub(super) fn context(self, settings: &SourceSettings) -> Result<Option<url::Url>, ConfigError> {
        settings.context.as_deref().filter(|url| !url.is_empty()).map(|url| self.web("context", url)).transpose()
    }
}
