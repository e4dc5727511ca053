//! The help: what the marks mean, then every command and key, from the one table of actions.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    app::{App, command::Command, commands, layout::ScreenFacts, screens::Help},
    input::{Context, Keymap},
    view::{
        canvas::Canvas,
        popup,
        theme::{Role, Theme},
        ticks, wrap,
    },
};

/// Draws it.
pub fn draw(app: &App, help: &Help, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) -> ScreenFacts {
    let rows = rows(&app.keymap, theme, popup::columns(area, popup::WIDE));
    popup::draw_text("Help", popup::WIDE, &rows, help.scroll.at, theme, canvas, area)
}

fn rows(keymap: &Keymap, theme: Theme, columns: u16) -> Vec<Line<'static>> {
    let mut page = HelpText { theme, columns, left: (columns / 3).clamp(10, 26), rows: Vec::new() };
    page.heading("Delivery marks");
    let left = std::mem::replace(&mut page.left, 4);
    for (sign, meaning) in ticks::legend(theme) {
        page.entry(sign, meaning);
    }
    page.entry(
        Span::styled(theme.symbols().incognito, theme.role(Role::Warning)),
        "At a room: you are incognito in it",
    );
    page.entry(
        Span::styled(theme.symbols().in_clear, theme.role(Role::Warning)),
        "At a message: it came unencrypted into an encrypted room",
    );
    page.left = left;
    page.heading("Commands, typed as :name, or as /name where a message is written");
    for command in commands::all().filter(|command| command.typed.is_some()) {
        page.entry(Span::styled(command.usage(), theme.role(Role::Key)), command.doc);
    }
    for context in Context::ALL {
        page.heading(context.title());
        for Command { name, doc, .. } in commands::all() {
            let keys: Vec<_> = keymap.keys(context, name).map(ToString::to_string).collect();
            if !keys.is_empty() {
                page.entry(Span::styled(keys.join(", "), theme.role(Role::Key)), doc);
            }
        }
    }
    page.rows
}

struct HelpText {
    theme: Theme,
    columns: u16,
    /// Columns of the left side.
    left: u16,
    rows: Vec<Line<'static>>,
}

impl HelpText {
    fn heading(&mut self, text: &'static str) {
        if !self.rows.is_empty() {
            self.rows.push(Line::default());
        }
        self.rows.extend(popup::wrapped(text, self.columns, Role::Heading, self.theme));
    }

    /// Two columns; a left side that is too long has a row of its own.
    fn entry(&mut self, left: Span<'static>, right: &str) {
        let wide = wrap::width(&left.content);
        let mut first = Line::from(vec![Span::raw("  "), left]);
        let indent = self.left + 2;
        let texts = popup::wrapped(right, self.columns.saturating_sub(indent), Role::Text, self.theme);
        let mut pad = indent.saturating_sub(wide + 2);
        if wide + 4 > indent {
            self.rows.push(std::mem::take(&mut first));
            pad = indent;
        }
        for text in texts {
            let mut line = std::mem::take(&mut first);
            line.spans.push(Span::raw(" ".repeat(usize::from(std::mem::replace(&mut pad, indent)))));
            line.spans.extend(text.spans);
            self.rows.push(line);
        }
    }
}
