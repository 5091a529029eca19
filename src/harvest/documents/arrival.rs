//! A document arrives: from a file or over the network, unless it is what was read before; and is unpacked.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use url::Url;

use super::ended::{Ended, of_disk};
use super::failure::DocumentFailure;
use super::found::{Found, Place};
use crate::config::DocumentsSource;
use crate::harvest::client::Client;
use crate::harvest::conditional::{Download, Validators, first_16};
use crate::harvest::error::FetchError;
use crate::harvest::outcome::Outcome;
use crate::harvest::scope::Run;
use crate::log::KnownDocument;
use crate::rdf::DocumentFormat;

/// A document whose bytes are here.
pub(super) struct Arrived {
    /// Its bytes, packed or not.
    pub(super) file: File,
    /// Its format.
    pub(super) format: DocumentFormat,
    /// What the server says of its version.
    pub(super) validators: Validators,
    /// The hash of its bytes.
    pub(super) hash: [u8; 16],
}

/// What documents arrive with.
pub(super) struct Arrivals<'a> {
    pub(super) source: &'a DocumentsSource,
    pub(super) run: Run<'a>,
    pub(super) client: &'a Client,
    /// Where temporary files are.
    pub(super) directory: &'a Path,
    /// The hash of the settings that documents are read with.
    pub(super) settings: [u8; 16],
}

/// How much of a file is hashed between two looks at the stop.
const HASHED_AT_ONCE: usize = 1 << 20;

impl Arrivals<'_> {
    /// Gets a document; nothing if it is what was read before. With `again`, it comes in any case.
    pub(super) fn arrive(&self, found: &Found, known: Option<&KnownDocument>, again: bool) -> Result<Option<Arrived>, Ended> {
        let whole = known.is_some_and(|known| known.hash.is_some() && !known.failed);
        let known = known.filter(|known| !again && known.hash.is_some() && known.settings == Some(self.settings));
        match &found.place {
            Place::Web(url) => self.download(url, known),
            Place::File(path) => self.file(path, known),
            // It was read to its end by hand, and stays what it was.
            Place::Input(None) if whole => Ok(None),
            Place::Input(None) => Err(Ended::Document(input_is_over())),
            Place::Input(Some(file)) => self.bytes(file.try_clone().map_err(of_disk)?, known, "standard input"),
        }
    }

    fn download(&self, url: &Url, known: Option<&KnownDocument>) -> Result<Option<Arrived>, Ended> {
        let file = Arc::new(tempfile::tempfile_in(self.directory).map_err(of_disk)?);
        let accept = self.source.accept.as_deref().unwrap_or(DocumentFormat::ACCEPT);
        let before = known.map(|known| Validators { etag: known.etag.clone(), last_modified: known.last_modified.clone() });
        let asked = self.run.runtime.block_on(self.client.download(url, accept, before.as_ref(), &file));
        let came = match asked {
            Ok(came) => came.map_err(of_disk)?,
            Err(FetchError::Stopped) => return Err(Ended::Run(Outcome::Interrupted)),
            Err(error) => return Err(Ended::Document(DocumentFailure::Fetch(error))),
        };
        let Download::New { hash, media_type, validators } = came else { return Ok(None) };
        if known.is_some_and(|known| known.hash == Some(hash)) {
            return Ok(None);
        }
        let typed = media_type.as_deref().and_then(DocumentFormat::of_media_type);
        let Some(format) = typed.or_else(|| DocumentFormat::of_file_name(url.path())).or(self.source.format) else {
            let came = media_type.unwrap_or_else(|| "no media type".into());
            return Err(unusable(format!(
                "the server answers with {came}, which is no format of RDF: name one by `format` or `accept` of the source, or by \
                 --format or --accept of the import"
            )));
        };
        let file = file.try_clone().map_err(of_disk)?;
        Ok(Some(Arrived { file, format, validators, hash }))
    }

    fn file(&self, path: &Path, known: Option<&KnownDocument>) -> Result<Option<Arrived>, Ended> {
        let failed = |error: &io::Error| unusable(error.to_string());
        // To open a pipe would wait for its other end.
        let metadata = fs_err::metadata(path).map_err(|error| failed(&error))?;
        if !metadata.is_file() {
            let what = if metadata.is_dir() {
                "a directory: name its files, such as with '*.ttl'"
            } else {
                "no file: read pipes with '-'"
            };
            return Err(unusable(format!("{} is {what}", path.display())));
        }
        let limit = self.run.config.harvest.file_bytes;
        if metadata.len() > limit {
            return Err(unusable(format!("it has {} bytes, more than {limit} (harvest.file_bytes)", metadata.len())));
        }
        let file = fs_err::File::open(path).map_err(|error| failed(&error))?.into_parts().0;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.bytes(file, known, &name)
    }

    fn bytes(&self, mut file: File, known: Option<&KnownDocument>, name: &str) -> Result<Option<Arrived>, Ended> {
        let failed = |error: io::Error| unusable(error.to_string());
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; HASHED_AT_ONCE];
        loop {
            let count = file.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            if self.run.stop.is_stopped() {
                return Err(Ended::Run(Outcome::Interrupted));
            }
        }
        let hash = first_16(&hasher);
        if known.is_some_and(|known| known.hash == Some(hash)) {
            return Ok(None);
        }
        let Some(format) = DocumentFormat::of_file_name(name).or(self.source.format) else {
            return Err(unusable(format!(
                "the name {name:?} does not tell its format: name it by `format` of the source, or by --format of the import"
            )));
        };
        Ok(Some(Arrived { file, format, validators: Validators::default(), hash }))
    }
}

/// Why standard input cannot be read, after the run that read it.
pub(super) fn input_is_over() -> DocumentFailure {
    DocumentFailure::Unusable("standard input cannot be read again: import it again".into())
}

fn unusable(reason: String) -> Ended {
    Ended::Document(DocumentFailure::Unusable(reason))
}

impl Arrived {
    /// Its text, unpacked. It may be `ratio` times as long as what is packed.
    pub(super) fn text(&self, ratio: u64) -> io::Result<Box<dyn Read>> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        let mut head = Vec::new();
        Read::take(&mut file, 4).read_to_end(&mut head)?;
        let mark = if head.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        file.seek(SeekFrom::Start(mark))?;
        let packed = Counted { inner: BufReader::with_capacity(1 << 16, file), count: Arc::default() };
        let count = Arc::clone(&packed.count);
        let unpacked: Box<dyn Read> = match head.as_slice() {
            [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(BufReader::new(packed))),
            [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::new(packed)?),
            _ => return Ok(Box::new(packed)),
        };
        Ok(Box::new(Bounded { inner: unpacked, out: 0, count, ratio }))
    }
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Limits what is unpacked to a multiple of what is packed.
struct Bounded {
    inner: Box<dyn Read>,
    out: u64,
    count: Arc<AtomicU64>,
    ratio: u64,
}

/// Below this, nothing is limited: small documents may compress better than any ratio.
const UNLIMITED_BYTES: u64 = 1 << 20;

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.out += count as u64;
        let packed = self.count.load(Ordering::Relaxed);
        if self.out > UNLIMITED_BYTES.saturating_add(packed.saturating_mul(self.ratio)) {
            let reason = format!("{packed} packed bytes grow to more than {} bytes: refused as a bomb", self.out);
            return Err(io::Error::other(reason));
        }
        Ok(count)
    }
}
