//! The HTTP client of a remote store: SPARQL 1.1 Protocol, section 2 (queries as forms, updates directly), and N-Quads by POST to
//! an address of the Graph Store HTTP Protocol. Requests that may succeed later are made again, ever more slowly.

use std::io::Read;
use std::time::{Duration, Instant};

use backon::{BlockingRetryable, ExponentialBuilder};
use bytes::Bytes;
use reqwest::blocking::{Client as Http, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{StatusCode, Url};

use super::error::RemoteError;
use super::login::Login;
use crate::config::Remote;
use crate::stop::Stop;

/// Asks one remote store.
pub(super) struct Client {
    http: Http,
    login: Option<Login>,
    name: String,
    query: Url,
    update: Url,
    graph_store: Option<Url>,
    /// Whether the store has named graphs.
    pub(super) named_graphs: bool,
    timeout: Duration,
    retry: Duration,
    stop: Stop,
}

/// The shortest and the longest pause before a request is made again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// How much is read of what a server says to a request that it carried out.
const DRAINED: u64 = 1 << 16;

/// How much is shown of what a server says to a request that it refuses.
const SHOWN: u64 = 400;

const FORM: &str = "application/x-www-form-urlencoded";
const UPDATE: &str = "application/sparql-update";
const QUADS: &str = "application/n-quads";
const RESULTS: &str = "application/sparql-results+json";

impl Client {
    pub(super) fn new(remote: &Remote, stop: Stop) -> Result<Self, RemoteError> {
        let setup = |error: reqwest::Error| RemoteError::Setup { name: remote.name.clone(), reason: error.to_string() };
        let http = Http::builder()
            .user_agent(concat!("libris-mirror/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(30).min(remote.timeout))
            .timeout(remote.timeout)
            // What is written goes to the host that the user named.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(setup)?;
        Ok(Self {
            http,
            login: remote.login.as_ref().map(|login| Login::read(&remote.name, login)).transpose()?,
            name: remote.name.clone(),
            query: remote.query.clone(),
            update: remote.update.clone(),
            graph_store: remote.graph_store.clone(),
            named_graphs: remote.named_graphs,
            timeout: remote.timeout,
            retry: remote.retry,
            stop,
        })
    }

    /// Asks a query; the answer is results as JSON, of `limit` bytes at most.
    pub(super) fn query(&self, query: &str, limit: u64) -> Result<Vec<u8>, RemoteError> {
        // Virtuoso 7.2.5 never answers a query that is posted directly.
        let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
        self.post(&self.query, FORM, Some((RESULTS, limit)), &Bytes::from(form))
    }

    /// Asks what a form says, once, and returns the beginning of the answer, which may not take longer than `time`.
    pub(super) fn ask(&self, form: String, time: Duration) -> Result<Response, RemoteError> {
        let begun = Instant::now();
        let asked = self.open(&self.query, FORM, Some(RESULTS), &Bytes::from(form), Some(time), begun);
        let asked = asked.and_then(|response| match response.status() {
            StatusCode::OK => Ok(response),
            // A part, or nothing yet.
            status => Err(self.unreadable(&format!("HTTP {} in place of results", status.as_u16()))),
        });
        asked.map_err(|error| match error {
            RemoteError::Unavailable { name, url, .. } if begun.elapsed() >= time => RemoteError::Late { name, url },
            other => other,
        })
    }

    /// Sends an update that leaves the same however often it is made.
    pub(super) fn update(&self, update: String) -> Result<(), RemoteError> {
        self.post(&self.update, UPDATE, None, &Bytes::from(update)).map(|_| ())
    }

    /// Sends an update once: what it leaves if it is made twice is not the same.
    pub(super) fn update_once(&self, update: String) -> Result<(), RemoteError> {
        self.once(&self.update, UPDATE, None, &Bytes::from(update), Instant::now()).map(|_| ())
    }

    /// Whether the store takes N-Quads.
    pub(super) fn loads(&self) -> bool {
        self.graph_store.is_some()
    }

    /// Sends N-Quads, once. Without an address for them, nothing is sent.
    pub(super) fn load_once(&self, quads: String) -> Result<(), RemoteError> {
        let Some(url) = &self.graph_store else { return Ok(()) };
        self.once(url, QUADS, None, &Bytes::from(quads), Instant::now()).map(|_| ())
    }

    /// An answer that cannot be read.
    pub(super) fn unreadable(&self, reason: &impl ToString) -> RemoteError {
        RemoteError::Answer { name: self.name.clone(), reason: reason.to_string() }
    }

    fn post(
        &self,
        url: &Url,
        media_type: &'static str,
        accept: Option<(&'static str, u64)>,
        body: &Bytes,
    ) -> Result<Vec<u8>, RemoteError> {
        let deadline = Instant::now() + self.retry;
        let schedule = ExponentialBuilder::default()
            .with_min_delay(PAUSES.0)
            .with_max_delay(PAUSES.1)
            .without_max_times()
            .with_total_delay(Some(self.retry))
            .with_jitter();
        let stop = self.stop.clone();
        (|| self.once(url, media_type, accept, body, deadline))
            .retry(schedule)
            .sleep(move |pause| stop.sleep(pause))
            .when(|error| {
                matches!(error, RemoteError::Unavailable { .. }) && !self.stop.is_stopped() && Instant::now() < deadline
            })
            .notify(|error, pause| tracing::warn!("{}; trying again in {:.1} s", first_line(error), pause.as_secs_f32()))
            .call()
    }

    fn once(
        &self,
        url: &Url,
        media_type: &'static str,
        accept: Option<(&'static str, u64)>,
        body: &Bytes,
        deadline: Instant,
    ) -> Result<Vec<u8>, RemoteError> {
        let begun = Instant::now();
        let response = self.open(url, media_type, accept.map(|(media_type, _)| media_type), body, None, deadline)?;
        if let Some((_, limit)) = accept {
            return self.read(url, response, limit, begun);
        }
        // Read to its end, the connection serves again.
        let _ = std::io::copy(&mut response.take(DRAINED), &mut std::io::sink());
        Ok(Vec::new())
    }

    /// Makes a request, with the login that the server wants, and returns the beginning of an answer that says success.
    fn open(
        &self,
        url: &Url,
        media_type: &'static str,
        accept: Option<&'static str>,
        body: &Bytes,
        time: Option<Duration>,
        deadline: Instant,
    ) -> Result<Response, RemoteError> {
        if self.stop.is_stopped() {
            return Err(RemoteError::Stopped);
        }
        let mut response = self.send(url, media_type, accept, body, time)?;
        // The first answer says what is demanded; later ones that what was sent is out of date.
        if response.status() == StatusCode::UNAUTHORIZED
            && self.login.as_ref().is_some_and(|login| login.demand(url, response.headers()))
        {
            response = self.send(url, media_type, accept, body, time)?;
        }
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let mut said = Vec::new();
        // What cannot be read is not shown.
        let _ = response.take(SHOWN).read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        let (name, url) = (self.name.clone(), url.to_string());
        if is_passing(status, &said) {
            if let Some(wait) = wait.map(Duration::from_secs) {
                self.stop.sleep(wait.min(deadline.saturating_duration_since(Instant::now())));
            }
            let reason = format!("answered HTTP {}: {}", status.as_u16(), one_line(&said));
            return Err(RemoteError::Unavailable { name, url, reason });
        }
        Err(RemoteError::Refused { name, url, status: status.as_u16(), reason: one_line(&said) })
    }

    /// Reads an answer: not for longer, and not more of it, than was agreed.
    fn read(&self, url: &Url, mut response: Response, limit: u64, begun: Instant) -> Result<Vec<u8>, RemoteError> {
        let broken = |reason: String| RemoteError::Unavailable { name: self.name.clone(), url: url.to_string(), reason };
        let (mut body, mut chunk) = (Vec::new(), [0; 16 << 10]);
        loop {
            let count = response.read(&mut chunk).map_err(|error| broken(format!("broke off its answer: {}", root(&error))))?;
            body.extend_from_slice(chunk.get(..count).unwrap_or_default());
            if count == 0 {
                return Ok(body);
            }
            if body.len() as u64 > limit {
                return Err(self.unreadable(&format!("it has more than {limit} bytes")));
            }
            if begun.elapsed() > self.timeout {
                return Err(broken("did not end its answer in time".to_owned()));
            }
        }
    }

    fn send(
        &self,
        url: &Url,
        media_type: &'static str,
        accept: Option<&'static str>,
        body: &Bytes,
        time: Option<Duration>,
    ) -> Result<Response, RemoteError> {
        let mut request = self.http.post(url.clone()).header(CONTENT_TYPE, media_type);
        if let Some(accept) = accept {
            request = request.header(ACCEPT, accept);
        }
        if let Some(time) = time {
            request = request.timeout(time);
        }
        if let Some(answer) = self.login.as_ref().and_then(|login| login.answer("POST", url)) {
            request = request.header(AUTHORIZATION, answer);
        }
        request.body(body.clone()).send().map_err(|error| {
            let reason = if error.is_timeout() {
                "did not answer in time".to_owned()
            } else {
                format!("cannot be reached: {}", root(&error))
            };
            RemoteError::Unavailable { name: self.name.clone(), url: url.to_string(), reason }
        })
    }
}

/// Whether an answer means that the same request may succeed later: by its status, or because two requests met (SQL state 40001,
/// which Virtuoso sends with status 500).
fn is_passing(status: StatusCode, said: &str) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 502 | 503 | 504) || (status.is_server_error() && said.contains("40001"))
}

/// The root cause: reqwest's own message repeats the address and hides it.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn first_line(error: &RemoteError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
