//! Entities that the feed names, fetched one by one: only those that the log lacks.

use std::io::{BufRead, Read};

use super::exchange::{Batch, DATA, Exchange, Halt};
use super::part::{Broke, limits};
use super::walk::{Feed, Newest};
use crate::emm::{EmmError, EntityRecord, Happening, Item, read_item, tombstone};
use crate::harvest::error::FetchError;
use crate::log::{HeldRecord, Undelivered};
use crate::oai::{Datestamp, RecordId};

/// How many records that were fetched one by one are committed together.
const RECORDS_PER_BATCH: usize = 50;

/// What is known of a record that is to be fetched.
pub(super) struct Wanted {
    pub(super) entity: String,
    pub(super) identifier: String,
    /// When it was changed, milliseconds since 1970.
    pub(super) published: i64,
    /// Whether the views have it.
    pub(super) live: bool,
}

/// What a request for an entity brought.
enum Brought {
    Record(Box<EntityRecord>),
    /// It is gone.
    Gone,
    /// Why it did not come.
    Nothing(FetchError),
}

/// Records that wait to be committed.
#[derive(Default)]
struct Waiting {
    records: Vec<EntityRecord>,
    deleted: Vec<crate::oai::Record>,
    undelivered: Vec<Undelivered>,
}

impl Waiting {
    fn len(&self) -> usize {
        self.records.len() + self.deleted.len() + self.undelivered.len()
    }

    fn delete(&mut self, wanted: &Wanted) {
        let at =
            Datestamp::from_millis(wanted.published).map(|at| at.time().to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
        if let (true, Ok(identifier)) = (wanted.live, RecordId::new(&wanted.identifier)) {
            self.deleted.push(tombstone(identifier, &at.unwrap_or_default()));
        }
    }
}

/// Whether the log has what an activity tells of.
fn is_known(newest: &Newest, held: Option<HeldRecord>) -> bool {
    match (newest.happening, held) {
        (Happening::Deleted, None) => !newest.disputed,
        (Happening::Deleted, Some(held)) => !held.live && !newest.disputed,
        (Happening::Changed, Some(HeldRecord { live: true, datestamp: Some(datestamp) })) => {
            newest.dated && datestamp >= newest.published
        }
        (Happening::Changed, _) => false,
    }
}

impl Exchange<'_> {
    /// Brings the log to what the feed says.
    pub(super) fn apply(&mut self, feed: &Feed) -> Result<(), Halt> {
        let mut changes: Vec<(&String, &Newest)> = feed.changes.iter().collect();
        changes.sort_by_key(|(entity, newest)| (newest.published, entity.as_str()));
        let mut waiting = Waiting::default();
        let mut lost = 0;
        for (entity, newest) in changes {
            let identifier = self.record_of(entity)?;
            let held = self.log.held(self.row.id, &identifier)?;
            if is_known(newest, held) {
                continue;
            }
            let live = held.is_some_and(|held| held.live);
            let wanted = Wanted { entity: entity.clone(), identifier, published: newest.published, live };
            if newest.happening == Happening::Deleted && !newest.disputed {
                waiting.delete(&wanted);
            } else {
                self.fetch_into(&mut waiting, &wanted, &mut lost)?;
            }
        }
        self.flush(&mut waiting)
    }

    /// Fetches records; a record that is gone and that the log has is deleted.
    pub(super) fn fetch_each(&mut self, wanted: &[Wanted]) -> Result<(), Halt> {
        let (mut waiting, mut lost) = (Waiting::default(), 0);
        for one in wanted {
            self.fetch_into(&mut waiting, one, &mut lost)?;
        }
        self.flush(&mut waiting)
    }

    fn fetch_into(&mut self, waiting: &mut Waiting, wanted: &Wanted, lost: &mut usize) -> Result<(), Halt> {
        let full = waiting.len() >= RECORDS_PER_BATCH;
        let enough = self.run.options.max_records.is_some_and(|most| self.done.counters.received + waiting.len() as u64 >= most);
        let halted = self.check();
        if full || enough || halted.is_err() {
            self.flush(waiting)?;
            halted?;
            self.check()?;
        }
        let reason = match self.entity(wanted) {
            Ok(Brought::Record(record)) => {
                let came = record.record.header.identifier.as_str();
                if came == wanted.identifier || record.entity.as_deref() == Some(&wanted.entity) {
                    waiting.records.push(*record);
                    *lost = 0;
                    return Ok(());
                }
                format!("the source sent {came} in its place")
            }
            Ok(Brought::Gone) => {
                waiting.delete(wanted);
                self.log.forget_undelivered(self.row.id, &wanted.identifier)?;
                return Ok(());
            }
            Ok(Brought::Nothing(error)) => {
                // A server that fails otherwise than by refusing is more likely down.
                *lost += if error.is_transient() { self.settings().isolate_records / 3 + 1 } else { 1 };
                if *lost > self.settings().isolate_records {
                    self.flush(waiting)?;
                    return Err(FetchError::Hopeless { undelivered: *lost, cause: Box::new(error) }.into());
                }
                format!("the source cannot deliver it: {error}")
            }
            Err(halt) => {
                // What came is kept.
                self.flush(waiting)?;
                return Err(halt);
            }
        };
        waiting.undelivered.push(Undelivered {
            identifier: wanted.identifier.clone(),
            datestamp_text: Datestamp::from_millis(wanted.published).map(|at| at.to_string()).unwrap_or_default(),
            reason,
        });
        Ok(())
    }

    /// Asks for the data of an entity: by its record where the log knows that, since any server of the API has records of its own.
    fn entity(&mut self, wanted: &Wanted) -> Result<Brought, Halt> {
        let address = self.endpoint.entity(&wanted.identifier);
        let Some(url) = address else {
            let problem = EmmError::Invalid("its IRI is no address".into());
            return Ok(Brought::Nothing(FetchError::Emm { url: wanted.identifier.clone(), source: problem }));
        };
        let (limit, name) = (limits(self.settings()).item_bytes, url.to_string());
        let asked =
            self.ask_short(&url, DATA, move |mut input| read_entity(&mut *input, limit).map_err(|broke| broke.at(&name)))?;
        match asked {
            Ok(record) => Ok(Brought::Record(record)),
            Err(FetchError::Status { status: 410, .. }) => Ok(Brought::Gone),
            Err(error @ (FetchError::Redirect { .. } | FetchError::Emm { .. } | FetchError::TooLarge { .. })) => {
                Ok(Brought::Nothing(error))
            }
            Err(error) if error.is_permanent() || error.may_be_a_record() => Ok(Brought::Nothing(error)),
            Err(error) => Err(error.into()),
        }
    }

    fn flush(&mut self, waiting: &mut Waiting) -> Result<(), Halt> {
        if waiting.len() == 0 {
            return Ok(());
        }
        let Waiting { records, deleted, undelivered } = std::mem::take(waiting);
        let needs_context = records.iter().any(|record| record.needs_context);
        self.note(&records, false)?;
        let records: Vec<_> = records.into_iter().map(|record| record.record).chain(deleted).collect();
        self.commit(&Batch { records: &records, undelivered: &undelivered, ..Batch::default() }, needs_context)
    }
}

/// Reads the data of one entity.
fn read_entity(input: &mut dyn BufRead, limit: usize) -> Result<Box<EntityRecord>, Broke> {
    let mut json = Vec::new();
    let read = input.take(limit as u64 + 1).read_to_end(&mut json);
    read.map_err(|source| EmmError::Read { position: json.len() as u64, source })?;
    if json.len() > limit {
        return Err(EmmError::TooLarge { what: "a record's size in bytes", limit }.into());
    }
    match read_item(&json) {
        Ok(Item::Record(record)) => Ok(record),
        Ok(Item::Context { .. }) => Err(EmmError::Invalid("it is a context and no record".into()).into()),
        Err(error) => Err(EmmError::Invalid(error.reason).into()),
    }
}
