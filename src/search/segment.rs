//! One segment of the index: the documents that a word, a phrase, a beginning or a value has.

use std::io;
use std::ops::Range;

use tantivy::columnar::StrColumn;
use tantivy::query::{EnableScoring, PhraseQuery, Query};
use tantivy::schema::{Field, IndexRecordOption, Term};
use tantivy::{DocSet, Searcher, SegmentReader, TERMINATED, TantivyError};

use super::bits::Bits;
use super::facets::Facet;
use super::fields::Fields;
use super::question::Clause;

/// The most words that a beginning stands for in one segment.
const MOST_ENDINGS: usize = 50_000;

/// The shortest beginning of an identifier that is looked up, in bytes, and the most identifiers that it stands for.
const SHORTEST_IDENTIFIER: usize = 4;
/// See [`SHORTEST_IDENTIFIER`].
const MOST_IDENTIFIERS: usize = 1000;

/// A segment.
pub(super) struct Segment {
    pub(super) reader: SegmentReader,
    pub(super) size: u32,
    /// What is not deleted, if anything is.
    alive: Option<Bits>,
    facets: Vec<Option<StrColumn>>,
    pub(super) headings: Option<StrColumn>,
}

/// What matches a clause.
pub(super) struct Matches {
    /// In words.
    pub(super) text: Bits,
    /// In words or identifiers.
    pub(super) own: Bits,
}

impl Segment {
    pub(super) fn new(reader: &SegmentReader) -> tantivy::Result<Self> {
        let size = reader.max_doc();
        let alive = reader.has_deletes().then(|| {
            let mut alive = Bits::none(size);
            reader.doc_ids_alive().for_each(|document| alive.insert(document));
            alive
        });
        let column = |name: &str| reader.fast_fields().str(name);
        let facets = Facet::ALL.iter().map(|facet| column(facet.field())).collect::<tantivy::Result<_>>()?;
        Ok(Self { reader: reader.clone(), size, alive, facets, headings: column("heading")? })
    }

    pub(super) fn facet(&self, facet: Facet) -> Option<&StrColumn> {
        self.facets.get(facet.place()).and_then(Option::as_ref)
    }

    /// All documents that are not deleted.
    pub(super) fn alive(&self) -> Bits {
        self.alive.clone().unwrap_or_else(|| Bits::all(self.size))
    }

    pub(super) fn keep_alive(&self, documents: &mut Bits) {
        if let Some(alive) = &self.alive {
            documents.and(alive);
        }
    }

    pub(super) fn none(&self) -> Bits {
        Bits::none(self.size)
    }

    /// Calls `found` with each document that has a term, deleted ones included.
    pub(super) fn each(&self, term: &Term, mut found: impl FnMut(u32)) -> tantivy::Result<()> {
        let inverted = self.reader.inverted_index(term.field())?;
        if let Some(mut postings) = inverted.read_block_postings(term, IndexRecordOption::Basic)? {
            while postings.block_len() > 0 {
                for document in postings.docs() {
                    found(*document);
                }
                postings.advance();
            }
        }
        Ok(())
    }

    /// The documents that have a word.
    pub(super) fn word(&self, field: Field, word: &str) -> tantivy::Result<Bits> {
        let mut documents = self.none();
        self.each(&Term::from_field_text(field, word), |document| documents.insert(document))?;
        Ok(documents)
    }

    /// The documents that have a number.
    pub(super) fn with_number(&self, field: Field, number: u64) -> tantivy::Result<Bits> {
        let mut documents = self.none();
        self.each(&Term::from_field_u64(field, number), |document| documents.insert(document))?;
        Ok(documents)
    }

    /// How many documents have a number, deleted ones included.
    pub(super) fn count_number(&self, field: Field, number: u64) -> tantivy::Result<u32> {
        Ok(self.reader.inverted_index(field)?.doc_freq(&Term::from_field_u64(field, number))?)
    }

    fn beginning(&self, field: Field, beginning: &str, most: usize, documents: &mut Bits) -> tantivy::Result<()> {
        let inverted = self.reader.inverted_index(field)?;
        let mut terms = inverted.terms().range().ge(beginning).lt(after(beginning)).into_stream()?;
        for _ in 0..most {
            if !terms.advance() {
                break;
            }
            let mut postings = inverted.read_block_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
            while postings.block_len() > 0 {
                for document in postings.docs() {
                    documents.insert(*document);
                }
                postings.advance();
            }
        }
        Ok(())
    }

    fn phrase(&self, searcher: &Searcher, field: Field, words: &[String], documents: &mut Bits) -> tantivy::Result<()> {
        let terms = words.iter().map(|word| Term::from_field_text(field, word)).collect();
        let weight = PhraseQuery::new(terms).weight(EnableScoring::disabled_from_searcher(searcher))?;
        let mut matching = weight.scorer(&self.reader, 1.0)?;
        while matching.doc() != TERMINATED {
            documents.insert(matching.doc());
            matching.advance();
        }
        Ok(())
    }

    /// The documents that match a clause by themselves.
    pub(super) fn clause(&self, searcher: &Searcher, fields: &Fields, clause: &Clause) -> tantivy::Result<Matches> {
        let (text, identifiers) = match clause {
            Clause::Word(word) => (self.word(fields.text, word)?, self.word(fields.identifier, word)?),
            Clause::Beginning(word) => {
                let (mut text, mut identifiers) = (self.none(), self.word(fields.identifier, word)?);
                self.beginning(fields.text, word, MOST_ENDINGS, &mut text)?;
                if word.len() >= SHORTEST_IDENTIFIER {
                    self.beginning(fields.identifier, word, MOST_IDENTIFIERS, &mut identifiers)?;
                }
                (text, identifiers)
            }
            Clause::Phrase(words) => {
                let mut text = self.none();
                for field in [fields.title, fields.name, fields.subject] {
                    self.phrase(searcher, field, words, &mut text)?;
                }
                (text.clone(), self.none())
            }
        };
        let mut own = identifiers;
        own.or(&text);
        Ok(Matches { text, own })
    }

    /// The documents that have what a clause says in one field.
    pub(super) fn clause_in(&self, searcher: &Searcher, field: Field, clause: &Clause) -> tantivy::Result<Bits> {
        let mut documents = self.none();
        match clause {
            Clause::Word(word) => return self.word(field, word),
            Clause::Beginning(word) => self.beginning(field, word, MOST_ENDINGS, &mut documents)?,
            Clause::Phrase(words) => self.phrase(searcher, field, words, &mut documents)?,
        }
        Ok(documents)
    }

    /// The places in the order of headings of those that begin so: first the ones that are called so.
    pub(super) fn headings_from(&self, beginning: &str) -> io::Result<(Range<u64>, Option<u64>)> {
        let Some(headings) = self.headings.as_ref().filter(|_| !beginning.is_empty()) else { return Ok((0..0, None)) };
        let place = |key: &str| {
            let found = headings.dictionary().term_ord_or_next(key)?;
            Ok::<_, io::Error>(match found {
                tantivy::columnar::TermOrdHit::Exact(place) | tantivy::columnar::TermOrdHit::Next(place) => place,
            })
        };
        let exact = headings.dictionary().term_ord(beginning)?;
        let end = headings.dictionary().num_terms() as u64;
        let range = place(beginning)?.min(end)..place(&after(beginning))?.min(end);
        Ok((range, exact))
    }

    /// The documents whose headings are in a range of places.
    pub(super) fn with_headings(&self, places: &Range<u64>) -> Bits {
        let mut documents = self.none();
        if let Some(headings) = self.headings.as_ref().filter(|_| !places.is_empty()) {
            let mut found = Vec::new();
            headings.ords().get_docids_for_value_range(places.start..=places.end - 1, 0..self.size, &mut found);
            for document in found {
                documents.insert(document);
            }
        }
        documents
    }

    /// The documents that have any of the values of a facet.
    pub(super) fn with_values(&self, field: Field, values: &[String]) -> tantivy::Result<Bits> {
        let mut documents = self.none();
        for value in values {
            self.each(&Term::from_field_text(field, value), |document| documents.insert(document))?;
        }
        Ok(documents)
    }
}

/// The end of what begins so.
fn after(beginning: &str) -> String {
    format!("{beginning}{}", char::MAX)
}

/// An error of reading a dictionary.
pub(super) fn unreadable(error: io::Error) -> TantivyError {
    error.into()
}
