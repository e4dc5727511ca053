//! Syncs that wait, on the clock of the machine: each test ends as soon as what it waits for
//! happens.

use ruma::{OwnedRoomId, api::client::typing::create_typing_event::v3::Request as TypingRequest};

use super::*;
use crate::server::homeserver::{Options, typing};

const LONG: Duration = Duration::from_mins(1);

/// A homeserver with Ada, who has synced, and Bob in a room.
fn shared() -> (Arc<Shared>, Caller, Caller, OwnedRoomId, Value) {
    let shared = Arc::new(Shared::new(Options::default()));
    let (ada, bob, room, token) = shared.with(|world| {
        let (ada, bob) = (login(world, "ada", "PHONE"), login(world, "bob", "LAPTOP"));
        let id = room(world, "room", &[&ada, &bob]);
        let token = sync(world, &ada, None, json!({}))["next_batch"].clone();
        (ada, bob, id, token)
    });
    (shared, ada, bob, room, token)
}

/// Waits as Ada; begins to wait before it returns.
async fn begin(shared: &Arc<Shared>, ada: &Caller, token: &Value, timeout: Duration) -> tokio::task::JoinHandle<Value> {
    let (asked, shared, ada) = (asked(Some(token), json!({})), Arc::clone(shared), ada.clone());
    let (looked, mut has_looked) = tokio::sync::mpsc::unbounded_channel();
    let waiting = tokio::spawn(async move {
        let answer = wait(&shared, timeout, |world, over| {
            let _ = looked.send(());
            look(world, &ada, &asked, over)
        });
        body(Ok(answer.await.unwrap()))
    });
    has_looked.recv().await;
    waiting
}

#[tokio::test]
async fn a_sync_that_waits_is_woken_by_what_is_new() {
    let (shared, ada, bob, room, token) = shared();
    let waiting = begin(&shared, &ada, &token, LONG).await;
    shared.with(|world| say(world, &room, &bob, "now"));
    assert_eq!(bodies(&waiting.await.unwrap()["rooms"]["join"][room.as_str()]["timeline"]), ["now"]);
}

#[tokio::test]
async fn a_sync_that_has_nothing_to_tell_ends_with_its_time() {
    let (shared, ada, _, _, token) = shared();
    let answer = begin(&shared, &ada, &token, Duration::from_millis(1)).await.await.unwrap();
    assert_eq!((&answer["next_batch"], answer.get("rooms")), (&token, None));
}

#[tokio::test]
async fn the_end_of_typing_wakes_those_who_wait() {
    let (shared, ada, bob, room, token) = shared();
    let state = json!({ "typing": true, "timeout": 20 });
    let request = TypingRequest::new(bob.user_id.clone(), room.clone(), serde_json::from_value(state).unwrap());
    shared.with(|world| typing::type_or_stop(world, bob.clone(), request)).unwrap();
    let mut token = token;
    for users in [json!(["@bob:localhost"]), json!([])] {
        let answer = begin(&shared, &ada, &token, LONG).await.await.unwrap();
        let typing = &answer["rooms"]["join"][room.as_str()]["ephemeral"]["events"][0];
        assert_eq!(typing, &json!({ "type": "m.typing", "content": { "user_ids": users } }));
        token = answer["next_batch"].clone();
    }
}
