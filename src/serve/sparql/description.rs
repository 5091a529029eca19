//! The SPARQL 1.1 Service Description, the answer to a request without a query.

use axum::http::HeaderMap;
use axum::response::Response;

use crate::serve::app::App;
use crate::serve::negotiate::Wanted;
use crate::serve::problem::Problem;
use crate::serve::rdf::answer;

/// The formats of results, by their names at the W3C.
const FORMATS: [&str; 8] = [
    "SPARQL_Results_JSON",
    "SPARQL_Results_XML",
    "SPARQL_Results_CSV",
    "SPARQL_Results_TSV",
    "Turtle",
    "N-Triples",
    "RDF_XML",
    "JSON-LD",
];

/// Returns the description, as Turtle.
pub(super) fn describe(app: &App, headers: &HeaderMap, wanted: &Wanted) -> Result<Response, Problem> {
    let address = app.address(headers);
    let formats: Vec<String> = FORMATS.iter().map(|name| format!("<http://www.w3.org/ns/formats/{name}>")).collect();
    let federated = if app.config.query.service_hosts.is_empty() { "" } else { ", sd:BasicFederatedQuery" };
    let turtle = format!(
        "@prefix sd: <http://www.w3.org/ns/sparql-service-description#> .
@prefix void: <http://rdfs.org/ns/void#> .
<{address}/sparql> a sd:Service ;
    sd:endpoint <{address}/sparql> ;
    sd:supportedLanguage sd:SPARQL11Query ;
    sd:feature sd:UnionDefaultGraph{federated} ;
    sd:resultFormat {} ;
    sd:defaultDataset <{address}/.well-known/void#dataset> .
<{address}/.well-known/void#dataset> a sd:Dataset, void:Dataset ;
    sd:defaultGraph [ a sd:Graph ] .
",
        formats.join(", ")
    );
    answer(&turtle, wanted)
}
