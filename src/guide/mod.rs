//! The guide: what the program does, page by page, with a command for everything that it describes.
//!
//! The pages are Markdown files in this directory. The same text is read in a terminal (`libris-mirror guide`), in a browser
//! (`/guide` of `serve`), on the web next to the source, and here, as the documentation of the modules below. A page links to
//! another as `[text][name]` and defines `[name]: name.md` at its end: that works next to the source, and [`topic_of`]
//! resolves it elsewhere. In these modules `references.txt` comes first and points the same names at modules.
//!
//! A test runs every command of every page.
#![expect(clippy::doc_markdown, reason = "the pages are prose for users")]

/// A page of the guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    /// Its name: the file without `.md`, the argument of `libris-mirror guide`, the last part of its address.
    pub name: &'static str,
    /// Its title, which is also its first heading.
    pub title: &'static str,
    /// Its text, in Markdown.
    pub text: &'static str,
}

impl Topic {
    /// Returns the text for a terminal: without what only tests and renderers read, and with each link to another page as the
    /// command that prints that page.
    #[must_use]
    pub fn plain(&self) -> String {
        let is_definition = |line: &str| line.starts_with('[') && line.contains("]: ");
        let mut plain = String::new();
        for line in self.text.lines().filter(|line| !is_definition(line)) {
            // The words after the language of a fence are for the test.
            let line = if line.starts_with("```") { line.split(' ').next().unwrap_or(line) } else { line };
            plain.push_str(line);
            plain.push('\n');
        }
        for topic in TOPICS {
            let link = format!("][{}]", topic.name);
            while let Some(end) = plain.find(&link) {
                plain.replace_range(end..end + link.len(), &format!(" (`libris-mirror guide {}`)", topic.name));
                if let Some(start) = plain[..end].rfind('[') {
                    plain.remove(start);
                }
            }
        }
        plain.truncate(plain.trim_end().len());
        plain.push('\n');
        plain
    }
}

/// The page that a reader sees first. It lists the others.
pub const INDEX: Topic = Topic { name: "index", title: "Guide to libris-mirror", text: include_str!("index.md") };

macro_rules! topics {
    ($($module:ident, $name:literal, $title:literal;)*) => {
        /// The pages, in reading order.
        pub const TOPICS: &[Topic] = &[$(Topic { name: $name, title: $title, text: include_str!(concat!($name, ".md")) }),*];
        $(
            #[doc = include_str!("references.txt")]
            #[doc = include_str!(concat!($name, ".md"))]
            pub mod $module {}
        )*
    };
}

topics! {
    harvesting, "harvesting", "Harvesting";
    querying, "querying", "Querying";
    links, "links", "Links";
    serving, "serving", "Serving";
    proof_and_repair, "proof-and-repair", "Proof and repair";
    sources, "sources", "Sources";
    analytics, "analytics", "Analytics";
    remote, "remote", "Remote stores";
    publishing, "publishing", "Publishing";
    oai_pmh, "oai-pmh", "OAI-PMH";
    find, "find", "Find";
    bookshare, "bookshare", "Bookshare";
    operations, "operations", "Operations";
    performance, "performance", "Performance";
    limits, "limits", "Limits";
}

/// Returns the page of this name.
#[must_use]
pub fn topic(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}

/// Returns the page that a link in a page leads to, if it leads to a page: `harvesting.md`.
#[must_use]
pub fn topic_of(destination: &str) -> Option<&'static Topic> {
    topic(destination.strip_suffix(".md")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_opens_with_its_title() {
        for page in TOPICS.iter().chain([&INDEX]) {
            assert_eq!(page.text.lines().next(), Some(format!("# {}", page.title).as_str()), "{}", page.name);
        }
    }

    #[test]
    fn a_terminal_shows_links_as_commands() {
        for page in TOPICS.iter().chain([&INDEX]) {
            let plain = page.plain();
            assert!(
                plain.starts_with(&format!("# {}\n", page.title)) && !plain.contains("][") && !plain.contains(".md\n"),
                "{plain}"
            );
            assert!(plain.lines().all(|line| !line.starts_with("```") || !line.contains(' ')), "{plain}");
        }
        let plain = INDEX.plain();
        assert!(plain.contains("- Harvesting (`libris-mirror guide harvesting`): the first"), "{plain}");
    }

    #[test]
    fn links_lead_to_pages_or_to_the_web() {
        for page in TOPICS.iter().chain([&INDEX]) {
            let definitions = page.text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
            for (name, destination) in definitions {
                assert_eq!(topic_of(destination).map(|topic| topic.name), Some(name), "{}: {destination}", page.name);
                assert!(page.text.contains(&format!("][{name}]")), "{}: {name} is defined and not used", page.name);
            }
            for destination in page.text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)) {
                assert!(destination.starts_with("https://"), "{}: {destination}", page.name);
            }
            for used in page.text.split("][").skip(1).filter_map(|rest| Some(rest.split_once(']')?.0)) {
                assert!(page.text.contains(&format!("\n[{used}]: {used}.md\n")), "{}: {used} is not defined", page.name);
            }
        }
    }
}
