-- Counting the entities of each authority reads this index alone.
DROP INDEX link_by_entity;
CREATE INDEX link_by_entity ON link (entity, authority);
