//! A source of kind `documents`: RDF documents on the web or on this machine.

use super::{Field, SourceSettings};
use crate::config::ConfigError;

/// RDF documents.
#[derive(Debug, Clone)]
pub struct DocumentsSource {
    /// The name of the source in this mirror.
    pub name: String,
    /// Documents on the web.
    pub urls: Vec<url::Url>,
    /// Files, as patterns.
    pub files: Vec<String>,
    /// The media types that are asked for.
    pub accept: Option<String>,
    /// The format of documents whose names and servers do not tell it.
    pub format: Option<String>,
    /// The URL of the JSON-LD context.
    pub context: Option<url::Url>,
    /// What becomes a record.
    pub split: Split,
}

/// What becomes a record of the mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Each document.
    Document,
    /// Each named graph; the default graph is the document's.
    Graph,
    /// Each subject that is an IRI, with the blank nodes below it.
    Subject,
}

impl Split {
    /// Its name in the configuration and in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Graph => "graph",
            Self::Subject => "subject",
        }
    }
}

impl DocumentsSource {
    pub(super) fn check(settings: &SourceSettings, field: Field<'_>) -> Result<Self, ConfigError> {
        if settings.urls.is_empty() && settings.files.is_empty() {
            return Err(field.wrong("urls", "[]", "name the documents by urls or files".into()));
        }
        let split = match settings.split.as_deref() {
            None | Some("document") => Split::Document,
            Some("graph") => Split::Graph,
            Some("subject") => Split::Subject,
            Some(other) => return Err(field.wrong("split", other, "it is document, graph or subject".into())),
        };
        Ok(Self {
            name: field.0.to_owned(),
            urls: settings.urls.iter().map(|url| field.web("urls", url)).collect::<Result<_, _>>()?,
            files: settings.files.clone(),
            accept: settings.accept.clone(),
            format: settings.format.clone(),
            context: field.context(settings)?,
            split,
        })
    }
}
