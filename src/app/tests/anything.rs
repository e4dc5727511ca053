//! Whatever happens, in whatever order: no panic, and what always holds, holds.

use std::time::Duration;

use crate::{
    app::{
        App, Focus, commands,
        event::Event,
        layout::{LayoutFacts, Row, ScreenFacts, TimelineFacts},
        screens::Screen,
        testing::{
            T0, Told, account, day_line, delivery, device, invite, message, own, read_by, room_id, said, summary,
        },
        timeline::{Anchor, ItemPosition},
    },
    client::{
        reply::Reply,
        request::{SessionRequest, TimelineRequest},
        update::Update,
    },
    input::{Key, KeyCode, KeySequence},
    model::{
        Connection, Delivery, DeviceState, EventId, EventSource, ItemKey, LogEntry, Logged, LoginMethod, Pagination,
        PeopleFilter, PeoplePage, PersonEligibility, ReceiptLog, ReceiptStatus, RoomId, Route, SafeText, SendState,
        Tally, TimelineChange, TimelineId, TimelineItem, Undelivered, UserId,
    },
};
use proptest::prelude::*;

/// Something that happens, or a drawing of whatever the view may tell.
#[derive(Clone, Debug)]
enum Step {
    Event(Box<Event>),
    Drawn(LayoutFacts),
    Wait(u64),
}

fn sentence() -> impl Strategy<Value = SafeText> {
    Just(SafeText::line("Something."))
}

fn room() -> impl Strategy<Value = RoomId> {
    prop::sample::select(vec!["one", "one", "one", "one", "two", "three"]).prop_map(room_id)
}

fn item() -> impl Strategy<Value = TimelineItem> {
    (0_u8..40, 0_u8..6).prop_map(|(name, kind)| {
        let name = format!("${name}");
        match kind {
            0 => day_line(&name),
            1 => said(&name, "Something."),
            2 => own(&name, SendState::Failed(SafeText::line("Something."))),
            3 => read_by(message(&name), &["@bob:x"]),
            _ => message(&name),
        }
    })
}

fn change() -> impl Strategy<Value = TimelineChange> {
    let items = || prop::collection::vec(item(), 0..8);
    prop_oneof![
        1 => items().prop_map(TimelineChange::Reset),
        4 => items().prop_map(TimelineChange::Append),
        4 => (0_usize..20, item()).prop_map(|(index, item)| TimelineChange::Insert(index, item)),
        3 => (0_usize..20, item()).prop_map(|(index, item)| TimelineChange::Set(index, item)),
        3 => (0_usize..20).prop_map(TimelineChange::Remove),
        1 => (0_usize..20).prop_map(TimelineChange::Truncate),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    let bound = commands::all().flat_map(|command| command.keys).flat_map(|(_, keys)| keys.iter());
    let bound = bound.flat_map(|keys| keys.parse::<KeySequence>().unwrap().keys().to_vec());
    let typed = "/:@a1 é👩🏽\u{301}".chars().map(Key::char);
    prop::sample::select(bound.chain(typed).chain([Key::new(KeyCode::Insert)]).collect::<Vec<_>>())
}

fn event() -> impl Strategy<Value = Event> {
    let moves = "kkkjjgGiEcmulexy".chars().map(|c| if c == 'E' { Key::new(KeyCode::Esc) } else { Key::char(c) });
    let moves = moves.chain([KeyCode::PageUp, KeyCode::PageDown, KeyCode::Enter].map(Key::new)).collect::<Vec<_>>();
    prop_oneof![
        15 => key().prop_map(Event::Key),
        15 => prop::sample::select(moves).prop_map(Event::Key),
        2 => "(/|//|@ada:x|leave|receipts|\n|\r|a|\u{1b}){0,5}".prop_map(Event::Paste),
        20 => (room(), prop::collection::vec(change(), 1..4))
            .prop_map(|(room, changes)| Update::Timeline { timeline_id: TimelineId::live(room), changes }.into()),
        1 => any::<bool>().prop_map(Event::Focus),
        2 => session().prop_map(Event::from),
        6 => of_rooms().prop_map(Event::from),
        4 => answer().prop_map(Event::from),
        4 => of_delivery().prop_map(Event::from),
    ]
}

fn a_delivery() -> impl Strategy<Value = Delivery> {
    let state = prop::sample::select(vec![DeviceState::Pending, DeviceState::Delivered { at: None }]);
    let tally =
        prop::option::of(any::<bool>().prop_map(|anonymous| Tally { expected: 9, anonymous, ..Tally::default() }));
    (0_u8..40, 0_u64..3, prop::collection::vec(state, 0..3), tally).prop_map(|(event, days, states, tally)| {
        let devices: Vec<_> = states.into_iter().enumerate().map(|(n, state)| device(&n.to_string(), state)).collect();
        Delivery {
            sent: T0 - Duration::from_millis(days * 86_400_000),
            tally,
            ..delivery(&format!("${event}"), &[("@ada:x", &devices)])
        }
    })
}

fn of_delivery() -> impl Strategy<Value = Update> {
    let undelivered = (room(), a_delivery()).prop_map(|(room, delivery)| Undelivered {
        room_id: room,
        room_name: SafeText::default(),
        text: SafeText::default(),
        delivery,
    });
    let entry = (room(), 1_u64..9).prop_map(|(room, count)| LogEntry {
        at: T0,
        first: T0,
        count,
        room_id: room,
        room_name: SafeText::default(),
        person: UserId::new("@ada:x"),
        event_id: EventId::new("$1"),
        what: Logged::Delivered { route: Route::Direct },
    });
    let person = (prop::sample::select(vec!["@ada:x", "@bob:x"]), any::<(bool, bool, bool)>()).prop_map(
        |(user, (known, verified, ignored))| PersonEligibility {
            user_id: UserId::new(user),
            name: SafeText::default(),
            known,
            verified,
            ignored,
        },
    );
    let page = (a_delivery(), any::<bool>(), any::<bool>()).prop_map(|(delivery, missing, more)| PeoplePage {
        event_id: delivery.event_id,
        filter: if missing { PeopleFilter::Missing } else { PeopleFilter::Everybody },
        after: None,
        people: delivery.people,
        more,
        all: 1,
        at: T0,
    });
    prop_oneof![
        2 => page.prop_map(|it| Update::replied(Reply::People(it))),
        2 => (room(), prop::collection::vec(person, 0..5), 0_usize..3)
            .prop_map(|(room, people, more)| Update::replied(Reply::Eligibility { room_id: room, people, more })),
        2 => (room(), prop::collection::vec(a_delivery(), 0..5))
            .prop_map(|(room, deliveries)| Update::Deliveries { room_id: room, deliveries }),
        2 => prop::collection::vec(undelivered, 0..5).prop_map(|it| Update::replied(Reply::Undelivered(it))),
        1 => prop::collection::vec(entry, 0..5)
            .prop_map(|entries| Update::replied(Reply::ReceiptLog(ReceiptLog { entries, not_believed: Vec::new() }))),
    ]
}

fn session() -> impl Strategy<Value = Update> {
    let methods = vec![LoginMethod::Password, LoginMethod::Sso, LoginMethod::OAuth];
    prop_oneof![
        1 => prop::sample::subsequence(methods, 0..=3)
            .prop_map(|methods| Update::replied(Reply::LoginMethods { homeserver: SafeText::line("x"), methods })),
        1 => sentence().prop_map(|url| Update::BrowserWaiting { url }),
        1 => sentence().prop_map(|why| Update::refused(SessionRequest::ReplaceAccount, &why)),
        1 => sentence().prop_map(|why| Update::refused(SessionRequest::FindHomeserver(String::new()), &why)),
        4 => prop::sample::select(vec!["@me:x", "@me:x", "@me:x", "@eve:x"])
            .prop_map(|user| Update::LoggedIn(account(user))),
        1 => prop::option::of(sentence()).prop_map(Update::LoggedOut),
        1 => sentence().prop_map(|why| Update::SessionEnded { account: account("@me:x"), why }),
        1 => sentence().prop_map(|it| Update::replied(Reply::LoginReplaces(it))),
        1 => prop_oneof![Just(Connection::Online), sentence().prop_map(Connection::Offline)]
            .prop_map(Update::Connection),
    ]
}

fn of_rooms() -> impl Strategy<Value = Update> {
    prop_oneof![
        2 => (0_u64..9).prop_map(|at| Update::Rooms(vec![summary("one", at), summary("two", 4), invite("three")])),
        1 => room().prop_map(|room| Update::RoomsGone(vec![room])),
        6 => room().prop_map(Update::go_to),
    ]
}

fn answer() -> impl Strategy<Value = Update> {
    prop_oneof![
        (room(), prop::sample::select(vec![Pagination::Idle, Pagination::ReachedStart]))
            .prop_map(|(room, state)| Update::Pagination { timeline_id: TimelineId::live(room), state }),
        (room(), "[a\n/]{0,3}").prop_map(|(room, text)| {
            let (timeline_id, draft) = (TimelineId::live(room), (&*text).into());
            Update::replied(Reply::Draft { timeline_id, draft })
        }),
        (room(), "[a\n/]{0,3}", any::<bool>(), sentence()).prop_map(|(room_id, text, emote, why)| {
            if emote {
                Update::refused(TimelineRequest::SendEmote { room_id, text, reply_to: None }, &why)
            } else {
                Update::refused(TimelineRequest::Send { room_id, text, reply_to: None }, &why)
            }
        }),
        (room(), 0_u8..40, "[a\n/]{0,3}", sentence()).prop_map(|(room_id, event, text, why)| {
            let event_id = EventId::new(format!("${event}"));
            Update::refused(TimelineRequest::Edit { room_id, event_id, text }, &why)
        }),
        (room(), 0_u8..40, "[a\n/]{0,3}", sentence()).prop_map(|(room, event, text, why)| Update::EditFailed {
            room_id: room,
            event_id: EventId::new(format!("${event}")),
            removed: text.contains('/'),
            text,
            why
        }),
        (0_u8..40).prop_map(|event| {
            Update::replied(Reply::ReceiptStatus {
                event_id: EventId::new(format!("${event}")),
                status: ReceiptStatus::AwaitingKey,
            })
        }),
        (0_u8..40, sentence()).prop_map(|(event, line)| {
            let (event_id, json) = (EventId::new(format!("${event}")), vec![line]);
            Update::replied(Reply::Source(EventSource { event_id, json, encrypted: None }))
        }),
        sentence().prop_map(|text| Update::replied(Reply::Said(text))),
        sentence().prop_map(Update::Notice),
    ]
}

fn facts() -> impl Strategy<Value = LayoutFacts> {
    let row = || (0_usize..20, 0_usize..3).prop_map(|(item, row)| Row { item, row });
    let timeline =
        (row(), row(), any::<bool>()).prop_map(|(first, last, at_end)| TimelineFacts { first, last, at_end });
    let screen = (0_usize..9, 0_usize..4, 0_usize..9).prop_map(|(max_scroll, max_shift, rows)| ScreenFacts {
        max_scroll,
        max_shift,
        rows,
    });
    (prop::option::of(timeline), prop::option::of(screen)).prop_map(|(timeline, screen)| LayoutFacts {
        timeline,
        screen,
        ..LayoutFacts::default()
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => event().prop_map(|event| Step::Event(Box::new(event))),
        4 => facts().prop_map(Step::Drawn),
        1 => (0_u64..20_000).prop_map(Step::Wait),
    ]
}

fn names_its_item(app: &App, place: &ItemPosition) -> bool {
    let item: Option<&ItemKey> =
        app.timelines.shown().and_then(|open| open.items.get(place.index)).map(|item| &item.key);
    item == Some(&place.key)
}

proptest! {
    #[test]
    fn every_event_is_taken_in_every_state(steps in prop::collection::vec(step(), 0..120)) {
        let mut told = Told::in_room((0..9).map(|n| message(&format!("${n}"))).collect());
        for step in steps {
            match step {
                Step::Event(event) => {
                    told.event(*event);
                }
                Step::Drawn(facts) => told.app.on_drawn(facts),
                Step::Wait(ms) => told.now += Duration::from_millis(ms),
            }
            let app = &told.app;
            prop_assert!(app.timelines.shown().is_some() || app.focus == Focus::Rooms, "{:?} without a room", app.focus);
            if let Some(open) = app.timelines.shown() {
                prop_assert!(open.selection.as_ref().is_none_or(|place| names_its_item(app, place)));
                if let Anchor::Row { place, .. } = &open.anchor {
                    prop_assert!(names_its_item(app, place));
                }
            }
            match app.screens.top() {
                Some(Screen::Undelivered(list)) => {
                    let rows = list.rows.as_ref().map_or(0, Vec::len);
                    prop_assert!(list.selected < rows.max(1), "row {} of {rows}", list.selected);
                }
                Some(Screen::DeviceTable(_)) => prop_assert!(app.timelines.shown().is_some(), "a matrix of no room"),
                _ => {}
            }
            let table = app.table();
            prop_assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()));
            if told.app.next_wake().is_some_and(|at| at <= told.now) {
                told.event(Event::Wake);
                let next = told.app.next_wake();
                prop_assert!(next.is_none_or(|at| at > told.now), "woken for nothing, and again at once");
            }
        }
    }
}
