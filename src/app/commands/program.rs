//! Commands about the program, the panes, and which room is open.

use crate::{
    app::command::{Argument, Command},
    client::request::{ReceiptsRequest, SessionRequest},
};
use crate::{
    app::{
        effect::Effect,
        screens::{CommandLine, Help, Screen, Undelivered},
    },
    input::Context,
    model::Connection,
    settings::Change,
};

pub const COMMANDS: &[Command] = &[
    Command::new("quit", "Quit; what is typed is kept", |app, _, _, out| {
        app.save_draft(out);
        app.stop_typing(out);
        out.push(Effect::Quit);
        Ok(())
    })
    .keys(&[(Context::Global, &["Ctrl-Q", "Ctrl-C"])])
    .typed(Argument::Nothing),
    Command::new("suspend", "Put kvitto to the background", |_, _, _, out| {
        out.push(Effect::Suspend);
        Ok(())
    })
    .keys(&[(Context::Global, &["Ctrl-Z"])]),
    Command::new("redraw", "Draw the screen anew", |_, _, _, out| {
        out.push(Effect::Redraw);
        Ok(())
    })
    .keys(&[(Context::Global, &["Ctrl-L"])]),
    Command::new("help", "Show all keys and commands", |app, _, _, _| {
        if !matches!(app.screens.top(), Some(Screen::Help(_))) {
            app.screens.push(Help::default());
        }
        Ok(())
    })
    .keys(&[(Context::Global, &["F1"]), (Context::Browse, &["?"])])
    .typed(Argument::Nothing),
    Command::new("focus-next", "Go to the next pane", |app, _, _, _| {
        app.move_focus(1);
        Ok(())
    })
    .keys(&[(Context::Main, &["Tab"])]),
    Command::new("focus-previous", "Go to the previous pane", |app, _, _, _| {
        app.move_focus(2);
        Ok(())
    })
    .keys(&[(Context::Main, &["Shift-Tab"])]),
    Command::new("previous-room", "Open the room above", |app, _, _, out| {
        app.open_neighbour(false, out);
        Ok(())
    })
    .keys(&[(Context::Main, &["Alt-Up"])]),
    Command::new("next-room", "Open the room below", |app, _, _, out| {
        app.open_neighbour(true, out);
        Ok(())
    })
    .keys(&[(Context::Main, &["Alt-Down"])]),
    Command::new("next-unread", "Open the next room with news", |app, _, _, out| {
        let unread = app.rooms.next_unread(app.timelines.shown().map(|open| &open.id.room_id));
        let room_id = unread.ok_or("There is nothing unread in another room.")?.id.clone();
        app.open_room(&room_id, out);
        Ok(())
    })
    .keys(&[(Context::Main, &["Alt-A"])]),
    Command::new("undelivered", "Show your messages that not every device has, in all rooms", |app, _, now, out| {
        app.screens.push(Undelivered::opened(now));
        out.push(Effect::from(ReceiptsRequest::AskUndelivered));
        Ok(())
    })
    .keys(&[(Context::Browse, &["u"])])
    .typed(Argument::Nothing),
    Command::new("incognito", "Go incognito, or end it", |app, argument, _, out| {
        let (key, id, on) = if argument.is_empty() {
            ("delivery.incognito", "", app.settings.delivery.incognito)
        } else {
            let room_id = &app.joined_room()?.id;
            ("delivery.rooms.*.incognito", room_id.as_str(), app.incognito_in(room_id))
        };
        let change = if on { Change::removed(key, id) } else { Change::new(key, id, true) };
        out.push(Effect::SaveSetting(change));
        Ok(())
    })
    .keys(&[(Context::Main, &["Ctrl-O"])])
    .typed(Argument::OneOf("[room]", &["room"])),
    Command::new("command-line", "Type a command", |app, _, _, _| {
        app.screens.push(CommandLine::default());
        Ok(())
    })
    .keys(&[(Context::Browse, &[":"])]),
    Command::new("reconnect", "Try to connect now, when offline", |app, _, _, out| match app.connection {
        Connection::Offline(_) => {
            out.push(Effect::from(SessionRequest::Reconnect));
            Ok(())
        }
        Connection::Connecting | Connection::Online => Err("kvitto is not offline.".to_owned()),
    })
    .keys(&[(Context::Browse, &["R"])]),
];
