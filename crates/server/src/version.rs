//! Which version this is.

/// The version, and the commit if it is known: `0.1.0 (abcdef123456)`.
pub const VERSION: &str = env!("TABLECAST_BUILD_VERSION");

/// The first twelve digits of the commit, if it was known when this was built.
pub const COMMIT: Option<&str> = option_env!("TABLECAST_BUILD_COMMIT");
