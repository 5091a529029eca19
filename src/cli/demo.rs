//! `libris-mirror demo`: a tour of the commands against the fake Libris, each step as a user would type it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context;
use chrono::Utc;
use clap::Args;

use super::exit::Exit;
use super::global::Global;
use super::output;
use crate::demo::{Catalogue, FakeLibris, Fault, Faults, ServerState, Shapes, identifier};

/// Show the commands in a few seconds, without a network: a fake Libris on 127.0.0.1, two harvests, status, a query, a
/// link look-up, an export.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror demo
  libris-mirror demo --records 20000 --keep ./demo
  libris-mirror demo --serve-source --port 7800     keep the fake Libris running, for use by hand
  libris-mirror demo --serve-source --faults all    one that misbehaves as real servers do")]
pub(super) struct Arguments {
    /// How many records the fake Libris holds.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(10..=10_000_000))]
    records: u64,
    /// The shapes of its records: old (as in 2025), new (type-normalised), or mixed.
    #[arg(long, default_value = "mixed", value_name = "SHAPES")]
    shapes: Shapes,
    /// Keep the mirror in this directory.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Only serve the fake Libris, until Ctrl-C.
    #[arg(long, conflicts_with = "keep")]
    serve_source: bool,
    /// The port of 127.0.0.1 for the fake Libris [default: any free one].
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Spoil answers: `all`, or names such as busy,cut,html separated by commas; a wrong name lists them.
    #[arg(long, requires = "serve_source", value_name = "NAMES", value_delimiter = ',')]
    faults: Vec<String>,
    /// Spoil one answer of this many.
    #[arg(long, requires = "faults", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    fault_every: u64,
    /// Never compress answers, to measure without it.
    #[arg(long, requires = "serve_source")]
    no_gzip: bool,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let state = ServerState::new(Catalogue::shaped(arguments.records, arguments.shapes, Utc::now()), !arguments.no_gzip);
    let kinds = if arguments.faults.iter().any(|name| name == "all") {
        Fault::ALL.to_vec()
    } else {
        let kinds = arguments.faults.iter().map(|name| name.parse()).collect::<Result<Vec<Fault>, String>>();
        kinds.map_err(anyhow::Error::msg)?
    };
    let faults = Faults::new(kinds, arguments.fault_every);
    let server =
        FakeLibris::start(
            state,
            arguments.port,
            |router| if arguments.faults.is_empty() { router } else { faults.around(router) },
        )
        .with_context(|| format!("port {} of 127.0.0.1 cannot be used", arguments.port))?;
    if arguments.serve_source {
        return serve(&server, arguments.records);
    }
    let temporary = tempfile::tempdir()?;
    let directory = match &arguments.keep {
        Some(directory) => {
            if directory.join("mirror.db").exists() {
                anyhow::bail!("{} already holds a mirror\nhint: name another directory with --keep", directory.display());
            }
            fs_err::create_dir_all(directory)?;
            directory.clone()
        }
        None => temporary.path().join("mirror"),
    };
    let tour = Tour { directory, server: &server, quiet: global.quiet };
    tour.walk()?;
    if let Some(directory) = &arguments.keep {
        let place = directory.display();
        output::message(&format!("the mirror is kept in {place}; look at it with `libris-mirror serve --data {place}`"));
    }
    Ok(Exit::Ok)
}

fn serve(server: &FakeLibris, records: u64) -> anyhow::Result<Exit> {
    let url = server.url();
    let control = url.replace("/api/oaipmh/", "/demo");
    let mut out = output::stdout();
    writeln!(out, "{url}")?;
    out.flush()?;
    output::message(&format!(
        "a fake Libris of {records} records; harvest it with\n  libris-mirror harvest --name nb --url {url} --set nb --set-config harvest.pause_ms=0\nchange it with\n  curl '{control}/change?update=10&delete=5&add=3&leave=2&backdate=2&normalize=4'\nand count what a mirror of a set must hold with\n  curl '{control}/counts?set=nb'\nCtrl-C ends it"
    ));
    loop {
        std::thread::park();
    }
}

struct Tour<'a> {
    directory: PathBuf,
    server: &'a FakeLibris,
    quiet: bool,
}

impl Tour<'_> {
    fn walk(&self) -> anyhow::Result<()> {
        let url = self.server.url();
        let harvest =
            |name: &'static str| ["harvest", "--name", name, "--url", &url, "--set", name, "--set-config", "harvest.pause_ms=0"];
        self.say("A fake Libris answers on 127.0.0.1. Two sets of it are harvested, as `libris-mirror harvest` does from the real one:")?;
        self.step(&harvest("nb"))?;
        self.step(&harvest("auth"))?;
        self.say(
            "At the source, ten records change, five are deleted and three are new. The next harvest asks only for what changed:",
        )?;
        self.server.state.with_catalogue(|catalogue| {
            let live = catalogue.live(15);
            let (update, delete) = live.split_at(live.len().min(10));
            catalogue.update(update, Utc::now());
            catalogue.delete(delete, Utc::now());
            catalogue.add(3, Utc::now());
        });
        self.step(&harvest("nb"))?;
        self.step(&harvest("auth"))?;
        self.say("What the mirror holds now:")?;
        self.step(&["status"])?;
        self.say("SPARQL over all of it:")?;
        self.step(&[
            "query",
            "--format",
            "table",
            "SELECT ?class (COUNT(*) AS ?n) { ?record kbv:mainEntity/a ?class } GROUP BY ?class ORDER BY DESC(?n)",
        ])?;
        self.say("Who else knows a person:")?;
        let person = identifier(40);
        self.step(&["links", "--format", "table", "--record", &person])?;
        self.say("Everything as N-Triples:")?;
        let file = self.directory.join("libris.nt.gz");
        self.step(&["export", "-o", &file.display().to_string()])?;
        self.say("That was the tour. For the real Libris: libris-mirror harvest nb --max-records 5000")
    }

    fn say(&self, text: &str) -> anyhow::Result<()> {
        self.print(&format!("\n{text}\n"))
    }

    fn print(&self, text: &str) -> anyhow::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let mut out = output::stdout();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Prints a command as a user would type it, and runs it.
    fn step(&self, words: &[&str]) -> anyhow::Result<()> {
        let shown: Vec<String> =
            words.iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() }).collect();
        self.print(&format!("$ libris-mirror {}\n", shown.join(" ")))?;
        let program = std::env::current_exe()?;
        fs_err::create_dir_all(&self.directory)?;
        // The user's own configuration must not influence the tour.
        let empty = self.directory.join("empty.toml");
        fs_err::write(&empty, "")?;
        let mut command = Command::new(program);
        command.args(words).arg("--data").arg(&self.directory).arg("--config").arg(&empty).stdin(Stdio::null());
        let done = command.output()?;
        fs_err::remove_file(&empty)?;
        self.print(&String::from_utf8_lossy(&done.stderr))?;
        self.print(&String::from_utf8_lossy(&done.stdout))?;
        if !done.status.success() {
            anyhow::bail!(
                "`libris-mirror {}` ended with {}: {}",
                shown.join(" "),
                done.status,
                String::from_utf8_lossy(&done.stderr).trim()
            );
        }
        Ok(())
    }
}
