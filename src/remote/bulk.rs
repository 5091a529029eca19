//! Files for a server's own bulk loader, with the watermark among them: what is loaded can be followed from there.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::error::RemoteError;
use super::mark::{GRAPH, Sent, Statement};
use crate::config::{Config, Remote};
use crate::data_dir::DataDir;
use crate::export::{Dump, DumpFormat, ExportReport, Holds, Packing, WholeDirectory, dump};
use crate::log::Log;

/// Whose loader it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Virtuoso: `ld_dir` and `rdf_loader_run`.
    Virtuoso,
    /// `oxigraph load`.
    Oxigraph,
    /// Another, which reads N-Quads.
    Other,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BulkReport {
    /// The last change of the log that is in it.
    pub change: i64,
    /// Its live records.
    pub records: u64,
    /// Its quads.
    pub quads: u64,
    /// How many files hold them.
    pub files: usize,
}

/// A file is ended once it has this many bytes: several are loaded at once.
const FILE_BYTES: usize = 32 << 20;

/// The script that loads the files.
const SCRIPT: &str = "load.sh";

/// What the directory consists of.
const HOLDS: Holds = Holds { names: &["records-", WATERMARK, SCRIPT], mark: SCRIPT, says: "# Written by libris-mirror." };

/// The file with the watermark.
const WATERMARK: &str = "watermark.nq";

/// Writes members of gzip into files one after the other: each write is some members as a whole.
struct Parts {
    directory: PathBuf,
    open: Option<(fs::File, usize)>,
    count: usize,
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.open.is_none() {
            let file = fs::File::create(self.directory.join(format!("records-{:05}.nq.gz", self.count)))?;
            self.open = Some((file, 0));
            self.count += 1;
        }
        if let Some((file, length)) = &mut self.open {
            file.write_all(bytes)?;
            *length += bytes.len();
            if *length >= FILE_BYTES {
                file.sync_all()?;
                self.open = None;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the files, and a script that loads them, into a new directory.
pub fn bulk(
    remote: &Remote,
    directory: &DataDir,
    config: &Config,
    engine: Engine,
    target: &Path,
) -> Result<BulkReport, RemoteError> {
    if !remote.named_graphs {
        return Err(RemoteError::WithoutGraphs(remote.name.clone()));
    }
    let whole = WholeDirectory::begin(target, HOLDS).map_err(RemoteError::export)?;
    let mut log = Log::open_read_only(&directory.log())?;
    log.freeze()?;
    let change = log.last_change()?;
    let statement = Statement::Reached(log.mark_at(change)?, Sent::Until(log.last_record()?));
    let mut parts = Parts { directory: whole.path().to_owned(), open: None, count: 0 };
    let what = Dump { source: None, format: DumpFormat::NQuads, packing: Packing::Gzip, depth: config.harvest.depth };
    let ExportReport { records, triples, .. } = dump(&mut log, what, &mut parts).map_err(RemoteError::export)?;
    fs::write(whole.path().join(WATERMARK), format!("{} <{GRAPH}> .\n", statement.triple()))?;
    let script = whole.path().join(SCRIPT);
    fs::write(&script, engine.script())?;
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    whole.finish().map_err(RemoteError::export)?;
    Ok(BulkReport { change: change.0, records, quads: triples, files: parts.count })
}

impl Engine {
    fn script(self) -> &'static str {
        match self {
            Self::Virtuoso => {
                "#!/bin/sh\n\
                 # Written by libris-mirror.\n\
                 # Loads the files of this directory into Virtuoso, the watermark last. Run it on the server's machine, where the\n\
                 # directory is in DirsAllowed of virtuoso.ini:\n\
                 #   VIRTUOSO=localhost:1111 VIRTUOSO_USER=dba VIRTUOSO_PASSWORD=dba ./load.sh\n\
                 set -eu\n\
                 cd \"$(dirname \"$0\")\"\n\
                 here=$(pwd)\n\
                 sql() { \"${ISQL:-isql-vt}\" \"${VIRTUOSO:-localhost:1111}\" \"${VIRTUOSO_USER:-dba}\" \"${VIRTUOSO_PASSWORD:-dba}\" ERRORS=STDOUT exec=\"$1\"; }\n\
                 sql \"ld_dir('$here', 'records-*.nq.gz', 'urn:libris-mirror:none');\"\n\
                 loaders=\"\"\n\
                 for _ in $(seq \"$(nproc)\"); do\n\
                 \tsql 'rdf_loader_run();' & loaders=\"$loaders $!\"\n\
                 done\n\
                 for loader in $loaders; do wait \"$loader\"; done\n\
                 failed=$(sql \"SELECT ll_file || ': ' || ll_error FROM DB.DBA.LOAD_LIST WHERE ll_file LIKE '$here/%' AND ll_error IS NOT NULL;\" | grep \"^$here\" || true)\n\
                 if [ -n \"$failed\" ]; then echo \"$failed\" >&2; exit 1; fi\n\
                 sql \"ld_dir('$here', 'watermark.nq', 'urn:libris-mirror:none');\"\n\
                 sql 'rdf_loader_run(); checkpoint;'\n"
            }
            Self::Oxigraph => {
                "#!/bin/sh\n\
                 # Written by libris-mirror.\n\
                 # Loads the files of this directory into a store of oxigraph, the watermark last. No server may have it open:\n\
                 #   ./load.sh DIRECTORY-OF-THE-STORE\n\
                 set -eu\n\
                 here=$(dirname \"$0\")\n\
                 \"${OXIGRAPH:-oxigraph}\" load --location \"$1\" --file \"$here\"/records-*.nq.gz\n\
                 \"${OXIGRAPH:-oxigraph}\" load --location \"$1\" --file \"$here/watermark.nq\"\n"
            }
            Self::Other => {
                "#!/bin/sh\n\
                 # Written by libris-mirror.\n\
                 # Prints the quads of this directory, the watermark last, for a loader that reads N-Quads:\n\
                 #   ./load.sh | LOADER\n\
                 set -eu\n\
                 here=$(dirname \"$0\")\n\
                 gzip -dc \"$here\"/records-*.nq.gz\n\
                 cat \"$here/watermark.nq\"\n"
            }
        }
    }
}
