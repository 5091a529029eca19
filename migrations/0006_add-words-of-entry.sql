-- A hash of the words that find a record, which are kept nowhere else: equal words are not written again.
ALTER TABLE entry ADD COLUMN words INTEGER;
