//! `libris-mirror remote`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;
use serde::Serialize;

use super::exit::{Exit, Misuse, of_error};
use super::form::Form;
use super::global::Global;
use super::harvest_report::worse;
use super::output::{self, counted, grouped};
use super::settings::Settings;
use super::signals::{INTERRUPTED, SoFar, stop_on_signals};
use super::values;
use crate::config::{Remote, nearest};
use crate::remote::{self, Note, RemoteError};
use crate::stop::Stop;

/// Let SPARQL servers follow the mirror: Virtuoso, GraphDB, Fuseki, oxigraph and others, by `[remote.NAME]` in the configuration.
///
/// Each record is a named graph there, and what the source changed or deleted is changed or deleted there. The server keeps how far it has
/// come, so that a sync that was interrupted goes on, and a server that was restored or emptied is noticed.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "the comments are the text of --help")]
#[command(after_help = "Examples:
  libris-mirror remote sync                      bring all remote stores up to date
  libris-mirror remote status                    how far they are
  libris-mirror remote verify virtuoso --sample 1000
  libris-mirror remote bulk virtuoso --dir bulk --engine virtuoso
  libris-mirror remote reset virtuoso            let it follow from the beginning, replacing what it has")]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Bring remote stores up to the end of the log.
    Sync {
        /// Which [default: all].
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Ask remote stores how far they are.
    Status {
        /// Which [default: all].
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Bring a remote store up to date, and compare its graphs with those that the records give. Exit code 1 if one differs.
    Verify {
        /// Which.
        name: String,
        /// Compare about this many records, chosen by chance, in place of all.
        #[arg(long, value_name = "N", value_parser = values::count)]
        sample: Option<u64>,
        #[command(flatten)]
        form: Form,
    },
    /// Write files, and a script, for the server's own bulk loader. After it, `sync` goes on from there.
    Bulk {
        /// Which.
        name: String,
        /// The directory: a new one, or one of an earlier run.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Whose loader.
        #[arg(long, value_enum)]
        engine: Engine,
        #[command(flatten)]
        form: Form,
    },
    /// Let a remote store follow from the beginning. What it has of this mirror is replaced as it goes.
    Reset {
        /// Which.
        name: String,
        /// Empty the store first, whoever wrote what it has. Where a server does not clear, the graphs of this mirror's records are dropped.
        #[arg(long)]
        clear: bool,
    },
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    settings.read_log()?;
    let stop = stop_on_signals(SoFar::default())?;
    match &arguments.action {
        Action::Sync { names, form } => sync(&settings, &named(&settings, names)?, *form, global, &stop),
        Action::Status { names, form } => status(&settings, &named(&settings, names)?, *form, &stop),
        Action::Verify { name, sample, form } => {
            let [remote] = named(&settings, std::slice::from_ref(name))?.try_into().map_err(|_| Misuse(name.clone()))?;
            verify(&settings, &remote, *sample, *form, global, &stop)
        }
        Action::Bulk { name, dir, engine, form } => {
            let [remote] = named(&settings, std::slice::from_ref(name))?.try_into().map_err(|_| Misuse(name.clone()))?;
            bulk(&settings, &remote, dir, *engine, *form, global)
        }
        Action::Reset { name, clear } => {
            for remote in named(&settings, std::slice::from_ref(name))? {
                remote::reset(&remote, &settings.data, *clear, &stop)?;
                if !global.quiet {
                    output::message(&format!("{name}: the next sync begins at the log's first change"));
                }
            }
            Ok(Exit::Ok)
        }
    }
}

/// The remote stores of these names, or all.
fn named(settings: &Settings, names: &[String]) -> anyhow::Result<Vec<Remote>> {
    let all = settings.config.remotes()?;
    if all.is_empty() {
        let hint = "hint: name one in the configuration: [remote.NAME], with query and update; see `libris-mirror guide remote`";
        return Err(Misuse(format!("there is no remote store\n{hint}")).into());
    }
    let known = || all.iter().map(|remote| remote.name.as_str());
    if let Some(unknown) = names.iter().find(|name| !known().any(|known| known == name.as_str())) {
        let nearest = nearest(known(), unknown).map(|nearest| format!("\nhint: did you mean `{nearest}`?"));
        let (known, nearest) = (known().collect::<Vec<_>>().join(", "), nearest.unwrap_or_default());
        return Err(Misuse(format!("no remote store is called {unknown:?}; the configuration has {known}{nearest}")).into());
    }
    Ok(all.into_iter().filter(|remote| names.is_empty() || names.contains(&remote.name)).collect())
}

fn sync(settings: &Settings, remotes: &[Remote], form: Form, global: &Global, stop: &Stop) -> anyhow::Result<Exit> {
    let (mut worst, mut reports) = (Exit::Ok, Vec::<serde_json::Value>::new());
    for remote in remotes {
        let bar = bar(global, &remote.name);
        let result = remote::sync(remote, &settings.data, &settings.config, stop, |done| bar.set_position(done.records));
        bar.finish_and_clear();
        match result {
            Ok(report) => {
                if !global.quiet && !form.json() {
                    output::message(&format!(
                        "{}: {} in {:.1} s, at change {}",
                        remote.name,
                        counted(report.records, "record"),
                        report.seconds,
                        grouped(u64::try_from(report.change).unwrap_or_default())
                    ));
                }
                reports.push(serde_json::to_value(&report)?);
            }
            Err(RemoteError::Stopped) => {
                output::message(INTERRUPTED);
                return Ok(Exit::Interrupted);
            }
            Err(error) => {
                reports.push(serde_json::json!({"remote": remote.name, "error": error.to_string()}));
                worst = worse(worst, of_error(&error.into()));
            }
        }
    }
    if form.json() {
        output::json(&reports)?;
    }
    Ok(worst)
}

fn bar(global: &Global, name: &str) -> ProgressBar {
    let bar = output::bar(global, "{spinner} {prefix}: {human_pos} records [{elapsed}, {per_sec}]");
    bar.set_prefix(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn verify(
    settings: &Settings,
    remote: &Remote,
    sample: Option<u64>,
    form: Form,
    global: &Global,
    stop: &Stop,
) -> anyhow::Result<Exit> {
    let bar = bar(global, &remote.name);
    let result = remote::verify(remote, &settings.data, &settings.config, sample, stop, |records| bar.set_position(records));
    bar.finish_and_clear();
    let report = match result {
        Err(RemoteError::Stopped) => return Ok(Exit::Interrupted),
        other => other?,
    };
    let exit = if report.fault_count > 0 { Exit::Failed } else { Exit::Ok };
    if form.json() {
        output::json(&report)?;
        return Ok(exit);
    }
    output::faults(&report.faults, report.fault_count);
    if report.fault_count > 0 {
        output::message(&format!(
            "hint: `libris-mirror remote reset {0}`, then `remote sync {0}`, sends every record again",
            remote.name
        ));
    } else if !global.quiet {
        let forms = match report.other_forms {
            0 => String::new(),
            forms => format!("; {} that the store writes in another form of the same value", counted(forms, "literal")),
        };
        let others = match report.other_graphs {
            None | Some(0) => String::new(),
            Some(others) => format!("; {} there that are not of this mirror", counted(others, "graph")),
        };
        output::message(&format!(
            "no faults: {} with {} triples, at change {}{forms}{others}",
            counted(report.records, "record"),
            grouped(report.triples),
            grouped(u64::try_from(report.change).unwrap_or_default())
        ));
    }
    Ok(exit)
}

/// Whose bulk loader.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Engine {
    Virtuoso,
    Oxigraph,
    /// Any that reads N-Quads from a pipe.
    Other,
}

fn bulk(settings: &Settings, remote: &Remote, dir: &Path, engine: Engine, form: Form, global: &Global) -> anyhow::Result<Exit> {
    let engine = match engine {
        Engine::Virtuoso => remote::Engine::Virtuoso,
        Engine::Oxigraph => remote::Engine::Oxigraph,
        Engine::Other => remote::Engine::Other,
    };
    let report = remote::bulk(remote, &settings.data, &settings.config, engine, dir)?;
    if form.json() {
        output::json(&report)?;
    } else if !global.quiet {
        output::message(&format!(
            "{} with {} triples in {}; run {} where the server is, then `libris-mirror remote sync`",
            counted(report.records, "record"),
            grouped(report.quads),
            counted(report.files as u64, "file"),
            dir.join("load.sh").display()
        ));
    }
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct Status {
    remote: String,
    query: String,
    /// The last change of the log that it has; none if it cannot be asked, and never was.
    change: Option<i64>,
    page: Option<i64>,
    /// How many changes of the log it does not have.
    behind: Option<u64>,
    /// Why it cannot be asked.
    error: Option<String>,
    auto: bool,
}

fn status(settings: &Settings, remotes: &[Remote], form: Form, stop: &Stop) -> anyhow::Result<Exit> {
    let log = settings.read_log()?;
    let (mut worst, mut rows) = (Exit::Ok, Vec::new());
    for remote in remotes {
        let asked = remote::whereabouts(remote, &settings.data, stop);
        let note = Note::read(settings.data.path(), &remote.name);
        let behind = note.as_ref().map(|note| note.behind(&log)).transpose()?;
        let error = asked.err();
        rows.push(Status {
            remote: remote.name.clone(),
            query: remote.query.to_string(),
            change: note.as_ref().map(|note| note.change),
            page: note.as_ref().map(|note| note.page),
            behind,
            error: error.as_ref().map(ToString::to_string),
            auto: remote.auto,
        });
        if let Some(error) = error {
            worst = worse(worst, of_error(&error.into()));
        }
    }
    if form.json() {
        output::json(&rows)?;
        return Ok(worst);
    }
    let mut table = output::table(&["remote", "at change", "behind by", "auto", "queries"]);
    for row in rows {
        let number = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), grouped);
        let change = number(row.change.and_then(|change| u64::try_from(change).ok()));
        // What was known of a store that does not answer is old.
        let (change, behind) = match row.error {
            Some(_) => (format!("{change} when it answered last"), "unknown".to_owned()),
            None => (change, number(row.behind)),
        };
        let auto = if row.auto { "yes" } else { "no" };
        table.add_row([row.remote, change, behind, auto.to_owned(), row.query]);
    }
    let mut out = output::stdout();
    writeln!(out, "{table}")?;
    out.flush()?;
    Ok(worst)
}
