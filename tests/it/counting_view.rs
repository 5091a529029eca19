//! A view in sixty lines: how many records have quads, in a text file.

use std::path::{Path, PathBuf};

use libris_mirror::log::ChangeId;
use libris_mirror::views::{Batch, Check, Content, Home, LocalView, ParsedChange, RecordCheck, View, ViewError};

/// The graphs that have quads, and the last change that was applied.
pub struct CountingView {
    file: PathBuf,
    graphs: std::collections::BTreeSet<String>,
    reached: ChangeId,
}

impl View for CountingView {
    type Part = (String, bool);

    fn name(&self) -> &str {
        Self::NAME
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
}

impl LocalView for CountingView {
    const NAME: &'static str = "counting";

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

    fn check<'a>(&'a self, _: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError> {
        Ok(Box::new(RecordCheck::new(Self::NAME, self.graphs.len() as u64, |change| {
            let (graph, counts) = Self::part(change);
            let right = counts == self.graphs.contains(&graph);
            (u64::from(counts), (!right).then(|| "is counted, or not, against its record".to_owned()))
        })))
    }
}

impl CountingView {
    fn file(directory: &Path) -> PathBuf {
        directory.join("counting.txt")
    }
}
