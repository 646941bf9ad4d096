//! The commands as they are typed.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Args, Parser};
use crossterm::event::Event;
use tablecast_client::protocol::client::{self, Watch};
use tablecast_client::protocol::text::guest_number;
use tablecast_client::protocol::{CloseReason, Colour};
use tablecast_client::url::Url;
use tablecast_client::{Client, Reason, now};

use crate::clock::When;
use crate::failed::Failed;
use crate::inputs::Inputs;
use crate::lines::Line;
use crate::lunch::{Lunch, verdict};
use crate::person::Person;
use crate::room_url::{self, RoomUrl};
use crate::user::User;
use crate::words::{self, Lang};
use crate::{action, create, lines, plain, run, screen};

/// What can be done at a terminal.
#[derive(Debug, Parser)]
#[command(
    name = "tablecast",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub enum Command {
    /// Joins a room in this terminal
    ///
    /// Type what you would like and press Enter; the arrow keys choose an item, Enter votes
    /// for it. F1 shows all keys and commands. The connection comes back by itself, with the
    /// same seat; Ctrl-C leaves and gives the seat up.
    ///
    /// English or Korean, by LC_ALL, LC_MESSAGES or LANG. No colours if NO_COLOR is set. For
    /// https, SSL_CERT_FILE names other root certificates than this machine's.
    ///
    /// Ends with 0 if you left, with 1 if the room ended or could not be joined, or if a line of
    /// a pipe was refused; stderr names it, and the others are said.
    ///
    /// If the server is newer and tells something that this program does not know, it says so
    /// once (on stderr when it prints lines), loads the whole room anew, and goes on: what it
    /// shows is right, but may be incomplete. The code at the end is as above.
    Join(Join),
    /// Makes a room and prints its links and a QR code
    ///
    /// If the output is no terminal, it is the link alone: tablecast join "$(tablecast create)"
    ///
    /// Whoever makes a room is its host when they join: they can lock its menu, and ask somebody
    /// to leave.
    Create(Create),
}

/// Joins a room.
#[derive(Debug, Args)]
pub struct Join {
    /// The room: http(s)://HOST/r/ID, ws(s)://HOST/ws/ID/, or HOST/r/ID (https; http for
    /// localhost and IP addresses)
    pub url: RoomUrl,

    /// What you are called [default: the server makes a name]
    #[arg(long)]
    pub name: Option<String>,

    /// Be somebody new for this once, with votes of your own. Else you are the same person as
    /// before: the one whose secret is in tablecast/person in $XDG_STATE_HOME or ~/.local/state
    #[arg(long)]
    pub guest: bool,

    /// Join the room that follows this one, with the same dishes; it is made if nobody has asked
    /// for it yet. So does /again in a room
    #[arg(long)]
    pub again: bool,

    /// Watch the room without a seat. Without this, a full room is watched until a seat is free
    #[arg(long)]
    pub watch: bool,

    /// Your colour, from 0 to 11 [default: the server chooses]
    #[arg(long, visible_alias = "color", value_name = "NUMBER",
          value_parser = clap::value_parser!(u8).range(0..=i64::from(Colour::COUNT - 1)))]
    pub colour: Option<u8>,

    /// Lines in and out instead of the full screen, for pipes and screen readers; /help
    /// lists the commands. So it is anyway if input or output is no terminal
    #[arg(long)]
    pub plain: bool,
}

/// Makes a room.
#[derive(Debug, Args)]
pub struct Create {
    /// Where to make it: http(s)://HOST, or HOST (https; http for localhost and IP addresses)
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000", value_parser = room_url::site)]
    pub server: Url,

    /// What the room is called
    #[arg(long)]
    pub title: Option<String>,

    /// How long it lives after the last join or change, from 1 to 1440 minutes [default: the
    /// server's]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub minutes: Option<u32>,

    /// Decide by the votes after so long, such as 20m or 1h
    #[arg(long, value_name = "TIME", conflicts_with = "decide_at")]
    pub decide_in: Option<When>,

    /// Decide by the votes at this time of the day, today or tomorrow, such as 12:30
    #[arg(long, value_name = "HH:MM")]
    pub decide_at: Option<When>,

    /// Nobody sees the others' votes until it is decided
    #[arg(long)]
    pub hidden_votes: bool,

    /// How many votes each may give, from 1 to 100 [default: as many as they like]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub votes_each: Option<u32>,
}

/// The command that joins a room.
pub const JOIN: &str = "join";
/// The command that makes one.
pub const CREATE: &str = "create";

impl Command {
    /// Does it: the code to end with.
    pub fn run(self) -> ExitCode {
        let lang = words::lang(|name| std::env::var(name).ok());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let done = match runtime {
            Ok(runtime) => {
                let done = runtime.block_on(self.perform(lang));
                // Nobody waits for a DNS look-up that hangs.
                runtime.shutdown_background();
                done
            }
            Err(error) => Err(error.into()),
        };
        match done {
            Ok(code) => code,
            // Whoever read the output has enough, as `head` does.
            Err(Failed::Terminal(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                ExitCode::SUCCESS
            }
            Err(error) => {
                complain(&format!("error: {error}"));
                ExitCode::FAILURE
            }
        }
    }

    async fn perform(self, lang: &'static Lang) -> Result<ExitCode, Failed> {
        match self {
            Command::Join(options) => join(options, lang).await,
            Command::Create(options) => {
                let decides = options.decide_in.or(options.decide_at);
                let wanted = create::Wanted {
                    person: Some(user(lang)?.at(&options.server)),
                    title: options.title,
                    minutes: options.minutes,
                    decide_in: decides.and_then(|when| when.minutes_from(now())),
                    hidden_votes: options.hidden_votes.then_some(true),
                    votes_each: options.votes_each,
                };
                let url = create::make(&options.server, &wanted).await?;
                let mut out = io::stdout().lock();
                let columns = out.is_terminal().then(width);
                create::print(&mut out, lang, &url, columns)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// How many columns the terminal has: 80, as most have, if it tells none or 0.
fn width() -> u16 {
    match crossterm::terminal::size() {
        Ok((columns @ 1.., _)) => columns,
        _ => 80,
    }
}

/// Says something on stderr. Nothing depends on whether it can be written.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// The user, who is told if there is something about their file.
fn user(lang: &Lang) -> Result<Person, Failed> {
    let (person, notice) = Person::of_user(lang)?;
    if let Some(notice) = notice {
        complain(&notice);
    }
    Ok(person)
}

/// Where what a user types comes from.
enum Typed {
    Keys(Inputs<Event>),
    Lines(Inputs<Line>),
}

async fn join(options: Join, lang: &'static Lang) -> Result<ExitCode, Failed> {
    let mut url = options.url;
    let person = match options.guest {
        true => Person::new()?,
        false => user(lang)?,
    };
    let mut who = client::Join {
        name: options.name,
        colour: options.colour.and_then(|index| Colour::new(index.into())),
        watch: match options.watch {
            true => Watch::Only,
            false => Watch::UntilSeated,
        },
        ..client::Join::default()
    };
    let is_typed = io::stdin().is_terminal();
    let mut typed = match !options.plain && is_typed && io::stdout().is_terminal() {
        true => Typed::Keys(screen::keys()),
        false => Typed::Lines(lines::lines()),
    };
    let mut signals = run::Signals::new()?;
    let mut goes_on = options.again;
    let mut has_refused = false;
    // Lines that wait when a room is left are for the next one.
    let mut room: Option<Client<Lunch>> = None;
    let ended = loop {
        let person = person.at(&url.site);
        if goes_on {
            let why = "interrupted while the next room was asked for";
            let known = room.as_ref().and_then(|client| client.session.room());
            let next = tokio::select! {
                next = create::again(&url, person, known) => next,
                () = signals.next() => Err(Failed::Refused(why.to_owned())),
            };
            match next {
                Ok(next) => url = next,
                Err(error) => break Err(error),
            }
        }
        let joins = client::Join {
            person: Some(person),
            ..who.clone()
        };
        let client = Client::new(Lunch::default(), url.socket(), joins.clone());
        let client =
            client.map_err(|error| Failed::Refused(format!("no random numbers: {error}")))?;
        let client = room.insert(client);
        let user = User::new(lang, joins);
        let ended = match &mut typed {
            Typed::Keys(keys) => {
                let (_guard, terminal) = screen::Guard::take()?;
                let mut ui = screen::Screen::new(terminal, user, &url);
                let ended = run::run(&mut ui, keys, client, &mut signals).await;
                goes_on = ui.user().goes_on;
                ended
            }
            Typed::Lines(lines) => {
                let mut ui = plain::Plain::new(user, &url, is_typed, io::stdout(), io::stderr());
                let ended = run::run(&mut ui, lines, client, &mut signals).await;
                goes_on = ui.user().goes_on;
                has_refused |= ui.has_refused();
                ended
            }
        };
        if !goes_on || signals.have_come || ended.is_err() {
            break ended.map_err(Failed::from);
        }
        // They are called in the next room as they were in this one.
        let own = client
            .session
            .room()
            .and_then(|room| room.member(room.you?));
        if let Some(own) = own.filter(|own| guest_number(&own.name).is_none()) {
            (who.name, who.colour) = (Some(own.name.clone()), own.colour);
        }
    };
    let session = room.as_ref().map(|client| &client.session);
    let mut left = Vec::new();
    match (typed, session) {
        // The screen is as it was before: what is worth keeping is said once more.
        (Typed::Keys(_), Some(session)) => {
            let room = session.room();
            let decision = room.and_then(|room| room.state.settling.decision.as_ref());
            if let Some(decision) = decision {
                complain(&lang.decision(decision, verdict(session)));
            }
            if session.outdated().is_some() {
                complain(lang.outdated);
            }
        }
        (Typed::Keys(_), None) => {}
        (Typed::Lines(lines), _) => {
            left = lines.left().await;
            left.retain(|line| match line {
                Line::Text(text) => action::read(text).is_ok_and(|action| action.is_change()),
                Line::Unreadable { .. } => true,
            });
        }
    }
    let pending = session.into_iter().flat_map(|session| session.pending());
    if let Some(unsent) = lang.unsent(pending, &left) {
        has_refused |= !is_typed;
        complain(&unsent);
    }
    let reason = ended?;
    let has_left = reason == Reason::Closed(CloseReason::Left);
    if !has_left {
        complain(&lang.reason(&reason));
    }
    Ok(ExitCode::from(u8::from(!has_left || has_refused)))
}
