//! `/asyncapi.json`: the messages over WebSocket, in both dialects, generated from the
//! types that write and read them. Its examples are the golden frames.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tablecast_protocol::close::ComeBack;
use tablecast_protocol::push::Refused;
use tablecast_protocol::schema::{self, Message};
use tablecast_protocol::{CloseReason, SUBPROTOCOL, code};

use super::schemas::Schemas;
use crate::base_path::BasePath;
use crate::packed::Folder;
use tablecast_lunch::{Command, Event, LINES, Table, Texts};

/// The golden frames, which tests of the server and the clients read.
static FRAMES: Folder = Folder::new(
    "frames",
    include_bytes!(concat!(env!("OUT_DIR"), "/frames.gz")),
);

/// A golden frame; see `docs/protocol.md`.
#[derive(Deserialize)]
struct Frame {
    name: String,
    dialect: String,
    note: String,
    frame: Value,
    /// The answer to a client's frame; frames of the server have none.
    answer: Option<String>,
}

const ABOUT: &str = "\
What is said in a room once its WebSocket is open, in either of two dialects, told apart by the subprotocol. \
[/docs](docs) describes the handshake and how a room is made; [/docs/live](docs/live) is for trying all of this. \
What is guaranteed, and how to come back after a broken connection, is in `docs/protocol.md`. Where WebSocket is \
blocked, the messages of the JSON dialect go by `GET` and `POST /sse/{id}/`, which [/docs](docs) describes.

Why the server closes a connection is in `x-close-codes`, the codes of refusals in `x-error-codes`.";

/// The codes of refusals, and when each is sent.
fn error_codes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = code::ALL.iter().chain(tablecast_lunch::code::ALL);
    all.map(|(code, when)| (code.as_str(), *when))
}

/// One dialect, as a channel.
struct Channel {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    /// The headers that select the dialect.
    headers: Value,
    /// The client's messages, grouped by when they are sent.
    heard: Vec<Operation>,
    said: Operation,
}

/// Messages that are sent on one occasion.
struct Operation {
    name: &'static str,
    summary: &'static str,
    content_type: &'static str,
    messages: Vec<Message>,
    /// The server's messages that answer one of them.
    replies: &'static [&'static str],
}

/// The document of a server under this path. Links are relative to the document's own address.
pub(super) fn document(base: &BasePath) -> Value {
    let mut schemas = Schemas::new(SchemaSettings::draft07);
    let channels = [json_channel(&mut schemas), text_channel(&mut schemas)];
    let frames = frames();
    let (mut messages, mut operations, mut listed) = (Map::new(), Map::new(), Map::new());
    for channel in channels {
        let mut here = Map::new();
        for operation in channel.heard.iter().chain([&channel.said]) {
            for message in &operation.messages {
                let name = &message.name;
                here.insert(
                    name.clone(),
                    reference(&format!("components/messages/{name}")),
                );
                let examples = examples(&frames, channel.name, name);
                let described = json!({
                    "name": name,
                    "summary": message.about,
                    "contentType": operation.content_type,
                    "payload": schemas.finish(message.payload.clone()),
                    "examples": examples,
                });
                messages.insert(name.clone(), described);
            }
        }
        for operation in &channel.heard {
            operations.insert(
                operation.name.to_owned(),
                operation.describe("receive", &channel),
            );
        }
        let said = channel.said.describe("send", &channel);
        operations.insert(channel.said.name.to_owned(), said);
        listed.insert(channel.name.to_owned(), channel.describe(here));
    }
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tablecast",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "this": {
                "host": "{host}",
                "protocol": "ws",
                "description": "The server that you have this document from; `wss` if it was `https`.",
                "variables": { "host": { "default": "127.0.0.1:8000" } },
            },
        },
        "channels": listed,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas.named() },
        "x-close-codes": close_codes(),
        "x-error-codes": error_codes()
            .map(|(code, when)| json!({ "code": code, "when": when }))
            .collect::<Value>(),
    });
    if !base.is_empty() {
        document["servers"]["this"]["pathname"] = json!(base.to_string());
    }
    let codes: Value = error_codes().map(|(code, _)| code).collect();
    for place in [
        "/components/messages/error/payload/properties/error/properties/code",
        "/components/schemas/Refusal/properties/code",
    ] {
        if let Some(code) = document.pointer_mut(place) {
            code["enum"] = codes.clone();
        }
    }
    document
}

fn json_channel(schemas: &mut Schemas) -> Channel {
    let said = |name, summary, messages, replies| Operation {
        name,
        summary,
        content_type: "application/json",
        messages,
        replies,
    };
    Channel {
        name: "json",
        title: "JSON dialect",
        about: "For programs. Every message is a JSON object. The server may add fields to what it says, and refuses those it does not know.",
        headers: json!({
            "type": "object",
            "properties": {
                "Sec-WebSocket-Protocol": { "const": SUBPROTOCOL }
            },
            "required": ["Sec-WebSocket-Protocol"],
        }),
        heard: vec![
            said(
                "enter",
                "The first message, within 5 s",
                schema::first(&mut schemas.read),
                &["hello", "error"],
            ),
            said(
                "command",
                "Any later message; each is answered once",
                schema::later::<Command>(&mut schemas.read),
                &["ack", "error"],
            ),
        ],
        said: said(
            "tell",
            "What members hear",
            schema::pushes::<Table, Event>(&mut schemas.written),
            &[],
        ),
    }
}

fn text_channel(schemas: &mut Schemas) -> Channel {
    let line = Message {
        name: "line".to_owned(),
        about: "A command: `add:ITEM` or `remove:ITEM`.".to_owned(),
        payload: json_schema!({ "type": "string", "pattern": LINES }),
    };
    let menu = Message {
        name: "menu".to_owned(),
        about: "The whole menu in order of adding: on joining, and after each change.".to_owned(),
        payload: Texts::json_schema(&mut schemas.written),
    };
    let refusal = Message {
        name: "refusal".to_owned(),
        about: "A line was refused; its sender alone hears it.".to_owned(),
        payload: Refused::json_schema(&mut schemas.written),
    };
    Channel {
        name: "text",
        title: "Text dialect",
        about: "For people with `websocat`. A command is a line; the seat is free as soon as the connection is gone.",
        headers: json!({
            "type": "object",
            "properties": { "Sec-WebSocket-Protocol": false },
        }),
        heard: vec![Operation {
            name: "type",
            summary: "A line typed by hand",
            content_type: "text/plain",
            messages: vec![line],
            replies: &["menu", "refusal"],
        }],
        said: Operation {
            name: "show",
            summary: "What somebody who types sees",
            content_type: "application/json",
            messages: vec![menu, refusal],
            replies: &[],
        },
    }
}

impl Channel {
    fn describe(&self, messages: Map<String, Value>) -> Value {
        json!({
            "address": "/ws/{id}/",
            "title": self.title,
            "description": self.about,
            "servers": [reference("servers/this")],
            "parameters": {
                "id": { "description": "The room's id, as the answer to `POST /session/` has it." },
            },
            "messages": messages,
            "bindings": { "ws": {
                "method": "GET",
                "headers": self.headers,
                "bindingVersion": "0.1.0",
            } },
        })
    }
}

impl Operation {
    fn describe(&self, action: &str, channel: &Channel) -> Value {
        let place = format!("channels/{}", channel.name);
        let listed = |names: &mut dyn Iterator<Item = &str>| -> Vec<Value> {
            names
                .map(|name| reference(&format!("{place}/messages/{name}")))
                .collect()
        };
        let mut names = self.messages.iter().map(|message| &*message.name);
        let mut described = json!({
            "action": action,
            "channel": reference(&place),
            "summary": self.summary,
            "messages": listed(&mut names),
        });
        if !self.replies.is_empty() {
            described["reply"] = json!({
                "channel": reference(&place),
                "messages": listed(&mut self.replies.iter().copied()),
            });
        }
        described
    }
}

fn reference(place: &str) -> Value {
    json!({ "$ref": format!("#/{place}") })
}

fn frames() -> Vec<Frame> {
    let files = FRAMES.files();
    // A test reads all of them.
    files
        .values()
        .filter_map(|file| serde_json::from_slice(file).ok())
        .collect()
}

/// The golden frames with this message name that are not refused.
fn examples(frames: &[Frame], dialect: &str, message: &str) -> Vec<Value> {
    let ours = frames.iter().filter(|frame| frame.dialect == dialect);
    let examples = ours.filter_map(|frame| {
        let (kind, payload) = match frame.dialect.as_str() {
            "json" => {
                let keys = frame.frame.as_object()?.keys();
                let mut keys = keys.filter(|key| *key != "id");
                (keys.next()?.clone(), frame.frame.clone())
            }
            // The server's messages in the text dialect are JSON, too.
            _ if frame.answer.is_none() => {
                let payload: Value = serde_json::from_str(frame.frame.as_str()?).ok()?;
                let kind = if payload.is_array() {
                    "menu"
                } else {
                    "refusal"
                };
                (kind.to_owned(), payload)
            }
            _ => ("line".to_owned(), frame.frame.clone()),
        };
        let accepted = ["hello", "ack", "menu"];
        let is_accepted = frame
            .answer
            .as_deref()
            .is_none_or(|answer| accepted.contains(&answer));
        (kind == message && is_accepted)
            .then(|| json!({ "name": frame.name, "summary": frame.note, "payload": payload }))
    });
    examples.collect()
}

/// The table of `close.rs`.
fn close_codes() -> Vec<Value> {
    let rows = CloseReason::ALL.iter().map(|reason| {
        let come_back = match reason.come_back() {
            ComeBack::Never => "no",
            ComeBack::Soon => "soon",
            ComeBack::Later => "later",
        };
        json!({
            "code": reason.code(),
            "text": reason.text(),
            "when": reason.when(),
            "comeBack": come_back,
        })
    });
    rows.collect()
}
