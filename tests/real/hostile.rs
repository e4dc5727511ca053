//! Text that was written to harm a terminal, from a stranger's device over a real room into the
//! real program: it is text on the screen, and the screen, the title, the clipboard and the cursor
//! stay kvitto's.

use kvitto::client::request::RoomsRequest;
use serde_json::json;

use crate::{
    delivery::text,
    person::{Person, at_once},
    support::{
        screens, synapse,
        terminal::{self, Manners, Terminal},
    },
};

const COLS: u16 = 120;
const ROWS: u16 = 40;
/// The composer's row, above the status line.
const COMPOSER: u16 = ROWS - 2;

/// For names, which servers keep short: title, clipboard, cursor, bidi, line breaks, invisible
/// characters.
const NAME: &str =
    "\x1b]0;pwned\x07\x1b]52;c;cHduZWQ=\x07\u{9b}2J\x1b[1;1H\u{202e}Mal\r\nlo\u{200b}ry\u{2028}\x1b[?1049l";
/// What is to be seen of it.
const SEEN_NAME: &str = "\u{FFFD}]0;pwned\u{FFFD}";

/// What bodies hold, and what is to be seen of it.
fn bodies() -> [(String, &'static str); 9] {
    [
        ("title \x1b]0;pwned\x07\x1b]2;pwned\x1b\\".to_owned(), "title \u{FFFD}]0;pwned\u{FFFD}]2;pwned\u{FFFD}\\"),
        ("clipboard \x1b]52;c;cHduZWQ=\x07".to_owned(), "clipboard \u{FFFD}]52;c;cHduZWQ=\u{FFFD}"),
        ("moves \x1b[1;1Hpwned\x1b[2J\x1b[?1049l\x1b[?25l\x1bc".to_owned(), "moves \u{FFFD}[1;1Hpwned\u{FFFD}[2J"),
        ("c1 \u{9b}2J\u{9b}1;1H\u{9d}0;pwned\u{9c}\u{90}".to_owned(), "c1 \u{FFFD}2J\u{FFFD}1;1H\u{FFFD}0;pwned"),
        ("bidi \u{202e}pwned\u{2066}\u{202d}\u{2069} end".to_owned(), "bidi pwned end"),
        ("backspaces pwned\u{8}\u{8}\rback\u{7f}\u{c}".to_owned(), "backspaces pwned\u{FFFD}"),
        (format!("marks e{} end", "\u{301}".repeat(10_000)), "marks "),
        (format!("flood {}end", "\u{200b}\u{200d}\u{feff}".repeat(5_000)), "flood end"),
        (format!("long {}", "x".repeat(60 * 1024)), "xxxxxxxx"),
    ]
}

/// Whether all lines between the parts of the main screen stand, with the room list as wide as it
/// was, and the cursor is in the empty composer.
fn stands(screen: &vt100::Screen, divider: u16) -> bool {
    let cell = |row, col| screen.cell(row, col).map_or("", vt100::Cell::contents);
    (0..=COMPOSER).all(|row| matches!(cell(row, divider), "│" | "┼" | "├"))
        && (0..COLS).all(|col| col == divider || cell(1, col) == "─")
        && (divider + 1..COLS).all(|col| cell(COMPOSER - 1, col) == "─")
        && screen.cursor_position() == (COMPOSER, divider + 3)
        && !screen.hide_cursor()
        && screen.alternate_screen()
}

/// Whether a popup's frame is closed, and its sides stand in two columns.
fn popup_stands(screen: &vt100::Screen) -> bool {
    let cell = |row, col| screen.cell(row, col).map_or("", vt100::Cell::contents);
    let find = |corner| (0..ROWS).find_map(|row| (0..COLS).find(|col| cell(row, *col) == corner).map(|col| (row, col)));
    let (Some((top, left)), Some((bottom, right))) = (find("╭"), find("╯")) else { return false };
    cell(top, right) == "╮"
        && cell(bottom, left) == "╰"
        && (top + 1..bottom).all(|row| cell(row, left) == "│" && cell(row, right) == "│")
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_is_only_text() {
    let server = synapse::shared();
    let (mallory, victim) = (server.register("mallory"), server.register("victim"));
    let token = &server.login_raw(&mallory).token;
    let path = format!("/_matrix/client/v3/profile/{}/displayname", mallory.user_id);
    assert_eq!(server.raw("PUT", &path, Some(token), &json!({ "displayname": NAME })).0, 200);
    let mut attacker = Person::log_in(&server.base_url, &mallory, NAME, at_once()).await;
    let victim_away = Person::log_in(&server.base_url, &victim, "desk", at_once()).await.quit().await;

    let terminal = victim_away.on_screen();
    terminal.wait_for_text("No rooms yet.");
    let heading = terminal.screen_text();
    let divider = heading.chars().position(|sign| sign == '│').expect("the room list ends somewhere");
    let divider = u16::try_from(divider).expect("a column");
    let sees = |what: &str| {
        terminal.wait_for(&format!("{what:?} in a whole frame with its divider in column {divider}"), |screen| {
            terminal::text(screen).contains(what) && stands(screen, divider)
        });
    };

    // The name of the room and of whoever invites; then the same person's messages.
    attacker.run(RoomsRequest::DirectChat(victim.user_id.clone()));
    let room = attacker.room("the chat", |room| room.direct && room.encrypted).await;
    terminal.wait_for_text("invite");
    screens::accept(&terminal);
    sees(&format!("> Message {SEEN_NAME}"));
    for (number, (body, seen)) in bodies().into_iter().enumerate() {
        server.send(token, &room, "m.room.message", &text(&body));
        server.send(token, &room, "m.room.message", &text(&format!("after body {number}")));
        sees(&format!("after body {number}"));
        sees(seen);
    }

    // Other places for text.
    let html = json!({
        "msgtype": "m.text", "body": "plain", "format": "org.matrix.custom.html",
        "formatted_body": "<b>html \x1b]0;pwned\x07</b> &#27;]0;pwned&#7; <a href=\"\x1b]0;pwned\x07\">link</a>",
    });
    server.send(token, &room, "m.room.message", &html);
    sees("html \u{FFFD}]0;pwned\u{FFFD} \u{FFFD}]0;pwned\u{FFFD}");
    let file = json!({
        "msgtype": "m.file", "body": NAME, "filename": NAME, "url": "mxc://kvitto.test/none",
        "info": { "size": 7, "mimetype": NAME },
    });
    server.send(token, &room, "m.room.message", &file);
    sees(&format!("{SEEN_NAME}]52;c;cHduZWQ=\u{FFFD}2J\u{FFFD}[1;1HMal lory \u{FFFD}[?1049l  7 B"));
    server.send(token, &room, "m.room.message", &json!({ "msgtype": NAME, "body": NAME }));
    server.put_state(token, &room, "m.room.name", &json!({ "name": format!("room {NAME}") }));
    sees(&format!("> Message room {SEEN_NAME}"));
    server.put_state(token, &room, "m.room.topic", &json!({ "topic": format!("topic {NAME}") }));
    sees(&format!("topic {SEEN_NAME}"));
    let create = json!({ "name": NAME, "topic": NAME, "invite": [victim.user_id] });
    server.create_room(token, &create);
    sees("invite");

    // The device's name.
    screens::say(&terminal, "which devices?");
    screens::wait_for_mark(&terminal, "which devices?", "●");
    screens::leave_composer(&terminal);
    terminal.type_text("i");
    let device = attacker.device();
    terminal.wait_for("the device in a whole inspector", |screen| {
        let rows = terminal::text(screen);
        let row = rows.lines().find(|row| row.contains(&device));
        row.is_some_and(|row| row.contains(SEEN_NAME)) && popup_stands(screen)
    });
    nothing_got_through(&terminal);
}

/// Looks at every byte that was written.
fn nothing_got_through(terminal: &Terminal) {
    assert!(terminal.manners() == Manners::default(), "{:?}", terminal.manners());
    let written = terminal.raw_bytes();
    let written = String::from_utf8_lossy(&written);
    for never in
        ["\x1b]", "\x1bc", "\x07", "\x08", "\x7f", "\u{9b}", "\u{9d}", "\u{90}", "\u{202e}", "\u{2066}", "\u{200b}"]
    {
        assert!(!written.contains(never), "{never:?} was written");
    }
    assert!(!written.contains("\x1b[?1049l"), "the alternate screen was left");
}
