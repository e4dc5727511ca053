//! A room as the room list and the header show it.

use super::{RoomId, SafeText, TagName, Timestamp, UserId};

/// How this user stands to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// In the room.
    Joined,
    /// Asked in.
    Invited {
        /// Who asked, when the server says so.
        by: Option<UserId>,
    },
    /// Not in the room, nor invited, any more.
    Left,
}

/// That a room has ended for this user, or goes on elsewhere: what happened, who did it, why and
/// when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What happened.
    pub how: How,
    /// Who did it, as far as it is known.
    pub by: Option<UserId>,
    /// Why, in their words; else empty.
    pub why: SafeText,
    /// When, as far as it is known.
    pub at: Option<Timestamp>,
}

/// How a room ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// This user left it in another client.
    Left,
    /// This user declined the invite in another client.
    Declined,
    /// This user was removed (kicked).
    Removed,
    /// This user was banned.
    Banned,
    /// The invite was taken back.
    Withdrawn,
    /// The homeserver does not know this user there any more, nor why.
    Gone,
    /// It is not known yet.
    Unknown,
    /// It was upgraded: it goes on in another room.
    Upgraded {
        /// The room in which it goes on.
        successor: RoomId,
        /// Joining that was refused. As long as it is, this room is as any other.
        refused: bool,
    },
    /// It was closed, and no room was named in which it goes on: it is as any other.
    Closed,
}

/// What a room is for, where that is not for talking alone (`type` of `m.room.create`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomType {
    /// It holds other rooms together.
    Space,
    /// Something that this client does not know.
    Other(SafeText),
}

/// A tag that the user has put on a room.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomTag {
    /// Which.
    pub tag: Tag,
    /// Where the room stands among those of this tag: 0 is the first, 1 the last, and those without
    /// come after all others.
    pub order: Option<f64>,
}

/// A kind of tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tag {
    /// `m.favourite`.
    Favourite,
    /// `m.lowpriority`.
    LowPriority,
    /// `m.server_notice`: the homeserver writes there.
    ServerNotice,
    /// The user's own, or another client's.
    Other(TagName),
}

/// What in a room the user wants to be notified of, by their push rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotificationMode {
    /// As it is set for all rooms of its kind.
    #[default]
    Default,
    /// Every message.
    All,
    /// Messages that mention this user or have a keyword in them.
    Mentions,
    /// Nothing.
    Mute,
}

/// One row of the room list, and the facts that the header and the receipt eligibility are made
/// from.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomSummary {
    /// The room.
    pub id: RoomId,
    /// Its name, or for a direct chat the other person's.
    pub name: SafeText,
    /// Its topic, or empty.
    pub topic: SafeText,
    /// What it is for; `None` for a room as most are.
    pub room_type: Option<RoomType>,
    /// The user's tags on it.
    pub tags: Vec<RoomTag>,
    /// What the user wants to be notified of.
    pub notifications: NotificationMode,
    /// Joined, invited, or neither any more.
    pub membership: Membership,
    /// That it has ended, or goes on elsewhere.
    pub ending: Option<Ending>,
    /// Older versions of it that this user is still in and that lead here, with their names:
    /// whoever leaves it leaves them too.
    pub older: Vec<(RoomId, SafeText)>,
    /// A direct chat.
    pub direct: bool,
    /// Whom a direct chat is with, where that is one person.
    pub with: Option<UserId>,
    /// Encrypted.
    pub encrypted: bool,
    /// Whether the join rule is public; `None` while it is not known (P5).
    pub public: Option<bool>,
    /// Joined members.
    pub joined_members: u64,
    /// Messages not read yet.
    pub unread: u64,
    /// Of these, the ones that mention this user.
    pub mentions: u64,
    /// Marked as unread by hand.
    pub marked_unread: bool,
    /// What rooms are sorted by: the higher, the more recent; 0 when nothing is known. A sliding
    /// sync's `bump_stamp`, which is no time, or else the milliseconds of the newest event.
    pub recency: u64,
}

impl RoomSummary {
    /// Whether anything can be written there.
    pub fn is_open(&self) -> bool {
        self.membership == Membership::Joined && self.successor().is_none_or(|(_, refused)| refused)
    }

    /// The room in which it goes on, and whether joining that was refused.
    pub fn successor(&self) -> Option<(&RoomId, bool)> {
        match &self.ending.as_ref()?.how {
            How::Upgraded { successor, refused } => Some((successor, *refused)),
            _ => None,
        }
    }
}
