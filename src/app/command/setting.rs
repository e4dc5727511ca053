//! Settings as they are typed: the key, for whom where that is a person, and the value.

use super::{Refusal, user_id};
use crate::settings::{self, Scope, Setting, Value};

/// What takes a setting back to its default.
const DEFAULT: &str = "default";

/// What was typed.
pub(in crate::app) struct TypedSetting {
    /// Which setting.
    pub setting: &'static Setting,
    /// For whom, where it is set for a person.
    pub user_id: Option<String>,
    /// What is to become of it.
    pub wanted: Wanted,
}

/// What is to become of a setting.
pub(in crate::app) enum Wanted {
    /// Nothing; what it is, is to be said.
    Said,
    /// It is to be as by default.
    Default,
    /// It is to be this.
    Value(Value),
}

/// Reads it.
pub(in crate::app) fn setting(typed: &str) -> Result<TypedSetting, Refusal> {
    let mut words = typed.split_whitespace();
    let setting = settings::typed(words.next().unwrap_or_default())?;
    let key = setting.typed();
    let user_id = match setting.scope {
        Scope::Global | Scope::Room => None,
        Scope::Person => Some(user_id(words.next().ok_or_else(|| format!("Whose? /set {key} @user:server VALUE"))?)?),
    };
    let wanted = match words.next().map(|word| word.trim_matches('"')) {
        None => Wanted::Said,
        Some(DEFAULT) => Wanted::Default,
        Some(word) => {
            let value = setting.values().parse(word);
            Wanted::Value(value.map_err(|hint| format!("{key}: {word} is not a value of this: {hint}"))?)
        }
    };
    match words.next() {
        None => Ok(TypedSetting { setting, user_id, wanted }),
        Some(more) => Err(format!("{key} takes one value, and {more} is one too many.")),
    }
}

/// What this may go on as, and whether something comes behind it.
pub(super) fn beginning_with(typed: &str) -> Vec<(String, bool)> {
    let Some((before, _)) = typed.rsplit_once(char::is_whitespace) else {
        return settings::all().map(|setting| (setting.typed().into_owned(), true)).collect();
    };
    let mut words = before.split_whitespace();
    let Some(setting) = words.next().and_then(|key| settings::typed(key).ok()) else { return Vec::new() };
    // Who they are cannot be listed.
    if words.count() != usize::from(setting.scope == Scope::Person) {
        return Vec::new();
    }
    let values = setting.values().words().into_iter().chain([DEFAULT]);
    values.map(|word| (format!("{before} {word}"), false)).collect()
}

/// The settings that may be meant, each as it is typed and with what it means.
pub(super) fn described(typed: &str) -> Vec<(String, String)> {
    let key = typed.split_whitespace().next().unwrap_or_default();
    let ended = key.len() < typed.len();
    let meant = |setting: &&Setting| if ended { setting.typed() == key } else { setting.typed().starts_with(key) };
    let found = settings::all().filter(meant).map(|setting| {
        let values = if ended { format!(": {}", values(setting)) } else { String::new() };
        (setting.typed().into_owned(), format!("{}{values}", setting.doc))
    });
    found.collect()
}

/// The values that it may have, in words.
pub(in crate::app) fn values(setting: &Setting) -> String {
    let words = setting.values().words();
    if words.is_empty() { setting.values().to_string() } else { words.join(", ") }
}
