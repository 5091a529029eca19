//! A pool of connections that read the log for requests, on threads that may block.

use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use oxigraph::model::Quad;
use tokio::sync::Semaphore;

use super::problem::Problem;
use crate::data_dir::DataDir;
use crate::log::{Contexts, CurrentVersion, Log, LogError, PageBodies, RecordRow};
use crate::rdf::Shapes;
use crate::views::{Content, Readers, ViewError};

/// A connection to the log, with the parsers of its payloads.
pub struct Reading {
    /// The log, in one consistent state until the request is answered.
    pub log: Log,
    depth: usize,
    inode: u64,
    /// The readers, and the contexts that they read with.
    readers: Option<(Contexts, Readers)>,
}

impl Reading {
    /// Returns the content of a record.
    pub fn content(&mut self, row: &RecordRow) -> Result<Content, ViewError> {
        self.content_of(&row.version, &mut PageBodies::default())
    }

    /// Returns the content of a version; `bodies` keeps the pages of those that are read one after the other.
    pub fn content_of(&mut self, version: &CurrentVersion, bodies: &mut PageBodies) -> Result<Content, ViewError> {
        self.read_as_now()?;
        match &self.readers {
            Some((_, readers)) => Ok(readers.content(&self.log, bodies, version)?),
            None => Ok(Content::Deleted),
        }
    }

    /// Returns the quads of a record with those of its works: see [`Readers::with_works`].
    pub fn with_works(&mut self, shapes: &Shapes, quads: &[Quad]) -> Result<Vec<Quad>, ViewError> {
        self.read_as_now()?;
        match &self.readers {
            Some((_, readers)) => Ok(readers.with_works(&self.log, shapes, quads)?),
            None => Ok(quads.to_vec()),
        }
    }

    /// Gets readers for the contexts that the log has now.
    fn read_as_now(&mut self) -> Result<(), ViewError> {
        let contexts = self.log.contexts()?;
        if self.readers.as_ref().is_none_or(|(known, _)| *known != contexts) {
            self.readers = Some((contexts, Readers::new(&self.log, self.depth)?));
        }
        Ok(())
    }
}

/// The pool.
pub struct LogPool {
    data: DataDir,
    depth: usize,
    idle: Arc<Mutex<Vec<Reading>>>,
    permits: Arc<Semaphore>,
}

impl LogPool {
    /// Returns a pool of `most` connections; further readers wait.
    pub(super) fn new(data: &DataDir, depth: usize, most: usize) -> Self {
        Self { data: data.clone(), depth, idle: Arc::default(), permits: Arc::new(Semaphore::new(most)) }
    }

    /// Runs `work` on one consistent state of the log.
    pub async fn read<T, F>(&self, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&mut Reading) -> Result<T, ViewError> + Send + 'static,
    {
        let permit = self.permits.clone().acquire_owned().await.map_err(|error| Problem::internal(&error))?;
        let (data, depth, idle) = (self.data.clone(), self.depth, self.idle.clone());
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            // A log that was restored from a backup is another file.
            let inode = fs_err::metadata(data.log()).map_or(0, |metadata| metadata.ino());
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop().filter(|reading| reading.inode == inode);
            let mut reading = match kept {
                Some(reading) => reading,
                None => Reading { log: data.read_log()?, depth, inode, readers: None },
            };
            reading.log.freeze()?;
            let result = work(&mut reading);
            reading.log.thaw()?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(reading);
            result
        });
        match task.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(ViewError::Log(LogError::Missing(_)))) => {
                Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "there is no mirror here yet: the first harvest has not begun"))
            }
            Ok(Err(error)) => Err(Problem::internal(&error)),
            Err(error) => Err(Problem::internal(&error)),
        }
    }
}
