-- What it takes to prove that nothing was lost: checksums, what the source could not deliver, and audits.

-- A hash of the page and of the chain before it: of two logs that differ anywhere, no later page has the same one.
-- NULL for pages that were written before there were chains.
ALTER TABLE page ADD COLUMN chain BLOB;

-- Of the whole <record> element: an exact repeat is not stored again.
ALTER TABLE record ADD COLUMN record_hash BLOB;
-- Left the set without a deletion, as an audit found: kept, and out of the views.
ALTER TABLE record ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
CREATE INDEX record_withdrawn ON record (source_id) WHERE withdrawn;
ALTER TABLE source ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;

-- The bytes around the fault.
ALTER TABLE quarantine ADD COLUMN excerpt TEXT;

-- Records that the source lists and could not deliver, or that are over a limit. A later delivery clears them.
CREATE TABLE undelivered (
    source_id      INTEGER NOT NULL REFERENCES source (id),
    identifier     TEXT NOT NULL,
    datestamp_text TEXT NOT NULL, -- of the version that is missing, as it came
    reason         TEXT NOT NULL,
    noted_at       INTEGER NOT NULL, -- milliseconds since 1970
    PRIMARY KEY (source_id, identifier)
) WITHOUT ROWID;

-- An audit is a list of identifiers; its columns are those of a harvest, so that it is planned and resumed alike.
CREATE TABLE audit (
    id             INTEGER PRIMARY KEY,
    source_id      INTEGER NOT NULL REFERENCES source (id),
    state          TEXT NOT NULL CHECK (state IN ('open', 'complete', 'abandoned')),
    from_text      TEXT,
    until_text     TEXT,
    started_at     INTEGER NOT NULL,
    finished_at    INTEGER,
    first_response INTEGER,
    token          TEXT,
    ordered        INTEGER NOT NULL DEFAULT 1,
    last_seen      INTEGER,
    newest         INTEGER,
    pages          INTEGER NOT NULL DEFAULT 0,
    received       INTEGER NOT NULL DEFAULT 0,
    created        INTEGER NOT NULL DEFAULT 0,
    changed        INTEGER NOT NULL DEFAULT 0,
    unchanged      INTEGER NOT NULL DEFAULT 0,
    deleted        INTEGER NOT NULL DEFAULT 0,
    bytes          INTEGER NOT NULL DEFAULT 0
);

-- What the source listed in the newest audit of each source; of repeats, the newest datestamp.
CREATE TABLE audit_header (
    source_id      INTEGER NOT NULL REFERENCES source (id),
    identifier     TEXT NOT NULL,
    datestamp_text TEXT NOT NULL,
    datestamp      INTEGER,
    deleted        INTEGER NOT NULL,
    PRIMARY KEY (source_id, identifier)
) WITHOUT ROWID;
