//! What matches a question, segment by segment, and in which way.

use super::bits::Bits;
use super::facets::Facet;
use super::opened::Finder;
use super::order::Tiers;
use super::question::{Clause, Wanted};
use super::references::referring;
use super::segment::{Matches, Segment};

/// What matches in one segment.
pub(super) struct Here {
    /// What the text matches.
    by_text: Bits,
    /// Of each facet with chosen values, what has one of them.
    passing: Vec<(Facet, Bits)>,
    /// What the text matches and the chosen values too.
    pub(super) found: Bits,
    /// The ways in which it does.
    pub(super) tiers: Tiers,
}

impl Here {
    /// What would be found if nothing of this facet were chosen.
    pub(super) fn regardless(&self, facet: Facet) -> Bits {
        let mut documents = self.by_text.clone();
        for (_, passing) in self.passing.iter().filter(|(chosen, _)| *chosen != facet) {
            documents.and(passing);
        }
        documents
    }
}

/// Finds what matches in each segment.
pub(super) fn matching(finder: &Finder, wanted: &Wanted, chosen: &[(Facet, Vec<String>)]) -> tantivy::Result<Vec<Here>> {
    let Finder { searcher, fields, segments, .. } = finder;
    let own = finder.in_parallel(segments.len(), |place| {
        let clause = |clause| segments[place].clause(searcher, fields, clause);
        wanted.clauses.iter().map(clause).collect::<tantivy::Result<Vec<Matches>>>()
    })?;
    let named: Vec<Vec<&Bits>> = own.iter().map(|clauses| clauses.iter().map(|clause| &clause.text).collect()).collect();
    let referring = referring(finder, &named, &fields.refers)?;
    let by_identifier = finder.in_parallel(segments.len(), |place| {
        let segment = &segments[place];
        let mut documents = match &wanted.identifier {
            Some(identifier) => segment.word(fields.identifier, identifier)?,
            None => segment.none(),
        };
        segment.keep_alive(&mut documents);
        Ok(documents)
    })?;
    let only_that = wanted.is_long_identifier() && by_identifier.iter().any(|documents| !documents.is_empty());
    finder.in_parallel(segments.len(), |place| {
        let (segment, identified) = (&segments[place], &by_identifier[place]);
        let (by_text, tiers) = if only_that {
            (identified.clone(), Tiers(Vec::new()))
        } else if wanted.clauses.is_empty() {
            (segment.alive(), Tiers(Vec::new()))
        } else {
            by_words(finder, segment, wanted, identified, &own[place], &referring[place])?
        };
        let mut passing = Vec::new();
        let mut found = by_text.clone();
        for (facet, values) in chosen {
            let documents = segment.with_values(fields.facet(*facet), values)?;
            found.and(&documents);
            passing.push((*facet, documents));
        }
        Ok(Here { by_text, passing, found, tiers })
    })
}

/// What words match, and in which ways, the best first.
fn by_words(
    finder: &Finder,
    segment: &Segment,
    wanted: &Wanted,
    identified: &Bits,
    own: &[Matches],
    referring: &[Bits],
) -> tantivy::Result<(Bits, Tiers)> {
    let fields = &finder.fields;
    let (places, exact) = segment.headings_from(&wanted.heading)?;
    let called_so = exact.map_or_else(|| segment.none(), |exact| segment.with_headings(&(exact..exact + 1)));
    let begins_so = segment.with_headings(&places);
    let mut in_title = segment.alive();
    for word in &wanted.words {
        let mut documents = segment.word(fields.title, word)?;
        documents.or(&segment.word(fields.name, word)?);
        in_title.and(&documents);
    }
    let (mut by_itself, mut by_any) = (segment.alive(), segment.alive());
    for (clause, referring) in own.iter().zip(referring) {
        by_itself.and(&clause.own);
        let mut any = clause.own.clone();
        any.or(referring);
        by_any.and(&any);
    }
    // A heading begins with the words, but a phrase must be one.
    if !wanted.clauses.iter().any(|clause| matches!(clause, Clause::Phrase(_))) {
        by_any.or(&begins_so);
    }
    by_any.or(identified);
    segment.keep_alive(&mut by_any);
    Ok((by_any, Tiers(vec![identified.clone(), called_so, begins_so, in_title, by_itself])))
}
