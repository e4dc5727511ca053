//! Commands on whatever stands over the main view: each screen knows what they mean to it.

use crate::app::command::Command;
use crate::{app::screens::Act, input::Context};

pub const COMMANDS: &[Command] = &[
    Command::new("popup-up", "Scroll up", |app, _, now, out| app.on_screen(Act::Up, now, out))
        .keys(&[(Context::Popup, &["k", "Up"])]),
    Command::new("popup-down", "Scroll down", |app, _, now, out| app.on_screen(Act::Down, now, out))
        .keys(&[(Context::Popup, &["j", "Down"])]),
    Command::new("popup-page-up", "Scroll up by a page", |app, _, now, out| app.on_screen(Act::PageUp, now, out))
        .keys(&[(Context::Popup, &["PgUp", "Ctrl-U"]), (Context::Picker, &["PgUp"])]),
    Command::new("popup-page-down", "Scroll down by a page", |app, _, now, out| app.on_screen(Act::PageDown, now, out))
        .keys(&[(Context::Popup, &["PgDn", "Ctrl-D", "Space"]), (Context::Picker, &["PgDn"])]),
    Command::new("popup-close", "Close", |app, _, now, out| app.on_screen(Act::Close, now, out))
        .keys(&[(Context::Popup, &["Esc", "q", "i", "?", "Enter"]), (Context::Picker, &["Esc"])]),
    Command::new("list-up", "Select the row above", |app, _, now, out| app.on_screen(Act::Up, now, out))
        .keys(&[(Context::List, &["k", "Up"]), (Context::Picker, &["Up"])]),
    Command::new("list-down", "Select the row below", |app, _, now, out| app.on_screen(Act::Down, now, out))
        .keys(&[(Context::List, &["j", "Down"]), (Context::Picker, &["Down"])]),
    Command::new(
        "list-previous",
        "The setting's value before; in the device table, devices to the left; of many people, the page before",
        |app, _, now, out| app.on_screen(Act::Previous, now, out),
    )
    .keys(&[(Context::List, &["h", "Left"])]),
    Command::new(
        "list-next",
        "The setting's next value; in the device table, devices to the right; of many people, the next page",
        |app, _, now, out| app.on_screen(Act::Next, now, out),
    )
    .keys(&[(Context::List, &["l", "Right"])]),
    Command::new(
        "list-choose",
        "Change the setting; take the row; go to the message; of many people, see those who lack it, or everybody",
        |app, _, now, out| app.on_screen(Act::Choose, now, out),
    )
    .keys(&[(Context::List, &["Enter", "Space"]), (Context::Picker, &["Enter"])]),
    // Not Enter: whoever presses it twice to send would agree to anything.
    Command::new("yes", "Yes, do it", |app, _, now, out| app.on_screen(Act::Choose, now, out))
        .keys(&[(Context::Confirm, &["y"])]),
    Command::new("no", "No, leave it", |app, _, now, out| app.on_screen(Act::Close, now, out))
        .keys(&[(Context::Confirm, &["n", "Esc", "q"])]),
];
