//! The search view: tables in the log's file, and what changes in them.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::Entry;
use super::index::{EntryRow, SearchIndex};
use super::words::words as words_of;
use crate::log::winner::same_identifier_as_record_1;
use crate::log::{Log, LogError};
use crate::views::{ParsedChange, Table, holds};

/// The writer's side.
pub struct SearchTable;

/// A record's entry, if it has one.
pub struct EntryOf {
    record: i64,
    graph: String,
    entry: Option<Described>,
}

struct Described {
    entry: Entry,
    heading: String,
    triples: usize,
    /// Of its words.
    hash: i64,
}

/// What the tables hold of a record.
struct Known {
    record: i64,
    same_entry: bool,
    /// Whether the columns that have indexes of their own, except the heading, are the same.
    same_order: bool,
    same_words: bool,
}

impl Known {
    fn read(row: &Row<'_>, record: i64, due: Option<&Described>) -> rusqlite::Result<Self> {
        let known = row.get(0)?;
        let Some(Described { entry, heading, triples, hash }) = due.filter(|_| known == record) else {
            return Ok(Self { record: known, same_entry: false, same_order: false, same_words: false });
        };
        let same_order = row.get_ref(1)?.as_bytes()? == entry.kind.as_bytes()
            && row.get::<_, Option<i64>>(2)? == entry.year
            && row.get::<_, usize>(3)? == *triples;
        let same_texts = holds(row, 4, &[&entry.entity, &entry.label, heading, &entry.detail])?;
        let same_words = row.get::<_, Option<i64>>(8)? == Some(*hash);
        Ok(Self { record: known, same_entry: same_order && same_texts, same_order, same_words })
    }
}

impl Table for SearchTable {
    const NAME: &'static str = "search";
    const TABLE: &'static str = "entry";
    const VERSION: u32 = 2;
    const SHAPED: bool = true;
    const FOR_READERS: &'static [&'static str] = &["entry_by_graph", "entry_by_heading", "entry_by_year", "entry_by_kind"];
    type Row = EntryOf;

    fn row(change: &ParsedChange) -> EntryOf {
        let graph = change.graph.as_str();
        let triples = change.content.quads().len();
        let described =
            |entry: Entry| Described { heading: words_of(&entry.label).join(" "), triples, hash: entry.words.hash(), entry };
        EntryOf { record: change.record, graph: graph.to_owned(), entry: Entry::of(change).map(described) }
    }

    fn apply(transaction: &Transaction<'_>, rows: &[EntryOf]) -> rusqlite::Result<()> {
        let mut find = transaction.prepare_cached(&format!(
            "SELECT record_id, kind, year, triples, entity, label, heading, detail, words FROM entry WHERE {}",
            same_identifier_as_record_1()
        ))?;
        let mut remove = transaction.prepare_cached("DELETE FROM entry WHERE record_id = ?1")?;
        let mut remove_words = transaction.prepare_cached("DELETE FROM word WHERE rowid = ?1")?;
        // Leaves the indexes alone of what it does not name.
        let mut update = transaction.prepare_cached(
            "UPDATE entry SET entity = ?2, label = ?3, heading = ?4, detail = ?5, words = ?6 WHERE record_id = ?1",
        )?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO entry (record_id, graph, entity, kind, label, heading, detail, year, triples, words) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        let mut insert_words = transaction
            .prepare_cached("INSERT INTO word (rowid, title, name, subject, identifier) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for EntryOf { record, graph, entry } in rows {
            let known = find.query_row([record], |row| Known::read(row, *record, entry.as_ref())).optional()?;
            if known.as_ref().is_some_and(|known| known.same_entry && known.same_words) {
                continue;
            }
            let same_order = known.as_ref().is_some_and(|known| known.same_order);
            let same_words = known.as_ref().is_some_and(|known| known.same_words);
            if let Some(Known { record, .. }) = known {
                if !same_order {
                    remove.execute([record])?;
                }
                if !same_words {
                    remove_words.execute([record])?;
                }
            }
            let Some(Described { entry, heading, triples, hash }) = entry else { continue };
            let Entry { entity, kind, label, detail, year, words } = entry;
            if same_order {
                update.execute(params![record, entity, label, heading, detail, hash])?;
            } else {
                insert.execute(params![record, graph, entity, kind, label, heading, detail, year, triples, hash])?;
            }
            if !same_words {
                insert_words.execute(params![record, words.title, words.name, words.subject, words.identifier])?;
            }
        }
        Ok(())
    }

    fn clear(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        transaction.execute("DELETE FROM entry", [])?;
        transaction.execute("INSERT INTO word (word) VALUES ('delete-all')", []).map(|_| ())
    }

    fn compare(log: &Log, change: &ParsedChange) -> Result<(u64, Option<String>), LogError> {
        let graph = change.graph.as_str();
        let due = Entry::of(change).map(|Entry { entity, kind, label, detail, year, .. }| EntryRow {
            record: graph.to_owned(),
            entity,
            kind,
            label,
            detail,
            year,
        });
        let differs = SearchIndex(log).entry(graph)? != due;
        Ok((u64::from(due.is_some()), differs.then(|| "has another entry than its record gives".to_owned())))
    }

    /// Every entry has its words.
    fn integrity(log: &Log) -> Result<Option<String>, LogError> {
        let (entries, words) = (SearchIndex(log).count_of("entry")?, SearchIndex(log).count_of("word")?);
        Ok((entries != words).then(|| format!("there are {entries} entries and words of {words}")))
    }

    /// Merges the parts of the index that came with the pages into one.
    fn optimize(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        transaction.execute("INSERT INTO word (word) VALUES ('optimize')", []).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Words;
    use crate::views::log_of_two;

    #[test]
    fn an_entry_that_is_there_is_not_written_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut log = log_of_two(directory.path(), "https://libris.kb.se/x");
        let row = |record, title: &str, detail: &str, triples: usize| {
            let words = Words { title: title.into(), ..Words::default() };
            let (label, detail, graph) = (title.to_owned(), detail.to_owned(), "https://libris.kb.se/x".to_owned());
            let year = i64::try_from(1900 + triples).ok();
            let entry = Entry { entity: graph.clone(), kind: "Text".into(), label, detail, year, words };
            let described = Described { heading: title.to_owned(), triples, hash: entry.words.hash(), entry };
            EntryOf { record, graph, entry: Some(described) }
        };
        let gone = || EntryOf { record: 2, graph: "https://libris.kb.se/x".into(), entry: None };
        // Removing an entry and adding one are a write each; changing only its texts is one. Words are further writes.
        for (row, entries, words, found) in [
            (row(1, "nils", "a", 7), 1, true, ["nils"].as_slice()),
            (row(1, "nils", "a", 7), 0, false, &["nils"]),
            (row(1, "nils", "b", 8), 2, false, &["nils"]),
            (row(1, "nils", "c", 8), 1, false, &["nils"]),
            (row(1, "akka", "c", 8), 1, true, &["akka"]),
            (row(2, "akka", "c", 8), 2, true, &["akka"]),
            (gone(), 1, true, &[]),
        ] {
            let transaction = log.connection.transaction().expect("begun");
            let before = transaction.total_changes();
            let rows = [row];
            SearchTable::apply(&transaction, &rows).expect("applied");
            let written = transaction.total_changes() - before;
            assert!(if words { written > entries } else { written == entries }, "{written} writes of {entries}: {found:?}");
            transaction.commit().expect("committed");
            let due = rows.iter().filter_map(|row| {
                let Described { entry, heading, triples, hash } = row.entry.as_ref()?;
                let Entry { entity, kind, label, detail, year, .. } = entry;
                Some(format!("{}|{entity}|{kind}|{label}|{heading}|{detail}|{}|{triples}|{hash}", row.record, (*year)?))
            });
            let columns = "record_id, entity, kind, label, heading, detail, year, triples, words";
            let sql = format!("SELECT concat_ws('|', {columns}) FROM entry");
            assert_eq!(log.rows(&sql, [], |row| row.get::<_, String>(0)).expect("read"), due.collect::<Vec<_>>());
            let held =
                ["nils", "akka"].into_iter().filter(|word| SearchIndex(&log).find(word, 0, 10).expect("read").matches == 1);
            assert_eq!(held.collect::<Vec<_>>(), found);
            assert_eq!(SearchTable::integrity(&log).expect("read"), None);
        }
    }
}
