//! Reacting to a message.

use crate::{
    app::{
        effect::Effect,
        screens::Screen,
        testing::{Told, changed, live, message, own},
    },
    client::request::TimelineRequest,
    model::{EventId, Reaction, ReactionKey, SafeText, SendState, UserId},
};

fn toggle(key: &str) -> Effect {
    Effect::from(TimelineRequest::ToggleReaction {
        timeline_id: live("one"),
        event_id: EventId::new("$1"),
        key: ReactionKey::new(key),
    })
}

/// What the list offers.
fn offered(told: &Told) -> Vec<(String, String)> {
    let Some(Screen::Picker(picker)) = told.app.screens.top() else { panic!("no list") };
    picker.found().iter().map(|choice| (choice.text.to_string(), choice.detail.to_string())).collect()
}

/// Ada's message, with a thumb of hers and of this user, and a heart that is not the usual one.
fn with_reactions() -> Told {
    let reaction = |key: &str, senders: &[&str]| Reaction {
        key: ReactionKey::new(key),
        text: SafeText::line(key),
        senders: senders.iter().map(UserId::new).collect(),
        own: senders.contains(&"@me:x"),
    };
    let message = changed(message("$1"), |message| {
        message.reactions = vec![reaction("👍", &["@ada:x", "@me:x"]), reaction("❤", &["@eve:x"])];
    });
    let mut told = Told::in_room(vec![message]);
    told.keys("Esc k");
    told
}

#[test]
fn the_reactions_that_are_there_come_first_with_who_sent_them() {
    let mut told = with_reactions();
    told.keys("+");
    let found = offered(&told);
    let there: Vec<_> = found.iter().take(3).map(|(text, detail)| (text.as_str(), detail.as_str())).collect();
    assert_eq!(there[..2], [("👍 2", "Ada, you"), ("❤ 1", "@eve:x")]);
    assert!(there[2].0 == "❤\u{fe0f}" && found.len() == 2 + 7, "{found:?}");
    assert_eq!(told.keys("Enter"), [toggle("👍")]);
    told.keys("+ Down");
    assert_eq!(told.keys("Enter"), [toggle("❤")], "the same bytes are sent as others have sent");
}

#[test]
fn any_emoji_is_found_by_its_name() {
    let mut told = with_reactions();
    for (typed, key) in [("rocket", "🚀"), (":tada:", "🎉"), ("thumbs down", "👎"), ("🦆", "🦆")] {
        told.keys("+");
        told.types(typed);
        assert_eq!(told.keys("Enter"), [toggle(key)], "{typed}");
    }
}

#[test]
fn only_what_is_on_the_server_can_be_reacted_to() {
    let mut told = Told::in_room(vec![own("$1", SendState::Waiting)]);
    told.keys("Esc k +");
    assert_eq!(told.status(), "This message is not sent yet.");
    let mut told = Told::in_room(Vec::new());
    told.keys("Esc +");
    assert_eq!(told.status(), "Select a message first.");
}
