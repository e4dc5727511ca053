//! The receipts screen: settings in rows, and at the foot what the selected one means.
//!
//! A row has what is set, its value between the signs of where there are others, and what comes of
//! it; where there is no space for all of that, the foot has it in full. A failure takes the foot's
//! place as long as it stands.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    app::{
        App,
        layout::ScreenFacts,
        screens::{
            ReceiptSettings,
            receipt_settings::{Section, SettingRow},
        },
        status::StatusKind,
    },
    view::{
        canvas::Canvas,
        paint,
        popup::{self, Sheet},
        theme::{Role, Theme},
        wrap,
    },
};

/// Columns, at most.
const WIDEST: u16 = 140;
/// Columns of a value: the longest word and both signs.
const VALUE: u16 = 15;
/// Rows of the foot with its rule, where there is space for it.
const FOOT: usize = 5;
/// Columns of the title's row that are kept for how much is above.
const TITLE_MARGIN: u16 = 14;

/// Draws it, and says how many rows of the list are on screen.
pub fn draw(app: &App, open: &ReceiptSettings, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) -> ScreenFacts {
    let settings = open.rows(app);
    let columns = popup::columns(area, WIDEST);
    let mut page = SettingLines { theme, columns, selected: (open.selected, 0), lines: Vec::new() };
    page.list(open, &settings);
    let high = popup::height(area);
    let mut foot = vec![Line::styled(theme.symbols().horizontal.repeat(columns.into()), theme.role(Role::Rule))];
    foot.extend(page.explanation(app, settings.get(open.selected)));
    foot.resize(FOOT.min(high / 3), Line::default());

    let room = open.room_id.as_ref().and_then(|room| app.rooms.get(room));
    let title = room.map_or_else(|| "Receipts".to_owned(), |room| format!("Receipts in {}", room.name));
    let title = wrap::cut(&title, columns.saturating_sub(TITLE_MARGIN), theme.symbols().ellipsis);
    let lines = &page.lines;
    let item = |at: usize, _| lines.get(at).cloned().into_iter().collect();
    let sheet =
        Sheet { title: &title, widest: WIDEST, items: lines.len(), item: &item, head: &[], cursor: None, foot: &foot };
    sheet.draw(page.selected.1.saturating_sub((high - foot.len()) / 2), theme, canvas, area)
}

/// The list as it is written, line by line.
struct SettingLines {
    theme: Theme,
    columns: u16,
    /// The selected row, and the line in which it stands.
    selected: (usize, usize),
    lines: Vec<Line<'static>>,
}

impl SettingLines {
    fn list(&mut self, open: &ReceiptSettings, settings: &[SettingRow]) {
        if self.section(Section::Room, settings) {
            self.heading("People in this room");
            self.section(Section::People, settings);
            match (&open.people, open.more) {
                (None, _) => self.note("Looking them up…"),
                (Some(people), 0) if people.is_empty() => self.note("Nobody else is here."),
                (Some(_), 0) => {}
                (Some(_), more) => {
                    self.note(&format!("and {more} more; /receipts @user:server nobody sets one of them"));
                }
            }
        }
        self.heading("Everywhere");
        self.section(Section::Everywhere, settings);
    }

    /// The rows of a section; whether there are any.
    fn section(&mut self, section: Section, settings: &[SettingRow]) -> bool {
        let before = self.lines.len();
        for (at, row) in settings.iter().enumerate().filter(|(_, row)| row.section == section) {
            if at == self.selected.0 {
                self.selected.1 = self.lines.len();
            }
            let line = self.row(row, at == self.selected.0);
            self.lines.push(line);
        }
        self.lines.len() > before
    }

    fn heading(&mut self, text: &'static str) {
        if !self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        self.lines.push(Line::styled(text, self.theme.role(Role::Heading)));
    }

    fn note(&mut self, text: &str) {
        let text = format!("  {}", self.theme.text(text));
        let line = Span::styled(text, self.theme.role(Role::Dim));
        self.lines.push(paint::cut(vec![line], self.columns, self.theme));
    }

    /// `▌ Ada @ada:example.org   ‹nobody    not sent: …`.
    fn row(&self, row: &SettingRow, selected: bool) -> Line<'static> {
        let (theme, symbols) = (self.theme, self.theme.symbols());
        let bar = if selected { symbols.bar } else { " " };
        let mut what = vec![Span::styled(bar, theme.role(Role::Accent)), Span::raw(" ")];
        let dim = theme.role(Role::Dim);
        match &row.user_id {
            None => what.push(Span::raw(row.name.to_string())),
            Some(user) if row.name.trim().is_empty() => what.push(Span::raw(user.to_string())),
            Some(user) => {
                what.extend([Span::raw(row.name.to_string()), Span::styled(format!(" {user}"), dim)]);
            }
        }
        let sign = |there: bool, at: usize| Span::styled(if there { symbols.values[at] } else { " " }, dim);
        let value = Span::styled(row.value().to_owned(), theme.role(if selected { Role::Key } else { Role::Text }));
        let value = vec![sign(row.before().is_some(), 0), value, sign(row.after().is_some(), 1)];
        let (text, role) = match &row.outcome {
            None => (row.meaning.as_ref(), Role::Dim),
            Some(outcome) => (outcome.text.as_str(), if outcome.sent { Role::Good } else { Role::Warning }),
        };
        let text = Span::styled(theme.text(text).into_owned(), theme.role(role));

        let name = (self.columns * 2 / 7).clamp(18, 34);
        let mut line = self.filled(what, name);
        line.spans.push(Span::raw(" "));
        line.spans.extend(self.filled(value, VALUE).spans);
        line.spans.push(Span::raw("  "));
        let left = self.columns.saturating_sub(paint::columns(&line));
        line.spans.extend(paint::cut(vec![text], left, theme).spans);
        line
    }

    /// Cut or filled up to exactly so many columns.
    fn filled(&self, spans: Vec<Span<'static>>, columns: u16) -> Line<'static> {
        let mut line = paint::cut(spans, columns, self.theme);
        let gap = columns.saturating_sub(paint::columns(&line));
        line.spans.push(Span::raw(" ".repeat(usize::from(gap))));
        line
    }

    /// What the selected row means and what comes of it, or what went wrong.
    fn explanation(&self, app: &App, selected: Option<&SettingRow>) -> Vec<Line<'static>> {
        if let Some(failed) = app.status.as_ref().filter(|status| status.kind == StatusKind::Error) {
            return popup::wrapped(&failed.text, self.columns, Role::Error, self.theme);
        }
        let Some(row) = selected else { return Vec::new() };
        let mut lines = popup::wrapped(&row.meaning, self.columns, Role::Text, self.theme);
        if let Some(outcome) = &row.outcome {
            let mut text = outcome.text.chars();
            let start = text.next().into_iter().flat_map(char::to_uppercase);
            let text: String = start.chain(text).collect();
            lines.extend(popup::wrapped(&text, self.columns, Role::Dim, self.theme));
        }
        lines
    }
}
