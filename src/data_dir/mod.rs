//! The data directory: its layout, its version, and the lock that allows one writer.
//!
//! `mirror.db` the log and the `SQLite` views · `store/` the writer's oxigraph · `snapshots/` what readers open ·
//! `lock` · `version` · `incoming/` a backup that is being restored.

mod error;
mod incoming;
mod layout;
mod lock;
mod sizes;

pub use error::DataDirError;
pub use incoming::{Exchange, Incoming};
pub use layout::DataDir;
pub use lock::WriteLock;
pub use sizes::Sizes;
