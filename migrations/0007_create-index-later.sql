-- Indexes that only readers need, while an empty table is filled: gone until that is done, with what makes them again.
CREATE TABLE index_later (
    name       TEXT PRIMARY KEY,
    definition TEXT NOT NULL
);
