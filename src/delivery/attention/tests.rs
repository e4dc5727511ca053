use std::collections::BTreeSet;

use super::*;
use crate::delivery::policy::Settings;
use ReadReceipt::{Private, Public};

const ROOM: &str = "!r";

/// Who is there: a capital letter is somebody known, a small one a stranger, `?` that there may be
/// others.
fn there(who: &str) -> Audience {
    let people = who.chars().filter(|name| name.is_alphabetic());
    let people = people.map(|name| (user(&name.to_string()), name.is_lowercase())).collect();
    Audience { people, others: who.contains('?') }
}

fn user(name: &str) -> UserId {
    UserId::new(format!("@{}:x", name.to_lowercase()))
}

fn incognito(settings: &mut Settings) {
    settings.incognito = true;
}

fn shown(who: &str, change: impl FnOnce(&mut Settings)) -> Shown {
    let mut settings = Settings::default();
    change(&mut settings);
    let room = RoomId::new(ROOM);
    decide(&room, &there(who), &settings.attention, settings.is_incognito(&room))
}

fn read(who: &str, change: impl FnOnce(&mut Attention)) -> Option<ReadReceipt> {
    shown(who, |settings| change(&mut settings.attention)).read_receipt
}

fn types(who: &str, change: impl FnOnce(&mut Attention)) -> bool {
    shown(who, |settings| change(&mut settings.attention)).typing
}

#[test]
fn p14_p15_people_one_has_dealt_with_are_told_and_strangers_are_not() {
    for (who, read_receipt, typing) in [
        ("", Public, true),
        ("A", Public, true),
        ("AB", Public, true),
        ("b", Private, false),
        ("Ab", Private, false),
        ("A?", Private, false),
        ("?", Private, false),
    ] {
        let waits = read_receipt == Private;
        assert_eq!(shown(who, |_| {}), Shown { read_receipt: Some(read_receipt), typing, waits }, "{who}");
    }
}

#[test]
fn p14_p15_incognito_ends_both_unless_they_are_set_otherwise() {
    let hidden = Shown { read_receipt: Some(Private), typing: false, waits: false };
    assert_eq!(shown("A", incognito), hidden);
    assert_eq!(shown("A", |all| all.incognito_rooms = BTreeSet::from([RoomId::new(ROOM)])), hidden);
    let elsewhere = shown("A", |all| all.incognito_rooms = BTreeSet::from([RoomId::new("!other")]));
    assert_eq!(elsewhere.read_receipt, Some(Public));
    let set = shown("A", |all| {
        incognito(all);
        all.attention.read_receipts.all = ReadReceipts::Public;
        all.attention.typing.rooms.insert(RoomId::new(ROOM), Typing::On);
    });
    assert_eq!(set, Shown { read_receipt: Some(Public), typing: true, waits: false });
}

#[test]
fn p14_who_learns_how_far_one_has_read() {
    use ReadReceipts::{Auto, Off};
    let everywhere = |who, setting| read(who, |all| all.read_receipts.all = setting);
    for (setting, of_known, of_strangers) in [
        (Auto, Some(Public), Some(Private)),
        (ReadReceipts::Public, Some(Public), Some(Public)),
        (ReadReceipts::Private, Some(Private), Some(Private)),
        (Off, None, None),
    ] {
        assert_eq!((everywhere("A", setting), everywhere("Ab?", setting)), (of_known, of_strangers), "{setting:?}");
    }
    let room = |who, setting, all| {
        read(who, |attention| {
            attention.read_receipts.all = all;
            attention.read_receipts.rooms.insert(RoomId::new(ROOM), setting);
        })
    };
    assert_eq!(room("b", ReadReceipts::Public, Off), Some(Public), "the room stands over everything");
    assert_eq!(room("b", Auto, ReadReceipts::Public), Some(Private));
    let person = |who, setting, all| {
        read(who, |attention| {
            attention.read_receipts.all = all;
            attention.read_receipts.people.insert(user("b"), setting);
        })
    };
    assert_eq!(person("Ab", ReadReceipts::Public, Auto), Some(Public), "this stranger may know");
    assert_eq!(person("Abc", ReadReceipts::Public, Auto), Some(Private), "the other one may not");
    assert_eq!(person("AB", ReadReceipts::Private, ReadReceipts::Public), Some(Private), "nobody is told");
    assert_eq!(person("AB", Off, ReadReceipts::Public), None);
    assert_eq!(person("A", Off, ReadReceipts::Public), Some(Public), "that person is not here");
    let both = |room, person| {
        read("b", |attention| {
            attention.read_receipts.rooms.insert(RoomId::new(ROOM), room);
            attention.read_receipts.people.insert(user("b"), person);
        })
    };
    assert_eq!((both(ReadReceipts::Public, Off), both(Off, ReadReceipts::Public)), (None, None), "less is told");
    assert_eq!(both(Auto, ReadReceipts::Public), Some(Public));
}

#[test]
fn p14_what_a_stranger_can_see_waits() {
    let public = |who| shown(who, |all| all.attention.read_receipts.all = ReadReceipts::Public);
    assert!(!public("A").waits);
    assert!(public("Ab").waits && public("A?").waits);
    assert!(shown("b", |_| {}).waits, "the homeserver may tell when something was done");
    assert!(!shown("b", |all| all.attention.read_receipts.all = ReadReceipts::Off).waits, "nothing is sent");
}

#[test]
fn p15_who_is_told_that_one_types() {
    let everywhere = |who, setting| types(who, |all| all.typing.all = setting);
    for (setting, to_known, to_strangers) in
        [(Typing::Auto, true, false), (Typing::On, true, true), (Typing::Off, false, false)]
    {
        assert_eq!((everywhere("A", setting), everywhere("Ab?", setting)), (to_known, to_strangers), "{setting:?}");
    }
    let person = |who, setting| {
        types(who, |all| {
            all.typing.people.insert(user("b"), setting);
        })
    };
    assert!(person("Ab", Typing::On) && !person("Abc", Typing::On));
    assert!(!person("AB", Typing::Off) && person("A", Typing::Off));
}
