//! Merging segments that follow one another into one, without the graphs that count no more.
//!
//! Codes stay as they are: the dictionaries are put behind one another. What a merge needs in memory is twelve bytes a graph, and a bit
//! a term where terms are dropped; the rest does not grow with the segments.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::code::Code;
use super::compose::{Composer, MOST_PREDICATES, MOST_ROWS, Row};
use super::dictionary::DictionaryWriter;
use super::error::IndexError;
use super::live::Live;
use super::packed::Layer;
use super::terms;
use super::walk::Rows;
use super::writer::FileWriter;

/// The rows of several layers together, in order.
struct Together<'a> {
    layers: Vec<(Option<Row>, Rows<'a>)>,
    stop: &'a AtomicBool,
}

impl<'a> Together<'a> {
    fn new(rows: Vec<Rows<'a>>, stop: &'a AtomicBool) -> Result<Self, IndexError> {
        let layers = rows.into_iter().map(|mut rows| Ok((rows.next()?, rows))).collect::<Result<_, IndexError>>()?;
        Ok(Self { layers, stop })
    }

    fn next(&mut self) -> Result<Option<Row>, IndexError> {
        let least = self.layers.iter_mut().filter(|(row, _)| row.is_some()).min_by_key(|(row, _)| *row);
        let Some((row, rows)) = least else { return Ok(None) };
        if self.stop.load(Ordering::Relaxed) {
            return Err(IndexError::Stopped);
        }
        let found = row.take();
        *row = rows.next()?;
        Ok(found)
    }
}

/// The predicates of layers, in order.
fn predicates_of(layers: &[Layer]) -> Vec<Code> {
    let mut predicates: Vec<Code> =
        layers.iter().flat_map(|layer| &layer.segment.predicates).filter(|one| one.rows > 0).map(|one| one.code).collect();
    predicates.sort_unstable();
    predicates.dedup();
    predicates
}

/// Whether each of their terms is in a graph that counts.
pub(super) fn are_clean(layers: &[Layer]) -> bool {
    layers.iter().all(|layer| layer.segment.clean && layer.mask.count() == 0)
}

/// Whether one segment can hold what these layers do.
pub(super) fn fits(layers: &[Layer]) -> bool {
    let rows: u64 = layers.iter().map(|layer| u64::from(layer.segment.rows)).sum();
    rows < u64::from(MOST_ROWS) && predicates_of(layers).len() <= MOST_PREDICATES
}

/// The number that each graph has in the merged segment, by its layer. One that is masked has that of the next.
pub(super) type Ordinals = Vec<Vec<u32>>;

/// Merges layers into the segment at `path`, unless it is to stop. Terms that are not `live` lose their bytes.
pub(super) fn merge(
    layers: &[Layer],
    live: Option<&Live>,
    path: &Path,
    directory: &Path,
    stop: &AtomicBool,
) -> Result<Ordinals, IndexError> {
    let (Some(first), Some(last)) = (layers.first(), layers.last()) else { return Ok(Vec::new()) };
    let predicates = predicates_of(layers);
    let numbers: Vec<Vec<u32>> = layers
        .iter()
        .map(|layer| {
            let number =
                |code: Code| predicates.binary_search(&code).ok().and_then(|place| u32::try_from(place).ok()).unwrap_or_default();
            layer.segment.predicates.iter().map(|predicate| number(predicate.code)).collect()
        })
        .collect();
    let (mut ordinals, mut next): (Vec<Vec<u32>>, u32) = (Vec::new(), 0);
    for layer in layers {
        let mut of_layer = Vec::with_capacity(layer.segment.graphs as usize);
        for graph in 0..layer.segment.graphs {
            of_layer.push(next);
            next += u32::from(!layer.mask.has(graph));
        }
        ordinals.push(of_layer);
    }
    let mut composer = Composer::new(directory, FileWriter::create(path)?, &predicates)?;
    let dictionary = dictionary(layers, live, directory, &mut composer, stop)?;
    let rows = |turned| {
        let each = layers.iter().zip(&numbers).zip(&ordinals);
        Together::new(each.map(|((layer, numbers), ordinals)| Rows::new(layer, numbers, ordinals, turned)).collect(), stop)
    };
    let mut spo = rows(false)?;
    let subjects = composer.subjects(|| spo.next())?;
    let mut ops = rows(true)?;
    let objects = composer.objects(|| ops.next())?;
    let mut graphs = layers.iter().flat_map(|layer| {
        (0..layer.segment.graphs).filter(|graph| !layer.mask.has(*graph)).map(move |graph| (&layer.segment, graph))
    });
    let graphs = composer.graphs(|subjects| {
        let Some((segment, ordinal)) = graphs.next() else { return Ok(None) };
        let graph = segment.graph(ordinal)?;
        subjects.extend(segment.file.slice(segment.graph_subjects, graph.subjects)?.iter().map(|subject| subject.get()));
        Ok(Some((graph.name, graph.blanks)))
    })?;
    let blanks = first.segment.blanks.start..last.segment.blanks.end;
    let clean = live.is_some() || are_clean(layers);
    composer.finish(dictionary, blanks, clean, &subjects, &objects, graphs)?;
    Ok(ordinals)
}

fn dictionary(
    layers: &[Layer],
    live: Option<&Live>,
    directory: &Path,
    composer: &mut Composer<'_>,
    stop: &AtomicBool,
) -> Result<super::dictionary::DictionaryForm, IndexError> {
    let first = layers.first().map_or(super::code::FIRST_TERM, |layer| layer.segment.dictionary.first);
    let mut writer = DictionaryWriter::new(first, directory);
    let each = |work: &mut dyn FnMut(&[u8]) -> Result<(), IndexError>| {
        for Layer { segment, .. } in layers {
            for code in segment.dictionary.first..segment.dictionary.first + segment.dictionary.count {
                let is_live = live.is_none_or(|live| live.has(code));
                work(if is_live { segment.dictionary.bytes(&segment.file, code)? } else { &[] })?;
                if stop.load(Ordering::Relaxed) {
                    return Err(IndexError::Stopped);
                }
            }
        }
        Ok::<_, IndexError>(())
    };
    each(&mut |bytes| writer.add(bytes))?;
    writer.finish(directory, composer.file(), |hash| {
        each(&mut |bytes| {
            hash((!bytes.is_empty()).then(|| terms::hash(bytes)));
            Ok(())
        })
    })
}
