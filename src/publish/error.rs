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
    /// A variable of the environment is not valid.
    #[error("{name}={value:?} is not valid: {problem}")]
    Variable {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// What is wrong, and what is valid.
        problem: String,
    },
    /// Nothing says how to sign in.
    #[error(
        "no keys for {address}\nhint: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or, on a machine of AWS that has a role, AWS_METADATA_ENDPOINT=http://169.254.169.254"
    )]
    NoKeys {
        /// Where.
        address: String,
    },
    /// The store refuses.
    #[error("{address} refuses: {}\nhint: {hint}", brief(cause))]
    Refused {
        /// Where.
        address: String,
        /// The cause.
        cause: Box<object_store::Error>,
        /// What to do.
        hint: &'static str,
    },
    /// The store cannot be reached, or fails.
    #[error("{address} is not available: {}\nhint: what arrived is kept, run the same command again to continue", brief(cause))]
    Unavailable {
        /// Where.
        address: String,
        /// The cause.
        cause: Box<object_store::Error>,
    },
    /// Somebody else published meanwhile.
    #[error("somebody else published to {address} meanwhile\nhint: run the same command again; what arrived is kept")]
    Meanwhile {
        /// Where.
        address: String,
    },
    /// The directory cannot be made.
    #[error("{address} is no directory to publish to: {cause}\nhint: name a new or an empty directory")]
    Directory {
        /// What was given.
        address: String,
        /// The cause.
        cause: std::io::Error,
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

/// How much is shown of what a store says.
const SHOWN: usize = 300;

/// The last cause, on one line.
fn brief(error: &object_store::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    let text = if text.contains("NoSuchBucket") { "there is no such bucket" } else { &text };
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect()
}
