//! `libris-mirror harvest`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::exit::{Exit, Misuse};
use super::form::Form;
use super::global::Global;
use super::harvest_report::{as_json, exit_of, summary, unfinished, worse};
use super::output::{self, grouped};
use super::settings::Settings;
use super::signals::{SoFar, stop_on_signals};
use super::values;
use super::whole_file::WholeFile;
use crate::config::{Source, SourceKind, SourceSettings};
use crate::figures;
use crate::harvest::{self, Options, Progress, RunOptions};
use crate::mirror::Mirror;
use crate::oai::Datestamp;
use crate::remote::Background;

/// Harvest what is new from one or more sources, and bring the mirror up to date.
///
/// Without a name, it harvests every enabled source of the configuration (nb, auth and definitions of Libris by default). An
/// interrupted harvest continues where it stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror harvest                                      all that is new, for cron: add -q
  libris-mirror harvest nb --max-records 5000                the first records of the national bibliography
  libris-mirror harvest nb --full                            the whole list again
  libris-mirror harvest --max-duration 2h -q                 for two hours; the next run continues
  libris-mirror harvest --name dnb --url https://services.dnb.de/oai/repository --prefix RDFxml --set dnb
  libris-mirror harvest auth --from 2026-01-01 --until 2026-02-01")]
pub(super) struct Arguments {
    /// Sources of the configuration.
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// The base URL of a source that the configuration does not name.
    #[arg(long, requires = "name", conflicts_with = "sources", value_parser = values::base_url)]
    url: Option<String>,
    /// The name of that source in this mirror.
    #[arg(long, requires = "url")]
    name: Option<String>,
    /// The metadata prefix: overrides the configuration. A source keeps the prefix that it was first harvested with.
    #[arg(long)]
    prefix: Option<String>,
    /// The set of that source.
    #[arg(long, requires = "url")]
    set: Option<String>,
    /// The URL of the JSON-LD context: overrides the configuration.
    #[arg(long)]
    context: Option<String>,
    /// Only records that changed since then, of an OAI-PMH source. This does not move the window of the next harvest.
    #[arg(long, value_name = "DATE", value_parser = Datestamp::parse)]
    from: Option<Datestamp>,
    /// Only records that changed until then, of an OAI-PMH source. This does not move the window of the next harvest. Let
    /// adjacent windows share their edge: some servers take a day as its first moment, and a second without its fraction.
    #[arg(long, value_name = "DATE", value_parser = Datestamp::parse)]
    until: Option<Datestamp>,
    /// Ask for the whole list. Records that did not change are skipped.
    #[arg(long, conflicts_with_all = ["from", "until"])]
    full: bool,
    /// Stop each source at the end of the answer that reaches this number of records. The next harvest continues from
    /// there.
    #[arg(long, value_name = "N", value_parser = values::count)]
    max_records: Option<u64>,
    /// Stop at a checkpoint after this time, such as 45m or 2h. The next harvest continues from there.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    max_duration: Option<Duration>,
    /// Write figures to this file, for the textfile collector of Prometheus.
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
}

impl Arguments {
    fn sources(&self, settings: &Settings, quiet: bool) -> anyhow::Result<Vec<Source>> {
        if let (Some(url), Some(name)) = (&self.url, &self.name) {
            let known = SourceSettings {
                url: Some(url.clone()),
                set: self.set.clone(),
                prefix: self.prefix.clone(),
                context: self.context.clone(),
                ..SourceSettings::default()
            };
            return Ok(vec![known.check(name)?]);
        }
        let mut config = settings.config.clone();
        for source in config.sources.values_mut().filter(|source| source.kind == SourceKind::OaiPmh) {
            source.prefix = self.prefix.clone().or_else(|| source.prefix.clone());
            source.context = self.context.clone().or_else(|| source.context.clone());
        }
        // The log knows a source that was harvested by --url.
        let of_log = |name: &str| -> anyhow::Result<Option<Source>> {
            let Ok(log) = settings.data.read_log() else { return Ok(None) };
            let row = log.sources()?.into_iter().find(|row| row.name == name);
            Ok(row.map(|row| row.source()).transpose()?)
        };
        let mut found = if self.sources.is_empty() { config.sources(&[])? } else { Vec::new() };
        for name in &self.sources {
            let known = if config.sources.contains_key(name) { None } else { of_log(name)? };
            match known {
                Some(source) => found.push(source),
                None => found.extend(config.sources(std::slice::from_ref(name))?),
            }
        }
        // A prefix and a context are those of the sources that have one.
        let narrowed = self.from.is_some() || self.until.is_some();
        let named = !self.sources.is_empty() && !self.of_lists().is_empty();
        if narrowed || named { self.fitting(found, quiet) } else { Ok(found) }
    }

    /// The options that only an OAI-PMH source has.
    fn of_lists(&self) -> Vec<&'static str> {
        let given = [
            ("--from", self.from.is_some()),
            ("--until", self.until.is_some()),
            ("--prefix", self.prefix.is_some()),
            ("--context", self.context.is_some()),
        ];
        given.into_iter().filter_map(|(option, given)| given.then_some(option)).collect()
    }

    /// The sources that take the options. One that was named and does not is a mistake of the user.
    fn fitting(&self, found: Vec<Source>, quiet: bool) -> anyhow::Result<Vec<Source>> {
        let options = self.of_lists().join(" and ");
        let (lists, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|source| source.kind() == SourceKind::OaiPmh);
        let refusal = |source: &Source| format!("a source of kind {:?} does not take {options}", source.kind().name());
        if let Some(source) = others.first().filter(|_| !self.sources.is_empty()) {
            let hint = format!("hint: omit {options}; `libris-mirror harvest {} --full` reads all of it again", source.name);
            return Err(Misuse(format!("{}: {}\n{hint}", source.name, refusal(source))).into());
        }
        for source in others.iter().filter(|_| !quiet) {
            output::message(&format!("{}: skipped, {}", source.name, refusal(source)));
        }
        if lists.is_empty() && !others.is_empty() {
            let hint = "hint: name a source of kind \"oai-pmh\"";
            return Err(Misuse(format!("no enabled source takes {options}\n{hint}")).into());
        }
        Ok(lists)
    }
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    if let (Some(from), Some(until)) = (arguments.from, arguments.until)
        && from > until
    {
        let hint = "hint: give the earlier date to --from";
        return Err(Misuse(format!("--from {from} is after --until {until}\n{hint}")).into());
    }
    if let Some(path) = &arguments.metrics {
        check_directory(path)?;
    }
    let settings = Settings::read(global)?;
    let sources = arguments.sources(&settings, global.quiet)?;
    if sources.is_empty() {
        anyhow::bail!("no source is enabled\nhint: set enabled = true for one in the configuration, or name one");
    }
    let so_far = SoFar::default();
    let stop = stop_on_signals(so_far.clone())?;
    let mut mirror = Mirror::open(&settings.data, &settings.config, &Settings::who("harvest"))?;
    let remotes = Background::begin(&settings.data, &settings.config)?;
    let options = RunOptions {
        window: Options { full: arguments.full, from: arguments.from, until: arguments.until },
        anyway: arguments.full || !arguments.sources.is_empty() || arguments.from.is_some() || arguments.until.is_some(),
        max_records: arguments.max_records,
        max_duration: arguments.max_duration,
    };
    let (mut worst, mut reports) = (Exit::Ok, Vec::<serde_json::Value>::new());
    for source in &sources {
        let started = Instant::now();
        let bar = Bar::new(&source.name, global);
        let mut show = |progress: &Progress| {
            bar.show(progress);
            if arguments.form.json() {
                let done = [unfinished(&source.name, &progress.counters, started.elapsed())];
                so_far.set(reports.iter().cloned().chain(done).collect());
            }
        };
        show(&Progress::default());
        let result = harvest::run(&mut mirror, source, &settings.config, &options, &stop, &mut show);
        bar.clear();
        let (exit, value) = match result {
            Ok(report) => {
                if !global.quiet {
                    output::message(&summary(&report, started.elapsed()));
                }
                (exit_of(&report, global.quiet), as_json(&report, started.elapsed()))
            }
            Err(error) if sources.len() > 1 => {
                let error = anyhow::Error::from(error);
                let value = json!({"source": source.name, "outcome": "failed", "error": error.to_string()});
                (super::exit::of_error(&error.context(format!("source {}", source.name))), value)
            }
            Err(error) => return Err(error.into()),
        };
        reports.push(value);
        worst = worse(worst, exit);
        if stop.is_stopped() {
            break;
        }
    }
    if let Some(path) = &arguments.metrics {
        write_figures(&mirror, path)?;
    }
    if arguments.form.json() && (so_far.take().is_some() || reports.is_empty()) {
        output::json(&reports)?;
    }
    mirror.follow_afterwards(|| !stop.is_stopped())?;
    // Others may write meanwhile.
    drop(mirror);
    remotes.finish(|| stop.is_stopped());
    Ok(worst)
}

/// Checks that the directory of an output file exists, before hours are spent on what goes there.
fn check_directory(path: &Path) -> Result<(), Misuse> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() && !directory.is_dir() => Err(Misuse(format!(
            "--metrics {}: there is no directory {}\nhint: create it, or name a file elsewhere",
            path.display(),
            directory.display()
        ))),
        _ => Ok(()),
    }
}

/// Writes the figures to a file, which appears complete or not at all.
fn write_figures(mirror: &Mirror, path: &Path) -> anyhow::Result<()> {
    let text = figures::text(&mirror.home(), mirror.snapshots().current_info().as_ref(), chrono::Utc::now().into())?;
    let mut file = WholeFile::create(path)?;
    // The collector reads the older text format, which has no end mark.
    file.write_all(text.trim_end_matches("# EOF\n").as_bytes())?;
    file.finish()
}

/// Progress on a terminal.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(source: &str, global: &Global) -> Self {
        let bar = output::bar(global, "{spinner} {prefix}: {human_pos} records, {msg} [{elapsed}]");
        bar.set_prefix(source.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub(super) fn show(&self, progress: &Progress) {
        if let (Some(size), None) = (progress.complete_list_size, self.0.length()) {
            self.0.set_length(size);
            if let Ok(style) = ProgressStyle::with_template(
                "{spinner} {prefix}: {human_pos}/{human_len} records, {msg} [{elapsed}, {eta} to go]",
            ) {
                self.0.set_style(style);
            }
        }
        self.0.set_position(progress.counters.received);
        let reached = progress.reached.map(|stamp| format!(", {stamp}")).unwrap_or_default();
        let rate = progress.counters.received * 1000 / u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.0.set_message(format!("{}/s, {} pages{reached}", grouped(rate), progress.counters.pages));
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
