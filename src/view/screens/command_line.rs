//! The command line, in the last row of the screen.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    app::{App, layout::ScreenFacts, screens::CommandLine, status::StatusKind},
    view::{
        editor, hints, paint,
        theme::{Role, Theme},
    },
};

/// Draws it in the row below the area, while it takes the keys.
pub fn draw(app: &App, line: &CommandLine, theme: Theme, frame: &mut Frame<'_>, area: Rect) -> ScreenFacts {
    if app.screens.top().is_some_and(|top| top.behaviour().covers()) {
        return ScreenFacts::default();
    }
    let row = Rect { y: area.bottom(), height: 1, ..area };
    let (before, after) = editor::sides(&line.field);
    let typed = editor::field(before, after, row.width.saturating_sub(1));
    let line = Line::from(vec![Span::styled(":", theme.role(Role::Key)), Span::raw(typed.rows.concat())]);
    let left = row.width.saturating_sub(paint::columns(&line) + 3);
    // Why it was refused is to be read where it can be corrected.
    let failed = app.status.as_ref().filter(|status| status.kind == StatusKind::Error);
    let beside = failed.map_or_else(
        || Line::from(hints::line(app, theme, row.width / 3)),
        |failed| paint::cut(vec![Span::styled(failed.text.to_string(), theme.role(Role::Error))], left, theme),
    );
    let beside = if paint::columns(&beside) <= left { beside } else { Line::default() };
    paint::row(frame, row, 0, &paint::both(line.spans, beside.spans, row.width, theme));
    frame.set_cursor_position((row.x + 1 + typed.cursor.0, row.y));
    ScreenFacts::default()
}
