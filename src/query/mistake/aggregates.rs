//! Aggregates within a pattern. The grammar (SPARQL 1.1, 11.1 and 18.2.4.1) allows them only in SELECT, HAVING and ORDER BY; the
//! engine also accepts them in a FILTER or BIND, and then finds nothing, which would look like an answer.

use super::message::Mistake;
use super::near;
use super::tokens::{Kind, Tokens};

/// Refuses a query with an aggregate within a pattern.
pub(in crate::query) fn aggregates_of_groups(text: &str) -> Result<(), Mistake> {
    // For each open group, whether it is a pattern: a group that begins with SELECT has clauses of its own.
    let mut groups: Vec<bool> = Vec::new();
    let mut tokens = Tokens::from(text, 0);
    let mut token = tokens.next(false);
    loop {
        let next = tokens.next(matches!(token.kind, Kind::Variable | Kind::Number | Kind::Text) || token.of(text) == ")");
        match (token.kind, token.of(text)) {
            (Kind::End, _) => return Ok(()),
            (Kind::Sign, "{") => groups.push(true),
            (Kind::Sign, "}") => drop(groups.pop()),
            (Kind::Word, word) if near::same(word, "SELECT") => {
                if let Some(pattern) = groups.last_mut() {
                    *pattern = false;
                }
            }
            (Kind::Word, word) if groups.last() == Some(&true) && next.of(text) == "(" => {
                if let Some(name) = near::aggregate(word) {
                    let sentence = format!("{name} counts over groups, and cannot be used within the pattern");
                    let hint = format!("a condition on it follows the pattern: `}} GROUP BY … HAVING ({name}(…) > 1)`");
                    return Err(Mistake::at(text, token.start, sentence, Some(hint)));
                }
            }
            _ => {}
        }
        token = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates_are_refused_within_patterns_and_nowhere_else() {
        for (query, column) in [
            ("SELECT ?s { ?s a kbv:Record FILTER(COUNT(?s) > 1) }", 36),
            ("SELECT ?k (COUNT(*) AS ?n) { ?s a ?k FILTER(?n < 3 && sum(?s) > 1) } GROUP BY ?k", 55),
            ("ASK { BIND(MAX (?s) AS ?n) }", 12),
            ("SELECT * { { SELECT (COUNT(*) AS ?n) { ?s ?p ?o } } OPTIONAL { FILTER(AVG(?n) > 1) } }", 71),
        ] {
            let mistake = aggregates_of_groups(query).expect_err(query);
            assert_eq!((mistake.line, mistake.column), (1, column), "{mistake}");
            assert!(mistake.hint.is_some_and(|hint| hint.contains("HAVING")), "{query}");
        }
        for query in [
            "SELECT ?k (COUNT(*) AS ?n) { ?s a ?k } GROUP BY ?k HAVING (COUNT(?s) > 1) ORDER BY DESC(COUNT(?s))",
            "SELECT * { { SELECT ?k (COUNT(*) AS ?n) WHERE { ?s a ?k } GROUP BY ?k HAVING (MIN(?s) > 1) } ?x ?y ?z }",
            "SELECT * { ?s kbv:COUNT ?n ; :max ?m . ?count ?sum \"COUNT(\" } # COUNT(",
            "SELECT * { ?s ?p ?o FILTER(?o < 3 && STRLEN(?o) > 2) }",
            "}}}{{{",
        ] {
            assert_eq!(aggregates_of_groups(query), Ok(()), "{query}");
        }
    }
}
