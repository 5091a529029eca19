//! Resumption tokens: all that a list needs to go on, so that nothing is kept for those who read it, and tokens outlive restarts,
//! snapshots and years. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::log::ChangeId;
use crate::oai::{ErrorCode, ListVerb, Refused, ResumptionToken};

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    /// Whether it is a list of headers.
    #[serde(rename = "h")]
    headers: bool,
    /// The format.
    #[serde(rename = "p")]
    pub(super) prefix: String,
    /// The set.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(super) set: Option<String>,
    /// The last time that the list is of, milliseconds since 1970.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<i64>,
    /// Whether the list has a first time: then its length is not known.
    #[serde(rename = "f", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) since: bool,
    /// The last change that was listed.
    #[serde(rename = "c")]
    after: i64,
    /// The seal of the page of this change: a log that has another one is another log.
    #[serde(rename = "l")]
    pub(super) seal: String,
    /// How many records were listed.
    #[serde(rename = "n")]
    pub(super) listed: u64,
}

impl Token {
    pub(super) fn new(verb: ListVerb, prefix: &str, set: Option<String>) -> Self {
        let headers = verb == ListVerb::Identifiers;
        Self { headers, prefix: prefix.to_owned(), set, until: None, since: false, after: 0, seal: String::new(), listed: 0 }
    }

    pub(super) fn after(&self) -> ChangeId {
        ChangeId(self.after)
    }

    /// The same list, further on.
    pub(super) fn further(&self, after: ChangeId, seal: String, listed: u64) -> Self {
        Self { after: after.0, seal, listed, ..self.clone() }
    }

    pub(super) fn write(&self) -> String {
        // A structure of texts and numbers is always JSON.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a token that a request of this verb came with.
    pub(super) fn read(token: &ResumptionToken, verb: ListVerb) -> Result<Self, Refused> {
        let read = URL_SAFE_NO_PAD.decode(token.as_str()).ok().and_then(|json| serde_json::from_slice::<Self>(&json).ok());
        match read {
            Some(read) if read.headers == (verb == ListVerb::Identifiers) && read.after >= 0 => Ok(read),
            Some(_) => Err(not_ours("this token is of a list of another verb")),
            None => Err(not_ours("this token is none of this mirror's")),
        }
    }
}

/// A token that does not lead on.
pub(super) fn not_ours(reason: &str) -> Refused {
    Refused::new(ErrorCode::BadResumptionToken, format!("{reason}: begin the list again"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_written(set in proptest::option::of("\\PC{0,20}"), until in any::<Option<i64>>(), after in 0i64.., listed: u64, headers: bool) {
            let verb = if headers { ListVerb::Identifiers } else { ListVerb::Records };
            let token = Token { until, ..Token::new(verb, "rdfxml", set) }.further(ChangeId(after), "a0".into(), listed);
            let text = ResumptionToken::new(&token.write()).expect("valid");
            prop_assert_eq!(Token::read(&text, verb), Ok(token));
        }

        #[test]
        fn no_text_is_a_token_by_chance(text in "[A-Za-z0-9_-]{1,60}") {
            let token = ResumptionToken::new(&text).expect("valid");
            prop_assert_eq!(Token::read(&token, ListVerb::Records).expect_err("none").code, ErrorCode::BadResumptionToken);
        }
    }
}
