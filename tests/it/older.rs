//! Mirrors as older versions of the program wrote them.

use crate::harness::Bench;

/// Takes the last migrations back: pages were what views followed, one column was identity, dirty mark and tie-break, a
/// document had one version, words were in the log's file, and a snapshot had a page and no manifest.
const WITHOUT_CHANGES: &str = "
    DROP TABLE said; DROP TABLE source_document;
    DROP TABLE emm_known; DROP TABLE emm_entity; DROP TABLE emm_class;
    ALTER TABLE source DROP COLUMN kind; ALTER TABLE source DROP COLUMN settings;
    ALTER TABLE record ADD COLUMN changed_page INTEGER NOT NULL DEFAULT 0;
    UPDATE record SET changed_page = (SELECT page_id FROM change WHERE id = last_change);
    CREATE INDEX record_by_change ON record (changed_page);
    ALTER TABLE record DROP COLUMN delivered;
    ALTER TABLE record DROP COLUMN last_change;
    ALTER TABLE record DROP COLUMN hash_rule;
    UPDATE view SET watermark = coalesce((SELECT page_id FROM change WHERE id = watermark), 0);
    ALTER TABLE view DROP COLUMN version; ALTER TABLE view DROP COLUMN shapes;
    DROP TABLE change;
    CREATE TABLE document (url TEXT PRIMARY KEY, fetched_at INTEGER NOT NULL, body BLOB NOT NULL);
    INSERT INTO document SELECT url, fetched_at, body FROM document_version
        WHERE id IN (SELECT max(id) FROM document_version GROUP BY url);
    DROP TABLE document_version; DROP TABLE label; DELETE FROM view WHERE name = 'labels';
    CREATE VIRTUAL TABLE word USING fts5 (title, name, subject, identifier, content = '', contentless_delete = 1);
    ALTER TABLE harvest DROP COLUMN ascended; ALTER TABLE harvest DROP COLUMN reopened_from; ALTER TABLE harvest DROP COLUMN doubtful; ALTER TABLE harvest DROP COLUMN since_opened;
    ALTER TABLE audit DROP COLUMN ascended; ALTER TABLE audit DROP COLUMN reopened_from; ALTER TABLE audit DROP COLUMN doubtful; ALTER TABLE audit DROP COLUMN since_opened;
    PRAGMA user_version = 8;";

/// The same for the migrations before: no checksums, no audits, no search.
const WITHOUT_PROOF: &str = "
    ALTER TABLE page DROP COLUMN chain; ALTER TABLE record DROP COLUMN record_hash; DROP INDEX record_withdrawn;
    ALTER TABLE record DROP COLUMN withdrawn; ALTER TABLE source DROP COLUMN withdrawn; ALTER TABLE quarantine DROP COLUMN excerpt;
    DROP TABLE undelivered; DROP TABLE audit; DROP TABLE audit_header; DROP TABLE entry; DROP TABLE word; DROP TABLE trouble;
    DROP TABLE index_later; DELETE FROM view WHERE name = 'search'; PRAGMA user_version = 2;";

fn log(bench: &Bench) -> rusqlite::Connection {
    rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log")
}

/// Names the watermark of the store as older versions did.
fn set_watermark(bench: &Bench, name: &str) {
    let store = oxigraph::store::Store::open(bench.data().join("store")).expect("a store");
    for graph in store.named_graphs().flatten() {
        if graph.to_string().contains("urn:libris-mirror:watermark:") {
            store.remove_named_graph(graph.as_ref()).expect("written");
        }
    }
    let name = format!("urn:libris-mirror:watermark:{name}");
    store.insert_named_graph(&oxigraph::model::NamedNode::new(name).expect("an IRI")).expect("written");
}

/// Makes a mirror what the version before pages were followed change by change would have left.
pub fn before_changes(bench: &Bench) {
    let log = log(bench);
    log.execute_batch(WITHOUT_CHANGES).expect("valid");
    let last = "SELECT id, coalesce(lower(hex(chain)), '') FROM page ORDER BY id DESC LIMIT 1";
    let (page, link): (i64, String) = log.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a page");
    set_watermark(bench, &format!("{page}:{link}"));
    let snapshots = bench.data().join("snapshots");
    let current = fs_err::read_to_string(snapshots.join("current")).expect("published");
    let snapshot = snapshots.join(current.trim());
    fs_err::remove_file(snapshot.join("manifest.json")).expect("removed");
    fs_err::write(snapshot.join("page"), format!("{page} {link}\n")).expect("written");
}

/// Gives records hashes of another kind, as those of the version before were.
pub fn with_older_hashes(bench: &Bench) {
    log(bench).execute_batch("UPDATE record SET hash = zeroblob(16)").expect("valid");
}

/// Makes a mirror what the version before there were checksums would have left; answers its last page.
pub fn before_checksums(bench: &Bench) -> i64 {
    before_changes(bench);
    // There was none yet.
    fs_err::remove_dir_all(bench.data().join("index")).expect("removed");
    let log = log(bench);
    log.execute_batch(WITHOUT_PROOF).expect("valid");
    let last: i64 = log.query_row("SELECT max(id) FROM page", [], |row| row.get(0)).expect("a page");
    set_watermark(bench, &last.to_string());
    last
}
