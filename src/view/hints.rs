//! Keys, as hints.
//!
//! A hint is never written by hand: the key comes from the keymap in force, and an action without a key there has no
//! hint.

use ratatui::text::Span;

use super::{
    theme::{Role, Theme},
    wrap,
};
use crate::{
    app::{App, Focus, Screen, event::Connection, inspector::Popup, login::LoginState, people::People},
    input::{Action, Key},
    model::{Membership, PeopleFilter, SendState},
};

/// The key that does this where the user is now.
pub fn key(app: &App, action: Action) -> Option<Key> {
    app.keymap.hint(app.contexts(), action)
}

/// As many hints for where the user is as fit into so many columns, the most important first.
pub fn line(app: &App, theme: Theme, columns: u16) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let mut left = columns;
    for (action, word) in wanted(app) {
        let Some(key) = key(app, action) else { continue };
        let (key, word) = (key.to_string(), format!(" {word}"));
        let gap = if spans.is_empty() { 0 } else { 2 };
        let wide = gap + wrap::width(&key) + wrap::width(&word);
        if wide > left {
            break;
        }
        left -= wide;
        spans.push(Span::raw(" ".repeat(usize::from(gap))));
        spans.push(Span::styled(key, theme.role(Role::Key)));
        spans.push(Span::styled(word, theme.role(Role::Dim)));
    }
    spans
}

fn wanted(app: &App) -> Vec<(Action, &'static str)> {
    match (&app.popup, &app.screen) {
        (Some(Popup::Confirm { .. }), _) => vec![(Action::Yes, "yes"), (Action::No, "no")],
        (Some(Popup::Undelivered { .. }), _) => vec![
            (Action::ListChoose, "go there"),
            (Action::ListDown, "down"),
            (Action::ListUp, "up"),
            (Action::PopupClose, "close"),
        ],
        (Some(Popup::DeviceTable { .. }), _) => {
            vec![(Action::PopupClose, "close"), (Action::ListDown, "down"), (Action::ListUp, "up")]
        }
        (Some(Popup::Receipts(_)), _) => vec![
            (Action::ListPrevious, "value before"),
            (Action::ListNext, "next value"),
            (Action::PopupClose, "close"),
            (Action::ListDown, "down"),
            (Action::ListUp, "up"),
        ],
        (Some(Popup::Inspector { people, .. }), _) if app.of_many().is_some() => many(people),
        (Some(_), _) => vec![(Action::PopupClose, "close"), (Action::PopupDown, "down"), (Action::PopupUp, "up")],
        (None, Screen::Starting) => vec![(Action::Quit, "quit")],
        (None, Screen::Login(login)) => match login.state {
            LoginState::Idle => vec![
                (Action::LoginSubmit, "go on"),
                (Action::TryDemo, "demo"),
                (Action::FieldNext, "next field"),
                (Action::Help, "help"),
                (Action::Quit, "quit"),
            ],
            LoginState::Browser { url: Some(_) } => {
                vec![(Action::LoginCopy, "copy address"), (Action::LoginCancel, "stop"), (Action::Quit, "quit")]
            }
            _ => vec![(Action::LoginCancel, "stop"), (Action::Quit, "quit")],
        },
        (None, Screen::Main) if app.command_line.is_some() => {
            vec![(Action::RunCommand, "run"), (Action::Complete, "complete"), (Action::CloseCommandLine, "close")]
        }
        (None, Screen::Main) => main(app),
    }
}

/// In the inspector of a message to many.
fn many(people: &People) -> Vec<(Action, &'static str)> {
    let others = match people.filter {
        PeopleFilter::Missing => "everybody",
        PeopleFilter::Everybody => "who lacks it",
    };
    let mut wanted = vec![(Action::ListChoose, others)];
    wanted.extend((people.number() < people.pages()).then_some((Action::ListNext, "next page")));
    wanted.extend((people.number() > 1).then_some((Action::ListPrevious, "page before")));
    wanted.extend([(Action::PopupClose, "close"), (Action::ListDown, "down"), (Action::ListUp, "up")]);
    wanted
}

fn main(app: &App) -> Vec<(Action, &'static str)> {
    let mut wanted = Vec::new();
    if matches!(app.connection, Connection::Offline(_)) {
        wanted.push((Action::Reconnect, "try again"));
    }
    match app.focus {
        Focus::Rooms if app.rooms.filter.is_some() => {
            wanted.extend([(Action::RoomOpen, "open"), (Action::FilterClear, "all rooms")]);
        }
        Focus::Rooms => {
            let invited = |membership: &Membership| matches!(membership, Membership::Invited { .. });
            match app.rooms.selected() {
                Some(room) if invited(&room.membership) => {
                    wanted.extend([(Action::Accept, "accept"), (Action::Decline, "decline")]);
                }
                Some(room) if room.membership == Membership::Left => {
                    wanted.extend([(Action::RoomOpen, "open"), (Action::Decline, "put away")]);
                }
                Some(room) if room.successor().is_some() => {
                    wanted.extend([(Action::RoomOpen, "open"), (Action::Accept, "go on"), (Action::Decline, "leave")]);
                }
                Some(_) => wanted.extend([(Action::RoomOpen, "open"), (Action::Filter, "filter")]),
                None => {}
            }
            wanted.push((Action::CommandLine, "command"));
        }
        Focus::Timeline => {
            if app.open.as_ref().and_then(|open| app.rooms.get(&open.id)).is_some_and(|room| !room.is_open()) {
                wanted.push((Action::Take, "take along"));
            }
            match app.open.as_ref().and_then(|open| open.selected()).map(|(_, message)| &message.send_state) {
                Some(SendState::Failed(_)) => {
                    wanted.extend([
                        (Action::Retry, "retry"),
                        (Action::Discard, "discard"),
                        (Action::Edit, "take back"),
                    ]);
                }
                Some(SendState::Waiting) => wanted.push((Action::Discard, "discard")),
                Some(SendState::Sent) | None => wanted.push((Action::Inspect, "who received it")),
            }
            let selected = app.open.as_ref().and_then(|open| open.selected()).map(|(_, message)| message);
            let own = selected.filter(|message| message.own && message.send_state == SendState::Sent);
            wanted.push((Action::Compose, "write"));
            wanted.extend(own.filter(|message| message.source.is_some()).map(|_| (Action::Edit, "edit")));
            wanted.extend([(Action::Newest, "newest"), (Action::CommandLine, "command")]);
            wanted.extend(own.map(|_| (Action::Redact, "remove")));
        }
        Focus::Composer if app.command_typed().is_some() => {
            wanted.extend([(Action::Send, "run"), (Action::Complete, "complete")]);
        }
        Focus::Composer if app.edited_after().is_some() => {
            wanted.extend([(Action::Send, "save"), (Action::Newline, "new line"), (Action::LeaveComposer, "stop")]);
        }
        Focus::Composer => {
            wanted.extend([(Action::Send, "send"), (Action::Newline, "new line"), (Action::LeaveComposer, "messages")]);
        }
    }
    // Help is the one hint that leads to all others.
    wanted.insert(wanted.len().min(2), (Action::Help, "help"));
    if app.open.is_some() {
        wanted.push((Action::FocusNext, "next pane"));
    }
    wanted.push((Action::Quit, "quit"));
    wanted
}
