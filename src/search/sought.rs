//! Numbers that are looked for in a field: one by one if they are few, or else in one pass over the field's column.

use rustc_hash::FxHashMap;
use tantivy::columnar::Column;
use tantivy::schema::Term;

use super::fields::Numbers;
use super::segment::Segment;

/// A look-up costs as much as this many values of a column.
const LOOK_UP: usize = 64;

/// Documents whose values are read at a time.
const AT_ONCE: u32 = 512;

/// Bits of the filter for each number: about one value of sixteen that are not looked for gets through.
const SPARSE: usize = 16;

/// Numbers, each with what comes with it.
pub(super) struct Sought<T> {
    numbers: FxHashMap<u64, T>,
    /// Which last bits the numbers have.
    filter: Vec<u64>,
}

impl<T: Copy> Sought<T> {
    pub(super) fn new(numbers: FxHashMap<u64, T>) -> Self {
        let blocks = (numbers.len() * SPARSE).div_ceil(64).next_power_of_two();
        let mut filter = vec![0; blocks];
        for number in numbers.keys() {
            let (block, bit) = place(*number, blocks);
            filter[block] |= bit;
        }
        Self { numbers, filter }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    fn find(&self, number: u64) -> Option<T> {
        let (block, bit) = place(number, self.filter.len());
        if self.filter[block] & bit == 0 { None } else { self.numbers.get(&number).copied() }
    }

    /// Calls `found` with each document that has one of the numbers, deleted ones included, and with what comes with the number.
    /// A document may come several times.
    pub(super) fn each(&self, segment: &Segment, field: &Numbers, mut found: impl FnMut(u32, T)) -> tantivy::Result<()> {
        let column = segment.reader.fast_fields().u64(field.name)?;
        if self.numbers.len() < column.values.num_vals() as usize / LOOK_UP {
            for (number, with) in &self.numbers {
                segment.each(&Term::from_field_u64(field.field, *number), |document| found(document, *with))?;
            }
        } else {
            self.scan(&column, segment.size, found);
        }
        Ok(())
    }

    fn scan(&self, column: &Column<u64>, size: u32, mut found: impl FnMut(u32, T)) {
        let (mut values, mut hits) = (Vec::new(), Vec::new());
        for first in (0..size).step_by(AT_ONCE as usize) {
            let rows = column.index.docid_range_to_rowids(first..(first + AT_ONCE).min(size));
            values.resize(rows.len(), 0);
            column.values.get_range(rows.start.into(), &mut values);
            hits.clear();
            hits.extend(rows.zip(&values).filter_map(|(row, value)| Some((row, self.find(*value)?))));
            let mut document = first;
            for (row, with) in &hits {
                while column.index.value_row_ids(document).end <= *row {
                    document += 1;
                }
                found(document, *with);
            }
        }
    }
}

/// The block and the bit of a number in a filter, whose blocks are a power of two.
fn place(number: u64, blocks: usize) -> (usize, u64) {
    let block = (number >> 6) as usize & (blocks - 1);
    (block, 1 << (number & 63))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use tantivy::{Index, TantivyDocument};

    use super::super::fields::{Fields, prepare};
    use super::*;

    /// One segment whose documents have these numbers.
    fn segment(documents: &[Vec<u64>]) -> tantivy::Result<(Segment, Numbers)> {
        let (schema, fields) = Fields::schema();
        let index = Index::create_in_ram(schema);
        prepare(&index);
        let mut writer = index.writer_with_num_threads::<TantivyDocument>(1, 15_000_000)?;
        for numbers in documents {
            let mut document = TantivyDocument::new();
            for number in numbers {
                document.add_u64(fields.refers.field, *number);
            }
            writer.add_document(document)?;
        }
        writer.commit()?;
        let searcher = index.reader()?.searcher();
        Ok((Segment::new(searcher.segment_reader(0))?, fields.refers))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_documents_of_numbers_are_the_same_by_look_up_and_by_a_pass(
            some in vec(vec(0_u64..300, 0..4), 1..9),
            repeated in 1_usize..400,
            sought in vec(0_u64..400, 0..40),
        ) {
            // Documents with none, with one and with several numbers, in more than one stretch.
            let documents: Vec<Vec<u64>> = some.iter().cycle().take(some.len() * repeated).cloned().collect();
            let (segment, field) = segment(&documents)?;
            let column = segment.reader.fast_fields().u64(field.name)?;
            let sought = Sought::new(sought.into_iter().map(|number| (number, number)).collect());
            let expected: BTreeSet<(u32, u64)> = (0..)
                .zip(&documents)
                .flat_map(|(document, numbers)| numbers.iter().map(move |number| (document, *number)))
                .filter(|(_, number)| sought.numbers.contains_key(number))
                .collect();
            let (mut by_either, mut by_pass) = (BTreeSet::new(), BTreeSet::new());
            sought.each(&segment, &field, |document, number| { by_either.insert((document, number)); })?;
            sought.scan(&column, segment.size, |document, number| { by_pass.insert((document, number)); });
            prop_assert_eq!(&by_either, &expected);
            prop_assert_eq!(&by_pass, &expected);
        }
    }
}
