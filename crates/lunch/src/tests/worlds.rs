//! Properties that hold over time: members come and go, the clock rings, votes are hidden and
//! shown, and everybody sees only what they may.
//!
//! `TABLECAST_MODEL_CASES` asks for more cases than the few of every day.

use proptest::prelude::*;

use super::properties::command;
use super::*;

const ITEMS: usize = 5;
const MEMBERS: usize = 4;
const NAMES: [&str; MEMBERS] = ["Anna", "Ben", "Cara", "민아"];

#[derive(Debug, Clone)]
enum Step {
    Do(usize, Command),
    /// So many milliseconds pass.
    Tick(u64),
    Come(usize),
    Go(usize),
}

fn rules() -> impl Strategy<Value = Rules> {
    (any::<bool>(), prop::option::of(1..4_u32)).prop_map(|(hidden_votes, votes_each)| Rules {
        hidden_votes,
        votes_each,
    })
}

/// What the first version does not know.
fn new_command() -> impl Strategy<Value = Command> {
    let member = || (1..=MEMBERS as u64 + 1).prop_map(MemberId);
    let number = || (1..9_u64).prop_map(Some);
    let at = None;
    prop_oneof![
        2 => (5_000..20_000_u64).prop_map(move |ms| {
            Command::Deadline(SetDeadline { at, in_ms: Some(ms) })
        }),
        1 => Just(Command::Deadline(SetDeadline { at: Some(None), in_ms: None })),
        1 => Just(Command::Nudge(Nudge {})),
        3 => (number(), any::<bool>()).prop_map(|(number, on)| {
            Command::Veto(Veto { item: None, number, on })
        }),
        6 => (number(), prop::bool::weighted(0.7)).prop_map(|(number, on)| {
            Command::Vote(Vote { item: None, number, on })
        }),
        2 => rules().prop_map(|rules| Command::Rules(ChangeRules {
            hidden_votes: Some(rules.hidden_votes),
            votes_each: Some(rules.votes_each),
        })),
        1 => any::<bool>().prop_map(|on| Command::Lock(Lock { on })),
        1 => member().prop_map(|member| Command::Host(MakeHost { member })),
        1 => member().prop_map(|member| Command::Dismiss(Dismiss { member })),
        2 => (1..6_u64).prop_map(|decision| Command::Reinstate(Reinstate { decision })),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let member = || 0..MEMBERS;
    prop_oneof![
        8 => (member(), command()).prop_map(|(at, command)| Step::Do(at, command)),
        10 => (member(), new_command()).prop_map(|(at, command)| Step::Do(at, command)),
        3 => (0..9_000_u64).prop_map(Step::Tick),
        2 => member().prop_map(Step::Come),
        1 => member().prop_map(Step::Go),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..80)
}

fn member(at: usize) -> Member<'static> {
    Member {
        id: MemberId(at as u64 + 1),
        name: NAMES[at],
        // Two have one.
        person: (at < 2).then(|| person(at as u128)),
        role: None,
    }
}

/// A room with all members, three items, and Anna as its host.
struct World {
    menu: Menu,
    now: u64,
    is_here: [bool; MEMBERS],
}

/// What happened: the state before it, by whom it was, the event, and the state after it.
type Heard<'a> = dyn FnMut(&Menu, Option<MemberId>, &Event, &World) + 'a;

impl World {
    fn new(rules: Rules) -> Self {
        let menu = empty(ITEMS).with_rules(rules).unwrap();
        let mut menu = menu.with_host(person(0));
        for line in ["add:a", "add:b", "add:c"] {
            says(&mut menu, line).unwrap();
        }
        let mut world = World {
            menu,
            now: 1_750_000_000_000,
            is_here: [false; MEMBERS],
        };
        for at in 0..MEMBERS {
            world.step(&Step::Come(at), &mut |_, _, _, _| {});
        }
        world
    }

    fn happen(&mut self, by: Option<MemberId>, events: Vec<Event>, heard: &mut Heard<'_>) {
        for event in events {
            let before = self.menu.clone();
            self.menu.apply(by, &event);
            heard(&before, by, &event, self);
            if let Some(member) = Menu::dismisses(&event) {
                self.leave(member.0 as usize - 1, true, heard);
                assert!(!self.menu.has_say(member) && !self.menu.private.ballots.have(member));
            }
        }
    }

    fn leave(&mut self, at: usize, dismissed: bool, heard: &mut Heard<'_>) {
        if std::mem::take(&mut self.is_here[at]) {
            let events = self.menu.left(member(at).id, dismissed);
            self.happen(None, events, heard);
        }
    }

    /// As the core does it: what is due rings first.
    fn step(&mut self, step: &Step, heard: &mut Heard<'_>) {
        if let Step::Tick(ms) = step {
            self.now += ms;
        }
        for rings in 0.. {
            assert!(rings < 3, "the clock rings again and again");
            if self.menu.alarm().is_none_or(|at| at > self.now) {
                break;
            }
            let events = self.menu.ring(self.now);
            self.happen(None, events, heard);
        }
        match step {
            Step::Do(at, command) if self.is_here[*at] => {
                let seats = std::array::from_fn(|at| match self.is_here[at] {
                    true => member(at),
                    false => Member {
                        id: MemberId(0),
                        ..member(at)
                    },
                });
                let seats: [Member<'_>; MEMBERS] = seats;
                let context = Context {
                    by: Some(member(*at)),
                    now: self.now,
                    seats: &seats,
                    forms: Menu::FORMS,
                };
                let events = self.menu.decide(&context, command).unwrap_or_default();
                self.happen(Some(member(*at).id), events, heard);
            }
            Step::Come(at) if !self.is_here[*at] => {
                self.is_here[*at] = true;
                let events = self.menu.joined(member(*at));
                self.happen(Some(member(*at).id), events, heard);
            }
            Step::Go(at) => self.leave(*at, false, heard),
            Step::Do(..) | Step::Tick(_) | Step::Come(_) => {}
        }
    }
}

/// All members, and somebody without a seat.
fn viewers() -> impl Iterator<Item = Option<MemberId>> {
    (0..MEMBERS).map(|at| Some(member(at).id)).chain([None])
}

/// The true votes for an item.
fn true_votes(menu: &Menu, item: &Item) -> usize {
    let members = (0..MEMBERS).map(|at| member(at).id);
    let votes = members.filter(|member| menu.private.ballots.has_vote(item, *member));
    votes.count()
}

/// What holds after each event.
fn check(before: &Menu, event: &Event, after: &World) {
    let menu = &after.menu;
    let can_win = |number: &u64| before.table.item(*number).unwrap().vetoes.is_empty();
    let most = before.items().filter(|item| item.vetoes.is_empty());
    let most = most.map(|item| true_votes(before, item)).max();
    match event {
        Event::Drawing(began) => assert!(began.candidates.iter().all(can_win)),
        Event::Decided(decided) => match &**decided {
            Decided::Votes { winner, .. } => {
                assert!(can_win(winner));
                let item = before.table.item(*winner).unwrap();
                assert_eq!(Some(true_votes(before, item)), most);
            }
            Decided::Draw { winner, .. } => {
                let drawing = before.table.settling.drawing.as_ref().unwrap();
                assert!(drawing.candidates.iter().any(|one| one.number == *winner));
            }
        },
        _ => {}
    }
    let house = &menu.table.house;
    if let Some(most) = house.rules.votes_each {
        for at in 0..MEMBERS {
            let id = member(at).id;
            let votes = menu.all_items();
            let votes = votes.filter(|item| menu.private.ballots.has_vote(item, id));
            assert!(votes.count() <= most as usize, "{event:?}");
        }
    }
    assert!(house.host.is_some() || !house.locked);
    assert!(
        house
            .host
            .is_none_or(|host| after.is_here[host.0 as usize - 1])
    );
    assert!(menu.table.removed.len() <= MAX_REMOVED && menu.table.past.len() <= MAX_PAST);
    assert!(house.rules.hidden_votes || !menu.has_secrets());
    let changed = before.text_state() != menu.text_state();
    assert!(!changed || Menu::changes_text(event), "{event:?}");
    let who = (0..MEMBERS).map(|at| member(at).id);
    let voted: Vec<MemberId> = who
        .filter(|id| {
            menu.all_items()
                .any(|item| menu.private.ballots.has_vote(item, *id))
        })
        .collect();
    match house.rules.hidden_votes {
        // Who voted for what nobody remembers has voted all the same.
        true => assert!(voted.iter().all(|id| menu.table.voted().contains(id))),
        false => assert_eq!(menu.table.voted(), voted),
    }
}

/// A deadline decides once, and only one that was set.
#[derive(Default)]
struct Deadlines {
    is_set: bool,
    /// A draw is under way that a deadline started; from then on it may be set again or taken back.
    draws: bool,
}

impl Deadlines {
    fn check(&mut self, by: Option<MemberId>, event: &Event, menu: &Menu) {
        match event {
            Event::Deadline { at, .. } => self.is_set = at.is_some(),
            Event::Drawing(_) => {
                self.draws = by.is_none();
                assert!(self.is_set || !self.draws);
            }
            Event::Decided(_) => {
                let is_due = self.is_set || std::mem::take(&mut self.draws);
                assert!(by.is_some() || is_due, "decided twice");
                self.is_set = false;
            }
            _ => {}
        }
        assert_eq!(menu.table.house.deadline.is_some(), self.is_set);
    }
}

/// A client that sees only what it may, and applies its own secret events.
fn hears(client: &mut Table, me: Option<MemberId>, by: Option<MemberId>, event: &Event) {
    match by == me && by.is_some() && Menu::is_secret(event) {
        true => client.apply(by, event),
        false => client.apply(by, &event.shown()),
    }
}

fn cases(of_every_day: u32) -> ProptestConfig {
    let asked = std::env::var("TABLECAST_MODEL_CASES").ok();
    let asked = asked.map(|cases| cases.parse().expect("a number of cases"));
    ProptestConfig {
        failure_persistence: None,
        cases: asked.unwrap_or(of_every_day),
        ..ProptestConfig::default()
    }
}

/// Anna votes for something else.
fn otherwise(step: &Step, shift: u64) -> Step {
    match step {
        Step::Do(0, Command::Vote(vote)) => {
            let number = vote.number.map(|number| (number + shift) % 9);
            let vote = vote.clone();
            Step::Do(0, Command::Vote(Vote { number, ..vote }))
        }
        step => step.clone(),
    }
}

/// What Ben's client gets in a step, and then sees, as bytes; and whether votes were shown.
fn bytes(world: &mut World, step: &Step) -> (Vec<String>, bool) {
    let mut seen = Vec::new();
    let mut is_revealed = false;
    let ben = member(1).id;
    world.step(step, &mut |_, by, event, world| {
        is_revealed |= event.reveals().is_some();
        seen.push(match by == Some(ben) {
            true => serde_json::to_string(event).unwrap(),
            false => serde_json::to_string(&Menu::show(event)).unwrap(),
        });
        for viewer in [Some(ben), None] {
            seen.push(serde_json::to_string(&world.menu.view(viewer)).unwrap());
        }
        let kept = world.menu.keepsake(event);
        seen.push(serde_json::to_string(&kept).unwrap());
    });
    (seen, is_revealed)
}

proptest! {
    #![proptest_config(cases(96))]

    /// Another node that has only the events reaches the same state. So does every client that
    /// sees only what it may.
    #[test]
    fn each_client_reaches_its_own_view(rules in rules(), steps in steps()) {
        let mut world = World::new(rules);
        let mut replica = world.menu.clone();
        let mut clients: Vec<_> = viewers()
            .map(|viewer| (viewer, seen_by(&world.menu, viewer)))
            .collect();
        for step in &steps {
            world.step(step, &mut |_, by, event, world| {
                let sent = serde_json::to_string(event).unwrap();
                let read: Event = serde_json::from_str(&sent).unwrap();
                assert_eq!(&read, event);
                replica.apply(by, &read);
                assert_eq!(replica, world.menu);
                for (me, client) in &mut clients {
                    hears(client, *me, by, event);
                    assert_eq!(client, &*world.menu.seen_by(*me), "{me:?}: {event:?}");
                }
            });
        }
        for (me, client) in &clients {
            prop_assert_eq!(client, &seen_by(&world.menu, *me));
        }
        let stored = serde_json::to_string(&world.menu).unwrap();
        prop_assert_eq!(serde_json::from_str::<Menu>(&stored).unwrap(), world.menu);
    }

    /// What cannot be eaten never wins, nobody votes too often, and a deadline decides once.
    #[test]
    fn the_rules_hold_whatever_happens(rules in rules(), steps in steps()) {
        let mut world = World::new(rules);
        let mut deadlines = Deadlines::default();
        // All that was set comes in the end.
        let end = [Step::Tick(100_000), Step::Tick(100_000)];
        for step in steps.iter().chain(&end) {
            world.step(step, &mut |before, by, event, world| {
                check(before, event, world);
                deadlines.check(by, event, &world.menu);
            });
        }
        prop_assert!(!deadlines.is_set);
        prop_assert_eq!(world.menu.alarm(), None);
    }

    /// Two rooms, which differ only in what Anna votes for: Ben cannot tell them apart by a single
    /// byte, until votes are shown, or until it shows in whether Anna votes for anything.
    #[test]
    fn nobody_sees_what_somebody_else_votes_for(
        votes_each in prop::option::of(1..4_u32),
        shift in 1..9_u64,
        steps in steps(),
    ) {
        let rules = Rules { hidden_votes: true, votes_each };
        let (mut one, mut other) = (World::new(rules), World::new(rules));
        for step in &steps {
            let (seen, is_revealed) = bytes(&mut one, step);
            let (seen_otherwise, is_revealed_too) = bytes(&mut other, &otherwise(step, shift));
            if is_revealed || is_revealed_too {
                break;
            }
            if matches!(step, Step::Do(0, Command::Vote(_))) && seen != seen_otherwise {
                break;
            }
            prop_assert_eq!(seen, seen_otherwise, "{:?}", step);
        }
    }
}
