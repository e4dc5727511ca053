//! What stands over the screen: a frame with a title, items that scroll in it, and rows below them
//! that do not.
//!
//! The problem: the receipt log may have thousands of entries of different heights, and a frame may
//! cost no more than what is seen. The way: a [`Sheet`] is asked for the rows of those items only
//! that are on screen. So it scrolls by items, and shows whole ones. A text is a sheet whose items
//! have one row each.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
    widgets::{Block, Clear},
};

use super::{
    canvas::Canvas,
    layout, paint,
    theme::{Role, Theme},
    wrap::Rows,
};
use crate::app::layout::{ScreenFacts, Target};

/// Columns of most popups, at most.
pub const WIDE: u16 = 92;
/// Columns of the frame and the margin inside it.
const MARGINS: u16 = 4;
/// Rows of the frame.
const FRAME: u16 = 2;

/// The columns inside a popup of at most so many.
pub fn columns(screen: Rect, widest: u16) -> u16 {
    layout::popup(screen, widest, u16::MAX).width.saturating_sub(MARGINS)
}

/// The rows inside a popup, at most.
pub fn height(screen: Rect) -> usize {
    usize::from(layout::popup(screen, u16::MAX, u16::MAX).height.saturating_sub(FRAME))
}

/// A text of our own, wrapped, in one role.
pub fn wrapped(text: &str, columns: u16, role: Role, theme: Theme) -> Vec<Line<'static>> {
    let style = theme.role(role);
    let text = theme.text(text);
    let rows = Rows::plain(&text, columns);
    rows.map(|row| Line::styled(row.text(), style)).collect()
}

/// Draws rows that scroll one by one.
pub fn draw_text(
    title: &str,
    widest: u16,
    rows: &[Line<'static>],
    scroll: usize,
    theme: Theme,
    canvas: &mut Canvas<'_, '_>,
    screen: Rect,
) -> ScreenFacts {
    let item = |at: usize, _| rows.get(at).cloned().into_iter().collect();
    Sheet { title, widest, items: rows.len(), item: &item, head: &[], cursor: None, foot: &[] }
        .draw(scroll, theme, canvas, screen)
}

/// Items in a frame.
pub struct Sheet<'a> {
    /// The title.
    pub title: &'a str,
    /// Columns of the frame, at most.
    pub widest: u16,
    /// How many items there are.
    pub items: usize,
    /// The rows of one, and whether it stands uppermost.
    pub item: &'a dyn Fn(usize, bool) -> Vec<Line<'static>>,
    /// What stands above them, whatever is scrolled.
    pub head: &'a [Line<'static>],
    /// Where the cursor is in the first row of that, if it is there.
    pub cursor: Option<u16>,
    /// What stands below them, whatever is scrolled.
    pub foot: &'a [Line<'static>],
}

impl Sheet<'_> {
    /// Draws it, with so many items scrolled away.
    pub fn draw(&self, scroll: usize, theme: Theme, canvas: &mut Canvas<'_, '_>, screen: Rect) -> ScreenFacts {
        let head = self.head.len().min(height(screen));
        let most = height(screen) - head;
        let foot = self.foot.len().min(most.saturating_sub(1));
        let space = most - foot;
        let max_scroll = self.max_scroll(space);
        let scroll = scroll.min(max_scroll);
        let (mut rows, mut end, mut ends) = (Vec::new(), scroll, Vec::new());
        while end < self.items {
            let item = (self.item)(end, end == scroll);
            if end > scroll && rows.len() + item.len() > space {
                break;
            }
            rows.extend(item);
            end += 1;
            ends.push(rows.len());
        }
        rows.truncate(space);
        // What scrolls keeps its height, however the items fit.
        let body = if max_scroll > 0 { space } else { rows.len() };

        let symbols = theme.symbols();
        let wanted = u16::try_from(head + body + foot).unwrap_or(u16::MAX).saturating_add(FRAME);
        let area = layout::popup(screen, self.widest, wanted);
        let more = |count: usize, sign: &str| {
            let text = if count > 0 { format!(" {count} more {sign} ") } else { String::new() };
            Line::styled(text, theme.role(Role::Dim)).right_aligned()
        };
        let block = Block::bordered()
            .border_set(symbols.border)
            .border_style(theme.role(Role::Rule))
            .title_top(Span::styled(format!(" {} ", self.title), theme.role(Role::Accent)))
            .title_top(more(scroll, symbols.up))
            .title_bottom(more(self.items - end, symbols.down));
        let inner = layout::inset(block.inner(area), 1);
        canvas.render_widget(Clear, area);
        canvas.render_widget(block, area);
        canvas.hit(area, Target::Screen);
        for (at, line) in self.head.iter().take(head).enumerate() {
            paint::row(canvas, inner, at, line);
        }
        if let Some(column) = self.cursor.filter(|_| !inner.is_empty()) {
            canvas.set_cursor_position((inner.x + column.min(inner.width - 1), inner.y));
        }
        let inner = layout::split_top(inner, u16::try_from(head).unwrap_or(u16::MAX)).1;
        for (at, line) in rows.iter().enumerate() {
            paint::row(canvas, inner, at, line);
            canvas.hit_row(inner, at, Target::ScreenItem(scroll + ends.partition_point(|end| *end <= at)));
        }
        for (at, line) in self.foot.iter().take(foot).enumerate() {
            paint::row(canvas, inner, body + at, line);
        }
        ScreenFacts { max_scroll, max_shift: 0, rows: end - scroll }
    }

    /// The first item that can stand uppermost with all after it on screen.
    fn max_scroll(&self, space: usize) -> usize {
        let mut below = 0;
        for at in (0..self.items).rev() {
            if below + (self.item)(at, true).len() > space {
                return (at + 1).min(self.items - 1);
            }
            below += (self.item)(at, false).len();
        }
        0
    }
}
