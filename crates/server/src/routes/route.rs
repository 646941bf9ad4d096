//! A route together with its description. So no route exists without a description, and
//! `/openapi.json` describes no route that does not exist.

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::header::ALLOW;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;
use tablecast_core::RoomId;
use tablecast_http::Problem;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::link::Link;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, Ref, RefOr, Required, Response as Described, ResponseBuilder,
    Type,
};

use crate::base_path;
use crate::reason::{self, Reason};

/// Generates the schema of a type, and of the types in it.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The subject of a route, by which the document groups routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Rooms,
    Pages,
    Documents,
    Operators,
}

impl Tag {
    pub(crate) const ALL: [(Tag, &str); 4] = [
        (Tag::Rooms, "Make a room, look at it, enter it."),
        (Tag::Operators, "For whoever runs the server."),
        (
            Tag::Documents,
            "What you are reading, for people and programs.",
        ),
        (Tag::Pages, "For people, and the files that the pages load."),
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Tag::Rooms => "rooms",
            Tag::Pages => "pages",
            Tag::Documents => "documents",
            Tag::Operators => "operators",
        }
    }
}

/// An address, a method, the handler, and the description.
pub(crate) struct Route<S> {
    pub(crate) path: &'static str,
    pub(crate) method: HttpMethod,
    handler: MethodRouter<S>,
    is_page: bool,
    operation: OperationBuilder,
    statuses: Vec<StatusCode>,
    reasons: Vec<Reason>,
    /// The schemas of what it reads, and of what it writes.
    pub(crate) read: Vec<SchemaOf>,
    pub(crate) written: Vec<SchemaOf>,
}

impl<S> Route<S> {
    /// All statuses that it may answer.
    pub(super) fn every_status(&self) -> impl Iterator<Item = StatusCode> {
        let refusals = self.reasons.iter().map(|reason| reason.status());
        let options = StatusCode::NO_CONTENT;
        self.statuses
            .iter()
            .copied()
            .chain(refusals)
            .chain([options])
    }

    /// Its description in the document. `problem` describes the refusals of one status
    /// together.
    pub(crate) fn describe(self, problem: impl Fn(&[Reason]) -> Described) -> Operation {
        let mut statuses: Vec<StatusCode> = self.reasons.iter().map(|r| r.status()).collect();
        statuses.sort();
        statuses.dedup();
        let refusals = statuses.into_iter().map(|status| {
            let of_status = |reason: &&Reason| reason.status() == status;
            let reasons: Vec<Reason> = self.reasons.iter().filter(of_status).copied().collect();
            (status, problem(&reasons))
        });
        let described = |operation: OperationBuilder, (status, response): (StatusCode, _)| {
            operation.response(status.as_str(), response)
        };
        refusals.fold(self.operation, described).build()
    }
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// A route for reading: `GET`, and so `HEAD`.
    pub(super) fn get<T: 'static>(path: &'static str, handler: impl Handler<T, S>) -> Self {
        let handler = get(handler);
        Route::new(path, HttpMethod::Get, answering(handler, "GET, HEAD"))
    }

    /// A page for people. It loads files relative to its own address, so it has only one
    /// address: without a slash at the end.
    pub(super) fn page<T: 'static>(path: &'static str, handler: impl Handler<T, S>) -> Self {
        let moved = Answer::new(
            StatusCode::PERMANENT_REDIRECT,
            "There was a slash at the end; without it is the page",
        );
        let page = Route {
            is_page: true,
            ..Route::get(path, handler)
        };
        page.answers(moved.header("Location", "The page, relative to what was asked"))
    }

    /// A route that changes something.
    pub(super) fn post<T: 'static>(path: &'static str, handler: impl Handler<T, S>) -> Self {
        Route::new(path, HttpMethod::Post, answering(post(handler), "POST"))
    }

    /// As [`Route::get`], of an address that has a [`Route::post_beside`] too.
    pub(super) fn get_beside<T: 'static>(path: &'static str, handler: impl Handler<T, S>) -> Self {
        Route::new(path, HttpMethod::Get, answering(get(handler), "GET, POST"))
    }

    /// A `POST` to the address of a [`Route::get_beside`], which answers other methods.
    pub(super) fn post_beside<T: 'static>(path: &'static str, handler: impl Handler<T, S>) -> Self {
        Route::new(path, HttpMethod::Post, post(handler))
    }

    /// Only `GET`, with a handler that answers other methods itself.
    pub(super) fn upgrade<T: 'static>(path: &'static str, handler: impl Handler<T, S>) -> Self {
        Route::new(path, HttpMethod::Get, any(handler))
    }

    fn new(path: &'static str, method: HttpMethod, handler: MethodRouter<S>) -> Self {
        Route {
            path,
            method,
            handler,
            is_page: false,
            operation: OperationBuilder::new(),
            statuses: Vec::new(),
            reasons: reason::ANYWHERE.to_vec(),
            read: Vec::new(),
            written: Vec::new(),
        }
    }

    /// Its name for programs, and what it does, in one line and in full.
    pub(super) fn named(mut self, id: &str, tag: Tag, summary: &str, about: &str) -> Self {
        let operation = self.operation.operation_id(Some(id)).tag(tag.name());
        self.operation = operation
            .summary(Some(summary))
            .description(Some(about).filter(|about| !about.is_empty()));
        self
    }

    /// The room's id in the path.
    pub(super) fn room(mut self) -> Self {
        self.read.push(SchemaGenerator::subschema_for::<RoomId>);
        let about = "The room's id, as the answer to `POST /session/` has it";
        let example = "32cd8a37-d116-4cf7-ab54-ad14cb7df569";
        let schema = reference::<RoomId>();
        self.parameter(ParameterIn::Path, "id", about, example, schema)
    }

    /// A part of the path or of the query that may be any text.
    pub(super) fn text(self, place: ParameterIn, name: &str, about: &str, example: &str) -> Self {
        let schema = ObjectBuilder::new().schema_type(Type::String);
        self.parameter(place, name, about, example, schema)
    }

    /// A header that may be left out.
    pub(super) fn may_have(mut self, name: &str, about: &str, example: &str) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(about))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .example(Some(example.into()));
        self.operation = self.operation.parameter(parameter);
        self
    }

    fn parameter(
        mut self,
        place: ParameterIn,
        name: &str,
        about: &str,
        example: &str,
        schema: impl Into<RefOr<utoipa::openapi::Schema>>,
    ) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(Required::True)
            .description(Some(about))
            .schema(Some(schema))
            .example(Some(example.into()));
        self.operation = self.operation.parameter(parameter);
        self
    }

    /// An optional body.
    pub(super) fn takes<T: JsonSchema>(self, about: &str, example: Value) -> Self {
        self.body::<T>(about, example, Required::False)
    }

    /// A body that must be there.
    pub(super) fn needs<T: JsonSchema>(self, about: &str, example: Value) -> Self {
        self.body::<T>(about, example, Required::True)
    }

    fn body<T: JsonSchema>(mut self, about: &str, example: Value, required: Required) -> Self {
        self.read.push(SchemaGenerator::subschema_for::<T>);
        let content = ContentBuilder::new()
            .schema(Some(reference::<T>()))
            .example(Some(example));
        let body = RequestBodyBuilder::new()
            .description(Some(about))
            .required(Some(required))
            .content("application/json", content.build());
        self.operation = self.operation.request_body(Some(body.build()));
        self
    }

    /// A way to succeed.
    pub(super) fn answers(mut self, answer: Answer) -> Self {
        self.statuses.push(answer.status);
        self.written.extend(answer.schema);
        let status = answer.status.as_str();
        self.operation = self.operation.response(status, answer.response.build());
        self
    }

    /// 304, for a client that has it already.
    pub(super) fn unless_known(self) -> Self {
        self.answers(Answer::new(
            StatusCode::NOT_MODIFIED,
            "You have it: `If-None-Match` names the `ETag` it has",
        ))
    }

    /// The reasons for refusals, besides [`reason::ANYWHERE`].
    pub(super) fn refuses(mut self, reasons: &[Reason]) -> Self {
        self.reasons.extend(reasons);
        self
    }

    /// Adds it to the router, at its address with and without a slash at the end.
    pub(super) fn mount(self, router: Router<S>) -> Router<S> {
        let (path, statuses, reasons) = (self.path, self.statuses, self.reasons);
        let checked = move |handler: MethodRouter<S>| {
            let (statuses, reasons) = (statuses.clone(), reasons.clone());
            handler.layer(map_response(move |mut response: Response| {
                if cfg!(debug_assertions) {
                    check(path, &statuses, &reasons, &response);
                }
                response.extensions_mut().insert(At(path));
                std::future::ready(response)
            }))
        };
        let handler = checked(self.handler);
        // The rest of a path includes the slash.
        let bare = path.trim_end_matches('/');
        if bare.is_empty() || bare.ends_with("*path}") {
            return router.route(path, handler);
        }
        let slashed = match self.is_page {
            true => checked(answering(get(without_slash), "GET, HEAD")),
            false => handler.clone(),
        };
        let router = router.route(bare, handler);
        router.route(&format!("{bare}/"), slashed)
    }
}

/// Redirects to a page's address.
async fn without_slash(uri: Uri) -> Response {
    base_path::moved(&uri, "")
}

/// The path of the route that has answered, as in its description; an extension of the response.
#[derive(Debug, Clone, Copy)]
pub(super) struct At(pub(super) &'static str);

/// In debug builds every answer must be in the description, so every test of the server
/// also tests the document.
fn check(path: &str, statuses: &[StatusCode], reasons: &[Reason], response: &Response) {
    let (status, reason) = (response.status(), response.extensions().get::<Reason>());
    let is_described = match reason {
        Some(reason) => reasons.contains(reason),
        // An answer to OPTIONS.
        None => statuses.contains(&status) || status == StatusCode::NO_CONTENT,
    };
    assert!(
        is_described,
        "{path} answers {status} ({reason:?}), which its description does not say"
    );
}

/// Answers OPTIONS and methods that are not allowed.
fn answering<S: Clone + Send + Sync + 'static>(
    methods: MethodRouter<S>,
    allow: &'static str,
) -> MethodRouter<S> {
    methods.fallback(move |method: Method, _: Request| async move { other_method(&method, allow) })
}

/// OPTIONS, and methods that are not allowed.
pub(crate) fn other_method(method: &Method, allow: &'static str) -> Response {
    if method == Method::OPTIONS {
        (StatusCode::NO_CONTENT, [(ALLOW, allow)]).into_response()
    } else {
        Problem::method_not_allowed(allow).into_response()
    }
}

/// A successful answer, as the document shows it.
pub(super) struct Answer {
    status: StatusCode,
    response: ResponseBuilder,
    schema: Option<SchemaOf>,
}

impl Answer {
    /// Without a body.
    pub(super) fn new(status: StatusCode, about: &str) -> Self {
        Answer {
            status,
            response: ResponseBuilder::new().description(about),
            schema: None,
        }
    }

    /// With a body like this one, which has the type that the handler writes.
    pub(super) fn json<T: Serialize + JsonSchema>(
        status: StatusCode,
        about: &str,
        example: &T,
    ) -> Self {
        let content = ContentBuilder::new()
            .schema(Some(reference::<T>()))
            .example(serde_json::to_value(example).ok());
        let answer = Answer::new(status, about);
        Answer {
            response: answer.response.content("application/json", content.build()),
            schema: Some(SchemaGenerator::subschema_for::<T>),
            ..answer
        }
    }

    /// With a body of which only the media type is described.
    pub(super) fn media(about: &str, content_type: &str) -> Self {
        let answer = Answer::new(StatusCode::OK, about);
        let content = ContentBuilder::new().build();
        Answer {
            response: answer.response.content(content_type, content),
            ..answer
        }
    }

    /// With another status.
    pub(super) fn with(self, status: StatusCode) -> Self {
        Answer { status, ..self }
    }

    /// An answer that a client may keep and revalidate.
    pub(super) fn kept(self) -> Self {
        self.header("ETag", "For `If-None-Match`")
            .header("Cache-Control", "Whether to ask again, and when")
    }

    pub(super) fn header(mut self, name: &str, about: &str) -> Self {
        self.response = self.response.header(name, header(about));
        self
    }

    /// A further operation on the room whose `id` the answer has.
    pub(super) fn leads_to(mut self, operation: &str, about: &str) -> Self {
        let link = Link::builder()
            .operation_id(operation)
            .parameter("id", "$response.body#/id")
            .description(about);
        self.response = self.response.link(operation, link.build());
        self
    }
}

/// A header with any text.
pub(crate) fn header(about: &str) -> utoipa::openapi::Header {
    HeaderBuilder::new().description(Some(about)).build()
}

fn reference<T: JsonSchema>() -> Ref {
    Ref::from_schema_name(T::schema_name())
}
