//! Canonical N-Quads (RDFC-1.0) and isomorphism, by sophia. For one record or a small store: canonical labels
//! need the whole dataset in memory. <https://www.w3.org/TR/rdf-canon/>

use oxigraph::model::Quad;
use sophia::api::prelude::*;
use sophia::api::quad::Spog;
use sophia::api::term::SimpleTerm;
use sophia::turtle::parser::nq;

type Dataset = std::collections::HashSet<Spog<SimpleTerm<'static>>>;

/// Why there is no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// The quads cannot be read back, which would be a fault of this program.
    #[error("the quads cannot be handed to the canonicaliser: {0}")]
    Quads(String),
    /// The blank nodes are too entangled (a poisoned dataset), or RDFC-1.0 does not accept the dataset.
    #[error("no canonical form: {0}")]
    Canon(String),
}

fn dataset<'a>(quads: impl IntoIterator<Item = &'a Quad>) -> Result<Dataset, CanonicalError> {
    use std::fmt::Write;
    let mut text = String::new();
    for quad in quads {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{quad} .");
    }
    nq::parse_str(&text).collect_quads().map_err(|error| CanonicalError::Quads(error.to_string()))
}

/// The canonical N-Quads of a dataset: sorted, one a line, with canonical blank-node labels.
pub fn canonical_nquads<'a>(quads: impl IntoIterator<Item = &'a Quad>) -> Result<String, CanonicalError> {
    let mut canonical = Vec::new();
    sophia::c14n::rdfc10::normalize(&dataset(quads)?, &mut canonical)
        .map_err(|error| CanonicalError::Canon(error.to_string()))?;
    String::from_utf8(canonical).map_err(|error| CanonicalError::Canon(error.to_string()))
}

/// Whether two datasets are equal, except for the labels of their blank nodes.
pub fn isomorphic<'a>(
    left: impl IntoIterator<Item = &'a Quad>,
    right: impl IntoIterator<Item = &'a Quad>,
) -> Result<bool, CanonicalError> {
    sophia::isomorphism::isomorphic_datasets(&dataset(left)?, &dataset(right)?)
        .map_err(|error| CanonicalError::Canon(error.to_string()))
}
