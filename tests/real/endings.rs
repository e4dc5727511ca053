//! Rooms that are left, and rooms that end: who is taken out of what, and what stays in the list,
//! with all that was written.

use std::collections::BTreeSet;

use kvitto::{
    client::request::{RoomsRequest, TimelineRequest},
    model::{How, Membership, RoomId, RoomSummary, SendState, TimelineId, TimelineItemKind, UserId},
};
use serde_json::{Value, json};

use crate::{
    person::Person,
    support::server::{Account, Server},
    world::{World, on},
};

fn path(room: &RoomId, rest: &str) -> String {
    format!("/_matrix/client/v3/rooms/{}/{rest}", room.as_str().replace('!', "%21"))
}

/// Somebody does something to a room by another client.
fn does(server: &Server, token: &str, room: &RoomId, what: &str, content: &Value) {
    let (status, answer) = server.raw("POST", &path(room, what), Some(token), content);
    assert_eq!(status, 200, "{what}: {answer}");
}

/// Whether somebody is in a room, as another member sees it.
fn is_in(server: &Server, token: &str, room: &RoomId, who: &Account) -> bool {
    let (_, answer) = server.raw("GET", &path(room, "joined_members"), Some(token), &Value::Null);
    let (_, state) =
        server.raw("GET", &path(room, &format!("state/m.room.member/{}", who.user_id)), Some(token), &Value::Null);
    answer["joined"].get(&who.user_id).is_some() || state["membership"] == "join"
}

fn named(name: &str, invite: &[&str]) -> Value {
    json!({ "preset": "private_chat", "name": name, "invite": invite })
}

fn follows(mut request: Value, predecessor: &RoomId) -> Value {
    request["creation_content"] = json!({ "predecessor": { "room_id": predecessor.as_str(), "event_id": "$last" } });
    request
}

async fn joins(person: &mut Person, room: &RoomId) {
    let is_invite = |summary: &RoomSummary| matches!(summary.membership, Membership::Invited { .. });
    person.room("the invite", |summary| summary.id == *room && is_invite(summary)).await;
    person.run(RoomsRequest::Accept(room.clone()));
    is_joined(person, room).await;
}

async fn is_joined(person: &mut Person, room: &RoomId) {
    person.room("the room", |row| row.id == *room && row.membership == Membership::Joined).await;
}

async fn is_away(person: &mut Person, room: &RoomId) {
    person.until("a list without the room", |p| p.app.rooms.get(room).is_none().then_some(())).await;
}

async fn ends(person: &mut Person, room: &RoomId, is_it: impl Fn(&How) -> bool) {
    let ended = |row: &RoomSummary| row.ending.as_ref().is_some_and(|ending| is_it(&ending.how));
    person.room("the row of a room that ended", |row| row.id == *room && ended(row)).await;
}

fn leave(room: &RoomId) -> RoomsRequest {
    RoomsRequest::Leave { room_id: room.clone(), older: Vec::new() }
}

/// Mallory makes rooms that claim to go on where a private one of Alice's has ended. Saying no to
/// one, and leaving one, takes her out of nothing else.
async fn only_the_room_that_was_named_is_left(world: World) {
    let server = &world.server;
    let mallory = server.register("mallory");
    let (mallorys, alices) = (server.login_raw(&mallory).token, server.login_raw(&world.alice).token);
    let private = server.create_room(&alices, &named("private", &[]));
    let mut alice = world.alice("desk").await;
    is_joined(&mut alice, &private).await;

    let claims = |name| follows(named(name, &[&world.alice.user_id]), &private);
    let declined = server.create_room(&mallorys, &claims("declined"));
    alice.room("the invite", |row| row.id == declined).await;
    alice.run(RoomsRequest::Decline(declined.clone()));
    is_away(&mut alice, &declined).await;
    let left = server.create_room(&mallorys, &claims("left"));
    joins(&mut alice, &left).await;
    let row = alice.app.rooms.get(&left).expect("the room is there");
    assert!(row.older.is_empty(), "its tombstone does not lead there");
    alice.run(leave(&left));
    is_away(&mut alice, &left).await;
    alice.until("the last word", |p| p.app.status.take()).await;
    assert!(!is_in(server, &mallorys, &left, &world.alice));
    assert!(is_in(server, &alices, &private, &world.alice));
    assert!(alice.app.rooms.get(&private).is_some_and(|row| row.membership == Membership::Joined));
}
on!(only_the_room_that_was_named_is_left: synapse, embedded);

/// Alice's own room was upgraded: the older version, whose tombstone leads to the new one, goes
/// with it.
async fn an_older_version_goes_with_its_successor(world: World) {
    let server = &world.server;
    let token = server.login_raw(&world.alice).token;
    let old = server.create_room(&token, &named("old", &[]));
    let mut alice = world.alice("desk").await;
    is_joined(&mut alice, &old).await;
    let new = server.create_room(&token, &follows(named("new", &[]), &old));
    let tombstone = json!({ "body": "moved", "replacement_room": new.as_str() });
    server.put_state(&token, &old, "m.room.tombstone", &tombstone);
    ends(&mut alice, &old, |how| *how == How::Upgraded { successor: new.clone(), refused: false }).await;
    alice.room("the new version", |row| row.id == new).await;
    let found = |row: &RoomSummary| row.id == new && row.older.iter().any(|(older, _)| *older == old);
    // What leads where is looked up with the row, and the two come in any order.
    server.put_state(&token, &new, "m.room.topic", &json!({ "topic": "tea" }));
    alice.room("the older version in its row", found).await;
    alice.run(RoomsRequest::Leave { room_id: new.clone(), older: vec![old.clone()] });
    is_away(&mut alice, &new).await;
    is_away(&mut alice, &old).await;
}
on!(an_older_version_goes_with_its_successor: synapse, embedded);

/// The server knows nothing of the room any more, and says so to whoever says no.
async fn a_no_takes_a_row_away_whatever_the_server_says(world: World) {
    let server = &world.server;
    let bobs = server.login_raw(&world.bob).token;
    let line = world.line();
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let invited = server.create_room(&bobs, &named("invited", &[&world.alice.user_id]));
    let inside = server.create_room(&bobs, &named("inside", &[&world.alice.user_id]));
    joins(&mut alice, &inside).await;
    alice.room("the invite", |row| row.id == invited).await;
    let gone = json!({ "errcode": "M_NOT_FOUND", "error": "Unknown room" });
    line.answer("/leave", "404 Not Found", &gone);
    alice.run(RoomsRequest::Decline(invited.clone()));
    is_away(&mut alice, &invited).await;
    alice.run(leave(&inside));
    is_away(&mut alice, &inside).await;
    let said = alice.until("what the server said", |p| p.app.status.take()).await;
    assert!(said.text.contains("taken off the list"), "{said:?}");
    line.allow();
    // Without any answer, nothing is known.
    let third = server.create_room(&bobs, &named("third", &[&world.alice.user_id]));
    joins(&mut alice, &third).await;
    line.refuse("/leave");
    alice.app.status = None;
    alice.run(leave(&third));
    let said = alice.until("why not", |p| p.app.status.take()).await;
    assert!(said.text.contains("still in the room"), "{said:?}");
    assert!(alice.app.rooms.get(&third).is_some());
}
on!(a_no_takes_a_row_away_whatever_the_server_says: synapse, embedded);

/// A tombstone closes a room only for as long as it seems to lead somewhere.
async fn an_upgraded_room_offers_its_successor(world: World) {
    let server = &world.server;
    let bobs = server.login_raw(&world.bob).token;
    let mut alice = world.alice("desk").await;
    let invite = [&*world.alice.user_id];
    let old = server.create_room(&bobs, &named("old", &invite));
    joins(&mut alice, &old).await;
    alice.open(&old).await;
    let mut public = follows(named("new", &[]), &old);
    public["preset"] = "public_chat".into();
    let new = server.create_room(&bobs, &public);
    server.put_state(&bobs, &old, "m.room.tombstone", &json!({ "body": "here", "replacement_room": new.as_str() }));
    ends(&mut alice, &old, |how| *how == How::Upgraded { successor: new.clone(), refused: false }).await;
    let row = alice.app.rooms.get(&old).expect("the row stays").clone();
    let ending = row.ending.as_ref().expect("it has ended");
    assert_eq!(ending.by.as_ref().map(UserId::as_str), Some(&*world.bob.user_id));
    assert_eq!((&*ending.why, ending.at.is_some(), row.is_open()), ("here", true, false));
    alice.run(RoomsRequest::Follow(old.clone()));
    alice
        .until("the open successor", |p| {
            p.app.timelines.shown().is_some_and(|open| open.id.room_id == new).then_some(())
        })
        .await;

    for (name, elsewhere) in [("forbidden", true), ("nowhere", false)] {
        let room = server.create_room(&bobs, &named(name, &invite));
        joins(&mut alice, &room).await;
        let private = if elsewhere {
            server.create_room(&bobs, &named("private", &[])).to_string()
        } else {
            format!("!nothing:{}", server.name)
        };
        server.put_state(&bobs, &room, "m.room.tombstone", &json!({ "body": "", "replacement_room": private }));
        ends(&mut alice, &room, |how| matches!(how, How::Upgraded { refused: false, .. })).await;
        alice.run(RoomsRequest::Follow(room.clone()));
        ends(&mut alice, &room, |how| matches!(how, How::Upgraded { refused: true, .. })).await;
        assert!(alice.app.rooms.get(&room).is_some_and(RoomSummary::is_open));
        alice.open(&room).await;
        alice.say(&room, "it goes on");
        alice.sees("it goes on").await;
    }
}
on!(an_upgraded_room_offers_its_successor: synapse, embedded);

/// A way in which a room ends for Alice, while her client is connected or (`away`) while it does
/// not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Left { away: bool },
    Kicked { away: bool },
    Banned { away: bool },
    Upgraded,
}

const WAYS: [Ending; 7] = [
    Ending::Left { away: false },
    Ending::Kicked { away: false },
    Ending::Banned { away: false },
    Ending::Upgraded,
    Ending::Left { away: true },
    Ending::Kicked { away: true },
    Ending::Banned { away: true },
];

impl Ending {
    fn is_away(self) -> bool {
        matches!(self, Self::Left { away: true } | Self::Kicked { away: true } | Self::Banned { away: true })
    }

    fn happens(self, world: &World, (alices, bobs): (&str, &str), room: &RoomId) {
        let server = &world.server;
        let reason = json!({ "user_id": world.alice.user_id, "reason": "off topic" });
        match self {
            Self::Left { .. } => does(server, alices, room, "leave", &json!({})),
            Self::Kicked { .. } => does(server, bobs, room, "kick", &reason),
            Self::Banned { .. } => does(server, bobs, room, "ban", &reason),
            Self::Upgraded => {
                let next = server.create_room(bobs, &follows(named("next", &[&world.alice.user_id]), room));
                let tombstone = json!({ "body": "off topic", "replacement_room": next.as_str() });
                drop(server.put_state(bobs, room, "m.room.tombstone", &tombstone));
            }
        }
    }

    fn is(self, how: &How) -> bool {
        match self {
            Self::Left { .. } => *how == How::Left,
            Self::Kicked { .. } => *how == How::Removed,
            Self::Banned { .. } => *how == How::Banned,
            Self::Upgraded => matches!(how, How::Upgraded { refused: false, .. }),
        }
    }
}

/// The texts of a room that never left it.
fn texts(person: &Person) -> BTreeSet<String> {
    let Some(open) = person.app.timelines.shown() else { return BTreeSet::new() };
    let unsent = open.items.iter().filter_map(|item| match &item.kind {
        TimelineItemKind::Message(message) if message.send_state != SendState::Sent => message.source.clone(),
        _ => None,
    });
    let typed = open.writing.composer.text().to_owned();
    unsent.map(|text| text.to_string()).chain([typed]).filter(|text| !text.is_empty()).collect()
}

/// Opens a room that ended, and waits for everything that was written in it.
async fn has_its_texts(person: &mut Person, room: &RoomId) {
    person.open(room).await;
    let wanted: BTreeSet<String> = ["draft", "failed", "waiting"].map(ToOwned::to_owned).into();
    person.until("all that was written there", |p| (texts(p) == wanted).then_some(())).await;
}

/// Rooms end in every way, each with a draft, a failed and a waiting message. Their rows stay, over
/// a restart too, with who, what, why and when; no text is lost; and each can be put away for good.
async fn every_room_that_ended_stays_until_it_is_put_away(world: World) {
    let server = &world.server;
    let (alices, bobs) = (server.login_raw(&world.alice).token, server.login_raw(&world.bob).token);
    let line = world.line();
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let mut rooms = Vec::new();
    for way in WAYS {
        let room = server.create_room(&bobs, &named(&format!("{way:?}"), &[&world.alice.user_id]));
        joins(&mut alice, &room).await;
        alice.open(&room).await;
        let (status, mut levels) =
            server.raw("GET", &path(&room, "state/m.room.power_levels/"), Some(&bobs), &Value::Null);
        assert_eq!(status, 200, "{levels}");
        levels["events_default"] = 50.into();
        server.put_state(&bobs, &room, "m.room.power_levels", &levels);
        line.allow();
        alice.say(&room, "failed");
        let failed = |p: &mut Person| {
            p.messages().any(|message| matches!(message.send_state, SendState::Failed(_))).then_some(())
        };
        alice.until("a message that failed", failed).await;
        line.refuse("/send/");
        alice.say(&room, "waiting");
        alice.until("a message that waits", |p| (texts(p).len() == 2).then_some(())).await;
        alice.paste("draft");
        assert_eq!(texts(&alice).len(), 3);
        if !way.is_away() {
            way.happens(&world, (alices.as_str(), bobs.as_str()), &room);
            ends(&mut alice, &room, |how| way.is(how)).await;
        }
        rooms.push((way, room));
    }
    // The draft of the open room is kept when it is left.
    alice.run(TimelineRequest::SaveDraft { timeline_id: TimelineId::live(rooms[6].1.clone()), draft: "draft".into() });
    let away = alice.quit().await;
    for (way, room) in rooms.iter().filter(|(way, _)| way.is_away()) {
        way.happens(&world, (alices.as_str(), bobs.as_str()), room);
    }
    let mut alice = away.back().await;
    for (way, room) in &rooms {
        ends(&mut alice, room, |how| way.is(how)).await;
        let row = alice.app.rooms.get(room).expect("the row stays").clone();
        let ending = row.ending.clone().expect("it has ended");
        let by = if matches!(way, Ending::Left { .. }) { &world.alice } else { &world.bob };
        assert_eq!(ending.by.as_ref().map(UserId::as_str), Some(&*by.user_id), "{way:?}");
        let why = if matches!(way, Ending::Left { .. }) { "" } else { "off topic" };
        assert_eq!((&*ending.why, ending.at.is_some()), (why, true), "{way:?}");
        assert!(!row.is_open(), "{way:?}");
        has_its_texts(&mut alice, room).await;
    }
    line.allow();
    for (_, room) in &rooms {
        alice.run(leave(room));
        is_away(&mut alice, room).await;
    }
    let mut alice = alice.quit().await.back().await;
    alice.online().await;
    for (way, room) in &rooms {
        assert!(alice.app.rooms.get(room).is_none(), "{way:?} is back");
    }
}
on!(every_room_that_ended_stays_until_it_is_put_away: synapse, embedded);

/// An invite is taken back, or declined in another client.
async fn an_invite_that_ended_stays_until_it_is_put_away(world: World) {
    let server = &world.server;
    let (alices, bobs) = (server.login_raw(&world.alice).token, server.login_raw(&world.bob).token);
    let mut alice = world.alice("desk").await;
    let mut rooms = Vec::new();
    for how in [How::Withdrawn, How::Declined] {
        let room = server.create_room(&bobs, &named(&format!("{how:?}"), &[&world.alice.user_id]));
        alice.room("the invite", |row| row.id == room).await;
        if how == How::Withdrawn {
            does(server, &bobs, &room, "kick", &json!({ "user_id": world.alice.user_id }));
        } else {
            does(server, &alices, &room, "leave", &json!({}));
        }
        ends(&mut alice, &room, |shown| *shown == how).await;
        rooms.push((how, room));
    }
    let mut alice = alice.quit().await.back().await;
    for (how, room) in rooms {
        ends(&mut alice, &room, |shown| *shown == how).await;
        alice.run(leave(&room));
        is_away(&mut alice, &room).await;
    }
}
on!(an_invite_that_ended_stays_until_it_is_put_away: synapse, embedded);
