-- What the order of a list is known from, and what was done on the assumption of it.

-- A page came after another and reached a newer datestamp: together with `ordered`, the order of the list is known.
ALTER TABLE harvest ADD COLUMN ascended INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN ascended INTEGER NOT NULL DEFAULT 0;

-- The datestamp at which the list was last re-opened on the assumption that it is in order, milliseconds since 1970; NULL if it
-- was last opened at its own start. A list that is not in order and has this is re-opened from its start.
ALTER TABLE harvest ADD COLUMN reopened_from INTEGER;
ALTER TABLE audit ADD COLUMN reopened_from INTEGER;

-- The list ended, but may lack records: the next regular window reaches back.
ALTER TABLE harvest ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0;

-- How many records came since the list was last opened: what it promised is compared with this.
ALTER TABLE harvest ADD COLUMN since_opened INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN since_opened INTEGER NOT NULL DEFAULT 0;
UPDATE harvest SET since_opened = received WHERE state = 'open';
UPDATE audit SET since_opened = received WHERE state = 'open';
