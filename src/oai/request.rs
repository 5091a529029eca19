//! The six verbs of OAI-PMH section 4 as typed requests.

use super::{MetadataPrefix, RecordId, ResumptionToken, SetSpec};

/// The arguments of a selective `ListRecords` or `ListIdentifiers` (OAI-PMH section 2.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListArguments {
    /// The format of the records.
    pub prefix: MetadataPrefix,
    /// Inclusive lower bound, already at the repository's granularity.
    pub from: Option<String>,
    /// Inclusive upper bound, already at the repository's granularity.
    pub until: Option<String>,
    /// The set to list, or everything.
    pub set: Option<SetSpec>,
}

/// The two verbs that list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListVerb {
    /// `ListRecords`
    Records,
    /// `ListIdentifiers`
    Identifiers,
}

impl ListVerb {
    /// The value of the `verb` argument.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Records => "ListRecords",
            Self::Identifiers => "ListIdentifiers",
        }
    }

    /// A first request.
    #[must_use]
    pub fn begin(self, arguments: ListArguments) -> Request {
        match self {
            Self::Records => Request::ListRecords(arguments),
            Self::Identifiers => Request::ListIdentifiers(arguments),
        }
    }

    /// A request for more.
    #[must_use]
    pub fn resume(self, token: ResumptionToken) -> Request {
        match self {
            Self::Records => Request::ResumeRecords(token),
            Self::Identifiers => Request::ResumeIdentifiers(token),
        }
    }
}

/// A request of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The description of the repository.
    Identify,
    /// The formats of the repository, or of one item.
    ListMetadataFormats(Option<RecordId>),
    /// The sets of the repository.
    ListSets(Option<ResumptionToken>),
    /// The headers of a list.
    ListIdentifiers(ListArguments),
    /// More of such a list. The token is exclusive: nothing else goes with it.
    ResumeIdentifiers(ResumptionToken),
    /// The records of a list.
    ListRecords(ListArguments),
    /// More of such a list.
    ResumeRecords(ResumptionToken),
    /// More of a list, from a server that requires the prefix in addition to the token, against section 3.5.
    ResumeWithPrefix(ListVerb, ResumptionToken, MetadataPrefix),
    /// More of a list, from a server that does not decode what is percent-encoded.
    ResumeUnencoded(ListVerb, ResumptionToken),
    /// One record.
    GetRecord(RecordId, MetadataPrefix),
}

impl Request {
    /// The value of the `verb` argument.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Identify => "Identify",
            Self::ListMetadataFormats(_) => "ListMetadataFormats",
            Self::ListSets(_) => "ListSets",
            Self::ListIdentifiers(_) | Self::ResumeIdentifiers(_) => "ListIdentifiers",
            Self::ListRecords(_) | Self::ResumeRecords(_) => "ListRecords",
            Self::ResumeWithPrefix(verb, ..) | Self::ResumeUnencoded(verb, _) => verb.name(),
            Self::GetRecord(..) => "GetRecord",
        }
    }

    /// The arguments in the order they are sent, `verb` first since some servers insist; not yet encoded.
    #[must_use]
    pub fn arguments(&self) -> Vec<(&'static str, &str)> {
        let mut arguments = vec![("verb", self.verb())];
        match self {
            Self::Identify | Self::ListMetadataFormats(None) | Self::ListSets(None) => {}
            Self::ListMetadataFormats(Some(identifier)) => arguments.push(("identifier", identifier.as_str())),
            Self::ListIdentifiers(list) | Self::ListRecords(list) => {
                arguments.push(("metadataPrefix", list.prefix.as_str()));
                arguments.extend(list.from.as_deref().map(|from| ("from", from)));
                arguments.extend(list.until.as_deref().map(|until| ("until", until)));
                arguments.extend(list.set.as_ref().map(|set| ("set", set.as_str())));
            }
            Self::ListSets(Some(token))
            | Self::ResumeIdentifiers(token)
            | Self::ResumeRecords(token)
            | Self::ResumeUnencoded(_, token) => arguments.push(("resumptionToken", token.as_str())),
            Self::ResumeWithPrefix(_, token, prefix) => {
                arguments.push(("metadataPrefix", prefix.as_str()));
                arguments.push(("resumptionToken", token.as_str()));
            }
            Self::GetRecord(identifier, prefix) => {
                arguments.push(("metadataPrefix", prefix.as_str()));
                arguments.push(("identifier", identifier.as_str()));
            }
        }
        arguments
    }

    /// The address of this request at a base URL whose own query, if any, stays in front.
    #[must_use]
    pub fn url(&self, base: &url::Url) -> url::Url {
        let mut url = base.clone();
        if let Self::ResumeUnencoded(verb, token) = self {
            let before = base.query().map(|query| format!("{query}&")).unwrap_or_default();
            url.set_query(Some(&format!("{before}verb={}&resumptionToken={}", verb.name(), token.as_str())));
            return url;
        }
        for (name, value) in self.arguments() {
            url.query_pairs_mut().append_pair(name, value);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_percent_encoded_and_the_verb_comes_first() {
        let base = url::Url::parse("https://example.org/oai?key=1").expect("valid");
        let list = Request::ListRecords(ListArguments {
            prefix: MetadataPrefix::new("rdfxml").expect("valid"),
            from: Some("2026-07-01T12:00:00Z".into()),
            until: None,
            set: Some(SetSpec::new("bib:S&x").expect("valid")),
        });
        assert_eq!(
            list.url(&base).as_str(),
            "https://example.org/oai?key=1&verb=ListRecords&metadataPrefix=rdfxml&from=2026-07-01T12%3A00%3A00Z&set=bib%3AS%26x"
        );
        let resume = Request::ResumeRecords(ResumptionToken::new(" a+b/c= ").expect("valid"));
        assert_eq!(resume.url(&base).as_str(), "https://example.org/oai?key=1&verb=ListRecords&resumptionToken=a%2Bb%2Fc%3D");
        let unencoded = Request::ResumeUnencoded(ListVerb::Identifiers, ResumptionToken::new("a+b/c=").expect("valid"));
        assert_eq!(unencoded.url(&base).as_str(), "https://example.org/oai?key=1&verb=ListIdentifiers&resumptionToken=a+b/c=");
    }
}
