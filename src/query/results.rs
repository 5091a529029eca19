//! Writes results in the formats of the SPARQL 1.1 recommendations, as RDF, or as a table for people.

use std::cell::Cell;
use std::io::{self, Write};
use std::sync::Arc;

use comfy_table::{ContentArrangement, Table, presets};
use oxigraph::model::{GraphNameRef, Term, Variable};
use oxigraph::sparql::results::{QueryResultsFormat, QueryResultsSerializer};
use oxigraph::sparql::{QueryEvaluationError, QueryResults, QuerySolution, QuerySolutionIter};

use super::error::ResultsError;
use super::graph_writer::GraphFormat;
use super::names::{Names, Place, named};
use super::prefixes::compact;
use super::running::{Running, Written};

/// The formats of solutions (`SELECT`) and booleans (`ASK`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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

/// The limits on what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Bounds {
    /// Solutions or triples; the rest is cut off.
    pub rows: Option<u64>,
    /// Bytes; the rest is cut off after the solution or triple that exceeds the limit.
    pub bytes: Option<u64>,
}

/// What was written, and where it was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The number of results.
    pub written: Written,
    /// The sentence that says so, if the results were cut at a limit.
    pub cut: Option<String>,
}

impl Bounds {
    /// Returns the sentence for the limit that is reached, if there are more results.
    fn cut(&self, rows: u64, bytes: u64) -> Option<String> {
        match (self.rows.filter(|most| rows >= *most), self.bytes.filter(|most| bytes >= *most)) {
            (Some(most), _) => Some(format!("cut after {most} results: there are more")),
            (None, Some(most)) => Some(format!("cut after {most} bytes: there are more results")),
            (None, None) => None,
        }
    }
}

/// A writer that counts bytes.
struct Counted<'a> {
    out: &'a mut dyn Write,
    bytes: &'a Cell<u64>,
    /// Whether the last byte, which closes a JSON object, is held back until it is known whether anything was cut.
    holds: bool,
    held: Option<u8>,
}

impl Write for Counted<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.bytes.set(self.bytes.get() + buffer.len() as u64);
        match buffer.split_last().filter(|_| self.holds) {
            Some((last, before)) => {
                if let Some(byte) = self.held.replace(*last) {
                    self.out.write_all(&[byte])?;
                }
                self.out.write_all(before)?;
            }
            None => self.out.write_all(buffer)?,
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes the results of a query as they are evaluated, up to the limits. A document that is cut is still well-formed, and says
/// so if its format allows: a member `cut` in JSON, a comment in XML, Turtle and similar formats. With `names`, a table has
/// names in place of IRIs, and other formats of solutions have them in further variables.
pub fn write(
    running: Running<'_>,
    solutions: SolutionFormat,
    graph: GraphFormat,
    bounds: Bounds,
    names: Option<&mut Names>,
    out: &mut dyn Write,
) -> Result<Output, ResultsError> {
    let Running { results, faults, _clock } = running;
    let explain = |error| ResultsError::from(faults.explain(error));
    let format = match solutions {
        SolutionFormat::Table => None,
        SolutionFormat::Json => Some(QueryResultsFormat::Json),
        SolutionFormat::Xml => Some(QueryResultsFormat::Xml),
        SolutionFormat::Csv => Some(QueryResultsFormat::Csv),
        SolutionFormat::Tsv => Some(QueryResultsFormat::Tsv),
    };
    let bytes = Cell::new(0);
    let mut out = Counted { out, bytes: &bytes, holds: false, held: None };
    match (results, format) {
        (QueryResults::Boolean(value), None) => {
            writeln!(out, "{value}")?;
            Ok(Output { written: Written::Boolean(value), cut: None })
        }
        (QueryResults::Boolean(value), Some(format)) => {
            QueryResultsSerializer::from_format(format).serialize_boolean_to_writer(&mut out, value)?;
            writeln!(out)?;
            Ok(Output { written: Written::Boolean(value), cut: None })
        }
        (QueryResults::Solutions(rows), Some(format)) => {
            out.holds = format == QueryResultsFormat::Json;
            let (variables, rows) = with_names(rows, explain, names, Place::Beside);
            let mut writer =
                QueryResultsSerializer::from_format(format).serialize_solutions_to_writer(out, variables.to_vec())?;
            let (mut count, mut cut) = (0, None);
            for row in rows {
                let row = row?;
                cut = bounds.cut(count, bytes.get());
                if cut.is_some() {
                    break;
                }
                writer.serialize(&row)?;
                count += 1;
            }
            let mut out = writer.finish()?;
            let said = cut.as_deref();
            match (format, said) {
                (QueryResultsFormat::Json, said) => {
                    out.holds = false;
                    let closing = out.held.take().map_or(String::new(), |byte| char::from(byte).to_string());
                    let member = said.map(|said| format!(",\"cut\":{}", serde_json::Value::from(said))).unwrap_or_default();
                    writeln!(out, "{member}{closing}")?;
                }
                (QueryResultsFormat::Xml, Some(said)) => writeln!(out, "<!-- {said} -->")?,
                (QueryResultsFormat::Xml, None) => writeln!(out)?,
                _ => {}
            }
            Ok(Output { written: Written::Solutions(count), cut })
        }
        (QueryResults::Solutions(rows), None) => {
            let mut table = Table::new();
            table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
            let (variables, rows) = with_names(rows, explain, names, Place::Instead);
            table.set_header(variables.iter().map(|variable| variable.as_str().to_owned()));
            let mut count = 0;
            for row in rows {
                let row = row?;
                table.add_row(row.values().iter().map(|value| value.as_ref().map_or_else(String::new, plain)));
                count += 1;
            }
            writeln!(out, "{table}")?;
            Ok(Output { written: Written::Solutions(count), cut: None })
        }
        (QueryResults::Graph(triples), _) => {
            let mut writer = graph.writer(out);
            let (mut count, mut cut) = (0, None);
            for triple in triples {
                let triple = triple.map_err(explain)?;
                cut = bounds.cut(count, bytes.get());
                if cut.is_some() {
                    break;
                }
                writer.write(triple.as_ref().in_graph(GraphNameRef::DefaultGraph))?;
                count += 1;
            }
            let mut out = writer.finish()?;
            match (graph, cut.as_deref()) {
                (GraphFormat::RdfXml, Some(said)) => writeln!(out, "<!-- {said} -->")?,
                (GraphFormat::JsonLd, _) | (_, None) => {}
                (_, Some(said)) => writeln!(out, "# {said}")?,
            }
            Ok(Output { written: Written::Triples(count), cut })
        }
    }
}

type Solutions<'r> = Box<dyn Iterator<Item = Result<QuerySolution, ResultsError>> + 'r>;

/// Returns solutions with their variables, and with names if these are wanted.
fn with_names<'r>(
    rows: QuerySolutionIter<'r>,
    explain: impl Fn(QueryEvaluationError) -> ResultsError + 'r,
    names: Option<&'r mut Names>,
    place: Place,
) -> (Arc<[Variable]>, Solutions<'r>) {
    let variables: Arc<[Variable]> = rows.variables().into();
    let rows = rows.map(move |row| row.map_err(&explain));
    match names {
        None => (variables, Box::new(rows)),
        Some(names) => {
            let (variables, rows) = named(&variables, rows, names, place);
            (variables, Box::new(rows))
        }
    }
}

/// Returns a term for people: short IRIs, literals without quotes, control characters escaped.
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
