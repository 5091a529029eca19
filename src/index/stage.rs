//! A look-up of a chain, made for a batch of rows.

use rustc_hash::FxHashSet;

use super::batch::Batch;
use super::chain::{Chain, Skip, Watch};
use super::code::Code;
use super::error::IndexError;
use super::plan::{Plan, Step};
use super::rows::{Known, Rows, Slot};

/// A look-up, the rows that it is made for, and how far it is.
pub(super) struct Stage<'a> {
    pub(super) input: Batch,
    pub(super) slots: usize,
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
    fn produce(&mut self, exists: bool, input: &Batch, limit: usize, skip: Skip<'_>, out: &mut Batch) {
        while out.len() < limit && self.at < self.found.len() {
            let row = input.row(self.at);
            if self.found[self.at] == exists && !skip.skips(row) {
                out.push(row);
            }
            self.at += 1;
        }
    }
}

impl<'a> Stage<'a> {
    pub(super) fn new(step: &Step, slots: usize) -> Self {
        let kind = match step {
            Step::Rows { .. } => Kind::Rows(Rows::default()),
            Step::Pairs { plans, .. } => Kind::Pairs(Box::new(Pairs::new(plans, slots))),
            Step::Exists { plan, .. } => Kind::Exists { chain: Chain::new(plan, slots), chosen: Chosen::default() },
        };
        Self { input: Batch::new(slots), slots, kind }
    }

    /// Forgets what it does.
    pub(super) fn end(&mut self) {
        self.input.clear();
        match &mut self.kind {
            Kind::Rows(rows) => rows.end(),
            Kind::Pairs(pairs) => pairs.end(),
            Kind::Exists { chosen, .. } => *chosen = Chosen::default(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        match &self.kind {
            Kind::Rows(rows) => rows.is_done(),
            Kind::Pairs(pairs) => pairs.is_done(),
            Kind::Exists { chosen, .. } => chosen.at == chosen.found.len(),
        }
    }

    /// Begins with the rows of its input.
    pub(super) fn begin(&mut self, step: &Step, watch: &Watch<'a>) -> Result<(), IndexError> {
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

    /// Hands on some of the rows that match, with what is new of them, until there are `limit`.
    pub(super) fn produce(
        &mut self,
        step: &Step,
        watch: &Watch<'a>,
        limit: usize,
        skip: Skip<'_>,
        out: &mut Batch,
    ) -> Result<(), IndexError> {
        let input = &self.input;
        match (&mut self.kind, step) {
            (Kind::Rows(rows), Step::Rows { subject, object, known, .. }) => {
                rows.produce(watch.index, (*subject, *object), *known, input, limit, skip, out)
            }
            (Kind::Pairs(pairs), Step::Pairs { known: Known::Both, .. }) => {
                pairs.chosen.produce(true, input, limit, skip, out);
                Ok(())
            }
            (Kind::Pairs(pairs), Step::Pairs { subject, object, plans, origin, .. }) => {
                pairs.produce([*subject, *object, *origin], plans, input, watch, limit, skip, out)
            }
            (Kind::Exists { chosen, .. }, Step::Exists { exists, .. }) => {
                chosen.produce(*exists, input, limit, skip, out);
                Ok(())
            }
            _ => Ok(()),
        }
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
        if input.len() > 0
            && let (Some(chain), Some(plan)) = (self.chains.first_mut(), plans.first())
        {
            chain.begin(plan, watch, |batch| placed(input, origin, &[], batch))?;
            self.at = 0;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "what a stage has, in parts")]
    fn produce(
        &mut self,
        [subject, object, origin]: [Slot; 3],
        plans: &[Plan],
        input: &Batch,
        watch: &Watch<'a>,
        limit: usize,
        skip: Skip<'_>,
        out: &mut Batch,
    ) -> Result<(), IndexError> {
        while out.len() < limit {
            if self.looked < self.found.len() {
                let found = self.found.row(self.looked);
                self.looked += 1;
                let row = input.row(found[origin] as usize);
                if !skip.skips(row) && self.seen.insert((found[origin], found[subject], found[object])) {
                    let new = out.push(row);
                    (new[subject], new[object]) = (found[subject], found[object]);
                }
                continue;
            }
            let (Some(chain), Some(plan)) = (self.chains.get_mut(self.at), plans.get(self.at)) else { break };
            self.looked = 0;
            chain.next(plan, watch, &mut self.found)?;
            if self.found.len() == 0 {
                self.at += 1;
                if let (Some(chain), Some(plan)) = (self.chains.get_mut(self.at), plans.get(self.at)) {
                    chain.begin(plan, watch, |batch| placed(input, origin, &[], batch))?;
                }
            }
        }
        Ok(())
    }
}
