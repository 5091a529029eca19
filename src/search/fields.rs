//! What a document of the index holds.

use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{SimpleTokenizer, TextAnalyzer};
use tantivy::{Index, TantivyDocument};

use super::facets::Facet;
use super::table::Described;
use super::words::sort_key;

/// Cuts folded text into the words that people type.
const TOKENIZER: &str = "words";

/// The fields of a document.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// The record's id in the log.
    pub(super) record: Field,
    /// The record's graph, to replace its document.
    pub(super) graph: Field,
    /// A hash of all that the document was made of.
    pub(super) hash: Field,
    /// All words, without identifiers.
    pub(super) text: Field,
    /// Words by what they are, with positions.
    pub(super) title: Field,
    pub(super) name: Field,
    pub(super) subject: Field,
    /// Identifiers, each one word.
    pub(super) identifier: Field,
    /// The words of the label, as they are sorted.
    pub(super) heading: Field,
    /// The order of equally good matches: see [`rank`].
    pub(super) rank: Field,
    pub(super) year: Field,
    /// Hashes of the IRIs of what the record describes, of what it refers to, and of its broader terms.
    pub(super) entity: Field,
    pub(super) refers: Numbers,
    /// Hashes of the IRIs of those who made it.
    pub(super) agents: Numbers,
    pub(super) broader: Numbers,
    /// 1 if others may refer to it.
    pub(super) authority: Field,
    facets: [Field; Facet::ALL.len()],
}

/// A field of numbers that are looked up one by one, and that are read in a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    pub(super) field: Field,
    pub(super) name: &'static str,
}

/// The longest heading that is sorted by, in characters.
const LONGEST_HEADING: usize = 120;

impl Fields {
    pub(super) fn schema() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let words = |option| {
            let indexing = TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_fieldnorms(false);
            TextOptions::default().set_indexing_options(indexing.set_index_option(option))
        };
        let number = || NumericOptions::default().set_fast();
        let mut numbers = |name| Numbers { field: schema.add_u64_field(name, INDEXED | FAST), name };
        let (refers, agents, broader) = (numbers("refers"), numbers("agents"), numbers("broader"));
        let fields = Self {
            record: schema.add_u64_field("record", FAST),
            graph: schema.add_text_field("graph", STRING),
            hash: schema.add_i64_field("hash", FAST),
            text: schema.add_text_field("text", words(IndexRecordOption::Basic)),
            title: schema.add_text_field("title", words(IndexRecordOption::WithFreqsAndPositions)),
            name: schema.add_text_field("name", words(IndexRecordOption::WithFreqsAndPositions)),
            subject: schema.add_text_field("subject", words(IndexRecordOption::WithFreqsAndPositions)),
            identifier: schema.add_text_field("identifier", words(IndexRecordOption::Basic)),
            heading: schema.add_text_field("heading", TextOptions::default().set_fast("raw")),
            rank: schema.add_u64_field("rank", number()),
            year: schema.add_i64_field("year", number()),
            entity: schema.add_u64_field("entity", INDEXED | FAST),
            refers,
            agents,
            broader,
            authority: schema.add_u64_field("authority", INDEXED),
            facets: Facet::ALL.map(|facet| schema.add_text_field(facet.field(), STRING | FAST)),
        };
        (schema.build(), fields)
    }

    pub(super) fn facet(&self, facet: Facet) -> Field {
        self.facets[facet.place()]
    }

    /// The document of a record.
    pub(super) fn document(&self, record: i64, graph: &str, source: &str, described: &Described) -> TantivyDocument {
        let Described { entry, heading, hash, facets, .. } = described;
        let mut document = TantivyDocument::new();
        document.add_u64(self.record, u64::try_from(record).unwrap_or_default());
        document.add_text(self.graph, graph);
        document.add_i64(self.hash, *hash);
        let words = &entry.words;
        let parts = [(self.title, &words.title), (self.title, heading), (self.name, &words.name), (self.subject, &words.subject)];
        for (field, text) in parts.into_iter().filter(|(_, text)| !text.is_empty()) {
            document.add_text(field, text);
            document.add_text(self.text, text);
        }
        document.add_text(self.identifier, &words.identifier);
        document.add_text(self.heading, sort_key(&heading.chars().take(LONGEST_HEADING).collect::<String>()));
        document.add_u64(self.rank, rank(&entry.label, entry.year));
        if let Some(year) = entry.year {
            document.add_i64(self.year, year);
            document.add_text(self.facet(Facet::Decade), (year.div_euclid(10) * 10).to_string());
        }
        for iri in [&entry.entity].into_iter().chain(&facets.aliases) {
            document.add_u64(self.entity, hash_of(iri));
        }
        for iri in &facets.refers {
            document.add_u64(self.refers.field, hash_of(iri));
        }
        for iri in &facets.agents {
            document.add_u64(self.agents.field, hash_of(iri));
        }
        for iri in &facets.broader {
            document.add_u64(self.broader.field, hash_of(iri));
        }
        document.add_u64(self.authority, facets.authority.into());
        let values = [
            (Facet::Category, &facets.categories),
            (Facet::Language, &facets.languages),
            (Facet::Subject, &facets.subjects),
            (Facet::Link, &facets.links),
        ];
        for (facet, values) in values {
            for value in values {
                document.add_text(self.facet(facet), value);
            }
        }
        for (facet, value) in [(Facet::Kind, entry.kind.as_str()), (Facet::Source, source)] {
            if !value.is_empty() {
                document.add_text(self.facet(facet), value);
            }
        }
        document
    }
}

/// Registers how text is cut into words.
pub(super) fn prepare(index: &Index) {
    index.tokenizers().register(TOKENIZER, TextAnalyzer::from(SimpleTokenizer::default()));
}

/// An IRI in 48 bits. Two that share them, which ten million hardly do, cost a wrong match, and nothing else.
pub(super) fn hash_of(iri: &str) -> u64 {
    let mut hash = [0; 8];
    blake3::Hasher::new().update(iri.as_bytes()).finalize_xof().fill(&mut hash[..6]);
    u64::from_le_bytes(hash)
}

/// The order of equally good matches, the greatest first: the shorter label, then the newer.
fn rank(label: &str, year: Option<i64>) -> u64 {
    let shortness = 0xffff_u64.saturating_sub(label.chars().count() as u64);
    shortness << 16 | u64::try_from(year.unwrap_or_default()).unwrap_or_default().min(0xffff)
}
