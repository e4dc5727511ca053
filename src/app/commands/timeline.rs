//! Commands in the timeline of the open room.

use crate::app::command::{Argument, Command};
use crate::{
    app::{App, Focus, screens::DeviceTable, timeline::OpenTimeline},
    input::Context,
};

pub const COMMANDS: &[Command] = &[
    Command::new("take", "Take what was not sent here along, into the next room that you open", |app, _, now, _| {
        app.take_texts(now)
    })
    .keys(&[(Context::Timeline, &["t"])])
    .typed(Argument::Nothing),
    Command::new("select-up", "Select the message above", |app, _, _, _| in_timeline(app, OpenTimeline::select_up))
        .keys(&[(Context::Timeline, &["k", "Up"])]),
    Command::new("select-down", "Select the message below", |app, _, _, _| in_timeline(app, OpenTimeline::select_down))
        .keys(&[(Context::Timeline, &["j", "Down"])]),
    Command::new("page-up", "Scroll the timeline up by a page", |app, _, _, _| in_timeline(app, OpenTimeline::page_up))
        .keys(&[(Context::Timeline, &["PgUp", "Ctrl-U"]), (Context::Composer, &["PgUp"])]),
    Command::new("page-down", "Scroll the timeline down by a page", |app, _, _, _| {
        in_timeline(app, OpenTimeline::page_down)
    })
    .keys(&[(Context::Timeline, &["PgDn", "Ctrl-D"]), (Context::Composer, &["PgDn"])]),
    Command::new("oldest", "Go to the oldest message loaded", |app, _, _, _| {
        in_timeline(app, OpenTimeline::select_oldest)
    })
    .keys(&[(Context::Timeline, &["g", "Home"])]),
    Command::new("newest", "Go to the newest message", |app, _, _, _| in_timeline(app, OpenTimeline::follow_newest))
        .keys(&[(Context::Timeline, &["G", "End"])]),
    Command::new("inspect", "Show who received this message, device by device", |app, _, _, out| app.inspect(out))
        .keys(&[(Context::Timeline, &["i"])]),
    Command::new("devices", "Show the last messages against devices", |app, _, _, _| {
        app.screens.push(DeviceTable::default());
        Ok(())
    })
    .keys(&[(Context::Timeline, &["m"])])
    .typed(Argument::Nothing)
    .in_open_room(),
    Command::new("retry", "Send this failed message again", |app, _, _, out| app.retry(out))
        .keys(&[(Context::Timeline, &["r"])]),
    Command::new("discard", "Throw this unsent message away", |app, _, _, _| app.discard())
        .keys(&[(Context::Timeline, &["d"])]),
    Command::new("edit", "Edit this message of yours", |app, _, _, out| app.begin_edit(out))
        .keys(&[(Context::Timeline, &["e"])]),
    Command::new("redact", "Remove this message for everyone", |app, _, _, _| app.redact())
        .keys(&[(Context::Timeline, &["x"])]),
    Command::new("compose", "Write a message", |app, _, _, _| {
        app.in_timeline(|open| open.selection = None);
        app.focus = Focus::Composer;
        Ok(())
    })
    .keys(&[(Context::Timeline, &["Enter", "c"])]),
    Command::new("leave-timeline", "Back to the newest message, then to the rooms", |app, _, _, _| {
        if app.timelines.shown().is_some_and(OpenTimeline::follows_newest) {
            app.focus = Focus::Rooms;
        }
        in_timeline(app, OpenTimeline::follow_newest)
    })
    .keys(&[(Context::Timeline, &["Esc"])]),
];

/// Does something in the open timeline, where there is one.
#[allow(clippy::unnecessary_wraps, reason = "what a row does may be refused")]
fn in_timeline(app: &mut App, act: fn(&mut OpenTimeline)) -> Result<(), crate::app::command::Refusal> {
    app.in_timeline(act);
    Ok(())
}
