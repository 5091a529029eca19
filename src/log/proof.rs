//! Proof that the log is what it was when it was written: checksums, page by page.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension};

use super::hash::{PageProof, link_of};
use super::ids::PageId;
use super::{Log, LogError};

/// How long a copy waits for a lock before it tries again.
const BUSY: Duration = Duration::from_millis(30);

/// What a check of the whole log found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proof {
    /// Pages whose checksum fits.
    pub pages: u64,
    /// Pages from before there were checksums.
    pub unsealed: u64,
    /// What is wrong, a sentence each.
    pub faults: Vec<String>,
}

impl Log {
    /// The link that seals a page, or that of an empty log.
    pub fn link(&self, page: PageId) -> Result<PageProof, LogError> {
        self.connection
            .prepare_cached("SELECT chain FROM page WHERE id = ?1")
            .and_then(|mut statement| statement.query_row([page.0], |row| row.get(0)).optional())
            .map(Option::flatten)
            .map_err(|source| self.failed(source))
    }

    /// What `SQLite` itself finds wrong with the file; reads all of it.
    pub fn integrity(&self) -> Result<Vec<String>, LogError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare("PRAGMA integrity_check(20)")?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        Ok(read().map_err(|source| self.failed(source))?.into_iter().filter(|line| line != "ok").collect())
    }

    /// Checks the seal of every page and the kept counts of every source.
    pub fn prove(&self, mut each: impl FnMut(PageId)) -> Result<Proof, LogError> {
        let mut proof = Proof::default();
        let read = |proof: &mut Proof, each: &mut dyn FnMut(PageId)| -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare("SELECT id, received_at, token, body, chain FROM page ORDER BY id")?;
            let mut rows = statement.query([])?;
            let mut before: Option<Vec<u8>> = None;
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                let (token, body): (Option<String>, Vec<u8>) = (row.get(2)?, row.get(3)?);
                let chain: Option<Vec<u8>> = row.get(4)?;
                match &chain {
                    None if before.is_some() => proof.faults.push(format!("page {id} lost its checksum")),
                    None => proof.unsealed += 1,
                    Some(seal) => {
                        let link = link_of(&before.unwrap_or_default(), row.get(1)?, token.as_deref(), &body);
                        if *seal == link {
                            proof.pages += 1;
                        } else {
                            proof.faults.push(format!("page {id} is not what was written: its checksum differs"));
                        }
                    }
                }
                before = chain;
                each(PageId(id));
            }
            let mut statement = self.connection.prepare(
                "SELECT name, live, deleted, withdrawn, (SELECT count(*) FROM record WHERE source_id = source.id AND NOT deleted AND NOT withdrawn),
                        (SELECT count(*) FROM record WHERE source_id = source.id AND deleted AND NOT withdrawn),
                        (SELECT count(*) FROM record WHERE source_id = source.id AND withdrawn) FROM source",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let number = |column: usize| row.get::<_, i64>(column);
                let (kept, counted) = ([number(1)?, number(2)?, number(3)?], [number(4)?, number(5)?, number(6)?]);
                if kept != counted {
                    proof.faults.push(format!(
                        "source {}: the kept counts are {kept:?} and the records {counted:?}",
                        row.get::<_, String>(0)?
                    ));
                }
            }
            Ok(())
        };
        read(&mut proof, &mut each).map_err(|source| self.failed(source))?;
        Ok(proof)
    }

    /// Copies the log as it is now to a new file, even while it is written.
    pub fn copy_to(&self, path: &Path) -> Result<(), LogError> {
        let copy = || -> rusqlite::Result<()> {
            let mut target = Connection::open(path)?;
            let backup = Backup::new(&self.connection, &mut target)?;
            // In one step, which reads one state. With several, every commit of a writer would restart the copy.
            loop {
                match backup.step(-1)? {
                    StepResult::Done => break,
                    _ => std::thread::sleep(BUSY),
                }
            }
            drop(backup);
            // So that it can be read where nobody may write.
            target.pragma_update(None, "journal_mode", "DELETE")?;
            target.close().map_err(|(_, error)| error)
        };
        copy().map_err(|source| LogError::sqlite(path, source))
    }
}
