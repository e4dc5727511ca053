//! The inspector of a message to many.

use std::time::Duration;

use super::{
    overview::{SENT, inspecting},
    screen, screens,
};
use crate::{
    app::App,
    client::{reply::Reply, update::Update},
    input::KeyCode,
    model::{Delivery, DeviceState, EventId, PeopleFilter, PeoplePage, PersonDelivery, Tally, UserId},
    view::{
        fixture::{MINUTE, NOW, device, drawn, happen, press, safe, to_both, type_in},
        theme::Theme,
    },
};

const HAS_IT: DeviceState = DeviceState::Delivered { at: Some(SENT.plus(Duration::from_millis(1_200))) };

fn tally() -> Tally {
    Tally {
        users: 4_211,
        delivered: 9_120,
        undecryptable: 3,
        expected: 12_960,
        latest: Some(SENT + Duration::from_millis(1_200)),
        anonymous: false,
    }
}

/// The inspector of a message with these counts; Ada has answered last.
fn counted(tally: Tally) -> App {
    let ada = vec![device("ADAPHONE", "Ada's phone", HAS_IT)];
    let mut delivery = to_both("m10", SENT, ada, Vec::new());
    delivery.people.pop();
    inspecting(Delivery { tally: Some(tally), ..delivery })
}

/// A person with two devices; every seventh has never answered.
fn person(number: usize, filter: PeopleFilter) -> PersonDelivery {
    let [phone, laptop] = match (filter, number % 7) {
        (_, 6) => [DeviceState::Unknown, DeviceState::Unknown],
        (_, 3) => [HAS_IT, DeviceState::Undecryptable { at: Some(SENT + Duration::from_millis(900)) }],
        (PeopleFilter::Missing, _) => [HAS_IT, DeviceState::Pending],
        (PeopleFilter::Everybody, _) => [HAS_IT, HAS_IT],
    };
    PersonDelivery {
        user_id: UserId::new(format!("@person{number:04}:example.org")),
        name: safe(&if number.is_multiple_of(2) { format!("Person {number}") } else { String::new() }),
        devices: vec![device("PHONE", "a phone", phone), device("LAPTOP", "kvitto on a laptop", laptop)],
    }
}

fn page(filter: PeopleFilter, after: Option<&UserId>, first: usize, people: usize, all: usize) -> Update {
    Update::replied(Reply::People(PeoplePage {
        event_id: EventId::new("$m10"),
        filter,
        after: after.cloned(),
        people: (first..first + people).map(|number| person(number, filter)).collect(),
        more: first + people < all,
        all,
        at: NOW - MINUTE,
    }))
}

#[test]
fn who_lacks_a_message_to_many_is_a_page_and_one_key_shows_everybody() {
    let mut app = counted(tally());
    assert!(screen(&app).text().contains("Looking it up"));
    happen(&mut app, [page(PeopleFilter::Missing, None, 0, PeoplePage::MOST, 1_840)]);
    screens("inspector_many", &app, Theme::default());
    app.on_drawn(screen(&app).facts);
    press(&mut app, &[KeyCode::PageDown]);
    type_in(&mut app, "l");
    let loading = screen(&app).text();
    assert!(loading.contains(" page 2 ") && loading.contains("Looking it up"), "{loading}");
    let last = person(PeoplePage::MOST - 1, PeopleFilter::Missing).user_id;
    happen(&mut app, [page(PeopleFilter::Missing, Some(&last), PeoplePage::MOST, PeoplePage::MOST, 1_840)]);
    screens("inspector_many_second", &app, Theme::default());
    press(&mut app, &[KeyCode::Enter]);
    happen(&mut app, [page(PeopleFilter::Everybody, None, 0, PeoplePage::MOST, 5_000)]);
    screens("inspector_many_everybody", &app, Theme::default());
}

#[test]
fn an_empty_page_says_why() {
    let empty = |tally: Tally, after: bool| {
        let mut app = counted(tally);
        let last = person(PeoplePage::MOST - 1, PeopleFilter::Missing).user_id;
        if after {
            happen(&mut app, [page(PeopleFilter::Missing, None, 0, PeoplePage::MOST, 51)]);
            type_in(&mut app, "l");
        }
        happen(&mut app, [page(PeopleFilter::Missing, after.then_some(&last), 0, 0, 0)]);
        screen(&app).text()
    };
    let complete = Tally { delivered: 12_960, undecryptable: 0, ..tally() };
    assert!(empty(complete, false).contains("Everybody has it, on every device."));
    assert!(empty(tally(), true).contains("Nobody more."));
    assert!(empty(Tally { expected: 0, ..tally() }, false).contains("There is no device that was given its key."));
}

#[test]
fn where_the_homeserver_only_counts_nobody_is_said_to_lack_it() {
    let app = counted(Tally { anonymous: true, ..tally() });
    screens("inspector_tally", &app, Theme::default());
    let text = screen(&app).text();
    assert!(!text.contains("Not on every device") && !text.contains("Looking it up"), "{text}");
}

#[test]
fn a_message_that_went_to_many_can_be_drawn_at_every_size() {
    let mut app = counted(tally());
    happen(&mut app, [page(PeopleFilter::Missing, None, 0, PeoplePage::MOST, 1_840)]);
    let apps = [counted(Tally { anonymous: true, ..tally() }), counted(tally()), app];
    for app in &apps {
        for columns in [20, 21, 33, 59, 71, 72, 99, 100, 130] {
            for rows in [6, 7, 8, 11, 12, 13, 30] {
                drawn(app, Theme::default(), (columns, rows));
            }
        }
    }
}

#[test]
fn the_keys_that_lead_on_are_hinted_at() {
    let bottom = |app: &App| drawn(app, Theme::default(), (120, 24)).rows().pop().unwrap_or_default();
    let mut app = counted(tally());
    happen(&mut app, [page(PeopleFilter::Missing, None, 0, PeoplePage::MOST, 60)]);
    assert!(bottom(&app).contains("everybody") && bottom(&app).contains("next page"), "{}", bottom(&app));
    assert!(!bottom(&app).contains("page before"));
    type_in(&mut app, "l");
    assert!(bottom(&app).contains("page before"), "{}", bottom(&app));
    press(&mut app, &[KeyCode::Enter]);
    assert!(bottom(&app).contains("who lacks it"), "{}", bottom(&app));
}
