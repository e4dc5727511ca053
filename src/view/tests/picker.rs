//! A list that is searched.

use super::*;
use crate::{
    app::{
        effect::Effect,
        screens::{Picker, Scope, picker::Choice},
    },
    client::request::RoomsRequest,
};

/// A hundred rooms, five of which stand there at first.
fn picking() -> App {
    let mut app = chatting();
    let choice = |n: usize| Choice {
        text: safe(&format!("Room number {n}")),
        detail: safe(if n.is_multiple_of(2) {
            "even"
        } else {
            "odd, and with a detail that is longer than the popup is wide"
        }),
        effect: Effect::from(RoomsRequest::Join(format!("!{n}:example.org"))),
    };
    app.screens.push(Picker::new("Go to a room", Scope::Account, (0..100).map(choice).collect(), 5));
    app
}

#[test]
fn picker() {
    let mut app = picking();
    press(&mut app, &[KeyCode::Down]);
    screens("picker", &app, Theme::default());
    type_in(&mut app, "odd 7");
    screens("picker_found", &app, Theme::default());
    type_in(&mut app, "zz");
    screens("picker_nothing", &app, Theme::default());
}

#[test]
fn the_selected_row_of_a_long_list_is_on_screen() {
    let mut app = picking();
    type_in(&mut app, "room");
    for down in 0..100 {
        let facts = screen(&app).facts;
        app.on_drawn(facts);
        assert!(screen(&app).text().contains(&format!("Room number {down} ")), "{}", screen(&app).text());
        press(&mut app, &[KeyCode::Down]);
    }
}
