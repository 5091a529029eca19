//! Filters as a query: an algebra is built, and never a text. Pure.

use oxigraph::model::vocab::{rdf, xsd};
use oxigraph::model::{Literal, NamedNode, Variable};
use spargebra::Query;
use spargebra::algebra::{
    AggregateExpression, AggregateFunction, Expression, Function, GraphPattern, OrderExpression, PropertyPathExpression,
};
use spargebra::term::{GroundTerm, NamedNodePattern, TermPattern, TriplePattern};

use super::asked::{Asked, Filter, Joined, Step, Test};
use super::dates::span;
use crate::rdf::vocab::KBV;
use crate::serve::problem::Problem;

/// The variables that every pattern has: the record, and the thing that it describes.
const RECORD: &str = "record";
const THING: &str = "thing";

/// Builds the queries of one request.
struct Compiler {
    /// Variables that were made so far.
    made: usize,
}

fn variable(name: &str) -> Variable {
    Variable::new_unchecked(name)
}

/// A name of KB's vocabulary. Names of properties are checked where a request is read.
fn kbv(name: &str) -> NamedNode {
    NamedNode::new_unchecked(format!("{KBV}{name}"))
}

fn iri(text: &str) -> Result<NamedNode, Problem> {
    let shown: String = text.chars().take(200).collect();
    NamedNode::new(text).map_err(|error| Problem::bad_request(format!("{shown:?} is no IRI: {error}")))
}

/// A class, by its IRI or by its name in KB's vocabulary.
fn class(text: &str) -> Result<NamedNode, Problem> {
    if text.contains(':') { iri(text) } else { iri(&format!("{KBV}{text}")) }
}

fn triple(subject: impl Into<TermPattern>, predicate: NamedNode, object: impl Into<TermPattern>) -> TriplePattern {
    TriplePattern { subject: subject.into(), predicate: NamedNodePattern::NamedNode(predicate), object: object.into() }
}

fn join(left: GraphPattern, right: GraphPattern) -> GraphPattern {
    GraphPattern::Join { left: Box::new(left), right: Box::new(right) }
}

fn filtered(inner: GraphPattern, expr: Expression) -> GraphPattern {
    GraphPattern::Filter { expr, inner: Box::new(inner) }
}

fn unless(inner: GraphPattern, there: GraphPattern) -> GraphPattern {
    filtered(inner, Expression::Not(Box::new(Expression::Exists(Box::new(there)))))
}

fn literal(text: &str) -> Expression {
    Expression::Literal(Literal::new_simple_literal(text))
}

/// The value of a variable as a text.
fn text_of(value: &Variable) -> Expression {
    Expression::FunctionCall(Function::Str, vec![Expression::Variable(value.clone())])
}

/// The record and what it describes.
fn base() -> GraphPattern {
    GraphPattern::Bgp { patterns: vec![triple(variable(RECORD), kbv("mainEntity"), variable(THING))] }
}

impl Compiler {
    fn fresh(&mut self) -> Variable {
        self.made += 1;
        variable(&format!("v{}", self.made))
    }

    /// The triples of a path from the thing, and where it ends: at `target`, if it is given.
    fn walk(&mut self, path: &[Step], target: Option<&NamedNode>) -> (Vec<TriplePattern>, Variable) {
        let steps = path.iter().filter(|step| **step != Step::Id).count();
        let (mut patterns, mut here) = (Vec::new(), variable(THING));
        for (at, step) in path.iter().filter(|step| **step != Step::Id).enumerate() {
            let next = self.fresh();
            let there: TermPattern = match target {
                Some(target) if at + 1 == steps => target.clone().into(),
                _ => next.clone().into(),
            };
            patterns.push(match step {
                Step::Along(name) => triple(here, kbv(name), there),
                Step::Against(name) => {
                    TriplePattern { subject: there, predicate: NamedNodePattern::NamedNode(kbv(name)), object: here.into() }
                }
                Step::Meta => TriplePattern {
                    subject: there,
                    predicate: NamedNodePattern::NamedNode(kbv("mainEntity")),
                    object: here.into(),
                },
                Step::Type => triple(here, rdf::TYPE.into_owned(), there),
                Step::Id => continue,
            });
            here = next;
        }
        (patterns, here)
    }

    /// What must be there for a value to pass.
    fn passes(&mut self, test: Test, path: &[Step], value: &str) -> Result<GraphPattern, Problem> {
        let target = match (path.last(), test) {
            (Some(Step::Id), Test::Equals) => Some(iri(value)?),
            (Some(Step::Type), Test::Equals) => Some(class(value)?),
            _ => None,
        };
        let (patterns, end) = self.walk(path, target.as_ref());
        let there = if patterns.is_empty() { base() } else { GraphPattern::Bgp { patterns } };
        let compared = |expression: fn(Box<Expression>, Box<Expression>) -> Expression| {
            let (left, right) = match value.parse::<i64>() {
                Ok(number) => {
                    let cast = Function::Custom(xsd::INTEGER.into_owned());
                    (Expression::FunctionCall(cast, vec![text_of(&end)]), Expression::Literal(Literal::from(number)))
                }
                Err(_) => (text_of(&end), literal(value)),
            };
            expression(Box::new(left), Box::new(right))
        };
        Ok(match test {
            Test::Exists => there,
            Test::Equals => match target {
                // The thing itself, which no triple was made for.
                Some(target) if path == [Step::Id] => {
                    let same = Expression::SameTerm(
                        Box::new(Expression::Variable(variable(THING))),
                        Box::new(Expression::NamedNode(target)),
                    );
                    filtered(there, same)
                }
                Some(_) => there,
                None => filtered(there, Expression::Equal(Box::new(text_of(&end)), Box::new(literal(value)))),
            },
            Test::Min => filtered(there, compared(Expression::GreaterOrEqual)),
            Test::MinExclusive => filtered(there, compared(Expression::Greater)),
            Test::Max => filtered(there, compared(Expression::LessOrEqual)),
            Test::MaxExclusive => filtered(there, compared(Expression::Less)),
            Test::Matches => {
                if let Some((first, after)) = span(value) {
                    let begins = Expression::GreaterOrEqual(Box::new(text_of(&end)), Box::new(literal(&first)));
                    let ends = Expression::Less(Box::new(text_of(&end)), Box::new(literal(&after)));
                    filtered(there, Expression::And(Box::new(begins), Box::new(ends)))
                } else {
                    let broader = PropertyPathExpression::ZeroOrMore(Box::new(kbv("broader").into()));
                    let below = GraphPattern::Path { subject: end.into(), path: broader, object: iri(value)?.into() };
                    join(there, below)
                }
            }
        })
    }

    /// The same, for a value that may say that something must not be there.
    fn holds(&mut self, filter: &Filter, value: &str) -> Result<GraphPattern, Problem> {
        let there = self.passes(filter.test, &filter.path, value)?;
        let absent = filter.test == Test::Exists && value == "false";
        Ok(if absent { unless(base(), there) } else { join(base(), there) })
    }

    fn pattern(&mut self, asked: &Asked, found: Option<&[String]>) -> Result<GraphPattern, Problem> {
        let mut all = base();
        if let Some(found) = found {
            let bindings = found
                .iter()
                .map(|record| vec![NamedNode::new(record.as_str()).ok().map(GroundTerm::NamedNode)])
                .filter(|row| row.iter().all(Option::is_some))
                .collect();
            all = join(GraphPattern::Values { variables: vec![variable(RECORD)], bindings }, all);
        }
        if let Some(o) = &asked.o {
            let linked = iri(o)?;
            let (subject, property) = (self.fresh(), self.fresh());
            let link = TriplePattern {
                subject: subject.into(),
                predicate: NamedNodePattern::Variable(property),
                object: linked.clone().into(),
            };
            let inside = GraphPattern::Bgp { patterns: vec![link] };
            let graph = GraphPattern::Graph { name: NamedNodePattern::Variable(variable(RECORD)), inner: Box::new(inside) };
            let itself =
                Expression::SameTerm(Box::new(Expression::Variable(variable(THING))), Box::new(Expression::NamedNode(linked)));
            all = filtered(join(all, graph), Expression::Not(Box::new(itself)));
        }
        let mut either = Vec::new();
        for filter in &asked.filters {
            let mut each = Vec::new();
            for value in &filter.values {
                each.push(self.holds(filter, value)?);
            }
            match filter.joined {
                Joined::Plain => all = any(each).into_iter().fold(all, join),
                Joined::Each => all = each.into_iter().fold(all, join),
                Joined::Either => either.extend(each),
                Joined::Not => all = any(each).into_iter().fold(all, unless),
            }
        }
        Ok(any(either).into_iter().fold(all, join))
    }
}

/// Any of some patterns.
fn any(patterns: Vec<GraphPattern>) -> Option<GraphPattern> {
    patterns.into_iter().reduce(|left, right| GraphPattern::Union { left: Box::new(left), right: Box::new(right) })
}

fn select(pattern: GraphPattern) -> Query {
    Query::Select { dataset: None, pattern, base_iri: None }
}

/// The query that counts what is found. Of the records that are given, only these.
pub(super) fn count(asked: &Asked, found: Option<&[String]>) -> Result<Query, Problem> {
    let inner = Box::new(Compiler { made: 0 }.pattern(asked, found)?);
    let number = AggregateExpression::FunctionCall {
        name: AggregateFunction::Count,
        expr: Expression::Variable(variable(RECORD)),
        distinct: true,
    };
    let group = GraphPattern::Group { inner, variables: Vec::new(), aggregates: vec![(variable("n"), number)] };
    Ok(select(GraphPattern::Project { inner: Box::new(group), variables: vec![variable("n")] }))
}

/// The query for the records of a page, as `?record`.
pub(super) fn page(asked: &Asked, found: Option<&[String]>) -> Result<Query, Problem> {
    let mut compiler = Compiler { made: 0 };
    let mut inner = compiler.pattern(asked, found)?;
    let (mut aggregates, mut order) = (Vec::new(), Vec::new());
    for by in &asked.sort {
        let (patterns, end) = compiler.walk(&by.path, None);
        let right = Box::new(GraphPattern::Bgp { patterns });
        inner = GraphPattern::LeftJoin { left: Box::new(inner), right, expression: None };
        let key = compiler.fresh();
        let name = if by.descending { AggregateFunction::Max } else { AggregateFunction::Min };
        aggregates.push((key.clone(), AggregateExpression::FunctionCall { name, expr: text_of(&end), distinct: false }));
        let key = Expression::Variable(key);
        order.push(if by.descending { OrderExpression::Desc(key) } else { OrderExpression::Asc(key) });
    }
    order.push(OrderExpression::Asc(Expression::Variable(variable(RECORD))));
    let group = GraphPattern::Group { inner: Box::new(inner), variables: vec![variable(RECORD)], aggregates };
    let ordered = GraphPattern::OrderBy { inner: Box::new(group), expression: order };
    let project = GraphPattern::Project { inner: Box::new(ordered), variables: vec![variable(RECORD)] };
    Ok(select(GraphPattern::Slice { inner: Box::new(project), start: asked.offset, length: Some(asked.limit) }))
}

/// The query whether anything has a property.
pub(super) fn has_property(name: &str) -> Query {
    let pattern = GraphPattern::Bgp { patterns: vec![triple(variable("s"), kbv(name), variable("o"))] };
    Query::Ask { dataset: None, pattern, base_iri: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Asked {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Asked::read(&pairs).expect("valid")
    }

    #[test]
    fn every_filter_is_a_query_that_parses_and_holds_values_as_terms() {
        for query in [
            "instanceOf.subject.@id=https://x/a",
            "@type=Text",
            "@id=https://x/a",
            "publication.year=2012",
            "publication.year=\"} . DELETE { ?s ?p ?o } #",
            "not-@type=Text&not-@type=Music",
            "or-@type=Text&or-exists-image=false",
            "and-language.@id=https://x/a&and-language.@id=https://x/b",
            "exists-image=false",
            "min-publication.year=1990&maxEx-publication.year=2000&minEx-a=b&max-a=c",
            "matches-meta.created=2018-W08",
            "matches-instanceOf.subject.@id=https://x/a",
            "@reverse.itemOf.heldBy.@id=https://x/a",
            "o=https://x/a&_sort=-publication.year,hasTitle.mainTitle&_offset=3&_limit=7",
        ] {
            let found = ["https://x/r".to_owned(), "no IRI".to_owned()];
            for built in [page(&asked(query), None), count(&asked(query), Some(&found))] {
                let text = built.expect("valid").to_string();
                spargebra::SparqlParser::new().parse_query(&text).unwrap_or_else(|error| panic!("{query}: {error}: {text}"));
            }
        }
        assert!(page(&asked("instanceOf.@id=a b"), None).is_err() && page(&asked("o=x"), None).is_err());
        assert!(page(&asked("matches-a=never"), None).is_err());
    }
}
