//! libris-mirror: a harvester and open-data mirror for Libris, Sweden's national library catalogue.
//!
//! The architecture has one idea: **a log of what the source said, and views of it**.
//!
//! ```text
//!  OAI-PMH source ──► harvest ──► LOG (mirror.db, SQLite) ──► views, each with its own watermark and thread
//!                     one page =                              ├─ index        packed, memory-mapped: what queries ask
//!                     one commit                              ├─ store        oxigraph, a named graph a record
//!                                                             ├─ links        who else describes an entity
//!                                                             ├─ labels       what every IRI is called
//!                                                             ├─ search       titles, names, identifiers, facets
//!                                                             ├─ quarantine   records that give no triples, and why
//!                                                             └─ remote       SPARQL servers elsewhere, at their own pace
//!                                         publish ──► snapshots/NNNNNN ──► query, serve (read-only)
//!                                         the log itself ──► export, record, links, search
//! ```
//!
//! # Invariants
//!
//! The log:
//! - A page that arrived is one transaction of the [`log`]: its records as they came, their headers, the resumption token, the
//!   counters of the harvest. This commit is the checkpoint; there is no other.
//! - Each page is sealed by a hash of itself and of all pages before it. [`verify`] checks the log and every view against it,
//!   [`harvest::audit`] the log against the source.
//! - Everything that happens to a record is a change, and changes have one growing number ([`log::ChangeId`]). The number says
//!   when something happened, never which version counts.
//! - If several sources hold the same identifier, the version counts that was *delivered* last by a source that has not
//!   withdrawn it. A repeat, another header, a retry and a reinstatement deliver nothing.
//! - A record's payload is all that its graph is parsed from, declarations outside of it included: if any of that changes, the
//!   record changed.
//! - A run changes the row of its source only once the source answered as it should. A JSON-LD context that changed is a new
//!   version of a document in the log, and lets views read again what depends on it.
//!
//! The list of a source:
//! - A list ends only where the protocol says so. Everything else is an error, and is retried, resumed, taken apart, or reported:
//!   no record is skipped silently.
//! - Windows of a list that touch share their edge: a server may compare fractions of a second with the whole second of the
//!   request, as Libris does. A record that was requested by its identifier does not show how far its list has come.
//! - The order of a list is proof only of what was seen. A list is re-opened by date once more than one page ascends, and from its
//!   own start when a later page descends. A list that ended in doubt is complete, but the next window reaches back for it.
//!
//! Dumps and changes:
//! - A dump that is still being made is not read, and no dump has ended before a page said so: servers end both early without a
//!   word. A feed is believed only if it leads back to what is known without a gap; otherwise a dump takes its place.
//! - The links of an answer are read, never followed: no answer sends a request to a host that the user did not name.
//!
//! Views and readers:
//! - A view ([`views::View`]) is a function of the log. Its watermark is never ahead of its data, and it catches up from there
//!   on start, after a crash and during a harvest alike. Applying changes twice leaves the same state as applying them once.
//! - What a record says (kind, title, names, subjects, links) is read by one table ([`rdf::shapes`]). A view that depends on the
//!   table is rebuilt when the table changes.
//! - A record's graph is exactly what its payload says. If the payload did not change, the graph is not touched; a payload that
//!   gives no triples is quarantined, which loses nothing and stops nothing.
//! - What is read on this machine keeps up: readers see what a run brought when these views have reached the end of the log. The store,
//!   which no reader waits for, follows at the end of the run. A view over a network ([`remote`]) may lag for days; it delays no run and
//!   fails none. What it has is stated there before it is sent and after, so that either side may end in between.
//! - The index is immutable segments, and a manifest that names them: to write it is the commit, to link the files that it names is
//!   to publish. A commit that fails leaves what is on the disk. A record that comes again is masked in the segment that has it. A file
//!   that is not what it was written as is an error that names it, not a wrong answer: every block is checked before it is read,
//!   and a query fails with the first fault of its dataset, or when its time is up, though the engine takes both for values.
//! - Readers never open the writer's store and never wait for it. They open what the manifest of a published snapshot names
//!   ([`snapshots::Snapshots`]), or read the log while it is written.
//! - A query that a remote store answers is checked here first, as all are, and its answer is read, counted and written here: an answer
//!   that breaks off, or that the store cut, ends as an error. It is cached only while the store says that nothing is being written.
//! - What is published elsewhere ([`publish`](mod@publish)) is named by a manifest that is written last, and what a manifest names is not removed before
//!   the next one stands. Who follows this mirror by its feeds ends with the same graphs, or is led to a dump.
//! - Who harvests this mirror by OAI-PMH follows its clock and its order of changes, and gets a date that no later commit can fall before: what
//!   entered late is in the next list.
//! - A client's query runs in a process of its own, with limits on time, memory and results. Results that were cut off are
//!   incomplete for every client to see.
//!
//! Speed and memory:
//! - A harvest is a pipeline: one thread fetches and parses answers, one commits pages to the log. Behind them
//!   ([`mirror::Mirror::grow`]) one thread reads the log, all cores parse payloads, and each view applies its part on a thread of
//!   its own. What was fetched is safe before any of that; a log far ahead of its views waits for them.
//! - New graphs wait for one bulk load, which is committed before a snapshot is published, and at the end. A crash before that
//!   loses time and no data, since the log has all of it. Known graphs are replaced by difference. A table that is filled from
//!   nothing gets the indexes that only readers need at the end; the file itself says which are missing.
//! - What the index has is written once. New graphs become segments of it, replaced ones are masked, and segments are merged on a thread
//!   of their own, which the end of a run waits for no longer than the configuration says, after readers see everything.
//! - A query is ordered by real counts. Look-ups that follow one another are made by the index itself, in batches, so that the processor
//!   waits for many places of the files at once; the index also counts groups, and leaves out what cannot be among the first.
//! - Memory does not grow with the number of records, but for a bit of each graph of the index, and twelve bytes while its segments are
//!   merged, with a bit for each term in `compact`: a few pages are in flight, each bounded by the configuration.
//!
//! # Where to add what
//!
//! - **A view**: a room of its own with an implementation of [`views::View`] and [`views::LocalView`] (or [`views::Table`], for one that lives in a table of
//!   the log's file, with its migration), and one line of [`mirror::VIEWS`] (`mirror/registry.rs`). `rebuild`, `verify`, `status`,
//!   `/metrics` and the harvest find it there. Add it to the lists of views in `guide/index.md`, `guide/operations.md` and
//!   `guide/proof-and-repair.md`. `tests/it/counting_view.rs` is one in sixty lines, without its imports.
//! - **A shape**: another property for a title, another class for a kind: a line of `config/describe.toml`, and no code. A view
//!   reads it with `ParsedChange::description` and says so with [`views::LocalView::SHAPED`].
//! - **A source**: a section `[sources.NAME]` of the configuration, or `import`, and no code. A source that the program ships with is such a
//!   section of `config/libris.toml`. Another payload format is a variant of
//!   [`rdf::PayloadFormat`] and its parser in `rdf/payload.rs`; a server that departs from the protocol is a case of
//!   `harvest/plan.rs` (other words for a request) or `harvest/resume.rs` (when a list has ended), with a test in
//!   `tests/it/misbehaviour.rs`. A service of dumps and changes that departs from [`emm`] is a case of `harvest/emm/dump.rs` or
//!   `harvest/emm/walk.rs`, with a test in `tests/it/emm_hostile.rs`. Another kind of source is a variant of
//!   [`config::SourceKind`], its settings in `config/source/`, and an arm in `harvest/run.rs`.
//! - **An HTTP API**: a handler file in `serve/`, or a folder if it has rules of its own (`oai`, `bookshare`: arguments, answers and faults are
//!   pure there, one file reads), its line in `serve/routes.rs`, its row in the list of addresses in
//!   `guide/serving.md`, and a test in one of `tests/it/serve_*.rs`. It reads the log with
//!   `serve/reading.rs` or a snapshot with the workers of `serve/workers.rs`. Who follows the mirror reads the order of changes
//!   ([`log::Log::list_changes`]).
//! - **A verb**: a file in `cli/` (`restore` is in `cli/backup.rs`), its line in `cli/mod.rs`, and its row in `guide/index.md`.
//! - **A change of the log's file**: the next file in `migrations/`, never an edit of an old one. If a view must be rebuilt for it,
//!   its `VERSION` grows.
//!
//! # The rooms, from the top floor down
//!
//! | floor | rooms |
//! |---|---|
//! | 6 | [`cli`] a file a verb: arguments, calls, what is printed, exit codes |
//! | 5 | [`demo`] the fake Libris and its faults · [`publish`](mod@publish) dumps in object stores · [`harvest`] plan (pure), client (politeness, retries), fetch, isolate, commit, audit; `documents` and `emm`, sources beside OAI-PMH · [`serve`] HTTP: SPARQL, records, pages · [`verify`] |
//! | 4 | [`data_dir`] what lies where, the lock · [`mirror`] a mirror open for writing, the registry of views · [`export`] bulk dumps, Parquet · [`remote`] SPARQL servers that follow · [`figures`] for Prometheus · [`backup`] |
//! | 3 | [`citation`] what reference managers need · [`index`] triples in packed segments, as a view · [`store`] the triple store as a view · [`links`] authorities, extraction, index · [`labels`] names of IRIs · [`quarantine`] · [`search`] titles, names, identifiers, facets · [`query`] SPARQL |
//! | 2 | [`snapshots`] what is published · [`views`] the trait, following the log, views in tables · [`log`] pages, records and changes in `SQLite` · [`config`](mod@config) |
//! | 1 | [`oai`] and [`emm`] the protocols · [`rdf`] payloads to quads, node ids, shapes (what says kind, title, name) · [`stop`] asking a run to end · [`pipeline`] work on all cores, in order · [`guide`] what users read |
//!
//! A room uses only rooms on its own floor or below. Nothing below [`cli`] prints, reads the environment or exits.

pub mod backup;
pub mod citation;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod demo;
pub mod emm;
pub mod export;
pub mod figures;
pub mod guide;
pub mod harvest;
pub mod index;
pub mod labels;
pub mod links;
pub mod log;
pub mod mirror;
pub mod oai;
pub mod pipeline;
pub mod publish;
pub mod quarantine;
pub mod query;
pub mod rdf;
pub mod remote;
pub mod search;
pub mod serve;
pub mod snapshots;
pub mod stop;
pub mod store;
pub mod verify;
pub mod views;
