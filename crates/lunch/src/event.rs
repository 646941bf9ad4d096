//! The events of a table. They are stored and sent to other nodes; members are [shown](Event::shown)
//! them without the hidden votes of others.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_core::MemberId;

use crate::hex::Hex32;
use crate::item::{Item, Revealed};
use crate::rules::Rules;

/// An event of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "MenuEvent")
)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// An item was added at the end.
    Added {
        /// Its number.
        number: u64,
        /// Its text.
        item: Arc<str>,
        /// The name of who added it.
        name: Arc<str>,
    },
    /// An item was removed.
    Removed {
        /// Its number.
        number: u64,
    },
    /// A removed item was put back, with everything it had; with the votes that were shown, where
    /// votes are hidden.
    Restored(Arc<Item>),
    /// A member gave or took back a vote.
    Voted(Voted),
    /// The room has another name, or none.
    Titled {
        /// The name.
        title: Option<Arc<str>>,
    },
    /// The room lives its full lifetime again, as after any event.
    Extended {},
    /// A draw began.
    // Boxed, as all that is large and rare: every event takes as much memory as the largest.
    Drawing(Box<Began>),
    /// A member contributed to the draw.
    Contributed {
        /// Their name.
        name: Arc<str>,
        /// Their random value.
        value: Hex32,
    },
    /// A decision was made.
    Decided(Box<Decided>),
    /// The votes decide at another time by themselves, or not.
    Deadline {
        /// The time (store's clock, ms since 1970); null: not.
        at: Option<u64>,
        /// The name of who said so; absent: it has passed, and there was nothing to decide.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Arc<str>>,
    },
    /// A member asked the others to vote.
    Nudged {
        /// Their name.
        name: Arc<str>,
        /// When (store's clock, ms since 1970).
        at: u64,
    },
    /// A member said that they cannot eat an item, or that they can after all.
    Vetoed {
        /// The item's number.
        number: u64,
        /// Whether they cannot.
        on: bool,
    },
    /// Members vote by other rules.
    Ruled(Box<Ruled>),
    /// The menu and the decision are the host's alone, or everybody's again.
    Locked {
        /// Whether they are the host's.
        on: bool,
        /// The host's name.
        name: Arc<str>,
    },
    /// The room has another host, or none.
    Hosted {
        /// The host; absent: nobody.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member: Option<MemberId>,
        /// The name of who said so; absent: it followed from a join or a leave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Arc<str>>,
    },
    /// A member was asked to leave.
    Dismissed {
        /// Who.
        member: MemberId,
        /// The host's name.
        name: Arc<str>,
    },
    /// Whoever was asked to leave has no votes and no vetoes any more.
    Cleared {
        /// Who.
        member: MemberId,
    },
    /// An earlier decision is the decision again.
    Reinstated {
        /// Its number.
        decision: u64,
        /// The name of who said so.
        name: Arc<str>,
        /// When (store's clock, ms since 1970).
        at: u64,
    },
}

/// A vote was given or taken back.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(untagged)]
pub enum Voted {
    /// Everybody may know for what; or it is one's own.
    For {
        /// The item's number.
        number: u64,
        /// Whether the member wants it.
        on: bool,
        /// Only where votes are hidden: whether the member votes for anything now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        any: Option<bool>,
    },
    /// Votes are hidden, and it is somebody else's.
    Hidden {
        /// True.
        hidden: bool,
        /// Whether the member votes for anything now.
        any: bool,
    },
}

// An event easily gets into a log, so Debug hides a hidden vote.
impl fmt::Debug for Voted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Voted::For {
                number,
                on,
                any: None,
            } => write!(f, "For {{ number: {number}, on: {on} }}"),
            Voted::For { any: Some(any), .. } | Voted::Hidden { any, .. } => {
                write!(f, "Hidden {{ any: {any} }}")
            }
        }
    }
}

impl Event {
    /// A vote that everybody may see.
    pub fn voted(number: u64, on: bool) -> Self {
        let any = None;
        Event::Voted(Voted::For { number, on, any })
    }

    /// Whether others see less of it than the member whose event it is.
    pub fn is_secret(&self) -> bool {
        matches!(self, Event::Voted(Voted::For { any: Some(_), .. }))
    }

    /// What everybody may see of it.
    pub fn shown(&self) -> Cow<'_, Event> {
        match *self {
            Event::Voted(Voted::For { any: Some(any), .. }) => {
                let hidden = true;
                Cow::Owned(Event::Voted(Voted::Hidden { hidden, any }))
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// The hidden votes that it shows, of all items.
    pub(crate) fn reveals(&self) -> Option<&[Revealed]> {
        match self {
            Event::Ruled(ruled) => ruled.votes.as_deref(),
            Event::Drawing(began) => began.votes.as_deref(),
            Event::Decided(decided) => match &**decided {
                Decided::Votes { votes, .. } => votes.as_deref(),
                Decided::Draw { .. } => None,
            },
            _ => None,
        }
    }

    /// The version of the stored forms that it needs.
    #[inline]
    pub(crate) fn form(&self) -> u32 {
        match self {
            Event::Added { .. }
            | Event::Removed { .. }
            | Event::Titled { .. }
            | Event::Extended {}
            | Event::Contributed { .. }
            | Event::Voted(Voted::For { any: None, .. }) => 1,
            Event::Restored(item) if item.vetoes.is_empty() => 1,
            Event::Drawing(began) if began.at.is_none() => 1,
            Event::Decided(decided) if decided.at().is_none() => 1,
            Event::Restored(_)
            | Event::Drawing(_)
            | Event::Decided(_)
            | Event::Voted(_)
            | Event::Deadline { .. }
            | Event::Nudged { .. }
            | Event::Vetoed { .. }
            | Event::Ruled(_)
            | Event::Locked { .. }
            | Event::Hosted { .. }
            | Event::Dismissed { .. }
            | Event::Reinstated { .. } => 2,
            Event::Cleared { .. } => 3,
        }
    }

    /// Whether there are other items after it than before.
    pub(crate) fn changes_items(&self) -> bool {
        matches!(
            self,
            Event::Added { .. } | Event::Removed { .. } | Event::Restored(_)
        )
    }
}

/// Members vote by other rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub struct Ruled {
    /// The rules from now on.
    #[serde(flatten)]
    pub rules: Rules,
    /// The name of who said so.
    pub name: Arc<str>,
    /// The true votes of all items, if votes were hidden and are not any more. Nobody had voted in
    /// secret then, except at a server of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<Vec<Revealed>>,
}

/// A draw began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub struct Began {
    /// Its number.
    pub number: u64,
    /// The name of who started it; absent: a deadline did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// The numbers of the candidates, in the menu's order.
    pub candidates: Vec<u64>,
    /// The commitment to its secret.
    pub commitment: Hex32,
    /// The commitment to the secret of the next draw.
    pub next_commitment: Hex32,
    /// When (store's clock, ms since 1970); absent: a server of the version before runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// When the server ends it by itself, if a deadline started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u64>,
    /// The votes of all items, if votes were hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<Vec<Revealed>>,
}

/// How it was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Decided {
    /// One item had the most votes.
    Votes {
        /// The name of who had them counted; absent: a deadline did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Arc<str>>,
        /// The item's number.
        winner: u64,
        /// When (store's clock, ms since 1970); absent: a server of the version before runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<u64>,
        /// The votes of all items, if votes were hidden.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        votes: Option<Vec<Revealed>>,
    },
    /// The draw under way is over.
    Draw {
        /// The name of who started it; absent: a deadline did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Arc<str>>,
        /// The number of the candidate that won.
        winner: u64,
        /// The server's secret, to which the commitment was made.
        secret: Hex32,
        /// When (store's clock, ms since 1970); absent: a server of the version before runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<u64>,
    },
}

impl Decided {
    /// The number of the item that won.
    pub fn winner(&self) -> u64 {
        match self {
            Decided::Votes { winner, .. } | Decided::Draw { winner, .. } => *winner,
        }
    }

    /// When (store's clock, ms since 1970); `None`: a server of the version before runs.
    pub fn at(&self) -> Option<u64> {
        match self {
            Decided::Votes { at, .. } | Decided::Draw { at, .. } => *at,
        }
    }
}
