//! What is typed is what is sent and read: HTML, pastes, texts that are too large, and what was
//! refused.

use kvitto::{
    client::request::TimelineRequest,
    input::{Key, KeyCode},
    model::{RoomId, SendState},
};
use serde_json::{Value, json};

use crate::{
    person::{Away, Person, body, direct_chat, room_with_a_history},
    support::{
        screens,
        terminal::{Terminal, text},
    },
    world::{World, on},
};

async fn html_in_the_composer_is_text(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    for (typed, read) in [
        ("Vec<String>", "Vec<String>"),
        ("a <head> of <b>x</b> &amp; <!-- y -->", "a <head> of <b>x</b> &amp; <!-- y -->"),
        ("<style>p { color: red }</style>", "<style>p { color: red }</style>"),
        ("**strong** `Map<K, V>`", "strong Map<K, V>"),
    ] {
        alice.say(&room, typed);
        let event = alice.sees(read).await;
        assert_eq!(bob.sees(read).await, event);
        alice.run(TimelineRequest::Edit { room_id: room.clone(), event_id: event.clone(), text: format!("{typed}!") });
        assert_eq!(bob.sees(&format!("{read}!")).await, event);
    }
    alice.run(TimelineRequest::SendEmote { room_id: room.clone(), text: "is <i>here</i>".to_owned(), reply_to: None });
    bob.sees("is <i>here</i>").await;
}
on!(html_in_the_composer_is_text: synapse, embedded);

/// What other clients send: HTML in which something is lost, and messages of types that nobody
/// knows.
async fn what_others_send_is_read_as_they_meant_it(world: World) {
    let mut alice = world.alice("desk").await;
    let token = world.server.login_raw(&world.alice).token;
    let room = world.server.create_room(&token, &json!({ "preset": "private_chat" }));
    alice.open(&room).await;
    let send = |content: &Value| world.server.send(&token, &room, "m.room.message", content);
    let html = |plain: &str, html: &str| json!({ "msgtype": "m.text", "body": plain, "format": "org.matrix.custom.html", "formatted_body": html });
    send(&html("Vec<String>", "Vec<String>"));
    alice.sees("Vec<String>").await;
    send(&html("a <style>b</style> *c*", "a <style>b</style> <em>c</em>"));
    alice.sees("a <style>b</style> *c*").await;
    send(&html("**bold** & more", "<strong>bold</strong> &amp; more"));
    alice.sees("bold & more").await;
    send(&json!({ "msgtype": "org.example.dance", "body": "they dance" }));
    alice.sees("they dance").await;
}
on!(what_others_send_is_read_as_they_meant_it: synapse, embedded);

/// Enter in the composer, with this text in it.
fn enter(person: &mut Person, text: &str) {
    person.paste(text);
    person.press(Key::new(KeyCode::Enter));
}

fn typed(person: &Person) -> &str {
    person.app.timelines.shown().map(|open| open.writing.composer.text()).unwrap_or_default()
}

async fn a_text_that_is_too_large_stays_in_the_composer(world: World) {
    let mut alice = world.alice("desk").await;
    let room = room_with_a_history(&mut alice).await;
    let long = "x".repeat(49_000);
    enter(&mut alice, &long);
    let sentence = "This text is too long for one message, by about";
    alice
        .until("the text in the composer", |p| {
            let said = p.app.status.as_ref().is_some_and(|status| status.text.starts_with(sentence));
            (said && typed(p) == long).then_some(())
        })
        .await;
    alice.say(&room, "the queue goes on");
    alice.sees("the queue goes on").await;
    assert!(alice.messages().all(|message| message.send_state == SendState::Sent), "nothing else was sent");

    // What fits is not refused.
    alice.say(&room, &"y".repeat(48_000));
    alice.sees(&"y".repeat(48_000)).await;
    let token = world.server.login_raw(&world.alice).token;
    let plain = world.server.create_room(&token, &json!({ "preset": "private_chat" }));
    alice.open(&plain).await;
    alice.say(&plain, &"z".repeat(49_000));
    alice.sees(&"z".repeat(49_000)).await;
    enter(&mut alice, &"z".repeat(65_400));
    alice.until("the text in the composer", |p| (typed(p).len() == 65_400).then_some(())).await;
}
on!(a_text_that_is_too_large_stays_in_the_composer: synapse, embedded);

/// A room of Bob's in which Alice is and may not write.
async fn where_only_bob_may_write(world: &World, alice: &mut Person) -> RoomId {
    let token = world.server.login_raw(&world.bob).token;
    let more = json!({ "power_level_content_override": { "events_default": 50 } });
    let room = world.room_of_bob(alice, &token, &more).await;
    alice.open(&room).await;
    room
}

async fn a_message_that_was_refused_is_taken_back(world: World) {
    let mut alice = world.alice("desk").await;
    let room = where_only_bob_may_write(&world, &mut alice).await;
    enter(&mut alice, "may I?\nplease");
    let failed = |p: &mut Person| p.messages().any(|m| matches!(m.send_state, SendState::Failed(_))).then_some(());
    alice.until("the refusal", failed).await;
    for key in [Key::new(KeyCode::Esc), Key::char('k'), Key::char('e')] {
        alice.press(key);
    }
    assert_eq!(typed(&alice), "may I?\nplease");
    let gone = |p: &mut Person| p.messages().all(|message| body(message) != "may I?\nplease").then_some(());
    alice.until("that it is gone from the timeline", gone).await;

    let mut alice = alice.quit().await.back().await;
    alice.open(&room).await;
    alice.until("the text in the composer", |p| (typed(p) == "may I?\nplease").then_some(())).await;
    assert!(alice.messages().all(|message| message.send_state == SendState::Sent));
}
on!(a_message_that_was_refused_is_taken_back: synapse, embedded);

/// Alice's program in an empty room with Bob, who reads along.
async fn on_screen(world: &World) -> (Terminal, Person, Away) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "before");
    bob.sees("before").await;
    let alice = alice.quit().await;
    let terminal = alice.on_screen();
    screens::open_first_room(&terminal, &world.bob.name);
    terminal.wait_for_text("before");
    (terminal, bob, alice)
}

async fn twelve_lines_that_arrive_as_keys_are_one_message(world: World) {
    let (terminal, mut bob, _alice) = on_screen(&world).await;
    let lines: Vec<_> = (1..=12).map(|number| format!("line {number}")).collect();
    terminal.type_text(&lines.join("\r"));
    // A line that was sent would stand beside a mark.
    terminal.wait_for("the last line in the composer", |screen| {
        text(screen).lines().any(|row| row.trim_end().ends_with("│  line 12"))
    });
    terminal.type_text("!");
    terminal.wait_for_text("line 12!");
    terminal.key("enter");
    bob.sees(&format!("{}!", lines.join("\n"))).await;
    assert_eq!(bob.messages().map(body).filter(|said| said.starts_with("line")).count(), 1);

    // One line and its Enter are a message, as ever.
    screens::wait_for_composer(&terminal, &world.bob.name);
    terminal.type_text("one line\r");
    bob.sees("one line").await;
}
on!(twelve_lines_that_arrive_as_keys_are_one_message: embedded);

async fn a_paste_without_its_end_leaves_the_keyboard_alive(world: World) {
    let (mut terminal, mut bob, _alice) = on_screen(&world).await;
    terminal.type_text("\x1b[200~its end\ris lost");
    terminal.wait_for_text("is lost");
    terminal.key("enter");
    bob.sees("its end\nis lost").await;
    screens::wait_for_composer(&terminal, &world.bob.name);
    terminal.type_text("\x1b[200~lost again");
    terminal.key("ctrl-c");
    assert!(terminal.wait_exit().success());
}
on!(a_paste_without_its_end_leaves_the_keyboard_alive: embedded);
