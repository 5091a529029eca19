//! What a dataset gathers from a run: the counts of groups, and what may be among the first solutions of what is sorted.

use oxigraph::model::NamedNode;
use oxigraph::sparql::Variable;
use spargebra::algebra::{AggregateExpression, AggregateFunction, Expression, GraphPattern, OrderExpression};
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};

use super::expressions::filtered;
use super::links::{Item, Link, bound_by, items_of, links_of};
use super::runs::{End, Runs, Wanted, keeps_to_itself, too_many};
use super::variables::{mentioned, stays_put};
use crate::index::{Gathered, RunEnd};

/// Lets the dataset count the groups of a run. The conditions on them are still as they were.
pub(super) fn groups(runs: &mut Runs<'_>, pattern: &GraphPattern) -> Option<GraphPattern> {
    let GraphPattern::Group { inner, variables, aggregates } = pattern else { return None };
    if let Some(counted) = any(runs, inner, variables, aggregates) {
        return Some(counted);
    }
    let (items, filters) = groupable(inner, variables)?;
    if too_many(&items) || !keeps_to_itself(&items) {
        return None;
    }
    let known = |key: &Variable| bound_by(&items).any(|bound| bound == key);
    let mut wanted: Vec<Wanted> = variables.iter().map(|key| (End::Variable(key.clone()), key.clone())).collect();
    for (variable, aggregate) in aggregates {
        wanted.push((counted(aggregate, known)?, variable.clone()));
    }
    let twice = (1..variables.len()).any(|place| variables[..place].contains(&variables[place]));
    if twice || !variables.iter().all(known) {
        return None;
    }
    let wanted = runs.placed(wanted, &items)?;
    Some(filtered(runs.fused(&items, &wanted, Gathered::Groups), filters))
}

/// Lets the dataset count all triples, by their predicates or together.
pub(super) fn any(
    runs: &mut Runs<'_>,
    inner: &GraphPattern,
    keys: &[Variable],
    aggregates: &[(Variable, AggregateExpression)],
) -> Option<GraphPattern> {
    let GraphPattern::Bgp { patterns } = inner else { return None };
    let [triple] = patterns.as_slice() else { return None };
    let (TermPattern::Variable(subject), TermPattern::Variable(object)) = (&triple.subject, &triple.object) else {
        return None;
    };
    let NamedNodePattern::Variable(predicate) = &triple.predicate else { return None };
    let apart = subject != object && subject != predicate && object != predicate;
    if !apart || !(keys.is_empty() || keys == [predicate.clone()]) || (keys.is_empty() && aggregates.is_empty()) {
        return None;
    }
    let mut wanted: Vec<Option<Wanted>> = keys.iter().map(|key| Some((End::Variable(key.clone()), key.clone()))).collect();
    wanted.resize(1, None);
    for (variable, aggregate) in aggregates {
        let counts = counted(aggregate, |name| [subject, predicate, object].contains(&name));
        if !matches!(counts, Some(End::Count)) || wanted.len() == 2 {
            return None;
        }
        wanted.push(Some((End::Count, variable.clone())));
    }
    wanted.resize(3, None);
    let wanted = <[Option<Wanted>; 3]>::try_from(wanted).ok()?;
    Some(runs.counted(predicate, &wanted))
}

/// Leaves out of a run what cannot be among the first solutions of what was sorted.
pub(super) fn first(runs: &mut Runs<'_>, pattern: &mut GraphPattern, most: usize) {
    let GraphPattern::Project { inner, .. } = pattern else { return };
    let GraphPattern::OrderBy { inner, expression } = &mut **inner else { return };
    let (by, descending) = match expression.first() {
        Some(OrderExpression::Asc(Expression::Variable(by))) => (by, false),
        Some(OrderExpression::Desc(Expression::Variable(by))) => (by, true),
        _ => return,
    };
    // Each of them gives a solution at least.
    let mut inner = &mut **inner;
    while let GraphPattern::LeftJoin { left: below, .. } | GraphPattern::Extend { inner: below, .. } = inner {
        inner = below;
    }
    let Some((name, place)) = found_at(inner, by) else { return };
    if let Some(run) = runs.made.iter_mut().find(|run| run.name == name) {
        if let (Some(RunEnd::Variable(by)), Gathered::Not) = (run.ends[place], run.gathered) {
            run.gathered = Gathered::First { by, most, descending };
        }
    } else if let Some(link) = Link::of(inner) {
        let items = [Item::Link(link)];
        let Some(wanted) = runs.wanted(&items).and_then(|wanted| runs.placed(wanted, &items)) else { return };
        let run = runs.fused(&items, &wanted, Gathered::Not);
        let ends = runs.made.last().map(|run| run.ends).unwrap_or_default();
        let by = found_at(&run, by).and_then(|(_, place)| ends[place]);
        if let (Some(RunEnd::Variable(by)), Some(made)) = (by, runs.made.last_mut()) {
            made.gathered = Gathered::First { by, most, descending };
            *inner = run;
        }
    }
}

/// The parts of what is grouped, and the conditions that can wait until it is: those that mention nothing of it but the keys, and that
/// nothing before the last look-up could have decided.
fn groupable(pattern: &GraphPattern, keys: &[Variable]) -> Option<(Vec<Item>, Vec<Expression>)> {
    let (mut items, mut filters) = (items_of(pattern)?, Vec::new());
    let all: Vec<Variable> = items.iter().flat_map(links_of).flat_map(Link::variables).cloned().collect();
    let mut place = 0;
    while place < items.len() {
        if let Item::Filter(filter) = &items[place] {
            let mentioned = mentioned(filter, &None);
            let before: Vec<&Variable> = bound_by(&items[..place]).collect();
            let fits = |name: &Variable| !all.contains(name) || (keys.contains(name) && before.contains(&name));
            let last = items.iter().rposition(|item| !matches!(item, Item::Filter(_))).unwrap_or_default();
            let is_early = mentioned
                .iter()
                .filter(|name| all.contains(name))
                .all(|name| bound_by(&items[..last]).any(|bound| bound == name));
            if keys.is_empty() || stays_put(filter) || is_early || !mentioned.iter().all(fits) {
                return None;
            }
            filters.push(filter.clone());
            items.remove(place);
        } else {
            place += 1;
        }
    }
    Some((items, filters))
}

/// What an aggregate counts, if it counts solutions or values that are always there.
fn counted(aggregate: &AggregateExpression, is_bound: impl Fn(&Variable) -> bool) -> Option<End> {
    match aggregate {
        AggregateExpression::CountSolutions { distinct: false } => Some(End::Count),
        AggregateExpression::FunctionCall { name: AggregateFunction::Count, expr: Expression::Variable(name), distinct }
            if is_bound(name) =>
        {
            Some(if *distinct { End::Different(name.clone()) } else { End::Count })
        }
        _ => None,
    }
}

/// The predicate of a pattern, and at which end of a run it would have a variable.
fn found_at(pattern: &GraphPattern, variable: &Variable) -> Option<(NamedNode, usize)> {
    let (pattern, graph) = match pattern {
        GraphPattern::Graph { name, inner } => (&**inner, Some(name)),
        _ => (pattern, None),
    };
    let GraphPattern::Bgp { patterns } = pattern else { return None };
    let [TriplePattern { subject, predicate: NamedNodePattern::NamedNode(name), object }] = patterns.as_slice() else {
        return None;
    };
    let is = |end: &TermPattern| *end == TermPattern::Variable(variable.clone());
    let place = if is(subject) {
        0
    } else if is(object) {
        1
    } else if graph == Some(&NamedNodePattern::Variable(variable.clone())) {
        2
    } else {
        return None;
    };
    Some((name.clone(), place))
}
