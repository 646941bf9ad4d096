//! What is shipped for Prometheus and Grafana, as Prometheus itself reads it after it has scraped this server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use program::{ANY_PORT, member, tablecast};
use serde_json::Value;
use tablecast_testing::process::{self, Process};
use tablecast_testing::{DEADLINE, Directory, blocking_until, free_port};

/// Panels that need something which does not happen here: an alert that fires, a refusal, TLS.
const NEED_MORE: [&str; 6] = [
    "Alarms",
    "Certificate ends in",
    "Days left",
    "Failed HTTP answers",
    "Renewals",
    "Restarts",
];

/// Beginnings of series that need it.
const NOT_HERE: &str = "tablecast_certificate_";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The rules fire where they should, and not where they should not: `data/alerts.test.yml`.
#[test]
fn promtool_accepts_the_rules_and_each_case_of_them() {
    for (arguments, path) in [
        (["check", "config"], "deploy/prometheus.yml"),
        (["check", "rules"], "deploy/alerts.yml"),
        (
            ["test", "rules"],
            "crates/server/tests/data/alerts.test.yml",
        ),
    ] {
        let mut promtool = Command::new("promtool");
        let ran = promtool
            .args(arguments)
            .arg(path)
            .current_dir(root())
            .output();
        let ran = ran.unwrap_or_else(|error| {
            panic!("promtool cannot be run ({error}): cargo xtask test installs it")
        });
        assert!(ran.status.success(), "{path}: {ran:?}");
    }
}

/// Whoever is woken at night finds what to do.
#[test]
fn each_alert_has_its_paragraph_in_the_runbook() {
    let rules = read("deploy/alerts.yml");
    let values = |key: &str| {
        let lines = rules
            .lines()
            .filter_map(|line| line.trim().strip_prefix(key));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (names, links) = (values("- alert: "), values("runbook_url: "));
    assert_eq!(names.len(), links.len());
    for (name, link) in names.iter().zip(&links) {
        let anchor = format!("/docs/operations.md#{}", name.to_lowercase());
        assert!(link.ends_with(&anchor), "{name}: {link}");
    }
    let operations = read("docs/operations.md");
    let (_, below) = operations.split_once("\n## Alerts\n").unwrap();
    let section = below.split("\n## ").next().unwrap();
    let headings = section.lines().filter_map(|line| line.strip_prefix("### "));
    assert_eq!(headings.collect::<Vec<_>>(), names);
}

/// A Prometheus that scrapes this server each second, with the shipped rules.
struct Prometheus(Process);

impl Prometheus {
    fn start(directory: &Directory, target: SocketAddr) -> Prometheus {
        let mut config = read("deploy/prometheus.yml");
        let rules = root().join("deploy/alerts.yml");
        for (shipped, here) in [
            ("127.0.0.1:9464", target.to_string()),
            ("- alerts.yml", format!("- {}", rules.display())),
            ("scrape_interval: 15s", "scrape_interval: 1s".to_owned()),
            (
                "evaluation_interval: 15s",
                "evaluation_interval: 1s".to_owned(),
            ),
        ] {
            assert_eq!(config.matches(shipped).count(), 1, "{shipped}");
            config = config.replace(shipped, &here);
        }
        let config = directory.write("prometheus.yml", &config);
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut command = process::program("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={at}"));
        Prometheus(Process::start_at(&mut command, at))
    }

    /// What is at this address of its API; null while it starts.
    fn get(&self, path: &str) -> Value {
        let answer = self.0.get(path);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        serde_json::from_str(body).unwrap_or_default()
    }

    /// How many series a query has now.
    fn count(&self, query: &str) -> usize {
        let answer = self.get(&format!("/api/v1/query?query={}", encoded(query)));
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().map_or(0, Vec::len)
    }

    /// Waits until it has scraped the server so many times more.
    fn scrapes(&self, times: usize) {
        let scraped = || {
            let query = encoded("count_over_time(tablecast_build_info[1h])");
            let answer = self.get(&format!("/api/v1/query?query={query}"));
            let value = answer["data"]["result"][0]["value"][1].as_str();
            value
                .and_then(|count| count.parse::<usize>().ok())
                .unwrap_or(0)
        };
        let until = scraped() + times;
        blocking_until("it scrapes", scraped, |count| *count >= until);
    }
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// A member who says what is accepted and what is refused, and leaves.
fn visit(at: SocketAddr) {
    let mut member = member(at);
    member.set_read_timeout(Some(DEADLINE)).unwrap();
    for command in [&b"add:x"[..], b"remove:y", b"add:z"] {
        // Masked with zeros.
        let mut frame = vec![0x81, 0x80 | command.len() as u8, 0, 0, 0, 0];
        frame.extend_from_slice(command);
        member.write_all(&frame).unwrap();
    }
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("[\"x\",\"z\"]") {
        let mut buffer = [0; 1024];
        let read = member.read(&mut buffer).unwrap();
        assert!(read > 0, "{said:?}");
        said.extend_from_slice(&buffer[..read]);
    }
    member.shutdown(Shutdown::Both).unwrap();
}

/// Every query of the dashboard with the name of what shows it.
fn queries() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana.json")).unwrap();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for panel in list(&dashboard["panels"]) {
        for target in list(&panel["targets"]) {
            found.push((panel["title"].clone(), target["expr"].clone()));
        }
    }
    for one in list(&dashboard["annotations"]["list"]) {
        found.push((one["name"].clone(), one["expr"].clone()));
    }
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut found: Vec<_> = found
        .iter()
        .map(|(name, query)| (text(name), text(query)))
        .collect();
    for variable in list(&dashboard["templating"]["list"]) {
        // `label_values(SERIES, LABEL)` is Grafana's own.
        if let Some(query) = variable["query"]["query"].as_str() {
            let inner = query
                .strip_prefix("label_values(")
                .expect("a list of values");
            let series = inner.rsplit_once(',').expect("a series and a label").0;
            found.push((text(&variable["name"]), series.to_owned()));
        }
    }
    let put_in = |query: &str| {
        let query = query
            .replace("$job", "tablecast")
            .replace("$instance", ".+");
        query.replace("$__rate_interval", "30s")
    };
    found
        .iter()
        .map(|(name, query)| (name.clone(), put_in(query)))
        .collect()
}

/// The series that a query names: `NAME{…}`.
fn selectors(query: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let open = query.match_indices('{').map(|(at, _)| at);
    open.map(|at| {
        let begin = query[..at]
            .rfind(|c| !is_name(c))
            .map_or(0, |before| before + 1);
        let end = at + query[at..].find('}').expect("a whole selector");
        query[begin..=end].to_owned()
    })
    .collect()
}

#[test]
fn every_query_of_the_dashboard_and_the_alerts_finds_what_the_server_counts() {
    let directory = Directory::new();
    let server = Process::start(tablecast(&directory).args(ANY_PORT));
    let prometheus = Prometheus::start(&directory, server.address());
    prometheus.scrapes(1);
    visit(server.address());
    prometheus.scrapes(2);

    let queries = queries();
    assert!(queries.len() > 30, "{queries:?}");
    let silent = || {
        let silent = queries
            .iter()
            .filter(|(_, query)| prometheus.count(query) == 0);
        silent
            .map(|(name, _)| name.as_str())
            .collect::<BTreeSet<_>>()
    };
    // On a busy machine a scrape may come too late, and then everything is silent until the next one.
    blocking_until("all others find something", silent, |silent| {
        *silent == BTreeSet::from(NEED_MORE)
    });

    let rules = || {
        let answer = prometheus.get("/api/v1/rules");
        let groups = answer["data"]["groups"].as_array().cloned();
        let rules = |group: &Value| group["rules"].as_array().cloned().unwrap_or_default();
        groups.iter().flatten().flat_map(rules).collect::<Vec<_>>()
    };
    let are_known = |rules: &Vec<Value>| {
        !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown")
    };
    for rule in blocking_until("the rules are evaluated", rules, are_known) {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert_ne!(rule["state"], "firing", "{rule}");
        for series in selectors(rule["query"].as_str().unwrap()) {
            let what = format!("{series} in {} is as it should be", rule["name"]);
            let is_there = || prometheus.count(&series) > 0;
            blocking_until(&what, is_there, |is| *is != series.starts_with(NOT_HERE));
        }
    }
}
