//! Chains of look-ups: a look-up is made for each way in which those before it match.
//!
//! What is known at each look-up does not depend on the data, so it is decided once ([`Plan`]). Values are in slots, a variable or a
//! constant each; what is known when a chain begins stays as it is.

use std::rc::Rc;

use rustc_hash::FxHashSet;
use spareval::CancellationToken;

use super::code::Code;
use super::error::IndexError;
use super::packed::Index;
use super::rows::{Known, Rows, Slot};

/// A property: its number in each segment that has it.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) numbers: Rc<[Option<u16>]>,
    pub(super) reversed: bool,
}

/// A pattern. Each of its paths has its edges, and the slots between them.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) subject: Slot,
    pub(super) object: Slot,
    pub(super) paths: Vec<(Vec<Edge>, Vec<Slot>)>,
    /// Whether each pair counts once.
    pub(super) once: bool,
}

/// A part of a chain.
#[derive(Debug)]
pub(super) enum Item {
    Link(Link),
    Exists { exists: bool, links: Vec<Link> },
}

/// The look-ups of a chain, in their order.
#[derive(Debug)]
pub(super) struct Plan {
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    /// Rows of a property.
    Rows { subject: Slot, object: Slot, known: Known, numbers: Rc<[Option<u16>]> },
    /// Pairs that one of several plans finds, each once.
    Pairs { subject: Slot, object: Slot, known: Known, plans: Vec<Plan> },
    /// What must match, or must not.
    Exists { exists: bool, plan: Plan },
}

impl Plan {
    /// Plans some items for what is bound; then their variables are bound too.
    pub(super) fn new(items: &[Item], bound: &mut [bool]) -> Self {
        let step = |item: &Item| match item {
            Item::Link(link) => link.step(bound),
            Item::Exists { exists, links } => {
                let mut inside = bound.to_vec();
                let steps = links.iter().map(|link| link.step(&mut inside)).collect();
                Step::Exists { exists: *exists, plan: Self { steps } }
            }
        };
        Self { steps: items.iter().map(step).collect() }
    }
}

impl Link {
    fn step(&self, bound: &mut [bool]) -> Step {
        let Self { subject, object, paths, once } = self;
        let (subject, object) = (*subject, *object);
        let known = Known::of(subject, object, bound);
        let plans: Vec<Plan> = paths.iter().map(|(edges, between)| self.path(edges, between, &mut bound.to_vec())).collect();
        (bound[subject], bound[object]) = (true, true);
        if *once {
            return Step::Pairs { subject, object, known, plans };
        }
        // A link that is no path has one edge.
        let only = plans.into_iter().next().and_then(|plan| plan.steps.into_iter().next());
        only.unwrap_or(Step::Pairs { subject, object, known, plans: Vec::new() })
    }

    /// The look-ups of a path, from the end that is known.
    fn path(&self, edges: &[Edge], between: &[Slot], bound: &mut [bool]) -> Plan {
        let nodes: Vec<Slot> = [self.subject].into_iter().chain(between.iter().copied()).chain([self.object]).collect();
        let backwards = bound[self.object] && !bound[self.subject];
        let mut pairs: Vec<(&[Slot], &Edge)> = nodes.windows(2).zip(edges).collect();
        if backwards {
            pairs.reverse();
        }
        let steps = pairs.into_iter().map(|(ends, edge)| {
            let (subject, object) = if edge.reversed { (ends[1], ends[0]) } else { (ends[0], ends[1]) };
            let known = Known::of(subject, object, bound);
            (bound[subject], bound[object]) = (true, true);
            Step::Rows { subject, object, known, numbers: Rc::clone(&edge.numbers) }
        });
        Plan { steps: steps.collect() }
    }
}

/// How many look-ups are made between two looks at whether the query is still wanted.
const BETWEEN: u32 = 1000;

/// What a chain reads, and whether its query is still wanted.
pub(super) struct Watch<'a> {
    pub(super) index: &'a Index,
    token: CancellationToken,
    rows: u32,
    ended: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(index: &'a Index, token: CancellationToken) -> Self {
        Self { index, token, rows: 0, ended: false }
    }

    #[inline]
    fn has_ended(&mut self) -> bool {
        self.rows = self.rows.wrapping_add(1);
        if self.rows.is_multiple_of(BETWEEN) && self.token.is_cancelled() {
            self.ended = true;
        }
        self.ended
    }
}

/// The look-ups of a plan that are under way. Finds nothing more when the query is cancelled.
pub(super) struct Chain<'a> {
    cursors: Vec<Cursor<'a>>,
    /// The look-up that goes on, if there is one.
    at: Option<usize>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(plan: &Plan) -> Self {
        let cursors = plan.steps.iter().map(Cursor::new).collect();
        let mut chain = Self { cursors, at: None };
        chain.begin();
        chain
    }

    /// Begins again, with other values.
    fn begin(&mut self) {
        self.at = self.cursors.first_mut().map(|first| {
            first.begin();
            0
        });
    }

    /// Answers whether there is another way in which all match; its values are in their slots then.
    #[inline]
    pub(super) fn next(&mut self, plan: &Plan, watch: &mut Watch<'a>, values: &mut [Code]) -> Result<bool, IndexError> {
        while let Some(at) = self.at {
            if watch.has_ended() {
                break;
            }
            if !self.cursors[at].next(&plan.steps[at], watch, values)? {
                self.at = at.checked_sub(1);
            } else if let Some(next) = self.cursors.get_mut(at + 1) {
                next.begin();
                self.at = Some(at + 1);
            } else {
                return Ok(true);
            }
        }
        self.at = None;
        Ok(false)
    }
}

/// A look-up that is under way.
enum Cursor<'a> {
    Rows(Rows<'a>),
    Pairs { at: usize, begun: bool, chains: Vec<Chain<'a>>, seen: Seen },
    Exists { done: bool, chain: Chain<'a> },
}

impl<'a> Cursor<'a> {
    fn new(step: &Step) -> Self {
        match step {
            Step::Rows { .. } => Self::Rows(Rows::default()),
            Step::Pairs { plans, .. } => {
                Self::Pairs { at: 0, begun: false, chains: plans.iter().map(Chain::new).collect(), seen: Seen::default() }
            }
            Step::Exists { plan, .. } => Self::Exists { done: false, chain: Chain::new(plan) },
        }
    }

    #[inline]
    fn begin(&mut self) {
        match self {
            Self::Rows(rows) => *rows = Rows::default(),
            Self::Pairs { at, begun, seen, .. } => {
                (*at, *begun) = (0, false);
                seen.clear();
            }
            Self::Exists { done, .. } => *done = false,
        }
    }

    #[inline]
    fn next(&mut self, step: &Step, watch: &mut Watch<'a>, values: &mut [Code]) -> Result<bool, IndexError> {
        match (self, step) {
            (Self::Rows(rows), Step::Rows { subject, object, known, numbers }) => {
                rows.next(watch.index, (*subject, *object), *known, numbers, values)
            }
            (Self::Pairs { at, begun, chains, seen }, Step::Pairs { subject, object, known, plans }) => {
                while let (Some(chain), Some(plan)) = (chains.get_mut(*at), plans.get(*at)) {
                    if !std::mem::replace(begun, true) {
                        chain.begin();
                    }
                    while chain.next(plan, watch, values)? {
                        let pair = match known {
                            // One way is enough.
                            Known::Both => {
                                *at = plans.len();
                                return Ok(true);
                            }
                            Known::Subject => (0, values[*object]),
                            Known::Object => (0, values[*subject]),
                            Known::Neither => (values[*subject], values[*object]),
                        };
                        if seen.add(pair) {
                            return Ok(true);
                        }
                    }
                    (*at, *begun) = (*at + 1, false);
                }
                Ok(false)
            }
            (Self::Exists { done, chain }, Step::Exists { exists, plan }) => {
                if std::mem::replace(done, true) {
                    return Ok(false);
                }
                chain.begin();
                Ok(chain.next(plan, watch, values)? == *exists)
            }
            // A cursor is made for its step.
            _ => Ok(false),
        }
    }
}

/// Pairs that were found: a few, mostly.
#[derive(Default)]
struct Seen {
    few: Vec<(Code, Code)>,
    many: FxHashSet<(Code, Code)>,
}

/// So many pairs are looked at one by one.
const FEW: usize = 16;

impl Seen {
    fn clear(&mut self) {
        self.few.clear();
        if !self.many.is_empty() {
            self.many = FxHashSet::default();
        }
    }

    /// Answers whether a pair is new.
    #[inline]
    fn add(&mut self, pair: (Code, Code)) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(pair);
        }
        if self.few.contains(&pair) {
            return false;
        }
        self.few.push(pair);
        if self.few.len() > FEW {
            self.many.extend(self.few.drain(..));
        }
        true
    }
}
