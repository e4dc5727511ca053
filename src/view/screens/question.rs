//! A question, with the keys that answer it.

use ratatui::{Frame, layout::Rect, text::Line};

use crate::{
    app::{App, layout::ScreenFacts, screens::Question},
    view::{
        hints, popup,
        theme::{Role, Theme},
    },
};

/// Columns of a question, at most.
const WIDEST: u16 = 60;

/// Draws it.
pub fn draw(app: &App, question: &Question, theme: Theme, frame: &mut Frame<'_>, area: Rect) -> ScreenFacts {
    let columns = popup::columns(area, WIDEST);
    let mut rows = popup::wrapped(&question.text, columns, Role::Text, theme);
    rows.push(Line::default());
    rows.push(Line::from(hints::line(app, theme, columns)));
    popup::draw_text("Really?", WIDEST, &rows, 0, theme, frame, area)
}
