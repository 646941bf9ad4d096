//! What bytes from outside must never do. Each target is a function of bytes that panics where
//! they break a promise. `cargo xtask fuzz` has libFuzzer look for such bytes; a test gives each
//! target the inputs of its corpus, which were found before or came from the golden frames.

pub mod codec;
pub mod dialects;
pub mod heads;
pub mod redis;
pub mod stored;

mod menu;

/// Checks an input.
pub type Target = fn(&[u8]);

/// All targets by name, as their corpora are called.
pub const TARGETS: [(&str, Target); 5] = [
    ("codec", codec::check),
    ("dialects", dialects::check),
    ("heads", heads::check),
    ("redis", redis::check),
    ("stored", stored::check),
];

/// Runs this until nothing is left to do, by a clock that stands still until then.
fn run<T>(task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(task),
        Err(error) => panic!("no runtime: {error}"),
    }
}
