//! The rows of the receipts screen: each is a setting with its values in order, and what comes of
//! it.

use std::{borrow::Cow, collections::BTreeSet};

use super::{ReceiptSettings, sentences};
use crate::{
    app::{App, eligibility::facts},
    delivery::policy::{self, Decision, SenderFacts},
    model::{PersonEligibility, RoomSummary, SafeText, UserId},
    settings::{self, Change, Config, Scope, Value},
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
pub struct InForce {
    /// Receipts are sent.
    pub sent: bool,
    /// Whether, and why or by which rule not.
    pub text: String,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRow {
    /// What it is about.
    pub section: Section,
    /// What is set, or the display name of whom it is set for; may be empty for those.
    pub name: SafeText,
    /// Whom it is set for.
    pub user_id: Option<UserId>,
    /// What the value means.
    pub meaning: Cow<'static, str>,
    /// What comes of it for this room or person.
    pub outcome: Option<InForce>,
    values: Values,
}

impl SettingRow {
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Values {
    all: Vec<(Cow<'static, str>, Change)>,
    at: usize,
}

impl Values {
    /// Those of a setting, for everything or for this room or person.
    fn of(key: &'static str, id: &str, settings: &Config) -> Self {
        let Some(setting) = settings::named(key) else { return Self::default() };
        let values: Vec<(Cow<'static, str>, Option<Value>)> = match setting.values() {
            settings::Values::Words(words) => {
                let narrows = setting.scope != Scope::Global;
                let none = narrows.then(|| ("as everywhere".into(), None));
                none.into_iter().chain(words.into_iter().map(|word| (word.into(), Some(Value::Word(word))))).collect()
            }
            settings::Values::Flag => vec![("off".into(), None), ("on".into(), Some(Value::Flag(true)))],
            settings::Values::Count => {
                members(settings).map(|count| (count.to_string().into(), Some(Value::Count(count)))).collect()
            }
        };
        let now = setting.get(settings, id);
        let at = values.iter().position(|(_, value)| *value == now).unwrap_or(0);
        let change = |value| Change { key, id: id.to_owned(), value };
        Self { all: values.into_iter().map(|(word, value)| (word, change(value))).collect(), at }
    }

    fn change(&self, at: usize) -> Option<Change> {
        self.all.get(at).map(|(_, change)| change.clone())
    }
}

/// How many members a room may have: what is on offer, and what is set.
fn members(settings: &Config) -> impl Iterator<Item = u64> {
    let counts: BTreeSet<_> = MEMBERS.into_iter().chain([settings.delivery.max_members]).collect();
    counts.into_iter()
}

impl ReceiptSettings {
    /// The rows, from the top: those about all rooms and people are always there.
    pub fn rows(&self, app: &App) -> Vec<SettingRow> {
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

/// Those about all rooms and people: what they are called, and what their values mean.
const EVERYWHERE: [(&str, &str, Meaning); 8] = [
    ("Rooms", "delivery.send", sentences::send),
    ("Members at most", "delivery.max_members", |_| sentences::MAX_MEMBERS.into()),
    ("Who", "delivery.who", |all| sentences::who(all.who).into()),
    ("Timing", "delivery.timing", |all| sentences::timing(all.timing).into()),
    ("Name my device", "delivery.name_device", |all| sentences::name_device(all.name_device).into()),
    ("Route", "delivery.route", |all| sentences::route(all.route).into()),
    ("Receipt type", "delivery.receipt_type", |all| sentences::receipt_type(all.receipt_type).into()),
    ("Incognito", "delivery.incognito", |all| sentences::incognito(all.incognito).into()),
];

/// What a setting means as it is set.
type Meaning = fn(&policy::Settings) -> Cow<'static, str>;

fn row(section: Section, name: &str, values: Values, meaning: impl Into<Cow<'static, str>>) -> SettingRow {
    SettingRow { section, name: SafeText::line(name), user_id: None, meaning: meaning.into(), outcome: None, values }
}

fn room_rows(room: &RoomSummary, eligibility: Decision, settings: &Config) -> [SettingRow; 2] {
    let values = |key| Values::of(key, room.id.as_str(), settings);
    let delivery = &settings.delivery;
    let meaning = sentences::room_send(delivery.rooms.get(&room.id).copied(), delivery);
    let hidden = sentences::incognito_here(delivery.incognito_rooms.contains(&room.id));
    let outcome = Some(outcome(eligibility, &sentences::room_is_sent(room, delivery)));
    [
        SettingRow { outcome, ..row(Section::Room, "In this room", values("delivery.rooms.*.send"), meaning) },
        row(Section::Room, "Incognito here", values("delivery.rooms.*.incognito"), hidden),
    ]
}

fn person_row(person: &PersonEligibility, room: &RoomSummary, settings: &Config) -> SettingRow {
    let delivery = &settings.delivery;
    // Whoever is listed is in the room, and somebody else.
    let PersonEligibility { known, verified, ignored, .. } = *person;
    let sender = SenderFacts { own: false, joined: true, ignored, known, verified };
    let eligibility = policy::person_eligibility(&person.user_id, &facts(room), sender, delivery);
    let named = policy::names_device(&person.user_id, sender, delivery);
    SettingRow {
        section: Section::People,
        name: person.name.clone(),
        user_id: Some(person.user_id.clone()),
        meaning: sentences::person_who(delivery.people.get(&person.user_id).copied(), delivery),
        outcome: Some(outcome(eligibility, &sentences::person_is_sent(person, named, delivery))),
        values: Values::of("delivery.people.*.who", person.user_id.as_str(), settings),
    }
}

fn global_rows(settings: &Config) -> impl Iterator<Item = SettingRow> {
    EVERYWHERE.into_iter().map(|(name, key, meaning)| {
        row(Section::Everywhere, name, Values::of(key, "", settings), meaning(&settings.delivery))
    })
}

fn outcome(eligibility: Decision, why_sent: &str) -> InForce {
    match eligibility.withheld() {
        None => InForce { sent: true, text: format!("sent: {why_sent}") },
        Some(reason) => InForce { sent: false, text: format!("not sent: {} ({})", reason.sentence(), reason.rule()) },
    }
}
