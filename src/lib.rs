//! libris-mirror: a harvester and open-data mirror for Libris, Sweden's national library catalogue.
//!
//! One idea carries the house: **a log of what the source said, and views of it**.
//!
//! ```text
//!  OAI-PMH source ──► harvest ──► LOG (mirror.db, SQLite) ──► views, each with its own watermark
//!                     one page =                              ├─ store        oxigraph, a named graph a record
//!                     one commit                              ├─ links        who else describes an entity
//!                                                             ├─ search       titles, names, identifiers
//!                                                             └─ quarantine   records that give no triples, and why
//!                                         publish ──► snapshots/NNNNNN ──► query, serve (read-only)
//!                                         the log itself ──► export, record, links, search
//! ```
//!
//! # Invariants
//! - A page that arrived is one transaction of the [`log`]: its records as they came, their headers, the token that
//!   leads on, the harvest's counters. That commit is the checkpoint; there is no other.
//! - A view ([`views`]) is a function of the log. Its watermark is never ahead of its data, and it catches up from there
//!   on start, after a crash and during a harvest alike. Applying a page twice is applying it once.
//! - A record's graph is exactly what its newest payload says. One whose payload did not change is not touched; one
//!   that gives no triples is quarantined, not lost and not fatal.
//! - A list ends only where the protocol says so. Everything else is an error, and is tried again, resumed, taken apart, or
//!   said: nothing is passed over in silence.
//! - Windows of a list that touch share their edge: a server may compare fractions of a second with the whole second that was
//!   asked, as Libris does. A record that was requested by its identifier does not show how far its list has come.
//! - The order of a list is proof only of what was seen. A list is re-opened by date once more than one page ascends, and from its
//!   own start when a later page descends. A list that ended in doubt is complete, but the next window reaches back for it.
//! - Each page of the log is sealed by a hash of itself and of all before it. [`verify`] checks the log and every view against it,
//!   [`harvest::audit`] the log against the source.
//! - Readers never open the writer's store and never wait for it: they open a published snapshot
//!   ([`store::Snapshots`]), or read the log beside its writer.
//! - A client's query runs in a process of its own, with limits on time, memory and results; results that were cut are
//!   broken off, never taken for whole.
//! - A harvest is a pipeline: one thread fetches and parses answers, one commits pages to the log, and behind it
//!   ([`mirror::Mirror::grow`]) one reads them again, all cores parse payloads, one feeds the store and one the tables. What
//!   was fetched is safe before any of that; a log far ahead of its views waits for them.
//! - New graphs wait for one bulk load, which is taken in when readers are to see it, or at the end; a crash before costs
//!   its time and nothing else, since the log has all of it. Known graphs are replaced by difference. Empty tables are filled
//!   without the indexes that only readers need, which are made in the end; what waits to be made is in the file itself.
//! - Memory does not grow with the number of records: a few pages are in flight, each bounded by the configuration.
//!
//! # The rooms, from the top floor down
//!
//! | floor | rooms |
//! |---|---|
//! | 6 | [`cli`] a file a verb: arguments, calls, what is printed, exit codes |
//! | 5 | [`demo`] the fake Libris and its faults · [`harvest`] plan (pure), client (politeness, retries), fetch, isolate, commit, audit · [`serve`] HTTP: SPARQL, records, pages · [`verify`] |
//! | 4 | [`data_dir`] layout, version, lock · [`mirror`] a mirror open for writing, its views catching up · [`export`] bulk dumps · [`figures`] for Prometheus · [`backup`] |
//! | 3 | [`store`] oxigraph view · [`links`] authorities, extraction, index · [`quarantine`] · [`search`] titles, names, identifiers · [`query`] SPARQL |
//! | 2 | [`views`] records parsed for all views, and those in tables · [`log`] pages and records in `SQLite` · [`snapshots`] what readers open · [`config`](mod@config) |
//! | 1 | [`oai`] the protocol · [`rdf`] payloads to quads, node ids · [`pipeline`] work on all cores, in order · [`guide`] what users read |
//!
//! A room uses only rooms on its own floor or below. Nothing below [`cli`] prints, reads the environment or exits.

pub mod backup;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod demo;
pub mod export;
pub mod figures;
pub mod guide;
pub mod harvest;
pub mod links;
pub mod log;
pub mod mirror;
pub mod oai;
pub mod pipeline;
pub mod quarantine;
pub mod query;
pub mod rdf;
pub mod search;
pub mod serve;
pub mod snapshots;
pub mod store;
pub mod verify;
pub mod views;
