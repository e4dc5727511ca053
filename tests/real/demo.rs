//! `kvitto demo`, as somebody sees it who has just cloned the repository: no account, no Synapse,
//! no network.

use std::fs;

use crate::{
    support::{
        screens,
        terminal::{Terminal, text},
    },
    terminal::{assert_restored, shell_around},
};

/// Waits until the tour is open.
fn wait_for_tour(terminal: &Terminal) {
    screens::wait_for_composer(terminal, "Ada Lovelace");
}

/// Opens the room of this name, from the composer.
fn go_to(terminal: &Terminal, room: &str) {
    screens::leave_composer(terminal);
    terminal.key("backtab");
    terminal.type_text(&format!("/{room}"));
    terminal.key("enter");
    screens::wait_for_composer(terminal, room);
}

/// Waits until a message of one row ends in this mark, read by everyone or not. It stands in the
/// message's last row: that of its reactions, which are indented, when they have come.
fn wait_for_mark(terminal: &Terminal, message: &str, mark: &str) {
    terminal.wait_for(&format!("{message:?} with {mark}"), |screen| {
        let rows = text(screen);
        let is_it = |row: &str| format!("{} ", row.trim_end()).contains(&format!("│  {message} "));
        let mut rows = rows.lines().skip_while(|row| !is_it(row)).map(str::trim_end);
        let (first, second) = (rows.next(), rows.next());
        let last = second.filter(|row| row.contains("│   ")).or(first);
        last.is_some_and(|row| row.trim_end_matches('✔').ends_with(&format!(" {mark}")))
    });
}

/// What is selected in the timeline, which stands right of the room list.
fn selected(screen: &vt100::Screen) -> String {
    let rows = text(screen);
    let rows = rows.lines().filter_map(|row| row.split_once('│')).map(|(_, row)| row.trim());
    rows.filter(|row| row.starts_with('▌')).collect::<Vec<_>>().join("\n")
}

/// Goes up from the newest message to this one and opens the inspector, from the composer. Others
/// may speak meanwhile.
fn inspect(terminal: &Terminal, message: &str) {
    screens::leave_composer(terminal);
    let mut at = String::new();
    while !at.contains(message) {
        terminal.key("up");
        terminal.wait_for(&format!("{message:?} further up than {at:?}"), |screen| {
            let now = selected(screen);
            !now.is_empty() && now != at
        });
        at = terminal.with_screen(selected);
    }
    terminal.type_text("i");
}

/// Closes the inspector and goes back to the composer.
fn close_inspector(terminal: &Terminal, shown: &str) {
    terminal.key("esc");
    terminal.wait_for("the closed inspector", |screen| !text(screen).contains(shown));
    terminal.type_text("c");
    terminal.wait_for("the composer's cursor", |screen| !screen.hide_cursor());
}

#[test]
fn each_device_of_the_demos_people_ticks_in_its_own_way() {
    let terminal = shell_around("demo", 120, 40);
    terminal.wait_for_text("The demo: a homeserver, and people to talk to");
    wait_for_tour(&terminal);
    terminal.wait_for_text("● demo");
    terminal.wait_for_text("Write me a line");

    screens::say(&terminal, "hello Ada");
    wait_for_mark(&terminal, "hello Ada", "●●");
    inspect(&terminal, "hello Ada");
    terminal.wait_for_text("2 of 2 devices that were given the key when it was sent have it.");
    for device in ["● Ada's phone", "● Ada's laptop", ", native"] {
        terminal.wait_for_text(device);
    }
    close_inspector(&terminal, "2 of 2 devices");

    go_to(&terminal, "Grace Hopper");
    screens::say(&terminal, "hello Grace");
    wait_for_mark(&terminal, "hello Grace", "●○");
    terminal.wait_for_text("Write another line and I switch the tablet on");
    screens::say(&terminal, "tablet please");
    for line in ["tablet please", "hello Grace"] {
        wait_for_mark(&terminal, line, "●●");
    }

    go_to(&terminal, "Linus");
    screens::say(&terminal, "hello Linus");
    wait_for_mark(&terminal, "hello Linus", "×");
    inspect(&terminal, "hello Linus");
    terminal.wait_for_text("could not decrypt it");
    terminal.wait_for_text("× Linus's laptop");
    close_inspector(&terminal, "could not decrypt it");

    go_to(&terminal, "Night train");
    terminal.wait_for_text("Hello? Is anybody there? (edited)");
    inspect(&terminal, "Hello? Is anybody there?");
    terminal.wait_for_text("You had not been in contact with the sender. (P7)");
}

#[test]
fn the_society_counts_everybody_but_linus() {
    let terminal = shell_around("demo", 120, 40);
    wait_for_tour(&terminal);
    terminal.wait_for_text("Analytical Society");
    go_to(&terminal, "Analytical Society");
    terminal.wait_for_text("41 members");
    terminal.wait_for_text("We are forty here.");
    screens::say(&terminal, "hello all");
    // Of forty people two have two devices; one of these is off, and one device of all cannot
    // decrypt.
    wait_for_mark(&terminal, "hello all", "✓ 40/42 ×1");
}

#[test]
fn nothing_is_left_of_the_demo() {
    for end in [|terminal: &Terminal| terminal.key("ctrl-q"), |terminal: &Terminal| terminal.signal("TERM")] {
        let terminal = shell_around("demo", 80, 24);
        wait_for_tour(&terminal);
        assert_eq!(traces(&terminal), 1, "its folder is in the system's folder for temporary files");
        end(&terminal);
        assert_restored(&terminal);
        assert_eq!(traces(&terminal), 0);
        assert_eq!(fs::read_to_string(terminal.home().join("status")).unwrap(), "0\n");
        for place in [".config", ".local"] {
            assert!(!terminal.home().join(place).exists(), "{place}");
        }
    }
}

/// Temporary folders of kvitto's that are there.
fn traces(terminal: &Terminal) -> usize {
    let entries = fs::read_dir(terminal.home()).expect("the home folder is there");
    let names = entries.map(|entry| entry.expect("it can be listed").file_name());
    names.filter(|name| name.to_string_lossy().starts_with("kvitto-")).count()
}

#[test]
fn the_login_screen_leads_to_the_demo_too() {
    let terminal = Terminal::start(&[], 80, 24);
    screens::wait_for_login(&terminal);
    terminal.wait_for_text("F2 tries kvitto");
    terminal.key("f2");
    wait_for_tour(&terminal);
    terminal.key("ctrl-q");
    terminal.wait_for("the shell's screen", |screen| !screen.alternate_screen());
}
