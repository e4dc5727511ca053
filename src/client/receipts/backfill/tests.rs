//! Which rooms are backfilled, without an actor around it.

use matrix_sdk::{config::SyncSettings, ruma::owned_event_id};
use serde_json::{Value, json};

use super::*;
use crate::{
    client::{
        receipts::testing::{Alone, alone},
        session::loopback::{Loopback, homeserver, reply},
    },
    model::RoomId,
};

/// A server on which this user is in an encrypted room with Bob.
async fn an_encrypted_room() -> Loopback {
    let state = |kind: &str, key: &str, content: Value| {
        json!({
            "type": kind, "event_id": format!("${kind}-{}", key.len()), "sender": "@bob:example.org", "state_key": key,
            "origin_server_ts": 1, "content": content,
        })
    };
    let joined = |user| state("m.room.member", user, json!({ "membership": "join" }));
    let state = [
        joined("@me:example.org"),
        joined("@bob:example.org"),
        state("m.room.encryption", "", json!({ "algorithm": "m.megolm.v1.aes-sha2" })),
        state("m.room.join_rules", "", json!({ "join_rule": "invite" })),
    ];
    let room = json!({ "summary": { "m.joined_member_count": 2 }, "state": { "events": state } });
    let sync = json!({ "next_batch": "s1", "rooms": { "join": { "!room:example.org": room } } });
    homeserver(move |_, request| (request.line == "GET /_matrix/client/v3/sync").then(|| reply(200, &sync))).await
}

#[tokio::test]
async fn a_room_is_complete_when_its_gap_and_those_that_came_meanwhile_are_filled() {
    let server = an_encrypted_room().await;
    let Alone { mut context, .. } = alone(&server).await;
    context.client.sync_once(SyncSettings::new()).await.unwrap();
    let id = RoomId::new("!room:example.org");
    let room = ids::find_room(&context.client, &id).unwrap();
    let mut backfill = Backfill::new(context.inputs.clone());
    let complete_to = |context: &Context| context.store.seen(&id).unwrap().map(|seen| seen.newest.to_string());

    let [first, second, third] =
        [owned_event_id!("$1"), owned_event_id!("$2"), owned_event_id!("$3")].map(|event| (now(), event));
    backfill.on_synced(&mut context, room.clone(), first, false).await;
    assert_eq!(complete_to(&context).as_deref(), Some("$1"), "the sync has left nothing out");

    backfill.on_synced(&mut context, room.clone(), second, true).await;
    assert!(backfill.is_under_way(room.room_id()));
    assert_eq!(context.store.backfills().unwrap(), std::slice::from_ref(&id), "a kill starts it again");
    backfill.on_synced(&mut context, room.clone(), third, true).await;
    backfill.on_ended(&mut context, room.room_id().to_owned()).await;
    assert!(backfill.is_under_way(room.room_id()), "another gap came meanwhile");
    assert_eq!(complete_to(&context).as_deref(), Some("$1"));

    backfill.on_ended(&mut context, room.room_id().to_owned()).await;
    assert!(!backfill.is_under_way(room.room_id()));
    assert_eq!(context.store.backfills().unwrap(), []);
    assert_eq!(complete_to(&context).as_deref(), Some("$3"));
}
