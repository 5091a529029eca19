-- The search view: what a record is called, and the words that find it.
CREATE TABLE entry (
    record_id INTEGER PRIMARY KEY REFERENCES record (id),
    graph     TEXT NOT NULL,    -- the record's graph
    entity    TEXT NOT NULL,    -- what the record describes, usually <graph#it>
    kind      TEXT NOT NULL,    -- the class of that, without KBV's namespace; empty where it has none
    label     TEXT NOT NULL,    -- for people: title, name, or heading
    heading   TEXT NOT NULL,    -- the label's words, folded: what it is found by from its beginning
    detail    TEXT NOT NULL,    -- a second line: who, where published, life span
    year      INTEGER,          -- of publication
    triples   INTEGER NOT NULL  -- in the record's graph
);
CREATE INDEX entry_by_graph ON entry (graph);
CREATE INDEX entry_by_heading ON entry (heading);
CREATE INDEX entry_by_year ON entry (year);
CREATE INDEX entry_by_kind ON entry (kind, triples);

-- Words are folded before they come here: lower case, å ä ö æ ø kept, other marks dropped.
CREATE VIRTUAL TABLE word USING fts5 (
    title, name, subject, identifier,
    content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 0", prefix = '2 3'
);
