//! A question, with the keys that answer it.

use ratatui::{layout::Rect, text::Line};

use crate::{
    app::{App, layout::ScreenFacts, screens::Question},
    view::{
        canvas::Canvas,
        hints, popup,
        theme::{Role, Theme},
    },
};

/// Columns of a question, at most.
const WIDEST: u16 = 60;

/// Draws it.
pub fn draw(app: &App, question: &Question, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) -> ScreenFacts {
    let columns = popup::columns(area, WIDEST);
    let mut rows = popup::wrapped(&question.text, columns, Role::Text, theme);
    rows.push(Line::default());
    rows.push(Line::from(hints::line(app, theme, columns).spans));
    popup::draw_text("Really?", WIDEST, &rows, 0, theme, canvas, area)
}
