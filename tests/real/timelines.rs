//! More than one timeline is open at once: a room, a thread of it, and what was said around a
//! message.

use kvitto::{
    app::{editing::Writing, timeline::OpenTimeline},
    client::{
        reply::{FailureKind, Reply},
        request::{Request, RoomsRequest, TimelineRequest},
    },
    model::{EventId, RoomId, TimelineFocus, TimelineId, TimelineItemKind},
};
use serde_json::json;

use crate::{
    person::{Person, body},
    world::{World, on},
};

/// Opens a timeline beside the one that is shown.
async fn open(person: &mut Person, room_id: &RoomId, focus: TimelineFocus) -> TimelineId {
    let id = TimelineId { room_id: room_id.clone(), focus };
    person.app.timelines.open(OpenTimeline::new(id.clone(), Writing::default()));
    let reply = person.ask(TimelineRequest::Open(id.clone())).await;
    assert_eq!(reply, Ok(Reply::Draft { timeline_id: id.clone(), draft: "".into() }));
    id
}

/// What is said in an open timeline, oldest first.
fn said(person: &Person, id: &TimelineId) -> Vec<String> {
    let items = person.app.timelines.get(id).into_iter().flat_map(|open| &open.items);
    let messages = items.filter_map(|item| match &item.kind {
        TimelineItemKind::Message(message) => Some(body(message)),
        _ => None,
    });
    messages.collect()
}

/// A server that does not say what was around a message holds nothing else up.
async fn opening_one_holds_nothing_else_up(world: World) {
    let line = world.line();
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let bob = world.server.login_raw(&world.bob).token;
    let room = world.room_of_bob(&mut alice, &bob, &json!({})).await;
    let message = world.server.send(&bob, &room, "m.room.message", &json!({ "msgtype": "m.text", "body": "long ago" }));
    alice.open(&room).await;
    alice.sees("long ago").await;

    line.hold_next("/context/");
    let around = TimelineId { room_id: room.clone(), focus: TimelineFocus::Around(message) };
    alice.app.timelines.open(OpenTimeline::new(around.clone(), Writing::default()));
    alice.run(TimelineRequest::Open(around.clone()));
    line.wait_for_requests("what was around it", |requests| requests.iter().any(|path| path.contains("/context/")));
    let request = TimelineRequest::Send { room_id: room.clone(), text: "meanwhile".to_owned(), reply_to: None };
    assert_eq!(alice.ask(request).await, Ok(Reply::Done));
    alice.sees("meanwhile").await;
    assert_eq!(said(&alice, &around), [""; 0]);
    line.allow();
    alice.until("the message", |p| said(p, &around).contains(&"long ago".to_owned()).then_some(())).await;
}
on!(opening_one_holds_nothing_else_up: synapse, embedded);

/// Each of them shows what is its own, and goes on when another is closed.
async fn a_room_and_its_thread_and_what_was_around_a_message(world: World) {
    let mut alice = world.alice("desk").await;
    let bob = world.server.login_raw(&world.bob).token;
    let room = world.room_of_bob(&mut alice, &bob, &json!({ "name": "shared" })).await;
    let say = |text: &str, thread: Option<&EventId>| {
        let mut content = json!({ "msgtype": "m.text", "body": text });
        if let Some(beginning) = thread {
            content["m.relates_to"] = json!({ "rel_type": "m.thread", "event_id": beginning.as_str() });
        }
        world.server.send(&bob, &room, "m.room.message", &content)
    };
    let beginning = say("the root", None);
    say("beside it", None);
    say("in the thread", Some(&beginning));
    alice.open(&room).await;
    alice.sees("in the thread").await;

    let live = TimelineId::live(room.clone());
    let thread = open(&mut alice, &room, TimelineFocus::Thread(beginning.clone())).await;
    let around = open(&mut alice, &room, TimelineFocus::Around(beginning.clone())).await;
    // The SDK (0.18) fills a thread by paging.
    assert_eq!(alice.ask(TimelineRequest::Paginate(thread.clone())).await, Ok(Reply::Done));
    alice.until("the thread", |p| (said(p, &thread) == ["the root", "in the thread"]).then_some(())).await;
    alice.until("the message", |p| said(p, &around).contains(&"the root".to_owned()).then_some(())).await;
    assert_eq!(said(&alice, &live), ["the root", "beside it", "in the thread"]);

    // What is written in a thread is kept apart from what is written in the room.
    for (id, text) in [(&thread, "to the thread"), (&live, "to the room")] {
        let request = TimelineRequest::SaveDraft { timeline_id: id.clone(), draft: text.into() };
        assert_eq!(alice.ask(request).await, Ok(Reply::Done));
    }
    assert_eq!(alice.ask(TimelineRequest::Close(around.clone())).await, Ok(Reply::Done));
    let paged = alice.ask(TimelineRequest::Paginate(around)).await.map_err(|failure| failure.kind);
    assert_eq!(paged, Err(FailureKind::Cancelled), "it is closed");
    for (id, expected) in [(&thread, "to the thread"), (&live, "to the room")] {
        let reply = alice.ask(TimelineRequest::Open(id.clone())).await;
        assert_eq!(reply, Ok(Reply::Draft { timeline_id: id.clone(), draft: expected.into() }));
    }
    say("the last one", None);
    let has_last = |p: &mut Person| said(p, &live).last().is_some_and(|text| text == "the last one").then_some(());
    alice.until("the last one", has_last).await;
    assert!(alice.app.timelines.get(&thread).is_some());
}
on!(a_room_and_its_thread_and_what_was_around_a_message: synapse, embedded);

/// Whoever asks is told what came of it, and can decide by its kind.
async fn every_request_is_answered_with_what_came_of_it(world: World) {
    let mut alice = world.alice("desk").await;
    let room = match alice.ask(RoomsRequest::CreateRoom("notes".to_owned())).await {
        Ok(Reply::Room { room_id, said: None }) => room_id,
        other => panic!("{other:?}"),
    };
    let live = TimelineId::live(room.clone());
    let nowhere = RoomId::new("!nowhere:example.org");
    let nothing = EventId::new("$nothing");
    let say = |room_id: &RoomId, text: &str| TimelineRequest::Send {
        room_id: room_id.clone(),
        text: text.to_owned(),
        reply_to: None,
    };
    let open = TimelineRequest::Open(live.clone());
    assert!(matches!(alice.ask(open).await, Ok(Reply::Draft { .. })));
    assert_eq!(alice.ask(say(&room, "hello")).await, Ok(Reply::Done));
    let invite = RoomsRequest::Invite { room_id: room.clone(), user: world.bob.user_id.clone() };
    assert!(matches!(alice.ask(invite).await, Ok(Reply::Said(text)) if text.contains("was invited")));
    let join = |typed: &str| RoomsRequest::Join(typed.to_owned()).into();
    let not_a_user = RoomsRequest::Invite { room_id: room.clone(), user: "bob".to_owned() };
    let table: [(Request, FailureKind); 7] = [
        (say(&nowhere, "hello").into(), FailureKind::NotFound),
        (say(&room, &"x".repeat(70_000)).into(), FailureKind::TooLarge),
        (not_a_user.into(), FailureKind::BadInput),
        (join("no room"), FailureKind::BadInput),
        (TimelineRequest::MarkRead(TimelineId::live(nowhere.clone())).into(), FailureKind::Cancelled),
        (RoomsRequest::Follow(room.clone()).into(), FailureKind::NotFound),
        (
            TimelineRequest::Edit { room_id: room.clone(), event_id: EventId::new("no id"), text: "x".to_owned() }
                .into(),
            FailureKind::NotFound,
        ),
    ];
    for (request, kind) in table {
        let outcome = alice.ask(request.clone()).await;
        let Err(failure) = outcome else { panic!("{request:?}: {outcome:?}") };
        assert_eq!(failure.kind, kind, "{request:?}: {failure}");
        assert!(!failure.sentence.is_empty());
    }
    let redact = TimelineRequest::Redact { room_id: room.clone(), event_id: nothing };
    let refused = alice.ask(redact).await.map_err(|failure| failure.kind);
    assert!(matches!(refused, Err(FailureKind::NotFound | FailureKind::BadInput)), "{refused:?}");
}
on!(every_request_is_answered_with_what_came_of_it: synapse, embedded);
