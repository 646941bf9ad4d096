//! English.

use tablecast_client::protocol::CloseReason as R;
use tablecast_client::{Notification as N, Who};
use tablecast_lunch::{Decided, Event as E, Verdict, Voted};

use super::lang::Lang;
use crate::action::{Mistake, typed};
use crate::lunch::{News, Room};

/// English.
pub static ENGLISH: Lang = Lang {
    code: "en",
    lunch: "Lunch",

    connecting: "connecting",
    live: "live",
    watching: "watching",
    again_in: |seconds| format!("offline, again in {seconds} s"),
    ended: "ended",

    listed_you: "you",
    gone_members: |count| format!("{count} who left"),
    behind_you: " (you)",
    behind_away: " away",
    behind_host: " host",
    behind_voted: " voted",

    seats_taken: |taken, seats| format!("{taken} of {seats} here"),
    voted_of: |voted, members| format!("{voted}/{members} voted"),
    time_left: |time| format!("{time} left"),
    decides_in: |time| format!("decides in {time}"),
    hidden_votes: "votes are hidden",
    open_votes: "votes are open",
    votes_each: |count| match count {
        1 => "one vote each".to_owned(),
        _ => format!("{count} votes each"),
    },
    any_votes: "as many as you like",
    locked: "locked by the host",
    empty_menu: "Nothing on the menu yet. Type what you would like, and Enter.",
    added_by: |name| format!("from {name}"),
    votes: |count| match count {
        1 => "1 vote".to_owned(),
        _ => format!("{count} votes"),
    },
    vetoes: |count| format!("{count} cannot eat it"),
    vetoed_by: |names| format!("cannot eat it: {names}"),
    decided: "decided",

    placeholder: "type to add",
    keys_wide: "Enter vote  ^X remove  ^Z undo  /decide  /draw  F1 help  ^C leave",
    keys_narrow: "Enter vote  ^X remove  F1 help  ^C quit",
    press_to_end: "Enter ends, ^R retry, /again new room",
    help_goes_on: "Up, Down: more   Esc: back",
    help_ends: "Esc: back",

    silent: "the server does not answer",
    lost: "the connection was lost",
    gone: "the room is gone: its time was up, or the server has lost it",
    garbled: |what| format!("server and client do not understand each other: {what}"),
    outdated: "the server is newer than this program: get a newer one; what you see may be incomplete",
    closed: |reason| match reason {
        R::Left => "you left",
        R::Dismissed => "you were asked to leave",
        R::RoomFull => "the room is full; you are let in when a seat is free",
        R::NoSuchRoom => {
            "there is no such room, or it has expired: `tablecast create` makes another"
        }
        R::Closed => "the room was closed",
        R::Expired => "the room has expired",
        R::TakenOver => "you are here in another window now",
        R::Restarting => "the server restarts",
        R::BadSeat => "the seat was given up",
        R::Unavailable => "the store cannot be reached",
        R::NoPong => "no sign of life came",
        R::TooSlow => "it was read too slowly",
        R::TooMany => "too many commands",
        R::Protocol | R::Binary | R::NotUtf8 | R::TooBig | R::BadProtocol => reason.text(),
    },

    nothing_removed: "nothing was removed",
    nothing_past: "nothing was decided before",

    drawing_among: |candidates, added| {
        format!("Drawing among {candidates}: {added} took part so far")
    },
    decided_with: |item, votes| format!("Decided: {item}, with {votes}"),
    by_deadline: ", when the time was up",
    drawn: |item| format!("Drawn: {item}"),
    drawn_of: |item, candidates, added, verdict| {
        format!("Drawn: {item}, 1 of {candidates}, {added} took part, {verdict}")
    },
    verdict: |verdict| match verdict {
        None => "not checked",
        Some(Verdict::Fair) => "verified",
        Some(Verdict::AddsUp) => "adds up, but began before you came",
        Some(Verdict::WithoutYours) => "verified, but without your chance",
        Some(Verdict::ServerAlone) => "the server's secret alone decided",
        Some(Verdict::OtherSecret) => "NOT FAIR: not the secret that was promised",
        Some(Verdict::OtherWinner) => "NOT FAIR: the numbers lead to another item",
    },

    mistake: |mistake| match mistake {
        Mistake::NoItem => "/add needs something to add, as in /add pizza".to_owned(),
        Mistake::NoName => "/name needs a name, as in /name Mina".to_owned(),
        Mistake::NoColour => "/colour needs a number from 0 to 11".to_owned(),
        Mistake::NoNumber(word) => format!("{word} needs the number of an item, as in {word} 2"),
        Mistake::NoTime => {
            "/deadline needs a time, as in /deadline 12:30 or /deadline 20m, or off".to_owned()
        }
        Mistake::NoRule => "/rules hidden on|off, /rules votes NUMBER|any".to_owned(),
        Mistake::NoMember(word) => format!("/{word} needs a name, as in /{word} Mina"),
        Mistake::NoCommand(word) => {
            format!("there is no /{word}: /help lists what there is, // in front adds it")
        }
    },
    nobody_called: |name| format!("nobody here is called {name}"),
    several_called: |name, ids| format!("several are called {name}: name one by number, {ids}"),
    not_here_yet: "you are not in the room yet",
    nothing_to_undo: "you have removed nothing",
    too_much_pasted: "that is too long for a line; nothing of it was taken",
    not_utf8: "it is not UTF-8; `iconv -t UTF-8` makes it so",
    line_too_long: |most| format!("a line has at most {most} bytes"),
    line_not_said: |number, begin, why| format!("line {number}, \"{begin}\", was not said: {why}"),

    voted_instead: |item| format!("{item} is on the menu already; your vote is for it"),
    on_its_way: |item| format!("{item} is on its way already"),
    waiting: |count| format!("{count} not sent yet"),
    not_sent: |asks| format!("not sent: {asks}"),
    and_more: |count| format!("{count} more"),
    refusal: |_, _| None,

    notification: |lang, notification, room| match notification {
        N::Joined(who) => format!("{} joined", subject(who)),
        N::Back(who) => format!("Back again: {}", subject(who)),
        N::Away(who) => format!("Away: {}", subject(who)),
        N::Left(who) => format!("{} left", subject(who)),
        N::Renamed(who, name) => format!("{} took the name {name}", subject(who)),
        N::Change(who, news) => {
            let who = who.as_ref().unwrap_or(&Who::Nobody);
            changed(lang, subject(who), news, room)
        }
        N::Watching(true) => "You watch, without a seat".to_owned(),
        N::Watching(false) => "You have a seat now".to_owned(),
        N::Snapshot => String::new(),
        N::Refused(refusal, ask) => lang.refused(refusal, ask.as_ref()),
        N::Unsure(asks) => {
            let asks = lang.asks(asks);
            format!("the seat was lost; look whether this was done: {asks}")
        }
        N::TooMany(ask) => format!("{}: too much is waiting to be sent", typed(ask)),
        N::Store(false) => {
            "the store cannot be reached: nothing changes until it answers".to_owned()
        }
        N::Store(true) => "the store answers again".to_owned(),
        N::Outdated(_) => lang.outdated.to_owned(),
    },

    numbered: &[
        ("/vote N, /unvote N", "for the item with this number"),
        ("/remove N", "take an item away"),
        ("/list", "the menu"),
    ],
    commands: &[
        ("WORDS", "add, or vote if it exists"),
        ("/undo", "put back what you removed"),
        ("/decide", "most votes win, or a draw"),
        ("/draw", "draw among all"),
        ("/title TEXT", "name the room"),
        ("/name NAME", "change your name"),
        ("/colour 0-11", "change your colour"),
        ("/deadline T", "T: 12:30, 20m or off"),
        ("/nudge", "ask the others to vote"),
        ("/veto ITEM", "you cannot eat it"),
        ("/unveto ITEM", "you can after all"),
        ("/rules", "hidden on, off; votes N"),
        ("/lock", "the menu is the host's"),
        ("/unlock", "it is everybody's again"),
        ("/host WHO", "make somebody host"),
        ("/dismiss WHO", "ask somebody to leave"),
        ("/removed", "what was removed"),
        ("/restore N", "put one of these back"),
        ("/past", "what was decided before"),
        ("/reinstate N", "decide that again"),
        ("/again", "the next room, same menu"),
        ("/extend", "the whole time again"),
        ("/members", "who is here"),
        ("/link", "the room's address"),
        ("/retry", "connect now, when offline"),
        ("/help", "this help"),
        ("/quit", "leave"),
    ],
    keys: &[
        ("Up, Down", "choose an item"),
        ("Enter", "vote, or take it back"),
        ("Delete or ^X", "remove it"),
        ("^Z", "put back what you removed"),
        ("^R", "try now, when offline"),
        ("F1 or ^G", "this help"),
        ("^C or ^D", "leave"),
    ],

    person_not_kept: |why| {
        format!("you are somebody new this time, since your secret cannot be kept: {why}")
    },
    person_was_open: |path| {
        format!(
            "others could read {path}, which lets them be you; now only you can. Remove it to be somebody new"
        )
    },
    person_damaged: |path| {
        format!(
            "{path} is damaged: it should have 32 lower-case hex digits. Remove it to be somebody new, or use --guest"
        )
    },

    too_narrow: "(the terminal is too narrow for the QR code)",
    only_here: "Phones cannot open it: this address leads to this machine alone.",
    some_address: "ADDRESS",
    listen_to_all: |port, site| {
        format!(
            "Run the server with --listen 0.0.0.0:{port}, and then: tablecast create --server {site}"
        )
    },
    in_a_browser: "in a browser:",
    in_a_terminal: "in a terminal:",
    by_hand: "by hand:",
};

fn subject(who: &Who) -> &str {
    match who {
        Who::You => "You",
        Who::Other(name) => name,
        Who::Nobody => "Somebody",
    }
}

fn changed(lang: &Lang, who: &str, news: &News, room: Option<&Room>) -> String {
    let News { event, item, votes } = news;
    let votes = (ENGLISH.votes)(*votes);
    match event {
        E::Voted(Voted::Hidden { any: true, .. }) => format!("{who} voted"),
        E::Voted(Voted::Hidden { .. }) => format!("{who} took all their votes back"),
        E::Deadline { at: Some(at), .. } => {
            format!("{who} set the deadline to {}", lang.time_of_day(*at, room))
        }
        E::Deadline { name: Some(_), .. } => format!("{who} took the deadline away"),
        E::Deadline { .. } => "The time is up, and there was nothing to decide".to_owned(),
        E::Nudged { .. } => format!("{who} asked everybody to vote"),
        E::Vetoed { on: true, .. } => format!("{who} cannot eat {item}"),
        E::Vetoed { .. } => format!("{who} can eat {item} after all"),
        E::Ruled(ruled) => format!("{who} changed the rules: {}", lang.rules(ruled.rules)),
        E::Locked { on: true, .. } => format!("{who} locked the menu"),
        E::Locked { .. } => format!("{who} unlocked the menu"),
        E::Hosted { member, .. } => match member {
            Some(member) => format!("Host now: {}", lang.called(room, *member)),
            None => "Nobody is host any more".to_owned(),
        },
        E::Dismissed { member, .. } => {
            format!("{who} asked {} to leave", lang.called(room, *member))
        }
        E::Reinstated { .. } => format!("{who} went back to the decision for {item}"),
        E::Added { .. } => format!("{who} added {item}"),
        E::Removed { .. } => format!("{who} removed {item}"),
        E::Restored(_) => format!("{who} put {item} back"),
        E::Voted(Voted::For { on: true, .. }) => format!("{who} voted for {item}: {votes}"),
        E::Voted(_) => format!("{who} took a vote from {item}: {votes}"),
        E::Titled { title } => match title {
            Some(title) => format!("{who} named the room {title}"),
            None => format!("{who} took the room's name away"),
        },
        E::Extended {} => format!("{who} extended the time"),
        E::Drawing(began) => match (began.candidates.len(), &began.name) {
            (count, Some(_)) => format!("{who} began a draw among {count}"),
            (count, None) => format!("The time is up: a draw among {count}"),
        },
        E::Decided(decided) => match **decided {
            Decided::Votes { .. } => format!("Decided by votes: {item}"),
            Decided::Draw { .. } => (ENGLISH.drawn)(item),
        },
        // They are no news.
        E::Contributed { .. } | E::Cleared { .. } => String::new(),
    }
}
