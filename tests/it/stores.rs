//! SPARQL servers that we did not write: Virtuoso 7 (Debian's `virtuoso-opensource-7-bin`) and oxigraph's own (from `PyPI`).

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::blocking::Client;

use crate::clients::clients;
use crate::harness::Bench;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Virtuoso,
    Oxigraph,
}

/// A server in a directory of its own. It is killed when it is dropped.
pub struct Store {
    pub kind: Kind,
    directory: tempfile::TempDir,
    program: PathBuf,
    ports: Ports,
    child: Child,
}

/// Where it listens: over HTTP, and Virtuoso for SQL as well.
#[derive(Clone, Copy)]
struct Ports {
    http: u16,
    sql: u16,
}

impl Ports {
    fn free() -> Self {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let [http, sql] = listeners.map(|listener| listener.local_addr().expect("an address").port());
        Self { http, sql }
    }
}

fn program(kind: Kind) -> Option<PathBuf> {
    let clients = clients()?;
    match kind {
        Kind::Oxigraph => Some(clients.join("venv/bin/oxigraph")),
        Kind::Virtuoso => Some("virtuoso-t".into()),
    }
}

const LIMIT: Duration = Duration::from_mins(2);

impl Store {
    /// Starts a server, where the clients of tests are installed.
    pub fn start(kind: Kind) -> Option<Self> {
        let program = program(kind)?;
        let directory = tempfile::tempdir().expect("a directory");
        let ports = Ports::free();
        let child = spawn(kind, &program, directory.path(), ports);
        let mut store = Self { kind, directory, program, ports, child };
        store.wait();
        Some(store)
    }

    /// Kills it, without a warning.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }

    /// Starts it again, on the same data.
    pub fn again(&mut self) {
        let lock = self.directory.path().join("virtuoso.lck");
        if lock.exists() {
            fs_err::remove_file(lock).expect("removed");
        }
        self.child = spawn(self.kind, &self.program, self.directory.path(), self.ports);
        self.wait();
    }

    fn wait(&mut self) {
        let begun = Instant::now();
        let client = Client::new();
        let url = format!("{}?query=ASK%7B%7D", self.query_url());
        loop {
            let asked = client.get(&url).timeout(Duration::from_secs(5)).send();
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            if let Some(ended) = self.child.try_wait().expect("a child") {
                let log = fs_err::read_to_string(self.directory.path().join("virtuoso.log")).unwrap_or_default();
                panic!("{:?} ended with {ended}: {log}", self.kind);
            }
            assert!(begun.elapsed() < LIMIT, "{:?} does not answer", self.kind);
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn sql(&self, statement: &str) {
        let address = format!("127.0.0.1:{}", self.ports.sql);
        let words = [address.as_str(), "dba", "dba", &format!("exec={statement};")];
        let done = Command::new("isql-vt").args(words).output().expect("isql-vt starts");
        assert!(done.status.success(), "{statement}: {}", String::from_utf8_lossy(&done.stderr));
    }

    pub fn query_url(&self) -> String {
        let path = if self.kind == Kind::Virtuoso { "sparql" } else { "query" };
        format!("http://127.0.0.1:{}/{path}", self.ports.http)
    }

    fn update_url(&self) -> String {
        let path = if self.kind == Kind::Virtuoso { "sparql-auth" } else { "update" };
        format!("http://127.0.0.1:{}/{path}", self.ports.http)
    }

    /// Names it in a bench's configuration, with more settings.
    pub fn name_in(&self, bench: &Bench, name: &str, more: &str) {
        let mut settings =
            format!("query = \"{}\"\nupdate = \"{}\"\nretry_s = 60\n{more}\n", self.query_url(), self.update_url());
        match self.kind {
            Kind::Oxigraph => settings.push_str(&format!("graph_store = \"http://127.0.0.1:{}/store\"\n", self.ports.http)),
            Kind::Virtuoso => {
                let secret = bench.path().join("secret");
                fs_err::write(&secret, "dba\n").expect("written");
                settings.push_str(&format!("user = \"dba\"\npassword_file = \"{}\"\n", secret.display()));
            }
        }
        bench.configure_section(&format!("remote.{name}"), &settings);
    }

    /// The number that a query gives.
    pub fn count(&self, query: &str) -> u64 {
        let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
        let request = Client::new().post(self.query_url()).header("accept", "text/csv");
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer = request.send().expect("an answer").text().expect("text");
        let number = answer.lines().nth(1).map(|line| line.trim_matches('"').to_owned());
        number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{query}: {answer}"))
    }

    /// Runs the script of files for its bulk loader.
    pub fn load(&mut self, files: &Path) {
        let mut script = Command::new(files.join("load.sh"));
        match self.kind {
            Kind::Virtuoso => {
                script.env("VIRTUOSO", format!("127.0.0.1:{}", self.ports.sql));
            }
            Kind::Oxigraph => {
                self.kill();
                script.env("OXIGRAPH", &self.program).arg(self.directory.path());
            }
        }
        let done = script.output().expect("the script starts");
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{said}");
        if self.kind == Kind::Oxigraph {
            self.again();
        }
    }

    /// Lets somebody else write there.
    pub fn tamper(&self, update: &str) {
        match self.kind {
            Kind::Oxigraph => {
                let request = Client::new().post(self.update_url()).header("content-type", "application/sparql-update");
                let answer = request.body(update.to_owned()).send().expect("an answer");
                assert!(answer.status().is_success(), "{update}: {:?}", answer.text());
            }
            Kind::Virtuoso => self.sql(&format!("SPARQL {update}")),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(kind: Kind, program: &Path, directory: &Path, Ports { http, sql }: Ports) -> Child {
    let mut command = Command::new(program);
    match kind {
        Kind::Oxigraph => {
            command
                .args(["serve", "--union-default-graph", "--location"])
                .arg(directory)
                .args(["--bind", &format!("127.0.0.1:{http}")]);
        }
        Kind::Virtuoso => {
            let settings = format!(
                "[Database]\nDatabaseFile = virtuoso.db\nErrorLogFile = virtuoso.log\nLockFile = virtuoso.lck\n\
                 TransactionFile = virtuoso.trx\nxa_persistent_file = virtuoso.pxa\n\
                 [TempDatabase]\nDatabaseFile = temp.db\nTransactionFile = temp.trx\n\
                 [Parameters]\nServerPort = 127.0.0.1:{sql}\nDirsAllowed = /\nNumberOfBuffers = 20000\nMaxDirtyBuffers = 15000\n\
                 [HTTPServer]\nServerPort = 127.0.0.1:{http}\nServerRoot = .\n\
                 [SPARQL]\nResultSetMaxRows = 10000\n",
            );
            fs_err::write(directory.join("virtuoso.ini"), settings).expect("written");
            command.args(["+foreground", "+configfile", "virtuoso.ini"]).current_dir(directory);
        }
    }
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    spawned.unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}
