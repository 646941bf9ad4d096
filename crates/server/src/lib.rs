//! wip
pub mod config;
pub mod menu;
pub mod origin;
