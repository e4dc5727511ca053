//! The room list.

use ratatui::{
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};

use super::{
    canvas::Canvas,
    editor, endings, hints, layout, paint, room,
    theme::{Role, Theme},
    wrap::Rows,
};
use crate::{
    app::{App, Focus, layout::Target},
    model::{Connection, Membership, RoomSummary},
};

/// Draws the heading or the filter, and the rooms below it around the selected one. `alone`: the
/// open room has no place on the screen.
pub fn draw(app: &App, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect, alone: bool) {
    let (heading, list) = layout::split_top(area, 1);
    let (rule, list) = layout::split_top(list, u16::from(area.height >= 10));
    canvas.hit(area, Target::RoomList);
    draw_heading(app, theme, canvas, layout::inset(heading, 1));
    paint::rule(canvas, rule, Vec::new(), Vec::new(), theme);

    let rooms = app.rooms.visible();
    if rooms.is_empty() {
        let inner = layout::inset(list, 1);
        if app.rooms.complete && app.rooms.filter.is_none() && alone {
            return room::draw_first_steps(theme, canvas, inner);
        }
        let text = empty(app);
        let text = theme.text(&text);
        for (at, row) in Rows::plain(&text, inner.width).enumerate().take(usize::from(inner.height)) {
            let text = row.text();
            paint::row(canvas, inner, at, &Line::styled(text, theme.role(Role::Dim)));
        }
        return;
    }
    let selected = app.rooms.selected().map(|room| &room.id);
    let at = rooms.iter().position(|room| Some(&room.id) == selected).unwrap_or(0);
    let height = usize::from(list.height);
    let first = at.saturating_sub(height / 2).min(rooms.len().saturating_sub(height));
    for (row, room) in rooms.iter().skip(first).take(height).enumerate() {
        let line = room_row(app, room, first + row == at, theme, list.width);
        paint::row(canvas, list, row, &line);
        canvas.hit_row(list, row, Target::Room(room.id.clone()));
    }
}

fn draw_heading(app: &App, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) {
    if let Some(filter) = &app.rooms.filter {
        let prompt = "/";
        let (before, after) = editor::sides(filter);
        let typed = editor::field(before, after, area.width.saturating_sub(1));
        let line = Line::from(vec![Span::styled(prompt, theme.role(Role::Key)), Span::raw(typed.rows.concat())]);
        paint::row(canvas, area, 0, &line);
        if app.focus == Focus::Rooms && app.screens.is_empty() {
            canvas.set_cursor_position((area.x + 1 + typed.cursor.0, area.y));
        }
        return;
    }
    let role = if app.focus == Focus::Rooms { Role::Accent } else { Role::Heading };
    let (unread, mentions) = app.rooms.unread();
    let line = paint::both(
        vec![Span::styled("Rooms", theme.role(role))],
        news(unread, mentions, false, theme),
        area.width,
        theme,
    );
    paint::row(canvas, area, 0, &line);
}

/// Says why there is nothing, and what to do about it.
fn empty(app: &App) -> String {
    if let (Some(command), Some(key)) = (app.filtered_command(), hints::key(app, "room-open")) {
        return format!("No room is called that. {key} runs the command /{command}.");
    }
    let filter = app.rooms.filter.as_ref().filter(|filter| !filter.is_empty());
    match (filter, &app.connection, app.rooms.complete) {
        (Some(filter), ..) => {
            let clear = hints::key(app, "filter-clear").map(|key| format!(" {key} shows all.")).unwrap_or_default();
            format!("No room's name contains “{}”.{clear}", filter.text())
        }
        (None, Connection::Offline(_), false) => "Offline, and no rooms are known here yet.".to_owned(),
        (None, _, false) => "Connecting…".to_owned(),
        (None, _, true) => "No rooms yet.".to_owned(),
    }
}

fn room_row<'a>(app: &App, room: &'a RoomSummary, selected: bool, theme: Theme, width: u16) -> Line<'a> {
    let symbols = theme.symbols();
    let open = app.timelines.shown().is_some_and(|open| open.id.room_id == room.id);
    let invited = matches!(room.membership, Membership::Invited { .. });
    let new = room.unread > 0 || room.marked_unread || invited;

    let bar = if selected { symbols.bar } else { " " };
    let sign = if invited {
        symbols.invite
    } else if open {
        symbols.open
    } else {
        " "
    };
    let name = if room.name.is_empty() { room.id.shown().to_string() } else { room.name.to_string() };
    let role = if new { Role::Heading } else { Role::Text };
    let mut right = if invited {
        vec![Span::styled("invite", theme.role(Role::Unread))]
    } else if let Some(word) = room.ending.as_ref().and_then(|ending| endings::word(ending, room.is_open())) {
        vec![Span::styled(word, theme.role(Role::Warning))]
    } else {
        news(room.unread, room.mentions, room.marked_unread, theme)
    };
    if app.incognito_in(&room.id) {
        let gap = if right.is_empty() { "" } else { " " };
        right.insert(0, Span::styled(format!("{}{gap}", symbols.incognito), theme.role(Role::Warning)));
    }
    let mut left = vec![
        Span::styled(bar, theme.role(Role::Accent)),
        Span::styled(sign, theme.role(Role::Accent)),
        Span::raw(" "),
        Span::styled(name, theme.role(role)),
    ];
    if let Some(user) = app.rooms.told_apart_by(room) {
        left.push(Span::styled(format!(" {user}"), theme.role(Role::Dim)));
    }
    let mut line = paint::both(left, right, width.saturating_sub(1), theme);
    line.spans.push(Span::raw(" "));
    if selected {
        let style = theme.role(if app.focus == Focus::Rooms { Role::Selected } else { Role::SelectedElsewhere });
        for span in line.spans.iter_mut().skip(1) {
            // Colours that are made for the background are not readable when reversed.
            span.style = if style.add_modifier.contains(Modifier::REVERSED) { style } else { span.style.patch(style) };
        }
    }
    line
}

/// `@2 14`: mentions, then everything unread.
fn news(unread: u64, mentions: u64, marked: bool, theme: Theme) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    if mentions > 0 {
        spans.push(Span::styled(format!("@{mentions} "), theme.role(Role::Mention)));
    }
    match (unread, marked) {
        (0, false) => {}
        (0, true) => spans.push(Span::styled("new", theme.role(Role::Unread))),
        _ => spans.push(Span::styled(unread.to_string(), theme.role(Role::Unread))),
    }
    spans
}
