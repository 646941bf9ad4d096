//! What can be looked at.

/// What can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// The menu.
    Menu,
    /// The members.
    Members,
    /// The room's address.
    Link,
    /// The help.
    Help,
    /// What was removed and can be put back.
    Removed,
    /// What was decided before.
    Past,
}
