//! Look-ups in the tables of the search.
//!
//! A look-up never ranks all that matches: it takes a bounded number of records for each way in which they can match, the
//! best way first, and puts these in order. So it takes milliseconds however common the words are.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::words::{as_word, forms_of_isbn, words as words_of};
use crate::log::{Log, LogError};
use crate::rdf::last_part;

/// A record as a search finds it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EntryRow {
    /// The record's graph, which is its IRI.
    pub record: String,
    /// What it describes.
    pub entity: String,
    /// The class of that, without KBV's namespace.
    pub kind: String,
    /// Title, name or heading.
    pub label: String,
    /// Who, where published, life span.
    pub detail: String,
    /// The year of publication.
    pub year: Option<i64>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Found {
    /// The page that was asked for, best first.
    pub entries: Vec<EntryRow>,
    /// How many can be paged through, from the first page to the last.
    pub reachable: usize,
    /// How many match, counted up to [`COUNTED`].
    pub matches: usize,
}

/// Matches are counted up to here.
pub const COUNTED: usize = 10_000;

/// The most matches of one kind that are put in order.
const EACH: usize = 200;

/// If what people type is an identifier of at least this length, and it exists, nothing else is searched.
const LONG_IDENTIFIER: usize = 7;

/// A way in which a record can match.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Match {
    /// It has this identifier.
    Identifier(String),
    /// It is called what begins so.
    Heading(String),
    /// It matches this expression of FTS5.
    Words(String),
}

/// The most words of a query that count.
const MOST_WORDS: usize = 12;

/// The readers' side.
pub struct SearchIndex<'a>(pub &'a Log);

impl SearchIndex<'_> {
    /// Looks up what people type: titles, names, subjects, identifiers; the last word may be the beginning of one.
    pub fn find(&self, text: &str, offset: usize, limit: usize) -> Result<Found, LogError> {
        let read = || -> rusqlite::Result<Found> {
            let ways = ways_to_match(text);
            // The records that match, each in the best way in which it does; the same whichever of them are asked for.
            let (mut seen, mut groups, mut cut) = (HashSet::new(), Vec::new(), false);
            for way in &ways {
                let ids = self.ids(way)?;
                cut = ids.len() >= EACH;
                groups.push(ids.into_iter().filter(|id| seen.insert(*id)).collect::<Vec<_>>());
                if matches!(way, Match::Identifier(identifier) if identifier.len() >= LONG_IDENTIFIER) && !seen.is_empty() {
                    cut = false;
                    break;
                }
            }
            let matches = match ways.last() {
                Some(Match::Words(widest)) if cut => self.0.connection.query_row(
                    "SELECT count(*) FROM (SELECT 1 FROM word WHERE word MATCH ?1 LIMIT ?2)",
                    params![widest, COUNTED],
                    |row| row.get(0),
                )?,
                _ => seen.len(),
            };
            Ok(Found {
                entries: self.entries(&groups, &words_of(text).join(" "), offset, limit)?,
                reachable: seen.len(),
                matches: matches.max(seen.len()),
            })
        };
        read().map_err(|source| self.0.failed(source))
    }

    /// Some entries of groups of records, of which each is put in order by itself; others are not read.
    fn entries(&self, groups: &[Vec<i64>], heading: &str, offset: usize, limit: usize) -> rusqlite::Result<Vec<EntryRow>> {
        let (mut entries, mut before) = (Vec::new(), 0_usize);
        for group in groups {
            let (from, end) = (offset.saturating_sub(before), offset.saturating_add(limit).saturating_sub(before));
            before += group.len();
            if from >= group.len() || end == 0 {
                continue;
            }
            let mut ordered = Vec::with_capacity(group.len());
            for id in group {
                if let Some((entry, called)) = by_id(&self.0.connection, *id)? {
                    ordered.push((order(&entry, called == heading), entry));
                }
            }
            ordered.sort_by(|(a, _), (b, _)| a.cmp(b));
            entries.extend(ordered.into_iter().map(|(_, entry)| entry).take(end).skip(from));
        }
        Ok(entries)
    }

    /// The records that match in one way, a bounded number of them.
    fn ids(&self, kind: &Match) -> rusqlite::Result<Vec<i64>> {
        let connection = &self.0.connection;
        let id = |row: &Row<'_>| row.get::<_, i64>(0);
        match kind {
            Match::Identifier(identifier) => connection
                .prepare_cached("SELECT rowid FROM word WHERE word MATCH ?1 LIMIT ?2")?
                .query_map(params![format!("identifier : \"{identifier}\""), EACH], id)?
                .collect(),
            Match::Heading(beginning) => connection
                .prepare_cached("SELECT record_id FROM entry WHERE heading >= ?1 AND heading < ?2 ORDER BY heading LIMIT ?3")?
                .query_map(params![beginning, format!("{beginning}{}", char::MAX), EACH], id)?
                .collect(),
            Match::Words(expression) => connection
                .prepare_cached("SELECT rowid FROM word WHERE word MATCH ?1 LIMIT ?2")?
                .query_map(params![expression, EACH], id)?
                .collect(),
        }
    }

    /// The entry of a record, by its IRI.
    pub fn entry(&self, record: &str) -> Result<Option<EntryRow>, LogError> {
        self.0
            .connection
            .prepare_cached("SELECT graph, entity, kind, label, detail, year FROM entry WHERE graph = ?1")
            .and_then(|mut statement| statement.query_row([record], entry_row).optional())
            .map_err(|source| self.0.failed(source))
    }

    /// The entry of a record, by its IRI or that of what it describes: `<record#it>`. An IRI with a `#` may be a record's own.
    pub fn entry_about(&self, iri: &str) -> Result<Option<EntryRow>, LogError> {
        match (self.entry(iri)?, iri.split_once('#')) {
            (None, Some((record, _))) => self.entry(record),
            (entry, _) => Ok(entry),
        }
    }

    /// How many entries there are.
    pub fn count(&self) -> Result<u64, LogError> {
        self.count_of("entry")
    }

    pub(super) fn count_of(&self, table: &str) -> Result<u64, LogError> {
        self.0
            .connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .map_err(|source| self.0.failed(source))
    }

    /// How many records there are of each kind, and their triples; the most frequent first.
    pub fn kinds(&self) -> Result<Vec<(String, u64, u64)>, LogError> {
        self.0.rows("SELECT kind, count(*), sum(triples) FROM entry GROUP BY kind ORDER BY 2 DESC, 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
    }

    /// How many records were published in each decade.
    pub fn decades(&self) -> Result<Vec<(i64, u64)>, LogError> {
        self.0.rows("SELECT year / 10 * 10, count(*) FROM entry WHERE year IS NOT NULL GROUP BY 1 ORDER BY 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }
}

fn entry_row(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    Ok(EntryRow {
        record: row.get(0)?,
        entity: row.get(1)?,
        kind: row.get(2)?,
        label: row.get(3)?,
        detail: row.get(4)?,
        year: row.get(5)?,
    })
}

/// An entry with its heading.
fn by_id(connection: &Connection, id: i64) -> rusqlite::Result<Option<(EntryRow, String)>> {
    connection
        .prepare_cached("SELECT graph, entity, kind, label, detail, year, heading FROM entry WHERE record_id = ?1")?
        .query_row([id], |row| Ok((entry_row(row)?, row.get(6)?)))
        .optional()
}

/// Among matches of one kind: called exactly so first, then the shorter label, then the newer.
fn order(entry: &EntryRow, called_so: bool) -> (bool, usize, i64, String) {
    (!called_so, entry.label.chars().count(), -entry.year.unwrap_or(0), entry.record.clone())
}

/// The ways in which what people type can match, the best first, the widest last.
fn ways_to_match(text: &str) -> Vec<Match> {
    // An address is looked up by its last part, which is the identifier.
    let text = &if text.trim().starts_with("http") { last_part(text.trim()) } else { text.to_owned() };
    let words: Vec<String> = words_of(text).into_iter().take(MOST_WORDS).collect();
    let Some((last, before)) = words.split_last() else { return Vec::new() };
    let quoted = |words: &[String]| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" ");
    let mut kinds = Vec::new();
    if text.chars().any(|c| c.is_ascii_digit()) {
        kinds.push(Match::Identifier(forms_of_isbn(text.trim()).map_or_else(|| as_word(text), |(_, thirteen)| thirteen)));
    }
    kinds.push(Match::Heading(words.join(" ")));
    kinds.push(Match::Words(format!("{{title name}} : ({})", quoted(&words))));
    // A single letter would begin half of all words.
    let star = if last.chars().count() > 1 { "*" } else { "" };
    let before = if before.is_empty() { String::new() } else { format!("{} ", quoted(before)) };
    kinds.push(Match::Words(format!("{before}\"{last}\" {star}")));
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_kind_of_match_is_asked_for_first() {
        let words = |expression: &str| Match::Words(expression.into());
        assert_eq!(
            ways_to_match("Selma Lag"),
            [Match::Heading("selma lag".into()), words(r#"{title name} : ("selma" "lag")"#), words(r#""selma" "lag" *"#)]
        );
        assert_eq!(ways_to_match("91-7000-059-X")[0], Match::Identifier("9789170000591".into()));
        assert!(ways_to_match(" -- \"* ").is_empty());
        assert_eq!(ways_to_match("NEAR OR \" AND (").last(), Some(&words(r#""near" "or" "and" *"#)));
    }
}
