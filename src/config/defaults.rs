//! The compiled-in defaults, and the names of the environment variables that override them.

/// The defaults, each with its reason.
pub const DEFAULTS: &str = include_str!("../../config/libris.toml");

/// The prefix of the environment variables; two underscores separate section and setting.
pub const ENVIRONMENT_PREFIX: &str = "LIBRIS_MIRROR";
