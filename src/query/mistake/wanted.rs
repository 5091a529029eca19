//! What the grammar expects at a place.

/// What the grammar expects at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `SELECT` and the other forms.
    Form,
    /// A prefix with its colon, after `PREFIX`.
    Prefix,
    /// The IRI of `PREFIX` or `BASE`.
    Namespace,
    /// A variable, an expression with a name, or the pattern.
    Selection,
    /// The braces of the pattern.
    Pattern,
    /// The braces of the template of `CONSTRUCT`.
    Template,
    /// The IRI of a graph, after `FROM`.
    Dataset,
    /// The subject of `DESCRIBE`.
    Described,
    /// `ORDER BY` and the other modifiers, or the end.
    Modifier,
    /// `BY` after this word.
    By(&'static str),
    /// A condition of `GROUP BY` or `ORDER BY`.
    Condition(&'static str),
    /// A number, after `LIMIT` or `OFFSET`.
    Count(&'static str),
    /// An element of a group, or its end.
    Element,
    /// A group after this keyword.
    Group(&'static str),
    /// The name of a graph or a service.
    Name(&'static str),
    /// The predicate of a triple.
    Verb,
    /// An object, or another node.
    Object,
    /// The end of a triple.
    AfterTriple,
    /// An IRI in a path.
    Path,
    /// A condition, after this keyword.
    Constraint(&'static str),
    /// An expression.
    Expression,
    /// An operator, or the parenthesis that ends an expression.
    Close,
    /// The same, or a comma.
    ListEnd,
    /// The parenthesis that ends an aggregate.
    AggregateEnd,
    /// `AS` after an expression.
    As,
    /// The variable after `AS`.
    Alias,
    /// A parenthesis after a word.
    Bracket,
    /// `IN` after `NOT`.
    In,
    /// `EXISTS` after `NOT`.
    Exists,
    /// `SEPARATOR="…"`
    Separator,
    /// The variables of `VALUES`.
    DataVariables,
    /// The braces of its values.
    Data,
    /// A row of it.
    Row,
    /// A value.
    Value,
    /// The datatype of a literal.
    Datatype,
}
