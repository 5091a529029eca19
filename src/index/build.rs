//! Building a segment in memory: terms get codes, and rows are sorted.

use std::ops::Range;
use std::path::Path;

use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHashSet};

use super::code::{BLANK, COMPUTED, Code};
use super::compose::{Composer, MOST_PREDICATES, Row};
use super::dictionary::DictionaryWriter;
use super::error::IndexError;
use super::part::Part;
use super::writer::FileWriter;

/// Where older terms are looked up.
pub(super) trait Known {
    /// The code of a term that an older segment has.
    fn find(&self, hash: u64, bytes: &[u8]) -> Result<Option<Code>, IndexError>;
}

/// A segment that grows in memory.
#[derive(Default)]
pub(super) struct Builder {
    /// The codes that are given next.
    next_term: Code,
    next_blank: Code,
    first_term: Code,
    first_blank: Code,
    /// New terms behind one another, where each ends, and their hashes.
    text: Vec<u8>,
    ends: Vec<usize>,
    hashes: Vec<u64>,
    /// Codes of terms, old and new, by hash.
    codes: HashTable<(u64, Code)>,
    /// Old terms that were looked up.
    old: FxHashMap<Code, (usize, usize)>,
    old_text: Vec<u8>,
    /// Subject, predicate (its code), object, graph.
    rows: Vec<Row>,
    predicates: FxHashSet<Code>,
    graphs: Vec<BuiltGraph>,
    by_name: FxHashMap<Code, u32>,
    /// Graphs that came again.
    replaced: usize,
}

struct BuiltGraph {
    name: Code,
    blanks: Range<Code>,
    subjects: Vec<Code>,
    /// Nothing of it is written if it came again.
    live: bool,
}

/// How many bytes a row, and a term, take in memory until they are written, but for the text.
const ROW_BYTES: usize = 2 * size_of::<Row>();
const TERM_BYTES: usize = 64;

impl Builder {
    /// A builder whose next term and next blank node get these codes.
    pub(super) fn new(next_term: Code, next_blank: Code) -> Self {
        Self { next_term, next_blank, first_term: next_term, first_blank: next_blank, ..Self::default() }
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.rows.len() * ROW_BYTES
            + self.ends.len() * TERM_BYTES
            + self.text.len()
            + self.old_text.len()
            + self.graphs.len() * 64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Whether the predicates of another graph may be too many for the segment.
    pub(super) fn is_full_for(&self, part: &Part) -> bool {
        !self.is_empty() && self.predicates.len() + part.predicates.len() > MOST_PREDICATES
    }

    /// The code of the graph's name, if any term has it.
    pub(super) fn name(&self, part: &Part, known: &impl Known) -> Result<Option<Code>, IndexError> {
        match self.code(part.hashes[0], part.term(0)) {
            Some(code) => Ok(Some(code)),
            None => known.find(part.hashes[0], part.term(0)),
        }
    }

    fn code(&self, hash: u64, bytes: &[u8]) -> Option<Code> {
        let same = |(its, code): &(u64, Code)| *its == hash && self.bytes_of(*code) == bytes;
        self.codes.find(hash, same).map(|(_, code)| *code)
    }

    fn bytes_of(&self, code: Code) -> &[u8] {
        if code < self.first_term {
            let (start, end) = self.old.get(&code).copied().unwrap_or_default();
            return &self.old_text[start..end];
        }
        let place = (code - self.first_term) as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[place]]
    }

    /// The code of a term; it gets one if it has none.
    fn intern(&mut self, hash: u64, bytes: &[u8], known: &impl Known) -> Result<Code, IndexError> {
        if let Some(code) = self.code(hash, bytes) {
            return Ok(code);
        }
        let code = if let Some(code) = known.find(hash, bytes)? {
            let start = self.old_text.len();
            self.old_text.extend_from_slice(bytes);
            self.old.insert(code, (start, self.old_text.len()));
            code
        } else {
            let code = self.next_term;
            if code >= BLANK - 1 {
                return Err(IndexError::Full { what: "different terms", most: BLANK - 2 });
            }
            self.next_term += 1;
            self.text.extend_from_slice(bytes);
            self.ends.push(self.text.len());
            self.hashes.push(hash);
            code
        };
        self.codes.insert_unique(hash, (hash, code), |(hash, _)| *hash);
        Ok(code)
    }

    /// Drops a graph that this builder has. Answers whether it had it.
    pub(super) fn remove(&mut self, name: Code) -> bool {
        let Some(ordinal) = self.by_name.remove(&name) else { return false };
        self.graphs[ordinal as usize].live = false;
        self.replaced += 1;
        true
    }

    /// Adds the graph of a record, which no longer has another.
    pub(super) fn add(&mut self, part: &Part, known: &impl Known) -> Result<(), IndexError> {
        let mut codes = Vec::with_capacity(part.terms());
        for (place, hash) in part.hashes.iter().enumerate() {
            codes.push(self.intern(*hash, part.term(place), known)?);
        }
        let first = self.next_blank;
        // A graph without blank nodes has the code of one too, by which it is found.
        let end = first.checked_add(part.blanks.max(1)).filter(|end| *end < COMPUTED);
        self.next_blank = end.ok_or(IndexError::Full { what: "blank nodes", most: COMPUTED - BLANK })?;
        let code = |place: u32| if place >= BLANK { first + (place - BLANK) } else { codes[place as usize] };
        let ordinal = u32::try_from(self.graphs.len()).unwrap_or(u32::MAX);
        self.rows.extend(
            part.rows.iter().map(|[subject, predicate, object]| [code(*subject), code(*predicate), code(*object), ordinal]),
        );
        self.predicates.extend(part.predicates.iter().map(|place| code(*place)));
        let subjects = part.subjects.iter().map(|place| code(*place)).collect();
        self.graphs.push(BuiltGraph { name: codes[0], blanks: first..first + part.blanks, subjects, live: true });
        self.by_name.insert(codes[0], ordinal);
        Ok(())
    }

    /// Writes the segment. Answers the codes that are given next.
    pub(super) fn write(mut self, path: &Path, directory: &Path) -> Result<(Code, Code), IndexError> {
        let clean = self.replaced == 0;
        if !clean {
            self.drop_replaced();
            self.predicates = self.rows.iter().map(|row| row[1]).collect();
        }
        let mut predicates: Vec<Code> = self.predicates.iter().copied().collect();
        predicates.sort_unstable();
        for row in &mut self.rows {
            row[1] = predicates.binary_search(&row[1]).ok().and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX);
        }
        let mut turned: Vec<Row> = self.rows.iter().map(|[s, p, o, g]| [*o, *p, *s, *g]).collect();
        let rows = &mut self.rows;
        std::thread::scope(|scope| {
            scope.spawn(|| rows.sort_unstable());
            turned.sort_unstable();
        });
        let mut composer = Composer::new(directory, FileWriter::create(path)?, &predicates)?;
        let mut dictionary = DictionaryWriter::new(self.first_term, directory);
        let mut start = 0;
        for end in &self.ends {
            dictionary.add(&self.text[start..*end])?;
            start = *end;
        }
        let hashes = &self.hashes;
        let dictionary = dictionary.finish(directory, composer.file(), |each| {
            for hash in hashes {
                each(Some(*hash));
            }
            Ok(())
        })?;
        let (mut spo, mut ops, mut graphs) = (self.rows.into_iter(), turned.into_iter(), self.graphs.into_iter());
        let subjects = composer.subjects(|| Ok(spo.next()))?;
        let objects = composer.objects(|| Ok(ops.next()))?;
        let graphs = composer.graphs(|subjects| {
            Ok(graphs.next().map(|graph| {
                subjects.extend(graph.subjects);
                (graph.name, graph.blanks)
            }))
        })?;
        composer.finish(dictionary, self.first_blank..self.next_blank, clean, &subjects, &objects, graphs)?;
        Ok((self.next_term, self.next_blank))
    }

    /// Drops the rows of graphs that came again, and numbers the others.
    fn drop_replaced(&mut self) {
        let (mut ordinals, mut next) = (Vec::with_capacity(self.graphs.len()), 0_u32);
        for graph in &self.graphs {
            ordinals.push(graph.live.then_some(next));
            next += u32::from(graph.live);
        }
        self.rows.retain_mut(|row| match ordinals.get(row[3] as usize).copied().flatten() {
            Some(ordinal) => {
                row[3] = ordinal;
                true
            }
            None => false,
        });
        self.graphs.retain(|graph| graph.live);
    }
}
