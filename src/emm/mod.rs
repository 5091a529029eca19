//! The protocol of dumps and changes: Entity Metadata Management API 1.0 over Activity Streams 2.0, as Libris speaks it.
//!
//! Nothing here does I/O of its own: [`Endpoint`] makes addresses, and answers are read from any [`std::io::BufRead`]. Links of
//! an answer are never followed: only their numbers are read, so that no answer can send a client to another host. A server's
//! answers are made by [`entry`], [`feed_page`] and [`DumpPage`].
//! <https://emm-spec.org/1.0/>, and Libris XL's own server source (2026-07).

mod activity;
mod endpoint;
mod error;
mod item;
mod page;
mod publish;
mod split;

pub use activity::{Activity, Happening, lists_again, local_name};
pub use endpoint::{Endpoint, parameter};
pub use error::EmmError;
pub use item::{EntityRecord, Item, ItemError, canonical, read_item, tombstone};
pub use page::{Entry, PageHead};
pub use publish::{DumpPage, dump, entry, feed_page, selections};
pub use split::{Piece, SplitLimits, lines, split};
