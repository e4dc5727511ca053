//! What a person asks for that takes one or a few requests: join, create, invite, leave, remove, a new key.
//!
//! Whoever is invited is known from then on (P7). That is kept before the request is made, or a kill while it is under way
//! would leave them a stranger in the room.
//!
//! Each answers with the events that tell how it went; a failure is a sentence that names what was asked for.

use matrix_sdk::{
    Client, Room, RoomState,
    ruma::{
        OwnedRoomOrAliasId, OwnedServerName, OwnedUserId, RoomId as SdkRoomId,
        api::{
            client::{
                membership::{join_room_by_id_or_alias::v3::Request as JoinRoom, leave_room::v3::Request as LeaveRoom},
                room::create_room::v3::{Request as CreateRoom, RoomPreset},
            },
            error::ErrorKind,
        },
        assign,
        events::{InitialStateEvent, room::encryption::RoomEncryptionEventContent},
    },
};

use super::{direct_chats::DirectChats, edits, errors, ids, receipts::Receipts, rooms};
use crate::{
    app::{effect::Effect, event::Event},
    model::{EventId, RoomId, SafeText},
};

/// Runs one of these effects and tells how it went.
pub(super) async fn run(client: Client, receipts: Receipts, chats: DirectChats, effect: Effect) -> Vec<Event> {
    let outcome = match effect {
        Effect::DirectChat(user) => direct_chat(&client, &receipts, &chats, &user).await,
        Effect::CreateRoom(name) => create(&client, name).await,
        Effect::Join(room) => join(&client, &chats, &room).await,
        Effect::Accept(room) => match room_of(&client, &room) {
            Ok(room) => accept(&client, &chats, &room).await,
            Err(sentence) => Err(sentence),
        },
        Effect::Decline(room) => leave(&client, &room, "The invite was declined.").await,
        Effect::Leave(room) => leave(&client, &room, "You left the room.").await,
        Effect::Invite { room, user } => invite(&client, &receipts, &room, &user).await,
        Effect::Redact { room, event } => redact(&client, &room, &event).await,
        Effect::Rekey(room) => rekey(&client, &room).await,
        other => {
            tracing::error!(?other, "this effect is not done here");
            Ok(Vec::new())
        }
    };
    outcome.unwrap_or_else(|sentence| vec![Event::Failed(sentence)])
}

type Outcome = Result<Vec<Event>, SafeText>;

fn failed(what: &str, error: &matrix_sdk::Error) -> SafeText {
    SafeText::line(&format!("{what}: {}", errors::sentence(error)))
}

fn done(text: &str) -> Event {
    Event::Done(SafeText::line(text))
}

/// Shows a room that is there now: its row first, so that there is something to go to.
async fn go_to(client: &Client, room: &Room) -> Vec<Event> {
    vec![Event::Rooms(vec![rooms::summary(client, room).await]), Event::GoTo(ids::room(room.room_id()))]
}

fn user_id(typed: &str) -> Result<OwnedUserId, SafeText> {
    OwnedUserId::try_from(typed.trim())
        .map_err(|_| SafeText::line(&format!("'{typed}' is not a user id. It looks like @name:server.")))
}

fn room_of(client: &Client, id: &RoomId) -> Result<Room, SafeText> {
    ids::find_room(client, id).ok_or_else(|| SafeText::line("This room is not known here any more."))
}

async fn direct_chat(client: &Client, receipts: &Receipts, chats: &DirectChats, typed: &str) -> Outcome {
    let user = user_id(typed)?;
    if client.user_id() == Some(&*user) {
        return Err(SafeText::line("That is you. A chat with yourself is made with /create."));
    }
    receipts.known(vec![ids::user(&user)]);
    let room = chats.with(&user).await.map_err(|error| failed(&format!("No chat with {user} was started"), &error))?;
    Ok(go_to(client, &room).await)
}

async fn create(client: &Client, name: String) -> Outcome {
    let encryption = InitialStateEvent::with_empty_state_key(RoomEncryptionEventContent::with_recommended_defaults());
    let request = assign!(CreateRoom::new(), {
        name: Some(name),
        preset: Some(RoomPreset::PrivateChat),
        initial_state: vec![encryption.to_raw_any()],
    });
    let room = client.create_room(request).await.map_err(|error| failed("The room was not created", &error))?;
    Ok(go_to(client, &room).await)
}

async fn join(client: &Client, chats: &DirectChats, typed: &str) -> Outcome {
    let room = OwnedRoomOrAliasId::try_from(typed.trim())
        .map_err(|_| SafeText::line(&format!("'{typed}' is no room. It looks like #name:server or !id:server.")))?;
    let invited = <&SdkRoomId>::try_from(&*room).ok().and_then(|id| client.get_room(id));
    if let Some(invited) = invited.filter(|room| room.state() == RoomState::Invited) {
        return accept(client, chats, &invited).await;
    }
    let via: Vec<OwnedServerName> = room.server_name().map(ToOwned::to_owned).into_iter().collect();
    // Past the SDK, which would write into `m.direct` when the room is one that this user is invited to.
    let request = assign!(JoinRoom::new(room.clone()), { via });
    let joined = client.send(request).await.map_err(matrix_sdk::Error::from);
    let joined = joined.map_err(|error| failed(&format!("{room} was not joined"), &error))?;
    go_to_joined(client, chats, &joined.room_id).await
}

async fn accept(client: &Client, chats: &DirectChats, room: &Room) -> Outcome {
    chats.accept(room).await.map_err(|error| failed("The invite was not accepted", &error))?;
    go_to_joined(client, chats, room.room_id()).await
}

async fn go_to_joined(client: &Client, chats: &DirectChats, room: &SdkRoomId) -> Outcome {
    match chats.brought(room).await {
        Some(room) => Ok(go_to(client, &room).await),
        None => Ok(vec![done("You are in the room. It is shown as soon as the homeserver sends it.")]),
    }
}

async fn leave(client: &Client, id: &RoomId, said: &str) -> Outcome {
    let room = room_of(client, id)?;
    let left = if room.state() == RoomState::Invited && room.direct_targets_length() > 0 {
        // The SDK would take the room out of `m.direct` too, and write that as it was at the last sync.
        client.send(LeaveRoom::new(room.room_id().to_owned())).await.map(|_| ()).map_err(Into::into)
    } else {
        room.leave().await
    };
    left.map_err(|error| failed("You are still in the room", &error))?;
    Ok(vec![Event::RoomsGone(vec![id.clone()]), done(said)])
}

async fn invite(client: &Client, receipts: &Receipts, id: &RoomId, typed: &str) -> Outcome {
    let user = user_id(typed)?;
    let room = room_of(client, id)?;
    receipts.known(vec![ids::user(&user)]);
    room.invite_user_by_id(&user).await.map_err(|error| failed(&format!("{user} was not invited"), &error))?;
    Ok(vec![done(&format!("{user} was invited."))])
}

async fn redact(client: &Client, id: &RoomId, event: &EventId) -> Outcome {
    let room = room_of(client, id)?;
    let event = ids::sdk_event(event).ok_or_else(|| SafeText::line("There is no such message."))?;
    let removed = async {
        for edit in edits::of(&room, &event).await? {
            room.redact(&edit, None, None).await?;
        }
        room.redact(&event, None, None).await?;
        Ok::<_, matrix_sdk::Error>(Vec::new())
    };
    removed.await.map_err(|error| match error.client_api_error_kind() {
        Some(ErrorKind::Forbidden) => SafeText::line("You may not remove this message: the room lets others do that."),
        _ => failed("The message was not removed", &error),
    })
}

/// The key of a room's next message is a new one, and goes to every device anew: also to one that lost the old one.
async fn rekey(client: &Client, id: &RoomId) -> Outcome {
    let room = room_of(client, id)?;
    if !room.encryption_state().is_encrypted() {
        return Err(SafeText::line("This room is not encrypted, so there is no key."));
    }
    room.discard_room_key().await.map_err(|error| failed("The key was not replaced", &error))?;
    Ok(vec![done("The next message here is encrypted with a new key, which is given to every device.")])
}
