//! The answers of a run: one by one, counted in groups, or only those that may be among the first.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use spareval::CancellationToken;

use super::answer::{Answer, End};
use super::batch::Batch;
use super::chain::{Chain, Watch};
use super::code::Code;
use super::error::IndexError;
use super::first::First;
use super::packed::Index;
use super::plan::Plan;
use super::run::{Gathered, Prepared, RunEnd};

/// The answers of a run. Ends early when the query is cancelled.
pub(super) struct Answers<'a> {
    run: Rc<Prepared>,
    plan: Rc<Plan>,
    watch: Watch<'a>,
    chain: Chain<'a>,
    /// What was found last, and the place of the answer after the one that is read.
    found: Batch,
    next: usize,
}

impl<'a> Answers<'a> {
    /// Begins with what is known of the ends; `None` if there are no answers.
    fn new(
        index: &'a Index,
        run: Rc<Prepared>,
        known: [Option<Code>; 3],
        token: CancellationToken,
    ) -> Result<Option<Self>, IndexError> {
        if !run.possible {
            return Ok(None);
        }
        let mut values = run.slots.clone();
        for (end, code) in run.ends.iter().zip(known) {
            if let (Some(RunEnd::Variable(variable)), Some(code)) = (end, code) {
                let value = &mut values[usize::from(*variable)];
                // Two ends may be the same variable.
                if *value != 0 && *value != code {
                    return Ok(None);
                }
                *value = code;
            }
        }
        let plan = run.plan(known.map(|code| code.is_some()));
        let (mut chain, watch) = (Chain::new(&plan, values.len()), Watch::new(index, token));
        chain.begin(&plan, &watch, |batch| {
            batch.push(&values);
        })?;
        Ok(Some(Self { run, plan, watch, chain, found: Batch::new(values.len()), next: 0 }))
    }

    /// Goes to the next answer, if there is one.
    #[inline]
    fn next(&mut self) -> Result<bool, IndexError> {
        if self.next == self.found.len() {
            self.chain.next(&self.plan, &self.watch, &mut self.found)?;
            self.next = 0;
        }
        let is_one = self.next < self.found.len();
        self.next += usize::from(is_one);
        Ok(is_one)
    }

    /// The value of a variable in the answer that is read.
    #[inline]
    fn value(&self, variable: u8) -> Code {
        self.found.row(self.next.saturating_sub(1))[usize::from(variable)]
    }

    fn answer(&self) -> Answer {
        self.run.ends.map(|end| match end {
            Some(RunEnd::Variable(variable)) => Some(End::Node(self.value(variable))),
            _ => None,
        })
    }

    /// The next answer, of a run that is not gathered.
    #[inline]
    pub(super) fn step(&mut self) -> Result<Option<Answer>, IndexError> {
        Ok(if self.next()? { Some(self.answer()) } else { None })
    }
}

/// The answers of a run: to be read one by one, or all of them.
pub(super) enum Answered<'a> {
    Each(Box<Answers<'a>>),
    All(Vec<Answer>),
}

/// Answers a run.
pub(super) fn answered<'a>(
    index: &'a Index,
    run: &Rc<Prepared>,
    known: [Option<Code>; 3],
    token: CancellationToken,
) -> Result<Answered<'a>, IndexError> {
    if let Some(predicate) = run.any {
        return Ok(Answered::All(any(index, predicate, run.ends)?));
    }
    let answers = Answers::new(index, Rc::clone(run), known, token.clone())?;
    Ok(match (run.gathered, answers) {
        (Gathered::Groups, answers) => Answered::All(groups(answers, run.ends)?),
        (_, None) => Answered::All(Vec::new()),
        (Gathered::Not, Some(answers)) => Answered::Each(Box::new(answers)),
        (Gathered::First { by, most, descending }, Some(mut answers)) => {
            let mut first = First::new(index, most, descending);
            let mut all = true;
            while all && answers.next()? {
                all = first.add(answers.value(by), || answers.answer())?;
            }
            // Otherwise all of them are sorted.
            let again = if all { None } else { Answers::new(index, Rc::clone(run), known, token)? };
            again.map_or_else(|| Answered::All(first.finish()), |answers| Answered::Each(Box::new(answers)))
        }
    })
}

/// All triples, counted by their predicates, or together.
fn any(index: &Index, predicate: u8, ends: [Option<RunEnd>; 3]) -> Result<Vec<Answer>, IndexError> {
    let rows = index.live_rows()?;
    if ends.contains(&Some(RunEnd::Variable(predicate))) {
        return Ok(rows.into_iter().map(|(code, count)| gathered(ends, [code; 3], [count; 3])).collect());
    }
    Ok(vec![gathered(ends, [0; 3], [rows.iter().map(|(_, count)| count).sum(); 3])])
}

/// The answers of a run in groups.
fn groups(answers: Option<Answers<'_>>, ends: [Option<RunEnd>; 3]) -> Result<Vec<Answer>, IndexError> {
    let variables = ends.map(|end| if let Some(RunEnd::Variable(variable)) = end { Some(variable) } else { None });
    let mut groups = Groups::default();
    if variables == [None; 3] {
        // One group, even of nothing.
        groups.place([0; 3]);
    }
    if let Some(mut answers) = answers {
        while answers.next()? {
            let group = groups.place(variables.map(|variable| variable.map_or(0, |variable| answers.value(variable))));
            for (place, end) in ends.iter().enumerate() {
                match end {
                    Some(RunEnd::Count) => groups.counts[group][place] += 1,
                    Some(RunEnd::Different(variable)) if groups.seen[place].insert((group, answers.value(*variable))) => {
                        groups.counts[group][place] += 1;
                    }
                    _ => {}
                }
            }
        }
    }
    let Groups { keys, counts, .. } = groups;
    Ok(keys.into_iter().zip(counts).map(|(keys, counts)| gathered(ends, keys, counts)).collect())
}

/// An answer for many ways: at each of its ends a key or a count.
fn gathered(ends: [Option<RunEnd>; 3], keys: [Code; 3], counts: [u64; 3]) -> Answer {
    [0, 1, 2].map(|place| {
        ends[place].map(|end| match end {
            RunEnd::Variable(_) => End::Node(keys[place]),
            RunEnd::Count | RunEnd::Different(_) => End::Count(counts[place]),
        })
    })
}

/// Groups by their keys.
#[derive(Default)]
struct Groups {
    places: FxHashMap<[Code; 3], usize>,
    keys: Vec<[Code; 3]>,
    counts: Vec<[u64; 3]>,
    /// Of each end that counts different values: the group and the value.
    seen: [FxHashSet<(usize, Code)>; 3],
    last: usize,
}

impl Groups {
    /// The place of a group, which may be new. Often it is that of the answer before.
    #[inline]
    fn place(&mut self, key: [Code; 3]) -> usize {
        if self.keys.get(self.last) == Some(&key) {
            return self.last;
        }
        let (keys, counts) = (&mut self.keys, &mut self.counts);
        self.last = *self.places.entry(key).or_insert_with(|| {
            keys.push(key);
            counts.push([0; 3]);
            keys.len() - 1
        });
        self.last
    }
}
