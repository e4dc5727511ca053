//! What is typed is never lost: not by sending, not by changing rooms, not by a late draft, not by
//! the network.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use proptest::prelude::*;

use crate::{
    app::{
        Focus,
        effect::Effect,
        event::Event,
        testing::{Told, account, changes, live, message, room_id, said},
    },
    client::{
        reply::Reply,
        request::{Request, TimelineRequest},
        update::Update,
    },
    model::{ComposerDraft, EventId, RoomId, SafeText, TimelineChange, TimelineId},
};

fn save(room: &str, text: &str) -> Effect {
    Effect::from(TimelineRequest::SaveDraft { timeline_id: live(room), draft: text.into() })
}

fn typing(typing: bool) -> Effect {
    Effect::from(TimelineRequest::Typing { room_id: room_id("one"), typing })
}

fn draft(room: &str, text: &str) -> Update {
    Update::replied(Reply::Draft { timeline_id: live(room), draft: text.into() })
}

#[test]
fn a_draft_is_saved_a_second_after_the_last_key() {
    let mut told = Told::in_room(Vec::new());
    assert_eq!(told.types("a"), [typing(true)]);
    assert_eq!(told.after(Duration::from_millis(900)), []);
    told.types("b");
    assert_eq!(told.after(Duration::from_millis(900)), []);
    assert_eq!(told.after(Duration::from_millis(100)), [save("one", "ab")]);
    assert_eq!(told.after(Duration::from_secs(1)), []);
    told.keys("Backspace Backspace");
    assert_eq!(told.after(Duration::from_secs(1)), [save("one", "")]);
}

#[test]
fn a_draft_is_saved_when_the_room_is_left_and_at_the_end() {
    let mut told = Told::in_room(Vec::new());
    told.types("one");
    let effects = told.keys("Alt-Down");
    let [close, open] = changes("one", "two");
    assert_eq!(effects, [typing(false), save("one", "one"), close, open]);
    told.keys("Alt-Up");
    assert_eq!(told.typed(), "one");
    told.types("!");
    assert_eq!(told.keys("Ctrl-Q"), [save("one", "one!"), typing(false), Effect::Quit]);
}

#[test]
fn sending_clears_the_draft_and_ends_typing() {
    let mut told = Told::in_room(Vec::new());
    told.types("hello");
    told.after(Duration::from_secs(1));
    let sent =
        Effect::from(TimelineRequest::Send { room_id: room_id("one"), text: "hello".to_owned(), reply_to: None });
    assert_eq!(told.keys("Enter"), [sent, save("one", ""), typing(false)]);
    assert_eq!(told.typed(), "");
    assert_eq!(told.keys("Enter"), [], "nothing is sent when nothing is typed");
    told.types("  ");
    told.keys("Alt-Enter");
    assert!(
        !told
            .keys("Enter")
            .iter()
            .any(|effect| matches!(effect, Effect::Client(Request::Timeline(TimelineRequest::Send { .. }))))
    );
}

#[test]
fn what_was_sent_is_no_draft_though_the_disk_did_not_take_that() {
    let mut told = Told::in_room(Vec::new());
    told.types("hello");
    told.after(Duration::from_secs(1));
    told.keys("Enter");
    let cleared = TimelineRequest::SaveDraft { timeline_id: live("one"), draft: "".into() };
    told.event(Update::refused(cleared, &SafeText::line("It is locked.")));
    let [close, open] = changes("one", "two");
    assert_eq!(told.keys("Alt-Down"), [save("one", ""), close, open]);
    told.keys("Alt-Up");
    assert!(!told.keys("Alt-Down").contains(&save("one", "")), "it was kept now");
}

#[test]
fn the_draft_of_an_earlier_run_comes_once() {
    let mut told = Told::in_room(Vec::new());
    assert_eq!(told.event(draft("one", "old")), []);
    assert_eq!(told.typed(), "old");
    told.keys("Backspace Backspace Backspace");
    told.event(draft("one", "old"));
    assert_eq!(told.typed(), "", "from now on the composer is the truth");
}

#[test]
fn a_late_draft_stands_above_what_was_typed_meanwhile() {
    let mut told = Told::in_room(Vec::new());
    told.types("new");
    assert_eq!(told.event(draft("one", "old")), [save("one", "old\nnew")]);
    assert_eq!(told.typed(), "old\nnew");
    told.types("er");
    assert_eq!(told.typed(), "old\nnewer", "the cursor is where it was");
}

#[test]
fn a_draft_that_comes_after_its_room_was_left_is_kept() {
    let mut told = Told::in_room(Vec::new());
    told.types("new");
    told.keys("Alt-Down");
    assert_eq!(told.event(draft("one", "old")), [save("one", "old\nnew")]);
    assert_eq!(told.typed(), "");
    told.keys("Alt-Up");
    assert_eq!(told.typed(), "old\nnew");
}

fn not_queued(room: &str, text: &str, emote: bool) -> Update {
    let (room_id, text) = (room_id(room), text.to_owned());
    let request = if emote {
        TimelineRequest::SendEmote { room_id, text, reply_to: None }
    } else {
        TimelineRequest::Send { room_id, text, reply_to: None }
    };
    Update::refused(request, &SafeText::line("The disk is full."))
}

#[test]
fn a_message_that_was_not_queued_comes_back() {
    let back = |room, text| not_queued(room, text, false);
    let mut told = Told::in_room(Vec::new());
    told.event(back("one", "lost?"));
    assert_eq!((told.typed(), told.status()), ("lost?", "The disk is full."));
    told.event(back("one", "more"));
    assert_eq!(told.typed(), "lost?\nmore");
    told.event(back("two", "/etc"));
    told.keys("Alt-Down");
    assert_eq!(told.typed(), "//etc", "as it has to be typed to be a message");
}

#[test]
fn an_emote_that_was_not_queued_comes_back_as_it_was_typed() {
    let mut told = Told::in_room(Vec::new());
    told.types("/me waves");
    let sent = told.keys("Enter");
    assert!(sent.contains(&Effect::from(TimelineRequest::SendEmote {
        room_id: room_id("one"),
        text: "waves".to_owned(),
        reply_to: None
    })));
    told.event(not_queued("one", "waves", true));
    assert_eq!(told.typed(), "/me waves");
    assert!(
        told.keys("Enter")
            .iter()
            .any(|effect| matches!(effect, Effect::Client(Request::Timeline(TimelineRequest::SendEmote { .. }))))
    );
}

#[test]
fn others_are_told_about_typing_now_and_then() {
    let mut told = Told::in_room(Vec::new());
    assert_eq!(told.types("he"), [typing(true)]);
    told.after(Duration::from_millis(2_999));
    assert_eq!(told.types("l"), []);
    told.after(Duration::from_millis(1));
    assert_eq!(told.types("l"), [typing(true)]);
    told.after(Duration::from_secs(2));
    assert_eq!(told.after(Duration::from_millis(2_999)), []);
    assert_eq!(told.after(Duration::from_millis(1)), [typing(false)]);
}

#[test]
fn nobody_is_told_about_a_command_being_typed() {
    let mut told = Told::in_room(Vec::new());
    assert_eq!(told.types("/leave"), []);
}

#[test]
fn a_paste_keeps_its_lines_in_the_composer() {
    let mut told = Told::in_room(Vec::new());
    told.event(Event::Paste("one\r\ntwo".to_owned()));
    told.keys("Shift-Enter Ctrl-J");
    assert_eq!(told.typed(), "one\ntwo\n\n");
}

/// A text of one character, so that no cursor can stand inside it.
fn unique(n: usize) -> String {
    char::from_u32(u32::try_from(n).unwrap() + u32::from('一')).unwrap().to_string()
}

/// A step of a made-up evening.
#[derive(Clone, Debug)]
enum Step {
    /// Paste something that was never pasted before.
    Paste,
    Keys(&'static str),
    Open(usize),
    /// The oldest answer of the other half arrives.
    Answer,
    /// The newest message cannot be queued.
    Refuse,
    /// The newest edit is refused.
    RefuseEdit,
    Lose,
    Message,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Paste),
        3 => prop::sample::select(vec!["Enter", "Alt-Down", "Alt-Up", "Esc", "c", "Alt-Enter", "Left", "Up", "k", "k e", "Esc k e", "Esc k r", "PgUp", "Tab", "Ctrl-L"])
            .prop_map(Step::Keys),
        2 => (0_usize..3).prop_map(Step::Open),
        3 => Just(Step::Answer),
        1 => Just(Step::Refuse),
        1 => Just(Step::RefuseEdit),
        1 => Just(Step::Lose),
        1 => Just(Step::Message),
        2 => (0_u64..2_000).prop_map(Step::Wait),
    ]
}

/// The other half: a disk with drafts, a send queue, answers under way, and a session that may be
/// lost.
#[derive(Default)]
struct Matrix {
    disk: BTreeMap<TimelineId, ComposerDraft>,
    queue: Vec<(RoomId, ComposerDraft)>,
    edits: Vec<(RoomId, EventId, String)>,
    answers: VecDeque<Update>,
}

impl Matrix {
    fn run(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Client(Request::Timeline(TimelineRequest::Open(timeline_id))) => {
                    let draft = self.disk.get(&timeline_id).cloned().unwrap_or_default();
                    self.answers.push_back(Update::replied(Reply::Draft { timeline_id, draft }));
                }
                Effect::Client(Request::Timeline(TimelineRequest::SaveDraft { timeline_id, draft })) => {
                    self.disk.insert(timeline_id, draft);
                }
                Effect::Client(Request::Timeline(TimelineRequest::Send { room_id: room, text, reply_to })) => {
                    self.queue.push((room, ComposerDraft { text, reply_to }));
                }
                Effect::Client(Request::Timeline(TimelineRequest::Edit { room_id: room, event_id: event, text })) => {
                    self.edits.push((room, event, text));
                }
                _ => {}
            }
        }
    }
}

proptest! {
    #[test]
    fn no_text_is_ever_lost(steps in prop::collection::vec(step(), 0..60)) {
        let rooms = ["one", "two", "four"].map(room_id);
        let mut told = Told::with_rooms();
        let mut matrix = Matrix::default();
        let mut pasted: Vec<String> = Vec::new();
        for room in &rooms {
            // What an earlier run left behind.
            let text = unique(pasted.len());
            matrix.disk.insert(TimelineId::live(room.clone()), (&*text).into());
            pasted.push(text);
        }
        for step in steps {
            let event = match step {
                Step::Paste => {
                    if told.app.contexts().contains(&crate::input::Context::Composer) {
                        pasted.push(unique(pasted.len()));
                        Event::Paste(pasted.last().unwrap().clone())
                    } else {
                        Event::Wake
                    }
                }
                Step::Keys(names) => {
                    if names.starts_with("Esc") && told.app.focus == Focus::Composer && told.app.edited_after().is_some() {
                        // Whoever stops an edit throws it away.
                        pasted.retain(|text| !told.typed().contains(text));
                    }
                    matrix.run(told.keys(names));
                    Event::Wake
                }
                Step::Open(index) => Update::go_to(rooms[index].clone()).into(),
                Step::Answer => matrix.answers.pop_front().map_or(Event::Wake, Event::from),
                Step::Refuse => match matrix.queue.pop() {
                    Some((room_id, ComposerDraft { text, reply_to })) => {
                        Update::refused(TimelineRequest::Send { room_id, text, reply_to }, &SafeText::line("Full.")).into()
                    }
                    None => Event::Wake,
                },
                Step::RefuseEdit => match matrix.edits.pop() {
                    Some((room, event, text)) => Update::EditFailed {
                        room_id: room,
                        event_id: event,
                        text,
                        removed: false,
                        why: SafeText::line("No."),
                    }.into(),
                    None => Event::Wake,
                },
                Step::Lose => {
                    // What the session that ended had still to answer is answered no more, but its
                    // disk stays.
                    for answer in std::mem::take(&mut matrix.answers) {
                        matrix.run(told.event(answer));
                    }
                    told.event(Update::LoggedOut(Some(SafeText::line("Ended."))));
                    Update::LoggedIn(account("@me:x")).into()
                }
                Step::Message => Update::Timeline {
                    timeline_id: TimelineId::live(rooms[0].clone()),
                    changes: vec![TimelineChange::Append(vec![
                        message(&format!("${}", pasted.len())),
                        said(&format!("$own{}", pasted.len()), "said"),
                    ])],
                }.into(),
                Step::Wait(ms) => {
                    matrix.run(told.after(Duration::from_millis(ms)));
                    Event::Wake
                }
            };
            matrix.run(told.event(event));
        }
        for answer in std::mem::take(&mut matrix.answers) {
            matrix.run(told.event(answer));
        }
        matrix.run(told.keys("Ctrl-Q"));
        let sent = matrix.queue.into_iter().map(|(_, text)| text);
        let edited = matrix.edits.into_iter().map(|(_, _, text)| text);
        let kept: String = matrix.disk.into_values().chain(sent).map(|draft| draft.text).chain(edited).collect();
        for text in pasted {
            prop_assert!(kept.contains(&text), "{text} is not in {kept:?}");
        }
    }
}

#[test]
fn a_text_that_was_not_kept_is_kept_again() {
    let mut told = Told::in_room(Vec::new());
    told.types("one");
    assert_eq!(told.after(Duration::from_secs(1)), [save("one", "one")]);
    let request = TimelineRequest::SaveDraft { timeline_id: live("one"), draft: "one".into() };
    told.event(Update::refused(request, &SafeText::line("The disk is full.")));
    assert_eq!(told.status(), "The disk is full.");
    told.event(Update::LoggedOut(Some(SafeText::line("Ended."))));
    assert!(told.event(Update::LoggedIn(account("@me:x"))).contains(&save("one", "one")));
}
