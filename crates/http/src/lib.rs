#![doc = include_str!("../README.md")]

pub mod accept;
pub mod client;
mod cors;
pub mod head;
pub mod origin;
pub mod problem;
pub mod rates;
pub mod reason;
#[cfg(feature = "tls")]
pub mod tls;

#[cfg(feature = "tls")]
pub use accept::serve_tls;
pub use accept::{Endless, Site, Times, serve};
pub use client::Client;
pub use head::HeadGuard;
pub use origin::Origin;
pub use problem::Problem;
pub use rates::PerAddress;
pub use reason::Reason;
