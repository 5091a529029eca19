//! Explains a query that the engine's parser refused: a sentence, the line with a caret under the place, and a hint.
//!
//! The parser reports the characters that it expected, and a place that is often after the mistake. So the query is read
//! again here ([`grammar`]), by the grammar of SPARQL 1.1, up to the first token that does not fit; [`explain`] and the
//! files below it then guess what is meant there. They only see queries that the parser refused, so they never refuse a query
//! themselves; only [`aggregates`] refuses what the parser accepts against the grammar.

mod aggregates;
mod excerpt;
mod explain;
mod expressions;
mod functions;
mod grammar;
mod lexical;
mod message;
mod near;
mod patterns;
mod phrases;
mod prefix;
mod reader;
mod scope;
mod terms;
pub(super) mod tokens;
mod wanted;
mod within;

pub(super) use aggregates::aggregates_of_groups;
pub use message::Mistake;
use reader::{Fault, Reader, Rules, Stop};

/// Returns the mistake in a query that the parser refused with `said`. `base`: whether relative IRIs are resolved.
pub(super) fn find(text: &str, base: bool, said: &str) -> Mistake {
    let mut reader = Reader::new(text, base, Rules { group: Reader::group, select: Reader::select });
    let Fault { at, sentence, hint } = match reader.query() {
        Err(Stop::Fault(fault)) => fault,
        Err(Stop::Unexpected(wanted)) => reader.explain(wanted),
        Ok(()) => {
            return Mistake::at(text, parsers_place(text, said), "the query cannot be read up to its end", None);
        }
    };
    Mistake::at(text, at, sentence, hint)
}

/// Returns the mistake for a function that the engine does not have, or has with other arguments.
pub(super) fn function(text: &str, iri: &str, arguments: Option<usize>) -> Mistake {
    functions::mistake(text, iri, arguments)
}

/// Returns where the parser stopped: the beginning of the token, because its own place is often inside the token.
fn parsers_place(text: &str, said: &str) -> usize {
    let place = said.split_once(" at ").and_then(|(_, rest)| rest.split_once(": "));
    let numbers = place.and_then(|(place, _)| {
        let (line, column) = place.split_once(':')?;
        Some((line.parse::<usize>().ok()?, column.parse::<usize>().ok()?))
    });
    let Some((line, column)) = numbers else { return 0 };
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let at = start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
    let (mut tokens, mut begin) = (tokens::Tokens::from(text, 0), 0);
    loop {
        let token = tokens.next(false);
        if token.kind == tokens::Kind::End || token.start > at {
            return begin;
        }
        begin = token.start;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    const VALID: [&str; 8] = [
        "SELECT ?class (COUNT(*) AS ?n) { ?thing a ?class } GROUP BY ?class ORDER BY DESC(?n) LIMIT 5 OFFSET 2",
        "SELECT * { ?s ?p ?o . FILTER(?o > 1 && (?o<5||!BOUND(?p)) && STRLEN(STR(?s)) != 4 && ?p NOT IN (kbv:a, <http://x>)) }",
        "SELECT DISTINCT ?s WHERE { { ?s a kbv:Person } UNION { ?s a kbv:Work } OPTIONAL { ?s kbv:x ?n } MINUS { ?s kbv:y 1 } }",
        "PREFIX x: <http://x/>\nCONSTRUCT { ?s x:a [ x:c \"d\"@sv ] } WHERE { GRAPH ?g { ?s (x:p|^x:q)+/!(x:r|^a)* ?o } }",
        "SELECT (GROUP_CONCAT(?x; SEPARATOR=', ') AS ?y) { VALUES (?x ?z) { ('å' 1) (UNDEF -2.5e3) } } HAVING (SUM(?z) > 0)",
        "SELECT ?s { { SELECT ?s (MAX(?y) AS ?m) { ?s kbv:year ?y } GROUP BY ?s } BIND(IF(?m = 1, true, false) AS ?b) }",
        "ASK FROM <http://x/g> { ?s kbv:a?/^kbv:b 'x'^^xsd:string , \"\"\"long\ntext\"\"\" ; a kbv:C . [] kbv:d (1 _:e) }",
        "DESCRIBE ?s <https://libris.kb.se/x#it> WHERE { ?s ?p ?o FILTER NOT EXISTS { ?o kbv:z _:c } SERVICE SILENT ?s {} }",
    ];

    /// Parts that are inserted, besides arbitrary text.
    const PARTS: [&str; 40] = [
        "",
        " ",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ".",
        ";",
        ",",
        "?x",
        "'",
        "\"",
        "<",
        ">",
        "kbv:a",
        " AS ",
        " FILTER ",
        " ORDER BY ?o ",
        "a",
        "!",
        "-",
        "1",
        "/",
        "|",
        "&&",
        "=",
        "@sv",
        "^^",
        "_:b",
        "%",
        "\\",
        "#",
        "é",
        "\u{1f600}",
        "\t",
        "\u{0}",
        "\u{a0}",
        "''",
    ];

    fn parsed(text: &str) -> Result<(), String> {
        let question = crate::query::Question::from(text.to_owned());
        crate::query::run::parse(&question.text, question.base.as_deref()).map(|_| ()).map_err(|error| error.to_string())
    }

    /// What is said of any text is a few lines that can be shown anywhere.
    fn say(text: &str) -> String {
        let said = find(text, false, "error at 1:3: expected EOF").to_string();
        assert!(said.lines().count() <= 5, "{said}");
        assert!(said.chars().all(|c| c == '\n' || excerpt::shown(c) == c), "{said:?}");
        assert!(said.lines().all(|line| line.chars().count() < 300), "{said}");
        said
    }

    #[test]
    fn nothing_is_found_in_a_valid_query() {
        for text in VALID {
            assert_eq!(parsed(text), Ok(()));
            assert!(say(text).starts_with("the query cannot be read up to its end"), "{}", say(text));
        }
    }

    proptest! {
        #[test]
        fn anything_at_all_is_answered(text in any::<String>()) {
            say(&text);
        }

        #[test]
        fn a_query_with_a_part_changed_is_either_taken_or_explained(
            query in select(&VALID[..]),
            at in any::<Index>(),
            length in 0..6_usize,
            part in prop_oneof![select(&PARTS[..]).prop_map(str::to_owned), any::<String>()],
        ) {
            let characters: Vec<char> = query.chars().collect();
            let at = at.index(characters.len());
            let end = (at + length).min(characters.len());
            let text: String = characters[..at].iter().copied().chain(part.chars()).chain(characters[end..].iter().copied()).collect();
            say(&text);
            if let Err(said) = parsed(&text) {
                prop_assert!(!said.contains("expected one of") && !said.contains("'..='"), "{}", said);
            }
        }
    }

    #[test]
    fn long_texts_take_little_time() {
        let begun = std::time::Instant::now();
        for (begin, part) in [
            ("SELECT ", "a."),
            ("SELECT * { ", "a-"),
            ("SELECT * { FILTER ", "("),
            ("SELECT * ", "{"),
            ("SELECT * { FILTER(1 ", "<a"),
            ("SELECT * { ?s ?p '''", "''"),
            ("SELECT * { ", "?s ?p ?o . "),
            ("SELECT * { ", "{ ?s ?p ?o } _:b ?p ?o "),
            ("SELECT * {} GROUP BY ", "?x "),
            ("SELECT ", "(?y + COUNT(*) AS ?x) "),
            ("", "#\n"),
            ("", "\u{0}"),
            ("SELECT * { kbv:", "%2"),
            ("SELECT * { ", "a:"),
        ] {
            say(&format!("{begin}{}", part.repeat((1 << 20) / part.len())));
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}
