//! What stands where: whoever points at a cell means what is drawn there.

use super::*;
use crate::app::layout::{Area, Target};

/// What is drawn in this area, its first row.
fn text(screen: &Screen, area: Area) -> String {
    let row: String = screen.rows()[usize::from(area.y)].chars().skip(usize::from(area.x)).collect();
    row.chars().take(usize::from(area.width)).collect()
}

/// The targets of a screen, with the text that stands at each.
fn targets(screen: &Screen) -> Vec<(Target, String)> {
    screen.facts.hits.iter().map(|(area, target)| (target.clone(), text(screen, *area))).collect()
}

#[test]
fn rooms_messages_the_composer_and_hints_stand_where_they_are_drawn() {
    for size in SIZES {
        let app = chatting();
        let screen = drawn(&app, Theme::default(), size);
        let (mut rooms, mut items, mut hints) = (0, 0, 0);
        for (target, text) in targets(&screen) {
            match target {
                Target::Room(id) => {
                    rooms += 1;
                    let name: String = app.rooms.get(&id).unwrap().name.chars().take(8).collect();
                    assert!(text.contains(&name), "{id}: {text}");
                }
                Target::TimelineItem(index) => {
                    items += 1;
                    assert!(index < app.timelines.shown().unwrap().items.len());
                }
                Target::Command(name) => {
                    hints += 1;
                    let key = app.keymap.hint(app.contexts(), name).unwrap().to_string();
                    assert!(text.starts_with(&key), "{name}: {text}");
                }
                Target::RoomList | Target::Timeline | Target::Composer => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(items > 5 && hints > 0 && (rooms > 3) == (size.0 > 60), "{size:?}: {rooms}, {items}, {hints}");
        let cursor = screen.cursor.unwrap();
        assert_eq!(screen.facts.hits.at(cursor.x, cursor.y), Some(&Target::Composer));
    }
}

#[test]
fn a_screen_stands_above_what_it_covers() {
    let mut app = chatting();
    let before = screen(&app);
    press(&mut app, &[KeyCode::F(1)]);
    let help = screen(&app);
    let (area, _) = before.facts.hits.iter().find(|(_, target)| matches!(target, Target::Room(_))).unwrap();
    assert!(matches!(before.facts.hits.at(area.x, area.y), Some(Target::Room(_))));
    assert_eq!(help.facts.hits.at(0, 0), Some(&Target::Covered));
    let items = help.facts.hits.iter().filter_map(|(area, target)| match target {
        Target::ScreenItem(index) => Some((*index, text(&help, *area))),
        _ => None,
    });
    let items: Vec<_> = items.collect();
    assert!(items.len() > 10 && items.iter().enumerate().all(|(row, (index, _))| row == *index), "{items:?}");
}

#[test]
fn the_fields_of_the_login_screen_can_be_pointed_at() {
    let app = fixture::logged_out();
    let screen = screen(&app);
    let fields: Vec<_> =
        targets(&screen).into_iter().filter(|(target, _)| matches!(target, Target::LoginField(_))).collect();
    let names = ["Homeserver", "User", "Password"];
    assert_eq!(fields.len(), names.len());
    assert!(fields.iter().zip(names).all(|((_, text), name)| text.contains(name)), "{fields:?}");
    let cursor = screen.cursor.unwrap();
    assert!(matches!(screen.facts.hits.at(cursor.x, cursor.y), Some(Target::LoginField(_))));
}
