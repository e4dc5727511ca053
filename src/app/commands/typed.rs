//! Commands that are typed, and have no keys by default.

use serde_json::json;

use crate::app::{
    App,
    editing::Writing,
    effect::Effect,
    screens::{Question, ReceiptLog},
};
use crate::{
    app::command::{Argument, Command, room_address, user_id},
    client::request::{ReceiptsRequest, RoomsRequest, SessionRequest, TimelineRequest},
};

pub const COMMANDS: &[Command] = &[
    Command::new("dm", "Open or start the direct chat with this person", |_, argument, _, out| {
        out.push(Effect::from(RoomsRequest::DirectChat(user_id(argument)?)));
        Ok(())
    })
    .typed(Argument::Person),
    Command::new("create", "Create an encrypted, private room", |_, argument, _, out| {
        out.push(Effect::from(RoomsRequest::CreateRoom(argument.to_owned())));
        Ok(())
    })
    .typed(Argument::Text("NAME")),
    Command::new("join", "Join a room by its alias or id", |_, argument, _, out| {
        out.push(Effect::from(RoomsRequest::Join(room_address(argument)?)));
        Ok(())
    })
    .typed(Argument::Room),
    Command::new("leave", "Leave this room, or put it away when it has ended", |app, _, _, _| app.ask_to_leave())
        .typed(Argument::Nothing),
    Command::new("invite", "Invite this person into this room", |app, argument, _, out| {
        out.push(Effect::from(RoomsRequest::Invite {
            room_id: app.joined_room()?.id.clone(),
            user: user_id(argument)?,
        }));
        Ok(())
    })
    .typed(Argument::Person)
    .in_joined_room(),
    Command::new("topic", "Set this room's topic", |app, argument, _, out| {
        out.push(Effect::from(RoomsRequest::SetState {
            room_id: app.joined_room()?.id.clone(),
            event_type: "m.room.topic",
            state_key: String::new(),
            content: json!({ "topic": argument, "m.topic": { "m.text": [{ "body": argument }] } }),
        }));
        Ok(())
    })
    .typed(Argument::Text("TEXT"))
    .in_joined_room(),
    Command::new(
        "receipts",
        "Set whether receipts are sent in this room, or to this person; alone: see and change all about them",
        |app, argument, _, out| app.receipts(argument, out),
    )
    .typed(Argument::Other("[auto|on|off|@user:server WHO]")),
    Command::new(
        "log",
        "Show what your receipts told to whom, and what was withheld; clear: forget it",
        |app, argument, _, out| {
            if argument == "receipts" {
                app.screens.push(ReceiptLog::default());
                out.push(Effect::from(ReceiptsRequest::AskReceiptLog));
            } else {
                let question = "Forget what your receipts told, and what was withheld? What was sent stays sent.";
                app.screens.push(
                    Question::new(question, Effect::from(ReceiptsRequest::EmptyReceiptLog)).then(ReceiptLog::default()),
                );
            }
            Ok(())
        },
    )
    .typed(Argument::OneOf("receipts [clear]", &["receipts", "receipts clear"])),
    Command::new(
        "set",
        "Change a setting, a room's for the open one, a person's by KEY @user:server VALUE; KEY alone: say what it is",
        App::set,
    )
    .typed(Argument::Setting),
    Command::new("rekey", "Give the next message in this room a new key, sent to every device", |app, _, _, out| {
        out.push(Effect::from(RoomsRequest::Rekey(app.joined_room()?.id.clone())));
        Ok(())
    })
    .typed(Argument::Nothing)
    .in_joined_room(),
    Command::new("me", "Say what you do", |app, argument, _, out| {
        let room_id = app.timelines.shown().ok_or("Open a room first.")?.id.room_id.clone();
        app.may_write(&room_id)?;
        // Typed in the composer, which is empty now, it may answer something.
        let writing = app.timelines.shown_mut().map(|open| &mut open.writing);
        let writing = writing.filter(|writing| writing.replying().is_some() && writing.composer.is_empty());
        let reply_to = writing.and_then(Writing::end_reply);
        out.push(Effect::from(TimelineRequest::SendEmote { room_id, text: argument.to_owned(), reply_to }));
        Ok(())
    })
    .typed(Argument::Text("TEXT"))
    .in_open_room(),
    Command::new("logout", "Log out and remove this account's data from this machine", |app, _, _, _| {
        let question = "Log out? Keys and unsent messages on this machine are deleted.";
        app.screens.push(Question::new(question, Effect::from(SessionRequest::Logout)));
        Ok(())
    })
    .typed(Argument::Nothing),
];
