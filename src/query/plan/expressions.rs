//! Walks over expressions: the engine's type has no visitor that one may use.

use spargebra::algebra::{Expression, GraphPattern};

/// Calls `visit` with each operand of an expression. Patterns are none.
pub(super) fn for_each_operand<'a>(expression: &'a Expression, visit: &mut impl FnMut(&'a Expression)) {
    match expression {
        Expression::NamedNode(_)
        | Expression::Literal(_)
        | Expression::Variable(_)
        | Expression::Bound(_)
        | Expression::Exists(_) => {}
        Expression::UnaryPlus(only) | Expression::UnaryMinus(only) | Expression::Not(only) => visit(only),
        Expression::Or(left, right)
        | Expression::And(left, right)
        | Expression::Equal(left, right)
        | Expression::SameTerm(left, right)
        | Expression::Greater(left, right)
        | Expression::GreaterOrEqual(left, right)
        | Expression::Less(left, right)
        | Expression::LessOrEqual(left, right)
        | Expression::Add(left, right)
        | Expression::Subtract(left, right)
        | Expression::Multiply(left, right)
        | Expression::Divide(left, right) => {
            visit(left);
            visit(right);
        }
        Expression::If(condition, yes, no) => {
            visit(condition);
            visit(yes);
            visit(no);
        }
        Expression::In(one, others) => {
            visit(one);
            others.iter().for_each(visit);
        }
        Expression::Coalesce(operands) | Expression::FunctionCall(_, operands) => operands.iter().for_each(visit),
    }
}

/// Calls `visit` with each operand of an expression, to change it.
pub(super) fn for_each_operand_mut(expression: &mut Expression, visit: &mut impl FnMut(&mut Expression)) {
    match expression {
        Expression::NamedNode(_)
        | Expression::Literal(_)
        | Expression::Variable(_)
        | Expression::Bound(_)
        | Expression::Exists(_) => {}
        Expression::UnaryPlus(only) | Expression::UnaryMinus(only) | Expression::Not(only) => visit(only),
        Expression::Or(left, right)
        | Expression::And(left, right)
        | Expression::Equal(left, right)
        | Expression::SameTerm(left, right)
        | Expression::Greater(left, right)
        | Expression::GreaterOrEqual(left, right)
        | Expression::Less(left, right)
        | Expression::LessOrEqual(left, right)
        | Expression::Add(left, right)
        | Expression::Subtract(left, right)
        | Expression::Multiply(left, right)
        | Expression::Divide(left, right) => {
            visit(left);
            visit(right);
        }
        Expression::If(condition, yes, no) => {
            visit(condition);
            visit(yes);
            visit(no);
        }
        Expression::In(one, others) => {
            visit(one);
            others.iter_mut().for_each(visit);
        }
        Expression::Coalesce(operands) | Expression::FunctionCall(_, operands) => operands.iter_mut().for_each(visit),
    }
}

/// Calls `visit` with each pattern within an expression, to change it.
pub(super) fn for_each_pattern(expression: &mut Expression, visit: &mut impl FnMut(&mut GraphPattern)) {
    match expression {
        Expression::Exists(pattern) => visit(pattern),
        other => for_each_operand_mut(other, &mut |operand| for_each_pattern(operand, visit)),
    }
}

/// Returns whether a pattern is within an expression.
pub(super) fn has_pattern(expression: &Expression) -> bool {
    if matches!(expression, Expression::Exists(_)) {
        return true;
    }
    let mut found = false;
    for_each_operand(expression, &mut |operand| found |= has_pattern(operand));
    found
}

/// Adds the parts that `&&` joins to `parts`.
pub(super) fn split(expression: Expression, parts: &mut Vec<Expression>) {
    match expression {
        Expression::And(left, right) => {
            split(*left, parts);
            split(*right, parts);
        }
        other => parts.push(other),
    }
}

/// Returns a pattern that keeps only the solutions for which all expressions are true.
pub(super) fn filtered(pattern: GraphPattern, expressions: Vec<Expression>) -> GraphPattern {
    match expressions.into_iter().reduce(|left, right| Expression::And(Box::new(left), Box::new(right))) {
        Some(expr) => GraphPattern::Filter { expr, inner: Box::new(pattern) },
        None => pattern,
    }
}

/// Returns the text of an expression, without the patterns within it.
pub(super) fn text(expression: &Expression) -> String {
    let mut short = expression.clone();
    for_each_pattern(&mut short, &mut |pattern| *pattern = GraphPattern::default());
    short.to_string().replace("EXISTS {  }", "EXISTS { … }")
}
