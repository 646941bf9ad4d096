//! epoll, level-triggered: what it reports stays reported until it is dealt with.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

pub(crate) use rustix::event::epoll::EventFlags as Flags;

/// Reported at once; more wait for the next turn.
const AT_ONCE: usize = 256;

/// A set of sockets, each with a token of the caller's.
pub(crate) struct Poll {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Poll {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let nothing = Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        };
        Ok(Poll {
            epoll,
            events: vec![nothing; AT_ONCE],
        })
    }

    pub(crate) fn add(&self, source: impl AsFd, token: u64, flags: Flags) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            source,
            EventData::new_u64(token),
            flags,
        )?)
    }

    pub(crate) fn modify(&self, source: impl AsFd, token: u64, flags: Flags) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            source,
            EventData::new_u64(token),
            flags,
        )?)
    }

    pub(crate) fn remove(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, source)?)
    }

    /// How many events there are, after waiting for one at most this long; for ever
    /// without a timeout.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs() as i64,
            tv_nsec: i64::from(timeout.subsec_nanos()),
        });
        match epoll::wait(&self.epoll, &mut self.events[..], timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => Ok(0),
            ready => Ok(ready?),
        }
    }

    /// Token and flags of an event of the last [`Poll::wait`].
    pub(crate) fn event(&self, index: usize) -> (u64, Flags) {
        let Event { flags, data } = self.events[index];
        (data.u64(), flags)
    }
}
