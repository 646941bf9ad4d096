//! What chats show of a link to a room: the tags of its page, and its picture.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Running, config, start};
use tablecast::core::limits::Rate;
use tablecast_server::config::Config;

/// What a crawler may send.
const KOREAN: &str = "Accept-Language: ko\r\n";

impl Running {
    /// A room with this title; its id.
    async fn titled(&self, title: &str) -> String {
        let body = json!({ "title": title }).to_string();
        let headers = "Content-Type: application/json\r\n";
        let made = self.request("POST /session/", headers, &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()["id"].as_str().unwrap().to_owned()
    }

    async fn page(&self, id: &str, headers: &str) -> String {
        let page = self.request(&format!("GET /r/{id}"), headers, "").await;
        assert_eq!(page.status, 200);
        page.body
    }
}

/// The content of a tag.
fn tag<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("\"{name}\" content=\""))?;
    Some(rest.split_once('"')?.0)
}

#[tokio::test]
async fn a_link_says_what_the_room_is_called_in_the_language_asked_for() {
    let server = start(config()).await;
    let id = server.titled("금요일 점심").await;
    let page = server.page(&id, KOREAN).await;
    assert_eq!(tag(&page, "og:title"), Some("금요일 점심"));
    assert_eq!(tag(&page, "og:locale"), Some("ko_KR"));
    assert!(page.contains("<title>금요일 점심 – Tablecast</title>"));
    let english = server.page(&id, "").await;
    assert_eq!(tag(&english, "og:title"), Some("금요일 점심"));
    assert_ne!(
        tag(&english, "og:description"),
        tag(&page, "og:description")
    );
    let gone = server.page("nobody", "").await;
    assert_eq!(tag(&gone, "og:title"), Some("What’s for lunch?"));
    // The one who has the page of an empty room has not this one.
    let home = server.get("/").await.body;
    assert_eq!(tag(&home, "og:title"), tag(&gone, "og:title"));
    // Each of them has a picture.
    for (page, address) in [(gone, "/r/nobody"), (home, "/")] {
        let seen = tag(&page, "og:url").unwrap();
        assert!(seen.ends_with(address), "{seen}");
        let picture = tag(&page, "og:image").unwrap();
        let (_, path) = picture.split_once(&server.at.to_string()).unwrap();
        let picture = server.get(path).await;
        let kind = (picture.status, picture.header("content-type"));
        assert_eq!(kind, (200, Some("image/png")), "{path}");
    }
}

/// Hostile input 76: a title is no markup, and no placeholder.
#[tokio::test]
async fn what_people_write_is_text_in_a_tag() {
    let server = start(config()).await;
    let id = server
        .titled("</title><script>\"a\" & 'b' {{root}} {{head}}")
        .await;
    let page = server.page(&id, "").await;
    let escaped = "&lt;/title&gt;&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39; {{root}} {{head}}";
    assert_eq!(tag(&page, "og:title"), Some(escaped));
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("<title>").count(), 1);
}

#[tokio::test]
async fn addresses_are_whole_and_as_the_site_is_seen_from_outside() {
    let mut config = config();
    config.base_path = "/lunch".parse().unwrap();
    let server = start(config).await;
    let id = server.titled("Lunch").await;
    for (headers, site) in [
        (
            "Host: lunch.example:8000\r\n",
            Some("http://lunch.example:8000"),
        ),
        (
            "Host: lunch.example\r\nX-Forwarded-Proto: https\r\n",
            Some("https://lunch.example"),
        ),
        ("Host: \"><b>\r\n", None),
        ("Host: a/b\r\n", None),
    ] {
        for path in [format!("/r/{id}"), format!("/lunch/r/{id}")] {
            let head = format!("GET {path} HTTP/1.1\r\n{headers}\r\n");
            let page = server.ask(&head).await;
            let Some(site) = site else {
                // Refused, or without an address.
                assert_eq!(tag(&page.body, "og:url"), None, "{headers}");
                continue;
            };
            let room = format!("{site}/lunch/r/{id}");
            let picture = format!("{room}/picture.png");
            assert_eq!(tag(&page.body, "og:url"), Some(room.as_str()));
            assert_eq!(tag(&page.body, "og:image"), Some(picture.as_str()));
        }
    }
}

#[tokio::test]
async fn a_look_from_a_chat_is_no_join_and_extends_nothing() {
    let server = start(config()).await;
    let id = server.titled("Lunch").await;
    let room = format!("/session/{id}/");
    let before = server.get(&room).await.json();
    // sleep: an extended room would have a later end by the store's clock
    tokio::time::sleep(Duration::from_millis(20)).await;
    server
        .page(&id, "User-Agent: facebookexternalhit/1.1\r\n")
        .await;
    server.get(&format!("/r/{id}/picture.png")).await;
    let after = server.get(&room).await.json();
    for part in ["members", "seq", "expires_at"] {
        assert_eq!(before[part], after[part], "{part}");
    }
    assert_eq!(after["members"], json!([]));
}

#[tokio::test]
async fn the_picture_is_a_png_and_that_of_a_gone_room_is_the_same_for_all() {
    let server = start(config()).await;
    let id = server.titled("금요일 점심").await;
    let mut seen = Vec::new();
    for id in [id.as_str(), "nobody", "nothing"] {
        let picture = server.get(&format!("/r/{id}/picture.png")).await;
        let kind = (picture.status, picture.header("content-type"));
        assert_eq!(kind, (200, Some("image/png")), "{id}");
        assert_eq!(picture.all("vary"), ["accept-language"]);
        assert!(picture.body.contains("PNG"));
        seen.push(picture.header("content-length").unwrap().to_owned());
    }
    assert_ne!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
    let nowhere = server.get("/r/%3Cimg%3E/picture.png").await;
    assert_eq!(
        (nowhere.status, nowhere.code().as_str()),
        (404, "not_found")
    );
}

/// Of a room `Lunch` two pictures are drawn and no third one; then its page has this title.
async fn third_picture_is_refused(config: Config, title: &str) {
    let server = start(config).await;
    let id = server.titled("Lunch").await;
    let path = format!("/r/{id}/picture.png");
    for expected in [200, 200, 429] {
        assert_eq!(server.get(&path).await.status, expected);
    }
    let page = server.page(&id, "").await;
    assert_eq!(tag(&page, "og:title"), Some(title));
}

#[tokio::test]
async fn pictures_have_a_rate_of_their_own_since_each_costs_so_much() {
    let mut config = config();
    config.picture_rate = Rate {
        per_second: 0.001,
        burst: 2,
    };
    third_picture_is_refused(config, "Lunch").await;
}

/// People still get the page: it only says less.
#[tokio::test]
async fn looks_from_chats_are_limited_as_looks_at_rooms_are() {
    let mut config = config();
    config.join_rate.per_second = 0.001;
    config.join_rate.burst = 2;
    third_picture_is_refused(config, "What’s for lunch?").await;
}
