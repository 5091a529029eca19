//! `libris-mirror search`

use std::io::Write;

use clap::Args;

use super::exit::Exit;
use super::form::Form;
use super::global::Global;
use super::output::{self, grouped};
use super::settings::Settings;
use crate::search::{COUNTED, SearchIndex};

/// Find records by title, name, subject or identifier (ISBN in any form, Libris, Wikidata and other numbers).
///
/// All words must match; the last may be the beginning of a word. Case and accents do not matter, but å ä ö æ ø are
/// letters of their own.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror search selma lagerlöf
  libris-mirror search 978-91-7000-059-1
  libris-mirror search fjäril --json | jq -r '.entries[].record'")]
pub(super) struct Arguments {
    /// The words to search for.
    #[arg(required = true, value_name = "WORDS")]
    words: Vec<String>,
    /// How many to show.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// How many to skip first.
    #[arg(long, default_value_t = 0, value_name = "N")]
    offset: usize,
    #[command(flatten)]
    form: Form,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    let log = settings.read_log()?;
    log.freeze()?;
    let found = SearchIndex(&log).find(&arguments.words.join(" "), arguments.offset, arguments.limit.into())?;
    if arguments.form.json() {
        output::json(&found)?;
        return Ok(Exit::Ok);
    }
    let mut table = output::table(&["record", "kind", "title or name", "more"]);
    for entry in &found.entries {
        table.add_row([&entry.record, &entry.kind, &entry.label, &entry.detail]);
    }
    let mut out = output::stdout();
    writeln!(out, "{table}")?;
    out.flush()?;
    if !global.quiet {
        let more = if found.matches >= COUNTED { "at least " } else { "" };
        let shown = match found.reachable {
            reachable if reachable < found.matches => format!(", of which {} can be shown", grouped(reachable as u64)),
            _ => String::new(),
        };
        output::message(&format!("{more}{} found{shown}", grouped(found.matches as u64)));
    }
    Ok(Exit::Ok)
}
