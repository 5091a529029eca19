//! `/find`: the search of Libris XL over the mirror: words with operators, and filters on properties.
//!
//! Words are found by the search index. Filters are compiled to a query of the index, which a worker runs within the limits of
//! all queries. Where both are asked for, the query is about the records that the words found.

mod asked;
mod compile;
mod dates;
mod text;
mod view;

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use url::form_urlencoded;

use self::asked::{Asked, Order, Step};
use super::app::App;
use super::problem::Problem;
use super::sparql;
use crate::rdf::framed;
use crate::search::{Condition, DEEPEST, Found, Sort, Window};
use crate::views::Content;

/// What is found: the records of a page, how many match, and how many of these can be paged through.
struct Hits {
    records: Vec<String>,
    counts: [usize; 2],
}

/// `/find` and `/find.jsonld`
pub async fn find(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Problem> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let asked = Asked::read(&pairs)?;
    for name in asked.properties() {
        let there = sparql::results(&app, compile::has_property(name).to_string()).await?;
        if there["boolean"] != true {
            return Err(Problem::bad_request(format!("nothing in this mirror has a property {name:?}")));
        }
    }
    let Hits { records, counts } = hits(&app, &asked).await?;
    let items = app.log.read(move |reading| {
        let mut items = Vec::with_capacity(records.len());
        for record in records {
            let Some(row) = reading.log.record(&record)? else { continue };
            if let Content::Quads(quads) = reading.content(&row)? {
                items.push(framed(&record, &quads));
            }
        }
        Ok(items)
    });
    let path = app.address_of(&headers, "/find");
    let view = view::view(&path, &pairs, &asked, counts, items.await?);
    let mut response = view.to_string().into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/ld+json"));
    Ok(response)
}

async fn hits(app: &Arc<App>, asked: &Asked) -> Result<Hits, Problem> {
    let words = match &asked.q {
        None => Some(Condition::All),
        Some(q) => text::condition(q),
    };
    // Words that say nothing find nothing.
    let Some(condition) = words else { return Ok(Hits { records: Vec::new(), counts: [0, 0] }) };
    if let (true, Some(sort)) = (asked.filters.is_empty() && asked.o.is_none(), index_order(asked)) {
        let found = by_words(app, condition, Window { sort: Some(sort), offset: asked.offset, limit: asked.limit }).await?;
        let counts = [found.matches, found.reachable];
        return Ok(Hits { records: found.entries.into_iter().map(|entry| entry.record).collect(), counts });
    }
    let mut found: Option<Vec<String>> = None;
    if asked.q.is_some() {
        let window = Window { sort: Some(Sort::Relevance), offset: 0, limit: DEEPEST };
        let by_words = by_words(app, condition, window).await?;
        if by_words.matches > by_words.reachable {
            let problem =
                format!("q finds {} records, and only of {DEEPEST} are properties looked at: add words to it", by_words.matches);
            return Err(Problem::bad_request(problem));
        }
        found = Some(by_words.entries.into_iter().map(|entry| entry.record).collect());
    }
    let found = found.as_deref();
    let counted = sparql::results(app, compile::count(asked, found)?.to_string()).await?;
    let total = values(&counted, "n").next().and_then(|number| number.parse().ok()).unwrap_or_default();
    let listed = sparql::results(app, compile::page(asked, found)?.to_string()).await?;
    Ok(Hits { records: values(&listed, "record").map(str::to_owned).collect(), counts: [total, total] })
}

/// The values of a variable.
fn values<'a>(results: &'a Value, variable: &'static str) -> impl Iterator<Item = &'a str> {
    let rows = results["results"]["bindings"].as_array();
    rows.into_iter().flatten().filter_map(move |row| row[variable]["value"].as_str())
}

/// The order of the search index that is the one that is asked for.
fn index_order(asked: &Asked) -> Option<Sort> {
    match asked.sort.as_slice() {
        [] if asked.q.is_some() => Some(Sort::Relevance),
        [] => Some(Sort::Newest),
        [Order { path, descending }] if is_year(path) => Some(if *descending { Sort::Newest } else { Sort::Oldest }),
        _ => None,
    }
}

fn is_year(path: &[Step]) -> bool {
    matches!(path, [Step::Along(publication), Step::Along(year)] if publication == "publication" && year == "year")
}

async fn by_words(app: &Arc<App>, condition: Condition, window: Window) -> Result<Found, Problem> {
    let finder = app.finder()?;
    app.log.read(move |reading| Ok(finder.select(&reading.log, &condition, window)?)).await
}
