//! Reading back, a page at a time.

use std::ops::RangeInclusive;

use serde_json::json;

use crate::{
    support::{screens, terminal::text},
    world::{World, on},
};

const MESSAGES: usize = 160;

/// The numbers of the messages on the screen.
fn numbers(screen: &str) -> Option<RangeInclusive<usize>> {
    let numbers = screen.lines().filter_map(|row| {
        let (_, number) = row.split_once("message number ")?;
        number.split_whitespace().next()?.parse::<usize>().ok()
    });
    numbers.fold(None, |range: Option<RangeInclusive<usize>>, number| match range {
        Some(range) => Some(*range.start().min(&number)..=*range.end().max(&number)),
        None => Some(number..=number),
    })
}

/// Nothing is passed over by paging up, also while older messages are on their way.
async fn paging_up_passes_over_nothing(world: World) {
    let alice = world.alice("desk").await;
    let token = world.server.login_raw(&world.bob).token;
    let room = world.server.create_room(&token, &json!({ "name": "long", "preset": "public_chat" }));
    let alice = alice.quit().await;
    let raw = world.server.login_raw(&world.alice);
    world.server.join(&raw.token, &room);
    for number in 0..MESSAGES {
        let content = json!({ "msgtype": "m.text", "body": format!("message number {number}") });
        world.server.send(&token, &room, "m.room.message", &content);
    }
    world.server.log_out(&raw.token);

    let terminal = alice.on_screen();
    screens::open_first_room(&terminal, "long");
    terminal.wait_for_text(&format!("message number {}", MESSAGES - 1));
    screens::leave_composer(&terminal);
    let newest = terminal.with_screen(|screen| numbers(&text(screen)));
    let mut read = newest.map_or(MESSAGES, |numbers| *numbers.start());
    while read > 0 {
        terminal.key("pageup");
        terminal.wait_for(&format!("what is above message {read}"), |screen| {
            numbers(&text(screen)).is_some_and(|numbers| *numbers.start() < read)
        });
        let screen = terminal.screen_text();
        let Some(numbers) = numbers(&screen) else { continue };
        assert!(*numbers.end() + 1 >= read, "{numbers:?} comes after {read}\n{screen}");
        read = *numbers.start();
    }
}
on!(paging_up_passes_over_nothing: synapse, embedded);
