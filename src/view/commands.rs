//! The commands that begin like what is being typed, above where it is typed.

use ratatui::{Frame, layout::Rect, text::Span, widgets::Clear};

use super::{
    layout::{self, Areas},
    paint,
    theme::{Role, Theme},
    wrap,
};
use crate::{
    app::{App, command::commands},
    input::ActionInfo,
};

/// Columns left of the text, as in the timeline.
const INDENT: u16 = 2;

/// Draws them over the lower end of the timeline, or of the room list where that is all there is.
pub fn draw(app: &App, theme: Theme, frame: &mut Frame<'_>, areas: &Areas) {
    let Some((name, ended)) = app.command_typed().filter(|_| app.popup.is_none()) else { return };
    let found: Vec<_> = commands(name).filter(|info| !ended || info.name == name).collect();
    let above = match (&app.command_line, areas.timeline.is_empty()) {
        (None, _) => areas.timeline,
        (Some(_), false) => areas.timeline.union(areas.composer),
        (Some(_), true) => areas.rooms,
    };
    let rows = found.len().max(1);
    let area = layout::split_bottom(above, u16::try_from(rows + 1).unwrap_or(u16::MAX)).1;
    let (rule, list) = layout::split_top(area, 1);
    frame.render_widget(Clear, area);
    let heading = Span::styled("commands", theme.role(Role::Accent));
    let hidden = rows.saturating_sub(usize::from(list.height));
    let more = (hidden > 0).then(|| dim(&format!("{hidden} more"), theme));
    paint::rule(frame, rule, vec![heading], more.into_iter().collect(), theme);

    let list = Rect { x: list.x + INDENT, width: list.width.saturating_sub(INDENT), ..list };
    if found.is_empty() {
        let text = format!("No command begins with “{name}”.");
        paint::row(frame, list, 0, &paint::cut(vec![dim(&theme.text(&text), theme)], list.width, theme));
    }
    let sign = if app.command_line.is_some() { ":" } else { "/" };
    let wide = found.iter().map(|info| wrap::width(&typed(info, sign))).max().unwrap_or(0);
    for (row, info) in found.into_iter().enumerate() {
        let command = format!("{:<1$}  ", typed(info, sign), usize::from(wide));
        let line = vec![Span::styled(command, theme.role(Role::Key)), dim(info.doc, theme)];
        paint::row(frame, list, row, &paint::cut(line, list.width, theme));
    }
}

/// A command as it is typed.
fn typed(info: &ActionInfo, sign: &str) -> String {
    format!("{sign}{} {}", info.name, info.command.unwrap_or_default()).trim_end().to_owned()
}

fn dim(text: &str, theme: Theme) -> Span<'static> {
    Span::styled(text.to_owned(), theme.role(Role::Dim))
}
