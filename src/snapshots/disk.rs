//! Files below a directory, and their way to the disk.

use std::fs::File;
use std::path::Path;

use fs_err as fs;

/// Shows the metadata of every file below a directory.
pub(super) fn files(place: &Path, see: &mut dyn FnMut(&std::fs::Metadata)) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => files(&entry.path(), see),
            Ok(metadata) => see(&metadata),
            Err(_) => {}
        }
    }
}

/// Brings a file, or the names in a folder, to the disk.
pub fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// Brings every file below a directory to the disk.
pub fn sync_tree(directory: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { sync_tree(&path)? } else { sync(&path)? }
    }
    sync(directory)
}
