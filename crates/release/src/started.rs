//! A server in a root folder of its own. It may write only to the folder of its rooms.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use xtask::invocation::{Invocation, Running};

/// Where it keeps its rooms.
pub(crate) const ROOMS: &str = "/var/lib/tablecast";

/// Its user and group, which need no entry in `/etc/passwd`.
pub(crate) const USER: &str = "65532:65532";

/// How long it may take to be healthy.
const PATIENCE: Duration = Duration::from_secs(30);

/// In a mount namespace of its own, which ends with it, and with the mounts that every container has. `exec` replaces
/// the shell by the server, so a signal goes to the server.
const ENTER: &str = "mkdir -p \"$0/proc\" && mount --bind \"$0\" \"$0\" && mount -t proc proc \"$0/proc\" \
                     && mount -t tmpfs -o mode=700,uid=65532,gid=65532 tmpfs \"$0/var/lib/tablecast\" \
                     && mount -o remount,ro,bind \"$0\" \
                     && exec chroot --userspec=65532:65532 \"$0\" \"$@\"";

/// Starts it, waits until it says that it is healthy, makes a room, looks at it, and ends it.
///
/// # Errors
/// One of these did not work.
pub(crate) fn serves(
    root: &Path,
    environment: &[String],
    serve: &[String],
    health: &[String],
) -> Result<()> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let with_environment = |program: &str| {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let variables = environment.iter().filter_map(|line| line.split_once('='));
        command.envs(variables);
        command.env("TABLECAST_LISTEN", address.to_string());
        command
    };
    let mut server = with_environment("unshare");
    server.args(["--mount", "sh", "-c", ENTER]);
    server.arg(root).args(serve);
    println!("$ {}", serve.join(" "));
    let server = server.spawn().context("cannot start `unshare`")?;
    let mut server = Running(server);
    let mut healthy = with_environment("chroot");
    healthy.arg(format!("--userspec={USER}")).arg(root);
    healthy.args(health);
    let began = Instant::now();
    while !healthy.output()?.status.success() {
        if let Some(status) = server.0.try_wait()? {
            bail!("it ended by itself ({status})");
        }
        if began.elapsed() > PATIENCE {
            let said = healthy.output()?;
            bail!("it is not healthy: {said:?}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("$ {}\nok", health.join(" "));
    let made = ask(address, "POST /session/")?;
    let page = made.split_once("\"page\":\"");
    let page = page.and_then(|(_, rest)| rest.split_once('"'));
    let (page, _) = page.with_context(|| format!("no room was made: {made}"))?;
    let shown = ask(address, &format!("GET {page}"))?;
    if !shown.starts_with("HTTP/1.1 200 ") {
        bail!("the room is not shown: {shown}");
    }
    println!("it has made the room {page}, and shows it");
    // As a service manager ends it.
    let pid = server.0.id().to_string();
    Invocation::new("kill -TERM").with([&*pid]).run()?;
    let status = server.0.wait()?;
    if !status.success() {
        bail!("SIGTERM ended it with {status}");
    }
    Ok(())
}

/// What a server answers, head and body.
fn ask(server: SocketAddr, what: &str) -> Result<String> {
    let mut socket = TcpStream::connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "{what} HTTP/1.1\r\nHost: {server}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
