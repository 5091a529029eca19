//! The parameters of `/find`: what is looked for, filters on properties, a window, an order. Pure.

use crate::serve::problem::Problem;

/// The results of a page, if a request does not say how many, and the most that it may say.
const LIMIT: usize = 200;
const MOST: usize = 1000;

/// The most filters, the most values of one, and the most steps of a path.
const MOST_FILTERS: usize = 32;
const MOST_STEPS: usize = 8;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// Words, with operators.
    pub(super) q: Option<String>,
    /// What is found links to this.
    pub(super) o: Option<String>,
    pub(super) limit: usize,
    pub(super) offset: usize,
    pub(super) sort: Vec<Order>,
    pub(super) filters: Vec<Filter>,
}

/// An order by the values of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) path: Vec<Step>,
    pub(super) descending: bool,
}

/// A filter on a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) joined: Joined,
    pub(super) test: Test,
    pub(super) path: Vec<Step>,
    pub(super) values: Vec<String>,
}

/// How a filter goes together with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joined {
    /// It must hold, for any of its values.
    Plain,
    /// It must hold for each of its values (`and-`).
    Each,
    /// It, or another one of this kind, must hold (`or-`).
    Either,
    /// It must hold for none of its values (`not-`).
    Not,
}

/// What is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    Equals,
    /// The property is there, or not.
    Exists,
    Min,
    MinExclusive,
    Max,
    MaxExclusive,
    /// A date within another, or a term below another.
    Matches,
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Along a property, by its name in KB's vocabulary.
    Along(String),
    /// Against one (`@reverse.itemOf`).
    Against(String),
    /// To the record (`meta`).
    Meta,
    /// The thing itself (`@id`); only at the end.
    Id,
    /// Its class (`@type`); only at the end.
    Type,
}

const TESTS: [(&str, Test); 6] = [
    ("exists-", Test::Exists),
    ("minEx-", Test::MinExclusive),
    ("min-", Test::Min),
    ("maxEx-", Test::MaxExclusive),
    ("max-", Test::Max),
    ("matches-", Test::Matches),
];
const JOINS: [(&str, Joined); 3] = [("not-", Joined::Not), ("or-", Joined::Either), ("and-", Joined::Each)];

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reads a path such as `instanceOf.subject.@id`.
pub(super) fn path(text: &str) -> Result<Vec<Step>, Problem> {
    let shown: String = text.chars().take(100).collect();
    let wrong = |problem: &str| Problem::bad_request(format!("{shown:?} is no path of properties: {problem}"));
    let mut steps: Vec<Step> = Vec::new();
    let mut parts = text.split('.');
    while let Some(part) = parts.next() {
        if matches!(steps.last(), Some(Step::Id | Step::Type)) {
            return Err(wrong("@id and @type stand at its end"));
        }
        steps.push(match part {
            "@id" => Step::Id,
            "@type" => Step::Type,
            "meta" => Step::Meta,
            "@reverse" => match parts.next().filter(|name| is_name(name)) {
                Some(name) => Step::Against(name.to_owned()),
                None => return Err(wrong("a property follows @reverse")),
            },
            name if is_name(name) => Step::Along(name.to_owned()),
            _ => return Err(wrong("write the names of properties, with dots between them, such as instanceOf.subject.@id")),
        });
        if steps.len() > MOST_STEPS {
            return Err(wrong("it is too long"));
        }
    }
    Ok(steps)
}

fn number(name: &str, value: &str) -> Result<usize, Problem> {
    let shown: String = value.chars().take(40).collect();
    value.parse().map_err(|_| Problem::bad_request(format!("{name}={shown} is no number")))
}

impl Asked {
    /// Reads parameters, decoded.
    pub(super) fn read(pairs: &[(String, String)]) -> Result<Self, Problem> {
        let mut asked = Self { q: None, o: None, limit: LIMIT, offset: 0, sort: Vec::new(), filters: Vec::new() };
        for (name, value) in pairs {
            match name.as_str() {
                "q" => asked.q = Some(value.clone()).filter(|text| !text.trim().is_empty()),
                "o" => asked.o = Some(value.clone()),
                "_limit" => asked.limit = number(name, value)?.min(MOST),
                "_offset" => asked.offset = number(name, value)?,
                "_sort" => asked.sort = value.split(',').filter(|path| !path.is_empty()).map(order).collect::<Result<_, _>>()?,
                other if other.starts_with('_') => {
                    return Err(Problem::bad_request(format!(
                        "there is no parameter {other}: use q, o, _limit, _offset, _sort or a filter"
                    )));
                }
                other => asked.add(other, value)?,
            }
        }
        Ok(asked)
    }

    fn add(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let mut rest = name;
        let mut taken = |known: &str| rest.strip_prefix(known).map(|left| rest = left).is_some();
        let joined = JOINS.into_iter().find(|(prefix, _)| taken(prefix)).map_or(Joined::Plain, |(_, joined)| joined);
        let test = TESTS.into_iter().find(|(prefix, _)| taken(prefix)).map_or(Test::Equals, |(_, test)| test);
        let path = path(rest)?;
        if test == Test::Exists && !["true", "false"].contains(&value) {
            return Err(Problem::bad_request(format!("{name} is true or false")));
        }
        let same = self.filters.iter_mut().find(|known| known.joined == joined && known.test == test && known.path == path);
        match same {
            Some(same) => same.values.push(value.to_owned()),
            None => self.filters.push(Filter { joined, test, path, values: vec![value.to_owned()] }),
        }
        if self.filters.iter().map(|filter| filter.values.len()).sum::<usize>() > MOST_FILTERS {
            return Err(Problem::bad_request(format!("more than {MOST_FILTERS} filters")));
        }
        Ok(())
    }

    /// The names of all properties that it names.
    pub(super) fn properties(&self) -> Vec<&str> {
        let paths = self.filters.iter().map(|filter| &filter.path).chain(self.sort.iter().map(|order| &order.path));
        let mut names: Vec<&str> = paths
            .flatten()
            .filter_map(|step| match step {
                Step::Along(name) | Step::Against(name) => Some(name.as_str()),
                Step::Meta | Step::Id | Step::Type => None,
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

fn order(text: &str) -> Result<Order, Problem> {
    let (descending, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    Ok(Order { path: path(text)?, descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Asked, Problem> {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Asked::read(&pairs)
    }

    fn along(name: &str) -> Step {
        Step::Along(name.into())
    }

    #[test]
    fn filters_have_prefixes_and_values_that_come_several_times() {
        let asked = read("q=tove&instanceOf.subject.@id=https://x/a&instanceOf.subject.@id=https://x/b&not-min-publication.year=1990&exists-image=true&_limit=5&_offset=10&_sort=-publication.year").expect("valid");
        assert_eq!((asked.limit, asked.offset, asked.q.as_deref()), (5, 10, Some("tove")));
        assert_eq!(asked.sort, [Order { path: vec![along("publication"), along("year")], descending: true }]);
        let [subject, year, image] = asked.filters.as_slice() else { panic!("{asked:?}") };
        assert_eq!((subject.joined, subject.test, subject.values.len()), (Joined::Plain, Test::Equals, 2));
        assert_eq!(subject.path, [along("instanceOf"), along("subject"), Step::Id]);
        assert_eq!((year.joined, year.test), (Joined::Not, Test::Min));
        assert_eq!(image.test, Test::Exists);
        assert_eq!(asked.properties(), ["image", "instanceOf", "publication", "subject", "year"]);
        assert_eq!(
            read("@reverse.itemOf.heldBy.@id=x").expect("valid").filters[0].path,
            [Step::Against("itemOf".into()), along("heldBy"), Step::Id]
        );
        assert_eq!(read("q=+&_limit=99999").expect("valid"), Asked { limit: MOST, ..read("").expect("valid") });
    }

    #[test]
    fn mistakes_are_named() {
        for (query, words) in [
            ("_limit=x", "_limit=x is no number"),
            ("_offset=-1", "_offset=-1 is no number"),
            ("_page=2", "there is no parameter _page"),
            ("a..b=1", "no path of properties"),
            ("a%20b=1", "no path of properties"),
            ("@id.a=1", "stand at its end"),
            ("exists-a=yes", "true or false"),
            ("@reverse=1", "a property follows @reverse"),
            (&format!("{}=1", ["a"; 9].join(".")), "too long"),
        ] {
            let problem = read(query).expect_err(query);
            assert!(problem.detail.contains(words), "{query}: {}", problem.detail);
        }
    }
}
