-- The documents of a source of kind 'documents', as they were last read to their end.
CREATE TABLE source_document (
    id            INTEGER PRIMARY KEY,
    source_id     INTEGER NOT NULL REFERENCES source (id),
    name          TEXT NOT NULL,  -- its URL, or the IRI that is made of its path
    etag          TEXT,
    last_modified TEXT,
    hash          BLOB,           -- of its bytes; none if it is no document of the source any more
    settings      BLOB,           -- the hash of the settings that they were read with
    harvest_id    INTEGER,        -- the harvest that last read it to its end
    failed        INTEGER NOT NULL DEFAULT 0, -- it could not be read the last time
    UNIQUE (source_id, name)
);

-- Which document says something of which record. A row that is older than the document's harvest is of a record that the
-- document does not speak of any more.
CREATE TABLE said (
    record_id   INTEGER NOT NULL,
    document_id INTEGER NOT NULL REFERENCES source_document (id),
    harvest_id  INTEGER NOT NULL,
    PRIMARY KEY (record_id, document_id)
) WITHOUT ROWID;
CREATE INDEX said_by_document ON said (document_id, harvest_id);
