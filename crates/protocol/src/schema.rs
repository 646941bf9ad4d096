//! What may be said in `tablecast.v1`, message by message, as JSON Schemas that
//! follow from the types which read and write it.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::MAX_SAFE_INTEGER;
use crate::client::{First, Rename};
use crate::push::Push;

/// One kind of message: an object with the key `name`.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The key that tells it from others: `join`, `add`, `hello`…
    pub name: String,
    /// What it is for; empty if the type says nothing.
    pub about: String,
    /// The schema of the whole message.
    pub payload: Schema,
}

/// What a client says to any room.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "read by name, see `said`")]
enum Own {
    /// Takes another name.
    Rename(Rename),
}

/// The first messages of a client. The generator is one for what is read.
pub fn first(generator: &mut SchemaGenerator) -> Vec<Message> {
    let ignored = json_schema!({
        "type": "integer",
        "minimum": 0,
        "description": "Allowed, and ignored."
    });
    let variants = variants(generator, First::json_schema);
    let said = |variant| with_id(variant, &ignored, false);
    variants.into_iter().map(said).collect()
}

/// The later messages of a client, where an application reads commands as `C`. The
/// generator is one for what is read.
pub fn later<C: JsonSchema>(generator: &mut SchemaGenerator) -> Vec<Message> {
    let number = json_schema!({
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_SAFE_INTEGER,
        "description": "The command's number: higher than all before it from this seat, or that of a command that is sent again."
    });
    let own = variants(generator, Own::json_schema);
    let commands = variants(generator, C::json_schema).into_iter().chain(own);
    commands
        .map(|variant| with_id(without_content(variant, generator), &number, true))
        .collect()
}

/// The same command, whose content may be null if it needs none.
fn without_content(mut message: Message, generator: &SchemaGenerator) -> Message {
    let properties = message.payload.get_mut("properties");
    let Some(content) = properties.and_then(|all| all.get_mut(&message.name)) else {
        return message;
    };
    let name = content["$ref"]
        .as_str()
        .and_then(|to| to.rsplit('/').next());
    let named = name.and_then(|name| generator.definitions().get(name));
    let whole = named.unwrap_or(content);
    if whole["type"] == "object" && whole.get("required").is_none() {
        *content = json!({ "anyOf": [content, { "type": "null" }] });
    }
    message
}

/// All that the server says, where an application shows its state as `S` and its
/// events as `E`. The generator is one for what is written.
pub fn pushes<S: JsonSchema, E: JsonSchema + 'static>(
    generator: &mut SchemaGenerator,
) -> Vec<Message> {
    variants(generator, Push::<'static, S, E>::json_schema)
}

/// The variants of an enum that serde tags externally: objects of one key each.
fn variants(
    generator: &mut SchemaGenerator,
    schema: fn(&mut SchemaGenerator) -> Schema,
) -> Vec<Message> {
    let schema = schema(generator).to_value();
    let variants = schema.get("oneOf").and_then(Value::as_array);
    // A single variant stands alone.
    let variants = variants.map_or(std::slice::from_ref(&schema), Vec::as_slice);
    let messages = variants.iter().filter_map(|variant| {
        let name = variant.get("required")?.get(0)?.as_str()?;
        let mut payload = Schema::try_from(variant.clone()).ok()?;
        let about = payload.remove("description");
        Some(Message {
            name: name.to_owned(),
            about: about
                .as_ref()
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            payload,
        })
    });
    messages.collect()
}

/// The same message with a number beside its key.
fn with_id(mut message: Message, id: &Schema, is_required: bool) -> Message {
    let payload = message.payload.ensure_object();
    if let Some(Value::Object(properties)) = payload.get_mut("properties") {
        let rest = std::mem::take(properties);
        *properties = Map::from_iter([("id".to_owned(), id.clone().to_value())]);
        properties.extend(rest);
    }
    if is_required && let Some(Value::Array(required)) = payload.get_mut("required") {
        required.insert(0, "id".into());
    }
    message
}
