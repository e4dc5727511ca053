//! Where things stand on the screen.
//!
//! ```text
//! wide and medium                        narrow: one pane, by focus
//! ┌ rooms ────┬ header ────────────────┐ ┌ header ───────────────┐
//! │           │ ────────────────────── │ │ ───────────────────── │
//! │           │ timeline               │ │ timeline              │
//! │           │ ───── typing · below ─ │ │ ─── typing · below ── │
//! │           │ composer               │ │ composer              │
//! └ status ───┴────────────────────────┘ └ status ───────────────┘
//! ```
//!
//! This is arithmetic only, so that it can be tested as a table: every part has its rows at every
//! size, or is not there at all.

use ratatui::layout::Rect;

/// From this width on there are two panes.
const NARROW: u16 = 72;
/// From this width on the room list is generous.
const WIDE: u16 = 100;
/// Below this there is no point in drawing.
const SMALLEST: (u16, u16) = (20, 6);
/// Below this height the rule under the header gives its row to the timeline.
const LOW: u16 = 12;
/// The composer grows to this many rows.
pub const COMPOSER_ROWS: u16 = 8;

/// The parts of the main screen. A part that has no place is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// The room list with its heading.
    pub rooms: Rect,
    /// The column between the panes.
    pub divider: Rect,
    /// Name and facts of the open room.
    pub header: Rect,
    /// The rule under it.
    pub header_rule: Rect,
    /// The messages.
    pub timeline: Rect,
    /// The rule above the composer, which says who is typing and what is below.
    pub composer_rule: Rect,
    /// What is being written.
    pub composer: Rect,
    /// The last row of the screen.
    pub status: Rect,
}

/// Whether the screen is too small for anything but a sentence.
pub fn is_tiny(screen: Rect) -> bool {
    screen.width < SMALLEST.0 || screen.height < SMALLEST.1
}

/// The columns of the composer, known before its rows are.
pub fn composer_columns(screen: Rect) -> u16 {
    screen.width - rooms_columns(screen.width).map_or(0, |columns| columns + 1)
}

/// Columns of the room list beside the open room; `None` when there is one pane only.
fn rooms_columns(width: u16) -> Option<u16> {
    match width {
        0..NARROW => None,
        NARROW..WIDE => Some((width * 3 / 10).clamp(20, 26)),
        _ => Some((width / 5).clamp(26, 34)),
    }
}

/// Divides the main screen. `rooms_in_front` decides what a narrow one shows; `writing` is how many
/// rows the composer wants.
pub fn areas(screen: Rect, rooms_in_front: bool, writing: u16) -> Areas {
    let (upper, status) = split_bottom(screen, 1);
    let mut areas = Areas { status, ..Areas::default() };
    let right = match rooms_columns(screen.width) {
        Some(columns) => {
            let (rooms, rest) = split_left(upper, columns);
            let (divider, right) = split_left(rest, 1);
            (areas.rooms, areas.divider) = (rooms, divider);
            right
        }
        None if rooms_in_front => {
            areas.rooms = upper;
            return areas;
        }
        None => upper,
    };
    let (header, rest) = split_top(right, 1);
    let (header_rule, rest) = split_top(rest, u16::from(screen.height >= LOW));
    let composer_rows = writing.clamp(1, COMPOSER_ROWS).min((rest.height / 3).max(1));
    let (rest, composer) = split_bottom(rest, composer_rows);
    let (timeline, composer_rule) = split_bottom(rest, 1);
    Areas { header, header_rule, timeline, composer_rule, composer, ..areas }
}

/// A popup of at most this size in the middle of the screen, a little above the centre.
pub fn popup(screen: Rect, columns: u16, rows: u16) -> Rect {
    let width = columns.min(screen.width.saturating_sub(if screen.width < NARROW { 0 } else { 4 }));
    let height = rows.min(screen.height.saturating_sub(if screen.height < LOW { 0 } else { 2 }));
    Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 3, width, height }
}

/// Without its outermost columns.
pub fn inset(area: Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width / 2);
    Rect { x: area.x + columns, width: area.width - 2 * columns, ..area }
}

/// The first rows, and the others.
pub fn split_top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

/// The others, and the last rows.
pub fn split_bottom(area: Rect, rows: u16) -> (Rect, Rect) {
    split_top(area, area.height - rows.min(area.height))
}

/// The first columns, and the others.
pub fn split_left(area: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    (Rect { width: columns, ..area }, Rect { x: area.x + columns, width: area.width - columns, ..area })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(area: Rect) -> u32 {
        area.area()
    }

    #[test]
    fn the_parts_cover_the_screen_exactly_at_every_size() {
        for width in 20..220 {
            for height in 6..70 {
                for (in_front, writing) in [(false, 1), (true, 3), (false, 50)] {
                    let screen = Rect::new(0, 0, width, height);
                    let a = areas(screen, in_front, writing);
                    let parts = [
                        a.rooms,
                        a.divider,
                        a.header,
                        a.header_rule,
                        a.timeline,
                        a.composer_rule,
                        a.composer,
                        a.status,
                    ];
                    assert_eq!(parts.into_iter().map(cells).sum::<u32>(), cells(screen), "{screen:?}");
                    assert!(a.timeline.height >= 1 || a.rooms.height >= 5, "{screen:?} {a:?}");
                    assert!(a.composer.is_empty() || a.composer.width == composer_columns(screen));
                }
            }
        }
    }

    #[test]
    fn the_room_list_has_26_to_34_columns_when_wide_and_the_whole_screen_when_narrow() {
        let rooms = |width, in_front| areas(Rect::new(0, 0, width, 24), in_front, 1).rooms.width;
        let cases =
            [(60, false, 0), (60, true, 60), (71, false, 0), (80, false, 24), (100, false, 26), (200, true, 34)];
        for (width, in_front, expected) in cases {
            assert_eq!(rooms(width, in_front), expected, "{width}");
        }
    }

    #[test]
    fn the_composer_grows_to_eight_rows_and_never_to_more_than_a_third() {
        let composer = |height, writing| areas(Rect::new(0, 0, 80, height), false, writing).composer.height;
        assert_eq!(
            [composer(60, 1), composer(60, 8), composer(60, 40), composer(12, 40), composer(6, 40)],
            [1, 8, 8, 3, 1]
        );
    }

    #[test]
    fn a_popup_stays_on_the_screen() {
        assert_eq!(popup(Rect::new(0, 0, 200, 60), 90, 40), Rect::new(55, 6, 90, 40));
        assert_eq!(popup(Rect::new(0, 0, 60, 20), 90, 40), Rect::new(0, 0, 60, 18));
    }
}
