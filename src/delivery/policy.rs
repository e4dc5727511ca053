//! When this client owes a receipt (PROTOCOL §5).
//!
//! A delivery receipt tells its reader that a device is on, and when, and how many there are; sent
//! without thought it is a known way to spy on people. So nothing is sent that these rules do not
//! allow, each refusal has a [`Reason`] that can be shown ('why did my client not acknowledge
//! this?'), and all of it is one pure function of facts: [`decide`]. The driver asks twice, when an
//! event becomes readable and again before its receipt leaves, because a room may turn public, a
//! sender be ignored or a message be redacted in between.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::attention::Attention;
use crate::model::{DeviceId, EventId, RoomId, Timestamp, UserId};

mod choice;
mod reason;

pub use choice::Choice;
pub use reason::Reason;

/// P9: an older event gets no receipt.
pub const MAX_AGE: Duration = Duration::from_hours(7 * 24);
/// P9, L4: a clock may be so far ahead of ours.
pub const MAX_AHEAD: Duration = Duration::from_mins(5);
/// P11: the grid that `guarded` sends on.
const GUARDED_GRID: Duration = Duration::from_secs(15);

/// Whether receipts are sent (P5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Send {
    /// In encrypted rooms whose join rule is known and not public, of at most `max_members` members
    /// (P5, P6).
    #[default]
    Auto,
    /// In every room, or where it stands at a room: in this room, however large or public.
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

/// How a moment is drawn at which receipts leave, so that it does not tell when a device woke up
/// (P11).
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

impl Timing {
    /// How long a receipt waits; `draw` is a random number in [0, 1).
    pub fn delay(self, draw: f64) -> Duration {
        let (shortest, longest): (u32, u32) = match self {
            Self::Immediate => (0, 0),
            Self::Prompt => (200, 1_000),
            Self::Balanced => (500, 5_000),
            Self::Guarded => (0, 30_000),
        };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, and the result is below 30,000"
        )]
        let drawn = (f64::from(longest - shortest) * draw.clamp(0.0, 1.0)) as u64;
        Duration::from_millis(u64::from(shortest) + drawn)
    }

    /// The moment that is drawn at `now`: after the delay, and for `guarded` on the next line of
    /// the grid.
    pub fn due(self, now: Timestamp, draw: f64) -> Timestamp {
        let due = now + self.delay(draw);
        match self {
            Self::Guarded => due.on_grid(Timestamp::EPOCH, GUARDED_GRID),
            Self::Immediate | Self::Prompt | Self::Balanced => due,
        }
    }

    /// The first line at `earliest` or later of the grid that begins at a `moment`: on it leaves
    /// what had no turn then (P10).
    pub fn line(self, moment: Timestamp, earliest: Timestamp) -> Timestamp {
        let step = match self {
            Self::Immediate => Duration::from_millis(1),
            Self::Prompt => Duration::from_secs(1),
            Self::Balanced => Duration::from_secs(5),
            Self::Guarded => GUARDED_GRID,
        };
        earliest.on_grid(moment, step)
    }
}

/// The route that receipts travel by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouteChoice {
    /// Through the homeserver where that gets there, else encrypted to-device.
    #[default]
    Auto,
    /// Only through the homeserver (MSC4089).
    Native,
    /// Only encrypted to-device.
    Direct,
    /// Not at all: neither sent nor asked for.
    Off,
}

/// Whom a receipt tells which of this user's devices it comes from (P13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameDevice {
    /// People this user has dealt with.
    #[default]
    Known,
    /// Verified people.
    Verified,
    /// Nobody: receipts then go only by a route that does not tell.
    Never,
}

/// The name under which receipts are posted to the homeserver (§2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReceiptType {
    /// The one from before MSC4089 is accepted.
    #[default]
    Unstable,
    /// The one from after that; where the server does not take it, the other one.
    Stable,
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
    /// P13.
    pub name_device: NameDevice,
    /// §2, §3.
    pub route: RouteChoice,
    /// §2.
    pub receipt_type: ReceiptType,
    /// P5 per room, over the global setting.
    pub rooms: BTreeMap<RoomId, Send>,
    /// P7 per person, over the global setting.
    pub people: BTreeMap<UserId, Who>,
    /// P12, everywhere.
    pub incognito: bool,
    /// P12, in these rooms.
    pub incognito_rooms: BTreeSet<RoomId>,
    /// P14 and P15.
    pub attention: Attention,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            send: Send::default(),
            max_members: 50,
            who: Who::default(),
            timing: Timing::default(),
            name_device: NameDevice::default(),
            route: RouteChoice::default(),
            receipt_type: ReceiptType::default(),
            rooms: BTreeMap::new(),
            people: BTreeMap::new(),
            incognito: false,
            incognito_rooms: BTreeSet::new(),
            attention: Attention::default(),
        }
    }
}

impl Settings {
    /// P5: what is set in this room.
    pub fn send(&self, room: &RoomId) -> Send {
        self.rooms.get(room).copied().unwrap_or(self.send)
    }

    /// P7: what is set for this person.
    pub fn who(&self, user: &UserId) -> Who {
        self.people.get(user).copied().unwrap_or(self.who)
    }

    /// P12: nothing is sent in this room.
    pub fn is_incognito(&self, room: &RoomId) -> bool {
        self.incognito || self.incognito_rooms.contains(room)
    }
}

/// What kind of event it is, as far as P4 cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// What a person sees as a new message.
    Message,
    /// Anything else that somebody sends: edits, reactions, redactions, calls, poll votes,
    /// verification, unknown types.
    Other,
    /// The room's own state.
    State,
}

/// The event in question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFacts {
    /// Its id.
    pub event_id: EventId,
    /// Who sent it.
    pub sender: UserId,
    /// From which device, as far as that is known.
    pub device_id: Option<DeviceId>,
    /// `origin_server_ts`.
    pub sent: Timestamp,
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
    pub room_id: RoomId,
    /// P5.
    pub encrypted: bool,
    /// P5.
    pub join_rule: JoinRule,
    /// P6.
    pub joined_members: u64,
    /// P8: this user is joined.
    pub joined: bool,
    /// P2: the later of this user's own join and this device's login; `None` when it is not known,
    /// and then nothing is sent.
    pub joined_since: Option<Timestamp>,
    /// P12: when incognito last ended here,
    /// [`Incognito::until`](super::incognito::Incognito::until).
    pub incognito_until: Timestamp,
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

impl SenderFacts {
    /// Somebody whom no rule is against, but by the settings.
    pub const WELCOME: Self = Self { own: false, joined: true, ignored: false, known: true, verified: true };
}

/// Whether a receipt is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is.
    Send,
    /// It is not, and this is the first rule that says so.
    Withhold(Reason),
}

impl From<Result<(), Reason>> for Decision {
    fn from(checked: Result<(), Reason>) -> Self {
        checked.map_or_else(Self::Withhold, |()| Self::Send)
    }
}

impl Decision {
    /// The reason, when none is owed.
    pub fn withheld(self) -> Option<Reason> {
        match self {
            Self::Send => None,
            Self::Withhold(reason) => Some(reason),
        }
    }
}

/// Whether this event is owed a receipt now: P1 to P9, in this order, then P12. What these say of
/// an event today they say tomorrow, or it is written down; but a key or the own join may become
/// known later, and what came incognito must not be made up for then.
pub fn decide(
    event: &EventFacts,
    room: &RoomFacts,
    sender: &SenderFacts,
    settings: &Settings,
    now: Timestamp,
) -> Decision {
    let checked = check_event(event, room, *sender)
        .and_then(|()| check_person(&event.sender, room, *sender, settings))
        .and_then(|()| check_age(event.sent, now));
    let incognito = settings.is_incognito(&room.room_id) || event.sent < room.incognito_until;
    match checked {
        Ok(()) | Err(Reason::Undecryptable | Reason::JoinTimeUnknown) if incognito => Err(Reason::Incognito).into(),
        checked => checked.into(),
    }
}

/// Whether receipts are sent in this room at all, as far as the room itself decides it: P5, P6 and
/// P12.
pub fn room_eligibility(room: &RoomFacts, settings: &Settings) -> Decision {
    check_room(room, settings).and_then(|()| refuse(settings.is_incognito(&room.room_id), Reason::Incognito)).into()
}

/// Whether this person is sent receipts for what they write in this room, as far as the room, the
/// person and the settings decide it: P5 to P8 and P12; and P13, where receipts may only go by a
/// route that names this device.
pub fn person_eligibility(user: &UserId, room: &RoomFacts, person: SenderFacts, settings: &Settings) -> Decision {
    let unnamed = || settings.route == RouteChoice::Direct && !names_device(user, person, settings);
    check_person(user, room, person, settings)
        .and_then(|()| refuse(settings.is_incognito(&room.room_id), Reason::Incognito))
        .and_then(|()| refuse(unnamed(), Reason::DeviceNotNamed))
        .into()
}

/// Whether this client asks for receipts in this room (§3): where `auto` would send them, whatever
/// is sent here, or where the room itself was set to `on`. A global `on` is not enough, because a
/// request goes to every device in the room.
pub fn asks(room: &RoomFacts, settings: &Settings) -> bool {
    settings.route != RouteChoice::Off
        && (settings.rooms.get(&room.room_id) == Some(&Send::On) || check_auto(room, settings.max_members).is_ok())
}

/// Whether this person may be told which device a receipt comes from (P13). Whoever is listed as
/// somebody to send receipts to is known.
pub fn names_device(user: &UserId, sender: SenderFacts, settings: &Settings) -> bool {
    let listed = || settings.people.get(user).is_some_and(|who| *who != Who::Nobody);
    match settings.name_device {
        NameDevice::Known => sender.known || sender.verified || listed(),
        NameDevice::Verified => sender.verified,
        NameDevice::Never => false,
    }
}

/// P1 to P4: the event itself.
fn check_event(event: &EventFacts, room: &RoomFacts, sender: SenderFacts) -> Result<(), Reason> {
    refuse(!event.readable, Reason::Undecryptable)?;
    let joined_since = room.joined_since.ok_or(Reason::JoinTimeUnknown)?;
    refuse(event.sent < joined_since, Reason::BeforeJoin)?;
    refuse(sender.own, Reason::Own)?;
    refuse(event.redacted, Reason::Redacted)?;
    refuse(event.kind != EventKind::Message, Reason::NotAMessage)
}

/// P5 to P8: everything but the event itself.
fn check_person(user: &UserId, room: &RoomFacts, sender: SenderFacts, settings: &Settings) -> Result<(), Reason> {
    check_room(room, settings)
        .and_then(|()| check_who(user, sender, settings))
        .and_then(|()| check_presence(room, sender))
}

/// P5 and P6, with the room's own setting over the global one.
fn check_room(room: &RoomFacts, settings: &Settings) -> Result<(), Reason> {
    refuse(settings.route == RouteChoice::Off, Reason::RouteOff)?;
    match settings.send(&room.room_id) {
        Send::Off => Err(Reason::Off),
        Send::On => Ok(()),
        Send::Auto => check_auto(room, settings.max_members),
    }
}

/// What `auto` means.
fn check_auto(room: &RoomFacts, max_members: u64) -> Result<(), Reason> {
    refuse(!room.encrypted, Reason::NotEncrypted)?;
    match room.join_rule {
        JoinRule::Public => Err(Reason::Public),
        JoinRule::Unknown => Err(Reason::JoinRuleUnknown),
        JoinRule::NotPublic => refuse(room.joined_members > max_members, Reason::TooManyMembers),
    }
}

/// P7, with the person's own setting over the global one. Whoever is verified is known.
fn check_who(user: &UserId, sender: SenderFacts, settings: &Settings) -> Result<(), Reason> {
    match settings.who(user) {
        Who::Everyone => Ok(()),
        Who::Known => refuse(!sender.known && !sender.verified, Reason::Stranger),
        Who::Verified => refuse(!sender.verified, Reason::NotVerified),
        Who::Nobody => Err(Reason::Nobody),
    }
}

/// P8.
fn check_presence(room: &RoomFacts, sender: SenderFacts) -> Result<(), Reason> {
    refuse(!room.joined, Reason::Left)?;
    refuse(!sender.joined, Reason::SenderLeft)?;
    refuse(sender.ignored, Reason::Ignored)
}

/// P9.
fn check_age(sent: Timestamp, now: Timestamp) -> Result<(), Reason> {
    refuse(now - sent > MAX_AGE, Reason::TooOld)?;
    refuse(sent - now > MAX_AHEAD, Reason::FromTheFuture)
}

fn refuse(when: bool, reason: Reason) -> Result<(), Reason> {
    if when { Err(reason) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
