//! Rooms in this process' memory.

/// Rooms in this process' memory.
#[derive(Debug, Default)]
pub struct MemoryBackend {}
