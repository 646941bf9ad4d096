//! The Redis backend of Tablecast.
