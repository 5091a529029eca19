//! `libris-mirror publish --to`

use std::time::Duration;

use clap::ValueEnum;

use super::exit::Exit;
use super::global::Global;
use super::output::{self, bytes, counted, grouped};
use super::settings::Settings;
use super::signals::{SoFar, stop_on_signals};
use crate::export::Packing;
use crate::publish::{self, Asked, PublishError, Target, publish_to};

/// What can be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Dump {
    Nt,
    Nq,
    Ttl,
    Trig,
    /// A dataset for analytics.
    Parquet,
}

/// How dumps are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Compression {
    Gz,
    Zst,
    None,
}

/// What is published where.
pub(super) struct Wanted<'a> {
    pub(super) address: &'a str,
    pub(super) dumps: &'a [Dump],
    pub(super) compression: Compression,
    pub(super) keep: usize,
    pub(super) json: bool,
}

/// The beginnings of the variables from which the tools of object stores read keys, regions and endpoints.
const VARIABLES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

pub(super) fn run(wanted: &Wanted<'_>, settings: &Settings, global: &Global) -> anyhow::Result<Exit> {
    settings.data.check()?;
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let options: Vec<(String, String)> =
        variables.filter(|(name, _)| VARIABLES.iter().any(|beginning| name.starts_with(beginning))).collect();
    let target = Target::open(wanted.address, &options)?;
    let bar = output::bar(global, "{spinner} {binary_bytes} [{elapsed}, {binary_bytes_per_sec}]");
    bar.enable_steady_tick(Duration::from_millis(200));
    let stop = stop_on_signals(SoFar::default())?;
    let formats: Vec<publish::Format> = wanted.dumps.iter().map(|dump| dump.format()).collect();
    let packing = match wanted.compression {
        Compression::Gz => Packing::Gzip,
        Compression::Zst => Packing::Zstd,
        Compression::None => Packing::Plain,
    };
    let languages = super::parquet::LANGUAGES.map(str::to_owned);
    let asked = Asked { formats: &formats, packing, keep: wanted.keep, languages: &languages };
    let published = publish_to(&target, &settings.data, &settings.config, &asked, &stop, &mut |sent| bar.set_position(sent));
    bar.finish_and_clear();
    let report = match published {
        Err(PublishError::Stopped) => return Ok(Exit::Interrupted),
        other => other?,
    };
    if wanted.json {
        output::json(&report)?;
    } else if !global.quiet {
        let generation = &report.generation;
        let size = generation.files.iter().map(|file| file.bytes).sum();
        let what = format!(
            "{}, {} triples in {}, {}",
            counted(generation.records, "record"),
            grouped(generation.triples),
            counted(generation.files.len() as u64, "file"),
            bytes(size)
        );
        output::message(&match report.sent {
            0 => format!("{}/{} is there already: {what}", target.address(), generation.name),
            sent => format!("{}/{}: {what}, of which {} were sent", target.address(), generation.name, bytes(sent)),
        });
        if !report.removed.is_empty() {
            output::message(&format!("removed: {}", report.removed.join(", ")));
        }
    }
    Ok(Exit::Ok)
}

impl Dump {
    fn format(self) -> publish::Format {
        match self {
            Self::Nt => publish::Format::NTriples,
            Self::Nq => publish::Format::NQuads,
            Self::Ttl => publish::Format::Turtle,
            Self::Trig => publish::Format::TriG,
            Self::Parquet => publish::Format::Parquet,
        }
    }
}
