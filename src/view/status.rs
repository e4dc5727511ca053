//! The last row of the screen: the connection, the last sentence, and what can be pressed.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    canvas::Canvas,
    hints, layout, paint,
    theme::{Role, Theme},
    wrap,
};
use crate::{
    app::{App, Phase, status::StatusKind},
    model::Connection,
};

/// Draws the row.
pub fn draw(app: &App, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let area = layout::inset(area, 1);
    let mut left = connection(app, theme, area.width >= 98 && app.status.is_none());
    if let Some(incognito) = app.incognito().filter(|_| app.phase == Phase::Main) {
        left.push(Span::raw("  "));
        left.push(Span::styled(incognito, theme.role(Role::Warning)));
    }
    if let Some(status) = &app.status {
        let role = match status.kind {
            StatusKind::Info => Role::Text,
            StatusKind::Error => Role::Error,
        };
        if !left.is_empty() {
            left.push(Span::raw("  "));
        }
        left.push(Span::styled(status.text.to_string(), theme.role(role)));
    }
    // A sentence is more important than the hints.
    let taken = paint::columns(&Line::from(left.clone()));
    let hints = hints::line(app, theme, area.width.saturating_sub(taken + 2));
    hints.draw_behind(left, theme, canvas, area);
}

fn connection(app: &App, theme: Theme, with_account: bool) -> Vec<Span<'static>> {
    if app.phase != Phase::Main {
        return Vec::new();
    }
    let symbols = theme.symbols();
    let (sign, word, role) = match &app.connection {
        Connection::Online if app.demo.is_some() => (symbols.online, "demo".to_owned(), Role::Accent),
        Connection::Online => {
            let account = app.account.as_ref().filter(|_| with_account);
            let account = account.map(|account| format!(" as {}", account.user_id)).unwrap_or_default();
            (symbols.online, format!("online{account}"), Role::Good)
        }
        Connection::Connecting => (symbols.offline, format!("connecting{}", symbols.busy), Role::Dim),
        Connection::Offline(why) => {
            (symbols.offline, format!("offline: {}", wrap::cut(why, 60, symbols.ellipsis)), Role::Warning)
        }
    };
    vec![Span::styled(format!("{sign} "), theme.role(role)), Span::styled(word, theme.role(role))]
}
