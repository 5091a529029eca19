//! Which segments are merged: smaller ones together, and a large one of which most graphs count no more.

use super::merge::fits;
use super::packed::Layer;

/// A segment stays as it is unless those after it have more than so many times its rows together. More means that each row is written
/// fewer times as the index grows, and that there are more segments to read.
const TIMES: u64 = 4;

/// Where this many graphs were, it is worth while to drop those that count no more.
const MANY: u32 = 1000;

/// With more segments than this, those after one need only have more rows together than it; twice as many are never left.
const MOST_LAYERS: usize = 12;

/// From which segment on all are merged into one, if there is room for that; the number of all where none are.
pub(super) fn first_to_merge(layers: &[Layer], room: impl Fn(&[Layer]) -> bool) -> usize {
    let stale = |layer: &Layer| layer.segment.graphs >= MANY && layer.live() < layer.segment.graphs / 2;
    let sizes: Vec<(u64, bool)> = layers.iter().map(|layer| (u64::from(layer.segment.rows), stale(layer))).collect();
    let mut from = first_by_size(&sizes);
    while from < layers.len() && !(fits(&layers[from..]) && room(&layers[from..])) {
        from += 1;
    }
    let useful = layers.len() - from > 1 || sizes.get(from).is_some_and(|(_, stale)| *stale);
    if useful { from } else { layers.len() }
}

/// The same, by the rows of each segment and whether it is mostly masked.
fn first_by_size(sizes: &[(u64, bool)]) -> usize {
    let times = if sizes.len() > MOST_LAYERS { 1 } else { TIMES };
    let (mut from, mut after) = (sizes.len(), 0);
    for (place, (rows, stale)) in sizes.iter().enumerate().rev() {
        if *stale || (after > 0 && (rows * times < after || place >= 2 * MOST_LAYERS)) {
            from = place;
        }
        after += rows;
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However segments come, few are left, and each row is written few times.
    #[test]
    fn segments_stay_few_and_rows_are_written_a_few_times() {
        for sizes in [vec![100; 1000], (0..1000).map(|n| 1 + n % 17 * 50).collect(), vec![1_000_000, 1, 1, 1, 5000, 1, 1, 1, 1]] {
            let (mut layers, mut written, mut most): (Vec<(u64, bool)>, u64, usize) = (Vec::new(), 0, 0);
            for rows in &sizes {
                layers.push((*rows, false));
                let from = first_by_size(&layers);
                if layers.len() - from > 1 {
                    let merged: u64 = layers.drain(from..).map(|(rows, _)| rows).sum();
                    layers.push((merged, false));
                    written += merged;
                }
                most = most.max(layers.len());
            }
            let all: u64 = sizes.iter().sum();
            assert!(most <= MOST_LAYERS + 4 && written <= 8 * all, "{most} segments, {written} rows for {all}");
        }
        assert_eq!(first_by_size(&[(100, false), (100, true), (100, false)]), 1, "what is mostly masked is merged");
    }
}
