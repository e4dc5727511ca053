//! What a setting can be set to, and the fields that hold it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::nearest::nearest;
use crate::{
    delivery::policy::Choice,
    model::{RoomId, UserId},
};

/// What a setting is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// One of a few words.
    Word(&'static str),
    /// A number from 1.
    Count(u64),
    /// Yes or no.
    Flag(bool),
}

impl Value {
    /// As it is typed, and shown.
    pub fn text(&self) -> String {
        match self {
            Self::Word(word) => (*word).to_owned(),
            Self::Count(count) => count.to_string(),
            Self::Flag(on) => on.to_string(),
        }
    }
}

/// As `config.toml` has it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "\"{word}\""),
            Self::Count(_) | Self::Flag(_) => f.write_str(&self.text()),
        }
    }
}

impl<T: Choice> From<T> for Value {
    fn from(choice: T) -> Self {
        Self::Word(choice.word())
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<bool> for Value {
    fn from(on: bool) -> Self {
        Self::Flag(on)
    }
}

/// The values that a setting may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// These words, in the order in which people should see them.
    Words(Vec<&'static str>),
    /// Any number from 1.
    Count,
    /// Yes and no.
    Flag,
}

impl Values {
    /// All of them, as far as they can be listed.
    pub fn words(&self) -> Vec<&'static str> {
        match self {
            Self::Words(words) => words.clone(),
            Self::Flag => vec!["true", "false"],
            Self::Count => Vec::new(),
        }
    }

    /// The value that is written so, without quotes; an error is a hint.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let value = match self {
            Self::Words(words) => words.iter().find(|word| **word == text).map(|word| Value::Word(word)),
            Self::Count => text.parse().ok().filter(|count| *count > 0).map(Value::Count),
            Self::Flag => text.parse().ok().map(Value::Flag),
        };
        value.ok_or_else(|| match nearest(text, self.words().into_iter()) {
            Some(near) => format!("did you mean {}? It can be {self}", self.written(near)),
            None => self.hint(),
        })
    }

    /// What to use.
    pub fn hint(&self) -> String {
        match self {
            Self::Words(_) => format!("use one of {self}"),
            Self::Count => format!("use {self}"),
            Self::Flag => "use true or false".to_owned(),
        }
    }

    fn written(&self, word: &str) -> String {
        match self {
            Self::Words(_) => format!("\"{word}\""),
            Self::Count | Self::Flag => word.to_owned(),
        }
    }
}

/// As `config.toml` has them.
impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(_) | Self::Flag => {
                let words: Vec<_> = self.words().iter().map(|word| self.written(word)).collect();
                f.write_str(&words.join(", "))
            }
            Self::Count => f.write_str("a whole number, 1 or more"),
        }
    }
}

/// What a value is to the code that goes by it.
pub(super) trait Kind: Copy + Into<Value> {
    fn values() -> Values;
    fn of(value: &Value) -> Option<Self>;
}

impl<T: Choice> Kind for T {
    fn values() -> Values {
        Values::Words(T::WORDS.iter().map(|(word, _)| *word).collect())
    }

    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Word(word) => T::named(word),
            Value::Count(_) | Value::Flag(_) => None,
        }
    }
}

impl Kind for u64 {
    fn values() -> Values {
        Values::Count
    }

    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Count(count) => Some(*count),
            Value::Word(_) | Value::Flag(_) => None,
        }
    }
}

impl Kind for bool {
    fn values() -> Values {
        Values::Flag
    }

    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Flag(on) => Some(*on),
            Value::Word(_) | Value::Count(_) => None,
        }
    }
}

/// Where it stands what a setting is set to: one value for everything, or one for each id.
pub(super) trait Field {
    fn all(&self) -> Vec<(&str, Value)>;
    fn put(&mut self, id: &str, value: Option<Value>);
}

impl<T: Kind> Field for T {
    fn all(&self) -> Vec<(&str, Value)> {
        vec![("", (*self).into())]
    }

    fn put(&mut self, _: &str, value: Option<Value>) {
        *self = value.as_ref().and_then(T::of).unwrap_or(*self);
    }
}

impl<I: Id, T: Kind> Field for BTreeMap<I, T> {
    fn all(&self) -> Vec<(&str, Value)> {
        self.iter().map(|(id, value)| (id.text(), (*value).into())).collect()
    }

    fn put(&mut self, id: &str, value: Option<Value>) {
        match value.as_ref().map(T::of) {
            Some(Some(value)) => {
                self.insert(I::of(id), value);
            }
            Some(None) => {}
            None => {
                self.remove(&I::of(id));
            }
        }
    }
}

/// Those for which it is so; that it is not is as if nothing were set.
impl<I: Id> Field for BTreeSet<I> {
    fn all(&self) -> Vec<(&str, Value)> {
        self.iter().map(|id| (id.text(), Value::Flag(true))).collect()
    }

    fn put(&mut self, id: &str, value: Option<Value>) {
        match value.as_ref().map(bool::of) {
            Some(Some(true)) => {
                self.insert(I::of(id));
            }
            Some(None) => {}
            Some(Some(false)) | None => {
                self.remove(&I::of(id));
            }
        }
    }
}

/// What a setting can be narrowed to.
pub(super) trait Id: Ord {
    fn of(id: &str) -> Self;
    fn text(&self) -> &str;
}

impl Id for RoomId {
    fn of(id: &str) -> Self {
        Self::new(id)
    }

    fn text(&self) -> &str {
        self.as_str()
    }
}

impl Id for UserId {
    fn of(id: &str) -> Self {
        Self::new(id)
    }

    fn text(&self) -> &str {
        self.as_str()
    }
}
