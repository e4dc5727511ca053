//! The command line, in the last row of the screen.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    app::{App, layout::ScreenFacts, screens::CommandLine, status::StatusKind},
    view::{
        canvas::Canvas,
        editor,
        hints::{self, Hints},
        paint,
        theme::{Role, Theme},
    },
};

/// Draws it in the row below the area, while it takes the keys.
pub fn draw(app: &App, line: &CommandLine, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) -> ScreenFacts {
    if app.screens.top().is_some_and(|top| top.behaviour().covers()) {
        return ScreenFacts::default();
    }
    let row = Rect { y: area.bottom(), height: 1, ..area };
    let (before, after) = editor::sides(&line.field);
    let typed = editor::field(before, after, row.width.saturating_sub(1));
    let line = Line::from(vec![Span::styled(":", theme.role(Role::Key)), Span::raw(typed.rows.concat())]);
    // Why it was refused is to be read where it can be corrected.
    if let Some(failed) = app.status.as_ref().filter(|status| status.kind == StatusKind::Error) {
        let left = row.width.saturating_sub(paint::columns(&line) + 3);
        let why = paint::cut(vec![Span::styled(failed.text.to_string(), theme.role(Role::Error))], left, theme);
        paint::row(canvas, row, 0, &paint::both(line.spans, why.spans, row.width, theme));
    } else {
        let hints = hints::line(app, theme, row.width / 3);
        let wide = paint::columns(&line) + paint::columns(&Line::from(hints.spans.clone())) + 2;
        let hints = if wide < row.width { hints } else { Hints::default() };
        hints.draw_behind(line.spans, theme, canvas, row);
    }
    canvas.set_cursor_position((row.x + 1 + typed.cursor.0, row.y));
    ScreenFacts::default()
}
