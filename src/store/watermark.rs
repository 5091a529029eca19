//! How far a store has followed the log: kept in the store itself, as the name of a graph.

use std::path::Path;

use oxigraph::model::NamedNode;
use oxigraph::store::Store;

use super::{StoreError, VERSION};
use crate::log::{ChangeId, Log, Mark};
use crate::snapshots::link_text;
use crate::views::ViewError;

/// The watermark is the name of a graph without triples, so that no query over triples can see it.
const WATERMARK: &str = "urn:libris-mirror:watermark:";

/// The change, its page and the page's link in the chain of the log, so that a store which followed another log is told
/// from one that followed this one.
pub(super) fn watermark_graph(mark: Mark) -> NamedNode {
    let Mark { change, page, link } = mark;
    NamedNode::new_unchecked(format!("{WATERMARK}v{VERSION}:{}:{}:{}", change.0, page.0, link_text(link)))
}

/// The watermark that older programs wrote for a page.
fn older_watermark_graph(mark: Mark) -> NamedNode {
    let link = link_text(mark.link);
    let colon = if link.is_empty() { "" } else { ":" };
    NamedNode::new_unchecked(format!("{WATERMARK}{}{colon}{link}", mark.page.0))
}

/// The file in a store's directory that says how far it came, for who does not open it.
const NOTE: &str = "libris-mirror-reached";

/// Writes how far a store came.
pub(super) fn note(path: &Path, change: ChangeId) -> Result<(), StoreError> {
    Ok(fs_err::write(path.join(NOTE), format!("{}\n", change.0))?)
}

/// How far a store came when it was last written; it is not opened for that.
pub(super) fn noted(path: &Path) -> ChangeId {
    let text = fs_err::read_to_string(path.join(NOTE)).unwrap_or_default();
    ChangeId(text.trim().parse().unwrap_or_default())
}

/// Whether a graph of a store is a record's: all are, except the watermark.
#[must_use]
pub fn is_record_graph(graph: &str) -> bool {
    !graph.starts_with(WATERMARK)
}

/// The newest mark of the log up to a change: its page has changes, and none after this one.
fn mark_until(log: &Log, change: ChangeId) -> Result<Mark, ViewError> {
    let mut before = None;
    while let Some(mark) = log.mark_before(before)? {
        if mark.change <= change {
            return Ok(mark);
        }
        before = Some(mark);
    }
    Ok(Mark::default())
}

/// The graph of the watermark that a store has of this log, and the mark that it stands for.
pub(super) fn find_watermark(store: &Store, path: &Path, log: &Log) -> Result<Option<(NamedNode, Mark)>, ViewError> {
    let has = |graph: &NamedNode| store.contains_named_graph(graph).map_err(|source| StoreError::storage(path, source));
    // A store without triples has a watermark as well, if all records are gone.
    if store.named_graphs().next().is_none() {
        return Ok(None);
    }
    let mut before = None;
    while let Some(mark) = log.mark_before(before)? {
        let graph = watermark_graph(mark);
        if has(&graph)? {
            return Ok(Some((graph, mark)));
        }
        before = Some(mark);
    }
    let mut page = log.last_page()?;
    while page.0 > 0 {
        let graph = older_watermark_graph(Mark { change: ChangeId(0), page, link: log.link(page)? });
        if has(&graph)? {
            return Ok(Some((graph, mark_until(log, log.change_of_page(page)?)?)));
        }
        page.0 -= 1;
    }
    Ok(None)
}
