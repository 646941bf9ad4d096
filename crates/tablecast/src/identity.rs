//! Who somebody is, for a program that knows its users.

use std::fmt;
use std::sync::Arc;

use tablecast_core::text::{NAME_GRAPHEMES, clean};
use tablecast_core::{PersonId, Rejection, RoomId};

/// Who somebody is, as the program says that embeds the hub: see
/// [`Hub::upgrade_as`](crate::Hub::upgrade_as).
///
/// ```
/// use tablecast::Identity;
///
/// # fn main() -> Result<(), tablecast::core::Rejection> {
/// let mina = Identity::new("account 4711", "Mina")?.with_role("teacher");
/// assert_eq!(mina.name(), "Mina");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    person: String,
    name: String,
    role: Option<Arc<str>>,
}

/// Without the account.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// The user with this account, who is shown to others by this name. `person` may be any
    /// text that is always the same for one user, and another for each. It is never shown, and
    /// only a hash of it is stored. The name is brought into one form, as the names of all
    /// members are.
    ///
    /// # Errors
    /// The name is `empty`, `too_long` (more than 40 characters) or `bad_item`.
    pub fn new(person: impl Into<String>, name: &str) -> Result<Self, Rejection> {
        Ok(Identity {
            person: person.into(),
            name: clean("the name", name, NAME_GRAPHEMES)?.into_owned(),
            role: None,
        })
    }

    /// With what the user may do, which the rules see as
    /// [`Member::role`](crate::core::logic::Member::role). By default there is no role.
    #[must_use]
    pub fn with_role(self, role: impl Into<Arc<str>>) -> Self {
        Identity {
            role: Some(role.into()),
            ..self
        }
    }

    /// The name that others see.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn role(&self) -> Option<&Arc<str>> {
        self.role.as_ref()
    }

    pub(crate) fn person_in(&self, room: &RoomId) -> PersonId {
        PersonId::of_account(&self.person, room)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_not_shown() {
        let mina = Identity::new("account 4711", "Mina").unwrap();
        let shown = format!("{mina:?}");
        assert!(shown.contains("Mina") && !shown.contains("4711"), "{shown}");
    }
}
