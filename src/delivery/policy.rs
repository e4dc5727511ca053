//! When this client owes a receipt (PROTOCOL §5).

use std::collections::BTreeMap;

use crate::model::{EventId, Ms, RoomId, UserId};

/// Whether receipts are sent (P5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Send {
    /// In encrypted rooms whose join rule is known and not public, of at most `max_members` members (P5, P6).
    #[default]
    Auto,
    /// In every room.
    On,
    /// Never.
    Off,
}

/// To whom receipts are sent (P7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Who {
    /// To everyone.
    Everyone,
    /// To people this user has dealt with.
    #[default]
    Known,
    /// To verified people.
    Verified,
    /// To nobody.
    Nobody,
}

/// How long a receipt waits, so that its time does not tell when a device woke up (P11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timing {
    /// Not at all: tells exactly when a device woke up. For tests and benches.
    Immediate,
    /// 0.2–1 s.
    Prompt,
    /// 0.5–5 s.
    #[default]
    Balanced,
    /// 0–30 s, then on a 15 s grid.
    Guarded,
}

/// Which way receipts travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouteChoice {
    /// The best that is there.
    #[default]
    Auto,
    /// Only encrypted to-device.
    Direct,
    /// Not at all: neither sent nor asked for.
    Off,
}

/// All delivery settings, global and narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// P5.
    pub send: Send,
    /// P6.
    pub max_members: u64,
    /// P7.
    pub who: Who,
    /// P11.
    pub timing: Timing,
    /// §2, §3.
    pub route: RouteChoice,
    /// P5 per room, over the global setting.
    pub rooms: BTreeMap<RoomId, Send>,
    /// P7 per person, over the global setting.
    pub people: BTreeMap<UserId, Who>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            send: Send::default(),
            max_members: 50,
            who: Who::default(),
            timing: Timing::default(),
            route: RouteChoice::default(),
            rooms: BTreeMap::new(),
            people: BTreeMap::new(),
        }
    }
}

/// What kind of event it is, as far as P4 cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// What a person sees as a new message.
    Message,
    /// Anything else: edits, reactions, redactions, state, calls, poll votes, verification, unknown types.
    Other,
}

/// The event in question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFacts {
    /// Its id.
    pub event: EventId,
    /// Who sent it.
    pub sender: UserId,
    /// `origin_server_ts`.
    pub sent: Ms,
    /// P4.
    pub kind: EventKind,
    /// P1: plain and received, or decrypted.
    pub readable: bool,
    /// P3.
    pub redacted: bool,
}

/// The room's join rule, as far as P5 cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinRule {
    /// Anybody may join.
    Public,
    /// Anything that is known and not public.
    NotPublic,
    /// Not known yet.
    Unknown,
}

/// The room it is in, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomFacts {
    /// The room.
    pub room: RoomId,
    /// P5.
    pub encrypted: bool,
    /// P5.
    pub join_rule: JoinRule,
    /// P6.
    pub joined_members: u64,
    /// P8: this user is joined.
    pub joined: bool,
    /// P2: since when; `None` when it is not known, and then nothing is sent.
    pub joined_since: Option<Ms>,
}

/// The sender, as they stand to this user now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct SenderFacts {
    /// P3: it is this account.
    pub own: bool,
    /// P8.
    pub joined: bool,
    /// P8.
    pub ignored: bool,
    /// P7: invited, answered, spoken with.
    pub known: bool,
    /// P7.
    pub verified: bool,
}
