//! Sending a file in parts while it is made: several at once, and none that arrived before.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path as FilePath;
use std::sync::Arc;

use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{Error, MultipartUpload, ObjectStoreExt as _, PutPayload};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;

use super::error::PublishError;
use super::journal::{Journal, Open, PartThere};
use super::manifest::PublishedFile;
use super::target::Target;
use crate::stop::Stop;

/// The length of a part, but for the last. Stores want 5 MiB at least, and the same length for all.
const PART: usize = 16 << 20;

/// How many parts one object may have.
const MOST_PARTS: usize = 10_000;

/// How many parts are on their way at once.
const AT_ONCE: usize = 3;

/// A file on its way. What is written to it is sent.
pub(super) struct Upload<'a> {
    target: &'a Target,
    journal: &'a mut Journal,
    /// Where the journal is.
    noted: &'a FilePath,
    stop: &'a Stop,
    /// Its path below the prefix.
    name: String,
    path: Path,
    way: Option<Way>,
    buffer: Vec<u8>,
    /// How many parts were cut off.
    cut: usize,
    /// The parts that arrived.
    arrived: BTreeMap<usize, PartThere>,
    running: JoinSet<(usize, String, Result<PartId, Error>)>,
    checksum: Sha256,
    bytes: u64,
    /// Bytes that were sent, and that did not arrive before.
    sent: u64,
    failed: Option<PublishError>,
}

/// How parts are sent.
enum Way {
    /// To a store that keeps them if the upload is interrupted.
    Kept(Arc<dyn MultipartStore>, String),
    /// To one that does not.
    Once(Box<dyn MultipartUpload>),
}

/// What became of a file.
pub(super) struct Sent {
    pub(super) file: PublishedFile,
    /// Bytes that were sent, and that did not arrive before.
    pub(super) bytes: u64,
}

impl<'a> Upload<'a> {
    /// Begins a file, or goes on with it.
    pub(super) fn begin(target: &'a Target, journal: &'a mut Journal, noted: &'a FilePath, stop: &'a Stop, name: &str) -> Self {
        let path = target.path(name);
        let known = journal.open.take();
        let (way, arrived) = match (known, &target.parts) {
            (Some(open), Some(store)) if open.path == name => (Some(Way::Kept(Arc::clone(store), open.upload)), open.parts),
            (Some(open), Some(store)) => {
                // Stores charge for parts of uploads that nobody ends. One that cannot be ended now ends by the rules of the bucket.
                let _ = target.runtime.block_on(store.abort_multipart(&target.path(&open.path), &open.upload));
                (None, BTreeMap::new())
            }
            _ => (None, BTreeMap::new()),
        };
        Self {
            target,
            journal,
            noted,
            stop,
            name: name.to_owned(),
            path,
            way,
            buffer: Vec::new(),
            cut: 0,
            arrived,
            running: JoinSet::new(),
            checksum: Sha256::new(),
            bytes: 0,
            sent: 0,
            failed: None,
        }
    }

    /// Why writing to it failed.
    pub(super) fn failure(&mut self) -> Option<PublishError> {
        self.failed.take()
    }

    /// Sends what is left, and lets the file appear.
    pub(super) fn finish(mut self) -> Result<Sent, PublishError> {
        let file = PublishedFile {
            path: self.name.clone(),
            bytes: self.bytes,
            sha256: format!("{:x}", std::mem::take(&mut self.checksum).finalize()),
        };
        if self.way.is_none() && self.cut == 0 {
            // Small enough for one request.
            let bytes = std::mem::take(&mut self.buffer);
            self.sent += bytes.len() as u64;
            self.target.put(&self.name, bytes)?;
        } else {
            if !self.buffer.is_empty() {
                self.cut_part()?;
            }
            self.wait_for(0)?;
            self.complete()?;
        }
        self.journal.files.push(file.clone());
        self.journal.open = None;
        self.journal.write(self.noted)?;
        Ok(Sent { file, bytes: self.sent })
    }

    fn complete(&mut self) -> Result<(), PublishError> {
        let (target, path) = (self.target, &self.path);
        let completed = match self.way.as_mut() {
            // Parts beyond its end are those of another file.
            Some(Way::Kept(store, upload)) => {
                let parts = self.arrived.iter().take_while(|(at, _)| **at < self.cut);
                let parts = parts.map(|(_, part)| PartId { content_id: part.id.clone() }).collect();
                target.runtime.block_on(store.complete_multipart(path, upload, parts))
            }
            Some(Way::Once(upload)) => target.runtime.block_on(upload.complete()),
            None => return Ok(()),
        };
        completed.map(|_| ()).map_err(|error| self.lost(error))
    }

    /// What an error means. An upload that the store does not know any more begins again.
    fn lost(&mut self, error: Error) -> PublishError {
        self.journal.open = None;
        // It is removed if it can be: nothing else is known of it.
        let _ = self.journal.write(self.noted);
        self.target.failed(error)
    }

    /// Cuts a part off what was written, and sends it unless it arrived before.
    fn cut_part(&mut self) -> Result<(), PublishError> {
        if self.stop.is_stopped() {
            return Err(PublishError::Stopped);
        }
        let (at, bytes) = (self.cut, std::mem::take(&mut self.buffer));
        if at >= MOST_PARTS {
            return Err(PublishError::TooLarge(self.name.clone()));
        }
        self.cut += 1;
        let hash = blake3::hash(&bytes).to_hex().to_string();
        if self.arrived.get(&at).is_some_and(|part| part.hash == hash) {
            return Ok(());
        }
        if self.way.is_none() {
            self.way = Some(self.begin_parts()?);
        }
        self.wait_for(AT_ONCE - 1)?;
        self.sent += bytes.len() as u64;
        let payload = PutPayload::from(bytes);
        let handle = self.target.runtime.handle();
        match self.way.as_mut() {
            Some(Way::Kept(store, upload)) => {
                let (store, path, upload) = (Arc::clone(store), self.path.clone(), upload.clone());
                let task = async move { (at, hash, store.put_part(&path, &upload, at, payload).await) };
                self.running.spawn_on(task, handle);
            }
            Some(Way::Once(upload)) => {
                let part = upload.put_part(payload);
                let task = async move { (at, hash, part.await.map(|()| PartId { content_id: String::new() })) };
                self.running.spawn_on(task, handle);
            }
            None => {}
        }
        Ok(())
    }

    fn begin_parts(&self) -> Result<Way, PublishError> {
        let target = self.target;
        let begun = match &target.parts {
            Some(store) => {
                let upload = target.runtime.block_on(store.create_multipart(&self.path));
                upload.map(|upload| Way::Kept(Arc::clone(store), upload))
            }
            None => target.runtime.block_on(target.store.put_multipart(&self.path)).map(Way::Once),
        };
        begun.map_err(|error| target.failed(error))
    }

    /// Waits until no more than this many parts are on their way, and notes those that arrived.
    fn wait_for(&mut self, most: usize) -> Result<(), PublishError> {
        while self.running.len() > most {
            let Some(joined) = self.target.runtime.block_on(self.running.join_next()) else { return Ok(()) };
            let (at, hash, sent) = joined.map_err(io::Error::other)?;
            match sent {
                Ok(part) => self.arrived.insert(at, PartThere { id: part.content_id, hash }),
                Err(error @ Error::NotFound { .. }) => return Err(self.lost(error)),
                Err(error) => return Err(self.target.failed(error)),
            };
            if let Some(Way::Kept(_, upload)) = &self.way {
                let (path, upload, parts) = (self.name.clone(), upload.clone(), self.arrived.clone());
                self.journal.open = Some(Open { path, upload, parts });
                self.journal.write(self.noted)?;
            }
        }
        Ok(())
    }
}

impl Write for Upload<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PART - self.buffer.len());
        let (now, _) = bytes.split_at(taken);
        self.checksum.update(now);
        self.bytes += taken as u64;
        self.buffer.extend_from_slice(now);
        if self.buffer.len() == PART
            && let Err(error) = self.cut_part()
        {
            let told = io::Error::other(error.to_string());
            self.failed = Some(error);
            return Err(told);
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
