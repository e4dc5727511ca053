//! What a person asks for that takes one or a few requests: join, create, invite, remove, a new
//! key.
//!
//! Whoever is invited is known from then on (P7). That is kept before the request is made, or a
//! kill while it is under way would leave them a stranger in the room.
//!
//! A failure names what was asked for.

use matrix_sdk::{
    Client, RoomState,
    ruma::{
        OwnedUserId, RoomId as SdkRoomId,
        api::{
            client::{
                membership::join_room_by_id_or_alias::v3::Request as JoinRoom,
                room::create_room::v3::{Request as CreateRoom, RoomPreset},
            },
            error::ErrorKind,
        },
        assign,
        events::{InitialStateEvent, room::encryption::RoomEncryptionEventContent},
    },
};

use super::{
    address::{self, Address},
    direct_chats::Chat,
    edits, errors, ids, leaving,
    receipts::Receipts,
};
use crate::{
    client::{
        reply::{Failure, FailureKind, Outcome, Reply, said},
        request::RoomsRequest,
    },
    model::{EventId, RoomId, SafeText},
};

pub(super) mod context;

pub(super) use self::context::Context;
use self::context::{accept, failed, go_to, go_to_joined, room_of};

/// Carries out a request.
pub(super) async fn run(context: &Context, request: RoomsRequest) -> Outcome {
    let Context { client, receipts, .. } = context;
    match request {
        RoomsRequest::DirectChat(user) => direct_chat(context, &user).await,
        RoomsRequest::CreateRoom(name) => create(context, name).await,
        RoomsRequest::Join(room) => join(context, &room).await,
        RoomsRequest::Accept(room) => accept(context, &room_of(client, &room)?).await,
        RoomsRequest::Follow(room) => leaving::follow(context, &room).await,
        RoomsRequest::Decline(room) => leaving::decline(context, &room).await,
        RoomsRequest::Leave { room_id, older } => leaving::leave(context, &room_id, &older).await,
        RoomsRequest::Invite { room_id, user } => invite(client, receipts, &room_id, &user).await,
        RoomsRequest::SetState { room_id, event_type, state_key, content } => {
            let set = room_of(client, &room_id)?.send_state_event_raw(event_type, &state_key, content).await;
            set.map(|_| Reply::Done).map_err(|error| failed("Not changed", &error))
        }
        RoomsRequest::Rekey(room) => rekey(client, &room).await,
    }
}

fn bad_input(sentence: &str) -> Failure {
    Failure::new(FailureKind::BadInput, sentence)
}

fn user_id(typed: &str) -> Result<OwnedUserId, Failure> {
    OwnedUserId::try_from(typed.trim())
        .map_err(|_| bad_input(&format!("'{typed}' is not a user id. It looks like @name:server.")))
}

async fn direct_chat(context: &Context, typed: &str) -> Outcome {
    let Context { client, receipts, chats, .. } = context;
    let user = user_id(typed)?;
    if client.user_id() == Some(&*user) {
        return Err(bad_input("That is you. A chat with yourself is made with /create."));
    }
    receipts.known(vec![ids::user(&user)]);
    let chat = chats.with(&user).await.map_err(|error| failed(&format!("No chat with {user} was started"), &error))?;
    let (room, chat) = chat;
    context.tell_row(&room).await;
    let said = match chat {
        Chat::There => None,
        Chat::Awaited => Some(format!("{user} has not accepted the invite to this chat yet.")),
        Chat::InvitedAgain => Some(format!("{user} had left this chat, and was invited again.")),
        Chat::MadeAnew => Some(format!("{user} is not in the chat that there was: this is a new one.")),
    };
    Ok(Reply::Room { room_id: ids::room(room.room_id()), said: said.map(|said| SafeText::line(&said)) })
}

async fn create(context: &Context, name: String) -> Outcome {
    let encryption = InitialStateEvent::with_empty_state_key(RoomEncryptionEventContent::with_recommended_defaults());
    let request = assign!(CreateRoom::new(), {
        name: Some(name),
        preset: Some(RoomPreset::PrivateChat),
        initial_state: vec![encryption.to_raw_any()],
    });
    let room = context.client.create_room(request).await;
    let room = room.map_err(|error| failed("The room was not created", &error))?;
    Ok(go_to(context, &room).await)
}

async fn join(context: &Context, typed: &str) -> Outcome {
    let client = &context.client;
    let Address { room, via } = Address::read(typed).map_err(|why| bad_input(&why))?;
    let invited = <&SdkRoomId>::try_from(&*room).ok().and_then(|id| client.get_room(id));
    if let Some(invited) = invited.filter(|room| room.state() == RoomState::Invited) {
        return accept(context, &invited).await;
    }
    // Past the SDK, which would write into `m.direct` when the room is one that this user is
    // invited to.
    let request = assign!(JoinRoom::new(room.clone()), { via: via.clone() });
    match client.send(request).await {
        Ok(joined) => Ok(go_to_joined(context, &joined.room_id).await),
        Err(error) => {
            let opened_by = address::opened_by(client, &room, via).await.unwrap_or_default();
            Err(errors::http_failure(&error).prefixed("Not joined: ").and(&opened_by))
        }
    }
}

async fn invite(client: &Client, receipts: &Receipts, id: &RoomId, typed: &str) -> Outcome {
    let user = user_id(typed)?;
    let room = room_of(client, id)?;
    receipts.known(vec![ids::user(&user)]);
    room.invite_user_by_id(&user).await.map_err(|error| failed(&format!("{user} was not invited"), &error))?;
    Ok(said(&format!("{user} was invited.")))
}

pub(super) async fn redact(client: &Client, id: &RoomId, event: &EventId) -> Outcome {
    let room = room_of(client, id)?;
    let event =
        ids::sdk_event(event).ok_or_else(|| Failure::new(FailureKind::NotFound, "There is no such message."))?;
    let removed = async {
        for edit in edits::of(&room, &event).await? {
            room.redact(&edit, None, None).await?;
        }
        room.redact(&event, None, None).await?;
        Ok::<_, matrix_sdk::Error>(Reply::Done)
    };
    removed.await.map_err(|error| match error.client_api_error_kind() {
        Some(ErrorKind::Forbidden) => {
            Failure::new(FailureKind::Forbidden, "You may not remove this message: the room lets others do that.")
        }
        _ => failed("The message was not removed", &error),
    })
}

/// The key of a room's next message is a new one, and goes to every device anew: also to one that
/// lost the old one.
async fn rekey(client: &Client, id: &RoomId) -> Outcome {
    let room = room_of(client, id)?;
    if !room.encryption_state().is_encrypted() {
        return Err(Failure::new(FailureKind::Refused, "This room is not encrypted, so there is no key."));
    }
    room.discard_room_key().await.map_err(|error| failed("The key was not replaced", &error))?;
    Ok(said("The next message here is encrypted with a new key, which is given to every device."))
}
