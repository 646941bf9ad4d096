//! A TCP proxy that fails on demand.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A TCP proxy on a port of its own, in front of another port of loopback; it ends with the runtime.
#[derive(Debug)]
pub struct FaultyProxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Connections that are still to be closed as soon as they are accepted.
    refuse: AtomicUsize,
    flows: Mutex<Vec<Arc<Flow>>>,
}

/// One connection through it.
#[derive(Debug, Default)]
struct Flow {
    sent: Mutex<Vec<u8>>,
    swallows: AtomicBool,
}

impl FaultyProxy {
    /// In front of this port, for now without faults.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(to: u16) -> FaultyProxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let proxy = FaultyProxy {
            port,
            shared: Arc::clone(&shared),
        };
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let refuse =
                    shared
                        .refuse
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                            left.checked_sub(1)
                        });
                if refuse.is_err() {
                    let flow = Arc::<Flow>::default();
                    shared.flows.lock().unwrap().push(Arc::clone(&flow));
                    tokio::spawn(pass(client, to, flow));
                }
            }
        });
        proxy
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Closes the next connections at once.
    pub fn refuse(&self, count: usize) {
        self.shared.refuse.store(count, Ordering::SeqCst);
    }

    /// Lets the connection over which these bytes went fall silent, in both
    /// directions, without ending it.
    ///
    /// # Panics
    /// If there is none, or if there are several.
    pub fn swallow(&self, bytes: &str) {
        let bytes = bytes.as_bytes();
        let flows = self.shared.flows.lock().unwrap();
        let went = |flow: &&Arc<Flow>| {
            flow.sent
                .lock()
                .unwrap()
                .windows(bytes.len())
                .any(|window| window == bytes)
        };
        let found: Vec<_> = flows.iter().filter(went).collect();
        assert_eq!(found.len(), 1, "one connection to swallow");
        found[0].swallows.store(true, Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, to: u16, flow: Arc<Flow>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let sent = |bytes: &[u8]| flow.sent.lock().unwrap().extend_from_slice(bytes);
    tokio::select! {
        () = copy(from_client, to_server, &flow, sent) => {}
        () = copy(from_server, to_client, &flow, |_| {}) => {}
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, flow: &Flow, see: impl Fn(&[u8])) {
    let mut buffer = vec![0; 65536];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        see(&buffer[..count]);
        let swallows = flow.swallows.load(Ordering::SeqCst);
        if !swallows && to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
