//! `/.well-known/void`: the description of the dataset in `VoID` and DCAT: size, licence, dumps, endpoint.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use oxigraph::model::Literal;

use super::app::App;
use super::dump::DUMPS;
use super::negotiate::Wanted;
use super::overview::Overview;
use super::problem::Problem;
use super::rdf::answer;
use crate::config::SourceKind;
use crate::export::CC0;
use crate::links::Authority;

/// Returns the description.
pub async fn void(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let overview = app.overviews.get(&app.log).await?;
    answer(&describe(&app.address(&headers), &overview), &Wanted::new(&headers, None))
}

fn describe(address: &str, overview: &Overview) -> String {
    // Documents of others have licences of their own.
    let of_libris = overview.sources.iter().all(|source| source.row.kind != SourceKind::Documents);
    let license = if of_libris { format!("dcterms:license <{CC0}> ;") } else { String::new() };
    let mut text = format!(
        "@prefix void: <http://rdfs.org/ns/void#> .
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix kbv: <https://id.kb.se/vocab/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@base <{address}/.well-known/void> .

<> a void:DatasetDescription ; foaf:primaryTopic <#dataset> .
<#dataset> a void:Dataset, dcat:Dataset ;
    dcterms:title \"Mirror of Libris open data\"@en, \"Spegling av Libris öppna data\"@sv ;
    dcterms:language <http://id.loc.gov/vocabulary/iso639-1/sv> ;
    foaf:homepage <{address}/> ;
    void:sparqlEndpoint <{address}/sparql> ;
    void:uriSpace \"https://libris.kb.se/\" ;
    void:vocabulary <https://id.kb.se/vocab/> ;
    void:entities {} ;
    void:documents {} ;
    void:triples {} ;
",
        overview.records(),
        overview.records(),
        overview.triples()
    );
    if of_libris {
        text.push_str(&format!(
            "    dcterms:publisher [ a foaf:Organization ; foaf:name \"Kungliga biblioteket\"@sv, \"National Library of Sweden\"@en ; foaf:homepage <https://www.kb.se/> ] ;\n    {license}\n"
        ));
    }
    if let Some(time) = overview.harvested().and_then(DateTime::<Utc>::from_timestamp_millis) {
        text.push_str(&format!("    dcterms:modified \"{}\"^^xsd:dateTime ;\n", time.to_rfc3339_opts(SecondsFormat::Secs, true)));
    }
    let sources: std::collections::BTreeSet<String> = overview.sources.iter().map(|source| iri(&source.row.base_url)).collect();
    for source in sources {
        text.push_str(&format!("    dcterms:source <{source}> ;\n"));
    }
    for (kind, records, triples) in overview.kinds.iter().filter(|(kind, _, _)| is_class(kind)) {
        text.push_str(&format!(
            "    void:classPartition [ void:class kbv:{kind} ; void:entities {records} ; void:triples {triples} ] ;\n"
        ));
    }
    for dump in DUMPS {
        text.push_str(&format!("    void:dataDump <{address}/{}> ;\n", dump.name));
    }
    text.push_str("    dcat:distribution <#sparql>, <#dump> .\n");
    text.push_str(&format!(
        "<#dump> a dcat:Distribution ; dcterms:title \"N-Triples, gzip\" ; {license} \
         dcat:downloadURL <{address}/dump.nt.gz> ; dcat:mediaType <https://www.iana.org/assignments/media-types/application/n-triples> .\n"
    ));
    text.push_str(&format!(
        "<#sparql> a dcat:Distribution ; dcterms:title \"SPARQL 1.1\" ; {license} dcat:accessURL <{address}/sparql> ; \
         dcat:accessService [ a dcat:DataService ; dcat:endpointURL <{address}/sparql> ; dcat:servesDataset <#dataset> ] .\n"
    ));
    for (authority, links) in &overview.links {
        let Some(known) = Authority::ALL.into_iter().find(|known| known.name() == authority) else { continue };
        text.push_str(&format!(
            "<#links-{authority}> a void:Linkset ; dcterms:title {} ; void:subjectsTarget <#dataset> ; void:triples {links} .\n",
            Literal::from(format!("Links to {}", known.title()))
        ));
    }
    text
}

/// Returns whether a kind is the name of a class, and can follow a prefix in Turtle: a class that no kind of the table fits.
fn is_class(kind: &str) -> bool {
    kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.chars().all(|c| c.is_ascii_alphanumeric())
}

fn iri(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>' | '"' | ' ' | '{' | '}' | '|' | '\\' | '^' | '`')).collect()
}
