//! The order in which the parts of a group are joined: from each possible beginning, always the part with the fewest expected
//! solutions next; the beginning with the least work wins. Parts that share no variable with the others are left for last.

use super::cost::{Costs, Known};
use super::leaf::Part;
use super::loops::may_loop;
use super::variables::{Bound, Set};

/// Beginnings are compared if a group has at most this many parts.
const COMPARED: usize = 12;

/// A part that has its turn.
pub(super) struct Turn {
    /// Its place among the parts.
    pub part: usize,
    /// How it is joined with those before it.
    pub how: How,
    /// The expected solutions after it.
    pub rows: f64,
    /// What is known before it.
    pub known: Known,
}

/// How a part is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Evaluated for each solution of those before it; also the first part.
    Loop,
    /// Evaluated alone, and joined in memory.
    Alone,
}

/// What orders the parts of one group.
pub(super) struct Ordering<'a> {
    pub costs: &'a Costs<'a>,
    pub parts: &'a [Part],
    pub bounds: &'a [Bound],
    /// What is bound around the group.
    pub known: &'a Known,
    /// What is bound around the group in every evaluation.
    pub given: &'a Set,
    /// Whether the group is itself evaluated for each solution of something.
    pub looping: bool,
}

impl Ordering<'_> {
    /// Returns the parts in order: a list for each set of parts that share variables.
    pub(super) fn turns(&self) -> Vec<Vec<Turn>> {
        let mut left: Vec<usize> = (0..self.parts.len()).collect();
        let mut chains = Vec::new();
        while let Some(first) = self.first(&left) {
            let (mut chain, mut work) = self.chain(first, &left);
            if chain.len() > 1 && left.len() <= COMPARED {
                let others: Vec<usize> = chain.iter().map(|turn| turn.part).filter(|part| *part != first).collect();
                for other in others {
                    let (another, its_work) = self.chain(other, &left);
                    if its_work < work && another.len() == chain.len() {
                        (chain, work) = (another, its_work);
                    }
                }
            }
            left.retain(|part| chain.iter().all(|turn| turn.part != *part));
            chains.push(chain);
        }
        chains
    }

    fn first(&self, left: &[usize]) -> Option<usize> {
        let outside = self.known.names();
        let key = |part: usize| (!self.is_connected(part, &outside), self.growth(part, self.known));
        left.iter()
            .copied()
            .map(|part| (key(part), part))
            .min_by(|(one, _), (other, _)| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)))
            .map(|(_, part)| part)
    }

    fn is_connected(&self, part: usize, names: &Set) -> bool {
        let own = &self.bounds[part].maybe;
        own.is_empty() || own.iter().any(|name| names.contains(name))
    }

    fn growth(&self, part: usize, known: &Known) -> f64 {
        match &self.parts[part] {
            Part::Leaf(leaf) => self.costs.leaf(leaf, known),
            Part::Whole(pattern, graph) => self.costs.whole(pattern, graph, known),
        }
    }

    fn effort(&self, part: usize) -> f64 {
        match &self.parts[part] {
            Part::Leaf(leaf) => Costs::effort(leaf),
            Part::Whole(..) => 2.0,
        }
    }

    fn how(&self, part: usize, known: &Known, before: &Set) -> How {
        let loops = match &self.parts[part] {
            Part::Leaf(leaf) => self.looping || !leaf.is_fickle(|name| known.has(name)),
            Part::Whole(pattern, graph) => may_loop(pattern, graph, before, self.given),
        };
        if loops { How::Loop } else { How::Alone }
    }

    /// Returns the parts that are connected with `first`, in order, and the work that they are.
    fn chain(&self, first: usize, left: &[usize]) -> (Vec<Turn>, f64) {
        let mut known = self.known.clone();
        let mut before = Set::new();
        let mut left: Vec<usize> = left.to_vec();
        let mut chain = Vec::new();
        let (mut rows, mut work) = (1.0, 0.0);
        let mut next = Some((first, How::Loop, self.growth(first, &known)));
        while let Some((part, how, growth)) = next {
            if how == How::Alone {
                work += self.growth(part, self.known);
            }
            work += rows * self.effort(part);
            rows *= growth;
            work += rows;
            chain.push(Turn { part, how, rows, known: known.clone() });
            left.retain(|other| *other != part);
            before.extend(self.bounds[part].maybe.iter().cloned());
            match &self.parts[part] {
                Part::Leaf(leaf) => self.costs.learn(leaf, rows, &mut known),
                Part::Whole(..) => known.add(&self.bounds[part].likely, rows),
            }
            known.shrink(rows);
            let mut names = before.clone();
            names.extend(self.known.names());
            next = left
                .iter()
                .copied()
                .filter(|part| self.is_connected(*part, &names))
                .map(|part| self.candidate(part, rows, &known, &before))
                .min_by(|(_, one), (_, other)| one.total_cmp(other))
                .map(|(choice, _)| choice);
        }
        (chain, work)
    }

    /// Returns a part that may be next, with how and by how much the solutions grow, and what makes it more or less welcome.
    fn candidate(&self, part: usize, rows: f64, known: &Known, before: &Set) -> ((usize, How, f64), f64) {
        match self.how(part, known, before) {
            How::Loop => {
                let growth = self.growth(part, known);
                // Of two that narrow as much, the one that costs less.
                ((part, How::Loop, growth), growth + self.effort(part) / 10.0)
            }
            How::Alone => {
                let alone = self.growth(part, self.known).max(1.0);
                let growth = alone / alone.max(rows);
                ((part, How::Alone, growth), growth + alone / rows.max(1.0))
            }
        }
    }
}
