//! A second, simplest possible implementation of a room: lists, and every rule as the
//! documentation states it.

use std::collections::{BTreeMap, BTreeSet};

use tablecast_core::{MemberId, OpId};

use super::requests::{Bell, Command, LAST_RING, Order, Request};

/// Remembered events, without those that are being decided.
const REMEMBERED: u64 = 256;

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// A seat, with this member id.
    Seat(u64),
    /// No seat, with the name of the refusal.
    Refused(&'static str),
    /// The command was applied, or had nothing to do, at this seq.
    Done(u64),
    /// The command was rejected with this code.
    Rejected(&'static str),
    /// Nobody asked for an answer.
    None,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Person {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) colour: u64,
    pub(crate) token: u128,
    /// Who it is, if they say so.
    pub(crate) key: Option<u128>,
    /// Node and connection, or the end of the absence.
    pub(crate) presence: Result<(usize, u64), u64>,
    /// Number of each command that was applied: its digest and last seq.
    pub(crate) applied: BTreeMap<u64, (u64, u64)>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Oracle {
    pub(crate) seats: usize,
    pub(crate) now: u64,
    tokens: u128,
    pub(crate) seq: u64,
    /// Those with a seat, sorted by id.
    pub(crate) people: Vec<Person>,
    /// Somebody with a key was here, the bell has rung, or the server wanted something: since then
    /// no older node reads the room, and those who leave are remembered.
    knows_persons: bool,
    /// Those who have left and are remembered, in order of leaving.
    pub(crate) former: Vec<Person>,
    /// The keys of those who may not come back.
    pub(crate) barred: BTreeSet<u128>,
    /// At which seq each order of the server was carried out.
    carried_out: BTreeMap<u64, u64>,
    pub(crate) things: Vec<(u64, u8)>,
    pub(crate) bell: Option<Bell>,
    pub(crate) rung: Vec<(u64, u64)>,
    /// The result: the items after the last removal.
    pub(crate) kept: Option<Vec<(u64, u8)>>,
    /// At which seq which connection got a seat.
    seatings: Vec<(u64, u64)>,
}

impl Oracle {
    pub(crate) fn new(seats: usize) -> Self {
        Oracle {
            seats,
            ..Oracle::default()
        }
    }

    fn happens(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    fn holder(&mut self, connection: u64) -> Option<&mut Person> {
        self.people
            .iter_mut()
            .find(|person| matches!(person.presence, Ok((_, its)) if its == connection))
    }

    /// Gives a connection a seat.
    fn seated(&mut self, connection: u64) -> u64 {
        let seq = self.happens();
        self.seatings.push((seq, connection));
        seq
    }

    /// Whether the connection got a seat, as far as is remembered.
    fn was_seated(&self, connection: u64, base: u64) -> bool {
        let before = |(seq, its): &(u64, u64)| *its == connection && seq + REMEMBERED > base;
        self.seatings.iter().any(before)
    }

    /// The seats of those to whom it applies are given up.
    fn leave(&mut self, who: impl Fn(&Person) -> bool) {
        let (leave, stay) = std::mem::take(&mut self.people)
            .into_iter()
            .partition(|p| who(p));
        self.people = stay;
        for person in Vec::into_iter(leave) {
            self.happens();
            let matters = self.things.iter().any(|(by, _)| *by == person.id);
            if self.knows_persons && (person.key.is_some() || matters) {
                self.former.push(person);
            }
        }
    }

    /// The bell rings as often as it is due, before anything else is decided.
    pub(crate) fn ring(&mut self) {
        while let Some(bell) = self.bell.filter(|bell| bell.at <= self.now) {
            self.happens();
            self.knows_persons = true;
            self.rung.push((bell.at, self.now));
            self.bell = bell.next();
        }
    }

    /// Decides and applies one request at a node. `base` is the room's seq when the batch
    /// began.
    pub(crate) fn request(&mut self, node: usize, base: u64, request: &Asked) -> Answer {
        match request {
            Asked::Join {
                token,
                connection,
                key,
                name,
                colour,
            } => {
                if let Some(person) = self.holder(*connection) {
                    return Answer::Seat(person.id);
                }
                if key.is_some_and(|key| self.barred.contains(&key)) {
                    return Answer::Refused("dismissed");
                }
                let is_it = |person: &Person| key.is_some() && person.key == *key;
                if let Some(at) = self.people.iter().position(is_it) {
                    if self.was_seated(*connection, base) {
                        return Answer::Refused("taken_over");
                    }
                    self.seated(*connection);
                    let person = &mut self.people[at];
                    person.token = *token;
                    person.presence = Ok((node, *connection));
                    person.applied.clear();
                    return Answer::Seat(person.id);
                }
                let former = self.former.iter().position(is_it);
                if former.is_some() && self.was_seated(*connection, base) {
                    return Answer::Refused("taken_over");
                }
                if self.people.len() == self.seats {
                    return Answer::Refused("full");
                }
                if let Some(at) = former {
                    self.seated(*connection);
                    let person = Person {
                        token: *token,
                        presence: Ok((node, *connection)),
                        applied: BTreeMap::new(),
                        ..self.former.remove(at)
                    };
                    let id = person.id;
                    self.people.push(person);
                    self.people.sort_by_key(|person| person.id);
                    return Answer::Seat(id);
                }
                let have = |colour| self.people.iter().filter(|p| p.colour == colour).count();
                let fewest = (0..12).map(have).min();
                let rarest = (0..12)
                    .find(|colour| Some(have(*colour)) == fewest)
                    .unwrap();
                let all = || self.people.iter().chain(&self.former);
                let guest = (1..)
                    .map(|number| format!("guest {number}"))
                    .find(|guest| all().all(|person| person.name != *guest))
                    .unwrap();
                let id = self.seated(*connection);
                self.knows_persons |= key.is_some();
                self.people.push(Person {
                    id,
                    name: name.clone().unwrap_or(guest),
                    colour: colour.unwrap_or(rarest),
                    token: *token,
                    key: *key,
                    presence: Ok((node, *connection)),
                    applied: BTreeMap::new(),
                });
                Answer::Seat(id)
            }
            Asked::Resume { token, connection } => {
                let Some(at) = self.people.iter().position(|person| person.token == *token) else {
                    return Answer::Refused("no_such_seat");
                };
                if !matches!(self.people[at].presence, Ok((_, its)) if its == *connection) {
                    if self.was_seated(*connection, base) {
                        return Answer::Refused("taken_over");
                    }
                    self.seated(*connection);
                    self.people[at].presence = Ok((node, *connection));
                }
                Answer::Seat(self.people[at].id)
            }
            Asked::Disconnect { connection, until } => {
                if let Some(person) = self.holder(*connection) {
                    let id = person.id;
                    match until {
                        Some(until) => {
                            person.presence = Err(*until);
                            self.happens();
                        }
                        None => self.leave(|person| person.id == id),
                    }
                }
                Answer::None
            }
            Asked::Reap { now, live } => {
                self.leave(|person| match person.presence {
                    Err(until) => until <= *now,
                    Ok((node, _)) => live.is_some_and(|live| !live[node]),
                });
                Answer::None
            }
            Asked::Rename {
                by,
                number,
                digest,
                name,
                colour,
            } => match self.known(*by, *number, *digest, base) {
                Ok(at)
                    if self.people[at].name == *name
                        && colour.is_none_or(|colour| self.people[at].colour == colour) =>
                {
                    Answer::Done(self.seq)
                }
                Ok(at) => {
                    let seq = self.happens();
                    self.people[at].name.clone_from(name);
                    self.people[at].colour = colour.unwrap_or(self.people[at].colour);
                    self.people[at].applied.insert(*number, (*digest, seq));
                    Answer::Done(seq)
                }
                Err(answer) => answer,
            },
            Asked::Command {
                by,
                number,
                digest,
                command,
            } => match self.known(*by, *number, *digest, base) {
                Ok(at) => {
                    let by = self.people[at].id;
                    let done = self.command(Some(by), *command);
                    if let Ok(Some(seq)) = done {
                        self.people[at].applied.insert(*number, (*digest, seq));
                    }
                    self.answer(done)
                }
                Err(answer) => answer,
            },
            Asked::ServerCommand { order, command } => match self.carried_out(*order, base) {
                Some(seq) => Answer::Done(seq),
                None => {
                    let done = self.command(None, *command);
                    if let Ok(Some(seq)) = done {
                        self.knows_persons = true;
                        self.carried_out.insert(*order, seq);
                    }
                    self.answer(done)
                }
            },
            Asked::Dismiss { member } => {
                self.dismiss(*member);
                Answer::None
            }
            Asked::Close { order } => match self.carried_out(*order, base) {
                Some(seq) => Answer::Done(seq),
                None => {
                    let seq = self.happens();
                    self.carried_out.insert(*order, seq);
                    self.knows_persons = true;
                    self.leave(|_| true);
                    Answer::Done(self.seq)
                }
            },
        }
    }

    /// At which seq an order was carried out, as far as is remembered.
    fn carried_out(&self, order: u64, base: u64) -> Option<u64> {
        let seq = self.carried_out.get(&order)?;
        (seq + REMEMBERED > base).then_some(*seq)
    }

    /// Whoever is asked to leave loses their seat, and does not come back if they have a key.
    fn dismiss(&mut self, member: u64) {
        let is_it = |person: &&Person| person.id == member;
        if let Some(person) = self.people.iter().find(is_it) {
            self.barred.extend(person.key);
            self.knows_persons = true;
            self.leave(|person| person.id == member);
        } else if let Some(key) = self.former.iter().find(is_it).and_then(|one| one.key)
            && self.barred.insert(key)
        {
            self.happens();
        }
    }

    /// The command's member, if the command must be decided; else its answer.
    fn known(&self, by: (u64, u128), number: u64, digest: u64, base: u64) -> Result<usize, Answer> {
        let holds = |person: &Person| (person.id, person.token) == by;
        let Some(at) = self.people.iter().position(holds) else {
            return Err(Answer::Rejected("no_seat"));
        };
        let applied = &self.people[at].applied;
        let Some((highest, _)) = applied
            .last_key_value()
            .filter(|(last, _)| number <= **last)
        else {
            return Ok(at);
        };
        // The highest number is always remembered, the others as long as the history has them.
        Err(match applied.get(&number) {
            Some((_, seq)) if number != *highest && seq + REMEMBERED <= base => {
                Answer::Rejected("outdated")
            }
            Some((same, seq)) if *same == digest => Answer::Done(*seq),
            Some(_) => Answer::Rejected("conflict"),
            None => Answer::Rejected("outdated"),
        })
    }

    fn answer(&self, done: Result<Option<u64>, &'static str>) -> Answer {
        match done {
            Ok(seq) => Answer::Done(seq.unwrap_or(self.seq)),
            Err(code) => Answer::Rejected(code),
        }
    }

    /// The seq of the last event; `None`: there is nothing to do. What the server puts is nobody's,
    /// and is not there.
    fn command(&mut self, by: Option<u64>, command: Command) -> Result<Option<u64>, &'static str> {
        let events = match command {
            Command::Put(thing) => {
                self.things.extend(by.map(|by| (by, thing)));
                1
            }
            Command::PutTwo(thing) => {
                let two = by.map(|by| [(by, thing); 2]);
                self.things.extend(two.into_iter().flatten());
                2
            }
            Command::Take(thing) => {
                let Some(first) = self.things.iter().position(|(_, its)| *its == thing) else {
                    return Err("not_found");
                };
                self.things.remove(first);
                self.kept = Some(self.things.clone());
                1
            }
            Command::Clear if self.things.is_empty() => return Ok(None),
            Command::Clear => {
                self.things.clear();
                1
            }
            Command::Wind { after, again } => {
                let at = self.now + after;
                if at > LAST_RING && self.bell.is_none_or(|bell| bell.at != at) {
                    return Err("too_late");
                }
                self.bell = Some(Bell { at, again });
                1
            }
        };
        self.seq += events;
        Ok(Some(self.seq))
    }

    /// Fills in what a request leaves open: who has the nth seat, and the time. A request
    /// is filled in once and stays the same, however often it is decided.
    pub(crate) fn ask(&mut self, node: usize, request: &Request) -> Vec<Asked> {
        let seat = |nth: usize| {
            let person = self.people.get(nth);
            person.map_or((u64::MAX, 0), |person| (person.id, person.token))
        };
        vec![match *request {
            Request::Join {
                connection,
                key,
                named,
                colour,
            } => {
                // Tokens are random: none is used for two seats.
                self.tokens += 1;
                Asked::Join {
                    token: self.tokens,
                    connection: connection_of(node, connection),
                    key,
                    name: named.then(|| format!("person {}", self.tokens)),
                    colour,
                }
            }
            Request::Resume { nth, connection } => Asked::Resume {
                token: self
                    .people
                    .get(nth)
                    .map_or(u128::MAX, |person| person.token),
                connection: connection_of(node, connection),
            },
            Request::Disconnect { connection, keep } => Asked::Disconnect {
                connection: connection_of(node, connection),
                until: keep.map(|keep| self.now + keep),
            },
            Request::Reap { passed, live } => {
                self.now += passed;
                Asked::Reap {
                    now: self.now,
                    live,
                }
            }
            Request::Rename {
                nth,
                number,
                digest,
                name,
                colour,
            } => Asked::Rename {
                by: seat(nth),
                number,
                digest,
                name: format!("name {name}"),
                colour,
            },
            Request::Command {
                nth,
                number,
                digest,
                command,
            } => Asked::Command {
                by: seat(nth),
                number,
                digest,
                command,
            },
            Request::Order(order) => {
                // As random as a token.
                self.tokens += 1;
                let number = self.tokens as u64;
                match order {
                    Order::Command(command) => Asked::ServerCommand {
                        order: number,
                        command,
                    },
                    Order::Dismiss(nth) => {
                        let person = self.people.iter().chain(&self.former).nth(nth);
                        Asked::Dismiss {
                            member: person.map_or(u64::MAX, |person| person.id),
                        }
                    }
                    Order::Close => Asked::Close { order: number },
                }
            }
            Request::Burst { nth, count } => {
                let by = seat(nth);
                let applied = self.people.get(nth).map(|person| &person.applied);
                let highest = applied
                    .and_then(|a| a.keys().next_back().copied())
                    .unwrap_or(0);
                return (1..=count)
                    .map(|n| Asked::Command {
                        by,
                        number: highest + n,
                        digest: n % 2,
                        command: Command::Put(n as u8 % 3),
                    })
                    .collect();
            }
        }]
    }
}

/// A request with all values filled in.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    Join {
        token: u128,
        connection: u64,
        key: Option<u128>,
        name: Option<String>,
        colour: Option<u64>,
    },
    Resume {
        token: u128,
        connection: u64,
    },
    Disconnect {
        connection: u64,
        until: Option<u64>,
    },
    Reap {
        now: u64,
        live: Option<[bool; 2]>,
    },
    Rename {
        /// The member, and their token at that time: a connection without the seat is not heard.
        by: (u64, u128),
        number: u64,
        digest: u64,
        name: String,
        colour: Option<u64>,
    },
    Command {
        /// The member, and their token at that time: a connection without the seat is not heard.
        by: (u64, u128),
        number: u64,
        digest: u64,
        command: Command,
    },
    ServerCommand {
        order: u64,
        command: Command,
    },
    Dismiss {
        member: u64,
    },
    Close {
        order: u64,
    },
}

/// A connection stays at one node.
fn connection_of(node: usize, connection: u64) -> u64 {
    2 * connection + node as u64
}

impl Asked {
    /// The command's id, if the request is a command.
    pub(crate) fn op_id(&self) -> Option<OpId> {
        match *self {
            Asked::Rename { by, number, .. } | Asked::Command { by, number, .. } => Some(OpId {
                member: MemberId(by.0),
                number,
            }),
            Asked::Join { .. }
            | Asked::Resume { .. }
            | Asked::Disconnect { .. }
            | Asked::Reap { .. }
            | Asked::ServerCommand { .. }
            | Asked::Dismiss { .. }
            | Asked::Close { .. } => None,
        }
    }
}
