//! The target of this name under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tablecast_fuzz::dialects::check(input));
