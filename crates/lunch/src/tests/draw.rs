//! Draws: who may do what when, and that the winner is computed as described.

use super::*;

const CARA: Member<'_> = Member {
    person: None,
    role: None,
    id: MemberId(5),
    name: "Cara",
};

// All of these were computed with Python's hashlib from the description in
// docs/protocol.md, and once more with sha256sum.
const SECRET_1: &str = "49768ff5af6e301d981fb4cd28f22831def4eba5ebe6bf51a0dee6c611c1509e";
const COMMITMENT_1: &str = "aafeac2f0a18f68f495a6423e1bb429225bbf2e0969217e8f0e192e26e5b9b1e";
const SECRET_2: &str = "8bcd1ba3d90b33aa4ade59957e46c0b2cb5f0588f99ccf66b04113c1cc9ffb8c";
const COMMITMENT_2: &str = "ebeed3c18c649c032ebef5cccd1f0f91572fd63b93ba9b4210d993b09993c285";
const TRANSCRIPT_1: &str = "tablecast draw
49768ff5af6e301d981fb4cd28f22831def4eba5ebe6bf51a0dee6c611c1509e
1 3 4
2 1111111111111111111111111111111111111111111111111111111111111111
5 2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f
";
/// SHA-256 of that text is 235b3b7909e05ddb9bfbdb564e56a311f83d2c734316ef969a0a229030cce7fe,
/// which modulo 3 is 1.
const WINNER_1: u64 = 3;

fn decide(how: How) -> Command {
    Command::Decide(Decide { how })
}

fn contribute(draw: u64, byte: u8) -> Command {
    let value = [byte; 32].into();
    Command::Contribute(Contribute { draw, value })
}

fn reveal(draw: u64) -> Command {
    Command::Reveal(Reveal { draw })
}

fn vote(number: u64) -> Command {
    Command::Vote(Vote {
        item: None,
        number: Some(number),
        on: true,
    })
}

/// The numbers of a draw's candidates.
fn among(menu: &Menu) -> Vec<u64> {
    let candidates = &menu.table.settling.drawing.as_ref().unwrap().candidates;
    candidates
        .iter()
        .map(|candidate| candidate.number)
        .collect()
}

#[test]
fn a_draw_comes_out_as_the_description_computes_it() {
    let mut menu = menu(&["add:a", "add:b", "add:c", "add:d", "remove:b"]);
    assert_eq!(
        menu.table.settling.next_draw.commitment.to_string(),
        COMMITMENT_1
    );
    does(&mut menu, ANNA, &decide(How::Draw)).unwrap();
    assert_eq!(
        menu.table.settling.next_draw.commitment.to_string(),
        COMMITMENT_2
    );
    does(&mut menu, BEN, &contribute(1, 0x11)).unwrap();
    does(&mut menu, CARA, &contribute(1, 0x2f)).unwrap();
    let drawing = menu.table.settling.drawing.clone().unwrap();
    assert_eq!(
        drawing.end(SECRET_1.parse().unwrap()).transcript(),
        TRANSCRIPT_1
    );
    does(&mut menu, CARA, &reveal(1)).unwrap();
    let decision = menu.table.settling.decision.as_deref().unwrap();
    let drawn = decision.draw.as_ref().unwrap();
    assert_eq!(drawn.secret.to_string(), SECRET_1);
    assert_eq!(drawn.commitment.to_string(), COMMITMENT_1);
    assert_eq!(decision.winner.number, WINNER_1);
    assert_eq!(
        (decision.by, decision.name.as_deref()),
        (Some(ANNA.id), Some("Anna"))
    );
    assert_eq!(menu.private.secret.secret(2).to_string(), SECRET_2);
}

#[test]
fn the_item_with_most_votes_wins_at_once() {
    let mut menu = menu(&["add:a", "add:b"]);
    does(&mut menu, BEN, &vote(2)).unwrap();
    does(&mut menu, CARA, &decide(How::Votes)).unwrap();
    let decision = menu.table.settling.decision.as_deref().unwrap();
    assert_eq!(
        (decision.by, decision.name.as_deref()),
        (Some(CARA.id), Some("Cara"))
    );
    assert_eq!((decision.winner.number, decision.winner.votes), (2, 1));
    assert_eq!((decision.how, &decision.draw), (How::Votes, &None));
    assert_eq!(
        (
            &menu.table.settling.drawing,
            menu.table.settling.next_draw.number
        ),
        (&None, 1)
    );
}

#[test]
fn a_tie_is_settled_by_a_draw_among_those_who_are_in_it() {
    let mut tied = menu(&["add:a", "add:b", "add:c"]);
    does(&mut tied, BEN, &vote(3)).unwrap();
    does(&mut tied, CARA, &vote(1)).unwrap();
    does(&mut tied, ANNA, &decide(How::Votes)).unwrap();
    assert_eq!(among(&tied), [1, 3]);
    // Nobody voted: all are equal.
    let mut unvoted = menu(&["add:a", "add:b"]);
    does(&mut unvoted, ANNA, &decide(How::Votes)).unwrap();
    assert_eq!(among(&unvoted), [1, 2]);
    // Votes do not matter in a draw.
    let mut drawn = menu(&["add:a", "add:b"]);
    does(&mut drawn, BEN, &vote(1)).unwrap();
    does(&mut drawn, ANNA, &decide(How::Draw)).unwrap();
    assert_eq!(among(&drawn), [1, 2]);
}

#[test]
fn an_empty_menu_decides_nothing_and_a_draw_is_not_decided_over() {
    let mut empty = empty(100);
    let mut menu = menu(&["add:a"]);
    does(&mut menu, ANNA, &decide(How::Draw)).unwrap();
    for how in [How::Votes, How::Draw] {
        assert_eq!(
            does(&mut empty, ANNA, &decide(how)),
            Err("nothing_to_decide")
        );
        assert_eq!(does(&mut menu, BEN, &decide(how)), Err("drawing"));
    }
}

#[test]
fn a_draw_that_is_over_takes_nothing_more_and_one_to_come_is_not_there() {
    let mut menu = menu(&["add:a", "add:b"]);
    for command in [contribute(1, 1), reveal(1), contribute(0, 1), reveal(0)] {
        assert_eq!(does(&mut menu, ANNA, &command), Err("not_found"));
    }
    does(&mut menu, ANNA, &decide(How::Draw)).unwrap();
    assert_eq!(does(&mut menu, ANNA, &reveal(1)), Err("no_contribution"));
    assert_eq!(does(&mut menu, ANNA, &contribute(1, 1)), Ok(1));
    assert_eq!(does(&mut menu, ANNA, &contribute(1, 2)), Ok(0));
    assert_eq!(does(&mut menu, BEN, &contribute(2, 2)), Err("not_found"));
    assert_eq!(does(&mut menu, BEN, &reveal(2)), Err("not_found"));
    assert_eq!(does(&mut menu, BEN, &reveal(1)), Ok(1));
    let decided = menu.clone();
    assert_eq!(does(&mut menu, BEN, &contribute(1, 2)), Ok(0));
    assert_eq!(does(&mut menu, BEN, &reveal(1)), Ok(0));
    assert_eq!(menu, decided);
    // The next draw has another secret.
    does(&mut menu, ANNA, &decide(How::Draw)).unwrap();
    assert_eq!(does(&mut menu, BEN, &contribute(1, 2)), Ok(0));
    assert_eq!(
        menu.table.settling.drawing.as_ref().unwrap().contributions,
        []
    );
    assert_eq!(
        menu.table.settling.decision.as_deref(),
        decided.table.settling.decision.as_deref()
    );
}

#[test]
fn contributions_are_bounded() {
    let mut menu = menu(&["add:a"]);
    does(&mut menu, ANNA, &decide(How::Draw)).unwrap();
    let by = |id| Member {
        person: None,
        role: None,
        id: MemberId(id),
        name: "x",
    };
    for id in 0..MAX_CONTRIBUTIONS as u64 {
        assert_eq!(does(&mut menu, by(id), &contribute(1, 1)), Ok(1));
    }
    let next = does(&mut menu, by(1000), &contribute(1, 1));
    assert_eq!(next, Err("draw_full"));
    assert_eq!(does(&mut menu, by(0), &contribute(1, 1)), Ok(0));
}

#[test]
fn a_decision_alone_is_to_be_kept_with_the_menu_of_its_moment() {
    let mut menu = menu(&["add:a", "add:b"]).with_title("Friday").unwrap();
    does(&mut menu, BEN, &vote(2)).unwrap();
    let kept = |menu: &Menu, event: &Event| serde_json::to_value(menu.keepsake(event)).unwrap();
    for command in [vote(1), decide(How::Draw), contribute(1, 7), reveal(1)] {
        for event in menu.decide(&context(ANNA), &command).unwrap() {
            menu.apply(Some(ANNA.id), &event);
            let seen = serde_json::to_value(menu.view(None)).unwrap();
            let expected = match event {
                Event::Decided(_) => serde_json::json!({
                    "title": "Friday",
                    "decision": seen["decision"],
                    "menu": [
                        {"number": 1, "item": "a", "name": "Anna", "votes": 1},
                        {"number": 2, "item": "b", "name": "Anna", "votes": 1},
                    ],
                }),
                _ => serde_json::Value::Null,
            };
            assert_eq!(kept(&menu, &event), expected);
        }
    }
    assert!(menu.table.settling.decision.as_deref().is_some());
}

#[test]
fn what_happens_to_the_menu_meanwhile_changes_no_draw() {
    let mut menu = menu(&["add:a", "add:b"]);
    does(&mut menu, ANNA, &decide(How::Draw)).unwrap();
    says(&mut menu, "remove:a").unwrap();
    says(&mut menu, "remove:b").unwrap();
    says(&mut menu, "add:c").unwrap();
    does(&mut menu, BEN, &contribute(1, 9)).unwrap();
    does(&mut menu, BEN, &reveal(1)).unwrap();
    let winner = &menu.table.settling.decision.as_deref().unwrap().winner;
    assert!(["a", "b"].contains(&&*winner.item));
}

#[test]
fn a_value_has_one_spelling() {
    let good = "0123456789abcdef".repeat(4);
    assert_eq!(good.parse::<Hex32>().unwrap().to_string(), good);
    for bad in [
        "",
        &good[2..],
        &good[1..],
        &format!("{good}00"),
        &good.to_uppercase(),
        &good.replace('0', "g"),
        &good.replace("ef", "é"),
    ] {
        assert_eq!(bad.parse::<Hex32>(), Err(NotHex32), "{bad:?}");
    }
}

/// Every candidate wins about equally often. The numbers are the same in each run; a third
/// of 3,000 has a standard deviation of 26.
#[test]
fn no_candidate_is_preferred() {
    let mut begun = menu(&["add:a", "add:b", "add:c"]);
    does(&mut begun, ANNA, &decide(How::Draw)).unwrap();
    let mut wins = [0; 3];
    for try_ in 0..3_000_u32 {
        let mut menu = begun.clone();
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&try_.to_be_bytes());
        let value = bytes.into();
        does(
            &mut menu,
            BEN,
            &Command::Contribute(Contribute { draw: 1, value }),
        )
        .unwrap();
        does(&mut menu, BEN, &reveal(1)).unwrap();
        wins[menu
            .table
            .settling
            .decision
            .as_deref()
            .unwrap()
            .winner
            .number as usize
            - 1] += 1;
    }
    assert!(
        wins.iter().all(|wins| (900..1_100).contains(wins)),
        "{wins:?}"
    );
}
