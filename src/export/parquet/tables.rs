//! The tables and their columns. Pure.

use std::sync::{Arc, LazyLock};

use arrow_array::builder::{BooleanBuilder, Int32Builder, ListBuilder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use oxigraph::model::{NamedOrBlankNode, Quad, Term};

use crate::links::Link;
use crate::rdf::Description;
use crate::rdf::shapes::Thing;

/// A table of the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// A row for each triple of each record.
    Quads,
    /// A row for each record, deleted ones included.
    Records,
    /// A row for each link to another authority.
    Links,
}

impl Table {
    pub(super) const ALL: [Self; 3] = [Self::Quads, Self::Records, Self::Links];

    /// Its folder.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Quads => "quads",
            Self::Records => "records",
            Self::Links => "links",
        }
    }

    /// Its columns.
    pub(super) fn schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; 3]> = LazyLock::new(|| [quads(), records(), links()]);
        let [quads, records, links] = &*SCHEMAS;
        Arc::clone(match self {
            Self::Quads => quads,
            Self::Records => records,
            Self::Links => links,
        })
    }
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn maybe_text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn texts(name: &str) -> Field {
    Field::new(name, DataType::List(Arc::new(Field::new("element", DataType::Utf8, false))), false)
}

fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

fn quads() -> SchemaRef {
    let fields = ["graph", "subject", "predicate", "object", "object_kind"].map(text);
    schema(fields.into_iter().chain(["datatype", "language"].map(maybe_text)).collect())
}

fn records() -> SchemaRef {
    schema(vec![
        text("identifier"),
        Field::new("datestamp", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), true),
        Field::new("deleted", DataType::Boolean, false),
        Field::new("quarantined", DataType::Boolean, false),
        maybe_text("entity"),
        maybe_text("kind"),
        maybe_text("title"),
        Field::new("year", DataType::Int32, true),
        texts("languages"),
        texts("categories"),
        texts("genres"),
        texts("subjects"),
        texts("contributors"),
        texts("works"),
        texts("isbns"),
    ])
}

fn links() -> SchemaRef {
    let fields = ["identifier", "entity", "path", "property", "authority", "local_id", "iri"];
    schema(fields.map(text).into())
}

/// What is known of a record beside what it says.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) identifier: String,
    /// The datestamp of its source, in milliseconds since 1970.
    pub(super) datestamp: Option<i64>,
    pub(super) deleted: bool,
    pub(super) quarantined: bool,
}

/// Rows of `quads/`.
#[derive(Default)]
pub(super) struct Quads {
    texts: [StringBuilder; 5],
    datatype: StringBuilder,
    language: StringBuilder,
}

impl Quads {
    pub(super) fn push(&mut self, quad: &Quad) {
        let [graph, subject, predicate, object, kind] = &mut self.texts;
        graph.append_value(graph_of(quad));
        match &quad.subject {
            NamedOrBlankNode::NamedNode(node) => subject.append_value(node.as_str()),
            NamedOrBlankNode::BlankNode(node) => subject.append_value(format!("_:{}", node.as_str())),
        }
        predicate.append_value(quad.predicate.as_str());
        let (mut datatype, mut language) = (None, None);
        match &quad.object {
            Term::NamedNode(node) => {
                object.append_value(node.as_str());
                kind.append_value("iri");
            }
            Term::BlankNode(node) => {
                object.append_value(format!("_:{}", node.as_str()));
                kind.append_value("blank");
            }
            Term::Literal(literal) => {
                object.append_value(literal.value());
                kind.append_value("literal");
                datatype = Some(literal.datatype().as_str());
                language = literal.language();
            }
            #[expect(unreachable_patterns, reason = "terms of RDF 1.2, which no payload gives")]
            other => {
                object.append_value(other.to_string());
                kind.append_value("triple");
            }
        }
        self.datatype.append_option(datatype);
        self.language.append_option(language);
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let texts = self.texts.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
        let last: [ArrayRef; 2] = [Arc::new(self.datatype.finish()), Arc::new(self.language.finish())];
        RecordBatch::try_new(Table::Quads.schema(), texts.chain(last).collect())
    }
}

fn graph_of(quad: &Quad) -> &str {
    match &quad.graph_name {
        oxigraph::model::GraphName::NamedNode(graph) => graph.as_str(),
        _ => "",
    }
}

/// Rows of `records/`.
pub(super) struct Records {
    identifier: StringBuilder,
    datestamp: TimestampMillisecondBuilder,
    flags: [BooleanBuilder; 2],
    entity: StringBuilder,
    kind: StringBuilder,
    title: StringBuilder,
    year: Int32Builder,
    lists: [ListBuilder<StringBuilder>; 7],
}

impl Default for Records {
    fn default() -> Self {
        let element = Arc::new(Field::new("element", DataType::Utf8, false));
        let list = || ListBuilder::new(StringBuilder::new()).with_field(Arc::clone(&element));
        Self {
            identifier: StringBuilder::default(),
            datestamp: TimestampMillisecondBuilder::default().with_timezone("UTC"),
            flags: Default::default(),
            entity: StringBuilder::default(),
            kind: StringBuilder::default(),
            title: StringBuilder::default(),
            year: Int32Builder::default(),
            lists: std::array::from_fn(|_| list()),
        }
    }
}

impl Records {
    /// Adds a record with what it says, if it says anything. Names are in the first of `languages` that there are.
    pub(super) fn push(&mut self, header: &Header, says: Option<&Description>, languages: &[String]) {
        self.identifier.append_value(&header.identifier);
        self.datestamp.append_option(header.datestamp);
        let [deleted, quarantined] = &mut self.flags;
        deleted.append_value(header.deleted);
        quarantined.append_value(header.quarantined);
        let title = says.and_then(|says| crate::rdf::shapes::choose(&says.names, languages));
        self.entity.append_option(says.and_then(|says| says.entity.as_deref()));
        self.kind.append_option(says.map(|says| says.kind.as_str()).filter(|kind| !kind.is_empty()));
        self.title.append_option(title);
        self.year.append_option(says.and_then(|says| i32::try_from(says.year?).ok()));
        let things = |things: &[Thing]| things.iter().filter_map(|thing| name_of(thing, languages)).collect::<Vec<_>>();
        let lists: [Vec<String>; 7] = match says {
            None => Default::default(),
            Some(says) => [
                things(&says.languages),
                says.categories.clone(),
                things(&says.genres),
                things(&says.subjects),
                says.contributors.iter().filter_map(|who| name_of(&who.agent, languages)).collect(),
                things(&says.works),
                says.identifiers.iter().filter(|id| id.kind == "ISBN").map(|id| id.value.clone()).collect(),
            ],
        };
        for (column, values) in self.lists.iter_mut().zip(lists) {
            column.append_value(values.into_iter().map(Some));
        }
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let [deleted, quarantined] = &mut self.flags;
        let first: [ArrayRef; 8] = [
            Arc::new(self.identifier.finish()),
            Arc::new(self.datestamp.finish()),
            Arc::new(deleted.finish()),
            Arc::new(quarantined.finish()),
            Arc::new(self.entity.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.title.finish()),
            Arc::new(self.year.finish()),
        ];
        let lists = self.lists.iter_mut().map(|list| Arc::new(list.finish()) as ArrayRef);
        RecordBatch::try_new(Table::Records.schema(), first.into_iter().chain(lists).collect())
    }
}

/// The IRI of a thing; else what this record calls it.
fn name_of(thing: &Thing, languages: &[String]) -> Option<String> {
    thing.iri.clone().or_else(|| thing.label(languages).map(str::to_owned))
}

/// Rows of `links/`.
#[derive(Default)]
pub(super) struct Links([StringBuilder; 7]);

impl Links {
    pub(super) fn push(&mut self, identifier: &str, link: &Link) {
        let Link { entity, path, property, reference } = link;
        let values = [identifier, entity, path, property, reference.authority.name(), &reference.id, &reference.iri];
        for (column, value) in self.0.iter_mut().zip(values) {
            column.append_value(value);
        }
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let columns = self.0.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
        RecordBatch::try_new(Table::Links.schema(), columns.collect())
    }
}
