//! What a device that was off tells of the moment at which it woke up, as an attacker measures it:
//! how many receipts leave at once and when the others follow (P10, P11), and how long the
//! encrypted messages are (§3).

use std::collections::BTreeSet;

use kvitto::{
    client::request::RoomsRequest,
    delivery::policy::{Settings, Timing},
    model::{Membership, RoomId},
};
use serde_json::{Value, json};

use crate::{
    delivery::text,
    person::Person,
    rogue::Rogue,
    world::{World, on},
};

/// P10: so many receipts leave at once for one sender, and then one a second.
const BURST: usize = 60;

/// Somebody whom Bob knows has asked his device for receipts, in a chat of their own.
async fn acquaintance(world: &World, bob: &mut Person) -> (Rogue, RoomId) {
    let mut rogue = Rogue::log_in(&world.server.base_url, &world.alice).await;
    let encryption = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    let room = rogue.create_room(&json!({
        "preset": "trusted_private_chat", "is_direct": true, "invite": [world.bob.user_id],
        "initial_state": [encryption],
    }));
    bob.room("the invite", |summary| summary.id == room).await;
    bob.run(RoomsRequest::Accept(room.clone()));
    bob.room("the joined room", |summary| summary.id == room && summary.membership == Membership::Joined).await;
    rogue.look().await;
    rogue.ask(&room, &world.bob.user_id).await;
    let hello = rogue.send(&room, "m.room.message", &text("hello"));
    rogue.until("the receipt", |received| received.direct.contains_key(&hello)).await;
    (rogue, room)
}

fn balanced(world: &World) -> Settings {
    Settings { timing: Timing::Balanced, ..world.settings() }
}

/// 95 messages wait when Bob's device wakes up. Not more than the burst leave at first, however
/// long they waited for their moment; and what follows is no more than one for each second since
/// then.
async fn p10_p11_the_first_batch_does_not_tell_how_long_it_waited(world: World) {
    let mut bob = Person::log_in(&world.proxy.base_url, &world.bob, "phone", balanced(&world)).await;
    world.proxy.wait_for_keys(&bob.device(), &bob.device());
    let (mut alice, room) = acquaintance(&world, &mut bob).await;
    let bob = bob.quit().await;
    let sent: Vec<_> = (0..95).map(|n| alice.send(&room, "m.room.message", &text(&format!("{n}")))).collect();

    let _bob = bob.back().await;
    alice.until("every receipt", |received| sent.iter().all(|event| received.direct.contains_key(event))).await;
    let at = alice.received().at;
    let mut left: Vec<u64> = sent.iter().map(|event| at[event]).collect();
    left.sort_unstable();
    let first = left[0];
    let moments: BTreeSet<u64> = left.iter().copied().collect();
    let counts: Vec<_> = moments.iter().map(|at| (at - first, left.partition_point(|left| left <= at))).collect();
    println!("{}: {counts:?}", world.name());
    // What leaves at one moment is sent within a second of it.
    let at_first = left.iter().filter(|at| **at < first + 1_000).count();
    assert!(at_first <= BURST, "{at_first} at first: {counts:?}");
    for (after, count) in &counts {
        let turns = usize::try_from(after / 1_000 + 1).expect("a few minutes");
        assert!(*count <= BURST + turns, "{counts:?}");
    }
}
on!(p10_p11_the_first_batch_does_not_tell_how_long_it_waited: synapse, embedded_direct);

/// The lengths of the ciphertexts in the body of a request for to-device messages.
fn lengths(body: &str) -> Vec<usize> {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let devices = body["messages"].as_object().expect("users").values().filter_map(Value::as_object).flatten();
    let sealed = devices.filter_map(|(_, content)| content["ciphertext"].as_object()).flatten();
    sealed.map(|(_, message)| message["body"].as_str().expect("base64").len()).collect()
}

/// §3: one receipt and five of them are as long as each other.
async fn one_receipt_is_as_long_as_five(world: World) {
    let line = world.line();
    let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", balanced(&world)).await;
    line.wait_for_keys(&bob.device(), &bob.device());
    let (mut alice, room) = acquaintance(&world, &mut bob).await;
    let mut seen = BTreeSet::new();
    for messages in [1, 5] {
        line.keep_back("/sendToDevice/m.room.encrypted/");
        let sent: Vec<_> = (0..messages).map(|n| alice.send(&room, "m.room.message", &text(&format!("{n}")))).collect();
        line.wait_until_kept();
        seen.extend(line.kept().iter().flat_map(|body| lengths(body)));
        line.allow();
        line.deliver();
        alice.until("the receipts", |received| sent.iter().all(|event| received.direct.contains_key(event))).await;
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
}
on!(one_receipt_is_as_long_as_five: synapse, embedded_direct);
