//! The protocol between a server and the processes that run its queries, over a pipe each way.
//!
//! A task is one line of JSON. The answer is a sequence of frames, each a letter, a length in four bytes (big-endian) and that many
//! bytes: `H` the head of the answer, `D` a part of the results, `E` their end, `X` why there are none.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::graph_writer::GraphFormat;
use super::question::{Limits, Question};
use super::results::{Bounds, SolutionFormat};
use crate::labels::Languages;

/// A query to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// What it runs on.
    pub on: On,
    /// What is wanted of it.
    pub work: Work,
    /// The query.
    pub question: Question,
    /// The format for solutions and booleans, if the client accepts any.
    pub solutions: Option<SolutionFormat>,
    /// The format for graphs, if the client accepts any.
    pub graph: Option<GraphFormat>,
    /// The languages in which to add names, if the client wants them.
    pub names: Option<Languages>,
    /// The limits on the results.
    pub bounds: Bounds,
    /// The limits on its length and time.
    pub limits: Limits,
}

/// What a task runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// A published snapshot, by its number.
    Snapshot(u64),
    /// A remote store, by its name.
    Remote(String),
}

/// What a task wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// The results of the query.
    Results,
    /// What the query does, as JSON: [`Explained`](super::Explained).
    Plan,
    /// The classes and properties that queries can name, as JSON: [`Vocabulary`](super::Vocabulary). There is no query. Like a plan, it
    /// is that of a snapshot.
    Vocabulary,
}

/// The head of an answer: which of the formats of its task it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Head {
    /// Solutions or a boolean.
    Solutions,
    /// A graph.
    Graph,
    /// The JSON that the task asked for in place of results.
    Report,
}

/// The end of the results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Solutions or triples.
    pub rows: u64,
    /// The sentence that says so, if they were cut at a limit.
    pub cut: Option<String>,
}

/// Why there are no results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The kind of error.
    pub kind: RefusalKind,
    /// The message.
    pub message: String,
}

/// The kinds of [`Refusal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefusalKind {
    /// The query is not valid.
    Syntax,
    /// The query asks a service that it may not ask.
    Forbidden,
    /// Its time is up.
    Timeout,
    /// None of the formats that the client accepts fits.
    Format,
    /// The evaluation failed.
    Evaluation,
    /// A service that the query asks failed, or the remote store that was to answer it.
    Service,
    /// The remote store that was to answer it cannot be asked now.
    Away,
    /// Its process was killed from outside.
    Killed,
    /// The snapshot was removed.
    Snapshot,
    /// The index cannot be read.
    Damaged,
}

/// A frame of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The head.
    Head(Head),
    /// A part of the results.
    Data(Vec<u8>),
    /// The end.
    Ended(Ended),
    /// Why there are no results.
    Refused(Refusal),
}

/// The limit on a frame: longer parts are split.
pub const LONGEST: usize = 1 << 20;

impl Frame {
    /// Writes the frame.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (letter, bytes) = match self {
            Self::Head(head) => (b'H', serde_json::to_vec(head)?),
            Self::Data(bytes) => return Self::write_data(bytes, out),
            Self::Ended(ended) => (b'E', serde_json::to_vec(ended)?),
            Self::Refused(refusal) => (b'X', serde_json::to_vec(refusal)?),
        };
        Self::part(letter, &bytes, out)
    }

    /// Writes a part of the results.
    pub fn write_data(bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        bytes.chunks(LONGEST).try_for_each(|part| Self::part(b'D', part, out))
    }

    fn part(letter: u8, bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        out.write_all(&[letter])?;
        out.write_all(&length.to_be_bytes())?;
        out.write_all(bytes)
    }

    /// Returns the frame of a letter and its bytes.
    pub fn new(letter: u8, bytes: Vec<u8>) -> io::Result<Self> {
        Ok(match letter {
            b'H' => Self::Head(serde_json::from_slice(&bytes)?),
            b'D' => Self::Data(bytes),
            b'E' => Self::Ended(serde_json::from_slice(&bytes)?),
            b'X' => Self::Refused(serde_json::from_slice(&bytes)?),
            other => return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{other} begins no frame"))),
        })
    }

    /// Reads a frame.
    pub fn read(input: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; HEAD];
        input.read_exact(&mut head)?;
        let (letter, length) = read_head(head)?;
        let mut bytes = vec![0; length];
        input.read_exact(&mut bytes)?;
        Self::new(letter, bytes)
    }
}

/// The length of the head of a frame.
pub const HEAD: usize = 5;

/// Reads the letter and the length of a frame.
pub fn read_head([letter, length @ ..]: [u8; HEAD]) -> io::Result<(u8, usize)> {
    let length = u32::from_be_bytes(length) as usize;
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
    }
    Ok((letter, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_as_they_went() {
        let frames = [
            Frame::Head(Head::Graph),
            Frame::Data(b"abc".to_vec()),
            Frame::Ended(Ended { rows: 3, cut: Some("cut".into()) }),
            Frame::Refused(Refusal { kind: RefusalKind::Syntax, message: "no".into() }),
        ];
        let mut bytes = Vec::new();
        for frame in &frames {
            frame.write(&mut bytes).expect("memory");
        }
        let mut input = bytes.as_slice();
        for frame in frames {
            assert_eq!(Frame::read(&mut input).expect("a frame"), frame);
        }
        assert!(Frame::read(&mut input).is_err());
        assert!(read_head([b'D', 255, 0, 0, 0]).is_err());
    }
}
