//! Publishing the newest state of the log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use object_store::UpdateVersion;
use sha2::{Digest as _, Sha256};

use super::error::PublishError;
use super::journal::{self, Journal};
use super::manifest::{self, Generation, Manifest, PublishedFile};
use super::target::Target;
use super::upload::Upload;
use crate::config::{Config, SourceKind};
use crate::data_dir::DataDir;
use crate::export::parquet::{Dataset, ParquetExportError, write_dataset};
use crate::export::{self, CC0, Dump, DumpFormat, ExportReport, Packing};
use crate::log::{ChangeId, Log};
use crate::snapshots::link_text;
use crate::stop::Stop;

/// What a generation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// `libris.nt.zst` or `libris.nt.gz`
    NTriples,
    /// `libris.nq.zst` or `libris.nq.gz`
    NQuads,
    /// `libris.ttl.zst` or `libris.ttl.gz`
    Turtle,
    /// `libris.trig.zst` or `libris.trig.gz`
    TriG,
    /// The dataset `parquet/`.
    Parquet,
}

/// What is to be published.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The formats.
    pub formats: &'a [Format],
    /// The compression of dumps.
    pub packing: Packing,
    /// How many generations stay.
    pub keep: usize,
    /// In which languages names are chosen for Parquet, the best first.
    pub languages: &'a [String],
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PublishReport {
    /// The generation.
    pub generation: Generation,
    /// Bytes that were sent: fewer than those of its files, if some arrived before.
    pub sent: u64,
    /// The generations that were removed.
    pub removed: Vec<String>,
}

/// A run that publishes.
struct Run<'a> {
    target: &'a Target,
    directory: &'a DataDir,
    config: &'a Config,
    stop: &'a Stop,
    generation: String,
    journal: Journal,
    noted: PathBuf,
    sent: u64,
    progress: &'a mut dyn FnMut(u64),
}

/// Publishes the newest state of the log. `progress` is called with the bytes so far.
pub fn publish_to(
    target: &Target,
    directory: &DataDir,
    config: &Config,
    asked: &Asked<'_>,
    stop: &Stop,
    progress: &mut dyn FnMut(u64),
) -> Result<PublishReport, PublishError> {
    let _turn = turn(directory.path())?;
    let mut log = Log::open_read_only(&directory.log())?;
    log.freeze()?;
    let change = log.last_change()?;
    let link = link_text(log.mark_at(change)?.link);
    remove_left_over(directory.path())?;
    let (mut before, version) = read_manifest(target)?;
    check(&before, &log, target)?;
    let generation = manifest::generation(change.0, &link);
    let mut missing = 0;
    if let Some(there) = before.generations.iter_mut().find(|known| known.name == generation) {
        // What is not there as the manifest says is sent again.
        let named = there.files.len();
        there.files = present(std::mem::take(&mut there.files), target)?;
        missing = named - there.files.len();
    }
    let there = before.generations.iter().find(|known| known.name == generation);
    let noted = journal::path(directory.path(), &target.address);
    let journal = of_this(Journal::read(&noted), &generation, target);
    let mut run = Run { target, directory, config, stop, generation: generation.clone(), journal, noted, sent: 0, progress };
    run.journal.counts = run.journal.counts.or_else(|| there.map(|there| (there.records, there.triples)));
    let mut files = Vec::new();
    for format in asked.formats {
        let first = run.first_file(*format, asked.packing);
        if there.is_some_and(|there| there.files.iter().any(|file| file.path == first)) {
            continue;
        }
        let made = match format {
            Format::Parquet => run.dataset(&mut log, asked.languages)?,
            dump => vec![run.dump(&mut log, *dump, asked.packing, &first)?],
        };
        files.extend(made);
    }
    let (records, triples) = run.journal.counts.unwrap_or_default();
    let published = chrono::Utc::now().timestamp_millis();
    let now = Generation { name: generation.clone(), change: change.0, link, published, records, triples, files };
    let manifest = if now.files.is_empty() && there.is_some() && missing == 0 {
        Manifest { generations: before.generations.iter().take(asked.keep.max(1)).cloned().collect(), ..before.clone() }
    } else {
        run.describe(&log, before.clone().with(now, asked.keep))?
    };
    if manifest != before {
        let mut text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from)?;
        text.push(b'\n');
        target.replace(manifest::NAME, text, version)?;
    }
    // From here on nobody is led to what is removed.
    let folders = target.folders()?;
    let removed: Vec<String> = manifest.left_over(&folders).into_iter().map(str::to_owned).collect();
    removed.iter().try_for_each(|folder| target.remove(folder))?;
    if let (Some(open), Some(store)) = (&run.journal.open, &target.parts) {
        // Of a dump that was not asked for this time. One that cannot be ended now ends by the rules of the bucket.
        let _ = target.runtime.block_on(store.abort_multipart(&target.path(&open.path), &open.upload));
    }
    fs::remove_file(&run.noted).or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let named = manifest.generations.into_iter().find(|known| known.name == generation);
    let generation = named.ok_or_else(|| io::Error::other("the generation is not in its manifest"))?;
    Ok(PublishReport { generation, sent: run.sent, removed })
}

/// The right to publish, which one process of a mirror has at a time.
fn turn(directory: &Path) -> Result<File, PublishError> {
    let file = File::create(directory.join("publish.lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(PublishError::Busy),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

/// What datasets are called while they are sent.
const DATASET: &str = "publish-dataset-";

/// Removes the datasets of runs that were killed.
fn remove_left_over(directory: &Path) -> Result<(), PublishError> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(DATASET) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Those of some files that are there, with the lengths that they must have.
fn present(files: Vec<PublishedFile>, target: &Target) -> Result<Vec<PublishedFile>, PublishError> {
    let mut present = Vec::with_capacity(files.len());
    for file in files {
        if target.length(&file.path)? == Some(file.bytes) {
            present.push(file);
        } else {
            tracing::warn!("{}/{} is not what the manifest says", target.address(), file.path);
        }
    }
    Ok(present)
}

fn read_manifest(target: &Target) -> Result<(Manifest, Option<UpdateVersion>), PublishError> {
    let Some((bytes, version)) = target.get(manifest::NAME)? else { return Ok((Manifest::default(), None)) };
    let unreadable = |reason: String| PublishError::Manifest { address: target.address.clone(), reason };
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    if !manifest.generator.starts_with("libris-mirror ") {
        return Err(unreadable(format!("it was written by {:?}", manifest.generator)));
    }
    Ok((manifest, Some(version)))
}

/// Refuses a place with generations of another log, or of a later state of this one.
fn check(before: &Manifest, log: &Log, target: &Target) -> Result<(), PublishError> {
    let Some(newest) = before.generations.first() else { return Ok(()) };
    let change = ChangeId(newest.change);
    if change > log.last_change()? || link_text(log.mark_at(change)?.link) != newest.link {
        return Err(PublishError::Foreign { address: target.address.clone(), change: newest.change });
    }
    Ok(())
}

/// The journal, if it is of this generation and program; otherwise an empty one, and what the store keeps of the other ends.
fn of_this(journal: Journal, generation: &str, target: &Target) -> Journal {
    let generator = format!("libris-mirror {}", env!("CARGO_PKG_VERSION"));
    if journal.generation == generation && journal.generator == generator {
        return journal;
    }
    if let (Some(open), Some(store)) = (&journal.open, &target.parts) {
        // One that cannot be ended now ends by the rules of the bucket.
        let _ = target.runtime.block_on(store.abort_multipart(&target.path(&open.path), &open.upload));
    }
    Journal { generator, generation: generation.to_owned(), ..Journal::default() }
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Self::NTriples => "nt",
            Self::NQuads => "nq",
            Self::Turtle => "ttl",
            Self::TriG => "trig",
            Self::Parquet => "parquet",
        }
    }
}

impl Run<'_> {
    /// The path of the file that tells that a format is there.
    fn first_file(&self, format: Format, packing: Packing) -> String {
        let packed = match packing {
            Packing::Plain => "",
            Packing::Gzip => ".gz",
            Packing::Zstd => ".zst",
        };
        match format {
            Format::Parquet => format!("{}/parquet/manifest.json", self.generation),
            dump => format!("{}/libris.{}{packed}", self.generation, dump.ending()),
        }
    }

    /// What is known to have arrived of a file, and is still there.
    fn arrived(&self, path: &str) -> Result<Option<PublishedFile>, PublishError> {
        match self.journal.files.iter().find(|file| file.path == path) {
            Some(file) if self.target.length(path)? == Some(file.bytes) => Ok(Some(file.clone())),
            _ => Ok(None),
        }
    }

    /// Notes how many live records there are, and how many triples.
    fn count(&mut self, records: u64, triples: u64) -> Result<(), PublishError> {
        self.journal.counts = Some((records, triples));
        Ok(self.journal.write(&self.noted)?)
    }

    /// Sends a file that `make` writes.
    fn send<R>(
        &mut self,
        path: &str,
        make: impl FnOnce(&mut dyn Write) -> Result<R, PublishError>,
    ) -> Result<(PublishedFile, R), PublishError> {
        self.journal.files.retain(|file| file.path != path);
        let mut upload = Upload::begin(self.target, &mut self.journal, &self.noted, self.stop, path);
        let (mut count, progress) = (self.sent, &mut *self.progress);
        let outcome = {
            let mut counted = Counted { upload: &mut upload, count: &mut count, progress };
            make(&mut counted)
        };
        let result = match (outcome, upload.failure()) {
            (_, Some(failure)) => return Err(failure),
            (outcome, None) => outcome?,
        };
        let sent = upload.finish()?;
        self.sent += sent.bytes;
        Ok((sent.file, result))
    }

    /// Sends a dump, unless it arrived before.
    fn dump(&mut self, log: &mut Log, format: Format, packing: Packing, path: &str) -> Result<PublishedFile, PublishError> {
        if let Some(file) = self.arrived(path)? {
            return Ok(file);
        }
        let format = match format {
            Format::NTriples => DumpFormat::NTriples,
            Format::NQuads => DumpFormat::NQuads,
            Format::Turtle => DumpFormat::Turtle,
            Format::TriG | Format::Parquet => DumpFormat::TriG,
        };
        let depth = self.config.harvest.depth;
        let (file, ExportReport { records, triples, .. }) =
            self.send(path, |out| Ok(export::dump(log, Dump { source: None, format, packing, depth }, out)?))?;
        self.count(records, triples)?;
        Ok(file)
    }

    /// Sends a Parquet dataset, which is written to disk first. Its manifest goes last.
    fn dataset(&mut self, log: &mut Log, languages: &[String]) -> Result<Vec<PublishedFile>, PublishError> {
        let made = tempfile::Builder::new().prefix(DATASET).tempdir_in(self.directory.path())?;
        let (place, stop) = (made.path().join("parquet"), self.stop);
        let what = Dataset { source: None, since: None, languages };
        let written = write_dataset(log, self.config, what, &place, |_| !stop.is_stopped());
        let manifest = match written {
            Err(ParquetExportError::Stopped) => return Err(PublishError::Stopped),
            other => other?,
        };
        let live = log.sources()?.iter().map(|source| source.live).sum();
        let known = manifest.files.into_iter().map(|file| (file.path, Some(file.sha256)));
        let mut files = Vec::new();
        for (path, checksum) in known.chain([(PathBuf::from(manifest::NAME), None)]) {
            let name = format!("{}/parquet/{}", self.generation, path.display());
            if let Some(file) = self.arrived(&name)?.filter(|arrived| checksum.as_ref() == Some(&arrived.sha256)) {
                files.push(file);
                continue;
            }
            let mut file = BufReader::new(fs::File::open(place.join(&path))?);
            files.push(self.send(&name, |out| Ok(io::copy(&mut file, out)?))?.0);
        }
        if self.journal.counts.is_none() {
            self.count(live, manifest.triples)?;
        }
        Ok(files)
    }

    /// Describes the newest generation of a manifest in `VoID`, and gives its checksums as `sha256sum` reads them.
    fn describe(&mut self, log: &Log, mut manifest: Manifest) -> Result<Manifest, PublishError> {
        // Documents of others have licences of their own.
        let is_open = log.sources()?.iter().all(|source| source.kind != SourceKind::Documents);
        let Some(newest) = manifest.generations.iter_mut().find(|known| known.name == self.generation) else {
            return Ok(manifest);
        };
        let prefix = format!("{}/", self.generation);
        let (void, sums) = (format!("{prefix}void.ttl"), format!("{prefix}SHA256SUMS"));
        newest.files.retain(|file| file.path != void && file.path != sums);
        let below = |file: &PublishedFile| file.path.trim_start_matches(&prefix).to_owned();
        let by_path: BTreeMap<String, String> = newest.files.iter().map(|file| (below(file), file.sha256.clone())).collect();
        let text = description(newest, by_path.keys(), is_open);
        newest.files.push(self.put(void, text)?);
        let text: String = by_path.iter().map(|(path, sum)| format!("{sum}  {path}\n")).collect();
        newest.files.push(self.put(sums, text)?);
        Ok(manifest)
    }

    /// Sends something small.
    fn put(&mut self, path: String, text: String) -> Result<PublishedFile, PublishError> {
        let (bytes, sha256) = (text.len() as u64, format!("{:x}", Sha256::digest(&text)));
        self.target.put(&path, text.into_bytes())?;
        self.sent += bytes;
        Ok(PublishedFile { path, bytes, sha256 })
    }
}

/// The description of a generation. Its addresses are relative to it.
fn description<'a>(generation: &Generation, paths: impl Iterator<Item = &'a String>, is_open: bool) -> String {
    let license = if is_open { format!("    dcterms:license <{CC0}> ;\n") } else { String::new() };
    let dumps: String =
        paths.filter(|path| path.starts_with("libris.")).map(|path| format!("    void:dataDump <{path}> ;\n")).collect();
    let Generation { records, triples, change, .. } = generation;
    format!(
        "@prefix void: <http://rdfs.org/ns/void#> .
@prefix dcterms: <http://purl.org/dc/terms/> .

<> a void:DatasetDescription .
<#dataset> a void:Dataset ;
    dcterms:title \"Libris open data\"@en, \"Libris öppna data\"@sv ;
{license}{dumps}    dcterms:identifier \"{change}\" ;
    void:uriSpace \"https://libris.kb.se/\" ;
    void:vocabulary <https://id.kb.se/vocab/> ;
    void:documents {records} ;
    void:triples {triples} .
"
    )
}

/// Counts what is written.
struct Counted<'a, 'b> {
    upload: &'a mut Upload<'b>,
    count: &'a mut u64,
    progress: &'a mut dyn FnMut(u64),
}

impl Write for Counted<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.upload.write(bytes)?;
        *self.count += taken as u64;
        (self.progress)(*self.count);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.upload.flush()
    }
}
