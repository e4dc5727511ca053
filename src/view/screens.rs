//! Draws what stands over the main view: a file for each screen, of the same name as in
//! `app/screens`.

use ratatui::layout::Rect;

use super::{canvas::Canvas, layout, theme::Theme};
use crate::app::{
    App,
    layout::{ScreenFacts, Target},
    screens::{Screen, with_screens},
};

macro_rules! draw {
    ($($name:ident($module:ident)),+ $(,)?) => {
        $(mod $module;)+

        fn draw_one(app: &App, screen: &Screen, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) -> ScreenFacts {
            match screen {
                $(Screen::$name(screen) => $module::draw(app, screen, theme, canvas, area),)+
            }
        }
    };
}
with_screens!(draw);

/// Draws all that are open, one above the other, and says how far the uppermost can be scrolled.
pub fn draw(app: &App, theme: Theme, canvas: &mut Canvas<'_, '_>) -> Option<ScreenFacts> {
    let area = layout::split_bottom(canvas.area(), 1).0;
    if app.screens.cover() {
        canvas.hit(area, Target::Covered);
    }
    app.screens.iter().map(|screen| draw_one(app, screen, theme, canvas, area)).last()
}
