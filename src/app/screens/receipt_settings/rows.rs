//! The rows of the receipts screen: each is a setting with its values in order, and what comes of
//! it.

use std::borrow::Cow;

use super::{ReceiptSettings, words};
use crate::{
    app::{App, receipts::facts},
    delivery::policy::{self, Change, Choice, Decision, SenderFacts, Settings},
    model::{PersonEligibility, RoomId, RoomSummary, SafeText, UserId},
};

/// How many members a room may have: what is on offer beside what is set.
const MEMBERS: [u64; 10] = [2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000];

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The room.
    Room,
    /// Somebody in it.
    People,
    /// All rooms and people.
    Everywhere,
}

/// What comes of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Receipts are sent.
    pub sent: bool,
    /// Whether, and why or by which rule not.
    pub text: String,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is about.
    pub section: Section,
    /// What is set, or the display name of whom it is set for; may be empty for those.
    pub name: SafeText,
    /// Whom it is set for.
    pub user_id: Option<UserId>,
    /// What the value means.
    pub meaning: Cow<'static, str>,
    /// What comes of it for this room or person.
    pub outcome: Option<Outcome>,
    values: Values,
}

impl Row {
    /// The value, in a word.
    pub fn value(&self) -> &str {
        self.values.all.get(self.values.at).map_or("", |(word, _)| word)
    }

    /// The change to the value before this one.
    pub fn before(&self) -> Option<Change> {
        self.values.change(self.values.at.checked_sub(1)?)
    }

    /// The change to the next value.
    pub fn after(&self) -> Option<Change> {
        self.values.change(self.values.at + 1)
    }

    /// The change to the next value, or from the last to the first.
    pub fn around(&self) -> Option<Change> {
        self.after().or_else(|| self.values.change(0))
    }
}

/// The values that a setting may have, each with the change that makes it so, and which one it has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Values {
    all: Vec<(Cow<'static, str>, Change)>,
    at: usize,
}

impl Values {
    fn new<T: Copy + PartialEq>(
        now: T,
        values: impl IntoIterator<Item = (Cow<'static, str>, T)>,
        change: impl Fn(T) -> Change,
    ) -> Self {
        let values: Vec<_> = values.into_iter().collect();
        let at = values.iter().position(|(_, value)| *value == now).unwrap_or(0);
        Self { all: values.into_iter().map(|(word, value)| (word, change(value))).collect(), at }
    }

    fn choice<T: Choice>(now: T, change: impl Fn(T) -> Change) -> Self {
        Self::new(now, T::WORDS.iter().map(|(word, value)| ((*word).into(), *value)), change)
    }

    /// A setting that narrows another one, or leaves it to that.
    fn narrowing<T: Choice>(now: Option<T>, change: impl Fn(Option<T>) -> Change) -> Self {
        let own = T::WORDS.iter().map(|(word, value)| ((*word).into(), Some(*value)));
        Self::new(now, [("as everywhere".into(), None)].into_iter().chain(own), change)
    }

    fn switch(on: bool, change: impl Fn(bool) -> Change) -> Self {
        Self::new(on, [("off".into(), false), ("on".into(), true)], change)
    }

    fn members(now: u64) -> Self {
        let mut counts = MEMBERS.to_vec();
        counts.push(now);
        counts.sort_unstable();
        counts.dedup();
        Self::new(now, counts.into_iter().map(|count| (count.to_string().into(), count)), Change::MaxMembers)
    }

    fn change(&self, at: usize) -> Option<Change> {
        self.all.get(at).map(|(_, change)| change.clone())
    }
}

impl ReceiptSettings {
    /// The rows, from the top: those about all rooms and people are always there.
    pub fn rows(&self, app: &App) -> Vec<Row> {
        let settings = &app.settings;
        let mut rows = Vec::new();
        if let Some(room) = self.room_id.as_ref().and_then(|room| app.rooms.get(room)) {
            rows.extend(room_rows(room, app.room_eligibility(room), settings));
            rows.extend(self.people.iter().flatten().map(|person| person_row(person, room, settings)));
        }
        rows.extend(global_rows(settings));
        rows
    }
}

fn row(section: Section, name: &str, values: Values, meaning: impl Into<Cow<'static, str>>) -> Row {
    Row { section, name: SafeText::line(name), user_id: None, meaning: meaning.into(), outcome: None, values }
}

fn room_rows(room: &RoomSummary, eligibility: Decision, settings: &Settings) -> [Row; 2] {
    let (own, incognito) = (settings.rooms.get(&room.id).copied(), settings.incognito_rooms.contains(&room.id));
    let of = |id: &RoomId| id.clone();
    let send = Values::narrowing(own, |send| Change::RoomSend(of(&room.id), send));
    let hidden = Values::switch(incognito, |on| Change::RoomIncognito(of(&room.id), on));
    let outcome = Some(outcome(eligibility, &words::room_is_sent(room, settings)));
    [
        Row { outcome, ..row(Section::Room, "In this room", send, words::room_send(own, settings)) },
        row(Section::Room, "Incognito here", hidden, words::incognito_here(incognito)),
    ]
}

fn person_row(person: &PersonEligibility, room: &RoomSummary, settings: &Settings) -> Row {
    // Whoever is listed is in the room, and somebody else.
    let PersonEligibility { known, verified, ignored, .. } = *person;
    let sender = SenderFacts { own: false, joined: true, ignored, known, verified };
    let eligibility = policy::person_eligibility(&person.user_id, &facts(room), sender, settings);
    let named = policy::names_device(&person.user_id, sender, settings);
    let own = settings.people.get(&person.user_id).copied();
    Row {
        section: Section::People,
        name: person.name.clone(),
        user_id: Some(person.user_id.clone()),
        meaning: words::person_who(own, settings),
        outcome: Some(outcome(eligibility, &words::person_is_sent(person, named, settings))),
        values: Values::narrowing(own, |who| Change::PersonWho(person.user_id.clone(), who)),
    }
}

fn global_rows(settings: &Settings) -> [Row; 8] {
    let all = |name, values, meaning| row(Section::Everywhere, name, values, meaning);
    let Settings { send, max_members, who, timing, name_device, route, receipt_type, incognito, .. } = *settings;
    [
        all("Rooms", Values::choice(send, Change::Send), words::send(settings)),
        all("Members at most", Values::members(max_members), words::MAX_MEMBERS.into()),
        all("Who", Values::choice(who, Change::Who), words::who(who).into()),
        all("Timing", Values::choice(timing, Change::Timing), words::timing(timing).into()),
        all("Name my device", Values::choice(name_device, Change::NameDevice), words::name_device(name_device).into()),
        all("Route", Values::choice(route, Change::Route), words::route(route).into()),
        all(
            "Receipt type",
            Values::choice(receipt_type, Change::ReceiptType),
            words::receipt_type(receipt_type).into(),
        ),
        all("Incognito", Values::switch(incognito, Change::Incognito), words::incognito(incognito).into()),
    ]
}

fn outcome(eligibility: Decision, why_sent: &str) -> Outcome {
    match eligibility.withheld() {
        None => Outcome { sent: true, text: format!("sent: {why_sent}") },
        Some(reason) => Outcome { sent: false, text: format!("not sent: {} ({})", reason.sentence(), reason.rule()) },
    }
}
