-- The log: what each source said, page by page. Views below are functions of it and can be rebuilt.

CREATE TABLE source (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    base_url    TEXT NOT NULL,
    prefix      TEXT NOT NULL,
    set_spec    TEXT,
    context_url TEXT,
    format      TEXT NOT NULL CHECK (format IN ('rdfxml', 'ttl', 'jsonld')),
    granularity TEXT, -- as Identify last named it
    -- Kept counts, so that `status` never scans: newest versions that are live, and deleted.
    live        INTEGER NOT NULL DEFAULT 0,
    deleted     INTEGER NOT NULL DEFAULT 0
);

-- A harvest is one list of the source, however many runs it takes to get to its end.
CREATE TABLE harvest (
    id             INTEGER PRIMARY KEY,
    source_id      INTEGER NOT NULL REFERENCES source (id),
    -- 'regular' harvests lead on from one another; a 'window' was asked for by hand and moves nothing.
    kind           TEXT NOT NULL CHECK (kind IN ('regular', 'window')),
    state          TEXT NOT NULL CHECK (state IN ('open', 'complete', 'abandoned')),
    from_text      TEXT,
    until_text     TEXT,
    started_at     INTEGER NOT NULL, -- milliseconds since 1970, this machine's clock
    finished_at    INTEGER,
    first_response INTEGER,          -- milliseconds since 1970, the server's clock
    token          TEXT,             -- leads on, while the list is open
    ordered        INTEGER NOT NULL DEFAULT 1, -- the list came in datestamp order so far, each time it was opened
    last_seen      INTEGER,          -- the newest datestamp of the last page, milliseconds since 1970
    newest         INTEGER,          -- the newest datestamp seen, milliseconds since 1970
    pages          INTEGER NOT NULL DEFAULT 0,
    received       INTEGER NOT NULL DEFAULT 0,
    created        INTEGER NOT NULL DEFAULT 0,
    changed        INTEGER NOT NULL DEFAULT 0,
    unchanged      INTEGER NOT NULL DEFAULT 0,
    deleted        INTEGER NOT NULL DEFAULT 0,
    bytes          INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX harvest_by_source ON harvest (source_id, kind, id);

-- A page is one transaction: the checkpoint.
CREATE TABLE page (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    harvest_id    INTEGER NOT NULL REFERENCES harvest (id),
    received_at   INTEGER NOT NULL,
    response_date INTEGER,
    token         TEXT,    -- the token that this page ended with
    whole         INTEGER NOT NULL, -- 0 for a part of an answer that goes on in the next page
    records       INTEGER NOT NULL,
    raw_bytes     INTEGER NOT NULL,
    body          BLOB NOT NULL     -- self-contained <record> elements one after the other, zstd
);

-- The newest version of every record, and where it lies.
CREATE TABLE record (
    id             INTEGER PRIMARY KEY,
    source_id      INTEGER NOT NULL REFERENCES source (id),
    identifier     TEXT NOT NULL,
    datestamp_text TEXT NOT NULL,   -- as it came
    datestamp      INTEGER,         -- milliseconds since 1970
    sets           TEXT NOT NULL,   -- as it came, separated by spaces
    deleted        INTEGER NOT NULL,
    hash           BLOB NOT NULL,   -- of the payload: equal payloads are not touched again
    page_id        INTEGER NOT NULL REFERENCES page (id),
    offset         INTEGER NOT NULL, -- bytes in the page's body
    length         INTEGER NOT NULL,
    changed_page   INTEGER NOT NULL, -- the page since which the payload is what it is
    first_page     INTEGER NOT NULL,
    UNIQUE (identifier, source_id)
);
CREATE INDEX record_by_change ON record (changed_page);
CREATE INDEX record_by_page ON record (page_id);

-- Earlier versions of records, for their history.
CREATE TABLE superseded (
    record_id      INTEGER NOT NULL REFERENCES record (id),
    page_id        INTEGER NOT NULL REFERENCES page (id),
    offset         INTEGER NOT NULL,
    length         INTEGER NOT NULL,
    datestamp_text TEXT NOT NULL,
    deleted        INTEGER NOT NULL,
    PRIMARY KEY (record_id, page_id, offset)
) WITHOUT ROWID;

-- Documents that records rely on, such as JSON-LD contexts, as they were fetched.
CREATE TABLE document (
    url        TEXT PRIMARY KEY,
    fetched_at INTEGER NOT NULL,
    body       BLOB NOT NULL
);

-- How far the views that live in this file have followed the log.
CREATE TABLE view (
    name      TEXT PRIMARY KEY,
    watermark INTEGER NOT NULL
);
