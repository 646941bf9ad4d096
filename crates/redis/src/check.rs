//! Whether a server takes changes: tried, since nothing else tells. A server may
//! answer every probe and refuse every change.

use std::time::Duration;

use redis::Value;
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::link::{DEADLINE, Live, Loss, Trouble};
use crate::node::Node;
use crate::refusal::{Refusal, code_of};
use crate::scripts::{CHECK, Call};

/// How often a change is tried.
const EVERY: Duration = Duration::from_secs(2);

/// The same, when the last one told nothing, since its slot is elsewhere.
const SOON: Duration = Duration::from_millis(100);

/// Names that are looked at for one in the server's slots. A server with a single slot
/// of the 16,384 has one among them, but for one case in 400.
const NAMES: u32 = 100_000;

/// What became of a change.
enum Outcome {
    Passed,
    Refused(Refusal),
    /// This tells nothing: the slot is elsewhere, or somebody has a key of this name.
    Nothing,
}

/// Tries changes for as long as the connection is of use: now and then, and at once
/// when one of somebody else was refused.
pub(crate) async fn keep(client: &Client, node: &Node, live: &Live) -> Loss {
    let mut number = 0;
    loop {
        let mut pause = EVERY;
        match attempt(client, node, live, &mut number).await {
            Ok(Outcome::Passed) => node.passed(),
            Ok(Outcome::Refused(refusal)) => {
                client.refresh_topology();
                node.refused(refusal);
            }
            Ok(Outcome::Nothing) => {
                number += 1;
                pause = SOON;
            }
            Err(loss) => return loss,
        }
        client.assess();
        tokio::select! {
            () = sleep(pause) => {}
            () = node.doubted() => {}
        }
    }
}

async fn attempt(
    client: &Client,
    node: &Node,
    live: &Live,
    number: &mut u32,
) -> Result<Outcome, Loss> {
    let Some((found, keys)) = own_keys(client, node, *number) else {
        client.refresh_topology();
        *number = 0;
        return Ok(Outcome::Nothing);
    };
    *number = found;
    let call = Call {
        script: &CHECK,
        keys: &[&keys[0], &keys[1]],
        args: &[],
    };
    let error = match timeout(DEADLINE, live.call(&call)).await {
        Ok(Ok(Value::Int(0))) => return Ok(Outcome::Nothing),
        Ok(Ok(_)) => return Ok(Outcome::Passed),
        Ok(Err(error)) => error,
        // As while a failover is prepared: reads are answered, changes wait.
        Err(_) => return Err(Loss::Sick("no answer to a change within 1 s".into())),
    };
    match code_of(&error).as_deref() {
        Some("MOVED" | "ASK" | "TRYAGAIN") => {
            client.refresh_topology();
            Ok(Outcome::Nothing)
        }
        Some("READONLY") => Err(Loss::Sick(Trouble::Refusing(Refusal::of(&error)))),
        Some(_) => Ok(Outcome::Refused(Refusal::of(&error))),
        // The connection is at its end, which its probe will find.
        None => Ok(Outcome::Nothing),
    }
}

/// The next keys in one of the server's slots, from this number on.
fn own_keys(client: &Client, node: &Node, from: u32) -> Option<(u32, [String; 2])> {
    let topology = client.topology.borrow().clone();
    (from..from.saturating_add(NAMES)).find_map(|number| {
        let (keys, slot) = client.keys.check(number);
        let owner = topology.owner(slot)?;
        std::ptr::eq(&raw const **owner, node).then_some((number, keys))
    })
}
