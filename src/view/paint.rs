//! Putting text on the screen, in a few words.

use ratatui::{
    buffer::{Buffer, CellDiffOption},
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthChar;

use super::{
    canvas::Canvas,
    theme::{Role, Theme},
    wrap,
};

/// Puts a line on a row of an area; what does not fit is cut, and a row outside of the area is not
/// drawn.
pub fn row(canvas: &mut Canvas<'_, '_>, area: Rect, row: usize, line: &Line<'_>) {
    if let Some(y) = u16::try_from(row).ok().filter(|row| *row < area.height) {
        let buffer = canvas.buffer_mut();
        buffer.set_line(area.x, area.y + y, line, area.width);
        if line.spans.iter().any(|span| !span.content.is_ascii()) {
            keep_clean(buffer, area, area.y + y);
        }
    }
}

/// Sees to it that nothing is left of emoji that are several characters: flags, families.
///
/// Terminals disagree on their width: one draws the flag, another its two letters side by side, and
/// a family takes two columns or six. So the columns behind such a cluster, as far as it might have
/// reached, are always written anew; and the column that it covers differs from a blank, so that it
/// is written when the cluster goes.
fn keep_clean(buffer: &mut Buffer, area: Rect, y: u16) {
    let mut x = area.left();
    while x < area.right() {
        let symbol = buffer[(x, y)].symbol();
        let wide = wrap::width(symbol).max(1);
        let apart = symbol.chars().filter_map(UnicodeWidthChar::width).sum::<usize>();
        // Ratatui itself takes care of clusters with U+FE0F.
        if wide > 1 && symbol.chars().nth(1).is_some() && !symbol.contains('\u{fe0f}') {
            let end = x.saturating_add(u16::try_from(apart).unwrap_or(u16::MAX));
            for covered in x + 1..(x + wide).min(area.right()) {
                buffer[(covered, y)].set_symbol("");
            }
            for beyond in (x + wide).min(area.right())..end.min(area.right()) {
                buffer[(beyond, y)].diff_option = CellDiffOption::AlwaysUpdate;
            }
        }
        x += wide;
    }
}

/// Fills a column with one sign.
pub fn column(canvas: &mut Canvas<'_, '_>, area: Rect, sign: &str, style: Style) {
    for y in area.top()..area.bottom() {
        canvas.buffer_mut().set_string(area.x, y, sign, style);
    }
}

/// A horizontal rule with words in it, from the left and from the right: `── Ada is typing ──── 3
/// new below ↓ ──`.
pub fn rule(canvas: &mut Canvas<'_, '_>, area: Rect, left: Vec<Span<'_>>, right: Vec<Span<'_>>, theme: Theme) {
    let sign = theme.symbols().horizontal;
    let style = theme.role(Role::Rule);
    row(canvas, area, 0, &Line::styled(sign.repeat(usize::from(area.width)), style));
    let mut part = |spans: Vec<Span<'_>>, at_left: bool| {
        if spans.is_empty() {
            return;
        }
        let mut line = Line::from(spans);
        line.spans.insert(0, Span::raw(" "));
        line.spans.push(Span::raw(" "));
        let wide = columns(&line).min(area.width.saturating_sub(4));
        let x = if at_left { area.x + 2 } else { area.right().saturating_sub(wide + 2) };
        row(canvas, Rect { x, width: wide, ..area }, 0, &line);
    };
    part(left, true);
    part(right, false);
}

/// Lines in the middle of an area.
pub fn centred(canvas: &mut Canvas<'_, '_>, area: Rect, lines: &[Line<'_>]) {
    let top = usize::from(area.height).saturating_sub(lines.len()) / 2;
    for (at, line) in lines.iter().enumerate() {
        let indent = area.width.saturating_sub(columns(line)) / 2;
        row(canvas, Rect { x: area.x + indent, width: area.width - indent, ..area }, top + at, line);
    }
}

/// Moves a line's style into its spans, so that they can be put into another line.
pub fn restyled(line: Line<'static>) -> Vec<Span<'static>> {
    let style = line.style;
    line.spans.into_iter().map(|span| Span { style: style.patch(span.style), ..span }).collect()
}

/// Columns that a line takes.
pub fn columns(line: &Line<'_>) -> u16 {
    line.spans.iter().map(|span| wrap::width(&span.content)).fold(0, u16::saturating_add)
}

/// Two lines on one row: the left one gives way, the right one stands at the edge.
pub fn both<'a>(left: Vec<Span<'a>>, right: Vec<Span<'a>>, width: u16, theme: Theme) -> Line<'a> {
    let right = Line::from(right);
    let mut line = cut(left, width.saturating_sub(columns(&right) + u16::from(!right.spans.is_empty())), theme);
    let gap = width.saturating_sub(columns(&line) + columns(&right));
    line.spans.push(Span::raw(" ".repeat(usize::from(gap))));
    line.spans.extend(right.spans);
    line
}

/// Cuts spans to a width, with an ellipsis where something is missing.
pub fn cut(spans: Vec<Span<'_>>, width: u16, theme: Theme) -> Line<'_> {
    let mut left = width;
    let mut line = Line::default();
    let mut spans = spans.into_iter().peekable();
    while let Some(span) = spans.next() {
        let wide = wrap::width(&span.content);
        // The last column is kept for the ellipsis as long as something follows.
        let keep = u16::from(spans.peek().is_some());
        if wide + keep > left {
            let all = format!("{}{}", span.content, spans.map(|span| span.content).collect::<String>());
            line.spans.push(Span::styled(wrap::cut(&all, left, theme.symbols().ellipsis), span.style));
            break;
        }
        left -= wide;
        line.spans.push(span);
    }
    line
}
