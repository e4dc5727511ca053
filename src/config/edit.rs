//! Writing a setting into a file that belongs to the user.
//!
//! The file may have been edited since it was read, may be a link into a dotfiles repository, and
//! has comments and an order that mean something. So: it is read again first; one that cannot be
//! used is never overwritten; the change is made to the text (by `toml_edit`, or by cutting whole
//! lines), and the new text must say exactly the old settings with that one change, or nothing is
//! written; the new file takes the old one's place in one step.

use std::{fs, io, ops::Range, path::Path};

use toml_edit::{Document, DocumentMut, Item, Table, TableLike, Value};

use super::{ConfigError, Problems, quote, read_text};
use crate::{
    files,
    settings::{self, Change, Config},
};

/// Writes one setting, or removes it where it says no more than is so anyway. Gives what holds now,
/// the user's other edits included.
pub fn save(path: &Path, change: &Change) -> Result<Config, ConfigError> {
    let old = read_text(path)?;
    let mut config = Config::parse(&old)
        .map_err(|problems| ConfigError::Invalid { path: path.into(), problems: Problems(problems) })?;
    change.apply(&mut config);
    let place: Vec<&str> = change.key.split('.').map(|part| if part == "*" { &change.id } else { part }).collect();
    let value = change.value.as_ref().and_then(|_| settings::named(change.key)?.get(&config, &change.id));
    let value: Option<Value> = value.and_then(|value| value.to_string().parse().ok());
    let new = with(&old, &place, value.as_ref())
        .filter(|text| Config::parse(text).as_ref() == Ok(&config))
        .ok_or_else(|| ConfigError::Unsafe {
            path: path.into(),
            key: place.iter().map(|part| quote(part)).collect::<Vec<_>>().join("."),
            value: value.map_or_else(|| "(nothing)".to_owned(), |value| value.to_string()),
        })?;
    if new != old {
        replace(path, &new).map_err(|source| ConfigError::Write { path: path.into(), source })?;
    }
    Ok(config)
}

/// The text with the key at this place set or removed; `None` where it does not fit in.
pub(super) fn with(text: &str, place: &[&str], value: Option<&Value>) -> Option<String> {
    let (name, tables) = place.split_last()?;
    match value {
        Some(value) => with_entry(text, tables, name, value),
        None => without_entry(text, tables, name),
    }
}

fn with_entry(text: &str, tables: &[&str], name: &str, new: &Value) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let root: &mut dyn TableLike = document.as_table_mut();
    let entry = tables.iter().try_fold(root, |parent, table| table_in(parent, table))?;
    if let Some(value) = entry.get_mut(name).and_then(Item::as_value_mut) {
        let around = value.decor().clone();
        *value = new.clone();
        *value.decor_mut() = around;
    } else {
        entry.insert(name, toml_edit::value(new.clone()));
    }
    Some(document.to_string())
}

/// The table of this name; a new one is written in the way in which its parent is.
fn table_in<'a>(parent: &'a mut dyn TableLike, name: &str) -> Option<&'a mut dyn TableLike> {
    if !parent.contains_key(name) {
        let mut table = Table::new();
        table.set_implicit(true);
        table.set_dotted(parent.is_dotted());
        // An inline table makes an inline one of it.
        parent.insert(name, Item::Table(table));
    }
    parent.get_mut(name)?.as_table_like_mut()
}

/// Cuts out the lines of the entry, and of its table when nothing else is in it; lines that are
/// only a comment stay.
fn without_entry(text: &str, tables: &[&str], name: &str) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let (mut table, mut header, mut inline) = (document.as_item(), None, false);
    for part in tables {
        inline |= table.is_inline_table();
        let Some((key, next)) = table.as_table_like().and_then(|table| table.get_key_value(part)) else {
            return Some(text.to_owned());
        };
        (table, header) = (next, Some(key));
    }
    let Some((key, value)) = table.as_table_like()?.get_key_value(name) else { return Some(text.to_owned()) };
    let alone = table.as_table_like()?.len() == 1;
    if inline || (table.is_inline_table() && !alone) {
        let mut document: DocumentMut = text.parse().ok()?;
        let (last, before) = tables.split_last()?;
        let (path, gone) = if alone { (before, *last) } else { (tables, name) };
        let mut parent = document.as_item_mut();
        for part in path {
            parent = parent.get_mut(part)?;
        }
        parent.as_table_like_mut()?.remove(gone);
        return Some(document.to_string());
    }
    if table.is_inline_table() {
        return Some(without_lines(text, &(header?.span()?.start..table.span()?.end)));
    }
    let rest = without_lines(text, &(key.span()?.start..value.span()?.end));
    let dotted = table.as_table().is_some_and(Table::is_dotted);
    // The table's header stands above its keys, so its place has not moved.
    Some(if dotted || !alone { rest } else { without_lines(&rest, &table.span()?) })
}

/// The text without the lines that the range touches, nor an empty line that would be left doubled
/// or last.
fn without_lines(text: &str, range: &Range<usize>) -> String {
    let start = text[..range.start].rfind('\n').map_or(0, |end| end + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |end| range.end + end + 1);
    let (before, after) = (&text[..start], &text[end..]);
    let doubled = before.ends_with("\n\n") && (after.is_empty() || after.starts_with('\n'));
    format!("{}{after}", if doubled { &before[..before.len() - 1] } else { before })
}

/// Puts the text where the file is, in one step: readers see the old file or the new one. Only the
/// user can read it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link: what it points to is replaced.
    let target = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
        target => target?,
    };
    files::folder(files::folder_of(&target))?;
    files::replace(&target, text.as_bytes())
}
