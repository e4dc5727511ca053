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
    words,
};
use crate::{
    app::{App, Focus, timeline::OpenRoom},
    input::Action,
    model::{Pagination, RoomSummary},
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
    let mut facts = vec![if room.encrypted {
        Span::styled("encrypted", theme.role(Role::Good))
    } else {
        Span::styled("not encrypted", theme.role(Role::Warning))
    }];
    facts.push(Span::styled(format!("{dot}{}", words::count(room.joined_members, "member", "members")), dim));
    let (receipts, why) = stance(app, room, theme);
    facts.push(Span::styled(format!("{dot}{receipts}"), dim));

    // The facts stand whole as long as the name keeps a third of the row; the reason and the topic come if they fit.
    let facts_wide = paint::columns(&Line::from(facts.clone())) + 2;
    let name_room = area.width.saturating_sub(facts_wide).max(area.width / 3);
    let mut line = paint::cut(vec![Span::styled(room.name.to_string(), theme.role(Role::Heading))], name_room, theme);
    line.spans.push(Span::raw("  "));
    line.spans.extend(facts);
    let left = area.width.saturating_sub(paint::columns(&line));
    if paint::columns(&Line::raw(&why)) <= left {
        line.spans.push(Span::styled(why, dim));
    }
    if !room.topic.is_empty() && left > 12 {
        line.spans.push(Span::styled(format!("{dot}{}", room.topic), dim));
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
    let text = match (app.rooms.all().is_empty(), app.rooms.complete) {
        (true, false) => return,
        (true, true) => "Your rooms will be on the left.".to_owned(),
        (false, _) => {
            let hint = hints::key(app, Action::RoomOpen).map(|key| format!(" with {key}")).unwrap_or_default();
            format!("Open a room{hint}.")
        }
    };
    paint::centred(frame, area, &[Line::styled(text, theme.role(Role::Dim))]);
}
