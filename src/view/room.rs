//! The open room around its timeline: the header, the rules, the composer.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    editor::{self, Typed},
    hints,
    layout::Areas,
    paint,
    theme::{Role, Theme},
    words, wrap,
};
use crate::{
    app::{App, Focus, timeline::OpenRoom},
    input::Action,
    model::{Membership, Pagination, RoomSummary},
};

/// The sign in front of what is typed.
const PROMPT: &str = "> ";

/// What is typed, wrapped for the composer's columns.
pub fn typed(open: &OpenRoom, columns: u16, height: u16) -> Typed {
    editor::block(&open.composer, columns.saturating_sub(3), height)
}

/// Name, encryption, members, receipts, and the topic where there is space.
pub fn draw_header(app: &App, open: &OpenRoom, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(room) = app.rooms.get(&open.id) else {
        paint::row(frame, area, 0, &Line::styled(open.id.shown().to_string(), theme.role(Role::Heading)));
        return;
    };
    let dim = theme.role(Role::Dim);
    let dot = format!(" {} ", theme.symbols().dot);
    let encryption = if room.encrypted {
        Span::styled("encrypted", theme.role(Role::Good))
    } else {
        Span::styled("not encrypted", theme.role(Role::Warning))
    };
    let (receipts, why) = stance(app, room, theme);
    let members = words::count(room.joined_members, "member", "members");
    let fact = |text: &str| Span::styled(format!("{dot}{text}"), dim);
    // From the least important on, facts go until the name has a third of the row.
    let mut facts = vec![encryption, fact(receipts), fact(&members)];
    let taken = |facts: &[Span<'_>]| facts.iter().map(|fact| wrap::width(&fact.content)).sum::<u16>() + 2;
    let least = wrap::width(&room.name).min(area.width / 3);
    while facts.len() > 1 && taken(&facts) + least > area.width {
        facts.pop();
    }
    let name = Span::styled(room.name.to_string(), theme.role(Role::Heading));
    let mut line = paint::cut(vec![name], area.width.saturating_sub(taken(&facts)), theme);
    line.spans.push(Span::raw("  "));
    line.spans.extend(facts);
    let left = area.width.saturating_sub(paint::columns(&line));
    if !why.is_empty() && wrap::width(&why) <= left {
        line.spans.insert(4.min(line.spans.len()), Span::styled(why, dim));
    }
    let left = area.width.saturating_sub(paint::columns(&line));
    if !room.topic.is_empty() && left > 12 {
        line.spans.push(fact(&room.topic));
    }
    paint::row(frame, area, 0, &paint::cut(line.spans, area.width, theme));
}

/// Whether receipts are sent in this room, and if not, why not (P5, P6).
fn stance(app: &App, room: &RoomSummary, theme: &Theme) -> (&'static str, String) {
    let Some(reason) = app.room_stance(room).withheld() else { return ("receipts: on", String::new()) };
    let mut sentence = reason.sentence().trim_end_matches('.').chars();
    let start = sentence.next().into_iter().flat_map(char::to_lowercase);
    let why = start.chain(sentence).collect::<String>();
    ("receipts: off", format!(" {} {why}", theme.symbols().dash))
}

/// The rule under the header; it says when older messages are on their way.
pub fn draw_header_rule(open: &OpenRoom, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let loading = (open.pagination == Pagination::Loading && !open.items.is_empty()).then(|| {
        Span::styled(format!("{} older messages{}", theme.symbols().up, theme.symbols().busy), theme.role(Role::Dim))
    });
    paint::rule(frame, area, loading.into_iter().collect(), Vec::new(), theme);
}

/// The rule above the composer; it says who is typing, and what came in below.
pub fn draw_composer_rule(open: &OpenRoom, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let mut typing = Vec::new();
    if !open.typing.is_empty() {
        let verb = if open.typing.len() == 1 { "is" } else { "are" };
        let text = format!("{} {verb} typing{}", words::names(&open.typing), theme.symbols().busy);
        typing = paint::cut(vec![Span::styled(text, theme.role(Role::Dim))], area.width / 2, theme).spans;
    }
    let mut below = Vec::new();
    if open.unseen_below > 0 {
        let text = format!("{} new below {}", open.unseen_below, theme.symbols().down);
        below.push(Span::styled(text, theme.role(Role::Unread)));
    }
    paint::rule(frame, area, typing, below, theme);
}

/// What is being written, or what could be.
pub fn draw_composer(app: &App, open: &OpenRoom, theme: &Theme, frame: &mut Frame<'_>, areas: &Areas) {
    let area = areas.composer;
    let focused = app.focus == Focus::Composer;
    let prompt = theme.role(if focused { Role::Accent } else { Role::Dim });
    paint::row(frame, area, 0, &Line::styled(PROMPT, prompt));
    let text = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
    let typed = typed(open, area.width, area.height);
    if open.composer.is_empty() {
        let line = Span::styled(placeholder(app, open, theme), theme.role(Role::Dim));
        paint::row(frame, text, 0, &paint::cut(vec![line], text.width, theme));
    }
    for (at, row) in typed.rows.iter().enumerate() {
        paint::row(frame, text, at, &Line::raw(row.as_str()));
    }
    if focused && app.popup.is_none() && app.command_line.is_none() {
        frame.set_cursor_position((text.x + typed.cursor.0, text.y + typed.cursor.1));
    }
}

fn placeholder(app: &App, open: &OpenRoom, theme: &Theme) -> String {
    let to = app.rooms.get(&open.id).map_or("this room", |room| room.name.as_str());
    let hint = |action, word: &str| hints::key(app, action).map(|key| format!("{key} {word}"));
    let hints: Vec<_> =
        [hint(Action::Send, "sends"), hint(Action::Newline, "new line"), hint(Action::Compose, "writes")]
            .into_iter()
            .flatten()
            .collect();
    if hints.is_empty() {
        format!("Message {to}")
    } else {
        format!("Message {to} {} {}", theme.symbols().dash, hints.join(", "))
    }
}

/// No room is open: says what to do.
pub fn draw_none(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let key = |action| hints::key(app, action).map(|key| key.to_string()).unwrap_or_default();
    let lines = match app.rooms.selected() {
        None if app.rooms.complete && app.rooms.all().is_empty() => {
            vec![
                "No rooms yet.".to_owned(),
                ":dm @user:server starts a chat.".to_owned(),
                ":join #room:server joins a room.".to_owned(),
            ]
        }
        None => Vec::new(),
        Some(RoomSummary { membership: Membership::Invited { by }, name, .. }) => {
            let who = by.as_ref().map_or("Somebody".to_owned(), ToString::to_string);
            let mut lines = vec![format!("{who} invites you to {name}.")];
            if app.focus == Focus::Rooms {
                lines.push(format!("{} accepts, {} declines.", key(Action::Accept), key(Action::Decline)));
            }
            lines
        }
        Some(_) if app.focus == Focus::Rooms => vec![format!("{} opens the selected room.", key(Action::RoomOpen))],
        Some(_) => vec!["No room is open.".to_owned()],
    };
    let style = theme.role(Role::Dim);
    let lines: Vec<_> = lines
        .into_iter()
        .map(|line| Line::styled(wrap::cut(&line, area.width, theme.symbols().ellipsis), style))
        .collect();
    paint::centred(frame, area, &lines);
}
