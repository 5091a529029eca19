//! What a search is narrowed by: in the address, as chips for what is chosen, and as links with counts.

use std::collections::HashMap;

use maud::{Markup, html};
use url::form_urlencoded;

use super::kinds::kind_name;
use super::layout::Page;
use super::names::Names;
use super::words::{Language, Words};
use crate::links::Authority;
use crate::log::LogError;
use crate::rdf::last_part;
use crate::search::{Facet, FacetCounts, Question, Sort};

/// The parameters of an address that are read at most.
const MOST_PARAMETERS: usize = 60;

/// The limit on the text of a search, in characters.
const LONGEST_TEXT: usize = 300;

/// The limit on a value, in bytes.
const LONGEST_VALUE: usize = 1000;

/// A search as it stands in an address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Asked {
    pub(super) text: String,
    pub(super) chosen: Vec<(Facet, String)>,
    pub(super) sort: Sort,
    pub(super) page: usize,
}

/// What the values of facets are called: those that have names.
#[derive(Debug, Default)]
pub(super) struct Called(HashMap<String, String>);

impl Called {
    /// Looks up the names of what is shown.
    pub(super) fn of(names: &Names<'_>, facets: &[FacetCounts]) -> Result<Self, LogError> {
        let mut called = HashMap::new();
        let with_iris = [Facet::Category, Facet::Language, Facet::Subject];
        for value in facets.iter().filter(|facet| with_iris.contains(&facet.facet)).flat_map(|facet| &facet.values) {
            if let Some(name) = names.of(&value.value, false)? {
                called.insert(value.value.clone(), name);
            }
        }
        Ok(Self(called))
    }

    /// The name of a value for people.
    fn name(&self, facet: Facet, value: &str, page: &Page<'_>) -> String {
        match facet {
            Facet::Kind => kind_name(&page.app.config.shapes, value, page.language),
            Facet::Link => {
                let known = Authority::ALL.into_iter().find(|authority| authority.name() == value);
                known.map_or_else(|| value.to_owned(), |authority| authority.title().to_owned())
            }
            Facet::Decade if page.language == Language::Swedish => format!("{value}-talet"),
            Facet::Decade => format!("{value}s"),
            Facet::Source => value.to_owned(),
            Facet::Category | Facet::Language | Facet::Subject => self.0.get(value).cloned().unwrap_or_else(|| last_part(value)),
        }
    }
}

impl Asked {
    /// Reads the parameters of an address; those that mean nothing are left out.
    pub(super) fn of(query: &str) -> Self {
        let mut asked = Self { page: 1, ..Self::default() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()).take(MOST_PARAMETERS) {
            let value = value.trim();
            match (name.as_ref(), Facet::of_name(&name)) {
                ("q", _) => asked.text = value.chars().take(LONGEST_TEXT).collect(),
                ("page", _) => asked.page = value.parse().unwrap_or(1).max(1),
                ("sort", _) => asked.sort = Sort::of_name(value).unwrap_or_default(),
                (_, Some(facet)) if !value.is_empty() && value.len() <= LONGEST_VALUE => {
                    let choice = (facet, value.to_owned());
                    if !asked.chosen.contains(&choice) {
                        asked.chosen.push(choice);
                    }
                }
                _ => {}
            }
        }
        asked
    }

    /// Whether it asks for nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.chosen.is_empty()
    }

    /// The search for one page of so many results.
    pub(super) fn question(&self, page: usize, on_a_page: usize, values: usize) -> Question {
        Question {
            text: self.text.clone(),
            chosen: self.chosen.clone(),
            sort: self.sort,
            offset: (page - 1).saturating_mul(on_a_page),
            limit: on_a_page,
            values,
        }
    }

    /// The parameters, without the page if it is the first.
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![("q", self.text.clone())];
        parameters.extend(self.chosen.iter().map(|(facet, value)| (facet.name(), short(*facet, value).to_owned())));
        if self.sort != Sort::default() {
            parameters.push(("sort", self.sort.name().to_owned()));
        }
        if self.page > 1 {
            parameters.push(("page", self.page.to_string()));
        }
        parameters
    }

    /// The address of this search.
    pub(super) fn address(&self, base: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.parameters().iter().filter(|(_, value)| !value.is_empty()));
        format!("{base}/search?{}", query.finish())
    }

    fn with(&self, facet: Facet, value: &str) -> Self {
        let mut other = Self { page: 1, ..self.clone() };
        other.chosen.push((facet, value.to_owned()));
        other
    }

    fn without(&self, facet: Facet, value: &str) -> Self {
        let mut other = Self { page: 1, ..self.clone() };
        other
            .chosen
            .retain(|(known, chosen)| (*known, chosen.as_str()) != (facet, value) && !names(*known, chosen, facet, value));
        other
    }

    fn sorted(&self, sort: Sort) -> Self {
        Self { page: 1, sort, ..self.clone() }
    }
}

const LANGUAGES: &str = "https://id.kb.se/language/";

/// The form of a value in addresses: a language by its code.
fn short(facet: Facet, value: &str) -> &str {
    if facet == Facet::Language { value.strip_prefix(LANGUAGES).unwrap_or(value) } else { value }
}

/// Whether a choice, which may be the last part of an IRI, names a value.
fn names(known: Facet, chosen: &str, facet: Facet, value: &str) -> bool {
    known == facet && (chosen == value || crate::search::fold(chosen) == crate::search::fold(&last_part(value)))
}

/// The name of a facet.
fn facet_name(facet: Facet, words: &Words) -> &'static str {
    match facet {
        Facet::Kind => words.kind,
        Facet::Category => words.category,
        Facet::Language => words.language,
        Facet::Decade => words.decade,
        Facet::Subject => words.subject,
        Facet::Source => words.source,
        Facet::Link => words.linked_to,
    }
}

/// What is chosen, each as a link that takes it back.
pub(super) fn chips(page: &Page<'_>, asked: &Asked, facets: &[FacetCounts], called: &Called) -> Markup {
    let (words, base) = (page.words(), &page.app.base);
    let known = facets.iter().flat_map(|facet| facet.values.iter().map(move |value| (facet.facet, value)));
    let mut chosen: Vec<(Facet, String)> =
        known.filter(|(_, value)| value.chosen).map(|(facet, value)| (facet, value.value.clone())).collect();
    // One that no record has is a chip all the same.
    for (facet, value) in &asked.chosen {
        if !chosen.iter().any(|(known, chosen)| self::names(*facet, value, *known, chosen)) {
            chosen.push((*facet, value.clone()));
        }
    }
    html! {
        @if !chosen.is_empty() {
            ul.chips aria-label=(words.chosen) {
                @for (facet, value) in &chosen {
                    @let name = called.name(*facet, value, page);
                    li { a.chip rel="nofollow" href=(asked.without(*facet, value).address(base)) {
                        span.hidden { (words.take_back) " " } (facet_name(*facet, words)) ": " strong { (name) } span aria-hidden="true" { " ×" }
                    } }
                }
                @if chosen.len() > 1 {
                    li { a rel="nofollow" href=(Asked { chosen: Vec::new(), page: 1, ..asked.clone() }.address(base)) { (words.take_all_back) } }
                }
            }
        }
    }
}

/// Facets whose values are shown at once.
const OPEN: [Facet; 4] = [Facet::Kind, Facet::Category, Facet::Language, Facet::Decade];

/// Links that narrow the result, with counts.
pub(super) fn panel(page: &Page<'_>, asked: &Asked, facets: &[FacetCounts], called: &Called) -> Markup {
    let (words, language, base) = (page.words(), page.language, &page.app.base);
    html! {
        @if !facets.is_empty() {
            nav.narrow aria-label=(words.narrow) {
                h2 { (words.narrow) }
                @for FacetCounts { facet, values, more } in facets {
                    details open[OPEN.contains(facet) || values.iter().any(|value| value.chosen)] {
                        summary { (facet_name(*facet, words)) }
                        ul { @for value in values {
                            @let name = called.name(*facet, &value.value, page);
                            @let other = if value.chosen { asked.without(*facet, &value.value) } else { asked.with(*facet, &value.value) };
                            li {
                                a rel="nofollow" href=(other.address(base)) aria-current=[value.chosen.then_some("true")] title=[(name != value.value).then_some(&value.value)] { (name) }
                                " " span.count { (language.number(value.count)) }
                            }
                        } }
                        @if *more && *facet != Facet::Decade { p.hint { (words.most_frequent) } }
                    }
                }
            }
        }
    }
}

/// The orders, as links.
pub(super) fn orders(page: &Page<'_>, asked: &Asked) -> Markup {
    let words = page.words();
    let orders = [
        (Sort::Relevance, words.by_relevance),
        (Sort::Newest, words.newest_first),
        (Sort::Oldest, words.oldest_first),
        (Sort::Title, words.by_title),
        (Sort::Added, words.last_added),
    ];
    html! {
        nav.orders aria-label=(words.order) {
            span { (words.order) ":" }
            ul { @for (sort, name) in orders {
                li { a rel="nofollow" href=(asked.sorted(sort).address(&page.app.base)) aria-current=[(sort == asked.sort).then_some("true")] { (name) } }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_stands_in_its_address_and_back() {
        let asked = Asked::of("q=selma+l&kind=Text&language=swe&language=fin&decade=1890&sort=year&page=3&x=y&kind=");
        assert_eq!((asked.chosen.len(), asked.sort, asked.page), (4, Sort::Newest, 3));
        assert_eq!(Asked::of(asked.address("").trim_start_matches("/search?")), asked);
        let narrower = asked.with(Facet::Language, "https://id.kb.se/language/eng");
        assert!(narrower.address("/b").starts_with("/b/search?q=selma+l&") && narrower.address("").contains("language=eng"));
        assert_eq!(narrower.without(Facet::Language, "https://id.kb.se/language/eng"), Asked { page: 1, ..asked.clone() });
        assert_eq!(asked.without(Facet::Language, "https://id.kb.se/language/swe").chosen.len(), 3, "by the last part too");
    }

    #[test]
    fn an_address_of_any_size_is_read_in_bounds() {
        let many: String = (0..5000).map(|number| format!("&subject={number}")).collect();
        assert!(Asked::of(&many).chosen.len() <= MOST_PARAMETERS);
        let long = format!("q={}&kind={}&page=-1&sort=no", "å".repeat(5000), "x".repeat(5000));
        let asked = Asked::of(&long);
        assert_eq!((asked.text.chars().count(), asked.chosen.len(), asked.page), (LONGEST_TEXT, 0, 1));
        assert!(Asked::of("%ff=%00&q=%f0").chosen.is_empty());
    }
}
