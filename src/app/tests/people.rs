//! The people of a message to many: a page is asked for, turned, and held against what was asked.

use crate::{
    app::{
        App, Focus,
        effect::Effect,
        event::Event,
        screens::{Screen, inspector::People},
        testing::{T0, Told, delivery, device, message, own, room_id},
    },
    client::{reply::Reply, request::ReceiptsRequest, update::Update},
    input::Context,
    model::{
        Delivery, DeviceState, EventId, PeopleFilter, PeoplePage, PersonDelivery, SafeText, SendState, Tally,
        TimelineChange, Timestamp, UserId,
    },
};

const MOST: usize = PeoplePage::MOST;

fn user(number: usize) -> UserId {
    UserId::new(format!("@{number:04}:x"))
}

fn counted(event: &str, tally: Tally) -> Update {
    let delivery = Delivery { tally: Some(tally), ..delivery(event, &[]) };
    Update::Deliveries { room_id: room_id("one"), deliveries: vec![delivery] }
}

fn tally() -> Tally {
    Tally { users: 100, delivered: 100, expected: 220, ..Tally::default() }
}

/// In a room with two own messages to many; the inspector is open on the second.
fn inspecting() -> (Told, Vec<Effect>) {
    let mut told = Told::in_room(vec![own("$1", SendState::Sent), own("$2", SendState::Sent), message("$3")]);
    told.drawn(0..=2);
    told.event(counted("$1", tally()));
    told.event(counted("$2", tally()));
    told.app.focus = Focus::Timeline;
    let asked = told.keys("k k i");
    (told, asked)
}

fn asks(filter: PeopleFilter, after: Option<usize>) -> Vec<Effect> {
    vec![Effect::from(ReceiptsRequest::AskPeople { event_id: EventId::new("$2"), filter, after: after.map(user) })]
}

/// The page of so many people that comes after this one.
fn page(filter: PeopleFilter, after: Option<usize>, all: usize, at: Timestamp) -> PeoplePage {
    let first = after.map_or(0, |after| after + 1);
    let last = all.min(first + MOST);
    let person = |number| PersonDelivery {
        user_id: user(number),
        name: SafeText::default(),
        devices: vec![device("A", DeviceState::Pending)],
    };
    PeoplePage {
        event_id: EventId::new("$2"),
        filter,
        after: after.map(user),
        people: (first..last).map(person).collect(),
        more: last < all,
        all,
        at,
    }
}

fn people(app: &App) -> &People {
    match app.screens.top() {
        Some(Screen::Inspector(inspector)) => &inspector.people,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_lacks_it_is_asked_for_first_and_once() {
    let (mut told, asked) = inspecting();
    assert_eq!(asked, asks(PeopleFilter::Missing, None));
    assert_eq!(told.app.contexts()[0], Context::List);
    assert_eq!(told.event(Event::Resize), [], "it is asked for already");
    let first = page(PeopleFilter::Missing, None, 120, T0);
    told.event(Update::replied(Reply::People(first.clone())));
    assert_eq!(people(&told.app).page, Some(first.clone()));
    assert_eq!((people(&told.app).number(), people(&told.app).pages()), (1, 3));
    // News come in while it is read.
    assert_eq!(told.event(counted("$2", Tally { delivered: 220, ..tally() })), []);
    assert_eq!(people(&told.app).page, Some(first));
}

#[test]
fn pages_are_turned_as_far_as_there_are_any() {
    let (mut told, _) = inspecting();
    let filter = PeopleFilter::Missing;
    assert_eq!(told.keys("l h"), [], "not before the first is there");
    told.event(Update::replied(Reply::People(page(filter, None, 120, T0))));
    assert_eq!(told.keys("h"), [], "nobody is before the first");
    assert_eq!(told.keys("l"), asks(filter, Some(MOST - 1)));
    assert_eq!(people(&told.app).page, None);
    told.event(Update::replied(Reply::People(page(filter, Some(MOST - 1), 120, T0))));
    assert_eq!(told.keys("Right"), asks(filter, Some(2 * MOST - 1)));
    told.event(Update::replied(Reply::People(page(filter, Some(2 * MOST - 1), 120, T0))));
    assert_eq!((people(&told.app).number(), people(&told.app).pages()), (3, 3));
    assert_eq!(told.keys("l"), [], "nobody is after the last");
    assert_eq!(told.keys("h"), asks(filter, Some(MOST - 1)));
    assert_eq!(told.keys("Left"), asks(filter, None), "also while that is awaited");
    assert_eq!(people(&told.app).number(), 1);
}

#[test]
fn one_key_switches_between_who_lacks_it_and_everybody() {
    let (mut told, _) = inspecting();
    told.event(Update::replied(Reply::People(page(PeopleFilter::Missing, None, 120, T0))));
    told.keys("l");
    assert_eq!(told.keys("Enter"), asks(PeopleFilter::Everybody, None), "from the first page on");
    assert_eq!(told.keys("Enter"), asks(PeopleFilter::Missing, None));
}

#[test]
fn an_answer_to_something_else_is_dropped() {
    let (mut told, _) = inspecting();
    let right = page(PeopleFilter::Missing, None, 120, T0);
    let of_another = PeoplePage { event_id: EventId::new("$1"), ..right.clone() };
    for wrong in
        [of_another, page(PeopleFilter::Everybody, None, 220, T0), page(PeopleFilter::Missing, Some(49), 120, T0)]
    {
        told.event(Update::replied(Reply::People(wrong.clone())));
        assert_eq!(people(&told.app).page, None, "{wrong:?}");
    }
    told.keys("q");
    told.event(Update::replied(Reply::People(right)));
    assert!(told.app.screens.is_empty());
    assert_eq!(told.keys("i"), asks(PeopleFilter::Missing, None), "it is asked for anew");
    assert_eq!(people(&told.app).page, None);
}

#[test]
fn nobody_is_asked_for_where_there_are_few_or_none_can_be_named() {
    let mut told = Told::in_room(vec![own("$2", SendState::Sent)]);
    told.drawn(0..=0);
    told.app.focus = Focus::Timeline;
    assert_eq!(told.keys("i"), []);
    assert_eq!(told.app.contexts()[0], Context::Popup);
    assert_eq!(told.event(counted("$2", Tally { anonymous: true, ..tally() })), []);
    assert_eq!(
        told.event(counted("$2", tally())),
        asks(PeopleFilter::Missing, None),
        "it went to many, as is known now"
    );
    told.keys("Enter");
    assert!(!told.app.screens.is_empty(), "this key closes nothing here");
    told.changes(vec![TimelineChange::Remove(0)]);
    assert!(told.app.screens.is_empty());
}

#[test]
fn somebody_elses_message_has_no_people() {
    let mut told = Told::in_room(vec![message("$2")]);
    told.drawn(0..=0);
    told.event(counted("$2", tally()));
    told.app.focus = Focus::Timeline;
    assert_eq!(
        told.keys("i"),
        [Effect::from(ReceiptsRequest::AskReceiptStatus { room_id: room_id("one"), event_id: EventId::new("$2") })]
    );
}
