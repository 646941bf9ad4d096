//! Properties that hold whatever several members do, in any order.

use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;

/// Few enough for the menu to be full sometimes.
const ITEMS: usize = 5;

const NAMES: [&str; 4] = ["Anna", "Ben", "Cara", "민아"];

/// Commands of members: often about items that are there, sometimes about others.
pub(super) fn command() -> impl Strategy<Value = Command> {
    let number = || 0..12_u64;
    let draw = || 0..4_u64;
    let how = prop::sample::select(vec![How::Votes, How::Draw]);
    prop_oneof![
        4 => "[a-c]".prop_map(|item| Command::Add(Add { item })),
        2 => number().prop_map(|n| Command::Remove(Target { number: Some(n), item: None })),
        2 => number().prop_map(|number| Command::Restore(Restore { number })),
        3 => (number(), any::<bool>()).prop_map(|(n, on)| {
            Command::Vote(Vote { number: Some(n), item: None, on })
        }),
        1 => prop::option::of("[a-b]").prop_map(|title| Command::Title(Title { title })),
        1 => Just(Command::Extend(Extend {})),
        2 => how.prop_map(|how| Command::Decide(Decide { how })),
        4 => (draw(), any::<[u8; 32]>()).prop_map(|(draw, bytes)| {
            Command::Contribute(Contribute { draw, value: bytes.into() })
        }),
        2 => draw().prop_map(|draw| Command::Reveal(Reveal { draw })),
    ]
}

/// The indices of a menu, shuffled.
fn order() -> impl Strategy<Value = Vec<usize>> {
    Just((0..ITEMS).collect::<Vec<_>>()).prop_shuffle()
}

fn commands() -> impl Strategy<Value = Vec<(usize, Command)>> {
    prop::collection::vec((0..NAMES.len(), command()), 0..80)
}

fn member(at: usize) -> Member<'static> {
    Member {
        id: MemberId(at as u64 + 1),
        name: NAMES[at],
        person: None,
        role: None,
    }
}

/// Decides and applies the commands in turn; calls `each` with each event and the state after it.
fn all(
    menu: &mut Menu,
    commands: &[(usize, Command)],
    mut each: impl FnMut(&Menu, Option<MemberId>, Event),
) {
    for (at, command) in commands {
        let by = member(*at);
        for event in menu.decide(&context(by), command).unwrap_or_default() {
            menu.apply(Some(by.id), &event);
            each(menu, Some(by.id), event);
        }
    }
}

/// The table as a client reads it.
fn seen(menu: &Menu) -> Table {
    serde_json::from_str(&serde_json::to_string(&menu.view(None)).unwrap()).unwrap()
}

/// The winner, computed only from `decision.draw`. The method differs from the menu's: bit
/// by bit.
fn recomputed(draw: &Value) -> u64 {
    let hex = |text: &str| format!("{:x}", base16ct::HexDisplay(&Sha256::digest(text)));
    let secret = draw["secret"].as_str().unwrap();
    assert_eq!(hex(secret), draw["commitment"]);
    let list = |key: &str| draw[key].as_array().unwrap().clone();
    let numbers: Vec<u64> = list("candidates")
        .iter()
        .map(|c| c["number"].as_u64().unwrap())
        .collect();
    let shown: Vec<String> = numbers.iter().map(u64::to_string).collect();
    let lines = list("contributions")
        .into_iter()
        .map(|c| format!("{} {}\n", c["member"], c["value"].as_str().unwrap()));
    let lines: String = lines.collect();
    let text = format!("tablecast draw\n{secret}\n{}\n{lines}", shown.join(" "));
    let mut rest = 0;
    for byte in Sha256::digest(text) {
        for bit in (0..8).rev() {
            rest = (2 * rest + usize::from(byte >> bit & 1)) % numbers.len();
        }
    }
    numbers[rest]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Another node that has only the events reaches the same state. So does a node that
    /// reads the stored state, and a client reaches the state that members see.
    #[test]
    fn the_events_alone_lead_to_the_same_state(commands in commands()) {
        let mut menu = empty(ITEMS);
        let mut replica = menu.clone();
        let mut client = seen(&menu);
        all(&mut menu, &commands, |menu, by, event| {
            let sent = serde_json::to_string(&event).unwrap();
            let heard: Event = serde_json::from_str(&sent).unwrap();
            assert_eq!(heard, event);
            replica.apply(by, &heard);
            assert_eq!(&replica, menu);
            client.apply(by, &heard);
            assert_eq!(client, seen(menu));
        });
        let stored = serde_json::to_string(&menu).unwrap();
        prop_assert_eq!(serde_json::from_str::<Menu>(&stored).unwrap(), menu);
    }

    /// Every limit of the state holds, and the text dialect's menu changes only with events
    /// that are marked so.
    #[test]
    fn the_state_stays_in_order_and_within_its_bounds(commands in commands()) {
        let mut menu = empty(ITEMS);
        let mut shown = menu.text_state();
        let mut last_draw = 0;
        all(&mut menu, &commands, |menu, _, event| {
            let numbers: Vec<u64> = menu.items().map(|item| item.number).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b) && numbers.len() <= ITEMS);
            assert!(menu.table.removed.len() <= MAX_REMOVED);
            assert!(menu.table.removed.iter().all(|item| !numbers.contains(&item.number)));
            for contributions in menu.table.settling.drawing.iter().map(|drawing| &drawing.contributions) {
                let mut members: Vec<_> = contributions.iter().map(|c| c.member).collect();
                members.sort_unstable();
                members.dedup();
                assert_eq!(members.len(), contributions.len());
            }
            assert!(menu.table.settling.next_draw.number >= last_draw);
            last_draw = menu.table.settling.next_draw.number;
            assert_eq!(menu.table.settling.next_draw.commitment, menu.private.secret.next_draw(last_draw).commitment);
            let now = menu.text_state();
            assert!(now == shown || Menu::changes_text(&event), "{event:?}");
            shown = now;
        });
    }

    /// What members see is enough to compute the same winner.
    #[test]
    fn a_winner_follows_from_what_members_see(commands in commands()) {
        let mut menu = empty(ITEMS);
        all(&mut menu, &commands, |menu, _, event| {
            if let Event::Decided(_) = event {
                let seen = serde_json::to_value(menu.view(None)).unwrap();
                let decision = &seen["decision"];
                if decision["how"] == "draw" {
                    let winner = recomputed(&decision["draw"]);
                    assert_eq!(decision["winner"]["number"], winner);
                    let drawn = menu.table.settling.decision.as_ref().unwrap().draw.as_ref().unwrap();
                    assert_eq!(drawn.check(winner, Known::default()), Verdict::AddsUp);
                    assert_eq!(drawn.check(0, Known::default()), Verdict::OtherWinner);
                    assert_eq!(seen["drawing"], Value::Null);
                }
            }
        });
    }

    /// Members see neither the room's secret nor that of an unfinished draw.
    #[test]
    fn secrets_are_seen_nowhere(commands in commands()) {
        let mut menu = empty(ITEMS);
        let master = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        assert!(serde_json::to_string(&menu).unwrap().contains(master));
        all(&mut menu, &commands, |menu, _, event| {
            let seen = [
                serde_json::to_string(&menu.view(None)).unwrap(),
                serde_json::to_string(&event).unwrap(),
                format!("{menu:?} {event:?}"),
            ];
            let under_way = menu.table.settling.drawing.as_ref().map(|drawing| drawing.number);
            let to_come = under_way.into_iter().chain([menu.table.settling.next_draw.number]);
            let secrets = to_come.map(|draw| menu.private.secret.secret(draw).to_string());
            for secret in secrets.chain([master.to_owned()]) {
                assert!(seen.iter().all(|seen| !seen.contains(&secret)));
            }
        });
    }

    /// Items that are removed and put back, in any order, are the same and at the same place.
    #[test]
    fn what_is_restored_is_as_it_was(commands in commands(), removal in order(), return_ in order()) {
        let mut menu = empty(ITEMS);
        all(&mut menu, &commands, |_, _, _| {});
        let before = menu.table.items.clone();
        let number = |at: &usize| before.get(*at).map(|item| item.number);
        for number in removal.iter().filter_map(number) {
            let remove = Command::Remove(Target { number: Some(number), item: None });
            prop_assert_eq!(does(&mut menu, BEN, &remove), Ok(1));
        }
        prop_assert_eq!(menu.items().count(), 0);
        for number in return_.iter().filter_map(number) {
            let restore = Command::Restore(Restore { number });
            prop_assert_eq!(does(&mut menu, BEN, &restore), Ok(1));
        }
        prop_assert_eq!(menu.table.items, before);
    }
}
