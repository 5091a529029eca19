//! Results in the formats of the SPARQL 1.1 recommendations, as RDF, or as a table for people.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use oxigraph::io::{JsonLdProfileSet, RdfFormat, RdfSerializer};
use oxigraph::model::Term;
use oxigraph::sparql::QueryResults;
use oxigraph::sparql::results::{QueryResultsFormat, QueryResultsSerializer};

use super::{PREFIXES, QueryError, Running, compact};

/// How solutions (`SELECT`) and booleans (`ASK`) are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SolutionFormat {
    /// For people; held in memory.
    Table,
    /// SPARQL 1.1 Query Results JSON Format.
    Json,
    /// SPARQL Query Results XML Format.
    Xml,
    /// SPARQL 1.1 Query Results CSV Format.
    Csv,
    /// SPARQL 1.1 Query Results TSV Format.
    Tsv,
}

/// How graphs (`CONSTRUCT`, `DESCRIBE`) are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphFormat {
    /// N-Triples.
    NTriples,
    /// Turtle.
    Turtle,
    /// RDF/XML.
    RdfXml,
    /// JSON-LD.
    JsonLd,
}

impl GraphFormat {
    /// A serializer with KB's prefixes where the format has any.
    pub fn serializer(self) -> RdfSerializer {
        let format = match self {
            Self::NTriples => RdfFormat::NTriples,
            Self::Turtle => RdfFormat::Turtle,
            Self::RdfXml => RdfFormat::RdfXml,
            Self::JsonLd => RdfFormat::JsonLd { profile: JsonLdProfileSet::empty() },
        };
        with_prefixes(RdfSerializer::from_format(format))
    }
}

/// Adds KB's prefixes to a serializer.
pub(crate) fn with_prefixes(serializer: RdfSerializer) -> RdfSerializer {
    PREFIXES.iter().filter(|(prefix, _)| !prefix.is_empty() && *prefix != "dcterms").fold(
        serializer,
        |serializer, (prefix, iri)| {
            let before = serializer.clone();
            serializer.with_prefix(*prefix, *iri).unwrap_or(before)
        },
    )
}

/// Why results could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The query failed on the way.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The output did.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// So many solutions.
    Solutions(u64),
    /// So many triples.
    Triples(u64),
    /// The answer of an `ASK`.
    Boolean(bool),
}

/// Writes the results of a query as they come.
pub fn write(
    running: Running<'_>,
    solutions: SolutionFormat,
    graph: GraphFormat,
    out: &mut dyn Write,
) -> Result<Written, ResultsError> {
    let limit = running.limit();
    let explain = |error| ResultsError::from(Running::explain(limit, error));
    let Running { results, _clock, .. } = running;
    let format = match solutions {
        SolutionFormat::Table => None,
        SolutionFormat::Json => Some(QueryResultsFormat::Json),
        SolutionFormat::Xml => Some(QueryResultsFormat::Xml),
        SolutionFormat::Csv => Some(QueryResultsFormat::Csv),
        SolutionFormat::Tsv => Some(QueryResultsFormat::Tsv),
    };
    match (results, format) {
        (QueryResults::Boolean(value), None) => {
            writeln!(out, "{value}")?;
            Ok(Written::Boolean(value))
        }
        (QueryResults::Boolean(value), Some(format)) => {
            QueryResultsSerializer::from_format(format).serialize_boolean_to_writer(&mut *out, value)?;
            writeln!(out)?;
            Ok(Written::Boolean(value))
        }
        (QueryResults::Solutions(rows), Some(format)) => {
            let mut writer = QueryResultsSerializer::from_format(format)
                .serialize_solutions_to_writer(&mut *out, rows.variables().to_vec())?;
            let mut count = 0;
            for row in rows {
                writer.serialize(&row.map_err(explain)?)?;
                count += 1;
            }
            writer.finish()?;
            if matches!(format, QueryResultsFormat::Json | QueryResultsFormat::Xml) {
                writeln!(out)?;
            }
            Ok(Written::Solutions(count))
        }
        (QueryResults::Solutions(rows), None) => {
            let mut table = Table::new();
            table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
            table.set_header(rows.variables().iter().map(|variable| variable.as_str().to_owned()));
            let mut count = 0;
            for row in rows {
                let row = row.map_err(explain)?;
                table.add_row(row.values().iter().map(|value| value.as_ref().map_or_else(String::new, plain)));
                count += 1;
            }
            writeln!(out, "{table}")?;
            Ok(Written::Solutions(count))
        }
        (QueryResults::Graph(triples), _) => {
            let mut writer = graph.serializer().for_writer(&mut *out);
            let mut count = 0;
            for triple in triples {
                writer.serialize_triple(&triple.map_err(explain)?)?;
                count += 1;
            }
            writer.finish()?;
            Ok(Written::Triples(count))
        }
    }
}

/// A term for people: short IRIs, literals without quotes. Control characters are shown, not obeyed.
fn plain(term: &Term) -> String {
    match term {
        Term::NamedNode(node) => compact(node.as_str()).unwrap_or_else(|| node.as_str().to_owned()),
        Term::BlankNode(node) => node.to_string(),
        Term::Literal(literal) => {
            let text: String =
                literal.value().chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
            literal.language().map_or_else(|| text.clone(), |language| format!("{text} @{language}"))
        }
    }
}
