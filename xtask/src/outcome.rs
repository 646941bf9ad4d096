//! The result of a check.

/// The result of a step that did not fail.
pub(crate) enum Outcome {
    /// It was done, and all is right.
    Passed,
    /// It could not be done. The text says what is not known.
    NotChecked(&'static str),
}
