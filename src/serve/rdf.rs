//! RDF in the format that the client accepts: records, and small graphs in which the server describes itself.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::Quad;

use super::negotiate::{GRAPHS, Wanted};
use super::problem::Problem;
use crate::query::GraphFormat;

/// Returns an answer with a graph, which is given as Turtle.
pub fn answer(turtle: &str, wanted: &Wanted) -> Result<Response, Problem> {
    let offer = wanted.choose(&GRAPHS).ok_or_else(|| {
        Problem::not_acceptable(
            "this is available as text/turtle, application/n-triples, application/rdf+xml, application/ld+json or application/trig",
        )
    })?;
    let body = if offer.format == GraphFormat::Turtle { turtle.as_bytes().to_vec() } else { converted(turtle, offer.format)? };
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(offer.media_type));
    Ok(response)
}

fn converted(turtle: &str, format: GraphFormat) -> Result<Vec<u8>, Problem> {
    let parser = RdfParser::from_format(RdfFormat::Turtle).for_slice(turtle);
    let quads = parser.collect::<Result<Vec<_>, _>>().map_err(|error| Problem::internal(&error))?;
    write(&quads, format)
}

/// Serializes quads; formats with named graphs keep the graph names.
pub fn write(quads: &[Quad], format: GraphFormat) -> Result<Vec<u8>, Problem> {
    format.write(quads, Vec::new()).map_err(|error| Problem::internal(&error))
}
