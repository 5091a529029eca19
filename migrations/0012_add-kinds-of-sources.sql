-- Sources that are not OAI-PMH lists: dumps with a feed of changes, and documents.
ALTER TABLE source ADD COLUMN kind TEXT NOT NULL DEFAULT 'oai-pmh';
-- The settings of such a source, as JSON: a later run may not find them in a configuration.
ALTER TABLE source ADD COLUMN settings TEXT;
