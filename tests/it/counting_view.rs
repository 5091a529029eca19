//! A view in sixty lines: how many records have quads, in a text file.

use std::path::{Path, PathBuf};

use libris_mirror::log::ChangeId;
use libris_mirror::views::{Batch, Check, Content, Faults, Home, ParsedChange, View, ViewError};

/// The graphs that have quads, and the last change that was applied.
pub struct CountingView {
    file: PathBuf,
    graphs: std::collections::BTreeSet<String>,
    reached: ChangeId,
}

impl View for CountingView {
    type Part = (String, bool);
    const NAME: &'static str = "counting";
    const ABOUT: &'static str = "how many records have quads";

    fn open(home: &Home<'_>) -> Result<Self, ViewError> {
        let text = fs_err::read_to_string(Self::file(home.directory)).unwrap_or_default();
        let mut lines = text.lines();
        let reached = ChangeId(lines.next().and_then(|line| line.parse().ok()).unwrap_or_default());
        Ok(Self { file: Self::file(home.directory), graphs: lines.map(str::to_owned).collect(), reached })
    }

    fn reached(home: &Home<'_>) -> Result<ChangeId, ViewError> {
        Ok(Self::open(home)?.reached)
    }

    fn reset(home: &Home<'_>) -> Result<(), ViewError> {
        fs_err::remove_file(Self::file(home.directory)).map_err(ViewError::own)
    }

    fn part(change: &ParsedChange) -> Self::Part {
        (change.graph.as_str().to_owned(), matches!(change.content, Content::Quads(_)))
    }

    fn watermark(&self) -> ChangeId {
        self.reached
    }

    fn apply(&mut self, batches: Vec<Batch<Self::Part>>) -> Result<(), ViewError> {
        for batch in batches {
            for (graph, counts) in batch.parts {
                if counts {
                    self.graphs.insert(graph)
                } else {
                    self.graphs.remove(&graph)
                };
            }
            self.reached = batch.mark.map_or(self.reached, |mark| mark.change);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        let lines = std::iter::once(self.reached.0.to_string()).chain(self.graphs.iter().cloned());
        fs_err::write(&self.file, lines.collect::<Vec<_>>().join("\n")).map_err(ViewError::own)
    }

    fn check<'a>(&'a self, _: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError> {
        Ok(Box::new(Counting { view: self, due: 0 }))
    }
}

impl CountingView {
    fn file(directory: &Path) -> PathBuf {
        directory.join("counting.txt")
    }
}

struct Counting<'a> {
    view: &'a CountingView,
    due: u64,
}

impl Check for Counting<'_> {
    fn compared(&self) -> Vec<&'static str> {
        vec![CountingView::NAME]
    }

    fn records(&mut self, changes: &[ParsedChange], faults: &mut Faults) -> Result<(), ViewError> {
        for (graph, counts) in changes.iter().map(CountingView::part) {
            self.due += u64::from(counts);
            if counts != self.view.graphs.contains(&graph) {
                faults.add(CountingView::NAME, graph);
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut Faults) -> Result<u64, ViewError> {
        Ok(self.due)
    }
}
