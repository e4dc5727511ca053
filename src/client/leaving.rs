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
    actions::context::{Context, Outcome, accept, done, failed, go_to, go_to_joined, room_of},
    endings, errors, ids, rooms,
};
use crate::{
    client::update::Update,
    model::{RoomId, SafeText},
};

/// Leaves a room, and those older versions of it that were named.
pub(super) async fn leave(context: &Context, id: &RoomId, with: &[RoomId]) -> Outcome {
    let room = room_of(&context.client, id)?;
    let was_left = !is_there(&room);
    let mut events = out_of(context, &room, "You are still in the room").await?;
    for older in with.iter().filter_map(|id| ids::find_room(&context.client, id)) {
        match out_of(context, &older, "You are still in the older version").await {
            Ok(gone) => events.extend(gone),
            Err(sentence) => events.push(Update::Failed(sentence)),
        }
    }
    if !events.iter().any(|event| matches!(event, Update::Done(_) | Update::Failed(_))) {
        events.push(done(if was_left { "The room was put away." } else { "You left the room." }));
    }
    Ok(events)
}

/// Declines an invite.
pub(super) async fn decline(context: &Context, id: &RoomId) -> Outcome {
    let room = room_of(&context.client, id)?;
    let mut events = out_of(context, &room, "The invite was not declined").await?;
    if !events.iter().any(|event| matches!(event, Update::Done(_))) {
        events.push(done("The invite was declined."));
    }
    Ok(events)
}

fn is_there(room: &Room) -> bool {
    matches!(room.state(), RoomState::Joined | RoomState::Invited | RoomState::Knocked)
}

/// Leaves this one room, and takes its row away.
async fn out_of(context: &Context, room: &Room, what: &str) -> Outcome {
    let id = room.room_id().to_owned();
    let mut said = None;
    if is_there(room) {
        context.endings.leaving(std::slice::from_ref(&id));
        if let Err(error) = context.client.send(LeaveRoom::new(id.clone())).await {
            if !is_answer(&error) {
                context.endings.is_left(&id, false).await;
                return Err(failed(what, &error.into()));
            }
            let why = errors::http_sentence(&error);
            said = Some(done(&format!("The room was taken off the list. The homeserver said of leaving it: {why}")));
        }
        endings::mark_left(room).await;
    } else if let Err(error) = context.client.send(ForgetRoom::new(id.clone())).await {
        tracing::info!(%error, "a room that was put away is not forgotten");
    }
    context.endings.is_left(&id, true).await;
    Ok([Update::RoomsGone(vec![ids::room(&id)])].into_iter().chain(said).collect())
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
    let nowhere = || SafeText::line("This room does not say in which one it goes on.");
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
        Ok(joined) => go_to_joined(context, &joined.room_id).await,
        Err(error) if error.as_client_api_error().is_some() && !errors::is_refusal(&error) => {
            context.endings.refused(room.room_id(), successor).await;
            let why = errors::http_sentence(&error);
            let sentence = format!("The room that follows cannot be joined, so this one goes on as it was: {why}");
            let row = rooms::summary(&context.client, &context.endings, &room).await;
            Ok(vec![Update::Rooms(row.into_iter().collect()), Update::Failed(SafeText::line(&sentence))])
        }
        Err(error) => Err(failed("The room that follows was not joined", &error.into())),
    }
}
