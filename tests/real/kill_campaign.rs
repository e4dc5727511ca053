//! Kills at random instants while everything that can come in comes in: in the end the client has
//! what the server has.
//!
//! The real program is started and killed, again and again, most often within the first two
//! seconds, when it catches up with what came while it was away. Meanwhile messages, edits,
//! redactions and topics come into many rooms, devices come and go, and now and then something is
//! written on the screen. Then the client is started once more, and every event that the server has
//! is looked for in its timelines, every key by the message that needs it, every receipt at its
//! receiver, and of every text that was written that it was sent once, with the other one's tick.
//!
//! A test runs few kills; `KVITTO_KILLS` and `KVITTO_ROOMS` say how many it is to be
//! (`tests/campaigns`).

use std::{
    collections::BTreeMap,
    env,
    sync::mpsc,
    time::{Duration, Instant},
};

use kvitto::{
    client::request::TimelineRequest,
    model::{Body, EventId, Pagination, RoomId, TimelineId, TimelineItemKind},
};
use rand::{RngExt, rngs::ThreadRng};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    person::{Away, DEADLINE, Person, body},
    support::{proxy::count, screens, server::Device, terminal::Terminal},
    world::{World, on},
};

/// How long a room may take to have what the server has.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many kills, or so many rooms.
fn scale(name: &str, otherwise: usize) -> usize {
    env::var(name).map_or(otherwise, |number| number.parse().expect("a number"))
}

/// Bob in his rooms, on a client that encrypts and on a device that says anything.
struct Sender {
    bob: Person,
    raw: Device,
    rooms: Vec<RoomId>,
    /// Messages sent by the client so far.
    sent: usize,
    /// What a room's event is to look like in the end, where that is not what was sent.
    edited: BTreeMap<EventId, String>,
    /// What was said to Bob on the screen that was killed.
    answered: Vec<String>,
}

impl Sender {
    async fn new(world: &World, alice: &mut Person, rooms: usize) -> Self {
        let mut bob = world.bob("desk").await;
        let raw = world.server.login_raw(&world.bob);
        let alices = world.server.login_raw(&world.alice);
        let mut made = Vec::new();
        for number in 0..rooms {
            let encryption = json!({ "type": "m.room.encryption", "state_key": "", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
            let room = world.server.create_room(
                &raw.token,
                &json!({
                    "preset": "private_chat", "name": format!("room {number}"), "invite": [world.alice.user_id],
                    "initial_state": [encryption],
                }),
            );
            world.server.join(&alices.token, &room);
            made.push(room);
        }
        for room in &made {
            alice.room("the room", |summary| summary.id == *room && summary.joined_members == 2).await;
            bob.room("the room", |summary| summary.id == *room && summary.joined_members == 2).await;
        }
        Self { bob, raw, rooms: made, sent: 0, edited: BTreeMap::new(), answered: Vec::new() }
    }

    fn any_room(&self, random: &mut ThreadRng) -> RoomId {
        self.rooms[random.random_range(0..self.rooms.len())].clone()
    }

    /// Something happens in one of the rooms.
    fn act(&mut self, world: &World, number: usize, random: &mut ThreadRng) {
        let (room, token, server) = (self.any_room(random), self.raw.token.clone(), &world.server);
        let plain = |text: &str| json!({ "msgtype": "m.text", "body": text });
        match random.random_range(0..10) {
            0 => {
                let event = server.send(&token, &room, "m.room.message", &plain(&format!("to be edited {number}")));
                let text = format!("edited {number}");
                let mut edit = plain(&format!("* {text}"));
                edit["m.new_content"] = plain(&text);
                edit["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": event.as_str() });
                server.send(&token, &room, "m.room.message", &edit);
                self.edited.insert(event, text);
            }
            1 => {
                let event = server.send(&token, &room, "m.room.message", &plain(&format!("to be removed {number}")));
                server.redact(&token, &room, &event);
            }
            2 => drop(server.put_state(&token, &room, "m.room.topic", &json!({ "topic": format!("topic {number}") }))),
            3 => {
                let device = server.login_raw(&world.bob);
                server.log_out(&device.token);
            }
            _ => {
                self.bob.say(&room, &format!("message {number}"));
                self.sent += 1;
            }
        }
    }

    /// Waits until what the client said is on its way.
    fn all_sent(&self, world: &World) {
        let sent = self.sent;
        world
            .proxy
            .wait_for_requests("everything to be sent", |requests| count(requests, "/send/m.room.encrypted/") >= sent);
    }
}

/// When a program is killed: most often while it starts and catches up.
fn instant(random: &mut ThreadRng) -> Duration {
    let longest = if random.random_range(0..4) == 0 { 6000 } else { 2000 };
    Duration::from_millis(random.random_range(0..longest))
}

/// Starts the program and kills it after a while, in which things go on.
fn one_life(alice: &Away, world: &World, sender: &mut Sender, number: &mut usize, random: &mut ThreadRng) {
    for _ in 0..random.random_range(0..6) {
        sender.act(world, *number, random);
        *number += 1;
    }
    sender.all_sent(world);
    let screen: Terminal = alice.on_screen();
    if random.random_range(0..3) == 0 {
        // Written, and on the screen as waiting or sent.
        let text = format!("mine {number}");
        screens::open_first_room(&screen, "room ");
        screens::say(&screen, &text);
        screens::wait_for_composer(&screen, "room ");
        screen.wait_for_text(&text);
        sender.answered.push(text);
        *number += 1;
    }
    let end = Instant::now() + instant(random);
    while random.random_range(0..3) > 0 && Instant::now() < end {
        sender.act(world, *number, random);
        *number += 1;
    }
    // A random instant is what this is about: nobody ever sends here.
    let (_nobody, silence) = mpsc::channel::<()>();
    let _ = silence.recv_timeout(end.saturating_duration_since(Instant::now()));
    screen.kill9();
}

/// All events of a room, as the server has them.
fn on_server(world: &World, token: &str, room: &RoomId) -> Vec<Value> {
    let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=1000", room.as_str().replace('!', "%21"));
    let (mut events, mut from) = (Vec::new(), String::new());
    loop {
        let (status, page) = world.server.raw("GET", &format!("{path}{from}"), Some(token), &Value::Null);
        assert_eq!(status, 200, "{page}");
        events.extend(page["chunk"].as_array().cloned().unwrap_or_default());
        match page["end"].as_str() {
            Some(end) => from = format!("&from={end}"),
            None => return events,
        }
    }
}

/// What of a room's event is missing on the screen, in a word.
fn what_is_missing(alice: &Person, event: &Value, edited: &BTreeMap<EventId, String>) -> Option<String> {
    let id = EventId::new(event["event_id"].as_str()?);
    let kind = event["type"].as_str()?;
    if kind == "m.room.topic" {
        let topic = event["content"]["topic"].as_str()?;
        let items = alice.app.timelines.shown().into_iter().flat_map(|open| &open.items);
        let mut notices = items.filter_map(|item| match &item.kind {
            TimelineItemKind::Notice { text, .. } => Some(text.as_str()),
            _ => None,
        });
        return (!notices.any(|text| text.contains(topic))).then(|| format!("{topic} {id}"));
    }
    let is_edit = event["content"]["m.relates_to"]["rel_type"] == "m.replace";
    if !["m.room.encrypted", "m.room.message"].contains(&kind) || is_edit {
        return None;
    }
    let Some(message) = alice.messages().find(|message| message.event_id.as_ref() == Some(&id)) else {
        return Some(format!("nothing of {kind} {id}"));
    };
    let redacted = !event["unsigned"]["redacted_because"].is_null();
    match (&message.body, redacted) {
        (Body::Redacted, true) => None,
        (Body::Undecryptable(why), _) => Some(format!("the key of {id}: {why}")),
        (_, true) => Some(format!("the redaction of {id}")),
        (_, false) => {
            let wanted = edited.get(&id).filter(|text| **text != body(message))?;
            Some(format!("{wanted:?} of {id}"))
        }
    }
}

/// What the client lacks of a room in the end.
async fn missing(alice: &mut Person, room: &RoomId, events: &[Value], sender: &Sender) -> Vec<String> {
    alice.open(room).await;
    let mut left = Vec::new();
    let complete = alice.until("the whole room", |p| {
        let open = p.app.timelines.shown()?;
        if open.pagination == Pagination::Idle {
            p.run(TimelineRequest::Paginate(TimelineId::live(room.clone())));
        }
        left = events.iter().filter_map(|event| what_is_missing(p, event, &sender.edited)).collect();
        left.is_empty().then_some(())
    });
    let _ = timeout(PATIENCE, complete).await;
    left
}

/// What was written in the open room.
fn own_messages(alice: &Person) -> Vec<(EventId, String)> {
    let own = alice.messages().filter(|message| message.own);
    own.filter_map(|message| Some((message.event_id.clone()?, body(message)))).collect()
}

async fn nothing_is_lost_by_kills(world: World) {
    let (rooms, kills) = (scale("KVITTO_ROOMS", 3), scale("KVITTO_KILLS", 2));
    let mut random = rand::rng();
    let line = world.line();
    let mut alice = Person::log_in(&line.base_url, &world.alice, "phone", world.settings()).await;
    let mut sender = Sender::new(&world, &mut alice, rooms).await;
    // P7: they are no strangers from the second message on.
    let first = sender.rooms[0].clone();
    let mut hellos = Vec::new();
    for (person, text) in [(&mut sender.bob, "hello Alice"), (&mut alice, "hello Bob")] {
        person.open(&first).await;
        person.say(&first, text);
        let hello = person.sees(text).await;
        person.delivery(&hello, "the expected devices", |_| Some(())).await;
        hellos.push(hello);
    }
    sender.sent += 1;
    // Alice is asked for receipts in every room before the first kill: a request that a kill cuts
    // off comes by itself only after days (§3).
    let his = world.ticks(&[&alice]);
    for room in sender.rooms.clone().iter().skip(1) {
        sender.bob.open(room).await;
        sender.bob.say(room, "hello here");
        sender.sent += 1;
        let hello = sender.bob.sees("hello here").await;
        sender.bob.delivered_to(&hello, &world.alice.user_id, &his).await;
    }
    let mut alice = alice.quit().await;

    let mut number = 0;
    for _ in 0..kills {
        one_life(&alice, &world, &mut sender, &mut number, &mut random);
    }
    sender.all_sent(&world);

    let mut back = alice.back().await;
    back.online().await;
    let (mut lost, mut events, mut answers) = (Vec::new(), 0, Vec::new());
    let bobs = world.ticks(&[&sender.bob]);
    let token = world.server.login_raw(&world.alice).token;
    for room in sender.rooms.clone() {
        let on_server = on_server(&world, &token, &room);
        events += on_server.len();
        lost.extend(missing(&mut back, &room, &on_server, &sender).await);
        for (id, text) in own_messages(&back) {
            let ticked = back.delivered_to(&id, &world.bob.user_id, &bobs);
            if timeout(DEADLINE / 2, ticked).await.is_err() {
                lost.push(format!("the tick of {text:?} in {room}"));
            }
            answers.push(text);
        }
        sender.bob.open(&room).await;
        for event in on_server.iter().filter(|event| event["type"] == "m.room.encrypted") {
            let by_bob = event["sender"] == world.bob.user_id.as_str();
            if !by_bob || !event["unsigned"]["redacted_because"].is_null() {
                continue;
            }
            let id = EventId::new(event["event_id"].as_str().expect("an event has an id"));
            if hellos.contains(&id) {
                continue;
            }
            let ticked = sender.bob.delivered_to(&id, &world.alice.user_id, &his);
            if timeout(DEADLINE / 2, ticked).await.is_err() {
                let status = back.status_now(&room, &id).await;
                lost.push(format!("the receipt for {id} in {room}: {status:?}"));
            }
        }
    }
    answers.sort();
    sender.answered.push("hello Bob".to_owned());
    sender.answered.sort();
    assert_eq!(answers, sender.answered, "every text once");
    println!("{}: {kills} kills, {rooms} rooms, {events} events, {} missing", world.name(), lost.len());
    assert!(lost.is_empty(), "{} of {events} events after {kills} kills: {lost:#?}", lost.len());
    alice = back.quit().await;
    drop(alice);
}
on!(nothing_is_lost_by_kills: synapse, embedded);
