//! A room as the room list and the header show it.

use super::{Ms, RoomId, SafeText, UserId};

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
}

/// One row of the room list, and the facts that the header and the receipt stance are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomSummary {
    /// The room.
    pub id: RoomId,
    /// Its name, or for a direct chat the other person's.
    pub name: SafeText,
    /// Its topic, or empty.
    pub topic: SafeText,
    /// Joined or invited.
    pub membership: Membership,
    /// A direct chat.
    pub direct: bool,
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
    /// The newest activity, for sorting; 0 when nothing is known.
    pub latest: Ms,
}
