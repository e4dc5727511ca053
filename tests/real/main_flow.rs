//! The main job, as a person does it: log in on the screen, talk, and see device by device who has
//! what was said.

use std::{fs, path::Path};

use kvitto::{
    client::request::RoomsRequest,
    delivery::policy::{Settings, Who},
    model::UserId,
    settings::{
        Config,
        ui::{Palette, Times, Ui},
    },
};
use tracing_subscriber::filter::LevelFilter;

use crate::{
    person::direct_chat,
    support::{
        screens,
        terminal::{Terminal, text},
    },
    terminal::{assert_restored, shell_around},
    world::{World, on},
};

/// Waits until a row of the screen has all of these.
#[track_caller]
fn wait_for_row(terminal: &Terminal, parts: &[&str]) {
    terminal.wait_for(&format!("a row with {parts:?}"), |screen| {
        text(screen).lines().any(|row| parts.iter().all(|part| row.contains(part)))
    });
}

async fn logging_in_talking_and_seeing_each_device_tick(world: World) {
    let (alice, bob) = (&world.alice, &world.bob);
    let mut phone = world.bob("phone").await;
    let laptop = world.bob("laptop").await;

    let places = tempfile::tempdir().expect("a temporary folder");
    let config = Config { delivery: world.settings(), log_level: LevelFilter::TRACE, ..Config::default() };
    fs::write(places.path().join("config.toml"), config.to_toml()).expect("a temporary folder can be written");
    let shown = places.path().display();
    let terminal = shell_around(&format!("--config '{shown}/config.toml' --data-dir '{shown}/data'"), 120, 40);
    screens::fill_in_login(&terminal, &world.proxy.base_url, alice);
    terminal.key("enter");
    terminal.wait_for_text("No rooms yet.");

    phone.run(RoomsRequest::DirectChat(alice.user_id.clone()));
    wait_for_row(&terminal, &[&bob.name, "invite"]);
    screens::accept(&terminal);
    screens::wait_for_composer(&terminal, &bob.name);
    let room = phone.room("Alice in the room", |room| room.direct && room.joined_members == 2).await;

    screens::say(&terminal, "hello Bob");
    screens::wait_for_mark(&terminal, "hello Bob", "●●");
    phone.sees("hello Bob").await;
    phone.say(&room, "hello Alice");
    terminal.wait_for_text("hello Alice");

    screens::leave_composer(&terminal);
    terminal.key("up");
    wait_for_row(&terminal, &["▌ hello Alice"]);
    terminal.key("up");
    wait_for_row(&terminal, &["▌ hello Bob"]);
    terminal.type_text("i");
    terminal.wait_for_text("2 of 2 devices that were given the key when it was sent have it.");
    wait_for_row(&terminal, &["● phone", &phone.device(), "delivered"]);
    wait_for_row(&terminal, &["● laptop", &laptop.device(), "delivered"]);
    terminal.key("esc");
    terminal.wait_for("the closed inspector", |screen| !text(screen).contains("2 of 2 devices"));

    terminal.key("ctrl-q");
    assert_restored(&terminal);
    assert_eq!(fs::read_to_string(terminal.home().join("status")).ok().as_deref(), Some("0\n"));

    let log = everything_in(&places.path().join("data/log"));
    assert!(log.contains("kvitto::client"), "there is a log, at the level that says most:\n{log}");
    // Synapse's access and refresh tokens begin like this.
    for secret in ["hello Bob", "hello Alice", &alice.password, "syt_", "syr_"] {
        assert!(!log.contains(secret), "'{secret}' is in the log:\n{log}");
    }
}
on!(logging_in_talking_and_seeing_each_device_tick: synapse, embedded, embedded_direct);

async fn whoever_is_set_to_nobody_on_the_screen_is_sent_no_receipt(world: World) {
    let (alice, bob) = (&world.alice, &world.bob);
    let mut phone = world.bob("phone").await;
    let mut tablet = world.alice("tablet").await;
    let room = direct_chat(&mut phone, &mut tablet, &alice.user_id).await;
    let tick = world.ticks(&[&tablet]);
    let away = tablet.quit().await;
    let terminal = away.on_screen();
    screens::open_first_room(&terminal, &bob.name);
    phone.say(&room, "said before");
    let before = phone.sees("said before").await;
    phone.delivered_to(&before, &alice.user_id, &tick).await;

    terminal.type_text("/receipts");
    terminal.key("enter");
    wait_for_row(&terminal, &["▌ In this room", "as everywhere", "sent: encrypted, not public, 2 members"]);
    wait_for_row(&terminal, &[&bob.name, "as everywhere", "sent: you have dealt with them"]);
    terminal.key("down");
    terminal.key("down");
    for who in ["everyone", "known", "verified", "nobody"] {
        terminal.key("right");
        wait_for_row(&terminal, &["▌", &bob.name, who]);
    }
    wait_for_row(&terminal, &[&bob.name, "not sent: Your settings send this person no receipts. (P7)"]);
    let written = Config::load(&away.data_dir().join("config.toml")).expect("the settings can be read");
    let people = [(UserId::new(&bob.user_id), Who::Nobody)].into();
    assert_eq!(written.delivery, Settings { people, ..world.settings() });
    terminal.key("esc");
    terminal.wait_for("the closed screen", |screen| !text(screen).contains("People in this room"));

    phone.say(&room, "said after");
    let after = phone.sees("said after").await;
    terminal.wait_for_text("said after");
    screens::leave_composer(&terminal);
    terminal.key("up");
    wait_for_row(&terminal, &["▌ said after"]);
    terminal.type_text("i");
    terminal.wait_for_text("Your settings send this person no receipts. (P7)");
    // What is withheld is never made up for, so what has not come by the answer to this does not
    // come.
    terminal.key("esc");
    terminal.wait_for("the closed inspector", |screen| !text(screen).contains("Your settings send"));
    terminal.type_text("c");
    screens::say(&terminal, "understood");
    phone.sees("understood").await;
    assert_eq!(phone.ticks(&after, &alice.user_id), [""; 0]);
}
on!(whoever_is_set_to_nobody_on_the_screen_is_sent_no_receipt: synapse, embedded, embedded_direct);

/// The text of all files under a folder.
fn everything_in(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it can be read").path());
    entries
        .map(|path| if path.is_dir() { everything_in(&path) } else { fs::read_to_string(path).expect("a log is text") })
        .collect()
}

async fn a_theme_that_is_set_is_in_force_at_once_and_saved(world: World) {
    let away = world.alice("tablet").await.quit().await;
    let terminal = away.on_screen();
    terminal.wait_for_text("● online");
    let online = |color| {
        terminal.wait_for(&format!("'online' in {color:?}"), |screen| {
            let (rows, columns) = screen.size();
            let places = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
            let cells = places.filter_map(|(row, column)| screen.cell(row, column));
            cells.filter(|cell| cell.contents() == "●").any(|cell| cell.fgcolor() == color)
        });
    };
    // The bright half of the sixteen colours is for a dark background.
    online(vt100::Color::Idx(10));
    terminal.type_text(":set ui.theme light");
    terminal.key("enter");
    online(vt100::Color::Idx(2));
    let file = away.data_dir().join("config.toml");
    let saved = || Config::load(&file).expect("the settings can be read");
    let expected = Config { delivery: world.settings(), ..Config::default() };
    assert_eq!(saved(), Config { ui: Ui { palette: Some(Palette::Light), ..Ui::default() }, ..expected.clone() });

    terminal.type_text(":set ui.theme default");
    terminal.key("enter");
    online(vt100::Color::Idx(10));
    assert_eq!(saved(), expected);
    terminal.type_text(":set ui.themes light");
    terminal.key("enter");
    terminal.wait_for_text("ui.themes: there is no such key: did you mean `theme`?");
}
on!(a_theme_that_is_set_is_in_force_at_once_and_saved: embedded);

async fn times_that_are_set_off_are_gone_at_once_and_saved(world: World) {
    let (alice, bob) = (&world.alice, &world.bob);
    let mut phone = world.bob("phone").await;
    let mut tablet = world.alice("tablet").await;
    let room = direct_chat(&mut phone, &mut tablet, &alice.user_id).await;
    let away = tablet.quit().await;
    let terminal = away.on_screen();
    screens::open_first_room(&terminal, &bob.name);
    phone.say(&room, "hello Alice");
    terminal.wait_for_text("hello Alice");
    let header = |timed: bool| {
        terminal.wait_for(&format!("who said it, with its time: {timed}"), |screen| {
            let rows = text(screen);
            let above = rows.lines().zip(rows.lines().skip(1)).find(|(_, below)| below.ends_with("hello Alice"));
            above.is_some_and(|(header, _)| header.contains(&bob.name) && header.contains(':') == timed)
        });
    };
    header(true);
    terminal.type_text("/set ui.timeline.times off");
    terminal.key("enter");
    header(false);
    let saved = Config::load(&away.data_dir().join("config.toml")).expect("the settings can be read");
    let ui = Ui { times: Times::Off, ..Ui::default() };
    assert_eq!(saved, Config { delivery: world.settings(), ui, ..Config::default() });
}
on!(times_that_are_set_off_are_gone_at_once_and_saved: embedded);
