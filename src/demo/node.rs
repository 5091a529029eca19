//! A description as a tree, from which all three payload formats are written.

/// A node: its class, and its properties in order. Names are those of KBV's context: `Person`, `subClassOf`, `marc:…`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// Its IRI; a blank node has none.
    pub id: Option<String>,
    /// Its class.
    pub class: String,
    /// Property and value, a property once for each value.
    pub properties: Vec<(&'static str, Value)>,
}

/// A value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A nested description.
    Node(Node),
    /// A reference by IRI.
    Iri(String),
    /// A plain string.
    Text(String),
    /// A string in a language, which JSON-LD writes by language: `prefLabelByLang`.
    Lang(String, &'static str),
    /// A string typed by the context: `xsd:dateTime` or `xsd:anyURI`.
    Typed(String, &'static str),
    /// An `rdf:List`.
    List(Vec<Value>),
}

impl Node {
    /// A blank node of a class.
    #[must_use]
    pub fn blank(class: &str) -> Self {
        Self { id: None, class: class.to_owned(), properties: Vec::new() }
    }

    /// A node with an IRI.
    #[must_use]
    pub fn named(id: String, class: &str) -> Self {
        Self { id: Some(id), class: class.to_owned(), properties: Vec::new() }
    }

    /// Adds a value to this node.
    #[must_use]
    pub fn with(mut self, property: &'static str, value: impl Into<Value>) -> Self {
        self.properties.push((property, value.into()));
        self
    }
}

impl From<Node> for Value {
    fn from(node: Node) -> Self {
        Self::Node(node)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A string in a language.
#[must_use]
pub fn lang(text: &str, language: &'static str) -> Value {
    Value::Lang(text.to_owned(), language)
}

/// A reference by IRI.
#[must_use]
pub fn iri(iri: impl Into<String>) -> Value {
    Value::Iri(iri.into())
}
