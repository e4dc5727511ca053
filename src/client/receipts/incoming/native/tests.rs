//! Receipts that come with a sync, against a homeserver of fixed answers.

use matrix_sdk::config::SyncSettings;
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::{
    client::{
        receipts::testing::client,
        session::loopback::{homeserver, reply},
    },
    model::{DeviceId, Timestamp, UserId},
};

fn receipts_in(event: &Value) -> usize {
    read(&Raw::new(event).unwrap().cast_unchecked()).map_or(0, |said| said.receipts.len())
}

#[test]
fn l6_only_receipts_are_read_and_one_malformed_time_costs_nothing_else() {
    let content = json!({
        "$a": { "m.delivery": { "@bob:b": { "ts": 1 } }, "m.read": { "@bob:b": { "ts": "never" } } },
        "$b": { "org.matrix.msc4089.delivery": { "@bob:b": { "ts": 1 }, "@carol:c": { "ts": "soon" } } },
    });
    assert_eq!(receipts_in(&json!({ "type": "m.receipt", "content": content })), 2);
    assert_eq!(receipts_in(&json!({ "type": "m.typing", "content": content })), 0);
    assert_eq!(receipts_in(&json!({ "type": "m.receipt" })), 0);
    assert_eq!(receipts_in(&json!("m.receipt")), 0);
}

/// Joins a room and brings receipts in it.
fn a_sync() -> Value {
    let receipts = json!({
        "$own": {
            "m.read": { "@bob:example.org": { "ts": "malformed" } },
            "org.matrix.msc4089.delivery": {
                "@bob:example.org": { "ts": 5, "dev.kvitto.devices": { "PHONE": { "ts": 5 } } },
            },
        },
    });
    let ephemeral = json!([
        { "type": "m.typing", "content": { "user_ids": [] } },
        { "type": "m.receipt", "content": receipts },
    ]);
    json!({ "next_batch": "s1", "rooms": { "join": { "!room:example.org": { "ephemeral": { "events": ephemeral } } } } })
}

#[tokio::test]
async fn l8_a_sync_goes_on_when_its_receipts_are_on_disk() {
    let server =
        homeserver(|_, request| (request.line == "GET /_matrix/client/v3/sync").then(|| reply(200, &a_sync()))).await;
    let client = client(&server).await;
    let (inputs, mut told) = unbounded_channel();
    listen(&client, &Disk::new(), inputs);
    let mut updates = client.subscribe_to_all_room_updates();
    let mut sync = std::pin::pin!(client.sync_once(SyncSettings::new()));
    let input = tokio::select! {
        biased;
        _ = &mut sync => panic!("the sync did not wait for its receipts"),
        input = told.recv() => input,
    };
    let Some(Input::Sync(SyncInput::Receipts(kept))) = input else { panic!("no receipts came") };
    let update = updates.try_recv().expect("the actor has had the update before");
    let said: Vec<Said> = update.joined.values().flat_map(|room| &room.ephemeral).filter_map(read).collect();
    let expected = Native {
        event_id: EventId::new("$own"),
        user_id: UserId::new("@bob:example.org"),
        device_id: Some(DeviceId::new("PHONE")),
        at: Some(Timestamp::from_millis(5)),
        quiet: false,
    };
    assert_eq!(said, [Said { receipts: vec![expected], summaries: vec![] }]);
    kept.send(()).unwrap();
    sync.await.unwrap();
}
