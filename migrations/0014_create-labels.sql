-- The labels view: what every IRI is called, in each language.
CREATE TABLE label (
    record_id INTEGER NOT NULL REFERENCES record (id), -- the record that says so
    iri       TEXT NOT NULL,
    language  TEXT NOT NULL,    -- in lower case; empty where the name has none
    text      TEXT NOT NULL,
    rank      INTEGER NOT NULL  -- names of a lower rank come first
);
CREATE INDEX label_by_record ON label (record_id);
-- One IRI may have a name in very many records: those that describe it come first.
CREATE INDEX label_by_iri ON label (iri, rank);
