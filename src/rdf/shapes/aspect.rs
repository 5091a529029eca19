//! The aspects of a record: what a path of the table may be for. Each is a setting of `[describe]`.

macro_rules! aspects {
    ($($variant:ident = $name:literal,)*) => {
        /// What a path is for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "config/describe.toml says what each is")]
        pub enum Aspect { $($variant,)* }

        impl Aspect {
            /// All of them, in their order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name of the setting.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

aspects! {
    Main = "main",
    Work = "work",
    Title = "title",
    MainTitle = "main_title",
    TitlePart = "title_part",
    TitleRest = "title_rest",
    Responsibility = "responsibility",
    FamilyName = "family_name",
    GivenName = "given_name",
    Name = "name",
    Label = "label",
    Components = "components",
    Code = "code",
    Variant = "variant",
    Category = "category",
    Genre = "genre",
    Content = "content",
    Carrier = "carrier",
    Language = "language",
    Subject = "subject",
    Classification = "classification",
    Audience = "audience",
    Contribution = "contribution",
    Agent = "agent",
    Role = "role",
    Creator = "creator",
    Contributor = "contributor",
    Publication = "publication",
    Place = "place",
    Publisher = "publisher",
    Year = "year",
    LifeSpan = "life_span",
    Birth = "birth",
    Death = "death",
    Description = "description",
    Summary = "summary",
    Note = "note",
    ScopeNote = "scope_note",
    Extent = "extent",
    Edition = "edition",
    Series = "series",
    InSeries = "in_series",
    SeriesStatement = "series_statement",
    SeriesNumber = "series_number",
    PartOf = "part_of",
    Nationality = "nationality",
    Broader = "broader",
    Narrower = "narrower",
    Related = "related",
    Scheme = "scheme",
    Identifier = "identifier",
    IdentifierValue = "identifier_value",
    IdentifierType = "identifier_type",
    Same = "same",
    Close = "close",
    Address = "address",
    Online = "online",
    NoLink = "no_link",
}
