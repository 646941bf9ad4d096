//! How a check ends.

/// How a step ended that did not fail.
pub(crate) enum Outcome {
    /// Done, and green.
    Passed,
    /// Could not take place; the text says what is therefore unknown.
    NotChecked(&'static str),
}
