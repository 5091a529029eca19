-- Sources of kind `emm`: how far their feed of changes is known, and what its activities cannot be read without.

-- Everything that the feed says up to this time is in the log: milliseconds since 1970, the server's clock.
CREATE TABLE emm_known (
    source_id INTEGER PRIMARY KEY,
    known     INTEGER NOT NULL
);

-- The feed names entities: the records of those whose IRI is not that of the record with a fragment.
CREATE TABLE emm_entity (
    source_id  INTEGER NOT NULL,
    entity     TEXT NOT NULL,
    identifier TEXT NOT NULL,
    PRIMARY KEY (source_id, entity)
) WITHOUT ROWID;

-- The classes of what the dumps held: the feed names a class, and a dump of a class holds its subclasses too.
CREATE TABLE emm_class (
    source_id INTEGER NOT NULL,
    class     TEXT NOT NULL,
    PRIMARY KEY (source_id, class)
) WITHOUT ROWID;
