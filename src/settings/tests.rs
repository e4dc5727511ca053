//! The table of settings: each row says what it does, and does what it says.

use std::collections::BTreeSet;

use super::*;

/// Something that a setting can be set for.
fn id_of(setting: &Setting) -> &'static str {
    match setting.scope {
        Scope::Global => "",
        Scope::Room => "!a:b",
        Scope::Person => "@a:b",
    }
}

#[test]
fn every_setting_is_documented_and_has_a_key_of_its_own() {
    let mut keys = BTreeSet::new();
    for setting in all() {
        assert!(setting.doc.len() > 1 && !setting.doc.ends_with('.'), "{setting:?}");
        let narrows = match setting.scope {
            Scope::Global => "",
            Scope::Room => ".rooms.*.",
            Scope::Person => ".people.*.",
        };
        assert!(setting.key.contains(narrows) && setting.key.contains('*') != narrows.is_empty(), "{setting:?}");
        assert!(keys.insert(setting.typed()), "{setting:?}");
        assert_eq!(named(setting.key).map(|found| found.key), Some(setting.key));
        assert_eq!(setting.get(&Config::default(), "").is_some(), setting.scope == Scope::Global, "{setting:?}");
        assert!(setting.scope.refuses(id_of(setting)).is_none());
    }
}

#[test]
fn every_value_of_every_setting_is_set_as_it_is_got() {
    for setting in all() {
        let id = id_of(setting);
        let words = setting.values().words();
        for text in if words.is_empty() { vec!["1", "7", "18446744073709551615"] } else { words } {
            let value = setting.values().parse(text).unwrap();
            assert_eq!(value.text(), text);
            let mut config = Config::default();
            setting.set(&mut config, id, Some(value.clone()));
            // What is not so in a room is as if it were not set there.
            let unset = setting.scope != Scope::Global && value == Value::Flag(false);
            assert_eq!(setting.get(&config, id), (!unset).then(|| value.clone()), "{} {value}", setting.key);
            let others = all().filter(|other| other.key != setting.key);
            let unchanged = |other: &Setting| other.all(&config) == other.all(&Config::default());
            assert!(others.into_iter().all(unchanged), "{} {value}", setting.key);
            setting.set(&mut config, id, None);
            assert_eq!(config, Config::default(), "{} {value}", setting.key);
        }
        for wrong in [Value::Word("wrong"), Value::Count(3), Value::Flag(true)] {
            let mut config = Config::default();
            setting.set(&mut config, id, Some(wrong.clone()));
            let fits = setting.values().parse(&wrong.text()).as_ref() == Ok(&wrong);
            assert!(fits || config == Config::default(), "{} {wrong}", setting.key);
        }
    }
}

#[test]
fn a_key_that_there_is_not_is_told_from_one_that_was_meant() {
    let said = |key: &str| typed(key).map_or_else(|why| why, |found| found.key.to_owned());
    for (key, expected) in [
        ("ui.theme", "ui.theme"),
        ("delivery.rooms.send", "delivery.rooms.*.send"),
        ("delivery.rooms.*.send", "delivery.rooms.*.send"),
        ("ui.themes", "ui.themes: there is no such key: did you mean `theme`?"),
        ("ui.style", "ui.style: there is no such key: did you mean `ui.marks.style`?"),
        ("theme", "theme: there is no such key: did you mean `ui.theme`?"),
        ("delivery.rooms.sends", "delivery.rooms.sends: there is no such key: did you mean `send`?"),
        ("log.colour", "log.colour: there is no such key: there is level"),
        ("ui.marks", "ui.marks: this is not a key: there is style, glyphs"),
        ("ui.theme.dark", "ui.theme.dark: there is no such key: did you mean `theme`?"),
    ] {
        assert_eq!(said(key), expected);
    }
}

#[test]
fn the_readme_has_every_setting() {
    let readme: Vec<_> = include_str!("../../README.md").lines().collect();
    let missing: Vec<_> = all().map(readme_row).filter(|row| !readme.contains(&row.as_str())).collect();
    assert!(missing.is_empty(), "the README lacks\n{}", missing.join("\n"));
}

/// As the README has it: the default first, and no values where those are of the setting that is
/// narrowed.
fn readme_row(setting: &Setting) -> String {
    let key = setting.key.replace("rooms.*", "rooms.\"!id:server\"").replace("people.*", "people.\"@user:server\"");
    let default = setting.get(&Config::default(), "").map(|value| value.text());
    let words = setting.values().words().into_iter().map(str::to_owned);
    let others = words.filter(|word| default.as_ref().is_some_and(|default| default != word));
    let values: Vec<_> = default.clone().into_iter().chain(others).map(|value| format!("`{value}`")).collect();
    let values = if values.is_empty() { String::new() } else { format!("{} ", values.join(", ")) };
    format!("| `{key}` | {values}| {} |", setting.doc)
}
