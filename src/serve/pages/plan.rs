//! What a query does, as a table: its steps in their order, with the solutions that were expected after each, and that came.

use maud::{Markup, html};

use super::layout::scroll;
use super::words::Language;
use crate::query::plan::Step;
use crate::query::{Explained, compact};

/// The deepest step that is moved in further than the one around it.
const DEEPEST: usize = 8;

/// Returns the table.
pub(super) fn table(explained: &Explained, language: Language) -> Markup {
    let words = language.words();
    let (results, milliseconds) = (language.number(explained.results), (explained.seconds * 1e3).round());
    let mut steps = Vec::new();
    list(&explained.steps.0, 0, &mut steps);
    html! {
        p { (results) " " (words.plan_results) " (" (milliseconds) " " (words.milliseconds) ")" }
        @if steps.is_empty() { p.hint { (words.plan_none) } }
        @else {
            (scroll(words.plan, &html! {
                table.plan {
                    thead { tr {
                        th scope="col" { (words.plan_step) }
                        th.number scope="col" { (words.plan_expected) }
                        th.number scope="col" { (words.plan_came) }
                    } }
                    tbody {
                        @for (depth, step) in steps {
                            tr {
                                td class={ "in" (depth) } { (step.kind.word()) " " code { (short(&step.text)) } }
                                td.number { (number(step.rows, language)) }
                                td.number { (number(step.came, language)) }
                            }
                        }
                    }
                }
            }))
        }
    }
}

/// Lists steps, each before those within it.
fn list<'a>(steps: &'a [Step], depth: usize, all: &mut Vec<(usize, &'a Step)>) {
    for step in steps {
        all.push((depth.min(DEEPEST), step));
        list(&step.steps, depth + 1, all);
    }
}

/// Returns a pattern with short names in place of IRIs; texts stay as they are.
fn short(pattern: &str) -> String {
    let (mut rest, mut within, mut shown) = (pattern, false, String::new());
    while let Some(first) = rest.chars().next() {
        let iri = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')).filter(|_| !within);
        let name = iri.and_then(|(iri, after)| Some((compact(iri)?, after)));
        if let Some((name, after)) = name {
            shown.push_str(&name);
            rest = after;
            continue;
        }
        // What is behind a backslash does not end a text.
        let length = if first == '\\' { 1 + rest.chars().nth(1).map_or(0, char::len_utf8) } else { first.len_utf8() };
        within ^= first == '"';
        shown.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    shown
}

fn number(rows: Option<u64>, language: Language) -> String {
    rows.map_or_else(|| "–".to_owned(), |rows| language.number(rows))
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn names_are_short_outside_of_texts() {
        for (pattern, shown) in [
            ("?s <https://id.kb.se/vocab/year> ?y .", "?s kbv:year ?y ."),
            (
                r#"?s <https://x.example/> "<https://id.kb.se/vocab/a> \" <https://id.kb.se/vocab/b>\\" <https://id.kb.se/vocab/c>"#,
                r#"?s <https://x.example/> "<https://id.kb.se/vocab/a> \" <https://id.kb.se/vocab/b>\\" kbv:c"#,
            ),
            ("(?a < ?b) \\", "(?a < ?b) \\"),
            ("", ""),
        ] {
            assert_eq!(short(pattern), shown);
        }
    }
}
