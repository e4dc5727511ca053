//! Settings that are changed by a command.

use crate::{
    app::{
        effect::Effect,
        event::Event,
        testing::{Told, room_id},
    },
    delivery::policy::{Send, Who},
    settings::{
        Change, Config, all,
        ui::{Glyphs, Palette, Ui},
    },
};

/// Runs `/set …` in room `one`, and gives what is to be saved, and what the status line says.
fn set(line: &str) -> (Vec<Change>, String) {
    let mut told = Told::in_room(Vec::new());
    told.types(&format!("/set {line}"));
    let saved = told.keys("Enter").into_iter().filter_map(|effect| match effect {
        Effect::SaveSetting(change) => Some(change),
        _ => None,
    });
    (saved.collect(), told.status().to_owned())
}

#[test]
fn a_setting_is_changed_for_everything_for_the_open_room_and_for_a_person() {
    for (line, change) in [
        ("ui.theme light", Change::new("ui.theme", "", Some(Palette::Light))),
        ("ui.theme \"16\"", Change::new("ui.theme", "", Some(Palette::Sixteen))),
        ("delivery.max_members 7", Change::new("delivery.max_members", "", 7_u64)),
        ("delivery.incognito true", Change::new("delivery.incognito", "", true)),
        ("ui.marks.glyphs default", Change::removed("ui.marks.glyphs", "")),
        ("delivery.rooms.send off", Change::new("delivery.rooms.*.send", "!one:x", Send::Off)),
        ("delivery.rooms.*.send default", Change::removed("delivery.rooms.*.send", "!one:x")),
        ("delivery.people.who @ada:x  nobody", Change::new("delivery.people.*.who", "@ada:x", Who::Nobody)),
        ("delivery.people.who @ada:x default", Change::removed("delivery.people.*.who", "@ada:x")),
    ] {
        assert_eq!(set(line), (vec![change], String::new()), "{line}");
    }
}

#[test]
fn what_cannot_be_set_is_refused_as_config_toml_does() {
    let words = "It can be \"auto\", \"dark\", \"light\", \"16\", \"none\"";
    for (line, sentence) in [
        ("", "Something is missing: /set KEY [VALUE]"),
        ("ui.themes light", "ui.themes: there is no such key: did you mean `theme`?"),
        ("ui.theme lihgt", &format!("ui.theme: lihgt is not a value of this: did you mean \"light\"? {words}")),
        ("delivery.max_members 0", "delivery.max_members: 0 is not a value of this: use a whole number, 1 or more"),
        ("ui.theme light dark", "ui.theme takes one value, and dark is one too many."),
        ("delivery.people.who", "Whose? /set delivery.people.who @user:server VALUE"),
        ("delivery.people.who nobody", "nobody is no user id; one looks like @ada:example.org."),
    ] {
        assert_eq!(set(line), (Vec::new(), sentence.to_owned()), "{line}");
    }
    let mut nowhere = Told::with_rooms();
    nowhere.keys(":");
    nowhere.types("set delivery.rooms.send off");
    assert_eq!(nowhere.keys("Enter"), []);
    assert_eq!(nowhere.status(), "Open a room that you are in first.");
}

#[test]
fn a_key_alone_says_what_is_set_what_it_can_be_and_what_it_means() {
    let (saved, said) = set("ui.marks.style");
    let doc = "How the delivery mark is drawn: a glyph for each device, a count, or ticks alone";
    assert_eq!(saved, []);
    assert_eq!(said, format!("ui.marks.style is devices; it can be devices, count, classic. {doc}."));
    assert!(
        set("delivery.max_members").1.starts_with("delivery.max_members is 50; it can be a whole number, 1 or more.")
    );
    assert!(set("delivery.rooms.send").1.starts_with("delivery.rooms.send is not set; it can be auto, on, off."));

    let mut told = Told::in_room(Vec::new());
    let mut config = Config::default();
    config.delivery.rooms.insert(room_id("one"), Send::Off);
    told.event(Event::Settings(config));
    told.types("/set delivery.rooms.send");
    told.keys("Enter");
    assert!(told.status().starts_with("delivery.rooms.send is off;"));
}

#[test]
fn every_setting_can_be_typed() {
    for setting in all() {
        let whose = if setting.key.contains("people.*") { " @ada:x" } else { "" };
        let value = setting.values().words().first().map_or("7", |word| *word);
        let (saved, said) = set(&format!("{}{whose} {value}", setting.typed()));
        assert_eq!(said, "", "{}", setting.key);
        assert_eq!(saved.iter().map(|change| change.key).collect::<Vec<_>>(), [setting.key]);
        assert!(set(&format!("{}{whose}", setting.typed())).1.ends_with(&format!("{}.", setting.doc)));
    }
}

#[test]
fn keys_and_values_are_completed() {
    for (typed, completed) in [
        ("/set u", "/set ui."),
        ("/set ui.th", "/set ui.theme "),
        ("/set ui.theme li", "/set ui.theme light"),
        ("/set ui.theme de", "/set ui.theme default"),
        ("/set delivery.rooms.i", "/set delivery.rooms.incognito "),
        ("/set delivery.rooms.incognito t", "/set delivery.rooms.incognito true"),
        ("/set delivery.people.who @ada:x no", "/set delivery.people.who @ada:x nobody"),
    ] {
        let mut told = Told::in_room(Vec::new());
        told.types(typed);
        told.keys("Tab");
        assert_eq!(told.typed(), completed);
    }
}

#[test]
fn what_was_saved_is_in_force() {
    let mut told = Told::in_room(Vec::new());
    told.types("/set ui.theme light");
    told.keys("Enter");
    assert_eq!(told.app.settings, Config::default(), "not before it is saved");
    let ui = Ui { palette: Some(Palette::Light), glyphs: Glyphs::Ascii, ..Ui::default() };
    told.event(Event::Settings(Config { ui, ..Config::default() }));
    assert_eq!(told.app.settings.ui, ui);
}
