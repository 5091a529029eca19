//! Plans of chains: a look-up is made for each way in which those before it match.
//!
//! What is known at each look-up does not depend on the data, so it is decided once. Values are in slots, a variable or a constant each;
//! what is known when a chain begins stays as it is.

use std::rc::Rc;

use super::rows::{Known, Slot};

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
    /// Where the places of rows are kept meanwhile, if each pair counts once.
    pub(super) once: Option<Slot>,
}

/// A part of a chain.
#[derive(Debug)]
pub(super) enum Item {
    Link(Link),
    Exists { exists: bool, links: Vec<Link>, origin: Slot },
}

/// The look-ups of a chain, in their order.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
}

/// A look-up.
#[derive(Debug)]
pub(super) enum Step {
    /// Rows of a property.
    Rows { subject: Slot, object: Slot, known: Known, numbers: Rc<[Option<u16>]> },
    /// Pairs that one of several plans finds, each once for the row that is at the place in `origin`.
    Pairs { subject: Slot, object: Slot, known: Known, plans: Vec<Plan>, origin: Slot },
    /// What must match, or must not.
    Exists { exists: bool, plan: Plan, origin: Slot },
}

impl Plan {
    /// Plans some items for what is bound; then their variables are bound too.
    pub(super) fn new(items: &[Item], bound: &mut [bool]) -> Self {
        let step = |item: &Item| match item {
            Item::Link(link) => link.step(bound),
            Item::Exists { exists, links, origin } => {
                let mut inside = bound.to_vec();
                let steps = links.iter().filter_map(|link| link.step(&mut inside)).collect();
                Some(Step::Exists { exists: *exists, plan: Self { steps }, origin: *origin })
            }
        };
        Self { steps: items.iter().filter_map(step).collect() }
    }
}

impl Link {
    fn step(&self, bound: &mut [bool]) -> Option<Step> {
        let Self { subject, object, paths, once } = self;
        let (subject, object) = (*subject, *object);
        let known = Known::of(subject, object, bound);
        let plans: Vec<Plan> = paths.iter().map(|(edges, between)| self.path(edges, between, &mut bound.to_vec())).collect();
        (bound[subject], bound[object]) = (true, true);
        match *once {
            Some(origin) => Some(Step::Pairs { subject, object, known, plans, origin }),
            // It has one edge.
            None => plans.into_iter().next().and_then(|plan| plan.steps.into_iter().next()),
        }
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
