//! What the fake Libris serves, read without this program: JSON over HTTP into plain maps. No RDF, no SPARQL.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::harness::Bench;

/// All live records and all definitions.
pub struct Payloads {
    /// What each live record describes, with its record: the two nodes of its graph.
    pub records: Vec<[Value; 2]>,
    /// What each definition defines, by its IRI.
    pub definitions: BTreeMap<String, Value>,
}

/// The values of a property: one, several or none.
pub fn values<'a>(node: &'a Value, property: &str) -> Vec<&'a Value> {
    match &node[property] {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().collect(),
        value => vec![value],
    }
}

/// The IRIs that a property leads to.
pub fn iris<'a>(node: &'a Value, property: &str) -> Vec<&'a str> {
    values(node, property).into_iter().filter_map(|value| value["@id"].as_str()).collect()
}

/// The text of a property.
pub fn text<'a>(node: &'a Value, property: &str) -> Option<&'a str> {
    values(node, property).into_iter().find_map(Value::as_str)
}

/// Whether a node is of a class.
pub fn is_a(node: &Value, class: &str) -> bool {
    node["@type"] == class
}

/// Calls a function with a node and all nodes below it that say something.
pub fn walk<'a>(node: &'a Value, see: &mut impl FnMut(&'a Value)) {
    match node {
        Value::Array(values) => values.iter().for_each(|value| walk(value, see)),
        Value::Object(members) => {
            if members.len() > 1 {
                see(node);
            }
            members.values().for_each(|value| walk(value, see));
        }
        _ => {}
    }
}

impl Payloads {
    /// Reads everything, over OAI-PMH and as linked data.
    pub fn of(bench: &Bench) -> Self {
        let client = reqwest::blocking::Client::new();
        let get = |url: &str, accept: &str| {
            let answer = client.get(url).header("accept", accept).send().expect("an answer");
            assert!(answer.status().is_success(), "{url}: {}", answer.status());
            answer.text().expect("text")
        };
        let mut records = Vec::new();
        let mut words = "metadataPrefix=jsonld".to_owned();
        loop {
            let page = get(&format!("{}?verb=ListRecords&{words}", bench.url), "*/*");
            for payload in page.split("<![CDATA[").skip(1) {
                let payload = payload.split("]]>").next().expect("the end of it");
                let mut document: Value = serde_json::from_str(payload).expect("JSON");
                let graph = document["@graph"].as_array_mut().expect("a graph");
                let thing = graph.pop().expect("a thing");
                records.push([graph.pop().expect("a record"), thing]);
            }
            let token = page.split("<resumptionToken>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
            if token.is_empty() {
                break;
            }
            words = format!("resumptionToken={token}");
        }
        let host = bench.url.trim_end_matches("/api/oaipmh/");
        let definitions = libris_mirror::demo::definitions("all").into_iter().map(|one| {
            let path = one.iri.strip_prefix("https://id.kb.se").expect("an IRI of id.kb.se");
            let document: Value = serde_json::from_str(&get(&format!("{host}{path}"), "application/ld+json")).expect("JSON");
            (one.iri, document["@graph"][1].clone())
        });
        Self { definitions: definitions.collect(), records }
    }

    /// The instances, each with its work: its own, or that of another record.
    pub fn instances(&self) -> Vec<(&Value, &Value)> {
        let elsewhere: BTreeMap<&str, &Value> =
            self.records.iter().filter_map(|[_, thing]| Some((thing["@id"].as_str()?, thing))).collect();
        let with_work = self.records.iter().filter_map(|[_, thing]| {
            let work = thing.get("instanceOf")?;
            let work = if is_reference(work) { *elsewhere.get(work["@id"].as_str()?)? } else { work };
            Some((thing, work))
        });
        with_work.collect()
    }

    /// The works, each once, with what tells it from others.
    pub fn works(&self) -> BTreeMap<String, &Value> {
        let mut works = BTreeMap::new();
        for [record, thing] in &self.records {
            let work = if thing.get("instanceOf").is_some() { &thing["instanceOf"] } else { thing };
            if !is_reference(work) && work.get("contribution").is_some() {
                works.insert(record["@id"].to_string(), work);
            }
        }
        works
    }

    /// The name of something that is defined, in Swedish.
    pub fn name(&self, iri: &str) -> Option<&str> {
        let defined = self.definitions.get(iri)?;
        ["prefLabelByLang", "labelByLang"].into_iter().find_map(|property| defined[property]["sv"].as_str())
    }

    /// A term, with all that is broader by these properties.
    pub fn broader<'a>(&'a self, term: &'a str, by: &[&str]) -> BTreeSet<&'a str> {
        let mut all = BTreeSet::new();
        let mut open = vec![term];
        while let Some(term) = open.pop() {
            if all.insert(term)
                && let Some(defined) = self.definitions.get(term)
            {
                open.extend(by.iter().flat_map(|property| iris(defined, property)));
            }
        }
        all
    }

    /// Whether a class is below another.
    pub fn is_below(&self, class: &str, above: &str) -> bool {
        self.broader(&vocab(class), &["subClassOf"]).contains(vocab(above).as_str())
    }
}

/// Whether a node is no more than an IRI.
fn is_reference(node: &Value) -> bool {
    node.as_object().is_some_and(|members| members.len() == 1 && members.contains_key("@id"))
}

/// The IRI of a term of the vocabulary.
pub fn vocab(name: &str) -> String {
    format!("https://id.kb.se/vocab/{name}")
}
