//! The guide as web pages: the list of topics, and a page for each.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html as markdown};

use super::layout::{Page, Place};
use super::words::Language;
use crate::guide::{INDEX, TOPICS, Topic, topic, topic_of};
use crate::serve::app::App;

/// `/guide`
pub async fn guide(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    page(&app, &headers, &INDEX, "/guide")
}

/// `/guide/TOPIC`
pub async fn guide_topic(State(app): State<Arc<App>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    match topic(&name) {
        Some(topic) => page(&app, &headers, topic, &format!("/guide/{name}")),
        None => super::missing(&app, &headers),
    }
}

fn page(app: &App, headers: &HeaderMap, topic: &Topic, path: &str) -> Response {
    let language = Language::of(headers);
    let page = Page {
        app,
        language,
        title: topic.title,
        place: Place::Elsewhere,
        keep: Vec::new(),
        script: false,
        address: Some(format!("{}{path}", app.address(headers))),
        data: None,
    };
    page.render(StatusCode::OK, &content(topic, language, &app.base))
}

fn content(shown: &Topic, language: Language, base: &str) -> Markup {
    html! {
        // The guide is in English whatever the language of the page.
        article.guide lang="en" { (PreEscaped(rendered(shown.text, base))) }
        nav.topics aria-label=(language.words().guide) {
            ul lang="en" {
                @for topic in TOPICS {
                    li { a href={ (base) "/guide/" (topic.name) } aria-current=[(topic == shown).then_some("page")] { (topic.title) } }
                }
            }
        }
    }
}

/// Renders Markdown as HTML: links between pages become addresses of this server, HTML in the text stays text, and what may be wider
/// than the page scrolls by itself.
fn rendered(text: &str, base: &str) -> String {
    let mut tables = 0;
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).flat_map(|event| {
        let raw = |text: String| Event::Html(text.into());
        match event {
            Event::Html(text) | Event::InlineHtml(text) => vec![Event::Text(text)],
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let dest_url = topic_of(&dest_url).map_or(dest_url, |topic| CowStr::from(format!("{base}/guide/{}", topic.name)));
                vec![Event::Start(Tag::Link { link_type, dest_url, title, id })]
            }
            Event::Start(Tag::CodeBlock(_)) => vec![raw("<pre tabindex=\"0\"><code>".into())],
            Event::End(TagEnd::CodeBlock) => vec![raw("</code></pre>\n".into())],
            Event::Start(table @ Tag::Table(_)) => {
                tables += 1;
                let open = format!("<div class=\"scroll\" role=\"region\" aria-label=\"Table {tables}\" tabindex=\"0\">\n");
                vec![raw(open), Event::Start(table)]
            }
            Event::End(TagEnd::Table) => vec![Event::End(TagEnd::Table), raw("</div>\n".into())],
            other => vec![other],
        }
    });
    let mut html = String::new();
    markdown::push_html(&mut html, events);
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_between_pages_become_addresses() {
        let html = rendered("See [Links][links] and [KB](https://www.kb.se/).\n\n[links]: links.md\n", "/base");
        assert!(html.contains("<a href=\"/base/guide/links\">Links</a>"), "{html}");
        assert!(html.contains("<a href=\"https://www.kb.se/\">KB</a>"), "{html}");
    }

    #[test]
    fn markup_in_the_text_stays_text() {
        let html = rendered("a <b>bold</b>\n\n<script>alert(1)</script>\n\n```text\n<i>\n```\n", "");
        assert!(!html.contains("<b>") && !html.contains("<script") && !html.contains("<i>"), "{html}");
        assert!(html.contains("&lt;script&gt;") && html.contains("<pre tabindex=\"0\"><code>&lt;i&gt;"), "{html}");
    }

    #[test]
    fn tables_scroll_under_names_of_their_own() {
        let html = rendered("| a |\n|---|\n| b |\n\nand\n\n| c |\n|---|\n| d |\n", "");
        assert!(html.contains("aria-label=\"Table 1\"") && html.contains("aria-label=\"Table 2\""), "{html}");
    }
}
