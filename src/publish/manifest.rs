//! `manifest.json`: which generations there are, and what they consist of. Also the rule by which old ones go.

use serde::{Deserialize, Serialize};

/// The name of the manifest, below the prefix.
pub(super) const NAME: &str = "manifest.json";

/// What is published at a place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Who wrote it.
    pub generator: String,
    /// The generations, the newest first.
    pub generations: Vec<Generation>,
}

/// A state of the log that is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// The name of its folder.
    pub name: String,
    /// The last change of the log that is in it.
    pub change: i64,
    /// The link of the log's chain that seals the page of this change, in hexadecimal digits.
    pub link: String,
    /// When it was complete, in milliseconds since 1970.
    pub published: i64,
    /// Its live records.
    pub records: u64,
    /// Their triples.
    pub triples: u64,
    /// Its files, by path.
    pub files: Vec<PublishedFile>,
}

/// A file of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    /// Its path below the prefix.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its checksum, in hexadecimal digits.
    pub sha256: String,
}

/// The beginning of the names of generations.
const BEGINNING: &str = "change-";

/// The name of the generation of a change: names sort as changes do.
pub(super) fn generation(change: i64, link: &str) -> String {
    format!("{BEGINNING}{change:012}-{}", link.get(..8).unwrap_or("00000000"))
}

/// Whether a folder has the name of a generation.
fn is_generation(folder: &str) -> bool {
    let Some((change, link)) = folder.strip_prefix(BEGINNING).and_then(|rest| rest.split_once('-')) else { return false };
    change.len() >= 12
        && change.bytes().all(|byte| byte.is_ascii_digit())
        && link.len() == 8
        && link.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Manifest {
    /// The manifest with one more generation, or with more files of one that is there, and no more than `keep`.
    pub(super) fn with(mut self, generation: Generation, keep: usize) -> Self {
        let before = self.generations.iter().position(|known| known.name == generation.name);
        let mut files = before.map(|at| self.generations.remove(at).files).unwrap_or_default();
        files.retain(|file| !generation.files.iter().any(|new| new.path == file.path));
        files.extend(generation.files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        self.generations.insert(0, Generation { files, ..generation });
        self.generations.sort_by_key(|generation| std::cmp::Reverse(generation.change));
        self.generations.truncate(keep.max(1));
        self.generator = format!("libris-mirror {}", env!("CARGO_PKG_VERSION"));
        self
    }

    /// The folders that are generations, and that the manifest does not name: older ones, and what was interrupted. One that is newer
    /// than the manifest may be on its way.
    pub(super) fn left_over<'a>(&self, folders: &'a [String]) -> Vec<&'a str> {
        let newest = self.generations.first().map(|generation| generation.name.as_str()).unwrap_or_default();
        let named = |folder: &str| self.generations.iter().any(|generation| generation.name == folder);
        folders.iter().map(String::as_str).filter(|folder| is_generation(folder) && !named(folder) && *folder < newest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(change: i64, paths: &[&str]) -> Generation {
        let file = |path: &&str| PublishedFile { path: (*path).to_owned(), bytes: 1, sha256: "00".into() };
        let (name, files) = (generation(change, "0123456789abcdef"), paths.iter().map(file).collect());
        Generation { name, change, link: "0123456789abcdef".into(), published: 1, records: 1, triples: 1, files }
    }

    #[test]
    fn generations_are_kept_by_number_and_only_generations_go() {
        let manifest = [5, 9, 7].into_iter().fold(Manifest::default(), |manifest, change| manifest.with(at(change, &["a"]), 2));
        assert_eq!(manifest.generations.iter().map(|generation| generation.change).collect::<Vec<_>>(), [9, 7]);
        let folders: Vec<String> = [
            generation(5, "0123456789"),
            generation(7, "0123456789"),
            generation(12, "0123456789"),
            "change-log".into(),
            "photos".into(),
        ]
        .into();
        assert_eq!(manifest.left_over(&folders), ["change-000000000005-01234567"]);
        let more = manifest.with(at(9, &["b", "a"]), 2);
        assert_eq!(more.generations[0].files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }
}
