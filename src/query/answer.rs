//! Reads SPARQL 1.1 Query Results JSON as a stream, as servers write it: Virtuoso calls blank nodes `nodeID://b1`, which is no label of
//! one, and literals with a datatype `typed-literal`.

use std::io::{BufReader, Read};
use std::sync::Arc;

use json_event_parser::{JsonEvent, JsonParseError, ReaderJsonParser};
use oxigraph::model::{BlankNode, Literal, NamedNode, Term, Variable};

/// The answer to a `SELECT` or an `ASK`.
pub enum Answer<R: Read> {
    /// That of an `ASK`.
    Boolean(bool),
    /// That of a `SELECT`.
    Solutions(Box<Rows<R>>),
}

/// Why an answer is none.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It is not JSON, or it breaks off.
    #[error("it is not JSON, or not all of it: {0}")]
    Json(#[from] JsonParseError),
    /// It is JSON, and not of this form.
    #[error("it is not SPARQL results as JSON: {0}")]
    Form(String),
}

impl AnswerError {
    fn form(what: impl Into<String>) -> Self {
        Self::Form(what.into())
    }
}

/// The longest text in an answer, in bytes.
const LONGEST_TEXT: usize = 64 << 20;

/// The solutions of an answer. Each has a term, or none, for each variable. They end only where the answer ends.
pub struct Rows<R: Read> {
    json: ReaderJsonParser<BufReader<R>>,
    variables: Arc<[Variable]>,
    ended: bool,
}

/// A value in JSON that is a part of an answer.
enum Value {
    Text(String),
    Boolean(bool),
    Array,
    Object,
    Other,
}

type Json<R> = ReaderJsonParser<BufReader<R>>;

/// Reads the beginning of an answer, up to its first solution.
pub fn read<R: Read>(input: R) -> Result<Answer<R>, AnswerError> {
    let mut json = ReaderJsonParser::new(BufReader::new(input)).with_max_buffer_size(LONGEST_TEXT);
    let Value::Object = value(&mut json)? else { return Err(AnswerError::form("no object")) };
    let mut variables: Option<Arc<[Variable]>> = None;
    while let Some(name) = key(&mut json)? {
        match (name.as_str(), value(&mut json)?) {
            ("boolean", Value::Boolean(answer)) => {
                // An answer that breaks off here has no end.
                while json.parse_next()? != JsonEvent::Eof {}
                return Ok(Answer::Boolean(answer));
            }
            ("head", Value::Object) => variables = Some(head(&mut json)?),
            ("results", Value::Object) => {
                let variables = variables.ok_or_else(|| AnswerError::form("results before the names of the variables"))?;
                return results(json, variables);
            }
            (_, other) => skip(&mut json, &other)?,
        }
    }
    Err(AnswerError::form("neither results nor a boolean"))
}

/// The names of the variables.
fn head<R: Read>(json: &mut Json<R>) -> Result<Arc<[Variable]>, AnswerError> {
    let mut variables = Vec::new();
    while let Some(name) = key(json)? {
        match (name.as_str(), value(json)?) {
            ("vars", Value::Array) => loop {
                match json.parse_next()? {
                    JsonEvent::String(name) => {
                        let variable = Variable::new(name.as_ref());
                        variables.push(variable.map_err(|error| AnswerError::form(format!("{name:?} is no variable: {error}")))?);
                    }
                    JsonEvent::EndArray => break,
                    _ => return Err(AnswerError::form("a variable without a name")),
                }
            },
            (_, other) => skip(json, &other)?,
        }
    }
    Ok(variables.into())
}

/// The solutions, from the beginning of their object.
fn results<R: Read>(mut json: Json<R>, variables: Arc<[Variable]>) -> Result<Answer<R>, AnswerError> {
    while let Some(name) = key(&mut json)? {
        match (name.as_str(), value(&mut json)?) {
            ("bindings", Value::Array) => return Ok(Answer::Solutions(Box::new(Rows { json, variables, ended: false }))),
            (_, other) => skip(&mut json, &other)?,
        }
    }
    Err(AnswerError::form("results without bindings"))
}

impl<R: Read> Rows<R> {
    /// The variables, in the order of the terms.
    #[must_use]
    pub fn variables(&self) -> Arc<[Variable]> {
        Arc::clone(&self.variables)
    }

    fn row(&mut self) -> Result<Option<Vec<Option<Term>>>, AnswerError> {
        match self.json.parse_next()? {
            JsonEvent::StartObject => {}
            JsonEvent::EndArray => {
                // An answer that breaks off here has no end.
                while self.json.parse_next()? != JsonEvent::Eof {}
                return Ok(None);
            }
            _ => return Err(AnswerError::form("a solution that is no object")),
        }
        let mut row = vec![None; self.variables.len()];
        while let Some(name) = key(&mut self.json)? {
            let Value::Object = value(&mut self.json)? else { return Err(AnswerError::form("a term that is no object")) };
            let term = term(&mut self.json)?;
            if let Some(place) =
                self.variables.iter().position(|variable| variable.as_str() == name).and_then(|at| row.get_mut(at))
            {
                *place = Some(term);
            }
        }
        Ok(Some(row))
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Vec<Option<Term>>, AnswerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = self.row().transpose();
        self.ended = !matches!(row, Some(Ok(_)));
        row
    }
}

/// A term, from the beginning of its object.
fn term<R: Read>(json: &mut Json<R>) -> Result<Term, AnswerError> {
    let (mut kind, mut text, mut datatype, mut language) = (None, None, None, None);
    while let Some(name) = key(json)? {
        match (name.as_str(), value(json)?) {
            ("type", Value::Text(given)) => kind = Some(given),
            ("value", Value::Text(given)) => text = Some(given),
            ("datatype", Value::Text(given)) => datatype = Some(given),
            ("xml:lang", Value::Text(given)) => language = Some(given),
            (_, other) => skip(json, &other)?,
        }
    }
    let (Some(kind), Some(text)) = (kind, text) else { return Err(AnswerError::form("a term without a type and a value")) };
    Ok(match kind.as_str() {
        "uri" if is_plain(&text) => NamedNode::new_unchecked(text).into(),
        "uri" => return Err(AnswerError::form(format!("{text:?}, which is no IRI"))),
        "bnode" => {
            let label: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
            BlankNode::new_unchecked(format!("b{label}")).into()
        }
        "literal" | "typed-literal" => match (language, datatype) {
            (Some(language), _) if language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
                Literal::new_language_tagged_literal_unchecked(text, language.to_ascii_lowercase()).into()
            }
            (Some(language), _) => return Err(AnswerError::form(format!("{language:?}, which is no language"))),
            (None, Some(datatype)) if !is_plain(&datatype) => {
                return Err(AnswerError::form(format!("{datatype:?}, which is no IRI")));
            }
            (None, Some(datatype)) => Literal::new_typed_literal(text, NamedNode::new_unchecked(datatype)).into(),
            (None, None) => Literal::new_simple_literal(text).into(),
        },
        other => return Err(AnswerError::form(format!("a term of type {other:?}"))),
    })
}

/// Whether a text has nothing in it that ends an IRI where it is written (RFC 3987, and SPARQL 1.1, 19.8).
fn is_plain(iri: &str) -> bool {
    !iri.chars().any(|c| c <= ' ' || matches!(c, '<' | '>' | '"' | '{' | '}' | '|' | '\\' | '^' | '`'))
}

/// The name of the next member of an object; `None` at its end.
fn key<R: Read>(json: &mut Json<R>) -> Result<Option<String>, AnswerError> {
    match json.parse_next()? {
        JsonEvent::ObjectKey(name) => Ok(Some(name.into_owned())),
        JsonEvent::EndObject => Ok(None),
        _ => Err(AnswerError::form("something other than a member of an object")),
    }
}

/// The next value, or its beginning.
fn value<R: Read>(json: &mut Json<R>) -> Result<Value, AnswerError> {
    Ok(match json.parse_next()? {
        JsonEvent::String(text) => Value::Text(text.into_owned()),
        JsonEvent::Boolean(value) => Value::Boolean(value),
        JsonEvent::StartArray => Value::Array,
        JsonEvent::StartObject => Value::Object,
        JsonEvent::Number(_) | JsonEvent::Null => Value::Other,
        _ => return Err(AnswerError::form("no value where there must be one")),
    })
}

/// Reads the rest of a value that nothing is known of.
fn skip<R: Read>(json: &mut Json<R>, begun: &Value) -> Result<(), AnswerError> {
    let mut open = u64::from(matches!(begun, Value::Array | Value::Object));
    while open > 0 {
        match json.parse_next()? {
            JsonEvent::StartArray | JsonEvent::StartObject => open += 1,
            JsonEvent::EndArray | JsonEvent::EndObject => open -= 1,
            JsonEvent::Eof => return Err(AnswerError::form("it breaks off")),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<String>, AnswerError> {
        let Answer::Solutions(rows) = read(text.as_bytes())? else { return Err(AnswerError::form("a boolean")) };
        rows.map(|row| {
            let terms = row?.into_iter().map(|term| term.map_or("-".to_owned(), |term| term.to_string()));
            Ok(terms.collect::<Vec<_>>().join(" "))
        })
        .collect()
    }

    #[test]
    fn answers_are_read_as_servers_write_them() {
        let text = r#"{"head": {"link": [[{}]], "vars": ["s", "p", "o"]}, "more": {"a": [1]}, "results": {"distinct": false, "bindings": [
            {"s": {"type": "bnode", "value": "nodeID://b10023"}, "o": {"type": "typed-literal", "datatype": "http://www.w3.org/2001/XMLSchema#integer", "value": "1"}},
            {"s": {"type": "uri", "value": "urn:a"}, "p": {"type": "uri", "value": "urn:p"}, "o": {"type": "literal", "xml:lang": "sv", "value": "hej"}, "x": {"type": "uri", "value": "urn:x"}}
        ], "ordered": true}}"#;
        assert_eq!(
            rows(text).expect("valid"),
            ["_:bnodeID---b10023 - \"1\"^^<http://www.w3.org/2001/XMLSchema#integer>", "<urn:a> <urn:p> \"hej\"@sv"]
        );
        assert!(matches!(read(&b"{\"head\": {}, \"boolean\": true}"[..]), Ok(Answer::Boolean(true))));
        assert!(read(&b"{\"head\": {}, \"boolean\": true, \"error\": "[..]).is_err(), "it breaks off");
        assert_eq!(rows(r#"{"head": {"vars": []}, "results": {"bindings": [{}, {}]}}"#).expect("valid"), ["", ""]);
    }

    #[test]
    fn what_breaks_off_or_is_of_another_form_is_an_error() {
        let whole = r#"{"head": {"vars": ["s"]}, "results": {"bindings": [{"s": {"type": "uri", "value": "urn:a"}}]}}"#;
        assert_eq!(rows(whole).expect("valid"), ["<urn:a>"]);
        for end in 0..whole.len() {
            assert!(rows(&whole[..end]).is_err(), "{}", &whole[..end]);
        }
        for wrong in [
            "<html>",
            "[]",
            "{\"boolean\": true}",
            r#"{"results": {"bindings": []}}"#,
            r#"{"head": {"vars": ["s"]}, "results": {"bindings": [{"s": {"type": "x", "value": ""}}]}}"#,
            r#"{"head": {"vars": ["s"]}, "results": {"bindings": [{"s": {"type": "uri"}}]}}"#,
            r#"{"head": {"vars": ["s"]}, "results": {"bindings": [[]]}}"#,
            r#"{"head": {"vars": ["s"]}, "results": {"bindings": [{"s": {"type": "uri", "value": "urn:a\nurn:b"}}]}}"#,
            r#"{"head": {"vars": ["s"]}, "results": {"bindings": [{"s": {"type": "literal", "value": "", "xml:lang": "s v"}}]}}"#,
            r#"{"head": {"vars": ["a b"]}, "results": {"bindings": []}}"#,
            r#"{"head": {"vars": ["s"]}, "results": {"bindings": {}}}"#,
            r#"{"head": {"vars": ["s"]}, "results": {"bindings": []}} x"#,
        ] {
            assert!(rows(wrong).is_err(), "{wrong}");
        }
    }
}
