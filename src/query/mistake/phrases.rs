//! Phrases about the next token, for explanations.

use super::excerpt::brief;
use super::near;
use super::reader::{Fault, Reader};
use super::tokens::Kind;

impl Reader<'_> {
    /// Returns the next token in words.
    pub(super) fn found(&self) -> String {
        let text = brief(self.written());
        match self.here.kind {
            Kind::End => "the end of the query".to_owned(),
            Kind::Text | Kind::OpenText => format!("the string {text}"),
            Kind::Language => format!("the language tag `{text}`"),
            _ => format!("`{text}`"),
        }
    }

    /// Returns its text.
    pub(super) fn name(&self) -> String {
        brief(self.written())
    }

    /// Returns the text of the token before, for an example.
    pub(super) fn before(&self) -> String {
        brief(self.last.of(self.text))
    }

    /// Returns a mistake at the next token.
    #[expect(clippy::unnecessary_wraps, reason = "explanations are optional, and this one always exists")]
    pub(super) fn at_here(&self, sentence: impl Into<String>, hint: impl Into<String>) -> Option<Fault> {
        Some(self.fault(self.here, sentence, hint))
    }

    /// Explains a word that is near to one that may stand here.
    pub(super) fn mistyped(&self, known: &[&str]) -> Option<Fault> {
        if self.here.kind != Kind::Word || near::is_keyword(self.written()) {
            return None;
        }
        let near = near::nearest(self.written(), known)?;
        self.at_here(format!("`{}` is not a keyword of SPARQL", self.name()), format!("did you mean {near}?"))
    }
}
