//! Selecting, scrolling, read receipts, older messages, and what stands over the timeline.

use std::time::Duration;

use crate::{
    app::{
        Focus, Watched,
        effect::Effect,
        event::Event,
        screens::Screen,
        testing::{Told, changed, day_line, key, live, message, own, read_by, room_id},
        timeline::{Anchor, Edge, ItemPosition},
    },
    client::{
        reply::Reply,
        request::{ReceiptsRequest, TimelineRequest},
        update::Update,
    },
    model::{
        Body, Connection, Delivery, DeviceDelivery, DeviceState, EventId, Mark, Pagination, PersonDelivery,
        ReceiptStatus, SafeText, SendState, TimelineChange, TimelineItem, TimelineItemKind, Timestamp, UserId,
    },
};

fn messages(range: std::ops::Range<usize>) -> Vec<crate::model::TimelineItem> {
    range.map(|n| message(&format!("${n}"))).collect()
}

fn mark_read() -> Vec<Effect> {
    vec![Effect::from(TimelineRequest::MarkRead(live("one")))]
}

fn selected(told: &Told) -> Option<&str> {
    let open = told.app.timelines.shown()?;
    let place = open.selection.as_ref()?;
    assert_eq!(open.items[place.index].key, place.key, "a place's index and key belong together");
    Some(&place.key.0)
}

fn anchor(told: &Told) -> &Anchor {
    &told.app.timelines.shown().unwrap().anchor
}

fn at(name: &str, index: usize, row: usize, edge: Edge) -> Anchor {
    Anchor::Row { place: ItemPosition { key: key(name), index }, row, edge }
}

#[test]
fn the_newest_message_is_marked_read_once_when_it_is_on_screen() {
    let mut told = Told::in_room(messages(0..9));
    assert_eq!(told.after(Duration::ZERO), [], "nothing was drawn yet");
    assert_eq!(told.drawn(5..=8), mark_read());
    assert_eq!(told.drawn(5..=8), []);
    told.changes(vec![TimelineChange::Append(messages(9..10))]);
    assert_eq!(told.after(Duration::ZERO), [], "the new one was not drawn yet");
    assert_eq!(told.drawn(6..=9), mark_read());
}

#[test]
fn p14_a_message_is_marked_read_again_when_its_key_has_come() {
    let sealed = changed(message("$8"), |message| message.body = Body::Undecryptable(SafeText::line("no key")));
    let mut told = Told::in_room(messages(0..8));
    told.changes(vec![TimelineChange::Append(vec![sealed])]);
    assert_eq!(told.drawn(5..=8), mark_read());
    assert_eq!(told.drawn(5..=8), []);
    told.changes(vec![TimelineChange::Set(8, message("$8"))]);
    assert_eq!(told.drawn(5..=8), mark_read());
    assert_eq!(told.drawn(5..=8), []);
}

#[test]
fn a_message_in_the_clear_is_amiss_only_where_the_room_was_encrypted_by_then() {
    let clear = |name: &str| changed(message(name), |message| message.in_clear = true);
    let encrypted = |name: &str| {
        let text = SafeText::line("Ada turned on encryption");
        let kind =
            TimelineItemKind::Notice { at: Timestamp::EPOCH, text, read_by: Vec::new(), encrypted_from_here: true };
        TimelineItem { key: key(name), kind }
    };
    let amiss = |told: &Told| {
        let open = told.app.timelines.shown().unwrap();
        (0..open.items.len()).filter(|index| open.came_in_clear(*index)).collect::<Vec<_>>()
    };
    let mut told = Told::in_room(vec![clear("$3"), message("$4")]);
    assert_eq!(amiss(&told), [0]);
    told.changes(vec![TimelineChange::Insert(0, encrypted("$2"))]);
    assert_eq!(amiss(&told), [1]);
    told.changes(vec![TimelineChange::Insert(0, clear("$1")), TimelineChange::Append(vec![clear("$5")])]);
    assert_eq!(amiss(&told), [2, 4]);
    told.changes(vec![TimelineChange::Remove(0)]);
    assert_eq!(amiss(&told), [1, 3]);
    told.changes(vec![TimelineChange::Truncate(2)]);
    assert_eq!(amiss(&told), [1]);
    told.changes(vec![TimelineChange::Reset(vec![clear("$1"), encrypted("$2"), clear("$3")])]);
    assert_eq!(amiss(&told), [2]);
    told.changes(vec![TimelineChange::Remove(1)]);
    assert_eq!(amiss(&told), [0, 1]);
}

#[test]
fn a_room_in_a_window_without_focus_is_not_marked_read() {
    let mut told = Told::in_room(messages(0..9));
    told.event(Event::Focus(false));
    assert_eq!(told.drawn(5..=8), []);
    assert_eq!(told.event(Event::Focus(true)), mark_read());
}

/// As in tmux with its defaults, also when it is detached.
#[test]
fn where_the_terminal_tells_no_focus_a_key_since_the_message_came_says_that_somebody_is_there() {
    let mut told = Told::in_room(messages(0..9));
    told.app.watched = Watched::default();
    assert_eq!(told.drawn(5..=8), []);
    assert_eq!(told.keys("Up"), mark_read(), "any key");
    told.changes(vec![TimelineChange::Append(messages(9..10))]);
    assert_eq!(told.drawn(6..=9), []);
    told.changes(vec![TimelineChange::Set(9, message("$9"))]);
    assert_eq!(told.drawn(6..=9), []);
    told.changes(vec![TimelineChange::Append(vec![own("10", SendState::Sent)])]);
    assert_eq!(told.event(Event::Focus(true)), [], "nothing is drawn yet");
    assert_eq!(told.drawn(7..=10), mark_read(), "and what the terminal tells holds");
    told.changes(vec![TimelineChange::Append(messages(11..12))]);
    assert_eq!(told.drawn(8..=11), mark_read());
}

#[test]
fn what_is_covered_or_scrolled_away_is_not_marked_read() {
    let mut told = Told::in_room(messages(0..9));
    told.keys("Esc ?");
    assert_eq!(told.drawn(5..=8), [], "under the help");
    assert_eq!(told.keys("Esc"), mark_read());
    told.changes(vec![TimelineChange::Append(messages(9..20))]);
    assert_eq!(told.drawn(5..=8), [], "the newest is below");
}

#[test]
fn own_messages_and_echoes_ask_for_no_read_receipt() {
    let items = vec![own("$1", SendState::Sent), own("$2", SendState::Waiting)];
    let mut told = Told::in_room(items);
    told.event(Update::Pagination { timeline_id: live("one"), state: Pagination::ReachedStart });
    assert_eq!(told.drawn(0..=1), []);
}

#[test]
fn a_read_receipt_that_may_be_lost_is_asked_for_again_when_the_network_is_back() {
    let mut told = Told::in_room(messages(0..9));
    assert_eq!(told.drawn(5..=8), mark_read());
    assert_eq!(told.event(Update::Connection(Connection::Online)), []);
    told.event(Update::Connection(Connection::Offline(SafeText::line("No network."))));
    assert_eq!(told.event(Update::Connection(Connection::Online)), mark_read());
}

#[test]
fn older_messages_are_asked_for_near_the_top_and_once() {
    let mut told = Told::in_room(messages(0..20));
    let paginate = vec![Effect::from(TimelineRequest::Paginate(live("one")))];
    told.drawn(10..=19);
    assert_eq!(told.drawn(4..=13), paginate);
    assert_eq!(told.keys("PgUp"), [], "they are on their way");

    let idle = |told: &mut Told| told.event(Update::Pagination { timeline_id: live("one"), state: Pagination::Idle });
    assert_eq!(idle(&mut told), [], "a fetch that brought nothing is not repeated by itself");
    assert_eq!(told.keys("PgUp"), paginate, "but when the user asks");

    told.changes((20..40).map(|n| TimelineChange::Insert(0, message(&format!("${n}")))).collect());
    assert_eq!(idle(&mut told), []);
    assert_eq!(told.drawn(24..=33), [], "the top is far now");

    told.event(Update::Pagination { timeline_id: live("one"), state: Pagination::ReachedStart });
    told.keys("Esc g");
    assert_eq!(told.drawn(0..=9), [], "there is nothing above the beginning");
}

#[test]
fn an_empty_timeline_asks_for_older_messages() {
    let mut told = Told::with_rooms();
    assert_eq!(told.event(Update::go_to(room_id("one"))), [Effect::from(TimelineRequest::Open(live("one")))]);
    assert_eq!(
        told.changes(vec![TimelineChange::Reset(Vec::new())]),
        [Effect::from(TimelineRequest::Paginate(live("one")))]
    );
    assert_eq!(told.app.timelines.shown().unwrap().pagination, Pagination::Loading);
}

#[test]
fn what_is_read_stays_when_older_messages_come_below_the_line_of_its_day() {
    let mut told = Told::in_room([vec![day_line("start"), day_line("day")], messages(0..30)].concat());
    told.drawn(22..=31);
    told.keys("Esc PgUp");
    told.drawn(0..=9);
    assert_eq!(*anchor(&told), at("start", 0, 0, Edge::Top));
    told.changes(vec![TimelineChange::Insert(2, message("$older")), TimelineChange::Insert(2, message("$old"))]);
    assert_eq!(*anchor(&told), at("$0", 4, 0, Edge::Top));

    let mut told = Told::in_room([vec![day_line("day")], messages(0..30)].concat());
    told.drawn(0..=9);
    told.app.timelines.shown_mut().unwrap().anchor = at("day", 0, 0, Edge::Bottom);
    told.changes(vec![TimelineChange::Insert(1, message("$old"))]);
    assert_eq!(*anchor(&told), at("$0", 2, 0, Edge::Bottom), "a page up that was not drawn yet holds");
}

#[test]
fn a_page_up_at_the_top_waits_for_older_messages() {
    let mut told = Told::in_room(messages(0..30));
    told.drawn(20..=29);
    told.keys("Esc");
    assert_eq!(told.drawn(0..=9), [Effect::from(TimelineRequest::Paginate(live("one")))]);
    assert_eq!(told.keys("PgUp"), []);
    told.drawn(0..=9);
    assert_eq!(*anchor(&told), at("$0", 0, 0, Edge::Bottom));
    told.changes(vec![TimelineChange::Insert(0, day_line("start"))]);
    told.drawn(0..=9);
    told.changes(vec![TimelineChange::Insert(1, message("$old"))]);
    assert_eq!(*anchor(&told), at("$0", 2, 0, Edge::Bottom));
}

#[test]
fn the_scroll_position_survives_what_comes_in_above_and_below() {
    let mut told = Told::in_room(messages(0..30));
    told.drawn(20..=29);
    told.keys("Esc PgUp");
    assert_eq!(*anchor(&told), at("$20", 20, 0, Edge::Bottom), "the topmost row goes to the lower edge");
    told.drawn(11..=20);
    assert_eq!(*anchor(&told), at("$11", 11, 0, Edge::Top), "what came to stand at the top stays there");

    told.changes(vec![TimelineChange::Insert(0, message("$old")), TimelineChange::Append(messages(30..32))]);
    assert_eq!(*anchor(&told), at("$11", 12, 0, Edge::Top));
    assert_eq!(told.app.timelines.shown().unwrap().unseen_below, 2);
    told.drawn(12..=21);
    assert_eq!(told.app.timelines.shown().unwrap().unseen_below, 2);

    told.keys("PgDn");
    assert_eq!(*anchor(&told), at("$20", 21, 0, Edge::Top));
    told.drawn(23..=32);
    assert_eq!(*anchor(&told), Anchor::Newest, "at the end the newest are followed again");
    assert_eq!(told.app.timelines.shown().unwrap().unseen_below, 0);
}

#[test]
fn the_selection_stays_on_its_message() {
    let mut told = Told::in_room(messages(0..30));
    told.drawn(20..=29);
    told.keys("Esc k k");
    assert_eq!(selected(&told), Some("$28"));
    assert_eq!(*anchor(&told), at("$20", 20, 0, Edge::Top), "news must not push the selected one away");
    told.changes(vec![
        TimelineChange::Insert(3, message("$x")),
        TimelineChange::Remove(0),
        TimelineChange::Remove(0),
        TimelineChange::Append(messages(30..31)),
    ]);
    assert_eq!(selected(&told), Some("$28"));
    told.changes(vec![TimelineChange::Remove(27), TimelineChange::Append(vec![message("$28")])]);
    assert_eq!(selected(&told), Some("$28"), "gone and back within the same changes");
    told.changes(vec![TimelineChange::Remove(29)]);
    assert_eq!(selected(&told), Some("$30"), "none is below it, so the last one");
    told.changes(vec![TimelineChange::Truncate(5)]);
    assert_eq!(selected(&told), Some("$5"), "the last one left");
    told.changes(vec![TimelineChange::Reset(messages(50..60))]);
    assert_eq!(selected(&told), None);
    assert_eq!(*anchor(&told), Anchor::Newest);
}

#[test]
fn selecting_past_an_edge_scrolls_and_skips_lines_between_messages() {
    let mut items = messages(0..10);
    items.insert(5, day_line("day"));
    let mut told = Told::in_room(items);
    told.drawn(6..=10);
    told.keys("Esc k k k k k");
    assert_eq!(selected(&told), Some("$5"));
    told.drawn(6..=10);
    told.keys("k");
    assert_eq!(selected(&told), Some("$4"));
    assert_eq!(*anchor(&told), at("$4", 4, 0, Edge::Top));
    told.drawn(4..=8);
    told.keys("j j j j");
    assert_eq!(selected(&told), Some("$8"));
    assert_eq!(*anchor(&told), at("$8", 9, usize::MAX, Edge::Bottom));
    told.keys("j j");
    assert_eq!(selected(&told), None, "below the last message nothing is selected");
    assert_eq!(*anchor(&told), Anchor::Newest);
}

#[test]
fn escape_goes_back_to_the_newest_and_then_to_the_rooms() {
    let mut told = Told::in_room(messages(0..30));
    told.drawn(20..=29);
    told.keys("Esc k Esc");
    assert_eq!((told.app.focus, anchor(&told)), (Focus::Timeline, &Anchor::Newest));
    told.keys("Esc");
    assert_eq!(told.app.focus, Focus::Rooms);
}

#[test]
fn changes_that_fit_nothing_cost_themselves_only() {
    let mut told = Told::in_room(messages(0..2));
    told.changes(vec![
        TimelineChange::Insert(9, message("$x")),
        TimelineChange::Set(9, message("$x")),
        TimelineChange::Remove(9),
        TimelineChange::Truncate(9),
        TimelineChange::Append(messages(2..3)),
    ]);
    let keys: Vec<_> = told.app.timelines.shown().unwrap().items.iter().map(|item| item.key.clone()).collect();
    assert_eq!(keys, [key("$0"), key("$1"), key("$2")]);
}

/// The message that the inspector is on, and what it says of it.
fn inspected(told: &Told) -> (usize, Option<ReceiptStatus>) {
    match told.app.screens.top() {
        Some(Screen::Inspector(inspector)) => (inspector.message(&told.app).unwrap().0, inspector.status.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_inspector_asks_what_was_done_about_somebody_elses_message() {
    let mut told = Told::in_room(messages(0..10));
    told.drawn(0..=9);
    assert_eq!(
        told.keys("Esc i"),
        [Effect::from(ReceiptsRequest::AskReceiptStatus { room_id: room_id("one"), event_id: EventId::new("$9") })],
        "the newest one, when none is selected"
    );
    let status = |event: &str| {
        Update::replied(Reply::ReceiptStatus { event_id: EventId::new(event), status: ReceiptStatus::AwaitingKey })
    };
    told.event(status("$8"));
    assert_eq!(inspected(&told), (9, None));
    told.event(status("$9"));
    assert_eq!(inspected(&told), (9, Some(ReceiptStatus::AwaitingKey)));
    told.changes(vec![TimelineChange::Remove(9)]);
    assert!(told.app.screens.is_empty(), "its message is gone");
}

#[test]
fn the_inspector_on_an_own_message_asks_nothing() {
    let mut told = Told::in_room(vec![own("$1", SendState::Sent)]);
    told.drawn(0..=0);
    assert_eq!(told.keys("Esc i"), []);
    assert_eq!(inspected(&told), (0, None));
    told.keys("q");
    assert!(told.app.screens.is_empty());
}

#[test]
fn failed_messages_are_retried_and_discarded_by_key() {
    let failed = own("echo", SendState::Failed(SafeText::line("Too large.")));
    let mut told = Told::in_room(vec![message("$1"), failed]);
    told.drawn(0..=1);
    assert_eq!(
        told.keys("Esc k R"),
        [Effect::from(TimelineRequest::Retry { timeline_id: live("one"), key: key("echo") })]
    );
    assert_eq!(told.keys("d n"), [], "the text is nowhere else, so there is a question");
    assert_eq!(
        told.keys("d y"),
        [Effect::from(TimelineRequest::Discard { timeline_id: live("one"), key: key("echo") })]
    );
    assert_eq!(told.keys("k R d"), []);
    assert_eq!(told.status(), "Select a message that is not sent yet first.");
}

#[test]
fn only_an_own_message_has_a_mark_and_reading_a_later_one_counts() {
    let mut told = Told::in_room(vec![own("$1", SendState::Sent), message("$2")]);
    let device = DeviceDelivery {
        device_id: None,
        name: SafeText::default(),
        state: DeviceState::Pending,
        route: None,
        expected: true,
    };
    let people =
        vec![PersonDelivery { user_id: UserId::new("@bob:x"), name: SafeText::default(), devices: vec![device] }];
    let delivery = Delivery::new(EventId::new("$1"), told.now, people);
    told.event(Update::Deliveries { room_id: room_id("two"), deliveries: vec![delivery.clone()] });
    assert_eq!(told.app.mark(0), Some(Mark::Sent), "that was about another room");
    told.event(Update::Deliveries { room_id: room_id("one"), deliveries: vec![delivery] });
    let row = |read| Some(Mark::Devices { people: vec![vec![DeviceState::Pending]], read });
    assert_eq!(told.app.mark(0), row(false));
    told.changes(vec![TimelineChange::Set(1, read_by(message("$2"), &["@bob:x"]))]);
    assert_eq!(told.app.mark(0), row(true), "read without a receipt: the two are kept apart (L5)");
    assert_eq!(told.app.mark(1), None);
    assert_eq!(told.app.mark(9), None);
}

#[test]
fn an_unread_line_that_comes_while_the_user_looks_on_says_nothing() {
    let line = || TimelineItem { key: key("line"), kind: TimelineItemKind::UnreadLine };
    let comes = |told: &mut Told| {
        let mut items = messages(9..10);
        items.insert(0, line());
        told.changes(vec![TimelineChange::Append(items)]);
        told.app.timelines.shown().unwrap().unread_line
    };
    let mut looking = Told::in_room(messages(0..9));
    assert!(looking.app.timelines.shown().unwrap().unread_line, "one that was there before");
    looking.drawn(5..=8);
    assert!(!comes(&mut looking));

    let mut away = Told::in_room(messages(0..9));
    away.drawn(5..=8);
    away.event(Event::Focus(false));
    assert!(comes(&mut away));

    let mut further_up = Told::in_room(messages(0..9));
    further_up.drawn(2..=5);
    assert!(comes(&mut further_up));
}
