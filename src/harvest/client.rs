//! The HTTP client of one server: polite, patient, and never redirected to another host.
//!
//! It sends one request at a time, pauses between requests, accepts gzip, names a contact, honours `Retry-After` in both of its
//! forms, backs off with jitter, and limits silence and the time of a whole answer. It retries transport errors, busy servers and
//! broken documents, but not errors of the protocol.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, FROM, HeaderMap, HeaderValue, RETRY_AFTER};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

use super::answer;
use super::conditional::{Download, FetchedDocument, Validators, first_16};
use super::error::{FetchError, TransportCause};
use crate::config::Harvest;
use crate::oai::{Document, DocumentError, Item, Request};
use crate::stop::Stop;

/// Requests and bytes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Traffic {
    /// Requests, retries included.
    pub requests: u64,
    /// Retries.
    pub retries: u64,
    /// Bytes of bodies on the wire, compressed or not.
    pub bytes: u64,
}

#[derive(Debug, Default)]
struct Meter {
    requests: AtomicU64,
    retries: AtomicU64,
    bytes: AtomicU64,
}

/// A client for one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    settings: Harvest,
    stop: Stop,
    last: Arc<Mutex<Option<Instant>>>,
    meter: Arc<Meter>,
}

impl Client {
    /// A client for the server at `base`.
    pub fn new(base: &Url, settings: &Harvest, stop: Stop) -> Result<Self, FetchError> {
        let setup = |error: &dyn std::fmt::Display| FetchError::Setup(error.to_string());
        let contact = settings.contact.trim();
        let about = if contact.is_empty() { String::new() } else { format!("; {contact}") };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        if !contact.is_empty() {
            headers.insert(FROM, HeaderValue::from_str(contact).map_err(|error| setup(&error))?);
        }
        let redirects = reqwest::redirect::Policy::custom(|attempt| {
            let may = attempt.previous().last().is_some_and(|from| may_follow(from, attempt.url()));
            if may && attempt.previous().len() <= 5 { attempt.follow() } else { attempt.stop() }
        });
        let http = reqwest::Client::builder()
            .user_agent(format!("libris-mirror/{} (OAI-PMH harvester{about})", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(settings.connect_timeout_s))
            .redirect(redirects)
            .build()
            .map_err(|error| setup(&error))?;
        Ok(Self { http, base: base.clone(), settings: settings.clone(), stop, last: Arc::default(), meter: Arc::default() })
    }

    /// The same client with fewer tries, for requests that are expected to fail.
    pub(super) fn with_tries(&self, tries: usize) -> Self {
        let mut client = self.clone();
        client.settings.tries = client.settings.tries.min(tries);
        client
    }

    /// The requests and bytes so far, of this client and its clones.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Traffic { requests: read(&self.meter.requests), retries: read(&self.meter.retries), bytes: read(&self.meter.bytes) }
    }

    /// Sends a request, and reads the answer with `read` on a thread of its own; retries as the settings say.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        request: &Request,
        read: impl Fn(Box<dyn BufRead + Send>) -> Result<T, FetchError> + Clone + Send + 'static,
    ) -> Result<T, FetchError> {
        let url = request.url(&self.base);
        self.with_retries(|| self.once(url.clone(), HeaderMap::new(), read.clone())).await.map(|(answer, _)| answer)
    }

    /// Fetches what is no OAI-PMH from an address that the user configured, and reads it as [`Client::ask`] does.
    pub(super) async fn get<T: Send + 'static>(
        &self,
        url: &Url,
        accept: &'static str,
        read: impl Fn(Box<dyn BufRead + Send>) -> Result<T, FetchError> + Clone + Send + 'static,
    ) -> Result<T, FetchError> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        self.with_retries(|| self.once(url.clone(), headers.clone(), read.clone())).await.map(|(answer, _)| answer)
    }

    /// Fetches a document that is no OAI-PMH, such as a JSON-LD context, from an address that the user configured; only if it
    /// is not the one that `known` belongs to.
    pub(super) async fn document(&self, url: &Url, known: Option<&Validators>) -> Result<FetchedDocument, FetchError> {
        let conditions = known.map_or_else(HeaderMap::new, Validators::conditions);
        let limit = self.settings.document_bytes.min(CONTEXT_BYTES);
        let name = url.to_string();
        let read = move |mut input: Box<dyn BufRead + Send>| {
            let mut body = Vec::new();
            Read::take(&mut input, limit as u64 + 1).read_to_end(&mut body).map_err(|error| transport(&name, &error))?;
            if body.len() > limit { Err(FetchError::TooLarge { url: name.clone(), limit }) } else { Ok(body) }
        };
        let answer = self.with_retries(|| self.once(url.clone(), conditions.clone(), read.clone())).await;
        match answer {
            Ok((body, headers)) => Ok(FetchedDocument::New { body, validators: Validators::of(&headers) }),
            Err(FetchError::Status { status, .. }) if status == StatusCode::NOT_MODIFIED => Ok(FetchedDocument::NotModified),
            Err(error) => Err(error),
        }
    }

    /// Downloads a document to a file, from an address that the user configured; only if it is not the one that `known` belongs
    /// to. The outer error is the server's, the inner one the file's.
    pub(super) async fn download(
        &self,
        url: &Url,
        accept: &str,
        known: Option<&Validators>,
        file: &Arc<File>,
    ) -> Result<io::Result<Download>, FetchError> {
        let mut headers = known.map_or_else(HeaderMap::new, Validators::conditions);
        let accepted = HeaderValue::from_str(accept).map_err(|error| FetchError::Setup(format!("accept {accept:?}: {error}")))?;
        headers.insert(ACCEPT, accepted);
        let (name, file, limit) = (url.to_string(), Arc::clone(file), self.settings.file_bytes);
        let read = move |mut input: Box<dyn BufRead + Send>| -> Result<io::Result<[u8; 16]>, FetchError> {
            let (mut out, mut hasher, mut length) = (&*file, blake3::Hasher::new(), 0);
            // A try before this one may have left something.
            if let Err(error) = file.set_len(0).and_then(|()| out.seek(SeekFrom::Start(0))) {
                return Ok(Err(error));
            }
            loop {
                let chunk = input.fill_buf().map_err(|error| transport(&name, &error))?;
                if chunk.is_empty() {
                    return Ok(Ok(first_16(&hasher)));
                }
                let count = chunk.len();
                length += count as u64;
                if length > limit {
                    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                    return Err(FetchError::TooLarge { url: name.clone(), limit });
                }
                hasher.update(chunk);
                if let Err(error) = out.write_all(chunk) {
                    return Ok(Err(error));
                }
                input.consume(count);
            }
        };
        match self.with_retries(|| self.once(url.clone(), headers.clone(), read.clone())).await {
            Ok((hash, headers)) => {
                let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
                Ok(hash.map(|hash| Download::New { hash, media_type, validators: Validators::of(&headers) }))
            }
            Err(FetchError::Status { status, .. }) if status == StatusCode::NOT_MODIFIED => Ok(Ok(Download::NotModified)),
            Err(error) => Err(error),
        }
    }

    async fn with_retries<T, F: Future<Output = Result<T, FetchError>>>(
        &self,
        attempt: impl FnMut() -> F,
    ) -> Result<T, FetchError> {
        let settings = &self.settings;
        let longest_wait = Duration::from_secs(settings.retry_after_max_s);
        let schedule = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(settings.retry_min_ms))
            .with_max_delay(Duration::from_millis(settings.retry_max_ms))
            .with_max_times(settings.tries.saturating_sub(1))
            .with_total_delay(Some(Duration::from_secs(settings.retry_total_s)))
            .with_jitter();
        let retried = attempt
            .retry(schedule)
            .when(FetchError::is_transient)
            .adjust(|error, pause| match error {
                FetchError::Status { retry_after: Some(wait), .. } if *wait > longest_wait => None,
                FetchError::Status { retry_after: Some(wait), .. } => pause.map(|pause| pause.max(*wait)),
                _ => pause,
            })
            .notify(|error, pause| {
                self.meter.retries.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("{error}; trying again in {:.1} s", pause.as_secs_f32());
            });
        tokio::select! {
            result = retried => result,
            () = self.stop.stopped() => Err(FetchError::Stopped),
        }
    }

    async fn once<T: Send + 'static>(
        &self,
        url: Url,
        conditions: HeaderMap,
        read: impl FnOnce(Box<dyn BufRead + Send>) -> Result<T, FetchError> + Send + 'static,
    ) -> Result<(T, HeaderMap), FetchError> {
        self.pause().await;
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%url, "asking");
        let name = url.to_string();
        let idle = Duration::from_secs(self.settings.idle_timeout_s);
        let silent = |limit: Duration| FetchError::Timeout { url: name.clone(), seconds: limit.as_secs() };
        let response = timeout(idle, self.http.get(url).headers(conditions).send())
            .await
            .map_err(|_| silent(idle))?
            .map_err(|error| transport(&name, &error))?;
        let status = response.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            let target = response
                .headers()
                .get(reqwest::header::LOCATION)
                .and_then(|value| value.to_str().ok())
                .unwrap_or("nowhere")
                .to_owned();
            return Err(FetchError::Redirect { url: name, target });
        }
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| wait_of(value.to_str().ok()?, std::time::SystemTime::from(chrono::Utc::now())));
        let success = status.is_success();
        let headers = response.headers().clone();
        let announced = response.headers().get("cf-mitigated").is_some_and(|value| value == "challenge");
        let (sender, open) = answer::channel(self.settings.gzip_ratio);
        let limits = self.settings.limits();
        let asked = name.clone();
        let reader = tokio::task::spawn_blocking(move || -> Result<Option<T>, FetchError> {
            let mut input = open().map_err(|source| DocumentError::Read { position: 0, source })?;
            // A read error here would not be reported again.
            let head = input.fill_buf().map_err(|source| DocumentError::Read { position: 0, source });
            if announced || head.as_ref().is_ok_and(|head| answer::is_challenge(head)) {
                return Err(FetchError::Challenge { url: asked });
            }
            if success {
                head?;
            }
            if success {
                return read(input).map(Some);
            }
            // Some servers send their OAI-PMH errors under 4xx and 5xx.
            let mut document = Document::new(input, limits);
            while let Ok(Some(item)) = document.next_item() {
                if let Item::Error(error) = item {
                    return Err(error.into());
                }
            }
            Ok(None)
        });
        self.pass_on(response, sender, &name).await;
        // The reader panicked.
        let result = reader.await.map_err(|error| FetchError::Fault(error.to_string()))?;
        *self.last.lock().await = Some(Instant::now());
        let answer = result?.ok_or(FetchError::Status { url: name, status: status.as_u16(), retry_after })?;
        Ok((answer, headers))
    }

    /// Passes a body to its reader as it comes, until it ends, breaks off, is too slow, or the reader stops.
    async fn pass_on(&self, mut response: reqwest::Response, sender: answer::ChunkSender, url: &str) {
        let idle = Duration::from_secs(self.settings.idle_timeout_s);
        let total = Duration::from_secs(self.settings.total_timeout_s);
        let deadline = Instant::now() + total;
        let timed_out = |text: String| Err(io::Error::new(io::ErrorKind::TimedOut, text));
        // Time spent waiting for the server, and the bytes that came in it: a slow reader does not count.
        let (mut waited, mut came) = (Duration::ZERO, 0);
        loop {
            let asked = Instant::now();
            let left = deadline.saturating_duration_since(asked);
            let chunk = timeout(left.min(idle.saturating_sub(waited)), response.chunk()).await;
            waited += asked.elapsed();
            let chunk = match chunk {
                Ok(Ok(Some(chunk))) => {
                    self.meter.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                    came += chunk.len();
                    if came >= self.settings.idle_bytes {
                        (waited, came) = (Duration::ZERO, 0);
                    }
                    Ok(chunk)
                }
                Ok(Ok(None)) => break,
                Ok(Err(error)) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, root_cause(&error))),
                Err(_) if left <= Duration::ZERO || Instant::now() >= deadline => {
                    timed_out(format!("{url} did not end within {} s", total.as_secs()))
                }
                Err(_) => timed_out(format!("{url} sent {came} bytes in {} s", idle.as_secs())),
            };
            let broken = chunk.is_err();
            // The reader may stop early.
            if sender.send(chunk).await.is_err() || broken {
                break;
            }
        }
    }

    async fn pause(&self) {
        let last = *self.last.lock().await;
        if let Some(last) = last {
            sleep_until(last + self.settings.pause()).await;
        }
    }
}

/// The longest context. It is parsed again for every record, and KB's has 18 kB.
pub(super) const CONTEXT_BYTES: usize = 1 << 20;

/// Whether a redirection stays on the host, and under encryption.
fn may_follow(from: &Url, to: &Url) -> bool {
    from.host_str() == to.host_str() && (from.scheme() == to.scheme() || to.scheme() == "https")
}

fn transport(url: &str, error: &(dyn std::error::Error + 'static)) -> FetchError {
    FetchError::Transport { url: url.to_owned(), cause: TransportCause::of(error), reason: root_cause(error) }
}

/// The root cause: reqwest's own message repeats the URL and hides it.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3).
fn wait_of(value: &str, now: std::time::SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(value).ok().map(|date| date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_stay_on_the_host_and_under_its_encryption() {
        let may = |from: &str, to: &str| may_follow(&Url::parse(from).expect("valid"), &Url::parse(to).expect("valid"));
        assert!(may("http://a.example/oai", "http://a.example/new") && may("http://a.example/", "https://a.example/"));
        assert!(may("https://a.example/oai", "https://a.example/new"));
        assert!(!may("https://a.example/", "http://a.example/"), "what is asked and answered would be open to all");
        assert!(!may("http://a.example/", "http://b.example/") && !may("http://a.example/", "ftp://a.example/"));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Wed, 01 Jul 2026 12:00:00 GMT").expect("a date");
        assert_eq!(wait_of(" 125 ", now), Some(Duration::from_secs(125)));
        assert_eq!(wait_of("Wed, 01 Jul 2026 12:01:30 GMT", now), Some(Duration::from_secs(90)));
        assert_eq!(wait_of("Wed, 01 Jul 2026 11:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(wait_of("soon", now), None);
        assert_eq!(wait_of("-1", now), None);
    }
}
