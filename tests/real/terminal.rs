//! The program and its terminal: what a person's shell looks like after kvitto, however kvitto came
//! to stop.

use std::{collections::BTreeMap, fs};

use crate::support::{
    screens,
    terminal::{Manners, Terminal, text},
};

const COLS: u16 = 80;
const ROWS: u16 = 24;

/// A shell that runs kvitto between two looks at the terminal's settings, and that goes on once
/// kvitto stopped.
fn shell() -> Terminal {
    let terminal = shell_around("", COLS, ROWS);
    screens::wait_for_login(&terminal);
    assert!(terminal.manners() == Manners::default(), "{:?}", terminal.manners());
    terminal
}

/// The same around kvitto with arguments; its exit status is kept in `status`.
pub fn shell_around(arguments: &str, cols: u16, rows: u16) -> Terminal {
    let script = r#"
        echo "before kvitto"; stty -a > before
        "$KVITTO" ARGUMENTS
        echo $? > status; stty -a > stopped; echo "after kvitto"
        read -r answer; [ "$answer" = fg ] && fg; stty -a > after; echo "shell done""#;
    Terminal::script(&script.replace("ARGUMENTS", arguments), cols, rows)
}

/// The DEC private modes that are not as a terminal has them to begin with.
fn changed_modes(written: &[u8]) -> Vec<String> {
    let written = String::from_utf8_lossy(written);
    let mut modes = BTreeMap::new();
    for sequence in written.split("\x1b[?").skip(1) {
        let end = sequence.find(|letter: char| !letter.is_ascii_digit() && letter != ';').unwrap_or(sequence.len());
        let set = match &sequence[end..].chars().next() {
            Some('h') => true,
            Some('l') => false,
            _ => continue,
        };
        modes.extend(sequence[..end].split(';').map(|mode| (mode.to_owned(), set)));
    }
    // A shown cursor (25) and lines that wrap (7) are set to begin with, everything else is not.
    modes.into_iter().filter(|(mode, set)| *set != (mode == "25" || mode == "7")).map(|(mode, _)| mode).collect()
}

/// Waits until the shell goes on, and looks at how kvitto left the terminal.
#[track_caller]
pub fn assert_restored(terminal: &Terminal) {
    // Between the two lines some shells say that their job was stopped.
    terminal.wait_for("the shell's screen, with what stood there", |screen| {
        let text = text(screen);
        !screen.alternate_screen() && text.starts_with("before kvitto\n") && text.ends_with("\nafter kvitto")
    });
    let written = terminal.raw_bytes();
    assert_eq!(changed_modes(&written), [""; 0]);
    let count = |start: &str| String::from_utf8_lossy(&written).matches(start).count();
    assert_eq!(count("\x1b[>"), count("\x1b[<"), "keyboard modes that were pushed and popped");
    assert!(terminal.manners() == Manners::default(), "{:?}", terminal.manners());
    let settings = |when: &str| fs::read_to_string(terminal.home().join(when)).unwrap_or_default();
    assert!(settings("before").contains("speed"), "{}", settings("before"));
    assert_eq!(settings("stopped"), settings("before"));
}

#[test]
fn quitting_gives_the_terminal_back() {
    let terminal = shell();
    terminal.key("ctrl-q");
    assert_restored(&terminal);
}

#[test]
fn sigterm_gives_the_terminal_back() {
    let terminal = shell();
    terminal.signal("TERM");
    assert_restored(&terminal);
}

#[test]
fn sighup_gives_the_terminal_back() {
    let terminal = shell();
    terminal.signal("HUP");
    assert_restored(&terminal);
}

#[test]
fn suspending_by_key_gives_the_terminal_back_and_resuming_takes_it_again() {
    check_suspend(|terminal| terminal.key("ctrl-z"));
}

#[test]
fn suspending_by_signal_gives_the_terminal_back_and_resuming_takes_it_again() {
    check_suspend(|terminal| terminal.signal("TSTP"));
}

fn check_suspend(suspend: fn(&Terminal)) {
    let mut terminal = shell();
    terminal.type_text("typed before");
    terminal.wait_for_text("typed before");
    let screen = terminal.screen_text();
    suspend(&terminal);
    assert_restored(&terminal);

    terminal.type_text("fg\r");
    terminal.wait_for("the same screen again", |now| now.alternate_screen() && text(now) == screen);
    terminal.key("ctrl-q");
    terminal.wait_for_text("shell done");
    assert!(terminal.wait_exit().success());
    let settings = |when: &str| fs::read_to_string(terminal.home().join(when)).unwrap_or_default();
    assert_eq!(settings("after"), settings("before"));
    assert_eq!(changed_modes(&terminal.raw_bytes()), [""; 0]);
}

#[test]
fn resizing_draws_the_screen_as_a_start_in_that_size_would() {
    let expected = {
        let small = Terminal::start(&[], 60, 20);
        screens::wait_for_login(&small);
        small.screen_text()
    };
    let terminal = Terminal::start(&[], 200, 60);
    screens::wait_for_login(&terminal);
    terminal.resize(60, 20);
    terminal.wait_for(&format!("the login screen in 60 columns:\n{expected}"), |screen| text(screen) == expected);
}

#[test]
fn quitting_is_a_success_for_the_shell() {
    let mut terminal = Terminal::start(&[], COLS, ROWS);
    screens::wait_for_login(&terminal);
    terminal.key("ctrl-q");
    assert!(terminal.wait_exit().success());
}
