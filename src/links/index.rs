//! The links view: tables in the log's file, and look-ups in them.

use rusqlite::{Row, Transaction, params};

use super::{Authority, Link, extract};
use crate::log::{Log, LogError, PageId};
use crate::views::{Content, ParsedChange, Table, TableView};

/// The writer's side.
pub type LinksView = TableView<LinksTable>;

/// See [`LinksView`].
pub struct LinksTable;

/// The links of a record.
pub struct LinksOf {
    record: i64,
    graph: String,
    links: Vec<Link>,
}

impl Table for LinksTable {
    const NAME: &'static str = "links";
    type Row = LinksOf;

    fn row(change: &ParsedChange) -> LinksOf {
        let links = if let Content::Quads(quads) = &change.content { extract(quads) } else { Vec::new() };
        LinksOf { record: change.record, graph: change.graph.as_str().to_owned(), links }
    }

    fn apply(transaction: &Transaction<'_>, _: PageId, rows: &[LinksOf]) -> rusqlite::Result<()> {
        let mut remove = transaction.prepare_cached("DELETE FROM link WHERE graph = ?1")?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO link (record_id, graph, entity, path, property, authority, local_id, iri) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for LinksOf { record, graph, links } in rows {
            remove.execute([graph])?;
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
}

/// A link as it is looked up.
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
        let read = || -> rusqlite::Result<Vec<LinkRow>> {
            let connection = &self.0.connection;
            match filter {
                LinkFilter::Record(iri) => {
                    connection.prepare(&format!("{columns} WHERE graph = ?1 {order}"))?.query_map([iri], row)?.collect()
                }
                LinkFilter::Iri(iri) => {
                    let address = Authority::of_address(iri).map_or_else(|| iri.clone(), |reference| reference.iri);
                    connection
                        .prepare(&format!("{columns} WHERE entity = ?1 OR iri = ?2 {order}"))?
                        .query_map([iri, &address], row)?
                        .collect()
                }
                LinkFilter::Id(authority, id) => {
                    let id = authority.reference(id).map_or_else(|| id.clone(), |reference| reference.id);
                    connection
                        .prepare(&format!("{columns} WHERE authority = ?1 AND local_id = ?2 {order}"))?
                        .query_map([authority.name(), &id], row)?
                        .collect()
                }
            }
        };
        read().map_err(|source| self.0.failed(source))
    }

    /// How many links there are.
    pub fn count(&self) -> Result<u64, LogError> {
        self.0.connection.query_row("SELECT count(*) FROM link", [], |row| row.get(0)).map_err(|source| self.0.failed(source))
    }

    /// How many links there are to each authority, the most linked first.
    pub fn by_authority(&self) -> Result<Vec<(String, u64)>, LogError> {
        let sql = "SELECT authority, count(*) FROM link GROUP BY authority ORDER BY 2 DESC, 1";
        self.0.rows(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// How many links there are to each authority, and to how many entities and identifiers.
    pub fn stats(&self) -> Result<Vec<LinkStats>, LogError> {
        let read = || -> rusqlite::Result<Vec<LinkStats>> {
            let mut statement = self
                .0
                .connection
                .prepare("SELECT authority, count(*), count(DISTINCT entity), count(DISTINCT local_id) FROM link GROUP BY authority ORDER BY count(*) DESC, authority")?;
            statement
                .query_map([], |row| {
                    Ok(LinkStats { authority: row.get(0)?, links: row.get(1)?, entities: row.get(2)?, ids: row.get(3)? })
                })?
                .collect()
        };
        read().map_err(|source| self.0.failed(source))
    }
}
