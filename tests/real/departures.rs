//! Who goes before a receipt has left (P8): nothing is told to somebody who is not there, nor by
//! somebody who is not.

use kvitto::{
    client::request::RoomsRequest,
    model::{Membership, ReceiptStatus, RoomId, RoomSummary},
};
use serde_json::json;

use crate::{
    delivery::what_waits,
    person::{Person, direct_chat, shared_room},
    support::proxy::{Proxy, count},
    world::{World, on},
};

/// How it comes that the two are not in one room any more.
#[derive(Clone, Copy, PartialEq)]
enum Gone {
    SenderLeft,
    SenderRemoved,
    ReceiverLeft,
}

/// How many receipts have left since then.
fn receipts(world: &World, line: &Proxy, since: usize) -> usize {
    count(&line.requests()[since..], world.receipt_path())
}

/// Bob invites Alice, or removes her, without his client: with an invite that one sends encrypted
/// messages of its own.
fn bob_makes(world: &World, room: &RoomId, what: &str) {
    let path = format!("/_matrix/client/v3/rooms/{}/{what}", room.as_str().replace('!', "%21"));
    let token = world.server.login_raw(&world.bob).token;
    let (status, answer) = world.server.raw("POST", &path, Some(&token), &json!({ "user_id": world.alice.user_id }));
    assert_eq!(status, 200, "{answer}");
}

/// Somebody leaves a room.
async fn leaves(person: &mut Person, room: &RoomId) {
    person.run(RoomsRequest::Leave { room_id: room.clone(), older: Vec::new() });
    person.until("being out of the room", |p| p.app.rooms.get(room).is_none().then_some(())).await;
}

/// Alice is in the room again.
async fn comes_back(alice: &mut Person, bob: &mut Person, world: &World, room: &RoomId) {
    bob_makes(world, room, "invite");
    let is_invite = |summary: &RoomSummary| matches!(summary.membership, Membership::Invited { .. });
    alice.room("the second invite", |summary| summary.id == *room && is_invite(summary)).await;
    alice.run(RoomsRequest::Accept(room.clone()));
    let is_joined = |summary: &RoomSummary| summary.id == *room && summary.membership == Membership::Joined;
    alice.room("the room once more", is_joined).await;
    alice.open(room).await;
    bob.sees_members(room, 2).await;
}

/// Alice writes, and Bob's receipt has no way yet; one of them goes; then there is a way. What is
/// told to Alice after she has come back is what she wrote after that.
async fn what_waits_is_never_told(world: World, gone: Gone) {
    let line = world.line();
    let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", world.settings()).await;
    let mut alice = world.alice("desk").await;
    // Bob has invited her, so he knows her (P7), and may remove her.
    let room = shared_room(&mut bob, &mut alice, &world.alice.user_id, "shared").await;
    let since = line.requests().len();
    let waiting = what_waits(&world, &mut alice, &mut bob, &room).await;

    match gone {
        Gone::SenderLeft => leaves(&mut alice, &room).await,
        Gone::SenderRemoved => bob_makes(&world, &room, "kick"),
        Gone::ReceiverLeft => leaves(&mut bob, &room).await,
    }
    if gone != Gone::ReceiverLeft {
        bob.sees_members(&room, 1).await;
    }
    bob.set(world.settings()).await;
    let status = bob.last_status_of(&room, &waiting).await;
    assert!(matches!(status, ReceiptStatus::Withheld { rule: "P8", .. }), "{status:?}");
    assert_eq!(receipts(&world, &line, since), 0);
    if gone == Gone::ReceiverLeft {
        return;
    }

    comes_back(&mut alice, &mut bob, &world, &room).await;
    alice.say(&room, "again");
    let again = alice.sees("again").await;
    alice.delivered_to(&again, &world.bob.user_id, &world.ticks(&[&bob])).await;
    assert_eq!(alice.ticks(&waiting, &world.bob.user_id), [""; 0]);
    assert_eq!(bob.withheld_by(&room, &waiting).await, "P8");
    assert_eq!(receipts(&world, &line, since), 1, "{:#?}", &line.requests()[since..]);
}

async fn p8_nothing_is_told_to_a_sender_who_has_left(world: World) {
    what_waits_is_never_told(world, Gone::SenderLeft).await;
}
on!(p8_nothing_is_told_to_a_sender_who_has_left: synapse, embedded, embedded_today);

async fn p8_nothing_is_told_to_a_sender_who_was_removed(world: World) {
    what_waits_is_never_told(world, Gone::SenderRemoved).await;
}
on!(p8_nothing_is_told_to_a_sender_who_was_removed: synapse, embedded);

async fn p8_nothing_is_told_by_somebody_who_has_left(world: World) {
    what_waits_is_never_told(world, Gone::ReceiverLeft).await;
}
on!(p8_nothing_is_told_by_somebody_who_has_left: synapse, embedded);

/// P8: the homeserver could not be told in time. Each attempt is decided about anew, so the first
/// one after she has left does not begin.
async fn p8_what_could_not_leave_is_decided_anew(world: World) {
    let line = world.line();
    let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", world.settings()).await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    line.refuse(world.receipt_path());
    let since = line.requests().len();
    alice.say(&room, "waiting");
    let waiting = alice.sees("waiting").await;
    line.wait_for_requests("a second attempt", |requests| count(&requests[since..], world.receipt_path()) > 1);
    leaves(&mut alice, &room).await;
    bob.sees_members(&room, 1).await;
    let status = bob.last_status_of(&room, &waiting).await;
    assert!(matches!(status, ReceiptStatus::Withheld { rule: "P8", .. }), "{status:?}");

    line.allow();
    let since = line.requests().len();
    comes_back(&mut alice, &mut bob, &world, &room).await;
    alice.say(&room, "again");
    let again = alice.sees("again").await;
    alice.delivered_to(&again, &world.bob.user_id, &world.ticks(&[&bob])).await;
    assert_eq!(alice.ticks(&waiting, &world.bob.user_id), [""; 0]);
    assert_eq!(receipts(&world, &line, since), 1);
}
on!(p8_what_could_not_leave_is_decided_anew: embedded, embedded_users);
