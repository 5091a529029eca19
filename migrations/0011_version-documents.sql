-- Documents that records rely on, such as JSON-LD contexts: every version that was fetched.
CREATE TABLE document_version (
    id            INTEGER PRIMARY KEY,
    url           TEXT NOT NULL,
    fetched_at    INTEGER NOT NULL, -- milliseconds since 1970, this machine's clock
    checked_at    INTEGER NOT NULL, -- when the server last said that this is the newest one
    etag          TEXT,
    last_modified TEXT,
    since_page    INTEGER NOT NULL, -- pages after this one were first read under this version
    body          BLOB NOT NULL
);
CREATE INDEX document_version_by_url ON document_version (url, id);
INSERT INTO document_version (url, fetched_at, checked_at, since_page, body) SELECT url, fetched_at, fetched_at, 0, body FROM document;
DROP TABLE document;
