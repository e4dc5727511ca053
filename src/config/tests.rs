use proptest::prelude::*;

use super::{edit::with, *};
use crate::{
    delivery::{
        attention::{Attention, ReadReceipts, Typing},
        policy::{Change, Choice, NameDevice, ReceiptType, RouteChoice, Send, Timing, Who},
    },
    model::{RoomId, UserId},
    view::theme::Palette,
};

const EXAMPLE: &str = include_str!("../../config.example.toml");
const README: &str = include_str!("../../README.md");

#[test]
fn an_empty_text_means_the_defaults() {
    assert_eq!(Config::parse(""), Ok(Config::default()));
}

#[test]
fn the_example_says_the_defaults_and_names_every_key() {
    assert_eq!(Config::parse(EXAMPLE), Ok(Config::default()));
    for key in KEYS.iter().filter(|key| !key.name.contains('*')) {
        let without: Vec<_> = EXAMPLE
            .lines()
            .filter(|line| line.split_once(" = ").is_some_and(|(name, _)| key.name.ends_with(&format!(".{name}"))))
            .collect();
        assert!(!without.is_empty(), "{}", key.name);
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

#[test]
fn the_readme_names_every_key_with_all_its_words() {
    for key in KEYS {
        let name = key.name.replace("rooms.*", "rooms.\"!id:server\"").replace("people.*", "people.\"@user:server\"");
        let row = README.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).expect(&name);
        if !key.name.contains('*') {
            for word in key.values().split(", ").filter_map(|word| word.strip_prefix('"')?.strip_suffix('"')) {
                assert!(row.contains(&format!("`{word}`")), "{word}: {row}");
            }
        }
    }
}

#[test]
fn every_choice_is_shown_and_read() {
    for key in KEYS {
        for word in key.values().split(", ").filter(|value| value.starts_with('"')) {
            let (table, name) = key.place(if key.name.contains("rooms") { "!a.b:c" } else { "@a:b.c" });
            let text = format!("[{table}]\n{name} = {word}\n");
            let config = Config::parse(&text).unwrap();
            assert!(config.to_toml().contains(&text.replace(&format!("[{table}]\n"), "")), "{text}");
            assert_eq!(Config::parse(&config.to_toml()), Ok(config), "{text}");
        }
    }
}

#[test]
fn the_settings_are_shown_as_they_would_be_written() {
    let config = Config::parse("[delivery.rooms.\"!a:b\"]\nsend = \"off\"\n[ui]\ntheme = \"16\"\n").unwrap();
    assert_eq!(config.palette, Some(Palette::Sixteen));
    insta::assert_snapshot!(config.to_toml(), @r#"
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

[privacy]
read_receipts = "auto"
typing = "auto"

[ui]
theme = "16"

[ui.marks]
style = "devices"
glyphs = "unicode"

[log]
level = "info"
"#);
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
        "[ui]\ncolour = \"dark\"\n",
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
  line 2, column 1: ui.colour: there is no such key
    there is theme, marks
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

    save(&path, &Change::RoomSend(a.clone(), Some(Send::On))).unwrap();
    let edited = std::fs::read_to_string(&path).unwrap() + "\n[delivery]\nmax_members = 7\n";
    std::fs::write(&path, edited).unwrap();
    let settings = save(&path, &Change::RoomSend(b.clone(), Some(Send::Off))).unwrap();

    assert_eq!(settings.max_members, 7);
    assert_eq!(settings.rooms.into_iter().collect::<Vec<_>>(), [(a, Send::On), (b, Send::Off)]);
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
        let everywhere = save(&path, &Change::Incognito(true)).unwrap();
        let also_here = save(&path, &Change::RoomIncognito(room.clone(), true)).unwrap();
        assert!(everywhere.incognito && also_here.is_incognito(&room), "{text}");
        assert_eq!(Config::load(&path).unwrap().delivery, also_here, "{text}");
        assert_eq!(also_here.rooms, before.delivery.rooms, "{text}");
        assert!(!save(&path, &Change::Incognito(false)).unwrap().incognito);
        let after = save(&path, &Change::RoomIncognito(room.clone(), false)).unwrap();
        assert_eq!(after, before.delivery, "{text}");
        let after = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().all(|line| !line.contains('#') || after.contains(line)), "{after}");
    }
}

#[test]
fn every_setting_is_written_where_its_key_stands_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let (room, ada) = (RoomId::new("!a:b"), UserId::new("@ada:b"));
    let mine = "# mine\n[ui]\ntheme = \"none\" # quiet\n\n[delivery] # all\nwho = \"known\" # friends\n";
    std::fs::write(&path, mine).unwrap();
    let changes = [
        Change::Send(Send::On),
        Change::MaxMembers(7),
        Change::Who(Who::Nobody),
        Change::Timing(Timing::Guarded),
        Change::NameDevice(NameDevice::Never),
        Change::Route(RouteChoice::Native),
        Change::ReceiptType(ReceiptType::Stable),
        Change::Incognito(true),
        Change::RoomSend(room.clone(), Some(Send::Auto)),
        Change::RoomIncognito(room.clone(), true),
        Change::PersonWho(ada.clone(), Some(Who::Verified)),
    ];
    let mut expected = Config::parse(mine).unwrap().delivery;
    for change in &changes {
        let before = expected.clone();
        change.apply(&mut expected);
        assert_ne!(expected, before, "{change:?}");
        assert_eq!(save(&path, change).unwrap(), expected, "{change:?}");
        assert_eq!(Config::load(&path).unwrap().delivery, expected, "{change:?}");
    }
    insta::assert_snapshot!(std::fs::read_to_string(&path).unwrap(), @r#"
# mine
[ui]
theme = "none" # quiet

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
        Change::PersonWho(ada, None),
        Change::RoomIncognito(room.clone(), false),
        Change::RoomSend(room, None),
        Change::Incognito(false),
        Change::Who(Who::Known),
    ];
    for change in &back {
        change.apply(&mut expected);
        assert_eq!(save(&path, change).unwrap(), expected, "{change:?}");
    }
    insta::assert_snapshot!(std::fs::read_to_string(&path).unwrap(), @r#"
# mine
[ui]
theme = "none" # quiet

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
    let nobody = Change::Who(Who::Nobody);
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
    assert_eq!(save(&beside, &nobody).unwrap().who, Who::Nobody);
    assert_eq!(std::fs::read_to_string(&beside).unwrap(), "delivery = { who = \"nobody\" }\n");
}

#[test]
fn a_file_that_cannot_be_used_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    for text in ["[delivery\n", "[delivery]\nwhom = \"all\"\n"] {
        std::fs::write(&path, text).unwrap();
        let error = save(&path, &Change::RoomSend(RoomId::new("!a"), Some(Send::On))).unwrap_err();
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

    save(&link, &Change::RoomSend(RoomId::new("!a"), Some(Send::On))).unwrap();

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
