//! The layout of every page: head, menu, footer.

use axum::body::Body;
use axum::http::header::{CONTENT_LANGUAGE, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};
use url::form_urlencoded;

use super::assets;
use super::words::{Language, Words};
use crate::serve::app::App;
use crate::serve::negotiate::GRAPHS;

/// A page for a visitor.
pub struct Page<'a> {
    /// The server.
    pub app: &'a App,
    /// The visitor's language.
    pub language: Language,
    /// The title, without the site's.
    pub title: &'a str,
    /// Its place in the menu.
    pub place: Place,
    /// The parameters of its address that the link to the other language keeps.
    pub keep: Vec<(&'static str, String)>,
    /// Whether it needs the scripts of the SPARQL page.
    pub script: bool,
    /// Its public address without parameters, if search engines may list it.
    pub address: Option<String>,
    /// The address of its data, up to the format, if it has data.
    pub data: Option<String>,
}

/// A place in the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The front page.
    Home,
    /// The search.
    Search,
    /// The SPARQL page.
    Sparql,
    /// The harvests.
    Harvest,
    /// None of them.
    Elsewhere,
}

impl Page<'_> {
    /// Returns the words of its language.
    #[must_use]
    pub fn words(&self) -> &'static Words {
        self.language.words()
    }

    /// Returns the address of this page in the other language.
    fn other_language(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.keep.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (*name, value.as_str())));
        query.append_pair("lang", self.words().other_code);
        format!("?{}", query.finish())
    }

    /// Returns links to the same in other languages and formats.
    fn alternates(&self) -> Markup {
        html! {
            @if let Some(address) = &self.address {
                @for language in Language::ALL {
                    link rel="alternate" hreflang=(language.code()) href={ (address) "?lang=" (language.code()) };
                }
                link rel="alternate" hreflang="x-default" href=(address);
            }
            @if let Some(data) = &self.data {
                @for offer in &GRAPHS {
                    link rel="alternate" type=(offer.media_type) title=(offer.title) href={ (data) (offer.names.first().unwrap_or(&"ttl")) };
                }
            }
        }
    }

    /// Renders the page around its content.
    #[must_use]
    pub fn render(&self, status: StatusCode, content: &Markup) -> Response {
        self.render_with(status, &html! {}, content)
    }

    /// Renders the page around its content, with more elements in its head.
    #[must_use]
    pub fn render_with(&self, status: StatusCode, head: &Markup, content: &Markup) -> Response {
        let (words, base) = (self.words(), &self.app.base);
        let menu = [
            (Place::Home, format!("{base}/"), words.home),
            (Place::Search, format!("{base}/search"), words.search),
            (Place::Sparql, format!("{base}/sparql"), words.sparql),
            (Place::Harvest, format!("{base}/harvest"), words.harvests),
        ];
        let title = if self.title.is_empty() { words.site.to_owned() } else { format!("{} – {}", self.title, words.site) };
        let markup = html! {
            (DOCTYPE)
            html lang=(self.language.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="description" content=(words.tagline);
                    title { (title) }
                    link rel="stylesheet" href=(assets::STYLE.address(base));
                    link rel="icon" type="image/svg+xml" href=(assets::ICON.address(base));
                    (self.alternates())
                    (head)
                    @if self.script { @for script in &assets::SPARQL { script src=(script.address(base)) defer {} } }
                }
                body {
                    a.skip href="#content" { (words.skip) }
                    header.top {
                        div.wide {
                            a.brand href={ (base) "/" } { (mark()) span { (words.site) } }
                            nav aria-label=(words.main_menu) {
                                ul {
                                    @for (place, address, name) in &menu {
                                        li { a href=(address) aria-current=[(*place == self.place).then_some("page")] { (name) } }
                                    }
                                    li.language {
                                        a href=(self.other_language()) lang=(words.other_code) hreflang=(words.other_code) { (words.other_language) }
                                    }
                                }
                            }
                        }
                    }
                    main #content.wide tabindex="-1" { (content) }
                    footer {
                        div.wide {
                            p { (words.licence) " " a href=(crate::export::CC0) rel="license" { "CC0 1.0" } }
                            p {
                                a href={ (base) "/guide" } { (words.guide) } " · "
                                a href={ (base) "/sparql" } { (words.endpoint) } " · "
                                a href={ (base) "/.well-known/void" } { "VoID" } " · "
                                a href={ (base) "/dump.nt.gz" } { (words.dump) } " · "
                                a href={ (base) "/health" } { "health" } " · "
                                a href={ (base) "/metrics" } { "metrics" } " · "
                                "libris-mirror " (env!("CARGO_PKG_VERSION"))
                            }
                        }
                    }
                }
            }
        };
        let mut response = Response::new(Body::from(markup.into_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(self.language.code()));
        response
    }
}

/// Returns a box for content that may be wider than the page; the keyboard can scroll it.
#[must_use]
pub fn scroll(name: &str, content: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(name) tabindex="0" { (content) } }
}

/// Returns the logo: a book and its reflection.
fn mark() -> Markup {
    html! {
        svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true" focusable="false" {
            path d="M3 14V5c4-2 9-2 13 1 4-3 9-3 13-1v9c-4-2-9-2-13 1-4-3-9-3-13-1z" fill="currentColor" {}
            path d="M3 18v9c4 2 9 2 13-1 4 3 9 3 13 1v-9c-4 2-9 2-13-1-4 3-9 3-13 1z" fill="currentColor" opacity="0.45" {}
        }
    }
}

/// Returns a time, milliseconds since 1970, for people and for programs.
#[must_use]
pub fn time(millis: i64) -> Markup {
    let Some(time) = DateTime::<Utc>::from_timestamp_millis(millis) else { return html! { "–" } };
    html! { time datetime=(time.format("%Y-%m-%dT%H:%M:%SZ")) { (time.format("%Y-%m-%d %H:%M")) " UTC" } }
}

/// Returns a time, or another text if there is none.
#[must_use]
pub fn time_or(millis: Option<i64>, otherwise: &str) -> Markup {
    millis.map_or_else(|| html! { (otherwise) }, time)
}
