//! The receipts screen, and the sign of a room in which the user is incognito.

use ratatui::style::{Color, Modifier};

use super::{screen, screens};
use crate::{
    app::{App, Focus, effect::Effect, event::Event, update},
    client::{reply::Reply, update::Update},
    input::{Key, KeyCode},
    model::{PersonEligibility, RoomId, UserId},
    view::{
        fixture::{self, LAKE, NOW, chatting, drawn, happen, press, safe, type_in},
        theme::Theme,
    },
};

/// The receipts screen in the room by the lake, where Ada is known, Bob is not, and Eve is set to
/// nobody.
pub fn opened() -> App {
    let mut app = chatting();
    app.focus = Focus::Timeline;
    type_in(&mut app, ":receipts");
    press(&mut app, &[KeyCode::Enter]);
    let person = |name: &str, known| PersonEligibility {
        user_id: UserId::new(format!("@{}:example.org", name.to_lowercase())),
        name: safe(name),
        known,
        verified: false,
        ignored: false,
    };
    let nameless = PersonEligibility { name: safe(""), verified: true, ..person("mallory.of.the.long.name", false) };
    let people = vec![person("Ada", true), person("Bob", false), person("Eve", true), nameless];
    happen(&mut app, [Update::replied(Reply::Eligibility { room_id: RoomId::new(LAKE), people, more: 0 })]);
    press(&mut app, &[KeyCode::Down; 4]);
    for _ in 0..4 {
        write(&mut app, KeyCode::Right);
    }
    press(&mut app, &[KeyCode::Up; 4]);
    app
}

/// Presses a key, and does what comes of what it asks to be written.
fn write(app: &mut App, key: KeyCode) {
    for effect in update(app, Event::Key(Key::new(key)), NOW) {
        let Effect::SaveSetting(change) = effect else { panic!("{effect:?}") };
        change.apply(&mut app.settings);
    }
}

#[test]
fn receipts_screen() {
    let mut app = opened();
    screens("receipts", &app, Theme::default());
    press(&mut app, &[KeyCode::Down; 4]);
    screens("receipts_person", &app, Theme::default());
    press(&mut app, &[KeyCode::Down; 5]);
    screens("receipts_everywhere", &app, Theme::default());
    happen(
        &mut app,
        [Update::Warning(safe("Not saved: cannot write the settings to /home/you/config.toml: no space."))],
    );
    screens("receipts_failed", &app, Theme::default());

    let mut nowhere = fixture::with_rooms();
    type_in(&mut nowhere, ":receipts");
    press(&mut nowhere, &[KeyCode::Enter]);
    screens("receipts_nowhere", &nowhere, Theme::default());
}

#[test]
fn receipts_screen_with_more_people_than_fit() {
    let mut app = opened();
    let people = (100..300).map(|n| PersonEligibility {
        user_id: UserId::new(format!("@u{n}:example.org")),
        name: safe(&format!("Person {n}")),
        known: n % 3 == 0,
        verified: false,
        ignored: false,
    });
    happen(
        &mut app,
        [Update::replied(Reply::Eligibility { room_id: RoomId::new(LAKE), people: people.collect(), more: 50 })],
    );
    app.on_drawn(screen(&app).facts);
    let on_screen = |app: &App, text: &str| screen(app).text().contains(text);
    assert!(on_screen(&app, "Person 100") && !on_screen(&app, "Everywhere"));
    press(&mut app, &[KeyCode::PageDown; 2]);
    assert!(on_screen(&app, "▌ Person 1") && !on_screen(&app, "Person 100"), "the selection is in the picture");
    press(&mut app, &[KeyCode::PageDown; 30]);
    assert!(on_screen(&app, "and 50 more") && on_screen(&app, "▌ Incognito"));
    let people = |people| Update::replied(Reply::Eligibility { room_id: RoomId::new(LAKE), people, more: 0 });
    happen(&mut app, [people(Vec::new())]);
    assert!(on_screen(&app, "Nobody else is here."));
}

#[test]
fn receipts_screen_in_colours() {
    let screen = drawn(&opened(), Theme::default(), (200, 60));
    assert_eq!(screen.cell("sent: you have dealt").fg, Color::LightGreen);
    assert_eq!(screen.cell("not sent: Your settings").fg, Color::LightYellow);
    assert!(screen.cell("People in this room").modifier.contains(Modifier::BOLD));
}

#[test]
fn p12_a_room_in_which_one_is_incognito_has_a_sign() {
    let mut app = chatting();
    assert!(!screen(&app).text().contains('ø'));
    app.settings.delivery.incognito_rooms.extend([LAKE, "!ada:example.org"].map(RoomId::new));
    screens("room_incognito", &app, Theme::default());
    let screen = screen(&app);
    assert_eq!((screen.cell("ø 2").fg, screen.cell("ø encrypted").fg), (Color::LightYellow, Color::LightYellow));
}
