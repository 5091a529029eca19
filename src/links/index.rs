//! The links view: tables in the log's file, and look-ups in them.

use std::collections::BTreeMap;

use rusqlite::{CachedStatement, Row, Rows, Transaction, params};

use super::{Authority, Link, extract};
use crate::log::winner::same_identifier_as_record_1;
use crate::log::{Log, LogError};
use crate::views::{Known, ParsedChange, Table, compare_rows, holds};

/// The writer's side.
pub struct LinksTable;

/// The links of a record.
pub struct LinksOf {
    record: i64,
    graph: String,
    links: Vec<Link>,
}

impl Table for LinksTable {
    const NAME: &'static str = "links";
    const TABLE: &'static str = "link";
    const VERSION: u32 = 2;
    const SHAPED: bool = true;
    const FOR_READERS: &'static [&'static str] = &["link_by_entity", "link_by_graph", "link_by_authority", "link_by_iri"];
    type Row = LinksOf;

    fn row(change: &ParsedChange) -> LinksOf {
        let links = extract(&change.shapes, change.content.quads());
        LinksOf { record: change.record, graph: change.graph.as_str().to_owned(), links }
    }

    fn apply(transaction: &Transaction<'_>, rows: &[LinksOf]) -> rusqlite::Result<()> {
        let mut known = transaction.prepare_cached(&format!(
            "SELECT record_id, entity, path, property, authority, local_id, iri FROM link WHERE {} ORDER BY rowid",
            same_identifier_as_record_1()
        ))?;
        let mut remove = transaction.prepare_cached(&format!("DELETE FROM link WHERE {}", same_identifier_as_record_1()))?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO link (record_id, graph, entity, path, property, authority, local_id, iri) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for LinksOf { record, graph, links } in rows {
            match compare(&mut known.query([record])?, *record, links)? {
                Known::Same => continue,
                Known::Other => remove.execute([record])?,
                Known::None => 0,
            };
            for Link { entity, path, property, reference } in links {
                let authority = reference.authority.name();
                insert.execute(params![record, graph, entity, path, property, authority, reference.id, reference.iri])?;
            }
        }
        Ok(())
    }

    fn clear(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        transaction.execute("DELETE FROM link", []).map(|_| ())
    }

    fn compare(log: &Log, change: &ParsedChange) -> Result<(u64, Option<String>), LogError> {
        let due =
            extract(&change.shapes, change.content.quads()).into_iter().map(|Link { entity, path, property, reference }| {
                [entity, path, property, reference.authority.name().to_owned(), reference.id, reference.iri]
            });
        let mut due: Vec<[String; 6]> = due.collect();
        due.sort();
        let rows = LinksIndex(log).find(&LinkFilter::Record(change.graph.as_str().to_owned()))?;
        let mut held: Vec<[String; 6]> =
            rows.into_iter().map(|row| [row.entity, row.path, row.property, row.authority, row.id, row.iri]).collect();
        held.sort();
        let (count, differs) = (due.len() as u64, due != held);
        Ok((count, differs.then(|| format!("has {} links, and its record gives {count} or others", held.len()))))
    }
}

/// Compares the rows of a graph with what it must have.
fn compare(rows: &mut Rows<'_>, record: i64, links: &[Link]) -> rusqlite::Result<Known> {
    compare_rows(rows, links, |row, Link { entity, path, property, reference }| {
        let texts = [entity, path, property, reference.authority.name(), &reference.id, &reference.iri];
        Ok(row.get::<_, i64>(0)? == record && holds(row, 1, &texts)?)
    })
}

/// A link, as a look-up returns it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LinkRow {
    /// The record's graph, which is its IRI.
    pub record: String,
    /// What the link is about.
    pub entity: String,
    /// From the entity to the node that bears it; empty for the entity itself.
    pub path: String,
    /// The property that links.
    pub property: String,
    /// To whom.
    pub authority: String,
    /// Their identifier.
    pub id: String,
    /// Its address.
    pub iri: String,
}

/// What to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkFilter {
    /// The links of a record, by its IRI.
    Record(String),
    /// The links of an entity or to an address, by IRI.
    Iri(String),
    /// The entities that an authority knows by this identifier.
    Id(Authority, String),
}

/// Counts of links.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LinkStats {
    /// To whom.
    pub authority: String,
    /// All links.
    pub links: u64,
    /// Different entities that have one.
    pub entities: u64,
    /// Different identifiers that they lead to.
    pub ids: u64,
}

/// The entities of each authority, in the order of an index.
const ENTITIES: &str = "SELECT DISTINCT entity, authority FROM link ORDER BY entity, authority";
/// How many identifiers of an authority there are.
const IDS: &str = "SELECT count(*) FROM (SELECT DISTINCT local_id FROM link WHERE authority = ?1)";
/// How many links to an authority there are.
const LINKS: &str = "SELECT count(*) FROM link WHERE authority = ?1";

/// The readers' side.
pub struct LinksIndex<'a>(pub &'a Log);

impl LinksIndex<'_> {
    /// Looks links up, in a stable order.
    pub fn find(&self, filter: &LinkFilter) -> Result<Vec<LinkRow>, LogError> {
        let columns = "SELECT graph, entity, path, property, authority, local_id, iri FROM link";
        let order = "ORDER BY graph, entity, authority, local_id, path, property";
        let row = |row: &Row<'_>| {
            Ok(LinkRow {
                record: row.get(0)?,
                entity: row.get(1)?,
                path: row.get(2)?,
                property: row.get(3)?,
                authority: row.get(4)?,
                id: row.get(5)?,
                iri: row.get(6)?,
            })
        };
        match filter {
            LinkFilter::Record(iri) => self.0.rows(&format!("{columns} WHERE graph = ?1 {order}"), [iri], row),
            LinkFilter::Iri(iri) => {
                let address = Authority::of_address(iri).map_or_else(|| iri.clone(), |reference| reference.iri);
                self.0.rows(&format!("{columns} WHERE entity = ?1 OR iri = ?2 {order}"), [iri, &address], row)
            }
            LinkFilter::Id(authority, id) => {
                let id = authority.reference(id).map_or_else(|| id.clone(), |reference| reference.id);
                self.0.rows(&format!("{columns} WHERE authority = ?1 AND local_id = ?2 {order}"), [authority.name(), &id], row)
            }
        }
    }

    /// How many links there are to each authority, the most linked first.
    pub fn by_authority(&self) -> Result<Vec<(String, u64)>, LogError> {
        let sql = "SELECT authority, count(*) FROM link GROUP BY authority ORDER BY 2 DESC, 1";
        self.0.rows(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// How many links there are to each authority, and to how many entities and identifiers; the most linked first. Reads
    /// an index for each count, in its order, so that nothing need be sorted.
    pub fn stats(&self) -> Result<Vec<LinkStats>, LogError> {
        let mut entities: BTreeMap<String, u64> = BTreeMap::new();
        let read = || -> rusqlite::Result<Vec<LinkStats>> {
            let connection = &self.0.connection;
            let mut statement = connection.prepare_cached(ENTITIES)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let authority = row.get_ref(1)?.as_str()?;
                match entities.get_mut(authority) {
                    Some(count) => *count += 1,
                    None => drop(entities.insert(authority.to_owned(), 1)),
                }
            }
            let mut ids = connection.prepare_cached(IDS)?;
            let mut links = connection.prepare_cached(LINKS)?;
            let each = entities.into_iter().map(|(authority, entities)| {
                let count = |statement: &mut CachedStatement<'_>| statement.query_row([&authority], |row| row.get(0));
                Ok(LinkStats { links: count(&mut links)?, ids: count(&mut ids)?, entities, authority })
            });
            let mut stats: Vec<LinkStats> = each.collect::<rusqlite::Result<_>>()?;
            stats.sort_by(|a, b| b.links.cmp(&a.links).then_with(|| a.authority.cmp(&b.authority)));
            Ok(stats)
        };
        read().map_err(|source| self.0.failed(source))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use oxigraph::model::{NamedNode, Quad};

    use super::*;
    use crate::log::PageId;
    use crate::views::{Content, log_of_two};

    fn row(record: i64, ids: &[&str]) -> LinksOf {
        let graph = NamedNode::new_unchecked("https://libris.kb.se/x");
        let same_as = NamedNode::new_unchecked("http://www.w3.org/2002/07/owl#sameAs");
        let quad = |id: &&str| {
            let address = NamedNode::new_unchecked(format!("http://www.wikidata.org/entity/{id}"));
            Quad::new(graph.clone(), same_as.clone(), address, graph.clone())
        };
        let content = Content::Quads(Arc::new(ids.iter().map(quad).collect()));
        LinksTable::row(&ParsedChange::new(record, PageId(1), graph.clone(), content, false, crate::rdf::Shapes::standard()))
    }

    #[test]
    fn counting_reads_indexes_alone_and_sorts_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = log_of_two(directory.path(), "https://libris.kb.se/x");
        for statement in [ENTITIES, IDS, LINKS] {
            let sql = format!("EXPLAIN QUERY PLAN {}", statement.replace("?1", "'viaf'"));
            let plan = log.rows(&sql, [], |row| row.get::<_, String>("detail")).expect("a plan").join("; ");
            assert!(plan.contains("COVERING INDEX link_by_") && !plan.contains("TEMP B-TREE"), "{statement}: {plan}");
        }
    }

    #[test]
    fn links_that_are_there_are_not_written_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut log = log_of_two(directory.path(), "https://libris.kb.se/x");
        for (record, ids, writes) in [
            (1, ["Q1", "Q2"].as_slice(), 2),
            (1, &["Q1", "Q2"], 0),
            (1, &["Q1", "Q3"], 4),
            (1, &["Q1"], 3),
            (1, &["Q1", "Q2"], 3),
            (2, &["Q1", "Q2"], 4),
            (2, &[], 2),
            (2, &[], 0),
        ] {
            let transaction = log.connection.transaction().expect("begun");
            let before = transaction.total_changes();
            LinksTable::apply(&transaction, &[row(record, ids)]).expect("applied");
            assert_eq!(transaction.total_changes() - before, writes, "{record}: {ids:?}");
            transaction.commit().expect("committed");
            let held = LinksIndex(&log).find(&LinkFilter::Record("https://libris.kb.se/x".into())).expect("read");
            assert_eq!(held.iter().map(|link| link.id.as_str()).collect::<Vec<_>>(), ids);
        }
    }
}
