//! Whole screens as snapshots, at three sizes; colours and attributes by themselves, since a
//! snapshot has none.

mod editing;
mod hits;
mod overview;
mod people;
mod picker;
mod receipts;
mod source;

use std::time::Duration;

use ratatui::{
    Terminal,
    backend::TestBackend,
    style::{Color, Modifier},
    text::Line,
};

use super::{
    canvas::Canvas,
    fixture::{self, LAKE, NOW, Screen, chatting, drawn, happen, press, safe, type_in},
    paint,
    theme::Theme,
};
use crate::{
    app::{
        App, Focus,
        event::Event,
        layout::{Row, TimelineFacts},
        timeline::{Anchor, Edge, ItemPosition},
    },
    client::{reply::Reply, request::SessionRequest, update::Update},
    input::KeyCode,
    model::{
        Account, Connection, EventId, LoginMethod, Pagination, ReceiptStatus, RoomId, RoomSummary, Route, SafeText,
        TimelineChange, TimelineId, TimelineItem, TimelineItemKind, Trace, UserId,
    },
    settings::ui::{Glyphs, MarkStyle, Palette},
};

const SIZES: [(u16, u16); 3] = [(200, 60), (80, 24), (60, 20)];

/// One snapshot a size.
fn screens(name: &str, app: &App, theme: Theme) {
    for (columns, rows) in SIZES {
        let text = drawn(app, theme, (columns, rows)).text();
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), text);
        });
    }
}

fn screen(app: &App) -> Screen {
    drawn(app, Theme::default(), (80, 24))
}

/// Selects a message by going up from the newest.
fn with_selected(up: usize) -> App {
    let mut app = chatting();
    app.focus = Focus::Timeline;
    let open = app.timelines.shown_mut().unwrap();
    let index = open.items.len() - 1 - up;
    open.selection = Some(ItemPosition { key: open.items[index].key.clone(), index });
    app
}

#[test]
fn starting() {
    screens("starting", &fixture::starting(), Theme::default());
}

#[test]
fn demo_starting() {
    let mut app = fixture::starting().in_demo();
    happen(&mut app, [Event::DemoDoing(safe("Ada's phone logs in"))]);
    screens("demo_starting", &app, Theme::default());
}

#[test]
fn the_status_line_says_that_it_is_the_demo() {
    let says_demo = |app: &App| screen(app).text().contains("\n ● demo ");
    assert!(says_demo(&chatting().in_demo()) && !says_demo(&chatting()));
}

#[test]
fn p12_the_status_line_says_incognito_as_long_as_it_is() {
    let says = |app: &App, what: &str| screen(app).text().contains(&format!("\n ● online  {what} "));
    let mut app = chatting();
    assert!(!says(&app, "incognito"));
    let open = app.timelines.shown().unwrap().id.room_id.clone();
    app.settings.delivery.incognito_rooms.insert(open);
    assert!(says(&app, "incognito in this room"));
    app.settings.delivery.incognito = true;
    happen(&mut app, [Update::Notice(safe("Something else was done."))]);
    assert!(says(&app, "incognito  Something else was done."));
}

#[test]
fn login() {
    let mut app = fixture::logged_out();
    screens("login", &app, Theme::default());
    type_in(&mut app, "example.org");
    press(&mut app, &[KeyCode::Tab]);
    type_in(&mut app, "ada");
    press(&mut app, &[KeyCode::Tab]);
    type_in(&mut app, "secret");
    press(&mut app, &[KeyCode::Enter]);
    screens("login_busy", &app, Theme::default());
    let why = "Wrong user name or password. Check both; the server says: Invalid username or password.";
    happen(&mut app, [Update::refused(SessionRequest::ReplaceAccount, &safe(why))]);
    screens("login_failed", &app, Theme::default());
}

#[test]
fn login_after_the_end() {
    let mut app = fixture::starting();
    let account = Account {
        user_id: UserId::new("@ada:example.org"),
        device: safe("ADASDEVICE"),
        homeserver: safe("https://matrix.example.org"),
    };
    let why = "The homeserver has ended this session. Log in again: keys, drafts and unsent messages are kept.";
    happen(&mut app, [Update::SessionEnded { account, why: safe(why) }]);
    screens("login_ended", &app, Theme::default());
    let question = "This profile is @ada:example.org's. To log in as @bob:example.org, what @ada:example.org has here is \
                    deleted: 2 drafts, 1 unsent message, and the keys to all encrypted messages that were read here. Delete \
                    it? (Another profile keeps both: --profile.)";
    happen(&mut app, [Update::replied(Reply::LoginReplaces(safe(question)))]);
    screens("login_replaces", &app, Theme::default());
}

#[test]
fn login_in_the_browser() {
    let mut app = fixture::logged_out();
    type_in(&mut app, "example.org");
    press(&mut app, &[KeyCode::Enter]);
    let methods = vec![LoginMethod::OAuth, LoginMethod::Password];
    happen(
        &mut app,
        [Update::replied(Reply::LoginMethods { homeserver: safe("https://matrix.example.org"), methods })],
    );
    screens("login_methods", &app, Theme::default());
    press(&mut app, &[KeyCode::Enter]);
    happen(&mut app, [Update::BrowserWaiting { url: safe("http://127.0.0.1:40123/") }]);
    screens("login_browser", &app, Theme::default());
}

#[test]
fn no_rooms() {
    let mut app = fixture::logged_in();
    screens("rooms_connecting", &app, Theme::default());
    happen(&mut app, [Update::Connection(Connection::Online), Update::RoomsComplete]);
    screens("rooms_none", &app, Theme::default());
}

#[test]
fn rooms() {
    let mut app = fixture::with_rooms();
    screens("rooms", &app, Theme::default());
    type_in(&mut app, "/ada");
    screens("rooms_filter", &app, Theme::default());
    type_in(&mut app, "x");
    screens("rooms_filter_nothing", &app, Theme::default());
}

#[test]
fn rooms_whose_names_look_alike() {
    let mut app = fixture::with_rooms();
    let with = |id: &str, name: &str, user: &str| RoomSummary {
        direct: true,
        with: Some(UserId::new(user)),
        ..fixture::room(id, name, 0, 0, 9)
    };
    let rooms = vec![
        with("!1:example.org", "Charlotte", "@charlotte:example.org"),
        with("!2:example.org", "\u{421}harlotte", "@c:example.com"),
    ];
    happen(&mut app, [Update::Rooms(rooms)]);
    screens("rooms_alike", &app, Theme::default());
}

#[test]
fn room() {
    let mut app = chatting();
    screens("room", &app, Theme::default());
    let room = RoomId::new(LAKE);
    happen(
        &mut app,
        [
            Update::Typing { room_id: room.clone(), who: vec![safe("Ada"), safe("Bob")] },
            Update::Pagination { timeline_id: TimelineId::live(room), state: Pagination::Loading },
            Update::Connection(Connection::Offline(safe("no answer from example.org"))),
        ],
    );
    app.timelines.shown_mut().unwrap().unseen_below = 3;
    app.focus = Focus::Composer;
    type_in(&mut app, "The weather will be fine, says the forecast, and it has been right all week.\nSo no tents?");
    screens("room_writing", &app, Theme::default());
}

#[test]
fn room_in_other_looks() {
    let app = chatting();
    let theme = |style, glyphs| Theme { style, glyphs, palette: Palette::None };
    screens("room_count", &app, theme(MarkStyle::Count, Glyphs::Unicode));
    screens("room_classic", &app, theme(MarkStyle::Classic, Glyphs::Unicode));
    screens("room_ascii", &app, theme(MarkStyle::Devices, Glyphs::Ascii));
}

#[test]
fn room_empty() {
    let mut app = fixture::with_rooms();
    let room = RoomId::new("!hq:example.org");
    happen(&mut app, [Update::go_to(room.clone())]);
    screens("room_loading", &app, Theme::default());
    happen(&mut app, [Update::Pagination { timeline_id: TimelineId::live(room), state: Pagination::ReachedStart }]);
    screens("room_empty", &app, Theme::default());
}

#[test]
fn timeline_with_selection() {
    screens("selected", &with_selected(3), Theme::default());
    screens("selected_failed", &with_selected(1), Theme::default());
}

#[test]
fn command_line() {
    let mut app = with_selected(3);
    type_in(&mut app, ":receipts off");
    screens("command_line", &app, Theme::default());
}

#[test]
fn commands_on_offer() {
    let mut app = chatting();
    app.focus = Focus::Composer;
    type_in(&mut app, "/");
    screens("commands", &app, Theme::default());
    type_in(&mut app, "zz");
    assert!(screen(&app).text().contains("No command begins with “zz”."));
    press(&mut app, &[KeyCode::Backspace; 2]);
    type_in(&mut app, "set ui.th");
    assert!(screen(&app).text().contains("ui.theme\n"), "keys are on offer too:\n{}", screen(&app).text());
    type_in(&mut app, "eme ");
    assert!(screen(&app).text().contains("`COLORFGBG`: auto, dark, light, 16, none"));
}

#[test]
fn an_unread_line_that_says_nothing_takes_no_rows() {
    let mut app = chatting();
    let before = facts(&app);
    let open = app.timelines.shown_mut().unwrap();
    open.unread_line = false;
    let shown = screen(&app);
    assert!(!shown.text().contains("new messages"));
    assert!(shown.facts.timeline.unwrap().first < before.first, "what was above comes into its place");
    // Also where it stands last, which ends the timeline all the same.
    let open = app.timelines.shown_mut().unwrap();
    open.items.truncate(open.items.iter().position(|item| item.kind == TimelineItemKind::UnreadLine).unwrap() + 1);
    assert!(facts(&app).at_end);
}

#[test]
fn a_flag_that_goes_leaves_nothing_behind() {
    let drawn = |text: &'static str| {
        let mut terminal = Terminal::new(TestBackend::new(8, 1)).unwrap();
        let all = terminal.draw(|frame| {
            let area = frame.area();
            paint::row(&mut Canvas::new(frame), area, 0, &Line::raw(text));
        });
        let all = all.unwrap();
        all.buffer.clone()
    };
    let written = |before: &'static str, after: &'static str| -> Vec<u16> {
        drawn(before).diff(&drawn(after)).into_iter().map(|(x, _, _)| x).collect()
    };
    assert_eq!(written("🇸🇪", ""), [0, 1], "also the column that a terminal may have put the second letter in");
    assert_eq!(written("🇸🇪", "🇸🇪"), [] as [u16; 0]);
    assert_eq!(written("👩‍👧", "👩‍👧"), [2, 3], "the columns that a terminal may have put the child in");
    assert_eq!(written("日本", "日本"), [] as [u16; 0]);
}

#[test]
fn help() {
    let mut app = chatting();
    press(&mut app, &[KeyCode::F(1)]);
    screens("help", &app, Theme::default());
    let facts = screen(&app).facts.screen.unwrap();
    assert!(facts.max_scroll > 0 && facts.rows > 10);
    app.on_drawn(screen(&app).facts);
    press(&mut app, &[KeyCode::PageDown, KeyCode::PageDown]);
    insta::assert_snapshot!("help_scrolled_80x24", screen(&app).text());
}

#[test]
fn inspector_of_an_own_message() {
    for (name, up) in
        [("inspector_partly", 3), ("inspector_unknown", 2), ("inspector_failed", 1), ("inspector_read", 6)]
    {
        let mut app = with_selected(up);
        type_in(&mut app, "i");
        screens(name, &app, Theme::default());
    }
}

#[test]
fn p1_what_was_told_to_be_unreadable_and_is_no_message_has_a_line_where_it_was_sent() {
    let mut app = fixture::chatting();
    let trace = |seconds: u64, what: &str| Trace {
        event_id: EventId::new(format!("$trace{seconds}")),
        sender: UserId::new("@ada:lovelace.example"),
        sent: NOW - Duration::from_millis(seconds * 1_000),
        told: NOW - Duration::from_millis(seconds * 1_000) + Duration::from_mins(1),
        what: SafeText::line(what),
    };
    let room = RoomId::new(LAKE);
    happen(&mut app, [Update::Traces { room_id: room.clone(), traces: vec![trace(70, "a reaction")] }]);
    let one = screen(&app).text();
    assert!(one.contains("@ada:lovelace.example was told at"), "{one}");
    assert!(one.contains("it was a reaction."), "{one}");
    let many = vec![trace(75, "a reaction"), trace(70, "an edit")];
    happen(&mut app, [Update::Traces { room_id: room, traces: many }]);
    let many = screen(&app).text();
    assert!(many.contains("2 times somebody was told") && many.contains("the last was an edit"), "{many}");
}

#[test]
fn inspector_of_a_message_that_the_homeserver_tells_about() {
    let mut app = with_selected(2);
    let deliveries = vec![fixture::told_by_the_server("m11", NOW - Duration::from_mins(4))];
    happen(&mut app, [Update::Deliveries { room_id: RoomId::new(LAKE), deliveries }]);
    assert!(screen(&app).text().contains("● ●○"), "a person counts as one");
    type_in(&mut app, "i");
    screens("inspector_native", &app, Theme::default());
}

#[test]
fn inspector_of_somebody_elses_message() {
    let statuses = [
        ("sent", ReceiptStatus::Sent { at: NOW - Duration::from_secs(719), route: Route::Direct }),
        ("sent_native", ReceiptStatus::Sent { at: NOW - Duration::from_secs(719), route: Route::Native }),
        ("withheld", ReceiptStatus::Withheld { rule: "P7", why: "You had not been in contact with the sender." }),
        ("awaiting_key", ReceiptStatus::AwaitingKey),
        ("told_undecryptable", ReceiptStatus::ToldUndecryptable { at: NOW - Duration::from_secs(719) }),
        ("owed", ReceiptStatus::Owed { since: NOW - Duration::from_mins(12) }),
        ("not_considered", ReceiptStatus::NotConsidered),
    ];
    for (name, status) in statuses {
        let mut app = with_selected(4);
        type_in(&mut app, "i");
        assert!(screen(&app).text().contains("Looking up"));
        happen(&mut app, [Update::replied(Reply::ReceiptStatus { event_id: EventId::new("$m9"), status })]);
        insta::assert_snapshot!(format!("inspector_others_{name}_80x24"), screen(&app).text());
    }
}

#[test]
fn inspector_of_what_came_in_the_clear() {
    for (up, index) in [(4, 15), (3, 16)] {
        let mut app = with_selected(up);
        let open = app.timelines.shown().unwrap();
        let item = open.items[index].clone();
        let TimelineItemKind::Message(mut message) = item.kind else { panic!("no message") };
        message.in_clear = true;
        let item = TimelineItem { key: item.key, kind: TimelineItemKind::Message(message) };
        let changes = vec![TimelineChange::Set(index, item)];
        happen(&mut app, [Update::Timeline { timeline_id: TimelineId::live(RoomId::new(LAKE)), changes }]);
        assert!(screen(&app).text().contains("⊘ not encrypted"), "{}", screen(&app).text());
        type_in(&mut app, "i");
        assert!(screen(&app).text().contains("⊘ It came unencrypted, although this room is encrypted"));
    }
}

#[test]
fn question() {
    let mut app = chatting();
    app.focus = Focus::Timeline;
    type_in(&mut app, ":leave");
    press(&mut app, &[KeyCode::Enter]);
    screens("question", &app, Theme::default());
}

#[test]
fn status_sentences() {
    let mut app = chatting();
    happen(&mut app, [Update::Notice(safe("Invited @eve:example.org."))]);
    assert!(screen(&app).text().contains("Invited @eve:example.org."));
    happen(&mut app, [Update::Warning(safe("No such user. Check the spelling."))]);
    assert_eq!(screen(&app).cell("No such user").fg, Color::LightRed);
}

#[test]
fn every_size_can_be_drawn_and_a_tiny_one_says_so() {
    let mut apps =
        vec![fixture::starting(), fixture::logged_out(), fixture::with_rooms(), chatting(), with_selected(3)];
    let mut help = chatting();
    press(&mut help, &[KeyCode::F(1)]);
    let mut inspector = with_selected(3);
    type_in(&mut inspector, "i");
    apps.extend([help, inspector, receipts::opened()]);
    for app in &apps {
        for columns in [1, 2, 5, 19, 20, 21, 33, 59, 71, 72, 99, 100] {
            for rows in [1, 2, 5, 6, 7, 11, 12, 30] {
                let screen = drawn(app, Theme::default(), (columns, rows));
                let tiny = columns < 20 || rows < 6;
                assert_eq!(tiny, screen.rows().iter().all(|row| "too small".contains(row.trim())), "{columns}x{rows}");
                assert!(screen.cursor.is_none_or(|at| at.x < columns && at.y < rows));
            }
        }
    }
}

#[test]
fn ascii_looks_need_ascii_only() {
    let theme = Theme { glyphs: Glyphs::Ascii, ..Theme::default() };
    let mut help = chatting();
    press(&mut help, &[KeyCode::F(1)]);
    for app in [fixture::logged_out(), fixture::logged_in(), with_selected(3), help, receipts::opened()] {
        for row in drawn(&app, theme, (80, 24)).rows() {
            // What people wrote stays as it is.
            let ours = row.replace("日本語の部屋", "").replace("👍", "").replace("🚣", "");
            assert!(ours.is_ascii(), "{row}");
        }
    }
}

#[test]
fn without_colour_nothing_has_one_and_everything_is_marked() {
    let theme = Theme { palette: Palette::None, ..Theme::default() };
    let mut inspector = with_selected(3);
    type_in(&mut inspector, "i");
    for app in [with_selected(3), fixture::with_rooms(), inspector, fixture::logged_out(), receipts::opened()] {
        let screen = drawn(&app, theme, (200, 60));
        assert!(screen.buffer.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
    }
    let rooms = drawn(&fixture::with_rooms(), theme, (200, 60));
    assert!(rooms.cell("Eve").modifier.contains(Modifier::REVERSED), "the selected room");
    assert!(rooms.cell("Ada ").modifier.contains(Modifier::BOLD), "a room with news");
    assert!(!rooms.cell("Bob ").modifier.contains(Modifier::BOLD), "a room without");
    let selected = drawn(&with_selected(3), theme, (200, 60));
    assert_eq!(selected.cell("▌ See you at eight.").symbol(), "▌");
}

#[test]
fn colours_say_what_the_signs_say() {
    let screen = drawn(&with_selected(3), Theme::default(), (200, 60));
    assert_eq!(screen.cell("●○ ×●").fg, Color::LightGreen, "delivered");
    assert_eq!(screen.cell("×●").fg, Color::LightRed, "could not decrypt");
    let read = screen.cell("✔");
    assert_eq!((read.fg, read.modifier.contains(Modifier::BOLD)), (Color::LightBlue, true), "read");
    assert_eq!(screen.cell("▌ See").fg, Color::LightCyan, "the selection's bar");
    assert!(screen.buffer.content.iter().all(|cell| cell.bg == Color::Reset), "no background is set");
}

#[test]
fn one_sender_has_one_colour() {
    let screen = drawn(&chatting(), Theme::default(), (200, 60));
    let ada = screen.cell("Ada  14:");
    assert!(ada.modifier.contains(Modifier::BOLD));
    assert_eq!(ada.fg, screen.cell("Ada  13:").fg);
}

fn facts(app: &App) -> TimelineFacts {
    screen(app).facts.timeline.unwrap()
}

fn anchored(app: &mut App, index: usize, row: usize, edge: Edge) -> TimelineFacts {
    let open = app.timelines.shown_mut().unwrap();
    open.anchor = Anchor::Row { place: ItemPosition { key: open.items[index].key.clone(), index }, row, edge };
    facts(app)
}

#[test]
fn the_timeline_is_laid_out_from_its_anchor_and_fills_its_area() {
    let mut app = fixture::long_chat(500);
    let newest = facts(&app);
    assert_eq!((newest.last.item, newest.at_end), (499, true));

    // Item 101 begins a group: it has a gap, a header and a line of text.
    let top = anchored(&mut app, 101, 1, Edge::Top);
    assert_eq!((top.first, top.at_end), (Row { item: 101, row: 1 }, false));
    let bottom = anchored(&mut app, 100, 0, Edge::Bottom);
    assert_eq!(bottom.last, Row { item: 100, row: 0 });

    // Nothing is left empty at an end while there is more at the other.
    assert_eq!(anchored(&mut app, 499, 0, Edge::Top), newest);
    let oldest = anchored(&mut app, 0, 0, Edge::Top);
    assert_eq!(oldest.first, Row { item: 0, row: 0 });
    assert_eq!(anchored(&mut app, 0, 0, Edge::Bottom), oldest);

    // A row beyond the item's end means its last row.
    let clamped = anchored(&mut app, 101, 99, Edge::Bottom);
    assert_eq!(clamped.last, Row { item: 101, row: 2 });
}

#[test]
fn an_item_has_the_same_rows_wherever_the_layout_begins() {
    let mut app = fixture::long_chat(60);
    let page = |app: &App| {
        let rows = screen(app).rows();
        rows[2..20].to_vec()
    };
    let first = anchored(&mut app, 30, 0, Edge::Bottom).first;
    let from_below = page(&app);
    anchored(&mut app, first.item, first.row, Edge::Top);
    assert_eq!(page(&app), from_below);
}
