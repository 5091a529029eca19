-- The order of changes: one growing number for everything that happens to a record. Views follow it, and a feed may list
-- it. What wins where several sources hold the same identifier is decided by `record.delivered`, not by this order.
CREATE TABLE change (
    id        INTEGER PRIMARY KEY,
    record_id INTEGER NOT NULL REFERENCES record (id),
    -- 1 came, 2 changed, 3 header changed, 4 deleted, 5 withdrawn, 6 reinstated, 7 retried, 8 context changed
    kind      INTEGER NOT NULL,
    page_id   INTEGER NOT NULL REFERENCES page (id),
    offset    INTEGER -- of the version that the change brought, in the page's body; NULL if it brought none
);

-- The change that brought the payload: the newest one wins.
ALTER TABLE record ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0;
-- How `hash` was made: 1 of what is inside of <metadata>, 2 of all that the graph is parsed from.
ALTER TABLE record ADD COLUMN hash_rule INTEGER NOT NULL DEFAULT 2;
-- The last change that can give another graph: a view that is behind it must read the record again.
ALTER TABLE record ADD COLUMN last_change INTEGER NOT NULL DEFAULT 0;

-- What is known of the past: every version that the log holds, and the last retry, withdrawal or reinstatement.
INSERT INTO change (record_id, kind, page_id, offset)
SELECT record_id, kind, page_id, offset FROM (
    SELECT record.id AS record_id, version.page_id AS page_id, version.offset AS offset,
           CASE WHEN version.page_id > record.changed_page THEN 3
                WHEN version.deleted THEN 4
                WHEN version.page_id = record.first_page THEN 1
                ELSE 2 END AS kind
    FROM (SELECT record_id, page_id, offset, deleted FROM superseded
          UNION ALL SELECT id, page_id, offset, deleted FROM record) AS version
    JOIN record ON record.id = version.record_id
    UNION ALL
    SELECT id, changed_page, NULL, CASE WHEN withdrawn THEN 5 ELSE 7 END FROM record
    WHERE changed_page <> page_id
      AND NOT EXISTS (SELECT 1 FROM superseded WHERE record_id = record.id AND superseded.page_id = record.changed_page)
) ORDER BY page_id, offset IS NULL, offset;

CREATE INDEX change_by_record ON change (record_id, id);
UPDATE record SET
    hash_rule = 1,
    delivered = coalesce((SELECT max(id) FROM change WHERE record_id = record.id AND kind IN (1, 2, 4)), 0),
    last_change = coalesce((SELECT max(id) FROM change WHERE record_id = record.id AND kind <> 3), 0);

-- Watermarks are numbers of changes from now on.
UPDATE view SET watermark = coalesce((SELECT max(id) FROM change WHERE page_id <= watermark), 0);
-- The version of what a view holds: another one makes the program rebuild it.
ALTER TABLE view ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- An older rule decided which source's version counts: views look at these records again.
INSERT INTO change (record_id, kind, page_id)
SELECT id, 7, (SELECT max(id) FROM page) FROM record AS one
WHERE EXISTS (SELECT 1 FROM record AS other WHERE other.identifier = one.identifier AND other.id <> one.id)
ORDER BY id;
UPDATE record SET last_change = (SELECT max(id) FROM change WHERE record_id = record.id)
WHERE EXISTS (SELECT 1 FROM record AS other WHERE other.identifier = record.identifier AND other.id <> record.id);
DROP INDEX change_by_record;

DROP INDEX record_by_change;
ALTER TABLE record DROP COLUMN changed_page;
