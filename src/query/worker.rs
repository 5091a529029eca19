//! A process that runs queries one after the other for a server, which may kill it at any time.

use std::io::{self, BufRead, Write};
use std::path::Path;

use oxigraph::sparql::QueryEvaluationError;

use super::elsewhere::{self, Elsewhere};
use super::error::{QueryError, ResultsError};
use super::graph_writer::GraphFormat;
use super::names::{NAMES_FIT, Names};
use super::results::{SolutionFormat, write};
use super::run::{explain, run};
use super::running::{Running, Written};
use super::vocabulary::{VocabularyError, vocabulary};
use super::wire::{Ended, Frame, Head, On, Refusal, RefusalKind, Task, Work};
use crate::index::{Index, PublishedIndex, ReadingError};
use crate::snapshots::Snapshots;

/// Bytes that are buffered before they are sent.
const FRAME_BYTES: usize = 32 << 10;

/// Runs tasks until the input ends. Names come from `log`; `servers` answer what is asked of remote stores. Memory is limited to `memory` bytes, without the mapped index; a query that needs more ends the
/// process.
///
/// `overdue` is called on another thread if a query does not notice that its time is up.
pub fn work(
    snapshots: &Snapshots,
    log: &Path,
    servers: &dyn Elsewhere,
    memory: u64,
    input: &mut impl BufRead,
    output: &mut impl Write,
    overdue: fn(QueryError),
) -> io::Result<()> {
    // What it allocates: the address space counts the mapped index too.
    rlimit::setrlimit(rlimit::Resource::DATA, memory, memory)?;
    let mut open: Option<PublishedIndex> = None;
    let mut line = String::new();
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let task: Task = serde_json::from_str(&line)?;
        let number = match &task.on {
            On::Snapshot(number) => *number,
            On::Remote(name) => {
                let running = elsewhere::run(servers, name, &task.question, task.limits, overdue);
                let frame = match running {
                    Ok(running) => answer(running, log, &task, output)?,
                    Err(failed) => Frame::Refused(failed.refusal(kind_of)),
                };
                frame.write(output)?;
                output.flush()?;
                continue;
            }
        };
        // Release the old snapshot first: it may be waiting to be removed.
        if open.as_ref().is_some_and(|open| open.snapshot.info.number != number || !snapshots.has(&open.snapshot)) {
            open = None;
        }
        let index = match open.take() {
            Some(index) => Ok(index),
            None => match snapshots.open(number) {
                Ok(snapshot) => PublishedIndex::of(snapshot).map_err(|error| refused(RefusalKind::Damaged, error.to_string())),
                Err(error) => Err(refused(RefusalKind::Snapshot, error.to_string())),
            },
        };
        let frame = match index {
            Ok(published) => {
                let frame = match task.work {
                    Work::Results => match run(&published.index, &task.question, task.limits, overdue) {
                        Ok(running) => answer(running, log, &task, output)?,
                        Err(error) => refused(kind_of(&error), error.to_string()),
                    },
                    Work::Plan => plan(&published.index, &task, output, overdue)?,
                    Work::Vocabulary => words(&published.index, log, &task, output)?,
                };
                open = Some(published);
                frame
            }
            Err(refusal) => refusal,
        };
        frame.write(output)?;
        output.flush()?;
    }
}

fn refused(kind: RefusalKind, message: String) -> Frame {
    Frame::Refused(Refusal { kind, message })
}

/// Answers a task, without its last frame.
fn answer(running: Running<'_>, log: &Path, task: &Task, output: &mut impl Write) -> io::Result<Frame> {
    let head = match running.form() {
        Written::Triples(_) if task.graph.is_some() => Head::Graph,
        Written::Solutions(_) | Written::Boolean(_) if task.solutions.is_some() => Head::Solutions,
        form => {
            let (results, formats) = match form {
                Written::Triples(_) => {
                    ("a graph", "text/turtle, application/n-triples, application/rdf+xml, application/ld+json")
                }
                _ => (
                    "solutions",
                    "application/sparql-results+json, application/sparql-results+xml, text/csv, text/tab-separated-values",
                ),
            };
            let message = format!("the query returns {results}: ask for one of {formats}");
            return Ok(refused(RefusalKind::Format, message));
        }
    };
    if task.names.is_some() && !matches!(running.form(), Written::Solutions(_)) {
        return Ok(refused(RefusalKind::Syntax, NAMES_FIT.to_owned()));
    }
    // For each task: the log may have been replaced by a backup.
    let mut names = match task.names.clone().map(|wanted| Names::open(log, wanted)).transpose() {
        Ok(names) => names,
        Err(error) => return Ok(refused(RefusalKind::Evaluation, error.to_string())),
    };
    Frame::Head(head).write(output)?;
    let solutions = task.solutions.unwrap_or(SolutionFormat::Json);
    let graph = task.graph.unwrap_or(GraphFormat::NTriples);
    let mut frames = io::BufWriter::with_capacity(FRAME_BYTES, Data(output));
    let written = write(running, solutions, graph, task.bounds, names.as_mut(), &mut frames);
    frames.flush()?;
    match written {
        Ok(done) => {
            let rows = match done.written {
                Written::Solutions(rows) | Written::Triples(rows) => rows,
                Written::Boolean(_) => 1,
            };
            Ok(Frame::Ended(Ended { rows, cut: done.cut }))
        }
        Err(ResultsError::Query(error)) => Ok(refused(kind_of(&error), error.to_string())),
        Err(ResultsError::Names(error)) => Ok(refused(RefusalKind::Evaluation, error.to_string())),
        Err(ResultsError::Output(error)) => Err(error),
    }
}

/// Answers a task with what its query does, without the last frame.
fn plan(index: &Index, task: &Task, output: &mut impl Write, overdue: fn(QueryError)) -> io::Result<Frame> {
    match explain(index, &task.question, task.limits, overdue) {
        Ok(explained) => report(&serde_json::to_vec(&explained)?, explained.results, output),
        Err(error) => Ok(refused(kind_of(&error), error.to_string())),
    }
}

/// Answers a task with the vocabulary of the index, without the last frame.
fn words(index: &Index, log: &Path, task: &Task, output: &mut impl Write) -> io::Result<Frame> {
    let names = task.names.clone().map(|wanted| Names::open(log, wanted)).transpose();
    match names.map_err(VocabularyError::from).and_then(|names| vocabulary(index, names)) {
        Ok(found) => {
            let count = found.classes.len() + found.properties.len();
            report(&serde_json::to_vec(&found)?, count as u64, output)
        }
        Err(error) => {
            tracing::error!("{error}");
            Ok(refused(RefusalKind::Evaluation, "the vocabulary cannot be read".to_owned()))
        }
    }
}

fn report(json: &[u8], rows: u64, output: &mut impl Write) -> io::Result<Frame> {
    Frame::Head(Head::Report).write(output)?;
    Frame::write_data(json, output)?;
    Ok(Frame::Ended(Ended { rows, cut: None }))
}

fn kind_of(error: &QueryError) -> RefusalKind {
    match error {
        QueryError::Mistake(_) | QueryError::Graph(_) | QueryError::TooLong { .. } => RefusalKind::Syntax,
        QueryError::Service(_) => RefusalKind::Forbidden,
        QueryError::Timeout(_) => RefusalKind::Timeout,
        QueryError::Evaluation(QueryEvaluationError::Service(_)) => RefusalKind::Service,
        QueryError::Evaluation(QueryEvaluationError::Dataset(error)) => {
            let own = error.downcast_ref::<ReadingError>().is_some_and(ReadingError::is_of_the_query);
            if own { RefusalKind::Evaluation } else { RefusalKind::Damaged }
        }
        QueryError::Evaluation(_) => RefusalKind::Evaluation,
    }
}

/// A writer that sends what is written as frames.
struct Data<'a, W>(&'a mut W);

impl<W: Write> Write for Data<'_, W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Frame::write_data(buffer, self.0)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
