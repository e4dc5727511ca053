//! `:log receipts`: what the user's receipts told to whom, and what was withheld, the latest first.
//!
//! ```text
//! Sunday 22 November 2026
//! 14:03  @ada:example.org in Lake weekend
//!        told that it came, direct
//! 13:40  @mallory:example.org in Night train
//!        withheld ×1000, since 13:02: You had not been in contact with the sender. (P7)
//! ```
//!
//! Below them stands what others said about this user's messages that is not believed.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    app::{App, layout::ScreenFacts, screens},
    model::{LogEntry, Logged, NotBelieved, ReceiptLog, Route, Timestamp},
    view::{
        canvas::Canvas,
        paint,
        popup::{self, Sheet},
        theme::{Role, Theme},
        words, wrap,
    },
};

const TITLE: &str = "What your receipts told";
/// Columns of the popup, at most.
const WIDEST: u16 = 120;
/// From this width on an entry begins in one row.
const ONE_ROW: u16 = 100;
/// Columns of the time, with the space after it.
const TIME: u16 = 7;

/// Draws it.
pub fn draw(
    app: &App,
    screen: &screens::ReceiptLog,
    theme: Theme,
    canvas: &mut Canvas<'_, '_>,
    area: Rect,
) -> ScreenFacts {
    let scroll = screen.scroll.at;
    let columns = popup::columns(area, WIDEST);
    let Some(ReceiptLog { entries, not_believed }) = &screen.log else {
        let rows = popup::wrapped("Looking it up…", columns, Role::Text, theme);
        return popup::draw_text(TITLE, WIDEST, &rows, 0, theme, canvas, area);
    };
    let lies = lies(not_believed, columns, theme);
    if entries.is_empty() {
        let nothing = "Nothing in the last 30 days: nobody was told that a message came, and nothing was withheld.";
        let mut rows = popup::wrapped(nothing, columns, Role::Text, theme);
        rows.extend(lies);
        return popup::draw_text(TITLE, WIDEST, &rows, scroll, theme, canvas, area);
    }
    let item = |at: usize, first: bool| {
        let newer = at.checked_sub(1).filter(|_| !first).map(|newer| entries[newer].at);
        item(app, &entries[at], newer, columns, theme)
    };
    let mut foot = vec![Line::default()];
    let how = "It is kept for 30 days, on this machine only. “/log receipts clear” empties it.";
    foot.extend(popup::wrapped(how, columns, Role::Dim, theme));
    foot.extend(lies);
    Sheet { title: TITLE, widest: WIDEST, items: entries.len(), item: &item, head: &[], cursor: None, foot: &foot }
        .draw(scroll, theme, canvas, area)
}

/// What is not believed: a row for each reason, and none where there was no reason.
fn lies(not_believed: &[NotBelieved], columns: u16, theme: Theme) -> Vec<Line<'static>> {
    if not_believed.is_empty() {
        return Vec::new();
    }
    let mut rows = vec![Line::default()];
    let what = "Not believed of what others claimed, since the start:";
    rows.extend(popup::wrapped(what, columns, Role::Text, theme));
    for NotBelieved { claims, rule, why } in not_believed {
        rows.extend(popup::wrapped(&format!("{claims:>6}  {why} ({rule})"), columns, Role::Dim, theme));
    }
    rows
}

/// An entry, under its day where that is another one than `newer`'s.
fn item(app: &App, entry: &LogEntry, newer: Option<Timestamp>, columns: u16, theme: Theme) -> Vec<Line<'static>> {
    let zone = &app.time_zone;
    let ellipsis = theme.symbols().ellipsis;
    let day = words::day(entry.at, zone);
    let mut rows = Vec::new();
    if newer.is_none_or(|newer| words::day(newer, zone) != day) {
        rows.push(Line::styled(wrap::cut(&day, columns, ellipsis), theme.role(Role::Heading)));
    }
    let room = app.rooms.called(&entry.room_id, &entry.room_name);
    let time = Span::styled(format!("{:<1$}", words::clock(entry.at, zone), usize::from(TIME)), theme.role(Role::Dim));
    let who =
        vec![time, Span::raw(entry.person.to_string()), Span::styled(format!(" in {room}"), theme.role(Role::Dim))];

    let (text, role) = what(app, entry);
    let indent = if columns >= ONE_ROW { columns / 2 } else { TIME };
    let mut said = popup::wrapped(&text, columns.saturating_sub(indent), role, theme).into_iter();
    let mut head = paint::cut(who, if columns >= ONE_ROW { indent - 2 } else { columns }, theme);
    if columns >= ONE_ROW {
        let gap = indent.saturating_sub(paint::columns(&head));
        head.spans.push(Span::raw(" ".repeat(usize::from(gap))));
        head.spans.extend(said.next().map(paint::restyled).unwrap_or_default());
    }
    rows.push(head);
    rows.extend(said.map(|line| {
        let mut spans = vec![Span::raw(" ".repeat(usize::from(indent)))];
        spans.extend(paint::restyled(line));
        Line::from(spans)
    }));
    rows
}

/// What was told, or why not.
fn what(app: &App, entry: &LogEntry) -> (String, Role) {
    let zone = &app.time_zone;
    let times = match (entry.count, words::clock(entry.first, zone), words::clock(entry.at, zone)) {
        (0 | 1, ..) => String::new(),
        (count, first, last) if first == last => format!(" ×{count}"),
        (count, ..) => format!(" ×{count}, since {}", words::near(entry.first, entry.at, zone)),
    };
    let by = |route| match route {
        Route::Native => "native",
        Route::Direct => "direct",
    };
    match entry.what {
        Logged::Delivered { route } => (format!("told that it came, {}{times}", by(route)), Role::Text),
        Logged::Undecryptable { route } => {
            (format!("told that it cannot be decrypted here, {}{times}", by(route)), Role::Warning)
        }
        Logged::Withheld { rule, why } => (format!("withheld{times}: {why} ({rule})"), Role::Dim),
    }
}
