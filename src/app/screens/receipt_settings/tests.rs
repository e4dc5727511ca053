//! The receipt settings by keys: what its rows say, what they ask for, and that only what was
//! written is shown.

use super::*;
use crate::{
    app::{
        event::Event,
        screens::Screen,
        testing::{Told, room_id, summary},
    },
    client::request::ReceiptsRequest,
    delivery::policy::{NameDevice, ReceiptType, RouteChoice, Settings, Timing},
    model::{RoomSummary, SafeText, UserId},
    settings::Config,
};

fn ada() -> UserId {
    UserId::new("@ada:x")
}

fn person(name: &str, known: bool) -> PersonEligibility {
    let user = UserId::new(format!("@{}:x", name.to_lowercase()));
    PersonEligibility { user_id: user, name: SafeText::line(name), known, verified: false, ignored: false }
}

/// The screen, opened in room `one`, where Ada is known and Bob is not.
fn opened() -> Told {
    let mut told = Told::in_room(Vec::new());
    told.types("/receipts");
    assert!(told.keys("Enter").contains(&Effect::from(ReceiptsRequest::AskEligibility(room_id("one")))));
    let people = vec![person("Ada", true), person("Bob", false)];
    told.event(Update::replied(Reply::Eligibility { room_id: room_id("one"), people, more: 0 }));
    told
}

fn with(change: impl FnOnce(&mut Settings)) -> Told {
    let mut told = opened();
    let mut settings = Settings::default();
    change(&mut settings);
    told.delivery(settings);
    told
}

fn screen(told: &Told) -> &ReceiptSettings {
    match told.app.screens.top() {
        Some(Screen::ReceiptSettings(screen)) => screen,
        other => panic!("{other:?}"),
    }
}

fn rows(told: &Told) -> Vec<SettingRow> {
    screen(told).rows(&told.app)
}

/// What a row says: its value, and what comes of it.
fn said(told: &Told, name: &str) -> (String, String) {
    let rows = rows(told);
    let row = rows.iter().find(|row| &*row.name == name).unwrap_or_else(|| panic!("no row {name}: {rows:?}"));
    (row.value().to_owned(), row.outcome.as_ref().map_or_else(String::new, |outcome| outcome.text.clone()))
}

fn selected(told: &Told) -> String {
    rows(told)[screen(told).selected].name.to_string()
}

/// Presses keys, and writes what they ask for as the runtime does.
fn written(told: &mut Told, keys: &str) -> Vec<Change> {
    let mut changes = Vec::new();
    for effect in keys.split(' ').flat_map(|key| {
        let effects = told.keys(key);
        for effect in &effects {
            let Effect::SaveSetting(change) = effect else { continue };
            let mut settings = told.app.settings.clone();
            change.apply(&mut settings);
            assert_ne!(settings, told.app.settings, "{change:?}");
            told.event(Event::Settings(settings));
        }
        effects
    }) {
        let Effect::SaveSetting(change) = effect else { panic!("{effect:?}") };
        changes.push(change);
    }
    changes
}

#[test]
fn the_rows_are_the_rooms_the_peoples_and_those_for_all() {
    let named = |told: &Told| rows(told).iter().map(|row| row.name.to_string()).collect::<Vec<_>>();
    let global = ["Rooms", "Members at most", "Who", "Timing", "Name my device", "Route", "Receipt type", "Incognito"];
    assert_eq!(named(&opened()), [&["In this room", "Incognito here", "Ada", "Bob"][..], &global].concat());

    let mut nowhere = Told::with_rooms();
    nowhere.keys("k :");
    nowhere.types("receipts");
    assert_eq!(nowhere.keys("Enter"), [], "what is selected is an invite");
    assert_eq!(named(&nowhere), global);

    let mut gone = opened();
    gone.event(Update::RoomsGone(vec![room_id("one")]));
    assert_eq!(named(&gone), global);
}

#[test]
fn people_of_another_room_are_not_shown_and_the_selection_stays_on_its_row() {
    let mut told = Told::in_room(Vec::new());
    told.types("/receipts");
    told.keys("Enter");
    told.keys("Down Down Down");
    assert_eq!(selected(&told), "Members at most");
    told.event(Update::replied(Reply::Eligibility {
        room_id: room_id("two"),
        people: vec![person("Eve", true)],
        more: 0,
    }));
    assert!(rows(&told).iter().all(|row| row.user_id.is_none()));
    told.event(Update::replied(Reply::Eligibility {
        room_id: room_id("one"),
        people: vec![person("Ada", true)],
        more: 7,
    }));
    assert_eq!(selected(&told), "Members at most");
    told.keys("k k");
    assert_eq!(selected(&told), "Ada");
    told.event(Update::replied(Reply::Eligibility { room_id: room_id("one"), people: vec![], more: 0 }));
    assert_eq!(selected(&told), "Rooms");
}

#[test]
fn the_selection_stops_at_the_ends_and_escape_closes() {
    let mut told = opened();
    told.keys("Up k");
    assert_eq!(selected(&told), "In this room");
    told.keys(&["j"; 30].join(" "));
    assert_eq!(selected(&told), "Incognito");
    assert_eq!(told.keys("Esc"), []);
    assert!(told.app.screens.is_empty());
}

#[test]
fn a_room_says_whether_receipts_are_sent_and_by_which_rule() {
    let said = |told: &Told| said(told, "In this room");
    let sent = |value: &str, why: &str| (value.to_owned(), format!("sent: {why}"));
    assert_eq!(said(&opened()), sent("as everywhere", "encrypted, not public, 2 members"));
    assert_eq!(said(&with(|all| all.send = Send::On)), sent("as everywhere", "switched on for all rooms"));
    let own = |send| {
        with(move |all| {
            all.rooms.insert(room_id("one"), send);
        })
    };
    assert_eq!(said(&own(Send::Auto)), sent("auto", "encrypted, not public, 2 members"));
    assert_eq!(said(&own(Send::On)), sent("on", "switched on for this room"));
    assert_eq!(said(&own(Send::Off)).1, "not sent: Receipts are switched off for this room. (P5)");
    let hidden = with(|all| {
        all.incognito_rooms.insert(room_id("one"));
    });
    assert_eq!(said(&hidden).1, "not sent: No receipts are sent while you are incognito. (P12)");
    let mut public = opened();
    public.event(Update::Rooms(vec![RoomSummary { public: Some(true), ..summary("one", 2) }]));
    assert_eq!(said(&public).1, "not sent: The room is public. (P5)");
}

#[test]
fn a_person_says_whether_they_are_sent_receipts_and_by_which_rule() {
    let told = opened();
    assert_eq!(said(&told, "Ada"), ("as everywhere".to_owned(), "sent: you have dealt with them".to_owned()));
    assert_eq!(said(&told, "Bob").1, "not sent: You had not been in contact with the sender. (P7)");
    let nobody = with(|all| {
        all.people.insert(ada(), Who::Nobody);
    });
    let never = "not sent: Your settings send this person no receipts. (P7)";
    assert_eq!(said(&nobody, "Ada"), ("nobody".to_owned(), never.to_owned()));
    let everyone = with(|all| {
        all.people.insert(UserId::new("@bob:x"), Who::Everyone);
    });
    assert_eq!(said(&everyone, "Bob"), ("everyone".to_owned(), "sent: you chose so for them".to_owned()));
    assert_eq!(said(&with(|all| all.who = Who::Everyone), "Ada").1, "sent: everyone is sent them");
    assert_eq!(
        said(&with(|all| all.send = Send::Off), "Ada").1,
        "not sent: Receipts are switched off for this room. (P5)"
    );

    let mut told = opened();
    let people = vec![
        PersonEligibility { verified: true, ..person("Ada", false) },
        PersonEligibility { ignored: true, ..person("Bob", true) },
    ];
    told.event(Update::replied(Reply::Eligibility { room_id: room_id("one"), people, more: 0 }));
    assert_eq!(said(&told, "Ada").1, "sent: you have verified them");
    assert_eq!(said(&told, "Bob").1, "not sent: You ignore the sender. (P8)");
}

#[test]
fn p13_a_person_who_may_not_know_the_device_is_told_apart_by_route() {
    let said = |route| {
        let told = with(|all| (all.name_device, all.route) = (NameDevice::Never, route));
        said(&told, "Ada").1
    };
    assert_eq!(
        said(RouteChoice::Auto),
        "sent: you have dealt with them; over `direct` not at all: your device is not named to them (P13)"
    );
    assert_eq!(said(RouteChoice::Native), "sent: you have dealt with them; your device is not named to them (P13)");
    assert!(said(RouteChoice::Direct).ends_with("your settings do not name it to the sender. (P13)"));
    assert!(said(RouteChoice::Off).starts_with("not sent: Receipts are switched off altogether"));
}

#[test]
fn left_and_right_go_through_the_values_and_stop_while_enter_goes_around() {
    let mut told = opened();
    let set = |key, id: &str, value| Change { key, id: id.to_owned(), value };
    let here = |send: Option<Send>| set("delivery.rooms.*.send", "!one:x", send.map(Value::from));
    assert_eq!(written(&mut told, "Left"), [], "it is the first");
    assert_eq!(written(&mut told, "Right"), [here(Some(Send::Auto))]);
    assert_eq!(written(&mut told, "l Right l"), [here(Some(Send::On)), here(Some(Send::Off))]);
    assert_eq!(said(&told, "In this room").0, "off");
    assert_eq!(written(&mut told, "Enter"), [here(None)]);
    assert_eq!(written(&mut told, "Enter h"), [here(Some(Send::Auto)), here(None)]);

    told.keys("Down");
    let hidden = |on: bool| set("delivery.rooms.*.incognito", "!one:x", on.then_some(Value::Flag(true)));
    assert_eq!(
        written(&mut told, "Enter Enter Right Left"),
        [hidden(true), hidden(false), hidden(true), hidden(false)]
    );

    told.keys("Down");
    let of_ada = |who: Option<Who>| set("delivery.people.*.who", "@ada:x", who.map(Value::from));
    assert_eq!(
        written(&mut told, "Right Right Right Right Right"),
        [Who::Everyone, Who::Known, Who::Verified, Who::Nobody].map(|who| of_ada(Some(who)))
    );
    assert_eq!(written(&mut told, "Enter"), [of_ada(None)]);
}

#[test]
fn every_row_for_all_changes_its_own_setting() {
    let mut told = opened();
    told.keys("Down Down Down");
    let mut changes = Vec::new();
    for _ in 0..8 {
        told.keys("Down");
        changes.extend(written(&mut told, "Right"));
        changes.extend(written(&mut told, "Left"));
    }
    assert_eq!(
        changes,
        [
            Change::new("delivery.send", "", Send::On),
            Change::new("delivery.send", "", Send::Auto),
            Change::new("delivery.max_members", "", 100_u64),
            Change::new("delivery.max_members", "", 50_u64),
            Change::new("delivery.who", "", Who::Verified),
            Change::new("delivery.who", "", Who::Known),
            Change::new("delivery.timing", "", Timing::Guarded),
            Change::new("delivery.timing", "", Timing::Balanced),
            Change::new("delivery.name_device", "", NameDevice::Verified),
            Change::new("delivery.name_device", "", NameDevice::Known),
            Change::new("delivery.route", "", RouteChoice::Native),
            Change::new("delivery.route", "", RouteChoice::Auto),
            Change::new("delivery.receipt_type", "", ReceiptType::Stable),
            Change::new("delivery.receipt_type", "", ReceiptType::Unstable),
            Change::new("delivery.incognito", "", true),
            Change::removed("delivery.incognito", ""),
        ]
    );
    assert_eq!(told.app.settings, Config::default());
}

#[test]
fn a_number_of_members_that_is_set_by_hand_has_its_place_among_the_others() {
    let mut told = with(|all| all.max_members = 7);
    told.keys("Down Down Down Down Down");
    assert_eq!(said(&told, "Members at most").0, "7");
    assert_eq!(told.keys("Left"), [Effect::SaveSetting(Change::new("delivery.max_members", "", 5_u64))]);
    assert_eq!(told.keys("Right"), [Effect::SaveSetting(Change::new("delivery.max_members", "", 10_u64))]);
}

#[test]
fn what_was_not_written_is_not_shown() {
    let mut told = opened();
    assert_eq!(told.keys("Right").len(), 1);
    assert_eq!(said(&told, "In this room").0, "as everywhere", "not before it is written");
    told.event(Update::Warning(SafeText::line("Not saved: it cannot be written.")));
    assert_eq!(said(&told, "In this room").0, "as everywhere");
    assert_eq!(told.status(), "Not saved: it cannot be written.");
}

#[test]
fn every_value_of_every_setting_is_explained() {
    let mut seen = std::collections::BTreeSet::new();
    let mut told = opened();
    for _ in 0..rows(&told).len() {
        for _ in 0..12 {
            let row = rows(&told).swap_remove(screen(&told).selected);
            assert!(row.meaning.ends_with('.'), "{row:?}");
            seen.insert((row.name.to_string(), row.value().to_owned(), row.meaning.to_string()));
            written(&mut told, "Enter");
        }
        told.keys("Down");
    }
    let of = |name: &str| seen.iter().filter(|(row, ..)| row == name).map(|(.., meaning)| meaning).collect::<Vec<_>>();
    for (name, values) in [("In this room", 4), ("Ada", 5), ("Rooms", 3), ("Who", 4), ("Timing", 4), ("Route", 4)] {
        assert_eq!(of(name).len(), values, "{name}");
    }
    assert!(of("Timing").iter().any(|meaning| meaning.contains("exactly when your device woke up")));
}
