//! The table of entries in the log's file, and what changes in it.

use std::cell::Cell;

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::Entry;
use super::entries::{EntryRow, SearchIndex};
use super::facets::Facets;
use super::words::words as words_of;
use crate::log::winner::same_identifier_as_record_1;
use crate::log::{Log, LogError};
use crate::views::{ParsedChange, Table, holds};

/// What the view holds: grows with what is in a document or an entry.
pub(super) const VERSION: u32 = 5;

/// The writer's side of the table.
pub(super) struct EntryTable;

/// A record's entry, if it has one.
pub struct EntryOf {
    pub(super) record: i64,
    pub(super) graph: String,
    pub(super) described: Option<Described>,
    /// What becomes of its document; set when the table has it.
    pub(super) fate: Cell<Fate>,
    /// The source of the record; set when the table has it, if the document is to be written.
    pub(super) source: Cell<String>,
}

/// What becomes of a record's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays as it is.
    Stays,
    /// There was none.
    Comes,
    /// It is replaced, or goes.
    Changes,
}

/// An entry with all that the index holds of a record.
pub(super) struct Described {
    pub(super) entry: Entry,
    pub(super) heading: String,
    pub(super) triples: usize,
    pub(super) facets: Facets,
    /// Of all that the record's document is made of.
    pub(super) hash: i64,
}

impl Described {
    /// What it must hold of a record; nothing of one that is gone or cannot be read.
    pub(super) fn of(change: &ParsedChange) -> Option<Self> {
        let (entry, facets) = (Entry::of(change)?, Facets::of(change));
        let heading = words_of(&entry.label).join(" ");
        let hash = hash(&entry, &facets);
        Some(Self { heading, triples: change.content.quads().len(), facets, hash, entry })
    }
}

/// Tells documents apart. The detail is in none.
fn hash(entry: &Entry, facets: &Facets) -> i64 {
    let Entry { entity, kind, label, detail: _, year, words } = entry;
    let mut hasher = blake3::Hasher::new();
    for text in [entity, kind, label] {
        hasher.update(text.as_bytes()).update(b"\0");
    }
    hasher.update(&year.unwrap_or(i64::MIN).to_le_bytes()).update(&words.hash().to_le_bytes());
    facets.hash_into(&mut hasher);
    let mut hash = [0; 8];
    hasher.finalize_xof().fill(&mut hash);
    i64::from_le_bytes(hash)
}

/// What the table holds of a record.
struct Known {
    record: i64,
    same_entry: bool,
    /// Whether the columns that have indexes of their own, except the heading, are the same.
    same_order: bool,
    same_document: bool,
}

impl Known {
    fn read(row: &Row<'_>, record: i64, due: Option<&Described>) -> rusqlite::Result<Self> {
        let known = row.get(0)?;
        let Some(Described { entry, heading, triples, hash, .. }) = due.filter(|_| known == record) else {
            return Ok(Self { record: known, same_entry: false, same_order: false, same_document: false });
        };
        let same_order = row.get_ref(1)?.as_bytes()? == entry.kind.as_bytes()
            && row.get::<_, Option<i64>>(2)? == entry.year
            && row.get::<_, usize>(3)? == *triples;
        let same_texts = holds(row, 4, &[&entry.entity, &entry.label, heading, &entry.detail])?;
        let same_document = row.get::<_, Option<i64>>(8)? == Some(*hash);
        Ok(Self { record: known, same_entry: same_order && same_texts, same_order, same_document })
    }
}

impl Table for EntryTable {
    const NAME: &'static str = "search";
    const VERSION: u32 = VERSION;
    const TABLE: &'static str = "entry";
    const SHAPED: bool = true;
    const FOR_READERS: &'static [&'static str] = &["entry_by_graph", "entry_by_heading", "entry_by_year", "entry_by_kind"];
    type Row = EntryOf;

    fn row(change: &ParsedChange) -> EntryOf {
        EntryOf {
            record: change.record,
            graph: change.graph.as_str().to_owned(),
            described: Described::of(change),
            fate: Cell::new(Fate::Stays),
            source: Cell::default(),
        }
    }

    fn apply(transaction: &Transaction<'_>, rows: &[EntryOf]) -> rusqlite::Result<()> {
        let mut find = transaction.prepare_cached(&format!(
            "SELECT record_id, kind, year, triples, entity, label, heading, detail, words FROM entry WHERE {}",
            same_identifier_as_record_1()
        ))?;
        let mut remove = transaction.prepare_cached("DELETE FROM entry WHERE record_id = ?1")?;
        // Leaves the indexes alone of what it does not name.
        let mut update = transaction.prepare_cached(
            "UPDATE entry SET entity = ?2, label = ?3, heading = ?4, detail = ?5, words = ?6 WHERE record_id = ?1",
        )?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO entry (record_id, graph, entity, kind, label, heading, detail, year, triples, words) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        let mut source = transaction
            .prepare_cached("SELECT source.name FROM record JOIN source ON source.id = record.source_id WHERE record.id = ?1")?;
        for EntryOf { record, graph, described, fate, source: from } in rows {
            let known = find.query_row([record], |row| Known::read(row, *record, described.as_ref())).optional()?;
            fate.set(match &known {
                Some(known) if known.same_document => Fate::Stays,
                Some(_) => Fate::Changes,
                None => Fate::Comes,
            });
            if described.is_some() {
                from.set(source.query_row([record], |row| row.get(0)).optional()?.unwrap_or_default());
            }
            if known.as_ref().is_some_and(|known| known.same_entry && known.same_document) {
                continue;
            }
            let same_order = known.as_ref().is_some_and(|known| known.same_order);
            if let Some(Known { record, .. }) = known.filter(|_| !same_order) {
                remove.execute([record])?;
            }
            let Some(Described { entry, heading, triples, hash, .. }) = described else { continue };
            let Entry { entity, kind, label, detail, year, .. } = entry;
            if same_order {
                update.execute(params![record, entity, label, heading, detail, hash])?;
            } else {
                insert.execute(params![record, graph, entity, kind, label, heading, detail, year, triples, hash])?;
            }
        }
        Ok(())
    }

    fn clear(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        transaction.execute("DELETE FROM entry", []).map(|_| ())
    }

    fn compare(log: &Log, change: &ParsedChange) -> Result<(u64, Option<String>), LogError> {
        let graph = change.graph.as_str();
        let described = Described::of(change);
        let behind = described.as_ref().map(|described| (described.heading.clone(), described.triples, described.hash));
        let due = described.map(|Described { entry: Entry { entity, kind, label, detail, year, .. }, .. }| EntryRow {
            record: graph.to_owned(),
            entity,
            kind,
            label,
            detail,
            year,
        });
        let entries = SearchIndex(log);
        let differs = entries.entry(graph)? != due || entries.behind(graph)? != behind;
        Ok((u64::from(due.is_some()), differs.then(|| "has another entry than its record gives".to_owned())))
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
            let (facets, heading) = (Facets::default(), title.to_owned());
            let described = Described { heading, triples, hash: hash(&entry, &facets), facets, entry };
            let (fate, source) = (Cell::new(Fate::Stays), Cell::default());
            EntryOf { record, graph, described: Some(described), fate, source }
        };
        let gone = || EntryOf { described: None, ..row(2, "", "", 0) };
        // Removing an entry and adding one are a write each; changing only its texts is one.
        for (row, writes, fate) in [
            (row(1, "nils", "a", 7), 1, Fate::Comes),
            (row(1, "nils", "a", 7), 0, Fate::Stays),
            (row(1, "nils", "b", 8), 2, Fate::Changes),
            (row(1, "nils", "c", 8), 1, Fate::Stays),
            (row(1, "akka", "c", 8), 1, Fate::Changes),
            (row(2, "akka", "c", 8), 2, Fate::Changes),
            (gone(), 1, Fate::Changes),
            (gone(), 0, Fate::Comes),
        ] {
            let transaction = log.connection.transaction().expect("begun");
            let before = transaction.total_changes();
            let rows = [row];
            EntryTable::apply(&transaction, &rows).expect("applied");
            assert_eq!((transaction.total_changes() - before, rows[0].fate.get()), (writes, fate));
            transaction.commit().expect("committed");
            let due = rows.iter().filter_map(|row| {
                let Described { entry, heading, triples, hash, .. } = row.described.as_ref()?;
                let Entry { entity, kind, label, detail, year, .. } = entry;
                Some(format!("{}|{entity}|{kind}|{label}|{heading}|{detail}|{}|{triples}|{hash}", row.record, (*year)?))
            });
            let columns = "record_id, entity, kind, label, heading, detail, year, triples, words";
            let sql = format!("SELECT concat_ws('|', {columns}) FROM entry");
            assert_eq!(log.rows(&sql, [], |row| row.get::<_, String>(0)).expect("read"), due.collect::<Vec<_>>());
        }
    }
}
