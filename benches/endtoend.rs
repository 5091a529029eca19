//! The real binary from first harvest to export, beside its peers, against the fake Libris on 127.0.0.1.
//!
//! `cargo bench --profile release --bench endtoend -- [RECORDS] [RUNS] [KEPT] [KEY=VALUE ..]`, 25 731 records and five runs by default,
//! with these settings, such as store.enabled=false; medians, with the least and the most in brackets; then how idle the machine is when a source gives 200 records a second.
//! Peers: oxigraph alone, by the crate that this program uses; and a Python whose path is in `LIBRIS_MIRROR_PEERS`, with
//! pyoxigraph, oaipmh-scythe and lxml. Up to KEPT records, 100 000 by default, the fake renders each page once, before
//! anything is timed; of more it makes each page when it is asked, on the same cores, and the peers rest. To compare with
//! a larger mirror, keep none.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use libris_mirror::demo::{Catalogue, FakeLibris, ServerState};
use oxigraph::io::RdfFormat;
use oxigraph::store::Store;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Pages of so many records are kept by default: about half a GB.
const KEPT: u64 = 100_000;

/// Prints a line of the result.
macro_rules! say {
    ($($words:tt)*) => { writeln!(std::io::stdout(), $($words)*)? };
}

/// Prints how far it is.
macro_rules! tell {
    ($($words:tt)*) => { writeln!(std::io::stderr(), $($words)*)? };
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a program did.
#[derive(Clone, Copy, Default)]
struct Run {
    seconds: f64,
    /// Until the file that was waited for was there.
    until: f64,
    /// The most memory, in MB.
    memory: f64,
    /// Processor time, in seconds.
    cpu: f64,
}

/// Runs a program to its end.
fn run(command: &mut Command, waited_for: Option<&Path>) -> Result<Run, Failure> {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let mut run = Run::default();
    loop {
        run.memory = run.memory.max(memory(&child));
        run.cpu = run.cpu.max(cpu(&child));
        if run.until == 0.0 && waited_for.is_some_and(Path::exists) {
            run.until = started.elapsed().as_secs_f64();
        }
        if let Some(status) = child.try_wait()? {
            run.seconds = started.elapsed().as_secs_f64();
            return if status.success() { Ok(run) } else { Err(format!("{command:?} ended with {status}").into()) };
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn memory(child: &Child) -> f64 {
    let status = fs_err::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or_default() / 1000.0
}

/// Fields 14 and 15 of proc(5)'s stat, in hundredths of a second.
fn cpu(child: &Child) -> f64 {
    let stat = fs_err::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn megabytes(path: &Path) -> f64 {
    let (mut total, mut todo) = (0, vec![path.to_owned()]);
    while let Some(path) = todo.pop() {
        match fs_err::read_dir(&path) {
            Ok(entries) => todo.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) => total += fs_err::metadata(&path).map_or(0, |metadata| metadata.len()),
        }
    }
    f64::from(u32::try_from(total / 1000).unwrap_or(u32::MAX)) / 1000.0
}

/// Keeps every answer, and gives it again to the same request.
fn kept(router: axum::Router) -> axum::Router {
    let answers: Arc<Mutex<BTreeMap<String, Bytes>>> = Arc::default();
    router.layer(from_fn(move |request: Request, next: Next| {
        let answers = Arc::clone(&answers);
        async move {
            let key = request.uri().to_string();
            let known = answers.lock().map(|answers| answers.get(&key).cloned()).unwrap_or_default();
            if let Some(body) = known {
                return Response::builder().header("content-type", "text/xml").body(Body::from(body)).unwrap_or_default();
            }
            let answer = next.run(request).await;
            let Ok(body) = to_bytes(answer.into_body(), usize::MAX).await else { return Response::default() };
            // What is asked with bounds is what changed, and changes.
            if !key.contains("from=")
                && let Ok(mut answers) = answers.lock()
            {
                answers.insert(key, body.clone());
            }
            Response::builder().header("content-type", "text/xml").body(Body::from(body)).unwrap_or_default()
        }
    }))
}

/// The figures of all runs, by what was timed.
#[derive(Default)]
struct Table(Vec<(String, Vec<Run>)>);

impl Table {
    fn note(&mut self, what: &str, run: Run) -> Result<(), Failure> {
        tell!("{what}: {:.2} s, {:.0} MB", run.seconds, run.memory);
        match self.0.iter_mut().find(|(known, _)| known == what) {
            Some((_, runs)) => runs.push(run),
            None => self.0.push((what.to_owned(), vec![run])),
        }
        Ok(())
    }

    fn print(&self, records: u64) -> Result<(), Failure> {
        say!("\n| work | seconds | records/s | processor, s | memory, MB |\n|---|---|---|---|---|");
        for (what, runs) in &self.0 {
            let mut seconds: Vec<f64> = runs.iter().map(|run| run.seconds).collect();
            seconds.sort_by(f64::total_cmp);
            let median = seconds[seconds.len() / 2];
            let memory = runs.iter().map(|run| run.memory).fold(0.0, f64::max);
            let cpu = runs.iter().map(|run| run.cpu).sum::<f64>() / f64::from(u32::try_from(runs.len())?);
            let rate = f64::from(u32::try_from(records).unwrap_or(u32::MAX)) / median;
            let (least, most) = (seconds[0], seconds[seconds.len() - 1]);
            say!("| {what} | {median:.2} ({least:.2}–{most:.2}) | {rate:.0} | {cpu:.1} | {memory:.0} |");
        }
        Ok(())
    }
}

struct Bench {
    binary: PathBuf,
    directory: tempfile::TempDir,
    url: String,
    table: Table,
    with_peers: bool,
    /// Settings of this program.
    settings: Vec<String>,
    /// One with the peers that are written in Python.
    python: Option<String>,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn ours(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        // The program refuses settings that it does not know.
        command.env_remove("LIBRIS_MIRROR_PEERS").args(words).arg("--data").arg(self.path("mirror")).args([
            "--set-config",
            "harvest.pause_ms=0",
            "-q",
        ]);
        command.args(self.settings.iter().flat_map(|setting| ["--set-config", setting]));
        command
    }

    fn harvest(&self, more: &[&str]) -> Command {
        let mut command = self.ours(&["harvest", "--name", "all", "--url", &self.url]);
        command.args(more);
        command
    }

    fn fresh(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.path(name);
        if path.exists() {
            if path.is_dir() { fs_err::remove_dir_all(&path)? } else { fs_err::remove_file(&path)? }
        }
        Ok(path)
    }

    fn round(&mut self, state: &ServerState, most: usize) -> Result<(), Failure> {
        let published = self.fresh("mirror")?.join("snapshots/current");
        let run_ = run(&mut self.harvest(&[]), Some(&published))?;
        self.table.note("first harvest, until it is published", Run { seconds: run_.until, ..run_ })?;
        self.table.note("first harvest, until the store has all", run_)?;
        for name in ["mirror.nq", "mirror.nt", "mirror.nt.gz", "mirror.nt.zst"].into_iter().skip(usize::from(!self.with_peers)) {
            let file = self.fresh(name)?.to_string_lossy().into_owned();
            let run_ = run(&mut self.ours(&["export", "-o", &file]), None)?;
            self.table.note(&format!("export, {}", name.trim_start_matches("mirror.")), run_)?;
        }
        if self.with_peers {
            self.peers(&self.path("mirror.nq").to_string_lossy())?;
        }
        let has_store = self.path("mirror/store").exists();
        for view in ["index", "store", "links", "labels", "search"].into_iter().filter(|view| has_store || *view != "store") {
            let run_ = run(&mut self.ours(&["rebuild", view]), None)?;
            self.table.note(&format!("rebuild {view}"), run_)?;
        }
        let run_ = run(&mut self.harvest(&["--full"]), None)?;
        self.table.note("harvest again, nothing changed", run_)?;
        let numbers: Vec<u64> = state.with_catalogue(|catalogue| catalogue.live(usize::MAX));
        let changed: Vec<u64> = numbers.iter().copied().step_by(numbers.len().div_ceil(most).max(1)).collect();
        state.with_catalogue(|catalogue| catalogue.update(&changed, chrono::Utc::now()));
        let (index, before) = (self.path("mirror/index"), self.fresh("index-before")?);
        fs_err::create_dir_all(&before)?;
        // Its files are never changed, only replaced.
        for file in fs_err::read_dir(&index)? {
            let file = file?;
            fs_err::hard_link(file.path(), before.join(file.file_name()))?;
        }
        let run_ = run(&mut self.harvest(&[]), None)?;
        self.table.note(&format!("harvest of {} changes", changed.len()), run_)?;
        fs_err::remove_dir_all(&index)?;
        fs_err::rename(&before, &index)?;
        let run_ = run(&mut self.ours(&["publish"]), None)?;
        self.table.note("the same in the index alone, from the log", run_)?;
        for words in [["publish"].as_slice(), &["query", "ASK {}"], &["status"]] {
            let run_ = run(&mut self.ours(words), None)?;
            self.table.note(&words.join(" "), run_)?;
        }
        Ok(())
    }

    /// How large the mirror is, and its dumps.
    fn sizes(&self, when: &str) -> Result<(), Failure> {
        for name in [
            "mirror/mirror.db",
            "mirror/index",
            "mirror/search",
            "mirror/store",
            "mirror.nq",
            "mirror.nt",
            "mirror.nt.gz",
            "mirror.nt.zst",
        ] {
            let path = self.path(name);
            if path.exists() {
                say!("{when}: {name} {:.1} MB", megabytes(&path));
            }
        }
        Ok(())
    }

    fn peers(&mut self, nquads: &str) -> Result<(), Failure> {
        let me = std::env::current_exe()?;
        let (loaded, dumped) = (self.fresh("loaded")?, self.fresh("dumped.nq")?);
        if self.path("mirror/store").exists() {
            let run_ = run(Command::new(&me).arg("--dump").arg(self.path("mirror/store")).arg(&dumped), None)?;
            self.table.note("oxigraph: dump of the store to N-Quads", run_)?;
        }
        let run_ = run(Command::new(&me).args(["--load", nquads]).arg(&loaded), None)?;
        self.table.note("oxigraph: bulk load of the N-Quads", run_)?;
        let Some(python) = self.python.clone() else { return Ok(()) };
        let (loaded, scripted) = (self.fresh("loaded")?, self.fresh("scripted")?);
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers");
        let script = |name: &str| {
            let mut command = Command::new(&python);
            command.arg(peers.join(name));
            command
        };
        let run_ = run(script("load.py").arg(nquads).arg(&loaded), None)?;
        self.table.note("pyoxigraph: bulk load of the N-Quads", run_)?;
        let run_ = run(script("harvest.py").arg(&self.url).arg(&scripted), None)?;
        self.table.note("script: oaipmh-scythe, lxml, pyoxigraph", run_)?;
        Ok(())
    }
}

/// A source that gives 200 records a second, and the default limits: how idle the machine is.
fn polite(binary: &Path) -> Result<(), Failure> {
    const RECORDS: u64 = 6000;
    let state = ServerState::new(Catalogue::new(RECORDS, chrono::Utc::now()), true);
    let slowly = |router: axum::Router| {
        router.layer(from_fn(|request: Request, next: Next| async move {
            if request.uri().query().is_some_and(|query| query.contains("ListRecords")) {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            next.run(request).await
        }))
    };
    let fake = FakeLibris::start(state, 0, slowly)?;
    let directory = tempfile::tempdir()?;
    let mut command = Command::new(binary);
    command
        .env_remove("LIBRIS_MIRROR_PEERS")
        .args(["harvest", "-q", "--name", "all", "--url", &fake.url(), "--data"])
        .arg(directory.path());
    let Run { seconds, cpu, memory, .. } = run(&mut command, None)?;
    let cores = f64::from(u32::try_from(libris_mirror::pipeline::cores())?);
    let idle = 100.0 * (1.0 - cpu / seconds / cores);
    say!(
        "\n{RECORDS} records at 200 a second, default limits: {seconds:.1} s, {cpu:.1} s of processor, {memory:.0} MB; {cores} cores idle {idle:.1} %"
    );
    Ok(())
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--load", file, directory] => {
            let store = Store::open(directory)?;
            let mut loader = store.bulk_loader();
            loader.load_from_reader(RdfFormat::NQuads, BufReader::with_capacity(1 << 20, File::open(file)?))?;
            loader.commit()?;
            return Ok(store.flush()?);
        }
        ["--dump", directory, file] => {
            let out = std::io::BufWriter::with_capacity(1 << 20, File::create(file)?);
            Store::open_read_only(directory)?.dump_to_writer(RdfFormat::NQuads, out)?;
            return Ok(());
        }
        _ => {}
    }
    let records: u64 = words.first().map_or(Ok(25_731), |records| records.parse())?;
    let runs: u32 = words.get(1).map_or(Ok(5), |runs| runs.parse())?;
    let keep = records <= words.get(2).map_or(Ok(KEPT), |most| most.parse())?;
    let state = ServerState::new(Catalogue::new(records, chrono::Utc::now()), false);
    let fake = FakeLibris::start(Arc::clone(&state), 0, |router| if keep { kept(router) } else { router })?;
    #[expect(clippy::disallowed_methods, reason = "a bench is its own command line")]
    let python = std::env::var("LIBRIS_MIRROR_PEERS").ok();
    let me = std::env::current_exe()?;
    let mut bench = Bench {
        binary: me.ancestors().nth(2).ok_or("no target directory")?.join("libris-mirror"),
        directory: tempfile::tempdir()?,
        url: fake.url(),
        settings: words.iter().skip(3).cloned().collect(),
        table: Table::default(),
        with_peers: keep,
        python,
    };
    // Once without a clock, so that the pages are there.
    run(&mut bench.harvest(&["--max-records", if keep { "1000000" } else { "1" }]), None)?;
    for _ in 0..runs {
        bench.round(&state, usize::try_from(records / 100)?.max(1))?;
    }
    bench.sizes("after the updates")?;
    let compacted = run(&mut bench.ours(&["compact"]), None)?;
    bench.table.note("compact", compacted)?;
    bench.sizes("after `compact`")?;
    bench.table.print(records)?;
    polite(&bench.binary)
}
