//! What is believed only from whom can vouch for it: state and redactions from the server, 'read'
//! from a read receipt, and a message from its sender where it came encrypted.

use kvitto::{
    client::request::{RoomsRequest, TimelineRequest},
    model::{Body, EventId, Membership, ReceiptStatus, RoomId, TimelineId, TimelineItemKind, UserId},
};
use serde_json::{Value, json};

use crate::{
    delivery::{text, what_waits},
    person::{Person, body, direct_chat},
    rogue::Rogue,
    support::proxy::count,
    world::{World, on},
};

/// What is said of changes in the open room.
fn notices(person: &Person) -> Vec<String> {
    let items = person.app.timelines.shown().into_iter().flat_map(|open| &open.items);
    let notices = items.filter_map(|item| match &item.kind {
        TimelineItemKind::Notice { text, .. } => Some(text.to_string()),
        _ => None,
    });
    notices.collect()
}

/// The bodies of the open room's messages.
fn bodies(person: &Person) -> Vec<String> {
    person.messages().map(body).collect()
}

/// Where the message of this text stands in the open room.
fn index_of(person: &Person, text: &str) -> Option<usize> {
    let open = person.app.timelines.shown()?;
    (0..open.items.len()).find(|index| open.message(*index).is_some_and(|message| body(message) == text))
}

/// Waits until the open room has exactly these messages, and these changes as far back as it
/// reaches.
async fn shows(person: &mut Person, messages: &[&str], changes: &[String]) {
    let what = format!("{messages:?} and {changes:?}");
    person.until(&what, |p| (bodies(p) == messages && changes.ends_with(&notices(p))).then_some(())).await;
}

/// Somebody else in the room, with a client in which anything can be encrypted.
async fn mallory(world: &World, alice: &mut Person, bob: &mut Person, room: &RoomId) -> Rogue {
    let account = world.server.register("mallory");
    let mut mallory = Rogue::log_in(&world.server.base_url, &account).await;
    alice.run(RoomsRequest::Invite { room_id: room.clone(), user: account.user_id.clone() });
    mallory.join_when_invited(room).await;
    for person in [alice, bob] {
        person.sees_members(room, 3).await;
        person
            .until("that Mallory came", |p| {
                notices(p).iter().any(|notice| notice.contains("mallory") && notice.contains("joined")).then_some(())
            })
            .await;
    }
    mallory
}

/// What looks as if the server had said it: this message is gone, Bob has left, the room is another
/// one.
fn lies(world: &World, target: &EventId) -> Vec<Value> {
    let state = |kind: &str, key: &str, content: Value| json!({ "type": kind, "state_key": key, "content": content });
    let target = target.as_str();
    vec![
        json!({ "type": "m.room.redaction", "redacts": target, "content": { "redacts": target, "reason": "because" } }),
        state("m.room.member", &world.bob.user_id, json!({ "membership": "leave" })),
        state("m.room.member", "@eve:example.org", json!({ "membership": "join", "displayname": "Eve" })),
        state("m.room.name", "", json!({ "name": "Another room" })),
        state("m.room.topic", "", json!({ "topic": "Another topic" })),
        state("m.room.tombstone", "", json!({ "body": "moved", "replacement_room": "!elsewhere:example.org" })),
        state("m.room.message", "", text("a message that is state")),
        json!({ "type": "m.room.name", "content": { "name": "Another room" } }),
        json!({ "type": "m.typing", "content": { "user_ids": [world.alice.user_id] } }),
    ]
}

/// P3, P4: it is not drawn, does nothing to others' messages, and withholds no receipt, whether its
/// key was there before it or came later; also after a restart. What the server itself says counts
/// as ever.
async fn p3_p4_what_only_the_server_can_vouch_for_is_nothing_when_it_came_encrypted(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let mut mallory = mallory(&world, &mut alice, &mut bob, &room).await;
    let waiting = what_waits(&world, &mut alice, &mut bob, &room).await;
    alice.say(&room, "hello");
    let hello = alice.sees("hello").await;
    bob.sees("hello").await;
    let (of_alice, of_bob) = (notices(&alice), notices(&bob));

    let mut before = Rogue::new_key();
    for user in [&world.alice.user_id, &world.bob.user_id] {
        mallory.give_key(&room, user, &before).await;
    }
    for lie in lies(&world, &waiting) {
        let event = mallory.seal_anything(&room, &mut before, &lie).await;
        assert_eq!(bob.withheld_by(&room, &event).await, "P4", "{lie}");
    }
    let after = json!({ "type": "m.room.message", "content": text("after that") });
    mallory.seal_anything(&room, &mut before, &after).await;
    let all = ["waiting", "hello", "after that"];
    shows(&mut alice, &all, &of_alice).await;
    shows(&mut bob, &all, &of_bob).await;

    let mut late = Rogue::new_key();
    let key_of_then = late.session_key();
    for lie in lies(&world, &hello) {
        mallory.seal_anything(&room, &mut late, &lie).await;
    }
    let after = json!({ "type": "m.room.message", "content": text("and after that") });
    mallory.seal_anything(&room, &mut late, &after).await;
    for person in [&mut alice, &mut bob] {
        person
            .until("what is locked", |p| p.messages().any(|m| matches!(m.body, Body::Undecryptable(_))).then_some(()))
            .await;
    }
    let key = json!({
        "algorithm": "m.megolm.v1.aes-sha2", "room_id": room.as_str(), "session_id": late.session_id(),
        "session_key": key_of_then.to_base64(),
    });
    for user in [&world.alice.user_id, &world.bob.user_id] {
        mallory.tell(user, "m.room_key", &key).await;
    }
    let all = ["waiting", "hello", "after that", "and after that"];
    shows(&mut alice, &all, &of_alice).await;
    shows(&mut bob, &all, &of_bob).await;

    let mut bob = bob.quit().await.back().await;
    bob.online().await;
    bob.open(&room).await;
    shows(&mut bob, &all, &of_bob).await;
    bob.set(world.settings()).await;
    for event in [&waiting, &hello] {
        alice.delivered_to(event, &world.bob.user_id, &world.ticks(&[&bob])).await;
    }

    let token = world.server.login_raw(&world.alice).token;
    world.server.redact(&token, &room, &hello);
    for person in [&mut alice, &mut bob] {
        let is_gone = |p: &mut Person| {
            p.messages().any(|m| m.event_id.as_ref() == Some(&hello) && m.body == Body::Redacted).then_some(())
        };
        person.until("that the server has removed it", is_gone).await;
    }
}
on!(p3_p4_what_only_the_server_can_vouch_for_is_nothing_when_it_came_encrypted: synapse, embedded, embedded_today);

/// Messages in the clear say so where the room was encrypted by then, and no others; also after a
/// restart. What they want to change stays as it was.
async fn what_came_in_the_clear_says_so(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let token = world.server.login_raw(&world.alice).token;
    let create = json!({ "preset": "trusted_private_chat", "is_direct": true, "invite": [world.bob.user_id] });
    let room = world.server.create_room(&token, &create);
    bob.room("the invite", |summary| summary.id == room).await;
    bob.run(RoomsRequest::Accept(room.clone()));
    bob.room("the joined room", |summary| summary.membership == Membership::Joined).await;
    bob.open(&room).await;
    alice.open(&room).await;
    alice.sees_members(&room, 2).await;
    world.server.send(&token, &room, "m.room.message", &text("before"));
    bob.sees("before").await;
    let encryption = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
    world.server.put_state(&token, &room, "m.room.encryption", &encryption);
    alice.room("the encrypted room", |summary| summary.id == room && summary.encrypted).await;
    alice.say(&room, "sealed");
    let sealed = bob.sees("sealed").await;
    world.server.send(&token, &room, "m.room.message", &text("in the clear"));
    // The rules of encryption may be set anew; that is not when it began.
    let encryption = json!({ "algorithm": "m.megolm.v1.aes-sha2", "rotation_period_msgs": 50 });
    world.server.put_state(&token, &room, "m.room.encryption", &encryption);
    let mut edit = text("* changed");
    edit["m.new_content"] = text("changed");
    edit["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": sealed.as_str() });
    world.server.send(&token, &room, "m.room.message", &edit);
    world.server.send(&token, &room, "m.room.message", &text("the last"));

    let expected = [("before", false), ("sealed", false), ("in the clear", true), ("the last", true)];
    let marked = |p: &mut Person| {
        let is = |(text, expected): &(&str, bool)| {
            let index = index_of(p, text)?;
            Some(p.app.timelines.shown()?.came_in_clear(index) == *expected)
        };
        expected.iter().all(|row| is(row) == Some(true)).then_some(())
    };
    bob.until("what came in the clear", marked).await;
    alice.until("what came in the clear", marked).await;
    let mut bob = bob.quit().await.back().await;
    bob.open(&room).await;
    bob.until("what came in the clear, after a restart", marked).await;
}
on!(what_came_in_the_clear_says_so: synapse, embedded);

/// Whose read receipt stands at the message of this text or below it.
fn readers(person: &Person, text: &str) -> Vec<UserId> {
    let open = person.app.timelines.shown().expect("a room is open");
    let index = index_of(person, text).expect("the message is there");
    open.readers(index).into_iter().map(|reader| reader.user_id).collect()
}

/// L5: whoever is invited, joins, leaves or writes has read nothing by that; and what they then say
/// that they have read counts, although it stands above. Also after a restart.
async fn l5_read_is_what_a_read_receipt_says(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    for text in ["hello", "hello again"] {
        alice.say(&room, text);
        alice.sees(text).await;
    }
    let hello = bob.sees("hello").await;
    let carol = world.server.register("carol");
    alice.run(RoomsRequest::Invite { room_id: room.clone(), user: carol.user_id.clone() });
    alice.until("the invite", |p| notices(p).iter().any(|notice| notice.contains("carol")).then_some(())).await;
    let token = world.server.login_raw(&carol).token;
    world.server.join(&token, &room);
    let path = format!("/_matrix/client/v3/rooms/{}", room.as_str().replace('!', "%21"));
    assert_eq!(world.server.raw("POST", &format!("{path}/leave"), Some(&token), &json!({})).0, 200);
    bob.sees_members(&room, 2).await;
    bob.say(&room, "an answer");
    alice.sees("an answer").await;
    alice.until("that Carol has left", |p| notices(p).iter().any(|notice| notice.contains("left")).then_some(())).await;
    assert_eq!(readers(&alice, "hello"), [], "nobody has said that they have read anything");

    let token = world.server.login_raw(&world.bob).token;
    let receipt = format!("{path}/receipt/m.read/{}", hello.as_str().replace('$', "%24"));
    assert_eq!(world.server.raw("POST", &receipt, Some(&token), &json!({})).0, 200);
    let his = [UserId::new(&world.bob.user_id)];
    alice.until("that Bob has read it", |p| (readers(p, "hello") == his).then_some(())).await;
    assert_eq!(readers(&alice, "hello again"), []);

    let mut alice = alice.quit().await.back().await;
    alice.open(&room).await;
    alice.sees("an answer").await;
    alice.until("that Bob has read it", |p| (readers(p, "hello") == his).then_some(())).await;
    assert_eq!(readers(&alice, "hello again"), []);
}
on!(l5_read_is_what_a_read_receipt_says: synapse, embedded);

/// §7: what was delivered and what was read come in one answer, and the client keeps both.
async fn a_read_receipt_and_a_delivery_receipt_of_one_answer_are_both_kept(world: World) {
    let line = world.line();
    let mut bob = world.bob("phone").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    // A sync is under way already, and ends with what she says; the next one, of either kind,
    // brings both.
    line.hold_rooms();
    line.hold_next("/v3/sync");
    alice.say(&room, "hello");
    let hello = alice.sees("hello").await;
    bob.sees("hello").await;
    bob.run(TimelineRequest::MarkRead(TimelineId::live(room.clone())));
    world.proxy.wait_for_requests("the read receipt", |requests| count(requests, "/receipt/m.read/") > 0);
    let status = bob.last_status_of(&room, &hello).await;
    assert!(matches!(status, ReceiptStatus::Sent { .. }), "{status:?}");
    assert_eq!(alice.ticks(&hello, &world.bob.user_id), [""; 0]);
    line.allow();
    alice.delivered_to(&hello, &world.bob.user_id, &world.ticks(&[&bob])).await;
    let his = [UserId::new(&world.bob.user_id)];
    alice.until("that Bob has read it", |p| (readers(p, "hello") == his).then_some(())).await;

    let mut alice = alice.quit().await.back().await;
    alice.open(&room).await;
    alice.sees("hello").await;
    alice.until("that Bob has read it, after a restart", |p| (readers(p, "hello") == his).then_some(())).await;
    alice.delivered_to(&hello, &world.bob.user_id, &world.ticks(&[&bob])).await;
}
on!(a_read_receipt_and_a_delivery_receipt_of_one_answer_are_both_kept: embedded, embedded_users);
