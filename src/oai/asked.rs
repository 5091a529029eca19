//! What a harvester asks a server of the protocol for: its arguments, checked (OAI-PMH sections 3.6 and 4). Pure.

use super::{
    Datestamp, ErrorCode, Granularity, ListArguments, ListVerb, MetadataPrefix, NameError, RecordId, Request, ResumptionToken,
    SetSpec,
};

/// An error of the protocol that a server answers with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refused {
    /// Its code.
    pub code: ErrorCode,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Refused {
    /// An error with a code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

fn bad(message: impl Into<String>) -> Refused {
    Refused::new(ErrorCode::BadArgument, message)
}

/// The verbs, for messages.
const VERBS: &str = "Identify, ListMetadataFormats, ListSets, ListIdentifiers, ListRecords or GetRecord";

/// The arguments of one request.
struct Arguments<'a> {
    verb: &'a str,
    pairs: Vec<(&'a str, &'a str)>,
}

impl Arguments<'_> {
    /// Refuses arguments that the verb does not have.
    fn only(&self, known: &[&str]) -> Result<(), Refused> {
        match self.pairs.iter().find(|(name, _)| !known.contains(name)) {
            Some((name, _)) => Err(bad(format!("{} has no argument {name:?}", self.verb))),
            None => Ok(()),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn typed<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, NameError>) -> Result<Option<T>, Refused> {
        self.get(name).map(read).transpose().map_err(|error| bad(error.to_string()))
    }

    fn needed<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, NameError>) -> Result<T, Refused> {
        self.typed(name, read)?.ok_or_else(|| bad(format!("{} needs the argument {name}", self.verb)))
    }

    fn list(&self, verb: ListVerb) -> Result<Request, Refused> {
        if let Some(token) = self.get("resumptionToken") {
            if self.pairs.len() > 1 {
                return Err(bad("resumptionToken comes without other arguments: it has them in it"));
            }
            return Ok(verb.resume(resumption(token)?));
        }
        self.only(&["metadataPrefix", "from", "until", "set"])?;
        let (from, until) = (self.get("from").map(str::to_owned), self.get("until").map(str::to_owned));
        let arguments = ListArguments {
            prefix: self.needed("metadataPrefix", MetadataPrefix::new)?,
            set: self.typed("set", SetSpec::new)?,
            from,
            until,
        };
        arguments.span()?;
        Ok(verb.begin(arguments))
    }
}

fn resumption(token: &str) -> Result<ResumptionToken, Refused> {
    ResumptionToken::new(token).map_err(|error| Refused::new(ErrorCode::BadResumptionToken, error.to_string()))
}

impl Request {
    /// Reads the arguments of a request, decoded, in any order.
    ///
    /// # Errors
    /// `badVerb`, `badArgument` or `badResumptionToken`, as section 3.6 says.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Refused> {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (verbs, pairs): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(name, _)| *name == "verb");
        let verb = match verbs.as_slice() {
            [(_, verb)] => *verb,
            [] => return Err(Refused::new(ErrorCode::BadVerb, format!("a verb is missing: it is one of {VERBS}"))),
            _ => return Err(Refused::new(ErrorCode::BadVerb, "the verb comes more than once")),
        };
        for (at, (name, _)) in pairs.iter().enumerate() {
            if pairs.iter().take(at).any(|(earlier, _)| earlier == name) {
                return Err(bad(format!("the argument {name:?} comes more than once")));
            }
        }
        let arguments = Arguments { verb, pairs };
        match verb {
            "Identify" => arguments.only(&[]).map(|()| Self::Identify),
            "ListMetadataFormats" => {
                arguments.only(&["identifier"])?;
                Ok(Self::ListMetadataFormats(arguments.typed("identifier", RecordId::new)?))
            }
            "ListSets" => {
                arguments.only(&["resumptionToken"])?;
                Ok(Self::ListSets(arguments.get("resumptionToken").map(resumption).transpose()?))
            }
            "GetRecord" => {
                arguments.only(&["identifier", "metadataPrefix"])?;
                let identifier = arguments.needed("identifier", RecordId::new)?;
                Ok(Self::GetRecord(identifier, arguments.needed("metadataPrefix", MetadataPrefix::new)?))
            }
            "ListRecords" => arguments.list(ListVerb::Records),
            "ListIdentifiers" => arguments.list(ListVerb::Identifiers),
            other => {
                let shown: String = other.chars().take(80).collect();
                Err(Refused::new(ErrorCode::BadVerb, format!("there is no verb {shown:?}: it is one of {VERBS}")))
            }
        }
    }
}

/// The times that a list is of, in milliseconds since 1970, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first.
    pub from: Option<i64>,
    /// The last.
    pub until: Option<i64>,
}

const SECOND: i64 = 1000;
const DAY: i64 = 86_400 * SECOND;

/// A date of a request in the two forms of the protocol (section 3.3), and no other.
fn date(name: &str, text: &str) -> Result<(i64, Granularity), Refused> {
    let form = |form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(byte, due)| if due == b'0' { byte.is_ascii_digit() } else { byte == due })
    };
    let granularity = if form("0000-00-00") {
        Some(Granularity::Day)
    } else if form("0000-00-00T00:00:00Z") {
        Some(Granularity::Second)
    } else {
        None
    };
    let shown: String = text.chars().take(60).collect();
    let wrong = || bad(format!("{name}={shown:?} is no date: write YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ"));
    match (granularity, Datestamp::parse(text)) {
        (Some(granularity), Ok(stamp)) => Ok((stamp.millis(), granularity)),
        _ => Err(wrong()),
    }
}

impl ListArguments {
    /// The times that the list is of.
    ///
    /// # Errors
    /// `badArgument` if a date is none, if the two have different granularities, or if the first is the later one.
    pub fn span(&self) -> Result<Span, Refused> {
        let from = self.from.as_deref().map(|text| date("from", text)).transpose()?;
        let until = self.until.as_deref().map(|text| date("until", text)).transpose()?;
        if let (Some((from, of_from)), Some((until, of_until))) = (from, until) {
            if of_from != of_until {
                return Err(bad("from and until must have the same granularity"));
            }
            if from > until {
                return Err(bad("from is later than until"));
            }
        }
        let end = |(begin, granularity): (i64, Granularity)| match granularity {
            Granularity::Day => begin + DAY - 1,
            Granularity::Second => begin + SECOND - 1,
        };
        Ok(Span { from: from.map(|(from, _)| from), until: until.map(end) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Request, Refused> {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Request::read(&pairs)
    }

    #[test]
    fn what_is_asked_is_what_a_client_of_ours_would_send() {
        for query in [
            "verb=Identify",
            "verb=ListSets",
            "verb=ListMetadataFormats&identifier=https%3A%2F%2Fx%2Fy",
            "verb=GetRecord&metadataPrefix=oai_dc&identifier=https%3A%2F%2Fx%2Fy",
            "verb=ListRecords&metadataPrefix=rdfxml&from=2026-01-01&until=2026-01-01&set=nb",
            "verb=ListIdentifiers&resumptionToken=abc",
        ] {
            let request = read(query).unwrap_or_else(|error| panic!("{query}: {error}"));
            let again = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(request.arguments()).finish();
            assert_eq!(read(&again), Ok(request), "{query}");
        }
    }

    #[test]
    fn each_mistake_has_the_code_of_the_specification() {
        for (query, code) in [
            ("", ErrorCode::BadVerb),
            ("verb=", ErrorCode::BadVerb),
            ("verb=listRecords", ErrorCode::BadVerb),
            ("verb=Identify&verb=Identify", ErrorCode::BadVerb),
            ("verb=Identify&x=1", ErrorCode::BadArgument),
            ("verb=ListSets&set=nb", ErrorCode::BadArgument),
            ("verb=GetRecord&identifier=a", ErrorCode::BadArgument),
            ("verb=GetRecord&metadataPrefix=a", ErrorCode::BadArgument),
            ("verb=GetRecord&metadataPrefix=a&identifier=b+c", ErrorCode::BadArgument),
            ("verb=ListRecords", ErrorCode::BadArgument),
            ("verb=ListRecords&metadataPrefix=a&metadataPrefix=a", ErrorCode::BadArgument),
            ("verb=ListRecords&metadataPrefix=a&resumptionToken=b", ErrorCode::BadArgument),
            ("verb=ListRecords&resumptionToken=", ErrorCode::BadResumptionToken),
            ("verb=ListRecords&metadataPrefix=a&from=2026-01-02&until=2026-01-01", ErrorCode::BadArgument),
            ("verb=ListRecords&metadataPrefix=a&from=2026-01-01&until=2026-01-01T00:00:00Z", ErrorCode::BadArgument),
            ("verb=ListRecords&metadataPrefix=a&from=2026-1-1", ErrorCode::BadArgument),
            ("verb=ListRecords&metadataPrefix=a&from=2026-02-30", ErrorCode::BadArgument),
            ("verb=ListRecords&metadataPrefix=a&until=2026-01-01T00:00:00.5Z", ErrorCode::BadArgument),
            ("verb=ListRecords&metadataPrefix=a&until=2026-01-01T00:00:00%2B01:00", ErrorCode::BadArgument),
        ] {
            assert_eq!(read(query).expect_err(query).code, code, "{query}");
        }
    }

    #[test]
    fn a_span_has_its_whole_last_day_or_second() {
        let of = |from: &str, until: &str| {
            let prefix = MetadataPrefix::new("x").expect("valid");
            ListArguments { prefix, from: Some(from.into()), until: Some(until.into()), set: None }.span().expect("valid")
        };
        assert_eq!(of("1970-01-02", "1970-01-02"), Span { from: Some(DAY), until: Some(2 * DAY - 1) });
        assert_eq!(of("1970-01-01T00:00:01Z", "1970-01-01T00:00:01Z"), Span { from: Some(1000), until: Some(1999) });
    }
}
