//! A list that is searched: the field, and what is found below it.

use ratatui::{
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};

use crate::{
    app::{
        App,
        layout::ScreenFacts,
        screens::{Picker, Screen},
    },
    view::{
        canvas::Canvas,
        editor, paint,
        popup::{self, Sheet},
        theme::{Role, Theme},
        wrap,
    },
};

/// Columns of the popup, at most.
const WIDEST: u16 = 60;

/// Draws it.
pub fn draw(app: &App, picker: &Picker, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) -> ScreenFacts {
    let columns = popup::columns(area, WIDEST);
    let found = picker.found();
    let item = |index: usize, _| {
        let (choice, selected) = (found[index], index == picker.selected);
        let bar = Span::styled(if selected { theme.symbols().bar } else { " " }, theme.role(Role::Accent));
        let style = theme.role(Role::Text);
        let style = if selected { style.add_modifier(Modifier::REVERSED) } else { style };
        let left = vec![bar, Span::styled(choice.text.to_string(), style)];
        let left_over = columns.saturating_sub(wrap::width(&choice.text) + 3);
        let detail = wrap::cut(&choice.detail, left_over, theme.symbols().ellipsis);
        let right = vec![Span::styled(detail, theme.role(Role::Dim))];
        vec![paint::both(left, right, columns, theme)]
    };
    let (before, after) = editor::sides(&picker.field);
    let typed = editor::field(before, after, columns.saturating_sub(1));
    let text = if picker.field.is_empty() {
        Span::styled("type to search", theme.role(Role::Dim))
    } else {
        Span::raw(typed.rows.concat())
    };
    let head = Line::from(vec![Span::styled("/", theme.role(Role::Key)), text]);
    let nothing = Line::styled("Nothing is found by this.", theme.role(Role::Dim));
    let head: Vec<_> = [head].into_iter().chain(found.is_empty().then_some(nothing)).collect();
    let page = popup::height(area).saturating_sub(head.len());
    // Below another screen nothing is typed.
    let is_top = app.screens.top().is_some_and(|top| matches!(top, Screen::Picker(top) if std::ptr::eq(top, picker)));
    let cursor = is_top.then_some(1 + typed.cursor.0);
    let (title, items) = (picker.title, found.len());
    let sheet = Sheet { title, widest: WIDEST, items, item: &item, head: &head, cursor, foot: &[] };
    sheet.draw(picker.selected.saturating_sub(page / 2), theme, canvas, area)
}
