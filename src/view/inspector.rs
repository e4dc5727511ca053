//! The inspector: everything that is known about the delivery of one message.
//!
//! On an own message: per person and device, what the device did, when and by which route, and when the person read
//! it. On somebody else's: whether a receipt was sent, or which rule withheld it. Delivered, read and 'nothing is
//! known' are said apart (L5); a time that cannot be true is said to be unknown (L4).

use ratatui::text::{Line, Span};

use super::{
    paint, popup,
    theme::{Role, Theme},
    ticks, words, wrap,
};
use crate::{
    app::App,
    input::{Action, Context},
    model::{
        Delivery, DeviceDelivery, DeviceState, Message, Ms, PersonDelivery, ReadBy, ReceiptFate, Route, SendState,
    },
};

/// From this width on a device takes one row, else two.
const ONE_ROW: u16 = 72;

/// All rows of the inspector.
pub fn rows(app: &App, fate: Option<&ReceiptFate>, theme: Theme, columns: u16) -> Vec<Line<'static>> {
    let mut page = Page { app, theme, columns, rows: Vec::new() };
    match app.inspected() {
        None => page.sentence("This message is no longer in the timeline.", Role::Dim),
        Some((index, message)) if message.own => page.own(index, message),
        Some((_, message)) => page.others(message, fate),
    }
    page.rows
}

struct Page<'a> {
    app: &'a App,
    theme: Theme,
    columns: u16,
    rows: Vec<Line<'static>>,
}

impl Page<'_> {
    fn sentence(&mut self, text: &str, role: Role) {
        self.rows.extend(popup::wrapped(text, self.columns, role, self.theme));
    }

    fn exact(&self, at: Ms, near: Ms) -> String {
        words::exact(at, near, &self.app.time_zone)
    }

    fn own(&mut self, index: usize, message: &Message) {
        match &message.send_state {
            SendState::Waiting => return self.sentence("Waiting to be sent; it goes out by itself.", Role::Text),
            SendState::Failed(why) => {
                self.sentence(&format!("Not sent: {why}"), Role::Error);
                let key = |action| self.app.keymap.hint(&[Context::Timeline], action);
                if let (Some(retry), Some(discard)) = (key(Action::Retry), key(Action::Discard)) {
                    let text = format!("In the timeline {retry} sends it again, and {discard} throws it away.");
                    self.sentence(&text, Role::Dim);
                }
                return;
            }
            SendState::Sent => {}
        }
        let known = message.event.as_ref().zip(self.app.open.as_ref());
        let delivery = known.and_then(|(event, open)| open.deliveries.get(event));
        let sent = delivery.map_or(message.at, |delivery| delivery.sent);
        let day = words::day(sent, &self.app.time_zone);
        self.sentence(&format!("Sent {day}, {}.", self.exact(sent, sent)), Role::Dim);
        let Some(delivery) = delivery else {
            return self
                .sentence("It is on the server. Which devices were given its key was not recorded here.", Role::Text);
        };
        if delivery.people.is_empty() {
            return self.sentence("It is on the server. Nobody else was in the room.", Role::Text);
        }
        self.sentence(&denominator(delivery), Role::Text);
        let readers = self.app.open.as_ref().map(|open| open.readers(index)).unwrap_or_default();
        for person in &delivery.people {
            self.rows.push(Line::default());
            self.person(person, &readers, delivery.sent);
        }
    }

    fn person(&mut self, person: &PersonDelivery, readers: &[ReadBy], sent: Ms) {
        let read = readers.iter().find(|read| read.user == person.user);
        let read = match read {
            Some(ReadBy { at: Some(at), .. }) => format!("read {}", self.exact(*at, sent)),
            Some(ReadBy { at: None, .. }) => "read".to_owned(),
            None => "not read yet".to_owned(),
        };
        let role = if read.starts_with("read") { Role::Read } else { Role::Dim };
        let heading = self.theme.role(Role::Heading);
        let who = if person.name.is_empty() {
            vec![Span::styled(person.user.to_string(), heading)]
        } else {
            let id = Span::styled(format!(" {}", person.user), self.theme.role(Role::Dim));
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
            self.device(device, person, sent);
        }
    }

    fn device(&mut self, device: &DeviceDelivery, person: &PersonDelivery, sent: Ms) {
        let (text, role) = self.state(device, person, sent);
        let indent = if self.columns >= ONE_ROW { self.columns * 2 / 5 } else { 6 };
        let mut states = popup::wrapped(&text, self.columns.saturating_sub(indent), role, self.theme).into_iter();
        let first = if self.columns >= ONE_ROW {
            let mut line = self.name(device, indent.saturating_sub(2));
            let gap = indent.saturating_sub(paint::columns(&line));
            line.spans.push(Span::raw(" ".repeat(usize::from(gap))));
            line.spans.extend(states.next().map(restyled).unwrap_or_default());
            line
        } else {
            self.name(device, self.columns)
        };
        self.rows.push(first);
        self.rows.extend(states.map(|state| {
            let mut line = Line::from(" ".repeat(usize::from(indent)));
            line.spans.extend(restyled(state));
            line
        }));
    }

    /// `● Ada's phone ADAPHONE`: when there is no space for all, the name gives way, since the id is what it is.
    fn name(&self, device: &DeviceDelivery, columns: u16) -> Line<'static> {
        let dim = self.theme.role(Role::Dim);
        let id = match (&device.device, device.name.is_empty()) {
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
    fn state(&self, device: &DeviceDelivery, person: &PersonDelivery, sent: Ms) -> (String, Role) {
        let route = match device.route {
            Some(Route::Native) => ", native",
            Some(Route::Direct) => ", direct",
            None => "",
        };
        let uncounted = if device.expected { "" } else { ", not counted" };
        match &device.state {
            DeviceState::Delivered { at: Some(at) } => {
                let after = words::span(at.saturating_sub(sent));
                (format!("delivered {}, after {after}{route}{uncounted}", self.exact(*at, sent)), Role::Text)
            }
            DeviceState::Delivered { at: None } => (format!("delivered, time unknown{route}{uncounted}"), Role::Text),
            DeviceState::Undecryptable { at: Some(at) } => {
                (format!("could not decrypt it, {}{route}{uncounted}", self.exact(*at, sent)), Role::Error)
            }
            DeviceState::Undecryptable { at: None } => (format!("could not decrypt it{route}{uncounted}"), Role::Error),
            DeviceState::Pending => ("pending".to_owned(), Role::Dim),
            DeviceState::Unknown if person.counts_as_one() => {
                ("unknown: receipts name no device".to_owned(), Role::Dim)
            }
            DeviceState::Unknown => ("unknown: no device of theirs has ever answered".to_owned(), Role::Dim),
            DeviceState::Missed { later } => {
                (format!("missed: it has answered a later message, {}", self.exact(*later, sent)), Role::Warning)
            }
            DeviceState::Silent { since } => {
                (format!("silent since {}, not counted", words::day(*since, &self.app.time_zone)), Role::Dim)
            }
            DeviceState::Excluded { why } => (format!("left out: {why}"), Role::Dim),
        }
    }

    fn others(&mut self, message: &Message, fate: Option<&ReceiptFate>) {
        let day = words::day(message.at, &self.app.time_zone);
        let at = self.exact(message.at, message.at);
        self.sentence(&format!("From {} ({}), sent {day}, {at}.", message.sender_name, message.sender), Role::Dim);
        self.rows.push(Line::default());
        let (text, role) = match fate {
            None => (format!("Looking up what was done about it{}", self.theme.symbols().busy), Role::Dim),
            Some(ReceiptFate::NotConsidered) => (
                "No receipt was sent: it was never considered, for instance because it came as history (P2)."
                    .to_owned(),
                Role::Text,
            ),
            Some(ReceiptFate::AwaitingKey) => (
                "No receipt was sent yet: the message cannot be read. It is decided when its key comes (P1)."
                    .to_owned(),
                Role::Warning,
            ),
            Some(ReceiptFate::ToldUndecryptable { at }) => (
                format!(
                    "The message cannot be read, and its sender was told so at {}. A receipt is decided when its key comes (P1).",
                    self.exact(*at, message.at)
                ),
                Role::Warning,
            ),
            Some(ReceiptFate::Owed { since }) => {
                (format!("A receipt is owed since {} and will be sent.", self.exact(*since, message.at)), Role::Text)
            }
            Some(ReceiptFate::Sent { at, route }) => {
                let to = match route {
                    Route::Native => "by the homeserver's receipt endpoint",
                    Route::Direct => "directly and encrypted, to the sender's devices that asked for it",
                };
                (format!("A receipt was sent at {}, {to}.", self.exact(*at, message.at)), Role::Good)
            }
            Some(ReceiptFate::Withheld { rule, why }) => {
                (format!("No receipt was sent, and none will be. {why} ({rule})"), Role::Warning)
            }
        };
        self.sentence(&text, role);
    }
}

/// Moves a line's style into its spans, so that they can be put into another line.
fn restyled(line: Line<'static>) -> Vec<Span<'static>> {
    let style = line.style;
    line.spans.into_iter().map(|span| Span { style: style.patch(span.style), ..span }).collect()
}

/// The frozen denominator in one line.
fn denominator(delivery: &Delivery) -> String {
    let expected = || delivery.people.iter().flat_map(|person| &person.devices).filter(|device| device.expected);
    let delivered = expected().filter(|device| matches!(device.state, DeviceState::Delivered { .. })).count();
    let all = expected().count();
    if all == 0 {
        return "No devices were counted when it was sent.".to_owned();
    }
    let devices = if all == 1 { "device that was" } else { "devices that were" };
    let verb = if delivered == 1 { "has" } else { "have" };
    let ones = delivery.people.iter().any(PersonDelivery::counts_as_one);
    let ones = if ones { " A person whose receipts name no device counts as one." } else { "" };
    format!("{delivered} of {all} {devices} given the key when it was sent {verb} it.{ones}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeviceId, EventId, SafeText, UserId};

    #[test]
    fn the_denominator_counts_expected_devices_only() {
        let device = |state, expected| DeviceDelivery {
            device: Some(DeviceId::new("D")),
            name: SafeText::default(),
            state,
            route: None,
            expected,
        };
        let delivered = DeviceState::Delivered { at: None };
        let devices = vec![
            device(delivered.clone(), true),
            device(DeviceState::Pending, true),
            device(DeviceState::Excluded { why: SafeText::line("blocked") }, false),
            device(delivered, false),
        ];
        let people = vec![PersonDelivery { user: UserId::new("@ada:example.org"), name: SafeText::default(), devices }];
        let mut delivery = Delivery::new(EventId::new("$1"), 0, people);
        assert_eq!(denominator(&delivery), "1 of 2 devices that were given the key when it was sent has it.");
        delivery.people[0].devices.remove(0);
        assert_eq!(denominator(&delivery), "0 of 1 device that was given the key when it was sent have it.");

        let devices = vec![device(DeviceState::Delivered { at: None }, false)];
        let people = vec![PersonDelivery { devices, ..delivery.people[0].clone() }];
        let delivery = Delivery { people, ..delivery };
        assert_eq!(denominator(&delivery), "No devices were counted when it was sent.");
    }
}
