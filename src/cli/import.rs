//! `libris-mirror import`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;

use super::exit::{Exit, Misuse};
use super::global::Global;
use super::harvest::Bar;
use super::harvest_report::{as_json, exit_of, summary, unfinished};
use super::output;
use super::settings::Settings;
use super::signals::{SoFar, stop_on_signals};
use super::values;
use crate::config::{STDIN, Source, SourceKind, SourceOrigin, SourceSettings};
use crate::harvest::{self, Options, Progress, RunOptions};
use crate::log::Log;
use crate::mirror::Mirror;

/// Bring RDF documents into the mirror: files, addresses, or standard input.
///
/// The documents that are named are a source of the mirror, beside the others: in the log, the store, the links and the
/// search. The formats are Turtle and its relatives (.nt, .nq, .trig), RDF/XML, and JSON-LD, also one document a
/// line, and compressed (.gz, .zst). The format comes from --format, the server or the file extension.
///
/// The documents named now are the whole of the source: records that only others said are withdrawn, unless --add is given.
/// `libris-mirror harvest NAME` reads the same documents again, and skips those that did not change.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror import --name terms terms.ttl                         a file: one record
  libris-mirror import --name terms --split subject 'vocab/**/*.ttl'  a record for each IRI that is described
  libris-mirror import --name terms --add more.nt.gz                  and another file
  libris-mirror import --name kbv --split subject https://id.kb.se/vocab/
  libris-mirror import --name dump --split graph dump.nq.zst          a record for each named graph
  zcat dump.gz | libris-mirror import --name dump --format nt -
  libris-mirror harvest terms                                         the same documents again")]
pub(super) struct Arguments {
    /// The name of the source in this mirror.
    #[arg(long)]
    name: String,
    /// Files, patterns of files (in quotes: the log keeps the pattern), addresses, or - for standard input.
    #[arg(value_name = "FILE|URL", required = true)]
    documents: Vec<String>,
    /// What becomes a record: the document, each named graph, or each subject that is an IRI, with the blank nodes below it
    /// [default: document, or what the source had before].
    #[arg(long, value_parser = ["document", "graph", "subject"])]
    split: Option<String>,
    /// The format of documents that do not tell it: ttl, nt, nq, trig, rdfxml, jsonld or ndjson.
    #[arg(long)]
    format: Option<String>,
    /// The URL of the JSON-LD context, for documents that have none or name one. Nothing else is fetched.
    #[arg(long, value_name = "URL")]
    context: Option<String>,
    /// The media types that servers are asked for, such as text/turtle.
    #[arg(long, value_name = "TYPES")]
    accept: Option<String>,
    /// Keep the documents that the source had before, and read these too.
    #[arg(long)]
    add: bool,
    /// Withdraw records that left, however many they are: otherwise nothing is withdrawn if they are more than
    /// `harvest.withdraw_max_percent` of the source.
    #[arg(long)]
    withdraw_all: bool,
    /// Stop after this number of records. The next import or harvest continues from there; of standard input, only an import.
    #[arg(long, value_name = "N", value_parser = values::count)]
    max_records: Option<u64>,
    /// Stop after this time, such as 45m or 2h. The next import or harvest continues; of standard input, only an import.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    max_duration: Option<Duration>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// The settings of the source: those of the command line, then those that it had before.
    fn settings(&self, before: Option<SourceSettings>) -> anyhow::Result<SourceSettings> {
        let before = before.unwrap_or_default();
        let (mut urls, mut files) = if self.add { (before.urls, before.files) } else { (Vec::new(), Vec::new()) };
        for document in &self.documents {
            let (list, named) = if document.starts_with("http://") || document.starts_with("https://") {
                (&mut urls, document.clone())
            } else if document == STDIN {
                (&mut files, STDIN.to_owned())
            } else {
                (&mut files, absolute(document)?)
            };
            if !list.contains(&named) {
                list.push(named);
            }
        }
        Ok(SourceSettings {
            kind: SourceKind::Documents,
            urls,
            files,
            split: self.split.clone().or(before.split),
            format: self.format.clone().or(before.format),
            context: self.context.clone().or(before.context),
            accept: self.accept.clone().or(before.accept),
            ..SourceSettings::default()
        })
    }
}

/// The same file from any directory. A file that is no pattern must be there.
fn absolute(file: &str) -> anyhow::Result<String> {
    let path = std::path::absolute(Path::new(file)).with_context(|| format!("{file:?} is no path"))?;
    if !file.contains(['*', '?', '[']) && !path.exists() {
        return Err(Misuse(format!(
            "there is no file {file}\nhint: name files, patterns in quotes such as 'data/*.ttl', or addresses"
        ))
        .into());
    }
    path.into_os_string().into_string().map_err(|path| Misuse(format!("{} is not UTF-8", PathBuf::from(path).display())).into())
}

/// The settings that a source of documents had before.
fn settings_before(log: &Log, name: &str) -> anyhow::Result<Option<SourceSettings>> {
    let row = log.sources()?.into_iter().find(|row| row.name == name);
    Ok(row.filter(|row| row.kind == SourceKind::Documents).and_then(|row| row.settings))
}

/// Keeps standard input in a file without a name.
fn kept_input(directory: &Path, limit: u64) -> anyhow::Result<Arc<std::fs::File>> {
    use std::io::Read;
    let mut file = tempfile::tempfile_in(directory).context("a temporary file in the data directory failed")?;
    let length = std::io::copy(&mut std::io::stdin().lock().take(limit.saturating_add(1)), &mut file)
        .context("standard input cannot be kept in the data directory")?;
    if length > limit {
        return Err(Misuse(format!("standard input has more than {limit} bytes (harvest.file_bytes)")).into());
    }
    Ok(Arc::new(file))
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let mut settings = Settings::read(global)?;
    let name = &arguments.name;
    if settings.config.sources.contains_key(name) {
        let hint = format!("hint: `libris-mirror harvest {name}` reads it; or choose another --name");
        return Err(Misuse(format!("{name:?} is a source of the configuration\n{hint}")).into());
    }
    if arguments.withdraw_all {
        settings.config.harvest.withdraw_max_percent = 100.0;
    }
    // Mistakes are found before a directory is made.
    arguments.settings(None)?.check(name)?;
    let so_far = SoFar::default();
    let stop = stop_on_signals(so_far.clone())?;
    let mut mirror = Mirror::open(&settings.data, &settings.config, &Settings::who("import"))?;
    let mut source: Source = arguments.settings(settings_before(&mirror.log, name)?)?.check(name)?;
    if let SourceOrigin::Documents(documents) = &mut source.origin
        && arguments.documents.iter().any(|document| document == STDIN)
    {
        documents.stdin = Some(kept_input(settings.data.path(), settings.config.harvest.file_bytes)?);
    }
    let options = RunOptions {
        window: Options::default(),
        anyway: true,
        max_records: arguments.max_records,
        max_duration: arguments.max_duration,
    };
    let started = Instant::now();
    let bar = Bar::new(name, global);
    let mut show = |progress: &Progress| {
        bar.show(progress);
        if arguments.json {
            so_far.set([unfinished(name, &progress.counters, started.elapsed())].into_iter().collect());
        }
    };
    show(&Progress::default());
    let result = harvest::run(&mut mirror, &source, &settings.config, &options, &stop, &mut show);
    bar.clear();
    let report = result?;
    if !global.quiet {
        output::message(&summary(&report, started.elapsed()));
    }
    if arguments.json && so_far.take().is_some() {
        output::json(&[as_json(&report, started.elapsed())])?;
    }
    mirror.follow_afterwards(|| !stop.is_stopped())?;
    Ok(exit_of(&report, global.quiet))
}
