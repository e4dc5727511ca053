//! What the client tells: what changed by itself, and what came of a request.

use super::{
    reply::Outcome,
    request::{Request, RequestId},
};
use crate::model::{
    Account, Connection, Delivery, EventId, Pagination, RoomId, RoomSummary, SafeText, TimelineChange, TimelineId,
    Trace,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// A browser login waits; the address can also be opened by hand.
    BrowserWaiting {
        /// The address to open.
        url: SafeText,
    },
    /// There is a session: restored or new.
    LoggedIn(Account),
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
    /// An open timeline changed.
    Timeline {
        /// Which.
        timeline_id: TimelineId,
        /// In this order.
        changes: Vec<TimelineChange>,
    },
    /// Back-pagination came further.
    Pagination {
        /// Of which timeline.
        timeline_id: TimelineId,
        /// How far.
        state: Pagination,
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
    /// Something is right again, to be said in the status line.
    Notice(SafeText),
    /// Something goes wrong that nobody asked for: a sentence that says what to do.
    Warning(SafeText),
    /// An edit that waited to be sent was refused; its text comes back.
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
    /// What came of a request; each is answered once.
    Done {
        /// Which.
        id: RequestId,
        /// The request itself: a text that was not taken is in it.
        request: Box<Request>,
        /// What came of it.
        outcome: Outcome,
    },
}

/// What tests of the other half are told.
#[cfg(test)]
impl Update {
    /// Something was asked for, and this is the reply.
    pub(crate) fn replied(reply: super::reply::Reply) -> Self {
        let request = super::request::SessionRequest::Reconnect.into();
        Self::Done { id: RequestId(0), request: Box::new(request), outcome: Ok(reply) }
    }

    /// This was asked for, and refused.
    pub(crate) fn refused(request: impl Into<Request>, why: &SafeText) -> Self {
        let failure = super::reply::Failure::new(super::reply::FailureKind::Refused, why);
        Self::Done { id: RequestId(0), request: Box::new(request.into()), outcome: Err(failure) }
    }

    /// A room that was asked for is there.
    pub(crate) fn go_to(room_id: RoomId) -> Self {
        Self::replied(super::reply::Reply::Room { room_id, said: None })
    }
}
