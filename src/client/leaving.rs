//! Leaving rooms, declining invites, and moving on to the room in which an upgraded one goes on.
//!
//! **Only the room that was named is left.** The SDK (0.18) leaves every room that the create event
//! names as its predecessor too. Whoever makes a room writes that event, and could so take people
//! out of rooms that they have nothing to do with. An older version goes with its successor only
//! where its own tombstone says that this is the one, and the question has said so.
//!
//! **A 'no' is a no.** Whatever the server answers, the row goes: a room that an administrator has
//! purged can be left by nobody, and the server would say so for ever. Should the user be in the
//! room after all, the next sync shows it again.

use matrix_sdk::{
    HttpError, Room, RoomState,
    ruma::{
        OwnedRoomId,
        api::{
            client::membership::{
                forget_room::v3::Request as ForgetRoom, join_room_by_id_or_alias::v3::Request as JoinRoom,
                leave_room::v3::Request as LeaveRoom,
            },
            error::ErrorKind,
        },
        assign,
    },
};

use super::{
    actions::context::{Context, accept, failed, go_to, go_to_joined, room_of},
    endings, errors, ids,
};
use crate::{
    client::{
        reply::{Failure, FailureKind, Outcome, Reply, said},
        update::Update,
    },
    model::RoomId,
};

/// Leaves a room, and those older versions of it that were named.
pub(super) async fn leave(context: &Context, id: &RoomId, with: &[RoomId]) -> Outcome {
    let room = room_of(&context.client, id)?;
    let was_left = !is_there(&room);
    let mut left = out_of(context, &room, "You are still in the room").await?;
    let mut failed = None;
    for older in with.iter().filter_map(|id| ids::find_room(&context.client, id)) {
        match out_of(context, &older, "You are still in the older version").await {
            Ok(objection) => left = left.or(objection),
            Err(failure) => failed = Some(failure),
        }
    }
    let left = left.unwrap_or_else(|| said(if was_left { "The room was put away." } else { "You left the room." }));
    failed.map_or(Ok(left), Err)
}

/// Declines an invite.
pub(super) async fn decline(context: &Context, id: &RoomId) -> Outcome {
    let room = room_of(&context.client, id)?;
    let declined = out_of(context, &room, "The invite was not declined").await?;
    Ok(declined.unwrap_or_else(|| said("The invite was declined.")))
}

fn is_there(room: &Room) -> bool {
    matches!(room.state(), RoomState::Joined | RoomState::Invited | RoomState::Knocked)
}

/// Leaves this one room, and takes its row away. Gives what the homeserver said against it.
async fn out_of(context: &Context, room: &Room, what: &str) -> Result<Option<Reply>, Failure> {
    let id = room.room_id().to_owned();
    let mut objection = None;
    if is_there(room) {
        context.endings.leaving(std::slice::from_ref(&id));
        if let Err(error) = context.client.send(LeaveRoom::new(id.clone())).await {
            if !is_answer(&error) {
                context.endings.is_left(&id, false).await;
                return Err(failed(what, &error.into()));
            }
            let why = errors::http_sentence(&error);
            let sentence = format!("The room was taken off the list. The homeserver said of leaving it: {why}");
            objection = Some(said(&sentence));
        }
        endings::mark_left(room).await;
    } else if let Err(error) = context.client.send(ForgetRoom::new(id.clone())).await {
        tracing::info!(%error, "a room that was put away is not forgotten");
    }
    context.endings.is_left(&id, true).await;
    context.tell(Update::RoomsGone(vec![ids::room(&id)]));
    Ok(objection)
}

/// Whether the server has said something about what was asked for, and not only that it cannot, or
/// not now.
fn is_answer(error: &HttpError) -> bool {
    let busy = matches!(
        error.client_api_error_kind(),
        Some(ErrorKind::LimitExceeded(_) | ErrorKind::UnknownToken(_) | ErrorKind::MissingToken)
    );
    !busy && error.as_client_api_error().is_some_and(|error| error.status_code.is_client_error())
}

/// Goes to the room in which an upgraded one goes on, by the server of whoever upgraded it. Where
/// that is refused, the upgraded room is one as any other.
pub(super) async fn follow(context: &Context, id: &RoomId) -> Outcome {
    let room = room_of(&context.client, id)?;
    let nowhere = || Failure::new(FailureKind::NotFound, "This room does not say in which one it goes on.");
    let (successor, via) = context.endings.successor(&room).await.ok_or_else(nowhere)?;
    if let Some(known) = context.client.get_room(&successor) {
        match known.state() {
            RoomState::Joined => return Ok(go_to(context, &known).await),
            RoomState::Invited => return accept(context, &known).await,
            _ => {}
        }
    }
    let request = assign!(JoinRoom::new(OwnedRoomId::into(successor.clone())), { via });
    match context.client.send(request).await {
        Ok(joined) => Ok(go_to_joined(context, &joined.room_id).await),
        Err(error) if error.as_client_api_error().is_some() && !errors::is_refusal(&error) => {
            context.endings.refused(room.room_id(), successor).await;
            context.tell_row(&room).await;
            let goes_on = "The room that follows cannot be joined, so this one goes on as it was: ";
            Err(errors::http_failure(&error).prefixed(goes_on))
        }
        Err(error) => Err(failed("The room that follows was not joined", &error.into())),
    }
}
