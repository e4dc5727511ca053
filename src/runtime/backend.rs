//! A terminal that is not written to when there is nothing new to show.
//!
//! ratatui compares cells, but for every frame, also for an unchanged one, it resets colours and
//! moves the cursor: over a slow line that is traffic, on a battery it is a wake-up of the
//! terminal. It also asks the terminal where the cursor is before it clears, and waits for the
//! answer, which here would be taken for typing. So this stands between the two: it remembers where
//! the cursor is, writes only what differs, and brackets each frame that does (mode 2026), so that
//! terminals that know the bracket never show half of one.

use std::io::{self, Write};

use crossterm::{
    cursor::{Hide, MoveTo, Show},
    queue,
    terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate},
};
use ratatui::{
    backend::{Backend, ClearType, CrosstermBackend, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};

use super::clusters::is_cluster;

/// See the module.
pub struct DiffBackend<W: Write> {
    inner: CrosstermBackend<W>,
    /// Where the cursor shall be, if it shall be seen.
    wanted: Option<Position>,
    /// Where it is seen.
    shown: Option<Position>,
    /// Where it was put last, seen or not.
    position: Position,
    /// Something of this frame has been written.
    begun: bool,
}

impl<W: Write> DiffBackend<W> {
    /// Writes to `writer`, which should gather what it is given until it is flushed. The cursor is
    /// taken to be hidden.
    pub fn new(writer: W) -> Self {
        let inner = CrosstermBackend::new(writer);
        Self { inner, wanted: None, shown: None, position: Position::ORIGIN, begun: false }
    }

    fn begin(&mut self) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            self.shown = None;
            queue!(self.inner, BeginSynchronizedUpdate, Hide)?;
        }
        Ok(())
    }
}

impl<W: Write> Backend for DiffBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content: Vec<_> = content.collect();
        if content.is_empty() {
            return Ok(());
        }
        self.begin()?;
        // ratatui clears the second half of some clusters when it has written them, and in many
        // terminals the first with it.
        for at in 1..content.len() {
            let ((x, y, before), (next, row, _)) = (content[at - 1], content[at]);
            if is_cluster(before) && (next, row) == (x + 1, y) {
                content.swap(at - 1, at);
            }
        }
        // Where the cursor is behind a cluster, terminals do not agree: it is put where it belongs.
        for part in content.split_inclusive(|(_, _, cell)| is_cluster(cell)) {
            self.inner.draw(part.iter().copied())?;
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.wanted = None;
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.wanted = Some(self.position);
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.position)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.position = position.into();
        self.wanted = self.wanted.map(|_| self.position);
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.begin()?;
        self.inner.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.wanted != self.shown {
            self.begin()?;
        }
        if !self.begun {
            return Ok(());
        }
        if let Some(position) = self.wanted {
            queue!(self.inner, MoveTo(position.x, position.y), Show)?;
        }
        queue!(self.inner, EndSynchronizedUpdate)?;
        self.shown = self.wanted;
        self.begun = false;
        Write::flush(&mut self.inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, mem, rc::Rc};

    use ratatui::{Terminal, TerminalOptions, Viewport, layout::Rect};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Rc<RefCell<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written, frame by frame: a text, and where the cursor is.
    fn written(frames: &[(&str, Option<(u16, u16)>)]) -> Vec<String> {
        let viewport = Viewport::Fixed(Rect::new(0, 0, 8, 1));
        let paper = Paper::default();
        let quiet = DiffBackend::new(paper.clone());
        let mut terminal = Terminal::with_options(quiet, TerminalOptions { viewport }).unwrap();
        let mut frame = |(text, cursor): &(&str, Option<(u16, u16)>)| {
            terminal
                .draw(|frame| {
                    frame.render_widget(*text, frame.area());
                    if let Some(cursor) = cursor {
                        frame.set_cursor_position(*cursor);
                    }
                })
                .unwrap();
            String::from_utf8(mem::take(&mut paper.0.borrow_mut())).unwrap().replace('\x1b', "␛")
        };
        frames.iter().map(&mut frame).collect()
    }

    #[test]
    fn an_unchanged_frame_writes_nothing() {
        for cursor in [None, Some((3, 0))] {
            let frames = written(&[("kvitto", cursor), ("kvitto", cursor), ("kvitto", cursor)]);
            assert!(frames[0].contains("kvitto"), "{frames:?}");
            assert_eq!(frames[1..], ["", ""]);
        }
    }

    #[test]
    fn a_moved_cursor_writes_the_cursor_alone() {
        let frames = written(&[("kvitto", Some((3, 0))), ("kvitto", Some((4, 0))), ("kvitto", None)]);
        assert_eq!(frames[1], "␛[?2026h␛[?25l␛[1;5H␛[?25h␛[?2026l");
        assert_eq!(frames[2], "␛[?2026h␛[?25l␛[?2026l");
    }

    #[test]
    fn a_changed_cell_writes_that_cell_and_puts_the_cursor_back() {
        let frames = written(&[("kvitto", Some((0, 0))), ("kvittO", Some((0, 0)))]);
        assert!(frames[1].starts_with("␛[?2026h␛[?25l␛[1;6HO"), "{frames:?}");
        assert!(frames[1].ends_with("␛[1;1H␛[?25h␛[?2026l"), "{frames:?}");
    }
}
