//! The files of a dataset: row groups that were encoded elsewhere are appended in order, and a directory appears as a whole.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::ArrowColumnChunk;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;
use sha2::{Digest, Sha256};

use super::manifest::DataFile;
use super::tables::Table;

/// A file is ended once it has this many bytes.
const FILE_BYTES: u64 = 128 << 20;

/// How columns are written. Little is won by a higher level, and much time lost.
pub(super) fn properties() -> Result<WriterPropertiesPtr, ParquetError> {
    let built = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_created_by(format!("libris-mirror {}", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(Arc::new(built))
}

/// The schema of a table, as Parquet has it.
pub(super) fn parquet_schema(table: Table) -> Result<TypePtr, ParquetError> {
    Ok(ArrowSchemaConverter::new().convert(&table.schema())?.root_schema_ptr())
}

/// A writer that hashes and counts.
struct Counted {
    file: io::BufWriter<fs::File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file that is being written.
struct Open {
    writer: SerializedFileWriter<Counted>,
    path: PathBuf,
    rows: u64,
}

/// All files of a dataset.
pub(super) struct Files {
    directory: PathBuf,
    properties: WriterPropertiesPtr,
    open: BTreeMap<(Table, String), Open>,
    /// How many files each partition has.
    counts: BTreeMap<(Table, String), usize>,
    done: Vec<DataFile>,
}

impl Files {
    pub(super) fn new(directory: &Path) -> Result<Self, ParquetError> {
        let (open, counts) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { directory: directory.to_owned(), properties: properties()?, open, counts, done: Vec::new() })
    }

    /// Appends a row group to the partition of a source.
    pub(super) fn append(
        &mut self,
        table: Table,
        source: &str,
        rows: u64,
        chunks: Vec<ArrowColumnChunk>,
    ) -> Result<(), ParquetError> {
        let key = (table, source.to_owned());
        if !self.open.contains_key(&key) {
            let count = self.counts.entry(key.clone()).or_default();
            let path = PathBuf::from(table.name()).join(format!("source={source}")).join(format!("part-{count:05}.parquet"));
            *count += 1;
            let file = self.directory.join(&path);
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            let counted = Counted { file: io::BufWriter::new(fs::File::create(file)?), hash: Sha256::new(), bytes: 0 };
            let writer = SerializedFileWriter::new(counted, parquet_schema(table)?, Arc::clone(&self.properties))?;
            self.open.insert(key.clone(), Open { writer, path, rows: 0 });
        }
        let Some(open) = self.open.get_mut(&key) else { return Ok(()) };
        let mut group = open.writer.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        open.rows += rows;
        if open.writer.bytes_written() as u64 >= FILE_BYTES {
            self.end(&key)?;
        }
        Ok(())
    }

    fn end(&mut self, key: &(Table, String)) -> Result<(), ParquetError> {
        let Some(Open { writer, path, rows }) = self.open.remove(key) else { return Ok(()) };
        let Counted { file, hash, bytes } = writer.into_inner()?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.done.push(DataFile { table: key.0.name(), source: key.1.clone(), path, rows, bytes, sha256 });
        Ok(())
    }

    /// Ends all files, and answers what there is, in the order of their paths.
    pub(super) fn finish(mut self) -> Result<Vec<DataFile>, ParquetError> {
        let keys: Vec<_> = self.open.keys().cloned().collect();
        keys.iter().try_for_each(|key| self.end(key))?;
        self.done.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(self.done)
    }
}
