//! A citation: what a reference manager needs of a record.

/// What a reference manager needs of a record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Citation {
    /// The IRI of the record.
    pub record: String,
    /// The kind of what it describes.
    pub kind: Genus,
    /// Title with subtitle.
    pub title: String,
    /// Who made it, in the order of the record.
    pub creators: Vec<Creator>,
    /// The year of publication.
    pub year: Option<i64>,
    /// Where it was published.
    pub place: Option<String>,
    /// Who published it.
    pub publisher: Option<String>,
    /// The edition.
    pub edition: Option<String>,
    /// The extent, such as `245 s.`
    pub extent: Option<String>,
    /// The series, and the number in it.
    pub series: Option<(String, Option<String>)>,
    /// What it is a part of.
    pub container: Option<String>,
    /// ISBNs, without hyphens.
    pub isbn: Vec<String>,
    /// ISSNs.
    pub issn: Vec<String>,
    /// The DOI.
    pub doi: Option<String>,
    /// Language codes, as the record's IRIs end: `swe`.
    pub languages: Vec<String>,
    /// Names of subjects and genres.
    pub keywords: Vec<String>,
    /// A summary.
    pub summary: Option<String>,
    /// Where it can be read, if that is on the web.
    pub address: Option<String>,
}

/// The kinds that the formats tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Genus {
    /// A book.
    Book,
    /// A journal, a newspaper.
    Serial,
    /// An article, or another part of something.
    Part,
    /// A map.
    Map,
    /// Notated music.
    Score,
    /// A sound recording.
    Sound,
    /// A film.
    Film,
    /// A picture.
    Picture,
    /// A manuscript.
    Manuscript,
    /// A game, a program, a data set.
    Software,
    /// Another resource.
    #[default]
    Other,
    /// A person: nothing to cite, as the following.
    Person,
    /// An organisation.
    Organization,
    /// A place.
    Place,
    /// A term, a class, and anything else that is said of resources.
    Term,
}

impl Genus {
    /// Whether it can be cited.
    #[must_use]
    pub fn is_resource(self) -> bool {
        !matches!(self, Self::Person | Self::Organization | Self::Place | Self::Term)
    }
}

/// Somebody who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creator {
    /// What they did.
    pub role: Role,
    /// Their name.
    pub name: Name,
}

/// What somebody did, as far as the formats tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Wrote, composed, drew or painted it.
    Author,
    /// Edited it.
    Editor,
    /// Translated it.
    Translator,
    /// Did something else.
    Contributor,
}

/// A name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// Of a person.
    Person {
        /// The family name.
        family: String,
        /// The given names.
        given: String,
    },
    /// Of an organisation, or of a person whose name is not told apart.
    Whole(String),
}

impl Name {
    /// The name with the family name first: `Lagerlöf, Selma`.
    #[must_use]
    pub fn inverted(&self) -> String {
        match self {
            Self::Person { family, given } => format!("{family}, {given}"),
            Self::Whole(name) => name.clone(),
        }
    }
}

#[cfg(test)]
pub(super) fn example() -> Citation {
    let person =
        |role, family: &str, given: &str| Creator { role, name: Name::Person { family: family.into(), given: given.into() } };
    Citation {
        record: "https://libris.kb.se/abc".into(),
        kind: Genus::Book,
        title: "Nils Holgerssons underbara resa : 50 % & {mer}".into(),
        creators: vec![
            person(Role::Author, "Lagerlöf", "Selma"),
            person(Role::Editor, "Ågren", "Åsa"),
            person(Role::Translator, "O'Brien", "Nils"),
            Creator { role: Role::Contributor, name: Name::Whole("Sällskapet och vänner".into()) },
        ],
        year: Some(1906),
        place: Some("Stockholm".into()),
        publisher: Some("Bonniers".into()),
        edition: Some("2. uppl.".into()),
        extent: Some("245 s.".into()),
        series: Some(("Skrifter".into(), Some("7".into()))),
        container: None,
        isbn: vec!["9789170000591".into()],
        issn: Vec::new(),
        doi: None,
        languages: vec!["swe".into()],
        keywords: vec!["Gäss".into()],
        summary: Some("En pojke\nreser.".into()),
        address: None,
    }
}
