//! Results on their way to the client: buffered until the head can be sent, then streamed, and cut at the limits.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc::Receiver;
use tokio::time::Duration;

use crate::query::{Ended, Head, Refusal, RefusalKind};
use crate::serve::problem::Problem;
use crate::serve::workers::Event;

/// The header that says that results were cut, and where.
pub const CUT: HeaderName = HeaderName::from_static("x-results-cut");

/// Bytes of an answer that are buffered before its head is sent. Most answers are complete by then, and an error before that
/// still gets a status.
pub(super) const HEAD_BYTES: usize = 64 << 10;

/// The beginning of an answer, or a complete one.
pub(super) struct Beginning {
    /// Its head, which names the format.
    pub(super) head: Option<Head>,
    /// The bytes so far.
    pub(super) data: Vec<u8>,
    /// Why it failed.
    pub(super) refused: Option<Refusal>,
    /// Its end, if it is complete.
    pub(super) ended: Option<Ended>,
    rest: Option<Receiver<Event>>,
}

impl Beginning {
    /// Returns an answer from the cache.
    pub(super) fn whole(head: Option<Head>, data: Vec<u8>, ended: Ended) -> Self {
        Self { head, data, refused: None, ended: Some(ended), rest: None }
    }

    /// Reads the beginning of an answer: `most` bytes, or all of a shorter one.
    pub(super) async fn read(mut events: Receiver<Event>, most: usize) -> Self {
        let mut beginning = (None, Vec::new(), None, None);
        while beginning.1.len() < most {
            match events.recv().await {
                Some(Event::Head(head)) => beginning.0 = Some(head),
                Some(Event::Data(bytes)) => beginning.1.extend_from_slice(&bytes),
                Some(Event::Ended(ended)) => {
                    beginning.3 = Some(ended);
                    break;
                }
                Some(Event::Refused(refusal)) => {
                    beginning.2 = Some(refusal);
                    break;
                }
                None => {
                    let message = "the query was stopped".to_owned();
                    beginning.2 = Some(Refusal { kind: RefusalKind::Evaluation, message });
                    break;
                }
            }
        }
        let (head, data, refused, ended) = beginning;
        Self { head, data, refused, ended, rest: Some(events) }
    }

    /// Reads the rest, up to `most` bytes in all: an answer that is longer, or was cut, is none.
    pub(super) async fn complete(self, most: usize) -> Result<Vec<u8>, Problem> {
        let Self { mut data, mut ended, rest, .. } = self;
        let mut rest = rest.filter(|_| ended.is_none());
        while let Some(events) = &mut rest {
            match events.recv().await {
                Some(Event::Data(bytes)) if data.len() + bytes.len() <= most => data.extend_from_slice(&bytes),
                Some(Event::Head(_)) => {}
                Some(Event::Ended(end)) => {
                    ended = Some(end);
                    break;
                }
                Some(Event::Data(_) | Event::Refused(_)) | None => break,
            }
        }
        match ended {
            Some(Ended { cut: None, .. }) => Ok(data),
            _ => {
                Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the results are longer than they may be here: ask for less"))
            }
        }
    }

    /// Returns the response. If a limit of the server cuts the results, the transfer is broken off after a note that says so, so
    /// that no client takes them for complete. If the client asked for a part (`rows`), the response ends normally.
    pub(super) fn into_response(self, asked_for_part: bool) -> Response {
        let Self { data, ended, rest, .. } = self;
        match ended {
            Some(Ended { cut: None, .. }) => Response::new(Body::from(data)),
            Some(Ended { cut: Some(cut), .. }) => {
                let body = if asked_for_part { Body::from(data) } else { Body::from_stream(broken_off(data)) };
                let mut response = Response::new(body);
                if let Ok(value) = HeaderValue::from_str(&cut) {
                    response.headers_mut().insert(CUT, value);
                }
                response
            }
            None => Response::new(Body::from_stream(stream(data, rest, asked_for_part))),
        }
    }
}

fn cut_off() -> io::Error {
    io::Error::other("the results were cut at a limit")
}

/// The time to send the note before the connection is closed.
const NOTE_TIME: Duration = Duration::from_millis(100);

fn broken_off(data: Vec<u8>) -> impl Stream<Item = io::Result<Bytes>> {
    let parts = futures_util::stream::unfold(Some(Some(data)), |state| async {
        if let Some(data) = state? {
            return Some((Ok(Bytes::from(data)), Some(None)));
        }
        tokio::time::sleep(NOTE_TIME).await;
        Some((Err(cut_off()), None))
    });
    // The compression layer polls once more after the end.
    parts.fuse()
}

fn stream(data: Vec<u8>, rest: Option<Receiver<Event>>, asked_for_part: bool) -> impl Stream<Item = io::Result<Bytes>> {
    let parts = futures_util::stream::unfold((Some(data), rest), move |(data, rest)| async move {
        let mut rest = rest?;
        if let Some(data) = data {
            return Some((Ok(Bytes::from(data)), (None, Some(rest))));
        }
        match rest.recv().await {
            Some(Event::Data(bytes)) => Some((Ok(bytes), (None, Some(rest)))),
            Some(Event::Ended(ended)) if ended.cut.is_none() || asked_for_part => None,
            Some(Event::Ended(_)) => {
                tokio::time::sleep(NOTE_TIME).await;
                Some((Err(cut_off()), (None, None)))
            }
            // The head was sent with status 200: only breaking off can signal the error.
            Some(Event::Refused(refusal)) => Some((Err(io::Error::other(refusal.message)), (None, None))),
            Some(Event::Head(_)) => Some((Ok(Bytes::new()), (None, Some(rest)))),
            None => Some((Err(io::Error::other("the query was stopped")), (None, None))),
        }
    });
    parts.fuse()
}
