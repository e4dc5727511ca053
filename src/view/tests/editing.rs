//! A message that is changed, answered or removed: what stands above the composer, and the
//! question.

use super::{Theme, chatting, drawn, press, safe, screens, type_in};
use crate::{
    app::{App, Focus, timeline::ItemPosition},
    input::KeyCode,
    model::{DeviceState, TimelineItemKind},
};

/// With the newest own message selected that a device has, typed as this.
fn on_own_message(typed: &str) -> App {
    let mut app = chatting();
    app.focus = Focus::Timeline;
    let open = app.timelines.shown_mut().unwrap();
    let delivered = |event| {
        let devices = open.deliveries.get(event)?.people.iter().flat_map(|person| &person.devices);
        Some(devices.filter(|device| matches!(device.state, DeviceState::Delivered { .. })).count())
    };
    let has = |index: &usize| {
        open.message(*index)
            .and_then(|message| delivered(message.event_id.as_ref()?))
            .is_some_and(|devices| devices > 1)
    };
    let index = (0..open.items.len()).rfind(has).unwrap();
    let TimelineItemKind::Message(message) = &mut open.items[index].kind else { panic!("no message") };
    message.source = Some(safe(typed));
    open.selection = Some(ItemPosition { key: open.items[index].key.clone(), index });
    app
}

#[test]
fn editing() {
    let mut app = on_own_message("What it said");
    press(&mut app, &[KeyCode::Char('e')]);
    type_in(&mut app, ", and more");
    screens("editing", &app, Theme::default());
}

#[test]
fn replying() {
    let mut app = on_own_message("What it said");
    press(&mut app, &[KeyCode::Char('r')]);
    type_in(&mut app, "and more");
    screens("replying", &app, Theme::default());
}

#[test]
fn removing() {
    let mut app = on_own_message("What it said");
    press(&mut app, &[KeyCode::Char('x')]);
    screens("removing", &app, Theme::default());
}

#[test]
fn what_is_edited_is_said_as_long_as_it_fits() {
    let mut app = on_own_message("What it said");
    press(&mut app, &[KeyCode::Char('e')]);
    let line = |columns| {
        let text = drawn(&app, Theme::default(), (columns, 24)).text();
        text.lines()
            .find(|line| line.contains("Editing"))
            .map(|line| line.trim_matches(['─', '│', '├', '┤', ' ']).to_owned())
    };
    assert!(line(200).is_some_and(|line| line.contains("already decrypted the old text. Enter saves, Esc stops.")));
    assert!(line(60).is_some_and(|line| line.starts_with("Editing; on ") && line.ends_with("Esc stops.")));
    assert_eq!(line(80).as_deref(), Some("Editing; on 2 devices already."), "how many is worth more than the keys");
    assert!(line(40).is_some_and(|line| line.starts_with("Editing")));
}
