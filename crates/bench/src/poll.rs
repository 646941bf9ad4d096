//! epoll, level-triggered: what it reports stays reported until it is read.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// Reported at once; more wait for the next turn.
const AT_ONCE: usize = 256;

/// A set of sockets to read from, each with a token of the caller's.
pub(crate) struct Poll {
    epoll: OwnedFd,
    ready: Vec<usize>,
}

impl Poll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Poll {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            ready: Vec::with_capacity(AT_ONCE),
        })
    }

    pub(crate) fn add(&self, source: impl AsFd, token: usize) -> io::Result<()> {
        let token = EventData::new_u64(token as u64);
        Ok(epoll::add(&self.epoll, source, token, EventFlags::IN)?)
    }

    pub(crate) fn remove(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, source)?)
    }

    /// How many sockets are ready, after waiting for one at most this long; for ever
    /// without a timeout.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let timeout = timeout.map(Timespec::try_from).transpose();
        let timeout = timeout.map_err(io::Error::other)?;
        let mut events = [MaybeUninit::uninit(); AT_ONCE];
        let events = match epoll::wait(&self.epoll, &mut events, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => &mut [],
            ready => ready?.0,
        };
        self.ready.clear();
        let tokens = events.iter().map(|event| event.data.u64() as usize);
        self.ready.extend(tokens);
        Ok(self.ready.len())
    }

    /// The token of a socket of the last [`Poll::wait`].
    pub(crate) fn token(&self, index: usize) -> usize {
        self.ready[index]
    }
}
