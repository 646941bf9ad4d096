//! Measures Tablecast beside the servers one might pick instead.
//!
//! The *orchestrator* ([`run`]) starts a *peer* ([`peers`]) on one core, loads it from
//! another ([`load`]), reads what the peer used ([`measure`]) and puts it into
//! [`results`], from which [`report`] makes tables and plots.

pub mod figures;
mod lists;
pub mod load;
pub mod measure;
pub mod peers;
mod poll;
pub mod prepare;
mod program;
pub mod raw;
pub mod report;
pub mod results;
pub mod run;
pub mod summary;
mod wire;
