//! The report of a harvest: a sentence for people, JSON for scripts, and an exit code.

use std::time::Duration;

use serde_json::{Value, json};

use super::exit::{Exit, of_fetch};
use super::output::{self, counted, grouped};
use super::signals::INTERRUPTED;
use crate::config::SourceKind;
use crate::harvest::{HarvestReport, Outcome};
use crate::log::Counters;

/// Returns the more serious of two exit codes.
pub(super) fn worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Ok => 0,
        Exit::Quarantined => 1,
        Exit::Unavailable => 2,
        Exit::Locked => 3,
        Exit::Usage => 4,
        Exit::Failed => 5,
        Exit::Interrupted => 6,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// Returns the exit code of one source.
pub(super) fn exit_of(report: &HarvestReport, quiet: bool) -> Exit {
    let incomplete = report.quarantined + report.counters.undelivered > 0 || report.brake.is_some();
    match &report.outcome {
        Outcome::Interrupted => Exit::Interrupted,
        Outcome::Unavailable(error) => {
            if quiet {
                output::error(&format!("{}: {error}", report.source));
            }
            of_fetch(error)
        }
        Outcome::Complete { promised: Some(_), .. } | Outcome::Complete { doubtful: true, .. } => {
            if quiet {
                output::error(&format!("{}: {}", report.source, end(report).trim_start()));
            }
            Exit::Quarantined
        }
        Outcome::Complete { .. } | Outcome::Enough | Outcome::TimeUp if incomplete => {
            if quiet && report.brake.is_some() {
                output::error(&format!("{}: {}", report.source, braked(report).trim_start()));
            } else if quiet {
                let (quarantined, undelivered) = (report.quarantined, report.counters.undelivered);
                output::error(&format!(
                    "{}: {quarantined} records were quarantined and {undelivered} not delivered, see `libris-mirror quarantine`",
                    report.source
                ));
            }
            Exit::Quarantined
        }
        Outcome::Complete { .. } | Outcome::Enough | Outcome::TimeUp | Outcome::NotDue { .. } => Exit::Ok,
    }
}

/// Says where the next harvest begins after a list that may lack records.
fn reach_back(report: &HarvestReport) -> String {
    match report.reaches_back {
        None => String::new(),
        Some(None) => "; the next harvest asks for the whole list again".into(),
        Some(Some(from)) => format!("; the next harvest reaches back to {from}"),
    }
}

fn end(report: &HarvestReport) -> String {
    match &report.outcome {
        Outcome::Complete { promised: Some(promised), received, .. } => format!(
            "\nthe list ended after {} records, but it promised {}: the server's count is wrong, or records are missing; `libris-mirror audit {}` finds out{}",
            grouped(*received),
            grouped(*promised),
            report.source,
            reach_back(report)
        ),
        Outcome::Complete { doubtful: true, .. } => format!(
            "\nthe server refused the token of the last page each time, which was taken for the end of the list; `libris-mirror audit {}` checks it{}",
            report.source,
            reach_back(report)
        ),
        Outcome::Complete { .. } | Outcome::NotDue { .. } => String::new(),
        Outcome::Enough if report.reads_input => "\nstopped at --max-records; import standard input again to continue".into(),
        Outcome::TimeUp if report.reads_input => "\nstopped at --max-duration; import standard input again to continue".into(),
        Outcome::Enough => "\nstopped at --max-records; the next harvest continues from there".into(),
        Outcome::TimeUp => "\nstopped at --max-duration; the next harvest continues from there".into(),
        Outcome::Interrupted => format!("\n{INTERRUPTED}"),
        Outcome::Unavailable(error) if error.is_permanent() => {
            format!(
                "\nthe source refuses: {error}\neverything received is kept; when the source is repaired, run the same command again to continue"
            )
        }
        Outcome::Unavailable(error) => {
            format!("\nthe source failed: {error}\neverything received is kept, run the same command again to continue")
        }
    }
}

/// Says that nothing was withdrawn, if that is so.
fn braked(report: &HarvestReport) -> String {
    let Some((left, percent)) = report.brake else { return String::new() };
    let next = if report.kind == SourceKind::Emm {
        // The next run may read the feed alone, which does not say what left a selection.
        format!(
            "run `libris-mirror harvest {} --full --set-config harvest.withdraw_max_percent=100`; a harvest that reads only the changes does not report this again",
            report.source
        )
    } else {
        "run the same command with --set-config harvest.withdraw_max_percent=100, or an import with --withdraw-all".to_owned()
    };
    format!(
        "\nnothing was withdrawn: {} left the source, {percent:.1} % of the live ones, which looks like a fault\nhint: if it is none, {next}",
        counted(left, "record")
    )
}

/// Returns a sentence for people.
pub(super) fn summary(report: &HarvestReport, time: Duration) -> String {
    let counters = &report.counters;
    if let Outcome::NotDue { at } = report.outcome {
        let due = output::time(at).unwrap_or_default();
        return format!("{0}: not due before {due} (`every`); `libris-mirror harvest {0}` asks now", report.source);
    }
    let window = match (&report.from, report.resumed) {
        (_, true) => " (resumed)".to_owned(),
        (Some(from), _) => format!(" since {from}"),
        (None, _) => String::new(),
    };
    let some = |count: u64, text: &str| if count > 0 { format!(", {} {text}", grouped(count)) } else { String::new() };
    format!(
        "{}{window}: {} in {}: {} new, {} changed, {} deleted, {} unchanged{}{}{}{}; {:.1} s{}{}",
        report.source,
        counted(counters.received, "record"),
        counted(counters.pages, "page"),
        grouped(counters.created),
        grouped(counters.changed),
        grouped(counters.deleted),
        grouped(counters.unchanged),
        some(report.quarantined, "quarantined (see `libris-mirror quarantine`)"),
        some(report.withdrawn, "withdrawn"),
        some(counters.undelivered, "not delivered (see `libris-mirror quarantine`)"),
        some(report.repaired, "with bytes that are not text, read as U+FFFD"),
        time.as_secs_f64(),
        braked(report),
        end(report)
    )
}

/// Returns every counter, for scripts.
pub(super) fn as_json(report: &HarvestReport, time: Duration) -> Value {
    let HarvestReport {
        source,
        kind: _,
        resumed,
        reads_input: _,
        from,
        counters,
        quarantined,
        repaired,
        traffic,
        outcome,
        reaches_back,
        withdrawn,
        brake,
        snapshot,
    } = report;
    let (name, error, promised) = match outcome {
        Outcome::Complete { promised: Some(promised), .. } => ("short", None, Some(*promised)),
        Outcome::Complete { doubtful: true, .. } => ("doubtful", None, None),
        Outcome::Complete { .. } => ("complete", None, None),
        Outcome::Enough => ("max-records", None, None),
        Outcome::TimeUp => ("max-duration", None, None),
        Outcome::Interrupted => ("interrupted", None, None),
        Outcome::Unavailable(error) => ("unavailable", Some(error.to_string()), None),
        Outcome::NotDue { .. } => ("not-due", None, None),
    };
    let mut value = json!({
        "source": source, "outcome": name, "error": error, "resumed": resumed, "from": from, "seconds": time.as_secs_f64(),
        "quarantined": quarantined, "repaired": repaired, "promised": promised, "reaches_back": reaches_back.is_some(),
        "next_from": reaches_back.flatten().map(|from| from.to_string()), "snapshot": snapshot,
        "withdrawn": withdrawn, "brake_percent": brake.map(|(_, percent)| percent),
        "requests": traffic.requests, "retries": traffic.retries, "transferred_bytes": traffic.bytes,
    });
    add(&mut value, counters);
    value
}

/// Returns the counters of a run that ends in the middle of a page.
pub(super) fn unfinished(source: &str, counters: &Counters, time: Duration) -> Value {
    let mut value = json!({ "source": source, "outcome": "interrupted", "error": null, "seconds": time.as_secs_f64() });
    add(&mut value, counters);
    value
}

fn add(value: &mut Value, counters: &Counters) {
    if let (Value::Object(members), Ok(Value::Object(counters))) = (value, serde_json::to_value(counters)) {
        members.extend(counters);
    }
}
