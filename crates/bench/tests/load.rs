//! The load generator against servers that work, and against one with a chosen fault.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod servers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use servers::{Fault, broken};
use tablecast_bench::load::{Load, Options, Pace, Until};
use tablecast_bench::peers::Protocol;

fn options(to: SocketAddr) -> Options {
    Options {
        to: vec![to],
        rooms: 3,
        members: 4,
        handshakes: 5,
        patience: Duration::from_secs(10),
        ..Options::default()
    }
}

/// A load whose members are all connected.
fn connected(options: Options) -> anyhow::Result<Load> {
    let mut load = Load::new(options)?;
    assert!(load.connect()? > 0.0);
    load.settle()?;
    Ok(load)
}

/// The error of a run against a server with this fault.
fn fault(fault: Fault, window: usize) -> String {
    let mut options = options(broken(fault));
    options.rooms = 1;
    // The last one to join is then the last member.
    options.handshakes = 1;
    if fault == Fault::Missing {
        // The run waits this long for what does not come.
        options.patience = Duration::from_secs(2);
    }
    let mut load = connected(options).unwrap();
    let error = load
        .run(Until::Messages(100), Pace::Window(window))
        .unwrap_err();
    format!("{error:#}")
}

/// Runs with several paces and sizes, in which every delivery must be counted.
fn counts_everything(options: &Options) {
    for payload in [32, 1 << 10, 16 << 10] {
        if options.protocol == Protocol::Lunch && payload > 32 {
            break;
        }
        let mut load = connected(Options {
            payload,
            ..options.clone()
        })
        .unwrap();
        for pace in [Pace::Window(1), Pace::Window(4), Pace::Rate(500.0)] {
            let outcome = load.run(Until::Messages(60), pace).unwrap();
            assert!(outcome.messages >= 60, "{outcome:?}");
            // At the end items are taken off the menus. At a rate there is no such bound: after a delay all
            // that is due is sent at once.
            if let Pace::Window(_) = pace {
                assert!(outcome.messages <= 72, "{outcome:?}");
            }
            assert_eq!(outcome.deliveries, outcome.messages * 4);
            assert!(outcome.latency.quantile(1.0) >= outcome.latency.quantile(0.5));
            assert!(outcome.seen_by_all.quantile(0.5) >= outcome.latency.quantile(0.5));
        }
    }
}

#[test]
fn every_delivery_of_the_bare_limit_is_counted() {
    counts_everything(&options(servers::raw()));
}

#[test]
fn every_delivery_of_the_relay_is_counted() {
    let relay = servers::relay();
    counts_everything(&options(relay.address()));
}

#[test]
fn every_delivery_of_the_lunch_server_is_counted() {
    let lunch = servers::lunch();
    counts_everything(&Options {
        protocol: Protocol::Lunch,
        ..options(lunch.address())
    });
}

#[test]
fn every_delivery_of_socket_io_is_counted() {
    let socketioxide = servers::socketioxide();
    counts_everything(&Options {
        protocol: Protocol::SocketIo,
        ..options(socketioxide.address())
    });
}

#[test]
fn a_run_ends_by_time_too() {
    let mut load = connected(options(servers::raw())).unwrap();
    let outcome = load.run(Until::Seconds(0.1), Pace::Window(2)).unwrap();
    assert!(
        outcome.messages > 0 && outcome.seconds >= 0.09,
        "{outcome:?}"
    );
    assert_eq!(outcome.deliveries, outcome.messages * 4);
}

#[test]
fn members_of_a_room_on_two_nodes_are_timed_apart() {
    let raw = servers::raw();
    let mut load = connected(Options {
        to: vec![raw, raw],
        ..options(raw)
    })
    .unwrap();
    let outcome = load.run(Until::Messages(30), Pace::Window(1)).unwrap();
    assert!(outcome.other_node.quantile(0.5) > 0.0, "{outcome:?}");
}

#[test]
fn a_delivery_that_is_missing_fails_the_run() {
    let error = fault(Fault::Missing, 1);
    assert!(error.contains("is missing at 1 of 4 members"), "{error}");
    assert!(error.ends_with("others are ahead of [3]"), "{error}");
    // The next one comes in its place, to that member, or to others if theirs is read first.
    let error = fault(Fault::Missing, 2);
    assert!(error.contains("that one is missing"), "{error}");
}

#[test]
fn a_delivery_too_many_fails_the_run() {
    for window in [1, 4] {
        let error = fault(Fault::Twice, window);
        assert!(error.starts_with("room 0, member 3: received"), "{error}");
    }
}

#[test]
fn deliveries_in_another_order_fail_the_run() {
    let error = fault(Fault::Reordered, 2);
    assert!(error.contains("or they were reordered"), "{error}");
}

#[test]
fn a_message_of_another_room_fails_the_run() {
    let error = fault(Fault::OtherRoom, 1);
    assert!(error.contains("another room's"), "{error}");
}

#[test]
fn a_changed_message_fails_the_run() {
    let error = fault(Fault::Changed, 1);
    assert!(error.contains("no message of this run"), "{error}");
}

#[test]
fn a_closed_connection_fails_the_run() {
    let error = fault(Fault::Closed, 1);
    assert!(
        error.contains("the server closed the connection"),
        "{error}"
    );
}

#[test]
fn a_server_that_stalls_once_shows_in_the_latencies_of_a_fixed_rate() {
    let mut options = options(broken(Fault::Stall));
    options.rooms = 1;
    let mut load = connected(options).unwrap();
    // 200 of 400 messages fall due while the server stalls for 200 ms: a quarter of all
    // waits for more than 100 ms, though only four deliveries saw the stall itself.
    let outcome = load.run(Until::Messages(400), Pace::Rate(1000.0)).unwrap();
    assert!(outcome.latency.quantile(0.9) > 100_000.0, "{outcome:?}");
}

#[test]
fn a_rate_that_cannot_be_kept_fails_the_run() {
    let mut options = options(broken(Fault::Stall));
    options.rooms = 1;
    let mut load = connected(options).unwrap();
    let error = load
        .run(Until::Messages(100_000), Pace::Rate(50_000.0))
        .unwrap_err();
    let error = error.to_string();
    assert!(error.contains("more than the server can do"), "{error}");
}

#[test]
fn slow_readers_hold_up_nobody_and_are_seen_to_be_cut_off() {
    let mut load = connected(Options {
        slow: 1,
        payload: 16 << 10,
        ..options(servers::raw())
    })
    .unwrap();
    let outcome = load.run(Until::Messages(3000), Pace::Window(1)).unwrap();
    assert_eq!(outcome.deliveries, outcome.messages * 3);
    assert_eq!((outcome.slow, outcome.cut_off), (3, 3));
}

#[test]
fn a_refused_handshake_fails() {
    let error = connected(Options {
        protocol: Protocol::SocketIo,
        ..options(servers::raw())
    });
    let error = error.err().expect("the bare limit knows /ws/ alone");
    assert!(
        format!("{error:#}").contains("closed the connection"),
        "{error:#}"
    );
}

#[test]
fn a_run_until_something_is_gone_ends_then() {
    let mut load = connected(options(servers::raw())).unwrap();
    let something = Arc::new(());
    let until = Until::Gone(Arc::downgrade(&something));
    let run = thread::spawn(move || load.run(until, Pace::Rate(1000.0)));
    drop(something);
    let outcome = run.join().unwrap().unwrap();
    assert_eq!(outcome.deliveries, outcome.messages * 4);
}
