//! What stands over the screen: a frame with a title, and text that scrolls in it.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Block, Clear},
};

use super::{
    help, hints, inspector, layout, paint, receipts,
    theme::{Role, Theme},
    wrap::Rows,
};
use crate::app::{App, inspector::Popup, layout::PopupFacts};

/// Columns of the help and the inspector, at most.
const WIDE: u16 = 92;
/// Columns of a question, at most.
const QUESTION: u16 = 60;
/// Columns of the frame and the margin inside it.
const MARGINS: u16 = 4;

/// Draws the popup, and says how far it can be scrolled.
pub fn draw(app: &App, popup: &Popup, theme: Theme, frame: &mut Frame<'_>) -> PopupFacts {
    let screen = layout::split_bottom(frame.area(), 1).0;
    let columns = |widest: u16| layout::popup(screen, widest, u16::MAX).width.saturating_sub(MARGINS);
    match popup {
        Popup::Help { scroll } => {
            let rows = help::rows(theme, columns(WIDE));
            draw_framed("Help", &rows, *scroll, WIDE, theme, frame, screen)
        }
        Popup::Inspector { fate, scroll, .. } => {
            let rows = inspector::rows(app, fate.as_ref(), theme, columns(WIDE));
            draw_framed("Delivery", &rows, *scroll, WIDE, theme, frame, screen)
        }
        Popup::Matrix { .. } | Popup::Undelivered { .. } | Popup::Log { .. } => PopupFacts::default(),
        Popup::Receipts(open) => receipts::draw(app, open, theme, frame, screen),
        Popup::Confirm { question, .. } => {
            let mut rows = wrapped(question, columns(QUESTION), Role::Text, theme);
            rows.push(Line::default());
            rows.push(Line::from(hints::line(app, theme, columns(QUESTION))));
            draw_framed("Really?", &rows, 0, QUESTION, theme, frame, screen)
        }
    }
}

/// A text of our own, wrapped, in one role.
pub fn wrapped(text: &str, columns: u16, role: Role, theme: Theme) -> Vec<Line<'static>> {
    let style = theme.role(role);
    let text = theme.text(text);
    let rows = Rows::plain(&text, columns);
    rows.map(|row| Line::styled(row.pieces.iter().map(|(text, _)| *text).collect::<String>(), style)).collect()
}

fn draw_framed(
    title: &str,
    rows: &[Line<'_>],
    scroll: usize,
    widest: u16,
    theme: Theme,
    frame: &mut Frame<'_>,
    screen: Rect,
) -> PopupFacts {
    let wanted = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(2);
    let area = layout::popup(screen, widest, wanted);
    let max_scroll = rows.len().saturating_sub(usize::from(area.height.saturating_sub(2)));
    let scroll = scroll.min(max_scroll);
    let inner = draw_frame(title, (scroll, max_scroll - scroll), theme, frame, area);
    let height = usize::from(inner.height);
    for (at, line) in rows.iter().skip(scroll).take(height).enumerate() {
        paint::row(frame, inner, at, line);
    }
    PopupFacts { max_scroll, rows: height }
}

/// An empty frame that says how many rows there are above and below what it shows; gives the area inside.
pub fn draw_frame(
    title: &str,
    (above, below): (usize, usize),
    theme: Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) -> Rect {
    let symbols = theme.symbols();
    let more = |count: usize, sign: &str| {
        let text = if count > 0 { format!(" {count} more {sign} ") } else { String::new() };
        Line::styled(text, theme.role(Role::Dim)).right_aligned()
    };
    let block = Block::bordered()
        .border_set(symbols.border)
        .border_style(theme.role(Role::Rule))
        .title_top(Span::styled(format!(" {title} "), theme.role(Role::Accent)))
        .title_top(more(above, symbols.up))
        .title_bottom(more(below, symbols.down));
    frame.render_widget(Clear, area);
    let inner = layout::inset(block.inner(area), 1);
    frame.render_widget(block, area);
    inner
}
