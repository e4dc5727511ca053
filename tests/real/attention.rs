//! What others are shown beside delivery receipts: read receipts (P14), typing notices and presence
//! (P15). What leaves the client is counted on its own line, and what comes of it is read as
//! another client reads it.

use std::time::{Duration, Instant};

use kvitto::{
    client::request::{RoomsRequest, TimelineRequest},
    delivery::{
        attention::{ReadReceipts, Typing},
        policy::{Settings, Timing},
    },
    model::{Body, EventId, Membership, RoomId, RoomSummary, TimelineId, UserId},
};
use serde_json::{Value, json};

use crate::{
    delivery::text,
    person::{DEADLINE, Person, direct_chat},
    support::{
        proxy::{Proxy, count},
        screens,
        server::{Account, Device},
    },
    world::{World, on},
};

const PUBLIC: &str = "/receipt/m.read/";
const PRIVATE: &str = "/receipt/m.read.private/";
const TYPING: &str = "/typing/";

/// Bob on a line of his own, in the room of a stranger, which he has open.
struct Stage {
    world: World,
    line: Proxy,
    bob: Person,
    eve: Account,
    eves: Device,
    room: RoomId,
}

impl Stage {
    async fn set(world: World) -> Self {
        let line = world.line();
        let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", world.settings()).await;
        let eve = world.server.register("eve");
        let eves = world.server.login_raw(&eve);
        let request = json!({ "preset": "private_chat", "invite": [world.bob.user_id] });
        let room = world.server.create_room(&eves.token, &request);
        bob.room("the invite", |summary| summary.id == room).await;
        bob.run(RoomsRequest::Accept(room.clone()));
        let joined = |summary: &RoomSummary| summary.id == room && summary.membership == Membership::Joined;
        bob.room("the joined room", joined).await;
        bob.open(&room).await;
        Self { world, line, bob, eve, eves, room }
    }

    /// Eve says something, and Bob sees it.
    async fn says(&mut self, what: &str) -> EventId {
        let event = self.world.server.send(&self.eves.token, &self.room, "m.room.message", &text(what));
        assert_eq!(self.bob.sees(what).await, event);
        event
    }

    /// Everything that Bob has read as Eve's client is told it, up to this.
    fn read_until(&self, last: &EventId) -> Vec<EventId> {
        let (bob, mut read, mut since) = (self.world.bob.user_id.as_str(), Vec::new(), String::new());
        let began = Instant::now();
        while !read.contains(last) {
            assert!(began.elapsed() < DEADLINE, "Eve is told of {read:?} only");
            let path = format!("/_matrix/client/v3/sync?timeout=5000{since}");
            let (status, answer) = self.world.server.raw("GET", &path, Some(&self.eves.token), &Value::Null);
            assert_eq!(status, 200, "{answer}");
            since = format!("&since={}", answer["next_batch"].as_str().expect("an answer ends somewhere"));
            let events = answer["rooms"]["join"][self.room.as_str()]["ephemeral"]["events"].as_array();
            for event in events.into_iter().flatten().filter(|event| event["type"] == "m.receipt") {
                assert!(!event.to_string().contains("m.read.private"), "{event}");
                let receipts = event["content"].as_object().into_iter().flatten();
                read.extend(
                    receipts.filter(|(_, of)| !of["m.read"][bob].is_null()).map(|(event, _)| EventId::new(event)),
                );
            }
        }
        read
    }

    /// Bob's presence, as Eve is told it.
    fn presence(&self) -> Value {
        let path = format!("/_matrix/client/v3/presence/{}/status", self.world.bob.user_id);
        let (status, answer) = self.world.server.raw("GET", &path, Some(&self.eves.token), &Value::Null);
        assert_eq!(status, 200, "{answer}");
        answer["presence"].clone()
    }
}

/// Waits until so many requests with this in their path were made.
fn wait_for(line: &Proxy, part: &str, times: usize) {
    line.wait_for_requests(part, |requests| count(requests, part) >= times);
}

/// How many of each were made: `m.read`, `m.read.private`, typing.
fn made(line: &Proxy) -> [usize; 3] {
    let requests = line.requests();
    [PUBLIC, PRIVATE, TYPING].map(|part| count(&requests, part))
}

fn types(person: &mut Person, room: &RoomId, typing: bool) {
    person.run(TimelineRequest::Typing { room_id: room.clone(), typing });
}

/// A stranger learns nothing, until it is set otherwise for them.
async fn p14_p15_a_stranger_learns_neither_what_is_read_nor_that_one_types(world: World) {
    let mut stage = Stage::set(world).await;
    let (room, eve) = (stage.room.clone(), UserId::new(&stage.eve.user_id));
    let settings = stage.world.settings();
    stage.says("hello").await;
    types(&mut stage.bob, &room, true);
    stage.bob.run(TimelineRequest::MarkRead(TimelineId::live(room.clone())));
    wait_for(&stage.line, PRIVATE, 1);

    let mut open = settings.clone();
    open.attention.read_receipts.people.insert(eve.clone(), ReadReceipts::Public);
    open.attention.typing.people.insert(eve, Typing::On);
    stage.bob.set(open).await;
    let again = stage.says("hello again").await;
    types(&mut stage.bob, &room, true);
    stage.bob.run(TimelineRequest::MarkRead(TimelineId::live(room)));
    wait_for(&stage.line, PUBLIC, 1);
    wait_for(&stage.line, TYPING, 1);
    assert_eq!(made(&stage.line), [1, 1, 1], "the first word was not typed for her");
    assert_eq!(stage.read_until(&again), [again]);
}
on!(p14_p15_a_stranger_learns_neither_what_is_read_nor_that_one_types: synapse, embedded);

/// Somebody known learns both, but for the time of incognito.
async fn p14_p15_incognito_ends_both(world: World) {
    let line = world.line();
    let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", world.settings()).await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "hello");
    bob.sees("hello").await;
    types(&mut bob, &room, true);
    types(&mut bob, &room, false);
    bob.run(TimelineRequest::MarkRead(TimelineId::live(room.clone())));
    wait_for(&line, PUBLIC, 1);
    wait_for(&line, TYPING, 2);
    assert_eq!(made(&line), [1, 0, 2]);

    bob.set(Settings { incognito: true, ..world.settings() }).await;
    alice.say(&room, "are you there?");
    bob.sees("are you there?").await;
    types(&mut bob, &room, true);
    types(&mut bob, &room, false);
    bob.run(TimelineRequest::MarkRead(TimelineId::live(room.clone())));
    wait_for(&line, PRIVATE, 1);

    bob.set(world.settings()).await;
    types(&mut bob, &room, true);
    wait_for(&line, TYPING, 3);
    assert_eq!(made(&line), [1, 1, 3], "nothing was told while incognito");
}
on!(p14_p15_incognito_ends_both: synapse, embedded);

/// Nothing leaves where it is switched off, and what was read does not stay counted here.
async fn p14_off_is_nothing(world: World) {
    let mut stage = Stage::set(world).await;
    let mut settings = stage.world.settings();
    settings.attention.read_receipts.rooms.insert(stage.room.clone(), ReadReceipts::Off);
    stage.bob.set(settings).await;
    stage.says("hello").await;
    let room = stage.room.clone();
    stage.bob.room("an unread message", |summary| summary.id == room && summary.unread > 0).await;
    stage.bob.run(TimelineRequest::MarkRead(TimelineId::live(room.clone())));
    stage.bob.room("no unread message", |summary| summary.id == room && summary.unread == 0).await;
    // Nor is the place of the unread line.
    stage.bob.run(TimelineRequest::Close(TimelineId::live(room.clone())));
    stage.bob.run(TimelineRequest::Open(TimelineId::live(room.clone())));
    stage.says("hello again").await;
    stage.bob.room("one more", |summary| summary.id == room && summary.unread == 1).await;
    stage.bob.run(TimelineRequest::MarkRead(TimelineId::live(room.clone())));
    stage.bob.room("no unread message", |summary| summary.id == room && summary.unread == 0).await;
    let requests = stage.line.requests();
    assert_eq!((count(&requests, "/receipt/"), count(&requests, "/read_markers")), (0, 0), "{requests:?}");
}
on!(p14_off_is_nothing: synapse, embedded);

/// A terminal that tells nothing about its window may be out of sight: what comes is read after the
/// next key, not before.
async fn p14_without_a_key_nothing_is_read(world: World) {
    let line = world.line();
    let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", world.settings()).await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    bob.say(&room, "hello");
    alice.sees("hello").await;
    alice.say(&room, "welcome");
    bob.sees("welcome").await;
    let told = made(&line)[0];
    let bob = bob.quit().await;
    let screen = bob.on_screen();
    screens::open_first_room(&screen, &world.alice.name);
    wait_for(&line, PUBLIC, told + 1);
    let before = made(&line);
    for text in ["are you there?", "it is urgent", "never mind"] {
        alice.say(&room, text);
        screen.wait_for_text(text);
    }
    assert_eq!(made(&line), before, "nobody was there");
    screen.key("esc");
    wait_for(&line, PUBLIC, before[0] + 1);
    assert_eq!(made(&line)[0], before[0] + 1, "all at once");
}
on!(p14_without_a_key_nothing_is_read: synapse, embedded);

/// Others are not told that one has read what this device could not decrypt.
async fn p14_what_cannot_be_read_is_not_said_to_be_read(world: World) {
    let line = world.line();
    let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", world.settings()).await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "hello");
    let hello = bob.sees("hello").await;
    let sealed = json!({
        "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAEnACgAkLmt6qF84IK++J7UDH2Za1YVchHyprqTqsg", "device_id": "X",
        "sender_key": "IlRMeOPX2e0MurIyfWEucYBRVOEEUMrOHqn/8mLqMjA", "session_id": "nobody+has+it",
    });
    let elsewhere = world.server.login_raw(&world.alice);
    let sealed = world.server.send(&elsewhere.token, &room, "m.room.encrypted", &sealed);
    let is_there = |p: &mut Person| {
        let mut messages = p.messages();
        messages
            .any(|it| it.event_id.as_ref() == Some(&sealed) && matches!(it.body, Body::Undecryptable(_)))
            .then_some(())
    };
    bob.until("what cannot be read", is_there).await;
    bob.run(TimelineRequest::MarkRead(TimelineId::live(room)));
    wait_for(&line, PRIVATE, 1);
    let marks: Vec<_> =
        line.requests().iter().filter_map(|path| Some(path.split_once("/receipt/")?.1.replace("%24", "$"))).collect();
    let marks: Vec<_> = marks.iter().filter(|mark| mark.starts_with("m.read")).collect();
    assert_eq!(marks, [&format!("m.read/{hello}"), &format!("m.read.private/{sealed}")]);
}
on!(p14_what_cannot_be_read_is_not_said_to_be_read: synapse, embedded_direct);

/// P11: what a stranger can see does not tell when somebody looked.
async fn p14_what_a_stranger_can_see_waits(world: World) {
    let mut stage = Stage::set(world).await;
    let mut settings = Settings { timing: Timing::Prompt, ..stage.world.settings() };
    settings.attention.read_receipts.all = ReadReceipts::Public;
    stage.bob.set(settings).await;
    let began = Instant::now();
    stage.says("hello").await;
    stage.bob.run(TimelineRequest::MarkRead(TimelineId::live(stage.room.clone())));
    wait_for(&stage.line, PUBLIC, 1);
    assert!(began.elapsed() >= Duration::from_millis(200), "it left after {:?}", began.elapsed());
}
on!(p14_what_a_stranger_can_see_waits: synapse, embedded);

/// Whoever shares a room is not told that one is online: not by being connected, nor by reading and
/// typing.
async fn p15_nobody_is_told_that_one_is_online(world: World) {
    let mut stage = Stage::set(world).await;
    assert_eq!(stage.presence(), "offline");
    stage.says("hello").await;
    stage.bob.run(TimelineRequest::MarkRead(TimelineId::live(stage.room.clone())));
    wait_for(&stage.line, PRIVATE, 1);
    stage.bob.say(&stage.room, "hello yourself");
    stage.bob.sees("hello yourself").await;
    types(&mut stage.bob, &stage.room, true);
    let before = count(&stage.line.requests(), "/sync");
    stage.says("and again").await;
    wait_for(&stage.line, "/sync", before + 1);
    assert_eq!(stage.presence(), "offline");
}
on!(p15_nobody_is_told_that_one_is_online: synapse);
