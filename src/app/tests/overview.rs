//! What is known about delivery beyond one message: the matrix, what is not delivered everywhere,
//! and the log.

use std::time::Duration;

use crate::{
    app::{
        Focus,
        effect::Effect,
        layout::{LayoutFacts, ScreenFacts},
        screens::Screen,
        testing::{T0, Told, account, delivery, device, key, live, message, own, room_id},
        timeline::ItemPosition,
    },
    client::{
        reply::Reply,
        request::{ReceiptsRequest, TimelineRequest},
        update::Update,
    },
    model::{
        Delivery, DeviceState, EventId, LogEntry, Logged, Pagination, ReceiptLog, Route, SafeText, SendState,
        TimelineChange, TimelineId, Undelivered, UserId,
    },
};

/// A message in this room that Ada's device does not have, sent so many days ago.
fn undelivered(room: &str, event: &str, days_ago: u64) -> Undelivered {
    let delivery = delivery(event, &[("@ada:x", &[device("PHONE", DeviceState::Pending)])]);
    Undelivered {
        room_id: room_id(room),
        room_name: SafeText::line(room),
        text: SafeText::line(event),
        delivery: Delivery { sent: T0 - Duration::from_hours(24 * days_ago), ..delivery },
    }
}

/// In room `one`, with its timeline focused and the list of these open.
fn listing(found: Vec<Undelivered>) -> Told {
    let mut told = Told::in_room(vec![own("$1", SendState::Sent), message("$2")]);
    told.app.focus = Focus::Timeline;
    assert_eq!(told.keys("u"), [Effect::from(ReceiptsRequest::AskUndelivered)]);
    told.event(Update::replied(Reply::Undelivered(found)));
    told
}

fn selected_row(told: &Told) -> usize {
    match told.app.screens.top() {
        Some(Screen::Undelivered(list)) => list.selected,
        other => panic!("{other:?}"),
    }
}

/// How far the device table is scrolled.
fn scrolled(told: &Told) -> (usize, usize) {
    match told.app.screens.top() {
        Some(Screen::DeviceTable(table)) => (table.scroll.at, table.shift),
        other => panic!("{other:?}"),
    }
}

fn shown_log(told: &Told) -> Option<&ReceiptLog> {
    match told.app.screens.top() {
        Some(Screen::ReceiptLog(screen)) => screen.log.as_ref(),
        other => panic!("{other:?}"),
    }
}

fn selected_message(told: &Told) -> Option<&ItemPosition> {
    told.app.timelines.shown()?.selection.as_ref()
}

#[test]
fn the_list_of_what_is_not_delivered_is_asked_for_and_moved_through() {
    let mut told = listing(vec![undelivered("one", "$1", 0), undelivered("two", "$7", 1), undelivered("two", "$8", 2)]);
    assert_eq!(selected_row(&told), 0);
    told.keys("j j j j");
    assert_eq!(selected_row(&told), 2, "it stops at the end");
    told.keys("k Up");
    assert_eq!(selected_row(&told), 0);
    let screen = Some(ScreenFacts { rows: 2, ..ScreenFacts::default() });
    told.app.on_drawn(LayoutFacts { screen, ..LayoutFacts::default() });
    told.keys("PgDn");
    assert_eq!(selected_row(&told), 2);
    told.event(Update::replied(Reply::Undelivered(vec![undelivered("one", "$1", 0)])));
    assert_eq!(selected_row(&told), 0, "the list became shorter");
    told.keys("Esc");
    assert!(told.app.screens.is_empty());
    told.event(Update::replied(Reply::Undelivered(vec![undelivered("one", "$1", 0)])));
    assert!(told.app.screens.is_empty(), "an answer that comes late opens nothing");
}

#[test]
fn a_message_that_is_loaded_is_gone_to_at_once() {
    let mut told = listing(vec![undelivered("two", "$8", 2), undelivered("one", "$1", 0)]);
    let effects = told.keys("j Enter");
    assert!(!effects.contains(&Effect::from(TimelineRequest::Open(live("one")))), "it is open already");
    assert_eq!(selected_message(&told), Some(&ItemPosition { key: key("$1"), index: 0 }));
    assert_eq!((told.app.focus, told.app.screens.is_empty()), (Focus::Timeline, true));
}

#[test]
fn a_message_that_is_not_loaded_is_paged_back_to() {
    let mut told = listing(vec![undelivered("two", "$8", 1)]);
    let two = room_id("two");
    let page = |told: &mut Told, changes| told.event(Update::Timeline { timeline_id: live("two"), changes });
    assert!(told.keys("Enter").contains(&Effect::from(TimelineRequest::Open(TimelineId::live(two.clone())))));
    let newest = (0..20).map(|n| message(&format!("$new{n}"))).collect();
    assert_eq!(
        page(&mut told, vec![TimelineChange::Reset(newest)]),
        [Effect::from(TimelineRequest::Paginate(TimelineId::live(two.clone())))]
    );
    assert_eq!(page(&mut told, vec![TimelineChange::Insert(0, message("$9"))]), [], "one page after the other");
    let idle = Update::Pagination { timeline_id: TimelineId::live(two.clone()), state: Pagination::Idle };
    assert_eq!(told.event(idle.clone()), [Effect::from(TimelineRequest::Paginate(TimelineId::live(two)))]);
    page(&mut told, vec![TimelineChange::Insert(0, own("$8", SendState::Sent))]);
    assert_eq!(selected_message(&told), Some(&ItemPosition { key: key("$8"), index: 0 }));
    assert_eq!((told.event(idle), told.status()), (Vec::new(), ""), "it was found: nothing more is fetched");
}

#[test]
fn a_search_ends_where_the_message_cannot_be_any_more() {
    let seeking = || {
        let mut told = listing(vec![undelivered("two", "$8", 1)]);
        told.keys("Enter");
        let changes = vec![TimelineChange::Reset((0..20).map(|n| message(&format!("$new{n}"))).collect())];
        told.event(Update::Timeline { timeline_id: live("two"), changes });
        told
    };
    let idle = || Update::Pagination { timeline_id: live("two"), state: Pagination::Idle };
    let pages = |told: &mut Told| told.event(idle()).contains(&Effect::from(TimelineRequest::Paginate(live("two"))));

    let mut told = seeking();
    told.event(Update::Pagination { timeline_id: live("two"), state: Pagination::ReachedStart });
    assert!(told.status().starts_with("That message could not be found"));

    let mut told = seeking();
    let mut old = message("$old");
    if let crate::model::TimelineItemKind::Message(message) = &mut old.kind {
        message.at = T0 - Duration::from_hours(48);
    }
    told.event(Update::Timeline { timeline_id: live("two"), changes: vec![TimelineChange::Insert(0, old)] });
    assert!(told.status().starts_with("That message could not be found"));
    assert!(!pages(&mut told));

    let mut told = seeking();
    told.keys("G");
    let found = vec![TimelineChange::Insert(0, own("$8", SendState::Sent))];
    told.event(Update::Timeline { timeline_id: live("two"), changes: found });
    assert_eq!((selected_message(&told), told.status()), (None, ""), "the user went elsewhere");
}

#[test]
fn a_room_that_was_left_is_not_gone_to() {
    let mut told = listing(vec![undelivered("gone", "$8", 1)]);
    assert_eq!(told.keys("Enter"), []);
    assert_eq!(told.status(), "You are not in that room any more.");
    assert_eq!(selected_row(&told), 0);
    let mut empty = listing(Vec::new());
    empty.keys("Enter");
    assert!(empty.app.screens.is_empty(), "there is nothing to choose");
}

#[test]
fn a_row_of_the_list_follows_its_message() {
    let mut told = listing(vec![undelivered("one", "$1", 0), undelivered("one", "$2", 0)]);
    let now = delivery("$2", &[("@ada:x", &[device("PHONE", DeviceState::Delivered { at: None })])]);
    told.event(Update::Deliveries { room_id: room_id("one"), deliveries: vec![now.clone()] });
    match told.app.screens.top() {
        Some(Screen::Undelivered(list)) => assert_eq!(list.rows.as_ref().unwrap()[1].delivery, now),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_matrix_is_of_the_open_room_and_goes_with_it() {
    let mut told = Told::with_rooms();
    told.types(":devices");
    told.keys("Enter");
    assert_eq!(told.status(), "Open a room first.");

    let mut told = Told::in_room(vec![own("$1", SendState::Sent)]);
    told.app.focus = Focus::Timeline;
    told.keys("m");
    let screen = Some(ScreenFacts { max_scroll: 1, max_shift: 2, rows: 5 });
    told.app.on_drawn(LayoutFacts { screen, ..LayoutFacts::default() });
    told.keys("j j l l l l");
    assert_eq!(scrolled(&told), (1, 2), "both stop at the end");
    told.keys("k h");
    assert_eq!(scrolled(&told), (0, 1));
    told.event(Update::RoomsGone(vec![room_id("one")]));
    assert!(told.app.screens.is_empty());
}

#[test]
fn nobody_else_sees_what_was_open() {
    let mut told = listing(vec![undelivered("one", "$1", 0)]);
    told.event(Update::LoggedIn(account("@eve:x")));
    assert!(told.app.screens.is_empty());
}

#[test]
fn the_log_is_asked_for_and_emptied_after_a_question_only() {
    let mut told = Told::in_room(vec![message("$1")]);
    told.app.focus = Focus::Timeline;
    let run = |told: &mut Told, command: &str| {
        told.types(command);
        told.keys("Enter")
    };
    assert_eq!(run(&mut told, ":log receipts"), [Effect::from(ReceiptsRequest::AskReceiptLog)]);
    let entry = LogEntry {
        at: T0,
        first: T0,
        count: 1,
        room_id: room_id("one"),
        room_name: SafeText::default(),
        person: UserId::new("@ada:x"),
        event_id: EventId::new("$1"),
        what: Logged::Delivered { route: Route::Direct },
    };
    let log = ReceiptLog { entries: vec![entry], ..ReceiptLog::default() };
    told.event(Update::replied(Reply::ReceiptLog(log.clone())));
    assert_eq!(shown_log(&told), Some(&log));
    told.keys("q");

    assert_eq!(run(&mut told, ":log receipts clear"), []);
    assert_eq!(told.keys("n"), []);
    assert!(told.app.screens.is_empty());
    run(&mut told, ":log receipts clear");
    assert_eq!(told.keys("y"), [Effect::from(ReceiptsRequest::EmptyReceiptLog)]);
    told.event(Update::replied(Reply::ReceiptLog(ReceiptLog::default())));
    assert_eq!(shown_log(&told), Some(&ReceiptLog::default()), "it shows that it is empty");
    told.keys("q");

    run(&mut told, ":log messages");
    assert_eq!(told.status(), "/log takes receipts or receipts clear, not messages.");
}
