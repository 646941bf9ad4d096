//! One person's life at a lunch table: the phone is locked for longer than a seat is kept, the tab
//! is discarded, a second tab takes the seat, an in-app browser knows nobody, and nodes are killed
//! meanwhile. At every moment each person is one member at most, with exactly the votes that they
//! gave and have not taken back; the seats are those of who is there; and nobody is told what others
//! hide.
//!
//! Everything is in memory and time is tokio's paused one. Each life follows from its number, which a
//! failure names: `TABLECAST_LIVES` asks for more of them, `TABLECAST_LIFE` for a single one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;
mod lives {
    pub(crate) mod person;
    pub(crate) mod tab;
    pub(crate) mod world;
}

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use lives::person::{ITEMS, Person};
use lives::tab::{Tab, votes_of};
use lives::world::{BEGIN, GRACE, LEASE, SLACK, World, age, check_persons};
use serde_json::{Value, json};
use tablecast::App;
use tablecast::core::room::{Change, Room};
use tablecast::core::{MemberId, PersonKey};
use tablecast_lunch::{Event, MasterSecret, Menu, Rules};
use tablecast_testing::faulty::{Call, Fault, PublicationFault};
use tokio::time::{Instant, sleep};

/// Persons with a key, and then somebody without.
const PEOPLE: usize = 4;

const KEYED: usize = 3;

const STEPS: usize = 60;

fn menu(hidden_votes: bool) -> Menu {
    let rules = Rules {
        hidden_votes,
        votes_each: None,
    };
    let menu = Menu::new(10, MasterSecret::new([7; 32]));
    let menu = menu.with_dishes([("a", "x"), ("b", "x"), ("c", "x")]);
    menu.with_rules(rules).unwrap()
}

struct Life {
    world: World,
    people: Vec<Person>,
    /// Since when somebody has been there, who would see a seat of somebody who is not.
    watched: Option<Instant>,
    /// Since when a member has no seat who thinks that they have one.
    misled: BTreeMap<MemberId, Instant>,
}

impl Life {
    async fn new(nodes: usize, menu: Menu) -> Life {
        let key = |at| {
            (at < KEYED).then(|| PersonKey(0x5eed_0000_5eed_0000_5eed_0000_5eed_0001 + at as u128))
        };
        Life {
            world: World::new(nodes, menu).await,
            people: (0..PEOPLE).map(|at| Person::new(key(at))).collect(),
            watched: None,
            misled: BTreeMap::new(),
        }
    }

    async fn hear(&mut self) {
        for person in &mut self.people {
            person.hear().await;
        }
        let mut tabs = self.people.iter().flat_map(|person| &person.tabs);
        self.watched = match tabs.any(Tab::is_seated) {
            true => self.watched.or(Some(Instant::now())),
            false => None,
        };
    }

    /// What happens next.
    async fn step(&mut self, rng: &mut Rng) {
        let who = rng.usize(..PEOPLE);
        let node = rng.usize(..self.world.nodes.len());
        let person = &mut self.people[who];
        let faults = &self.world.nodes[node].1;
        match rng.u32(..100) {
            0..30 => {
                let (item, on) = (rng.u64(ITEMS), rng.u8(..3) > 0);
                person.tab().vote(item, on).await;
            }
            // The phone is locked, and is on again some time.
            30..40 => person.tab().cut(),
            40..55 => person.tab().connect(&self.world, node).await,
            55..63 if person.key.is_some() => {
                person.open_tab();
                person.tab().connect(&self.world, node).await;
            }
            // The older tab has the seat again.
            63..68 if person.key.is_some() && person.tabs.len() > 1 => {
                let older = person.tabs.len() - 2;
                let tab = person.tabs.remove(older);
                person.tabs.push(tab);
                person.tab().connect(&self.world, node).await;
            }
            // It is discarded, and its memory with it: somebody without a key is somebody new.
            55..72 => {
                person.tab().cut();
                person.open_tab();
                person.tab().connect(&self.world, node).await;
            }
            72..74 => person.tab().leave().await,
            74..82 => {
                let time = Duration::from_millis(rng.u64(1..800));
                let fault = rng.choice([
                    Fault::Unavailable,
                    Fault::UnknownBefore,
                    Fault::UnknownAfter,
                    Fault::UnknownThenLate(time),
                    Fault::HangAfter,
                    Fault::Delay(time),
                ]);
                faults.next(Call::Commit, fault.unwrap());
            }
            // The node decides on an old state, so there is a conflict.
            82..88 => faults.next_publication(PublicationFault::Lose),
            88..90 => {
                for tab in self.people.iter_mut().flat_map(|person| &mut person.tabs) {
                    if tab.is_on(node) {
                        tab.cut();
                    }
                }
                self.world.kill(node);
            }
            // sleep: time that passes, and that is not waited for
            _ => sleep(*rng.choice(&TIMES).unwrap()).await,
        }
    }

    /// What holds at every moment.
    async fn check(&mut self) {
        let (room, _) = self.world.room().await;
        check_persons(&room);
        let known: BTreeSet<MemberId> = {
            let seated = room.members.iter().map(|seat| seat.member);
            let former = room.members.former().iter().map(|one| one.member);
            seated.chain(former).collect()
        };
        for member in &known {
            let seen = json!(room.logic.view(Some(*member)));
            for item in seen["items"].as_array().unwrap() {
                let votes = item["votes"].as_array().unwrap();
                let each: BTreeSet<u64> = votes.iter().map(|vote| vote.as_u64().unwrap()).collect();
                assert_eq!(votes.len(), each.len(), "two votes of one member: {item}");
                assert!(each.iter().all(|vote| known.contains(&MemberId(*vote))));
            }
        }
        for person in &self.people {
            match person.member(&room).filter(|member| known.contains(member)) {
                Some(member) => {
                    let seen = json!(room.logic.view(Some(member)));
                    person.check_votes(&votes_of(Some(member), &seen), None);
                }
                None if person.key.is_some() => person.check_votes(&[], None),
                None => {}
            }
        }
        self.check_seats(&room);
        let here = |tab: &&Tab| tab.is_seated();
        let members = self.people.iter().flat_map(|person| &person.tabs);
        let members = members.filter(here).filter_map(Tab::member);
        let is_misled = |id: &MemberId| room.members.seat(*id).is_none_or(|seat| seat.is_away());
        let since = |id| (id, self.misled.get(&id).copied().unwrap_or(Instant::now()));
        self.misled = members.filter(is_misled).map(since).collect();
        let mut misled = self.misled.values();
        assert!(misled.all(|since| age(*since) < SLACK), "they are told");
    }

    /// Nobody has a seat for longer than it is kept who is not there.
    fn check_seats(&self, room: &Room<Menu>) {
        let mut explained = BTreeSet::new();
        let mut unknown = 0;
        for person in &self.people {
            for tab in &person.tabs {
                let kept = tab.lost.is_some_and(|lost| {
                    let kept = if lost.for_good { SLACK } else { GRACE + SLACK };
                    age(lost.at) < kept
                });
                let may_be = tab.is_pending() || kept;
                if tab.is_seated() || may_be {
                    explained.extend(tab.member());
                    explained.extend(person.member(room));
                }
                let seats = tab.unknown_seats(GRACE + SLACK);
                match person.key {
                    Some(_) if seats > 0 => explained.extend(person.member(room)),
                    Some(_) => {}
                    None => unknown += seats,
                }
            }
        }
        let is_watched = |since: Instant| age(since) > 2 * LEASE + SLACK;
        if self.watched.is_some_and(is_watched) {
            let seats = room.members.iter().map(|seat| seat.member);
            let strange: Vec<_> = seats.filter(|seat| !explained.contains(seat)).collect();
            assert!(strange.len() <= unknown, "who has these seats? {strange:?}");
        }
    }

    /// All of it is well again, and everybody with a key takes back what they voted for.
    async fn end(&mut self) {
        for (_, faults) in &self.world.nodes {
            faults.none();
        }
        for person in &mut self.people {
            for tab in &mut person.tabs {
                tab.cut();
            }
        }
        // sleep: all seats are given up, in no time
        sleep(GRACE + 2 * LEASE).await;
        for at in 0..KEYED {
            let person = &mut self.people[at];
            person.open_tab();
            person
                .tab()
                .connect(&self.world, at % self.world.nodes.len())
                .await;
            person.hear().await;
            assert!(person.tab().is_seated(), "there is a seat");
            for item in person.votes.clone() {
                person.tab().vote(item, false).await;
                person.hear().await;
            }
            assert!(person.votes.is_empty(), "each vote can be taken back");
        }
        // sleep: now that somebody looks, the seats on dead nodes are given up, in no time
        sleep(2 * LEASE + SLACK).await;
        self.check().await;
        let (room, _) = self.world.room().await;
        assert_eq!(room.members.taken(), KEYED);
        for person in &mut self.people {
            person.tab().leave().await;
        }
        // sleep: they leave, in no time
        sleep(SLACK).await;
        let (room, _) = self.world.room().await;
        assert_eq!(room.members.taken(), 0);
    }

    /// Nobody was told a key, somebody else's secret, or for what others vote.
    fn check_heard(&self, hidden: bool) {
        let mut secrets: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, person) in self.people.iter().enumerate() {
            for tab in &person.tabs {
                secrets.extend(tab.secrets.iter().map(|secret| (secret.as_str(), at)));
            }
        }
        for (at, person) in self.people.iter().enumerate() {
            for (you, said) in person.tabs.iter().flat_map(|tab| &tab.heard) {
                let text = said.to_string();
                assert!(!text.contains("5eed00005eed0000"), "a key: {text}");
                for (secret, whose) in &secrets {
                    assert!(*whose == at || !text.contains(secret), "{text}");
                }
                if hidden {
                    check_hidden(*you, said);
                }
            }
        }
    }
}

/// There is no vote in it but one's own.
fn check_hidden(you: Option<MemberId>, said: &Value) {
    let voted = &said["event"]["change"]["voted"];
    assert!(voted.get("number").is_none(), "{said}");
    for whole in ["hello", "snapshot"] {
        let state = &said[whole]["state"];
        for items in ["items", "removed"] {
            for item in state[items].as_array().into_iter().flatten() {
                let mut votes = item["votes"].as_array().unwrap().iter();
                let is_own = |vote: &Value| vote.as_u64().map(MemberId) == you;
                assert!(votes.all(is_own), "{said}");
            }
        }
    }
}

/// A moment, a lost answer, most of a grace, one, and ten.
const TIMES: [Duration; 6] = [
    Duration::from_millis(5),
    Duration::from_millis(400),
    Duration::from_secs(2),
    Duration::from_secs(15),
    Duration::from_secs(22),
    Duration::from_secs(200),
];

async fn live(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let hidden = rng.bool();
    let mut life = Life::new(rng.usize(2..4), menu(hidden)).await;
    // From now on the room has persons, also on a node that began a moment ago and does not know yet
    // whether an older one lives.
    life.people[0].tab().connect(&life.world, 0).await;
    life.hear().await;
    for _ in 0..STEPS {
        life.step(&mut rng).await;
        life.hear().await;
        life.check().await;
    }
    life.end().await;
    life.check_heard(hidden);
}

/// Each node sees it come with faults, one of them is killed at that moment, and nobody has to be
/// there.
async fn decide(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let hidden = rng.bool();
    // The nodes need a lease to know each other.
    let at = BEGIN + (LEASE.as_millis() as u64) + rng.u64(5_000..20_000);
    let menu = menu(hidden).with_deadline(at, BEGIN).unwrap();
    let mut life = Life::new(3, menu).await;
    let guests = rng.usize(..=PEOPLE);
    for who in 0..guests {
        let node = rng.usize(..3);
        life.people[who].tab().connect(&life.world, node).await;
        life.hear().await;
        for _ in 0..rng.usize(..3) {
            let (item, on) = (rng.u64(ITEMS), true);
            life.people[who].tab().vote(item, on).await;
            life.hear().await;
        }
    }
    if rng.u8(..4) == 0 {
        life.people.iter_mut().for_each(|person| person.tab().cut());
    }
    let soon = at - rng.u64(..400) - life.world.now();
    // sleep: the deadline comes, in no time
    sleep(Duration::from_millis(soon)).await;
    for (_, faults) in &life.world.nodes {
        let time = Duration::from_millis(rng.u64(1..300));
        let fault = rng.choice([
            None,
            Some(Fault::UnknownBefore),
            Some(Fault::UnknownAfter),
            Some(Fault::UnknownThenLate(time)),
            Some(Fault::Delay(time)),
        ]);
        if let Some(fault) = fault.flatten() {
            faults.next(Call::Commit, fault);
        }
        if rng.bool() {
            faults.next_publication(PublicationFault::Lose);
        }
    }
    // sleep: a node is killed about when the deadline comes
    sleep(Duration::from_millis(rng.u64(..800))).await;
    let killed = rng.usize(..3);
    for tab in life.people.iter_mut().flat_map(|person| &mut person.tabs) {
        if tab.is_on(killed) {
            tab.cut();
        }
    }
    life.world.kill(killed);
    for _ in 0..20 {
        // sleep: what follows from it, in no time
        sleep(Duration::from_secs(1)).await;
        life.hear().await;
    }

    let (room, events) = life.world.room().await;
    assert!(room.logic.table().house.deadline.is_none(), "it has passed");
    let mut began = Vec::new();
    let mut decided = Vec::new();
    for event in &events {
        if let Change::Logic { by, event } = &event.change {
            match event {
                Event::Drawing(draw) => began.push((*by, draw.at.unwrap(), draw.ends_at)),
                Event::Decided(one) => decided.push((*by, one.at().unwrap())),
                _ => {}
            }
        }
    }
    let [(None, decided_at)] = *decided else {
        panic!("decided once, by nobody: {decided:?}");
    };
    let within = |due: u64, at: u64| assert!((due..=due + 2_000).contains(&at), "{at} for {due}");
    match *began {
        [] => within(at, decided_at),
        [(None, began_at, Some(ends_at))] => {
            within(at, began_at);
            within(ends_at, decided_at);
        }
        _ => panic!("{began:?}"),
    }
    for person in &life.people {
        for tab in person.tabs.iter().filter(|tab| tab.is_seated()) {
            let decisions = tab.heard.iter().filter(|(_, said)| {
                said["event"]["change"]["decided"].is_object()
                    || said["snapshot"]["state"]["decision"].is_object()
            });
            assert_eq!(decisions.count(), 1, "everybody hears it once");
        }
    }
}

/// Runs as many of these as are asked for, each by its number.
fn run(of_every_day: u64, life: impl AsyncFn(u64)) {
    let asked = |name| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let seeds = match (asked("TABLECAST_LIFE"), asked("TABLECAST_LIVES")) {
        (Some(one), _) => one..one + 1,
        (None, lives) => 0..lives.unwrap_or(of_every_day),
    };
    for seed in seeds {
        let named = Named(seed);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(life(seed));
        drop(named);
    }
}

/// Says which life it was that failed.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("it was TABLECAST_LIFE={}", self.0);
        }
    }
}

#[test]
fn a_person_is_one_member_with_their_own_votes_whatever_happens() {
    run(12, live);
}

#[test]
fn a_deadline_decides_once_on_three_nodes_of_which_one_is_killed() {
    run(12, decide);
}
