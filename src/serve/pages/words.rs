//! The texts of the pages, in English and Swedish.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Swedish.
    Swedish,
}

impl Language {
    /// The languages.
    pub const ALL: [Self; 2] = [Self::English, Self::Swedish];

    /// Returns the language that the visitor chose, or else prefers.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok()).unwrap_or_default();
        let chosen = text(COOKIE).split(';').find_map(|pair| pair.trim().strip_prefix("lang=").and_then(Self::named));
        chosen.unwrap_or_else(|| {
            let preferred = accept_language::parse(text(ACCEPT_LANGUAGE));
            preferred.iter().find_map(|tag| Self::named(tag.split('-').next().unwrap_or_default())).unwrap_or(Self::English)
        })
    }

    /// Returns the language of a code.
    #[must_use]
    pub fn named(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::English),
            "sv" => Some(Self::Swedish),
            _ => None,
        }
    }

    /// Returns its code (BCP 47).
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Swedish => "sv",
        }
    }

    /// Returns its texts.
    #[must_use]
    pub fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::Swedish => &SWEDISH,
        }
    }

    /// Formats a number, with its thousands grouped as in this language.
    #[must_use]
    pub fn number(self, number: impl fmt::Display) -> String {
        let digits = number.to_string();
        let between = if self == Self::English { ',' } else { '\u{a0}' };
        let mut text = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(between);
            }
            text.push(digit);
        }
        text
    }
}

macro_rules! words {
    ($($name:ident: $english:literal, $swedish:literal;)*) => {
        /// The texts of the pages.
        #[derive(Debug)]
        pub struct Words { $(pub $name: &'static str,)* }
        static ENGLISH: Words = Words { $($name: $english,)* };
        static SWEDISH: Words = Words { $($name: $swedish,)* };
    };
}

words! {
    site: "Libris mirror", "Libris-spegel";
    tagline: "A mirror of the open data of Libris, Sweden's national library catalogue",
        "En spegling av öppna data från Libris, Sveriges nationella bibliotekskatalog";
    skip: "Skip to the content", "Hoppa till innehållet";
    home: "Overview", "Översikt";
    search: "Search", "Sök";
    sparql: "SPARQL", "SPARQL";
    harvests: "Harvests", "Skördar";
    other_language: "Svenska", "English";
    other_code: "sv", "en";
    main_menu: "Main menu", "Huvudmeny";
    search_label: "Title, name, subject, ISBN or identifier", "Titel, namn, ämne, ISBN eller identifikator";
    search_hint: "All words must match; the last may be the beginning of a word; \"words in quotes\" follow one another. Å, ä and ö are letters of their own.",
        "Alla ord ska finnas med; det sista får vara början på ett ord; \"ord inom citattecken\" följer på varandra. Å, ä och ö är egna bokstäver.";
    records: "records", "poster";
    triples: "triples", "tripplar";
    links_out: "links to others", "länkar till andra";
    fresh: "harvested", "skördat";
    never: "never yet", "aldrig hittills";
    published: "published", "publicerad";
    what_is_here: "What is here", "Vad som finns här";
    about: "Every record is kept as the library delivered it, is a graph of its own, and can be queried together with all others in SPARQL. The data are free to use (CC0).",
        "Varje post bevaras som biblioteket levererade den, är en egen graf, och kan utfrågas tillsammans med alla andra i SPARQL. Data är fria att använda (CC0).";
    source: "Source", "Källa";
    live: "Live", "Aktuella";
    deleted: "Deleted", "Borttagna";
    withdrawn: "Withdrawn", "Utgångna";
    quarantined: "In quarantine", "I karantän";
    undelivered: "Not delivered", "Ej levererade";
    last_harvest: "Last harvest", "Senaste skörd";
    links_by_authority: "Links by authority", "Länkar per auktoritet";
    by_decade: "Records by decade of publication", "Poster per utgivningsdecennium";
    over_time: "Harvests over time: records received", "Skördar över tid: mottagna poster";
    kinds: "What the records describe", "Vad posterna beskriver";
    kind: "Kind", "Slag";
    nothing_yet: "Nothing has been harvested yet.", "Inget har skördats ännu.";
    table: "As a table", "Som tabell";
    decade: "Decade", "Decennium";
    authority: "Authority", "Auktoritet";
    links: "Links", "Länkar";
    date: "Date", "Datum";
    filling: "The search is being filled: not everything is found yet.", "Sökningen fylls på: allt hittas inte än.";
    found_none: "Nothing was found.", "Inget hittades.";
    found: "found", "träffar";
    of_these: "of which", "varav";
    shown: "are shown", "visas";
    narrow: "Narrow down", "Avgränsa";
    chosen: "Chosen", "Valt";
    take_back: "Remove", "Ta bort";
    take_all_back: "Remove all", "Ta bort alla";
    most_frequent: "The most frequent are shown.", "De vanligaste visas.";
    browse: "All records. Search for words, or choose among the links.", "Alla poster. Sök på ord, eller välj bland länkarna.";
    category: "Category", "Kategori";
    subject: "Subject", "Ämne";
    linked_to: "Linked to", "Länkad till";
    order: "Order", "Ordning";
    by_relevance: "best match", "bästa träff";
    newest_first: "newest", "nyast";
    oldest_first: "oldest", "äldst";
    by_title: "title", "titel";
    last_added: "last added", "senast tillagd";
    feed: "feed of what is added", "flöde av det som läggs till";
    found_hint: "Try fewer or shorter words, or the beginning of the last one.", "Prova färre eller kortare ord, eller början på det sista.";
    previous: "Previous", "Föregående";
    next: "Next", "Nästa";
    pages: "Pages of results", "Resultatsidor";
    record: "Record", "Post";
    record_deleted: "This record was deleted at the source. The mirror keeps its earlier versions in the log.",
        "Posten är borttagen hos källan. Det som spegeln visste om den finns kvar i dess logg.";
    record_withdrawn: "This record left its set at the source without being deleted. Its last version is kept in the log.",
        "Posten har lämnat sin mängd hos källan utan att tas bort. Den sista versionen finns kvar i loggen.";
    record_unreadable: "The source delivered this record in a form that cannot be read:", "Källan levererade posten i en form som inte kan läsas:";
    links_heading: "Elsewhere", "På andra ställen";
    history: "History in this mirror", "Historik i spegeln";
    received: "Received", "Mottagen";
    datestamp: "Datestamp of the source", "Källans datumstämpel";
    state: "State", "Tillstånd";
    first_version: "came", "kom";
    new_version: "changed", "ändrades";
    deleted_version: "was deleted", "togs bort";
    data: "Data", "Data";
    find_records: "Find records with this in the search", "Hitta poster med detta i sökningen";
    cite: "Cite as", "Citera som";
    refers: "What refers to it", "Vad som hänvisar hit";
    as_turtle: "The graph as Turtle", "Grafen som Turtle";
    at_libris: "At Libris", "Hos Libris";
    at_source: "At the source", "Hos källan";
    not_found: "There is no such page or record here", "Det finns ingen sådan sida eller post här";
    not_found_hint: "It may have another address: try the search.", "Den kan ha en annan adress: prova sökningen.";
    responsibility: "Responsibility", "Ansvarsuppgift";
    contributors: "Contributors", "Medverkande";
    publication: "Published", "Utgivning";
    extent: "Extent", "Omfång";
    language: "Language", "Språk";
    genre: "Genre and form", "Genre och form";
    content: "Content", "Innehåll";
    carrier: "Carrier", "Bärare";
    subjects: "Subjects", "Ämnen";
    identifiers: "Identifiers", "Identifikatorer";
    series: "Series", "Serie";
    part_of: "Part of", "Ingår i";
    summary: "Summary", "Sammanfattning";
    notes: "Notes", "Anmärkningar";
    life_span: "Life span", "Levnadstid";
    nationality: "Nationality", "Nationalitet";
    variants: "Also called", "Även kallad";
    description: "Description", "Beskrivning";
    broader: "Broader", "Överordnat";
    narrower: "Narrower", "Underordnat";
    related: "Related", "Relaterat";
    scheme: "Scheme", "System";
    scope_note: "Scope note", "Definition";
    classification: "Classification", "Klassifikation";
    work: "Work", "Verk";
    query: "Query", "Fråga";
    examples: "Examples", "Exempel";
    run: "Run", "Kör";
    run_hint: "Ctrl+Enter runs the query as well.", "Ctrl+Enter kör också frågan.";
    completion_hint: "Ctrl+Space completes prefixes, classes and properties.", "Ctrl+mellanslag kompletterar prefix, klasser och egenskaper.";
    suggestions: "Completions", "Kompletteringar";
    class: "class", "klass";
    property: "property", "egenskap";
    place: "Show the place", "Visa stället";
    share: "Copy the link", "Kopiera länken";
    shared: "The link to this query was copied.", "Länken till frågan har kopierats.";
    plan: "Plan", "Plan";
    plan_hint: "The query was run to its end: its steps in their order, with the solutions that were expected after each, and that came out of its pattern.",
        "Frågan har körts till sitt slut: dess steg i ordning, med de lösningar som väntades efter varje, och som kom ur dess mönster.";
    plan_step: "Step", "Steg";
    plan_expected: "Expected", "Väntade";
    plan_came: "Came", "Kom";
    plan_results: "results", "resultat";
    plan_none: "The query is too long or too deeply nested to be planned: it is run in the order in which it is written.",
        "Frågan är för lång eller för djupt nästlad för att planeras: den körs i den ordning som den är skriven.";
    time_line: "Time line", "Tidslinje";
    left_out: "Rows without a year or a number, which only the table has", "Rader utan år eller tal, som bara tabellen har";
    with_names: "Names", "Namn";
    names_missing: "Some names are missing: ", "Några namn saknas: ";
    names_missing_hint: " brings the names of languages, roles and genres.", " hämtar namnen på språk, roller och genrer.";
    results: "Results", "Resultat";
    format: "Format", "Format";
    download: "Download as", "Ladda ner som";
    prefixes: "Predefined prefixes", "Fördefinierade prefix";
    running: "The query is running …", "Frågan körs …";
    stop: "Stop", "Avbryt";
    chart: "Chart", "Diagram";
    no_results: "The query gave no results.", "Frågan gav inga resultat.";
    rows: "rows", "rader";
    cut: "Only the first rows are shown here; a download has all of them.", "Bara de första raderna visas här; en nedladdning har alla.";
    milliseconds: "ms", "ms";
    yes: "Yes", "Ja";
    no: "No", "Nej";
    failed: "The query failed", "Frågan misslyckades";
    sparql_intro: "The union of all graphs is the default graph; each record is a graph of its own.",
        "Unionen av alla grafer är standardgraf; varje post är en egen graf.";
    next_window: "Next harvest", "Nästa skörd";
    next_from: "asks for changes since", "frågar efter det som ändrats sedan";
    next_all: "asks for everything", "frågar efter allt";
    next_resumes: "continues where the last one stopped", "fortsätter där den förra slutade";
    begun: "Begun", "Påbörjad";
    ended: "Ended", "Avslutad";
    complete: "complete", "fullständig";
    in_doubt: "complete, in doubt", "fullständig, osäkert";
    open: "open", "öppen";
    abandoned: "abandoned", "övergiven";
    asked_from: "Asked from", "Frågade från";
    pages_of_log: "Pages", "Sidor";
    created: "New", "Nya";
    changed: "Changed", "Ändrade";
    unchanged: "Unchanged", "Oförändrade";
    reason: "Reason", "Orsak";
    quarantine_heading: "Records that cannot be read", "Poster som inte kan läsas";
    undelivered_heading: "Records that the source did not deliver", "Poster som källan inte levererade";
    none: "none", "inga";
    trouble_heading: "Why runs ended early", "Varför körningar avbröts";
    remote_heading: "Stores that follow", "Databaser som följer";
    store: "Store", "Databas";
    behind_by: "Changes behind", "Ändringar efter";
    first_of: "the first of", "de första av";
    snapshot: "Snapshot", "Ögonblicksbild";
    guide: "Guide", "Handbok (på engelska)";
    endpoint: "SPARQL endpoint", "SPARQL-åtkomst";
    dump: "Everything as N-Triples", "Allt som N-Triples";
    licence: "The data of Libris are published by the National Library of Sweden, and this is a mirror of them:",
        "Data från Libris utges av Kungliga biblioteket, och detta är en spegling av dem:";
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_visitors_language_is_found() {
        let of = |accept: &'static str, cookie: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(accept));
            headers.insert(COOKIE, HeaderValue::from_static(cookie));
            Language::of(&headers)
        };
        assert_eq!(of("sv-SE,sv;q=0.9,en;q=0.8", ""), Language::Swedish);
        assert_eq!(of("en-GB,en;q=0.9,sv;q=0.8", ""), Language::English);
        assert_eq!(of("fi", ""), Language::English);
        assert_eq!(of("sv-SE", ""), Language::Swedish);
        assert_eq!(of("en", "a=b; lang=sv"), Language::Swedish);
        assert_eq!(of("sv", "lang=xx"), Language::Swedish);
        assert_eq!(Language::English.number(1_234_567), "1,234,567");
        assert_eq!(Language::Swedish.number(1234), "1\u{a0}234");
    }
}
