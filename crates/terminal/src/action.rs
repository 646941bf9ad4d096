//! What a line means that somebody typed, in the full screen and in lines alike.

use tablecast_client::protocol::Colour;
use tablecast_lunch::{
    ChangeRules, Command, Decide, Extend, How, Lock, Nudge, Reinstate, Restore, SetDeadline, Title,
    Veto,
};

use crate::clock::When;
use crate::lunch::Request;
use crate::show::Show;
use crate::text::{quoted, sanitise};

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing was typed.
    Nothing,
    /// Put this on the menu.
    Add(String),
    /// Another name, keeping the colour.
    Name(String),
    /// Another colour, keeping the name.
    Colour(Colour),
    /// Something that the server is asked for as it is.
    Send(Command),
    /// Decide by the votes at that time.
    DecideAt(When),
    /// The chosen item is nothing that this member can eat (`true`), or is after all.
    VetoChosen(bool),
    /// Make the member host who is called so.
    Host(String),
    /// Ask the member to leave who is called so.
    Dismiss(String),
    /// Leave for the room that follows this one.
    Again,
    /// Put back what was removed last.
    Undo,
    /// Show something, which changes nothing.
    Show(Show),
    /// Connect now.
    Retry,
    /// Leave.
    Quit,
}

impl Action {
    /// Whether it need not wait for what was said before it: it changes nothing for others, or ends
    /// the waiting.
    pub(crate) fn is_urgent(&self) -> bool {
        matches!(self, Action::Show(_) | Action::Retry | Action::Quit)
    }

    /// Whether it would change something for others, and not only show something here.
    pub(crate) fn is_change(&self) -> bool {
        use Action as A;
        !matches!(
            self,
            A::Nothing | A::Show(_) | A::Retry | A::Again | A::Quit
        )
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// `/add` without an item.
    NoItem,
    /// `/name` without a name.
    NoName,
    /// `/colour` without one of the colours.
    NoColour,
    /// This command without the number of an item.
    NoNumber(&'static str),
    /// `/deadline` without a time.
    NoTime,
    /// `/rules` without a rule.
    NoRule,
    /// This command without somebody's name.
    NoMember(String),
    /// There is no such command.
    NoCommand(String),
}

/// Reads a line: what does not begin with `/` is added; `//` stands for a `/` at the
/// beginning of an item.
///
/// # Errors
/// It is not understood.
pub fn read(line: &str) -> Result<Action, Mistake> {
    let line = line.trim();
    let Some(command) = line.strip_prefix('/') else {
        return Ok(match line {
            "" => Action::Nothing,
            item => Action::Add(item.to_owned()),
        });
    };
    if command.starts_with('/') {
        return Ok(Action::Add(command.to_owned()));
    }
    let (word, rest) = match command.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim()),
        None => (command, ""),
    };
    let number = |word| rest.parse::<u64>().map_err(|_| Mistake::NoNumber(word));
    let word = word.to_lowercase();
    let asked = match &*word {
        "vote" => Command::vote(number("/vote")?, true),
        "unvote" => Command::vote(number("/unvote")?, false),
        "remove" => Command::remove(number("/remove")?),
        "restore" => Command::Restore(Restore {
            number: number("/restore")?,
        }),
        "reinstate" => Command::Reinstate(Reinstate {
            decision: number("/reinstate")?,
        }),
        "veto" | "unveto" if rest.is_empty() => return Ok(Action::VetoChosen(word == "veto")),
        "veto" | "unveto" => {
            let number = rest.parse().ok();
            Command::Veto(Veto {
                item: number.is_none().then(|| rest.to_owned()),
                number,
                on: word == "veto",
            })
        }
        "deadline" if rest == "off" => Command::Deadline(SetDeadline {
            at: Some(None),
            in_ms: None,
        }),
        "deadline" => match rest.parse() {
            Ok(When::In(time)) => Command::Deadline(SetDeadline {
                at: None,
                in_ms: Some(time),
            }),
            Ok(at) => return Ok(Action::DecideAt(at)),
            Err(_) => return Err(Mistake::NoTime),
        },
        "rules" => Command::Rules(rules(rest).ok_or(Mistake::NoRule)?),
        "nudge" => Command::Nudge(Nudge {}),
        "lock" | "unlock" => Command::Lock(Lock { on: word == "lock" }),
        "host" | "dismiss" if rest.is_empty() => return Err(Mistake::NoMember(word)),
        "host" => return Ok(Action::Host(rest.to_owned())),
        "dismiss" => return Ok(Action::Dismiss(rest.to_owned())),
        "decide" => Command::Decide(Decide { how: How::Votes }),
        "draw" => Command::Decide(Decide { how: How::Draw }),
        "extend" => Command::Extend(Extend {}),
        "title" => Command::Title(Title {
            title: Some(rest.to_owned()).filter(|title| !title.is_empty()),
        }),
        "name" if rest.is_empty() => return Err(Mistake::NoName),
        "name" => return Ok(Action::Name(rest.to_owned())),
        "colour" | "color" => {
            let colour = rest.parse().ok().and_then(Colour::new);
            return colour.map(Action::Colour).ok_or(Mistake::NoColour);
        }
        "add" if rest.is_empty() => return Err(Mistake::NoItem),
        "add" => return Ok(Action::Add(rest.to_owned())),
        "undo" => return Ok(Action::Undo),
        "list" | "menu" => return Ok(Action::Show(Show::Menu)),
        "members" | "who" => return Ok(Action::Show(Show::Members)),
        "link" => return Ok(Action::Show(Show::Link)),
        "removed" => return Ok(Action::Show(Show::Removed)),
        "past" => return Ok(Action::Show(Show::Past)),
        "again" => return Ok(Action::Again),
        "help" | "?" => return Ok(Action::Show(Show::Help)),
        "retry" => return Ok(Action::Retry),
        "quit" | "exit" | "leave" => return Ok(Action::Quit),
        _ => return Err(Mistake::NoCommand(sanitise(&word))),
    };
    Ok(Action::Send(asked))
}

/// What somebody types for a command, as far as a line has room: an item, or a word and what it is about.
pub(crate) fn typed(ask: &Request) -> String {
    let command = match ask {
        Request::Rename(rename) => return format!("/name {}", quoted(&rename.name)),
        Request::Command(command) => command,
    };
    let shown = |number: u64| number.to_string();
    let (word, about) = match command {
        Command::Add(add) => return quoted(&add.item),
        Command::Title(Title { title }) => ("title", title.as_deref().map(quoted)),
        Command::Remove(one) => ("remove", one.number.map(shown)),
        Command::Restore(one) => ("restore", Some(shown(one.number))),
        Command::Vote(vote) if vote.on => ("vote", vote.number.map(shown)),
        Command::Vote(vote) => ("unvote", vote.number.map(shown)),
        Command::Veto(Veto { item, number, on }) => {
            let about = item.as_deref().map(quoted).or(number.map(shown));
            (if *on { "veto" } else { "unveto" }, about)
        }
        Command::Reinstate(one) => ("reinstate", Some(shown(one.decision))),
        Command::Deadline(_) => ("deadline", None),
        Command::Nudge(_) => ("nudge", None),
        Command::Rules(_) => ("rules", None),
        Command::Lock(lock) => (if lock.on { "lock" } else { "unlock" }, None),
        Command::Host(_) => ("host", None),
        Command::Dismiss(_) => ("dismiss", None),
        Command::Extend(_) => ("extend", None),
        Command::Decide(Decide { how: How::Votes }) => ("decide", None),
        // This client says the last two by itself.
        Command::Decide(_) | Command::Contribute(_) | Command::Reveal(_) => ("draw", None),
    };
    let about = about.map(|about| format!(" {about}"));
    format!("/{word}{}", about.unwrap_or_default())
}

/// A change of the rules: `hidden on`, `hidden off`, `votes 3`, `votes any`.
fn rules(text: &str) -> Option<ChangeRules> {
    let (rule, value) = text.split_once(char::is_whitespace)?;
    let mut rules = ChangeRules::default();
    match (rule, value.trim()) {
        ("hidden", "on") => rules.hidden_votes = Some(true),
        ("hidden", "off") => rules.hidden_votes = Some(false),
        ("votes", "any") => rules.votes_each = Some(None),
        ("votes", count) => rules.votes_each = Some(Some(count.parse().ok()?)),
        _ => return None,
    }
    Some(rules)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_without_a_slash_is_an_item() {
        let add = |item: &str| Ok(Action::Add(item.to_owned()));
        assert_eq!(read("  김치찌개 "), add("김치찌개"));
        assert_eq!(read("add:pizza"), add("add:pizza"));
        assert_eq!(read("//dev/null soup"), add("/dev/null soup"));
        assert_eq!(read("  "), Ok(Action::Nothing));
    }

    #[test]
    fn commands_are_read_in_any_case_and_wrong_ones_are_named() {
        let vote = |number, on| Ok(Action::Send(Command::vote(number, on)));
        assert_eq!(read("/Vote 3"), vote(3, true));
        assert_eq!(read("/unvote  3"), vote(3, false));
        assert_eq!(
            read("/draw"),
            Ok(Action::Send(Command::Decide(Decide { how: How::Draw })))
        );
        let title = |title| Ok(Action::Send(Command::Title(Title { title })));
        assert_eq!(
            read("/title Friday lunch"),
            title(Some("Friday lunch".to_owned()))
        );
        assert_eq!(read("/title"), title(None));
        assert_eq!(read("/members"), read("/who"));
        assert_eq!(read("/add pizza"), Ok(Action::Add("pizza".to_owned())));
        assert_eq!(read("/add"), Err(Mistake::NoItem));
        let colour = |index| Ok(Action::Colour(Colour::new(index).unwrap()));
        assert_eq!(read("/color 11"), colour(11));
        assert_eq!(read("/colour 12"), Err(Mistake::NoColour));
        assert_eq!(read("/remove pizza"), Err(Mistake::NoNumber("/remove")));
        assert_eq!(read("/name"), Err(Mistake::NoName));
        assert_eq!(read("/veto"), Ok(Action::VetoChosen(true)));
        assert_eq!(
            read("/deadline 12:30"),
            Ok(Action::DecideAt("12:30".parse().unwrap()))
        );
        for (line, command) in [
            ("/veto 2", json!({"veto":{"number":2,"on":true}})),
            ("/unveto 7up", json!({"veto":{"item":"7up","on":false}})),
            ("/deadline 20m", json!({"deadline":{"in_ms":1_200_000}})),
            ("/deadline off", json!({"deadline":{"at":null}})),
            ("/rules hidden  on", json!({"rules":{"hidden_votes":true}})),
            ("/rules votes 3", json!({"rules":{"votes_each":3}})),
            ("/rules votes any", json!({"rules":{"votes_each":null}})),
            ("/nudge", json!({"nudge":{}})),
            ("/unlock", json!({"lock":{"on":false}})),
            ("/restore 3", json!({"restore":{"number":3}})),
            ("/reinstate 1", json!({"reinstate":{"decision":1}})),
        ] {
            match read(line) {
                Ok(Action::Send(asked)) => {
                    assert_eq!(serde_json::to_value(asked).unwrap(), command)
                }
                other => panic!("{line}: {other:?}"),
            }
        }
        for line in [
            "/rules",
            "/rules hidden",
            "/rules votes no",
            "/rules hidden 3",
        ] {
            assert_eq!(read(line), Err(Mistake::NoRule), "{line}");
        }
        assert_eq!(read("/deadline noon"), Err(Mistake::NoTime));
        assert_eq!(read("/host"), Err(Mistake::NoMember("host".to_owned())));
        assert_eq!(read("/drow"), Err(Mistake::NoCommand("drow".to_owned())));
    }
}
