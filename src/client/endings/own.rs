//! The user's own membership in a room that they are not in any more: what is stored of it, and
//! what the server says.

use matrix_sdk::{
    Room,
    config::RequestConfig,
    deserialized_responses::MemberEvent,
    ruma::{
        OwnedUserId, UserId,
        api::{client::state::get_state_event_for_key, error::ErrorKind},
        events::{StateEventType, room::member::MembershipState},
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    client::ids,
    model::{Ending, How, SafeText, Timestamp},
};

/// A membership event of the user's own.
pub(super) struct Own {
    membership: MembershipState,
    sender: OwnedUserId,
    why: Option<String>,
    at: Option<Timestamp>,
}

/// How a room ended, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    how: Kind,
    by: Option<OwnedUserId>,
    why: Option<String>,
    at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Left,
    Declined,
    Removed,
    Banned,
    Withdrawn,
    Gone,
}

/// The event in the server's answer.
#[derive(Deserialize)]
struct Answer {
    sender: OwnedUserId,
    origin_server_ts: Option<Timestamp>,
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    membership: MembershipState,
    reason: Option<String>,
}

impl Own {
    /// What a sync has brought.
    pub async fn stored(room: &Room) -> Option<Self> {
        let member = room.get_member_no_sync(room.own_user_id()).await.ok()??;
        let event = member.event();
        let sender = match &**event {
            MemberEvent::Sync(event) => event.sender().to_owned(),
            MemberEvent::Stripped(event) => event.sender.clone(),
        };
        Some(Self {
            membership: event.membership().clone(),
            sender,
            why: event.reason().map(ToOwned::to_owned),
            at: event.timestamp().map(|at| Timestamp::from_millis(at.into())),
        })
    }

    /// What the server has now; `None` where it does not know the user in that room, or keeps it
    /// from them.
    pub async fn asked(room: &Room) -> matrix_sdk::Result<Option<Self>> {
        let key = room.own_user_id().to_string();
        let mut request =
            get_state_event_for_key::v3::Request::new(room.room_id().to_owned(), StateEventType::RoomMember, key);
        request.format = get_state_event_for_key::v3::StateEventFormat::Event;
        match room.client().send(request).with_request_config(RequestConfig::short_retry()).await {
            Ok(answer) => {
                let Answer { sender, origin_server_ts, content } = serde_json::from_str(answer.event_or_content.get())?;
                Ok(Some(Self { membership: content.membership, sender, why: content.reason, at: origin_server_ts }))
            }
            Err(error) => match error.client_api_error_kind() {
                Some(ErrorKind::Forbidden | ErrorKind::NotFound) => Ok(None),
                _ => Err(error.into()),
            },
        }
    }

    /// Whether the user is neither in the room nor invited.
    pub fn is_out(&self) -> bool {
        matches!(self.membership, MembershipState::Leave | MembershipState::Ban)
    }

    /// Whether the user has done this.
    pub fn is_by(&self, user: &UserId) -> bool {
        self.sender == user
    }

    /// What it means for whoever was in the room before, or invited.
    pub fn ended(self, own: &UserId, invited: bool) -> Ended {
        let how = match (&self.membership, self.is_by(own), invited) {
            (MembershipState::Ban, ..) => Kind::Banned,
            (_, true, false) => Kind::Left,
            (_, true, true) => Kind::Declined,
            (_, false, false) => Kind::Removed,
            (_, false, true) => Kind::Withdrawn,
        };
        Ended { how, by: Some(self.sender), why: self.why, at: self.at }
    }
}

impl Ended {
    /// The server does not know the user there.
    pub const GONE: Self = Self { how: Kind::Gone, by: None, why: None, at: None };

    /// As it is shown.
    pub fn shown(&self) -> Ending {
        let how = match self.how {
            Kind::Left => How::Left,
            Kind::Declined => How::Declined,
            Kind::Removed => How::Removed,
            Kind::Banned => How::Banned,
            Kind::Withdrawn => How::Withdrawn,
            Kind::Gone => How::Gone,
        };
        let why = SafeText::line(self.why.as_deref().unwrap_or_default());
        Ending { how, by: self.by.as_ref().map(|user| ids::user(user)), why, at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::{owned_user_id, user_id};

    use super::*;

    #[test]
    fn who_did_it_and_what_was_before_tell_how_a_room_ended() {
        let me = user_id!("@me:x");
        for (membership, sender, invited, how) in [
            (MembershipState::Leave, "@me:x", false, How::Left),
            (MembershipState::Leave, "@me:x", true, How::Declined),
            (MembershipState::Leave, "@bob:x", false, How::Removed),
            (MembershipState::Leave, "@bob:x", true, How::Withdrawn),
            (MembershipState::Ban, "@bob:x", false, How::Banned),
            (MembershipState::Ban, "@bob:x", true, How::Banned),
        ] {
            let sender = UserId::parse(sender).unwrap();
            let own =
                Own { membership, sender, why: Some("off\u{1b}topic".to_owned()), at: Some(Timestamp::from_millis(7)) };
            let shown = own.ended(me, invited).shown();
            assert_eq!(shown.how, how);
            assert_eq!((shown.at, shown.why.contains('\u{1b}')), (Some(Timestamp::from_millis(7)), false));
        }
        assert_eq!(Ended::GONE.shown().how, How::Gone);
        let ban = Ended {
            how: Kind::Banned,
            by: Some(owned_user_id!("@bob:x")),
            why: None,
            at: Some(Timestamp::from_millis(1)),
        };
        let kept = serde_json::to_string(&ban).unwrap();
        assert_eq!(serde_json::from_str::<Ended>(&kept).unwrap(), ban);
    }
}
