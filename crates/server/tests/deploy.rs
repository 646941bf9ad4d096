//! What is shipped in `deploy/` fits together, and is what the programs that read it accept.
//! The proxies are started from it in `system/proxies.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tablecast_testing::Directory;

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(deploy(file)).unwrap()
}

/// What stands behind `key`, up to the end of the line or a blank.
fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let (_, rest) = text.split_once(key).unwrap_or_else(|| panic!("no {key}"));
    rest.split_whitespace().next().unwrap()
}

fn seconds(text: &str) -> u64 {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    digits.parse().unwrap_or_else(|_| panic!("no time: {text}"))
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let path = std::env::var("PATH").unwrap();
    Command::new(program)
        .args(arguments)
        // Debian puts servers where users do not look for programs.
        .env("PATH", format!("{path}:/usr/sbin"))
        .output()
        .unwrap_or_else(|error| {
            panic!("{program} cannot be run ({error}): cargo xtask test installs it")
        })
}

/// Or else the drain is cut short, and members hear nothing of it.
#[test]
fn whatever_stops_a_node_waits_longer_than_its_drain() {
    let help = run(env!("CARGO_BIN_EXE_tablecast"), &["--help"]);
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, drain) = help.split_once("--drain-timeout").unwrap();
    let drain = seconds(value(drain, "[default: ").trim_end_matches(']'));
    for (file, key) in [
        ("compose.yaml", "stop_grace_period: "),
        ("compose.one.yaml", "stop_grace_period: "),
        ("tablecast.service", "TimeoutStopSec="),
        ("Dockerfile", "`docker stop --time "),
    ] {
        let patience = seconds(value(&read(file), key));
        assert!(patience > drain, "{file}: {patience} s for {drain} s");
    }
    for file in ["kubernetes.yaml", "kubernetes.one.yaml"] {
        let manifest = read(file);
        let patience = seconds(value(&manifest, "terminationGracePeriodSeconds: "));
        // The time before it hears that it ends counts, too.
        let before = seconds(value(&manifest, "sleep: {seconds: ").trim_end_matches('}'));
        let needed = before + drain;
        assert!(patience > needed, "{file}: {patience} s for {needed} s");
    }
    let said = value(&read("README.md"), "`--drain-timeout` (").to_owned();
    assert_eq!(seconds(&said), drain, "README.md says {said}");
}

#[test]
fn the_files_name_the_same_addresses() {
    let compose = read("compose.yaml");
    let nodes = ["172.30.80.11", "172.30.80.12"];
    for node in nodes {
        let fixed = format!("ipv4_address: {node}\n");
        assert_eq!(compose.matches(&fixed).count(), 1, "{node}");
        for file in ["nginx.conf", "haproxy.cfg", "Caddyfile"] {
            let count = read(file).matches(&format!("{node}:8000")).count();
            assert_eq!(count, 1, "{node} in {file}");
        }
    }
    let proxy = value(&compose, "TABLECAST_TRUSTED_PROXY: ");
    let proxy = proxy.strip_suffix("/32").unwrap();
    assert!(compose.contains(&format!("ipv4_address: {proxy}\n")));
}

/// Where a node may write, and what survives it.
#[test]
fn a_node_alone_keeps_its_rooms_where_it_may_write() {
    let unit = read("tablecast.service");
    assert!(unit.contains("\nStateDirectory=tablecast\nStateDirectoryMode=0700\n"));
    // Without a variable, which would go before a line of the file with options.
    assert!(unit.contains("\nWorkingDirectory=%S/tablecast\n"));
    assert!(!unit.contains("\nEnvironment="));
    // It would hide the boot id, and each crash would be taken for a restart of the machine.
    assert!(!unit.contains("ProcSubset"));
    let image = read("Dockerfile");
    let store = "TABLECAST_STORE=sqlite:/var/lib/tablecast/tablecast.db";
    assert!(image.contains(store) && image.contains("\nVOLUME /var/lib/tablecast\n"));
    assert!(read("compose.one.yaml").contains("\"rooms:/var/lib/tablecast\""));
    // Two nodes have theirs in common.
    assert!(read("compose.yaml").contains("TABLECAST_STORE: redis://"));
}

/// That its fields exist is asked of `kubernetes-validate` by `cargo xtask test`.
#[test]
fn a_pod_runs_the_image_of_this_version_as_the_image_says() {
    let image = read("Dockerfile");
    let user = value(&image, "\nUSER ");
    let (user, group) = user.split_once(':').unwrap();
    for file in ["kubernetes.yaml", "kubernetes.one.yaml"] {
        let manifest = read(file);
        let version = concat!(
            "image: ghcr.io/tablecast/tablecast:",
            env!("CARGO_PKG_VERSION"),
            "\n"
        );
        let user = format!("runAsUser: {user}\n");
        let group = format!("runAsGroup: {group}\n");
        for line in [
            version,
            &user,
            &group,
            // Else the Service's name becomes variables that look like options.
            "enableServiceLinks: false\n",
            "readOnlyRootFilesystem: true\n",
        ] {
            assert!(manifest.contains(line), "{file} has no {line}");
        }
        let port = value(&image, "\nEXPOSE ");
        assert!(manifest.contains(&format!("containerPort: {port}}}\n")));
    }
    // Only a store that all share lets there be two.
    let (several, one) = (read("kubernetes.yaml"), read("kubernetes.one.yaml"));
    assert!(several.contains("store: redis://") && several.contains("replicas: 2\n"));
    assert!(one.contains("replicas: 1\n") && one.contains("mountPath: /var/lib/tablecast}\n"));
}

/// One descriptor a member at a node, and two at the proxy.
#[test]
fn the_proxy_may_open_twice_the_files_of_a_node() {
    let node = seconds(value(&read("tablecast.service"), "LimitNOFILE="));
    let compose = read("compose.yaml");
    let limits: Vec<u64> = compose
        .split("nofile: ")
        .skip(1)
        .map(|rest| seconds(value(rest, "")))
        .collect();
    assert_eq!(limits, [node, 2 * node], "node and proxy in compose.yaml");
    let nginx = read("nginx.conf");
    assert_eq!(seconds(value(&nginx, "worker_rlimit_nofile ")), 2 * node);
    assert_eq!(
        seconds(value(&read("haproxy.cfg"), "fd-hard-limit ")),
        2 * node
    );
}

#[test]
fn systemd_accepts_the_unit() {
    let program = env!("CARGO_BIN_EXE_tablecast");
    let unit = read("tablecast.service").replace("/usr/local/bin/tablecast", program);
    let directory = Directory::new();
    let file = directory.write("tablecast.service", &unit);
    let checked = run(
        "systemd-analyze",
        &["verify", "--man=no", file.to_str().unwrap()],
    );
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    // It also reads the units of the machine that this one names; what it says of them is not ours.
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("tablecast"))
        .collect();
    assert!(checked.status.success() && ours.is_empty(), "{said}");
}

#[test]
fn haproxy_accepts_its_file_without_a_warning() {
    let file = deploy("haproxy.cfg");
    let checked = run("haproxy", &["-c", "-dW", "-f", file.to_str().unwrap()]);
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn caddys_file_is_as_caddy_writes_it() {
    let file = deploy("Caddyfile");
    let written = run("caddy", &["fmt", file.to_str().unwrap()]);
    assert_eq!(String::from_utf8_lossy(&written.stdout), read("Caddyfile"));
}
