//! A source of kind `documents`: RDF documents on the web or on this machine.

use std::fs::File;
use std::sync::Arc;

use super::{Field, SourceKind, SourceSettings};
use crate::config::error::ConfigError;
use crate::rdf::DocumentFormat;

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
    pub format: Option<DocumentFormat>,
    /// The URL of the JSON-LD context.
    pub context: Option<url::Url>,
    /// What becomes a record.
    pub split: Split,
    /// Where standard input is kept while it is read; it is the document `-` of `files`.
    pub stdin: Option<Arc<File>>,
}

/// The name of standard input among files.
pub const STDIN: &str = "-";

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
            format: settings.format.as_deref().map(|name| format_of(name, field)).transpose()?,
            context: field.context(settings)?,
            split,
            stdin: None,
        })
    }

    /// Where the documents come from, for people: the first address, or the IRI below which files are named.
    #[must_use]
    pub fn address(&self) -> String {
        self.urls.first().map_or_else(|| self.name_of_file(""), ToString::to_string)
    }

    /// The IRI of a file: of the source's name, and of a path that does not depend on where the files lie on a machine.
    #[must_use]
    pub fn name_of_file(&self, path: &str) -> String {
        format!("document:{}/{path}", self.name)
    }

    /// The settings that it was made of.
    #[must_use]
    pub fn settings(&self) -> SourceSettings {
        SourceSettings {
            kind: SourceKind::Documents,
            urls: self.urls.iter().map(ToString::to_string).collect(),
            files: self.files.clone(),
            accept: self.accept.clone(),
            format: self.format.map(|format| format.name().to_owned()),
            context: self.context.as_ref().map(ToString::to_string),
            split: Some(self.split.name().to_owned()),
            ..SourceSettings::default()
        }
    }
}

fn format_of(name: &str, field: Field<'_>) -> Result<DocumentFormat, ConfigError> {
    let names = || DocumentFormat::ALL.map(DocumentFormat::name).join(", ");
    DocumentFormat::named(name).ok_or_else(|| field.wrong("format", name, format!("it is one of {}", names())))
}
