//! Commands in the room list.

use crate::app::command::{Argument, Command};
use crate::{app::composer::Composer, input::Context};

/// As far as the list goes, in rows.
const TO_THE_END: isize = isize::MAX;

pub const COMMANDS: &[Command] = &[
    Command::new("room-up", "Select the room above", |app, _, _, _| {
        app.rooms.move_selection(-1);
        Ok(())
    })
    .keys(&[(Context::Rooms, &["k", "Up"]), (Context::Filter, &["Up"])]),
    Command::new("room-down", "Select the room below", |app, _, _, _| {
        app.rooms.move_selection(1);
        Ok(())
    })
    .keys(&[(Context::Rooms, &["j", "Down"]), (Context::Filter, &["Down"])]),
    Command::new("room-first", "Select the first room", |app, _, _, _| {
        app.rooms.move_selection(-TO_THE_END);
        Ok(())
    })
    .keys(&[(Context::Rooms, &["g", "Home"])]),
    Command::new("room-last", "Select the last room", |app, _, _, _| {
        app.rooms.move_selection(TO_THE_END);
        Ok(())
    })
    .keys(&[(Context::Rooms, &["G", "End"])]),
    Command::new("room-open", "Open the selected room", |app, _, now, out| {
        match app.filtered_command() {
            Some(line) => {
                app.run_line(&line, now, out)?;
                app.rooms.filter = None;
            }
            None => app.open_selected(out),
        }
        Ok(())
    })
    .keys(&[(Context::Rooms, &["Enter"]), (Context::Filter, &["Enter"])]),
    Command::new("filter", "Show only rooms whose name contains …", |app, _, _, _| {
        app.rooms.filter = Some(Composer::default());
        Ok(())
    })
    .keys(&[(Context::Rooms, &["/"])]),
    Command::new("filter-clear", "Show all rooms again", |app, _, _, _| {
        app.rooms.filter = None;
        Ok(())
    })
    .keys(&[(Context::Rooms, &["Esc"]), (Context::Filter, &["Esc"])]),
    Command::new("accept", "Accept the invite; go on in the room that follows an upgraded one", |app, _, _, out| {
        app.accept(out)
    })
    .keys(&[(Context::Rooms, &["a"])])
    .typed(Argument::Nothing),
    Command::new("decline", "Decline the invite; put away a room that has ended", |app, _, _, _| app.decline())
        .keys(&[(Context::Rooms, &["x"])])
        .typed(Argument::Nothing),
];
