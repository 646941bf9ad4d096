//! Sends messages in a closed loop or at a fixed rate, and takes the time when they arrive.

use std::mem;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::time::{ClockId, clock_gettime};

use super::Load;
use super::outcome::{Outcome, Pace, Traffic, Until};
use super::room::{Delivery, Tally};

/// Nanoseconds. If the next message is due sooner, the generator waits without sleeping, since waking up takes
/// about as long.
const NEAR: u64 = 200_000;

/// At its end a run looks this long for deliveries that should not come.
const AFTER: Duration = Duration::from_millis(2);

impl Load {
    /// Sends until then, and waits until everything has arrived. So what a server uses between begin and
    /// end is for exactly these messages.
    ///
    /// # Errors
    ///
    /// A delivery does not come, or one comes that should not.
    pub fn run(&mut self, until: Until, pace: Pace) -> anyhow::Result<Outcome> {
        self.begin(until, pace)?;
        let cpu = cpu_seconds();
        if let Pace::Window(window) = pace {
            for room in 0..self.rooms.len() {
                for slot in 0..window {
                    self.send(room, slot, self.now())?;
                }
            }
        }
        self.carry_on(pace)?;
        // A delivery too many may come after the last one.
        self.turn(Some(AFTER))?;
        let traffic = mem::take(&mut self.traffic);
        Ok(Outcome {
            seconds: (traffic.last_delivery - traffic.began) as f64 / 1e9,
            cpu: cpu_seconds() - cpu,
            slow: self.slow_readers().count(),
            cut_off: self.slow_readers_cut_off(),
            ..traffic.outcome
        })
    }

    /// Resets what the last run has left.
    fn begin(&mut self, until: Until, pace: Pace) -> anyhow::Result<()> {
        ensure!(self.joined > 0, "there are no members yet");
        let most = self.dialect.most_in_flight();
        let slots = match pace {
            Pace::Window(window) => window,
            Pace::Rate(_) => most,
        };
        ensure!(
            (1..=most).contains(&slots),
            "{slots} messages in flight: 1 to {most} can be told apart"
        );
        for room in &mut self.rooms {
            room.reset(slots);
        }
        for connection in &mut self.connections {
            connection.tally = Tally::default();
        }
        let now = self.now();
        self.traffic = Traffic {
            until: Some(until),
            is_closed_loop: matches!(pace, Pace::Window(_)),
            began: now,
            last_delivery: now,
            ..Traffic::default()
        };
        Ok(())
    }

    /// Deals with what comes until all is sent and nothing is under way.
    fn carry_on(&mut self, pace: Pace) -> anyhow::Result<()> {
        loop {
            let now = self.now();
            let traffic = &mut self.traffic;
            if !traffic.is_ending && traffic.is_over(now) {
                traffic.is_ending = true;
                self.clear_menus(now)?;
                continue;
            }
            if traffic.under_way == 0 && traffic.is_ending {
                return Ok(());
            }
            let waited = Duration::from_nanos(now.saturating_sub(traffic.last_delivery));
            if traffic.under_way > 0 && waited > self.options.patience {
                return self.missing();
            }
            let asleep = match pace {
                // In whole milliseconds, as epoll does.
                Pace::Rate(rate) if !self.traffic.is_ending => {
                    self.send_due(rate, now)?.saturating_sub(now + NEAR) / 1_000_000
                }
                _ => 10,
            };
            self.turn(Some(Duration::from_millis(asleep)))?;
        }
    }

    /// Sends all that is due by now at a fixed rate; returns when the next is due.
    fn send_due(&mut self, rate: f64, now: u64) -> anyhow::Result<u64> {
        loop {
            let sent = self.traffic.outcome.messages;
            let due = self.traffic.began + (sent as f64 * 1e9 / rate) as u64;
            if due > now || self.traffic.is_over(due) {
                return Ok(due);
            }
            let room = (sent % self.rooms.len() as u64) as usize;
            let free = self.rooms[room].free_slot().with_context(|| {
                let slots = self.rooms[room].slots.len();
                format!(
                    "{rate:.0} messages a second are more than the server can do: {slots} wait in room {room}"
                )
            })?;
            self.send(room, free, due)?;
        }
    }

    /// Sends a message, unless the slot's last one is under way. Its latency counts from `from`.
    fn send(&mut self, room: usize, slot: usize, from: u64) -> anyhow::Result<()> {
        let readers = self.options.members - self.options.slow;
        let at = &mut self.rooms[room];
        let senders = if self.options.lenient { 1 } else { readers };
        let sender = (at.sent % senders as u64) as u32;
        let Some(id) = at.send(slot, sender, readers as u32, from) else {
            return Ok(());
        };
        let traffic = &mut self.traffic;
        if traffic.under_way == 0 {
            traffic.last_delivery = traffic.last_delivery.max(from);
        }
        traffic.outcome.messages += 1;
        traffic.under_way += 1;
        let index = room * self.options.members + sender as usize;
        let frame = self.dialect.message(at, id);
        let sent = self.connections[index].send(frame);
        sent.with_context(|| self.who(index))
    }

    /// A member has got a message.
    pub(super) fn delivered(
        &mut self,
        index: usize,
        room: usize,
        delivery: Delivery,
        now: u64,
    ) -> anyhow::Result<()> {
        let (members, nodes) = (self.options.members, self.options.to.len());
        let traffic = &mut self.traffic;
        let outcome = &mut traffic.outcome;
        let took = now.saturating_sub(delivery.sent);
        outcome.deliveries += 1;
        outcome.latency.record(took);
        let of_nodes = match delivery.sender as usize % nodes == index % members % nodes {
            true => &mut outcome.same_node,
            false => &mut outcome.other_node,
        };
        of_nodes.record(took);
        traffic.last_delivery = now;
        if delivery.is_last {
            outcome.seen_by_all.record(took);
            traffic.under_way -= 1;
            let goes_on = match traffic.is_ending {
                // The item is taken off the menu again.
                true => self.dialect.is_on_menu(&self.rooms[room], delivery.slot),
                false => traffic.is_closed_loop && !traffic.is_over(now),
            };
            if goes_on {
                self.send(room, delivery.slot, now)?;
            }
        }
        Ok(())
    }

    /// Takes off what is on the menus at the end, so that the next run begins with empty ones.
    fn clear_menus(&mut self, now: u64) -> anyhow::Result<()> {
        for room in 0..self.rooms.len() {
            for slot in 0..self.rooms[room].slots.len() {
                if self.dialect.is_on_menu(&self.rooms[room], slot) {
                    self.send(room, slot, now)?;
                }
            }
        }
        Ok(())
    }

    /// A message has not come in time: the error says which, and to whom.
    fn missing(&self) -> anyhow::Result<()> {
        let readers = self.options.members - self.options.slow;
        for (number, room) in self.rooms.iter().enumerate() {
            let Some(slot) = room.oldest() else {
                continue;
            };
            let members = &self.connections[number * self.options.members..];
            let behind = (0..readers).filter(|member| room.is_behind(&members[*member].tally));
            anyhow::bail!(
                "room {number}: message {} of member {} is missing at {} of {readers} members after {:?}; \
                 others are ahead of {:?}",
                slot.seq,
                slot.sender,
                slot.pending,
                self.options.patience,
                behind.take(5).collect::<Vec<_>>()
            );
        }
        Ok(())
    }

    pub(super) fn slow_readers(&self) -> impl Iterator<Item = &super::Connection> {
        let members = self.options.members;
        let readers = members - self.options.slow;
        let all = self.connections.iter().enumerate();
        all.filter(move |(index, _)| index % members >= readers)
            .map(|(_, connection)| connection)
    }

    /// How many slow readers the server has cut off.
    fn slow_readers_cut_off(&self) -> usize {
        thread::scope(|scope| {
            let readers = self.slow_readers();
            let looks = readers.map(|reader| scope.spawn(|| reader.was_cut_off()));
            let looks: Vec<_> = looks.collect();
            let seen = looks.into_iter().filter_map(|look| look.join().ok());
            seen.filter(|was_cut_off| *was_cut_off).count()
        })
    }
}

/// CPU time of this thread.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::Options;
    use super::*;
    use crate::raw;

    #[test]
    fn a_message_that_is_sent_late_is_timed_from_when_it_was_due() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        std::thread::spawn(move || raw::serve(listener));
        let mut load = Load::new(Options {
            to: vec![to],
            members: 2,
            ..Options::default()
        })
        .unwrap();
        load.connect().unwrap();
        let rate = 1_000.0;
        load.begin(Until::Seconds(60.0), Pace::Rate(rate)).unwrap();
        let began = load.traffic.began;
        let millisecond = 1_000_000;
        // Nothing was sent for ten milliseconds.
        let now = began + 10 * millisecond + 1;
        let next = load.send_due(rate, now).unwrap();
        assert_eq!(load.traffic.outcome.messages, 11);
        assert_eq!(next, began + 11 * millisecond);
        for (number, slot) in load.rooms[0].slots.iter().take(11).enumerate() {
            assert_eq!(slot.sent, began + number as u64 * millisecond);
        }
    }
}
