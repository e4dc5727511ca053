//! Direct chats: who becomes known by one (P7), and what is written into `m.direct`, which all
//! clients of an account share.

use std::time::Instant;

use kvitto::{
    client::request::RoomsRequest,
    model::{Membership, RoomId, RoomSummary},
};
use serde_json::{Value, json};

use crate::{
    delivery::text,
    person::{DEADLINE, Person, direct_chat},
    support::{
        proxy::count,
        server::{Account, Server},
    },
    world::{World, on},
};

/// What is in the path of a request for `m.direct`.
const LIST: &str = "/account_data/m.direct";

fn list_path(account: &Account) -> String {
    format!("/_matrix/client/v3/user/{}{LIST}", account.user_id)
}

/// Another client of somebody's, which writes `m.direct` and looks what is in it.
struct Elsewhere<'a> {
    server: &'a Server,
    account: &'a Account,
    token: String,
}

impl<'a> Elsewhere<'a> {
    fn new(server: &'a Server, account: &'a Account) -> Self {
        Self { server, account, token: server.login_raw(account).token }
    }

    fn write(&self, content: &Value) {
        let (status, answer) = self.server.raw("PUT", &list_path(self.account), Some(&self.token), content);
        assert_eq!(status, 200, "{answer}");
    }

    fn read(&self) -> Value {
        self.server.raw("GET", &list_path(self.account), Some(&self.token), &Value::Null).1
    }

    /// Waits until `m.direct` is this.
    fn waits_for(&self, content: &Value) {
        let (began, mut since) = (Instant::now(), String::new());
        while self.read() != *content {
            assert!(began.elapsed() < DEADLINE, "waited for {content:#}; it is {:#}", self.read());
            let path = format!("/_matrix/client/v3/sync?timeout=1000{since}");
            let (_, answer) = self.server.raw("GET", &path, Some(&self.token), &Value::Null);
            since = format!("&since={}", answer["next_batch"].as_str().expect("a sync has a token"));
        }
    }
}

/// What other clients have written for Bob; nobody knows what some of it means.
fn of_old(world: &World) -> Value {
    json!({
        "@ada:elsewhere.example": ["!elsewhere:elsewhere.example", "no room", 7],
        "net.example.unknown": { "deep": [1.5, null, { "more": "" }] },
        &world.bob.user_id: null,
    })
}

/// The same with one more chat.
fn with(mut content: Value, account: &Account, room: &RoomId) -> Value {
    content[&account.user_id] = json!([room.as_str()]);
    content
}

async fn accept(person: &mut Person, room: &RoomId) {
    person.room("the invite", |summary| summary.id == *room).await;
    person.run(RoomsRequest::Accept(room.clone()));
    let joined = |summary: &RoomSummary| summary.id == *room && summary.membership == Membership::Joined;
    person.room("the joined room", joined).await;
}

/// P7: Mallory makes a room of nine, and her invite says that it is to a direct chat. Nobody
/// becomes known by it, and nobody is written down; also where another client of Bob's has believed
/// her.
async fn p7_an_invite_does_not_say_what_a_direct_chat_is(world: World) {
    let server = &world.server;
    let mallory = server.register("mallory");
    let others: Vec<Account> = (0..7).map(|_| server.register("other")).collect();
    let mut bob = world.bob("phone").await;
    let elsewhere = Elsewhere::new(server, &world.bob);
    let mallorys = server.login_raw(&mallory).token;
    let invited: Vec<&str> = others.iter().chain([&world.bob]).map(|account| &*account.user_id).collect();
    let encryption = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    let request = json!({
        "preset": "private_chat", "is_direct": true, "invite": invited, "initial_state": [encryption],
    });
    let room = server.create_room(&mallorys, &request);
    let tokens: Vec<String> = others.iter().map(|other| server.login_raw(other).token).collect();
    for token in &tokens {
        server.join(token, &room);
    }
    accept(&mut bob, &room).await;
    bob.open(&room).await;
    bob.sees_members(&room, 9).await;
    for token in [&mallorys, &tokens[0]] {
        let event = server.send(token, &room, "m.room.message", &text("who is there?"));
        assert_eq!(bob.withheld_by(&room, &event).await, "P7");
    }

    // An invite to a chat of two makes one person known, and is written down beside what is there.
    elsewhere.write(&of_old(&world));
    let mut alice = world.alice("desk").await;
    let chat = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    elsewhere.waits_for(&with(of_old(&world), &world.alice, &chat));
    alice.say(&chat, "now you know me");
    let event = alice.sees("now you know me").await;
    alice.delivered_to(&event, &world.bob.user_id, &world.ticks(&[&bob])).await;

    elsewhere.write(&json!({ &mallory.user_id: [room.as_str()] }));
    bob.sees_direct(&room).await;
    bob.open(&room).await;
    let event = server.send(&mallorys, &room, "m.room.message", &text("and now?"));
    assert_eq!(bob.withheld_by(&room, &event).await, "P7");
}
on!(p7_an_invite_does_not_say_what_a_direct_chat_is: synapse, embedded);

/// `m.direct` cannot be read for a while: it is not written, not before and not after a restart.
/// When it can be read, the one chat is added.
async fn what_cannot_be_read_is_not_written(world: World) {
    let line = world.line();
    let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", world.settings()).await;
    let elsewhere = Elsewhere::new(&world.server, &world.bob);
    elsewhere.write(&of_old(&world));
    let mut alice = world.alice("desk").await;
    alice.run(RoomsRequest::DirectChat(world.bob.user_id.clone()));
    let chat = alice.room("the new chat", |summary| summary.direct && summary.encrypted).await;
    bob.room("the invite", |summary| summary.id == chat).await;
    line.answer(LIST, "500 Internal Server Error", &json!({ "errcode": "M_UNKNOWN", "error": "Not now" }));
    accept(&mut bob, &chat).await;
    line.wait_for_requests("a second look", |requests| count(requests, LIST) > 1);
    let away = bob.quit().await;
    let written =
        |requests: &[String]| requests.iter().filter(|path| path.starts_with("PUT ")).any(|path| path.contains(LIST));
    assert!(!written(&line.requests()), "{:#?}", line.requests());
    assert_eq!(elsewhere.read(), of_old(&world));

    line.allow();
    let mut bob = away.back().await;
    elsewhere.waits_for(&with(of_old(&world), &world.alice, &chat));
    alice.open(&chat).await;
    bob.open(&chat).await;
    alice.sees_members(&chat, 2).await;
    alice.say(&chat, "after all");
    let event = alice.sees("after all").await;
    alice.delivered_to(&event, &world.bob.user_id, &world.ticks(&[&bob])).await;
}
on!(what_cannot_be_read_is_not_written: synapse, embedded);

/// `/dm @bob`, and again before there is an answer, makes one room; it is added to what is there.
async fn asking_twice_for_a_chat_makes_one_room(world: World) {
    let line = world.line();
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let mut bob = world.bob("phone").await;
    let elsewhere = Elsewhere::new(&world.server, &world.alice);
    let of_old = json!({ "@ada:elsewhere.example": ["no room", 7], "net.example.unknown": {} });
    elsewhere.write(&of_old);
    for _ in 0..2 {
        alice.run(RoomsRequest::DirectChat(world.bob.user_id.clone()));
    }
    // Each looks into it, and so does whoever writes it.
    line.wait_for_requests("both to look", |requests| count(requests, LIST) > 4);
    let chat = alice.room("the new chat", |summary| summary.encrypted).await;
    elsewhere.waits_for(&with(of_old, &world.bob, &chat));
    alice.run(RoomsRequest::DirectChat(world.bob.user_id.clone()));
    line.wait_for_requests("another look", |requests| count(requests, LIST) > 5);
    accept(&mut bob, &chat).await;
    alice.open(&chat).await;
    alice.sees_members(&chat, 2).await;
    assert_eq!(count(&line.requests(), "/createRoom"), 1, "{:#?}", line.requests());
    assert_eq!(bob.app.rooms.all().len(), 1);
}
on!(asking_twice_for_a_chat_makes_one_room: synapse, embedded);
