-- Why runs ended early: the newest of each source, for the page of the harvests.
CREATE TABLE trouble (
    id      INTEGER PRIMARY KEY,
    source  TEXT NOT NULL,    -- its name; it may have no row of its own yet
    at      INTEGER NOT NULL, -- milliseconds since 1970, this machine's clock
    message TEXT NOT NULL
);
CREATE INDEX trouble_by_source ON trouble (source, id);
