//! `libris-mirror harvest`

use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::output::{self, grouped};
use super::{Exit, Global, Settings};
use crate::config::{Source, SourceSettings};
use crate::harvest::{self, HarvestReport, Options, Outcome, Progress, RunOptions, Stop};
use crate::mirror::Mirror;
use crate::oai::Datestamp;

/// Harvest what is new from one or more sources, and bring the mirror up to date.
///
/// Without a name, every enabled source of the configuration (nb and auth of Libris by default). An interrupted
/// harvest goes on where it stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror harvest                                      all that is new, for cron: add -q
  libris-mirror harvest nb --max-records 5000                a first taste of the national bibliography
  libris-mirror harvest nb --full                            the whole list again
  libris-mirror harvest --name dnb --url https://services.dnb.de/oai/repository --prefix RDFxml --set dnb
  libris-mirror harvest auth --from 2026-01-01 --until 2026-02-01")]
pub(super) struct Arguments {
    /// Sources of the configuration.
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// The base URL of a source that the configuration does not name.
    #[arg(long, requires = "name", conflicts_with = "sources")]
    url: Option<String>,
    /// What to call that source in this mirror.
    #[arg(long)]
    name: Option<String>,
    /// The metadata prefix: overrides the configuration.
    #[arg(long)]
    prefix: Option<String>,
    /// The set of that source.
    #[arg(long, requires = "url")]
    set: Option<String>,
    /// The URL of the JSON-LD context: overrides the configuration.
    #[arg(long)]
    context: Option<String>,
    /// Only records changed since then; a window by hand, which later harvests do not follow on from.
    #[arg(long, value_name = "DATE", value_parser = Datestamp::parse)]
    from: Option<Datestamp>,
    /// Only records changed until then; a window by hand.
    #[arg(long, value_name = "DATE", value_parser = Datestamp::parse)]
    until: Option<Datestamp>,
    /// The whole list, whatever the mirror has. Records that did not change are left alone.
    #[arg(long, conflicts_with_all = ["from", "until"])]
    full: bool,
    /// Stop after this many records of each source; the next harvest goes on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_records: Option<u64>,
    /// Print the summaries as JSON, an object a source.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn sources(&self, settings: &Settings) -> anyhow::Result<Vec<Source>> {
        if let (Some(url), Some(name)) = (&self.url, &self.name) {
            let known = SourceSettings {
                url: url.clone(),
                set: self.set.clone(),
                prefix: self.prefix.clone().unwrap_or_else(|| "rdfxml".into()),
                format: None,
                context: self.context.clone(),
                enabled: true,
            };
            return Ok(vec![known.check(name)?]);
        }
        let mut config = settings.config.clone();
        for source in config.sources.values_mut() {
            source.prefix = self.prefix.clone().unwrap_or_else(|| source.prefix.clone());
            source.context = self.context.clone().or_else(|| source.context.clone());
        }
        Ok(config.sources(&self.sources)?)
    }
}

/// How long a run may take to stop by itself; then the program ends in the middle of a view's page. That loses
/// nothing: what was received is in the log, and the next run brings the views up from there.
const GRACE: Duration = Duration::from_millis(400);

const INTERRUPTED: &str = "interrupted; everything received is kept, run the same command again to go on from there";

/// Stops a run at the first Ctrl-C or SIGTERM.
fn stop_on_signals() -> anyhow::Result<Stop> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = Stop::default();
    let told = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = runtime
        .block_on(async { Ok::<_, std::io::Error>((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)) })?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            told.stop();
            tokio::time::sleep(GRACE).await;
        });
        output::message(INTERRUPTED);
        super::exit::at_once(Exit::Interrupted);
    });
    Ok(stop)
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    let sources = arguments.sources(&settings)?;
    if sources.is_empty() {
        anyhow::bail!("no source is enabled\nhint: set enabled = true for one in the configuration, or name one");
    }
    let stop = stop_on_signals()?;
    let mut mirror = Mirror::open(&settings.data, &settings.config, &Settings::who("harvest"))?;
    let options = RunOptions {
        window: Options { full: arguments.full, from: arguments.from, until: arguments.until },
        max_records: arguments.max_records,
    };
    let (mut worst, mut reports) = (Exit::Ok, Vec::new());
    for source in &sources {
        let started = Instant::now();
        let bar = Bar::new(&source.name, !global.quiet && global.verbose == 0 && output::stderr_is_terminal());
        let result = harvest::run(&mut mirror, source, &settings.config, &options, &stop, &mut |progress| bar.show(progress));
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
    if arguments.json {
        output::json(&reports)?;
    }
    Ok(worst)
}

/// The exit code of several sources: the one that most needs someone to look.
fn worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Ok => 0,
        Exit::Quarantined => 1,
        Exit::Unavailable => 2,
        Exit::Locked => 3,
        Exit::Usage => 4,
        Exit::Failed => 5,
        Exit::Interrupted => 6,
    };
    if rank(other) > rank(one) { other } else { one }
}

fn exit_of(report: &HarvestReport, quiet: bool) -> Exit {
    match &report.outcome {
        Outcome::Interrupted => Exit::Interrupted,
        Outcome::Unavailable(error) => {
            if quiet {
                output::error(&format!("{}: {error}", report.source));
            }
            Exit::Unavailable
        }
        Outcome::Complete | Outcome::Enough if report.quarantined > 0 => Exit::Quarantined,
        Outcome::Complete | Outcome::Enough => Exit::Ok,
    }
}

fn summary(report: &HarvestReport, time: Duration) -> String {
    let counters = &report.counters;
    let window = match (&report.from, report.resumed) {
        (_, true) => " (resumed)".to_owned(),
        (Some(from), _) => format!(" since {from}"),
        (None, _) => String::new(),
    };
    let quarantined = if report.quarantined > 0 {
        format!(", {} quarantined (see `libris-mirror quarantine`)", grouped(report.quarantined))
    } else {
        String::new()
    };
    let end = match &report.outcome {
        Outcome::Complete => String::new(),
        Outcome::Enough => "\nstopped at --max-records; the next harvest goes on from there".into(),
        Outcome::Interrupted => {
            "\ninterrupted; everything received is kept, run the same command again to go on from there".into()
        }
        Outcome::Unavailable(error) => {
            format!("\nthe source gave out: {error}\neverything received is kept, run the same command again to go on from there")
        }
    };
    format!(
        "{}{window}: {} records in {} pages: {} new, {} changed, {} deleted, {} unchanged{quarantined}; {:.1} s{end}",
        report.source,
        grouped(counters.received),
        grouped(counters.pages),
        grouped(counters.created),
        grouped(counters.changed),
        grouped(counters.deleted),
        grouped(counters.unchanged),
        time.as_secs_f64()
    )
}

fn as_json(report: &HarvestReport, time: Duration) -> serde_json::Value {
    let HarvestReport { source, resumed, from, counters, quarantined, outcome, snapshot } = report;
    let (outcome, error) = match outcome {
        Outcome::Complete => ("complete", None),
        Outcome::Enough => ("max-records", None),
        Outcome::Interrupted => ("interrupted", None),
        Outcome::Unavailable(error) => ("unavailable", Some(error.to_string())),
    };
    json!({
        "source": source, "outcome": outcome, "error": error, "resumed": resumed, "from": from, "seconds": time.as_secs_f64(),
        "pages": counters.pages, "received": counters.received, "created": counters.created, "changed": counters.changed,
        "deleted": counters.deleted, "unchanged": counters.unchanged, "bytes": counters.bytes, "quarantined": quarantined, "snapshot": snapshot,
    })
}

/// Progress on a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(source: &str, visible: bool) -> Self {
        let bar = ProgressBar::with_draw_target(
            None,
            if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {human_pos} records, {msg} [{elapsed}]") {
            bar.set_style(style);
        }
        bar.set_prefix(source.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    fn show(&self, progress: &Progress) {
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

    fn clear(&self) {
        self.0.finish_and_clear();
    }
}
