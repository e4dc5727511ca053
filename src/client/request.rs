//! What the client can be asked for: one closed list for each subject.
//!
//! Whoever asks does not have to wait: what comes of it is told once, as
//! [`Update::Done`](super::update::Update::Done) with the request's id.

use serde_json::Value;

use crate::{
    delivery::policy::Settings,
    model::{
        ComposerDraft, EventId, ItemKey, LoginMethod, PeopleFilter, ReactionKey, RoomId, Secret, TimelineId, UserId,
    },
};

/// Names one request for as long as the client runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Something that the client is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// About the session.
    Session(SessionRequest),
    /// About rooms and who is in them.
    Rooms(RoomsRequest),
    /// About the messages of a room.
    Timeline(TimelineRequest),
    /// About delivery receipts.
    Receipts(ReceiptsRequest),
}

/// Logging in and out, the connection, and the settings.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionRequest {
    /// Delivery settings are now these.
    Settings(Settings),
    /// Find the homeserver (a server name or a URL) and the ways to log in.
    FindHomeserver(String),
    /// Log in with a password.
    Login {
        /// Server name or URL, as typed.
        homeserver: String,
        /// Localpart or full user id, as typed.
        user: String,
        /// The password.
        password: Secret,
    },
    /// Log in by the browser.
    BrowserLogin {
        /// Server name or URL, as typed.
        homeserver: String,
        /// `Sso` or `OAuth`.
        method: LoginMethod,
    },
    /// Stop a login that is under way, or give up one that would replace another account.
    CancelLogin,
    /// Go on with the login that replaces another account; what that has on this machine is
    /// deleted.
    ReplaceAccount,
    /// End the session here and on the server.
    Logout,
    /// Try to connect now, not only when the back-off has passed.
    Reconnect,
}

/// Rooms, and who is in them.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomsRequest {
    /// Open or create the encrypted direct chat with this user.
    DirectChat(String),
    /// Create an encrypted private room of this name.
    CreateRoom(String),
    /// Join by id or alias.
    Join(String),
    /// Accept an invite.
    Accept(RoomId),
    /// Decline an invite.
    Decline(RoomId),
    /// Join the room in which an upgraded one goes on.
    Follow(RoomId),
    /// Leave a room, or put away one that has ended.
    Leave {
        /// The room.
        room_id: RoomId,
        /// Older versions of it, which are left too.
        older: Vec<RoomId>,
    },
    /// Invite a user.
    Invite {
        /// Into this room.
        room_id: RoomId,
        /// A full user id, as typed.
        user: String,
    },
    /// Set a state event of a room, in the form that the specification has for its type.
    SetState {
        /// The room.
        room_id: RoomId,
        /// Its type, such as `m.room.topic`.
        event_type: &'static str,
        /// Its state key; most have an empty one.
        state_key: String,
        /// Its content.
        content: Value,
    },
    /// Encrypt with a new key from the next message of this room on, which every device is then
    /// given.
    Rekey(RoomId),
}

/// The messages of a room, sent and read.
#[derive(Clone, Debug, PartialEq)]
pub enum TimelineRequest {
    /// Open a timeline; one that is open is made anew. Answered by `Reply::Draft`.
    Open(TimelineId),
    /// Close a timeline.
    Close(TimelineId),
    /// Fetch older messages of an open timeline.
    Paginate(TimelineId),
    /// The newest message of an open timeline was looked at: send the read receipt and clear
    /// 'marked unread'.
    MarkRead(TimelineId),
    /// Keep what is typed there; empty removes it.
    SaveDraft {
        /// Where.
        timeline_id: TimelineId,
        /// What is typed.
        draft: ComposerDraft,
    },
    /// Put a message into the send queue (markdown allowed).
    Send {
        /// The room.
        room_id: RoomId,
        /// The text as typed.
        text: String,
        /// The message that it answers.
        reply_to: Option<EventId>,
    },
    /// `/me`: an emote.
    SendEmote {
        /// The room.
        room_id: RoomId,
        /// The text after `/me `.
        text: String,
        /// The message that it answers.
        reply_to: Option<EventId>,
    },
    /// Try a failed message again.
    Retry {
        /// The open timeline.
        timeline_id: TimelineId,
        /// The local echo.
        key: ItemKey,
    },
    /// Throw away a waiting or failed message.
    Discard {
        /// The open timeline.
        timeline_id: TimelineId,
        /// The local echo.
        key: ItemKey,
    },
    /// Whether the user is typing in a room.
    Typing {
        /// The room.
        room_id: RoomId,
        /// Typing or not.
        typing: bool,
    },
    /// Change an own message that is on the server; this is its text from now on.
    Edit {
        /// The room.
        room_id: RoomId,
        /// The message.
        event_id: EventId,
        /// The text as typed.
        text: String,
    },
    /// The text of a refused edit is kept as a draft now: take the edit out of the queue.
    ForgetEdit {
        /// The room.
        room_id: RoomId,
        /// The message.
        event_id: EventId,
        /// It was removed: no edit of it is to be sent.
        removed: bool,
    },
    /// React to a message of an open timeline with this key; where this user has done so already,
    /// take that back (`m.reaction`).
    ToggleReaction {
        /// The open timeline.
        timeline_id: TimelineId,
        /// The message.
        event_id: EventId,
        /// The emoji or text.
        key: ReactionKey,
    },
    /// What is this event, as the server gave it? Answered by `Reply::Source`.
    AskSource {
        /// The room.
        room_id: RoomId,
        /// The event.
        event_id: EventId,
    },
    /// Remove a message for everyone.
    Redact {
        /// The room.
        room_id: RoomId,
        /// The message.
        event_id: EventId,
    },
}

/// What is known about receipts.
#[derive(Clone, Debug, PartialEq)]
pub enum ReceiptsRequest {
    /// How does everybody in this room stand? Answered by `Reply::Eligibility`.
    AskEligibility(RoomId),
    /// Which own messages of all rooms does not every device have? Answered by
    /// `Reply::Undelivered`.
    AskUndelivered,
    /// What was told to whom, and what was withheld? Answered by `Reply::ReceiptLog`.
    AskReceiptLog,
    /// Forget that; answered by `Reply::ReceiptLog`.
    EmptyReceiptLog,
    /// Who has this message of one's own, which went to many, and who does not? Answered by
    /// `Reply::People`.
    AskPeople {
        /// The message.
        event_id: EventId,
        /// Whom of them.
        filter: PeopleFilter,
        /// Those who come after this person.
        after: Option<UserId>,
    },
    /// What was done about this message of somebody else's?
    AskReceiptStatus {
        /// The room.
        room_id: RoomId,
        /// The message.
        event_id: EventId,
    },
}

impl From<SessionRequest> for Request {
    fn from(request: SessionRequest) -> Self {
        Self::Session(request)
    }
}

impl From<RoomsRequest> for Request {
    fn from(request: RoomsRequest) -> Self {
        Self::Rooms(request)
    }
}

impl From<TimelineRequest> for Request {
    fn from(request: TimelineRequest) -> Self {
        Self::Timeline(request)
    }
}

impl From<ReceiptsRequest> for Request {
    fn from(request: ReceiptsRequest) -> Self {
        Self::Receipts(request)
    }
}
