//! Lines of the text dialect that come faster than allowed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use tablecast::HubConfig;
use tablecast::core::limits::Rate;
use tablecast_testing::client::{TEXT, frame};

use support::rooms::Node;

/// A node with the room `r`, in which each member may say so much.
async fn paced(per_second: f64, burst: u32) -> Node {
    let node = Node::start(HubConfig {
        command_rate: Rate { per_second, burst },
        ..HubConfig::default()
    })
    .await;
    node.make("r").await;
    node
}

/// Whoever pastes a list has no numbers by which to say a part of it again.
#[tokio::test]
async fn lines_beyond_the_rate_wait_for_their_turn_in_order() {
    const LINES: usize = 60;
    let node = paced(200.0, 5).await;
    let expected: Vec<String> = (0..LINES).map(|n| n.to_string()).collect();
    let lines = |of: &[String]| -> Vec<u8> {
        let frames = of
            .iter()
            .map(|n| frame(TEXT, format!("add:{n}").as_bytes()));
        frames.flatten().collect()
    };
    let mut witness = node.text("r").await;
    let mut member = node.text("r").await;
    member.send_bytes(&lines(&expected)).await.unwrap();
    for count in 1..=LINES {
        for member in [&mut member, &mut witness] {
            let shown: Vec<String> =
                serde_json::from_str(&member.next_text().await.unwrap()).unwrap();
            assert_eq!(shown, expected[..count], "nothing is refused");
        }
    }
    // Who leaves is heard to the end, and then has no seat.
    let more: Vec<String> = (0..LINES).map(|n| format!("more {n}")).collect();
    member.send_bytes(&lines(&more)).await.unwrap();
    member.send_close(1000).await.unwrap();
    let all = [expected, more].concat();
    while all != serde_json::from_str::<Vec<String>>(&witness.next_text().await.unwrap()).unwrap() {
    }
    node.until_seats("r", 1).await;
}

/// Lines that would take an hour at this rate end with whoever said them, and do not hold
/// their seat.
#[tokio::test]
async fn lines_that_wait_hold_no_seat_for_long() {
    let node = paced(0.001, 1).await;
    let mut member = node.text("r").await;
    member
        .send_bytes(&frame(TEXT, b"add:x").repeat(5))
        .await
        .unwrap();
    assert_eq!(member.next_text().await.unwrap(), r#"["x"]"#);
    member.send_close(1000).await.unwrap();
    node.until_quiet().await;
}

#[tokio::test]
async fn a_hundred_lines_wait_and_what_comes_beyond_them_is_refused() {
    const WAIT: usize = 100;
    const BEYOND: usize = 7;
    let node = paced(0.001, 1).await;
    let mut member = node.text("r").await;
    let lines = frame(TEXT, b"add:x").repeat(1 + WAIT + BEYOND);
    member.send_bytes(&lines).await.unwrap();
    // It is read behind all lines.
    member.send_close(1000).await.unwrap();
    let mut refused = 0;
    while let Ok(answer) = member.next_text().await {
        match answer.as_str() {
            r#"["x"]"# => {}
            answer => {
                assert!(answer.contains("rate_limited"), "{answer}");
                refused += 1;
            }
        }
    }
    assert_eq!(refused, BEYOND);
}
