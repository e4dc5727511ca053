//! `:devices`: the open room's last own messages against devices.
//!
//! ```text
//! 14:03  Bring a coat.                          ○ ○  ? ?
//! 13:58  See you at eight.                      ● ○  × ●
//! Ada · Ada's phone ADAPHONE             1/2  ──┘ │  │ │
//! Ada · kvitto on laptop ADALAPTOP       0/2  ────┘  │ │
//! @bob:example.org · Bob's desktop       0/2  ───────┘ │
//! @bob:example.org · JLAFKJWSCS          1/2  ─────────┘
//! ```
//!
//! The names of devices are long and their columns narrow. So the heads stand below, one row each,
//! and a line leads from a name to its column; how many of the messages that were for it a device
//! has, stands between. The heads stay where they are while the messages scroll. Devices that do
//! not fit are scrolled to from the side.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    app::{
        App, eligibility,
        layout::ScreenFacts,
        screens::{
            DeviceTable,
            device_table::{Column, Table, TableRow},
        },
    },
    view::{
        canvas::Canvas,
        hints, message, paint,
        popup::{self, Sheet},
        theme::{Role, Theme},
        ticks, words, wrap,
    },
};

const TITLE: &str = "Messages against devices";
/// Columns of the popup, at most.
const WIDEST: u16 = 120;
/// The columns that a message's time and text keep, at least.
const TEXT: u16 = 24;

/// Draws it.
pub fn draw(app: &App, screen: &DeviceTable, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) -> ScreenFacts {
    let (scroll, shift) = (screen.scroll.at, screen.shift);
    let columns = popup::columns(area, WIDEST);
    let table = app.table();
    if table.rows.is_empty() {
        let rows = popup::wrapped(&empty(app), columns, Role::Text, theme);
        return popup::draw_text(TITLE, WIDEST, &rows, scroll, theme, canvas, area);
    }
    // Names take half the height, at most.
    let most = (popup::height(area) / 2).max(1);
    let fits = |from: usize| fit(&table.columns[from..], columns.saturating_sub(TEXT), most);
    let all = table.columns.len();
    let max_shift = (0..all).find(|from| from + fits(*from) >= all).unwrap_or(0);
    let shift = shift.min(max_shift);
    let sheet = Grid { app, theme, columns, table: &table, from: shift, to: shift + fits(shift) };
    let item = |at: usize, first: bool| sheet.message(at, first);
    let foot = sheet.heads();
    let sheet = Sheet {
        title: TITLE,
        widest: WIDEST,
        items: table.rows.len(),
        item: &item,
        head: &[],
        cursor: None,
        foot: &foot,
    };
    ScreenFacts { max_shift, ..sheet.draw(scroll, theme, canvas, area) }
}

/// Says why there is nothing.
fn empty(app: &App) -> String {
    let room = app.timelines.shown().and_then(|open| app.rooms.get(&open.id.room_id));
    match room.and_then(|room| app.room_eligibility(room).withheld()) {
        Some(reason) => {
            format!("Receipts are not asked for in this room. {} ({})", reason.sentence(), reason.rule())
        }
        None => "There is no message of yours here whose delivery was recorded on this device.".to_owned(),
    }
}

/// How many of these devices fit.
fn fit(devices: &[Column<'_>], columns: u16, most: usize) -> usize {
    let mut taken = 0;
    let fits = |at: &usize| {
        taken += gap(devices, *at) + 1;
        taken <= usize::from(columns)
    };
    let fitting = (0..devices.len().min(most)).take_while(fits).count();
    fitting.max(1).min(devices.len())
}

/// The columns between a device and the one before it.
fn gap(devices: &[Column<'_>], at: usize) -> usize {
    match at.checked_sub(1) {
        None => 0,
        Some(before) if devices[before].user_id == devices[at].user_id => 1,
        Some(_) => 2,
    }
}

/// The devices on screen, and all messages.
struct Grid<'a> {
    app: &'a App,
    theme: Theme,
    columns: u16,
    table: &'a Table<'a>,
    from: usize,
    to: usize,
}

impl Grid<'_> {
    fn devices(&self) -> &[Column<'_>] {
        &self.table.columns[self.from..self.to]
    }

    /// A message's row, under its day where another one begins.
    fn message(&self, at: usize, first: bool) -> Vec<Line<'static>> {
        let (theme, zone) = (self.theme, &self.app.time_zone);
        let row = &self.table.rows[at];
        let day = |at: usize| words::day(self.table.rows[at].message.at, zone);
        let mut rows = Vec::new();
        if first || at.checked_sub(1).is_none_or(|newer| day(newer) != day(at)) {
            rows.push(Line::styled(
                wrap::cut(&day(at), self.columns, theme.symbols().ellipsis),
                theme.role(Role::Heading),
            ));
        }
        let time = Span::styled(format!("{}  ", words::clock(row.message.at, zone)), theme.role(Role::Dim));
        let text = Span::raw(message::one_line(&row.message.body));
        rows.push(paint::both(vec![time, text], self.cells(row), self.columns, theme));
        rows
    }

    /// One glyph a device; where no device counts, the mark.
    fn cells(&self, row: &TableRow<'_>) -> Vec<Span<'static>> {
        if row.cells.iter().all(Option::is_none) {
            return ticks::mark(&eligibility::mark(row.delivery), self.theme);
        }
        let cells = row.cells[self.from..self.to].iter().enumerate();
        let spans = cells.flat_map(|(at, cell)| {
            let blank = Span::raw(" ".repeat(gap(self.devices(), at)));
            [blank, cell.map_or(Span::raw(" "), |state| ticks::device(state, self.theme))]
        });
        spans.collect()
    }

    /// The names of the columns, and how many more there are to the sides.
    fn heads(&self) -> Vec<Line<'static>> {
        let mut rows: Vec<_> = (0..self.devices().len()).map(|at| self.head(at)).collect();
        let hidden = [
            (self.from, "list-previous", "to the left"),
            (self.table.columns.len() - self.to, "list-next", "to the right"),
        ];
        let mut counted = false;
        let hidden = hidden.into_iter().filter(|(count, ..)| *count > 0).map(|(count, action, side)| {
            let key = hints::key(self.app, action).map(|key| format!(" ({key})")).unwrap_or_default();
            let devices = if std::mem::replace(&mut counted, true) {
                count.to_string()
            } else {
                words::count(u64::try_from(count).unwrap_or(u64::MAX), "more device", "more devices")
            };
            format!("{devices} {side}{key}")
        });
        let said = hidden.collect::<Vec<_>>().join(", ");
        if !said.is_empty() {
            rows.push(Line::styled(
                wrap::cut(&said, self.columns, self.theme.symbols().ellipsis),
                self.theme.role(Role::Dim),
            ));
        }
        rows
    }

    /// `Ada · Ada's phone ADAPHONE   1/2  ──┘ │  │ │`.
    fn head(&self, at: usize) -> Line<'static> {
        let (theme, symbols) = (self.theme, self.theme.symbols());
        let devices = self.devices();
        let device = &devices[at];
        let who = if device.person.is_empty() { device.user_id.to_string() } else { device.person.to_string() };
        let id = device.device_id.map_or("any device".to_owned(), ToString::to_string);
        let mut name = vec![
            Span::styled(who, theme.role(Role::Heading)),
            Span::styled(format!(" {} ", symbols.dot), theme.role(Role::Dim)),
        ];
        if device.name.is_empty() {
            name.push(Span::raw(id));
        } else {
            name.extend([Span::raw(device.name.to_string()), Span::styled(format!(" {id}"), theme.role(Role::Dim))]);
        }
        let mut right = vec![Span::styled(
            format!("{:>5} ", format!("{}/{}", device.delivered, device.expected)),
            theme.role(health(device)),
        )];
        let mut lines = symbols.horizontal.to_owned();
        for other in 0..devices.len() {
            let (between, sign) = match other {
                _ if other < at => (symbols.horizontal, symbols.horizontal),
                _ if other == at => (symbols.horizontal, symbols.corner),
                _ => (" ", symbols.vertical),
            };
            lines.push_str(&between.repeat(gap(devices, other)));
            lines.push_str(sign);
        }
        right.push(Span::styled(lines, theme.role(Role::Rule)));
        paint::both(name, right, self.columns, theme)
    }
}

/// How a device does, over all messages: what is worst of it.
fn health(device: &Column<'_>) -> Role {
    match device {
        Column { undecryptable: 1.., .. } => Role::Error,
        Column { missed: 1.., .. } => Role::Warning,
        Column { delivered, expected, .. } if delivered == expected => Role::Delivered,
        _ => Role::Dim,
    }
}
