//! What the tests of this module tree have in common: an app, the things it shows, and keys by
//! their names.

use std::time::Duration;

use super::{
    App, Phase, Watched,
    effect::Effect,
    event::Event,
    layout::{LayoutFacts, Row, TimelineFacts},
    update,
};
use crate::{
    client::{request::TimelineRequest, update::Update},
    delivery::policy::Settings,
    input::{Key, KeyCode},
    model::{
        Account, Body, Delivery, DeviceDelivery, DeviceId, DeviceState, EventId, ItemKey, Line, Membership, Mentions,
        Message, NotificationMode, PersonDelivery, ReadBy, RoomId, RoomSummary, SafeText, SendState, TimelineChange,
        TimelineId, TimelineItem, TimelineItemKind, Timestamp, UserId,
    },
    settings::Config,
};
use jiff::tz::TimeZone;

/// What became of an own message on these people's devices.
pub fn delivery(event: &str, people: &[(&str, &[DeviceDelivery])]) -> Delivery {
    let people = people.iter().map(|(user, devices)| PersonDelivery {
        user_id: UserId::new(user),
        name: SafeText::default(),
        devices: devices.to_vec(),
    });
    Delivery::new(EventId::new(event), T0, people.collect())
}

/// A device that counts.
pub fn device(id: &str, state: DeviceState) -> DeviceDelivery {
    DeviceDelivery { device_id: Some(DeviceId::new(id)), name: SafeText::default(), state, route: None, expected: true }
}

/// The time at which all begins.
pub const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub fn key(name: &str) -> ItemKey {
    ItemKey(name.into())
}

/// What leaving one room for another asks for.
pub fn changes(from: &str, to: &str) -> [Effect; 2] {
    [TimelineRequest::Close(live(from)).into(), TimelineRequest::Open(live(to)).into()]
}

/// The live timeline of the room of this name.
pub(super) fn live(name: &str) -> TimelineId {
    TimelineId::live(room_id(name))
}

pub fn room_id(name: &str) -> RoomId {
    RoomId::new(format!("!{name}:x"))
}

/// Somebody else's message; its key and its event are both of this name.
pub fn message(name: &str) -> TimelineItem {
    let message = Message {
        event_id: Some(EventId::new(name)),
        sender: UserId::new("@ada:x"),
        sender_name: SafeText::line("Ada"),
        at: T0,
        own: false,
        body: Body::Text(vec![Line::plain(SafeText::line(name))]),
        source: None,
        edited: false,
        mentions: Mentions::default(),
        reply_to: None,
        thread_root: None,
        reactions: Vec::new(),
        send_state: SendState::Sent,
        in_clear: false,
        read_by: Vec::new(),
    };
    TimelineItem { key: key(name), kind: TimelineItemKind::Message(Box::new(message)) }
}

pub fn day_line(name: &str) -> TimelineItem {
    TimelineItem { key: key(name), kind: TimelineItemKind::DayLine(T0) }
}

/// The same message, but for this.
pub fn changed(item: TimelineItem, change: impl FnOnce(&mut Message)) -> TimelineItem {
    let TimelineItemKind::Message(mut message) = item.kind else { panic!("no message") };
    change(&mut message);
    TimelineItem { key: item.key, kind: TimelineItemKind::Message(message) }
}

/// An own message in this state.
pub fn own(name: &str, state: SendState) -> TimelineItem {
    changed(message(name), |message| {
        message.own = true;
        message.sender = UserId::new("@me:x");
        message.event_id = message.event_id.take().filter(|_| state == SendState::Sent);
        message.send_state = state;
    })
}

/// An own message on the server that was typed like this.
pub fn said(name: &str, text: &str) -> TimelineItem {
    changed(own(name, SendState::Sent), |message| message.source = Some(SafeText::block(text)))
}

pub fn read_by(item: TimelineItem, users: &[&str]) -> TimelineItem {
    changed(item, |message| {
        message.read_by = users.iter().map(|user| ReadBy { user_id: UserId::new(user), at: None }).collect();
    })
}

pub fn summary(name: &str, recency: u64) -> RoomSummary {
    RoomSummary {
        id: room_id(name),
        name: SafeText::line(name),
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
        unread: 0,
        mentions: 0,
        marked_unread: false,
        recency,
    }
}

pub fn invite(name: &str) -> RoomSummary {
    RoomSummary { membership: Membership::Invited { by: Some(UserId::new("@ada:x")) }, ..summary(name, 0) }
}

pub fn account(user: &str) -> Account {
    Account { user_id: UserId::new(user), device: SafeText::line("DEVICE"), homeserver: SafeText::line("x") }
}

/// An app, told things one by one.
pub struct Told {
    pub app: App,
    pub now: Timestamp,
}

impl Told {
    pub fn starting() -> Self {
        Self { app: App { watched: Watched::Told(true), ..App::new(Config::default(), TimeZone::UTC) }, now: T0 }
    }

    /// These delivery settings were saved.
    pub fn delivery(&mut self, delivery: Settings) {
        self.event(Event::Settings(Config { delivery, ..self.app.settings.clone() }));
    }

    /// Logged in, with the rooms `one` and `two` and an invite to `three`.
    pub fn with_rooms() -> Self {
        let mut told = Self::starting();
        told.event(Update::LoggedIn(account("@me:x")));
        told.event(Update::Rooms(vec![summary("one", 2), summary("two", 1), invite("three")]));
        told.event(Update::RoomsComplete);
        told
    }

    /// With room `one` open, and these items in it, all on screen.
    pub fn in_room(items: Vec<TimelineItem>) -> Self {
        let mut told = Self::with_rooms();
        told.event(Update::go_to(room_id("one")));
        told.changes(vec![TimelineChange::Reset(items)]);
        told
    }

    pub fn event(&mut self, event: impl Into<Event>) -> Vec<Effect> {
        update(&mut self.app, event.into(), self.now)
    }

    /// Presses keys, by the names that the help shows; gives all effects.
    pub fn keys(&mut self, names: &str) -> Vec<Effect> {
        names.split(' ').flat_map(|name| self.event(Event::Key(named(name)))).collect()
    }

    /// Types a text, character by character.
    pub fn types(&mut self, text: &str) -> Vec<Effect> {
        text.chars().flat_map(|c| self.event(Event::Key(Key::char(c)))).collect()
    }

    pub fn changes(&mut self, changes: Vec<TimelineChange>) -> Vec<Effect> {
        self.event(Update::Timeline { timeline_id: live("one"), changes })
    }

    /// Time passes, and the app is woken if it asked for that.
    pub fn after(&mut self, span: Duration) -> Vec<Effect> {
        self.now += span;
        match self.app.next_wake() {
            Some(at) if at <= self.now => self.event(Event::Wake),
            _ => Vec::new(),
        }
    }

    /// Draws these items, of one row each, and wakes the app if it asks for that.
    pub fn drawn(&mut self, items: std::ops::RangeInclusive<usize>) -> Vec<Effect> {
        let all = self.app.timelines.shown().map_or(0, |open| open.items.len());
        let (first, last) = (Row { item: *items.start(), row: 0 }, Row { item: *items.end(), row: 0 });
        let timeline = TimelineFacts { first, last, at_end: last.item + 1 == all };
        self.app.on_drawn(LayoutFacts { timeline: Some(timeline), screen: None, ..LayoutFacts::default() });
        self.after(Duration::ZERO)
    }

    /// The text in the composer.
    pub fn typed(&self) -> &str {
        self.app.timelines.shown().map(|open| open.writing.composer.text()).unwrap_or_default()
    }

    /// The sentence in the status line.
    pub fn status(&self) -> &str {
        self.app.status.as_ref().map(|status| &*status.text).unwrap_or_default()
    }

    /// The login screen.
    pub fn login(&self) -> &super::login::Login {
        match &self.app.phase {
            Phase::Login(login) => login,
            other => panic!("{other:?}"),
        }
    }
}

/// The key that is shown by this name.
fn named(name: &str) -> Key {
    let mut key = Key::new(KeyCode::Enter);
    let mut rest = name;
    for (prefix, set) in [("Ctrl-", Key::ctrl as fn(Key) -> Key), ("Alt-", Key::alt), ("Shift-", Key::shift)] {
        if let Some(stripped) = rest.strip_prefix(prefix) {
            rest = stripped;
            key = set(key);
        }
    }
    key.code = match rest {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Backspace" => KeyCode::Backspace,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "PgUp" => KeyCode::PageUp,
        "PgDn" => KeyCode::PageDown,
        "F1" => KeyCode::F(1),
        "F2" => KeyCode::F(2),
        _ => {
            let mut chars = rest.chars();
            let c = chars.next().filter(|_| chars.next().is_none());
            let c = c.unwrap_or_else(|| panic!("no key is named {name}"));
            KeyCode::Char(if key.ctrl || key.alt { c.to_ascii_lowercase() } else { c })
        }
    };
    assert_eq!(key.to_string(), name);
    key
}
