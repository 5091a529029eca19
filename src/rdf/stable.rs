//! The triples of a record as text that depends on nothing but what they say: sorted N-Triples, with labels for blank nodes
//! that do not depend on the order or the labels that they came with.
//!
//! Blank nodes are told apart by what is around them, in rounds, and numbered along the triples from there. Nodes that this
//! cannot tell apart are in the same place of the same graph, but for graphs that no catalogue has (regular, with cycles): of
//! those, another order may give other labels, which costs a version of the record and loses nothing. In contrast to
//! RDFC-1.0, the time is bounded.

use rustc_hash::FxHashMap;

/// The most rounds of telling nodes apart.
const ROUNDS: usize = 24;

/// A line in parts: subject, predicate, object.
struct Line<'a> {
    terms: [&'a str; 3],
    /// The blank nodes among subject and object.
    nodes: [Option<usize>; 2],
    hashes: [u64; 3],
}

/// The parts of a line of N-Triples without white space that is not needed; nothing if it has another form.
fn parts(line: &str) -> Option<[&str; 3]> {
    let (subject, rest) = line.split_once(' ')?;
    let (predicate, rest) = rest.split_once(' ')?;
    Some([subject, predicate, rest.strip_suffix(" .")?])
}

fn hash(text: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

/// Mixes numbers into one, the same on every machine.
fn mix(parts: [u64; 3]) -> u64 {
    parts.into_iter().fold(0x9e37_79b9_7f4a_7c15, |state, part| {
        let mixed = (state ^ part).wrapping_mul(0xff51_afd7_ed55_8ccd);
        (mixed ^ (mixed >> 32)).wrapping_mul(0xc4ce_b9fe_1a85_ec53).rotate_left(29)
    })
}

/// Sorted N-Triples without repetition, one a line, of such lines in any order.
#[must_use]
pub fn stable_ntriples<'a>(lines: &[&'a str]) -> String {
    let mut nodes: FxHashMap<&'a str, usize> = FxHashMap::default();
    let split: Vec<Line<'_>> = lines
        .iter()
        .filter_map(|line| {
            let terms = parts(line)?;
            let mut number = |term: &'a str| {
                let next = nodes.len();
                term.starts_with("_:").then(|| *nodes.entry(term).or_insert(next))
            };
            let nodes = [number(terms[0]), number(terms[2])];
            Some(Line { terms, nodes, hashes: [0; 3] })
        })
        .collect();
    let labels = if nodes.is_empty() { Vec::new() } else { numbers(split, nodes.len()) };
    let mut written: Vec<String> = lines
        .iter()
        .filter_map(|line| {
            let [subject, predicate, object] = parts(line)?;
            let label = |term: &str| match nodes.get(term) {
                Some(node) => format!("_:b{}", labels[*node]),
                None => term.to_owned(),
            };
            Some(format!("{} {predicate} {} .\n", label(subject), label(object)))
        })
        .collect();
    written.sort_unstable();
    written.dedup();
    written.concat()
}

/// The number of each blank node.
fn numbers(mut lines: Vec<Line<'_>>, count: usize) -> Vec<usize> {
    lines.retain(|line| line.nodes.iter().any(Option::is_some));
    for line in &mut lines {
        line.hashes = line.terms.map(hash);
    }
    let colours = colours(&lines, count);
    // The neighbours of each node: direction, predicate, node.
    let mut neighbours: Vec<Vec<(u8, &str, u64, usize)>> = vec![Vec::new(); count];
    let mut entrances: Vec<(&str, &str, u64, usize)> = Vec::new();
    for line in &lines {
        match line.nodes {
            [Some(subject), Some(object)] => {
                neighbours[subject].push((0, line.terms[1], colours[object], object));
                neighbours[object].push((1, line.terms[1], colours[subject], subject));
            }
            [None, Some(object)] => entrances.push((line.terms[0], line.terms[1], colours[object], object)),
            _ => {}
        }
    }
    entrances.sort_unstable();
    neighbours.iter_mut().for_each(|around| around.sort_unstable());
    let mut rest: Vec<(u64, usize)> = colours.iter().copied().zip(0..count).collect();
    rest.sort_unstable();
    let starts = entrances.into_iter().map(|(.., node)| node).chain(rest.into_iter().map(|(_, node)| node));
    let (mut numbers, mut next) = (vec![usize::MAX; count], 0);
    let mut open = Vec::new();
    for start in starts {
        open.push(start);
        while let Some(node) = open.pop() {
            if numbers[node] != usize::MAX {
                continue;
            }
            numbers[node] = next;
            next += 1;
            open.extend(neighbours[node].iter().rev().map(|(.., neighbour)| *neighbour));
        }
    }
    numbers
}

/// Numbers that tell nodes apart by what is around them.
fn colours(lines: &[Line<'_>], count: usize) -> Vec<u64> {
    let mut colours = vec![0; count];
    let mut kinds = 1;
    for _ in 0..ROUNDS {
        let mut sums = vec![0_u64; count];
        for line in lines {
            let [subject, object] = line.nodes;
            let side = |node: Option<usize>, hash: u64| node.map_or(hash, |node| mix([3, colours[node], 0]));
            if let Some(node) = subject {
                sums[node] = sums[node].wrapping_add(mix([1, line.hashes[1], side(object, line.hashes[2])]));
            }
            if let Some(node) = object {
                sums[node] = sums[node].wrapping_add(mix([2, line.hashes[1], side(subject, line.hashes[0])]));
            }
        }
        let next: Vec<u64> = colours.iter().zip(&sums).map(|(colour, sum)| mix([4, *colour, *sum])).collect();
        let mut sorted = next.clone();
        sorted.sort_unstable();
        sorted.dedup();
        colours = next;
        if sorted.len() == kinds && kinds > 1 || sorted.len() == count {
            break;
        }
        kinds = sorted.len();
    }
    colours
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn twins_are_told_apart_by_their_place() {
        let text =
            ["<s> <p> _:x .", "<s> <p> _:y .", "_:x <q> _:x2 .", "_:y <q> _:y2 .", "_:x2 <r> \"1 .\" .", "_:y2 <r> \"1 .\" ."];
        let due = "<s> <p> _:b0 .\n<s> <p> _:b2 .\n_:b0 <q> _:b1 .\n_:b1 <r> \"1 .\" .\n_:b2 <q> _:b3 .\n_:b3 <r> \"1 .\" .\n";
        assert_eq!(stable_ntriples(&text), due);
    }

    proptest! {
        /// Trees and lists of blank nodes, as catalogues have them.
        #[test]
        fn the_order_and_the_labels_say_nothing(
            parents in proptest::collection::vec((any::<prop::sample::Index>(), 0..3_u8, 0..3_u8), 1..14),
            order in any::<u64>(),
        ) {
            let lines = |name: &dyn Fn(usize) -> String| -> Vec<String> {
                let each = parents.iter().enumerate().flat_map(|(node, (parent, property, value))| {
                    let above = parent.index(node + 1);
                    let from = if above == node { "<s>".to_owned() } else { name(above) };
                    [format!("{from} <p{property}> {} .", name(node)), format!("{} <v> \"{value}\" .", name(node))]
                });
                each.collect()
            };
            let one = lines(&|node| format!("_:a{node}"));
            let mut other = lines(&|node| format!("_:z{}", (node as u64).wrapping_mul(order | 1) % 1_000_003));
            other.sort_by_key(|line| hash(line) ^ order);
            let text = |lines: &[String]| stable_ntriples(&lines.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(text(&one), text(&other));
        }
    }
}
