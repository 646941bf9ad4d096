//! The real `websocat`, as in the README.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use tablecast_testing::DEADLINE;

use crate::harness::Node;

struct Websocat {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Websocat {
    fn start(node: &Node, room: &str) -> Websocat {
        let mut child = Command::new("websocat")
            .arg(format!("ws://{}/ws/{room}/", node.address()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("websocat is not there: cargo install --locked websocat");
        let stdin = child.stdin.take().unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, lines) = channel();
        let errors = sender.clone();
        std::thread::spawn(move || {
            BufReader::new(out)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        std::thread::spawn(move || {
            BufReader::new(err)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| errors.send(line))
        });
        Websocat {
            child,
            stdin,
            lines,
        }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    fn shows(&self) -> String {
        self.lines
            .recv_timeout(DEADLINE)
            .expect("websocat shows nothing")
    }
}

impl Drop for Websocat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn two_terminals_choose_lunch_and_the_eleventh_is_refused() {
    let node = Node::start("memory", &[]);
    let room = node.make_room().await;
    let mut a = Websocat::start(&node, &room);
    assert_eq!(a.shows(), "[]");
    let mut b = Websocat::start(&node, &room);
    assert_eq!(b.shows(), "[]");
    a.types("add:김치찌개");
    assert_eq!(a.shows(), r#"["김치찌개"]"#);
    assert_eq!(b.shows(), r#"["김치찌개"]"#);
    b.types("Add: pizza ");
    assert_eq!(a.shows(), r#"["김치찌개","pizza"]"#);
    assert_eq!(b.shows(), r#"["김치찌개","pizza"]"#);
    b.types("remove:sushi");
    assert!(b.shows().starts_with(r#"{"error":{"code":"not_found""#));
    a.types("remove:김치찌개");
    assert_eq!(a.shows(), r#"["pizza"]"#);
    assert_eq!(b.shows(), r#"["pizza"]"#, "b heard nothing between");

    let more: Vec<Websocat> = (0..8).map(|_| Websocat::start(&node, &room)).collect();
    assert!(
        more.iter()
            .all(|websocat| websocat.shows() == r#"["pizza"]"#)
    );
    let eleventh = Websocat::start(&node, &room);
    assert!(
        eleventh.shows().contains("403"),
        "the refusal shows its status"
    );
    let lost = Websocat::start(&node, "00000000-0000-4000-8000-000000000000");
    assert!(lost.shows().contains("404"), "the refusal shows its status");
}
