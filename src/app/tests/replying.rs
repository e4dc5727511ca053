//! Replying to a message, and going to what a reply answers.

use std::time::Duration;

use crate::{
    app::{
        Focus,
        effect::Effect,
        testing::{T0, Told, changed, live, message, own, room_id, said},
    },
    client::{reply::Reply, request::TimelineRequest, update::Update},
    model::{Body, ComposerDraft, EventId, InReplyTo, SafeText, SendState, TimelineChange, TimelineItem},
};

fn event(name: &str) -> EventId {
    EventId::new(name)
}

fn send(text: &str, reply_to: Option<EventId>) -> Effect {
    Effect::from(TimelineRequest::Send { room_id: room_id("one"), text: text.to_owned(), reply_to })
}

fn save(text: &str, reply_to: Option<EventId>) -> Effect {
    let draft = ComposerDraft { text: text.to_owned(), reply_to };
    Effect::from(TimelineRequest::SaveDraft { timeline_id: live("one"), draft })
}

/// A message that answers another.
fn answer(name: &str, answered: &str) -> TimelineItem {
    changed(message(name), |message| {
        message.reply_to = Some(InReplyTo {
            at: Some(T0),
            event_id: event(answered),
            sender: None,
            sender_name: SafeText::default(),
            preview: SafeText::line("an earlier message"),
        });
    })
}

/// What the new message answers, as it is shown.
fn answered(told: &Told) -> Option<&str> {
    Some(told.app.timelines.shown()?.writing.replying()?.quote())
}

fn selected(told: &Told) -> Option<&str> {
    Some(told.app.timelines.shown()?.selected()?.1.event_id.as_ref()?.as_str())
}

#[test]
fn what_is_written_after_r_answers_the_selected_message_and_only_that_once() {
    let mut told = Told::in_room(vec![message("$1"), message("$2")]);
    told.keys("Esc k k r");
    assert_eq!((answered(&told), told.app.focus), (Some("Ada: $1"), Focus::Composer));
    told.types("yes");
    assert!(told.keys("Enter").contains(&send("yes", Some(event("$1")))));
    assert_eq!(answered(&told), None);
    told.types("and");
    assert!(told.keys("Enter").contains(&send("and", None)));
}

#[test]
fn an_emote_answers_too_and_other_commands_leave_the_reply() {
    let mut told = Told::in_room(vec![message("$1")]);
    told.keys("Esc k r");
    told.types("/rekey");
    told.keys("Enter");
    assert_eq!(answered(&told), Some("Ada: $1"));
    told.types("/me nods");
    let emote =
        TimelineRequest::SendEmote { room_id: room_id("one"), text: "nods".to_owned(), reply_to: Some(event("$1")) };
    assert!(told.keys("Enter").contains(&Effect::from(emote)));
    assert_eq!(answered(&told), None);
}

#[test]
fn esc_stops_the_reply_and_keeps_the_text() {
    let mut told = Told::in_room(vec![message("$1")]);
    told.keys("Esc k r");
    told.types("yes");
    assert_eq!(told.after(Duration::from_secs(1)), [save("yes", Some(event("$1")))]);
    assert!(told.keys("Esc").contains(&save("yes", None)));
    assert_eq!((answered(&told), told.typed(), told.app.focus), (None, "yes", Focus::Timeline));
}

#[test]
fn a_reply_waits_while_a_message_is_edited() {
    let mut told = Told::in_room(vec![message("$1"), said("$own", "tpyo")]);
    told.keys("Esc k k r");
    told.types("yes");
    told.keys("Tab Tab G k e");
    assert_eq!(answered(&told), None, "{:?}", told.app.focus);
    told.keys("Esc");
    assert_eq!(answered(&told), Some("Ada: $1"));
    told.keys("c");
    assert!(told.keys("Enter").contains(&send("yes", Some(event("$1")))));
}

#[test]
fn what_is_answered_outlives_a_restart_with_the_text_and_is_quoted_when_it_is_loaded() {
    let mut told = Told::in_room(Vec::new());
    let draft = ComposerDraft { text: "yes".to_owned(), reply_to: Some(event("$1")) };
    told.event(Update::replied(Reply::Draft { timeline_id: live("one"), draft }));
    assert_eq!((told.typed(), answered(&told)), ("yes", Some("an earlier message")));
    let changes = vec![TimelineChange::Append(vec![message("$1")])];
    told.event(Update::Timeline { timeline_id: live("one"), changes });
    assert_eq!(answered(&told), Some("Ada: $1"));
    assert!(told.keys("Enter").contains(&send("yes", Some(event("$1")))));
}

fn refused(text: &str, reply_to: Option<EventId>) -> Update {
    let request = TimelineRequest::Send { room_id: room_id("one"), text: text.to_owned(), reply_to };
    Update::refused(request, &SafeText::line("Full."))
}

#[test]
fn a_reply_that_was_refused_comes_back_as_one() {
    let mut told = Told::in_room(vec![message("$1")]);
    told.event(refused("yes", Some(event("$1"))));
    assert_eq!((told.typed(), answered(&told)), ("yes", Some("Ada: $1")));

    // So does one that the server refused, when it is taken back.
    let failed = own("$own", SendState::Failed(SafeText::line("Too large.")));
    let failed = changed(failed, |message| {
        message.source = Some(SafeText::block("why"));
        message.reply_to = answer("$x", "$1").message().and_then(|message| message.reply_to.clone());
    });
    let mut told = Told::in_room(vec![message("$1"), failed]);
    told.keys("Esc k e");
    assert_eq!((told.typed(), answered(&told)), ("why", Some("Ada: $1")));
}

#[test]
fn a_text_that_comes_back_makes_no_reply_of_what_was_typed_meanwhile() {
    let mut told = Told::in_room(vec![message("$1"), message("$2")]);
    told.types("something else");
    told.event(refused("yes", Some(event("$1"))));
    assert_eq!((told.typed(), answered(&told)), ("something else\nyes", None));

    // A reply without a text is none yet, and what comes back was no answer to it.
    let mut told = Told::in_room(vec![message("$1"), message("$2")]);
    told.keys("Esc k r");
    told.event(refused("yes", None));
    assert_eq!((told.typed(), answered(&told)), ("yes", None));
}

#[test]
fn the_text_of_an_edit_answers_nothing() {
    let mut told = Told::in_room(vec![message("$1"), said("$own", "tpyo")]);
    told.keys("Esc k k r Tab Tab G k e");
    told.types("!");
    assert_eq!(told.after(Duration::from_secs(1)), [save("tpyo!", None)]);
}

#[test]
fn a_command_from_elsewhere_does_not_take_the_reply_of_what_is_typed() {
    let mut told = Told::in_room(vec![message("$1")]);
    told.keys("Esc k r");
    told.types("yes");
    told.keys("Tab Tab :");
    told.types("me waves");
    let emote = |reply_to| {
        let text = "waves".to_owned();
        Effect::from(TimelineRequest::SendEmote { room_id: room_id("one"), text, reply_to })
    };
    let effects = told.keys("Enter");
    assert!(effects.contains(&emote(None)), "{effects:?}");
    assert_eq!(answered(&told), Some("Ada: $1"));
}

#[test]
fn the_quote_follows_what_is_answered() {
    let mut told = Told::in_room(vec![message("$1")]);
    told.keys("Esc k r");
    let redacted = changed(message("$1"), |message| message.body = Body::Redacted);
    let changes = vec![TimelineChange::Set(0, redacted)];
    told.event(Update::Timeline { timeline_id: live("one"), changes });
    assert_eq!(answered(&told), Some("Ada: removed"));
    told.keys("Esc k r");
    assert_eq!(told.status(), "This message has been removed.");
}

#[test]
fn only_what_is_on_the_server_and_not_while_editing_can_be_answered() {
    let mut told = Told::in_room(vec![message("$1"), said("$own", "tpyo")]);
    told.keys("Esc k e Tab Tab k k r");
    assert_eq!(told.status(), "Save or stop the edit first.");
    let mut told = Told::in_room(vec![own("$1", SendState::Waiting)]);
    told.keys("Esc k r");
    assert_eq!(told.status(), "This message is not sent yet.");
    let mut told = Told::in_room(Vec::new());
    told.keys("Esc r");
    assert_eq!(told.status(), "Select a message first.");
}

#[test]
fn p_goes_to_what_a_reply_answers_and_leaving_leads_back() {
    let mut told = Told::in_room(vec![message("$1"), answer("$2", "$1"), answer("$3", "$2"), message("$4")]);
    told.keys("Esc k k p p");
    assert_eq!(selected(&told), Some("$1"));
    told.keys("p");
    assert_eq!(told.status(), "This message is no reply.");
    told.keys("Esc");
    assert_eq!((selected(&told), told.app.focus), (Some("$2"), Focus::Timeline));
    told.keys("Esc");
    assert_eq!((selected(&told), told.app.focus), (Some("$3"), Focus::Timeline));
    // Whoever goes elsewhere is not led back.
    told.keys("p k Esc");
    assert_eq!(selected(&told), None);
}

#[test]
fn what_is_answered_and_not_loaded_is_fetched() {
    let mut told = Told::in_room(vec![answer("$2", "$1")]);
    let effects = told.keys("Esc k p");
    assert!(effects.contains(&Effect::from(TimelineRequest::Paginate(live("one")))), "{effects:?}");
    let changes = vec![TimelineChange::Insert(0, message("$1"))];
    told.event(Update::Timeline { timeline_id: live("one"), changes });
    assert_eq!(selected(&told), Some("$1"));
    told.keys("Esc");
    assert_eq!(selected(&told), Some("$2"));
}

#[test]
fn what_nobody_knows_is_not_sought() {
    let unknown = changed(answer("$2", "$1"), |message| {
        message.reply_to.iter_mut().for_each(|answered| answered.at = None);
    });
    let mut told = Told::in_room(vec![unknown]);
    assert_eq!(told.keys("Esc k p"), []);
    assert_eq!(told.status(), "What this message replies to is not there, or not yet.");
}
