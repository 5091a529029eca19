//! Runs every command of the README and of the guide, in order, page by page, and checks the output that they show.
//!
//! The words after a fence's language say how it is run:
//!
//! - `sh`: a script for bash, which must succeed
//! - `sh exit-65`: one that must end with that code
//! - `sh server`: a command that serves until the next one does, or until the page ends
//! - `text output`: lines of what the fence before printed, in order; numbers may differ
//! - `text output exact`: the same, with these numbers
//!
//! Other fences are not run, and must not have commands of ours. Sources point at a fake Libris, and what the pages say about
//! the real one is replaced (`Run::new`).

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use libris_mirror::demo::identifier;
use libris_mirror::guide::{INDEX, TOPICS};

use crate::harness::{Bench, Done, binary, package};
use crate::server::Server;
use crate::stores::{Kind, Store};

/// A block of code of a page.
struct Fence {
    language: String,
    words: Vec<String>,
    /// Where it is, for messages.
    place: String,
    text: String,
}

fn fences(path: &Path) -> Vec<Fence> {
    let text = fs_err::read_to_string(path).expect("a page");
    let mut found: Vec<Fence> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        if let Some(info) = line.strip_prefix("```") {
            inside = !inside;
            if inside {
                let mut words = info.split_whitespace().map(str::to_owned);
                let language =
                    words.next().unwrap_or_else(|| panic!("{}:{}: a fence without a language", path.display(), number + 1));
                let place = format!("{}:{}", path.display(), number + 1);
                found.push(Fence { language, words: words.collect(), place, text: String::new() });
            }
        } else if inside && let Some(fence) = found.last_mut() {
            fence.text.push_str(line);
            fence.text.push('\n');
        }
    }
    assert!(!inside, "{}: a fence is not closed", path.display());
    found
}

fn page(name: &str) -> PathBuf {
    package().join(if name == "README" { "README.md".to_owned() } else { format!("src/guide/{name}.md") })
}

fn names() -> Vec<&'static str> {
    ["README", INDEX.name].into_iter().chain(TOPICS.iter().map(|topic| topic.name)).collect()
}

#[test]
fn what_is_not_run_holds_no_command() {
    for name in names() {
        for Fence { language, words, place, text } in fences(&page(name)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match (language.as_str(), words.as_slice()) {
                ("sh", [] | ["server"]) | ("text", ["output"] | ["output", "exact"]) => {}
                ("sh", [word]) if word.strip_prefix("exit-").is_some_and(|code| code.parse::<u8>().is_ok()) => {}
                ("text" | "console" | "crontab" | "nginx", []) => {
                    let command = |line: &str| line.trim_start_matches("$ ").starts_with("libris-mirror");
                    assert!(!text.lines().any(command), "{place}: no test runs this command");
                }
                _ => panic!("{place}: nobody knows how to run {language} {words:?}"),
            }
        }
    }
}

#[test]
fn the_readme_is_short_and_the_guide_is_whole() {
    let readme = fs_err::read_to_string(page("README")).expect("a README");
    assert!(readme.lines().count() < 200);
    let index = fs_err::read_to_string(page("index")).expect("an index");
    for topic in TOPICS {
        assert!(readme.contains(&format!("(src/guide/{}.md)", topic.name)), "{}", topic.name);
        assert!(index.contains(&format!("- [{}][{}]", topic.title, topic.name)), "{}", topic.name);
    }
    let files = fs_err::read_dir(package().join("src/guide")).expect("a guide").flatten();
    let pages = files.filter(|file| file.path().extension().is_some_and(|ending| ending == "md")).count();
    assert_eq!(pages, TOPICS.len() + 1);
}

/// A command that serves, with its output so far.
struct Serving {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.output.read_to_end(&mut Vec::new());
    }
}

/// The state while a page is run.
struct Run {
    bench: Bench,
    /// Texts of the pages, and their replacements.
    replaced: Vec<(String, String)>,
    serving: Option<Serving>,
    /// The output of the last command.
    printed: String,
    /// The SPARQL server of the page about them.
    store: Option<Store>,
}

/// The ports of the pages: that of `serve`, and that of `demo --serve-source`.
const PORTS: [&str; 2] = ["7878", "7800"];

impl Run {
    fn new(name: &str) -> Self {
        // The README shows rows of the mirror of the demo.
        let bench = Bench::new(if name == "README" { 2000 } else { 1000 });
        // curl fails on an HTTP error.
        fs_err::write(bench.path().join(".curlrc"), "fail\nsilent\nshow-error\n").expect("written");
        let person = identifier(40).rsplit('/').next().expect("an id").to_owned();
        let book = identifier(42).rsplit('/').next().expect("an id").to_owned();
        let emm = crate::emm::service(&bench);
        let replaced = [
            ("khw03jc347kgv4w", person.as_str()),
            ("fcrtpljz1qp2bdv", book.as_str()),
            ("24583475", "10000040"),
            ("auth/281943", "auth/1000040"),
            ("https://services.dnb.de/oai/repository", bench.url.as_str()),
            ("https://libris.kb.se/api/oaipmh/", bench.url.as_str()),
            ("https://libris.kb.se/api/emm/", emm.as_str()),
            ("https://id.kb.se/context.jsonld", bench.context.as_str()),
            ("--set dnb", "--set auth"),
            ("set = \"dnb\"", "set = \"auth\""),
            ("RDFxml", "rdfxml"),
        ];
        let mut replaced = replaced.map(|(said, meant)| (said.to_owned(), meant.to_owned())).to_vec();
        let store = if name == "remote" { Store::start(Kind::Oxigraph) } else { None };
        if let Some(store) = &store {
            replaced.push(("http://127.0.0.1:7879/query".into(), store.query_url()));
            replaced.push(("http://127.0.0.1:7879".into(), store.query_url().trim_end_matches("/query").into()));
        }
        let run = Self { bench, replaced, serving: None, printed: String::new(), store };
        if !["README", "harvesting"].contains(&name) {
            run.run("libris-mirror harvest -q").ok();
        }
        run
    }

    fn bash(&self, script: &str) -> Command {
        let command = self.bench.command(&[]);
        let directory = binary().parent().expect("a directory").display().to_string();
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", script])
            .env_clear()
            .envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        bash.env("PATH", format!("{directory}:/usr/local/bin:/usr/bin:/bin"))
            .env("LC_ALL", "C.UTF-8")
            .env_remove("LIBRIS_MIRROR_DATA");
        for source in ["NB", "AUTH"] {
            bash.env(format!("LIBRIS_MIRROR_SOURCES__{source}__URL"), &self.bench.url);
        }
        bash.env("LIBRIS_MIRROR_SOURCES__DEFINITIONS__URL", crate::emm::service(&self.bench));
        bash.env("LIBRIS_MIRROR_SOURCES__DEFINITIONS__CONTEXT", &self.bench.context);
        bash.current_dir(self.bench.path()).stdin(Stdio::null());
        bash
    }

    fn run(&self, script: &str) -> Done {
        Done::of(script.to_owned(), &self.bash(script).output().expect("bash starts"))
    }

    fn said(&self, text: &str) -> String {
        self.replaced.iter().fold(text.to_owned(), |text, (said, meant)| text.replace(said, meant))
    }

    /// Starts a command that serves, on a free port, and waits for its address. Ends the one before.
    fn serve(&mut self, text: &str, place: &str) {
        self.serving = None;
        self.replaced.retain(|(said, _)| !PORTS.contains(&said.as_str()));
        let mut script = self.said(text).trim().to_owned();
        let documented = PORTS[usize::from(script.contains("demo --serve-source"))];
        if script.contains(documented) {
            script = script.replace(documented, "0");
        } else {
            script.push_str(" --listen 127.0.0.1:0");
        }
        let mut bash = self.bash(&format!("exec 2>&1\nexec {script}"));
        let mut child = bash.stdout(Stdio::piped()).spawn().expect("bash starts");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let (mut line, mut printed) = (String::new(), String::new());
        let port = loop {
            line.clear();
            assert!(output.read_line(&mut line).expect("text") > 0, "{place}: it ended: {printed}");
            printed.push_str(&line);
            if let Some((_, rest)) = line.split_once("http://127.0.0.1:") {
                break rest.chars().take_while(char::is_ascii_digit).collect::<String>();
            }
        };
        self.serving = Some(Serving { child, output });
        self.printed = printed;
        self.replaced.push((documented.to_owned(), port));
    }

    fn fence(&mut self, fence: &Fence) {
        let words: Vec<&str> = fence.words.iter().map(String::as_str).collect();
        match (fence.language.as_str(), words.as_slice()) {
            ("sh", ["server"]) => self.serve(&fence.text, &fence.place),
            ("sh", words) => {
                let code = words.iter().find_map(|word| word.strip_prefix("exit-")?.parse().ok()).unwrap_or(0);
                let mut done = self.run(&self.said(&fence.text));
                done.command = format!("{}\n{}", fence.place, done.command);
                let Done { stdout, stderr, .. } = done.expect(code);
                self.printed = stdout + &stderr;
            }
            ("text", ["output", exactness @ ..]) => {
                let comparable = |line: &str| if exactness.is_empty() { without_numbers(line) } else { line.to_owned() };
                let printed: Vec<String> = self.printed.lines().map(comparable).collect();
                let mut rest = printed.iter();
                for line in fence.text.lines() {
                    let due = comparable(&self.said(line));
                    assert!(rest.any(|line| *line == due), "{}: {due:?} is not in\n{}", fence.place, printed.join("\n"));
                }
            }
            _ => {}
        }
    }
}

/// Returns the words of a line, with each sequence of words with digits replaced by `#`.
fn without_numbers(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in line.split_whitespace() {
        if !word.contains(|c: char| c.is_ascii_digit()) {
            words.push(word);
        } else if words.last() != Some(&"#") {
            words.push("#");
        }
    }
    words.join(" ")
}

fn run(name: &str) {
    let mut run = Run::new(name);
    if name == "remote" && run.store.is_none() {
        return; // Which server is missing was said.
    }
    let mut count = 0;
    for fence in fences(&page(name)) {
        count += usize::from(fence.language == "sh");
        run.fence(&fence);
    }
    assert!(count > 0 || name == "limits", "{name} has no commands");
}

macro_rules! pages {
    ($($function:ident, $name:literal;)*) => {
        $(#[test] fn $function() { run($name); })*

        #[test]
        fn every_page_is_run() {
            let mut due = names();
            due.sort_unstable();
            let mut run = vec![$($name),*];
            run.sort_unstable();
            assert_eq!(run, due);
        }
    };
}

pages! {
    the_readme_works, "README";
    the_index_works, "index";
    harvesting_works, "harvesting";
    querying_works, "querying";
    links_works, "links";
    serving_works, "serving";
    proof_and_repair_works, "proof-and-repair";
    sources_works, "sources";
    analytics_works, "analytics";
    remote_works, "remote";
    publishing_works, "publishing";
    oai_pmh_works, "oai-pmh";
    find_works, "find";
    bookshare_works, "bookshare";
    operations_works, "operations";
    performance_works, "performance";
    limits_works, "limits";
}

#[test]
fn the_command_prints_pages() {
    let bench = Bench::at("http://127.0.0.1:1/");
    let list = bench.run(&["guide"]).ok();
    for topic in TOPICS.iter().chain([&INDEX]) {
        assert!(list.lines().any(|line| line.starts_with(topic.name) && line.ends_with(topic.title)), "{list}");
        assert_eq!(bench.run(&["guide", topic.name]).ok(), topic.plain());
    }
    let error = bench.run(&["guide", "harvest"]).expect(2).stderr;
    assert!(
        error.contains("no page \"harvest\"")
            && error.contains("harvesting, querying")
            && error.contains("did you mean `harvesting`"),
        "{error}"
    );
}

#[test]
fn the_guide_is_served_as_pages() {
    let bench = Bench::new(20);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &["--base-path", "/libris"]);
    let list = server.get_as("/guide?lang=sv", "text/html").ok().body;
    assert!(list.contains("<html lang=\"sv\">") && list.contains("<article class=\"guide\" lang=\"en\">"), "{list}");
    for topic in TOPICS {
        let address = format!("/guide/{}", topic.name);
        assert!(list.contains(&format!("href=\"/libris{address}\"")), "{address}: {list}");
        let shown = server.get_as(&address, "text/html").ok().body;
        assert!(shown.contains(&format!("<h1>{}</h1>", topic.title)), "{shown}");
        assert!(!shown.contains(".md\""), "{address}: a link to a file");
    }
    assert_eq!(server.get_as("/guide/?lang=sv", "text/html").ok().body, list);
    assert_eq!(server.get_as("/guide/nosuch", "text/html").status, 404);
}
