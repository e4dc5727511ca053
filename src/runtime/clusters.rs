//! Rows with clusters of several characters, for terminals that draw them wider than ratatui
//! thinks.
//!
//! A joined emoji takes two columns in terminals of today. Others, such as xterm, draw its parts
//! one beside the other, over what stands there. What is written behind it afterwards covers that;
//! but ratatui writes only cells that have changed, so the others stay covered. So a row that has
//! or had a cluster is written as a whole when anything in it has changed, and with it the row
//! below, since the parts may go over the row's end.

use std::collections::{BTreeSet, HashMap};

use ratatui::{
    buffer::{Buffer, Cell, CellDiffOption, CellWidth},
    layout::Rect,
};

/// The rows that had a cluster when they were drawn last.
#[derive(Debug, Default)]
pub struct Clusters {
    area: Rect,
    rows: HashMap<u16, Vec<Cell>>,
}

impl Clusters {
    /// Marks what is to be written although it has not changed.
    pub fn mark(&mut self, buffer: &mut Buffer) {
        let area = buffer.area;
        if std::mem::replace(&mut self.area, area) != area {
            self.rows.clear();
        }
        let columns = usize::from(area.width).max(1);
        let mut with_clusters = HashMap::new();
        let mut marked = BTreeSet::new();
        for (y, row) in (area.top()..area.bottom()).zip(buffer.content.chunks(columns)) {
            let had = self.rows.remove(&y);
            let has = row.iter().any(is_cluster);
            let changed = had.as_ref().map_or(has, |had| had != row);
            if changed || (has && marked.contains(&y)) {
                marked.extend([y, y + 1]);
            }
            if has {
                with_clusters.insert(y, row.to_vec());
            }
        }
        self.rows = with_clusters;
        for y in marked.into_iter().filter(|y| *y < area.bottom()) {
            for x in area.left()..area.right() {
                buffer[(x, y)].set_diff_option(CellDiffOption::AlwaysUpdate);
            }
        }
    }
}

/// Whether terminals may draw this in another width than it has here.
pub fn is_cluster(cell: &Cell) -> bool {
    cell.symbol().chars().nth(1).is_some() && cell.cell_width() > 1
}

#[cfg(test)]
mod tests {
    use std::{
        cell::RefCell,
        io::{self, Write},
        num::NonZeroU16,
        rc::Rc,
    };

    use proptest::prelude::*;
    use ratatui::{Terminal, TerminalOptions, Viewport};

    use super::*;
    use crate::runtime::backend::DiffBackend;

    const COLUMNS: u16 = 20;
    const ROWS: u16 = 6;

    /// A terminal that draws the parts of a cluster one beside the other.
    #[derive(Clone)]
    struct Screen(Rc<RefCell<vt100::Parser>>);

    fn nonzero(size: u16) -> NonZeroU16 {
        NonZeroU16::new(size).unwrap()
    }

    impl Screen {
        fn new() -> Self {
            Self(Rc::new(RefCell::new(vt100::Parser::new(nonzero(ROWS), nonzero(COLUMNS), 0))))
        }

        fn terminal(&self) -> Terminal<DiffBackend<Self>> {
            let viewport = Viewport::Fixed(Rect::new(0, 0, COLUMNS, ROWS));
            Terminal::with_options(DiffBackend::new(self.clone()), TerminalOptions { viewport }).unwrap()
        }

        fn text(&self) -> Vec<String> {
            self.0.borrow().screen().rows(0, COLUMNS).map(|row| row.trim_end().to_owned()).collect()
        }
    }

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().process(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn draw(terminal: &mut Terminal<DiffBackend<Screen>>, clusters: &mut Clusters, lines: &[String]) {
        let show = |frame: &mut ratatui::Frame<'_>| {
            for (y, line) in (0..ROWS - 1).zip(lines) {
                frame.buffer_mut().set_string(0, y, line, ratatui::style::Style::default());
            }
            clusters.mark(frame.buffer_mut());
        };
        terminal.draw(show).unwrap();
    }

    fn line() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("👨\u{200d}👩\u{200d}👧"),
            Just("🏳\u{fe0f}\u{200d}🌈"),
            Just("1\u{fe0f}\u{20e3}"),
            Just("日"),
            Just("abc"),
            Just(" "),
        ];
        prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_screen_that_was_scrolled_is_as_one_that_is_drawn_anew(
            lines in prop::collection::vec(line(), 20),
            steps in prop::collection::vec(0_usize..14, 1..8),
        ) {
            let screen = Screen::new();
            let (mut terminal, mut clusters) = (screen.terminal(), Clusters::default());
            for step in steps {
                draw(&mut terminal, &mut clusters, &lines[step..]);
                let anew = Screen::new();
                draw(&mut anew.terminal(), &mut Clusters::default(), &lines[step..]);
                prop_assert_eq!(screen.text(), anew.text());
            }
        }
    }

    #[test]
    fn nothing_is_written_where_nothing_has_changed() {
        let mut clusters = Clusters::default();
        let buffer = || Buffer::with_lines(["👨\u{200d}👩\u{200d}👧 family", "no cluster"]);
        let marked = |buffer: &Buffer| {
            buffer.content.iter().filter(|cell| cell.diff_option == CellDiffOption::AlwaysUpdate).count()
        };
        let mut first = buffer();
        clusters.mark(&mut first);
        assert_eq!(marked(&first), first.content.len());
        let mut again = buffer();
        clusters.mark(&mut again);
        assert_eq!(marked(&again), 0);
    }
}
