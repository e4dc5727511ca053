//! Writing a room's receipt setting into a file that belongs to the user.
//!
//! The file may have been edited since it was read, may be a link into a dotfiles repository, and has comments and an
//! order that mean something. So: it is read again first; one that cannot be used is never overwritten; the change is
//! made to the text (by `toml_edit`, or by cutting whole lines), and the new text must say exactly the old settings
//! with that one change, or nothing is written; the new file takes the old one's place in one step.

use std::{
    fs,
    io::{self, Write as _},
    ops::Range,
    path::Path,
};

use toml_edit::{Document, DocumentMut, Item, Table, TableLike};

use super::{Config, ConfigError, Problems, keys::quote, private, read_text, words::Choice};
use crate::{
    delivery::policy::{Send, Settings},
    model::RoomId,
};

/// Writes `delivery.rooms."room".send`; `Auto` removes the room's own entry. Gives the settings that hold now, the
/// user's other edits included.
pub fn set_room_send(path: &Path, room: &RoomId, send: Send) -> Result<Settings, ConfigError> {
    let old = read_text(path)?;
    let mut config = Config::parse(&old)
        .map_err(|problems| ConfigError::Invalid { path: path.into(), problems: Problems(problems) })?;
    let entry = (send != Send::Auto).then_some(send);
    match entry {
        Some(send) => config.delivery.rooms.insert(room.clone(), send),
        None => config.delivery.rooms.remove(room),
    };
    let new = with_room_send(&old, room.as_str(), entry)
        .filter(|text| Config::parse(text).as_ref() == Ok(&config))
        .ok_or_else(|| ConfigError::Unsafe {
            path: path.into(),
            key: format!("delivery.rooms.{}.send", quote(room.as_str())),
            value: format!("\"{}\"", send.word()),
        })?;
    if new != old {
        replace(path, &new).map_err(|source| ConfigError::Write { path: path.into(), source })?;
    }
    Ok(config.delivery)
}

/// The text with the room's entry set or removed; `None` where it does not fit in.
pub(super) fn with_room_send(text: &str, room: &str, send: Option<Send>) -> Option<String> {
    match send {
        Some(send) => with_entry(text, room, send),
        None => without_entry(text, room),
    }
}

fn with_entry(text: &str, room: &str, send: Send) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let delivery = table_in(document.as_table_mut(), "delivery")?;
    let entry = table_in(table_in(delivery, "rooms")?, room)?;
    if let Some(value) = entry.get_mut("send").and_then(Item::as_value_mut) {
        let around = value.decor().clone();
        *value = send.word().into();
        *value.decor_mut() = around;
    } else {
        entry.insert("send", toml_edit::value(send.word()));
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

/// Cuts out the lines of the entry, and of its table when nothing else is in it; lines that are only a comment stay.
fn without_entry(text: &str, room: &str) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let found = document.get("delivery").and_then(|delivery| {
        let rooms = delivery.get("rooms")?;
        let (name, entry) = rooms.as_table_like()?.get_key_value(room)?;
        Some((delivery.is_inline_table() || rooms.is_inline_table(), name, entry))
    });
    let Some((inline, name, entry)) = found else { return Some(text.to_owned()) };
    if inline {
        let mut document: DocumentMut = text.parse().ok()?;
        document["delivery"]["rooms"].as_table_like_mut()?.remove(room);
        return Some(document.to_string());
    }
    if entry.is_inline_table() {
        return Some(without_lines(text, &(name.span()?.start..entry.span()?.end)));
    }
    let Some((key, value)) = entry.as_table_like()?.get_key_value("send") else { return Some(text.to_owned()) };
    let rest = without_lines(text, &(key.span()?.start..value.span()?.end));
    let dotted = entry.as_table().is_some_and(Table::is_dotted);
    // The table's header stands above its keys, so its place has not moved.
    Some(if dotted || entry.as_table_like()?.len() > 1 { rest } else { without_lines(&rest, &entry.span()?) })
}

/// The text without the lines that the range touches, nor an empty line that would be left doubled or last.
fn without_lines(text: &str, range: &Range<usize>) -> String {
    let start = text[..range.start].rfind('\n').map_or(0, |end| end + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |end| range.end + end + 1);
    let (before, after) = (&text[..start], &text[end..]);
    let doubled = before.ends_with("\n\n") && (after.is_empty() || after.starts_with('\n'));
    format!("{}{after}", if doubled { &before[..before.len() - 1] } else { before })
}

/// Puts the text where the file is, in one step: readers see the old file or the new one. Only the user can read it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link: what it points to is replaced.
    let target = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
        target => target?,
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private::folder(folder)?;
    let new = target.with_extension(format!("toml.{}.new", std::process::id()));
    let written = private::file(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &target)
    });
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}
