//! An event's source over the timeline.

use super::*;
use crate::{client::request::TimelineRequest, model::EventSource};

fn lines(text: &str) -> Vec<SafeText> {
    SafeText::lines(text)
}

/// The source of the newest message of somebody else that this is known of.
fn shown(encrypted: Option<Result<Vec<SafeText>, SafeText>>) -> App {
    let mut app = with_selected(6);
    press(&mut app, &[KeyCode::Char('s')]);
    let (_, message) = app.timelines.shown().unwrap().selected().unwrap();
    let event_id = message.event_id.clone().unwrap();
    let json =
        lines("{\n  \"content\": {\n    \"body\": \"See you at eight.\"\n  },\n  \"type\": \"m.room.message\"\n}");
    happen(&mut app, [Update::replied(Reply::Source(EventSource { event_id, json, encrypted }))]);
    app
}

#[test]
fn source() {
    let ciphertext = format!("{{\n  \"content\": {{\n    \"ciphertext\": \"{}\"\n  }}\n}}", "AwgAEpAB".repeat(40));
    screens("source", &shown(Some(Ok(lines(&ciphertext)))), Theme::default());
    assert!(screen(&shown(None)).text().contains("\"body\": \"See you at eight.\""));
    let offline = screen(&shown(Some(Err(safe("Cannot reach the homeserver.")))));
    assert!(offline.text().contains("As it came") && offline.text().contains("Cannot reach"));
}

#[test]
fn a_source_that_is_not_there_says_why_and_one_of_another_event_is_not_shown() {
    let mut app = with_selected(6);
    press(&mut app, &[KeyCode::Char('s')]);
    assert!(screen(&app).text().contains("Looking it up…"));
    let other = EventSource { event_id: EventId::new("$other"), json: lines("{}"), encrypted: None };
    happen(&mut app, [Update::replied(Reply::Source(other))]);
    assert!(screen(&app).text().contains("Looking it up…"));
    let (_, message) = app.timelines.shown().unwrap().selected().unwrap();
    let (room_id, event_id) = (RoomId::new(LAKE), message.event_id.clone().unwrap());
    happen(&mut app, [Update::refused(TimelineRequest::AskSource { room_id, event_id }, &safe("It is gone."))]);
    assert!(screen(&app).text().contains("It is gone."));
    press(&mut app, &[KeyCode::Esc]);
    assert!(app.screens.is_empty());
}
