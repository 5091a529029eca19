//! The `bookshare` envelope, as XML and as JSON. Pure.
//!
//! Elements have names with hyphens in XML (`total-results`), and the same without in JSON (`totalResults`).

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::fault::Fault;
use crate::serve::xml_text::escaped;

/// A format of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Xml,
    Json,
}

impl Format {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "xml" => Some(Self::Xml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Xml => "text/xml; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

/// What is said of a title or of a category.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Entry(pub(super) Vec<(&'static str, Said)>);

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Text(String),
    Number(u64),
    /// One element each.
    Texts(Vec<String>),
}

impl Entry {
    /// Says something, unless it is empty.
    pub(super) fn say(&mut self, name: &'static str, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.0.push((name, Said::Text(text)));
        }
    }

    /// Says several things under one name, unless there is none.
    pub(super) fn say_all(&mut self, name: &'static str, texts: Vec<String>) {
        if !texts.is_empty() {
            self.0.push((name, Said::Texts(texts)));
        }
    }
}

/// What an answer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// A page of a list.
    List { page: u64, limit: u64, pages: u64, total: u64, results: Vec<Entry> },
    /// One title.
    Metadata(Entry),
    /// Nothing, for a reason.
    Fault(Fault),
}

/// An answer: its section is `book`, `periodical` or `category`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) section: &'static str,
    pub(super) message: String,
    pub(super) body: Body,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Answer {
    pub(super) fn write(&self, format: Format) -> String {
        match format {
            Format::Xml => self.xml(),
            Format::Json => self.json().to_string(),
        }
    }

    fn code(&self) -> Option<u16> {
        if let Body::Fault(fault) = &self.body { Some(fault.number()) } else { None }
    }

    fn xml(&self) -> String {
        let code = self.code().map(|code| format!("<status-code>{code}</status-code>")).unwrap_or_default();
        let section = self.section;
        let inside = match &self.body {
            Body::List { page, limit, pages, total, results } => {
                let results: String = results.iter().map(|entry| format!("<result>{}</result>", xml(entry))).collect();
                format!(
                    "<{section}><list><page>{page}</page><limit>{limit}</limit><num-pages>{pages}</num-pages>\
                     <total-results>{total}</total-results>{results}</list></{section}>"
                )
            }
            Body::Metadata(entry) => format!("<{section}><metadata>{}</metadata></{section}>", xml(entry)),
            Body::Fault(_) => String::new(),
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<bookshare><version>{VERSION}</version>{code}\
             <messages><string>{}</string></messages>{inside}</bookshare>\n",
            escaped(&self.message)
        )
    }

    fn json(&self) -> Value {
        let mut envelope = Map::from_iter([("version".to_owned(), VERSION.into())]);
        if let Some(code) = self.code() {
            envelope.insert("statusCode".to_owned(), code.into());
        }
        envelope.insert("messages".to_owned(), json!([self.message]));
        let inside = match &self.body {
            Body::List { page, limit, pages, total, results } => {
                let results: Vec<Value> = results.iter().map(object).collect();
                Some(json!({"list": {"page": page, "limit": limit, "numPages": pages, "totalResults": total, "result": results}}))
            }
            Body::Metadata(entry) => Some(json!({"metadata": object(entry)})),
            Body::Fault(_) => None,
        };
        if let Some(inside) = inside {
            envelope.insert(self.section.to_owned(), inside);
        }
        json!({"bookshare": envelope})
    }
}

fn xml(entry: &Entry) -> String {
    let mut text = String::new();
    let mut element = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = write!(text, "<{name}>{}</{name}>", escaped(value));
    };
    for (name, said) in &entry.0 {
        match said {
            Said::Text(value) => element(name, value),
            Said::Number(number) => element(name, &number.to_string()),
            Said::Texts(values) => values.iter().for_each(|value| element(name, value)),
        }
    }
    text
}

fn object(entry: &Entry) -> Value {
    let member = |(name, said): &(&'static str, Said)| {
        let value = match said {
            Said::Text(text) => text.as_str().into(),
            Said::Number(number) => (*number).into(),
            Said::Texts(texts) => texts.clone().into(),
        };
        (camel(name), value)
    };
    Value::Object(entry.0.iter().map(member).collect())
}

/// `total-results` as `totalResults`.
fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let mut letters = part.chars();
        let upper = letters.next().map(|letter| letter.to_ascii_uppercase());
        text + &upper.into_iter().chain(letters).collect::<String>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_say_the_same() {
        let mut entry = Entry::default();
        entry.say("publish-date", "1906");
        entry.say_all("author", vec!["Lagerlöf, Selma".into(), "A & B".into()]);
        entry.say("publisher", "");
        let list = Body::List { page: 2, limit: 1, pages: 3, total: 3, results: vec![entry] };
        let answer = Answer { section: "book", message: "3 < 4".into(), body: list };
        let xml = answer.write(Format::Xml);
        assert!(
            xml.ends_with(
                "<messages><string>3 &lt; 4</string></messages><book><list><page>2</page><limit>1</limit><num-pages>3</num-pages>\
             <total-results>3</total-results><result><publish-date>1906</publish-date><author>Lagerlöf, Selma</author>\
             <author>A &amp; B</author></result></list></book></bookshare>\n"
            ),
            "{xml}"
        );
        let json: Value = serde_json::from_str(&answer.write(Format::Json)).expect("JSON");
        assert_eq!(
            json["bookshare"]["book"]["list"],
            json!({"page": 2, "limit": 1, "numPages": 3, "totalResults": 3, "result": [{"publishDate": "1906", "author": ["Lagerlöf, Selma", "A & B"]}]})
        );
        let refused = Answer { section: "book", message: "x".into(), body: Body::Fault(Fault::Missing) };
        assert!(
            refused.write(Format::Xml).contains("<status-code>3001</status-code>")
                && refused.json()["bookshare"]["statusCode"] == 3001
        );
    }
}
