//! An event's source: first as it is understood here, then as the homeserver has it.

use ratatui::{layout::Rect, text::Line};

use crate::{
    app::{App, layout::ScreenFacts, screens},
    model::SafeText,
    view::{
        canvas::Canvas,
        popup,
        theme::{Role, Theme},
    },
};

/// Columns of the popup, at most.
const WIDEST: u16 = 120;

/// Draws it.
pub fn draw(
    _app: &App,
    screen: &screens::Source,
    theme: Theme,
    canvas: &mut Canvas<'_, '_>,
    area: Rect,
) -> ScreenFacts {
    let columns = popup::columns(area, WIDEST);
    let says = |text: &str, role| popup::wrapped(text, columns, role, theme);
    let json = |lines: &[SafeText]| lines.iter().flat_map(|line| says(line, Role::Text)).collect::<Vec<_>>();
    let mut rows = match &screen.source {
        None => says("Looking it up…", Role::Text),
        Some(Err(why)) => says(why, Role::Error),
        Some(Ok(source)) if source.encrypted.is_none() => json(&source.json),
        Some(Ok(source)) => [says("Decrypted", Role::Heading), json(&source.json)].concat(),
    };
    if let Some(Ok(source)) = &screen.source
        && let Some(encrypted) = &source.encrypted
    {
        rows.push(Line::default());
        rows.extend(says("As it came", Role::Heading));
        rows.extend(match encrypted {
            Ok(lines) => json(lines),
            Err(why) => says(why, Role::Error),
        });
    }
    popup::draw_text("Source", WIDEST, &rows, screen.scroll.at, theme, canvas, area)
}
