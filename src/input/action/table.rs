//! The table itself.

use super::{Action, ActionInfo, Context};
use crate::input::{Key, KeyCode};

const fn by_key(
    action: Action,
    name: &'static str,
    doc: &'static str,
    keys: &'static [(Context, &'static [Key])],
) -> ActionInfo {
    ActionInfo { action, name, doc, keys, command: None }
}

const fn by_command(action: Action, name: &'static str, argument: &'static str, doc: &'static str) -> ActionInfo {
    ActionInfo { action, name, doc, keys: &[], command: Some(argument) }
}

impl ActionInfo {
    const fn and_command(self, argument: &'static str) -> Self {
        Self { command: Some(argument), ..self }
    }
}

const ENTER: Key = Key::new(KeyCode::Enter);
const ESC: Key = Key::new(KeyCode::Esc);
const TAB: Key = Key::new(KeyCode::Tab);
const UP: Key = Key::new(KeyCode::Up);
const DOWN: Key = Key::new(KeyCode::Down);
const LEFT: Key = Key::new(KeyCode::Left);
const RIGHT: Key = Key::new(KeyCode::Right);
const HOME: Key = Key::new(KeyCode::Home);
const END: Key = Key::new(KeyCode::End);
const PAGE_UP: Key = Key::new(KeyCode::PageUp);
const PAGE_DOWN: Key = Key::new(KeyCode::PageDown);
const BACKSPACE: Key = Key::new(KeyCode::Backspace);
const DELETE: Key = Key::new(KeyCode::Delete);

const fn c(char: char) -> Key {
    Key::char(char)
}

/// Every action there is, in the order of the enum.
pub const ACTIONS: &[ActionInfo] = &[
    by_key(Action::Quit, "quit", "Quit; what is typed is kept", &[(Context::Global, &[c('q').ctrl(), c('c').ctrl()])])
        .and_command(""),
    by_key(Action::Suspend, "suspend", "Put kvitto to the background", &[(Context::Global, &[c('z').ctrl()])]),
    by_key(Action::Redraw, "redraw", "Draw the screen anew", &[(Context::Global, &[c('l').ctrl()])]),
    by_key(
        Action::Help,
        "help",
        "Show all keys and commands",
        &[(Context::Global, &[Key::new(KeyCode::F(1))]), (Context::Browse, &[c('?')])],
    )
    .and_command(""),
    by_key(Action::FocusNext, "focus-next", "Go to the next pane", &[(Context::Main, &[TAB])]),
    by_key(Action::FocusPrevious, "focus-previous", "Go to the previous pane", &[(Context::Main, &[TAB.shift()])]),
    by_key(Action::PreviousRoom, "previous-room", "Open the room above", &[(Context::Main, &[UP.alt()])]),
    by_key(Action::NextRoom, "next-room", "Open the room below", &[(Context::Main, &[DOWN.alt()])]),
    by_key(Action::NextUnread, "next-unread", "Open the next room with news", &[(Context::Main, &[c('a').alt()])]),
    by_key(
        Action::Undelivered,
        "undelivered",
        "Show your messages that not every device has, in all rooms",
        &[(Context::Browse, &[c('u')])],
    )
    .and_command(""),
    by_key(Action::Incognito, "incognito", "Go incognito, or end it", &[(Context::Main, &[c('o').ctrl()])])
        .and_command("[room]"),
    by_key(Action::CommandLine, "command-line", "Type a command", &[(Context::Browse, &[c(':')])]),
    by_key(Action::Reconnect, "reconnect", "Try to connect now, when offline", &[(Context::Browse, &[c('R')])]),
    by_key(
        Action::RoomUp,
        "room-up",
        "Select the room above",
        &[(Context::Rooms, &[c('k'), UP]), (Context::Filter, &[UP])],
    ),
    by_key(
        Action::RoomDown,
        "room-down",
        "Select the room below",
        &[(Context::Rooms, &[c('j'), DOWN]), (Context::Filter, &[DOWN])],
    ),
    by_key(Action::RoomFirst, "room-first", "Select the first room", &[(Context::Rooms, &[c('g'), HOME])]),
    by_key(Action::RoomLast, "room-last", "Select the last room", &[(Context::Rooms, &[c('G'), END])]),
    by_key(
        Action::RoomOpen,
        "room-open",
        "Open the selected room",
        &[(Context::Rooms, &[ENTER]), (Context::Filter, &[ENTER])],
    ),
    by_key(Action::Filter, "filter", "Show only rooms whose name contains …", &[(Context::Rooms, &[c('/')])]),
    by_key(
        Action::FilterClear,
        "filter-clear",
        "Show all rooms again",
        &[(Context::Rooms, &[ESC]), (Context::Filter, &[ESC])],
    ),
    by_key(
        Action::Accept,
        "accept",
        "Accept the invite; go on in the room that follows an upgraded one",
        &[(Context::Rooms, &[c('a')])],
    )
    .and_command(""),
    by_key(
        Action::Decline,
        "decline",
        "Decline the invite; put away a room that has ended",
        &[(Context::Rooms, &[c('x')])],
    )
    .and_command(""),
    by_key(
        Action::Take,
        "take",
        "Take what was not sent here along, into the next room that you open",
        &[(Context::Timeline, &[c('t')])],
    )
    .and_command(""),
    by_key(Action::SelectUp, "select-up", "Select the message above", &[(Context::Timeline, &[c('k'), UP])]),
    by_key(Action::SelectDown, "select-down", "Select the message below", &[(Context::Timeline, &[c('j'), DOWN])]),
    by_key(
        Action::PageUp,
        "page-up",
        "Scroll the timeline up by a page",
        &[(Context::Timeline, &[PAGE_UP, c('u').ctrl()]), (Context::Composer, &[PAGE_UP])],
    ),
    by_key(
        Action::PageDown,
        "page-down",
        "Scroll the timeline down by a page",
        &[(Context::Timeline, &[PAGE_DOWN, c('d').ctrl()]), (Context::Composer, &[PAGE_DOWN])],
    ),
    by_key(Action::Oldest, "oldest", "Go to the oldest message loaded", &[(Context::Timeline, &[c('g'), HOME])]),
    by_key(Action::Newest, "newest", "Go to the newest message", &[(Context::Timeline, &[c('G'), END])]),
    by_key(
        Action::Inspect,
        "inspect",
        "Show who received this message, device by device",
        &[(Context::Timeline, &[c('i')])],
    ),
    by_key(Action::Devices, "devices", "Show the last messages against devices", &[(Context::Timeline, &[c('m')])])
        .and_command(""),
    by_key(Action::Retry, "retry", "Send this failed message again", &[(Context::Timeline, &[c('r')])]),
    by_key(Action::Discard, "discard", "Throw this unsent message away", &[(Context::Timeline, &[c('d')])]),
    by_key(Action::Edit, "edit", "Edit this message of yours", &[(Context::Timeline, &[c('e')])]),
    by_key(Action::Redact, "redact", "Remove this message for everyone", &[(Context::Timeline, &[c('x')])]),
    by_key(Action::Compose, "compose", "Write a message", &[(Context::Timeline, &[ENTER, c('c')])]),
    by_key(
        Action::LeaveTimeline,
        "leave-timeline",
        "Back to the newest message, then to the rooms",
        &[(Context::Timeline, &[ESC])],
    ),
    by_key(Action::Send, "send", "Send what is typed, or save the edit", &[(Context::Composer, &[ENTER])]),
    // The first is what hints show: xterm as it comes keeps Alt-Enter for itself, and Shift-Enter is Enter in most terminals.
    by_key(
        Action::Newline,
        "newline",
        "Begin a new line",
        &[(Context::Composer, &[c('j').ctrl(), ENTER.alt(), ENTER.shift()])],
    ),
    by_key(Action::LeaveComposer, "leave-composer", "Stop editing; go to the timeline", &[(Context::Composer, &[ESC])]),
    by_key(Action::RunCommand, "run-command", "Run the command", &[(Context::CommandLine, &[ENTER])]),
    by_key(Action::CloseCommandLine, "close-command-line", "Close the command line", &[(Context::CommandLine, &[ESC])]),
    by_key(Action::Complete, "complete", "Complete the command's name", &[(Context::CommandName, &[TAB])]),
    by_key(Action::CursorLeft, "cursor-left", "Left by a character", &[(Context::Edit, &[LEFT, c('b').ctrl()])]),
    by_key(Action::CursorRight, "cursor-right", "Right by a character", &[(Context::Edit, &[RIGHT, c('f').ctrl()])]),
    by_key(
        Action::WordLeft,
        "word-left",
        "Left by a word",
        &[(Context::Edit, &[LEFT.ctrl(), LEFT.alt(), c('b').alt()])],
    ),
    by_key(
        Action::WordRight,
        "word-right",
        "Right by a word",
        &[(Context::Edit, &[RIGHT.ctrl(), RIGHT.alt(), c('f').alt()])],
    ),
    by_key(Action::LineStart, "line-start", "To the line's start", &[(Context::Edit, &[HOME, c('a').ctrl()])]),
    by_key(Action::LineEnd, "line-end", "To the line's end", &[(Context::Edit, &[END, c('e').ctrl()])]),
    by_key(Action::CursorUp, "cursor-up", "Up by a line", &[(Context::Composer, &[UP])]),
    by_key(Action::CursorDown, "cursor-down", "Down by a line", &[(Context::Composer, &[DOWN])]),
    by_key(
        Action::DeleteBack,
        "delete-back",
        "Delete the character before the cursor",
        &[(Context::Edit, &[BACKSPACE, BACKSPACE.shift(), c('h').ctrl()])],
    ),
    by_key(
        Action::DeleteForward,
        "delete-forward",
        "Delete the character at the cursor",
        &[(Context::Edit, &[DELETE, c('d').ctrl()])],
    ),
    by_key(
        Action::DeleteWord,
        "delete-word",
        "Delete the word before the cursor",
        &[(Context::Edit, &[c('w').ctrl(), BACKSPACE.alt(), BACKSPACE.ctrl()])],
    ),
    by_key(
        Action::DeleteToLineStart,
        "delete-to-line-start",
        "Delete to the line's start",
        &[(Context::Edit, &[c('u').ctrl()])],
    ),
    by_key(
        Action::DeleteToLineEnd,
        "delete-to-line-end",
        "Delete to the line's end",
        &[(Context::Edit, &[c('k').ctrl()])],
    ),
    by_key(Action::FieldNext, "field-next", "Go to the next field", &[(Context::Login, &[TAB, DOWN])]),
    by_key(
        Action::FieldPrevious,
        "field-previous",
        "Go to the previous field",
        &[(Context::Login, &[TAB.shift(), UP])],
    ),
    by_key(Action::LoginSubmit, "login-submit", "Go on", &[(Context::Login, &[ENTER])]),
    by_key(Action::LoginCancel, "login-cancel", "Stop logging in", &[(Context::Login, &[ESC])]),
    by_key(
        Action::LoginCopy,
        "login-copy",
        "Copy the address of the login page",
        &[(Context::Login, &[c('y').ctrl()])],
    ),
    by_key(
        Action::TryDemo,
        "try-demo",
        "Try the demo, without an account",
        &[(Context::Login, &[Key::new(KeyCode::F(2))])],
    ),
    by_key(Action::PopupUp, "popup-up", "Scroll up", &[(Context::Popup, &[c('k'), UP])]),
    by_key(Action::PopupDown, "popup-down", "Scroll down", &[(Context::Popup, &[c('j'), DOWN])]),
    by_key(Action::PopupPageUp, "popup-page-up", "Scroll up by a page", &[(Context::Popup, &[PAGE_UP, c('u').ctrl()])]),
    by_key(
        Action::PopupPageDown,
        "popup-page-down",
        "Scroll down by a page",
        &[(Context::Popup, &[PAGE_DOWN, c('d').ctrl(), c(' ')])],
    ),
    by_key(Action::PopupClose, "popup-close", "Close", &[(Context::Popup, &[ESC, c('q'), c('i'), c('?'), ENTER])]),
    by_key(Action::ListUp, "list-up", "Select the row above", &[(Context::List, &[c('k'), UP])]),
    by_key(Action::ListDown, "list-down", "Select the row below", &[(Context::List, &[c('j'), DOWN])]),
    by_key(
        Action::ListPrevious,
        "list-previous",
        "The setting's value before; in the device table, devices to the left; of many people, the page before",
        &[(Context::List, &[c('h'), LEFT])],
    ),
    by_key(
        Action::ListNext,
        "list-next",
        "The setting's next value; in the device table, devices to the right; of many people, the next page",
        &[(Context::List, &[c('l'), RIGHT])],
    ),
    by_key(
        Action::ListChoose,
        "list-choose",
        "Change the setting; go to the message; of many people, see those who lack it, or everybody",
        &[(Context::List, &[ENTER, c(' ')])],
    ),
    // Not Enter: whoever presses it twice to send would agree to anything.
    by_key(Action::Yes, "yes", "Yes, do it", &[(Context::Confirm, &[c('y')])]),
    by_key(Action::No, "no", "No, leave it", &[(Context::Confirm, &[c('n'), ESC, c('q')])]),
    by_command(Action::DirectChat, "dm", "@user:server", "Open or start the direct chat with this person"),
    by_command(Action::Create, "create", "NAME", "Create an encrypted, private room"),
    by_command(Action::Join, "join", "#alias:server", "Join a room by its alias or id"),
    by_command(Action::Leave, "leave", "", "Leave this room, or put it away when it has ended"),
    by_command(Action::Invite, "invite", "@user:server", "Invite this person into this room"),
    by_command(
        Action::Receipts,
        "receipts",
        "[auto|on|off|@user:server WHO]",
        "Set whether receipts are sent in this room, or to this person; alone: see and change all about them",
    ),
    by_command(
        Action::Log,
        "log",
        "receipts [clear]",
        "Show what your receipts told to whom, and what was withheld; clear: forget it",
    ),
    by_command(Action::Rekey, "rekey", "", "Give the next message in this room a new key, sent to every device"),
    by_command(Action::Me, "me", "TEXT", "Say what you do"),
    by_command(Action::Logout, "logout", "", "Log out and remove this account's data from this machine"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_has_every_action_once_and_in_order() {
        for (index, info) in ACTIONS.iter().enumerate() {
            assert_eq!(info.action as usize, index, "{:?} is out of place", info.action);
        }
        assert_eq!(ACTIONS.len(), Action::Logout as usize + 1, "Logout is the enum's last variant");
    }

    #[test]
    fn every_action_is_documented_and_named_in_one_way() {
        let mut names = BTreeSet::new();
        for info in ACTIONS {
            assert!(info.doc.len() > 1 && !info.doc.ends_with('.'), "{:?}: {:?}", info.action, info.doc);
            assert!(info.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{:?}", info.name);
            assert!(names.insert(info.name), "{:?} is named twice", info.name);
        }
    }

    #[test]
    fn every_action_is_reachable_by_key_or_command() {
        for info in ACTIONS {
            let keys: usize = info.keys.iter().map(|(_, keys)| keys.len()).sum();
            assert!(keys > 0 || info.command.is_some(), "{:?}", info.action);
            if info.command.is_some() {
                assert_eq!(Action::from_command(info.name), Some(info.action));
            }
        }
        assert_eq!(Action::from_command("send"), None, "an action without a command has no command name");
    }

    #[test]
    fn no_key_means_two_things_in_one_context() {
        let mut seen = BTreeSet::new();
        for info in ACTIONS {
            for (context, keys) in info.keys {
                for key in *keys {
                    assert!(seen.insert((*context, *key)), "{key} in {context:?} is bound twice");
                }
            }
        }
    }

    #[test]
    fn no_typed_character_is_a_key_where_text_is_typed() {
        for info in ACTIONS {
            for (context, keys) in info.keys {
                let typing = matches!(
                    context,
                    Context::Global
                        | Context::Main
                        | Context::Composer
                        | Context::CommandLine
                        | Context::Edit
                        | Context::Login
                        | Context::Filter
                );
                assert!(!typing || keys.iter().all(|key| key.typed().is_none()), "{:?} in {context:?}", info.action);
            }
        }
    }

    #[test]
    fn every_context_has_a_key_and_is_listed() {
        let bound: BTreeSet<Context> = ACTIONS.iter().flat_map(|info| info.keys.iter().map(|(c, _)| *c)).collect();
        assert_eq!(bound, Context::ALL.into_iter().collect());
    }

    /// As the README has them: a row for each command, and for each action with a key in each context.
    fn readme_rows() -> Vec<String> {
        let commands = ACTIONS.iter().filter_map(|info| {
            let typed = format!("{} {}", info.name, info.command?);
            Some(format!("| `/{}` | {} |", typed.trim_end().replace('|', "\\|"), info.doc))
        });
        let keys = Context::ALL.into_iter().flat_map(|context| {
            ACTIONS.iter().filter_map(move |info| {
                let (_, keys) = info.keys.iter().find(|(at, _)| *at == context)?;
                let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
                Some(format!("| {} | {} | {} |", context.title(), keys.join(", "), info.doc))
            })
        });
        commands.chain(keys).collect()
    }

    #[test]
    fn the_readme_has_every_command_and_key() {
        let readme: Vec<_> = include_str!("../../../README.md").lines().collect();
        let missing: Vec<_> = readme_rows().into_iter().filter(|row| !readme.contains(&row.as_str())).collect();
        assert!(missing.is_empty(), "the README lacks\n{}", missing.join("\n"));
    }
}
