//! For tests of backends and of what is built on them.
