//! Rooms that ended: what can be done with their rows and their texts.

use crate::{
    app::{effect::Effect, screens::Screen, testing::*},
    client::{
        request::{Request, RoomsRequest, TimelineRequest},
        update::Update,
    },
    model::{Ending, How, Membership, RoomSummary, SafeText, SendState, UserId},
};

fn ended(name: &str, how: How) -> RoomSummary {
    let membership = match how {
        How::Upgraded { .. } | How::Closed => Membership::Joined,
        _ => Membership::Left,
    };
    let ending = Ending { how, by: Some(UserId::new("@bob:x")), why: SafeText::default(), at: Some(T0) };
    RoomSummary { membership, ending: Some(ending), ..summary(name, 2) }
}

fn question(told: &Told) -> String {
    match told.app.screens.top() {
        Some(Screen::Question(question)) => question.text.to_string(),
        other => panic!("no question: {other:?}"),
    }
}

#[test]
fn nothing_is_sent_into_a_room_that_ended_and_its_texts_can_be_taken_along() {
    let failed = changed(own("$failed", SendState::Failed(SafeText::line("no"))), |message| {
        message.source = Some(SafeText::block("failed"));
    });
    let waiting =
        changed(own("$waits", SendState::Waiting), |message| message.source = Some(SafeText::block("waiting")));
    let mut told = Told::in_room(vec![failed, waiting]);
    told.types("draft");
    told.event(Update::Rooms(vec![ended("one", How::Removed)]));
    let effects = told.keys("Enter");
    assert!(
        !effects.iter().any(|effect| matches!(effect, Effect::Client(Request::Timeline(TimelineRequest::Send { .. })))),
        "{effects:?}"
    );
    assert_eq!(told.status(), "Nothing can be sent here any more. What is typed can be taken along.");
    told.keys("Esc t");
    told.event(Update::go_to(room_id("two")));
    let composed = |told: &Told| told.app.timelines.shown().map(|open| open.writing.composer.text().to_owned());
    assert_eq!(composed(&told).as_deref(), Some("failed\nwaiting\ndraft"));
    // It is taken once, and stays where it was.
    told.event(Update::go_to(room_id("one")));
    assert_eq!(composed(&told).as_deref(), Some("draft"));
}

#[test]
fn an_ended_row_is_put_away_after_a_question() {
    let mut told = Told::with_rooms();
    told.event(Update::Rooms(vec![ended("one", How::Banned)]));
    told.keys("j x");
    assert_eq!(question(&told), "Take one off the list? What you wrote there and did not send goes with it.");
    assert_eq!(told.keys("y"), [Effect::from(RoomsRequest::Leave { room_id: room_id("one"), older: Vec::new() })]);
}

#[test]
fn the_question_names_the_older_versions_that_go_too() {
    let mut told = Told::with_rooms();
    let older = vec![(room_id("old"), SafeText::line("tea of old"))];
    told.event(Update::Rooms(vec![RoomSummary { older, ..summary("one", 2) }]));
    told.keys("j :");
    told.types("leave");
    told.keys("Enter");
    assert_eq!(
        question(&told),
        "Leave one? The older version of it goes too: tea of old. Only a new invite brings you back."
    );
    assert_eq!(
        told.keys("y"),
        [Effect::from(RoomsRequest::Leave { room_id: room_id("one"), older: vec![room_id("old")] })]
    );
}

#[test]
fn an_upgraded_room_is_closed_until_its_successor_cannot_be_joined() {
    let upgraded = |refused| ended("one", How::Upgraded { successor: room_id("next"), refused });
    let mut told = Told::in_room(Vec::new());
    told.event(Update::Rooms(vec![upgraded(false)]));
    told.types("draft");
    told.keys("Enter");
    assert_eq!(told.status(), "This room was upgraded: go on in the other one. What is typed comes along.");
    told.keys("Esc :");
    told.types("accept");
    told.keys("Enter");
    assert_eq!(told.keys("y"), [Effect::from(RoomsRequest::Follow(room_id("one")))]);
    told.event(Update::Rooms(vec![upgraded(true)]));
    told.keys("c");
    assert!(told.keys("Enter").contains(&Effect::from(TimelineRequest::Send {
        room_id: room_id("one"),
        text: "draft".to_owned(),
        reply_to: None
    })));
    // Where the user is there already, nothing is asked.
    told.event(Update::Rooms(vec![upgraded(false), summary("next", 9)]));
    told.keys("Esc :");
    told.types("accept");
    told.keys("Enter");
    assert_eq!(told.app.timelines.shown().map(|open| &open.id.room_id), Some(&room_id("next")));
}
