-- The table of shapes that a view has read the records with, by its fingerprint; empty for a view that does not depend on it.
ALTER TABLE view ADD COLUMN shapes TEXT NOT NULL DEFAULT '';
