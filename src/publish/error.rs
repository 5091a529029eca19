//! Why nothing could be published.

use crate::export::ExportError;
use crate::export::parquet::ParquetExportError;
use crate::log::LogError;

/// Why nothing could be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The address is not one.
    #[error(
        "{address:?} is no place to publish to: {reason}\nhint: use s3://BUCKET/PREFIX, gs://…, az://…, or the path of a directory"
    )]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store refuses.
    #[error("{address} refuses: {source}\nhint: {hint}")]
    Refused {
        /// Where.
        address: String,
        /// The cause.
        source: Box<object_store::Error>,
        /// What to do.
        hint: &'static str,
    },
    /// The store cannot be reached, or fails.
    #[error("{address} is not available: {source}\nhint: what arrived is kept, run the same command again to continue")]
    Unavailable {
        /// Where.
        address: String,
        /// The cause.
        source: Box<object_store::Error>,
    },
    /// What lies there was published by something else.
    #[error("{address} has a manifest.json that this program cannot read: {reason}\nhint: name another prefix")]
    Manifest {
        /// Where.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// What lies there was published from another log.
    #[error(
        "{address} was published from another mirror than this: its newest generation has change {change}, and this log has another page there\nhint: name another prefix"
    )]
    Foreign {
        /// Where.
        address: String,
        /// The change.
        change: i64,
    },
    /// A file is larger than a store takes.
    #[error("{0} is larger than 160 GB, more than one object may be\nhint: choose a compressed format with --format")]
    TooLarge(String),
    /// Another process publishes from this mirror.
    #[error("another run publishes from this mirror\nhint: wait until it has ended")]
    Busy,
    /// The user stopped it.
    #[error("stopped")]
    Stopped,
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A dump.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A dataset.
    #[error(transparent)]
    Parquet(#[from] ParquetExportError),
    /// A file of this mirror.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
