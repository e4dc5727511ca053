//! The demo: who types the login, what opens by itself, and how it ends.
use crate::{
    app::{
        Focus, Phase,
        effect::Effect,
        event::Event,
        testing::{Told, account, invite, live, room_id, summary},
    },
    client::{
        request::{SessionRequest, TimelineRequest},
        update::Update,
    },
    model::{Entrance, SafeText, Secret},
};

fn starting() -> Told {
    let told = Told::starting();
    Told { app: told.app.in_demo(), ..told }
}

fn ready() -> Event {
    let (homeserver, user) = ("http://x".to_owned(), "you".to_owned());
    Event::DemoReady(Entrance { homeserver, user, password: Secret("pw".to_owned()), tour: room_id("tour") })
}

fn logged_in() -> Told {
    let mut told = starting();
    told.event(ready());
    told.event(Update::LoggedIn(account("@you:x")));
    told
}

#[test]
fn the_demo_logs_in_by_itself_and_shows_no_form() {
    let mut told = starting();
    assert_eq!(told.event(Update::LoggedOut(None)), []);
    told.event(Event::DemoDoing(SafeText::line("Ada's phone logs in")));
    assert_eq!(told.app.phase, Phase::Starting);
    assert_eq!(&*told.app.demo.as_ref().unwrap().doing, "Ada's phone logs in");
    let (homeserver, user) = ("http://x".to_owned(), "you".to_owned());
    assert_eq!(
        told.event(ready()),
        [Effect::from(SessionRequest::Login { homeserver, user, password: Secret("pw".to_owned()) })]
    );
}

#[test]
fn a_demo_that_cannot_be_logged_in_to_says_why() {
    let mut told = starting();
    told.event(ready());
    told.event(Update::refused(SessionRequest::ReplaceAccount, &SafeText::line("No.")));
    assert_eq!((&told.app.phase, &*told.app.demo.as_ref().unwrap().doing), (&Phase::Starting, "No."));
}

#[test]
fn the_tour_opens_when_its_room_is_there_and_only_then() {
    let mut told = logged_in();
    assert_eq!(told.event(Update::Rooms(vec![summary("other", 9), invite("tour")])), []);
    let opened = told.event(Update::Rooms(vec![summary("tour", 1)]));
    assert_eq!(opened, [Effect::from(TimelineRequest::Open(live("tour")))]);
    assert_eq!(told.app.focus, Focus::Composer);
    told.event(Update::go_to(room_id("other")));
    told.event(Update::Rooms(vec![summary("tour", 2)]));
    assert_eq!(told.app.timelines.shown().unwrap().id, live("other"), "it opens once");
}

#[test]
fn whoever_has_opened_a_room_is_left_there() {
    let mut told = logged_in();
    told.event(Update::Rooms(vec![summary("other", 9)]));
    told.event(Update::go_to(room_id("other")));
    assert_eq!(told.event(Update::Rooms(vec![summary("tour", 1)])), []);
}

#[test]
fn logging_out_of_the_demo_is_quitting() {
    assert_eq!(logged_in().event(Update::LoggedOut(None)), [Effect::Quit]);
}

#[test]
fn the_login_screen_leads_to_the_demo_and_the_ordinary_client_does_not_heed_one() {
    let mut told = Told::starting();
    told.event(Update::LoggedOut(None));
    assert_eq!(told.event(ready()), []);
    assert_eq!(told.keys("F2"), [Effect::TryDemo]);
}
