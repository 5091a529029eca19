//! Parts of a query for people: the line that has a mistake, with a caret under the place, or a few words.

use unicode_width::UnicodeWidthChar;

/// A place in a text, with its line for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its line, from 1.
    pub(super) line: usize,
    /// Its character in that line, from 1.
    pub(super) column: usize,
    /// The line and the caret below it: two lines.
    pub(super) excerpt: String,
}

/// Columns of a long line that are shown before the place, if more follows, and in all.
const BEFORE: usize = 48;
const WIDTH: usize = 76;

/// Returns the place of a byte of a text.
pub(super) fn place(text: &str, at: usize) -> Place {
    let at = text.floor_char_boundary(at);
    let (before, after) = text.split_at(at);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let before = before.get(start..).unwrap_or_default();
    let after = after.split('\n').next().unwrap_or_default().trim_end_matches('\r');
    let column = before.chars().count() + 1;

    let behind: usize = after.chars().take(WIDTH).map(|c| columns(shown(c))).sum();
    let most = BEFORE.max(WIDTH.saturating_sub(behind));
    let (mut left, mut used, mut cut) = (Vec::new(), 0, false);
    for c in before.chars().rev().map(shown) {
        used += columns(c);
        cut = used > most || left.len() > WIDTH;
        if cut {
            break;
        }
        left.push(c);
    }
    left.reverse();
    let begin = if cut { "…" } else { "" };
    let mut used: usize = left.iter().map(|c| columns(*c)).sum();
    let (mut right, mut end) = (String::new(), "");
    for (count, c) in after.chars().map(shown).enumerate() {
        used += columns(c);
        if used > WIDTH || count > WIDTH {
            end = "…";
            break;
        }
        right.push(c);
    }
    // A wide space below a wide character keeps the caret in its column, in a browser too.
    let space = |c: &char| match columns(*c) {
        0 => "",
        1 => " ",
        _ => "\u{3000}",
    };
    let number = line.to_string();
    let gap = " ".repeat(number.len());
    let pad: String = begin.chars().map(|_| " ").chain(left.iter().map(space)).collect();
    let left: String = left.iter().collect();
    Place { line, column, excerpt: format!("{number} | {begin}{left}{right}{end}\n{gap} | {pad}^") }
}

/// Returns a character that is safe to show: not one that moves the cursor, reverses the text or is invisible.
pub(super) fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        '\u{ad}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{180e}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => '\u{fffd}',
        _ if c.is_control() => '\u{fffd}',
        _ => c,
    }
}

/// Shortens a part of a query for a sentence.
pub(super) fn brief(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut shown: String = text.chars().take(LONGEST).map(shown).map(|c| if c == '`' { '\'' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

fn columns(c: char) -> usize {
    c.width().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, at: &str) -> String {
        place(text, text.find(at).expect("it is there")).excerpt
    }

    #[test]
    fn the_caret_stands_under_the_character() {
        assert_eq!(excerpt("ASK {\n\t?s ?p X }", "X"), "2 |  ?s ?p X }\n  |        ^");
        assert_eq!(excerpt("\u{1b}[31m X\r\nY", "X"), "1 | \u{fffd}[31m X\n  |       ^");
        assert_eq!(excerpt("\"図書館\" X", "X"), "1 | \"図書館\" X\n  |  \u{3000}\u{3000}\u{3000}  ^");
        assert_eq!(excerpt("e\u{301} X", "X"), "1 | e\u{301} X\n  |   ^");
        assert_eq!(excerpt("\u{202e}a X", "X"), "1 | \u{fffd}a X\n  |    ^");
        assert_eq!(place("ASK {\n", 6).excerpt, "2 | \n  | ^");
        assert_eq!((place("a\nbö X", 6).line, place("a\nbö X", 6).column), (2, 4));
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let line = format!("{}X{}", "a ".repeat(100_000), " b".repeat(100_000));
        let shown = excerpt(&line, "X");
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].starts_with("1 | …a a") && lines[0].ends_with('…'), "{shown}");
        assert!(lines.iter().all(|line| line.chars().count() < 90), "{shown}");
        let caret = lines[1].chars().position(|c| c == '^').expect("a caret");
        assert_eq!(lines[0].chars().nth(caret), Some('X'), "{shown}");
    }
}
