//! Answers, held against the document that describes them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Answer, Running, UPGRADE, config, start};

pub(crate) const JSON: &str = "Content-Type: application/json\r\n";

/// An answer: the path as described, the status, and the code of a problem.
pub(crate) type Kind = (String, u16, String);

/// What the document describes.
pub(crate) fn described(document: &Value) -> BTreeSet<Kind> {
    let mut all = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let operations = ["get", "post"].into_iter().filter_map(|way| item.get(way));
        let responses = operations.flat_map(|one| one["responses"].as_object().unwrap());
        for (status, response) in responses {
            let status: u16 = status.parse().unwrap();
            let schema = &response["content"]["application/problem+json"]["schema"];
            match schema["allOf"][1]["properties"]["code"]["enum"].as_array() {
                Some(codes) => all.extend(codes.iter().map(|code| {
                    let code = code.as_str().unwrap().to_owned();
                    (path.clone(), status, code)
                })),
                None => drop(all.insert((path.clone(), status, String::new()))),
            }
        }
    }
    all
}

/// Holds answers against the document, and remembers which kinds there were.
pub(crate) struct Held {
    pub(crate) document: Value,
    pub(crate) met: BTreeSet<Kind>,
}

impl Held {
    pub(crate) async fn new() -> Self {
        let answer = start(config()).await.get("/openapi.json").await;
        Held {
            document: answer.json(),
            met: BTreeSet::new(),
        }
    }

    pub(crate) fn hold(&mut self, path: &str, answer: &Answer) {
        let item = &self.document["paths"][path];
        let way = if item["get"].is_object() {
            "get"
        } else {
            "post"
        };
        self.hold_of(way, path, answer);
    }

    pub(crate) fn hold_of(&mut self, way: &str, path: &str, answer: &Answer) {
        let operation = &self.document["paths"][path][way];
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{path}: {answer:?} is not described");
        for (name, _) in response["headers"].as_object().into_iter().flatten() {
            // Only if it was offered.
            let is_optional = name == "Sec-WebSocket-Protocol";
            assert!(
                is_optional || answer.header(name).is_some(),
                "{path} has no {name}: {answer:?}"
            );
        }
        let mut code = String::new();
        if let Some(contents) = response["content"].as_object() {
            let given = answer.header("content-type").unwrap();
            let (content_type, content) = contents
                .iter()
                .find(|(described, _)| *described == given || *described == "*/*")
                .unwrap_or_else(|| panic!("{path}: {given} is not described"));
            if content_type.ends_with("json") && content["schema"].is_object() {
                let mut schema = content["schema"].clone();
                schema["components"] = self.document["components"].clone();
                let schema = jsonschema::draft202012::new(&schema).unwrap();
                let body = answer.json();
                let errors: Vec<String> =
                    schema.iter_errors(&body).map(|e| e.to_string()).collect();
                assert_eq!(errors, [""; 0], "{path}: {answer:?}");
            }
            if content_type == "application/problem+json" {
                code = answer.code();
            }
        }
        self.met.insert((path.to_owned(), answer.status, code));
    }

    pub(crate) async fn get(
        &mut self,
        server: &Running,
        path: &str,
        place: &str,
        headers: &str,
    ) -> Answer {
        let answer = server.request(&format!("GET {place}"), headers, "").await;
        self.hold(path, &answer);
        answer
    }

    /// Asks for a room, with this body.
    pub(crate) async fn post(&mut self, server: &Running, headers: &str, body: &str) -> Answer {
        let answer = server.request("POST /session/", headers, body).await;
        self.hold("/session/", &answer);
        answer
    }

    /// Asks for a room's successor, with this body.
    pub(crate) async fn again(
        &mut self,
        server: &Running,
        id: &str,
        headers: &str,
        body: &str,
    ) -> Answer {
        let line = format!("POST /session/{id}/again/");
        let answer = server.request(&line, headers, body).await;
        self.hold("/session/{id}/again/", &answer);
        answer
    }

    /// Looks at a room in each way there is, and then once more at each.
    pub(crate) async fn look(&mut self, server: &Running, id: &str) {
        for (path, rest) in [("/session/{id}/", ""), ("/session/{id}/result/", "result/")] {
            self.get(server, path, &format!("/session/{id}/{rest}"), "")
                .await;
        }
        let upgrade = format!("{UPGRADE}Sec-WebSocket-Protocol: {}\r\n", "other");
        self.get(server, "/ws/{id}/", &format!("/ws/{id}/"), &upgrade)
            .await;
        self.listen(server, id, "").await;
        let nobody = json!({"seat": "0".repeat(32)}).to_string();
        self.say(server, id, JSON, &nobody).await;
    }

    /// Enters a room by a stream of events, with these further header lines.
    pub(crate) async fn listen(&mut self, server: &Running, id: &str, headers: &str) -> Answer {
        let headers = format!("Accept: text/event-stream\r\n{headers}");
        self.get(server, SSE, &place(SSE, id), &headers).await
    }

    /// Says this to a room by POST.
    pub(crate) async fn say(
        &mut self,
        server: &Running,
        id: &str,
        headers: &str,
        body: &str,
    ) -> Answer {
        let line = format!("POST {}", place(SSE, id));
        let answer = server.request(&line, headers, body).await;
        self.hold_of("post", SSE, &answer);
        answer
    }
}

pub(crate) const SSE: &str = "/sse/{id}/";

/// A path as a request has it.
pub(crate) fn place(path: &str, id: &str) -> String {
    path.replace("{id}", id)
        .replace("{version}", "0")
        .replace("{path}", "style/base.css")
        .replace("{file}", "swagger-ui.css")
}
