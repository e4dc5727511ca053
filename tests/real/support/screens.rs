//! What a person does on kvitto's screens, told once for all who need to get past them.

use super::{
    server::Account,
    terminal::{Terminal, text},
};

/// Waits until the login screen stands there.
pub fn wait_for_login(terminal: &Terminal) {
    terminal
        .wait_for("the login screen", |screen| screen.alternate_screen() && screen.contents().contains("Homeserver"));
}

/// Waits for the login screen and fills in everything; Enter is left to the caller.
pub fn fill_in_login(terminal: &Terminal, homeserver: &str, account: &Account) {
    wait_for_login(terminal);
    terminal.type_text(homeserver);
    terminal.key("tab");
    terminal.type_text(&account.name);
    terminal.key("tab");
    terminal.type_text(&account.password);
}

/// Waits until a room of this name is in the list, opens the first one that is there, and waits for
/// its composer.
pub fn open_first_room(terminal: &Terminal, name: &str) {
    terminal.wait_for_text(name);
    terminal.key("enter");
    wait_for_composer(terminal, name);
}

/// Accepts the selected invite.
pub fn accept(terminal: &Terminal) {
    terminal.type_text("a");
    terminal.wait_for_text("y yes");
    terminal.type_text("y");
}

/// Waits until a room is open and nothing is typed in it.
pub fn wait_for_composer(terminal: &Terminal, name: &str) {
    terminal.wait_for_text(&format!("> Message {name}"));
}

/// Types a line into the composer and sends it.
pub fn say(terminal: &Terminal, line: &str) {
    terminal.type_text(line);
    terminal.wait_for_text(&format!("> {line}"));
    terminal.key("enter");
}

/// Goes from the composer to the timeline. The cursor alone does not say that this was done: it is
/// hidden while a frame is drawn too, and a key right behind Esc would be read as one with Alt.
pub fn leave_composer(terminal: &Terminal) {
    terminal.key("esc");
    terminal.wait_for("the timeline's keys", |screen| screen.hide_cursor() && !text(screen).contains("Enter send"));
}

/// Waits until a message's row ends in this delivery mark, read by everyone or not: of a message
/// that is sent while the first sync comes in, the SDK can believe that it was read.
pub fn wait_for_mark(terminal: &Terminal, message: &str, mark: &str) {
    terminal.wait_for(&format!("{message:?} with {mark}"), |screen| {
        let rows = text(screen);
        let row = rows.lines().find(|row| row.contains(message));
        row.and_then(|row| row.rsplit(' ').next()).is_some_and(|last| last.trim_end_matches('✔') == mark)
    });
}
