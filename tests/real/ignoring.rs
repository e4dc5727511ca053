//! Somebody is ignored, in another client, and not any more.

use kvitto::client::request::RoomsRequest;
use serde_json::{Value, json};

use crate::{
    person::{Person, body},
    world::{World, on},
};

async fn who_is_not_ignored_any_more_is_read_again(world: World) {
    let mut alice = world.alice("desk").await;
    let bob = world.server.login_raw(&world.bob).token;
    let invite = |name: &str| json!({ "name": name, "preset": "private_chat", "invite": [world.alice.user_id] });
    let room = world.server.create_room(&bob, &invite("shared"));
    alice.room("the invite", |summary| summary.id == room).await;
    alice.run(RoomsRequest::Accept(room.clone()));
    alice.sees_members(&room, 2).await;
    alice.open(&room).await;
    let say = |text: &str| {
        world.server.send(&bob, &room, "m.room.message", &json!({ "msgtype": "m.text", "body": text }));
    };
    say("before");
    alice.sees("before").await;
    let other = world.server.create_room(&bob, &invite("another"));
    alice.room("the other invite", |summary| summary.id == other).await;

    let elsewhere = world.server.login_raw(&world.alice).token;
    let path = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", world.alice.user_id);
    let ignore = |users: Value| {
        let (status, answer) = world.server.raw("PUT", &path, Some(&elsewhere), &json!({ "ignored_users": users }));
        assert_eq!(status, 200, "{answer}");
    };
    let reads = async |alice: &mut Person, wanted: &[&str]| {
        let is_it = |p: &mut Person| {
            let of_bob: Vec<_> = p.messages().filter(|message| !message.own).map(body).collect();
            (of_bob == wanted).then_some(())
        };
        alice.until(&format!("{wanted:?}"), is_it).await;
    };
    ignore(json!({ &world.bob.user_id: {} }));
    reads(&mut alice, &[]).await;
    let is_gone = |p: &mut Person| p.app.rooms.all().iter().all(|row| row.id != other).then_some(());
    alice.until("that the other invite is gone", is_gone).await;
    say("meanwhile");
    alice.say(&room, "a sign of life");
    alice.sees("a sign of life").await;
    ignore(json!({}));
    reads(&mut alice, &["before", "meanwhile"]).await;
    alice.room("the other invite", |summary| summary.id == other).await;
    say("after");
    reads(&mut alice, &["before", "meanwhile", "after"]).await;
}
on!(who_is_not_ignored_any_more_is_read_again: synapse);
