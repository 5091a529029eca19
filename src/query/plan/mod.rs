//! A join-order planner: rewrites a query into one that the engine evaluates in a good order, from real counts.
//!
//! The engine (sparopt 0.3.9) orders joins by constants, so it often begins at the wrong end, and within `EXISTS` it does not order
//! them at all. A chain of `Lateral` (SEP-0006) keeps the order in which it is written: the engine evaluates its right side for each
//! solution of its left side. So each group becomes such a chain. The results stay the same: `leaf`, `loops` and `group` say why.
//!
//! - `counts`: what a dataset is asked; `sampled`: the store's answers
//! - `variables`, `expressions`, `fresh`: what patterns bind and mention, walks, new names
//! - `leaf`, `loops`: the parts of a group, and which of them may be evaluated for each solution of others
//! - `cost`, `order`: expected solutions, and the order that follows from them
//! - `context`, `rewrite`, `group`: the rewriting
//! - `links`, `runs`, `gather`, `fuse`: look-ups that follow one another, for datasets that answer them in one go
//! - `steps`: what people are told of it

mod context;
mod cost;
mod counts;
mod expressions;
mod fresh;
mod fuse;
mod gather;
mod group;
mod leaf;
mod links;
mod loops;
mod order;
mod rewrite;
mod runs;
mod sampled;
mod steps;
#[cfg(test)]
mod tests;
mod variables;

use spargebra::Query;

use context::Context;
use cost::Costs;
use counts::Remembered;
pub use counts::{Counts, PredicateCounts, Totals};
use fresh::{Fresh, name_blank_nodes};
use fuse::fuse;
pub(super) use fuse::names_graphs;
use group::Parts;
use rewrite::Rewriter;
pub use sampled::SampledCounts;
pub use steps::{Step, StepKind, Steps};
use variables::named_in;

use crate::index::Run;

/// A query in a good order.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The query, with the same results. It is for the engine with its optimizer on.
    pub query: Query,
    /// What it does, in its order.
    pub steps: Steps,
}

/// The longest text of a query that is planned; longer ones are left to the engine. Planning takes the square of it.
const MAX_TEXT: usize = 32 << 10;

/// The deepest nesting of groups that is planned. Planning takes the cube of it.
const MAX_DEPTH: usize = 40;

/// Orders a query by the counts of a dataset. Like the engine, it recurses, and needs a stack of some megabytes for the longest
/// queries ([`with_stack`](super::with_stack)).
#[must_use]
pub fn plan(mut query: Query, counts: &dyn Counts) -> Planned {
    let text = query.to_string();
    if text.len() > MAX_TEXT || depth(&text) > MAX_DEPTH {
        return Planned { query, steps: Steps::default() };
    }
    let rewriter = Rewriter { costs: Costs { counts: Remembered::new(counts) }, fresh: Fresh::new(&text) };
    let (Query::Select { pattern, .. }
    | Query::Construct { pattern, .. }
    | Query::Describe { pattern, .. }
    | Query::Ask { pattern, .. }) = &mut query;
    let mut steps = Vec::new();
    name_blank_nodes(pattern, &rewriter.fresh);
    let context = Context { around: named_in(pattern), ..Context::default() };
    *pattern = rewriter.pattern(pattern, &context, &mut steps);
    Planned { query, steps: Steps(steps) }
}

impl Planned {
    /// Makes one of look-ups that follow one another, for a dataset that answers such runs over the union of all its graphs.
    #[must_use]
    pub fn fused(mut self) -> (Self, Vec<Run>) {
        let runs = fuse(&mut self.query);
        (self, runs)
    }
}

/// Returns how deep the groups of a query are nested, or a little more if its literals have braces.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'{' => open += 1,
            b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}
