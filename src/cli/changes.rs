//! `libris-mirror changes`

use std::io::Write;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::exit::Exit;
use super::global::Global;
use super::output;
use super::settings::Settings;
use super::values;
use crate::log::{ChangeId, ChangeKind, ChangeRow};

/// List what happened to the records, in the order in which the log recorded it.
///
/// Each change has a number; numbers only grow. A program that keeps the number of the last change that it has seen, and
/// passes it as --after, misses no change and sees none twice.
///
/// The kinds are: `came` (a source delivered the record for the first time), `changed` (another payload), `header` (the
/// same payload, another header), `deleted` (at the source), `withdrawn` (an audit found that it left its set),
/// `reinstated` (it is back), `retried` (it was quarantined, and was read again), `context` (the JSON-LD context that it is
/// read with changed).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror changes --limit 20                             the first changes of the log
  libris-mirror changes --after 1234                           what happened since change 1234
  last=$(libris-mirror status --json | jq .log_change)         where a feed begins
  libris-mirror changes --after $last --format jsonl > changes.jsonl
  new=$(tail -n 1 changes.jsonl | jq .change)                  empty if nothing happened
  last=${new:-$last}                                           the number to keep, for the next --after")]
pub(super) struct Arguments {
    /// Only changes after this one: the number of the last change that you have seen.
    #[arg(long, value_name = "CHANGE", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    after: i64,
    /// Print at most this many changes [default: all].
    #[arg(long, value_name = "N", value_parser = values::count)]
    limit: Option<u64>,
    /// Print JSON Lines, as --format jsonl does.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// How to print them: columns separated by tabs, or JSON Lines, one object for each change.
    #[arg(long, value_enum, default_value = "text", hide_default_value = true)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Jsonl,
}

/// How many changes are read at a time.
const CHANGES_PER_READ: usize = 5000;

/// A change as it is printed.
#[derive(Serialize)]
struct Line<'a> {
    change: i64,
    kind: &'static str,
    identifier: &'a str,
    source: &'a str,
    page: i64,
    time: String,
    datestamp: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(row: &'a ChangeRow) -> Self {
        Self {
            change: row.change.0,
            kind: name(row.kind),
            identifier: &row.identifier,
            source: &row.source,
            page: row.page,
            time: output::time(row.at).unwrap_or_default(),
            datestamp: row.datestamp.as_deref(),
        }
    }

    fn write(&self, format: Format, out: &mut impl Write) -> anyhow::Result<()> {
        match format {
            Format::Text => {
                let Self { change, kind, identifier, source, page, time, datestamp } = self;
                let datestamp = datestamp.unwrap_or("-");
                writeln!(out, "{change}\t{kind}\t{identifier}\t{source}\t{page}\t{time}\t{datestamp}")?;
            }
            Format::Jsonl => {
                serde_json::to_writer(&mut *out, self)?;
                writeln!(out)?;
            }
        }
        Ok(())
    }
}

fn name(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Came => "came",
        ChangeKind::Changed => "changed",
        ChangeKind::Header => "header",
        ChangeKind::Deleted => "deleted",
        ChangeKind::Withdrawn => "withdrawn",
        ChangeKind::Reinstated => "reinstated",
        ChangeKind::Retried => "retried",
        ChangeKind::Context => "context",
    }
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let log = Settings::read(global)?.read_log()?;
    let (mut after, last) = (ChangeId(arguments.after), log.last_change()?);
    if after > last {
        anyhow::bail!(
            "the last change of this mirror is {}, so --after {} comes from another mirror, or from before a backup was restored\nhint: list everything again, without --after",
            last.0,
            after.0
        );
    }
    let format = if arguments.json { Format::Jsonl } else { arguments.format };
    let mut left = arguments.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut out = output::stdout();
    // What a harvest appends meanwhile is listed the next time, so that the listing ends.
    while after < last && left > 0 {
        let rows = log.list_changes(after, left.min(CHANGES_PER_READ))?;
        let Some(newest) = rows.last() else { break };
        after = newest.change;
        left -= rows.len();
        for row in rows.iter().filter(|row| row.change <= last) {
            Line::of(row).write(format, &mut out)?;
        }
    }
    out.flush()?;
    Ok(Exit::Ok)
}
