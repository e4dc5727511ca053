//! Invites: what is asked before one is accepted, by whatever key or command.
//!
//! Accepting tells others something, and some of it for good: whoever has a direct chat with the
//! user is sent delivery receipts from then on, in all rooms (P7). So the question says what is
//! told to whom. Whether the room is a direct chat, only its members show once the user is among
//! them; the invite's word for it is no more than that.

use super::{App, effect::Effect, screens::Question};
use crate::{
    client::request::RoomsRequest,
    model::{Membership, RoomId, RoomSummary, SafeText},
};

/// So much of a room's name is in the question: whoever invites has chosen it, and it must not push
/// the rest off the screen.
const NAME: usize = 60;

impl App {
    /// Asks whether to accept this invite.
    pub(super) fn ask_to_accept(&mut self, id: RoomId) {
        if let Some(room) = self.rooms.get(&id) {
            self.screens.push(Question::new(&question(room), Effect::from(RoomsRequest::Accept(id))));
        }
    }
}

fn question(room: &RoomSummary) -> SafeText {
    let by = match &room.membership {
        Membership::Invited { by } => by.as_ref(),
        Membership::Joined | Membership::Left => None,
    };
    let invites = by.map(|user| format!(", where {user} invites you")).unwrap_or_default();
    let receipts = if room.direct && by.is_some() {
        "If the two of you are alone in it, they learn from then on when your devices receive their messages, in all rooms \
         that you share (delivery receipts), unless your settings say otherwise."
    } else {
        "Nobody is sent delivery receipts because of it."
    };
    let seen = "Its members see that you joined, and what you read there.";
    SafeText::block(&format!("Join {}{invites}? {receipts} {seen}", short(&room.name)))
}

/// A name as it stands in a question.
pub(super) fn short(name: &str) -> String {
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::testing::invite, model::UserId};

    #[test]
    fn p7_the_question_says_what_accepting_tells_whom() {
        let direct = question(&RoomSummary { direct: true, ..invite("tea") });
        assert_eq!(
            &*direct,
            "Join tea, where @ada:x invites you? If the two of you are alone in it, they learn from then on when your devices \
             receive their messages, in all rooms that you share (delivery receipts), unless your settings say otherwise. Its \
             members see that you joined, and what you read there."
        );
        let group = question(&invite("tea"));
        assert_eq!(
            &*group,
            "Join tea, where @ada:x invites you? Nobody is sent delivery receipts because of it. Its members see that you \
             joined, and what you read there."
        );
        let long = question(&invite(&"tea ".repeat(50)));
        assert!(long.contains("tea …, where") && long.ends_with("read there."), "{long:?}");
        // Nobody becomes known where it is not known who invites.
        let by = |by| RoomSummary { membership: Membership::Invited { by }, direct: true, ..invite("tea") };
        assert!(question(&by(None)).contains("Nobody is sent"));
        assert!(question(&by(Some(UserId::new("@eve:x")))).contains("@eve:x invites you"));
    }
}
