//! Tests through the real binary, against a fake Libris on 127.0.0.1.
//!
//! - `main_line`: harvest, status, query, export, links and record agree with what the source served
//! - `interruption`: Ctrl-C and SIGTERM, resumption, expired tokens
//! - `formats`: RDF/XML, Turtle and JSON-LD; real records, where they are there
//! - `documents`: answers of all six verbs, read by the streaming parser
//! - `emm`: dumps and changes
//! - `emm_hostile`: what services of dumps and changes may say, and must not be believed
//! - `endless`: an answer of gigabytes without a token
//! - `faults`: every way in which the fake Libris can spoil an answer
//! - `isolation`: records that kill their pages, one by one
//! - `lists`: lists that are out of order or end in doubt
//! - `backups`: restores that are killed, and who may make them
//! - `crashes`: kill -9, lost and damaged files, full disks, backups
//! - `parquet`: exports for analytics, as `DuckDB` and Spark read them
//! - `remote_faults`: SPARQL servers that misbehave
//! - `remotes`: SPARQL servers that follow the mirror; `stores` starts them
//! - `soak`: everything at once, for as long as the environment says
//! - `proof`: audits against the source, and checks without it
//! - `feeds`: `ResourceSync` and Atom, read by clients that are not ours
//! - `find`: the search of Libris XL over the mirror
//! - `bookshare`: the mirror in the style of Bookshare's API V1
//! - `oai_provider`: this mirror as an OAI-PMH provider, read by harvesters that are not ours
//! - `mirrors`: a mirror that follows another mirror
//! - `misbehaviour`: departures from the specification that were seen in the wild, line by line
//! - `bad_records`: records that are no good, or look so
//! - `changes`: the order of changes
//! - `labels`: what IRIs are called: in queries, on pages, in each language
//! - `search`: titles, names, identifiers
//! - `facets`: what a search is narrowed by, its order, what records are found by beside their words, suggestions
//! - `serve_protocol`: the SPARQL 1.1 Protocol, case by case
//! - `publish_to`: dumps in object stores and directories
//! - `query_output`: what `query` prints when something fails
//! - `sparql_mistakes`: what is said of queries with mistakes
//! - `serve_records`: records in every format, and where they are
//! - `serve_remotes`: queries that remote stores answer, and who stands in for them
//! - `serve_dumps`: everything at once, and how a broken download goes on
//! - `serve_sitemap`: what search engines and browsers look for by themselves
//! - `serve_limits`: what one query or client may take
//! - `serve_hostile`: requests that no browser sends
//! - `serve_pages`: what people see
//! - `sparql_page`: what a query does, the words that it can name, and the page where both are shown
//! - `citations`: records for reference managers
//! - `clients`: what users ask with, browsers among them
//! - `several_sources`: which version counts
//! - `snapshots`: readers beside the writer, `publish`
//! - `protocol`: what servers do and a harvester must bear
//! - `command_line`: help, exit codes, errors, configuration
//! - `cron`: the lines of the crontab
//! - `sources`: sources of the configuration, and when they are due
//! - `outputs`: files, pipes, devices and links that results are written to
//! - `definitions`: records that are no KBV, and another provider's server
//! - `questions`: the example queries, and 24 questions of statistics
//! - `ways`: the ways in which a query is answered, which must not differ
//! - `w3c`, `w3c_cases`, `w3c_results`: the query evaluation tests of the W3C, in all of them
//! - `random_queries`: generated queries, in all of them
//! - `payloads`, `reckoning`: their answers, computed without RDF
//! - `import`: documents as a source
//! - `import_again`: what an import that failed in part leaves to the next run
//! - `import_faults`: documents that nobody wants, and imports that end early
//! - `contexts`: the JSON-LD context of a source, which may change
//! - `namespaces`: payloads that need a declaration from outside
//! - `model`: several sources with the same identifiers, against a model of what wins and in which order it happened
//! - `upgrade`: what a mirror of the version before meets
//! - `views`: a view that the program does not know
//! - `shapes`: records of many vocabularies, and the table that says what they say
//! - `guide`: every command of the README and of the guide
//! - `house`: rules that the source tree keeps
//! - `arrows`: which source file uses which, for these rules

mod arrows;
mod backups;
mod bad_records;
mod bookshare;
mod changes;
mod citations;
mod clients;
mod command_line;
mod contexts;
mod counting_view;
mod crashes;
mod cron;
mod definitions;
mod documents;
mod emm;
mod emm_hostile;
mod endless;
mod engines;
mod facets;
mod faults;
mod feeds;
mod find;
mod formats;
mod guide;
mod harness;
mod house;
mod import;
mod import_again;
mod import_faults;
mod interruption;
mod isolation;
mod labels;
mod lists;
mod main_line;
mod mirrors;
mod misbehaviour;
mod model;
mod namespaces;
mod oai_provider;
mod older;
mod outputs;
mod parquet;
mod payloads;
mod proof;
mod protocol;
mod publish_to;
mod query_output;
mod questions;
#[path = "../../src/query/plan/tests/random.rs"]
mod random;
mod random_queries;
mod reckoning;
mod remote_faults;
mod remotes;
mod scripted;
mod search;
mod serve_dumps;
mod serve_hostile;
mod serve_limits;
mod serve_pages;
mod serve_protocol;
mod serve_records;
mod serve_remotes;
mod serve_sitemap;
mod server;
mod several_sources;
mod shapes;
mod snapshots;
mod soak;
mod sources;
mod sparql_mistakes;
mod sparql_page;
mod stores;
mod upgrade;
mod views;
mod w3c;
mod w3c_cases;
mod w3c_results;
mod ways;
