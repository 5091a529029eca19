//! Remote SPARQL 1.1 stores that follow the log: `[remote.NAME]`.
//!
//! A store is a view like others ([`crate::views::View`]), but for its pace: it may be days behind, and delays no run. It holds the
//! graph of each record, and says itself how far it has come (`mark`). What is sent is bounded in size, and can be sent again after
//! any failure of either side.

mod background;
mod bulk;
mod client;
mod compare;
mod error;
mod login;
mod mark;
mod note;
mod results;
mod sender;
mod servers;
mod state;
mod sync;
mod union;
mod verify;
mod view;
mod writing;

pub use background::Background;
pub use bulk::{BulkReport, Engine, bulk};
pub use error::RemoteError;
pub use note::{Failure, Known, Note, known};
pub use servers::{Servers, Standing, standing};
pub use sync::{SyncReport, reset, sync, whereabouts};
pub use verify::{RemoteVerifyReport, verify};
