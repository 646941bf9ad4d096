//! The schemas of a document: of what the server reads and of what it writes,
//! which differ for one type where a field may be left out.

use schemars::Schema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::RecursiveTransform;
use serde_json::{Map, Value};

/// Where both kinds of documents keep them.
const PLACE: &str = "/components/schemas";

pub(super) struct Schemas {
    /// Of what the server reads.
    pub(super) read: SchemaGenerator,
    /// Of what the server writes.
    pub(super) written: SchemaGenerator,
}

impl Schemas {
    /// In this draft of JSON Schema.
    pub(super) fn new(draft: fn() -> SchemaSettings) -> Self {
        let settings = draft()
            .with(|settings| {
                settings.definitions_path = PLACE.into();
                settings.meta_schema = None;
            })
            .with_transform(RecursiveTransform(readable));
        Schemas {
            read: settings.clone().for_deserialize().into_generator(),
            written: settings.for_serialize().into_generator(),
        }
    }

    /// All that were used, by name.
    pub(super) fn named(mut self) -> Map<String, Value> {
        let mut named = self.read.take_definitions(true);
        named.extend(self.written.take_definitions(true));
        named
    }

    /// What was generated alone, as it would be among the named ones.
    pub(super) fn finish(&self, mut schema: Schema) -> Value {
        for transform in &mut self.written.settings().transforms.clone() {
            transform.transform(&mut schema);
        }
        schema.to_value()
    }
}

/// Comments in the sources are written for rustdoc and in short lines; numbers have
/// the width that they have in memory, which is nobody else's business.
fn readable(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text
            .replace("[`", "`")
            .replace("`]", "`")
            .replace('\n', " ");
    }
    let is_width = |format: &Value| {
        let format = format.as_str().unwrap_or_default();
        format.starts_with("uint") || format == "double"
    };
    if schema.get("format").is_some_and(is_width) {
        schema.remove("format");
    }
}
