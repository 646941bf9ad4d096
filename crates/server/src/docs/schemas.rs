//! The schemas of a document: those of what the server reads, and those of what it writes.
//! They differ for a type with optional fields.

use schemars::Schema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::RecursiveTransform;
use serde_json::{Map, Value};

/// The place of schemas in both kinds of documents.
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

    /// All schemas that were used, by name.
    pub(super) fn named(mut self) -> Map<String, Value> {
        let mut named = self.read.take_definitions(true);
        named.extend(self.written.take_definitions(true));
        named
    }

    /// Finishes a schema that was generated alone, like the named ones.
    pub(super) fn finish(&self, mut schema: Schema) -> Value {
        for transform in &mut self.written.settings().transforms.clone() {
            transform.transform(&mut schema);
        }
        schema.to_value()
    }
}

/// Removes what is only for Rust: the marks of rustdoc and line breaks in comments, and the
/// width of numbers in memory.
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
