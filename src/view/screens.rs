//! Draws what stands over the main view: a file for each screen, of the same name as in
//! `app/screens`.

use ratatui::{Frame, layout::Rect};

use super::{layout, theme::Theme};
use crate::app::{
    App,
    layout::ScreenFacts,
    screens::{Screen, with_screens},
};

macro_rules! draw {
    ($($name:ident($module:ident)),+ $(,)?) => {
        $(mod $module;)+

        fn draw_one(app: &App, screen: &Screen, theme: Theme, frame: &mut Frame<'_>, area: Rect) -> ScreenFacts {
            match screen {
                $(Screen::$name(screen) => $module::draw(app, screen, theme, frame, area),)+
            }
        }
    };
}
with_screens!(draw);

/// Draws all that are open, one above the other, and says how far the uppermost can be scrolled.
pub fn draw(app: &App, theme: Theme, frame: &mut Frame<'_>) -> Option<ScreenFacts> {
    let area = layout::split_bottom(frame.area(), 1).0;
    app.screens.iter().map(|screen| draw_one(app, screen, theme, frame, area)).last()
}
