//! Explains tokens within the braces: in groups, triples, expressions and data.

use super::excerpt::brief;
use super::near::{self, ELEMENTS, MODIFIERS};
use super::reader::{Fault, Reader};
use super::tokens::Kind;
use super::wanted::Wanted;

/// Operators of other languages, and what to write in SPARQL.
const OPERATORS: [(&str, &str, &str); 18] = [
    ("==", "SPARQL compares by `=`, not by `==`", "write `=`"),
    ("=>", "SPARQL has no `=>`", "write `>=`"),
    ("<>", "SPARQL has no `<>`", "write `!=`"),
    ("&", "a single `&` is no operator", "write `&&`"),
    ("|", "a single `|` is no operator", "write `||`"),
    ("AND", "SPARQL writes `&&` for AND", "write `&&`"),
    ("OR", "SPARQL writes `||` for OR", "write `||`"),
    ("XOR", "SPARQL has no XOR", "write `!=` between the two conditions"),
    ("LIKE", "SPARQL has no LIKE", "write `CONTAINS(LCASE(STR(?x)), \"text\")`, or `REGEX(?x, \"^text\", \"i\")`"),
    ("ILIKE", "SPARQL has no ILIKE", "write `REGEX(?x, \"text\", \"i\")`"),
    ("CONTAINS", "CONTAINS is a function of SPARQL, not an operator", "write `CONTAINS(?x, \"text\")`"),
    ("REGEX", "REGEX is a function of SPARQL, not an operator", "write `REGEX(?x, \"text\")`"),
    ("BETWEEN", "SPARQL has no BETWEEN", "write `?x >= 1 && ?x <= 9`"),
    ("IS", "SPARQL has no IS", "write `BOUND(?x)` for IS NOT NULL, and `!BOUND(?x)` for IS NULL"),
    ("MOD", "SPARQL has no MOD", "write `?x - 2 * FLOOR(?x / 2)`"),
    ("EQ", "SPARQL writes `=` for EQ", "write `=`"),
    ("NOT", "NOT stands only before IN and EXISTS", "write `!(…)` around the condition"),
    ("!", "`!` is not an operator between two values", "write `!=`"),
];

/// Words of other languages, with the way of SPARQL, and how to write it.
const ELSEWHERE: [(&str, &str, &str); 4] = [
    ("LIKE", "texts are compared in a FILTER", "write `FILTER(CONTAINS(LCASE(?x), \"…\"))`, or REGEX in its place"),
    ("ILIKE", "texts are compared in a FILTER", "write `FILTER(CONTAINS(LCASE(?x), \"…\"))`, or REGEX in its place"),
    (
        "AND",
        "conditions that must all hold are written one after the other",
        "write the triples one after the other, with `.` between them",
    ),
    ("NOT", "what must not exist is in MINUS or FILTER NOT EXISTS", "write `MINUS { … }`"),
];

impl Reader<'_> {
    /// Explains a token where an operator is expected.
    pub(super) fn operators(&self, wanted: Wanted) -> Option<Fault> {
        if !matches!(wanted, Wanted::Close | Wanted::ListEnd | Wanted::AggregateEnd | Wanted::As) {
            return None;
        }
        let written = self.written();
        if let Some((_, sentence, hint)) = OPERATORS.iter().find(|(sign, ..)| near::same(sign, written)) {
            return self.at_here(*sentence, *hint);
        }
        let found = self.found();
        match wanted {
            Wanted::As if self.is_sign(")") => {
                self.at_here("the expression has no name", "write `AS ?name` before the parenthesis")
            }
            Wanted::As if self.here.kind == Kind::Variable => {
                self.at_here(format!("AS is missing before {found}"), format!("write `AS {}`", self.name()))
            }
            Wanted::AggregateEnd if self.is_sign(",") => {
                let hint = "write `GROUP_CONCAT(?x; SEPARATOR=\", \")`, or join what is counted: `COUNT(DISTINCT CONCAT(…))`";
                self.at_here("an aggregate takes one expression, without a comma", hint)
            }
            Wanted::Close if self.is_word("AS") => {
                self.at_here("AS does not fit here", "an expression gets a name in SELECT, GROUP BY or BIND(… AS ?name)")
            }
            Wanted::Close if self.is_sign(",") => self.at_here(
                "a comma separates the arguments of a function, and there is none here",
                "check the parentheses before it",
            ),
            Wanted::ListEnd if self.here.kind != Kind::Word => {
                let hint = "arguments are separated by commas, such as in `CONTAINS(?x, \"text\")`";
                self.at_here(format!("a comma, an operator or a `)` is missing before {found}"), hint)
            }
            _ => {
                let ends = near::is_keyword(written) || self.is_sign("{");
                let missing = if ends { "a `)`" } else { "an operator or a `)`" };
                let hint = self.open.last().map_or_else(String::new, |open| self.still_open(*open));
                self.at_here(format!("{missing} is missing before {found}"), hint)
            }
        }
    }

    /// Explains a token within a group.
    pub(super) fn within(&self, wanted: Wanted) -> Option<Fault> {
        let (found, name) = (self.found(), self.name());
        match wanted {
            Wanted::Element => self.element_wanted(),
            Wanted::Group(word) if self.is_sign("(") => {
                self.at_here(format!("{word} takes braces, not parentheses"), format!("write `{word} {{ … }}`"))
            }
            Wanted::Group(word) => {
                self.at_here(format!("a `{{` is missing after {word}, before {found}"), format!("write `{word} {{ … }}`"))
            }
            Wanted::Name(word) => {
                let example =
                    if word == "GRAPH" { "GRAPH ?record { … }" } else { "SERVICE <https://query.wikidata.org/sparql> { … }" };
                self.at_here(format!("{word} needs an IRI or a variable, not {found}"), format!("write `{example}`"))
            }
            Wanted::Verb | Wanted::Path => self.verb_wanted(wanted),
            Wanted::Object => self.object_wanted(),
            Wanted::AfterTriple if self.open.last().is_some_and(|open| open.of(self.text) == "[") => {
                let hint = "within brackets, `;` begins another predicate, and `,` another object";
                self.at_here(format!("a `]`, `;` or `,` is missing before {found}"), hint)
            }
            Wanted::AfterTriple if self.is_sign(",") || self.is_sign(";") || self.here.kind == Kind::Sign => None,
            Wanted::AfterTriple => {
                let hint = "a triple ends with `.`; `;` begins another predicate of the same subject, `,` another object";
                self.at_here(format!("a `.` is missing before {found}"), hint)
            }
            Wanted::Constraint(word) => {
                let hint = if word == "FILTER" { "write `FILTER(…)`".to_owned() } else { format!("write `{word} (…)`") };
                self.at_here(format!("the condition of {word} must be in parentheses"), hint)
            }
            Wanted::Expression => self.expression_wanted(),
            Wanted::Alias => {
                let hint =
                    if self.here.kind == Kind::Word { format!("write `AS ?{name}`") } else { "write `AS ?name`".to_owned() };
                self.at_here(format!("a variable must follow AS, not {found}"), hint)
            }
            Wanted::Bracket => {
                let before = self.before();
                self.at_here(
                    format!("a `(` is missing after {before}, before {found}"),
                    format!("write `{}(…{})`", before.to_uppercase(), if near::same(&before, "BIND") { " AS ?x" } else { "" }),
                )
            }
            Wanted::Exists if self.mistyped(&["EXISTS"]).is_some() => self.mistyped(&["EXISTS"]),
            Wanted::In | Wanted::Exists => self.at_here(
                format!("NOT stands only before IN and EXISTS, not before {found}"),
                "write `!(…)` around the condition",
            ),
            Wanted::Separator => {
                self.at_here("what follows `;` here must be SEPARATOR=\"…\"", "write `GROUP_CONCAT(?x; SEPARATOR=\", \")`")
            }
            Wanted::DataVariables => {
                let hint = "write `VALUES ?x { 1 2 }`, or `VALUES (?x ?y) { (1 2) }`";
                self.at_here(format!("VALUES needs variables, and {found} is none"), hint)
            }
            Wanted::Data => self
                .at_here(format!("the values must be in braces: a `{{` is missing before {found}"), "write `VALUES ?x { 1 2 }`"),
            Wanted::Row => {
                let hint = "with variables in parentheses, write `VALUES (?x ?y) { (1 2) (3 4) }`";
                self.at_here(format!("each row of VALUES must be in parentheses: a `(` is missing before {found}"), hint)
            }
            Wanted::Value if self.is_sign(",") => {
                self.at_here("values are separated by spaces, not by commas", "remove the comma")
            }
            Wanted::Value => self.at_here(
                format!("VALUES takes IRIs, strings and numbers, and {found} is none"),
                "write UNDEF where a value is missing",
            ),
            Wanted::Datatype => self.at_here(format!("a datatype must follow `^^`, not {found}"), "write \"1955\"^^xsd:gYear"),
            _ => None,
        }
    }

    fn element_wanted(&self) -> Option<Fault> {
        let (found, name) = (self.found(), self.name());
        let upper = name.to_uppercase();
        let triple_ended = matches!(self.last.of(self.text), "{" | "." | "}");
        if self.is_sign(".") {
            return self.at_here("there is a `.` too many", "remove it: one `.` stands between two triples");
        }
        if self.is_sign(",") || self.is_sign(";") {
            return self.at_here(format!("`{name}` follows no triple that could continue"), "it must follow an object");
        }
        if self.is_word("UNION") {
            return self.at_here("UNION stands between two groups in braces", "write `{ … } UNION { … }`");
        }
        if self.is_one_of(&["EXISTS", "NOT"]) {
            return self.at_here(format!("FILTER is missing before {upper}"), "write `FILTER NOT EXISTS { … }`");
        }
        if self.is_word("SELECT") {
            return self.at_here("a SELECT within a query must be in braces of its own", "write `{ SELECT … { … } }`");
        }
        if MODIFIERS.iter().any(|word| self.is_word(word)) || self.is_word("WHERE") {
            let full = if self.is_one_of(&["GROUP", "ORDER"]) { format!("{upper} BY") } else { upper };
            return self.at_here(format!("{full} stands within the braces of the pattern"), "close them with `}` before it");
        }
        if self.is_one_of(&["AND", "OR", "JOIN"]) {
            let hint = if self.is_word("OR") {
                "write `{ … } UNION { … }`"
            } else {
                "write the triples one after the other, with `.` between them"
            };
            return self.at_here(format!("SPARQL has no {upper} between patterns"), hint);
        }
        if ["=", "!=", "<", ">", "<=", ">=", "==", "&&", "||", "+", "-", "*", "/"].iter().any(|sign| self.is_sign(sign)) {
            return self
                .at_here(format!("`{name}` stands here outside of an expression"), "write `FILTER(?x = …)`, or `BIND(… AS ?x)`");
        }
        if self.here.kind == Kind::Language {
            return self.at_here(format!("the language tag `{name}` must follow a string at once"), "write \"…\"@sv");
        }
        if let Some(fault) = self.mistyped(&ELEMENTS) {
            return Some(fault);
        }
        match self.here.kind {
            Kind::Word if self.written() == "a" && triple_ended => {
                self.at_here("the subject is missing before `a`", "write `?x a kbv:Person`")
            }
            Kind::Word if !near::is_keyword(self.written()) => self.bare(),
            _ => {
                let hint = "a group has triples, FILTER, OPTIONAL, UNION, MINUS, GRAPH, BIND and VALUES";
                self.at_here(format!("{found} does not fit here"), hint)
            }
        }
    }

    /// Explains a word that is not a keyword, where a variable or a name is expected.
    fn bare(&self) -> Option<Fault> {
        let name = self.name();
        let elsewhere = ELSEWHERE.iter().find(|(word, ..)| self.is_word(word));
        if let Some((word, sentence, hint)) = elsewhere {
            return self.at_here(format!("SPARQL has no {word}: {sentence}"), *hint);
        }
        let hint =
            format!("write `?{name}` for a variable, `kbv:{name}` for a name of KB's vocabulary, or \"{name}\" for a string");
        self.at_here(format!("`{name}` is neither a variable nor a name with its prefix"), hint)
    }

    fn verb_wanted(&self, wanted: Wanted) -> Option<Fault> {
        let found = self.found();
        let subject = if matches!(self.last.of(self.text), ";" | "[" | "{" | ".") {
            String::new()
        } else {
            format!(" after `{}`", self.before())
        };
        match self.here.kind {
            _ if wanted == Wanted::Path && self.here.kind == Kind::Variable => self.at_here(
                format!("a path is made of IRIs, and {found} is a variable"),
                "take the variable out of the path: `?x ?p ?y . ?y kbv:label ?z`",
            ),
            Kind::Word if self.is_word("a") => self.at_here("`a` must be a small letter", "write `a`"),
            Kind::Word if !near::is_keyword(self.written()) => self.bare(),
            Kind::Text | Kind::Number => {
                self.at_here(format!("a predicate is an IRI or a variable, not {found}"), "write `?x kbv:label \"…\"`")
            }
            Kind::Blank => self.at_here("a predicate cannot be a blank node", "take a variable"),
            Kind::Sign if matches!(self.written(), "/" | "|" | "*") => self.at_here(
                format!("the predicate is missing before `{}`", self.name()),
                "a path is like `?x kbv:hasTitle/kbv:mainTitle ?y`",
            ),
            Kind::Sign if matches!(self.written(), "^" | "!" | "(") => {
                self.at_here(format!("`{}` does not fit here: CONSTRUCT makes triples, not paths", self.name()), "write one IRI")
            }
            _ if wanted == Wanted::Path => {
                self.at_here(format!("an IRI is missing in the path, before {found}"), "write `kbv:a/kbv:b`")
            }
            _ => {
                let sentence = format!("the triple has no predicate and no object{subject}");
                self.at_here(sentence, "a triple is like `?x kbv:label ?label`")
            }
        }
    }

    fn object_wanted(&self) -> Option<Fault> {
        let (found, name) = (self.found(), self.name());
        match self.here.kind {
            Kind::Word if self.is_one_of(&["TRUE", "FALSE"]) => {
                self.at_here(format!("`{name}` must be in small letters"), format!("write `{}`", name.to_lowercase()))
            }
            Kind::Word if !near::is_keyword(self.written()) => self.bare(),
            Kind::Sign if self.last.kind == Kind::Variable && matches!(self.written(), "/" | "|" | "*" | "^" | "+" | "?") => {
                let hint = "a path is made of IRIs, such as kbv:hasTitle/kbv:mainTitle";
                self.at_here(format!("`{}` is a variable, and cannot be a part of a path", self.before()), hint)
            }
            Kind::Sign
                if matches!(self.last.kind, Kind::Name | Kind::Iri)
                    && matches!(self.written(), "/" | "|" | "*" | "^" | "+" | "?") =>
            {
                self.at_here(
                    format!("CONSTRUCT makes triples, and `{name}` makes a path"),
                    "write one IRI, or a variable of the pattern",
                )
            }
            _ => {
                let sentence = format!("the triple has no object after `{}`, before {found}", self.before());
                self.at_here(sentence, "a triple is like `?x kbv:label ?label`")
            }
        }
    }

    fn expression_wanted(&self) -> Option<Fault> {
        let (found, name) = (self.found(), self.name());
        match self.here.kind {
            Kind::Word if self.is_one_of(&["TRUE", "FALSE"]) => {
                self.at_here(format!("`{name}` must be in small letters"), format!("write `{}`", name.to_lowercase()))
            }
            Kind::Word if self.is_word("NULL") => self.at_here("SPARQL has no NULL", "write `!BOUND(?x)` for what has no value"),
            Kind::Word if self.is_word("CASE") => self.at_here("SPARQL has no CASE", "write `IF(?x > 1, \"many\", \"one\")`"),
            Kind::Word if self.is_word("SELECT") => self.at_here(
                "a SELECT cannot stand in an expression",
                "write `{ SELECT … { … } }` in the group, and use its variables",
            ),
            Kind::Word if self.is_one_of(&["DISTINCT"]) => {
                self.at_here("DISTINCT stands only in aggregates and after SELECT", "write `COUNT(DISTINCT ?x)`")
            }
            Kind::Word if !near::is_keyword(self.written()) => {
                let hint = format!("write `?{name}` for a variable, or \"{name}\" for a string");
                self.at_here(format!("`{name}` is neither a variable nor the call of a function"), hint)
            }
            Kind::Sign
                if self.last.kind == Kind::Sign
                    && matches!(self.written(), "=" | "&" | "|" | "&&" | "||" | "<" | ">" | "*" | "/") =>
            {
                let sentence = format!("`{}` cannot follow `{}`", name, self.before());
                self.at_here(sentence, "the operators are = != < > <= >= && || + - * /")
            }
            _ => self.at_here(
                format!("a value or an expression is missing before {found}"),
                "write a variable, a string or a number there",
            ),
        }
    }

    /// The general explanation.
    pub(super) fn other(&self, wanted: Wanted) -> Fault {
        let what = match wanted {
            Wanted::AfterTriple => "the end of the triple",
            Wanted::Element => "a triple, a keyword such as FILTER, or `}`",
            Wanted::Selection => "a variable, or an expression with a name in parentheses,",
            Wanted::Modifier => "the end of the query",
            Wanted::Verb | Wanted::Path => "a predicate",
            Wanted::Object | Wanted::Value => "an IRI, a variable or a literal",
            _ => "something else",
        };
        self.fault(
            self.here,
            format!("{} does not fit here", self.found()),
            format!("{what} is expected; what stands before is `{}`", brief(self.last.of(self.text))),
        )
    }
}
