//! Pages of a dump: how they are fetched, and what is kept of them.

use tokio::sync::mpsc;
use url::Url;

use super::exchange::{Batch, DUMPS, Exchange, Halt};
use super::part::{Broke, Part, read_page};
use super::position::Position;
use crate::emm::PageHead;
use crate::harvest::scope::now;
use crate::log::{AuditPage, HarvestId, LogError, Undelivered};
use crate::oai::{Header, Record, RecordId};

impl Exchange<'_> {
    /// Fetches a page. Parts of a page that is longer than one of the log are committed as they come.
    pub(super) fn page(&mut self, url: &Url, position: &Position) -> Result<(PageHead, Part), Halt> {
        let (settings, place) = (self.settings().clone(), url.to_string());
        let read = move |mut input: Box<dyn std::io::BufRead + Send>, sender: &mpsc::Sender<Part>| {
            let hand_over = |part| sender.blocking_send(part).map_err(|_| Broke::Stopped);
            read_page(&mut *input, &settings, &place, hand_over).map_err(|broke| broke.at(&place))
        };
        Ok(self.ask(url, DUMPS, read, |exchange, part| exchange.part(part, position, false))??)
    }

    /// Commits a part of a dump, and that the dump lists its records.
    pub(super) fn part(&mut self, part: Part, position: &Position, whole: bool) -> Result<(), Halt> {
        self.context = part.context.or(self.context.take());
        if part.records.is_empty() && part.undelivered.is_empty() && !whole {
            return Ok(());
        }
        if self.listing {
            let records: Vec<_> = part.records.into_iter().map(|record| record.record).collect();
            self.list(&records, &part.undelivered, position, whole)?;
            self.done.counters.received += records.len() as u64;
            (self.progress)(&self.done);
            return Ok(());
        }
        let needs_context = part.records.iter().any(|record| record.needs_context);
        self.note(&part.records, self.learns_classes())?;
        let records: Vec<_> = part.records.into_iter().map(|record| record.record).collect();
        self.list(&records, &part.undelivered, position, false)?;
        let token = position.token();
        let batch = Batch { records: &records, undelivered: &part.undelivered, token: token.as_ref(), whole, last: false };
        self.commit(&batch, needs_context)
    }

    /// Whether the classes of what a dump holds say what the feed has of it.
    fn learns_classes(&self) -> bool {
        !self.source.selections.iter().any(|selection| selection == "all")
    }

    /// Adds records to the list of an audit, those that did not come as well; with `whole`, the audit continues at the position.
    fn list(
        &mut self,
        records: &[Record],
        undelivered: &[Undelivered],
        position: &Position,
        whole: bool,
    ) -> Result<(), LogError> {
        let own = self.source.url.as_str();
        let named = undelivered.iter().filter(|missing| !missing.identifier.starts_with(own));
        let named = named.filter_map(|missing| RecordId::new(&missing.identifier).ok());
        let without_data =
            |identifier| Header { identifier, datestamp_text: String::new(), datestamp: None, sets: Vec::new(), deleted: false };
        let missing: Vec<Header> = named.map(without_data).collect();
        let token = position.token();
        let page = AuditPage {
            audit: HarvestId(position.audit),
            source: self.row.id,
            headers: records.iter().map(|record| &record.header).chain(&missing).collect(),
            response_date: None,
            opens_list: true,
            token: token.as_ref(),
            whole,
            last: false,
            now: now(),
        };
        self.log.append_audit(&page).map(|_| ())
    }
}
