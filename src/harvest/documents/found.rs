//! The documents of a source: its addresses, and the files that its patterns match now.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use glob::{MatchOptions, Pattern};
use percent_encoding::{AsciiSet, percent_encode};
use url::Url;
use walkdir::WalkDir;

use super::failure::DocumentFailure;
use crate::config::{DocumentsSource, STDIN};
use crate::rdf::NOT_IN_PATH;

/// Where a document is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// On the web.
    Web(Url),
    /// On this machine.
    File(PathBuf),
    /// Standard input: where it is kept, in the run that read it.
    Input(Option<Arc<File>>),
}

/// A document of a source.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Its URL, or an IRI made of its path: the base of its relative IRIs, and the identifier of its record.
    pub(super) name: String,
    /// Where it is.
    pub(super) place: Place,
}

/// What a source has.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The documents: addresses in the order of the configuration, then files by name.
    pub(super) found: Vec<Found>,
    /// What cannot be listed, and why. Then nothing is known of what is not listed.
    pub(super) broken: Vec<(String, DocumentFailure)>,
}

/// What an IRI's path holds only in its encoded form.
const IN_NAME: &AsciiSet = &NOT_IN_PATH.add(b'[').add(b']');

/// A pattern for any number of directories goes down so far.
const DEEPEST: usize = 64;

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Lists the documents of a source.
pub(super) fn list(source: &DocumentsSource) -> Listing {
    let mut listing = Listing::default();
    for url in &source.urls {
        let mut named = url.clone();
        named.set_fragment(None);
        let found = Found { name: named.to_string(), place: Place::Web(url.clone()) };
        if !listing.found.iter().any(|other| other.name == found.name) {
            listing.found.push(found);
        }
    }
    let mut files = BTreeMap::new();
    for pattern in &source.files {
        let name = |relative: &Path| {
            let relative = relative.as_os_str().as_encoded_bytes();
            source.name_of_file(&percent_encode(relative, IN_NAME).to_string())
        };
        if pattern == STDIN {
            files.insert(source.name_of_file("stdin"), Place::Input(source.stdin.clone()));
            continue;
        }
        match matching(pattern) {
            Err(failure) => listing.broken.push((pattern.clone(), failure)),
            Ok(matched) => {
                for (path, relative) in matched {
                    let name = name(&relative);
                    match files.get(&name) {
                        Some(Place::File(other)) if !same_file(other, &path) => {
                            let reason = format!(
                                "{} has the name of {} below its pattern: name both by one pattern, such as '**/{}'",
                                path.display(),
                                other.display(),
                                relative.display()
                            );
                            listing.broken.push((pattern.clone(), DocumentFailure::Unusable(reason)));
                        }
                        Some(_) => {}
                        None => {
                            files.insert(name, Place::File(path));
                        }
                    }
                }
            }
        }
    }
    listing.found.extend(files.into_iter().map(|(name, place)| Found { name, place }));
    listing
}

fn same_file(one: &Path, other: &Path) -> bool {
    one == other || fs_err::canonicalize(one).ok().zip(fs_err::canonicalize(other).ok()).is_some_and(|(one, other)| one == other)
}

/// The files that match a pattern, each with its path below the part of the pattern that is fixed.
fn matching(pattern: &str) -> Result<Vec<(PathBuf, PathBuf)>, DocumentFailure> {
    let path = Path::new(pattern);
    let special = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    // A file whose name looks like a pattern is itself.
    if !path.components().any(|part| special(&part)) || fs_err::symlink_metadata(path).is_ok() {
        let name = path.file_name().ok_or_else(|| DocumentFailure::Unusable(format!("{pattern} names no file")))?;
        return Ok(vec![(path.to_owned(), name.into())]);
    }
    let fixed: PathBuf = path.components().take_while(|part| !special(part)).collect();
    let rest: Vec<Component<'_>> = path.components().skip_while(|part| !special(part)).collect();
    let depth = if rest.iter().any(|part| part.as_os_str() == "**") { DEEPEST } else { rest.len() };
    let below: PathBuf = rest.iter().collect();
    let wanted = Pattern::new(&below.to_string_lossy())
        .map_err(|error| DocumentFailure::Unusable(format!("{pattern} is no pattern of file names: {error}")))?;
    let root = if fixed.as_os_str().is_empty() { Path::new(".") } else { &fixed };
    let mut found = Vec::new();
    for entry in WalkDir::new(root).follow_links(true).max_depth(depth).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            // A link that leads back, or nowhere.
            Err(error) if error.loop_ancestor().is_some() || error.depth() > 0 && error.path().is_some_and(is_link) => continue,
            Err(error) => return Err(DocumentFailure::Unusable(format!("{pattern} cannot be listed: {error}"))),
        };
        let relative = entry.path().strip_prefix(root).unwrap_or(entry.path());
        if entry.file_type().is_file() && wanted.matches_path_with(relative, OPTIONS) {
            let relative = relative.to_owned();
            found.push((fixed.join(&relative), relative));
        }
    }
    if found.is_empty() {
        return Err(DocumentFailure::Unusable(format!("no file matches {pattern}")));
    }
    Ok(found)
}

fn is_link(path: &Path) -> bool {
    fs_err::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}
