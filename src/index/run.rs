//! Runs: patterns that follow one another in a plan, answered here in one go. The engine takes some hundred nanoseconds for each
//! row that it hands from one pattern to the next.

use std::rc::Rc;

use oxigraph::model::{NamedNode, Term, TermRef};
use rustc_hash::FxHashSet;
use spareval::CancellationToken;

use super::code::Code;
use super::error::IndexError;
use super::packed::Index;
use super::scan::{Found, Pattern, Scan};

/// Patterns over all graphs, in the order in which they are looked up. For each way in which all of them match, a run gives the
/// values of its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The predicate that stands for it in a query.
    pub name: NamedNode,
    /// Its patterns.
    pub steps: Vec<RunStep>,
    /// How many variables they have. Each is a number below this.
    pub variables: u8,
    /// The variables whose values are the subject and the object of what it gives; without one, that is its name.
    pub ends: [Option<u8>; 2],
}

/// A pattern of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStep {
    /// Its subject.
    pub subject: RunPlace,
    /// Its predicate, or several: then each pair of a subject and an object matches once, as in a path of alternatives.
    pub predicates: Vec<NamedNode>,
    /// Its object.
    pub object: RunPlace,
}

/// A subject or an object of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunPlace {
    /// A variable.
    Variable(u8),
    /// A term.
    Is(Term),
}

/// A place with its code; `None` for a term that nothing has.
#[derive(Debug, Clone, Copy)]
enum Place {
    Variable(u8),
    Is(Option<Code>),
}

#[derive(Debug)]
struct Step {
    subject: Place,
    /// Those that something has.
    predicates: Vec<Code>,
    object: Place,
    /// Whether pairs match once.
    once: bool,
}

/// A run whose terms were looked up.
#[derive(Debug)]
pub(super) struct Prepared {
    steps: Vec<Step>,
    variables: u8,
    ends: [Option<u8>; 2],
}

impl Prepared {
    pub(super) fn new(run: &Run, index: &Index) -> Result<Self, IndexError> {
        let place = |place: &RunPlace| {
            Ok::<_, IndexError>(match place {
                RunPlace::Variable(number) => Place::Variable(*number),
                RunPlace::Is(term) => Place::Is(index.code(term.as_ref())?),
            })
        };
        let step = |step: &RunStep| {
            let predicates = step.predicates.iter().map(|name| index.code(TermRef::from(name.as_ref())));
            let predicates = predicates.filter_map(Result::transpose).collect::<Result<_, IndexError>>()?;
            let once = step.predicates.len() > 1;
            Ok::<_, IndexError>(Step { subject: place(&step.subject)?, predicates, object: place(&step.object)?, once })
        };
        let steps = run.steps.iter().map(step).collect::<Result<_, _>>()?;
        Ok(Self { steps, variables: run.variables, ends: run.ends })
    }
}

/// How many rows are read between two looks at whether the query is still wanted.
const BETWEEN: u32 = 1000;

/// The answers of a run. Ends early when the query is cancelled.
pub(super) struct Answers<'a> {
    index: &'a Index,
    run: Rc<Prepared>,
    token: CancellationToken,
    /// The values of its variables so far.
    values: Vec<Option<Code>>,
    /// The look-ups under way, one for each step so far.
    open: Vec<LookUp<'a>>,
    rows: u32,
}

impl<'a> Answers<'a> {
    /// Begins with what is known of the ends.
    pub(super) fn new(index: &'a Index, run: Rc<Prepared>, known: [Option<Code>; 2], token: CancellationToken) -> Option<Self> {
        let mut values = vec![None; usize::from(run.variables)];
        for (end, code) in run.ends.iter().zip(known) {
            if let (Some(end), Some(code)) = (end, code) {
                // Both ends may be the same variable.
                if values[usize::from(*end)].is_some_and(|other| other != code) {
                    return None;
                }
                values[usize::from(*end)] = Some(code);
            }
        }
        let open = Vec::with_capacity(run.steps.len());
        let mut answers = Self { index, run, token, values, open, rows: 0 };
        answers.look_up();
        Some(answers)
    }

    /// The values of the ends in the next answer; `None` for an end that is no variable.
    pub(super) fn step(&mut self) -> Result<Option<[Option<Code>; 2]>, IndexError> {
        while !self.open.is_empty() {
            self.rows = self.rows.wrapping_add(1);
            if self.rows.is_multiple_of(BETWEEN) && self.token.is_cancelled() {
                self.open.clear();
                return Ok(None);
            }
            let step = &self.run.steps[self.open.len() - 1];
            let last = self.open.last_mut().ok_or_else(|| self.index.broken("has a run without steps"))?;
            let binds = last.binds;
            let Some(found) = last.next(step)? else {
                for variable in binds.into_iter().flatten() {
                    self.values[usize::from(variable)] = None;
                }
                self.open.pop();
                continue;
            };
            let [subject, object] = binds;
            if subject.is_some() && subject == object && found.subject != found.object {
                continue;
            }
            for (variable, code) in binds.into_iter().zip([found.subject, found.object]) {
                if let Some(variable) = variable {
                    self.values[usize::from(variable)] = Some(code);
                }
            }
            if self.open.len() == self.run.steps.len() {
                return Ok(Some(self.run.ends.map(|end| end.and_then(|end| self.values[usize::from(end)]))));
            }
            self.look_up();
        }
        Ok(None)
    }

    /// Begins to look up the next step.
    #[inline]
    fn look_up(&mut self) {
        let Some(step) = self.run.steps.get(self.open.len()) else { return };
        // `Some(None)` is what nothing has.
        let known = |place: Place| match place {
            Place::Variable(variable) => self.values[usize::from(variable)].map(Some),
            Place::Is(code) => Some(code),
        };
        let binds = [step.subject, step.object].map(|place| match place {
            Place::Variable(variable) if self.values[usize::from(variable)].is_none() => Some(variable),
            _ => None,
        });
        let (subject, object) = (known(step.subject), known(step.object));
        let possible = subject != Some(None) && object != Some(None);
        let pattern = Pattern { subject: subject.flatten(), object: object.flatten(), predicate: None, graph: None };
        let predicates = if possible { 0 } else { step.predicates.len() };
        let seen = step.once.then(Box::default);
        self.open.push(LookUp { scan: Scan::without_graphs(self.index, pattern), begun: false, predicates, binds, seen });
    }
}

/// The rows of one step, for the values so far.
struct LookUp<'a> {
    scan: Scan<'a>,
    /// Whether the first predicate was looked up.
    begun: bool,
    /// How many predicates were.
    predicates: usize,
    /// The variables that it gives values to.
    binds: [Option<u8>; 2],
    /// What was found, if each pair counts once.
    seen: Option<Box<FxHashSet<(Code, Code)>>>,
}

impl LookUp<'_> {
    #[inline]
    fn next(&mut self, step: &Step) -> Result<Option<Found>, IndexError> {
        loop {
            if self.begun {
                while let Some(found) = self.scan.step()? {
                    if self.seen.as_mut().is_none_or(|seen| seen.insert((found.subject, found.object))) {
                        return Ok(Some(found));
                    }
                }
            }
            let Some(predicate) = step.predicates.get(self.predicates) else { return Ok(None) };
            self.scan.begin_again(*predicate);
            self.begun = true;
            self.predicates += 1;
        }
    }
}
