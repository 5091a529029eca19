//! The limit on the depth of a query. The engine's parser, optimizer and evaluation recurse for each bracket, and for each
//! link of a chain such as `1 + 1 + 1`, and a stack overflow ends the process. So the depth is counted from the tokens first.

use super::mistake::Mistake;
use super::mistake::tokens::{Kind, Token, Tokens};

/// The limit on brackets that are open at once.
const MAX_BRACKETS: usize = 500;

/// The limit on the links of a chain (operators, triples, groups), and on those of nested chains together. Lists of values have
/// no such limit.
const MAX_LINKS: usize = 10_000;

/// The limit on nested brackets whose content the parser reads twice, which doubles its time.
const MAX_DOUBLINGS: usize = 24;

/// The stack of a thread that runs queries, in bytes. Half of it is enough at the limits, as
/// `a_query_within_the_limits_needs_a_part_of_the_stack` shows.
pub(super) const STACK: usize = 64 << 20;

/// The content of a bracket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// A group pattern.
    Group,
    /// A list, a path or the properties of a node.
    Terms,
    /// An expression, or several with commas between them.
    Expression,
    /// What follows `VALUES`.
    Data,
}

struct Frame {
    content: Content,
    /// The depth so far, and the depth of its deepest part.
    depth: usize,
    deepest: usize,
    doublings: usize,
}

/// Refuses a query that is nested too deeply.
pub(super) fn check(text: &str) -> Result<(), Mistake> {
    let mut frames = vec![Frame { content: Content::Terms, depth: 0, deepest: 0, doublings: 0 }];
    let mut tokens = Tokens::from(text, 0);
    let mut last = Token { kind: Kind::End, start: 0, end: 0 };
    let (mut data, mut doubling) = (false, 0);
    loop {
        let outer = frames.len() == 1;
        let Some(frame) = frames.last_mut() else { return Ok(()) };
        let token = tokens.next(frame.content == Content::Expression && is_operand(last, text));
        let sign = token.of(text);
        match (token.kind, sign) {
            (Kind::End, _) => return Ok(()),
            (Kind::Sign, "{" | "(" | "[") => {
                let content = content(frame.content, sign, last.of(text), last.kind, data, outer);
                data &= sign == "(";
                let doublings = frame.doublings + std::mem::take(&mut doubling);
                frames.push(Frame { content, depth: 0, deepest: 0, doublings });
                if doublings > MAX_DOUBLINGS || frames.len() > MAX_BRACKETS + 1 {
                    let most = if doublings > MAX_DOUBLINGS { MAX_DOUBLINGS } else { MAX_BRACKETS };
                    let sentence = format!("the query is nested too deeply: more than {most} brackets are open here");
                    return Err(Mistake::at(text, token.start, sentence, Some("split it into several queries".to_owned())));
                }
            }
            (Kind::Sign, "}" | ")" | "]") if !outer => {
                let inner = frame.deepest.max(frame.depth);
                frames.pop();
                if let Some(frame) = frames.last_mut().filter(|frame| frame.content != Content::Data) {
                    frame.depth = frame.depth.max(inner) + 1;
                }
            }
            (Kind::Sign, ",") if frame.content == Content::Expression => {
                frame.deepest = frame.deepest.max(frame.depth);
                frame.depth = 0;
            }
            (Kind::Sign, "!") => {
                frame.depth += 1;
                doubling += 1;
            }
            (Kind::Word, word) => {
                doubling += usize::from(
                    ["REGEX", "SUBSTR", "REPLACE", "GROUP_CONCAT"].iter().any(|name| word.eq_ignore_ascii_case(name)),
                );
                data = word.eq_ignore_ascii_case("VALUES");
                let links = frame.content == Content::Terms && !outer || word.eq_ignore_ascii_case("IN");
                frame.depth += usize::from(links);
            }
            (kind, _) => {
                let links = match frame.content {
                    Content::Data => false,
                    Content::Expression => kind == Kind::Sign && !is_number_sign(sign, last.of(text)),
                    Content::Group => kind == Kind::Sign,
                    Content::Terms => !outer,
                };
                frame.depth += usize::from(links);
                doubling *= usize::from(matches!(kind, Kind::Name | Kind::Iri));
            }
        }
        if frames.last().is_some_and(|frame| frame.depth > MAX_LINKS) {
            let sentence = format!(
                "the query is nested too deeply: more than {MAX_LINKS} triples, groups or operators follow each other here"
            );
            let hint = "split the query, or put values into VALUES or IN (…), which have no limit";
            return Err(Mistake::at(text, token.start, sentence, Some(hint.to_owned())));
        }
        last = token;
    }
}

fn content(around: Content, sign: &str, before: &str, kind: Kind, data: bool, outer: bool) -> Content {
    match sign {
        _ if data || around == Content::Data => Content::Data,
        "{" => Content::Group,
        "[" => Content::Terms,
        _ if outer || around == Content::Expression || (kind == Kind::Word && before != "a") => Content::Expression,
        _ => Content::Terms,
    }
}

/// Returns whether a token ends an operand, so that an operator may follow.
fn is_operand(token: Token, text: &str) -> bool {
    match token.kind {
        Kind::Variable | Kind::Number | Kind::Text | Kind::Language | Kind::Name | Kind::Iri => true,
        Kind::Word => matches!(token.of(text), "true" | "false"),
        Kind::Sign => token.of(text) == ")",
        _ => false,
    }
}

/// Returns whether a sign belongs to a number.
fn is_number_sign(sign: &str, before: &str) -> bool {
    matches!(sign, "+" | "-") && matches!(before, "(" | ",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxigraph::model::{NamedNode, Quad};
    use oxigraph::store::Store;

    use crate::query::{Limits, Question};

    /// Queries that are as deep as they may be, by what they repeat: before their middle, their middle, after it.
    const DEEP: [(&str, &str, &str, &str, &str, usize); 24] = [
        ("SELECT * { FILTER (", "(", "1", ")", ") }", MAX_BRACKETS - 2),
        ("SELECT * { FILTER (", "-(", "1", ")", ") }", MAX_BRACKETS - 2),
        ("SELECT * { FILTER (", "!(", "1", ")", ") }", 16),
        ("SELECT * { FILTER (", "STR(", "1", ")", ") }", MAX_BRACKETS - 2),
        ("SELECT * { FILTER (", "COALESCE(", "1", ")", ") }", MAX_BRACKETS - 2),
        ("SELECT * { FILTER (", "IF(1,2,", "1", ")", ") }", MAX_BRACKETS - 2),
        ("SELECT * { FILTER (", "1 IN (", "1", ")", ") }", MAX_BRACKETS - 2),
        ("SELECT (", "SUM(", "?s", ")", " AS ?n) { ?s ?p ?o }", MAX_BRACKETS - 2),
        ("SELECT * { ", "{", "?s ?p ?o", "}", "}", MAX_BRACKETS - 1),
        ("SELECT * { ", "OPTIONAL {", "?s ?p ?o", "}", "}", MAX_BRACKETS - 1),
        ("SELECT * { ", "FILTER EXISTS {", "?s ?p ?o", "}", "}", MAX_BRACKETS - 1),
        ("SELECT * { ", "GRAPH ?g {", "?s ?p ?o", "}", "}", MAX_BRACKETS - 1),
        ("SELECT * { ", "{ SELECT * {", "?s ?p ?o", "}}", "}", MAX_BRACKETS / 2 - 1),
        ("SELECT * { ?s ", "(", "<http://x>", ")*", " ?o }", MAX_BRACKETS - 1),
        ("CONSTRUCT { ?s ?p ", "[ ?p ", "1", "]", " } { ?s ?p ?o }", MAX_BRACKETS - 1),
        ("SELECT * { ?s ?p ?o FILTER (?s = 1", " || ?s = 1", "", "", ") }", MAX_LINKS / 2 - 2),
        ("SELECT * { FILTER (1", " + 1", "", "", ") }", 4000),
        ("SELECT * { ?s ?p ?o ", "FILTER (?s = 1)", "", "", " }", 4000),
        ("SELECT * { { ?s ?p ?o } ", "UNION { ?s ?p ?o } ", "", "", " }", MAX_LINKS / 2),
        ("SELECT * { ?s ?p ?o ", "MINUS { ?s ?p ?o } ", "", "", " }", MAX_LINKS - 10),
        ("SELECT * { ?s (<http://x>", "/<http://x>", "", "", ")* ?o }", MAX_LINKS / 2 - 4),
        ("SELECT * { ?s <http://x>", "|<http://x>", "", "", " ?o }", MAX_LINKS - 10),
        ("SELECT * { ?s ?p ?o FILTER (?o IN (1", ",-1", "", "", ")) }", 100_000),
        ("SELECT * { VALUES (?o) { (1)", "(1)", "", "", "} }", 100_000),
    ];

    fn deep(query: (&str, &str, &str, &str, &str, usize), times: usize) -> String {
        let (begin, open, middle, close, end, _) = query;
        format!("{begin}{}{middle}{}{end}", open.repeat(times), close.repeat(times))
    }

    #[test]
    fn a_query_within_the_limits_needs_a_part_of_the_stack() {
        let limits = Limits { timeout_s: 600, query_bytes: 1 << 20, fuse: true };
        for query in DEEP {
            let text = deep(query, query.5);
            let run = move || {
                let store = Store::new().expect("memory");
                let name = NamedNode::new("http://x").expect("an IRI");
                store.insert(&Quad::new(name.clone(), name.clone(), name.clone(), name)).expect("memory");
                let question = Question::from(text);
                let running = crate::query::run(&store, &question, limits, |_| {}).map_err(|error| error.to_string())?;
                match running.results {
                    oxigraph::sparql::QueryResults::Solutions(rows) => Ok(rows.count()),
                    _ => Ok(0),
                }
            };
            let thread = std::thread::Builder::new().stack_size(STACK / 2).spawn(run).expect("a thread");
            let rows: Result<usize, String> = thread.join().expect("its stack is enough");
            assert!(rows.is_ok(), "{}: {rows:?}", query.1);
        }
    }

    #[test]
    fn a_query_beyond_the_limits_is_refused_before_it_is_parsed() {
        for query in DEEP {
            let times = 30_000;
            let text = deep(query, times);
            let refused = check(&text);
            let lists = query.5 == 100_000;
            assert_eq!(refused.is_err(), !lists, "{}", query.1);
            if let Err(mistake) = refused {
                assert!(mistake.sentence.starts_with("the query is nested too deeply: more than"), "{mistake}");
            }
        }
        // What the engine would take as a chain of operators does not hide brackets.
        let hidden = format!("SELECT * {{ ?a ?b ?c FILTER(?a<{}1>2{}) }}", "(".repeat(2000), ")".repeat(2000));
        assert!(check(&hidden).is_err());
        for shallow in ["", "}})", "SELECT * { ?s ?p ?o }", "((", "VALUES", "<<<<"] {
            assert_eq!(check(shallow), Ok(()), "{shallow}");
        }
    }
}
