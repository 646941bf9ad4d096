//! The host's rights.

use tablecast_core::code::BAD_COMMAND;
use tablecast_core::logic::{Member, Seats};
use tablecast_core::{MemberId, Rejection};

use crate::code;
use crate::event::Event;
use crate::menu::Menu;

impl Menu {
    /// Checks that this member is the host.
    pub(super) fn check_host(&self, by: Member<'_>) -> Result<(), Rejection> {
        match self.table.house.host {
            Some(host) if host == by.id => Ok(()),
            Some(_) => Err(Rejection::new(code::HOST_ONLY, "only the host may do this")),
            None => Err(Rejection::new(
                code::NO_HOST,
                "only a host may do this, and this room has none at this moment",
            )),
        }
    }

    pub(super) fn lock(&self, by: Member<'_>, on: bool) -> Result<Vec<Event>, Rejection> {
        self.check_host(by)?;
        if self.table.house.locked == on {
            return Ok(Vec::new());
        }
        let name = by.name.into();
        Ok(vec![Event::Locked { on, name }])
    }

    pub(super) fn make_host(
        &self,
        by: Member<'_>,
        seats: &dyn Seats,
        member: MemberId,
    ) -> Result<Vec<Event>, Rejection> {
        self.check_host(by)?;
        check_seated(seats, member)?;
        if member == by.id {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Hosted {
            member: Some(member),
            name: Some(by.name.into()),
        }])
    }

    pub(super) fn dismiss(
        &self,
        by: Member<'_>,
        seats: &dyn Seats,
        member: MemberId,
    ) -> Result<Vec<Event>, Rejection> {
        self.check_host(by)?;
        check_seated(seats, member)?;
        if member == by.id {
            return Err(Rejection::new(
                BAD_COMMAND,
                "you cannot ask yourself to leave; just leave",
            ));
        }
        let name = by.name.into();
        Ok(vec![Event::Dismissed { member, name }])
    }
}

fn check_seated(seats: &dyn Seats, member: MemberId) -> Result<(), Rejection> {
    match seats.seated(member) {
        Some(_) => Ok(()),
        None => Err(Rejection::new(
            code::NOT_FOUND,
            format!("no member with the id {member} has a seat"),
        )),
    }
}
