//! The compiled-in defaults, and the names of the environment variables that override them.

/// The defaults, each with its reason: of the program, and how records are read.
pub const DEFAULTS: &str = concat!(include_str!("../../config/libris.toml"), include_str!("../../config/describe.toml"));

/// The prefix of the environment variables; two underscores separate section and setting.
pub const ENVIRONMENT_PREFIX: &str = "LIBRIS_MIRROR";
