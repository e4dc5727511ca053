//! From the text to a [`Config`], with a place and a hint for everything that is wrong.
//!
//! The parsed tables are walked beside the table of all [`settings`]: a path that is a key there
//! is read, a path that leads to one is followed, and anything else is unknown. TOML's own spans
//! give the places.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{Problem, quote};
use crate::settings::{self, Config, Setting, Value, Values};

/// The settings of this text, or all its problems in the order of the text.
pub(super) fn config(text: &str) -> Result<Config, Vec<Problem>> {
    let mut walk = Walk { text, config: Config::default(), problems: Vec::new() };
    match DeTable::parse(text) {
        Ok(table) => walk.table(&KeyPath::default(), table.get_ref()),
        Err(error) => {
            let at = error.span().unwrap_or(0..0);
            let what = format!("{}: {}", error.message(), shown(text, at.clone()));
            walk.problem("", at, what.trim_end_matches(": "), None);
        }
    }
    walk.problems.sort_by_key(|problem| (problem.line, problem.column));
    if walk.problems.is_empty() { Ok(walk.config) } else { Err(walk.problems) }
}

/// Where the walk stands.
#[derive(Clone, Default)]
struct KeyPath {
    /// As in the table of settings: `delivery.rooms.*`.
    pattern: String,
    /// As written: `delivery.rooms."!a"`.
    written: String,
    /// What stands for the `*`.
    id: String,
}

impl KeyPath {
    fn child(&self, name: &str) -> Self {
        let join = |parent: &str, name: &str| {
            if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
        };
        let any = join(&self.pattern, "*");
        let written = join(&self.written, &quote(name));
        if settings::is_table(&any) {
            Self { pattern: any, written, id: name.into() }
        } else {
            Self { pattern: join(&self.pattern, name), written, id: self.id.clone() }
        }
    }
}

struct Walk<'a> {
    text: &'a str,
    config: Config,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn table(&mut self, place: &KeyPath, table: &DeTable<'_>) {
        for (name, value) in table {
            let child = place.child(name.get_ref());
            if let Some(hint) = wrong_id(&child) {
                self.problem(&child.written, name.span(), "not an id", Some(hint.into()));
            } else if let Some(setting) = settings::named(&child.pattern) {
                match read(&setting.values(), value.get_ref()) {
                    Ok(value) => setting.set(&mut self.config, &child.id, Some(value)),
                    Err(hint) => {
                        let what = format!("{} is not a value of this", shown(self.text, value.span()));
                        self.problem(&child.written, value.span(), &what, Some(hint));
                    }
                }
            } else if !settings::is_table(&child.pattern) {
                let hint = settings::meant(&place.pattern, name.get_ref());
                self.problem(&child.written, name.span(), "there is no such key", Some(hint));
            } else if let DeValue::Table(inner) = value.get_ref() {
                self.table(&child, inner);
            } else {
                let hint = format!("it is a table: write [{}] and its keys below", child.written);
                self.problem(&child.written, value.span(), "this is not a value", Some(hint));
            }
        }
    }

    fn problem(&mut self, key: &str, at: Range<usize>, what: &str, hint: Option<String>) {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        self.problems.push(Problem {
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or(before).chars().count() + 1,
            key: key.into(),
            what: what.into(),
            hint,
        });
    }
}

/// What is wrong with the id of a room's or a person's table.
fn wrong_id(place: &KeyPath) -> Option<&'static str> {
    let tables = place.pattern.strip_suffix(".*")?;
    let inside = |setting: &&Setting| setting.key.strip_prefix(tables).is_some_and(|rest| rest.starts_with(".*."));
    settings::all().find(inside)?.scope.refuses(&place.id)
}

/// The value that stands there; an error is the hint.
fn read(values: &Values, toml: &DeValue<'_>) -> Result<Value, String> {
    let text = match values {
        Values::Words(_) => toml.as_str().map(str::to_owned),
        Values::Count => {
            let number = toml.as_integer().and_then(|int| u64::from_str_radix(int.as_str(), int.radix()).ok());
            number.map(|number| number.to_string())
        }
        Values::Flag => toml.as_bool().map(|on| on.to_string()),
    };
    values.parse(&text.ok_or_else(|| values.hint())?)
}

/// This part as the user wrote it, cut where it gets long.
fn shown(text: &str, part: Range<usize>) -> String {
    let written = text.get(part).unwrap_or_default();
    let line: String = written.lines().next().unwrap_or_default().chars().take(40).collect();
    if line.len() < written.len() { format!("{line}…") } else { line }
}
