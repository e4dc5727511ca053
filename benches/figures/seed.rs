//! An account worth measuring: many rooms, each with some messages, all by somebody else.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::support::server::{Account, Server};

/// What every room's name begins with.
pub const ROOM_NAME: &str = "room-0";

/// How many requests are under way at a time.
const WORKERS: usize = 4;

/// How much there is to be.
#[derive(Clone, Copy)]
pub struct Seed {
    /// Rooms.
    pub rooms: usize,
    /// Messages in each.
    pub messages: usize,
}

impl Default for Seed {
    fn default() -> Self {
        Self { rooms: 300, messages: 10 }
    }
}

/// Makes the rooms and returns the account that is in all of them.
pub fn fill(synapse: &Server, seed: Seed) -> Account {
    let (alice, bob) = (synapse.register("alice"), synapse.register("bob"));
    let (alice_token, bob_token) = (synapse.login_raw(&alice).token, synapse.login_raw(&bob).token);
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= seed.rooms {
                return;
            }
            let name = format!("{ROOM_NAME}{index:03}");
            let create = json!({ "preset": "trusted_private_chat", "name": name, "invite": [alice.user_id] });
            let created = call(synapse, "POST", "createRoom", &bob_token, &create);
            let room = created["room_id"].as_str().expect("a new room has an id");
            call(synapse, "POST", &format!("join/{room}"), &alice_token, &json!({}));
            for message in 0..seed.messages {
                let body = format!("{name} message {message}: the quick brown fox jumps over the lazy dog");
                let path = format!("rooms/{room}/send/m.room.message/{message}");
                call(synapse, "PUT", &path, &bob_token, &json!({ "msgtype": "m.text", "body": body }));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(work);
        }
    });
    alice
}

fn call(synapse: &Server, method: &str, path: &str, token: &str, body: &Value) -> Value {
    let (status, answer) = synapse.raw(method, &format!("/_matrix/client/v3/{path}"), Some(token), body);
    assert_eq!(status, 200, "{method} {path}: {answer}");
    answer
}
