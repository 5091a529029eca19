//! Which version of a record counts, where several sources hold the same identifier.
//!
//! A source that withdrew its record counts only if all did. Of the others the one that *delivered* last counts: a
//! delivery is a record that came for the first time or after it was withdrawn, with another payload, or as deleted: the
//! kinds `came`, `changed` and `deleted`. A repeat, another header, a retry and a reinstatement by the user deliver nothing.

/// A condition on `record`: its version counts.
pub(crate) fn counts() -> &'static str {
    "NOT EXISTS (SELECT 1 FROM record AS other WHERE other.identifier = record.identifier
        AND (other.withdrawn < record.withdrawn OR (other.withdrawn = record.withdrawn AND other.delivered > record.delivered)))"
}

/// An order of `record` rows of one identifier: the one that counts comes first.
pub(crate) fn the_one_that_counts_first() -> &'static str {
    "record.withdrawn, record.delivered DESC"
}

/// A column of `record` rows, `gone`: it gives no graph, whatever its payload says.
pub(crate) fn is_gone() -> &'static str {
    "(record.deleted OR record.withdrawn) AS gone"
}

/// A condition on rows of a view: they are of the record `?1`, or of another source's record with its identifier.
pub(crate) fn same_identifier_as_record_1() -> &'static str {
    "record_id IN (SELECT id FROM record WHERE identifier = (SELECT identifier FROM record WHERE id = ?1))"
}
