//! The timeline: what of it is on screen, and how it looks.
//!
//! The problem: a room may have 100,000 items of unknown heights, and a frame has 4 ms. The way:
//! lay out from the app's [`Anchor`] outwards, item by item, until the area is full; what is not
//! seen is never looked at. An item's rows depend on itself and the item before it only, so the
//! same item has the same rows wherever the layout begins.

use std::collections::VecDeque;

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    canvas::Canvas,
    layout, message,
    message::{Beside, Look},
    paint,
    theme::{Role, Theme},
    words, wrap,
};
use crate::{
    app::{
        App, Focus,
        layout::{Row, Target, TimelineFacts},
        timeline::{Anchor, Edge, OpenTimeline},
    },
    model::{Pagination, TimelineItemKind},
    settings::ui::Times,
};

/// Beyond this width text is hard to read, and a mark is far from its message.
const WIDEST: u16 = 120;
/// Columns left of the text: the selection's bar and a space.
const INDENT: u16 = 2;

/// Draws the open room's timeline, and says what of it is on screen.
pub fn draw(
    app: &App,
    open: &OpenTimeline,
    theme: Theme,
    canvas: &mut Canvas<'_, '_>,
    area: Rect,
) -> Option<TimelineFacts> {
    canvas.hit(area, Target::Timeline);
    if open.items.is_empty() {
        empty(open, theme, canvas, area);
        return None;
    }
    let columns = area.width.min(WIDEST).saturating_sub(INDENT + 1);
    let timeline = Timeline { app, open, look: Look { theme, columns, zone: &app.time_zone } };
    // Whatever stands last has a row, or the end could not be seen.
    let end = (0..open.items.len()).rfind(|index| !timeline.is_hidden(*index))?;
    let placed = lay_out(&open.anchor, end, usize::from(area.height), &|index| timeline.rows(index));
    let selected = open.selection.as_ref().map(|place| place.index);
    let bar = theme.role(if app.focus == Focus::Timeline { Role::Accent } else { Role::Dim });

    // A timeline that does not fill the area stands at its lower edge, where it will grow.
    let top = usize::from(area.height) - placed.len();
    let text = layout::split_left(area, INDENT).1;
    for (at, (place, line)) in placed.iter().enumerate() {
        paint::row(canvas, text, top + at, line);
        canvas.hit_row(area, top + at, Target::TimelineItem(place.item));
        if Some(place.item) == selected && !line.spans.is_empty() {
            paint::row(canvas, area, top + at, &Line::styled(theme.symbols().bar, bar));
        }
    }
    let (first, last) = (placed.front()?.0, placed.back()?.0);
    let at_end = last.item == end && last.row + 1 == timeline.rows(end).len();
    Some(TimelineFacts { first, last, at_end })
}

/// Says why there is nothing.
fn empty(open: &OpenTimeline, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let text = match open.pagination {
        Pagination::Idle | Pagination::Loading => "Loading messages…",
        Pagination::ReachedStart => "No messages yet. Write the first one below.",
    };
    paint::centred(canvas, area, &[Line::styled(theme.text(text), theme.role(Role::Dim))]);
}

/// Everything that rows are made from.
struct Timeline<'a> {
    app: &'a App,
    open: &'a OpenTimeline,
    look: Look<'a>,
}

type Placed<'a> = VecDeque<(Row, Line<'a>)>;

/// The rows on screen, from top to bottom: at most `height`, and fewer only when there are no more.
/// `rows` gives all rows of the item at an index up to `end`; it is asked for no item that is not
/// on screen, but at most one.
fn lay_out<'a>(anchor: &Anchor, end: usize, height: usize, rows: &dyn Fn(usize) -> Vec<Line<'a>>) -> Placed<'a> {
    let (item, split, edge) = match anchor {
        Anchor::Newest => (end, usize::MAX, Edge::Bottom),
        Anchor::Row { place, row, edge: Edge::Bottom } => (place.index.min(end), row.saturating_add(1), Edge::Bottom),
        Anchor::Row { place, row, edge: Edge::Top } => (place.index.min(end), *row, Edge::Top),
    };
    let numbered = |item: usize| rows(item).into_iter().enumerate().map(move |(row, line)| (Row { item, row }, line));
    let mut above: Vec<_> = numbered(item).collect();
    // A row beyond the item's end means its last row.
    let below = above.split_off(split.min(above.len() - usize::from(edge == Edge::Top && !above.is_empty())));

    let items_above = (0..item).rev().flat_map(|item| numbered(item).rev());
    let items_below = (item + 1..=end).flat_map(numbered);
    let mut up = above.into_iter().rev().chain(items_above);
    let mut down = below.into_iter().chain(items_below);
    let mut placed = Placed::new();
    let upwards_first = edge == Edge::Bottom;
    for upwards in [upwards_first, !upwards_first] {
        while placed.len() < height {
            match if upwards { up.next() } else { down.next() } {
                Some(row) if upwards => placed.push_front(row),
                Some(row) => placed.push_back(row),
                None => break,
            }
        }
    }
    placed
}

impl<'a> Timeline<'a> {
    /// What is nothing, and an unread line that says nothing, see [`OpenTimeline::unread_line`]:
    /// they have no rows.
    fn is_hidden(&self, index: usize) -> bool {
        self.open.items.get(index).is_some_and(|item| match item.kind {
            TimelineItemKind::Nothing => true,
            TimelineItemKind::UnreadLine => !self.open.unread_line,
            _ => false,
        })
    }

    /// All rows of one item.
    fn rows(&self, index: usize) -> Vec<Line<'a>> {
        let Some(item) = self.open.items.get(index) else { return Vec::new() };
        let before = (0..index).rfind(|before| !self.is_hidden(*before));
        let before = before.and_then(|before| self.open.items.get(before)).map(|item| &item.kind);
        let theme = self.look.theme;
        let mut rows = Vec::new();
        match &item.kind {
            TimelineItemKind::Message(message) => {
                let shown = self.app.settings.ui.times;
                let continues =
                    matches!(before, Some(TimelineItemKind::Message(before)) if message::continues(message, before));
                if !continues {
                    rows.extend(before.map(|_| Line::default()));
                    rows.push(message::header(message, shown != Times::Off, self.look));
                }
                let mark = self.app.mark(index);
                let selected = self.open.selection.as_ref().is_some_and(|place| place.index == index);
                let (in_clear, timed) = (self.open.came_in_clear(index), continues && shown == Times::All);
                let beside = Beside { mark: mark.as_ref(), selected, in_clear, timed };
                rows.extend(message::rows(message, beside, self.look));
            }
            TimelineItemKind::DayLine(at) => {
                rows.extend(before.map(|_| Line::default()));
                rows.push(self.rule(&words::day(*at, self.look.zone), Role::Dim));
            }
            TimelineItemKind::Nothing => {}
            TimelineItemKind::UnreadLine if self.is_hidden(index) => {}
            TimelineItemKind::UnreadLine => {
                rows.extend(before.map(|_| Line::default()));
                rows.push(self.rule("new messages", Role::Unread));
            }
            TimelineItemKind::Start => {
                rows.push(Line::styled("This is the beginning of the room.", theme.role(Role::Dim)));
            }
            TimelineItemKind::Notice { at, text, .. } => {
                rows.extend(matches!(before, Some(TimelineItemKind::Message(_))).then(Line::default));
                let text = format!("{text}  {}", words::clock(*at, self.look.zone));
                let sign = Span::styled(format!("{} ", theme.symbols().notice), theme.role(Role::Dim));
                self.notice(&text, &sign, &mut rows);
            }
        }
        let traces = self.open.traces_after(index);
        if !traces.is_empty() {
            let sign = Span::styled(format!("{} ", theme.symbols().notice), theme.role(Role::Warning));
            self.notice(&words::traces(traces, self.look.zone), &sign, &mut rows);
        }
        rows
    }

    /// A sentence behind a sign.
    fn notice(&self, text: &str, sign: &Span<'static>, rows: &mut Vec<Line<'a>>) {
        let look = Look { columns: self.look.columns.saturating_sub(2), ..self.look };
        for (row, mut line) in message::sentence(text, Role::Dim, look).into_iter().enumerate() {
            line.spans.insert(0, if row == 0 { sign.clone() } else { Span::raw("  ") });
            rows.push(line);
        }
    }

    /// `──────── Sunday 22 November 2026 ────────`.
    fn rule(&self, text: &str, role: Role) -> Line<'static> {
        let theme = self.look.theme;
        let sign = theme.symbols().horizontal;
        let text = wrap::cut(text, self.look.columns.saturating_sub(6), theme.symbols().ellipsis);
        let left = self.look.columns.saturating_sub(wrap::width(&text) + 2);
        let line = |columns: u16| Span::styled(sign.repeat(usize::from(columns)), theme.role(Role::Rule));
        let word = Span::styled(format!(" {text} "), theme.role(role));
        Line::from(vec![line(left / 2), word, line(left - left / 2)])
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::{
        app::{event::Event, timeline::ItemPosition},
        model::ItemKey,
        settings::{Change, Config},
        view::fixture::{chatting, drawn, happen},
    };

    /// Lays out items of two rows each; returns the first and last row, and the items that were
    /// asked for.
    fn laid_out(anchor: &Anchor, items: usize, height: usize) -> (Row, Row, Vec<usize>) {
        let asked = RefCell::new(Vec::new());
        let rows = |item| {
            asked.borrow_mut().push(item);
            vec![Line::raw("one"), Line::raw("two")]
        };
        let placed = lay_out(anchor, items - 1, height, &rows);
        assert_eq!(placed.len(), height.min(2 * items));
        (placed.front().unwrap().0, placed.back().unwrap().0, asked.into_inner())
    }

    fn anchor(index: usize, row: usize, edge: Edge) -> Anchor {
        Anchor::Row { place: ItemPosition { key: ItemKey("key".into()), index }, row, edge }
    }

    #[test]
    fn of_100_000_items_only_those_on_screen_are_looked_at() {
        let row = |item, row| Row { item, row };
        let cases = [
            (Anchor::Newest, row(99_997, 1), row(99_999, 1), vec![99_999, 99_998, 99_997]),
            (anchor(50_000, 0, Edge::Top), row(50_000, 0), row(50_002, 0), vec![50_000, 50_001, 50_002]),
            (anchor(50_000, 0, Edge::Bottom), row(49_998, 0), row(50_000, 0), vec![50_000, 49_999, 49_998]),
            (anchor(50_000, 9, Edge::Bottom), row(49_998, 1), row(50_000, 1), vec![50_000, 49_999, 49_998]),
            (anchor(50_000, 9, Edge::Top), row(50_000, 1), row(50_002, 1), vec![50_000, 50_001, 50_002]),
            (anchor(0, 0, Edge::Bottom), row(0, 0), row(2, 0), vec![0, 1, 2]),
            (anchor(99_999, 1, Edge::Top), row(99_997, 1), row(99_999, 1), vec![99_999, 99_998, 99_997]),
            (anchor(200_000, 0, Edge::Top), row(99_997, 1), row(99_999, 1), vec![99_999, 99_998, 99_997]),
        ];
        for (anchor, first, last, asked) in cases {
            assert_eq!(laid_out(&anchor, 100_000, 5), (first, last, asked), "{anchor:?}");
        }
    }

    #[test]
    fn messages_show_their_times_as_it_is_set() {
        let mut app = chatting();
        let screen = |app: &App| drawn(app, Theme::default(), (80, 40)).text();
        let by_default = screen(&app);
        for times in [Times::All, Times::Off, Times::Groups] {
            let mut settings = Config::default();
            Change::new("ui.timeline.times", "", times).apply(&mut settings);
            happen(&mut app, [Event::Settings(settings)]);
            insta::assert_snapshot!(format!("times_{times:?}").to_lowercase(), screen(&app));
        }
        assert_eq!(screen(&app), by_default);
    }
}
