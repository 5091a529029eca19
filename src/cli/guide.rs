//! `libris-mirror guide`

use std::io::Write;

use clap::Args;

use super::exit::{Exit, Misuse};
use super::output;
use crate::config::nearest;
use crate::guide::{INDEX, TOPICS, Topic};

/// Print a page of the guide, or the list of its pages.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror guide
  libris-mirror guide harvesting
  libris-mirror guide operations | less")]
pub(super) struct Arguments {
    /// The page.
    topic: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    if let Some(name) = &arguments.topic {
        let topic = pages().find(|topic| topic.name == name).ok_or_else(|| unknown(name))?;
        out.write_all(topic.plain().as_bytes())?;
    } else {
        for topic in pages() {
            writeln!(out, "{:<18} {}", topic.name, topic.title)?;
        }
    }
    out.flush()?;
    Ok(Exit::Ok)
}

/// Returns the pages, the index first.
fn pages() -> impl Iterator<Item = &'static Topic> {
    [&INDEX].into_iter().chain(TOPICS)
}

fn unknown(name: &str) -> Misuse {
    let names: Vec<&str> = pages().map(|topic| topic.name).collect();
    let nearest = nearest(names.iter().copied(), name).map(|nearest| format!("\nhint: did you mean `{nearest}`?"));
    Misuse(format!("the guide has no page {name:?}; it has {}{}", names.join(", "), nearest.unwrap_or_default()))
}
