//! The known name that a wrong one probably means.

/// Returns the known name that is nearest to a wrong one, if any is near.
#[must_use]
pub fn nearest<'a>(known: impl Iterator<Item = &'a str>, mistake: &str) -> Option<&'a str> {
    fn last(name: &str) -> &str {
        name.rsplit('.').next().unwrap_or_default()
    }
    // The section may be missing or wrong, so it only decides between names at the same distance.
    let likeness = |name: &str| {
        let own = strsim::jaro_winkler(last(name), last(mistake));
        // Allows two swapped letters in a short name, and the wrong sign between section and name.
        let swapped = mistake.len() > 2 && strsim::osa_distance(last(name), last(mistake)) == 1;
        let joined = name.replace('.', "_") == mistake.replace('.', "_");
        (if swapped || joined { own.max(0.9) } else { own }, strsim::jaro_winkler(name, mistake))
    };
    let near = known.map(|name| (likeness(name), name)).filter(|((own, _), _)| *own > 0.8);
    near.max_by(|((own, whole), _), ((other_own, other_whole), _)| own.total_cmp(other_own).then(whole.total_cmp(other_whole)))
        .map(|(_, name)| name)
}
