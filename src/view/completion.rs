//! The commands that begin like what is being typed, above where it is typed.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
    widgets::Clear,
};

use super::{
    canvas::Canvas,
    layout::{self, Areas},
    paint, popup,
    theme::{Role, Theme},
    wrap,
};
use crate::app::{App, command::Command, commands::beginning_with};

/// Columns left of the text, as in the timeline.
const INDENT: u16 = 2;

/// Draws them over the lower end of the timeline, or of the room list where that is all there is.
pub fn draw(app: &App, theme: Theme, canvas: &mut Canvas<'_, '_>, areas: &Areas) {
    let Some((name, ended)) = app.command_typed() else { return };
    let found: Vec<_> = beginning_with(name).filter(|info| !ended || info.name == name).collect();
    let in_line = !app.screens.is_empty();
    let above = match (in_line, areas.timeline.is_empty()) {
        (false, _) => areas.timeline,
        (true, false) => areas.timeline.union(areas.composer),
        (true, true) => areas.rooms,
    };
    let sign = if in_line { ":" } else { "/" };
    let wide = found.iter().map(|info| wrap::width(&typed(info, sign))).max().unwrap_or(0);
    let columns = above.width.saturating_sub(INDENT + 1);
    let mut rows = Vec::new();
    for info in found {
        let command = Span::styled(format!("{:<1$}  ", typed(info, sign), usize::from(wide)), theme.role(Role::Key));
        let room = columns.saturating_sub(wide + 2);
        if ended && wrap::width(info.doc) > room {
            // There is one command only, so there is space to say all about it.
            rows.push(Line::from(command));
            rows.extend(popup::wrapped(info.doc, columns, Role::Dim, theme));
        } else {
            rows.push(paint::cut(vec![command, dim(info.doc, theme)], columns, theme));
        }
    }
    let described = app.argument_described();
    let wide = described.iter().map(|(what, _)| wrap::width(what)).max().unwrap_or(0);
    for (what, doc) in &described {
        let what = Span::styled(format!("{what:<0$}  ", usize::from(wide)), theme.role(Role::Text));
        if described.len() == 1 {
            rows.push(Line::from(what));
            rows.extend(popup::wrapped(doc, columns, Role::Dim, theme));
        } else {
            rows.push(paint::cut(vec![what, dim(doc, theme)], columns, theme));
        }
    }
    if rows.is_empty() {
        let text = format!("No command begins with “{name}”.");
        rows.push(paint::cut(vec![dim(&theme.text(&text), theme)], columns, theme));
    }
    let area = layout::split_bottom(above, u16::try_from(rows.len() + 1).unwrap_or(u16::MAX)).1;
    let (rule, list) = layout::split_top(area, 1);
    canvas.render_widget(Clear, area);
    let heading = Span::styled("commands", theme.role(Role::Accent));
    let hidden = rows.len().saturating_sub(usize::from(list.height));
    let more = (hidden > 0).then(|| dim(&format!("{hidden} more"), theme));
    paint::rule(canvas, rule, vec![heading], more.into_iter().collect(), theme);
    if !areas.divider.is_empty() && rule.x == areas.divider.right() {
        let [_, from_right, _] = theme.symbols().junctions;
        let beside = Rect { x: areas.divider.x, width: 1, ..rule };
        paint::column(canvas, beside, from_right, theme.role(Role::Rule));
    }

    let list = Rect { x: list.x + INDENT, width: list.width.saturating_sub(INDENT), ..list };
    for (at, line) in rows.iter().enumerate() {
        paint::row(canvas, list, at, line);
    }
}

/// A command as it is typed.
fn typed(command: &Command, sign: &str) -> String {
    format!("{sign}{}", command.usage())
}

fn dim(text: &str, theme: Theme) -> Span<'static> {
    Span::styled(text.to_owned(), theme.role(Role::Dim))
}
