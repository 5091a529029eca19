//! Chains of look-ups that are under way.
//!
//! Rows go from look-up to look-up in batches, so that the processor waits for many places of the files at once. The first batches
//! are small, so that a query that needs a few answers does not wait for many.

use rustc_hash::FxHashSet;
use spareval::CancellationToken;

use super::batch::{Batch, Request};
use super::code::Code;
use super::error::IndexError;
use super::packed::Index;
use super::plan::{Plan, Step};
use super::rows::{Known, Rows, Slot};

/// Rows of the first batch, and the most.
const FIRST: usize = 8;
/// See [`FIRST`].
const MOST: usize = 1024;

/// What a chain reads, and whether its query is still wanted.
pub(super) struct Watch<'a> {
    pub(super) index: &'a Index,
    token: CancellationToken,
}

impl<'a> Watch<'a> {
    pub(super) fn new(index: &'a Index, token: CancellationToken) -> Self {
        Self { index, token }
    }
}

/// The look-ups of a plan that are under way. Finds nothing more when the query is cancelled.
pub(super) struct Chain<'a> {
    stages: Vec<Stage<'a>>,
    /// How many rows the next batch may have.
    size: usize,
}

impl<'a> Chain<'a> {
    /// One whose rows have so many slots.
    pub(super) fn new(plan: &Plan, slots: usize) -> Self {
        Self { stages: plan.steps.iter().map(|step| Stage::new(step, slots)).collect(), size: FIRST }
    }

    /// Begins with the rows that `fill` adds.
    pub(super) fn begin(&mut self, plan: &Plan, watch: &Watch<'a>, fill: impl FnOnce(&mut Batch)) -> Result<(), IndexError> {
        self.size = FIRST;
        for stage in &mut self.stages {
            stage.end();
        }
        let (Some(first), Some(step)) = (self.stages.first_mut(), plan.steps.first()) else { return Ok(()) };
        fill(&mut first.input);
        first.begin(step, watch)
    }

    /// Finds more ways in which all match: none in `out` means that there are no more.
    pub(super) fn next(&mut self, plan: &Plan, watch: &Watch<'a>, out: &mut Batch) -> Result<(), IndexError> {
        out.clear();
        while out.len() == 0 && self.advance(plan, watch, None, out)? {}
        Ok(())
    }

    /// Notes for which of the rows that it began with all match, by their places in the slot `origin`.
    pub(super) fn mark(&mut self, plan: &Plan, watch: &Watch<'a>, origin: Slot, found: &mut [bool]) -> Result<(), IndexError> {
        let Some(mut out) = self.stages.first().map(|stage| stage.input.alike()) else { return Ok(()) };
        loop {
            out.clear();
            let goes_on = self.advance(plan, watch, Some((origin, &*found)), &mut out)?;
            for at in 0..out.len() {
                if let Some(found) = found.get_mut(out.row(at)[origin] as usize) {
                    *found = true;
                }
            }
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Lets the last look-up that has something to do go on. Answers whether there was one. For `found`, see [`Request::found`].
    fn advance(
        &mut self,
        plan: &Plan,
        watch: &Watch<'a>,
        found: Option<(Slot, &[bool])>,
        out: &mut Batch,
    ) -> Result<bool, IndexError> {
        let Some(at) = self.stages.iter().rposition(|stage| !stage.is_done()) else { return Ok(false) };
        if watch.token.is_cancelled() {
            return Ok(false);
        }
        let (before, after) = self.stages.split_at_mut(at + 1);
        let (Some(stage), Some(step)) = (before.last_mut(), plan.steps.get(at)) else { return Ok(false) };
        let limit = self.size;
        if let (Some(next), Some(next_step)) = (after.first_mut(), plan.steps.get(at + 1)) {
            next.input.clear();
            stage.produce(step, watch, &mut Request { out: &mut next.input, limit, found, once: false })?;
            next.begin(next_step, watch)?;
        } else {
            stage.produce(step, watch, &mut Request { out, limit, found, once: found.is_some() })?;
        }
        self.size = (self.size * 2).min(MOST);
        Ok(true)
    }
}

/// A look-up, the rows that it is made for, and how far it is.
struct Stage<'a> {
    input: Batch,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Rows(Rows<'a>),
    Pairs(Box<Pairs<'a>>),
    Exists { chain: Chain<'a>, chosen: Chosen },
}

/// Rows of a batch that are handed on as they are.
#[derive(Default)]
struct Chosen {
    found: Vec<bool>,
    at: usize,
}

impl Chosen {
    /// Hands on those for which something was found, or not.
    fn produce(&mut self, exists: bool, input: &Batch, request: &mut Request<'_>) {
        while request.is_open() && self.at < self.found.len() {
            let row = input.row(self.at);
            if self.found[self.at] == exists && !request.skips(row) {
                request.out.push(row);
            }
            self.at += 1;
        }
    }
}

impl<'a> Stage<'a> {
    fn new(step: &Step, slots: usize) -> Self {
        let kind = match step {
            Step::Rows { .. } => Kind::Rows(Rows::default()),
            Step::Pairs { plans, .. } => Kind::Pairs(Box::new(Pairs::new(plans, slots))),
            Step::Exists { plan, .. } => Kind::Exists { chain: Chain::new(plan, slots), chosen: Chosen::default() },
        };
        Self { input: Batch::new(slots), kind }
    }

    /// Forgets what it does.
    fn end(&mut self) {
        self.input.clear();
        match &mut self.kind {
            Kind::Rows(rows) => rows.end(),
            Kind::Pairs(pairs) => pairs.end(),
            Kind::Exists { chosen, .. } => *chosen = Chosen::default(),
        }
    }

    fn is_done(&self) -> bool {
        match &self.kind {
            Kind::Rows(rows) => rows.is_done(),
            Kind::Pairs(pairs) => pairs.is_done(),
            Kind::Exists { chosen, .. } => chosen.at == chosen.found.len(),
        }
    }

    /// Begins with the rows of its input.
    fn begin(&mut self, step: &Step, watch: &Watch<'a>) -> Result<(), IndexError> {
        let input = &self.input;
        match (&mut self.kind, step) {
            (Kind::Rows(rows), Step::Rows { subject, object, known, numbers }) => {
                rows.begin(watch.index, (*subject, *object), *known, numbers, input)
            }
            (Kind::Pairs(pairs), Step::Pairs { known, plans, origin, .. }) => pairs.begin(*known, plans, *origin, input, watch),
            (Kind::Exists { chain, chosen }, Step::Exists { plan, origin, .. }) => {
                *chosen = Chosen { found: vec![false; input.len()], at: 0 };
                chain.begin(plan, watch, |batch| placed(input, *origin, &[], batch))?;
                chain.mark(plan, watch, *origin, &mut chosen.found)
            }
            // A stage is made for its step.
            _ => Ok(()),
        }
    }

    /// Hands on some of the rows that match, with what is new of them.
    fn produce(&mut self, step: &Step, watch: &Watch<'a>, request: &mut Request<'_>) -> Result<(), IndexError> {
        let input = &self.input;
        match (&mut self.kind, step) {
            (Kind::Rows(rows), Step::Rows { subject, object, known, .. }) => {
                return rows.produce(watch.index, (*subject, *object), *known, input, request);
            }
            (Kind::Pairs(pairs), Step::Pairs { known: Known::Both, .. }) => pairs.chosen.produce(true, input, request),
            (Kind::Pairs(pairs), Step::Pairs { subject, object, plans, origin, .. }) => {
                return pairs.produce([*subject, *object, *origin], plans, input, watch, request);
            }
            (Kind::Exists { chosen, .. }, Step::Exists { exists, .. }) => chosen.produce(*exists, input, request),
            // A stage is made for its step.
            _ => {}
        }
        Ok(())
    }
}

/// Adds rows to a batch, each with its place, but for those that something was `found` for.
fn placed(input: &Batch, origin: Slot, found: &[bool], batch: &mut Batch) {
    for at in (0..input.len()).filter(|at| !found.get(*at).is_some_and(|found| *found)) {
        batch.push(input.row(at))[origin] = u32::try_from(at).unwrap_or(u32::MAX);
    }
}

/// Pairs that several chains find.
struct Pairs<'a> {
    chains: Vec<Chain<'a>>,
    /// The chain that goes on.
    at: usize,
    /// What it found last, and how much of that was looked at.
    found: Batch,
    looked: usize,
    /// What was found for each row.
    seen: FxHashSet<(Code, Code, Code)>,
    /// If both ends are known.
    chosen: Chosen,
}

impl<'a> Pairs<'a> {
    fn new(plans: &[Plan], slots: usize) -> Self {
        let chains: Vec<Chain<'a>> = plans.iter().map(|plan| Chain::new(plan, slots)).collect();
        let at = chains.len();
        Self { chains, at, found: Batch::new(slots), looked: 0, seen: FxHashSet::default(), chosen: Chosen::default() }
    }

    fn end(&mut self) {
        self.at = self.chains.len();
        self.found.clear();
        self.looked = 0;
        self.seen.clear();
        self.chosen = Chosen::default();
    }

    fn is_done(&self) -> bool {
        self.at == self.chains.len() && self.looked == self.found.len() && self.chosen.at == self.chosen.found.len()
    }

    fn begin(&mut self, known: Known, plans: &[Plan], origin: Slot, input: &Batch, watch: &Watch<'a>) -> Result<(), IndexError> {
        self.end();
        if known == Known::Both {
            // One way is enough.
            let mut found = vec![false; input.len()];
            for (chain, plan) in self.chains.iter_mut().zip(plans) {
                chain.begin(plan, watch, |batch| placed(input, origin, &found, batch))?;
                chain.mark(plan, watch, origin, &mut found)?;
            }
            self.chosen = Chosen { found, at: 0 };
            return Ok(());
        }
        if input.len() == 0 {
            return Ok(());
        }
        self.at = 0;
        self.begin_chain(plans, origin, input, watch)
    }

    /// Begins with the chain that goes on, if there is one.
    fn begin_chain(&mut self, plans: &[Plan], origin: Slot, input: &Batch, watch: &Watch<'a>) -> Result<(), IndexError> {
        match (self.chains.get_mut(self.at), plans.get(self.at)) {
            (Some(chain), Some(plan)) => chain.begin(plan, watch, |batch| placed(input, origin, &[], batch)),
            _ => Ok(()),
        }
    }

    fn produce(
        &mut self,
        [subject, object, origin]: [Slot; 3],
        plans: &[Plan],
        input: &Batch,
        watch: &Watch<'a>,
        request: &mut Request<'_>,
    ) -> Result<(), IndexError> {
        while request.is_open() {
            if self.looked < self.found.len() {
                let found = self.found.row(self.looked);
                self.looked += 1;
                let row = input.row(found[origin] as usize);
                if !request.skips(row) && self.seen.insert((found[origin], found[subject], found[object])) {
                    let new = request.out.push(row);
                    (new[subject], new[object]) = (found[subject], found[object]);
                }
                continue;
            }
            let (Some(chain), Some(plan)) = (self.chains.get_mut(self.at), plans.get(self.at)) else { break };
            self.looked = 0;
            chain.next(plan, watch, &mut self.found)?;
            if self.found.len() == 0 {
                self.at += 1;
                self.begin_chain(plans, origin, input, watch)?;
            }
        }
        Ok(())
    }
}
