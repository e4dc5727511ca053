//! Keys, as hints.
//!
//! A hint is never written by hand: the key comes from the keymap in force, and an action without a
//! key there has no hint.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    canvas::Canvas,
    paint,
    theme::{Role, Theme},
    wrap,
};
use crate::{
    app::{App, Focus, Phase, commands, layout::Target, login::LoginState, screens::Hint},
    input::KeySequence,
    model::{Connection, Membership, SendState},
};

/// The key that does this where the user is now.
pub fn key<'a>(app: &'a App, command: &str) -> Option<&'a KeySequence> {
    debug_assert!(commands::named(command).is_some(), "there is no command {command}");
    app.keymap.hint(app.contexts(), command)
}

/// Key hints in a row.
#[derive(Default)]
pub struct Hints {
    /// As they are drawn.
    pub spans: Vec<Span<'static>>,
    /// The command of each, its first column, and how many it has.
    pub commands: Vec<(&'static str, u16, u16)>,
}

impl Hints {
    /// Draws a row that begins with something else, and ends with them.
    pub fn draw_behind(self, left: Vec<Span<'static>>, theme: Theme, canvas: &mut Canvas<'_, '_>, row: Rect) {
        let begin = row.right() - paint::columns(&Line::from(self.spans.clone())).min(row.width);
        for (command, at, width) in self.commands {
            canvas.hit(Rect { x: begin + at, width, ..row }, Target::Command(command));
        }
        paint::row(canvas, row, 0, &paint::both(left, self.spans, row.width, theme));
    }
}

/// As many hints for where the user is as fit into so many columns, the most important first.
pub fn line(app: &App, theme: Theme, columns: u16) -> Hints {
    let Hints { mut spans, mut commands } = Hints::default();
    let mut left = columns;
    for (action, word) in wanted(app) {
        let Some(key) = key(app, action) else { continue };
        let (key, word) = (key.to_string(), format!(" {word}"));
        let gap = if spans.is_empty() { 0 } else { 2 };
        let wide = gap + wrap::width(&key) + wrap::width(&word);
        if wide > left {
            break;
        }
        commands.push((action, columns - left + gap, wide - gap));
        left -= wide;
        spans.push(Span::raw(" ".repeat(usize::from(gap))));
        spans.push(Span::styled(key, theme.role(Role::Key)));
        spans.push(Span::styled(word, theme.role(Role::Dim)));
    }
    Hints { spans, commands }
}

fn wanted(app: &App) -> Vec<Hint> {
    if let Some(screen) = app.screens.top() {
        return screen.behaviour().hints(app);
    }
    match &app.phase {
        Phase::Starting => vec![("quit", "quit")],
        Phase::Login(login) => match login.state {
            LoginState::Idle => vec![
                ("login-submit", "go on"),
                ("try-demo", "demo"),
                ("field-next", "next field"),
                ("help", "help"),
                ("quit", "quit"),
            ],
            LoginState::Browser { url: Some(_) } => {
                vec![("login-copy", "copy address"), ("login-cancel", "stop"), ("quit", "quit")]
            }
            _ => vec![("login-cancel", "stop"), ("quit", "quit")],
        },
        Phase::Main => main(app),
    }
}

fn main(app: &App) -> Vec<Hint> {
    let mut wanted = Vec::new();
    if matches!(app.connection, Connection::Offline(_)) {
        wanted.push(("reconnect", "try again"));
    }
    match app.focus {
        Focus::Rooms if app.rooms.filter.is_some() => {
            wanted.extend([("room-open", "open"), ("filter-clear", "all rooms")]);
        }
        Focus::Rooms => {
            let invited = |membership: &Membership| matches!(membership, Membership::Invited { .. });
            match app.rooms.selected() {
                Some(room) if invited(&room.membership) => {
                    wanted.extend([("accept", "accept"), ("decline", "decline")]);
                }
                Some(room) if room.membership == Membership::Left => {
                    wanted.extend([("room-open", "open"), ("decline", "put away")]);
                }
                Some(room) if room.successor().is_some() => {
                    wanted.extend([("room-open", "open"), ("accept", "go on"), ("decline", "leave")]);
                }
                Some(_) => wanted.extend([("room-open", "open"), ("filter", "filter")]),
                None => {}
            }
            wanted.push(("command-line", "command"));
        }
        Focus::Timeline => {
            if app
                .timelines
                .shown()
                .and_then(|open| app.rooms.get(&open.id.room_id))
                .is_some_and(|room| !room.is_open())
            {
                wanted.push(("take", "take along"));
            }
            match app.timelines.shown().and_then(|open| open.selected()).map(|(_, message)| &message.send_state) {
                Some(SendState::Failed(_)) => {
                    wanted.extend([("retry", "retry"), ("discard", "discard"), ("edit", "take back")]);
                }
                Some(SendState::Waiting) => wanted.push(("discard", "discard")),
                Some(SendState::Sent) | None => wanted.push(("inspect", "who received it")),
            }
            let selected = app.timelines.shown().and_then(|open| open.selected()).map(|(_, message)| message);
            let own = selected.filter(|message| message.own && message.send_state == SendState::Sent);
            wanted.push(("compose", "write"));
            let on_server = selected.filter(|message| message.event_id.is_some());
            wanted.extend(on_server.map(|_| ("reply", "reply")));
            wanted.extend(
                on_server.and_then(|message| message.reply_to.as_ref()).map(|_| ("answered", "to what it answers")),
            );
            wanted.extend(own.filter(|message| message.source.is_some()).map(|_| ("edit", "edit")));
            wanted.extend([("newest", "newest"), ("command-line", "command")]);
            wanted.extend(own.map(|_| ("redact", "remove")));
        }
        Focus::Composer if app.command_typed().is_some() => {
            wanted.extend([("send", "run"), ("complete", "complete")]);
        }
        Focus::Composer if app.edited_after().is_some() => {
            wanted.extend([("send", "save"), ("newline", "new line"), ("leave-composer", "stop")]);
        }
        Focus::Composer => {
            let answers = app.timelines.shown().is_some_and(|open| open.writing.replying().is_some());
            let leave = if answers { "no reply" } else { "messages" };
            wanted.extend([("send", "send"), ("newline", "new line"), ("leave-composer", leave)]);
        }
    }
    // Help is the one hint that leads to all others.
    wanted.insert(wanted.len().min(2), ("help", "help"));
    if app.timelines.shown().is_some() {
        wanted.push(("focus-next", "next pane"));
    }
    wanted.push(("quit", "quit"));
    wanted
}
