//! `/openapi.json`: the routes with their descriptions.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{PathItem, PathsBuilder};
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApiBuilder, Ref, Response, ResponseBuilder,
    ServerBuilder,
};

use super::schemas::Schemas;
use crate::base_path::BasePath;
use crate::reason::{self, Reason};
use crate::routes::route::{Route, Tag, header};
use tablecast_http::problem::{self, PROBLEM_JSON};

const ABOUT: &str = "\
Rooms in which friends choose lunch together, live. Make a room here, then enter it by WebSocket: \
[/docs/live](docs/live) is for trying that, and [/asyncapi.json](asyncapi.json) describes what is said there.

A slash at the end of a path is optional; pages lead to their address without. `HEAD` is answered wherever `GET` is, except by `/ws/{id}/`; `OPTIONS` \
by 204 with `Allow`. Every refusal is a problem document (RFC 9457) with a `code` for programs.";

/// The document of a server under this path. Links are relative to the document's own
/// address, and so is the page that shows it.
pub(super) fn document<S>(base: &BasePath, routes: Vec<Route<S>>) -> Value {
    let server = match base.is_empty() {
        true => "/".to_owned(),
        false => base.to_string(),
    };
    let mut schemas = Schemas::new(SchemaSettings::draft2020_12);
    schemas.written.subschema_for::<problem::Document<'_>>();
    let mut paths = PathsBuilder::new();
    for route in routes {
        for schema in &route.read {
            schema(&mut schemas.read);
        }
        for schema in &route.written {
            schema(&mut schemas.written);
        }
        // OpenAPI has no parameter for the rest of a path.
        let (path, method) = (route.path.replace("{*", "{"), route.method.clone());
        paths = paths.path(path, PathItem::new(method, route.describe(refusal)));
    }
    let info = InfoBuilder::new()
        .title("Tablecast")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(
            LicenseBuilder::new()
                .name("MIT OR Apache-2.0")
                .identifier(Some("MIT OR Apache-2.0"))
                .build(),
        ));
    let tags = Tag::ALL.map(|(tag, about)| {
        let tag = TagBuilder::new().name(tag.name());
        tag.description(Some(about)).build()
    });
    let document = OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new()
            .url(server)
            .description(Some("This server"))
            .build()]))
        .tags(Some(tags))
        .paths(paths);
    // A map with text keys can always be serialised.
    let mut document = serde_json::to_value(document.build()).unwrap_or_default();
    document["components"] = json!({ "schemas": schemas.named() });
    document
}

/// The description of these reasons, which have the same status.
fn refusal(reasons: &[Reason]) -> Response {
    let one_of = |kind, values: Vec<Value>| {
        ObjectBuilder::new()
            .schema_type(kind)
            .enum_values(Some(values))
    };
    let codes = reasons.iter().map(|reason| reason.code().into()).collect();
    let status = reasons
        .first()
        .map(|reason| reason.status().as_u16().into());
    let narrowed = ObjectBuilder::new()
        .property(
            "status",
            one_of(Type::Integer, status.into_iter().collect()),
        )
        .property("code", one_of(Type::String, codes));
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name("Problem"))
        .item(narrowed);
    let examples: BTreeMap<&str, _> = reasons
        .iter()
        .map(|reason| {
            let example = ExampleBuilder::new().value(Some(json!({
                "type": "about:blank",
                "title": reason.status().canonical_reason(),
                "status": reason.status().as_u16(),
                "code": reason.code(),
                "detail": reason.when(),
            })));
            (reason.code(), example.build())
        })
        .collect();
    let content = ContentBuilder::new()
        .schema(Some(schema))
        .examples_from_iter(examples);
    let about: Vec<String> = reasons
        .iter()
        .map(|reason| format!("`{}`: {}", reason.code(), reason.when()))
        .collect();
    let response = ResponseBuilder::new()
        .description(about.join(" · "))
        .content(PROBLEM_JSON, content.build());
    headers(reasons)
        .iter()
        .fold(response, |response, (name, about)| {
            response.header(*name, header(about))
        })
        .build()
}

/// The headers that are sent with each of these reasons.
fn headers(reasons: &[Reason]) -> &'static [(&'static str, &'static str)] {
    match reasons.first().copied() {
        Some(reason::METHOD_NOT_ALLOWED) => &[("Allow", "The methods that are")],
        Some(reason::UPGRADE_REQUIRED) => &[
            ("Upgrade", "`websocket`"),
            ("Sec-WebSocket-Version", "`13`"),
        ],
        Some(
            reason::RATE_LIMITED | reason::UNAVAILABLE | reason::DRAINING | reason::TOO_MANY_ROOMS,
        ) => &[("Retry-After", "Seconds, at least 1")],
        _ => &[],
    }
}
