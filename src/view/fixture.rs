//! Apps to be drawn in tests, brought about by the same events and keys as in life.

use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
    layout::Position,
};

use super::{draw, theme::Theme, wrap};
use crate::{
    app::{App, event::Event, layout::LayoutFacts, update},
    client::update::Update,
    input::{Key, KeyCode},
    model::{
        Account, Body, Connection, Delivery, DeviceDelivery, DeviceId, DeviceState, Dimensions, EventId, InReplyTo,
        ItemKey, Line, Media, MediaKind, MediaSource, Membership, Mentions, Message, MxcUri, NotificationMode,
        PersonDelivery, Reaction, ReactionKey, ReadBy, RoomId, RoomSummary, Route, SafeText, SendState, Span,
        SpanStyle, TimelineChange, TimelineId, TimelineItem, TimelineItemKind, Timestamp, UserId,
    },
    settings::Config,
};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Sunday 22 November 2026, 14:03:22 UTC.
pub const NOW: Timestamp = Timestamp::from_millis(1_795_356_202_000);
pub const MINUTE: Duration = Duration::from_mins(1);
/// The room that is opened.
pub const LAKE: &str = "!lake:example.org";

/// Something drawn.
pub struct Screen {
    pub buffer: Buffer,
    pub cursor: Option<Position>,
    pub facts: LayoutFacts,
}

/// Draws the app on a screen of this size.
pub fn drawn(app: &App, theme: Theme, (columns, rows): (u16, u16)) -> Screen {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let mut facts = LayoutFacts::default();
    terminal.draw(|frame| facts = draw(app, &theme, frame)).unwrap();
    let cursor = terminal.backend().cursor_visible().then(|| terminal.backend().cursor_position());
    Screen { buffer: terminal.backend().buffer().clone(), cursor, facts }
}

impl Screen {
    /// The rows without trailing spaces, and where the cursor is.
    pub fn text(&self) -> String {
        let cursor = self.cursor.map_or("hidden".to_owned(), |at| format!("column {}, row {}", at.x, at.y));
        format!("{}\ncursor: {cursor}", self.rows().join("\n"))
    }

    /// The rows without trailing spaces.
    pub fn rows(&self) -> Vec<String> {
        let area = self.buffer.area;
        let row = |y| {
            let mut row = String::new();
            let mut x = 0;
            while x < area.width {
                let sign = self.buffer[(x, y)].symbol();
                row.push_str(sign);
                x += wrap::width(sign).max(1);
            }
            row.trim_end().to_owned()
        };
        (0..area.height).map(row).collect()
    }

    /// The first cell of the first place where this text stands.
    pub fn cell(&self, text: &str) -> &Cell {
        let wide = wrap::width(text);
        let area = self.buffer.area;
        let found = (0..area.height).flat_map(|y| (0..area.width).map(move |x| (x, y))).find(|(x, y)| {
            let signs = (*x..area.width.min(x + wide)).map(|x| self.buffer[(x, *y)].symbol());
            signs.collect::<String>() == text
        });
        &self.buffer[found.unwrap_or_else(|| panic!("{text:?} is not on screen:\n{}", self.text()))]
    }
}

/// Sends events to the app.
pub fn happen(app: &mut App, events: impl IntoIterator<Item = impl Into<Event>>) {
    for event in events {
        update(app, event.into(), NOW);
    }
}

/// Presses keys: single characters as they are, others by their code.
pub fn press(app: &mut App, keys: &[KeyCode]) {
    happen(app, keys.iter().map(|code| Event::Key(Key::new(*code))));
}

/// Types text.
pub fn type_in(app: &mut App, text: &str) {
    happen(app, text.chars().map(|c| Event::Key(Key::char(c))));
}

pub fn safe(text: &str) -> SafeText {
    SafeText::line(text)
}

/// Before anything is known.
pub fn starting() -> App {
    App::new(Config::default(), TimeZone::UTC)
}

/// The login screen.
pub fn logged_out() -> App {
    let mut app = starting();
    happen(&mut app, [Update::LoggedOut(None)]);
    app
}

/// Logged in, nothing there yet.
pub fn logged_in() -> App {
    let mut app = starting();
    let account = Account {
        user_id: UserId::new("@you:example.org"),
        device: safe("YOURDEVICE"),
        homeserver: safe("example.org"),
    };
    happen(&mut app, [Update::LoggedIn(account)]);
    app
}

pub fn room(id: &str, name: &str, unread: u64, mentions: u64, recency: u64) -> RoomSummary {
    RoomSummary {
        id: RoomId::new(id),
        name: safe(name),
        topic: SafeText::default(),
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
        joined_members: 2,
        unread,
        mentions,
        marked_unread: false,
        recency,
    }
}

/// Rooms of all kinds.
pub fn with_rooms() -> App {
    let mut app = logged_in();
    let invite = RoomSummary {
        membership: Membership::Invited { by: Some(UserId::new("@eve:example.org")) },
        ..room("!invite:example.org", "Eve", 0, 0, 0)
    };
    let lake =
        RoomSummary { topic: safe("Who brings the boat?"), joined_members: 3, ..room(LAKE, "Lake weekend", 0, 0, 9) };
    let public = RoomSummary {
        encrypted: false,
        public: Some(true),
        joined_members: 4_321,
        ..room("!hq:example.org", "Matrix HQ, the room whose name is long", 1_204, 3, 8)
    };
    let marked = RoomSummary { marked_unread: true, ..room("!marked:example.org", "Grandma", 0, 0, 5) };
    let rooms = vec![
        invite,
        lake,
        public,
        room("!ada:example.org", "Ada", 2, 0, 7),
        room("!bob:example.org", "Bob", 0, 0, 6),
        marked,
        room("!japan:example.org", "日本語の部屋", 12, 12, 4),
    ];
    happen(&mut app, [Update::Rooms(rooms), Update::RoomsComplete, Update::Connection(Connection::Online)]);
    app
}

pub fn item(key: &str, kind: TimelineItemKind) -> TimelineItem {
    TimelineItem { key: ItemKey(key.into()), kind }
}

/// A message of somebody, so many minutes ago.
pub fn message(key: &str, sender: &str, minutes_ago: u64, body: Body) -> Message {
    let name = if sender == "you" { "You".to_owned() } else { sender[..1].to_uppercase() + &sender[1..] };
    Message {
        event_id: Some(EventId::new(format!("${key}"))),
        sender: UserId::new(format!("@{sender}:example.org")),
        sender_name: safe(&name),
        at: NOW - Duration::from_mins(minutes_ago),
        own: sender == "you",
        body,
        source: None,
        edited: false,
        mentions: Mentions::default(),
        reply_to: None,
        thread_root: None,
        reactions: Vec::new(),
        send_state: SendState::Sent,
        in_clear: false,
        read_by: Vec::new(),
    }
}

pub fn plain(text: &str) -> Body {
    Body::Text(text.split('\n').map(|line| Line::plain(safe(line))).collect())
}

fn rich(parts: &[(&str, SpanStyle)]) -> Line {
    Line {
        quote: 0,
        spans: parts.iter().map(|(text, style)| Span { text: safe(text), style: *style, link: None }).collect(),
    }
}

fn reaction(text: &str, senders: &[&str], own: bool) -> Reaction {
    Reaction { key: ReactionKey::new(text), text: safe(text), senders: senders.iter().map(UserId::new).collect(), own }
}

pub fn as_item(key: &str, message: Message) -> TimelineItem {
    item(key, TimelineItemKind::Message(Box::new(message)))
}

fn timeline() -> Vec<TimelineItem> {
    const DAY: u64 = 24 * 60;
    let plain_style = SpanStyle::default();
    let bold = SpanStyle { bold: true, ..plain_style };
    let code = SpanStyle { code: true, ..plain_style };
    let notice = |minutes_ago: u64, text: &str| TimelineItemKind::Notice {
        at: NOW - Duration::from_mins(minutes_ago),
        text: safe(text),
        read_by: Vec::new(),
        encrypted_from_here: false,
    };
    let mut items = vec![
        item("start", TimelineItemKind::Start),
        item("saturday", TimelineItemKind::DayLine(NOW - Duration::from_mins(DAY))),
        item("created", notice(DAY, "You created the room")),
        item("joined", notice(DAY - 1, "Ada joined")),
        item("joined2", notice(DAY - 1, "Bob joined")),
    ];
    let mut add = |key: &str, message: Message| items.push(as_item(key, message));
    add("m1", message("m1", "ada", DAY - 10, plain("Does anybody still have the keys to the boat house?")));
    let lines = vec![
        rich(&[("I think ", plain_style), ("Bob", bold), (" has them. Try ", plain_style), ("ls keys/", code)]),
        Line { quote: 1, spans: rich(&[("and do not forget the oars this time", plain_style)]).spans },
    ];
    add("m2", message("m2", "ada", DAY - 11, Body::Text(lines)));
    let mut read = message("m3", "you", DAY - 20, plain("I will bring them."));
    read.reactions = vec![
        reaction("👍", &["@ada:example.org", "@bob:example.org"], false),
        reaction("🚣", &["@you:example.org"], true),
    ];
    add("m3", read);
    items.push(item("sunday", TimelineItemKind::DayLine(NOW)));
    let mut add = |key: &str, message: Message| items.push(as_item(key, message));
    let picture = Media {
        kind: MediaKind::Image,
        name: safe("boat house.jpg"),
        mimetype: Some(safe("image/jpeg")),
        size: Some(1_234_567),
        dimensions: Some(Dimensions { width: 1_600, height: 1_200 }),
        duration: None,
        thumbnail: None,
        caption: vec![Line::plain(safe("It looks like this today."))],
        source: MediaSource::Plain(MxcUri::new("mxc://example.org/boathouse")),
    };
    add("m4", message("m4", "bob", 70, Body::Media(Box::new(picture))));
    add("m5", message("m5", "bob", 69, Body::Undecryptable(safe("the sender's device did not send its key"))));
    add("m6", message("m6", "ada", 50, Body::Redacted));
    add("m7", message("m7", "ada", 49, Body::Emote(vec![Line::plain(safe("packs the tent"))])));
    let mut reply = message(
        "m8",
        "you",
        40,
        plain(
            "Lovely. I will be there at eight, and if the train is late again I will call from the station so that nobody has to wait in the rain.",
        ),
    );
    reply.reply_to = Some(InReplyTo {
        at: None,
        event_id: EventId::new("$m4"),
        sender: Some(UserId::new("@bob:example.org")),
        sender_name: safe("Bob"),
        preview: safe("It looks like this today."),
    });
    reply.edited = true;
    reply.read_by = ["@ada:example.org", "@bob:example.org"]
        .map(|user| ReadBy { user_id: UserId::new(user), at: Some(NOW - 30 * MINUTE) })
        .to_vec();
    add("m8", reply);
    items.push(item("unread", TimelineItemKind::UnreadLine));
    let mut add = |key: &str, message: Message| items.push(as_item(key, message));
    add("m9", message("m9", "bob", 12, plain("Eight is fine.")));
    add("m10", message("m10", "you", 5, plain("See you at eight.")));
    add("m11", message("m11", "you", 4, plain("Bring a coat.")));
    let mut failed = message("m12", "you", 3, plain("And the map"));
    failed.event_id = None;
    failed.send_state = SendState::Failed(safe("the server refused it: M_TOO_LARGE"));
    add("m12", failed);
    let mut waiting = message("m13", "you", 0, plain("one more thing"));
    waiting.event_id = None;
    waiting.send_state = SendState::Waiting;
    add("m13", waiting);
    items
}

pub fn device(id: &str, name: &str, state: DeviceState) -> DeviceDelivery {
    let answered = matches!(state, DeviceState::Delivered { .. } | DeviceState::Undecryptable { .. });
    let expected = !matches!(state, DeviceState::Excluded { .. });
    let route = answered.then_some(Route::Direct);
    DeviceDelivery { device_id: Some(DeviceId::new(id)), name: safe(name), state, route, expected }
}

fn delivery(event: &str, sent: Timestamp, states: [DeviceState; 5]) -> Delivery {
    let [phone, laptop, old, desktop, unnamed] = states;
    let ada = vec![
        device("ADAPHONE", "Ada's phone", phone),
        device("ADALAPTOP", "kvitto on laptop", laptop),
        device("ADAOLD", "Element, very old", old),
    ];
    let bob = vec![device("BOBDESK", "Bob's desktop", desktop), device("JLAFKJWSCS", "", unnamed)];
    to_both(event, sent, ada, bob)
}

pub fn to_both(event: &str, sent: Timestamp, ada: Vec<DeviceDelivery>, bob: Vec<DeviceDelivery>) -> Delivery {
    let person =
        |user: &str, name: &str, devices| PersonDelivery { user_id: UserId::new(user), name: safe(name), devices };
    let people = vec![person("@ada:example.org", "Ada", ada), person("@bob:example.org", "", bob)];
    Delivery::new(EventId::new(format!("${event}")), sent, people)
}

/// What a homeserver with MSC4089 tells about one's message: Ada's receipts never name a device,
/// one of Bob's does.
pub fn told_by_the_server(event: &str, sent: Timestamp) -> Delivery {
    let native = |state, device: Option<(&str, &str)>, expected| DeviceDelivery {
        device_id: device.map(|(id, _)| DeviceId::new(id)),
        name: safe(device.map_or("", |(_, name)| name)),
        route: matches!(state, DeviceState::Delivered { .. }).then_some(Route::Native),
        state,
        expected,
    };
    let at = |after| DeviceState::Delivered { at: Some(sent + ms(after)) };
    let ada = vec![
        native(at(900), None, true),
        native(DeviceState::Unknown, Some(("ADALAPTOP", "kvitto on laptop")), false),
        native(DeviceState::Unknown, Some(("ADAPHONE", "Ada's phone")), false),
    ];
    let bob = vec![
        native(at(2_000), Some(("BOBDESK", "Bob's desktop")), true),
        native(DeviceState::Pending, Some(("JLAFKJWSCS", "")), true),
        native(at(700), None, false),
    ];
    to_both(event, sent, ada, bob)
}

/// A room with everything in it, and the composer in front.
pub fn chatting() -> App {
    let mut app = with_rooms();
    let room = RoomId::new(LAKE);
    let left_out = || DeviceState::Excluded { why: safe("you blocked this device") };
    let at = |ms: Timestamp| DeviceState::Delivered { at: Some(ms) };
    let read_sent = NOW - 40 * MINUTE;
    let sent = NOW - 5 * MINUTE;
    let deliveries = vec![
        delivery(
            "m8",
            read_sent,
            [
                at(read_sent + ms(900)),
                at(read_sent + ms(1_200)),
                left_out(),
                at(read_sent + Duration::from_secs(3)),
                at(read_sent + Duration::from_secs(65)),
            ],
        ),
        delivery(
            "m10",
            sent,
            [
                at(sent + ms(1_200)),
                DeviceState::Pending,
                left_out(),
                DeviceState::Undecryptable { at: Some(sent + Duration::from_secs(2)) },
                DeviceState::Delivered { at: None },
            ],
        ),
        delivery(
            "m11",
            sent + MINUTE,
            [DeviceState::Pending, DeviceState::Pending, left_out(), DeviceState::Unknown, DeviceState::Unknown],
        ),
    ];
    happen(
        &mut app,
        [
            Update::go_to(room.clone()),
            Update::Timeline {
                timeline_id: TimelineId::live(room.clone()),
                changes: vec![TimelineChange::Reset(timeline())],
            },
            Update::Deliveries { room_id: room, deliveries },
        ],
    );
    app
}

/// So many messages in the open room.
pub fn long_chat(messages: usize) -> App {
    let mut app = with_rooms();
    let room = RoomId::new(LAKE);
    let items = (0..messages).map(|n| {
        let key = format!("n{n}");
        let minutes_ago = u64::try_from(messages - n).unwrap();
        as_item(&key, message(&key, if n % 7 < 3 { "you" } else { "ada" }, minutes_ago, plain(&format!("message {n}"))))
    });
    let changes = vec![TimelineChange::Reset(items.collect())];
    happen(&mut app, [Update::go_to(room.clone()), Update::Timeline { timeline_id: TimelineId::live(room), changes }]);
    app
}
