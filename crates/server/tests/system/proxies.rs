//! Nodes come and go behind each proxy whose configuration is shipped in `deploy/`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tablecast_testing::client::ClientError;
use tablecast_testing::reverse_proxy::{KINDS, Kind};
use tablecast_testing::until;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::harness::{Ended, Node};
use crate::history::{self, Missed, Run, check, menu};
use crate::nodes::UNLIMITED;
use crate::site::{Reply, Site, ask, code_in};

const MEMBERS: usize = 6;

/// What a slow machine would otherwise run into.
const PATIENT: [&str; 4] = ["--join-rate", "0", "--seat-grace", "10m"];

/// Waits until each member has done this much more, by what this node knows.
async fn all_go_on(node: &Node, room: &str) {
    let done = async || {
        let menu = menu(node, room).await;
        let of = |member| {
            let prefix = format!("c{member}-");
            menu.iter().filter(|item| item.starts_with(&prefix)).count()
        };
        (0..MEMBERS).map(of).collect::<Vec<_>>()
    };
    let before = done().await;
    let are_more = |now: &Vec<usize>| {
        let mut both = now.iter().zip(&before);
        both.all(|(now, before)| *now >= before + 3)
    };
    until("all members go on", done, are_more).await;
}

/// One try to come in, or back in.
#[derive(Debug)]
struct Try {
    /// Since the connection before was lost.
    after: Duration,
    /// How long it took, in [`looks`].
    looks: usize,
    /// `None`: seated.
    missed: Option<Missed>,
}

/// Changes the menu, and comes back as the protocol says: see "Coming back".
async fn member(
    proxy: SocketAddr,
    room: String,
    at: usize,
    stop: watch::Receiver<bool>,
    looks: Arc<AtomicUsize>,
) -> (history::Client, Vec<Try>) {
    let mut run = Run::new(format!("c{at}"), Duration::from_millis(200));
    let mut tries = Vec::new();
    let mut lost = Instant::now();
    let (mut bound, mut share) = (Duration::ZERO, 0.0);
    while !run.finished {
        // sleep: a reconnecting client's pause
        tokio::time::sleep(bound.mul_f64(share)).await;
        share = 0.5;
        bound = (2 * bound).clamp(Duration::from_millis(500), Duration::from_secs(20));
        let begin = looks.load(Ordering::Relaxed);
        let came = run.connect(proxy, &room).await;
        let after = lost.elapsed();
        let looks = looks.load(Ordering::Relaxed) - begin;
        match came {
            Ok(mut member) => {
                tries.push(Try {
                    after,
                    looks,
                    missed: None,
                });
                run.talk(&mut member, &stop).await;
                lost = Instant::now();
                bound = Duration::from_millis(500);
                // At random, says the protocol: spread over the members, and half of the bound
                // for the next tries.
                share = at as f64 / MEMBERS as f64;
            }
            Err(missed) => tries.push(Try {
                after,
                looks,
                missed: Some(missed),
            }),
        }
    }
    (run.client, tries)
}

/// A measure of time that a busy machine stretches as it stretches what is measured: asks both
/// nodes, past the proxy, every 20 ms, and counts.
async fn looks(nodes: [SocketAddr; 2], count: Arc<AtomicUsize>) {
    loop {
        for node in nodes {
            ask(Ipv4Addr::LOCALHOST.into(), node, "GET /readyz", "", "").await;
        }
        count.fetch_add(1, Ordering::Relaxed);
        // sleep: the pause that is counted
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The most that a proxy may take over one try: three seconds at least. Its checks find within
/// a quarter of one that a node is back.
const MOST_LOOKS: usize = 150;

/// Somebody without a seat, who looks at the room and makes others: the answers.
async fn visitor(
    proxy: SocketAddr,
    room: String,
    stop: watch::Receiver<bool>,
) -> Vec<(&'static str, Reply)> {
    let look = format!("GET /session/{room}/");
    let mut answers = Vec::new();
    while !*stop.borrow() {
        for line in [look.as_str(), "POST /session/"] {
            let reply = ask(Ipv4Addr::LOCALHOST.into(), proxy, line, "", "").await;
            let method = if line == look { "GET" } else { "POST" };
            answers.push((method, reply));
        }
        // sleep: a visitor's pause
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    answers
}

/// Whether a refusal is a node's own, and one that the proxy may pass on; `before` others
/// came before it. The store may be slow on a busy machine. A node that drains is passed over
/// by all but Caddy, which cannot ask again for a status and waits for its next check: a
/// quarter of a second, in which a member tries twice at most.
fn may_be_told(kind: Kind, before: usize, status: u16, code: Option<&str>) -> bool {
    match (status, code) {
        (503, Some("unavailable")) => true,
        (503, Some("draining")) => kind == Kind::Caddy && before < 2,
        _ => false,
    }
}

/// Whether this may happen to a member who comes back, after so many other tries.
fn is_fine(kind: Kind, before: usize, one: &Try) -> bool {
    let may_be = match &one.missed {
        None => true,
        // Under way when the drain began. The next try is told by a status, which the proxy
        // sees.
        Some(Missed::Ended(Ended::Closed(1012))) => before == 0,
        // The store was slow.
        Some(Missed::Ended(Ended::Closed(1013))) => true,
        Some(Missed::Handshake(ClientError::Refused { status, body, .. })) => {
            may_be_told(kind, before, *status, code_in(body).as_deref())
        }
        Some(Missed::Ended(_) | Missed::Handshake(_)) => false,
    };
    may_be && one.looks <= MOST_LOOKS
}

async fn a_rolling_restart(kind: Kind) {
    let mut site = Site::start(kind, &[&PATIENT[..], &UNLIMITED].concat());
    let proxy = site.proxy.address();
    let room = site.nodes[0].make_room().await;
    let other = site.nodes[0].make_room().await;
    let (stop, stopped) = watch::channel(false);
    let count = Arc::new(AtomicUsize::new(0));
    let addresses = [site.nodes[0].address(), site.nodes[1].address()];
    let counting = tokio::spawn(looks(addresses, count.clone()));
    let members: Vec<_> = (0..MEMBERS)
        .map(|at| {
            let member = member(proxy, room.clone(), at, stopped.clone(), count.clone());
            tokio::spawn(member)
        })
        .collect();
    let visitor = tokio::spawn(visitor(proxy, room.clone(), stopped));
    all_go_on(&site.nodes[1], &room).await;

    // The first node drains for as long as it can, and is then gone for good, as far as a
    // proxy's checks see.
    let mut silent = site.silent(0, &other).await;
    site.nodes[0].signal("-TERM");
    all_go_on(&site.nodes[1], &room).await;
    silent.ended().await.unwrap();
    site.ended(0).await;
    let has_seen = async || site.proxy.has_seen_one_go();
    let what = "the proxy has seen that the first node is gone";
    until(what, has_seen, |has_seen| *has_seen).await;

    // The worst moment for the second to drain: the first is ready just now.
    site.start_again(0);
    let silent = site.silent(1, &other).await;
    site.nodes[1].signal("-TERM");
    all_go_on(&site.nodes[0], &room).await;
    drop(silent);
    site.ended(1).await;

    // And the same with a node that is gone at once.
    site.start_again(1);
    site.nodes[0].signal("-TERM");
    site.ended(0).await;
    all_go_on(&site.nodes[1], &room).await;
    site.start_again(0);
    all_go_on(&site.nodes[0], &room).await;
    stop.send(true).unwrap();

    let mut clients = Vec::new();
    let (mut longest, mut most) = (Duration::ZERO, 0);
    for (client, tries) in join_all(members).await.into_iter().map(Result::unwrap) {
        let name = &client.name;
        // Each loss is what follows a seat, up to the next.
        let losses = tries.split_inclusive(|one| one.missed.is_none());
        for (loss, tries) in losses.enumerate() {
            for (at, one) in tries.iter().enumerate() {
                assert!(is_fine(kind, at, one), "{name} at try {at}: {one:?}");
            }
            if let (1.., Some(last)) = (loss, tries.last()) {
                longest = longest.max(last.after);
                most = most.max(tries.len());
            }
        }
        clients.push(client);
    }
    counting.abort();
    let answers = visitor.await.unwrap();
    for (method, reply) in &answers {
        let allowed = matches!(reply.status, 200 | 201)
            || may_be_told(kind, 0, reply.status, reply.code().as_deref());
        assert!(allowed, "{method} was answered {reply:?}");
    }
    eprintln!(
        "{kind:?}: each member was back after {longest:?} at most, in {most} tries; {} answers to visitors",
        answers.len()
    );
    let last = menu(&site.nodes[0], &room).await;
    assert_eq!(menu(&site.nodes[1], &room).await, last);
    check(&clients, &last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_behind_nginx_turns_nobody_away_and_loses_nothing() {
    a_rolling_restart(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_behind_haproxy_turns_nobody_away_and_loses_nothing() {
    a_rolling_restart(Kind::Haproxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_behind_caddy_turns_nobody_away_and_loses_nothing() {
    a_rolling_restart(Kind::Caddy).await;
}

/// What a node has begun and never answers is asked of another, a new room too.
#[tokio::test(flavor = "multi_thread")]
async fn each_proxy_repeats_what_a_node_dies_with() {
    for kind in KINDS {
        let mut site = Site::start(kind, &[]);
        site.nodes[0].pause();
        let mut asked = JoinSet::new();
        for _ in 0..4 {
            let (from, to) = (Ipv4Addr::LOCALHOST.into(), site.proxy.address());
            // Caddy has passed a body on by then, and does not have it any more.
            let (headers, body) = match kind {
                Kind::Nginx | Kind::Haproxy => ("Content-Type: application/json\r\n", "{}"),
                Kind::Caddy => ("", ""),
            };
            asked.spawn(async move { ask(from, to, "POST /session/", headers, body).await });
        }
        // By turns: the other node has answered its half.
        let mut answers = vec![asked.join_next().await, asked.join_next().await];
        site.nodes[0].kill9();
        answers.extend([asked.join_next().await, asked.join_next().await]);
        for answer in answers {
            let answer = answer.unwrap().unwrap();
            assert_eq!(answer.status, 201, "{kind:?}: {answer:?}");
        }
    }
}
