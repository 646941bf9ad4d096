// Recorded in the console of Tablecast. Needs serde_json, tokio (features macros, net, rt, io-util), and
// tablecast-testing. TABLECAST_ADDRESS names another server, as 127.0.0.1:8000.
use std::net::SocketAddr;

use serde_json::{Value, json};
use tablecast_testing::client::{BINARY, Client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn recorded(server: SocketAddr) -> Result<(), Box<dyn std::error::Error>> {
    let room = make_room(server).await?;
    let mut a = Member::connect(server, &room, true).await?;
    a.client.send_text(r#"{"join":{"name":"Mina"}}"#).await?;
    a.hears(like(json!({"hello": {"name": "Mina", "resumed": false}}))).await?;
    let mut b = Member::connect(server, &room, false).await?;
    a.hears(like(json!({"event": {"joined": {}}}))).await?;
    b.hears(like(json!([]))).await?;
    a.client.send_text(r#"{"id":1,"add":{"item":"김치찌개"}}"#).await?;
    a.hears(like(json!({"ack": {"id": 1}}))).await?;
    a.hears(like(json!({"event": {"change": {"added": {"item": "김치찌개", "name": "Mina"}}}}))).await?;
    b.hears(like(json!(["김치찌개"]))).await?;
    b.client.send_text("add:it's \u{22}5\u{5c}6\u{22}\u{202e}").await?;
    b.hears(like(json!({"error": {"code": "bad_item"}}))).await?;
    b.client.send_text(r##"add:r"#"##).await?;
    b.hears(like(json!(["김치찌개", r##"r"#"##]))).await?;
    b.client.send_text("nonsense").await?;
    b.hears(like(json!({"error": {"code": "bad_command"}}))).await?;
    a.hears(like(json!({"event": {"change": {"added": {"item": r##"r"#"##}}}}))).await?;
    a.client.send_close(3000).await?;
    a.client.ended().await?;
    b.client.send_text("remove:김치찌개").await?;
    b.hears(like(json!([r##"r"#"##]))).await?;
    let mut a2 = Member::connect(server, &room, true).await?;
    a2.client.send_text(&[r#"{"resume":{"seat":""#, &a.seat, r#"","epoch":""#, &a.epoch, r#"","seq":"#, &a.seq, "}}"].concat()).await?;
    a2.hears(like(json!({"hello": {"name": "Mina", "resumed": true}}))).await?;
    a2.hears(like(json!({"event": {"change": {"removed": {}}}}))).await?;
    a2.hears(like(json!({"event": {"back": {}}}))).await?;
    a2.client.send_text(r#"{"id":1,"add":{"item":"pizza"}}"#).await?;
    a2.hears(like(json!({"error": {"id": 1, "code": "conflict"}}))).await?;
    a2.client.send_frame(BINARY, &[0x01, 0x02]).await?;
    assert_eq!(a2.client.closed().await?, 1003);
    b.client.send_close(1000).await?;
    b.client.ended().await?;
    Ok(())
}

struct Member {
    client: Client,
    heard: Vec<Value>,
    seat: String,
    epoch: String,
    seq: String,
}

impl Member {
    async fn connect(server: SocketAddr, room: &str, json: bool) -> Result<Self, Box<dyn std::error::Error>> {
        let client = match json {
            true => Client::connect_json(server, room).await?,
            false => Client::connect(server, room).await?,
        };
        let unknown = String::new;
        Ok(Member { client, heard: Vec::new(), seat: unknown(), epoch: unknown(), seq: unknown() })
    }

    /// The first matching message that was not taken yet.
    async fn hears(&mut self, is: impl Fn(&Value) -> bool) -> Result<Value, Box<dyn std::error::Error>> {
        loop {
            if let Some(at) = self.heard.iter().position(&is) {
                return Ok(self.heard.remove(at));
            }
            let message = self.client.next_json().await?;
            for push in ["hello", "snapshot", "event"] {
                for (key, known) in [("seat", &mut self.seat), ("epoch", &mut self.epoch), ("seq", &mut self.seq)] {
                    match &message[push][key] {
                        Value::Null => {}
                        Value::String(text) => known.clone_from(text),
                        value => *known = value.to_string(),
                    }
                }
            }
            self.heard.push(message);
        }
    }
}

/// Whether a message has all expected fields.
fn like(wanted: Value) -> impl Fn(&Value) -> bool {
    fn has(message: &Value, part: &Value) -> bool {
        match part {
            Value::Object(part) => part.iter().all(|(key, part)| message.get(key).is_some_and(|inner| has(inner, part))),
            part => message == part,
        }
    }
    move |message| has(message, &wanted)
}

/// The path of a new room's socket.
async fn make_room(server: SocketAddr) -> Result<String, Box<dyn std::error::Error>> {
    let mut stream = TcpStream::connect(server).await?;
    let request = format!("POST /session/ HTTP/1.1\r\nHost: {server}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let made: Value = serde_json::from_str(body)?;
    Ok(made["url"].as_str().ok_or(answer)?.to_owned())
}
