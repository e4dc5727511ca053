//! What other clients send is kept as they sent it: all that it takes to act on it.

use kvitto::model::{
    Body, Dimensions, EventId, Media, MediaKind, MediaSource, Mentions, Message, MxcUri, NotificationMode, Poll,
    PollKind, ReactionKey, RoomId, RoomSummary, RoomTag, RoomType, Tag, TagName, UserId,
};
use serde_json::{Value, json};

use crate::{
    person::Person,
    world::{World, on},
};

/// Somebody's requests about a room.
struct Raw<'a> {
    world: &'a World,
    token: &'a str,
    room: &'a RoomId,
}

impl Raw<'_> {
    fn send(&self, kind: &str, content: &Value) -> EventId {
        self.world.server.send(self.token, self.room, kind, content)
    }

    fn say(&self, content: &Value) -> EventId {
        self.send("m.room.message", content)
    }

    fn react(&self, event: &EventId, key: &str) {
        let relation = json!({ "rel_type": "m.annotation", "event_id": event.as_str(), "key": key });
        self.send("m.reaction", &json!({ "m.relates_to": relation }));
    }

    fn put(&self, path: &str, content: &Value) -> u16 {
        let (status, _) =
            self.world.server.raw("PUT", &format!("/_matrix/client/v3/{path}"), Some(self.token), content);
        status
    }
}

/// A room of Bob's without encryption, which Alice has open.
async fn room_of_bob(world: &World, alice: &mut Person, bob: &str) -> RoomId {
    let room = world.room_of_bob(alice, bob, &json!({})).await;
    alice.open(&room).await;
    room
}

/// This message, once it is as wanted.
async fn that(person: &mut Person, event: &EventId, what: &str, is_it: impl Fn(&Message) -> bool) -> Message {
    let find = |p: &mut Person| {
        p.messages().find(|message| message.event_id.as_ref() == Some(event) && is_it(message)).cloned()
    };
    person.until(what, find).await
}

async fn a_message_keeps_what_it_answers_whom_it_mentions_and_who_reacts(world: World) {
    let mut alice = world.alice("desk").await;
    let [of_alice, of_bob] = [&world.alice, &world.bob].map(|account| world.server.login_raw(account).token);
    let [user_alice, user_bob] = [&world.alice, &world.bob].map(|account| UserId::new(&account.user_id));
    let room = room_of_bob(&world, &mut alice, &of_bob).await;
    let [own, bob] = [&of_alice, &of_bob].map(|token| Raw { world: &world, token, room: &room });

    let begins = bob.say(&json!({ "msgtype": "m.text", "body": "a thread begins" }));
    let in_thread = json!({
        "rel_type": "m.thread", "event_id": begins.as_str(), "is_falling_back": true,
        "m.in_reply_to": { "event_id": begins.as_str() },
    });
    let named = json!({ "user_ids": [world.alice.user_id, "@nobody:example.org"] });
    let answer = bob.say(&json!({
        "msgtype": "m.text", "body": "and goes on", "m.relates_to": in_thread, "m.mentions": named,
    }));
    let message = that(&mut alice, &answer, "what is answered", |message| {
        message.reply_to.as_ref().is_some_and(|reply| reply.sender.is_some())
    })
    .await;
    let reply = message.reply_to.expect("an answer");
    assert_eq!(
        (reply.event_id, reply.sender, &*reply.preview),
        (begins.clone(), Some(user_bob.clone()), "a thread begins")
    );
    assert_eq!(message.thread_root, Some(begins.clone()));
    let mut users = vec![user_alice.clone(), UserId::new("@nobody:example.org")];
    users.sort();
    assert_eq!(message.mentions, Mentions { users, room: false, this_user: true });

    // An edit mentions anew; that Alice was mentioned stays true.
    bob.say(&json!({
        "msgtype": "m.text", "body": "* and on",
        "m.new_content": { "msgtype": "m.text", "body": "and on", "m.mentions": { "user_ids": [world.bob.user_id] } },
        "m.relates_to": { "rel_type": "m.replace", "event_id": answer.as_str() },
    }));
    let edited = that(&mut alice, &answer, "the edit", |message| message.edited).await;
    assert_eq!(edited.mentions, Mentions { users: vec![user_bob.clone()], room: false, this_user: true });
    assert_eq!(edited.thread_root, Some(begins.clone()));

    let all = bob.say(&json!({ "msgtype": "m.text", "body": "everybody", "m.mentions": { "room": true } }));
    let message = that(&mut alice, &all, "the message to everybody", |_| true).await;
    assert_eq!(message.mentions, Mentions { users: vec![], room: true, this_user: true });

    // What looks the same need not be.
    let keys = ["\u{1F44D}", "\u{1F44D}\u{FE0F}", "ok\u{200B}"];
    bob.react(&begins, keys[0]);
    that(&mut alice, &begins, "a reaction", |message| message.reactions.len() == 1).await;
    own.react(&begins, keys[0]);
    bob.react(&begins, keys[1]);
    bob.react(&begins, keys[2]);
    let is_there = |message: &Message| message.reactions.len() == 3 && message.reactions[0].senders.len() == 2;
    let reactions = that(&mut alice, &begins, "all reactions", is_there).await.reactions;
    let found: Vec<_> = reactions.iter().map(|reaction| (&reaction.key, &*reaction.senders, reaction.own)).collect();
    let keys = keys.map(ReactionKey::new);
    let of_bob = std::slice::from_ref(&user_bob);
    let both = [user_bob.clone(), user_alice];
    assert_eq!(found, [(&keys[0], &both[..], true), (&keys[1], of_bob, false), (&keys[2], of_bob, false)]);
    assert_eq!(&*reactions[2].text, "ok");
}
on!(a_message_keeps_what_it_answers_whom_it_mentions_and_who_reacts: synapse, embedded);

fn poll(message: &Message) -> Option<&Poll> {
    let Body::Poll(poll) = &message.body else { return None };
    Some(poll)
}

async fn files_polls_links_and_unknown_messages_are_kept(world: World) {
    let mut alice = world.alice("desk").await;
    let of_bob = world.server.login_raw(&world.bob).token;
    let room = room_of_bob(&world, &mut alice, &of_bob).await;
    let bob = Raw { world: &world, token: &of_bob, room: &room };

    let info = json!({ "mimetype": "image/png", "size": 9, "w": 3, "h": 2 });
    let sticker = bob.send("m.sticker", &json!({ "body": "a cat", "url": "mxc://example.org/cat", "info": info }));
    let Body::Media(media) = that(&mut alice, &sticker, "the sticker", |_| true).await.body else {
        panic!("no sticker")
    };
    let Media { kind, name, size, dimensions, source, .. } = *media;
    assert_eq!((kind, &*name, size), (MediaKind::Sticker, "a cat", Some(9)));
    assert_eq!(dimensions, Some(Dimensions { width: 3, height: 2 }));
    assert_eq!(source, MediaSource::Plain(MxcUri::new("mxc://example.org/cat")));

    let file = json!({
        "v": "v2", "url": "mxc://example.org/secret", "iv": "S22dq3qqq8wAAAAAAAAAAA",
        "key": {
            "kty": "oct", "key_ops": ["encrypt", "decrypt"], "alg": "A256CTR", "ext": true,
            "k": "TLlG_OpX807zzQuuwv4QZGJ21_u7weemFGYJFszMn9A",
        },
        "hashes": { "sha256": "aWOHudBnDkJ9IwaR1qq8XKoI7DOrqDTwt6xDPfVGN6Q" },
    });
    let image = bob.say(&json!({ "msgtype": "m.image", "body": "a.png", "file": file }));
    let Body::Media(media) = that(&mut alice, &image, "the image", |_| true).await.body else { panic!("no image") };
    let MediaSource::Encrypted { uri, file } = &media.source else { panic!("{media:?}") };
    assert_eq!(uri.as_str(), "mxc://example.org/secret");
    assert!(file.0.contains("TLlG_OpX807zzQuuwv4QZGJ21_u7weemFGYJFszMn9A"));

    let question = bob.send(
        "org.matrix.msc3381.poll.start",
        &json!({
            "org.matrix.msc1767.text": "lunch? soup, or bread",
            "org.matrix.msc3381.poll.start": {
                "question": { "org.matrix.msc1767.text": "lunch?" },
                "kind": "org.matrix.msc3381.poll.disclosed", "max_selections": 1,
                "answers": [
                    { "id": "a\u{200B}", "org.matrix.msc1767.text": "soup" },
                    { "id": "b", "org.matrix.msc1767.text": "bread" },
                ],
            },
        }),
    );
    let about = json!({ "rel_type": "m.reference", "event_id": question.as_str() });
    bob.send(
        "org.matrix.msc3381.poll.response",
        &json!({
            "m.relates_to": about, "org.matrix.msc3381.poll.response": { "answers": ["a\u{200B}"] },
        }),
    );
    bob.send(
        "org.matrix.msc3381.poll.end",
        &json!({
            "m.relates_to": about, "org.matrix.msc3381.poll.end": {}, "org.matrix.msc1767.text": "it ended",
        }),
    );
    let has_ended = |message: &Message| poll(message).is_some_and(|poll| poll.ended.is_some());
    let message = that(&mut alice, &question, "the end of the poll", has_ended).await;
    let Poll { question, answers, kind, max_selections, .. } = poll(&message).expect("a poll");
    assert_eq!((&**question, *kind, *max_selections), ("lunch?", PollKind::Disclosed, 1));
    let answers: Vec<_> = answers.iter().map(|it| (it.id.as_str(), &*it.text, &*it.voters)).collect();
    let voters = [UserId::new(&world.bob.user_id)];
    assert_eq!(answers, [("a\u{200B}", "soup", &voters[..]), ("b", "bread", &[])]);

    bob.say(&json!({
        "msgtype": "m.text", "body": "[here](https://example.org/x)", "format": "org.matrix.custom.html",
        "formatted_body": "<a href=\"https://example.org/x\">here</a>",
    }));
    let link = alice.sees("here (https://example.org/x)").await;
    let Body::Text(lines) = that(&mut alice, &link, "the link", |_| true).await.body else { panic!("no text") };
    assert_eq!(lines[0].spans[0].link.as_ref().map(kvitto::model::Url::as_str), Some("https://example.org/x"));

    let dance = bob.say(&json!({ "msgtype": "org.example.dance", "body": "they dance" }));
    assert_eq!(alice.sees("they dance").await, dance);
    let Body::Unsupported(unknown) = that(&mut alice, &dance, "the dance", |_| true).await.body else {
        panic!("a known dance")
    };
    assert_eq!(&*unknown.kind, "org.example.dance");
}
on!(files_polls_links_and_unknown_messages_are_kept: synapse, embedded);

/// What the user sets in another client is told at once.
async fn a_room_keeps_its_type_its_tags_and_what_notifies_of_it(world: World) {
    let mut alice = world.alice("desk").await;
    let token = world.server.login_raw(&world.alice).token;
    let room = world.server.create_room(
        &token,
        &json!({
            "preset": "private_chat", "creation_content": { "type": "org.example.board" },
        }),
    );
    let raw = Raw { world: &world, token: &token, room: &room };
    let is_plain = |summary: &RoomSummary| {
        matches!(&summary.room_type, Some(RoomType::Other(kind)) if &**kind == "org.example.board")
            && summary.tags.is_empty()
            && summary.notifications == NotificationMode::Default
    };
    alice.room("the board", |summary| summary.id == room && is_plain(summary)).await;

    let (id, user) = (room.as_str().replace('!', "%21"), &world.alice.user_id);
    let tag = |name: &str, order: &Value| {
        let path = format!("user/{user}/rooms/{id}/tags/{name}");
        assert_eq!(raw.put(&path, order), 200, "{name}");
    };
    tag("u.work", &json!({}));
    let work = RoomTag { tag: Tag::Other(TagName::new("u.work")), order: None };
    let is_tagged = |summary: &RoomSummary| summary.id == room && summary.tags == [work.clone()];
    alice.room("a tag of one's own", is_tagged).await;
    tag("m.favourite", &json!({ "order": 0.25 }));
    let both = [RoomTag { tag: Tag::Favourite, order: Some(0.25) }, work];
    alice.room("a favourite", |summary| summary.id == room && summary.tags == both).await;

    assert_eq!(raw.put(&format!("pushrules/global/room/{id}"), &json!({ "actions": [] })), 200);
    let notifies = |mode| move |summary: &RoomSummary| summary.notifications == mode && summary.tags.len() == 2;
    alice.room("mentions only", notifies(NotificationMode::Mentions)).await;
    assert_eq!(raw.put(&format!("pushrules/global/room/{id}"), &json!({ "actions": ["notify"] })), 200);
    alice.room("all", notifies(NotificationMode::All)).await;
    let mute = json!({
        "actions": [], "conditions": [{ "kind": "event_match", "key": "room_id", "pattern": room.as_str() }],
    });
    assert_eq!(raw.put(&format!("pushrules/global/override/{id}"), &mute), 200);
    alice.room("silence", notifies(NotificationMode::Mute)).await;

    let mut alice = alice.quit().await.back().await;
    let is_the_same = |summary: &RoomSummary| summary.tags == both && notifies(NotificationMode::Mute)(summary);
    alice.room("the same after a restart", is_the_same).await;
}
on!(a_room_keeps_its_type_its_tags_and_what_notifies_of_it: synapse);
