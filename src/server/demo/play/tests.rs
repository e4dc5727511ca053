//! The play, told what was heard and when.

use std::time::Duration;

use super::{
    super::cast::{ADA, CHARLES, EMMY, GRACE, LINUS, MALLORY, TABLET, leads},
    *,
};

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// The end of the first minute.
const MINUTE: Timestamp = at(60_000);

fn you() -> UserId {
    UserId::new("@you:kvitto.demo")
}

fn room(place: DemoRoom) -> RoomId {
    RoomId::new(format!("!{place:?}:kvitto.demo"))
}

/// A play with all rooms and the people of the direct chats, before the user has come.
fn play() -> Play {
    let mut play = Play::new(you(), DeviceId::new("SETTING UP"), 7);
    for device in leads().into_iter().flat_map(|person| person.devices) {
        play.enter(device);
    }
    for place in [DemoRoom::Train, DemoRoom::Linus, DemoRoom::Grace, DemoRoom::Ada, DemoRoom::Emmy, DemoRoom::Society] {
        play.set(place, room(place));
    }
    play
}

fn wrote(place: DemoRoom, event: &str) -> Heard {
    Heard::Message { room_id: room(place), event_id: EventId::new(event), sender: you(), text: String::new() }
}

fn met(device: &str) -> Heard {
    Heard::Met { user_id: you(), device_id: DeviceId::new(device) }
}

/// Everything that is done until then, with its time.
fn until(play: &mut Play, end: Timestamp) -> Vec<(Timestamp, Cue)> {
    let mut done = Vec::new();
    while let Some(at) = play.next_wake().filter(|at| *at <= end) {
        assert_eq!(play.due(at - Duration::from_millis(1)), [], "nothing is early");
        done.extend(play.due(at).into_iter().map(|cue| (at, cue)));
    }
    done
}

fn said(done: &[(Timestamp, Cue)], who: Part) -> usize {
    done.iter().filter(|(_, cue)| cue.part == who && matches!(cue.deed, Deed::Say { .. })).count()
}

#[test]
fn a_device_acknowledges_and_its_user_reads_each_at_their_own_pace() {
    let mut play = play();
    play.heard(ADA, &wrote(DemoRoom::Ada, "$1"), at(1_000));
    let (event, room) = (EventId::new("$1"), room(DemoRoom::Ada));
    let done = until(&mut play, MINUTE);
    let when = |deed: &Deed| {
        done.iter()
            .find(|(_, cue)| cue.part == ADA && cue.deed == *deed)
            .map(|(at, _)| (*at - self::at(1_000)).as_millis())
    };
    let acknowledged = when(&Deed::Acknowledge { room_id: room.clone(), event_id: event.clone() }).unwrap();
    let read = when(&Deed::Read { room_id: room, event_id: event }).unwrap();
    assert!((150..=500).contains(&acknowledged) && (1_200..=2_200).contains(&read), "{acknowledged} {read}");
}

#[test]
fn a_scene_answers_once_however_many_devices_heard() {
    let mut play = play();
    play.heard(ADA, &wrote(DemoRoom::Ada, "$1"), at(0));
    let laptop = Part { person: "ada", device: "laptop" };
    play.heard(laptop, &wrote(DemoRoom::Ada, "$1"), at(10));
    let done = until(&mut play, MINUTE);
    assert_eq!(said(&done, ADA), 2);
    let acknowledge = |(_, cue): &&(Timestamp, Cue)| matches!(cue.deed, Deed::Acknowledge { .. });
    assert_eq!(done.iter().filter(acknowledge).count(), 2, "but each of them acknowledges");
    play.heard(ADA, &wrote(DemoRoom::Ada, "$2"), MINUTE);
    assert_eq!(said(&until(&mut play, at(120_000)), ADA), 1, "the second message has an answer of its own");
}

#[test]
fn who_speaks_types_before() {
    let mut play = play();
    play.heard(ADA, &wrote(DemoRoom::Ada, "$1"), at(0));
    let of_ada: Vec<_> = until(&mut play, MINUTE)
        .into_iter()
        .filter(|(_, cue)| cue.part == ADA && matches!(cue.deed, Deed::Type { .. } | Deed::Say { .. }))
        .collect();
    for pair in of_ada.chunks(2) {
        let [(began, Cue { deed: Deed::Type { .. }, .. }), (ended, Cue { deed: Deed::Say { text, .. }, .. })] = pair
        else {
            panic!("{pair:?}");
        };
        assert!((500..=1_800).contains(&(*ended - *began).as_millis()) && !text.contains('{'), "{text}");
    }
}

#[test]
fn linuss_laptop_says_that_it_cannot_decrypt_and_linus_answers() {
    let mut play = play();
    let (room, event) = (room(DemoRoom::Linus), EventId::new("$1"));
    play.heard(LINUS, &Heard::Undecryptable { room_id: room.clone(), event_id: event.clone(), sender: you() }, at(0));
    let done = until(&mut play, MINUTE);
    let told = Cue { part: LINUS, deed: Deed::CannotDecrypt { room_id: room, event_id: event } };
    assert!(done.iter().any(|(_, cue)| *cue == told), "{done:?}");
    assert_eq!(said(&done, LINUS), 1);
    assert!(!done.iter().any(|(_, cue)| matches!(cue.deed, Deed::Acknowledge { .. } | Deed::Read { .. })));
}

#[test]
fn graces_tablet_comes_on_half_a_minute_after_the_first_message_or_at_the_second() {
    let comes_on = |play: &mut Play, until_then| {
        let on = Cue { part: TABLET, deed: Deed::SwitchOn };
        until(play, until_then).into_iter().find(|(_, cue)| *cue == on).map(|(at, _)| at)
    };
    let mut waiting = play();
    assert_eq!(comes_on(&mut waiting, MINUTE), None);
    waiting.heard(GRACE, &wrote(DemoRoom::Grace, "$1"), MINUTE);
    let waited = comes_on(&mut waiting, at(120_000)).unwrap() - MINUTE;
    let waited = waited.as_millis();
    assert!((24_000..=36_000).contains(&waited), "{waited}");

    let mut asking = play();
    asking.heard(GRACE, &wrote(DemoRoom::Grace, "$1"), at(0));
    asking.heard(GRACE, &wrote(DemoRoom::Grace, "$2"), at(5_000));
    assert!(comes_on(&mut asking, MINUTE).unwrap() < at(10_000));
}

#[test]
fn the_tour_begins_with_the_users_own_client_and_once() {
    let mut play = play();
    play.heard(ADA, &met("SETTING UP"), at(0));
    play.heard(
        ADA,
        &Heard::Met { user_id: UserId::new("@grace:kvitto.demo"), device_id: DeviceId::new("PHONE") },
        at(0),
    );
    assert_eq!(until(&mut play, MINUTE), []);
    play.heard(GRACE, &met("CLIENT"), MINUTE);
    play.heard(ADA, &met("CLIENT"), MINUTE);
    let done = until(&mut play, at(180_000));
    assert_eq!((said(&done, GRACE), said(&done, LINUS), said(&done, MALLORY)), (1, 1, 1));
    let probes = done.iter().filter(|(_, cue)| matches!(cue.deed, Deed::Probe { .. })).count();
    assert!(probes > 2, "Mallory tries it again and again");
}

#[test]
fn the_society_speaks_when_it_has_gathered_and_the_user_is_there() {
    for gathers_first in [true, false] {
        let mut play = play();
        if gathers_first {
            play.gathered(at(0));
            assert_eq!(until(&mut play, MINUTE), []);
        }
        play.heard(ADA, &met("CLIENT"), MINUTE);
        if !gathers_first {
            play.gathered(MINUTE);
        }
        assert_eq!(said(&until(&mut play, at(180_000)), CHARLES), 1, "{gathers_first}");
    }
}

#[test]
fn whoever_is_invited_comes_and_whoever_is_joined_greets() {
    let mut play = play();
    let elsewhere = RoomId::new("!made by the user:kvitto.demo");
    play.heard(EMMY, &Heard::Invited { room_id: elsewhere.clone() }, at(0));
    let done = until(&mut play, MINUTE);
    assert_eq!(
        done.into_iter().map(|(_, cue)| cue).collect::<Vec<_>>(),
        [Cue { part: EMMY, deed: Deed::Join { room_id: elsewhere } }]
    );
    play.heard(EMMY, &Heard::Joined { room_id: room(DemoRoom::Emmy), user_id: you() }, MINUTE);
    assert_eq!(said(&until(&mut play, at(120_000)), EMMY), 1);
}

#[test]
fn what_the_cast_says_among_itself_is_not_acknowledged() {
    let mut play = play();
    let (room, event, sender) = (room(DemoRoom::Train), EventId::new("$1"), UserId::new("@mallory:kvitto.demo"));
    play.heard(
        ADA,
        &Heard::Message { room_id: room.clone(), event_id: event.clone(), sender: sender.clone(), text: String::new() },
        at(0),
    );
    play.heard(ADA, &Heard::Undecryptable { room_id: room, event_id: event, sender }, at(0));
    assert_eq!(until(&mut play, MINUTE), []);
}

#[test]
fn the_same_seed_gives_the_same_play() {
    let perform = |seed| {
        let mut play = Play { draws: Draws(seed), ..play() };
        play.heard(ADA, &met("CLIENT"), at(0));
        until(&mut play, MINUTE)
    };
    assert_eq!(perform(1), perform(1));
    assert_ne!(perform(1), perform(2));
}
