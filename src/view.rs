//! Draws the state, and only looks.
//!
//! [`draw`] is a function from the app and the theme to a screen. It never waits, locks, reads a
//! file or changes anything, and what it costs depends on what is seen, not on how much there is:
//! the timeline is laid out from its anchor (see `timeline`), long bodies are cut (see `message`).
//! Because only the view knows how high things are, it returns [`LayoutFacts`], which the app takes
//! in before the next event.
//!
//! Colours and signs come from the [`theme`], keys from the table of actions, and every string was
//! made safe for a terminal when it came into [`crate::model`].

mod canvas;
mod completion;
mod editor;
mod endings;
#[cfg(test)]
mod fixture;
mod hints;
mod layout;
mod login;
mod message;
mod paint;
mod popup;
mod room;
mod rooms;
mod screens;
mod status;
mod symbols;
#[cfg(test)]
mod tests;
pub mod theme;
mod ticks;
mod timeline;
mod words;
mod wrap;

use ratatui::{Frame, layout::Rect, text::Line};

use self::{
    canvas::Canvas,
    theme::{Role, Theme},
};
use crate::app::{
    App, Focus, Phase,
    layout::{LayoutFacts, ScreenFacts, Target, TimelineFacts},
};

/// Draws the whole screen, puts the cursor where typing goes on, and says what is on screen and
/// where.
pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>) -> LayoutFacts {
    let mut canvas = Canvas::new(frame);
    let (timeline, screen) = draw_on(app, *theme, &mut canvas);
    LayoutFacts { timeline, screen, hits: canvas.into_hits() }
}

fn draw_on(app: &App, theme: Theme, canvas: &mut Canvas<'_, '_>) -> (Option<TimelineFacts>, Option<ScreenFacts>) {
    let area = canvas.area();
    if layout::is_tiny(area) {
        paint::centred(canvas, area, &[Line::raw(wrap::cut("too small", area.width, ""))]);
        return (None, None);
    }
    let (upper, bottom) = layout::split_bottom(area, 1);
    let timeline = match &app.phase {
        Phase::Starting => {
            login::draw_starting(app, theme, canvas, upper);
            status::draw(app, theme, canvas, bottom);
            None
        }
        Phase::Login(login) => {
            login::draw(app, login, theme, canvas, upper);
            status::draw(app, theme, canvas, bottom);
            None
        }
        Phase::Main => draw_main(app, theme, canvas, area),
    };
    let screen = screens::draw(app, theme, canvas);
    (timeline, screen)
}

fn draw_main(app: &App, theme: Theme, canvas: &mut Canvas<'_, '_>, screen: Rect) -> Option<TimelineFacts> {
    let writing = app
        .timelines
        .shown()
        .map_or(1, |open| room::typed(open, layout::composer_columns(screen), layout::COMPOSER_ROWS).rows.len());
    let rooms_in_front = app.focus == Focus::Rooms || app.timelines.shown().is_none();
    let areas = layout::areas(screen, rooms_in_front, u16::try_from(writing).unwrap_or(u16::MAX));
    status::draw(app, theme, canvas, areas.status);
    if !areas.rooms.is_empty() {
        rooms::draw(app, theme, canvas, areas.rooms, areas.timeline.is_empty());
    }
    draw_divider(app, theme, canvas, &areas);
    let facts = draw_room(app, theme, canvas, &areas);
    completion::draw(app, theme, canvas, &areas);
    facts
}

fn draw_room(app: &App, theme: Theme, canvas: &mut Canvas<'_, '_>, areas: &layout::Areas) -> Option<TimelineFacts> {
    if areas.timeline.is_empty() {
        return None;
    }
    let Some(open) = app.timelines.shown() else {
        room::draw_none(app, theme, canvas, areas.header.union(areas.composer));
        return None;
    };
    room::draw_header(app, open, theme, canvas, layout::inset(areas.header, 2));
    room::draw_header_rule(app, open, theme, canvas, areas.header_rule);
    room::draw_composer_rule(app, open, theme, canvas, areas.composer_rule);
    canvas.hit(areas.composer, Target::Composer);
    room::draw_composer(app, open, theme, canvas, areas);
    timeline::draw(app, open, theme, canvas, areas.timeline)
}

/// The column between the panes, and its junctions with the rules on both sides.
fn draw_divider(app: &App, theme: Theme, canvas: &mut Canvas<'_, '_>, areas: &layout::Areas) {
    let style = theme.role(Role::Rule);
    let [crossing, from_right, from_left] = theme.symbols().junctions;
    let mut part = |rows: Rect, sign| {
        paint::column(canvas, Rect { y: rows.y, height: rows.height, ..areas.divider }, sign, style);
    };
    part(areas.divider, theme.symbols().vertical);
    part(areas.header_rule, if app.timelines.shown().is_some() { crossing } else { from_left });
    part(if app.timelines.shown().is_some() { areas.composer_rule } else { Rect::ZERO }, from_right);
}
