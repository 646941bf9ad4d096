//! Rooms in which members write lines that others may not read.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tablecast::core::limits::Rate;
use tablecast::core::logic::{Context, Logic};
use tablecast::core::{MemberId, Rejection};
use tablecast::{App, HubConfig};
use tablecast_testing::FaultyBackend;
use tablecast_testing::faulty::Faults;

use super::Hands;
use super::rooms::NodeOf;

pub(crate) type Node = NodeOf<Notes>;

/// Lines, of which hidden ones are for their writers alone until all are shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Notes {
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    by: Option<MemberId>,
    hidden: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Ask {
    Say {
        text: String,
    },
    Hide {
        text: String,
    },
    /// Two events, of which the first is hidden.
    Both {
        hide: String,
        say: String,
    },
    /// Takes away the newest line of one's own.
    Erase {},
    Reveal {},
    /// Asks a member to leave.
    Dismiss {
        member: MemberId,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Happened {
    Wrote {
        hidden: bool,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        text: Option<String>,
    },
    Erased {
        at: usize,
    },
    Revealed {
        lines: Vec<Line>,
    },
    Dismissed {
        member: MemberId,
    },
}

impl Happened {
    fn wrote(hidden: bool, text: &str) -> Happened {
        let text = Some(text.to_owned());
        Happened::Wrote { hidden, text }
    }
}

impl Logic for Notes {
    type Command = Ask;
    type Event = Happened;

    fn decide(&self, context: &Context<'_>, ask: &Ask) -> Result<Vec<Happened>, Rejection> {
        let own = |line: &Line| line.by == context.by.map(|member| member.id);
        Ok(match ask {
            Ask::Say { text } => vec![Happened::wrote(false, text)],
            Ask::Hide { text } => vec![Happened::wrote(true, text)],
            Ask::Both { hide, say } => {
                vec![Happened::wrote(true, hide), Happened::wrote(false, say)]
            }
            Ask::Erase {} => {
                let at = self.lines.iter().rposition(own);
                at.map(|at| Happened::Erased { at }).into_iter().collect()
            }
            Ask::Reveal {} => {
                let mut lines = self.lines.clone();
                lines.iter_mut().for_each(|line| line.hidden = false);
                vec![Happened::Revealed { lines }]
            }
            Ask::Dismiss { member } => vec![Happened::Dismissed { member: *member }],
        })
    }

    fn apply(&mut self, by: Option<MemberId>, happened: &Happened) {
        match happened {
            Happened::Wrote { hidden, text } => self.lines.push(Line {
                by,
                hidden: *hidden,
                text: text.clone(),
            }),
            Happened::Erased { at } => drop(self.lines.remove(*at)),
            Happened::Revealed { lines } => self.lines.clone_from(lines),
            Happened::Dismissed { .. } => {}
        }
    }

    fn dismisses(happened: &Happened) -> Option<MemberId> {
        match happened {
            Happened::Dismissed { member } => Some(*member),
            _ => None,
        }
    }
}

impl App for Notes {
    fn show(happened: &Happened) -> impl Serialize + '_ {
        match happened {
            Happened::Wrote { hidden: true, .. } => json!({"wrote": {"hidden": true}}),
            other => json!(other),
        }
    }

    fn is_secret(happened: &Happened) -> bool {
        matches!(happened, Happened::Wrote { hidden: true, .. })
    }

    fn view(&self, viewer: Option<MemberId>) -> impl Serialize + '_ {
        let seen = |line: &Line| match line.hidden && (viewer.is_none() || line.by != viewer) {
            true => json!({"by": line.by, "hidden": true}),
            false => json!(line),
        };
        self.lines.iter().map(seen).collect::<Value>()
    }

    fn has_secrets(&self) -> bool {
        self.lines.iter().any(|line| line.hidden)
    }

    fn text_command(line: &str) -> Result<Ask, Rejection> {
        let text = line.to_owned();
        Ok(Ask::Hide { text })
    }
}

/// What a client does with a change, in its own form or in that for everybody.
pub(crate) fn apply(state: &mut Value, by: &Value, change: &Value) {
    let lines = state.as_array_mut().expect("a list of lines");
    if let Some(wrote) = change.get("wrote") {
        let mut line = wrote.clone();
        line["by"] = by.clone();
        lines.push(line);
    } else if let Some(at) = change["erased"]["at"].as_u64() {
        lines.remove(at as usize);
    } else if let Some(shown) = change["revealed"]["lines"].as_array() {
        lines.clone_from(shown);
    }
}

pub(crate) fn config() -> HubConfig {
    HubConfig {
        command_rate: Rate::OFF,
        // Nodes know each other the sooner.
        node_lease: Duration::from_secs(4),
        ..HubConfig::default()
    }
}

/// Two nodes on one store, the first with faults.
pub(crate) async fn two_nodes() -> (Node, Node, Faults) {
    let one = Hands::new().store();
    let two = one.another_node();
    let faulty = FaultyBackend::new(Arc::new(one));
    let faults = faulty.faults();
    let here = Node::on(Arc::new(faulty), config()).await;
    let there = Node::on(Arc::new(two), config()).await;
    here.make("r").await;
    (here, there, faults)
}

pub(crate) fn hide(id: u64, text: &str) -> Value {
    json!({"id": id, "hide": {"text": text}})
}
