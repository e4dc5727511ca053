//! Direct chats: which rooms are one, and with whom.
//!
//! **Problem.** An invite says of itself whether it is to a direct chat, and anybody can say so of
//! any room. The SDK (0.18) believes it: when such an invite is accepted, it writes all members
//! into `m.direct`, over what other clients have written there since its last sync. And whoever has
//! a direct chat with the user is told when their messages arrive (P7).
//!
//! **Why this way.** A direct chat has two people, which only the room can tell, and to this user
//! only once they are in it. So the join is asked for here, past the SDK, and then the homeserver
//! is asked who is in the room: where it is the two alone, the other one is known from then on, and
//! the room stands in `m.direct`. That is read from the homeserver each time, as [text](list), and
//! left alone when it cannot be read.
//!
//! **How.** What is being found out is on disk from before the join, so a kill in between costs
//! nothing. Until it is found out, the receipts go by the members that the sync has counted. One at
//! a time looks for a chat and makes one, so that asking twice makes one room.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use matrix_sdk::{
    Client, Room, RoomState,
    ruma::{
        OwnedRoomId, OwnedUserId, RoomId, UserId,
        api::{
            client::membership::{get_member_events, join_room_by_id},
            error::ErrorKind,
        },
        events::{AnyGlobalAccountDataEventContent, GlobalAccountDataEventType, room::member::MembershipState},
        serde::Raw,
    },
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{
    sync::{Mutex, broadcast::error::RecvError},
    time::timeout,
};

use self::{list::Unreadable, stand::Stand};
use super::{backoff::Backoff, ids, receipts::Receipts, tasks};

mod list;
mod stand;

/// Where it is kept what is being found out.
const KEPT: &[u8] = b"direct_chats";
/// Pauses between attempts to find out whether a room is a direct chat.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));
/// How long a sync may take to bring a room that was joined.
const BROUGHT_WITHIN: Duration = Duration::from_secs(30);

/// Rooms that may be direct chats, and with whom.
type Open = BTreeMap<OwnedRoomId, OwnedUserId>;

/// What there was of a chat with somebody who was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chat {
    /// It was there, or is the first one.
    There,
    /// They have not taken the invite yet.
    Awaited,
    /// They had left, and were invited again.
    InvitedAgain,
    /// They are not in the one that there was, so there is a new one.
    MadeAnew,
}

/// See the module.
#[derive(Clone)]
pub(super) struct DirectChats {
    client: Client,
    receipts: Receipts,
    /// The chats that were made in this session. Whoever has this in hand is the only one who reads
    /// and writes `m.direct`.
    made: Arc<Mutex<HashMap<OwnedUserId, OwnedRoomId>>>,
    kept: Arc<Mutex<()>>,
}

impl DirectChats {
    /// Goes on with what a former run has not found out.
    pub async fn start(client: &Client, receipts: &Receipts) -> Self {
        let chats =
            Self { client: client.clone(), receipts: receipts.clone(), made: Arc::default(), kept: Arc::default() };
        let open = chats.open().await.unwrap_or_else(|error| {
            tracing::error!(%error, "which rooms may be direct chats cannot be read");
            Open::new()
        });
        for (room, with) in open {
            chats.receipts.taking(ids::room(&room), Some(ids::user(&with)));
            tasks::spawn(chats.clone().settle(room, with));
        }
        chats
    }

    /// Takes an invite. Its room is there when a sync has [brought](Self::brought) it.
    pub async fn accept(&self, room: &Room) -> matrix_sdk::Result<()> {
        let id = room.room_id().to_owned();
        let says_it_is_direct = room.is_direct().await.unwrap_or_default();
        let inviter = room.invite_details().await.ok().map(|invite| invite.inviter_id).filter(|_| says_it_is_direct);
        if let Some(inviter) = &inviter {
            self.keep(&id, Some(inviter)).await?;
            self.receipts.taking(ids::room(&id), Some(ids::user(inviter)));
        }
        let joined = self.client.send(join_room_by_id::v3::Request::new(id.clone())).await;
        if let Some(inviter) = inviter {
            // Also when it failed: the homeserver may have done it all the same.
            tasks::spawn(self.clone().settle(id, inviter));
        }
        joined.map(|_| ()).map_err(Into::into)
    }

    /// The chat with somebody: the best that there is, or a new one. What is typed there must not
    /// go to somebody else, so who is in it counts, and not only what `m.direct` says.
    pub async fn with(&self, user: &UserId) -> matrix_sdk::Result<(Room, Chat)> {
        let mut made = self.made.lock().await;
        let is_direct = |room: &Room| {
            let targets = room.direct_targets();
            targets.iter().any(|target| target.as_str() == user.as_str())
        };
        let mut rooms: Vec<Room> = self.client.joined_rooms().into_iter().filter(is_direct).collect();
        let mut best = stand::best(&rooms, user).await?;
        if !matches!(best, Some((Stand::Alone | Stand::AmongOthers, _))) {
            let content = self.content().await?;
            let listed = list::rooms(content.as_ref().map(|raw| raw.json().get()), user.as_str()).unwrap_or_default();
            let listed = listed.into_iter().filter_map(|room| OwnedRoomId::try_from(room).ok());
            rooms.extend(listed.chain(made.get(user).cloned()).filter_map(|room| self.client.get_room(&room)));
            best = stand::best(&rooms, user).await?;
        }
        match best {
            Some((Stand::Alone | Stand::AmongOthers, room)) => return Ok((room, Chat::There)),
            Some((Stand::Invited, room)) => return Ok((room, Chat::Awaited)),
            Some((Stand::Gone, room)) if room.invite_user_by_id(user).await.is_ok() => {
                self.begin_to_settle(room.room_id(), user).await;
                return Ok((room, Chat::InvitedAgain));
            }
            Some(_) | None => {}
        }
        let was_left = rooms.iter().any(|room| room.state() == RoomState::Joined);
        // The SDK writes `m.direct` here when it can read all of it; what it cannot read, it leaves
        // alone.
        let room = self.client.create_dm(user).await?;
        made.insert(user.to_owned(), room.room_id().to_owned());
        self.begin_to_settle(room.room_id(), user).await;
        Ok((room, if was_left { Chat::MadeAnew } else { Chat::There }))
    }

    async fn begin_to_settle(&self, room: &RoomId, with: &UserId) {
        if let Err(error) = self.keep(room, Some(with)).await {
            tracing::warn!(%error, "after a kill, a direct chat may not be marked as one");
        }
        tasks::spawn(self.clone().settle(room.to_owned(), with.to_owned()));
    }

    /// Waits until a sync has brought a room that was joined.
    pub async fn brought(&self, room: &RoomId) -> Option<Room> {
        let mut updates = self.client.room_info_notable_update_receiver();
        let brought = async {
            loop {
                if let Some(room) = self.client.get_room(room).filter(|room| room.state() == RoomState::Joined) {
                    return Some(room);
                }
                if matches!(updates.recv().await, Err(RecvError::Closed)) {
                    return None;
                }
            }
        };
        timeout(BROUGHT_WITHIN, brought).await.ok().flatten()
    }

    /// Finds out whether a room is a chat of this user and somebody else, and does what follows
    /// from it.
    async fn settle(self, room: OwnedRoomId, with: OwnedUserId) {
        let mut pause = PAUSE;
        while let Err(error) = self.find_out(&room, &with).await {
            tracing::warn!(%error, "whether a room is a direct chat is not known yet");
            tokio::time::sleep(pause.next_delay()).await;
        }
        self.receipts.taking(ids::room(&room), None);
        if let Err(error) = self.keep(&room, None).await {
            tracing::warn!(%error, "it is kept that a room may be a direct chat");
        }
    }

    async fn find_out(&self, room: &RoomId, with: &UserId) -> matrix_sdk::Result<()> {
        let members = match self.client.send(get_member_events::v3::Request::new(room.to_owned())).await {
            Ok(answer) => answer.chunk,
            Err(error) => match error.client_api_error_kind() {
                // Whoever is not in the room has no chat there.
                Some(ErrorKind::Forbidden | ErrorKind::NotFound) => return Ok(()),
                _ => return Err(error.into()),
            },
        };
        let own = self.client.user_id().map(UserId::as_str).unwrap_or_default();
        if !is_between(own, with.as_str(), members.iter().map(|raw| raw.deserialize_as_unchecked().ok())) {
            return Ok(());
        }
        // P7
        self.receipts.known(vec![ids::user(with)]);
        self.list(room, with).await
    }

    /// Adds a chat to `m.direct`, unless it is there.
    async fn list(&self, room: &RoomId, with: &UserId) -> matrix_sdk::Result<()> {
        let _one_at_a_time = self.made.lock().await;
        let content = self.content().await?;
        match list::with(content.as_ref().map(|raw| raw.json().get()), with.as_str(), room.as_str()) {
            Ok(None) => {}
            Ok(Some(content)) => {
                let content = Raw::from_json(RawValue::from_string(content)?);
                self.client.account().set_account_data_raw(GlobalAccountDataEventType::Direct, content).await?;
            }
            Err(error @ Unreadable) => tracing::warn!(%error, "a direct chat is not marked as one"),
        }
        Ok(())
    }

    /// `m.direct` as the homeserver has it now.
    async fn content(&self) -> matrix_sdk::Result<Option<Raw<AnyGlobalAccountDataEventContent>>> {
        self.client.account().fetch_account_data(GlobalAccountDataEventType::Direct).await
    }

    async fn open(&self) -> matrix_sdk::Result<Open> {
        let kept = self.client.state_store().get_custom_value(KEPT).await?;
        Ok(kept.map(|kept| serde_json::from_slice(&kept)).transpose()?.unwrap_or_default())
    }

    /// Keeps on disk that it is being found out whether a room is a chat with somebody, or that it
    /// is known.
    async fn keep(&self, room: &RoomId, with: Option<&UserId>) -> matrix_sdk::Result<()> {
        let _one_at_a_time = self.kept.lock().await;
        let mut open = self.open().await?;
        match with {
            Some(with) => drop(open.insert(room.to_owned(), with.to_owned())),
            None => drop(open.remove(room)),
        }
        self.client.state_store().set_custom_value_no_read(KEPT, serde_json::to_vec(&open)?).await?;
        Ok(())
    }
}

/// As much of somebody's membership as is needed; the rest may be of any form.
#[derive(Deserialize)]
struct Member {
    state_key: String,
    content: Membership,
}

#[derive(Deserialize)]
struct Membership {
    membership: MembershipState,
}

/// Whether a room is a direct chat of this user and somebody else (P7): both are in it, or the
/// other is invited, and nobody else is either. Of whom nothing can be read, they are somebody
/// else.
fn is_between(own: &str, with: &str, members: impl Iterator<Item = Option<Member>>) -> bool {
    let (mut own_is_in, mut other_is_there) = (false, false);
    for member in members {
        let Some(Member { state_key, content: Membership { membership } }) = member else { return false };
        match membership {
            MembershipState::Leave | MembershipState::Ban | MembershipState::Knock => {}
            MembershipState::Join if state_key == own => own_is_in = true,
            MembershipState::Join | MembershipState::Invite if state_key == with => other_is_there = true,
            _ => return false,
        }
    }
    own_is_in && other_is_there
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_between_us(members: &[(&str, &str)]) -> bool {
        let member = |(user, membership): &(&str, &str)| {
            let content = Membership { membership: MembershipState::from(*membership) };
            Some(Member { state_key: (*user).to_owned(), content })
        };
        is_between("@me:x", "@eve:x", members.iter().map(member))
    }

    #[test]
    fn p7_a_direct_chat_has_two_people() {
        let (me, eve) = (("@me:x", "join"), ("@eve:x", "join"));
        for (others, expected) in [
            (&[eve][..], true),
            (&[("@eve:x", "invite")], true),
            (&[eve, ("@ada:x", "leave"), ("@bob:x", "ban"), ("@dan:x", "knock")], true),
            (&[eve, ("@ada:x", "join")], false),
            (&[eve, ("@ada:x", "invite")], false),
            (&[eve, ("@ada:x", "unheard.of")], false),
            // Whoever invited has left: it is a chat with somebody else, or with nobody.
            (&[("@eve:x", "leave"), ("@ada:x", "join")], false),
            (&[("@eve:x", "leave")], false),
            (&[("@eve:x", "ban")], false),
            (&[], false),
        ] {
            let members: Vec<_> = [me].into_iter().chain(others.iter().copied()).collect();
            assert_eq!(is_between_us(&members), expected, "{others:?}");
        }
        assert!(!is_between_us(&[("@me:x", "invite"), eve]), "this user is not in it yet");
        assert!(!is_between_us(&[("@me:x", "leave"), eve]));
        let nobody_knows = [Some(()), None].map(|known| {
            known.map(|()| Member {
                state_key: "@me:x".to_owned(),
                content: Membership { membership: MembershipState::Join },
            })
        });
        assert!(!is_between("@me:x", "@eve:x", nobody_knows.into_iter()));
    }
}
