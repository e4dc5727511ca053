//! The views of delivery beyond one glyph: the matrix, what is not delivered, the log, and the
//! inspector's rarer parts.

use std::time::Duration;

use ratatui::style::Color;

use super::{screen, screens, with_selected};
use crate::{
    app::{App, Focus},
    client::{reply::Reply, update::Update},
    input::KeyCode,
    model::{
        Bridge, BridgeState, Delivery, DeviceDelivery, DeviceState, EventId, LogEntry, Logged, NotBelieved,
        PersonDelivery, ReceiptLog, RoomId, Route, Tally, TimelineChange, TimelineId, Timestamp, Undelivered, UserId,
    },
    settings::ui::{Glyphs, MarkStyle, Palette},
    view::{
        fixture::{
            self, LAKE, MINUTE, NOW, as_item, chatting, device, drawn, happen, message, plain, press, safe, to_both,
            type_in,
        },
        theme::Theme,
    },
};

const PENDING: DeviceState = DeviceState::Pending;
const HAS_IT: DeviceState = DeviceState::Delivered { at: None };

fn in_timeline(mut app: App) -> App {
    app.focus = Focus::Timeline;
    app
}

/// A room in which this was written, each a minute after the one before.
fn written(deliveries: Vec<Delivery>) -> App {
    let mut app = in_timeline(fixture::with_rooms());
    let room = RoomId::new(LAKE);
    let minutes_ago = |at: Timestamp| (NOW - at).as_secs() / 60;
    let items = deliveries.iter().map(|delivery| {
        let key = delivery.event_id.as_str().trim_start_matches('$');
        as_item(key, message(key, "you", minutes_ago(delivery.sent), plain(&format!("Message {key} to everybody."))))
    });
    let changes = vec![TimelineChange::Reset(items.collect())];
    let events = [
        Update::go_to(room.clone()),
        Update::Timeline { timeline_id: TimelineId::live(room.clone()), changes },
        Update::Deliveries { room_id: room, deliveries },
    ];
    happen(&mut app, events);
    app.focus = Focus::Timeline;
    app
}

/// Twelve people with two devices each; one of Emmy's is broken. The oldest message was for half of
/// them.
fn twelve_people() -> App {
    const NAMES: [&str; 12] =
        ["Ada", "Alan", "Annie", "Barbara", "Betty", "Edsger", "Emmy", "Grace", "Hedy", "Joan", "Karen", "Mary"];
    let delivery = |n: usize| {
        let people = NAMES.iter().take(if n == 0 { 6 } else { 12 }).map(|name| PersonDelivery {
            user_id: UserId::new(format!("@{}:example.org", name.to_lowercase())),
            name: safe(name),
            devices: ["PHONE", "LAPTOP"]
                .map(|id| {
                    let broken = *name == "Emmy" && id == "LAPTOP";
                    let state = if broken { DeviceState::Undecryptable { at: None } } else { HAS_IT };
                    device(&format!("{}{id}", name.to_uppercase()), id, state)
                })
                .to_vec(),
        });
        let sent = NOW - Duration::from_mins(u64::try_from(30 - n).unwrap());
        Delivery::new(EventId::new(format!("$n{n}")), sent, people.collect())
    };
    written((0..30).map(delivery).collect())
}

#[test]
fn the_matrix_shows_messages_against_devices() {
    let mut app = in_timeline(chatting());
    type_in(&mut app, "m");
    screens("matrix", &app, Theme::default());
    screens("matrix_ascii", &app, Theme { glyphs: Glyphs::Ascii, palette: Palette::None, style: MarkStyle::Devices });
}

#[test]
fn a_broken_device_is_a_broken_column() {
    let mut app = twelve_people();
    type_in(&mut app, "m");
    screens("matrix_many", &app, Theme::default());
    let facts = screen(&app).facts;
    let popup = facts.screen.unwrap();
    assert!(popup.max_scroll > 0 && popup.max_shift > 0);
    app.on_drawn(facts);
    let there = screen(&app);
    let row = there.rows().into_iter().find(|row| row.contains("EMMYLAPTOP")).unwrap();
    assert!(row.contains(" 0/29 "), "{row}");
    assert_eq!(there.cell("0/29").fg, Color::LightRed);
    assert_eq!(there.cell("29/29").fg, Color::LightGreen);
    assert!(!there.text().contains("Mary"), "she is further to the right");
    type_in(&mut app, "llll");
    screens("matrix_shifted", &app, Theme::default());
    type_in(&mut app, &"l".repeat(24));
    assert!(screen(&app).text().contains("Mary · PHONE") && !screen(&app).text().contains("to the right"));
}

#[test]
fn where_too_many_are_counted_the_matrix_has_marks_in_place_of_columns() {
    let tally = Tally { users: 40, delivered: 61, undecryptable: 2, expected: 300, ..Tally::default() };
    let counted = |n: u64| {
        let delivery = Delivery::new(EventId::new(format!("$n{n}")), NOW - Duration::from_mins(9 - n), Vec::new());
        Delivery { tally: Some(Tally { delivered: tally.delivered + n, ..tally }), ..delivery }
    };
    let mut app = written((0..3).map(counted).collect());
    type_in(&mut app, "m");
    assert!(screen(&app).text().contains("Message n2 to everybody."));
}

#[test]
fn an_empty_matrix_says_why() {
    let mut app = in_timeline(fixture::with_rooms());
    happen(&mut app, [Update::go_to(RoomId::new("!hq:example.org"))]);
    app.focus = Focus::Timeline;
    type_in(&mut app, "m");
    assert!(screen(&app).text().contains("Receipts are not asked for in this room. The room is not encrypted. (P5)"));
    let mut app = written(Vec::new());
    type_in(&mut app, "m");
    assert!(screen(&app).text().contains("There is no message of yours here"));
}

fn undelivered(room: &str, text: &str, delivery: Delivery) -> Undelivered {
    Undelivered { room_id: RoomId::new(room), room_name: safe("A room that was left"), text: safe(text), delivery }
}

fn not_everywhere() -> Vec<Undelivered> {
    let phone = |state| device("ADAPHONE", "Ada's phone", state);
    let laptop = |state| device("ADALAPTOP", "kvitto on laptop", state);
    let desktop = |state| device("BOBDESK", "Bob's desktop", state);
    let missed = DeviceState::Missed { later: NOW };
    let broken = DeviceState::Undecryptable { at: None };
    let seven = (0..7).map(|n| device(&format!("D{n}"), "", if n < 5 { HAS_IT } else { PENDING })).collect();
    let tally = Tally { users: 4_211, delivered: 9_120, undecryptable: 3, expected: 12_960, ..Tally::default() };
    let large = Delivery::new(EventId::new("$x3"), NOW - 4 * 24 * 60 * MINUTE, Vec::new());
    vec![
        undelivered(
            LAKE,
            "See you at eight.",
            to_both("m10", NOW - 5 * MINUTE, vec![phone(HAS_IT), laptop(PENDING)], vec![desktop(broken)]),
        ),
        undelivered(
            "!hq:example.org",
            "",
            to_both("x1", NOW - 3 * 60 * MINUTE, vec![phone(missed), laptop(HAS_IT)], vec![desktop(HAS_IT)]),
        ),
        undelivered(
            "!hq:example.org",
            "Welcome to everybody who is new here.",
            Delivery { tally: Some(tally), ..large },
        ),
        undelivered(
            "!gone:example.org",
            "If anybody finds an umbrella on the night train, it is mine, it is black, and it was my grandmother's.",
            to_both("x2", NOW - 6 * 24 * 60 * MINUTE, seven, vec![desktop(HAS_IT)]),
        ),
    ]
}

#[test]
fn what_is_not_delivered_is_listed_by_age() {
    let mut app = in_timeline(chatting());
    type_in(&mut app, "u");
    assert!(screen(&app).text().contains("Looking it up…"));
    happen(&mut app, [Update::replied(Reply::Undelivered(not_everywhere()))]);
    press(&mut app, &[KeyCode::Down]);
    screens("undelivered", &app, Theme::default());
    happen(&mut app, [Update::replied(Reply::Undelivered(Vec::new()))]);
    assert!(screen(&app).text().contains("Everything you sent was delivered everywhere, as far as is known."));
}

#[test]
fn the_selected_one_of_a_long_list_is_on_screen() {
    let mut app = in_timeline(chatting());
    type_in(&mut app, "u");
    let one = |n: u64| {
        let delivery =
            to_both(&format!("x{n}"), NOW - Duration::from_mins(n), vec![device("A", "", PENDING)], Vec::new());
        undelivered(LAKE, &format!("Message {n}."), delivery)
    };
    happen(&mut app, [Update::replied(Reply::Undelivered((0..200).map(one).collect()))]);
    for n in 0..200 {
        assert!(screen(&app).text().contains(&format!(" Message {n}.")), "{n}");
        press(&mut app, &[KeyCode::Down]);
    }
}

fn log() -> ReceiptLog {
    let entry = |minutes_ago: u64, room: &str, person: &str, what| LogEntry {
        at: NOW - Duration::from_mins(minutes_ago),
        first: NOW - Duration::from_mins(minutes_ago),
        count: 1,
        room_id: RoomId::new(room),
        room_name: safe("Night train"),
        person: UserId::new(person),
        event_id: EventId::new("$1"),
        what,
    };
    let stranger = Logged::Withheld { rule: "P7", why: "You had not been in contact with the sender." };
    let probes = entry(61, "!train:example.org", "@mallory:example.org", stranger);
    let entries = vec![
        entry(2, LAKE, "@ada:example.org", Logged::Delivered { route: Route::Direct }),
        entry(12, LAKE, "@bob:example.org", Logged::Undecryptable { route: Route::Direct }),
        LogEntry { first: NOW - 100 * MINUTE, count: 1_000, ..probes },
        entry(24 * 60, LAKE, "@ada:example.org", Logged::Delivered { route: Route::Native }),
    ];
    ReceiptLog { entries, not_believed: Vec::new() }
}

#[test]
fn the_log_says_what_was_told_to_whom() {
    let mut app = in_timeline(chatting());
    type_in(&mut app, ":log receipts");
    press(&mut app, &[KeyCode::Enter]);
    happen(&mut app, [Update::replied(Reply::ReceiptLog(log()))]);
    screens("log", &app, Theme::default());
    happen(&mut app, [Update::replied(Reply::ReceiptLog(ReceiptLog::default()))]);
    let empty = screen(&app).text();
    assert!(empty.contains("Nothing in the last 30 days") && !empty.contains("Not believed"), "{empty}");
    type_in(&mut app, "q:log receipts clear");
    press(&mut app, &[KeyCode::Enter]);
    assert!(screen(&app).text().contains("Forget what your receipts told, and what was withheld?"));
}

#[test]
fn the_log_says_what_is_not_believed() {
    let lies = |claims, rule, why| NotBelieved { claims, rule, why };
    let not_believed = vec![
        lies(1, "L1", "naming another room than the message's"),
        lies(10_000, "L1", "about messages that are not known here"),
        lies(12, "L2", "from people who are not in the room"),
    ];
    let mut app = in_timeline(chatting());
    type_in(&mut app, ":log receipts");
    press(&mut app, &[KeyCode::Enter]);
    happen(&mut app, [Update::replied(Reply::ReceiptLog(ReceiptLog { not_believed: not_believed.clone(), ..log() }))]);
    screens("log_not_believed", &app, Theme::default());
    happen(&mut app, [Update::replied(Reply::ReceiptLog(ReceiptLog { entries: Vec::new(), not_believed }))]);
    let empty = screen(&app).text();
    assert!(empty.contains("Nothing in the last 30 days"), "{empty}");
    assert!(empty.contains("    12  from people who are not in the room (L2)"), "{empty}");
}

#[test]
fn every_reason_not_to_believe_has_its_row_on_the_smallest_screen() {
    let why = "for a reason that is as long as one may be!";
    let not_believed: Vec<_> = (0..9).map(|n| NotBelieved { claims: 100_000 + n, rule: "L2", why }).collect();
    let mut app = in_timeline(chatting());
    type_in(&mut app, ":log receipts");
    press(&mut app, &[KeyCode::Enter]);
    happen(&mut app, [Update::replied(Reply::ReceiptLog(ReceiptLog { not_believed, ..log() }))]);
    let small = drawn(&app, Theme::default(), (60, 20)).text();
    for n in 0..9 {
        assert!(small.contains(&format!("{}  {why} (L2)", 100_000 + n)), "{small}");
    }
}

#[test]
fn a_long_log_is_seen_to_its_end_and_costs_what_is_seen() {
    let mut app = in_timeline(chatting());
    type_in(&mut app, ":log receipts");
    press(&mut app, &[KeyCode::Enter]);
    let all = log().entries;
    let entries: Vec<_> = (0..10_000_u64)
        .map(|n| LogEntry {
            at: NOW - Duration::from_mins(n),
            person: UserId::new(format!("@p{n}:x")),
            ..all[0].clone()
        })
        .collect();
    happen(&mut app, [Update::replied(Reply::ReceiptLog(ReceiptLog { entries, not_believed: Vec::new() }))]);
    let facts = screen(&app).facts;
    assert!(screen(&app).text().contains("@p0:x"));
    app.on_drawn(facts.clone());
    for _ in 0..10_000 {
        press(&mut app, &[KeyCode::Down]);
    }
    let end = screen(&app);
    assert!(end.text().contains("@p9999:x in") && end.text().contains("/log receipts clear"), "{}", end.text());
    assert_eq!(end.facts.screen.map(|popup| popup.max_scroll), facts.screen.map(|popup| popup.max_scroll));
}

/// The inspector of 'See you at eight.', of which this is known.
pub fn inspecting(delivery: Delivery) -> App {
    let mut app = with_selected(3);
    happen(&mut app, [Update::Deliveries { room_id: RoomId::new(LAKE), deliveries: vec![delivery] }]);
    type_in(&mut app, "i");
    app
}

/// When that was sent.
pub const SENT: Timestamp = NOW.minus(Duration::from_mins(5));

#[test]
fn inspector_of_a_message_that_a_device_missed() {
    let silent = DeviceState::Silent { since: NOW - 30 * 24 * 60 * MINUTE };
    let ada = vec![
        device("ADAPHONE", "Ada's phone", DeviceState::Missed { later: SENT + 3 * MINUTE }),
        device(
            "ADALAPTOP",
            "kvitto on laptop",
            DeviceState::Delivered { at: Some(SENT + Duration::from_millis(1_200)) },
        ),
        DeviceDelivery { expected: false, ..device("ADATABLET", "Ada's tablet", silent) },
    ];
    let mut delivery = to_both("m10", SENT, ada, vec![device("BOBDESK", "Bob's desktop", PENDING)]);
    delivery.own_devices = vec![
        device("YOURPHONE", "Your phone", DeviceState::Delivered { at: Some(SENT + Duration::from_millis(800)) }),
        device("ELEMENT", "Element on the web", DeviceState::Unknown),
    ];
    for device in &mut delivery.own_devices {
        device.expected = false;
    }
    let app = inspecting(delivery);
    screens("inspector_missed", &app, Theme::default());
    let mut closed = app;
    press(&mut closed, &[KeyCode::Esc]);
    let seen = |style| drawn(&closed, Theme { style, ..Theme::default() }, (80, 24)).text();
    assert!(seen(MarkStyle::Devices).contains(" △● ○"), "the alarm is in the row itself");
    assert!(seen(MarkStyle::Count).contains(" ✓ 1/3 △1") && seen(MarkStyle::Classic).contains(" ✓△"));
}

#[test]
fn inspector_of_a_message_that_a_bridge_has() {
    let says = |state, why: &str, delivered_to| {
        let bot = UserId::new("@signalbot:example.org");
        let mut delivery = Delivery::new(EventId::new("$m10"), SENT, Vec::new());
        delivery.bridge = Some(Bridge { bot, state, why: safe(why), delivered_to });
        inspecting(delivery)
    };
    let failed = says(BridgeState::Failed, "The message is too long for Signal.", None);
    screens("inspector_bridge", &failed, Theme::default());
    let sent = says(BridgeState::Sent, "", Some(vec![UserId::new("@signal_ada:example.org")]));
    assert!(screen(&sent).text().contains("received by @signal_ada:example.org."));
}

#[test]
fn every_size_of_these_can_be_drawn() {
    let with = |keys: &str, event: Option<Update>| {
        let mut app = twelve_people();
        type_in(&mut app, keys);
        happen(&mut app, event);
        app
    };
    let mut log_open = with(":log receipts", None);
    press(&mut log_open, &[KeyCode::Enter]);
    happen(&mut log_open, [Update::replied(Reply::ReceiptLog(log()))]);
    let apps = [with("m", None), with("u", Some(Update::replied(Reply::Undelivered(not_everywhere())))), log_open];
    for app in &apps {
        for columns in [20, 21, 33, 59, 71, 72, 99, 100, 130] {
            for rows in [6, 7, 8, 11, 12, 13, 30] {
                drawn(app, Theme::default(), (columns, rows));
            }
        }
    }
}
