//! A running `serve`, with a client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::redirect::Policy;
use serde_json::Value;

use crate::harness::Bench;

/// A server of a bench's mirror, on a free port. It is killed when it is dropped.
pub struct Server {
    child: Child,
    log: BufReader<ChildStderr>,
    /// Its address, without a slash at its end.
    pub url: String,
    pub client: Client,
}

impl Server {
    /// Starts `serve` with more arguments, and waits until it listens.
    pub fn start(bench: &Bench, more: &[&str]) -> Self {
        let words = [&["serve", "--listen", "127.0.0.1:0"], more].concat();
        let mut child = bench.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let (mut line, mut said) = (String::new(), String::new());
        while !line.starts_with("listening on ") {
            line.clear();
            assert!(log.read_line(&mut line).expect("text") > 0, "the server ended: {said}");
            said.push_str(&line);
        }
        let url = line.trim_start_matches("listening on ").trim().trim_end_matches('/').to_owned();
        let client = Client::builder().redirect(Policy::none()).timeout(Duration::from_mins(1)).build().expect("a client");
        Self { child, log, url, client }
    }

    /// Returns the id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `host:port`
    pub fn host(&self) -> &str {
        self.url.trim_start_matches("http://").split('/').next().expect("a host")
    }

    pub fn get(&self, path: &str) -> Answer {
        Answer::of(self.client.get(format!("{}{path}", self.url)))
    }

    pub fn get_as(&self, path: &str, accept: &str) -> Answer {
        Answer::of(self.client.get(format!("{}{path}", self.url)).header("accept", accept))
    }

    /// Gets a query with more parameters, such as `format=csv&rows=7`.
    pub fn get_query(&self, query: &str, more: &str) -> Answer {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
        self.get(&format!("/sparql?{query}&{more}"))
    }

    /// Posts a query and returns the answer.
    pub fn ask(&self, query: &str) -> Answer {
        let request = self.client.post(format!("{}/sparql", self.url));
        Answer::of(request.header("content-type", "application/sparql-query").body(query.to_owned()))
    }

    /// Returns the single number that a query returns.
    pub fn count(&self, query: &str) -> u64 {
        let json = self.ask(query).ok().json();
        let binding = &json["results"]["bindings"][0]["n"]["value"];
        binding.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{json}"))
    }

    /// Opens a plain connection.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.host()).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        stream
    }

    /// Asks it to stop (SIGTERM).
    pub fn ask_to_stop(&self) {
        let sent = std::process::Command::new("/bin/sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Waits for the end, and returns the exit code and the messages.
    pub fn ended_saying(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.log.read_to_string(&mut said).expect("text");
        (self.child.wait().expect("a child").code(), said)
    }

    /// Waits for the end, and returns the exit code.
    pub fn ended(mut self) -> Option<i32> {
        self.child.wait().expect("a child").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Why the body broke off, if it did.
    pub broken: Option<String>,
}

impl Answer {
    pub fn of(request: RequestBuilder) -> Self {
        Self::read(request.send().expect("an answer"))
    }

    fn read(mut response: Response) -> Self {
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let mut bytes = Vec::new();
        let mut part = [0; 8192];
        let broken = loop {
            match response.read(&mut part) {
                Ok(0) => break None,
                Ok(length) => bytes.extend_from_slice(&part[..length]),
                Err(error) => break Some(error.to_string()),
            }
        };
        Self { status, headers, body: String::from_utf8_lossy(&bytes).into_owned(), broken }
    }

    /// Returns the first header with this name, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn ok(self) -> Self {
        assert!(self.status == 200 && self.broken.is_none(), "{self:?}");
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends raw bytes and returns everything until the server closes the connection or is silent for long.
pub fn raw(server: &Server, request: &[u8]) -> String {
    let mut stream = server.connect();
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    // The server may refuse before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
