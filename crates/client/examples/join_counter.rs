//! Counts with others, for as long as the room lives.
//!
//! `cargo run -p tablecast --example counter` is the server. Then `cargo run -p tablecast-client
//! --example join_counter`, and each line that is a number is added.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

use serde::{Deserialize, Serialize};
use tablecast_client::protocol::{MemberId, client::Join};
use tablecast_client::{Application, Client, Status};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

struct Counter;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Add(i64),
}

impl Application for Counter {
    type State = i64;
    type Event = Step;
    type Command = Step;
    type News = i64;

    fn apply(count: &mut i64, _by: Option<MemberId>, Step::Add(number): Step) -> Option<i64> {
        *count = count.saturating_add(number);
        Some(*count)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = "ws://127.0.0.1:8000/".parse()?;
    let mut client = Client::new(Counter, address, Join::default())?;
    let mut lines = BufReader::new(stdin()).lines();
    while !matches!(client.session.status(), Status::Ended(_)) {
        tokio::select! {
            () = client.changed() => {}
            line = lines.next_line() => match line?.map(|line| line.trim().parse()) {
                Some(Ok(number)) => client.send(Step::Add(number)),
                Some(Err(_)) => println!("say a number, such as 1 or -1"),
                None => client.close().await,
            },
        }
        for notification in client.session.notifications() {
            println!("{notification:?}");
        }
    }
    Ok(())
}
