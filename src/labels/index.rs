//! Look-ups of names.

use std::collections::HashMap;

use rusqlite::OptionalExtension;

use super::extract::MENTION;
use super::languages::Languages;
use super::table::LabelsTable;
use crate::log::{ChangeId, Log, LogError, watermark};
use crate::views::Table;

/// A name, as a look-up returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Its language, in lower case; empty if it has none.
    pub language: String,
}

/// How many names of an IRI are compared.
const COMPARED: usize = 200;

/// The names of an IRI, those that its own record gives first.
const NAMES: &str = "SELECT rank, language, text FROM label WHERE iri = ?1 ORDER BY rank LIMIT ?2";

/// The record of the first of them.
const RECORD: &str = "SELECT identifier FROM label JOIN record ON record.id = record_id WHERE iri = ?1 AND rank < ?2
    ORDER BY rank, record_id LIMIT 1";

/// While an empty table is filled, it has no such index yet.
const INDEX: &str = "SELECT 1 FROM index_later WHERE name = 'label_by_iri'";

/// The readers' side. Until the table is filled for the first time, nothing has a name: each look-up would read all of it.
pub struct Labels<'a>(pub &'a Log);

impl Labels<'_> {
    /// The name of an IRI for a reader. The names that its own record gives go before what others call it.
    pub fn name(&self, iri: &str, wanted: &Languages) -> Result<Option<Name>, LogError> {
        let read = || -> rusqlite::Result<Option<Name>> {
            if self.is_being_filled()? {
                return Ok(None);
            }
            let mut statement = self.0.connection.prepare_cached(NAMES)?;
            let mut rows = statement.query(rusqlite::params![iri, COMPARED])?;
            let mut best: Option<((bool, usize, i64), Name)> = None;
            while let Some(row) = rows.next()? {
                let (rank, language): (i64, &str) = (row.get(0)?, row.get_ref(1)?.as_str()?);
                let mentioned = rank >= MENTION;
                if mentioned && best.as_ref().is_some_and(|((mentioned, ..), _)| !mentioned) {
                    break;
                }
                let place = (mentioned, wanted.distance(language), rank);
                let text = row.get_ref(2)?.as_str()?;
                let better = best
                    .as_ref()
                    .is_none_or(|(known, name)| (place, language, text) < (*known, name.language.as_str(), name.text.as_str()));
                if better {
                    best = Some((place, Name { text: text.to_owned(), language: language.to_owned() }));
                }
            }
            Ok(best.map(|(_, name)| name))
        };
        read().map_err(|source| self.0.failed(source))
    }

    fn is_being_filled(&self) -> rusqlite::Result<bool> {
        self.0.connection.prepare_cached(INDEX)?.exists([])
    }

    /// The names of several IRIs; those without a name are not in it.
    pub fn names<'i>(
        &self,
        iris: impl IntoIterator<Item = &'i str>,
        wanted: &Languages,
    ) -> Result<HashMap<&'i str, Name>, LogError> {
        let mut names = HashMap::new();
        for iri in iris {
            if !names.contains_key(iri)
                && let Some(name) = self.name(iri, wanted)?
            {
                names.insert(iri, name);
            }
        }
        Ok(names)
    }

    /// The identifier of the record that describes an IRI and gives it a name.
    pub fn record(&self, iri: &str) -> Result<Option<String>, LogError> {
        let read = || -> rusqlite::Result<Option<String>> {
            if self.is_being_filled()? {
                return Ok(None);
            }
            let mut statement = self.0.connection.prepare_cached(RECORD)?;
            statement.query_row(rusqlite::params![iri, MENTION], |row| row.get(0)).optional()
        };
        read().map_err(|source| self.0.failed(source))
    }

    /// The last change that the names know of: they are the same as long as it is.
    pub fn reached(&self) -> Result<ChangeId, LogError> {
        let known = watermark(&self.0.connection, LabelsTable::NAME).map_err(|source| self.0.failed(source))?;
        Ok(known.map(|(reached, _)| reached).unwrap_or_default())
    }
}
