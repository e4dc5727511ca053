//! What is drawn on: a frame of the terminal, and what stands where on it.

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Position, Rect},
    widgets::Widget,
};

use crate::app::layout::{Area, HitAreas, Target};

/// See the module.
pub struct Canvas<'a, 'b> {
    frame: &'a mut Frame<'b>,
    hits: HitAreas,
}

impl<'a, 'b> Canvas<'a, 'b> {
    /// An empty one.
    pub fn new(frame: &'a mut Frame<'b>) -> Self {
        Self { frame, hits: HitAreas::default() }
    }

    /// All of it.
    pub fn area(&self) -> Rect {
        self.frame.area()
    }

    /// Its cells.
    pub fn buffer_mut(&mut self) -> &mut Buffer {
        self.frame.buffer_mut()
    }

    /// Draws a widget.
    pub fn render_widget(&mut self, widget: impl Widget, area: Rect) {
        self.frame.render_widget(widget, area);
    }

    /// Puts the cursor where typing goes on.
    pub fn set_cursor_position(&mut self, position: impl Into<Position>) {
        self.frame.set_cursor_position(position);
    }

    /// This stands here, above whatever was drawn before.
    pub fn hit(&mut self, area: Rect, target: Target) {
        let Rect { x, y, width, height } = area.intersection(self.frame.area());
        self.hits.push(Area { x, y, width, height }, target);
    }

    /// This stands on a row of an area.
    pub fn hit_row(&mut self, area: Rect, row: usize, target: Target) {
        if let Some(row) = u16::try_from(row).ok().filter(|row| *row < area.height) {
            self.hit(Rect { y: area.y + row, height: 1, ..area }, target);
        }
    }

    /// What stands where.
    pub fn into_hits(self) -> HitAreas {
        self.hits
    }
}
