//! `m.direct` as text: which rooms are chats with whom.
//!
//! All clients of an account write it, each in its own way, and whoever writes it writes all of it.
//! So nothing is taken from it but what has to be read, and everything else stays as it was
//! written: also what no client of today knows.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// It is no object, or what it says of this person is no list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("what the account says of direct chats cannot be read")]
pub(super) struct Unreadable;

type Entries<'a> = BTreeMap<String, &'a RawValue>;

fn entries(content: Option<&str>) -> Result<Entries<'_>, Unreadable> {
    content.map_or(Ok(Entries::new()), |content| serde_json::from_str(content).map_err(|_| Unreadable))
}

fn list(entry: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(entry.get()).ok()
}

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// The rooms that are chats with somebody. `content` is missing where the account has no
/// `m.direct`.
pub(super) fn rooms(content: Option<&str>, user: &str) -> Result<Vec<String>, Unreadable> {
    let entries = entries(content)?;
    let Some(entry) = entries.get(user) else { return Ok(Vec::new()) };
    Ok(list(entry).ok_or(Unreadable)?.into_iter().filter_map(text).collect())
}

/// The same with one more room that is a chat with somebody; `None` when it is listed already, with
/// whomever.
pub(super) fn with(content: Option<&str>, user: &str, room: &str) -> Result<Option<String>, Unreadable> {
    let mut entries = entries(content)?;
    let mut listed = entries.values().filter_map(|entry| list(entry)).flatten().filter_map(text);
    if listed.any(|listed| listed == room) {
        return Ok(None);
    }
    let new = serde_json::value::to_raw_value(room).map_err(|_| Unreadable)?;
    let mut rooms = entries.get(user).map_or(Some(Vec::new()), |entry| list(entry)).ok_or(Unreadable)?;
    rooms.push(&new);
    let rooms = serde_json::value::to_raw_value(&rooms).map_err(|_| Unreadable)?;
    entries.insert(user.to_owned(), &rooms);
    serde_json::to_string(&entries).map(Some).map_err(|_| Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_new(content: &str) -> Result<Option<String>, Unreadable> {
        with(Some(content), "@bob:x", "!new:x")
    }

    #[test]
    fn one_entry_is_added_and_all_else_stays() {
        for (before, after) in [
            ("{}", r#"{"@bob:x":["!new:x"]}"#),
            (r#"{"@bob:x":["!old:x"]}"#, r#"{"@bob:x":["!old:x","!new:x"]}"#),
            (r#"{"@bob:x": []}"#, r#"{"@bob:x":["!new:x"]}"#),
            // What is no room, no list, no user, or no number that anybody counts with.
            (r#"{"@bob:x":[7,{"room": "!old:x"}]}"#, r#"{"@bob:x":[7,{"room": "!old:x"},"!new:x"]}"#),
            (r#"{"@ada:x":{"rooms": [1.0e+400]}}"#, r#"{"@ada:x":{"rooms": [1.0e+400]},"@bob:x":["!new:x"]}"#),
            (r#"{"":null,"tel:1":["!a:x"]}"#, r#"{"":null,"@bob:x":["!new:x"],"tel:1":["!a:x"]}"#),
            (
                r#"{"@ada:x":["\u0041",12345678901234567890123]}"#,
                r#"{"@ada:x":["\u0041",12345678901234567890123],"@bob:x":["!new:x"]}"#,
            ),
        ] {
            assert_eq!(with_new(before), Ok(Some(after.to_owned())), "{before}");
        }
        assert_eq!(with(None, "@bob:x", "!new:x"), with_new("{}"));
    }

    #[test]
    fn a_room_that_is_listed_is_left_as_it_is() {
        for listed in [r#"{"@bob:x":["!new:x"]}"#, r#"{"@ada:x":["!new:x"]}"#, r#"{"@bob:x":[7,"\u0021new:x"]}"#] {
            assert_eq!(with_new(listed), Ok(None), "{listed}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_written() {
        for unreadable in ["[]", "null", "7", "", r#"{"@bob:x":"!old:x"}"#, r#"{"@bob:x":null}"#, "{"] {
            assert_eq!(with_new(unreadable), Err(Unreadable), "{unreadable}");
            assert_eq!(rooms(Some(unreadable), "@bob:x"), Err(Unreadable), "{unreadable}");
        }
    }

    #[test]
    fn the_rooms_of_one_person_are_read() {
        let content = Some(r#"{"@ada:x":["!a:x"],"@bob:x":["!b:x",7,"!c:x"]}"#);
        assert_eq!(rooms(content, "@bob:x"), Ok(vec!["!b:x".to_owned(), "!c:x".to_owned()]));
        assert_eq!(rooms(content, "@eve:x"), Ok(vec![]));
        assert_eq!(rooms(None, "@bob:x"), Ok(vec![]));
    }
}
