//! Changing and removing messages: what is asked before, and what becomes of the text that was
//! being typed.

use std::time::Duration;

use crate::{
    app::{
        Focus,
        editing::DecryptedBy,
        effect::Effect,
        screens::{Question, Screen},
        testing::{Told, changed, delivery, device, live, message, own, room_id, said},
    },
    client::{
        request::{Request, TimelineRequest},
        update::Update,
    },
    model::{Body, Delivery, DeviceState, EventId, SafeText, SendState, Tally, TimelineChange},
};

/// In a room with one own message, `$own`, which is selected.
fn with_own_message(text: &str) -> Told {
    let mut told = Told::in_room(vec![message("$other"), said("$own", text)]);
    told.keys("Esc k");
    told
}

fn save(text: &str) -> Effect {
    Effect::from(TimelineRequest::SaveDraft { timeline_id: live("one"), draft: text.into() })
}

fn edit(text: &str) -> Effect {
    Effect::from(TimelineRequest::Edit {
        room_id: room_id("one"),
        event_id: EventId::new("$own"),
        text: text.to_owned(),
    })
}

fn failed(event: &str, text: &str) -> Update {
    let why = SafeText::line("Refused.");
    Update::EditFailed {
        room_id: room_id("one"),
        event_id: EventId::new(event),
        text: text.to_owned(),
        removed: false,
        why,
    }
}

/// Whether these are among the effects, whatever else is.
fn has(effects: &[Effect], wanted: &Effect) -> bool {
    effects.contains(wanted)
}

#[test]
fn enter_saves_the_edit_and_what_was_being_typed_is_back() {
    let mut told = with_own_message("tpyo");
    told.keys("c");
    told.types("new");
    told.keys("Esc k e");
    assert_eq!((told.typed(), told.app.focus), ("tpyo", Focus::Composer));
    told.keys("Backspace Backspace Backspace");
    told.types("ypo");
    let effects = told.keys("Enter");
    assert!(has(&effects, &edit("typo")), "{effects:?}");
    assert_eq!(told.typed(), "new");
    assert_eq!(told.app.edited_after(), None);
    assert!(has(
        &told.keys("Enter"),
        &Effect::from(TimelineRequest::Send { room_id: room_id("one"), text: "new".to_owned(), reply_to: None })
    ));
}

#[test]
fn esc_stops_the_edit_and_what_was_being_typed_is_back() {
    let mut told = with_own_message("tpyo");
    told.keys("c");
    told.types("new");
    told.keys("Esc k e");
    told.types("!");
    assert_eq!(told.after(Duration::from_secs(1)), [save("new\ntpyo!")], "on disk nothing is missing");
    assert!(has(&told.keys("Esc"), &save("new")));
    assert_eq!((told.typed(), told.app.focus), ("new", Focus::Timeline));
}

#[test]
fn an_edit_that_changes_nothing_sends_nothing() {
    let mut told = with_own_message("as it\nwas");
    told.keys("e");
    assert_eq!(told.keys("Enter"), []);
    assert_eq!(told.typed(), "");
    told.keys("Esc e Ctrl-U Backspace Ctrl-U");
    told.keys("Enter");
    assert_eq!(told.status(), "A message cannot be changed to nothing. Stop editing, and remove it.");
    assert!(told.app.edited_after().is_some());
}

#[test]
fn an_edited_message_is_no_command_whatever_it_begins_with() {
    let mut told = with_own_message("etc");
    told.keys("e Ctrl-A");
    told.types("/");
    assert_eq!(told.app.command_typed(), None);
    assert!(has(&told.keys("Enter"), &edit("/etc")));
}

#[test]
fn a_room_can_be_left_in_the_middle_of_an_edit() {
    let mut told = with_own_message("tpyo");
    told.keys("e");
    told.types("!");
    assert!(has(&told.keys("Alt-Down"), &save("tpyo!")));
    assert_eq!((told.typed(), told.app.edited_after()), ("", None));
    told.keys("Alt-Up");
    assert_eq!(told.typed(), "tpyo!");
    assert!(has(&told.keys("Enter"), &edit("tpyo!")));
}

#[test]
fn an_edit_that_was_refused_comes_back_to_be_corrected() {
    let mut told = with_own_message("tpyo");
    told.keys("c");
    told.types("new");
    let forget = Effect::from(TimelineRequest::ForgetEdit {
        room_id: room_id("one"),
        event_id: EventId::new("$own"),
        removed: false,
    });
    assert_eq!(told.event(failed("$own", "refused")), [save("new\nrefused"), forget], "first kept, then forgotten");
    assert_eq!((told.typed(), told.status()), ("refused", "Refused."));
    assert!(has(&told.keys("Enter"), &edit("refused")));
    assert_eq!(told.typed(), "new");

    told.keys("Esc k e");
    told.types("?");
    told.event(failed("$else", "another"));
    assert_eq!(told.typed(), "tpyo?", "what is being edited stays");
    told.keys("Esc");
    assert_eq!(told.typed(), "new\nanother");
}

#[test]
fn what_was_typed_into_a_message_that_is_removed_meanwhile_is_a_new_one() {
    let mut told = with_own_message("tpyo");
    told.keys("c");
    told.types("new");
    told.keys("Esc k e");
    told.types("!");
    let removed = || TimelineChange::Set(1, changed(said("$own", "tpyo"), |message| message.body = Body::Redacted));
    let effects = told.changes(vec![removed()]);
    assert!(has(&effects, &save("new\ntpyo!")), "{effects:?}");
    assert_eq!((told.typed(), told.app.edited_after()), ("new\ntpyo!", None));
    let sentence = "The message that you were editing was removed. What you typed is kept as a new one.";
    assert_eq!(told.status(), sentence);
    assert!(has(
        &told.keys("Enter"),
        &Effect::from(TimelineRequest::Send { room_id: room_id("one"), text: "new\ntpyo!".to_owned(), reply_to: None })
    ));

    let mut told = with_own_message("/etc");
    told.keys("e");
    told.types("!");
    told.changes(vec![removed()]);
    assert_eq!(told.typed(), "//etc!", "it is no command now");
    let mut told = with_own_message("as it was");
    told.keys("e");
    told.changes(vec![removed()]);
    assert_eq!((told.typed(), told.status()), ("", "The message that you were editing was removed."));
}

#[test]
fn an_edit_of_a_message_that_was_removed_comes_back_as_a_new_one() {
    let mut told = with_own_message("tpyo");
    told.keys("c");
    told.types("new");
    let Update::EditFailed { room_id: room, event_id: event, text, why, .. } = failed("$own", "typo") else {
        panic!("it is one")
    };
    let removed = Update::EditFailed { room_id: room, event_id: event, text, removed: true, why };
    let forget = Effect::from(TimelineRequest::ForgetEdit {
        room_id: room_id("one"),
        event_id: EventId::new("$own"),
        removed: true,
    });
    assert_eq!(told.event(removed.clone()), [save("new\ntypo"), forget.clone()]);
    assert_eq!((told.typed(), told.status(), told.app.edited_after()), ("new\ntypo", "Refused.", None));
    assert_eq!(told.event(removed), [forget], "once");
}

#[test]
fn a_message_that_was_not_sent_can_be_taken_back() {
    let refused = SendState::Failed(SafeText::line("No."));
    let unsent = |text: &str| {
        changed(own("$unsent", refused.clone()), |message| {
            (message.event_id, message.source) = (None, Some(SafeText::block(text)));
        })
    };
    let mut told = Told::in_room(vec![message("$other"), unsent("long")]);
    told.keys("Esc k e");
    assert_eq!((told.typed(), told.app.focus, told.app.edited_after()), ("long", Focus::Composer, None));
    told.keys("Ctrl-U");
    told.types("new");
    let effects = told.keys("Esc k e");
    let discard =
        |effect: &Effect| matches!(effect, Effect::Client(Request::Timeline(TimelineRequest::Discard { .. })));
    let (kept, thrown) = (effects.iter().position(|e| *e == save("new\nlong")), effects.iter().position(discard));
    assert!(kept.is_some() && kept < thrown, "{effects:?}");
    assert_eq!(told.typed(), "new\nlong");

    let waves = changed(unsent("waves"), |message| message.body = Body::Emote(Vec::new()));
    let mut told = Told::in_room(vec![waves]);
    told.keys("Esc k e");
    assert_eq!(told.typed(), "/me waves");
    let mut told = Told::in_room(vec![said("$own", "edited"), unsent("long")]);
    told.keys("Esc k k e Tab Tab j e");
    assert_eq!((told.status(), told.typed()), ("Save or stop the edit first.", "edited"));
}

#[test]
fn only_own_text_that_is_on_the_server_can_be_edited() {
    let waiting = changed(own("$waits", SendState::Waiting), |message| message.source = Some(SafeText::block("x")));
    for (item, refusal) in [
        (message("$other"), "Only your own messages can be edited."),
        (own("$picture", SendState::Sent), "Only text can be edited."),
        (waiting, "This message is not sent yet."),
    ] {
        let mut told = Told::in_room(vec![item]);
        told.keys("Esc k e");
        assert_eq!((told.status(), told.app.edited_after()), (refusal, None));
    }
    let mut told = Told::in_room(vec![said("$first", "1"), said("$second", "2")]);
    told.keys("Esc k e Tab Tab k e");
    assert_eq!((told.status(), told.typed()), ("Save or stop the other edit first.", "2"));
}

/// A delivery of which these devices of one person are known.
fn known(states: &[DeviceState], tally: Option<Tally>) -> Delivery {
    let devices: Vec<_> = states.iter().enumerate().map(|(n, state)| device(&n.to_string(), state.clone())).collect();
    Delivery { tally, ..delivery("$own", &[("@ada:x", &devices)]) }
}

#[test]
fn who_changes_or_removes_a_message_is_told_who_has_it_already() {
    use DeviceState::{Pending, Undecryptable, Unknown};
    let has = DeviceState::Delivered { at: None };
    let tally = Some(Tally { users: 40, delivered: 57, undecryptable: 1, expected: 90, ..Tally::default() });
    for (delivery, expected, sentence) in [
        (None, DecryptedBy::Nothing, "Who has already decrypted it is not known."),
        (Some(known(&[], None)), DecryptedBy::Nothing, "Who has already decrypted it is not known."),
        (
            Some(known(&[Pending, Unknown, Undecryptable { at: None }], None)),
            DecryptedBy::Nobody,
            "No device is known to have decrypted it yet.",
        ),
        (Some(known(&[has.clone(), Pending], None)), DecryptedBy::Devices(1), "1 device has already decrypted it."),
        (
            Some(known(&[has.clone(), has.clone()], None)),
            DecryptedBy::Devices(2),
            "2 devices have already decrypted it.",
        ),
        (Some(known(&[has], tally)), DecryptedBy::Devices(57), "57 devices have already decrypted it."),
    ] {
        let mut told = with_own_message("text");
        let deliveries = delivery.into_iter().collect();
        told.event(Update::Deliveries { room_id: room_id("one"), deliveries });
        told.keys("x");
        let Some(Screen::Question(Question { text, on_yes, .. })) = told.app.screens.top().cloned() else {
            panic!("no question")
        };
        assert_eq!(&*text, format!("Remove this message for everyone? {sentence}"));
        assert_eq!(told.keys("y"), std::slice::from_ref(&on_yes));
        assert_eq!(
            on_yes,
            Effect::from(TimelineRequest::Redact { room_id: room_id("one"), event_id: EventId::new("$own") })
        );
        told.keys("e");
        assert_eq!(told.app.edited_after(), Some(expected));
    }
}

#[test]
fn others_messages_can_be_removed_too_and_nothing_twice() {
    let mut told = Told::in_room(vec![message("$other")]);
    told.keys("Esc k x");
    let Some(Screen::Question(question)) = told.app.screens.top() else { panic!("no question") };
    assert!(question.text.ends_with("is known to its sender alone."), "{question:?}");
    told.keys("n");
    let removed = changed(message("$other"), |message| message.body = Body::Redacted);
    told.changes(vec![TimelineChange::Set(0, removed)]);
    told.keys("x");
    assert_eq!((told.status(), told.app.screens.is_empty()), ("This message has been removed already.", true));
    told.changes(vec![TimelineChange::Reset(vec![own("$waits", SendState::Waiting)])]);
    told.keys("k x");
    assert_eq!(told.status(), "This message is not sent yet: it can be thrown away.");
}
