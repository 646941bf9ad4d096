//! epoll, level-triggered: a socket is reported again and again until it is read.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// Sockets that one wait reports at most. The next wait reports the others.
const AT_ONCE: usize = 256;

/// A set of sockets to read from. The caller gives each a token.
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

    /// Waits until sockets are ready, at most this long; without a timeout for ever. Returns how many
    /// are.
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

    /// The token of a socket that the last [`Poll::wait`] has reported.
    pub(crate) fn token(&self, index: usize) -> usize {
        self.ready[index]
    }
}
