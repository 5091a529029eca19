//! Explains a token that does not fit: what was expected, and what is most likely meant. Characters and brackets are in
//! [`lexical`](super::lexical), the insides of braces in [`within`](super::within).

use super::excerpt::brief;
use super::near::{self, ELEMENTS, FORMS, MODIFIERS, UPDATES};
use super::reader::{Fault, Reader};
use super::tokens::Kind;
use super::wanted::Wanted;

impl Reader<'_> {
    /// Explains what is wrong with the next token, where something else is expected.
    pub(super) fn explain(&self, wanted: Wanted) -> Fault {
        self.lexical(wanted)
            .or_else(|| self.brackets())
            .or_else(|| self.operators(wanted))
            .or_else(|| self.function(wanted))
            .or_else(|| self.around(wanted))
            .or_else(|| self.within(wanted))
            .unwrap_or_else(|| self.other(wanted))
    }

    /// Explains mistakes in the prologue, the form, and what follows the pattern.
    fn around(&self, wanted: Wanted) -> Option<Fault> {
        let (found, name) = (self.found(), self.name());
        match wanted {
            Wanted::Form => self.form(),
            Wanted::Prefix if self.here.kind == Kind::Word => {
                self.at_here(format!("a colon is missing after the prefix `{name}`"), format!("write `PREFIX {name}: <…>`"))
            }
            Wanted::Prefix => self.at_here(
                format!("a prefix with a colon must follow PREFIX, not {found}"),
                "write `PREFIX kbv: <https://id.kb.se/vocab/>`",
            ),
            Wanted::Namespace if self.here.kind == Kind::Name => self
                .at_here("an IRI stands between `<` and `>`, and here is none", "write `PREFIX kbv: <https://id.kb.se/vocab/>`"),
            Wanted::Namespace => self.at_here(
                format!("an IRI between `<` and `>` must follow here, not {found}"),
                "write `PREFIX kbv: <https://id.kb.se/vocab/>`",
            ),
            Wanted::Selection => self.selection(),
            Wanted::Template if self.here.kind != Kind::Word && self.here.kind != Kind::End => self.at_here(
                format!("what CONSTRUCT makes must be in braces: a `{{` is missing before {found}"),
                "write `CONSTRUCT { ?s ?p ?o } WHERE { … }`",
            ),
            Wanted::Pattern | Wanted::Template => self.mistyped(&["WHERE", "FROM", "NAMED"]).or_else(|| self.pattern_missing()),
            Wanted::Dataset => self.at_here(
                format!("the IRI of a graph must follow FROM, not {found}"),
                "leave FROM out to ask the whole mirror; a record is a graph: FROM <https://libris.kb.se/khw03jc347kgv4w>",
            ),
            Wanted::Described => self.at_here(
                format!("DESCRIBE needs an IRI or a variable, not {found}"),
                "write `DESCRIBE <https://libris.kb.se/khw03jc347kgv4w#it>`",
            ),
            Wanted::Modifier => self.modifier(),
            Wanted::By(word) => self.at_here(format!("BY is missing after {word}"), format!("write `{word} BY ?x`")),
            Wanted::Condition(clause) => {
                let sentence = format!("{clause} needs a variable, or an expression in parentheses, not {found}");
                let hint = match self.here.kind {
                    Kind::Word if near::is_keyword(self.written()) => format!("write `{clause} ?x`"),
                    Kind::Word => format!("write `?{name}`: variables begin with `?`"),
                    Kind::Number => "columns have names, not numbers".to_owned(),
                    _ => format!("write `{clause} ?x`"),
                };
                self.at_here(sentence, hint)
            }
            Wanted::Count(word) => {
                self.at_here(format!("{word} needs a whole number, not {found}"), format!("write `{word} 10`"))
            }
            _ => None,
        }
    }

    fn form(&self) -> Option<Fault> {
        let example = "write a query such as SELECT * { ?s ?p ?o } LIMIT 10";
        let name = self.name();
        if self.here.kind == Kind::End {
            let sentence = match (self.last.end, self.text.trim().is_empty()) {
                (0, true) => "the query is empty",
                (0, false) => "the query is empty: it has only comments",
                _ => "the query is empty: it has only PREFIX and BASE",
            };
            return self.at_here(sentence, example);
        }
        if self.is_one_of(&UPDATES) {
            let hint = "data comes in by `libris-mirror harvest`; here SELECT, ASK, CONSTRUCT and DESCRIBE are answered";
            return self.at_here(format!("{} changes data, and a mirror is read-only", name.to_uppercase()), hint);
        }
        if matches!(self.written(), "@prefix" | "@base") {
            let word = name.trim_start_matches('@').to_uppercase();
            return self.at_here(
                format!("`{name}` is Turtle, not SPARQL"),
                format!("write {word}, without `@` and without a `.` at its end"),
            );
        }
        if self.is_sign(".") || self.is_sign(";") {
            return self.at_here(format!("there is no `{name}` after PREFIX and BASE in SPARQL"), format!("remove the `{name}`"));
        }
        if self.is_sign("{") || self.is_word("WHERE") {
            return self.at_here("SELECT is missing before the pattern", "write `SELECT * { … }`");
        }
        let hint = "a query begins with SELECT, ASK, CONSTRUCT or DESCRIBE, such as SELECT * { ?s ?p ?o } LIMIT 10";
        self.mistyped(&FORMS).or_else(|| self.at_here(format!("no query begins with {}", self.found()), hint))
    }

    fn selection(&self) -> Option<Fault> {
        let (found, name) = (self.found(), self.name());
        let ends = self.is_sign("{") || self.is_word("WHERE") || self.is_word("FROM");
        if ends {
            return self.at_here("SELECT names no variables", "write `SELECT *` for all, or name those that are wanted");
        }
        match self.here.kind {
            Kind::End => self.pattern_missing(),
            Kind::Sign if self.is_sign(",") => {
                self.at_here("the variables of SELECT are separated by spaces, not by commas", "remove the comma")
            }
            Kind::Sign if self.is_sign("*") => {
                self.at_here("`*` cannot be combined with variables", "write `SELECT *` alone, or the variables alone")
            }
            Kind::Sign if self.is_sign(".") => self.at_here("there is no `.` in SELECT", "remove the `.`"),
            Kind::Word if self.is_word("AS") => {
                let alias = Some(self.after()).filter(|after| after.kind == Kind::Variable);
                let alias = alias.map_or_else(|| "?name".to_owned(), |alias| brief(alias.of(self.text)));
                self.at_here("parentheses are missing around what AS names", format!("write `({} AS {alias})`", self.before()))
            }
            Kind::Word if self.is_word("TOP") || self.is_word("ALL") => self.at_here(
                format!("SPARQL has no {}", name.to_uppercase()),
                "write `LIMIT 10` at the end of the query for the first 10",
            ),
            Kind::Word if self.is_word("DISTINCT") => {
                self.at_here("DISTINCT must follow SELECT at once", "write `SELECT DISTINCT ?x`")
            }
            Kind::Word if MODIFIERS.iter().any(|word| self.is_word(word)) => self.pattern_missing(),
            Kind::Word if near::is_keyword(self.written()) && !self.is_word("a") => None,
            Kind::Word => self.mistyped(&["WHERE", "FROM", "DISTINCT", "REDUCED"]).or_else(|| {
                self.at_here(format!("`{name}` is not a variable"), format!("variables begin with `?`: write `?{name}`"))
            }),
            _ => {
                let sentence = format!("SELECT gives variables, and {found} is none");
                self.at_here(sentence, "an expression gets a name in parentheses: `(1 + 1 AS ?two)`")
            }
        }
    }

    fn pattern_missing(&self) -> Option<Fault> {
        if self.here.kind == Kind::End {
            return self.at_here("the query ends before its pattern in braces", "add what is to be found: `{ ?s ?p ?o }`");
        }
        let sentence = format!("the pattern must be in braces: a `{{` is missing before {}", self.found());
        self.at_here(sentence, "write `WHERE { … }`")
    }

    fn modifier(&self) -> Option<Fault> {
        let (found, name) = (self.found(), self.name());
        let upper = name.to_uppercase();
        let full = |word: &str| if matches!(word, "GROUP" | "ORDER") { format!("{word} BY") } else { word.to_owned() };
        if self.is_sign("}") || self.here.kind == Kind::End {
            return None;
        }
        if MODIFIERS.iter().any(|word| self.is_word(word)) {
            let sentence = match self.modifier {
                last if near::same(last, &name) => format!("{} is there twice", full(&upper)),
                last => format!("{} must stand before {}", full(&upper), full(last)),
            };
            return self.at_here(sentence, "the order is GROUP BY, HAVING, ORDER BY, LIMIT, OFFSET, VALUES");
        }
        if self.is_one_of(&["ASC", "DESC"]) {
            let hint = match self.last.kind {
                Kind::Variable => format!("write `{upper}({})`", self.before()),
                _ => format!("write `{upper}(…)`"),
            };
            return self.at_here(format!("{upper} stands before what it orders by, with parentheses around that"), hint);
        }
        if self.is_one_of(&ELEMENTS) && !self.is_word("SELECT") || self.is_word("WHERE") {
            let hint = if self.is_word("UNION") {
                "write `{ { … } UNION { … } }`"
            } else {
                "put it before the `}` that closes them"
            };
            return self.at_here(format!("{upper} stands outside of the braces of the pattern"), hint);
        }
        if self.is_one_of(&["PREFIX", "BASE"]) {
            return self.at_here(format!("{upper} stands after the query"), "put it at the top");
        }
        if self.is_one_of(&UPDATES) || self.is_one_of(&FORMS) {
            return self.at_here(format!("another query begins with {upper} here"), "send one query at a time");
        }
        if self.here.kind == Kind::Sign
            && ["=", "!=", "<", ">", "<=", ">=", "&&", "||", "+", "-", "*", "/"].contains(&self.written())
        {
            if self.modifier.is_empty() {
                let comment = ["--", "//", "/*"]
                    .iter()
                    .any(|sign| self.text.get(self.here.start..).is_some_and(|rest| rest.starts_with(sign)));
                return if comment {
                    self.at_here("a comment of SPARQL begins with `#`", "write `#` in its place, up to the end of the line")
                } else {
                    self.at_here(
                        format!("the query has ended before `{name}`"),
                        "put conditions into FILTER (…), within the braces",
                    )
                };
            }
            let clause = full(self.modifier);
            return self
                .at_here(format!("the condition of {clause} must be in parentheses"), format!("write `{clause} (… {name} …)`"));
        }
        if self.is_sign(",") {
            let hint = if self.last.kind == Kind::Number { "write `LIMIT 10 OFFSET 20`" } else { "separate variables by spaces" };
            return self.at_here("a comma does not fit here", hint);
        }
        if self.is_sign(";") || self.is_sign(".") {
            return self.at_here(format!("the query has ended before {found}"), format!("remove the `{name}`"));
        }
        self.mistyped(&["GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "VALUES"]).or_else(|| {
            let hint = "GROUP BY, HAVING, ORDER BY, LIMIT, OFFSET or VALUES may follow the pattern";
            self.at_here(format!("the query has ended before {found}"), hint)
        })
    }
}
