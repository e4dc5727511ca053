//! The eligibility of everybody in a room for receipts, for the receipts screen.
//!
//! Only the actor knows who is known (P7), and only a task beside it may wait for the members or
//! read a few hundred identities. So the task fetches the members, the actor says whom it knows of
//! them, and a second task looks at the rest and answers. The app decides what comes of it, by the
//! same policy.

use matrix_sdk::{
    Room, RoomMemberships,
    ruma::{OwnedRoomId, OwnedUserId},
};

use super::Query;
use crate::{
    client::{
        ids,
        receipts::{Context, facts, members},
        reply::Reply,
        responder::Responder,
        tasks,
    },
    model::{PersonEligibility, RoomId, SafeText},
};

/// How many people of a room are listed; the others are counted.
const LISTED: usize = 200;

/// Everybody else in a room, by id, with their display names: those who are listed, and how many
/// more there are.
#[derive(Debug)]
pub(in crate::client::receipts) struct Members {
    room_id: OwnedRoomId,
    listed: Vec<(OwnedUserId, SafeText)>,
    more: usize,
}

/// Looks up who is in this room.
pub(in crate::client::receipts) fn look_up(context: &Context, room_id: &RoomId, responder: Responder) {
    let Some(room) = ids::find_room(&context.client, room_id) else { return };
    let inputs = context.inputs.clone();
    tasks::spawn(async move {
        // The actor ends only with the session.
        let _ = inputs.send(Query::Members(find(&room).await, responder).into());
    });
}

/// Answers how these people stand.
pub(in crate::client::receipts) fn tell(context: &Context, members: Members, responder: Responder) {
    let Some(room) = context.client.get_room(&members.room_id) else { return };
    let known: Vec<bool> = members
        .listed
        .iter()
        .map(|(user, _)| context.stored(context.store.is_known(&ids::user(user))).unwrap_or_default())
        .collect();
    let client = context.client.clone();
    tasks::spawn(async move {
        let mut eligibility = Vec::new();
        for ((user, name), known) in members.listed.into_iter().zip(known) {
            // Nobody else is listed, so this is never missing.
            let Some(sender) = facts::sender(&client, &room, &user, known).await else { continue };
            eligibility.push(PersonEligibility {
                user_id: ids::user(&user),
                name,
                known: sender.known,
                verified: sender.verified,
                ignored: sender.ignored,
            });
        }
        let room_id = ids::room(room.room_id());
        responder.respond(Ok(Reply::Eligibility { room_id, people: eligibility, more: members.more }));
    });
}

/// Everybody else who is joined: as far as it is known here, when the server does not answer.
async fn find(room: &Room) -> Members {
    let members = match members::joined(room).await {
        Ok(members) => members,
        Err(error) => {
            tracing::info!(%error, "the members of a room could not be fetched");
            room.members_no_sync(RoomMemberships::JOIN).await.unwrap_or_default()
        }
    };
    let mut listed: Vec<_> = members
        .iter()
        .filter(|member| member.user_id() != room.own_user_id())
        .map(|member| (member.user_id().to_owned(), SafeText::line(member.display_name().unwrap_or_default())))
        .collect();
    listed.sort();
    let more = listed.len().saturating_sub(LISTED);
    listed.truncate(LISTED);
    Members { room_id: room.room_id().to_owned(), listed, more }
}
