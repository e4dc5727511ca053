use proptest::prelude::*;

use super::{edit::with, *};
use crate::{
    delivery::{
        attention::{Attention, ReadReceipts, Typing},
        policy::{Choice, NameDevice, ReceiptType, RouteChoice, Send, Timing, Who},
    },
    model::{RoomId, UserId},
    settings::{
        Change,
        ui::{Glyphs, MarkStyle, Palette},
    },
};

const EXAMPLE: &str = include_str!("../../config.example.toml");

#[test]
fn an_empty_text_means_the_defaults() {
    assert_eq!(Config::parse(""), Ok(Config::default()));
}

#[test]
fn the_example_names_every_key_with_its_default_and_all_its_words() {
    assert_eq!(Config::parse(EXAMPLE), Ok(Config::default()));
    for setting in settings::all() {
        let (_, name) = setting.key.rsplit_once('.').unwrap();
        let line = match setting.get(&Config::default(), "") {
            Some(value) => format!("\n{name} = {value}\n"),
            None => format!("\n# {name} = "),
        };
        assert!(EXAMPLE.contains(&line), "{}: {line}", setting.key);
        for word in setting.values().words() {
            assert!(EXAMPLE.contains(word), "{}: {word}", setting.key);
        }
    }
    let uncommented = ["[delivery.", "[privacy.", "send =", "who =", "read_receipts =", "typing ="]
        .iter()
        .fold(EXAMPLE.to_owned(), |text, line| text.replace(&format!("# {line}"), line));
    let config = Config::parse(&uncommented).unwrap();
    assert_eq!(config.delivery.rooms[&RoomId::new("!id:server")], Send::Off);
    assert_eq!(config.delivery.people[&UserId::new("@name:server")], Who::Nobody);
    let Attention { read_receipts, typing } = config.delivery.attention;
    assert_eq!(read_receipts.rooms[&RoomId::new("!id:server")], ReadReceipts::Off);
    assert_eq!(read_receipts.people[&UserId::new("@name:server")], ReadReceipts::Public);
    assert_eq!(typing.rooms[&RoomId::new("!id:server")], Typing::Off);
    assert_eq!(typing.people[&UserId::new("@name:server")], Typing::On);
}

/// Every value of every setting, for something that ids can be taken apart wrongly.
fn every_change() -> impl Iterator<Item = Change> {
    settings::all().flat_map(|setting| {
        let id = match setting.scope {
            settings::Scope::Global => "",
            settings::Scope::Room => "!a.b:c",
            settings::Scope::Person => "@a:b.c",
        };
        let words = setting.values().words();
        let texts = if words.is_empty() { vec!["7"] } else { words };
        texts.into_iter().map(move |text| Change::new(setting.key, id, setting.values().parse(text).unwrap()))
    })
}

#[test]
fn every_value_of_every_setting_is_saved_and_read_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    for change in every_change() {
        std::fs::write(&path, "").unwrap();
        let mut expected = Config::default();
        change.apply(&mut expected);
        assert_eq!(save(&path, &change).unwrap(), expected, "{change:?}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(Config::parse(&text), Ok(expected.clone()), "{text}");
        assert_eq!(Config::parse(&expected.to_toml()), Ok(expected), "{text}");
        let removed = Change { value: None, ..change };
        assert_eq!(save(&path, &removed).unwrap(), Config::default(), "{removed:?}");
    }
}

#[test]
fn the_settings_are_shown_as_they_would_be_written() {
    let config = Config::parse("[delivery.rooms.\"!a:b\"]\nsend = \"off\"\n[ui]\ntheme = \"16\"\n").unwrap();
    assert_eq!(config.ui.palette, Some(Palette::Sixteen));
    let shown = config.to_toml();
    let delivery = &shown[..shown.find("\n[privacy]").unwrap()];
    insta::assert_snapshot!(delivery, @r#"
[delivery]
send = "auto"
max_members = 50
who = "known"
timing = "balanced"
name_device = "known"
route = "auto"
receipt_type = "unstable"
incognito = false

[delivery.rooms."!a:b"]
send = "off"
"#);
    assert!(
        shown.contains("\n\n[ui]\ntheme = \"16\"\n") && shown.ends_with("\n\n[log]\nlevel = \"info\"\n"),
        "{shown}"
    );
}

/// What is said about a text that is wrong.
fn complaint(text: &str) -> String {
    Problems(Config::parse(text).unwrap_err()).to_string()
}

#[test]
fn a_problem_has_its_key_line_column_and_hint() {
    let wrong = [
        "[delivery]\nsend = \"on\"\n  who = \"knwon\"\n",
        "[delivery]\nwho = \"friends\"\n",
        "[delivery]\nmax_member = 3\n",
        "[delivery]\nmax_members = \"many\"\n",
        "[delivery]\nmax_members = 0\n",
        "[delivry]\nsend = \"on\"\n",
        "[ui]\nstyle = \"count\"\n",
        "[log]\ncolour = \"dark\"\n",
        "[ui]\nmarks = \"ascii\"\n",
        "[delivery.rooms.\"#alias:b\"]\nsend = \"on\"\n",
        "[delivery.people.bob]\nwho = \"nobody\"\n",
        "delivery.rooms.\"!ä:b\".send = \"never\"\n",
        "[delivery]\nsend = on\n",
        "[log]\nlevel = \"info\"\nlevel = \"warn\"\n",
    ];
    insta::assert_snapshot!(wrong.map(complaint).join("\n"), @r##"
  line 3, column 9: delivery.who: "knwon" is not a value of this
    did you mean "known"? It can be "everyone", "known", "verified", "nobody"
  line 2, column 7: delivery.who: "friends" is not a value of this
    use one of "everyone", "known", "verified", "nobody"
  line 2, column 1: delivery.max_member: there is no such key
    did you mean `max_members`?
  line 2, column 15: delivery.max_members: "many" is not a value of this
    use a whole number, 1 or more
  line 2, column 15: delivery.max_members: 0 is not a value of this
    use a whole number, 1 or more
  line 1, column 2: delivry: there is no such key
    did you mean `delivery`?
  line 2, column 1: ui.style: there is no such key
    did you mean `ui.marks.style`?
  line 2, column 1: log.colour: there is no such key
    there is level
  line 2, column 9: ui.marks: this is not a value
    it is a table: write [ui.marks] and its keys below
  line 1, column 17: delivery.rooms."#alias:b": not an id
    a room is named by its id, "!…" (an alias, "#…", can change hands)
  line 1, column 18: delivery.people.bob: not an id
    a person is named by the full user id, "@name:server"
  line 1, column 30: delivery.rooms."!ä:b".send: "never" is not a value of this
    use one of "auto", "on", "off"
  line 2, column 8: string values must be quoted, expected literal string: on
  line 3, column 1: duplicate key: level
    "##);
}

#[test]
fn all_problems_are_told_at_once() {
    let lines: Vec<_> =
        Config::parse("[log]\nlevel = 1\n[ui]\ntheme = \"red\"\nx = 1\n").unwrap_err().iter().map(|p| p.line).collect();
    assert_eq!(lines, [2, 4, 5]);
}

#[test]
fn a_missing_file_means_the_defaults_and_a_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Config::load(&folder.path().join("none.toml")).unwrap(), Config::default());
    assert!(matches!(Config::load(folder.path()), Err(ConfigError::Read { .. })));
}

fn edited(text: &str, room: &str, send: Option<Send>) -> String {
    with(text, &["delivery", "rooms", room, "send"], send.map(|send| send.word().into()).as_ref()).unwrap()
}

#[test]
fn setting_a_room_keeps_comments_and_order() {
    let text =
        "# mine\n[log]\nlevel = \"warn\" # quiet\n\n[delivery] # all\nwho = \"known\"\n\n[ui]\ntheme = \"none\"\n";
    insta::assert_snapshot!(edited(text, "!a:b", Some(Send::Off)), @r#"
# mine
[log]
level = "warn" # quiet

[delivery] # all
who = "known"

[delivery.rooms."!a:b"]
send = "off"

[ui]
theme = "none"
"#);
    assert_eq!(edited("", "!a:b", Some(Send::On)), "[delivery.rooms.\"!a:b\"]\nsend = \"on\"\n");
}

#[test]
fn changing_a_room_changes_the_one_word() {
    for (before, after) in [
        ("[delivery.rooms.\"!a\"] # x\nsend = \"on\" # y\n", "[delivery.rooms.\"!a\"] # x\nsend = \"off\" # y\n"),
        ("[delivery]\nrooms.\"!a\".send = \"on\"\n", "[delivery]\nrooms.\"!a\".send = \"off\"\n"),
        (
            "[delivery]\nrooms = { \"!a\" = { send = \"on\" } }\n",
            "[delivery]\nrooms = { \"!a\" = { send = \"off\" } }\n",
        ),
    ] {
        assert_eq!(edited(before, "!a", Some(Send::Off)), after);
    }
}

#[test]
fn a_second_room_is_written_as_the_first_is() {
    for (before, after) in [
        (
            "[delivery]\nrooms.\"!a\".send = \"on\"\n",
            "[delivery]\nrooms.\"!a\".send = \"on\"\nrooms.\"!b\".send = \"off\"\n",
        ),
        (
            "[delivery]\nrooms = { \"!a\" = { send = \"on\" } }\n",
            "[delivery]\nrooms = { \"!a\" = { send = \"on\" } , \"!b\" = { send = \"off\" } }\n",
        ),
        (
            "[delivery.rooms.\"!a\"]\nsend = \"on\"\n\n# end\n",
            "[delivery.rooms.\"!a\"]\nsend = \"on\"\n\n[delivery.rooms.\"!b\"]\nsend = \"off\"\n\n# end\n",
        ),
    ] {
        assert_eq!(edited(before, "!b", Some(Send::Off)), after);
    }
}

#[test]
fn removing_a_room_removes_its_lines_and_no_comment_line() {
    for (before, after) in [
        (
            "[delivery]\nwho = \"known\"\n\n[delivery.rooms.\"!a\"]\nsend = \"on\"\n\n[ui]\n",
            "[delivery]\nwho = \"known\"\n\n[ui]\n",
        ),
        ("[log]\n\n[delivery.rooms.\"!a\"]\nsend = \"on\"", "[log]\n"),
        ("# why\n[delivery.rooms.\"!a\"]\n# how\nsend = \"on\" # gone\n# end\n", "# why\n# how\n# end\n"),
        ("[delivery]\nrooms.\"!a\".send = \"on\" # gone\nwho = \"known\"\n", "[delivery]\nwho = \"known\"\n"),
        ("[delivery.rooms]\n# why\n\"!a\" = { send = \"on\" }\n", "[delivery.rooms]\n# why\n"),
        (
            "[delivery]\nrooms = { \"!a\" = { send = \"on\" }, \"!b\" = { send = \"on\" } }\n",
            "[delivery]\nrooms = { \"!b\" = { send = \"on\" } }\n",
        ),
        ("# nothing\n", "# nothing\n"),
    ] {
        assert_eq!(edited(before, "!a", None), after);
    }
}

#[test]
fn the_file_is_read_again_and_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/config.toml");
    let (a, b) = (RoomId::new("!a"), RoomId::new("!b"));

    save(&path, &Change::new("delivery.rooms.*.send", a.as_str(), Send::On)).unwrap();
    let edited = std::fs::read_to_string(&path).unwrap() + "\n[delivery]\nmax_members = 7\n";
    std::fs::write(&path, edited).unwrap();
    let config = save(&path, &Change::new("delivery.rooms.*.send", b.as_str(), Send::Off)).unwrap();

    assert_eq!(config.delivery.max_members, 7);
    assert_eq!(config.delivery.rooms.into_iter().collect::<Vec<_>>(), [(a, Send::On), (b, Send::Off)]);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn p12_incognito_is_written_beside_what_a_room_says_and_removed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let room = RoomId::new("!a");
    for text in [
        "",
        "[delivery] # all\nwho = \"known\"\n",
        "[delivery.rooms.\"!a\"]\nsend = \"on\" # mine\n",
        "[delivery]\nrooms.\"!a\".send = \"on\"\n",
        "[delivery]\nrooms = { \"!a\" = { send = \"on\" } }\n",
        "[delivery.rooms]\n\"!a\" = { send = \"on\" }\n",
    ] {
        std::fs::write(&path, text).unwrap();
        let before = Config::parse(text).unwrap();
        let everywhere = save(&path, &Change::new("delivery.incognito", "", true)).unwrap();
        let also_here = save(&path, &Change::new("delivery.rooms.*.incognito", "!a", true)).unwrap();
        assert!(everywhere.delivery.incognito && also_here.delivery.is_incognito(&room), "{text}");
        assert_eq!(Config::load(&path).unwrap(), also_here, "{text}");
        assert_eq!(also_here.delivery.rooms, before.delivery.rooms, "{text}");
        assert!(!save(&path, &Change::removed("delivery.incognito", "")).unwrap().delivery.incognito);
        let after = save(&path, &Change::removed("delivery.rooms.*.incognito", "!a")).unwrap();
        assert_eq!(after, before, "{text}");
        let after = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().all(|line| !line.contains('#') || after.contains(line)), "{after}");
    }
}

#[test]
fn every_setting_is_written_where_its_key_stands_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let (room, ada) = ("!a:b", "@ada:b");
    let mine = "# mine\n[ui]\ntheme = \"none\" # quiet\n\n[delivery] # all\nwho = \"known\" # friends\n";
    std::fs::write(&path, mine).unwrap();
    let changes = [
        Change::new("delivery.send", "", Send::On),
        Change::new("delivery.max_members", "", 7_u64),
        Change::new("delivery.who", "", Who::Nobody),
        Change::new("delivery.timing", "", Timing::Guarded),
        Change::new("delivery.name_device", "", NameDevice::Never),
        Change::new("delivery.route", "", RouteChoice::Native),
        Change::new("delivery.receipt_type", "", ReceiptType::Stable),
        Change::new("delivery.incognito", "", true),
        Change::new("delivery.rooms.*.send", room, Send::Auto),
        Change::new("delivery.rooms.*.incognito", room, true),
        Change::new("delivery.people.*.who", ada, Who::Verified),
        Change::new("ui.theme", "", Some(Palette::Light)),
        Change::new("ui.marks.style", "", MarkStyle::Count),
        Change::new("ui.marks.glyphs", "", Glyphs::Ascii),
    ];
    let mut expected = Config::parse(mine).unwrap();
    for change in &changes {
        let before = expected.clone();
        change.apply(&mut expected);
        assert_ne!(expected, before, "{change:?}");
        assert_eq!(save(&path, change).unwrap(), expected, "{change:?}");
        assert_eq!(Config::load(&path).unwrap(), expected, "{change:?}");
    }
    insta::assert_snapshot!(std::fs::read_to_string(&path).unwrap(), @r#"
# mine
[ui]
theme = "light" # quiet

[ui.marks]
style = "count"
glyphs = "ascii"

[delivery] # all
who = "nobody" # friends
send = "on"
max_members = 7
timing = "guarded"
name_device = "never"
route = "native"
receipt_type = "stable"
incognito = true

[delivery.rooms."!a:b"]
send = "auto"
incognito = true

[delivery.people."@ada:b"]
who = "verified"
"#);

    // What narrows is removed; what is for all stays written, as it was.
    let back = [
        Change::removed("delivery.people.*.who", ada),
        Change::removed("delivery.rooms.*.incognito", room),
        Change::removed("delivery.rooms.*.send", room),
        Change::removed("delivery.incognito", ""),
        Change::new("delivery.who", "", Who::Known),
    ];
    for change in &back {
        change.apply(&mut expected);
        assert_eq!(save(&path, change).unwrap(), expected, "{change:?}");
    }
    insta::assert_snapshot!(std::fs::read_to_string(&path).unwrap(), @r#"
# mine
[ui]
theme = "light" # quiet

[ui.marks]
style = "count"
glyphs = "ascii"

[delivery] # all
who = "known" # friends
send = "on"
max_members = 7
timing = "guarded"
name_device = "never"
route = "native"
receipt_type = "stable"
"#);
}

#[test]
fn what_cannot_be_written_stays_as_it_was_and_an_inline_table_stays_one() {
    let nobody = Change::new("delivery.who", "", Who::Nobody);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::create_dir(&path).unwrap();
    let error = save(&path, &nobody).unwrap_err();
    assert!(matches!(error, ConfigError::Read { .. }), "{error}");
    // The folder that it would be in is a file.
    let inside = folder.path().join("file/config.toml");
    std::fs::write(folder.path().join("file"), "mine").unwrap();
    assert!(save(&inside, &nobody).is_err());
    assert_eq!(std::fs::read_to_string(folder.path().join("file")).unwrap(), "mine");
    // In an inline table it stays inline.
    let beside = folder.path().join("inline.toml");
    std::fs::write(&beside, "delivery = { who = \"known\" }\n").unwrap();
    assert_eq!(save(&beside, &nobody).unwrap().delivery.who, Who::Nobody);
    assert_eq!(std::fs::read_to_string(&beside).unwrap(), "delivery = { who = \"nobody\" }\n");
}

#[test]
fn a_file_that_cannot_be_used_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    for text in ["[delivery\n", "[delivery]\nwhom = \"all\"\n"] {
        std::fs::write(&path, text).unwrap();
        let error = save(&path, &Change::new("delivery.rooms.*.send", "!a", Send::On)).unwrap_err();
        assert!(matches!(error, ConfigError::Invalid { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn what_is_written_is_private_and_a_link_stays_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("dotfiles.toml"), folder.path().join("config.toml"));
    std::fs::write(&target, "").unwrap();
    symlink(&target, &link).unwrap();

    save(&link, &Change::new("delivery.rooms.*.send", "!a", Send::On)).unwrap();

    assert!(link.is_symlink());
    assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Config::load(&target).unwrap().delivery.rooms.len(), 1);
}

proptest! {
    #[test]
    fn setting_and_removing_any_room_gives_back_the_text(room in "![\\PC\"\\\\]{0,20}") {
        let before = "# a\n[delivery]\nwho = \"known\"\n\n# b\n[ui]\ntheme = \"none\" # c\n";
        let with = edited(before, &room, Some(Send::Off));
        prop_assert_eq!(Config::parse(&with).unwrap().delivery.rooms[&RoomId::new(&room)], Send::Off);
        prop_assert_eq!(edited(&with, &room, None), before);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]a-z.\"'=!{}\\n #0-9ä]{0,60}") {
        let _ = Config::parse(&text);
    }
}
