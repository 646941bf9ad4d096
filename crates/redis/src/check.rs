//! Checks whether a server takes changes by trying one, because nothing else shows it: a
//! server may answer every probe and still refuse every change.

use std::time::Duration;

use parking_lot::Mutex;
use redis::Value;
use tablecast_core::backend::Health;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::connection::{Live, Loss, late};
use crate::context::Context;
use crate::refusal::{Trouble, code_of};
use crate::scripts::{CHECK, Call};

/// How often a change is tried.
const EVERY: Duration = Duration::from_secs(2);

/// How soon the next one is tried if the last one showed nothing, because its slot is on
/// another server.
const SOON: Duration = Duration::from_millis(100);

/// How many names are tried to find one in the server's slots. Even if a server has only
/// one of the 16,384 slots, this fails in only one of 400 cases.
const NAMES: u32 = 100_000;

/// Whether changes pass, while commands work.
enum Standing {
    /// The connection is new, and no change was tried yet.
    Untried,
    /// Changes pass.
    Taking,
    /// Changes are refused. Since then this many tries have passed in a row.
    Refusing(Trouble, u8),
}

/// After a refusal this many changes in a row must pass before the server counts as up: a
/// server whose memory is just full sometimes takes one.
const PASSES: u8 = 2;

/// Whether one server takes changes, as far as is known.
pub(crate) struct Changes {
    /// The server, for the log.
    server: String,
    standing: Mutex<Standing>,
    doubted: Notify,
}

impl Changes {
    pub(crate) fn new(server: String) -> Changes {
        Changes {
            server,
            standing: Mutex::new(Standing::Untried),
            doubted: Notify::new(),
        }
    }

    /// There is a new connection: it is not known yet whether changes pass.
    pub(crate) fn begin(&self) {
        let mut standing = self.standing.lock();
        if matches!(&*standing, Standing::Taking) {
            *standing = Standing::Untried;
        }
    }

    /// A room's change was refused, so a change is tried at once to see whether all are
    /// refused. Returns true if that is known already.
    pub(crate) fn doubt(&self) -> bool {
        let mut standing = self.standing.lock();
        match &mut *standing {
            Standing::Untried | Standing::Taking => {
                self.doubted.notify_one();
                false
            }
            Standing::Refusing(_, passes) => {
                *passes = 0;
                true
            }
        }
    }

    /// The resulting health of the server. `None`: not known yet.
    pub(crate) fn health(&self) -> Option<Health> {
        match &*self.standing.lock() {
            Standing::Untried => None,
            Standing::Taking => Some(Health::Up),
            Standing::Refusing(refusal, _) => Some(refusal.health()),
        }
    }

    fn passed(&self) {
        let mut standing = self.standing.lock();
        match &mut *standing {
            Standing::Taking => return,
            Standing::Untried => {}
            Standing::Refusing(_, passes) => {
                *passes += 1;
                if *passes < PASSES {
                    return;
                }
                tracing::info!(server = %self.server, "redis takes changes again");
            }
        }
        *standing = Standing::Taking;
    }

    fn refused(&self, refusal: Trouble) {
        let mut standing = self.standing.lock();
        // Redis' words may differ for the same reason.
        let is_known =
            matches!(&*standing, Standing::Refusing(known, _) if known.error() == refusal.error());
        if !is_known {
            tracing::warn!(server = %self.server, reason = %refusal, "redis takes no changes");
        }
        *standing = Standing::Refusing(refusal, 0);
    }
}

/// The outcome of a change.
enum Outcome {
    Passed,
    Refused(Trouble),
    /// This shows nothing: the slot is elsewhere, or another program has a key of this name.
    Nothing,
}

/// Tries changes as long as the connection works: regularly, and at once when a room's
/// change was refused. `owns` says which slots the server has.
pub(crate) async fn keep(
    context: &Context,
    changes: &Changes,
    owns: impl Fn(u16) -> bool,
    live: &Live,
) -> Loss {
    let mut number = 0;
    loop {
        let mut pause = EVERY;
        match attempt(context, &owns, live, &mut number).await {
            Ok(Outcome::Passed) => changes.passed(),
            Ok(Outcome::Refused(refusal)) => {
                context.refresh.notify_one();
                changes.refused(refusal);
            }
            Ok(Outcome::Nothing) => {
                number += 1;
                pause = SOON;
            }
            Err(loss) => return loss,
        }
        context.health.send_replace(());
        tokio::select! {
            () = sleep(pause) => {}
            () = changes.doubted.notified() => {}
        }
    }
}

async fn attempt(
    context: &Context,
    owns: impl Fn(u16) -> bool,
    live: &Live,
    number: &mut u32,
) -> Result<Outcome, Loss> {
    // The next keys in one of the server's slots.
    let own_keys = (*number..number.saturating_add(NAMES)).find_map(|number| {
        let (keys, slot) = context.keys.check(number);
        owns(slot).then_some((number, keys))
    });
    let Some((found, keys)) = own_keys else {
        context.refresh.notify_one();
        *number = 0;
        return Ok(Outcome::Nothing);
    };
    *number = found;
    let call = Call {
        script: &CHECK,
        keys: &[&keys[0], &keys[1]],
        args: &[],
    };
    let error = match timeout(context.timeout, live.call(&call)).await {
        Ok(Ok(Value::Int(0))) => return Ok(Outcome::Nothing),
        Ok(Ok(_)) => return Ok(Outcome::Passed),
        Ok(Err(error)) => error,
        // While Redis prepares a failover, it answers reads but delays changes.
        Err(_) => {
            return Err(Loss::Sick(Trouble::Away(late(
                "no answer to a change",
                context.timeout,
            ))));
        }
    };
    match code_of(&error).as_deref() {
        Some("MOVED" | "ASK" | "TRYAGAIN") => {
            context.refresh.notify_one();
            Ok(Outcome::Nothing)
        }
        Some("READONLY") => Err(Loss::Sick(Trouble::refusal(&error))),
        Some(_) => Ok(Outcome::Refused(Trouble::refusal(&error))),
        // The connection has ended; its probe will notice.
        None => Ok(Outcome::Nothing),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use futures_util::FutureExt;
    use redis::IntoConnectionInfo;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::RedisConfig;

    fn oom() -> Trouble {
        Trouble::Refusing {
            why: "its memory is full",
            words: "OOM".into(),
        }
    }

    #[test]
    fn two_passes_in_a_row_after_a_refusal_make_a_server_one_that_takes_changes() {
        let changes = Changes::new("a server".into());
        assert_eq!(changes.health(), None);
        changes.passed();
        assert_eq!(changes.health(), Some(Health::Up), "none was refused");
        let refusing = Some(oom().health());
        changes.refused(oom());
        changes.passed();
        assert_eq!(changes.health(), refusing, "one pass is not enough");
        changes.refused(oom());
        changes.passed();
        assert_eq!(changes.health(), refusing, "they were not in a row");
        // A room's change was refused in between.
        assert!(changes.doubt());
        changes.passed();
        assert_eq!(changes.health(), refusing, "nor were these");
        // A new connection shows nothing.
        changes.begin();
        assert_eq!(changes.health(), refusing);
        changes.passed();
        assert_eq!(changes.health(), Some(Health::Up));
        changes.begin();
        assert_eq!(changes.health(), None);
    }

    /// A server that answers each script with this line.
    async fn server(answer: &'static str) -> Live {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/?protocol=resp3", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let (from, mut to) = client.split();
            let mut from = BufReader::new(from);
            while let Some(command) = command(&mut from).await {
                let report = "run_id:a\r\nrole:master\r\n";
                let answer = match command.as_str() {
                    "EVALSHA" => format!("{answer}\r\n"),
                    "INFO" => format!("${}\r\n{report}\r\n", report.len()),
                    _ => "+OK\r\n".to_owned(),
                };
                to.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let info = url.into_connection_info().unwrap();
        let dialled = Live::dial(&info, Duration::from_secs(30)).await;
        let (live, _) = dialled.unwrap_or_else(|trouble| panic!("{trouble}"));
        live
    }

    /// The name of the next command.
    async fn command(from: &mut BufReader<tokio::net::tcp::ReadHalf<'_>>) -> Option<String> {
        let number = async |from: &mut BufReader<_>| {
            let mut line = String::new();
            from.read_line(&mut line).await.ok()?;
            line.get(1..)?.trim().parse::<usize>().ok()
        };
        let mut words = Vec::new();
        for _ in 0..number(from).await? {
            let mut word = vec![0; number(from).await? + 2];
            from.read_exact(&mut word).await.ok()?;
            words.push(String::from_utf8_lossy(&word).trim().to_owned());
        }
        words.into_iter().next()
    }

    #[tokio::test]
    async fn a_slot_that_is_elsewhere_shows_nothing_and_has_the_slots_asked_for_again() {
        for (answer, asks_again) in [
            ("-MOVED 1 127.0.0.1:1", true),
            ("-ASK 1 127.0.0.1:1", true),
            (
                "-TRYAGAIN Multiple keys request during rehashing of slot",
                true,
            ),
            (":0", false),
        ] {
            let context = Context::new(&RedisConfig::default(), true);
            let live = server(answer).await;
            let outcome = attempt(&context, |_| true, &live, &mut 0).await;
            assert!(matches!(outcome, Ok(Outcome::Nothing)), "{answer}");
            let asked = context.refresh.notified().now_or_never();
            assert_eq!(asked.is_some(), asks_again, "{answer}");
        }
        let context = Context::new(&RedisConfig::default(), true);
        for (answer, passes) in [(":1", true), ("-OOM full", false)] {
            let live = server(answer).await;
            match attempt(&context, |_| true, &live, &mut 0).await {
                Ok(Outcome::Passed) => assert!(passes, "{answer}"),
                Ok(Outcome::Refused(_)) => assert!(!passes, "{answer}"),
                _ => panic!("{answer}"),
            }
        }
        let live = server(":1").await;
        let outcome = attempt(&context, |_| false, &live, &mut 0).await;
        assert!(matches!(outcome, Ok(Outcome::Nothing)), "it has no slot");
        assert!(context.refresh.notified().now_or_never().is_some());
    }
}
