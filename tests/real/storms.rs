//! A homeserver that answers, and does not get on: it is asked ever more slowly, and not for ever.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use kvitto::{
    client::request::{RoomsRequest, TimelineRequest},
    model::{SendState, TimelineId},
    server::homeserver::faults::{Fault, Matching},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    person::{Person, body},
    support::proxy::{SlidingSync, count},
    world::{self, World, on},
};

/// A page that leads to itself.
fn stands_still(answer: &mut Value) {
    if answer["start"].is_string() {
        answer["end"] = answer["start"].clone();
        answer["chunk"] = json!([]);
    }
}

async fn pages_that_lead_nowhere_are_asked_for_slowly(world: World) {
    let token = world.server.login_raw(&world.alice).token;
    let room = world.server.create_room(&token, &json!({ "preset": "private_chat" }));
    let say = |text: &str| {
        world.server.send(&token, &room, "m.room.message", &json!({ "msgtype": "m.text", "body": text }));
    };
    (0..60).for_each(|number| say(&format!("message {number}")));
    world.proxy.spoil("/messages", stands_still);
    let began = Instant::now();
    let mut alice = world.alice("desk").await;
    alice.open(&room).await;
    alice.run(TimelineRequest::Paginate(TimelineId::live(room.clone())));
    let said = "the homeserver says that there are older messages, and does not give them";
    let is_said = |p: &mut Person| p.app.status.as_ref().filter(|status| status.text.contains(said)).map(drop);
    alice.until("that nothing comes", is_said).await;
    let asked = count(&world.proxy.requests(), "/messages");
    assert!(asked < 60, "{asked} pages in {:?}", began.elapsed());
    say("the newest one comes all the same");
    alice.sees("the newest one comes all the same").await;
}
on!(pages_that_lead_nowhere_are_asked_for_slowly: synapse, embedded);

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_does_not_wait_is_asked_for_slowly() {
    let world = world::embedded(SlidingSync::Hidden);
    let mut alice = world.alice("desk").await;
    alice.online().await;
    world.proxy.answer("/v3/sync", "200 OK", &json!({ "next_batch": "nothing" }));
    let syncs = || count(&world.proxy.requests(), "/v3/sync");
    let (before, began) = (syncs(), Instant::now());
    // At once five times, then after one, two and four seconds.
    world.proxy.wait_for_requests("some more syncs", |requests| count(requests, "/v3/sync") >= before + 9);
    assert!(began.elapsed() > Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(alice.is_online(), "the server does answer");
}

/// How long requests are counted.
const WINDOW: Duration = Duration::from_secs(40);

/// What befalls every request from now on; also nothing.
const FAULTS: [Option<Fault>; 7] = [
    None,
    Some(Fault::Refused),
    Some(Fault::Failed),
    Some(Fault::Limited(Duration::from_millis(500))),
    Some(Fault::Late(Duration::from_millis(500))),
    Some(Fault::Lost),
    Some(Fault::Half),
];

/// So many requests are made while all of them go wrong in this way, a room is open, and a message
/// waits.
async fn requests_while(fault: Option<Fault>, sync: SlidingSync) -> usize {
    let world = world::embedded(sync);
    let mut alice = world.alice("desk").await;
    alice.run(RoomsRequest::CreateRoom("alone".to_owned()));
    let room = alice.room("the room", |summary| summary.name.as_str() == "alone").await;
    alice.open(&room).await;
    if let Some(fault) = fault {
        world.faults().next(Matching::path("/"), usize::MAX, fault);
    }
    let before = world.proxy.requests().len();
    alice.say(&room, "is anybody there?");
    alice.run(TimelineRequest::Paginate(TimelineId::live(room)));
    let _ = timeout(WINDOW, pending::<()>()).await;
    world.proxy.requests().len() - before
}

async fn no_fault_makes_a_storm(sync: SlidingSync) {
    let made = join_all(FAULTS.map(|fault| requests_while(fault, sync))).await;
    let made: Vec<_> = FAULTS.iter().zip(made).collect();
    assert!(made.iter().all(|(_, requests)| *requests as u64 <= 2 * WINDOW.as_secs()), "{made:?}");
    println!("requests in {WINDOW:?}: {made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_makes_a_storm_by_sliding_sync() {
    no_fault_makes_a_storm(SlidingSync::Kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_makes_a_storm_by_plain_sync() {
    no_fault_makes_a_storm(SlidingSync::Hidden).await;
}

/// It is done, and nobody is told so.
fn emptied(answer: &mut Value) {
    *answer = json!({});
}

fn as_it_is(_: &mut Value) {}

/// What a sync brings has arrived, whatever was answered when it was sent.
async fn a_message_that_has_arrived_is_not_sent_again(world: World) {
    let mut alice = world.alice("desk").await;
    alice.run(RoomsRequest::CreateRoom("alone".to_owned()));
    let room = alice.room("the room", |summary| summary.name.as_str() == "alone").await;
    alice.open(&room).await;
    world.proxy.spoil("/send/m.room.", emptied);
    alice.say(&room, "hello");
    let arrived = |p: &mut Person| {
        let mut hello = p.messages().filter(|message| body(message) == "hello");
        hello.next().filter(|message| message.send_state == SendState::Sent && message.event_id.is_some()).map(drop)
    };
    alice.until("that it has arrived", arrived).await;
    world.proxy.spoil("/send/m.room.", as_it_is);

    let mut alice = alice.quit().await.back().await;
    alice.open(&room).await;
    alice.say(&room, "the queue goes on");
    alice.sees("the queue goes on").await;
    let said: Vec<_> = alice.messages().map(|message| (body(message), message.send_state.clone())).collect();
    assert_eq!(said, ["hello", "the queue goes on"].map(|text| (text.to_owned(), SendState::Sent)));
    let sent = world.proxy.requests();
    assert_eq!(count(&sent, "/send/m.room."), 2, "each was sent once");
}
on!(a_message_that_has_arrived_is_not_sent_again: synapse, embedded);
