//! Writing a segment from sorted rows, whoever has them.

use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use tempfile::SpooledTempFile;

use super::code::{Code, is_blank};
use super::dictionary::DictionaryForm;
use super::directory::{DirectoryWriter, KeyWriter};
use super::error::IndexError;
use super::segment::{GraphForm, PredicateForm, SEVERAL, SegmentForm};
use super::writer::{FileWriter, Growing};

/// A row: subject or object, predicate (its number), object or subject, graph (its ordinal).
pub(super) type Row = [u32; 4];

/// The most rows, graphs and predicates of a segment.
pub(super) const MOST_ROWS: u32 = u32::MAX - 1;
/// See [`MOST_ROWS`].
pub(super) const MOST_PREDICATES: usize = u16::MAX as usize;

/// A segment that is written: the dictionary first, then `spo`, `ops`, and the graphs.
pub(super) struct Composer<'a> {
    directory: &'a Path,
    file: FileWriter,
    predicates: Vec<Counted>,
}

/// A predicate with what was counted of it.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    code: Code,
    rows: u32,
    subjects: u32,
    last_subject: Code,
}

/// The columns of `spo`.
pub(super) struct Subjects {
    directory: super::directory::DirectoryForm,
    graphs: (usize, usize),
    several: [(usize, usize); 2],
    columns: [(usize, usize); 2],
}

/// The columns of `ops`.
pub(super) struct Objects {
    directory: super::directory::DirectoryForm,
    columns: [(usize, usize); 2],
    lists: [(usize, usize); 2],
}

impl<'a> Composer<'a> {
    /// Begins a segment with predicates in the order of their codes. `directory` is for what waits.
    pub(super) fn new(directory: &'a Path, file: FileWriter, predicates: &[Code]) -> Result<Self, IndexError> {
        if predicates.len() > MOST_PREDICATES {
            return Err(IndexError::Full { what: "properties in a segment", most: u32::from(u16::MAX) });
        }
        let predicates = predicates.iter().map(|code| Counted { code: *code, ..Counted::default() }).collect();
        Ok(Self { directory, file, predicates })
    }

    pub(super) fn file(&mut self) -> &mut FileWriter {
        &mut self.file
    }

    fn grow(&self) -> Growing {
        Growing::new(self.directory)
    }

    /// Writes `spo` from rows in this order.
    pub(super) fn subjects(&mut self, mut rows: impl FnMut() -> Result<Option<Row>, IndexError>) -> Result<Subjects, IndexError> {
        let (mut predicates, mut objects, mut graphs) = (self.grow(), self.grow(), self.grow());
        let (mut starts, mut lists, mut directory) = (self.grow(), self.grow(), DirectoryWriter::new(self.directory));
        let (mut here, mut number, mut last): (Vec<u32>, u32, Option<Code>) = (Vec::new(), 0, None);
        let mut end = |subject: Option<Code>, here: &mut Vec<u32>| -> Result<(), IndexError> {
            if subject.is_some_and(|subject| !is_blank(subject)) {
                let first = here.first().copied().unwrap_or_default();
                if here.iter().all(|graph| *graph == first) {
                    graphs.u32(first)?;
                } else {
                    graphs.u32(SEVERAL | count(starts.len())?)?;
                    starts.u32(count(lists.len())?)?;
                    here.iter().try_for_each(|graph| lists.u32(*graph))?;
                }
            }
            here.clear();
            Ok(())
        };
        while let Some([subject, predicate, object, graph]) = rows()? {
            if directory.row(subject, number)? {
                end(last, &mut here)?;
                last = Some(subject);
            }
            here.push(graph);
            if let Some(counted) = self.predicates.get_mut(predicate as usize) {
                counted.rows += 1;
                if counted.last_subject != subject {
                    counted.last_subject = subject;
                    counted.subjects += 1;
                }
            }
            predicates.u16(u16::try_from(predicate).unwrap_or(u16::MAX))?;
            objects.u32(object)?;
            number = number.checked_add(1).filter(|rows| *rows < MOST_ROWS).ok_or(FULL)?;
        }
        end(last, &mut here)?;
        let Self { file, directory: place, .. } = self;
        Ok(Subjects {
            columns: [file.add(predicates)?, file.add(objects)?],
            directory: directory.finish(number, place, file)?,
            graphs: file.add(graphs)?,
            several: [file.add(starts)?, file.add(lists)?],
        })
    }

    /// Writes `ops` from rows in this order.
    pub(super) fn objects(&mut self, mut rows: impl FnMut() -> Result<Option<Row>, IndexError>) -> Result<Objects, IndexError> {
        let (mut predicates, mut subjects, mut number) = (self.grow(), self.grow(), 0_u32);
        let mut directory = DirectoryWriter::new(self.directory);
        let mut lists = Lists::new(self.predicates.len(), self.directory);
        let mut last = None;
        while let Some([object, predicate, subject, _]) = rows()? {
            directory.row(object, number)?;
            if last != Some((object, predicate)) {
                last = Some((object, predicate));
                lists.add(predicate as usize, object)?;
            }
            predicates.u16(u16::try_from(predicate).unwrap_or(u16::MAX))?;
            subjects.u32(subject)?;
            number += 1;
        }
        let Self { file, directory: place, .. } = self;
        let (starts, all) = lists.finish(place)?;
        Ok(Objects {
            columns: [file.add(predicates)?, file.add(subjects)?],
            directory: directory.finish(number, place, file)?,
            lists: [file.add(starts)?, file.add(all)?],
        })
    }

    /// Writes the graphs in the order of their ordinals: name, blank nodes, and the terms that are subjects in them.
    pub(super) fn graphs(
        &mut self,
        mut graphs: impl FnMut(&mut Vec<Code>) -> Result<Option<(Code, Range<Code>)>, IndexError>,
    ) -> Result<GraphForm, IndexError> {
        let (mut names, mut blanks, mut counts) = (self.grow(), self.grow(), self.grow());
        let (mut starts, mut all, mut keys) = (self.grow(), self.grow(), KeyWriter::new(self.directory));
        let (mut subjects, mut by_name, mut ordinal) = (Vec::new(), Vec::new(), 0_u32);
        while let Some((name, nodes)) = graphs(&mut subjects)? {
            names.u32(name)?;
            by_name.push((name, ordinal));
            blanks.u32(nodes.start)?;
            counts.u32(nodes.end - nodes.start)?;
            keys.add(nodes.start)?;
            starts.u32(count(all.len())?)?;
            subjects.drain(..).try_for_each(|subject| all.u32(subject))?;
            ordinal += 1;
        }
        starts.u32(count(all.len())?)?;
        by_name.sort_unstable();
        let mut sorted = self.grow();
        by_name.into_iter().try_for_each(|(_, ordinal)| sorted.u32(ordinal))?;
        let Self { file, directory: place, .. } = self;
        Ok(GraphForm {
            names: file.add(names)?,
            by_name: file.add(sorted)?,
            blanks: file.add(blanks)?,
            blank_counts: file.add(counts)?,
            subject_starts: file.add(starts)?,
            subjects: file.add(all)?,
            of_blanks: keys.finish(place, file, true)?,
        })
    }

    /// Ends the segment. `clean`: each of its terms is in a graph.
    pub(super) fn finish(
        mut self,
        dictionary: DictionaryForm,
        blanks: Range<Code>,
        clean: bool,
        subjects: &Subjects,
        objects: &Objects,
        graphs: GraphForm,
    ) -> Result<(), IndexError> {
        let mut column = |value: fn(&Counted) -> u32| {
            let mut column = Growing::new(self.directory);
            self.predicates.iter().try_for_each(|counted| column.u32(value(counted)))?;
            self.file.add(column)
        };
        let predicates = PredicateForm {
            codes: column(|counted| counted.code)?,
            rows: column(|counted| counted.rows)?,
            subjects: column(|counted| counted.subjects)?,
            object_starts: objects.lists[0],
            objects: objects.lists[1],
        };
        self.file.finish(&SegmentForm {
            dictionary,
            blanks,
            clean,
            predicates,
            subjects: subjects.directory,
            subject_graphs: subjects.graphs,
            several_starts: subjects.several[0],
            several_graphs: subjects.several[1],
            spo: subjects.columns,
            objects: objects.directory,
            ops: objects.columns,
            graphs,
        })
    }
}

const FULL: IndexError = IndexError::Full { what: "rows in a segment", most: MOST_ROWS };

fn count(count: usize) -> Result<u32, IndexError> {
    u32::try_from(count).ok().filter(|count| *count < SEVERAL).ok_or(FULL)
}

/// Lists that grow side by side, and wait in a file.
struct Lists {
    waiting: Vec<Vec<u32>>,
    /// Of each list the parts in the file: where one begins, and how many numbers it has.
    parts: Vec<Vec<(u64, usize)>>,
    file: SpooledTempFile,
    end: u64,
}

/// Numbers of one list that wait in memory.
const WAITING: usize = 4096;
/// Bytes of all lists that wait in memory.
const IN_MEMORY: usize = 4 << 20;

impl Lists {
    fn new(lists: usize, directory: &Path) -> Self {
        let file = SpooledTempFile::new_in(IN_MEMORY, directory);
        Self { waiting: vec![Vec::new(); lists], parts: vec![Vec::new(); lists], file, end: 0 }
    }

    fn add(&mut self, list: usize, number: u32) -> std::io::Result<()> {
        let Some(waiting) = self.waiting.get_mut(list) else { return Ok(()) };
        waiting.push(number);
        if waiting.len() >= WAITING {
            let bytes: Vec<u8> = waiting.iter().flat_map(|number| number.to_le_bytes()).collect();
            self.file.write_all(&bytes)?;
            self.parts[list].push((self.end, bytes.len()));
            self.end += bytes.len() as u64;
            waiting.clear();
        }
        Ok(())
    }

    /// Where each begins, and all of them behind one another.
    fn finish(mut self, directory: &Path) -> Result<(Growing, Growing), IndexError> {
        let (mut starts, mut all, mut numbers, mut bytes) = (Growing::new(directory), Growing::new(directory), 0, Vec::new());
        for (waiting, parts) in self.waiting.into_iter().zip(self.parts) {
            starts.u32(count(numbers)?)?;
            for (at, length) in parts {
                self.file.seek(SeekFrom::Start(at))?;
                bytes.resize(length, 0);
                self.file.read_exact(&mut bytes)?;
                all.bytes(&bytes)?;
                numbers += length / 4;
            }
            numbers += waiting.len();
            waiting.iter().try_for_each(|number| all.u32(*number))?;
        }
        starts.u32(count(numbers)?)?;
        Ok((starts, all))
    }
}
