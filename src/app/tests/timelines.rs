//! More than one timeline is open, and one of them is shown.

use crate::{
    app::{
        editing::Writing,
        effect::Effect,
        testing::{Told, account, delivery, live, message, room_id},
        timeline::OpenTimeline,
    },
    client::{
        reply::{Failure, FailureKind, Reply},
        request::{Request, RequestId, TimelineRequest},
        update::Update,
    },
    model::{EventId, Pagination, SafeText, TimelineChange, TimelineFocus, TimelineId},
};

/// A room that is shown, with a thread of it open beside.
fn with_a_thread() -> (Told, TimelineId) {
    let mut told = Told::in_room(vec![message("$1")]);
    let thread = TimelineId { room_id: room_id("one"), focus: TimelineFocus::Thread(EventId::new("$1")) };
    told.app.timelines.open(OpenTimeline::new(thread.clone(), Writing::default()));
    (told, thread)
}

#[test]
fn what_is_told_of_a_timeline_is_for_that_one_and_what_is_told_of_a_room_for_all_of_it() {
    let (mut told, thread) = with_a_thread();
    let items = vec![message("$1"), message("$2"), message("$3")];
    told.event(Update::Timeline { timeline_id: thread.clone(), changes: vec![TimelineChange::Reset(items)] });
    told.event(Update::Pagination { timeline_id: thread.clone(), state: Pagination::ReachedStart });
    let known = |told: &Told, id: &TimelineId| {
        let open = told.app.timelines.get(id).unwrap();
        (open.items.len(), open.pagination, open.deliveries.len(), open.typing.len())
    };
    assert_eq!(known(&told, &live("one")), (1, Pagination::Idle, 0, 0));
    assert_eq!(known(&told, &thread), (3, Pagination::ReachedStart, 0, 0));

    let who = vec![SafeText::line("Bob")];
    told.event(Update::Deliveries { room_id: room_id("one"), deliveries: vec![delivery("$1", &[])] });
    told.event(Update::Typing { room_id: room_id("one"), who });
    assert_eq!(known(&told, &live("one")), (1, Pagination::Idle, 1, 1));
    assert_eq!(known(&told, &thread), (3, Pagination::ReachedStart, 1, 1));
}

#[test]
fn all_that_are_open_are_opened_again_in_a_new_session() {
    let (mut told, thread) = with_a_thread();
    told.event(Update::LoggedOut(Some(SafeText::line("It ended."))));
    let opened = told.event(Update::LoggedIn(account("@me:x")));
    assert_eq!(opened, [live("one"), thread].map(|id| Effect::from(TimelineRequest::Open(id))));
}

#[test]
fn with_a_room_all_of_its_timelines_go_and_what_was_written_there_stays() {
    let (mut told, thread) = with_a_thread();
    told.event(Update::replied(Reply::Draft { timeline_id: thread.clone(), draft: "to the thread".into() }));
    let closed = told.event(Update::RoomsGone(vec![room_id("one")]));
    assert_eq!(closed, [live("one"), thread.clone()].map(|id| Effect::from(TimelineRequest::Close(id))));
    assert!(told.app.timelines.shown().is_none() && told.app.timelines.get(&thread).is_none());
    assert_eq!(told.app.writing_in(&thread).composer.text(), "to the thread");
}

#[test]
fn what_nobody_wants_any_more_is_not_said_to_have_failed_and_all_else_is() {
    let failed = |kind| {
        let (mut told, thread) = with_a_thread();
        let request = Box::new(Request::from(TimelineRequest::Paginate(thread)));
        let outcome = Err(Failure::new(kind, "It was refused."));
        told.event(Update::Done { id: RequestId(7), request, outcome });
        told.status().to_owned()
    };
    assert_eq!(failed(FailureKind::Cancelled), "");
    for kind in [FailureKind::NoSession, FailureKind::Offline, FailureKind::NotFound, FailureKind::Bug] {
        assert_eq!(failed(kind), "It was refused.", "{kind:?}");
    }
}

/// Only an edit whose message was removed becomes a message of its own; else it goes on as an edit.
#[test]
fn an_edit_that_was_refused_goes_on_unless_its_message_was_removed() {
    for (kind, is_edit) in [(FailureKind::NotFound, true), (FailureKind::Redacted, false)] {
        let (mut told, _) = with_a_thread();
        let (room_id, event_id, text) = (room_id("one"), EventId::new("$1"), "new".to_owned());
        let request = Box::new(Request::from(TimelineRequest::Edit { room_id, event_id, text }));
        told.event(Update::Done { id: RequestId(7), request, outcome: Err(Failure::new(kind, "It was refused.")) });
        let writing = &told.app.timelines.shown().unwrap().writing;
        assert_eq!((writing.edited().is_some(), writing.composer.text()), (is_edit, "new"), "{kind:?}");
    }
}
