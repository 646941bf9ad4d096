//! What a line means that somebody typed, in the full screen and in lines alike.

use tablecast_client::protocol::Colour;
use tablecast_lunch::{Command, Decide, Extend, How, Title};

use crate::text::sanitise;
use crate::words::Lang;

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
    /// Put back what was removed last.
    Undo,
    /// Show something, which changes nothing.
    Show(Show),
    /// Connect now.
    Retry,
    /// Leave.
    Quit,
}

/// What can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// The menu.
    Menu,
    /// The members.
    Members,
    /// The room's address.
    Link,
    /// The help.
    Help,
}

impl Action {
    /// Whether it would change something for others, and not only show something here.
    pub(crate) fn is_change(&self) -> bool {
        use Action as A;
        matches!(
            self,
            A::Add(_) | A::Name(_) | A::Colour(_) | A::Send(_) | A::Undo
        )
    }
}

/// Reads a line: what does not begin with `/` is added; `//` stands for a `/` at the
/// beginning of an item.
///
/// # Errors
/// What is wrong with it, for people.
pub fn read(line: &str, lang: &Lang) -> Result<Action, String> {
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
    let number = |word| rest.parse::<u64>().map_err(|_| (lang.no_number)(word));
    let asked = match &*word.to_lowercase() {
        "vote" => Command::vote(number("/vote")?, true),
        "unvote" => Command::vote(number("/unvote")?, false),
        "remove" => Command::remove(number("/remove")?),
        "decide" => Command::Decide(Decide { how: How::Votes }),
        "draw" => Command::Decide(Decide { how: How::Draw }),
        "extend" => Command::Extend(Extend {}),
        "title" => Command::Title(Title {
            title: Some(rest.to_owned()).filter(|title| !title.is_empty()),
        }),
        "name" if rest.is_empty() => return Err(lang.no_name.to_owned()),
        "name" => return Ok(Action::Name(rest.to_owned())),
        "colour" | "color" => {
            let colour = rest.parse().ok().and_then(Colour::new);
            return colour
                .map(Action::Colour)
                .ok_or_else(|| lang.no_colour.to_owned());
        }
        "add" if rest.is_empty() => return Err(lang.no_item.to_owned()),
        "add" => return Ok(Action::Add(rest.to_owned())),
        "undo" => return Ok(Action::Undo),
        "list" | "menu" => return Ok(Action::Show(Show::Menu)),
        "members" | "who" => return Ok(Action::Show(Show::Members)),
        "link" => return Ok(Action::Show(Show::Link)),
        "help" | "?" => return Ok(Action::Show(Show::Help)),
        "retry" => return Ok(Action::Retry),
        "quit" | "exit" | "leave" => return Ok(Action::Quit),
        _ => return Err((lang.no_command)(&sanitise(&format!("/{word}")))),
    };
    Ok(Action::Send(asked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ENGLISH;

    fn read(line: &str) -> Result<Action, String> {
        super::read(line, &ENGLISH)
    }

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
        assert_eq!(read("/add"), Err(ENGLISH.no_item.to_owned()));
        let colour = |index| Ok(Action::Colour(Colour::new(index).unwrap()));
        assert_eq!(read("/color 11"), colour(11));
        assert_eq!(read("/colour 12"), Err(ENGLISH.no_colour.to_owned()));
        assert_eq!(read("/remove pizza"), Err((ENGLISH.no_number)("/remove")));
        assert_eq!(read("/name"), Err(ENGLISH.no_name.to_owned()));
        assert_eq!(read("/drow"), Err((ENGLISH.no_command)("/drow")));
    }
}
