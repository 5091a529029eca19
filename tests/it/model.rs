//! Several sources that hold the same identifiers, against a model of what must win and in which order it happened.

use libris_mirror::config::{Config, Source, SourceSettings};
use libris_mirror::data_dir::DataDir;
use libris_mirror::log::{AuditPage, ChangeId, ChangeKind, HarvestKind, NewPage, Origin, PageBodies, SourceId};
use libris_mirror::mirror::Mirror;
use libris_mirror::oai::{Document, Item, Limits, Record};
use libris_mirror::verify::verify;
use libris_mirror::views::{Content, Readers};
use proptest::prelude::*;

use crate::harness::setting;

/// What a source says of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    Good(u8),
    Broken,
    Deleted,
}

/// What happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A source delivers a record under a new datestamp.
    Deliver(usize, usize, Payload),
    /// A source delivers what it delivered last, byte for byte.
    Repeat(usize, usize),
    /// An audit finds that a source lists only the records of this mask.
    Withdraw(usize, u8),
    Reinstate(usize),
    Retry(usize),
    /// Views catch up.
    CatchUp,
    /// The program ends after this many pages of catching up, and begins again.
    Kill(u64),
}

const RECORDS: usize = 3;

fn steps(sources: usize) -> impl Strategy<Value = Vec<Step>> {
    let payload = prop_oneof![
        6 => (0u8..3).prop_map(Payload::Good),
        2 => Just(Payload::Broken),
        2 => Just(Payload::Deleted),
    ];
    let step = prop_oneof![
        10 => (0..sources, 0..RECORDS, payload).prop_map(|(source, record, payload)| Step::Deliver(source, record, payload)),
        2 => (0..sources, 0..RECORDS).prop_map(|(source, record)| Step::Repeat(source, record)),
        3 => (0..sources, 0u8..8).prop_map(|(source, mask)| Step::Withdraw(source, mask)),
        2 => (0..sources).prop_map(Step::Reinstate),
        2 => (0..sources).prop_map(Step::Retry),
        3 => Just(Step::CatchUp),
        3 => (0u64..3).prop_map(Step::Kill),
    ];
    prop::collection::vec(step, 1..25)
}

/// A record as the model holds it.
#[derive(Debug, Clone)]
struct Held {
    payload: Payload,
    xml: String,
    withdrawn: bool,
    /// The number of the change with which its payload was delivered.
    delivered: usize,
}

/// What must be: simple enough to be believed.
#[derive(Debug, Default)]
struct Model {
    held: Vec<Vec<Option<Held>>>,
    /// Everything that happened, in its order, with what was delivered.
    changes: Vec<(ChangeKind, usize, usize, Option<String>)>,
}

impl Model {
    fn new(sources: usize) -> Self {
        Self { held: vec![vec![None; RECORDS]; sources], changes: Vec::new() }
    }

    fn happens(&mut self, kind: ChangeKind, source: usize, record: usize, xml: Option<&str>) -> usize {
        self.changes.push((kind, source, record, xml.map(str::to_owned)));
        self.changes.len()
    }

    fn deliver(&mut self, source: usize, record: usize, payload: Payload, xml: &str) {
        let before = self.held[source][record].clone();
        let kind = match &before {
            Some(held) if held.xml == xml && !held.withdrawn => return,
            Some(held) if held.payload == payload && !held.withdrawn => ChangeKind::Header,
            _ if payload == Payload::Deleted => ChangeKind::Deleted,
            Some(held) if !held.withdrawn => ChangeKind::Changed,
            _ => ChangeKind::Came,
        };
        let number = self.happens(kind, source, record, Some(xml));
        let delivered = match before {
            Some(held) if kind == ChangeKind::Header => held.delivered,
            _ => number,
        };
        self.held[source][record] = Some(Held { payload, xml: xml.to_owned(), withdrawn: false, delivered });
    }

    /// The source whose version of a record counts.
    fn winner(&self, record: usize) -> Option<usize> {
        let holders = (0..self.held.len()).filter(|source| self.held[*source][record].is_some());
        holders.max_by_key(|source| self.held[*source][record].as_ref().map(|held| (!held.withdrawn, held.delivered)))
    }

    /// What readers must see of a record.
    fn seen(&self, record: usize) -> Option<Payload> {
        let held = self.held[self.winner(record)?][record].as_ref()?;
        if held.withdrawn { None } else { Some(held.payload) }
    }

    fn each(&mut self, source: usize, wanted: impl Fn(usize, &Held) -> bool, kind: ChangeKind, change: impl Fn(&mut Held)) {
        // In the order in which the log has them: that of their first delivery.
        let mut records: Vec<usize> = (0..RECORDS).filter(|record| self.held[source][*record].is_some()).collect();
        let first = |record: &usize| self.changes.iter().position(|(_, s, r, _)| (*s, *r) == (source, *record));
        records.sort_by_key(first);
        for record in records {
            if self.held[source][record].as_ref().is_some_and(|held| wanted(record, held)) {
                self.happens(kind, source, record, None);
                self.held[source][record].as_mut().into_iter().for_each(&change);
            }
        }
    }
}

fn identifier(record: usize) -> String {
    format!("https://libris.kb.se/r{record}")
}

/// A record as a source sends it; each delivery has another datestamp.
fn xml(record: usize, payload: Payload, delivery: usize) -> String {
    let status = if payload == Payload::Deleted { " status=\"deleted\"" } else { "" };
    let iri = identifier(record);
    let metadata = match payload {
        Payload::Good(value) => format!(
            "<metadata><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns:k=\"https://id.kb.se/vocab/\">\
             <rdf:Description rdf:about=\"{iri}\"><k:value>v{value}</k:value></rdf:Description></rdf:RDF></metadata>"
        ),
        Payload::Broken => "<metadata><oops:x/></metadata>".to_owned(),
        Payload::Deleted => String::new(),
    };
    format!(
        "<record xmlns=\"http://www.openarchives.org/OAI/2.0/\"><header{status}><identifier>{iri}</identifier>\
         <datestamp>2026-01-01T{:02}:{:02}:00Z</datestamp></header>{metadata}</record>",
        delivery / 60,
        delivery % 60
    )
}

fn parse(record: &str) -> Record {
    let answer = format!("<OAI-PMH xmlns=\"http://www.openarchives.org/OAI/2.0/\"><ListRecords>{record}</ListRecords></OAI-PMH>");
    let mut document = Document::new(answer.as_bytes(), Limits::default());
    loop {
        match document.next_item().expect("valid") {
            Some(Item::Record(record)) => return record,
            Some(_) => {}
            None => panic!("no record in {answer}"),
        }
    }
}

/// A mirror that does what the model does.
struct Real {
    data: DataDir,
    config: Config,
    sources: Vec<Source>,
    mirror: Option<Mirror>,
    _directory: tempfile::TempDir,
}

impl Real {
    fn new(sources: usize) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let source = |number: usize| {
            let settings = SourceSettings { url: Some("http://127.0.0.1/oai".into()), ..SourceSettings::default() };
            settings.check(&format!("s{number}")).expect("valid")
        };
        let config = Config::new(None, std::collections::HashMap::new(), &[]).expect("the defaults");
        let data = DataDir::new(directory.path().join("mirror"));
        Self { data, config, sources: (0..sources).map(source).collect(), mirror: None, _directory: directory }
    }

    fn mirror(&mut self) -> &mut Mirror {
        self.mirror.get_or_insert_with(|| Mirror::open(&self.data, &self.config, "a test").expect("a mirror"))
    }

    fn source(&mut self, number: usize) -> SourceId {
        let source = self.sources[number].clone();
        self.mirror().log.enter_source(&source).expect("entered").id
    }

    fn deliver(&mut self, source: usize, record: &str) {
        let id = self.source(source);
        let log = &mut self.mirror().log;
        let harvest = log.begin_harvest(id, HarvestKind::Window, None, None, 0).expect("begun");
        let records = [parse(record)];
        let page = NewPage {
            source: id,
            harvest,
            response_date: None,
            records: &records,
            undelivered: &[],
            origin: Origin::ListBegins,
            token: None,
            whole: true,
            last: true,
            doubtful: false,
            now: 1,
        };
        log.append(&page).expect("appended");
    }

    fn withdraw(&mut self, source: usize, listed: &[Record]) {
        let id = self.source(source);
        let log = &mut self.mirror().log;
        let audit = log.begin_audit(id, 0).expect("begun");
        let headers = listed.iter().map(|record| &record.header).collect();
        let (whole, last, now) = (true, true, 1);
        let page = AuditPage { audit, source: id, headers, response_date: None, opens_list: true, token: None, whole, last, now };
        log.append_audit(&page).expect("appended");
        log.withdraw(id, 1).expect("withdrawn");
    }

    /// What the mirror says of a record, by the same words as the model's.
    fn seen(&mut self, record: usize) -> Option<Payload> {
        let log = &self.mirror().log;
        let row = log.record(&identifier(record)).expect("read")?;
        let readers = Readers::new(log, 64).expect("readers");
        match readers.content(log, &mut PageBodies::default(), &row.version).expect("read") {
            Content::Quads(quads) => {
                let value = quads[0].object.to_string().trim_matches('"').trim_start_matches('v').parse().expect("a value");
                Some(Payload::Good(value))
            }
            Content::Deleted if row.withdrawn => None,
            Content::Deleted => Some(Payload::Deleted),
            Content::Quarantined(_) => Some(Payload::Broken),
        }
    }
}

fn run(sources: usize, steps: &[Step]) {
    let (mut model, mut real) = (Model::new(sources), Real::new(sources));
    for (delivery, step) in steps.iter().chain([&Step::Kill(0), &Step::CatchUp]).enumerate() {
        match *step {
            Step::Deliver(source, record, payload) => {
                let xml = xml(record, payload, delivery);
                real.deliver(source, &xml);
                model.deliver(source, record, payload, &xml);
            }
            Step::Repeat(source, record) => {
                let Some(held) = model.held[source][record].clone() else { continue };
                real.deliver(source, &held.xml);
                model.deliver(source, record, held.payload, &held.xml);
            }
            Step::Withdraw(source, mask) => {
                let kept = |record: usize| mask & (1 << record) != 0;
                let listed = (0..RECORDS).filter(|record| kept(*record)).map(|record| parse(&xml(record, Payload::Broken, 0)));
                real.withdraw(source, &listed.collect::<Vec<_>>());
                let gone = |record, held: &Held| !kept(record) && !held.withdrawn && held.payload != Payload::Deleted;
                model.each(source, gone, ChangeKind::Withdrawn, |held| held.withdrawn = true);
            }
            Step::Reinstate(source) => {
                let id = real.source(source);
                real.mirror().log.reinstate(id, 1).expect("reinstated");
                model.each(source, |_, held| held.withdrawn, ChangeKind::Reinstated, |held| held.withdrawn = false);
            }
            Step::Retry(source) => {
                // The quarantine is a view: it must be there to be retried.
                real.mirror().catch_up(|_| true).expect("caught up");
                let id = real.source(source);
                real.mirror().log.touch_quarantined(id, 1).expect("touched");
                let quarantined: Vec<bool> = (0..RECORDS)
                    .map(|record| model.winner(record) == Some(source) && model.seen(record) == Some(Payload::Broken))
                    .collect();
                model.each(source, |record, _| quarantined[record], ChangeKind::Retried, |_| {});
            }
            Step::CatchUp => {
                let report = verify(real.mirror(), |_| true).expect("verified");
                assert_eq!(report.faults, [], "{model:#?}");
                for record in 0..RECORDS {
                    assert_eq!(real.seen(record), model.seen(record), "record {record}: {model:#?}");
                }
                let good = (0..RECORDS).filter(|record| matches!(model.seen(*record), Some(Payload::Good(_)))).count();
                assert_eq!(report.records, good as u64, "{model:#?}");
            }
            Step::Kill(pages) => {
                let mut left = pages;
                let stop = |_: &_| {
                    left = left.saturating_sub(1);
                    left > 0
                };
                if pages > 0 {
                    real.mirror().catch_up(stop).expect("caught up so far");
                }
                real.mirror = None;
            }
        }
    }
    let log = &real.mirror().log;
    let listed = log.list_changes(ChangeId(0), usize::MAX >> 1).expect("listed");
    let happened: Vec<_> = listed.iter().map(|row| (row.kind, row.source.clone(), row.identifier.clone())).collect();
    let due = model.changes.iter().map(|(kind, source, record, _)| (*kind, format!("s{source}"), identifier(*record)));
    assert_eq!(happened, due.collect::<Vec<_>>(), "what happened, in its order");
    for (row, (_, _, _, due)) in listed.iter().zip(&model.changes) {
        let version = log.version_of(row.change).expect("read").map(|xml| String::from_utf8(xml).expect("text"));
        assert_eq!(version.as_ref(), due.as_ref(), "the version that change {} brought", row.change.0);
        assert_eq!(row.datestamp.is_some(), due.is_some());
    }
    let numbers: Vec<i64> = listed.iter().map(|row| row.change.0).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}

fn cases() -> u32 {
    setting("LIBRIS_MIRROR_MODEL_CASES").and_then(|cases| u32::try_from(cases).ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_sources_do_what_the_model_does(steps in steps(2)) {
        run(2, &steps);
    }

    #[test]
    fn three_sources_do_what_the_model_does(steps in steps(3)) {
        run(3, &steps);
    }
}

/// The cases of the older rule, where one column was identity, dirty mark and tie-break.
#[test]
fn a_retry_a_reinstatement_and_a_withdrawal_do_not_make_an_older_version_win() {
    use Payload::{Broken, Good};
    use Step::{CatchUp, Deliver, Reinstate, Retry, Withdraw};
    // The older source is broken and retried: the newer one still counts.
    run(2, &[Deliver(0, 0, Broken), CatchUp, Deliver(1, 0, Good(1)), Retry(0), CatchUp]);
    // The older source withdraws and comes back.
    run(2, &[Deliver(0, 0, Good(0)), Deliver(1, 0, Good(1)), Withdraw(0, 0), CatchUp, Reinstate(0), CatchUp]);
    // Of three, the newest withdraws: the one before it counts, not the oldest.
    run(
        3,
        &[Deliver(0, 0, Good(0)), Deliver(1, 0, Good(1)), Deliver(2, 0, Good(2)), Withdraw(2, 0), CatchUp, Reinstate(2), CatchUp],
    );
}
