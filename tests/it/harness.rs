//! The bench that every test stands on: a data directory, a fake Libris, and the real binary with a clean environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use chrono::Utc;
use libris_mirror::demo::{Catalogue, FakeLibris, Faults, ServerState, Shapes};
use serde_json::Value;

/// A mirror in a directory of its own.
pub struct Bench {
    directory: tempfile::TempDir,
    /// The base URL of the source.
    pub url: String,
    /// The URL of its JSON-LD context.
    pub context: String,
    server: Option<FakeLibris>,
}

/// The binary that cargo built for these tests, two directories above the test's own.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    test.ancestors().nth(2).expect("the target directory").join("libris-mirror")
}

/// How long or large a test is to be, where the environment says so.
#[expect(clippy::disallowed_methods, reason = "tests have no command line of their own")]
pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The package's directory: of the clone that runs, which may not be the one that compiled.
pub fn package() -> PathBuf {
    text_setting("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned()).into()
}

/// What the environment says, if anything.
#[expect(clippy::disallowed_methods, reason = "tests have no command line of their own")]
pub fn text_setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What a command did.
pub struct Done {
    pub command: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    pub fn of(command: String, output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { command, code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Fails with everything that helps unless the exit code is this.
    pub fn expect(self, code: i32) -> Self {
        let Self { command, code: got, stdout, stderr } = &self;
        assert_eq!(*got, Some(code), "\n$ {command}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        self
    }

    pub fn ok(self) -> String {
        self.expect(0).stdout
    }

    pub fn json(self) -> Value {
        let done = self.expect(0);
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{}: {error}\n{}", done.command, done.stdout))
    }
}

impl Bench {
    /// A fake Libris of so many records.
    pub fn new(records: u64) -> Self {
        Self::wrapped(records, |router| router)
    }

    /// A fake Libris whose records have these shapes.
    pub fn shaped(records: u64, shapes: Shapes) -> Self {
        Self::of(Catalogue::shaped(records, shapes, Utc::now()), |router| router)
    }

    /// A fake Libris whose routes are wrapped, to make faults.
    pub fn wrapped(records: u64, wrap: impl FnOnce(Router) -> Router) -> Self {
        Self::of(Catalogue::new(records, Utc::now()), wrap)
    }

    fn of(catalogue: Catalogue, wrap: impl FnOnce(Router) -> Router) -> Self {
        let state = ServerState::new(catalogue, true);
        let server = FakeLibris::start(state, 0, wrap).expect("a free port");
        let (url, context) = (server.url(), server.context_url());
        Self { directory: tempfile::tempdir().expect("a directory"), url, context, server: Some(server) }
    }

    /// A fake Libris with small pages, whose answers are spoiled.
    pub fn faulty(records: u64, page_rows: usize, faults: &Arc<Faults>) -> Self {
        let bench = Self::wrapped(records, |router| faults.around(router));
        bench.state().page_rows.store(page_rows, Ordering::Relaxed);
        bench
    }

    /// A source that is not the fake Libris.
    pub fn at(url: &str) -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), url: url.into(), context: String::new(), server: None }
    }

    /// Another mirror of the same source.
    pub fn beside(&self) -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            url: self.url.clone(),
            context: self.context.clone(),
            server: None,
        }
    }

    pub fn state(&self) -> &Arc<ServerState> {
        &self.server.as_ref().expect("a fake Libris").state
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn data(&self) -> PathBuf {
        self.path().join("mirror")
    }

    /// Adds a source to the user's configuration.
    pub fn configure(&self, name: &str, settings: &str) {
        self.configure_section(&format!("sources.{name}"), settings);
    }

    /// Adds a section to the user's configuration.
    pub fn configure_section(&self, section: &str, settings: &str) {
        let path = self.path().join(".config/libris-mirror/config.toml");
        fs_err::create_dir_all(path.parent().expect("a folder")).expect("created");
        let before = fs_err::read_to_string(&path).unwrap_or_default();
        fs_err::write(&path, format!("{before}[{section}]\n{settings}\n")).expect("written");
    }

    /// The binary with these words, a clean environment, no pauses and short retries.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(words).env_clear().env("HOME", self.path()).env("LIBRIS_MIRROR_DATA", self.data()).stdin(Stdio::null());
        for (name, value) in [("PAUSE_MS", "0"), ("RETRY_MIN_MS", "1"), ("RETRY_MAX_MS", "20"), ("TRIES", "4")] {
            command.env(format!("LIBRIS_MIRROR_HARVEST__{name}"), value);
        }
        command.current_dir(self.path());
        command
    }

    /// Runs the binary to its end.
    #[must_use]
    pub fn run(&self, words: &[&str]) -> Done {
        let output = self.command(words).output().expect("the binary starts");
        Done::of(format!("libris-mirror {}", words.join(" ")), &output)
    }

    /// Starts the binary with its output piped.
    pub fn start(&self, words: &[&str]) -> Child {
        self.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
    }

    /// The words of a harvest of a set, or of everything, and more words.
    pub fn harvest_words<'a>(&'a self, name: &'a str, set: Option<&'a str>, more: &[&'a str]) -> Vec<&'a str> {
        let mut words = vec!["harvest", "--json", "--name", name, "--url", &self.url];
        if let Some(set) = set {
            words.extend(["--set", set]);
        }
        words.extend(more);
        words
    }

    /// Harvests and answers the summary.
    pub fn harvest(&self, name: &str, set: Option<&str>, more: &[&str]) -> Value {
        let summary = self.run(&self.harvest_words(name, set, more)).json();
        summary[0].clone()
    }

    /// Everything that the mirror holds, for comparison: the N-Quads, the table of records, the links, the
    /// names, the entries of the search, the kept counts, and the indexes that there are.
    pub fn contents(&self) -> Vec<String> {
        let mut lines = self.quads();
        let log = rusqlite::Connection::open(self.data().join("mirror.db")).expect("a log");
        for query in [
            "SELECT name, identifier, datestamp_text, datestamp, sets, record.deleted, record.withdrawn, hex(hash) FROM record JOIN source ON source.id = source_id ORDER BY 1, 2",
            "SELECT graph, entity, path, property, authority, local_id, iri FROM link ORDER BY 1, 2, 3, 4, 5, 6, 7",
            "SELECT graph, entity, kind, label, heading, detail, year, triples FROM entry ORDER BY 1",
            "SELECT identifier, iri, language, text, rank FROM label JOIN record ON record.id = record_id ORDER BY 1, 2, 5, 3, 4",
            "SELECT name, live, deleted, withdrawn FROM source ORDER BY 1",
            "SELECT name FROM sqlite_schema WHERE type = 'index' ORDER BY 1",
        ] {
            let mut statement = log.prepare(query).expect("valid");
            let columns = statement.column_count();
            let mut rows = statement.query([]).expect("valid");
            while let Some(row) = rows.next().expect("readable") {
                let values = (0..columns).map(|column| format!("{:?}", row.get_ref(column).expect("there")));
                lines.push(values.collect::<Vec<_>>().join(" "));
            }
        }
        lines
    }

    /// The mirror as sorted N-Quads.
    pub fn quads(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.run(&["export", "--format", "nq"]).ok().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// The links as CSV by authority.
    pub fn link_stats(&self) -> BTreeMap<String, u64> {
        let stats = self.run(&["links", "--stats", "--format", "json"]).json();
        let rows = stats.as_array().expect("an array");
        rows.iter()
            .map(|row| (row["authority"].as_str().expect("a name").to_owned(), row["links"].as_u64().expect("a number")))
            .collect()
    }

    /// The single number that a query gives.
    pub fn count(&self, query: &str) -> u64 {
        let table = self.run(&["query", "--format", "csv", query]).ok();
        let number = table.lines().nth(1).unwrap_or_else(|| panic!("no row: {table}"));
        number.trim().parse().unwrap_or_else(|error| panic!("{number}: {error}"))
    }
}
