//! How far a remote store has followed the log: kept in the store itself, in a graph of its own.
//!
//! The graph `<urn:libris-mirror:watermark>` has one subject of the same name with two properties. `<urn:libris-mirror:reached>` says
//! which changes the store has: the last one, its page, the link of the log's chain that seals the page, and the greatest number of
//! a record among them. It is written after the data that it covers. `<urn:libris-mirror:begun>` is written before data, and says up
//! to where they reach, so that who comes after a crash knows what may be there already.

use crate::log::{ChangeId, Mark, PageId};
use crate::snapshots::{link_text, parse_link};

/// The graph, and its subject.
pub(super) const GRAPH: &str = "urn:libris-mirror:watermark";
const REACHED: &str = "urn:libris-mirror:reached";
const BEGUN: &str = "urn:libris-mirror:begun";

/// Which records a store may have, by their numbers in the log, which grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sent {
    /// None after this one.
    Until(i64),
    /// Any.
    Any,
}

impl Sent {
    fn text(self) -> String {
        match self {
            Self::Until(record) => record.to_string(),
            Self::Any => "any".to_owned(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "any" { Some(Self::Any) } else { text.parse().ok().map(Self::Until) }
    }
}

/// A statement of a store about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statement {
    /// It has all changes up to a mark.
    Reached(Mark, Sent),
    /// It may have some of the changes up to this one.
    Begun(ChangeId, Sent),
}

impl Statement {
    /// The triple, without a full stop.
    pub(super) fn triple(&self) -> String {
        match self {
            Self::Reached(Mark { change, page, link }, sent) => {
                let link = link_text(*link);
                let link = if link.is_empty() { "-".to_owned() } else { link };
                format!("<{GRAPH}> <{REACHED}> \"{} {} {link} {}\"", change.0, page.0, sent.text())
            }
            Self::Begun(change, sent) => format!("<{GRAPH}> <{BEGUN}> \"{} {}\"", change.0, sent.text()),
        }
    }

    /// Reads a property and its value; `None` for what this program did not write.
    pub(super) fn parse(property: &str, value: &str) -> Option<Self> {
        let mut words = value.split(' ');
        let mut number = || words.next()?.parse().ok();
        let statement = match property {
            REACHED => {
                let (change, page) = (ChangeId(number()?), PageId(number()?));
                let link = match words.next()? {
                    "-" => None,
                    text => Some(parse_link(text)?),
                };
                Self::Reached(Mark { change, page, link }, Sent::parse(words.next()?)?)
            }
            BEGUN => Self::Begun(ChangeId(number()?), Sent::parse(words.next()?)?),
            _ => return None,
        };
        words.next().is_none().then_some(statement)
    }
}

/// Where a store is, by its own statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The last mark that it has reached; the beginning, if none.
    pub(super) reached: Mark,
    /// Which records it may have.
    pub(super) sent: Sent,
}

/// Why a store is nowhere in this log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Foreign(pub(super) Mark);

impl Place {
    /// Where a store is that says this. `is_ours` tells whether a mark is one of this log. `None` if the store says nothing.
    pub(super) fn of(statements: &[Statement], is_ours: impl Fn(Mark) -> bool) -> Result<Option<Self>, Foreign> {
        if statements.is_empty() {
            return Ok(None);
        }
        let mut place = Self { reached: Mark::default(), sent: Sent::Until(0) };
        let mut foreign = None;
        for statement in statements {
            let (reached, sent) = match *statement {
                Statement::Reached(mark, sent) if is_ours(mark) => (Some(mark), sent),
                Statement::Reached(mark, _) => {
                    foreign = Some(Foreign(mark));
                    continue;
                }
                Statement::Begun(_, sent) => (None, sent),
            };
            place.reached = reached.filter(|mark| mark.change > place.reached.change).unwrap_or(place.reached);
            place.sent = place.sent.max(sent);
        }
        // A mark of another log beside one of ours: what lies there is not what this log says.
        foreign.map_or(Ok(Some(place)), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(change: i64, link: u8) -> Mark {
        Mark { change: ChangeId(change), page: PageId(change / 10), link: Some([link; 16]) }
    }

    fn parsed(statement: Statement) -> Option<Statement> {
        let triple = statement.triple();
        let (subject, rest) = triple.split_once(' ').expect("three");
        let (property, value) = rest.split_once(' ').expect("three");
        assert_eq!(subject, format!("<{GRAPH}>"));
        Statement::parse(property.trim_matches(['<', '>']), value.trim_matches('"'))
    }

    #[test]
    fn statements_are_read_as_they_were_written() {
        for statement in [
            Statement::Reached(mark(20, 7), Sent::Until(9)),
            Statement::Reached(Mark { link: None, ..mark(20, 7) }, Sent::Any),
            Statement::Begun(ChangeId(30), Sent::Until(12)),
        ] {
            assert_eq!(parsed(statement), Some(statement));
        }
        for (property, value) in [("urn:x", "1 2"), (REACHED, "1 2 zz 3"), (REACHED, ""), (BEGUN, "1 2 3"), (BEGUN, "x 2")] {
            assert_eq!(Statement::parse(property, value), None, "{property} {value}");
        }
    }

    #[test]
    fn the_last_mark_counts_and_all_that_was_begun_may_be_there() {
        let ours = |mark: Mark| mark.link == Some([1; 16]);
        let (first, second) = (Statement::Reached(mark(10, 1), Sent::Until(5)), Statement::Reached(mark(20, 1), Sent::Until(9)));
        assert_eq!(Place::of(&[], ours), Ok(None));
        let begun = Statement::Begun(ChangeId(30), Sent::Until(12));
        let place = Place { reached: mark(20, 1), sent: Sent::Until(12) };
        assert_eq!(Place::of(&[second, begun, first], ours), Ok(Some(place)));
        let nothing_yet = Place { reached: Mark::default(), sent: Sent::Until(12) };
        assert_eq!(Place::of(&[begun], ours), Ok(Some(nothing_yet)));
        let other = Statement::Reached(mark(15, 2), Sent::Until(5));
        assert_eq!(Place::of(&[first, other], ours), Err(Foreign(mark(15, 2))));
    }
}
