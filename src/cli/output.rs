//! Printing: data to stdout, messages to stderr, colours and progress only on a terminal.

use std::io::{self, BufWriter, IsTerminal, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::EnvFilter;

use super::global::Global;
use crate::views::Fault;

/// Sends warnings, or with `-v` more, to stderr.
pub(super) fn start_log(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "info",
        _ => "debug",
    };
    let filter = EnvFilter::new(format!("error,rustls_platform_verifier=off,libris_mirror={level}"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours(&io::stderr()))
        .with_target(false);
    // A second start, as in tests, has no effect.
    let _ = if verbose == 0 { log.without_time().try_init() } else { log.try_init() };
}

fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns stdout, buffered. The caller flushes it.
pub(super) fn stdout() -> BufWriter<io::StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// Returns whether stdout is a terminal.
pub(super) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Returns whether stderr is a terminal.
pub(super) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Prints a message for people.
pub(super) fn message(text: &str) {
    // If stderr is closed, there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints an error, in red on a terminal.
pub(super) fn error(text: &str) {
    let (red, plain) = if colours(&io::stderr()) { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
    message(&format!("{red}error:{plain} {text}"));
}

/// Prints the faults that are told, and how many more there are.
pub(super) fn faults(told: &[Fault], count: u64) {
    for fault in told {
        message(&format!("{}: {}", fault.part, fault.problem));
    }
    let more = count - told.len() as u64;
    if more > 0 {
        message(&format!("and {} more faults", grouped(more)));
    }
}

/// Returns a progress bar of this template: shown on a terminal, unless nothing was asked for, or messages.
pub(super) fn bar(global: &Global, template: &str) -> ProgressBar {
    let visible = !global.quiet && global.verbose == 0 && stderr_is_terminal();
    let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Prints a value as indented JSON.
pub(super) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut out = stdout();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

/// Returns an empty table with a header.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.to_vec());
    table
}

/// Returns a number with its digits in groups: 1 234 567.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Returns a number of things: `1 page`, `2 pages`.
pub(super) fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Returns a time, given in milliseconds since 1970, as RFC 3339 in UTC.
pub(super) fn time(millis: i64) -> Option<String> {
    DateTime::<Utc>::from_timestamp_millis(millis).map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Returns a number of bytes for people, in powers of 1000.
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1 234 567");
        assert_eq!((counted(1, "page"), counted(2000, "page")), ("1 page".to_owned(), "2 000 pages".to_owned()));
        assert_eq!(bytes(1_234_567), "1.2 MB");
    }
}
