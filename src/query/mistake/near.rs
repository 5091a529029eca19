//! The words of SPARQL, and the nearest one to a mistyped word.

/// The functions with their minimum and maximum number of arguments.
pub(super) const FUNCTIONS: [(&str, usize, usize); 53] = [
    ("STR", 1, 1),
    ("LANG", 1, 1),
    ("LANGMATCHES", 2, 2),
    ("DATATYPE", 1, 1),
    ("BOUND", 1, 1),
    ("IRI", 1, 1),
    ("URI", 1, 1),
    ("BNODE", 0, 1),
    ("RAND", 0, 0),
    ("ABS", 1, 1),
    ("CEIL", 1, 1),
    ("FLOOR", 1, 1),
    ("ROUND", 1, 1),
    ("CONCAT", 0, usize::MAX),
    ("SUBSTR", 2, 3),
    ("STRLEN", 1, 1),
    ("REPLACE", 3, 4),
    ("UCASE", 1, 1),
    ("LCASE", 1, 1),
    ("ENCODE_FOR_URI", 1, 1),
    ("CONTAINS", 2, 2),
    ("STRSTARTS", 2, 2),
    ("STRENDS", 2, 2),
    ("STRBEFORE", 2, 2),
    ("STRAFTER", 2, 2),
    ("YEAR", 1, 1),
    ("MONTH", 1, 1),
    ("DAY", 1, 1),
    ("HOURS", 1, 1),
    ("MINUTES", 1, 1),
    ("SECONDS", 1, 1),
    ("TIMEZONE", 1, 1),
    ("TZ", 1, 1),
    ("NOW", 0, 0),
    ("UUID", 0, 0),
    ("STRUUID", 0, 0),
    ("MD5", 1, 1),
    ("SHA1", 1, 1),
    ("SHA256", 1, 1),
    ("SHA384", 1, 1),
    ("SHA512", 1, 1),
    ("COALESCE", 0, usize::MAX),
    ("IF", 3, 3),
    ("STRLANG", 2, 2),
    ("STRDT", 2, 2),
    ("sameTerm", 2, 2),
    ("isIRI", 1, 1),
    ("isURI", 1, 1),
    ("isBLANK", 1, 1),
    ("isLITERAL", 1, 1),
    ("isNUMERIC", 1, 1),
    ("REGEX", 2, 3),
    ("ADJUST", 2, 2),
];

/// Functions over the solutions of a group.
pub(super) const AGGREGATES: [&str; 7] = ["COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT"];

/// The names of functions in other languages, with their names in SPARQL.
const SYNONYMS: [(&str, &str); 33] = [
    ("LENGTH", "STRLEN"),
    ("LEN", "STRLEN"),
    ("LOWER", "LCASE"),
    ("LOWERCASE", "LCASE"),
    ("TOLOWER", "LCASE"),
    ("LOWER-CASE", "LCASE"),
    ("UPPER", "UCASE"),
    ("UPPERCASE", "UCASE"),
    ("TOUPPER", "UCASE"),
    ("UPPER-CASE", "UCASE"),
    ("STARTSWITH", "STRSTARTS"),
    ("STARTS-WITH", "STRSTARTS"),
    ("ENDSWITH", "STRENDS"),
    ("ENDS-WITH", "STRENDS"),
    ("STRING-LENGTH", "STRLEN"),
    ("MATCH", "REGEX"),
    ("MATCHES", "REGEX"),
    ("REGEXP", "REGEX"),
    ("LIKE", "CONTAINS"),
    ("INSTR", "CONTAINS"),
    ("IFNULL", "COALESCE"),
    ("NVL", "COALESCE"),
    ("AVERAGE", "AVG"),
    ("MEAN", "AVG"),
    ("LISTAGG", "GROUP_CONCAT"),
    ("STRING_AGG", "GROUP_CONCAT"),
    ("LEFT", "SUBSTR"),
    ("MID", "SUBSTR"),
    ("TODAY", "NOW"),
    ("CASE", "IF"),
    ("CEILING", "CEIL"),
    ("EXIST", "EXISTS"),
    ("LET", "BIND"),
];

/// The forms of a query, and the words of the prologue.
pub(super) const FORMS: [&str; 6] = ["SELECT", "ASK", "CONSTRUCT", "DESCRIBE", "PREFIX", "BASE"];
/// The keywords of a group.
pub(super) const ELEMENTS: [&str; 9] = ["FILTER", "OPTIONAL", "UNION", "MINUS", "GRAPH", "SERVICE", "BIND", "VALUES", "SELECT"];
/// What follows the pattern of a query, in this order.
pub(super) const MODIFIERS: [&str; 6] = ["GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "VALUES"];
/// The words of updates.
pub(super) const UPDATES: [&str; 10] = ["INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH"];
/// All keywords that are not listed above.
const OTHERS: [&str; 19] = [
    "WHERE",
    "FROM",
    "NAMED",
    "DISTINCT",
    "REDUCED",
    "AS",
    "BY",
    "ASC",
    "DESC",
    "EXISTS",
    "NOT",
    "IN",
    "UNDEF",
    "SEPARATOR",
    "SILENT",
    "true",
    "false",
    "LATERAL",
    "a",
];

/// Returns whether two words are equal, ignoring case.
pub(super) fn same(word: &str, other: &str) -> bool {
    word.eq_ignore_ascii_case(other)
}

/// Returns whether a word is a keyword.
pub(super) fn is_keyword(word: &str) -> bool {
    [&FORMS[..], &ELEMENTS, &MODIFIERS, &UPDATES, &OTHERS].concat().iter().any(|known| same(known, word))
}

/// Returns the number of arguments that a function takes.
pub(super) fn function(word: &str) -> Option<(&'static str, usize, usize)> {
    FUNCTIONS.iter().find(|(name, ..)| same(name, word)).copied()
}

/// Returns whether a word is the name of an aggregate.
pub(super) fn aggregate(word: &str) -> Option<&'static str> {
    AGGREGATES.iter().find(|name| same(name, word)).copied()
}

/// Returns the function that a word probably means.
pub(super) fn near_function(word: &str) -> Option<&'static str> {
    if let Some((_, name)) = SYNONYMS.iter().find(|(other, _)| same(other, word)) {
        return Some(name);
    }
    let names: Vec<&'static str> = FUNCTIONS.iter().map(|(name, ..)| *name).chain(AGGREGATES).chain(["EXISTS"]).collect();
    nearest(word, &names).or_else(|| {
        let upper = word.to_ascii_uppercase();
        let begins = |name: &&&str| name.len() >= 4 && (upper.starts_with(&name.to_ascii_uppercase()));
        names.iter().filter(begins).max_by_key(|name| name.len()).copied()
    })
}

/// The limit on a word that is compared, in characters.
const MAX_WORD: usize = 24;

/// Returns the known word that is nearest to a word, if any is near.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let most = match word.chars().count() {
        0 | 1 => 0,
        2..=4 => 1,
        length if length <= MAX_WORD => 2,
        _ => return None,
    };
    let (distance, nearest) = known.iter().map(|name| (distance(word, name), *name)).min_by_key(|(distance, _)| *distance)?;
    (distance <= most && distance < nearest.chars().count()).then_some(nearest)
}

/// Returns how many letters must be inserted, deleted, changed, or swapped with the next, ignoring case.
fn distance(one: &str, other: &str) -> usize {
    strsim::osa_distance(&one.to_lowercase(), &other.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        for (word, due) in [("SELEC", "SELECT"), ("slect", "SELECT"), ("aks", "ASK"), ("CONSTURCT", "CONSTRUCT")] {
            assert_eq!(nearest(word, &FORMS), Some(due), "{word}");
        }
        for (word, due) in [("FILTR", "FILTER"), ("OPTINAL", "OPTIONAL"), ("UNOIN", "UNION"), ("BNID", "BIND")] {
            assert_eq!(nearest(word, &ELEMENTS), Some(due), "{word}");
        }
        for word in ["", "x", "person", "titel", "PREFEKTUR", &"SELECT".repeat(100)] {
            assert_eq!(nearest(word, &FORMS), None, "{word}");
        }
    }

    #[test]
    fn functions_are_known_by_what_other_languages_call_them() {
        for (word, due) in [("STRLENGTH", "STRLEN"), ("lower", "LCASE"), ("SUBSTRING", "SUBSTR"), ("GROUPCONCAT", "GROUP_CONCAT")]
        {
            assert_eq!(near_function(word), Some(due), "{word}");
        }
        assert_eq!(near_function("SOUNDEX"), None);
    }
}
