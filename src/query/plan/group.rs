//! The rewriting of a group: its parts in order, each evaluated for the solutions of those before it.

use spargebra::algebra::{Expression, GraphPattern};

use super::context::Context;
use super::cost::Costs;
use super::expressions::filtered;
use super::fresh::Fresh;
use super::leaf::{Part, flatten};
use super::loops::{overwrites, sunk};
use super::order::{How, Ordering, Turn};
use super::steps::{Step, StepKind};
use super::variables::{Bound, Set, mentioned, stays_put};

/// The most parts that are ordered; the engine orders larger groups.
const MAX_PARTS: usize = 300;

/// What rewrites the parts of a group that are no look-ups.
pub(super) trait Parts {
    /// Rewrites a pattern, and adds its steps.
    fn pattern(&self, pattern: &GraphPattern, context: &Context, steps: &mut Vec<Step>) -> GraphPattern;

    /// Rewrites the condition of a filter, which sees `bound`, and adds its step.
    fn condition(&self, condition: &Expression, context: &Context, bound: &Bound, steps: &mut Vec<Step>) -> Expression;
}

/// What orders one group.
pub(super) struct Grouping<'a> {
    pub costs: &'a Costs<'a>,
    pub fresh: &'a Fresh,
    pub context: &'a Context,
    pub parts: &'a dyn Parts,
}

impl Grouping<'_> {
    /// Rewrites a group. `conditions` are put where the fewest solutions are expected, as early as they may.
    pub(super) fn group(&self, pattern: &GraphPattern, conditions: Vec<Expression>, steps: &mut Vec<Step>) -> GraphPattern {
        let context = self.context;
        let mut parts = Vec::new();
        flatten(pattern, &context.graph, self.fresh, &mut parts);
        let bounds: Vec<Bound> = parts.iter().map(Part::bound).collect();
        let doubtful = |part: &Part| matches!(part, Part::Leaf(leaf) if leaf.is_doubtful(&context.seen, &context.given));
        if parts.len() > MAX_PARTS || overwrites(pattern, &context.seen) || parts.iter().any(doubtful) {
            return self.unordered(parts, &bounds, &conditions, steps);
        }
        let mut parts = sink(parts);
        if !context.compared {
            for part in &mut parts {
                if let Part::Leaf(leaf) = part {
                    *leaf = leaf.clone().expanded(self.fresh, &context.seen);
                }
            }
        }
        let bounds: Vec<Bound> = parts.iter().map(Part::bound).collect();
        let ordering = Ordering {
            costs: self.costs,
            parts: &parts,
            bounds: &bounds,
            known: &context.known,
            given: &context.given,
            looping: context.looping,
        };
        let mut conditions = Placing { conditions, bounds: &bounds, context };
        let mut chains = Vec::new();
        for turns in ordering.turns() {
            let mut within = Vec::new();
            chains.push(self.chain(&turns, &parts, &mut conditions, &mut within));
            if chains.len() > 1 {
                steps.push(Step::new(StepKind::Product, "", within));
            } else {
                steps.append(&mut within);
            }
        }
        let joined = chains.into_iter().reduce(join).unwrap_or_default();
        let all = Placing::of(&bounds);
        let rest = conditions.conditions;
        let rest = rest.iter().map(|condition| self.parts.condition(condition, context, &all, steps)).collect();
        filtered(joined, rest)
    }

    /// Returns the parts of a chain as one pattern.
    fn chain(&self, turns: &[Turn], parts: &[Part], conditions: &mut Placing<'_>, steps: &mut Vec<Step>) -> GraphPattern {
        let context = self.context;
        let mut due = conditions.place(turns, context);
        let mut chain: Option<GraphPattern> = None;
        let mut found = Bound::default();
        let mut alone = false;
        for (place, turn) in turns.iter().enumerate() {
            let first = chain.is_none();
            let mut within = Vec::new();
            let next = match &parts[turn.part] {
                Part::Leaf(leaf) => {
                    steps.push(Step { node: leaf.label(), ..Step::new(StepKind::Lookup, leaf.pattern().to_string(), vec![]) });
                    leaf.pattern()
                }
                Part::Whole(pattern, graph) => {
                    let mut inner = Context { graph: graph.clone(), ..context.clone() };
                    if turn.how == How::Loop && !first {
                        inner.known = turn.known.clone();
                        inner.looping = true;
                    }
                    self.parts.pattern(pattern, &inner, &mut within)
                }
            };
            let is_whole = matches!(parts[turn.part], Part::Whole(..));
            chain = Some(match chain {
                None => {
                    steps.append(&mut within);
                    next
                }
                Some(before) if turn.how == How::Loop => {
                    if is_whole {
                        steps.push(Step::new(StepKind::Lateral, "", within));
                    }
                    GraphPattern::Lateral { left: Box::new(before), right: Box::new(next) }
                }
                Some(before) => {
                    if is_whole {
                        steps.push(Step::new(StepKind::Join, "", within));
                    }
                    // A projection keeps the engine from evaluating one side for each solution of the other.
                    let before = if alone { before } else { closed(before, &found.maybe, &context.seen) };
                    alone = true;
                    join(before, closed(next, &conditions.bounds[turn.part].maybe, &context.seen))
                }
            });
            found.join(&conditions.bounds[turn.part]);
            if let Some(step) = steps.last_mut() {
                step.rows = Some(rounded(turn.rows));
            }
            let inner = Context { known: turn.known.clone(), ..context.clone() };
            let here: Vec<Expression> = due
                .extract_if(.., |(_, at)| *at == place)
                .map(|(condition, _)| self.parts.condition(&condition, &inner, &found, steps))
                .collect();
            chain = chain.map(|chain| filtered(chain, here));
        }
        chain.unwrap_or_default()
    }

    /// Rewrites the parts of a group that is not ordered.
    fn unordered(&self, parts: Vec<Part>, bounds: &[Bound], conditions: &[Expression], steps: &mut Vec<Step>) -> GraphPattern {
        let context = self.context;
        let joined = parts.into_iter().map(|part| match part {
            Part::Leaf(leaf) => leaf.pattern(),
            Part::Whole(pattern, graph) => self.parts.pattern(&pattern, &Context { graph, ..context.clone() }, steps),
        });
        let joined = joined.reduce(join).unwrap_or_default();
        let all = Placing::of(bounds);
        let conditions = conditions.iter().map(|condition| self.parts.condition(condition, context, &all, steps)).collect();
        filtered(joined, conditions)
    }
}

/// Moves leaves into other parts, where they can be joined with what those require.
fn sink(parts: Vec<Part>) -> Vec<Part> {
    let (leaves, mut wholes): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| matches!(part, Part::Leaf(_)));
    let mut left = Vec::new();
    for leaf in leaves {
        let into = wholes.iter().enumerate().find_map(|(place, whole)| match whole {
            Part::Whole(pattern, graph) => sunk(&leaf, pattern, graph).map(|sunk| (place, Part::Whole(sunk, graph.clone()))),
            Part::Leaf(_) => None,
        });
        match into {
            Some((place, sunk)) => wholes[place] = sunk,
            None => left.push(leaf),
        }
    }
    left.extend(wholes);
    left
}

fn join(left: GraphPattern, right: GraphPattern) -> GraphPattern {
    GraphPattern::Join { left: Box::new(left), right: Box::new(right) }
}

/// Returns a pattern that the engine does not evaluate for each solution of another.
fn closed(pattern: GraphPattern, own: &Set, seen: &Set) -> GraphPattern {
    if matches!(pattern, GraphPattern::Project { .. } | GraphPattern::Distinct { .. } | GraphPattern::Slice { .. }) {
        return pattern;
    }
    GraphPattern::Project { inner: Box::new(pattern), variables: own.union(seen).cloned().collect() }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate for people, never negative")]
fn rounded(rows: f64) -> u64 {
    rows.round() as u64
}

/// The conditions that have no place yet.
struct Placing<'a> {
    conditions: Vec<Expression>,
    bounds: &'a [Bound],
    context: &'a Context,
}

impl Placing<'_> {
    fn of(bounds: &[Bound]) -> Bound {
        let mut all = Bound::default();
        for bound in bounds {
            all.join(bound);
        }
        all
    }

    /// Takes the conditions that a chain can check, each with the place after which it is checked: where the fewest solutions are
    /// expected, among those where no later part changes what it sees.
    fn place(&mut self, turns: &[Turn], context: &Context) -> Vec<(Expression, usize)> {
        let mut placed = Vec::new();
        let mut left = Vec::new();
        for condition in self.conditions.drain(..) {
            let names = mentioned(&condition, &context.graph);
            let may = |place: usize| {
                let before = &turns[..=place];
                let certain = |name| before.iter().any(|turn| self.bounds[turn.part].certain.contains(name));
                let done: Vec<usize> = before.iter().map(|turn| turn.part).collect();
                let later =
                    |name| (0..self.bounds.len()).any(|part| !done.contains(&part) && self.bounds[part].maybe.contains(name));
                names.iter().all(|name| self.context.given.contains(name) || certain(name) || !later(name))
            };
            let best = (0..turns.len())
                .filter(|place| !stays_put(&condition) && may(*place))
                .min_by(|one, other| turns[*one].rows.total_cmp(&turns[*other].rows));
            match best {
                Some(place) => placed.push((condition, place)),
                None => left.push(condition),
            }
        }
        self.conditions = left;
        placed
    }
}
