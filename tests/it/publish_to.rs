//! `publish --to`: a directory, and a server that speaks S3 and that we did not write (moto, from `PyPI`).

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::clients::clients;
use crate::harness::{Bench, Done};

/// A server that speaks S3, with a bucket. It is killed when it is dropped.
struct S3 {
    child: Child,
    url: String,
}

impl S3 {
    fn start() -> Option<Self> {
        let program = clients()?.join("venv/bin/moto_server");
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server starts");
        let s3 = Self { child, url: format!("http://127.0.0.1:{port}") };
        let begun = Instant::now();
        while !Client::new().put(format!("{}/data", s3.url)).send().is_ok_and(|answer| answer.status().is_success()) {
            assert!(begun.elapsed() < Duration::from_mins(1), "moto_server does not answer");
            std::thread::park_timeout(Duration::from_millis(50));
        }
        // Anybody may read, as in a bucket of open data.
        let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}]}"#;
        let opened = Client::new().put(format!("{}/data?policy", s3.url)).body(policy).send().expect("an answer");
        assert!(opened.status().is_success(), "{opened:?}");
        Some(s3)
    }

    fn command(&self, bench: &Bench, words: &[&str]) -> Command {
        let mut command = bench.command(words);
        command.env("AWS_ENDPOINT_URL", &self.url).env("AWS_ALLOW_HTTP", "true").env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "mirror").env("AWS_SECRET_ACCESS_KEY", "hunter2");
        command
    }

    fn run(&self, bench: &Bench, words: &[&str]) -> Done {
        let output = self.command(bench, words).output().expect("the binary starts");
        Done::of(words.join(" "), &output)
    }

    fn get(&self, path: &str) -> Vec<u8> {
        let answer = Client::new().get(format!("{}/data/{path}", self.url)).send().expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.bytes().expect("bytes").to_vec()
    }

    /// Deletes an object, as somebody else could.
    fn delete(&self, path: &str) {
        let script = "import boto3, sys; boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1', aws_access_key_id='x', \
                      aws_secret_access_key='y').delete_object(Bucket='data', Key=sys.argv[2])";
        let python = clients().expect("clients").join("venv/bin/python");
        let done = Command::new(python).args(["-c", script, &self.url, path]).status().expect("Python starts");
        assert!(done.success(), "{path}");
    }

    fn has(&self, path: &str) -> bool {
        Client::new().head(format!("{}/data/{path}", self.url)).send().expect("an answer").status().is_success()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bench(records: u64) -> Bench {
    let bench = Bench::new(records);
    bench.harvest("all", None, &[]);
    bench
}

fn change(bench: &Bench) {
    bench.state().with_catalogue(|catalogue| catalogue.add(5, chrono::Utc::now()));
    bench.harvest("all", None, &[]);
}

fn names(manifest: &Value) -> Vec<String> {
    let generations = manifest["generations"].as_array().expect("a list");
    generations.iter().map(|each| each["name"].as_str().expect("a name").to_owned()).collect()
}

/// Everything that a manifest names is there as it says, and is what the mirror exports.
fn check(bench: &Bench, manifest: &Value, get: impl Fn(&str) -> Vec<u8>) {
    for generation in manifest["generations"].as_array().expect("a list") {
        for file in generation["files"].as_array().expect("a list") {
            let path = file["path"].as_str().expect("a path");
            let bytes = get(path);
            assert_eq!(file["bytes"], bytes.len() as u64, "{path}");
            assert_eq!(file["sha256"], format!("{:x}", Sha256::digest(&bytes)), "{path}");
        }
    }
    let newest = names(manifest)[0].clone();
    let dump = zstd::decode_all(get(&format!("{newest}/libris.nq.zst")).as_slice()).expect("Zstandard");
    assert_eq!(String::from_utf8(dump).expect("text"), bench.run(&["export", "--format", "nq"]).ok());
    let void = String::from_utf8(get(&format!("{newest}/void.ttl"))).expect("text");
    let parsed =
        oxigraph::io::RdfParser::from_format(oxigraph::io::RdfFormat::Turtle).with_base_iri("https://data.example/x/void.ttl");
    let quads: Vec<_> = parsed.expect("a base").for_slice(&void).collect::<Result<_, _>>().expect("Turtle");
    assert!(quads.iter().any(|quad| quad.object.to_string() == "<https://data.example/x/libris.nt.zst>"), "{void}");
}

#[test]
fn a_bucket_has_every_state_as_a_whole_and_the_newest_stay() {
    let Some(s3) = S3::start() else { return };
    let bench = bench(300);
    let publish = ["publish", "--to", "s3://data/open/libris", "--keep", "2", "--json"];
    let first = s3.run(&bench, &publish).json();
    let manifest = || serde_json::from_slice::<Value>(&s3.get("open/libris/manifest.json")).expect("JSON");
    let of = |path: &str| s3.get(&format!("open/libris/{path}"));
    check(&bench, &manifest(), of);
    assert_eq!(first["generation"]["files"], manifest()["generations"][0]["files"]);
    let table = format!("{}/parquet/records/source=all/part-00000.parquet", names(&manifest())[0]);
    assert!(first["generation"]["files"].as_array().expect("a list").iter().any(|file| file["path"] == table), "{first}");
    let again = s3.run(&bench, &publish).json();
    assert_eq!((&again["sent"], &again["generation"]), (&0.into(), &first["generation"]), "{again}");
    for _ in 0..2 {
        change(&bench);
        s3.run(&bench, &publish).expect(0);
    }
    check(&bench, &manifest(), of);
    let gone = first["generation"]["name"].as_str().expect("a name");
    assert!(names(&manifest()).len() == 2 && !names(&manifest()).contains(&gone.to_owned()));
    assert!(!s3.has(&format!("open/libris/{gone}/libris.nt.zst")), "it was removed");
    // What is gone is sent again.
    let newest = names(&manifest())[0].clone();
    s3.delete(&format!("open/libris/{newest}/libris.nt.zst"));
    let healed = s3.run(&bench, &publish).json();
    assert!(healed["sent"].as_u64().is_some_and(|sent| sent > 0), "{healed}");
    check(&bench, &manifest(), of);
    // Another mirror does not write over this one.
    let other = self::bench(20);
    let refused = s3.run(&other, &publish).expect(1);
    assert!(refused.stderr.contains("was published from another mirror") && refused.stderr.contains("name another prefix"));
    let missing = s3.run(&bench, &["publish", "--to", "s3://nowhere/x"]).expect(1);
    assert!(missing.stderr.contains("does the bucket exist") && !missing.stderr.contains("hunter2"), "{}", missing.stderr);
    let url = s3.url.clone();
    drop(s3);
    let gone = S3 { child: Command::new("true").spawn().expect("true"), url };
    let down = gone.run(&bench, &publish).expect(69);
    assert!(down.stderr.contains("is not available") && down.stderr.contains("run the same command again"), "{}", down.stderr);
}

#[test]
fn an_upload_that_was_killed_goes_on_with_the_parts_that_arrived() {
    let Some(s3) = S3::start() else { return };
    let bench = bench(5000);
    let words = ["publish", "--to", "s3://data/x", "--dump", "nq", "--compress", "none", "--json"];
    let mut killed = s3.command(&bench, &words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let part_arrived = || {
        let entries = fs_err::read_dir(bench.data()).expect("there").flatten();
        let mut journals = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("publish-"));
        journals.any(|journal| fs_err::read_to_string(journal.path()).is_ok_and(|text| text.contains("\"hash\"")))
    };
    while !part_arrived() {
        assert!(killed.try_wait().expect("a child").is_none(), "it ended before a part arrived");
    }
    killed.kill().expect("it runs");
    killed.wait().expect("it ended");
    assert!(!s3.has("x/manifest.json"), "nobody is led to a part");
    let done = s3.run(&bench, &words).json();
    let file = &done["generation"]["files"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|file| file["path"].as_str().is_some_and(|path| path.ends_with("libris.nq")))
        .expect("the dump")
        .clone();
    let (size, sent) = (file["bytes"].as_u64().expect("a number"), done["sent"].as_u64().expect("a number"));
    // Parts go at the same time: the one that had arrived may be the last, which is shorter.
    let part = 16 << 20;
    assert!(size > 2 * part && sent <= size - size % part + 10_000, "{sent} of {size} bytes were sent");
    let dump = s3.get(&format!("x/{}", file["path"].as_str().expect("a path")));
    assert_eq!(file["sha256"], format!("{:x}", Sha256::digest(&dump)));
    assert_eq!(String::from_utf8(dump).expect("text"), bench.run(&["export", "--format", "nq"]).ok());
}

#[test]
fn a_directory_is_as_good() {
    let bench = bench(200);
    let place = bench.path().join("www/libris");
    let address = place.to_str().expect("text").to_owned();
    let said = bench.run(&["publish", "--to", &address]).expect(0);
    assert!(said.stderr.contains("records") && said.stderr.contains("were sent"), "{}", said.stderr);
    let manifest: Value = serde_json::from_slice(&fs_err::read(place.join("manifest.json")).expect("there")).expect("JSON");
    check(&bench, &manifest, |path| fs_err::read(place.join(path)).expect("there"));
    let folder = place.join(&names(&manifest)[0]);
    let sums = Command::new("sha256sum").args(["-c", "--quiet", "SHA256SUMS"]).current_dir(&folder).status().expect("it starts");
    assert!(sums.success());
    // More of the same state.
    bench.run(&["publish", "--to", &format!("file://{address}"), "--dump", "ttl", "--compress", "gz"]).expect(0);
    assert!(folder.join("libris.ttl.gz").exists() && folder.join("libris.nt.zst").exists());
    let sums = Command::new("sha256sum").args(["-c", "--quiet", "SHA256SUMS"]).current_dir(&folder).status().expect("it starts");
    assert!(sums.success());
    // What somebody else wrote stays.
    let app = bench.path().join("app");
    fs_err::create_dir(&app).expect("made");
    fs_err::write(app.join("manifest.json"), "{\"name\": \"a web application\"}").expect("written");
    let refused = bench.run(&["publish", "--to", app.to_str().expect("text")]).expect(1);
    assert!(refused.stderr.contains("cannot read"), "{}", refused.stderr);
    assert_eq!(fs_err::read_to_string(app.join("manifest.json")).expect("there"), "{\"name\": \"a web application\"}");
    // What goes takes its folders with it.
    for _ in 0..2 {
        change(&bench);
        bench.run(&["publish", "--to", &address, "--keep", "1"]).expect(0);
    }
    let folders = fs_err::read_dir(&place).expect("there").flatten().filter(|entry| entry.path().is_dir()).count();
    assert_eq!(folders, 1);
    let silent = bench.run(&["publish", "--to", &address, "--keep", "1", "--json"]).json();
    assert_eq!((&silent["sent"], &silent["removed"]), (&0.into(), &serde_json::json!([])), "{silent}");
    for (address, due) in [
        ("ftp://x/y", "no place to publish to"),
        ("s3://key:hunter2@x/y", "keys belong into the environment"),
        ("s3://key:hun/ter2@x/y", "no place to publish to"),
        ("s3://x/y", "no keys for s3://x/y"),
    ] {
        let wrong = bench.run(&["publish", "--to", address]).expect(2);
        assert!(wrong.stderr.contains(due) && !wrong.stderr.contains("ter2"), "{}", wrong.stderr);
    }
    let mut command = bench.command(&["publish", "--to", "s3://data/x"]);
    let output = command.env("AWS_ENDPOINT_URL", "127.0.0.1:9000").output().expect("the binary starts");
    let wrong = Done::of("publish".to_owned(), &output).expect(2);
    assert!(wrong.stderr.contains("AWS_ENDPOINT_URL=\"127.0.0.1:9000\" is not valid"), "{}", wrong.stderr);
}
