//! What the server can do, and receipts that come with a sync, against a homeserver of fixed answers.

use std::sync::Mutex;

use matrix_sdk::{
    SessionMeta, SessionTokens,
    authentication::matrix::MatrixSession,
    config::SyncSettings,
    ruma::{owned_device_id, owned_user_id},
};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::{
    client::session::loopback::{Loopback, homeserver, refuse, reply},
    model::{DeviceId, EventId},
};

mod acting;

/// How long anything may take, on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// A client that is logged in at this server, with nothing on disk.
pub(in crate::client::receipts) async fn client(server: &Loopback) -> Client {
    let client = Client::builder().homeserver_url(&server.url).build().await.unwrap();
    let meta = SessionMeta { user_id: owned_user_id!("@me:example.org"), device_id: owned_device_id!("MINE") };
    let tokens = SessionTokens { access_token: "secret".to_owned(), refresh_token: None };
    client.restore_session(MatrixSession { meta, tokens }).await.unwrap();
    client
}

fn receipts_in(event: &Value) -> usize {
    read(&Raw::new(event).unwrap().cast_unchecked()).map_or(0, |came| came.receipts.len())
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

#[tokio::test]
async fn the_server_is_asked_what_it_can_do_at_the_start_and_whenever_told_to() {
    let features = Arc::new(Mutex::new(None));
    let (asked, mut was_asked) = unbounded_channel();
    let answers = features.clone();
    let server = homeserver(move |_, request| {
        (request.line == "GET /_matrix/client/versions").then(|| {
            asked.send(()).unwrap();
            match &*answers.lock().unwrap() {
                Some(features) => reply(200, &json!({ "versions": ["v1.11"], "unstable_features": features })),
                None => refuse(500, "M_UNKNOWN"),
            }
        })
    })
    .await;
    let client = client(&server).await;
    let (inputs, mut told) = unbounded_channel();
    let again = Arc::new(Notify::new());
    let task = tokio::spawn(watch_server(client, inputs, again.clone()));

    // A server that does not answer is asked again after a pause, or sooner when the connection is back.
    was_asked.recv().await.unwrap();
    assert!(told.is_empty());
    for (now, expected) in [
        (json!({ "org.matrix.msc4089": false }), ServerFacts::default()),
        (
            json!({ "org.matrix.msc4089": true, "dev.kvitto.delivery_devices": true }),
            ServerFacts { native: true, devices: true, federated: false },
        ),
    ] {
        *features.lock().unwrap() = Some(now);
        again.notify_one();
        let said = async { while !matches!(told.recv().await, Some(Input::Server(facts)) if facts == expected) {} };
        timeout(DEADLINE, said).await.expect("the server is asked again");
    }
    task.abort();
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
    let Some(Input::Receipts(kept)) = input else { panic!("no receipts came") };
    let update = updates.try_recv().expect("the actor has had the update before");
    let came: Vec<Came> = update.joined.values().flat_map(|room| &room.ephemeral).filter_map(read).collect();
    let expected = Native {
        event_id: EventId::new("$own"),
        user_id: UserId::new("@bob:example.org"),
        device_id: Some(DeviceId::new("PHONE")),
        at: Some(5),
        quiet: false,
    };
    assert_eq!(came, [Came { receipts: vec![expected], summaries: vec![] }]);
    kept.send(()).unwrap();
    sync.await.unwrap();
}
