-- The words that find a record are in the index beside the log, in `search/`.
DROP TABLE word;
