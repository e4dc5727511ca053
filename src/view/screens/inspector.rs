//! The inspector: everything that is known about the delivery of one message.
//!
//! On an own message: how many have it, what a bridge says, then per person and device what the
//! device did, when and by which route, and when the person read it; what can be done where that
//! went wrong; then the user's own other devices. Where there are many people, a page of them comes
//! last. On somebody else's: whether a receipt was sent, or which rule withheld it; on either, what
//! it means that it came in the clear. Delivered, read and 'nothing is known' are said apart (L5);
//! a time that cannot be true is said to be unknown (L4).

mod people;
mod sentences;

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    app::{
        App,
        layout::ScreenFacts,
        screens::{Inspector, inspector::People},
    },
    input::Context,
    model::{
        Bridge, Delivery, DeviceDelivery, DeviceState, Message, PersonDelivery, ReadBy, ReceiptStatus, Route,
        SendState, Timestamp,
    },
    view::{
        canvas::Canvas,
        paint, popup,
        theme::{Role, Theme},
        ticks, words, wrap,
    },
};

/// From this width on a device takes one row, else two.
const ONE_ROW: u16 = 72;

/// Draws it.
pub fn draw(app: &App, inspector: &Inspector, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) -> ScreenFacts {
    let many = inspector.of_many(app).is_some();
    let mut page = Report { app, many, theme, columns: popup::columns(area, popup::WIDE), rows: Vec::new() };
    match inspector.message(app) {
        None => page.sentence("This message is no longer in the timeline.", Role::Dim),
        Some((index, message)) if message.own => page.own(index, message, &inspector.people),
        Some((index, message)) => page.others(index, message, inspector.status.as_ref()),
    }
    popup::draw_text("Delivery", popup::WIDE, &page.rows, inspector.scroll.at, theme, canvas, area)
}

/// Whose a device is, as far as it matters for what is said of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Person,
    CountsAsOne,
    OwnDevice,
}

struct Report<'a> {
    app: &'a App,
    /// The people of the message can be listed, a page at a time.
    many: bool,
    theme: Theme,
    columns: u16,
    rows: Vec<Line<'static>>,
}

impl Report<'_> {
    fn sentence(&mut self, text: &str, role: Role) {
        self.rows.extend(popup::wrapped(text, self.columns, role, self.theme));
    }

    fn exact(&self, at: Timestamp, near: Timestamp) -> String {
        words::exact(at, near, &self.app.time_zone)
    }

    fn own(&mut self, index: usize, message: &Message, people: &People) {
        match &message.send_state {
            SendState::Waiting => return self.sentence("Waiting to be sent; it goes out by itself.", Role::Text),
            SendState::Failed(why) => {
                self.sentence(&format!("Not sent: {why}"), Role::Error);
                let key = |action| self.app.keymap.hint(&[Context::Timeline], action);
                if let (Some(retry), Some(discard)) = (key("retry"), key("discard")) {
                    let text = format!("In the timeline {retry} sends it again, and {discard} throws it away.");
                    self.sentence(&text, Role::Dim);
                }
                return;
            }
            SendState::Sent => {}
        }
        let known = message.event_id.as_ref().zip(self.app.timelines.shown());
        let delivery = known.and_then(|(event, open)| open.deliveries.get(event));
        let sent = delivery.map_or(message.at, |delivery| delivery.sent);
        let day = words::day(sent, &self.app.time_zone);
        self.sentence(&format!("Sent {day}, {}.", self.exact(sent, sent)), Role::Dim);
        self.in_clear(index);
        if message.edited {
            self.sentence("Edited since. Receipts are for what it said first; an edit gets none (P4).", Role::Dim);
        }
        let Some(delivery) = delivery else {
            return self
                .sentence("It is on the server. Which devices were given its key was not recorded here.", Role::Text);
        };
        let readers = self.app.timelines.shown().map(|open| open.readers(index)).unwrap_or_default();
        if people.number() > 1 && self.many {
            // Whoever has turned the page has seen the rest.
            return self.many(people, &readers, delivery);
        }
        for (sentence, role) in sentences::summary(delivery) {
            self.sentence(&sentence, role);
        }
        if let Some(latest) = delivery.tally.and_then(|tally| tally.latest) {
            let text = format!("The latest receipt is from {}.", self.exact(latest, delivery.sent));
            self.sentence(&text, Role::Text);
        }
        if let Some(bridge) = &delivery.bridge {
            self.bridge(bridge, delivery);
        }
        if delivery.tally.is_none() {
            self.people(&delivery.people, &readers, delivery);
        }
        for sentence in sentences::advice(delivery) {
            self.rows.push(Line::default());
            self.sentence(&sentence, Role::Text);
        }
        self.own_devices(&delivery.own_devices, delivery.sent);
        if delivery.tally.is_some() {
            self.many(people, &readers, delivery);
        }
    }

    /// What a bridge says (PROTOCOL §4).
    fn bridge(&mut self, bridge: &Bridge, delivery: &Delivery) {
        self.rows.push(Line::default());
        self.heading("Bridge", &bridge.bot.to_string());
        let (sentence, role) = sentences::bridge(bridge, &delivery.people);
        self.rows.extend(indented(popup::wrapped(&sentence, self.columns.saturating_sub(2), role, self.theme), 2));
    }

    /// Whether this user's own other devices have it.
    fn own_devices(&mut self, own_devices: &[DeviceDelivery], sent: Timestamp) {
        if own_devices.is_empty() {
            return;
        }
        self.rows.push(Line::default());
        self.heading("Your other devices", "not counted");
        for device in own_devices {
            self.device(device, Owner::OwnDevice, sent);
        }
    }

    /// `Bridge  @bot:example.org`.
    fn heading(&mut self, text: &'static str, more: &str) {
        let more = Span::styled(format!("  {more}"), self.theme.role(Role::Dim));
        let heading = Span::styled(text, self.theme.role(Role::Heading));
        self.rows.push(paint::cut(vec![heading, more], self.columns, self.theme));
    }

    fn person(&mut self, person: &PersonDelivery, readers: &[ReadBy], sent: Timestamp) {
        let read = readers.iter().find(|read| read.user_id == person.user_id);
        let read = match read {
            Some(ReadBy { at: Some(at), .. }) => format!("read {}", self.exact(*at, sent)),
            Some(ReadBy { at: None, .. }) => "read".to_owned(),
            None => "not read yet".to_owned(),
        };
        let role = if read.starts_with("read") { Role::Read } else { Role::Dim };
        let heading = self.theme.role(Role::Heading);
        let who = if person.name.is_empty() {
            vec![Span::styled(person.user_id.to_string(), heading)]
        } else {
            let id = Span::styled(format!(" {}", person.user_id), self.theme.role(Role::Dim));
            let space = self.columns.saturating_sub(wrap::width(&read) + wrap::width(&id.content) + 1);
            let name = wrap::cut(&person.name, space, self.theme.symbols().ellipsis);
            vec![Span::styled(name, heading), id]
        };
        let line = paint::both(who, vec![Span::styled(read, self.theme.role(role))], self.columns, self.theme);
        self.rows.push(line);
        if person.devices.is_empty() {
            self.sentence("  No devices.", Role::Dim);
        }
        for device in &person.devices {
            let owner = if person.counts_as_one() { Owner::CountsAsOne } else { Owner::Person };
            self.device(device, owner, sent);
        }
    }

    fn device(&mut self, device: &DeviceDelivery, owner: Owner, sent: Timestamp) {
        let (text, role) = self.state(device, owner, sent);
        let indent = if self.columns >= ONE_ROW { self.columns * 2 / 5 } else { 6 };
        let mut states = popup::wrapped(&text, self.columns.saturating_sub(indent), role, self.theme).into_iter();
        let first = if self.columns >= ONE_ROW {
            let mut line = self.name(device, indent.saturating_sub(2));
            let gap = indent.saturating_sub(paint::columns(&line));
            line.spans.push(Span::raw(" ".repeat(usize::from(gap))));
            line.spans.extend(states.next().map(paint::restyled).unwrap_or_default());
            line
        } else {
            self.name(device, self.columns)
        };
        self.rows.push(first);
        self.rows.extend(indented(states, indent));
    }

    /// `● Ada's phone ADAPHONE`: when there is no space for all, the name gives way, since the id
    /// is what it is.
    fn name(&self, device: &DeviceDelivery, columns: u16) -> Line<'static> {
        let dim = self.theme.role(Role::Dim);
        let id = match (&device.device_id, device.name.is_empty()) {
            (Some(id), true) => Span::raw(id.to_string()),
            (Some(id), false) => Span::styled(format!(" {id}"), dim),
            (None, _) => Span::raw("some device"),
        };
        let room = columns.saturating_sub(4 + wrap::width(&id.content));
        let name = wrap::cut(&device.name, room, self.theme.symbols().ellipsis);
        let glyph = ticks::device(&device.state, self.theme);
        paint::cut(vec![Span::raw("  "), glyph, Span::raw(" "), Span::raw(name), id], columns, self.theme)
    }

    /// What a device did, in words.
    fn state(&self, device: &DeviceDelivery, owner: Owner, sent: Timestamp) -> (String, Role) {
        let route = match device.route {
            Some(Route::Native) => ", native",
            Some(Route::Direct) => ", direct",
            None => "",
        };
        let uncounted = if device.expected || owner == Owner::OwnDevice { "" } else { ", not counted" };
        match &device.state {
            DeviceState::Delivered { at: Some(at) } => {
                let after = words::span(*at - sent);
                (format!("delivered {}, after {after}{route}{uncounted}", self.exact(*at, sent)), Role::Text)
            }
            DeviceState::Delivered { at: None } => (format!("delivered, time unknown{route}{uncounted}"), Role::Text),
            DeviceState::Undecryptable { at: Some(at) } => {
                (format!("could not decrypt it, {}{route}{uncounted}", self.exact(*at, sent)), Role::Error)
            }
            DeviceState::Undecryptable { at: None } => (format!("could not decrypt it{route}{uncounted}"), Role::Error),
            DeviceState::Pending => ("pending".to_owned(), Role::Dim),
            DeviceState::Unknown => {
                let why = match owner {
                    Owner::Person => "no device of theirs has ever answered",
                    Owner::CountsAsOne => "receipts name no device",
                    Owner::OwnDevice => "it has never answered",
                };
                (format!("unknown: {why}"), Role::Dim)
            }
            DeviceState::Quiet => (
                "unknown: it sent no receipts for a while then, and says that this means nothing".to_owned(),
                Role::Dim,
            ),
            DeviceState::Gone => {
                (format!("gone: it was logged out, and nothing came from it before{uncounted}"), Role::Dim)
            }
            DeviceState::Missed { later } => {
                let later = self.exact(*later, sent);
                (format!("missed: it usually answers, and has answered a later message, {later}"), Role::Warning)
            }
            DeviceState::Silent { since } => {
                let since = words::day(*since, &self.app.time_zone);
                (format!("silent: it has answered nothing since {since}{uncounted}"), Role::Dim)
            }
            DeviceState::Excluded { why } => (format!("left out: {why}"), Role::Dim),
        }
    }

    /// A message that nobody has sealed.
    fn in_clear(&mut self, index: usize) {
        if self.app.timelines.shown().is_some_and(|open| open.came_in_clear(index)) {
            let text = format!(
                "{} It came unencrypted, although this room is encrypted: whoever runs a homeserver on its way could read \
                 it, change it, or write it in this person's name.",
                self.theme.symbols().in_clear
            );
            self.sentence(&text, Role::Warning);
        }
    }

    fn others(&mut self, index: usize, message: &Message, status: Option<&ReceiptStatus>) {
        let day = words::day(message.at, &self.app.time_zone);
        let at = self.exact(message.at, message.at);
        self.sentence(&format!("From {} ({}), sent {day}, {at}.", message.sender_name, message.sender), Role::Dim);
        self.in_clear(index);
        self.rows.push(Line::default());
        let (text, role) = match status {
            None => (format!("Looking up what was done about it{}", self.theme.symbols().busy), Role::Dim),
            Some(ReceiptStatus::NotConsidered) => (
                "No receipt was sent: it was never considered, for instance because it came as history (P2)."
                    .to_owned(),
                Role::Text,
            ),
            Some(ReceiptStatus::AwaitingKey) => (
                "No receipt was sent yet: the message cannot be read. It is decided when its key comes (P1)."
                    .to_owned(),
                Role::Warning,
            ),
            Some(ReceiptStatus::ToldUndecryptable { at }) => (
                format!(
                    "The message cannot be read, and its sender was told so at {}. A receipt is decided when its key comes (P1).",
                    self.exact(*at, message.at)
                ),
                Role::Warning,
            ),
            Some(ReceiptStatus::Owed { since }) => {
                (format!("A receipt is owed since {} and will be sent.", self.exact(*since, message.at)), Role::Text)
            }
            Some(ReceiptStatus::Sent { at, route }) => {
                let to = match route {
                    Route::Native => "by the homeserver's receipt endpoint",
                    Route::Direct => "directly and encrypted, to the sender's devices that asked for it",
                };
                (format!("A receipt was sent at {}, {to}.", self.exact(*at, message.at)), Role::Good)
            }
            Some(ReceiptStatus::Withheld { rule, why }) => {
                (format!("No receipt was sent, and none will be. {why} ({rule})"), Role::Warning)
            }
        };
        self.sentence(&text, role);
    }
}

/// Rows, moved to the right.
fn indented(rows: impl IntoIterator<Item = Line<'static>>, columns: u16) -> impl Iterator<Item = Line<'static>> {
    rows.into_iter().map(move |row| {
        let mut spans = vec![Span::raw(" ".repeat(usize::from(columns)))];
        spans.extend(paint::restyled(row));
        Line::from(spans)
    })
}
