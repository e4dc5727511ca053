//! What is asked of the receipts actor, and what it answers.
//!
//! - [`undelivered`]: which own messages not every device has.
//! - [`people`]: who has a message to thousands, and who does not.
//! - [`log`]: what was told to others, and what was withheld.
//! - [`status`]: what was done about one event.
//! - [`eligibility`]: how the people of a room stand to the user.
//! - [`traces`]: what others were told to be unreadable, and was no message.
//! - [`attention`]: what a room is shown of what the user reads and types.
//!
//! The ticks of a room are told from [`deliveries`](super::deliveries), since they are also told
//! whenever something changes.

use std::collections::VecDeque;

use matrix_sdk::Room;
use tokio::sync::oneshot;

use self::undelivered::Search;
use crate::{
    client::{receipts::Context, request::ReceiptsRequest, responder::Responder},
    model::{RoomId, SafeText},
};

pub(super) mod attention;
pub(super) mod eligibility;
pub(super) mod log;
pub(super) mod people;
pub(super) mod status;
pub(super) mod traces;
mod undelivered;

/// What this part is asked.
pub(super) enum Query {
    /// A timeline of this room was opened: its ticks are wanted.
    Opened(RoomId),
    /// No timeline of this room is open any more.
    Closed(RoomId),
    /// What was not answered for a while may have been missed: the ticks of open rooms are told
    /// again.
    LookAgain,
    /// A request, to be answered.
    Asked(ReceiptsRequest, Responder),
    /// The search that waits longest is to go on.
    SearchOn,
    /// What is this room shown?
    Attention(RoomId, oneshot::Sender<attention::Attention>),
    /// It was looked up who is in a room whose eligibility was asked for.
    Members(eligibility::Members, Responder),
}

/// What was asked and is not answered yet.
#[derive(Default)]
pub(super) struct Queries {
    /// Searches for undelivered messages: for each of them one [`Query::SearchOn`] is to come.
    searches: VecDeque<Search>,
    /// A room was opened in this session.
    any_opened: bool,
}

impl Queries {
    /// A room was opened. Returns whether it is the first one.
    pub async fn on_opened(&mut self, context: &mut Context, room_id: RoomId) -> bool {
        context.tell_room(&room_id).await;
        traces::tell(context, &room_id).await;
        context.open_rooms.room_ids.insert(room_id);
        !std::mem::replace(&mut self.any_opened, true)
    }

    /// A room was closed.
    pub fn on_closed(context: &mut Context, room_id: &RoomId) {
        context.open_rooms.room_ids.remove(room_id);
    }
}

/// What a room is called, as far as this machine knows.
fn room_name(room: &Room) -> SafeText {
    SafeText::line(&room.cached_display_name().map(|name| name.to_string()).unwrap_or_default())
}

#[cfg(test)]
mod tests;
