//! What a path asks for: segments, of which some are pairs of a name and a value, in any order. Pure.

use chrono::NaiveDate;

use super::envelope::Format;
use super::fault::Fault;

/// The first segment of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Book,
    Periodicals,
    Reference,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// Books that satisfy all of these.
    Search(Vec<Criterion>),
    Isbn(String),
    /// A book by the last part of its record's IRI.
    Id(String),
    /// What came to this mirror last.
    Latest(Vec<Criterion>),
    /// Those whose works most records refer to.
    Popular(Vec<Criterion>),
    Categories,
    Periodicals,
    Periodical(String),
}

/// A condition of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Criterion {
    /// Words of the title or of those who made it.
    Text(String),
    Title(String),
    Author(String),
    /// Words of all that is said.
    FullText(String),
    Category(String),
    /// It came to this mirror on this day or later.
    Since(NaiveDate),
}

impl Criterion {
    fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "search",
            Self::Title(_) => "title",
            Self::Author(_) => "author",
            Self::FullText(_) => "searchFTS",
            Self::Category(_) => "category",
            Self::Since(_) => "since",
        }
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) what: What,
    /// From 1.
    pub(super) page: usize,
    /// How many results a page has.
    pub(super) limit: usize,
}

/// The results of a page, if a request does not say how many, and the most that it may say.
const LIMIT: usize = 100;
const MOST: usize = 250;

/// The format that a path wants, whatever else is wrong with it.
pub(super) fn format_of(path: &[String]) -> Result<Format, Fault> {
    let mut formats =
        path.windows(2).filter(|pair| pair.first().is_some_and(|name| name == "format")).filter_map(|pair| pair.get(1));
    match formats.next() {
        None => Ok(Format::Xml),
        Some(name) => Format::named(name).ok_or_else(|| Fault::Format(name.clone())),
    }
}

/// The segments of a path that are left to read.
struct Rest<'a> {
    segments: std::slice::Iter<'a, String>,
    criteria: Vec<Criterion>,
    page: usize,
    limit: usize,
    seen: Vec<&'static str>,
}

/// A name of a pair, as it is known.
fn known(name: &str) -> Option<&'static str> {
    ["title", "author", "category", "since", "page", "limit", "format", "for"].into_iter().find(|known| *known == name)
}

impl Rest<'_> {
    fn value(&mut self, name: &'static str) -> Result<String, Fault> {
        self.segments.next().filter(|value| !value.trim().is_empty()).cloned().ok_or(Fault::Value(name))
    }

    /// Reads pairs to the end of the path; `searches` says whether some may be criteria.
    fn pairs(&mut self, searches: bool) -> Result<(), Fault> {
        while let Some(segment) = self.segments.next() {
            let name = known(segment).ok_or(Fault::Path)?;
            if self.seen.contains(&name) {
                return Err(Fault::Twice(name));
            }
            self.seen.push(name);
            let value = self.value(name)?;
            match name {
                "page" => self.page = positive(&value)?.unwrap_or(1),
                "limit" => self.limit = positive(&value)?.map_or(LIMIT, |limit| limit.min(MOST)),
                "format" => {}
                "for" => return Err(Fault::Login),
                _ if !searches => return Err(Fault::Path),
                "title" => self.criteria.push(Criterion::Title(value)),
                "author" => self.criteria.push(Criterion::Author(value)),
                "category" => self.criteria.push(Criterion::Category(value)),
                _ => self.criteria.push(Criterion::Since(date(&value)?)),
            }
        }
        let has = |name: &str| self.criteria.iter().any(|criterion| criterion.name() == name);
        if has("title") && has("author") { Err(Fault::TitleWithAuthor) } else { Ok(()) }
    }
}

/// A number; none, if it is negative or zero, which is ignored.
fn positive(text: &str) -> Result<Option<usize>, Fault> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Number(text.to_owned()));
    }
    // What no number can hold is more than there is.
    let number = digits.parse().unwrap_or(usize::MAX);
    Ok((!text.starts_with('-') && number > 0).then_some(number))
}

fn date(text: &str) -> Result<NaiveDate, Fault> {
    let wrong = || Fault::Date(text.to_owned());
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    NaiveDate::parse_from_str(text, "%m%d%Y").map_err(|_| wrong())
}

impl Asked {
    /// Reads the segments, decoded, after that of the section.
    pub(super) fn read(section: Section, path: &[String]) -> Result<Self, Fault> {
        format_of(path)?;
        let mut rest = Rest { segments: path.iter(), criteria: Vec::new(), page: 1, limit: LIMIT, seen: Vec::new() };
        let verb = rest.segments.next().map(String::as_str).unwrap_or_default();
        let what = match (section, verb) {
            (Section::Book, "search") => {
                if let Some(text) =
                    rest.segments.as_slice().first().filter(|text| known(text).is_none() && !text.trim().is_empty())
                {
                    rest.criteria.push(Criterion::Text(text.clone()));
                    rest.segments.next();
                }
                rest.pairs(true)?;
                if rest.criteria.is_empty() {
                    return Err(Fault::Value("search"));
                }
                What::Search(rest.criteria)
            }
            (Section::Book, "searchFTS") => {
                let text = rest.value("searchFTS")?;
                rest.criteria.push(Criterion::FullText(text));
                rest.pairs(true)?;
                What::Search(rest.criteria)
            }
            (Section::Book, "latest") => {
                rest.pairs(true)?;
                What::Latest(rest.criteria)
            }
            (Section::Book, "popular") => {
                rest.pairs(true)?;
                What::Popular(rest.criteria)
            }
            (Section::Book, "isbn") => {
                let isbn = rest.value("isbn")?;
                rest.pairs(false)?;
                What::Isbn(isbn)
            }
            (Section::Book, "id") => {
                let id = rest.value("id")?;
                rest.pairs(false)?;
                What::Id(id)
            }
            (Section::Periodicals, "id") => {
                let id = rest.value("id")?;
                rest.pairs(false)?;
                What::Periodical(id)
            }
            (Section::Periodicals, "list") => {
                rest.pairs(false)?;
                What::Periodicals
            }
            (Section::Reference, "category") => {
                if rest.segments.next().map(String::as_str) != Some("list") {
                    return Err(Fault::Path);
                }
                rest.pairs(false)?;
                What::Categories
            }
            _ => return Err(Fault::Path),
        };
        Ok(Self { what, page: rest.page, limit: rest.limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(section: Section, path: &str) -> Result<Asked, Fault> {
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        Asked::read(section, &segments)
    }

    #[test]
    fn pairs_come_in_any_order() {
        let due = Asked { what: What::Search(vec![Criterion::Text("potter".into())]), page: 2, limit: 50 };
        for path in ["search/potter/page/2/limit/50/format/json", "search/potter/format/xml/limit/50/page/2"] {
            assert_eq!(read(Section::Book, path), Ok(due.clone()), "{path}");
        }
        let both = read(Section::Book, "search/category/Romaner/since/01312025").expect("valid").what;
        let since = NaiveDate::from_ymd_opt(2025, 1, 31).expect("a day");
        assert_eq!(both, What::Search(vec![Criterion::Category("Romaner".into()), Criterion::Since(since)]));
        assert_eq!(read(Section::Periodicals, "list").expect("valid").what, What::Periodicals);
        assert_eq!(read(Section::Reference, "category/list/limit/7").expect("valid").limit, 7);
        for (path, page, limit) in [
            ("latest/page/-3/limit/-1", 1, 100),
            ("latest/page/0/limit/0", 1, 100),
            ("latest/limit/251", 1, 250),
            ("latest/limit/99999999999999999999999/page/99999999999999999999999", usize::MAX, 250),
        ] {
            let asked = read(Section::Book, path).expect(path);
            assert_eq!((asked.page, asked.limit), (page, limit), "{path}");
        }
    }

    #[test]
    fn mistakes_have_one_number_each() {
        let title = "title";
        for (path, fault) in [
            ("", Fault::Path),
            ("serch/x", Fault::Path),
            ("search", Fault::Value("search")),
            ("search/title", Fault::Value(title)),
            ("search/title/x/author/y", Fault::TitleWithAuthor),
            ("search/title/x/title/y", Fault::Twice(title)),
            ("search/x/y", Fault::Path),
            ("search/x/page/two", Fault::Number("two".into())),
            ("search/since/13012025", Fault::Date("13012025".into())),
            ("search/since/2025-01-01", Fault::Date("2025-01-01".into())),
            ("search/x/format/csv", Fault::Format("csv".into())),
            ("isbn/1/title/x", Fault::Path),
            ("search/x/for/me@example.org", Fault::Login),
        ] {
            assert_eq!(read(Section::Book, path), Err(fault), "{path}");
        }
    }
}
