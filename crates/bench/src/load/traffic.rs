//! Messages: sent in a closed loop or at a fixed rate, and timed when they arrive.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::time::{ClockId, clock_gettime};

use super::Load;
use super::control::{Latency, Outcome, Pace, Run, Until};
use super::room::{Delivery, Id, Tally};
use super::under_way::Traffic;

/// Closer than this to the next message, in nanoseconds, it is waited for without
/// sleeping: waking up takes about as long.
const NEAR: u64 = 200_000;

/// A run looks so long for deliveries that nobody waits for.
const AFTER: Duration = Duration::from_millis(2);

/// A slow reader that reads again and hears nothing for so long was not cut off.
const SILENCE: Duration = Duration::from_secs(2);

impl Load {
    /// Sends for so long, and waits until everything has arrived.
    pub(super) fn run(&mut self, run: Run) -> anyhow::Result<Outcome> {
        let began = self.begin(run)?;
        let cpu = cpu_seconds();
        match run.pace {
            Pace::Window(window) => {
                for room in 0..self.rooms.len() {
                    for slot in 0..window {
                        self.send(room, slot, self.now())?;
                    }
                }
                self.carry_on(|_, _| Ok(None))?;
            }
            Pace::Rate(rate) => {
                let mut sent = 0;
                self.carry_on(|load, now| load.send_due(began, rate, now, &mut sent))?;
            }
        }
        // One delivery too many may come behind the last one.
        self.turn(Some(AFTER))?;
        let traffic = self.traffic.take().context("nothing was sent")?;
        let slow = self.options.slow * self.rooms.len();
        Ok(Outcome {
            messages: traffic.messages,
            deliveries: traffic.deliveries,
            seconds: (traffic.last_delivery - began) as f64 / 1e9,
            cpu: cpu_seconds() - cpu,
            latency: Latency::from(&traffic.latency),
            same_node: Latency::from(&traffic.same_node),
            other_node: Latency::from(&traffic.other_node),
            seen_by_all: Latency::from(&traffic.seen_by_all),
            slow,
            cut_off: self.slow_readers_cut_off(),
        })
    }

    /// Forgets the last run; tells when the new one has begun.
    fn begin(&mut self, run: Run) -> anyhow::Result<u64> {
        ensure!(self.joined > 0, "there are no members yet");
        let most = self.dialect.most_in_flight();
        let slots = match run.pace {
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
        self.silence_slow_readers()?;
        let began = self.now();
        let (end, most_messages) = match run.until {
            Until::Seconds(seconds) => (began + (seconds * 1e9) as u64, u64::MAX),
            Until::Messages(messages) => (u64::MAX, messages),
            Until::Closed => (u64::MAX, u64::MAX),
        };
        let is_closed_loop = matches!(run.pace, Pace::Window(_));
        self.traffic = Some(Traffic::new(began, is_closed_loop, end, most_messages)?);
        Ok(began)
    }

    /// Turns until nothing more is sent and nothing is under way. What is due is sent
    /// by a function that says when the next message is.
    fn carry_on(
        &mut self,
        mut send_due: impl FnMut(&mut Self, u64) -> anyhow::Result<Option<u64>>,
    ) -> anyhow::Result<()> {
        let patience = self.patience();
        loop {
            let now = self.now();
            let traffic = self.traffic.as_mut().context("nothing is sent")?;
            let is_over =
                now >= traffic.end || traffic.messages >= traffic.most_messages || self.has_request;
            if is_over && !traffic.is_ending {
                traffic.is_ending = true;
                self.clear_menus(now)?;
                continue;
            }
            if traffic.is_ending && traffic.under_way == 0 {
                return Ok(());
            }
            let waiting_since = traffic.last_delivery;
            let is_ending = traffic.is_ending;
            if traffic.under_way > 0
                && now.saturating_sub(waiting_since) > patience.as_nanos() as u64
            {
                return self.missing();
            }
            let next = if is_ending {
                None
            } else {
                send_due(self, now)?
            };
            // epoll sleeps whole milliseconds.
            let asleep = next.map_or(10, |next| next.saturating_sub(now + NEAR) / 1_000_000);
            self.turn(Some(Duration::from_millis(asleep)))?;
        }
    }

    /// Sends what a fixed rate asks for until now; tells when the next is due.
    fn send_due(
        &mut self,
        began: u64,
        rate: f64,
        now: u64,
        sent: &mut u64,
    ) -> anyhow::Result<Option<u64>> {
        loop {
            let due = began + (*sent as f64 * 1e9 / rate) as u64;
            let is_over = |t: &Traffic| due >= t.end || t.messages >= t.most_messages;
            if due > now || self.traffic.as_ref().is_none_or(is_over) {
                return Ok(Some(due));
            }
            let room = (*sent % self.rooms.len() as u64) as usize;
            let free = self.rooms[room].free_slot().with_context(|| {
                let slots = self.rooms[room].slots.len();
                format!(
                    "{rate:.0} messages a second are more than the server can do: {slots} wait in room {room}"
                )
            })?;
            self.send(room, free, due)?;
            *sent += 1;
        }
    }

    /// Sends a message, whose latency counts from a moment, unless the slot's last one
    /// is still under way.
    fn send(&mut self, room: usize, slot: usize, from: u64) -> anyhow::Result<()> {
        let Some(traffic) = &mut self.traffic else {
            return Ok(());
        };
        let readers = self.options.members - self.options.slow;
        let at = &mut self.rooms[room];
        let senders = if self.options.lenient { 1 } else { readers };
        let sender = (at.sent % senders as u64) as u32;
        let Some(seq) = at.send(slot, sender, readers as u32, from) else {
            return Ok(());
        };
        if traffic.under_way == 0 {
            traffic.last_delivery = traffic.last_delivery.max(from);
        }
        traffic.messages += 1;
        traffic.under_way += 1;
        let id = Id {
            room: room as u32,
            sender,
            seq,
        };
        let frame = self.dialect.message(at, slot, id);
        let index = room * self.options.members + sender as usize;
        let sent = self.connections[index].send(frame, &self.poll, index as u64);
        sent.with_context(|| self.who(index))?;
        Ok(())
    }

    /// A member has got a message.
    pub(super) fn delivered(
        &mut self,
        index: usize,
        room: usize,
        delivery: Delivery,
        now: u64,
    ) -> anyhow::Result<()> {
        let Some(traffic) = &mut self.traffic else {
            return Ok(());
        };
        let nodes = self.options.to.len();
        let member = index % self.options.members;
        let took = now.saturating_sub(delivery.sent);
        traffic.latency.saturating_record(took);
        if delivery.sender as usize % nodes == member % nodes {
            traffic.same_node.saturating_record(took);
        } else {
            traffic.other_node.saturating_record(took);
        }
        traffic.deliveries += 1;
        traffic.last_delivery = now;
        if delivery.is_last {
            traffic.seen_by_all.saturating_record(took);
            traffic.under_way -= 1;
            let goes_on = if traffic.is_ending {
                // Off the menu again, for the next run.
                self.rooms[room].slots[delivery.slot].item.is_some()
            } else {
                traffic.is_closed_loop && traffic.messages < traffic.most_messages
            };
            if goes_on {
                self.send(room, delivery.slot, now)?;
            }
        }
        Ok(())
    }

    /// What is on a menu at the end is taken off it, for the next run.
    fn clear_menus(&mut self, now: u64) -> anyhow::Result<()> {
        for room in 0..self.rooms.len() {
            for slot in 0..self.rooms[room].slots.len() {
                if self.rooms[room].slots[slot].item.is_some() {
                    self.send(room, slot, now)?;
                }
            }
        }
        Ok(())
    }

    /// Some message has not come in time: says which, and to whom.
    fn missing(&self) -> anyhow::Result<()> {
        let members = self.options.members;
        let readers = members - self.options.slow;
        for (number, room) in self.rooms.iter().enumerate() {
            let Some((slot, waits)) = room.oldest() else {
                continue;
            };
            let of_room = self.connections[number * members..].iter().take(readers);
            let behind = of_room
                .enumerate()
                .filter(|(_, c)| room.is_behind(&c.tally));
            let behind: Vec<String> = behind.take(5).map(|(at, _)| at.to_string()).collect();
            anyhow::bail!(
                "room {number}: message {} of member {} is missing at {waits} of {readers} members after \
                 {} s; others are ahead of [{}]",
                slot.seq,
                slot.sender,
                self.options.patience,
                behind.join(", ")
            );
        }
        Ok(())
    }

    fn slow_readers(&self) -> impl Iterator<Item = &super::Connection> {
        let members = self.options.members;
        let readers = members - self.options.slow;
        let all = self.connections.iter().enumerate();
        all.filter(move |(index, _)| index % members >= readers)
            .map(|(_, connection)| connection)
    }

    /// The first run tells slow readers to read no more.
    fn silence_slow_readers(&mut self) -> anyhow::Result<()> {
        if !std::mem::replace(&mut self.is_silenced, true) {
            for connection in self.slow_readers() {
                connection.unwatch(&self.poll)?;
            }
        }
        Ok(())
    }

    /// How many slow readers the server has cut off. What it sent before comes first, and
    /// the system sends it on little by little, since they had no room for it.
    fn slow_readers_cut_off(&mut self) -> usize {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut standing: Vec<_> = self.slow_readers().collect();
        let slow = standing.len();
        let mut heard = Instant::now();
        while !standing.is_empty() && heard.elapsed() < SILENCE {
            standing.retain(|reader| {
                let drained = reader.drain(&mut buffer);
                if drained != Some(0) {
                    heard = Instant::now();
                }
                drained.is_some()
            });
            // sleep: between two looks
            thread::sleep(Duration::from_millis(1));
        }
        let cut_off = slow - standing.len();
        self.buffer = buffer;
        cut_off
    }
}

/// CPU time of this process.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::super::Options;
    use super::*;
    use crate::peers::Protocol;
    use crate::raw;

    #[test]
    fn a_message_that_is_sent_late_is_timed_from_when_it_was_due() {
        let listener = raw::listen(([127, 0, 0, 1], 0).into()).unwrap();
        let to = listener.local_addr().unwrap();
        std::thread::spawn(move || raw::serve(listener));
        let mut load = Load::new(Options {
            to: vec![to],
            protocol: Protocol::Text,
            rooms: 1,
            members: 2,
            payload: 32,
            slow: 0,
            first_room: 0,
            lenient: false,
            handshakes: 2,
            patience: 10.0,
        })
        .unwrap();
        load.prepare().unwrap();
        load.connect().unwrap();
        let rate = 1_000.0;
        let run = Run {
            until: Until::Seconds(60.0),
            pace: Pace::Rate(rate),
        };
        let began = load.begin(run).unwrap();
        let millisecond = 1_000_000;
        // Nothing was sent for ten milliseconds.
        let now = began + 10 * millisecond + 1;
        let mut sent = 0;
        let next = load.send_due(began, rate, now, &mut sent).unwrap();
        assert_eq!((sent, next), (11, Some(began + 11 * millisecond)));
        for (number, slot) in load.rooms[0].slots.iter().take(11).enumerate() {
            assert_eq!(slot.sent, began + number as u64 * millisecond);
        }
    }
}
