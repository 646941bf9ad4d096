//! The handshake of a test client.

use std::net::SocketAddr;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;

use super::socket::{Client, ClientError, Io};
use crate::wait::DEADLINE;
use tablecast_protocol::SUBPROTOCOL;

/// A handshake to be made.
#[derive(Debug, Clone)]
pub struct Connect {
    address: SocketAddr,
    path: String,
    headers: Vec<(String, String)>,
    receive_buffer: Option<u32>,
    early: Vec<u8>,
}

impl Connect {
    /// To this address and path, without a subprotocol.
    pub fn to(address: SocketAddr, path: &str) -> Self {
        Connect {
            address,
            path: path.to_owned(),
            headers: Vec::new(),
            receive_buffer: None,
            early: Vec::new(),
        }
    }

    /// Asks for this subprotocol; the server must then choose it.
    pub fn protocol(self, protocol: &str) -> Self {
        self.header("Sec-WebSocket-Protocol", protocol)
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Asks the kernel for a receive buffer of this many bytes, so that a client
    /// that does not read fills the server's side soon.
    pub fn receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Sends these bytes in one write with the request, before the answer.
    pub fn early(mut self, bytes: &[u8]) -> Self {
        self.early.extend_from_slice(bytes);
        self
    }

    /// Makes the handshake.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if the server says no, others if it says nonsense
    /// or nothing.
    pub async fn open(self) -> Result<Client, ClientError> {
        let opening = self.open_without_deadline();
        match tokio::time::timeout(DEADLINE, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(ClientError::Late(DEADLINE, "the handshake")),
        }
    }

    async fn open_without_deadline(self) -> Result<Client, ClientError> {
        let socket = match self.address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let mut stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        let key = generate_key();
        let mut request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n",
            self.path, self.address
        );
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(&self.early);
        stream.write_all(&bytes).await?;

        let mut input = BytesMut::new();
        let head = read_head(&mut stream, &mut input).await?;
        let (first, head) = head.split_once("\r\n").unwrap_or((head.as_str(), ""));
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status: u16 = status.ok_or_else(|| ClientError::Handshake(first.to_owned()))?;
        if status != 101 {
            let length = field(head, "content-length").and_then(|length| length.parse().ok());
            let body = read_body(&mut stream, &mut input, length).await?;
            let head = head.to_owned();
            return Err(ClientError::Refused { status, head, body });
        }
        let asked = |(name, _): &&(String, String)| name == "Sec-WebSocket-Protocol";
        let asked = self.headers.iter().find(asked);
        let chosen = field(head, "sec-websocket-protocol");
        let offered = |chosen: &str| {
            asked.is_some_and(|(_, all)| all.split(',').any(|one| one.trim() == chosen))
        };
        let right = field(head, "sec-websocket-accept") == Some(&derive_accept_key(key.as_bytes()))
            && field(head, "upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
            && field(head, "connection").is_some_and(|to| to.eq_ignore_ascii_case("upgrade"))
            && chosen.is_some() == asked.is_some()
            && chosen.is_none_or(offered);
        if !right {
            return Err(ClientError::Handshake(head.to_owned()));
        }
        Ok(Client::new(Io::Tcp(stream), input))
    }
}

impl Client {
    /// Connects without a subprotocol.
    ///
    /// # Errors
    /// See [`Connect::open`].
    pub async fn connect(address: SocketAddr, path: &str) -> Result<Client, ClientError> {
        Connect::to(address, path).open().await
    }

    /// Connects with the subprotocol `tablecast.v1`.
    ///
    /// # Errors
    /// See [`Connect::open`].
    pub async fn connect_json(address: SocketAddr, path: &str) -> Result<Client, ClientError> {
        let connect = Connect::to(address, path).protocol(SUBPROTOCOL);
        connect.open().await
    }
}

async fn read_head(stream: &mut TcpStream, input: &mut BytesMut) -> Result<String, ClientError> {
    loop {
        if let Some(at) = input.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = input.split_to(at + 4);
            return Ok(String::from_utf8_lossy(&head).into_owned());
        }
        if stream.read_buf(input).await? == 0 {
            let so_far = String::from_utf8_lossy(input).into_owned();
            return Err(ClientError::Handshake(format!("cut off after {so_far:?}")));
        }
    }
}

async fn read_body(
    stream: &mut TcpStream,
    input: &mut BytesMut,
    length: Option<usize>,
) -> Result<String, ClientError> {
    while length.is_none_or(|length| input.len() < length) {
        if stream.read_buf(input).await? == 0 {
            break;
        }
    }
    Ok(String::from_utf8_lossy(input).into_owned())
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut values = fields.filter(|(found, _)| found.eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| value.trim())
}
