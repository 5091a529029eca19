//! Text in XML 1.0, which cannot hold all characters. Pure.

use std::borrow::Cow;

/// Whether XML 1.0 can hold a character (section 2.2).
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Whether XML 1.0 can hold a text.
pub(super) fn is_holdable(text: &str) -> bool {
    // What lies below, or begins with the byte of U+FFFE, is rare.
    text.bytes().all(|byte| (b' '..0xef).contains(&byte)) || text.chars().all(is_allowed)
}

/// A text as content or as the value of an attribute. What XML cannot hold is replaced by U+FFFD: for text that people read.
pub(super) fn escaped(text: &str) -> String {
    let held: Cow<'_, str> = if is_holdable(text) {
        text.into()
    } else {
        text.chars().map(|c| if is_allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect::<String>().into()
    };
    quick_xml::escape::escape(held.as_ref()).replace('\r', "&#13;")
}

/// A section of Turtle or JSON. What XML cannot hold is written as both languages write it in strings.
pub(super) fn cdata(text: &str) -> String {
    let held: Cow<'_, str> = if is_holdable(text) {
        text.into()
    } else {
        let escape = |c: char| if is_allowed(c) { c.to_string() } else { format!("\\u{:04X}", u32::from(c)) };
        text.chars().map(escape).collect::<String>().into()
    };
    format!("<![CDATA[{}]]>", held.replace("]]>", "]]]]><![CDATA[>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_can_be_written() {
        assert_eq!(escaped("a<b>&\"c\r\n\u{1}\u{fffe}d"), "a&lt;b&gt;&amp;&quot;c&#13;\n\u{fffd}\u{fffd}d");
        assert_eq!(cdata("\"a]]>b\u{ffff}\""), "<![CDATA[\"a]]]]><![CDATA[>b\\uFFFF\"]]>");
        assert!(is_holdable("Räksmörgås \u{10348}\t\u{fffd}") && !is_holdable("a\u{b}") && !is_holdable("a\u{ffff}"));
    }
}
