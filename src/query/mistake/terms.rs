//! Reads IRIs, names, labels of blank nodes, and literals.

use oxigraph::model::Literal;

use super::excerpt::brief;
use super::prefix;
use super::reader::{Read, Reader};
use super::tokens::{Kind, Token};
use super::wanted::Wanted;

impl Reader<'_> {
    /// Returns whether an IRI follows, in full or by a prefix.
    pub(super) fn is_iri(&self) -> bool {
        matches!(self.here.kind, Kind::Iri | Kind::Name)
    }

    /// Reads an IRI.
    pub(super) fn iri(&mut self, wanted: Wanted) -> Read {
        match self.here.kind {
            Kind::Iri => self.check_iri()?,
            Kind::Name => prefix::check(self)?,
            _ => return Err(wanted.into()),
        }
        self.advance();
        Ok(())
    }

    /// Reads the label of a blank node. A label may be used in only one basic graph pattern.
    pub(super) fn label(&mut self) -> Read {
        let label = self.written();
        if self.labels[1].contains(label) {
            let sentence = format!("the blank node `{}` was already used in another group", brief(label));
            return Err(self.stop(self.here, sentence, "use a variable: it may stand in several groups"));
        }
        self.labels[0].insert(label);
        self.advance();
        Ok(())
    }

    /// Begins another basic graph pattern for labels of blank nodes.
    pub(super) fn seal_labels(&mut self) {
        let sealed = std::mem::take(&mut self.labels[0]);
        self.labels[1].extend(sealed);
    }

    /// Begins the template of `CONSTRUCT`, which has its own blank nodes.
    pub(super) fn forget_labels(&mut self) {
        self.labels[0].clear();
    }

    /// Reads a string, its language tag or its datatype.
    pub(super) fn literal(&mut self) -> Read {
        self.string()?;
        if self.here.kind == Kind::Language {
            let tag = self.written().get(1..).unwrap_or_default();
            if Literal::new_language_tagged_literal("", tag).is_err() {
                let sentence = format!("`@{}` is not a language tag", brief(tag));
                return Err(self.stop(self.here, sentence, "a language tag is like @sv, @en or @sr-Latn"));
            }
            self.advance();
        } else if self.take_sign("^^") {
            self.iri(Wanted::Datatype)?;
        }
        Ok(())
    }

    /// Reads a string.
    pub(super) fn string(&mut self) -> Read {
        let text = self.written();
        let mut escapes = text.char_indices();
        while let Some((at, c)) = escapes.next() {
            if c != '\\' {
                continue;
            }
            let digits = match escapes.next().map(|(_, c)| c) {
                Some('t' | 'b' | 'n' | 'r' | 'f' | '"' | '\'' | '\\') => continue,
                Some('u') => 4,
                Some('U') => 8,
                _ => 0,
            };
            let code = text.get(at + 2..at + 2 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
            if digits == 0 || code.and_then(char::from_u32).is_none() {
                let start = self.here.start + at;
                let sentence = "a backslash in a string must be followed by one of t b n r f \" ' \\ or by u and four digits";
                return Err(self.stop(Token { start, ..self.here }, sentence, "write `\\\\` for the backslash itself"));
            }
        }
        self.advance();
        Ok(())
    }
}
