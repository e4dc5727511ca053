//! From a key press to the finished frame, in a room of 100,000 messages on a screen of 200×60; and
//! from receipts that a sync brought for a message to 50,000 people.
//!
//! A frame is what the terminal gets: `update`, `draw` and ratatui's comparison with the frame
//! before. What the terminal itself does is not ours. Run it with `cargo bench --bench frame`; the
//! goal is a p99 of 4 ms.

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use kvitto::{
    app::{App, event::Event, update},
    client::{
        reply::Reply,
        request::{RequestId, RoomsRequest},
        update::Update,
    },
    input::{Key, KeyCode},
    model::{
        Account, Body, Connection, Delivery, DeviceDelivery, DeviceId, DeviceState, EventId, ItemKey, Line, Membership,
        Mentions, Message, NotificationMode, PersonDelivery, RoomId, RoomSummary, Route, SafeText, SendState, Tally,
        TimelineChange, TimelineId, TimelineItem, TimelineItemKind, Timestamp, UserId,
    },
    view::{self, theme::Theme},
};
use ratatui::{Terminal, backend::TestBackend};

const ITEMS: usize = 100_000;
const ROOMS: u64 = 300;
/// How often each key is measured.
const ROUNDS: usize = 2_000;
/// Sunday 22 November 2026.
const START: Timestamp = Timestamp::from_millis(1_795_305_600_000);

fn room(number: u64) -> RoomSummary {
    RoomSummary {
        id: RoomId::new(format!("!{number}:example.org")),
        name: SafeText::line(&format!("Room number {number}")),
        topic: SafeText::line("What everyone should know"),
        room_type: None,
        tags: Vec::new(),
        notifications: NotificationMode::Default,
        membership: Membership::Joined,
        ending: None,
        older: Vec::new(),
        direct: false,
        with: None,
        encrypted: true,
        public: Some(false),
        joined_members: 3,
        unread: number % 5,
        mentions: 0,
        marked_unread: false,
        recency: number,
    }
}

/// Every third message is an own one; they have one to six rows.
fn message(number: usize) -> TimelineItem {
    let own = number.is_multiple_of(3);
    let name = if own { "you" } else { "ada" };
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(1 + number % 12);
    let at = START + Duration::from_mins(u64::try_from(number).unwrap_or(0));
    TimelineItem {
        key: ItemKey(number.to_string().into()),
        kind: TimelineItemKind::Message(Box::new(Message {
            event_id: Some(EventId::new(format!("${number}"))),
            sender: UserId::new(format!("@{name}:example.org")),
            sender_name: SafeText::line(name),
            at,
            own,
            body: Body::Text(vec![Line::plain(SafeText::line(&text))]),
            source: None,
            edited: false,
            mentions: Mentions::default(),
            reply_to: None,
            thread_root: None,
            reactions: Vec::new(),
            send_state: SendState::Sent,
            in_clear: false,
            read_by: Vec::new(),
        })),
    }
}

fn delivery(number: usize) -> Delivery {
    let device = |id: &str, state| DeviceDelivery {
        device_id: Some(DeviceId::new(id)),
        name: SafeText::line("kvitto"),
        state,
        route: Some(Route::Direct),
        expected: true,
    };
    let delivered = DeviceState::Delivered { at: Some(START) };
    let devices = vec![device("PHONE", delivered), device("LAPTOP", DeviceState::Pending)];
    let people =
        vec![PersonDelivery { user_id: UserId::new("@ada:example.org"), name: SafeText::line("Ada"), devices }];
    Delivery::new(EventId::new(format!("${number}")), START, people)
}

fn app() -> App {
    let mut app = App::new(kvitto::settings::Config::default(), TimeZone::UTC);
    let open = RoomId::new("!1:example.org");
    let account = Account {
        user_id: UserId::new("@you:example.org"),
        device: SafeText::line("DEVICE"),
        homeserver: SafeText::line("example.org"),
    };
    let deliveries = (0..ITEMS).filter(|number| number.is_multiple_of(3)).map(delivery).collect();
    let changes = vec![TimelineChange::Reset((0..ITEMS).map(message).collect())];
    for event in [
        Update::LoggedIn(account),
        Update::Connection(Connection::Online),
        Update::Rooms((0..ROOMS).map(room).collect()),
        Update::RoomsComplete,
        Update::Done {
            id: RequestId(0),
            request: Box::new(RoomsRequest::Join(open.to_string()).into()),
            outcome: Ok(Reply::Room { room_id: open.clone(), said: None }),
        },
        Update::Timeline { timeline_id: TimelineId::live(open.clone()), changes },
        Update::Deliveries { room_id: open, deliveries },
    ] {
        update(&mut app, event.into(), START);
    }
    app
}

/// A message to 50,000 people while their receipts come in: its counts, and who answered last.
fn large(delivered: u64) -> Delivery {
    let newest = |number: u64| PersonDelivery {
        user_id: UserId::new(format!("@{number}:example.org")),
        name: SafeText::line(&format!("Person number {number}")),
        devices: vec![DeviceDelivery {
            device_id: Some(DeviceId::new("PHONE")),
            name: SafeText::default(),
            state: DeviceState::Delivered { at: Some(START + Duration::from_millis(number)) },
            route: Some(Route::Native),
            expected: true,
        }],
    };
    let people = (delivered.saturating_sub(5)..delivered).map(newest).collect();
    let tally = Tally {
        users: delivered.min(50_000),
        delivered,
        undecryptable: 0,
        expected: 150_000,
        latest: Some(START + Duration::from_millis(delivered)),
        anonymous: false,
    };
    let newest_message = EventId::new(format!("${}", (ITEMS - 1) / 3 * 3));
    Delivery { tally: Some(tally), ..Delivery::new(newest_message, START, people) }
}

/// Lets these happen in turn; returns how long each took until its frame was finished, shortest
/// first.
fn measure(app: &mut App, terminal: &mut Terminal<TestBackend>, events: &[Event]) -> Vec<Duration> {
    let mut times: Vec<_> = events
        .iter()
        .cycle()
        .take(ROUNDS)
        .cloned()
        .map(|event| {
            let begin = Instant::now();
            update(app, event, START);
            let mut layout = None;
            let Ok(_) = terminal.draw(|frame| layout = Some(view::draw(app, &Theme::default(), frame)));
            let took = begin.elapsed();
            app.on_drawn(layout.unwrap_or_default());
            took
        })
        .collect();
    times.sort_unstable();
    times
}

fn report(what: &str, times: &[Duration]) {
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied().unwrap_or_default();
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    println!("{what:<24} p50 {:6.3} ms   p99 {:6.3} ms", ms(at(50)), ms(at(99)));
}

fn main() {
    let (mut app, Ok(mut terminal)) = (app(), Terminal::new(TestBackend::new(200, 60)));
    let [esc, up, down, home] = [KeyCode::Esc, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home].map(Key::new);
    println!("{ITEMS} items, 200x60, {ROUNDS} key presses each");
    let room = RoomId::new("!1:example.org");
    let batch =
        |batch: u64| Update::Deliveries { room_id: room.clone(), deliveries: vec![large(batch * 1_000)] }.into();
    let batches: Vec<_> = (1..=150).map(batch).collect();
    report("a sync's 1,000 receipts", &measure(&mut app, &mut terminal, &batches));
    let mut measured = |what: &str, before: &[Key], keys: &[Key]| {
        for key in before {
            update(&mut app, Event::Key(*key), START);
        }
        let keys: Vec<_> = keys.iter().copied().map(Event::Key).collect();
        report(what, &measure(&mut app, &mut terminal, &keys));
    };
    measured("type a message", &[], &[Key::char('a'), Key::char('b'), Key::new(KeyCode::Backspace)]);
    measured("page up", &[esc], &[up]);
    measured("page up and down", &[], &[up, down]);
    measured("select up", &[], &[Key::char('k')]);
    measured("oldest and newest", &[], &[home, Key::char('G')]);
    measured("inspect and close", &[Key::char('k')], &[Key::char('i'), esc]);
}
