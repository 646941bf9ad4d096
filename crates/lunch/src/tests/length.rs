//! The bound of a frame.

use super::*;
use tablecast_core::text::MAX_TEXT_BYTES;

/// Also if each character has the maximum number of bytes, and half of them are escaped.
#[test]
fn no_view_is_longer_than_is_reckoned_with() {
    let text = |graphemes: usize| {
        // Below and above in turn: at most three marks are allowed on the same side.
        let marks = ["\u{316}", "\u{301}"].into_iter().cycle();
        let marks: String = marks.take((MAX_TEXT_BYTES / graphemes - 1) / 2).collect();
        format!("\"{marks}").repeat(graphemes)
    };
    let (item, name) = (text(80), text(40));
    let by = |id: u64| Member {
        person: None,
        role: None,
        id: MemberId(9_000_000 + id),
        name: &name,
    };
    let mut menu = empty(100).with_title(&text(60)).unwrap();
    for _ in 0..100 {
        says(&mut menu, &format!("add:{item}")).unwrap();
    }
    // Each of somebody else.
    let mut ids = (0..).map(|id| by(id).id);
    let mut fill = |item: &mut Arc<Item>| {
        let item = Arc::make_mut(item);
        item.name = name.as_str().into();
        item.votes = ids.by_ref().take(200).collect();
    };
    Arc::make_mut(&mut menu.table.items)
        .iter_mut()
        .for_each(&mut fill);
    for draw in 1..=MAX_PAST as u64 + 2 {
        does(
            &mut menu,
            by(0),
            &Command::Decide(Decide { how: How::Draw }),
        )
        .unwrap();
        for id in 0..100 {
            let value = [7; 32].into();
            does(
                &mut menu,
                by(id),
                &Command::Contribute(Contribute { draw, value }),
            )
            .unwrap();
        }
        if draw < MAX_PAST as u64 + 2 {
            does(&mut menu, by(0), &Command::Reveal(Reveal { draw })).unwrap();
        }
    }
    assert_eq!(menu.table.past.len(), MAX_PAST);
    for number in 1..=MAX_REMOVED as u64 {
        does(&mut menu, by(0), &Command::remove(number)).unwrap();
        says(&mut menu, &format!("add:{item}")).unwrap();
    }
    Arc::make_mut(&mut menu.table.items)
        .iter_mut()
        .for_each(&mut fill);
    let veto = |item: &mut Arc<Item>| {
        let item = Arc::make_mut(item);
        item.vetoes.clone_from(&item.votes);
    };
    Arc::make_mut(&mut menu.table.items)
        .iter_mut()
        .for_each(veto);
    menu.table.change_removed(veto);
    let long = serde_json::to_string(&menu.view(None)).unwrap().len();
    let most = max_table_bytes(100);
    assert!(long <= most && long > most / 4 * 3, "{long} of {most}");
}
