//! The labels view: a table in the log's file, and what changes in it.

use rusqlite::{Rows, Transaction, params};

use super::extract::{Label, labels_of};
use crate::log::winner::same_identifier_as_record_1;
use crate::log::{Log, LogError};
use crate::views::{Known, ParsedChange, Table, compare_rows, holds};

/// The writer's side.
pub struct LabelsTable;

/// The names that a record gives.
pub struct LabelsOf {
    record: i64,
    labels: Vec<Label>,
}

/// What the table holds of a record and of others with its identifier.
fn known() -> String {
    let condition = same_identifier_as_record_1();
    format!("SELECT record_id, rank, iri, language, text FROM label WHERE {condition} ORDER BY rowid")
}

impl Table for LabelsTable {
    const NAME: &'static str = "labels";
    const SHAPED: bool = true;
    const TABLE: &'static str = "label";
    const FOR_READERS: &'static [&'static str] = &["label_by_iri"];
    type Row = LabelsOf;

    fn row(change: &ParsedChange) -> LabelsOf {
        LabelsOf { record: change.record, labels: labels_of(&change.shapes, change.graph.as_str(), change.content.quads()) }
    }

    fn apply(transaction: &Transaction<'_>, rows: &[LabelsOf]) -> rusqlite::Result<()> {
        let mut known = transaction.prepare_cached(&known())?;
        let mut remove = transaction.prepare_cached(&format!("DELETE FROM label WHERE {}", same_identifier_as_record_1()))?;
        let mut insert =
            transaction.prepare_cached("INSERT INTO label (record_id, iri, language, text, rank) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for LabelsOf { record, labels } in rows {
            match compare(&mut known.query([record])?, *record, labels)? {
                Known::Same => continue,
                Known::Other => remove.execute([record])?,
                Known::None => 0,
            };
            for Label { iri, language, text, rank } in labels {
                insert.execute(params![record, iri, language, text, rank])?;
            }
        }
        Ok(())
    }

    fn clear(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        transaction.execute("DELETE FROM label", []).map(|_| ())
    }

    fn compare(log: &Log, change: &ParsedChange) -> Result<(u64, Option<String>), LogError> {
        let LabelsOf { record, labels } = Self::row(change);
        let read = || {
            let mut statement = log.connection.prepare_cached(&known())?;
            compare(&mut statement.query([record])?, record, &labels)
        };
        let same =
            matches!((read().map_err(|source| log.failed(source))?, labels.is_empty()), (Known::Same, _) | (Known::None, true));
        Ok((labels.len() as u64, (!same).then(|| format!("has other names than the {} that it gives", labels.len()))))
    }
}

fn compare(rows: &mut Rows<'_>, record: i64, labels: &[Label]) -> rusqlite::Result<Known> {
    compare_rows(rows, labels, |row, Label { iri, language, text, rank }| {
        Ok(row.get::<_, i64>(0)? == record && row.get::<_, i64>(1)? == *rank && holds(row, 2, &[iri, language, text])?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{Labels, Languages};
    use crate::views::log_of_two;

    fn row(record: i64, names: &[(&str, &str, i64)]) -> LabelsOf {
        let label = |(language, text, rank): &(&str, &str, i64)| Label {
            iri: "https://id.kb.se/language/swe".into(),
            language: (*language).into(),
            text: (*text).into(),
            rank: *rank,
        };
        LabelsOf { record, labels: names.iter().map(label).collect() }
    }

    #[test]
    fn names_that_are_there_are_not_written_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut log = log_of_two(directory.path(), "https://libris.kb.se/x");
        let both = [("en", "Swedish", 1), ("sv", "Svenska", 1)];
        for (row, writes, swedish, german) in [
            (row(1, &both), 2, Some("Svenska"), Some("Svenska")),
            (row(1, &both), 0, Some("Svenska"), Some("Svenska")),
            (row(1, &both[..1]), 3, Some("Swedish"), Some("Swedish")),
            (row(2, &[("", "swe", 1), ("de", "Schwedisch", 2)]), 3, Some("swe"), Some("swe")),
            (row(2, &[("sv", "sv.", 2), ("de", "Schwedisch", 2)]), 4, Some("sv."), Some("Schwedisch")),
            (row(2, &[]), 2, None, None),
            (row(2, &[]), 0, None, None),
        ] {
            let transaction = log.connection.transaction().expect("begun");
            let before = transaction.total_changes();
            LabelsTable::apply(&transaction, &[row]).expect("applied");
            assert_eq!(transaction.total_changes() - before, writes);
            transaction.commit().expect("committed");
            for (language, due) in [("sv", swedish), ("de", german)] {
                let name = Labels(&log).name("https://id.kb.se/language/swe", &Languages::one(language)).expect("read");
                assert_eq!(name.as_ref().map(|name| name.text.as_str()), due, "{language}");
            }
        }
    }

    #[test]
    fn a_name_is_one_look_up_in_an_index_in_its_order() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = log_of_two(directory.path(), "https://libris.kb.se/x");
        let sql = "EXPLAIN QUERY PLAN SELECT rank, language, text FROM label WHERE iri = 'x' ORDER BY rank LIMIT 2";
        let plan = log.rows(sql, [], |row| row.get::<_, String>("detail")).expect("a plan").join("; ");
        assert!(plan.contains("INDEX label_by_iri") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
