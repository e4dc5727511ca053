//! What the client tells: what changed by itself, and what came of a request.

use crate::model::{
    Account, Connection, Delivery, EventId, ItemKey, LoginMethod, Pagination, PeoplePage, PersonEligibility,
    ReceiptLog, ReceiptStatus, RoomId, RoomSummary, SafeText, TimelineChange, Trace, Undelivered,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// The homeserver was found and offers these ways.
    LoginMethods {
        /// The homeserver as found, to show.
        homeserver: SafeText,
        /// Best first.
        methods: Vec<LoginMethod>,
    },
    /// The homeserver was not found; a sentence that says what to do.
    HomeserverNotFound(SafeText),
    /// A browser login waits; the address can also be opened by hand.
    BrowserWaiting {
        /// The address to open.
        url: SafeText,
    },
    /// Logging in failed; a sentence that says what to do.
    LoginFailed(SafeText),
    /// There is a session: restored or new.
    LoggedIn(Account),
    /// The login would replace another account; a question that names what would be lost.
    LoginReplaces(SafeText),
    /// There is no session: never was, ended by the user, or it cannot be used (then the sentence
    /// says so).
    LoggedOut(Option<SafeText>),
    /// The session has ended; what belongs to the account is still on this machine.
    SessionEnded {
        /// Who was logged in.
        account: Account,
        /// A sentence.
        why: SafeText,
    },
    /// The connection changed.
    Connection(Connection),
    /// These rooms are new or changed.
    Rooms(Vec<RoomSummary>),
    /// These rooms are no longer ours.
    RoomsGone(Vec<RoomId>),
    /// The room list is complete for the first time (from the cache or from the server).
    RoomsComplete,
    /// A room that was asked for (created, joined, accepted) is there: go there.
    GoTo(RoomId),
    /// The open room's timeline changed.
    Timeline {
        /// The room.
        room_id: RoomId,
        /// In this order.
        changes: Vec<TimelineChange>,
    },
    /// Back-pagination came further.
    Pagination {
        /// The room.
        room_id: RoomId,
        /// How far.
        state: Pagination,
    },
    /// The room's draft, as it was kept: once for every
    /// [`OpenRoom`](super::request::TimelineRequest::OpenRoom), empty if there is none.
    Draft {
        /// The room.
        room_id: RoomId,
        /// Its text.
        text: String,
    },
    /// Who is typing in this room changed.
    Typing {
        /// The room.
        room_id: RoomId,
        /// Who is typing, by display name.
        who: Vec<SafeText>,
    },
    /// What is known about these own messages' delivery.
    Deliveries {
        /// The room.
        room_id: RoomId,
        /// One each.
        deliveries: Vec<Delivery>,
    },
    /// All traces in a room of what its senders were told to be unreadable, by when that was sent.
    Traces {
        /// The room.
        room_id: RoomId,
        /// One each.
        traces: Vec<Trace>,
    },
    /// The answer to [`AskReceiptStatus`](super::request::ReceiptsRequest::AskReceiptStatus).
    ReceiptStatus {
        /// The message.
        event_id: EventId,
        /// What was done about it.
        status: ReceiptStatus,
    },
    /// The answer to [`AskPeople`](super::request::ReceiptsRequest::AskPeople).
    People(PeoplePage),
    /// The answer to [`AskEligibility`](super::request::ReceiptsRequest::AskEligibility).
    Eligibility {
        /// The room.
        room_id: RoomId,
        /// Everybody else in it, by id, but for those who are too many to list.
        people: Vec<PersonEligibility>,
        /// How many these are.
        more: usize,
    },
    /// The answer to [`AskUndelivered`](super::request::ReceiptsRequest::AskUndelivered): the
    /// latest first.
    Undelivered(Vec<Undelivered>),
    /// The answer to [`AskReceiptLog`](super::request::ReceiptsRequest::AskReceiptLog).
    ReceiptLog(ReceiptLog),
    /// Something was done, to be said in the status line.
    Done(SafeText),
    /// Something that was asked for failed: a sentence that says what to do.
    Failed(SafeText),
    /// A message could not even be put into the queue; its text comes back.
    NotQueued {
        /// The room.
        room_id: RoomId,
        /// What it says.
        text: String,
        /// It was said by `/me`.
        emote: bool,
        /// Why.
        why: SafeText,
    },
    /// An edit was refused; its text comes back.
    EditFailed {
        /// The room.
        room_id: RoomId,
        /// The message that was edited.
        event_id: EventId,
        /// What it was to say.
        text: String,
        /// The message was removed meanwhile.
        removed: bool,
        /// Why.
        why: SafeText,
    },
    /// An item's retry or discard was done, or could not be.
    ItemFailed {
        /// The item.
        key: ItemKey,
        /// Why not.
        why: SafeText,
    },
}
