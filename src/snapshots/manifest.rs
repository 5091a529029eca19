//! The manifest of a snapshot: which artefacts it has, and up to which change, page and link of the log.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::log::{ChangeId, PageId, PageProof};
use crate::views::Artefact;

const MANIFEST: &str = "manifest.json";

/// What older programs wrote instead of a manifest: the page, and the link that seals it.
const PAGE: &str = "page";

/// The manifest of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The last change of the log that is in it. Snapshots of older programs do not say.
    pub change: Option<ChangeId>,
    /// The page of this change.
    pub page: PageId,
    /// The link of the log's chain that seals the page, which tells one log from another.
    pub link: PageProof,
    /// What readers open.
    pub artefacts: Vec<Artefact>,
}

/// The manifest, as it is in the file.
#[derive(Serialize, Deserialize)]
struct Written {
    change: i64,
    page: i64,
    link: String,
    artefacts: Vec<Artefact>,
}

impl Manifest {
    /// Reads the manifest in a snapshot's directory, and when it was written.
    pub(super) fn read(directory: &Path) -> Option<(Self, SystemTime)> {
        let written_at = |path: &Path| fs::metadata(path).ok()?.modified().ok();
        let path = directory.join(MANIFEST);
        if let Ok(text) = fs::read(&path) {
            let Written { change, page, link, artefacts } = serde_json::from_slice(&text).ok()?;
            let manifest = Self { change: Some(ChangeId(change)), page: PageId(page), link: parse_link(&link), artefacts };
            return Some((manifest, written_at(&path)?));
        }
        let path = directory.join(PAGE);
        let text = fs::read_to_string(&path).ok()?;
        let mut words = text.split_whitespace();
        let page = PageId(words.next()?.parse().ok()?);
        let link = words.next().and_then(parse_link);
        let artefacts = vec![Artefact { view: "store".to_owned(), version: 1, path: PathBuf::from("store") }];
        Some((Self { change: None, page, link, artefacts }, written_at(&path)?))
    }

    /// Writes it into a snapshot's directory.
    pub(super) fn write(self, directory: &Path) -> std::io::Result<()> {
        let Self { change, page, link, artefacts } = self;
        let written = Written { change: change.unwrap_or_default().0, page: page.0, link: link_text(link), artefacts };
        // A server of an older program that still runs reads this one.
        fs::write(directory.join(PAGE), format!("{} {}\n", written.page, written.link))?;
        fs::write(directory.join(MANIFEST), serde_json::to_vec_pretty(&written)?)
    }
}

/// A link in hexadecimal digits; nothing for a page that has none.
#[must_use]
pub fn link_text(link: PageProof) -> String {
    link.iter().flatten().map(|byte| format!("{byte:02x}")).collect()
}

/// The link of these digits.
#[must_use]
pub fn parse_link(text: &str) -> PageProof {
    let mut link = [0; 16];
    if text.len() != 2 * link.len() || !text.is_ascii() {
        return None;
    }
    for (place, byte) in link.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(link)
}
