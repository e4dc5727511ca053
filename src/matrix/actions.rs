//! What a person asks for that takes one or a few requests: join, create, invite, leave, remove, a new key.
//!
//! Whoever is invited, or whose invite to a direct chat is taken, is known from then on (P7). That is kept before the
//! request is made, or a kill while it is under way would leave them a stranger in the room.
//!
//! Each answers with the events that tell how it went; a failure is a sentence that names what was asked for.

use std::time::Duration;

use matrix_sdk::{
    Client, Room,
    ruma::{
        OwnedRoomOrAliasId, OwnedServerName, OwnedUserId,
        api::{
            client::room::create_room::v3::{Request as CreateRoom, RoomPreset},
            error::ErrorKind,
        },
        assign,
        events::{InitialStateEvent, direct::DirectEventContent, room::encryption::RoomEncryptionEventContent},
    },
};
use tokio::time::timeout;

use super::{errors, ids, receipts::Receipts, rooms};
use crate::{
    app::{effect::Effect, event::Event},
    model::{EventId, RoomId, SafeText},
};

/// How long it may take to mark a direct chat as one.
const MARKED_WITHIN: Duration = Duration::from_secs(30);

/// Runs one of these effects and tells how it went.
pub(super) async fn run(client: Client, receipts: Receipts, effect: Effect) -> Vec<Event> {
    let outcome = match effect {
        Effect::DirectChat(user) => direct_chat(&client, &receipts, &user).await,
        Effect::CreateRoom(name) => create(&client, name).await,
        Effect::Join(room) => join(&client, &room).await,
        Effect::Accept(room) => accept(&client, &receipts, &room).await,
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

async fn direct_chat(client: &Client, receipts: &Receipts, typed: &str) -> Outcome {
    let user = user_id(typed)?;
    if client.user_id() == Some(&*user) {
        return Err(SafeText::line("That is you. A chat with yourself is made with /create."));
    }
    receipts.known(vec![ids::user(&user)]);
    let room = match client.get_dm_room(&user) {
        Some(room) => room,
        None => client
            .create_dm(&user)
            .await
            .map_err(|error| failed(&format!("No chat with {user} was started"), &error))?,
    };
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

async fn join(client: &Client, typed: &str) -> Outcome {
    let room = OwnedRoomOrAliasId::try_from(typed.trim())
        .map_err(|_| SafeText::line(&format!("'{typed}' is no room. It looks like #name:server or !id:server.")))?;
    let via: Vec<OwnedServerName> = room.server_name().map(ToOwned::to_owned).into_iter().collect();
    let joined = client
        .join_room_by_id_or_alias(&room, &via)
        .await
        .map_err(|error| failed(&format!("{room} was not joined"), &error))?;
    Ok(go_to(client, &joined).await)
}

async fn accept(client: &Client, receipts: &Receipts, id: &RoomId) -> Outcome {
    let room = room_of(client, id)?;
    let inviter = room.invite_details().await.ok().map(|invite| invite.inviter_id);
    let direct = room.is_direct().await.unwrap_or_default();
    if direct && let Some(inviter) = &inviter {
        receipts.known(vec![ids::user(inviter)]);
    }
    room.join().await.map_err(|error| failed("The invite was not accepted", &error))?;
    if direct && let Some(inviter) = inviter {
        tokio::spawn(mark_direct(client.clone(), room.clone(), inviter));
    }
    Ok(go_to(client, &room).await)
}

/// Says in `m.direct` that this is a direct chat, where the SDK has not: it does so only when no sync was faster than the
/// answer to the join. Without it this user's other devices would take the inviter for a stranger (P7).
async fn mark_direct(client: Client, room: Room, inviter: OwnedUserId) {
    let mark = async {
        let marked = client.account().fetch_account_data_static::<DirectEventContent>().await?;
        let marked = marked.map(|raw| raw.deserialize()).transpose()?.unwrap_or_default();
        if marked.values().flatten().any(|known| known == room.room_id()) {
            return Ok(());
        }
        client.account().mark_as_dm(room.room_id(), &[inviter]).await
    };
    match timeout(MARKED_WITHIN, mark).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a direct chat is not marked as one"),
        Err(_) => tracing::warn!("a direct chat could not be marked as one in time"),
    }
}

async fn leave(client: &Client, id: &RoomId, said: &str) -> Outcome {
    let room = room_of(client, id)?;
    room.leave().await.map_err(|error| failed("You are still in the room", &error))?;
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
    let removed = room.redact(&event, None, None).await.map_err(matrix_sdk::Error::from);
    removed.map_err(|error| match error.client_api_error_kind() {
        Some(ErrorKind::Forbidden) => SafeText::line("You may not remove this message: the room lets others do that."),
        _ => failed("The message was not removed", &error),
    })?;
    Ok(Vec::new())
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
