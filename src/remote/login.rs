//! Who asks: HTTP authentication by Basic (RFC 7617) and Digest (RFC 7616), as the server demands.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};
use fs_err as fs;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::error::RemoteError;
use crate::config;

/// A user with a password, and what the server demanded last. It is not [`Debug`]: nothing shows a password.
pub(super) struct Login {
    user: String,
    password: String,
    /// By the origin that demanded it: nobody else is told.
    demanded: Mutex<HashMap<String, Scheme>>,
}

/// How the server wants to know who asks.
enum Scheme {
    Basic,
    Digest(Box<WwwAuthenticateHeader>),
}

impl Login {
    /// Reads the password: the first line of its file.
    pub(super) fn read(name: &str, login: &config::Login) -> Result<Self, RemoteError> {
        let text = fs::read_to_string(&login.password_file).map_err(|source| {
            let file = login.password_file.clone();
            RemoteError::Password { name: name.to_owned(), file, source }
        })?;
        let password = text.lines().next().unwrap_or_default().to_owned();
        Ok(Self { user: login.user.clone(), password, demanded: Mutex::default() })
    }

    /// What to send with a request, once the server has said what it wants.
    pub(super) fn answer(&self, method: &'static str, url: &Url) -> Option<HeaderValue> {
        let mut demanded = self.demanded.lock().unwrap_or_else(PoisonError::into_inner);
        let text = match demanded.get_mut(&origin(url))? {
            Scheme::Basic => format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password))),
            Scheme::Digest(demand) => {
                let path = match url.query() {
                    Some(query) => format!("{}?{query}", url.path()),
                    None => url.path().to_owned(),
                };
                let context =
                    AuthContext::new_with_method(&self.user, &self.password, path, None::<&[u8]>, HttpMethod(method.into()));
                demand.respond(&context).ok()?.to_header_string()
            }
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Notes what a server demands that answered 401. Digest goes first: it does not show the password.
    pub(super) fn demand(&self, url: &Url, headers: &HeaderMap) -> bool {
        let demands = || headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let digest = demands().find(|text| is_scheme(text, "digest")).and_then(|text| digest_auth::parse(text).ok());
        let basic = || demands().any(|text| is_scheme(text, "basic")).then_some(Scheme::Basic);
        let found = digest.map(|demand| Scheme::Digest(Box::new(demand))).or_else(basic);
        let mut demanded = self.demanded.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(scheme) = found else {
            demanded.remove(&origin(url));
            return false;
        };
        demanded.insert(origin(url), scheme);
        true
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn is_scheme(demand: &str, scheme: &str) -> bool {
    demand.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        Login { user: "Mufasa".into(), password: "Circle Of Life".into(), demanded: Mutex::default() }
    }

    fn demands(texts: &[&'static str]) -> HeaderMap {
        texts.iter().map(|text| (WWW_AUTHENTICATE, HeaderValue::from_static(text))).collect()
    }

    #[test]
    fn nothing_is_sent_before_the_server_asks_for_it() {
        let (login, url) = (login(), Url::parse("http://a.example/sparql?x=1").expect("valid"));
        assert!(login.answer("POST", &url).is_none());
        assert!(login.demand(&url, &demands(&["Basic realm=\"x\""])));
        let answer = login.answer("POST", &url).expect("an answer");
        assert_eq!(answer, "Basic TXVmYXNhOkNpcmNsZSBPZiBMaWZl");
        assert!(answer.is_sensitive(), "it appears in no log");
        let other = Url::parse("http://b.example/sparql").expect("valid");
        assert!(login.answer("POST", &other).is_none(), "who did not ask is not told");
    }

    #[test]
    fn digest_is_answered_and_counts_its_answers() {
        let (login, url) = (login(), Url::parse("http://a.example/sparql-auth?x=1").expect("valid"));
        let both = ["Basic realm=\"x\"", "Digest realm=\"SPARQL\", nonce=\"abc\", qop=\"auth\", algorithm=MD5"];
        assert!(login.demand(&url, &demands(&both)));
        let answers = [1, 2].map(|_| login.answer("POST", &url).expect("an answer").to_str().expect("text").to_owned());
        for (answer, count) in answers.iter().zip(["nc=00000001", "nc=00000002"]) {
            assert!(answer.starts_with("Digest ") && answer.contains("uri=\"/sparql-auth?x=1\"") && answer.contains(count));
            assert!(!answer.contains("Circle"), "{answer}");
        }
        assert!(!login.demand(&url, &demands(&["Negotiate"])), "nothing that is known");
        assert!(login.answer("POST", &url).is_none());
    }
}
