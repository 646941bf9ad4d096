// A story as a Rust test with the library's own test client.

/** @param {string} text as a raw string, whatever is in it */
function raw(text) {
  // Raw strings cannot contain a lone CR, and compilers warn about characters that reverse text.
  if (/[\r\u202a-\u202e\u2066-\u2069\0]/.test(text)) {
    return `"${[...text].map((char) => (/["\\\r\n\u202a-\u202e\u2066-\u2069\0]/.test(char) ? `\\u{${char.codePointAt(0)?.toString(16)}}` : char)).join('')}"`;
  }
  if (!/["\\]/.test(text)) return `"${text}"`;
  const longest = Math.max(0, ...[...text.matchAll(/"(#*)/g)].map(([, hashes = '']) => hashes.length + 1));
  const hashes = '#'.repeat(longest);
  return `r${hashes}"${text}"${hashes}`;
}

/**
 * A value for `json!`, with Rust string literals, whose escapes differ from those of JSON.
 * @param {any} value @returns {string}
 */
function json(value) {
  if (typeof value === 'string') return raw(value);
  if (Array.isArray(value)) return `[${value.map(json).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, inner]) => `${raw(key)}: ${json(inner)}`).join(', ')}}`;
}

/** @param {import('./story.js').Line} line */
function said(line) {
  if (line.length <= 1) return raw(typeof line[0] === 'string' ? line[0] : '');
  const parts = line.map((part) => (typeof part === 'string' ? raw(part) : `&${part.of}.${part.what}`));
  return `&[${parts.join(', ')}].concat()`;
}

/** @param {import('./story.js').Step} step */
function statement(step) {
  const { who } = step;
  switch (step.does) {
    case 'open':
      return `let mut ${who} = Member::connect(server, &room, ${step.json}).await?;`;
    case 'say':
      return `${who}.client.send_text(${said(step.line)}).await?;`;
    case 'sayBinary':
      return `${who}.client.send_frame(BINARY, &[${(step.hex.match(/../g) ?? []).map((byte) => `0x${byte}`).join(', ')}]).await?;`;
    case 'hear':
      return `${who}.hears(${step.list ? 'Value::is_array' : `like(json!(${json(step.like)}))`}).await?;`;
    case 'close':
      return `${who}.client.send_close(${step.code}).await?;\n    ${who}.client.ended().await?;`;
    case 'closed':
      return `assert_eq!(${who}.client.closed().await?, ${step.code});`;
  }
}

/**
 * @param {import('./story.js').Story} story @param {string} server its origin
 * @returns {string}
 */
export function asRust({ steps, notes }, server) {
  const { hostname, port } = new URL(server);
  const address = `${/^[\d.]+$|:/.test(hostname) ? hostname : '127.0.0.1'}:${port || 80}`;
  return `${storyAsRust({ steps, notes })}
#[tokio::test]
async fn recorded_in_the_console() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::var("TABLECAST_ADDRESS").unwrap_or_else(|_| "${address}".to_owned());
    recorded(server.parse()?).await
}
`;
}

/**
 * Everything except the test itself, which names the server.
 * @param {import('./story.js').Story} story
 */
export function storyAsRust({ steps, notes }) {
  const body = steps.map((step) => `    ${statement(step)}`).join('\n');
  const uses = ['Client', ...(steps.some(({ does }) => does === 'sayBinary') ? ['BINARY'] : [])].sort();
  return `// Recorded in the console of Tablecast. Needs serde_json, tokio (features macros, net, rt, io-util), and
// tablecast-testing. TABLECAST_ADDRESS names another server, as 127.0.0.1:8000.
${notes.map((note) => `// ${note}\n`).join('')}use std::net::SocketAddr;

use serde_json::{Value, json};
use tablecast_testing::client::${uses.length === 1 ? uses[0] : `{${uses.join(', ')}}`};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn recorded(server: SocketAddr) -> Result<(), Box<dyn std::error::Error>> {
    let room = make_room(server).await?;
${body}
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
    let request = format!("POST /session/ HTTP/1.1\\r\\nHost: {server}\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (_, body) = answer.split_once("\\r\\n\\r\\n").ok_or("no answer")?;
    let made: Value = serde_json::from_str(body)?;
    Ok(made["url"].as_str().ok_or(answer)?.to_owned())
}
`;
}
