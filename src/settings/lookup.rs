//! Finding a setting by its key, and what somebody meant who has misspelt it.

use super::{Setting, all, nearest::nearest};

/// The setting with this key, as it stands in the table.
pub fn named(key: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.key == key)
}

/// Whether this is a table of `config.toml` that has settings in it; `*` stands for any id.
pub fn is_table(pattern: &str) -> bool {
    all().any(|setting| inside(pattern, setting.key).is_some())
}

/// The setting that is [typed](Setting::typed) so, or why there is none.
pub fn typed(typed: &str) -> Result<&'static Setting, String> {
    if let Some(setting) = all().find(|setting| [setting.key, &setting.typed()].contains(&typed)) {
        return Ok(setting);
    }
    let mut table = String::new();
    for name in typed.split('.') {
        let part = if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") };
        if !is_table(&part) {
            return Err(format!("{typed}: there is no such key: {}", meant(&table, name)));
        }
        table = if is_table(&format!("{part}.*")) { format!("{part}.*") } else { part };
    }
    Err(format!("{typed}: this is not a key: {}", listed(&table)))
}

/// What somebody who wrote this unknown name in this table may have meant.
pub fn meant(table: &str, name: &str) -> String {
    if let Some(near) = nearest(name, names(table)) {
        return format!("did you mean `{near}`?");
    }
    match all().find(|setting| setting.key.rsplit('.').next() == Some(name)) {
        Some(setting) => format!("did you mean `{}`?", setting.key),
        None => listed(table),
    }
}

fn listed(table: &str) -> String {
    let mut names: Vec<_> = names(table).collect();
    names.dedup();
    format!("there is {}", names.join(", "))
}

/// The keys and tables that stand in this table.
fn names(table: &str) -> impl Iterator<Item = &'static str> {
    all().filter_map(move |setting| inside(table, setting.key)?.split('.').next())
}

/// The rest of a key behind this table, which it stands in.
fn inside(table: &str, key: &'static str) -> Option<&'static str> {
    if table.is_empty() { Some(key) } else { key.strip_prefix(table)?.strip_prefix('.') }
}
