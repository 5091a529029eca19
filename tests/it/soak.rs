//! Everything at once for a long time: a source that changes while its answers are spoiled, harvests, audits and
//! repairs that are cut short and killed. In the end the mirror equals the source, and memory has not grown.
//!
//! `LIBRIS_MIRROR_SOAK_MINUTES=60 cargo test --release --test it soak -- --nocapture` is the long form.

use std::collections::HashSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use libris_mirror::demo::{Fault, Faults, identifier};

use crate::crashes::Numbers;
use crate::harness::{Bench, setting};

/// How long it takes, unless the environment says otherwise.
const SECONDS: u64 = 20;

/// A run: when it began, what it was, the most memory that it had, and its exit code.
struct Ran {
    at: Duration,
    verb: String,
    peak_kb: u64,
    code: Option<i32>,
}

/// The most memory that a process has had so far.
pub fn resident_kb(process: u32) -> Option<u64> {
    let status = fs_err::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Runs the binary, killing it after some time if one is given.
fn watch(bench: &Bench, words: &[&str], kill_after: Option<Duration>, since: Instant) -> Ran {
    let (at, started) = (since.elapsed(), Instant::now());
    let mut child = bench.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut peak_kb = 0;
    let code = loop {
        peak_kb = peak_kb.max(resident_kb(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().expect("a child") {
            break status.code();
        }
        if kill_after.is_some_and(|limit| started.elapsed() > limit) {
            child.kill().expect("SIGKILL");
            child.wait().expect("a child");
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    Ran { at, verb: words[0].to_owned(), peak_kb, code }
}

fn change(bench: &Bench, numbers: &mut Numbers) {
    let now = chrono::Utc::now();
    bench.state().with_catalogue(|catalogue| {
        let live = catalogue.live(usize::MAX);
        let mut some = |count: u64| -> Vec<u64> {
            (0..count).filter_map(|_| live.get(usize::try_from(numbers.below(live.len() as u64)).ok()?).copied()).collect()
        };
        let (updated, deleted, backdated) = (some(40), some(5), some(4));
        // First: a record that was changed just now would be dated in the future, where the last harvest of the test does not see it.
        catalogue.backdate(&backdated);
        catalogue.update(&updated, now);
        catalogue.delete(&deleted, now);
        catalogue.add(15, now);
    });
}

#[test]
fn a_soak_ends_equal_to_the_source_with_memory_as_it_began() {
    let minutes = setting("LIBRIS_MIRROR_SOAK_MINUTES");
    let length = Duration::from_secs(minutes.map_or(SECONDS, |minutes| minutes * 60));
    let mut numbers = Numbers(20_261_122);
    let faults = Faults::new(Fault::ALL.to_vec(), 7);
    let bench = Bench::faulty(if minutes.is_some() { 20_000 } else { 2000 }, 250, &faults);
    faults.poison(&identifier(101), false);
    faults.poison(&identifier(1202), true);
    let impatient = ["--set-config", "harvest.idle_timeout_s=2", "--set-config", "harvest.retry_after_max_s=5"];
    let plain = bench.harvest_words("all", None, &impatient);
    let begun = Instant::now();
    let mut runs: Vec<Ran> = Vec::new();
    while begun.elapsed() < length {
        if numbers.below(3) == 0 {
            change(&bench, &mut numbers);
        }
        let kill = (numbers.below(4) == 0).then(|| Duration::from_millis(100 + numbers.below(4000)));
        let words: Vec<&str> = match numbers.below(12) {
            0 => [&["audit"][..], &impatient].concat(),
            1 => [&["audit", "--repair"][..], &impatient].concat(),
            2 => [&["quarantine", "--retry"][..], &impatient].concat(),
            3 => [&plain[..], &["--full", "--max-duration", "20s"]].concat(),
            4 => [&plain[..], &["--max-duration", "1500ms"]].concat(),
            5 => vec!["verify"],
            _ => plain.clone(),
        };
        let ran = watch(&bench, &words, kill, begun);
        assert!(matches!(ran.code, None | Some(0 | 1 | 65 | 69)), "{words:?} ended with {:?}", ran.code);
        runs.push(ran);
    }
    for (number, ran) in runs.iter().enumerate().filter(|_| minutes.is_some()) {
        eprintln!("{number}\t{:.0}\t{}\t{} kB\t{:?}", ran.at.as_secs_f64(), ran.verb, ran.peak_kb, ran.code);
    }
    let tally = faults.tally();
    eprintln!("{} runs; faults: {tally:?}", runs.len());
    faults.end();
    // A list that is still open ends where the source was when it was opened; the next one brings what has changed since.
    bench.run(&bench.harvest_words("all", None, &[])).expect(0);
    bench.run(&bench.harvest_words("all", None, &[])).expect(0);
    bench.run(&["quarantine", "--retry"]).expect(0);
    // The first goes on with a list that may have been begun before the last changes.
    bench.run(&["audit", "--repair"]).expect(0);
    bench.run(&["audit", "--repair"]).expect(0);
    bench.run(&["audit"]).expect(0);
    bench.run(&["verify"]).expect(0);
    let calm = bench.beside();
    calm.harvest("all", None, &[]);
    let (held, due) = (bench.contents(), calm.contents());
    let lacking = |some: &[String], others: &[String]| {
        let others: HashSet<&String> = others.iter().collect();
        some.iter().filter(|line| !others.contains(line)).take(5).cloned().collect::<Vec<_>>()
    };
    assert!(held == due, "the mirrors differ: {:#?} should be {:#?}", lacking(&held, &due), lacking(&due, &held));

    // The most memory of the harvests in each quarter of the time.
    let peak = |quarter: u32| {
        let within = |ran: &&Ran| ran.verb == "harvest" && ran.at >= length * quarter / 4 && ran.at < length * (quarter + 1) / 4;
        runs.iter().filter(within).map(|ran| ran.peak_kb).max().unwrap_or(0)
    };
    let peaks: Vec<u64> = (0..4).map(peak).collect();
    eprintln!("peaks of the quarters, in kB: {peaks:?}");
    if minutes.is_some() {
        assert!(faults.idle().is_empty(), "these never struck: {:?}", faults.idle());
        assert!(peaks[3] < peaks[0] * 5 / 4 + 20_000, "memory grew: {peaks:?} kB");
    }
}
