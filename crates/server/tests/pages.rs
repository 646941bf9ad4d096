//! What the server serves to browsers: documents, and the files that they load.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/javascript.rs"]
mod javascript;
mod support;

use std::collections::{BTreeSet, VecDeque};

use support::{Answer, Running, config, start};

/// What browsers say.
const GZIP: &str = "Accept-Encoding: gzip\r\n";

/// Each of the site's own documents: its address.
const DOCUMENTS: [&str; 2] = ["/", "/r/0b57a5a4-2f0e-4b54-8f7e-6d6a36a4f7a1"];

/// Not even what is no secret: whoever finds the page looks for the rest.
#[tokio::test]
async fn nothing_of_the_operators_page_is_found_at_the_sites_address() {
    let server = start(config()).await;
    assert_eq!(server.get("/web/0/live/main.js").await.status, 200);
    for path in ["admin.js", "admin.css", "index.html"] {
        let answer = server.get(&format!("/web/0/admin/{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
    }
}

/// What is between `before` and `after`, wherever it is.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before)
        .skip(1)
        .filter_map(|rest| rest.split_once(after))
        .map(|(found, _)| found)
        .collect()
}

/// What a module imports, as it is written there: at once, or when it is wanted.
fn imports<'a>(module: &'a str, ways: &[&str]) -> Vec<&'a str> {
    let code = module.lines().filter(|line| !line.contains("@import"));
    code.flat_map(|line| ways.iter().flat_map(|way| between(line, way, "'")))
        // What the console writes for others to run imports what Node has, by name.
        .filter(|reference| reference.starts_with(['.', '/']))
        .collect()
}

const AT_ONCE: [&str; 2] = ["from '", "import '"];
const WHEN_WANTED: [&str; 1] = ["await import('"];

/// The address of what `reference` means in the file at `address`.
fn resolve(address: &str, reference: &str) -> String {
    let path = address.split('?').next().unwrap();
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in reference.split('/') {
        match part {
            ".." => assert!(parts.len() > 1, "{reference} in {address}"),
            _ => assert!(!reference.starts_with('/'), "{reference} in {address}"),
        }
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What the document at this address refers to, by `src` and `href`.
fn references(address: &str, document: &str) -> Vec<String> {
    let found = ["src=\"", "href=\""].map(|before| between(document, before, "\""));
    let found = found.concat().into_iter();
    found.map(|reference| resolve(address, reference)).collect()
}

/// All that the document at this address loads: each address with what it answers.
async fn loaded(server: &Running, address: &str, document: &str) -> Vec<(String, Answer)> {
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open: VecDeque<String> = references(address, document).into();
    while let Some(address) = open.pop_front() {
        if !seen.insert(address.clone()) {
            continue;
        }
        let answer = server.get(&address).await;
        assert_eq!(answer.status, 200, "{address}");
        let kind = address.rsplit('.').next().unwrap();
        let further: Vec<&str> = match kind {
            "js" => imports(&answer.body, &AT_ONCE),
            "css" => between(&answer.body, "url(", ")"),
            "webmanifest" => between(&answer.body, "\"src\": \"", "\""),
            _ => Vec::new(),
        };
        open.extend(further.iter().map(|reference| resolve(&address, reference)));
        all.push((address, answer));
    }
    all
}

#[tokio::test]
async fn all_that_a_page_loads_is_there_and_comes_from_here() {
    let server = start(config()).await;
    // The console shares parts of the page.
    for address in DOCUMENTS.into_iter().chain(["/docs/live"]) {
        let document = server.get(address).await;
        assert_eq!(document.status, 200);
        for reference in references(address, &document.body) {
            assert!(reference.starts_with("/web/"), "{reference} in {address}");
        }
        let all = loaded(&server, address, &document.body).await;
        // The modules of the first page and of a room's page are one file.
        assert!(all.len() > 4, "{address}");
        for (file, answer) in all {
            for later in imports(&answer.body, &WHEN_WANTED) {
                let later = resolve(&file, later);
                assert_eq!(server.get(&later).await.status, 200, "{later}");
            }
            let addresses = ["http://", "https://", "//cdn", "@import url"];
            let own = ["http://www.w3.org/2000/svg"];
            let text = own
                .iter()
                .fold(answer.body, |text, own| text.replace(own, ""));
            assert!(
                !addresses.iter().any(|address| text.contains(address)),
                "{file}"
            );
        }
    }
}

#[tokio::test]
async fn a_page_asks_for_all_its_modules_at_once() {
    let server = start(config()).await;
    for address in DOCUMENTS {
        let document = server.get(address).await.body;
        let named: BTreeSet<String> = references(address, &document)
            .into_iter()
            .filter(|reference| reference.ends_with(".js"))
            .collect();
        let modules: BTreeSet<String> = loaded(&server, address, &document)
            .await
            .into_iter()
            .map(|(file, _)| file)
            .filter(|file| file.ends_with(".js"))
            .collect();
        // One that is not preloaded costs a slow phone a round trip.
        assert_eq!(named, modules, "{address}");
    }
}

#[tokio::test]
async fn a_page_weighs_less_than_60_kilobytes_on_the_wire() {
    let server = start(config()).await;
    for address in DOCUMENTS {
        let document = server.get(address).await.body;
        let mut weight = server.weight(address).await;
        for (file, _) in loaded(&server, address, &document).await {
            // Loaded only when somebody puts the page on a home screen.
            if !file.ends_with(".png") {
                weight += server.weight(&file).await;
            }
        }
        assert!(weight < 60_000, "{address}: {weight} bytes");
    }
}

impl Running {
    /// Bytes of an answer, compressed, with its head.
    async fn weight(&self, path: &str) -> usize {
        let head = format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n{GZIP}\r\n");
        let answer = self.ask(&head).await;
        assert_eq!(answer.header("content-encoding"), Some("gzip"), "{path}");
        let length = answer.header("content-length").expect("a length");
        answer.head.len() + length.parse::<usize>().expect("a number")
    }
}

/// Hostile inputs 76 and 83: what came from others could not run if it became markup, and
/// nobody can lay a page over this one.
#[tokio::test]
async fn a_page_may_load_and_ask_this_server_and_nothing_else() {
    let server = start(config()).await;
    for address in DOCUMENTS {
        let answer = server.get(address).await;
        let policy = answer.header("content-security-policy").unwrap();
        let rules: Vec<&str> = policy.split("; ").collect();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ] {
            assert!(rules.contains(&rule), "{rule} in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        // What the policy forbids is not there either.
        let document = &answer.body;
        for inline in ["<style", " style=", " onclick=", " onload=", "javascript:"] {
            assert!(!document.contains(inline), "{inline} in {address}");
        }
        assert_eq!(document.matches("<script").count(), 1);
        for (file, answer) in loaded(&server, address, document).await {
            let policy = answer.header("content-security-policy");
            assert_eq!(policy, Some("default-src 'none'"), "{file}");
            for sink in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!answer.body.contains(sink), "{sink} in {file}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_speaks_the_language_that_is_asked_for() {
    let server = start(config()).await;
    for address in DOCUMENTS {
        for (asked, spoken) in [
            ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
            ("en,ko;q=0.5", "en"),
            ("fr", "en"),
        ] {
            let header = format!("Accept-Language: {asked}\r\n");
            let answer = server.request(&format!("GET {address}"), &header, "").await;
            assert!(
                answer.body.contains(&format!("<html lang=\"{spoken}\">")),
                "{asked}"
            );
            assert_eq!(answer.header("content-language"), Some(spoken));
            assert_eq!(answer.all("vary"), ["accept-encoding", "accept-language"]);
            assert!(!answer.body.contains("{{"), "{}", answer.body);
        }
    }
}

/// What a browser has of an older server must not be taken for what this one serves.
#[tokio::test]
async fn a_page_that_is_loaded_again_is_that_of_this_server() {
    let server = start(config()).await;
    for address in DOCUMENTS {
        let document = server.get(address).await;
        assert_eq!(document.header("cache-control"), Some("no-cache"));
        for file in references(address, &document.body) {
            let path = file.splitn(4, '/').last().unwrap();
            let other = server.get(&format!("/web/0123456789abcdef/{path}")).await;
            let cached = (other.status, other.header("cache-control"));
            assert_eq!(cached, (200, Some("no-cache")), "{file}");
        }
    }
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again_unless_it_is_of_another_language() {
    let server = start(config()).await;
    let document = server.get("/").await;
    let file = references("/", &document.body)[0].clone();
    for address in ["/", &file] {
        let tag = server.get(address).await.header("etag").unwrap().to_owned();
        for tags in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"x\", {tag}"),
            "*".to_owned(),
        ] {
            let header = format!("If-None-Match: {tags}\r\n");
            let answer = server.request(&format!("GET {address}"), &header, "").await;
            assert_eq!((answer.status, answer.body.as_str()), (304, ""), "{tags}");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
        }
        let other = server
            .request(&format!("GET {address}"), "If-None-Match: \"x\"\r\n", "")
            .await;
        assert_eq!(other.status, 200);
    }
    let tag = document.header("etag").unwrap();
    let korean = format!("If-None-Match: {tag}\r\nAccept-Language: ko\r\n");
    let answer = server.request("GET /", &korean, "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("lang=\"ko\""));
}

#[tokio::test]
async fn files_are_compressed_for_whoever_can_read_it() {
    let server = start(config()).await;
    let document = server.get("/").await.body;
    let file = references("/", &document)[0].clone();
    for (accepted, coding) in [
        ("gzip", Some("gzip")),
        ("br, GZIP;q=0.5", Some("gzip")),
        ("gzip;q=0", None),
        ("identity", None),
        ("gzip;q=x", None),
    ] {
        let head =
            format!("HEAD {file} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {accepted}\r\n\r\n");
        let answer = server.ask(&head).await;
        assert_eq!(answer.header("content-encoding"), coding, "{accepted}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
    }
}

#[tokio::test]
async fn only_what_pages_load_is_served() {
    let server = start(config()).await;
    let document = server.get("/").await.body;
    let file = references("/", &document)[0].clone();
    let version = file.split('/').nth(2).unwrap();
    // During a rolling restart a page asks another server for its files.
    assert_eq!(server.get("/web/0/room.js").await.status, 200);
    for path in [
        "home.html",
        "client/types.ts",
        "client/../home.js",
        "client/",
        "",
        "../Cargo.toml",
        "..%2f..%2fCargo.toml",
        "%2e%2e/Cargo.toml",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "lib",
        "lib/",
        "room.js/",
        "room.js%00",
        "ROOM.js",
        "nothing.js",
        "%ff",
    ] {
        let answer = server.get(&format!("/web/{version}/{path}")).await;
        assert_eq!(answer.code(), "not_found", "{path}");
        assert!(!answer.body.contains("[package]") && !answer.body.contains("root:"));
    }
    for path in ["/web/%ff/room.js", "/docs/ui/%ff", "/docs/ui/..%2fdocs.js"] {
        assert_eq!(server.get(path).await.code(), "not_found", "{path}");
    }
}

#[tokio::test]
async fn an_address_that_can_be_no_room_gets_the_page_that_says_so() {
    let server = start(config()).await;
    let page = server.get("/r/!").await.body;
    assert!(!page.contains("picture.png"), "{page}");
    for path in ["/r/%3Cimg%3E", "/r/*", "/r/%7B%7D", "/r/%ff"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        // Nothing of it comes back.
        assert_eq!(answer.body, page);
        // Whoever has the page of a room has not this answer.
        let known = format!("If-None-Match: {}\r\n", answer.header("etag").unwrap());
        let again = server.request(&format!("GET {path}"), &known, "").await;
        assert_eq!((again.status, again.body), (404, answer.body));
    }
}

#[tokio::test]
async fn an_address_that_leads_nowhere_tells_people_by_a_page_and_programs_by_a_problem() {
    let server = start(config()).await;
    let room = server.get(DOCUMENTS[1]).await;
    let chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in ["/foo", "/r/", "/r", "/r/a/b", "//", "/index.html?said"] {
        for (accepted, language, said) in [
            (chromium, "ko-KR,ko;q=0.9,en;q=0.8", "ko"),
            ("application/json;q=0.9, text/html", "fr", "en"),
        ] {
            let headers = format!("Accept: {accepted}\r\nAccept-Language: {language}\r\n");
            let request = format!("GET {path}");
            let page = server.request(&request, &headers, "").await;
            assert_eq!(page.status, 404, "{path}, {accepted}");
            assert!(page.body.contains(&format!("<html lang=\"{said}\">")));
            for up in between(&page.body, "<a class=\"button main\" href=\"", "\"") {
                assert_eq!(resolve(path, up), "/", "{path}");
            }
            // As the other pages: nothing runs that should not, nothing is kept unasked.
            for header in ["content-type", "content-security-policy", "cache-control"] {
                assert_eq!(page.header(header), room.header(header), "{header}");
            }
            assert_eq!(
                page.all("vary"),
                ["accept-encoding", "accept-language", "accept"]
            );
            let tag = page.header("etag").expect("a tag");
            let known = format!("{headers}If-None-Match: {tag}\r\n");
            let again = server.request(&request, &known, "").await;
            assert_eq!((again.status, &again.body), (404, &page.body));
            // It loads what is there, and nothing of the address comes back.
            assert!(loaded(&server, path, &page.body).await.len() > 3);
            assert!(!page.body.contains("{{") && !page.body.contains("said"));
        }
        for accepted in [
            "*/*",
            "text/*",
            "application/json",
            "text/html;q=0",
            "text/html;q=0.9, application/json",
            "text/html, application/problem+json",
        ] {
            let headers = format!("Accept: {accepted}\r\nAccept-Language: ko\r\n");
            let problem = server.request(&format!("GET {path}"), &headers, "").await;
            let plain = server.get(path).await;
            assert_eq!(problem.code(), "not_found", "{path}, {accepted}");
            assert_eq!((problem.status, &problem.body), (404, &plain.body));
            assert_eq!(problem.header("cache-control"), Some("no-store"));
        }
    }
    // What is for programs stays so.
    let asked = format!("Accept: {chromium}\r\n");
    for path in ["/session/nobody/", "/web/0/nothing.js", "/r/*/qr.svg"] {
        let answer = server.request(&format!("GET {path}"), &asked, "").await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    }
}

#[tokio::test]
async fn a_qr_code_leads_to_this_server_alone() {
    let server = start(config()).await;
    let id = server.room().await;
    let host = server.at;
    let get = |query: String| server.get_owned(format!("/r/{id}/qr.svg{query}"));
    let picture = get(format!("?origin=http%3A%2F%2F{host}")).await;
    assert_eq!(
        (picture.status, picture.header("content-type")),
        (200, Some("image/svg+xml"))
    );
    assert!(picture.body.contains("<svg"));
    // A page below a path, which the proxy alone knows, has a code of its own.
    let below = get(format!("?origin=http://{host}/lunch")).await;
    assert_eq!(below.status, 200);
    assert_ne!(below.body, picture.body);
    for query in [
        String::new(),
        "?origin=".to_owned(),
        "?origin=https://elsewhere.example".to_owned(),
        format!("?origin=javascript:{host}"),
        format!("?origin=http://{host}//lunch"),
        format!("?origin=http://{host}/lunch/.."),
        format!("?origin=http://{host}/lunch?x"),
        format!("?origin=http://{host}.elsewhere.example"),
        format!("?origin=http://me@{host}"),
        format!("?origin=http://{host}&origin=http://elsewhere.example"),
    ] {
        let refused = get(query.clone()).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, "bad_request"),
            "{query}"
        );
    }
    // No host has a name that long, and a code of its length takes 50 times the work.
    let long = format!("{}.example", "a".repeat(250));
    let head = format!("GET /r/{id}/qr.svg?origin=http://{long} HTTP/1.1\r\nHost: {long}\r\n\r\n");
    assert_eq!(server.ask(&head).await.code(), "bad_request");
    let nowhere = server
        .get(&format!("/r/%3Cimg%3E/qr.svg?origin=http://{host}"))
        .await;
    assert_eq!(nowhere.status, 404);
}

#[tokio::test]
async fn qr_codes_are_limited_as_looks_at_rooms_are() {
    let mut config = config();
    config.join_rate.per_second = 0.001;
    config.join_rate.burst = 2;
    let server = start(config).await;
    let path = format!("/r/a/qr.svg?origin=http://{}", server.at);
    for expected in [200, 200, 429] {
        assert_eq!(server.get(&path).await.status, expected);
    }
}

impl Running {
    async fn get_owned(&self, path: String) -> Answer {
        self.get(&path).await
    }
}

/// The parts that need no browser, and the types of all.
#[test]
fn the_page_passes_its_own_tests() {
    let tests = ["draw", "menu", "rules", "screen", "text", "words"]
        .map(|name| format!("crates/server/tests/page/{name}.test.js"));
    javascript::passes("node", ["--test".to_owned()].into_iter().chain(tests));
}

#[test]
fn the_types_of_the_page_are_sound() {
    let compiler = "clients/js/node_modules/typescript/bin/tsc";
    javascript::passes("node", [compiler, "--project", "crates/server/tests/page"]);
}
