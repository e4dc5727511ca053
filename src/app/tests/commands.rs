//! Commands, the room list and the status line.

use std::time::Duration;

use serde_json::json;

use crate::{
    app::{
        Focus,
        commands::beginning_with,
        effect::Effect,
        screens::{CommandLine, Screen},
        status::{Status, StatusKind},
        testing::{Told, changes, invite, live, room_id, summary},
    },
    client::{
        request::{Request, RoomsRequest, SessionRequest, TimelineRequest},
        update::Update,
    },
    delivery::policy::{Send, Settings, Who},
    input::{Context, Keymap},
    model::{Connection, RoomSummary, SafeText},
    settings::{Change, Value},
};

/// The command line, while it is open.
fn line_of(told: &Told) -> Option<&CommandLine> {
    told.app.screens.iter().find_map(|screen| match screen {
        Screen::CommandLine(line) => Some(line),
        _ => None,
    })
}

fn has_line(told: &Told) -> bool {
    line_of(told).is_some()
}

fn screens_but_the_line(told: &Told) -> Vec<&Screen> {
    told.app.screens.iter().filter(|screen| !matches!(screen, Screen::CommandLine(_))).collect()
}

/// Runs a command in room `one`, both ways, and gives what comes of it.
fn run(line: &str) -> (Vec<Effect>, String) {
    let mut composer = Told::in_room(Vec::new());
    composer.types(&format!("/{line}"));
    let effects = composer.keys("Enter");
    let mut command_line = Told::in_room(Vec::new());
    command_line.keys("Esc :");
    command_line.types(line);
    assert_eq!(command_line.keys("Enter"), effects, "/{line} and :{line} do the same");
    assert_eq!(command_line.status(), composer.status());
    assert_eq!(screens_but_the_line(&command_line), screens_but_the_line(&composer));
    let status = composer.status().to_owned();
    assert_eq!(has_line(&command_line), !composer.typed().is_empty(), "refused commands stay");
    (effects, status)
}

#[test]
fn commands_ask_for_what_they_say() {
    let set = |key, id: &str, value| Effect::SaveSetting(Change { key, id: id.to_owned(), value });
    let here = |send: Option<Send>| set("delivery.rooms.*.send", "!one:x", send.map(Value::from));
    let person = |who: Option<Who>| set("delivery.people.*.who", "@ada:x", who.map(Value::from));
    let cases = [
        ("dm @ada:x", Effect::from(RoomsRequest::DirectChat("@ada:x".to_owned()))),
        ("create Tea and cake", Effect::from(RoomsRequest::CreateRoom("Tea and cake".to_owned()))),
        ("join #tea:x", Effect::from(RoomsRequest::Join("#tea:x".to_owned()))),
        ("invite @ada:x", Effect::from(RoomsRequest::Invite { room_id: room_id("one"), user: "@ada:x".to_owned() })),
        (
            "topic Tea at four",
            Effect::from(RoomsRequest::SetState {
                room_id: room_id("one"),
                event_type: "m.room.topic",
                state_key: String::new(),
                content: json!({ "topic": "Tea at four", "m.topic": { "m.text": [{ "body": "Tea at four" }] } }),
            }),
        ),
        ("receipts auto", here(None)),
        ("receipts on", here(Some(Send::On))),
        ("receipts off", here(Some(Send::Off))),
        ("receipts @ada:x nobody", person(Some(Who::Nobody))),
        ("receipts @ada:x  default", person(None)),
        (
            "me  waves at you ",
            Effect::from(TimelineRequest::SendEmote {
                room_id: room_id("one"),
                text: "waves at you".to_owned(),
                reply_to: None,
            }),
        ),
        ("quit", Effect::Quit),
    ];
    for (line, effect) in cases {
        let (effects, status) = run(line);
        let wanted = effects
            .iter()
            .filter(|effect| !matches!(effect, Effect::Client(Request::Timeline(TimelineRequest::SaveDraft { .. }))));
        assert_eq!(wanted.collect::<Vec<_>>(), [&effect], "{line}");
        assert_eq!(status, "", "{line}");
    }
}

#[test]
fn a_command_that_cannot_be_done_says_why_and_stays() {
    let cases = [
        ("dm", "Something is missing: /dm @user:server"),
        ("dm ada", "ada is no user id; one looks like @ada:example.org."),
        ("join tea", "tea is no room; one looks like #room:example.org or !id:example.org."),
        ("receipts perhaps", "/receipts takes auto, on, off, or a user id and who, not perhaps."),
        ("receipts ada nobody", "ada is no user id; one looks like @ada:example.org."),
        ("receipts @ada:x off", "A person is set to everyone, known, verified, nobody or default, not off."),
        ("leave now", "/leave takes nothing after its name."),
        ("usr/bin", "There is no command /usr/bin. To begin a message with a slash, type two."),
        ("send", "There is no command /send. To begin a message with a slash, type two."),
    ];
    for (line, sentence) in cases {
        assert_eq!(run(line), (Vec::new(), sentence.to_owned()), "{line}");
    }
}

#[test]
fn what_cannot_be_undone_is_asked_first() {
    let accept = Effect::from(RoomsRequest::Accept(room_id("three")));
    let leave = Effect::from(RoomsRequest::Leave { room_id: room_id("one"), older: Vec::new() });
    for (line, effect) in [("leave", leave), ("logout", Effect::from(SessionRequest::Logout)), ("accept", accept)] {
        let mut told = Told::in_room(Vec::new());
        told.types(&format!("/{line}"));
        told.keys("Enter");
        assert!(matches!(told.app.screens.top(), Some(Screen::Question(_))), "{line}");
        assert_eq!(told.keys("n"), []);
        told.types(&format!("/{line}"));
        told.keys("Enter");
        assert_eq!(told.keys("y"), [effect]);
        assert!(told.app.screens.is_empty());
    }
}

#[test]
fn two_slashes_send_one() {
    let mut told = Told::in_room(Vec::new());
    told.types("//etc is a folder");
    let sent = Effect::from(TimelineRequest::Send {
        room_id: room_id("one"),
        text: "/etc is a folder".to_owned(),
        reply_to: None,
    });
    assert!(told.keys("Enter").contains(&sent));
}

#[test]
fn p5_receipts_auto_is_written_where_all_rooms_are_set_otherwise() {
    let mut told = Told::in_room(Vec::new());
    told.delivery(Settings { send: Send::Off, ..Settings::default() });
    told.types("/receipts auto");
    let here = Effect::SaveSetting(Change::new("delivery.rooms.*.send", "!one:x", Send::Auto));
    assert!(told.keys("Enter").contains(&here));
}

#[test]
fn p12_incognito_is_toggled_by_key_and_command_everywhere_or_here() {
    let save = |room: Option<&str>, on| {
        let (key, id) = match room {
            None => ("delivery.incognito", ""),
            Some(id) => ("delivery.rooms.*.incognito", id),
        };
        Effect::SaveSetting(if on { Change::new(key, id, true) } else { Change::removed(key, id) })
    };
    let mut told = Told::in_room(Vec::new());
    assert_eq!((told.keys("Ctrl-O"), told.app.incognito()), (vec![save(None, true)], None));
    told.types("/incognito room");
    assert!(told.keys("Enter").contains(&save(Some("!one:x"), true)));
    assert_eq!(run("incognito nowhere").1, "/incognito takes room or nothing, not nowhere.");

    let here = Settings { incognito_rooms: [room_id("one")].into(), ..Settings::default() };
    told.delivery(here.clone());
    assert_eq!(told.app.incognito(), Some("incognito in this room"));
    told.types("/incognito room");
    assert!(told.keys("Enter").contains(&save(Some("!one:x"), false)));
    told.delivery(Settings { incognito: true, ..here });
    assert_eq!(told.app.incognito(), Some("incognito"));
    told.types("/incognito");
    assert!(told.keys("Enter").contains(&save(None, false)));
}

#[test]
fn backspace_or_escape_closes_an_empty_command_line() {
    for close in ["Backspace", "Esc", "Enter"] {
        let mut told = Told::with_rooms();
        told.keys(":");
        assert!(has_line(&told));
        assert_eq!(told.keys(close), []);
        assert!(!has_line(&told), "{close}");
    }
}

fn names(told: &Told) -> Vec<&str> {
    told.app.rooms.visible().into_iter().map(|room| &*room.name).collect()
}

#[test]
fn invites_stand_first_and_then_the_newest_room() {
    let mut told = Told::with_rooms();
    assert_eq!(names(&told), ["three", "one", "two"]);
    told.keys("j j");
    told.event(Update::Rooms(vec![summary("two", 9), summary("four", 5)]));
    assert_eq!(names(&told), ["three", "two", "four", "one"]);
    assert_eq!(told.app.rooms.selected().map(|room| &*room.name), Some("two"), "the selection stays with its room");
    told.event(Update::RoomsGone(vec![room_id("two")]));
    assert_eq!(names(&told), ["three", "four", "one"]);
}

#[test]
fn an_invite_is_accepted_after_a_question() {
    let mut told = Told::with_rooms();
    assert_eq!(told.keys("x"), []);
    assert_eq!(told.keys("n"), []);
    assert_eq!(told.keys("x"), []);
    assert_eq!(told.keys("y"), [Effect::from(RoomsRequest::Decline(room_id("three")))]);
    for key in ["a", "Enter"] {
        assert_eq!(told.keys(key), []);
        assert_eq!(told.keys("n"), []);
        assert_eq!(told.keys(key), []);
        assert_eq!(told.keys("y"), [Effect::from(RoomsRequest::Accept(room_id("three")))]);
    }
    assert_eq!(told.keys("j a"), []);
    assert_eq!(told.status(), "Select an invite in the room list first.");
}

#[test]
fn the_filter_narrows_the_list_until_a_room_is_opened() {
    let mut told = Told::with_rooms();
    told.keys("/");
    told.types("TW");
    assert_eq!(names(&told), ["two"]);
    assert_eq!(told.keys("Enter"), [Effect::from(TimelineRequest::Open(live("two")))]);
    assert_eq!(names(&told), ["three", "one", "two"]);
    assert_eq!(told.app.focus, Focus::Composer);
}

/// Who has just logged in types what the README says, in the list of rooms.
#[test]
fn a_command_behind_the_filters_slash_is_a_command() {
    let mut told = Told::with_rooms();
    told.keys("/");
    told.types("dm @ada:x");
    assert_eq!(told.keys("Enter"), [Effect::from(RoomsRequest::DirectChat("@ada:x".to_owned()))]);
    assert_eq!(told.app.rooms.filter, None);

    told.keys("/");
    told.types("dm");
    told.keys("Enter");
    assert_eq!(told.status(), "Something is missing: /dm @user:server");
    told.event(Update::Rooms(vec![RoomSummary { name: SafeText::line("dm @ada"), ..summary("two", 1) }]));
    assert_eq!(
        told.keys("Enter"),
        [Effect::from(TimelineRequest::Open(live("two")))],
        "a room of this name comes first"
    );
}

#[test]
fn rooms_are_changed_by_key_from_the_composer() {
    let mut told = Told::in_room(Vec::new());
    assert_eq!(told.keys("Alt-Down"), changes("one", "two"));
    assert_eq!(told.keys("Alt-Down"), [], "it is the last one");
    assert_eq!(told.keys("Alt-Up"), changes("two", "one"));
    assert_eq!(told.keys("Alt-Up"), [], "an invite cannot be opened");
    assert_eq!(told.keys("Alt-A"), []);
    told.event(Update::Rooms(vec![RoomSummary { unread: 3, mentions: 1, ..summary("two", 1) }, invite("three")]));
    assert_eq!(told.app.rooms.unread(), (3, 1));
    assert_eq!(told.keys("Alt-A"), changes("one", "two"));
}

#[test]
fn the_focus_goes_around_the_panes_that_are_there() {
    let mut told = Told::with_rooms();
    told.keys("Tab");
    assert_eq!(told.app.focus, Focus::Rooms, "no room is open");
    told.event(Update::go_to(room_id("one")));
    for (key, focus) in [
        ("Tab", Focus::Rooms),
        ("Tab", Focus::Timeline),
        ("Tab", Focus::Composer),
        ("Shift-Tab", Focus::Timeline),
        ("Shift-Tab", Focus::Rooms),
        ("Shift-Tab", Focus::Composer),
    ] {
        told.keys(key);
        assert_eq!(told.app.focus, focus);
    }
}

#[test]
fn a_room_that_is_gone_is_closed() {
    let mut told = Told::in_room(Vec::new());
    assert_eq!(
        told.event(Update::RoomsGone(vec![room_id("one")])),
        [Effect::from(TimelineRequest::Close(live("one")))]
    );
    assert!(told.app.timelines.shown().is_none());
    assert_eq!(told.app.focus, Focus::Rooms);
    assert_eq!(told.app.contexts(), [Context::Rooms, Context::Browse, Context::Main, Context::Global]);
}

#[test]
fn reconnecting_is_asked_for_when_offline() {
    let mut told = Told::with_rooms();
    assert_eq!(told.keys("R"), []);
    told.event(Update::Connection(Connection::Offline(SafeText::line("No network."))));
    assert_eq!(told.keys("R"), [Effect::from(SessionRequest::Reconnect)]);
}

#[test]
fn a_status_goes_after_its_time() {
    let mut told = Told::with_rooms();
    told.event(Update::Notice(SafeText::line("Invited.")));
    assert_eq!(told.app.status.as_ref().map(|status| status.kind), Some(StatusKind::Info));
    told.after(Status::INFO.saturating_sub(Duration::from_millis(1)));
    assert_eq!(told.status(), "Invited.");
    assert_eq!(told.app.next_wake(), Some(told.now + Duration::from_millis(1)));
    told.after(Duration::from_millis(1));
    assert_eq!(told.app.status, None);
    assert_eq!(told.app.next_wake(), None);
}

#[test]
fn tab_completes_a_commands_name_as_far_as_it_is_certain() {
    let cases = [
        ("rec", "receipts "),
        ("receipts", "receipts "),
        ("logo", "logout"),
        ("l", "l"),
        ("d", "d"),
        ("de", "de"),
        ("dec", "decline"),
        ("zz", "zz"),
        ("receipts o", "receipts o"),
    ];
    for (typed, completed) in cases {
        let mut composer = Told::in_room(Vec::new());
        composer.types(&format!("/{typed}"));
        composer.keys("Tab");
        assert_eq!(composer.typed(), format!("/{completed}"));
        let mut command_line = Told::in_room(Vec::new());
        command_line.keys("Esc :");
        command_line.types(typed);
        command_line.keys("Tab");
        let line = line_of(&command_line).map(|line| line.field.text().to_owned());
        assert_eq!(line.as_deref(), Some(completed));
    }
}

#[test]
fn the_commands_on_offer_are_those_that_begin_like_what_is_typed() {
    let offered = |typed: &str| -> Vec<_> {
        let mut told = Told::in_room(Vec::new());
        told.types(typed);
        told.app.command_typed().map_or(Vec::new(), |(name, _)| beginning_with(name).map(|info| info.name).collect())
    };
    assert_eq!(offered("/l"), ["leave", "log", "logout"]);
    assert_eq!(offered("/receipts off"), ["receipts"]);
    assert_eq!(offered("/zz"), [] as [&str; 0]);
    assert_eq!(offered("//l"), [] as [&str; 0], "a message that begins with a slash");
    assert_eq!(offered("l"), [] as [&str; 0]);
}

#[test]
fn what_was_wrong_is_forgotten_with_the_next_thing_that_is_done() {
    let mut told = Told::in_room(Vec::new());
    told.types("/zz");
    told.keys("Enter");
    assert!(told.status().starts_with("There is no command /zz."));
    told.keys("Ctrl-U");
    told.types("hello");
    told.keys("Enter");
    assert_eq!(told.status(), "");
}

#[test]
fn the_help_is_opened_once() {
    let mut told = Told::in_room(Vec::new());
    told.keys("F1 F1 Esc");
    assert!(told.app.screens.is_empty());
}

#[test]
fn words_that_a_command_takes_are_completed_and_whole_ones_are_left_alone() {
    let typed = |line: &str| {
        let mut told = Told::in_room(Vec::new());
        told.types(line);
        told.keys("Tab");
        (told.typed().to_owned(), told.app.focus)
    };
    assert_eq!(typed("/log r"), ("/log receipts".to_owned(), Focus::Composer));
    assert_eq!(typed("/incognito r"), ("/incognito room".to_owned(), Focus::Composer));
    assert_eq!(typed("/incognito room"), ("/incognito room".to_owned(), Focus::Rooms), "Tab is the next pane again");
}

#[test]
fn keys_may_be_a_sequence_and_nothing_typed_is_lost() {
    let keymap = |bindings: &[(Context, &str, &'static str)]| {
        let bindings = bindings.iter().map(|(context, keys, name)| (*context, keys.parse().unwrap(), *name));
        Keymap::new(bindings).unwrap()
    };
    let mut told = Told::in_room(Vec::new());
    told.app.keymap = keymap(&[(Context::Timeline, "g h", "help"), (Context::Composer, "j j", "leave-composer")]);
    told.types("jaj");
    assert_eq!(told.typed(), "ja", "the last one may be the beginning of a sequence");
    told.types("j");
    assert_eq!((told.typed(), told.app.focus), ("ja", Focus::Timeline));
    told.types("gxgh");
    assert!(matches!(told.app.screens.top(), Some(Screen::Help(_))));

    // What was begun elsewhere is over.
    let mut told = Told::in_room(Vec::new());
    told.app.keymap = keymap(&[(Context::Timeline, "g h", "help")]);
    told.app.focus = Focus::Timeline;
    told.types("g");
    told.app.focus = Focus::Composer;
    told.app.focus = Focus::Rooms;
    told.types("h");
    assert!(told.app.screens.is_empty());
}
