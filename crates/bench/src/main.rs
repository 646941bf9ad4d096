//! `tablecast-bench`: measures, and is what is measured with.
#![forbid(unsafe_code)]

fn main() {}
