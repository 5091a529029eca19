//! `libris-mirror export --format parquet`

use std::path::Path;
use std::time::Duration;

use super::exit::{Exit, Misuse};
use super::global::Global;
use super::output::{self, bytes, counted, grouped};
use super::settings::Settings;
use super::signals::{SoFar, stop_on_signals};
use crate::export::parquet::{Dataset, ParquetExportError, write_dataset};

/// In which languages names are chosen: those of the library, then English.
pub(super) const LANGUAGES: [&str; 2] = ["sv", "en"];

pub(super) fn run(
    settings: &Settings,
    directory: &Path,
    source: Option<&str>,
    since: Option<i64>,
    json: bool,
    global: &Global,
) -> anyhow::Result<Exit> {
    if directory.as_os_str() == "-" {
        return Err(Misuse("a Parquet export is a directory\nhint: name one with --output".into()).into());
    }
    let mut log = settings.read_log()?;
    let end = log.last_change()?.0;
    if let Some(since) = since.filter(|since| !(0..=end).contains(since)) {
        let hint = "hint: `change` in the manifest.json of an earlier export is one";
        return Err(Misuse(format!("--since {since}: the log has changes 1 to {end}\n{hint}")).into());
    }
    let bar = output::bar(global, "{spinner} {human_pos} records [{elapsed}, {per_sec}]");
    bar.enable_steady_tick(Duration::from_millis(200));
    let languages = LANGUAGES.map(str::to_owned);
    let what = Dataset { source, since, languages: &languages };
    let stop = stop_on_signals(SoFar::default())?;
    let written = write_dataset(&mut log, &settings.config, what, directory, |records| {
        bar.set_position(records);
        !stop.is_stopped()
    });
    bar.finish_and_clear();
    let manifest = match written {
        Err(ParquetExportError::Stopped) => return Ok(Exit::Interrupted),
        other => other?,
    };
    if json {
        output::json(&manifest)?;
    } else if !global.quiet {
        let size = manifest.files.iter().map(|file| file.bytes).sum();
        output::message(&format!(
            "{}, {} triples and {} links in {}, {}",
            counted(manifest.records, "record"),
            grouped(manifest.triples),
            grouped(manifest.links),
            counted(manifest.files.len() as u64, "file"),
            bytes(size)
        ));
    }
    Ok(Exit::Ok)
}
