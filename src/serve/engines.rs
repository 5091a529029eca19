//! What answers queries: the published index, remote stores, or both (`serve.sparql`), and which of them is fit to be asked.
//!
//! The remote stores are asked every few seconds where they are. Of those that answer, and that follow this mirror, the ones that have
//! followed it furthest take turns; the index answers if none does and it is in the list.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::{Engine, Remote};
use crate::data_dir::DataDir;
use crate::remote::{Standing, standing};

/// The engines of a server.
pub struct Engines {
    list: Vec<Engine>,
    /// What is known of the remote stores, by their names.
    known: Mutex<BTreeMap<String, Fitness>>,
    turn: AtomicUsize,
}

/// What is known of a remote store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fitness {
    /// It was not asked yet.
    Unknown,
    /// It answered, and is there.
    Fit(Standing),
    /// It did not answer, or follows another mirror.
    Unfit,
}

/// An engine that a query is given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// The published index.
    Index,
    /// A remote store, and where it was when it was asked last.
    Remote(String, Option<Standing>),
}

/// How often remote stores are asked where they are, and how long one may take to say it.
const CHECKS: Duration = Duration::from_secs(5);

impl Engines {
    /// Returns the engines of a list; nothing is known of any.
    #[must_use]
    pub fn new(list: Vec<Engine>) -> Self {
        let name = |engine: &Engine| match engine {
            Engine::Remote(remote) => Some((remote.name.clone(), Fitness::Unknown)),
            Engine::Index => None,
        };
        Self { known: Mutex::new(list.iter().filter_map(name).collect()), list, turn: AtomicUsize::new(0) }
    }

    /// The engines that may answer a query, the best first.
    pub fn order(&self) -> Vec<Chosen> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        order(&known, turn, self.has_index())
    }

    /// What is known of the remote stores, by their names.
    #[must_use]
    pub fn known(&self) -> BTreeMap<String, Fitness> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the index answers nothing.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        self.list.first().is_some_and(|first| *first != Engine::Index)
    }

    /// Whether the index answers, at least where no remote store does.
    #[must_use]
    pub fn has_index(&self) -> bool {
        self.list.contains(&Engine::Index)
    }

    /// Notes what was found of a store.
    pub fn note(&self, name: &str, now: Fitness, reason: &str) {
        let before = self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), now);
        match (before, now) {
            (Some(Fitness::Unfit), Fitness::Fit(_)) => tracing::info!("the remote store {name} answers queries again"),
            (Some(before), Fitness::Unfit) if before != Fitness::Unfit => {
                tracing::warn!("the remote store {name} gets no queries until it answers again: {reason}");
            }
            _ => {}
        }
    }

    fn remotes(&self) -> impl Iterator<Item = &Remote> {
        self.list.iter().filter_map(|engine| if let Engine::Remote(remote) = engine { Some(&**remote) } else { None })
    }
}

/// Orders engines: those that are known to be furthest, taking turns; the index, or those that nothing is known of.
fn order(known: &BTreeMap<String, Fitness>, turn: usize, has_index: bool) -> Vec<Chosen> {
    let mut fit: Vec<(&String, Option<Standing>)> = known
        .iter()
        .filter_map(|(name, fitness)| match fitness {
            Fitness::Fit(standing) => Some((name, Some(*standing))),
            // It may be anywhere: the index knows better.
            Fitness::Unknown => (!has_index).then_some((name, None)),
            Fitness::Unfit => None,
        })
        .collect();
    let count = fit.len().max(1);
    fit.rotate_left(turn % count);
    // Stable: equals stay in the order of their turns.
    fit.sort_by_key(|(_, standing)| std::cmp::Reverse(standing.map(|standing| standing.mark.change)));
    let remotes = fit.into_iter().map(|(name, standing)| Chosen::Remote(name.clone(), standing));
    remotes.chain(has_index.then_some(Chosen::Index)).collect()
}

/// Asks the remote stores where they are, again and again.
pub async fn keep_asking(engines: Arc<Engines>, data: DataDir) {
    while engines.remotes().next().is_some() {
        let asked: Vec<_> = engines
            .remotes()
            .map(|remote| {
                let (remote, engines, data) = (remote.clone(), Arc::clone(&engines), data.clone());
                tokio::task::spawn_blocking(move || {
                    let (fitness, reason) = match standing(&remote, &data, CHECKS) {
                        Ok(standing) => (Fitness::Fit(standing), String::new()),
                        Err(error) => (Fitness::Unfit, error.to_string()),
                    };
                    engines.note(&remote.name, fitness, reason.lines().next().unwrap_or_default());
                })
            })
            .collect();
        for each in asked {
            // A check that failed is no answer.
            let _ = each.await;
        }
        tokio::time::sleep(CHECKS).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{ChangeId, Mark};

    #[test]
    fn the_furthest_take_turns_and_the_index_is_last() {
        let at = |change| Fitness::Fit(Standing { mark: Mark { change: ChangeId(change), ..Mark::default() }, settled: true });
        let known: BTreeMap<String, Fitness> =
            [("a", at(7)), ("b", at(9)), ("c", Fitness::Unfit), ("d", at(9)), ("e", Fitness::Unknown)]
                .map(|(name, fitness)| (name.to_owned(), fitness))
                .into();
        let names = |turn| {
            let named = |chosen: Chosen| match chosen {
                Chosen::Remote(name, _) => name,
                Chosen::Index => "index".to_owned(),
            };
            order(&known, turn, true).into_iter().map(named).collect::<Vec<_>>().join(" ")
        };
        let firsts: std::collections::BTreeSet<String> = (0..8).map(|turn| names(turn)[..1].to_owned()).collect();
        assert_eq!(firsts, ["b".to_owned(), "d".to_owned()].into());
        for turn in 0..8 {
            assert!(names(turn).ends_with(" a index"), "{}", names(turn));
        }
        assert_eq!(order(&BTreeMap::new(), 3, true), [Chosen::Index]);
        assert!(order(&BTreeMap::new(), 3, false).is_empty());
        assert_eq!(order(&known, 0, false).last(), Some(&Chosen::Remote("e".into(), None)), "nothing is known of it");
    }
}
