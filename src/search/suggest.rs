//! Suggestions for who is typing: what begins with it, the most referred to first.

use std::cmp::Reverse;

use super::entries::SearchIndex;
use super::error::SearchError;
use super::opened::Finder;
use super::question::Wanted;
use super::segment::Segment;
use crate::log::Log;

/// The most candidates of each kind that are compared in one segment: how often each is referred to is a look-up in every segment.
const MOST: usize = 60;

/// A candidate, the best first: how it matches, how often it is referred to, its rank, its record.
type Candidate = (Way, Reverse<u32>, Reverse<u64>, u64);

/// How a candidate matches, the best way first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// The heading of something that others refer to begins so.
    Heading,
    /// Such a heading has the words.
    Words,
    /// The title of something else begins so.
    Title,
}

impl Finder {
    /// Headings and names that begin with a text, or have its words, at most `limit`.
    pub fn suggest(&self, log: &Log, text: &str, limit: usize) -> Result<Vec<String>, SearchError> {
        let wanted = Wanted::of(text);
        if wanted.clauses.is_empty() {
            return Ok(Vec::new());
        }
        let candidates = self.in_parallel(self.segments.len(), |place| self.candidates(&self.segments[place], &wanted));
        let candidates = candidates.map_err(|source| SearchError::Index { path: self.path.clone(), cause: source })?;
        let mut candidates: Vec<Candidate> = candidates.into_iter().flatten().collect();
        candidates.sort_unstable();
        let mut labels: Vec<String> = Vec::new();
        // Several records may be called the same.
        for (.., record) in candidates.into_iter().take(limit * 8) {
            let entry = SearchIndex(log).by_id(i64::try_from(record).unwrap_or_default())?;
            labels.extend(entry.map(|entry| entry.label).filter(|label| !labels.contains(label)));
            if labels.len() >= limit {
                break;
            }
        }
        Ok(labels)
    }

    fn candidates(&self, segment: &Segment, wanted: &Wanted) -> tantivy::Result<Vec<Candidate>> {
        let fields = &self.fields;
        let fast = segment.reader.fast_fields();
        let (records, ranks) = (fast.u64("record")?.first_or_default_col(0), fast.u64("rank")?.first_or_default_col(0));
        let entities = fast.u64("entity")?;
        let authorities = segment.with_number(fields.authority, 1)?;
        let (places, _) = segment.headings_from(&wanted.heading)?;
        let mut begins_so = segment.with_headings(&places);
        segment.keep_alive(&mut begins_so);
        let mut by_name = authorities.clone();
        segment.keep_alive(&mut by_name);
        // A single letter is in too many names.
        if wanted.heading.chars().count() < 2 {
            by_name = segment.none();
        }
        for clause in &wanted.clauses {
            if !by_name.is_empty() {
                by_name.and(&segment.clause(&self.searcher, fields, clause)?.text);
            }
        }
        let (mut headings, mut titles) = (begins_so.clone(), begins_so);
        headings.and(&authorities);
        titles.without(&headings);
        by_name.without(&headings);
        let mut found = Vec::new();
        for (documents, way) in [(headings, Way::Heading), (by_name, Way::Words), (titles, Way::Title)] {
            let mut best: Vec<(u64, u32)> = documents.iter().map(|document| (ranks.get_val(document), document)).collect();
            if best.len() > MOST {
                best.select_nth_unstable_by_key(MOST, |(rank, _)| Reverse(*rank));
                best.truncate(MOST);
            }
            for (rank, document) in best {
                let mut times = 0;
                if way != Way::Title {
                    for entity in entities.values_for_doc(document) {
                        times += self.times_referred_to(entity)?;
                    }
                }
                found.push((way, Reverse(times), Reverse(rank), records.get_val(document)));
            }
        }
        Ok(found)
    }

    fn times_referred_to(&self, entity: u64) -> tantivy::Result<u32> {
        self.segments.iter().map(|segment| segment.count_number(self.fields.refers.field, entity)).sum()
    }
}
