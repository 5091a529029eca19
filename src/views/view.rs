//! What a view is: the trait, and the same for views of any kind.
//!
//! A view is a room of its own and one line of the registry ([`crate::mirror::VIEWS`]). It says what it wants of a parsed
//! change ([`View::part`], pure, on all cores), and applies these parts in the order of changes on a thread of its own. The rest
//! is the same for all views and happens here and in [`follow`](super::follow()): reading the log, parsing, watermarks,
//! rebuilding, and the check against the log.

use std::any::Any;
use std::path::{Path, PathBuf};

use super::{ParsedChange, ViewError};
use crate::config::Config;
use crate::log::{ChangeId, Log, Mark};

/// Where a view lives.
#[derive(Clone, Copy)]
pub struct Home<'a> {
    /// The data directory.
    pub directory: &'a Path,
    /// The log.
    pub log: &'a Log,
    /// The configuration.
    pub config: &'a Config,
}

/// How a view follows the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The view follows while the log grows, and readers see what a run brought when it has reached the end. For what is read.
    KeepUp,
    /// The view follows at the end of a run, once readers see what it brought. For what no reader waits for.
    Afterwards,
}

/// Parts of changes that follow one another in the order of changes.
#[derive(Debug)]
pub struct Batch<P> {
    /// What the view wants of each change.
    pub parts: Vec<P>,
    /// Set if the batch ends a page: once it is applied, the view has followed the log up to here.
    pub mark: Option<Mark>,
}

/// Part of a published snapshot: a file or directory that readers open.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Artefact {
    /// The name of the view that made it.
    pub view: String,
    /// The version of its format ([`LocalView::VERSION`]).
    pub version: u32,
    /// Its path below the snapshot's directory.
    pub path: PathBuf,
}

/// A function of the log that is kept up to date: what follows the order of changes.
///
/// Applying a batch twice must leave the same state as applying it once: after a crash, batches since the last watermark
/// come again.
pub trait View: Send {
    /// What the view wants of a change.
    type Part: Send + 'static;

    /// Its name, in messages.
    fn name(&self) -> &str;

    /// What the view wants of a change. Pure.
    fn part(change: &ParsedChange) -> Self::Part;

    /// The last change that is applied and safe.
    fn watermark(&self) -> ChangeId;

    /// Applies batches in their order. They may become safe later, at the latest with [`View::flush`].
    fn apply(&mut self, batches: Vec<Batch<Self::Part>>) -> Result<(), ViewError>;

    /// Makes everything that was applied safe, and moves the watermark to the last mark that was applied.
    fn flush(&mut self) -> Result<(), ViewError>;

    /// Does what is better done once at the end of a run than while the log grows.
    fn finish(&mut self) -> Result<(), ViewError> {
        Ok(())
    }
}

/// A view in the data directory: what a line of the registry knows of it, and what `publish`, `verify` and `compact` do with it.
pub trait LocalView: View + Sized {
    /// Its name: in the registry, in messages, and where its watermark is kept.
    const NAME: &'static str;
    /// The version of what it holds. A view that an older program left with another version is rebuilt.
    const VERSION: u32 = 1;
    /// Whether what it holds depends on the table of shapes (`Config::shapes`). A view that was filled under another table,
    /// by [`Shapes::fingerprint`](crate::rdf::Shapes::fingerprint), is rebuilt; [`LocalView::open`] sees to it.
    const SHAPED: bool = false;
    /// Whether it holds the graphs of records, and not only what is made of them.
    const GRAPHS: bool = false;

    /// Whether the configuration wants it.
    #[must_use]
    fn is_enabled(_config: &Config) -> bool {
        true
    }

    /// How it follows the log.
    #[must_use]
    fn policy(_config: &Config) -> Policy {
        Policy::KeepUp
    }

    /// Whether it is read through snapshots. Only a view that keeps up can be.
    #[must_use]
    fn is_published(_config: &Config) -> bool {
        false
    }

    /// Opens the view for writing, or creates it.
    fn open(home: &Home<'_>) -> Result<Self, ViewError>;

    /// The last change that readers of the view see, without opening it for writing.
    fn reached(home: &Home<'_>) -> Result<ChangeId, ViewError>;

    /// Forgets everything, so that the next [`LocalView::open`] begins at the log's first change. Works for a view that is damaged.
    fn reset(home: &Home<'_>) -> Result<(), ViewError>;

    /// Waits for what the view does in the background, within its limits. Answers whether readers would see another form of it then.
    fn settle(&mut self) -> Result<bool, ViewError> {
        Ok(false)
    }

    /// Brings the view into the form that is smallest and read fastest. May take long.
    fn optimize(&mut self) -> Result<(), ViewError> {
        Ok(())
    }

    /// Writes what readers open into a directory of its own. Only called if the view is published.
    fn publish(&self, _directory: &Path) -> Result<(), ViewError> {
        Ok(())
    }

    /// Begins a check of what the view holds, for [`crate::verify`]. The view has followed the log to its end.
    fn check<'a>(&'a self, home: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError>;
}

/// A check of a view, fed with every record of the log.
pub trait Check: Send {
    /// The names of what is compared: the view, and published copies of it.
    fn compared(&self) -> Vec<&'static str>;
    /// Compares what the view holds of some records with what they give.
    fn records(&mut self, changes: &[ParsedChange], faults: &mut Faults) -> Result<(), ViewError>;
    /// Compares the rest: what the view holds that no record gives. Answers how many rows, or graphs, the records give.
    fn finish(self: Box<Self>, faults: &mut Faults) -> Result<u64, ViewError>;
}

/// Compares records one after the other; answers how many rows they must have.
pub(super) fn compare_each(
    name: &str,
    changes: &[ParsedChange],
    faults: &mut Faults,
    mut compare: impl FnMut(&ParsedChange) -> Result<(u64, Option<String>), ViewError>,
) -> Result<u64, ViewError> {
    let mut due = 0;
    for change in changes {
        let (rows, problem) = compare(change)?;
        due += rows;
        if let Some(problem) = problem {
            faults.add(name, format!("<{}> {problem}", change.graph.as_str()));
        }
    }
    Ok(due)
}

/// A check of a view that can be compared record by record.
pub struct RecordCheck<F> {
    name: &'static str,
    held: u64,
    due: u64,
    compare: F,
}

impl<F: FnMut(&ParsedChange) -> (u64, Option<String>) + Send> RecordCheck<F> {
    /// A check of a view that holds `held` rows. `compare` answers how many rows a record must have, and what is wrong.
    pub fn new(name: &'static str, held: u64, compare: F) -> Self {
        Self { name, held, due: 0, compare }
    }
}

impl<F: FnMut(&ParsedChange) -> (u64, Option<String>) + Send> Check for RecordCheck<F> {
    fn compared(&self) -> Vec<&'static str> {
        vec![self.name]
    }

    fn records(&mut self, changes: &[ParsedChange], faults: &mut Faults) -> Result<(), ViewError> {
        let compare = &mut self.compare;
        self.due += compare_each(self.name, changes, faults, |change| Ok(compare(change)))?;
        Ok(())
    }

    fn finish(self: Box<Self>, faults: &mut Faults) -> Result<u64, ViewError> {
        let Self { name, held, due, .. } = *self;
        if held != due {
            faults.add(name, format!("it holds {held} rows, and the records give {due}"));
        }
        Ok(due)
    }
}

/// How many faults are described; all are counted.
pub const TOLD: usize = 100;

/// A difference between a view and the log, or damage.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// What has the fault: `log`, `snapshot`, or the name of a view.
    pub part: String,
    /// Its description.
    pub problem: String,
}

/// What is wrong: the first faults with descriptions, all of them counted.
#[derive(Debug, Default)]
pub struct Faults {
    /// How many there are.
    pub count: u64,
    /// The first of them, and at least one of each part.
    pub told: Vec<Fault>,
}

impl Faults {
    /// Adds a fault.
    pub fn add(&mut self, part: &str, problem: impl Into<String>) {
        self.count += 1;
        // Of each part at least the first, so that the user knows what to repair.
        if self.told.len() < TOLD || !self.told.iter().any(|fault| fault.part == part) {
            self.told.push(Fault { part: part.to_owned(), problem: problem.into() });
        }
    }

    /// Adds another list of faults.
    pub fn append(&mut self, other: Self) {
        let untold = other.count - other.told.len() as u64;
        for Fault { part, problem } in other.told {
            self.add(&part, problem);
        }
        self.count += untold;
    }
}

/// Parts of any view, and the mark of their batch.
pub(super) type AnyBatch = (Box<dyn Any + Send>, Option<Mark>);

/// Makes parts of changes for some view.
pub(super) type PartsOf = fn(&[ParsedChange]) -> Box<dyn Any + Send>;

/// What follows the log, of any kind.
pub trait Follower: Send {
    /// See [`View::name`].
    fn name(&self) -> &str;
    /// See [`View::watermark`].
    fn watermark(&self) -> ChangeId;
    /// See [`View::flush`].
    fn flush(&mut self) -> Result<(), ViewError>;
    /// See [`View::finish`].
    fn finish(&mut self) -> Result<(), ViewError>;
    /// Makes the parts of this view.
    #[doc(hidden)]
    fn parts(&self) -> PartsOf;
    /// Applies batches of such parts.
    #[doc(hidden)]
    fn apply_any(&mut self, batches: Vec<AnyBatch>) -> Result<(), ViewError>;
}

impl<V: View> Follower for V {
    fn name(&self) -> &str {
        View::name(self)
    }

    fn watermark(&self) -> ChangeId {
        View::watermark(self)
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        View::flush(self)
    }

    fn finish(&mut self) -> Result<(), ViewError> {
        View::finish(self)
    }

    fn parts(&self) -> PartsOf {
        |changes| Box::new(changes.iter().map(V::part).collect::<Vec<_>>())
    }

    fn apply_any(&mut self, batches: Vec<AnyBatch>) -> Result<(), ViewError> {
        let own = batches.into_iter().filter_map(|(parts, mark)| {
            // Only this view's own parts come here.
            parts.downcast::<Vec<V::Part>>().ok().map(|parts| Batch { parts: *parts, mark })
        });
        self.apply(own.collect())
    }
}

/// A view in the data directory, of any kind.
pub trait AnyView: Follower {
    /// See [`LocalView::settle`].
    fn settle(&mut self) -> Result<bool, ViewError>;
    /// See [`LocalView::optimize`].
    fn optimize(&mut self) -> Result<(), ViewError>;
    /// See [`LocalView::publish`]: what it wrote into `directory`.
    fn publish(&self, directory: &Path) -> Result<Artefact, ViewError>;
    /// See [`LocalView::is_published`].
    fn is_published(&self, config: &Config) -> bool;
    /// See [`LocalView::GRAPHS`].
    fn has_graphs(&self) -> bool;
    /// See [`LocalView::VERSION`].
    fn version(&self) -> u32;
    /// See [`LocalView::check`].
    fn check<'a>(&'a self, home: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError>;
}

impl<V: LocalView> AnyView for V {
    fn settle(&mut self) -> Result<bool, ViewError> {
        LocalView::settle(self)
    }

    fn optimize(&mut self) -> Result<(), ViewError> {
        LocalView::optimize(self)
    }

    fn publish(&self, directory: &Path) -> Result<Artefact, ViewError> {
        let path = PathBuf::from(V::NAME);
        LocalView::publish(self, &directory.join(&path))?;
        Ok(Artefact { view: V::NAME.to_owned(), version: V::VERSION, path })
    }

    fn is_published(&self, config: &Config) -> bool {
        V::is_published(config)
    }

    fn has_graphs(&self) -> bool {
        V::GRAPHS
    }

    fn version(&self) -> u32 {
        V::VERSION
    }

    fn check<'a>(&'a self, home: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError> {
        LocalView::check(self, home)
    }
}

/// A view that the program knows: a line of the registry.
#[derive(Clone, Copy)]
pub struct Registered {
    /// See [`LocalView::NAME`].
    pub name: &'static str,
    /// See [`LocalView::policy`].
    pub policy: fn(&Config) -> Policy,
    /// See [`LocalView::is_published`].
    pub published: fn(&Config) -> bool,
    /// See [`LocalView::is_enabled`].
    pub enabled: fn(&Config) -> bool,
    /// See [`LocalView::open`].
    pub open: fn(&Home<'_>) -> Result<Box<dyn AnyView>, ViewError>,
    /// See [`LocalView::reached`].
    pub reached: fn(&Home<'_>) -> Result<ChangeId, ViewError>,
    /// See [`LocalView::reset`].
    pub reset: fn(&Home<'_>) -> Result<(), ViewError>,
}

impl Registered {
    /// The line of a view.
    #[must_use]
    pub const fn of<V: LocalView + 'static>() -> Self {
        Self {
            name: V::NAME,
            policy: V::policy,
            published: V::is_published,
            enabled: V::is_enabled,
            open: |home| Ok(Box::new(V::open(home)?)),
            reached: V::reached,
            reset: V::reset,
        }
    }
}
