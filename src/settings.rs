//! Every setting there is: one table, and what is in force.
//!
//! A [`Setting`] is one row: its place in `config.toml`, for whom it is set, its values, what it
//! means, and how it is got from a [`Config`] and set in it. Only the place where a setting is used
//! knows more of it: `config.toml` is read, written and explained by the rows, `/set` and the
//! receipts screen offer what they say, and the README's table is made from them. What a setting is
//! by default stands in [`Config::default`] alone.
//!
//! A [`Change`] names a row and says what is to be set there. It is in force once it is saved: what
//! `config.toml` says then is what everything goes by.

use std::borrow::Cow;

use tracing::level_filters::LevelFilter;

use crate::delivery::policy::{self, Choice};

/// A row: key, scope, where it stands in [`Config`], the type of that (for a table of rooms or
/// people, of what is in it), and what it means.
macro_rules! setting {
    ($key:literal, $scope:ident, $($field:ident).+, $kind:ty, $doc:literal) => {
        $crate::settings::Setting {
            key: $key,
            scope: $crate::settings::Scope::$scope,
            values: <$kind as $crate::settings::value::Kind>::values,
            doc: $doc,
            get: |config| $crate::settings::value::Field::all(&config.$($field).+),
            set: |config, id, value| $crate::settings::value::Field::put(&mut config.$($field).+, id, value),
        }
    };
}

mod delivery;
mod lookup;
mod nearest;
#[cfg(test)]
mod tests;
pub mod ui;
mod value;

pub use lookup::{is_table, meant, named, typed};
pub use value::{Value, Values};

use self::ui::Ui;

/// What every setting is. The default is what a missing or empty `config.toml` means.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Who is sent receipts, when, and how; and what else others are shown.
    pub delivery: policy::Settings,
    /// How the screen looks.
    pub ui: Ui,
    /// How much kvitto itself writes to its log.
    pub log_level: LevelFilter,
}

impl Default for Config {
    fn default() -> Self {
        Self { delivery: policy::Settings::default(), ui: Ui::default(), log_level: LevelFilter::INFO }
    }
}

/// Every setting, in the order of `config.example.toml`.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    [delivery::SETTINGS, ui::SETTINGS, LOG].into_iter().flatten()
}

/// The log's own.
const LOG: &[Setting] = &[setting!(
    "log.level",
    Global,
    log_level,
    LevelFilter,
    "How much kvitto itself writes to its log; libraries never write more than warnings"
)];

impl Choice for LevelFilter {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("off", Self::OFF),
        ("error", Self::ERROR),
        ("warn", Self::WARN),
        ("info", Self::INFO),
        ("debug", Self::DEBUG),
        ("trace", Self::TRACE),
    ];
}

/// One row of the table.
#[derive(Debug)]
pub struct Setting {
    /// Its place in `config.toml`, the tables before it included; `*` stands for the id of a room
    /// or a person.
    pub key: &'static str,
    /// For whom it is set.
    pub scope: Scope,
    values: fn() -> Values,
    /// What it means, in one sentence without a full stop.
    pub doc: &'static str,
    get: fn(&Config) -> Vec<(&str, Value)>,
    set: fn(&mut Config, &str, Option<Value>),
}

/// For whom something is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// For everything.
    Global,
    /// For one room, over what is set for everything.
    Room,
    /// For one person, over what is set for everything.
    Person,
}

impl Scope {
    /// Why this cannot be the id of a room or a person for which something is set.
    pub fn refuses(self, id: &str) -> Option<&'static str> {
        match self {
            Self::Room if !id.starts_with('!') => {
                Some("a room is named by its id, \"!…\" (an alias, \"#…\", can change hands)")
            }
            Self::Person if !(id.starts_with('@') && id.contains(':')) => {
                Some("a person is named by the full user id, \"@name:server\"")
            }
            Self::Global | Self::Room | Self::Person => None,
        }
    }
}

impl Setting {
    /// The values that it may have.
    pub fn values(&self) -> Values {
        (self.values)()
    }

    /// Everything that it is set to, each with the id of the room or the person; that is empty for
    /// what is set for everything.
    pub fn all<'a>(&self, config: &'a Config) -> Vec<(&'a str, Value)> {
        (self.get)(config)
    }

    /// What it is set to for this room or person; `None`: nothing of its own.
    pub fn get(&self, config: &Config, id: &str) -> Option<Value> {
        self.all(config).into_iter().find(|(of, _)| *of == id).map(|(_, value)| value)
    }

    /// Sets it for this room or person; `None`: as it is by default. A value that it cannot have
    /// changes nothing.
    pub fn set(&self, config: &mut Config, id: &str, value: Option<Value>) {
        (self.set)(config, id, value.or_else(|| self.get(&Config::default(), id)));
    }

    /// Its key as it is typed: without what stands for a room or a person.
    pub fn typed(&self) -> Cow<'static, str> {
        match self.scope {
            Scope::Global => self.key.into(),
            Scope::Room | Scope::Person => self.key.replace(".*", "").into(),
        }
    }
}

/// A setting, and what it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which one: a key of the table.
    pub key: &'static str,
    /// The room or the person; empty where it is set for everything.
    pub id: String,
    /// What it is to be; `None`: it is to be removed, and is as by default.
    pub value: Option<Value>,
}

impl Change {
    /// The setting is to have this value, for this room or person.
    pub fn new(key: &'static str, id: &str, value: impl Into<Value>) -> Self {
        Self { key, id: id.to_owned(), value: Some(value.into()) }
    }

    /// The setting is to be removed.
    pub fn removed(key: &'static str, id: &str) -> Self {
        Self { key, id: id.to_owned(), value: None }
    }

    /// Makes it.
    pub fn apply(&self, config: &mut Config) {
        if let Some(setting) = named(self.key) {
            setting.set(config, &self.id, self.value.clone());
        }
    }
}
