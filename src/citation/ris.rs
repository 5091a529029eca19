//! RIS: lines of a tag and a value, from `TY` to `ER`.

use super::model::{Citation, Genus, Role};

/// A citation in RIS.
pub(super) fn ris(citation: &Citation) -> String {
    let mut lines = Lines(String::new());
    lines.add("TY", kind(citation.kind));
    lines.add("TI", &citation.title);
    for creator in &citation.creators {
        let name = creator.name.inverted();
        match creator.role {
            Role::Author => lines.add("AU", &name),
            Role::Editor => lines.add("ED", &name),
            Role::Translator => lines.add("A4", &name),
            // Readers take the other tags for editors of series.
            Role::Contributor => lines.add("N1", &format!("Contributor: {name}")),
        }
    }
    if let Some(year) = citation.year {
        lines.add("PY", &year.to_string());
    }
    lines.add_all("CY", &citation.place);
    lines.add_all("PB", &citation.publisher);
    lines.add_all("ET", &citation.edition);
    lines.add_all("SP", &citation.extent);
    lines.add_all("T2", &citation.container);
    if let Some((series, number)) = &citation.series {
        lines.add(if citation.container.is_some() { "T3" } else { "T2" }, series);
        lines.add_all("M1", number);
    }
    lines.add_all("SN", citation.isbn.iter().chain(&citation.issn));
    lines.add_all("DO", &citation.doi);
    lines.add_all("LA", &citation.languages);
    lines.add_all("KW", &citation.keywords);
    lines.add_all("AB", &citation.summary);
    lines.add("UR", citation.address.as_ref().unwrap_or(&citation.record));
    lines.add("ID", &citation.record);
    lines.0 + "ER  - \r\n\r\n"
}

struct Lines(String);

impl Lines {
    /// Adds a line, without the line breaks of the value.
    fn add(&mut self, tag: &str, value: &str) {
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.0.push_str(&format!("{tag}  - {}\r\n", value.trim()));
    }

    fn add_all<'a>(&mut self, tag: &str, values: impl IntoIterator<Item = &'a String>) {
        values.into_iter().for_each(|value| self.add(tag, value));
    }
}

fn kind(kind: Genus) -> &'static str {
    match kind {
        Genus::Book => "BOOK",
        Genus::Serial => "SER",
        Genus::Part => "CHAP",
        Genus::Map => "MAP",
        Genus::Score => "MUSIC",
        Genus::Sound => "SOUND",
        Genus::Film => "VIDEO",
        Genus::Picture => "ART",
        Genus::Manuscript => "MANSCPT",
        Genus::Software => "COMP",
        Genus::Other | Genus::Person | Genus::Organization | Genus::Place | Genus::Term => "GEN",
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::example;
    use super::*;

    #[test]
    fn every_field_has_its_tag_and_no_value_breaks_a_line() {
        let text = ris(&example());
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(
            lines,
            [
                "TY  - BOOK",
                "TI  - Nils Holgerssons underbara resa : 50 % & {mer}",
                "AU  - Lagerlöf, Selma",
                "ED  - Ågren, Åsa",
                "A4  - O'Brien, Nils",
                "N1  - Contributor: Sällskapet och vänner",
                "PY  - 1906",
                "CY  - Stockholm",
                "PB  - Bonniers",
                "ET  - 2. uppl.",
                "SP  - 245 s.",
                "T2  - Skrifter",
                "M1  - 7",
                "SN  - 9789170000591",
                "LA  - swe",
                "KW  - Gäss",
                "AB  - En pojke reser.",
                "UR  - https://libris.kb.se/abc",
                "ID  - https://libris.kb.se/abc",
                "ER  - ",
                "",
                ""
            ]
        );
    }
}
