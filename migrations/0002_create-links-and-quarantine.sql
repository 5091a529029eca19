-- The links view: who else describes an entity.
CREATE TABLE link (
    record_id INTEGER NOT NULL REFERENCES record (id),
    graph     TEXT NOT NULL, -- the record's graph
    entity    TEXT NOT NULL, -- what the link is about, usually <graph#it>
    path      TEXT NOT NULL, -- the properties from the entity to the node that bears the link; empty for the entity itself
    property  TEXT NOT NULL, -- the property that links
    authority TEXT NOT NULL,
    local_id  TEXT NOT NULL, -- the authority's own identifier
    iri       TEXT NOT NULL  -- its address in one form
);
CREATE INDEX link_by_record ON link (record_id);
CREATE INDEX link_by_entity ON link (entity);
CREATE INDEX link_by_graph ON link (graph);
CREATE INDEX link_by_authority ON link (authority, local_id);
CREATE INDEX link_by_iri ON link (iri);

-- The quarantine view: records whose newest version gives no quads, and why.
CREATE TABLE quarantine (
    record_id INTEGER PRIMARY KEY REFERENCES record (id),
    page_id   INTEGER NOT NULL,
    reason    TEXT NOT NULL,
    position  INTEGER -- byte position in the record or its payload
);
