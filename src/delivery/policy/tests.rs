//! Each rule with its boundaries, from a base case that is owed a receipt.

use std::collections::HashSet;

use proptest::{option::of as option, prelude::*};

use super::*;
use crate::{
    delivery::{
        receipt::ClaimState,
        route::{Plan, Recipient, ServerFacts, choose},
    },
    model::{DeviceId, ReceiptStatus},
};

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The facts of one decision; the base case is owed a receipt by the defaults.
#[derive(Clone)]
struct Case {
    event: EventFacts,
    room: RoomFacts,
    sender: SenderFacts,
    settings: Settings,
}

impl Case {
    fn base() -> Self {
        Self {
            event: EventFacts {
                device_id: None,
                event_id: EventId::new("$e"),
                sender: UserId::new("@alice:a"),
                sent: NOW,
                kind: EventKind::Message,
                readable: true,
                redacted: false,
            },
            room: RoomFacts {
                room_id: RoomId::new("!r"),
                encrypted: true,
                join_rule: JoinRule::NotPublic,
                joined_members: 2,
                joined: true,
                joined_since: Some(at(0)),
                incognito_until: at(0),
            },
            sender: SenderFacts { own: false, joined: true, ignored: false, known: true, verified: false },
            settings: Settings::default(),
        }
    }

    fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut case = Self::base();
        change(&mut case);
        case
    }

    fn decide(&self) -> Decision {
        decide(&self.event, &self.room, &self.sender, &self.settings, NOW)
    }
}

#[track_caller]
fn sends(change: impl FnOnce(&mut Case)) {
    assert_eq!(Case::with(change).decide(), Decision::Send);
}

#[track_caller]
fn withholds(reason: Reason, change: impl FnOnce(&mut Case)) {
    assert_eq!(Case::with(change).decide(), Decision::Withhold(reason));
}

fn room_set_to(send: Send) -> BTreeMap<RoomId, Send> {
    BTreeMap::from([(RoomId::new("!r"), send)])
}

fn person_set_to(who: Who) -> BTreeMap<UserId, Who> {
    BTreeMap::from([(UserId::new("@alice:a"), who)])
}

#[test]
fn the_base_case_is_owed_a_receipt() {
    sends(|_| {});
}

#[test]
fn p1_only_what_is_readable() {
    withholds(Reason::Undecryptable, |c| c.event.readable = false);
}

#[test]
fn p2_nothing_from_before_the_join_or_the_login() {
    withholds(Reason::JoinTimeUnknown, |c| c.room.joined_since = None);
    withholds(Reason::BeforeJoin, |c| c.room.joined_since = Some(NOW + ms(1)));
    sends(|c| c.room.joined_since = Some(NOW));
}

#[test]
fn p3_neither_own_nor_redacted() {
    withholds(Reason::Own, |c| c.sender.own = true);
    withholds(Reason::Redacted, |c| c.event.redacted = true);
}

#[test]
fn p4_only_new_messages() {
    withholds(Reason::NotAMessage, |c| c.event.kind = EventKind::Other);
}

#[test]
fn p5_auto_is_for_encrypted_rooms_known_not_to_be_public() {
    withholds(Reason::NotEncrypted, |c| c.room.encrypted = false);
    withholds(Reason::Public, |c| c.room.join_rule = JoinRule::Public);
    withholds(Reason::JoinRuleUnknown, |c| c.room.join_rule = JoinRule::Unknown);
}

#[test]
fn p5_on_is_for_every_room_and_off_for_none() {
    let worst = |room: &mut RoomFacts| {
        room.encrypted = false;
        room.join_rule = JoinRule::Public;
        room.joined_members = 10_000;
    };
    sends(|c| {
        c.settings.send = Send::On;
        worst(&mut c.room);
    });
    withholds(Reason::Off, |c| c.settings.send = Send::Off);
}

#[test]
fn p5_the_room_stands_over_the_global_setting() {
    for global in [Send::Auto, Send::On, Send::Off] {
        let set = |c: &mut Case, here| {
            c.settings.send = global;
            c.settings.rooms = room_set_to(here);
            c.room.encrypted = false;
        };
        withholds(Reason::Off, |c| set(c, Send::Off));
        withholds(Reason::NotEncrypted, |c| set(c, Send::Auto));
        sends(|c| set(c, Send::On));
    }
    withholds(Reason::Off, |c| {
        c.settings.send = Send::Off;
        c.settings.rooms = BTreeMap::from([(RoomId::new("!other"), Send::On)]);
    });
}

#[test]
fn p5_without_a_route_nothing_is_sent_whatever_the_room_says() {
    withholds(Reason::RouteOff, |c| {
        c.settings.route = RouteChoice::Off;
        c.settings.rooms = room_set_to(Send::On);
    });
    sends(|c| c.settings.route = RouteChoice::Direct);
    sends(|c| c.settings.route = RouteChoice::Native);
}

#[test]
fn p6_auto_is_for_at_most_so_many_members() {
    sends(|c| c.room.joined_members = 50);
    withholds(Reason::TooManyMembers, |c| c.room.joined_members = 51);
    withholds(Reason::TooManyMembers, |c| c.settings.max_members = 1);
}

#[test]
fn p7_who() {
    let sender = |known, verified| SenderFacts { known, verified, joined: true, own: false, ignored: false };
    let (stranger, known, verified) = (sender(false, false), sender(true, false), sender(false, true));
    for (who, facts, expected) in [
        (Who::Everyone, stranger, Decision::Send),
        (Who::Everyone, known, Decision::Send),
        (Who::Everyone, verified, Decision::Send),
        (Who::Known, stranger, Decision::Withhold(Reason::Stranger)),
        (Who::Known, known, Decision::Send),
        (Who::Known, verified, Decision::Send),
        (Who::Verified, stranger, Decision::Withhold(Reason::NotVerified)),
        (Who::Verified, known, Decision::Withhold(Reason::NotVerified)),
        (Who::Verified, verified, Decision::Send),
        (Who::Nobody, stranger, Decision::Withhold(Reason::Nobody)),
        (Who::Nobody, known, Decision::Withhold(Reason::Nobody)),
        (Who::Nobody, verified, Decision::Withhold(Reason::Nobody)),
    ] {
        let globally = Case::with(|c| (c.settings.who, c.sender) = (who, facts));
        assert_eq!(globally.decide(), expected, "{who:?} {facts:?}");
        for global in [Who::Everyone, Who::Known, Who::Verified, Who::Nobody] {
            let by_person = Case::with(|c| {
                (c.settings.who, c.sender) = (global, facts);
                c.settings.people = person_set_to(who);
            });
            assert_eq!(by_person.decide(), expected, "{who:?} over {global:?} {facts:?}");
        }
    }
}

#[test]
fn p8_both_are_in_the_room_and_nobody_is_ignored() {
    withholds(Reason::Left, |c| c.room.joined = false);
    withholds(Reason::SenderLeft, |c| c.sender.joined = false);
    withholds(Reason::Ignored, |c| c.sender.ignored = true);
}

#[test]
fn p9_at_most_seven_days_old_and_five_minutes_ahead() {
    const DAY: Duration = Duration::from_hours(24);
    sends(|c| c.event.sent = NOW - 7 * DAY);
    withholds(Reason::TooOld, |c| c.event.sent = NOW - 7 * DAY - ms(1));
    sends(|c| c.event.sent = NOW + Duration::from_mins(5));
    withholds(Reason::FromTheFuture, |c| c.event.sent = NOW + Duration::from_mins(5) + ms(1));
    withholds(Reason::FromTheFuture, |c| c.event.sent = Timestamp::MAX);
    withholds(Reason::TooOld, |c| c.event.sent = at(0));
}

/// Breaks one rule after the other, the last first: each time the one that now stands first is the
/// reason.
#[test]
fn the_first_rule_in_the_order_of_the_table_is_the_reason() {
    type Break = (Reason, fn(&mut Case));
    let breaks: [Break; 16] = [
        (Reason::TooOld, |c| c.event.sent = at(1)),
        (Reason::Ignored, |c| c.sender.ignored = true),
        (Reason::SenderLeft, |c| c.sender.joined = false),
        (Reason::Left, |c| c.room.joined = false),
        (Reason::Stranger, |c| c.sender.known = false),
        (Reason::TooManyMembers, |c| c.room.joined_members = 51),
        (Reason::JoinRuleUnknown, |c| c.room.join_rule = JoinRule::Unknown),
        (Reason::NotEncrypted, |c| c.room.encrypted = false),
        (Reason::Off, |c| c.settings.send = Send::Off),
        (Reason::RouteOff, |c| c.settings.route = RouteChoice::Off),
        (Reason::NotAMessage, |c| c.event.kind = EventKind::Other),
        (Reason::Redacted, |c| c.event.redacted = true),
        (Reason::Own, |c| c.sender.own = true),
        (Reason::BeforeJoin, |c| c.room.joined_since = Some(at(2))),
        (Reason::JoinTimeUnknown, |c| c.room.joined_since = None),
        (Reason::Undecryptable, |c| c.event.readable = false),
    ];
    let mut case = Case::base();
    for (reason, break_it) in breaks {
        break_it(&mut case);
        assert_eq!(case.decide(), Decision::Withhold(reason));
    }
}

#[test]
fn the_eligibility_is_the_rooms_own_rules_only() {
    let eligibility = |change: fn(&mut Case)| {
        let case = Case::with(change);
        room_eligibility(&case.room, &case.settings)
    };
    assert_eq!(eligibility(|_| {}), Decision::Send);
    assert_eq!(eligibility(|c| c.room.joined_since = None), Decision::Send);
    assert_eq!(eligibility(|c| c.settings.who = Who::Nobody), Decision::Send);
    assert_eq!(eligibility(|c| c.room.join_rule = JoinRule::Public), Decision::Withhold(Reason::Public));
    assert_eq!(eligibility(|c| c.room.joined_members = 51), Decision::Withhold(Reason::TooManyMembers));
    assert_eq!(eligibility(|c| c.settings.rooms = room_set_to(Send::Off)), Decision::Withhold(Reason::Off));
    assert_eq!(eligibility(|c| c.settings.route = RouteChoice::Off), Decision::Withhold(Reason::RouteOff));
}

#[test]
fn a_persons_eligibility_is_the_rooms_the_persons_and_the_ways_rules() {
    let eligibility = |change: fn(&mut Case)| {
        let case = Case::with(change);
        person_eligibility(&case.event.sender, &case.room, case.sender, &case.settings)
    };
    let refused = Decision::Withhold;
    assert_eq!(eligibility(|_| {}), Decision::Send);
    assert_eq!(eligibility(|c| c.room.joined_since = None), Decision::Send, "what only a message is measured by");
    assert_eq!(eligibility(|c| c.room.encrypted = false), refused(Reason::NotEncrypted));
    assert_eq!(eligibility(|c| c.room.joined_members = 51), refused(Reason::TooManyMembers));
    assert_eq!(eligibility(|c| c.sender.known = false), refused(Reason::Stranger));
    assert_eq!(eligibility(|c| c.settings.people = person_set_to(Who::Nobody)), refused(Reason::Nobody));
    assert_eq!(eligibility(|c| c.settings.people = person_set_to(Who::Verified)), refused(Reason::NotVerified));
    assert_eq!(eligibility(|c| c.room.joined = false), refused(Reason::Left));
    assert_eq!(eligibility(|c| c.sender.ignored = true), refused(Reason::Ignored));
    assert_eq!(eligibility(|c| c.settings.incognito = true), refused(Reason::Incognito));
}

#[test]
fn p13_whoever_may_not_know_the_device_is_sent_nothing_where_only_direct_is_allowed() {
    let eligibility = |route, name_device, who| {
        let settings = Settings { route, name_device, people: person_set_to(who), ..Settings::default() };
        let case = Case::base();
        person_eligibility(&case.event.sender, &case.room, case.sender, &settings)
    };
    let unnamed = Decision::Withhold(Reason::DeviceNotNamed);
    assert_eq!(eligibility(RouteChoice::Direct, NameDevice::Never, Who::Everyone), unnamed);
    assert_eq!(eligibility(RouteChoice::Direct, NameDevice::Verified, Who::Known), unnamed);
    assert_eq!(eligibility(RouteChoice::Direct, NameDevice::Known, Who::Everyone), Decision::Send);
    for route in [RouteChoice::Auto, RouteChoice::Native] {
        assert_eq!(eligibility(route, NameDevice::Never, Who::Everyone), Decision::Send, "there may be another way");
    }
    assert_eq!(
        eligibility(RouteChoice::Direct, NameDevice::Never, Who::Nobody),
        Decision::Withhold(Reason::Nobody),
        "the rules about people come first"
    );
}

proptest! {
    /// What is shown about a person is what is done with what they write.
    #[test]
    fn a_persons_eligibility_is_what_becomes_of_a_new_message(
        (known, verified, ignored) in any::<(bool, bool, bool)>(),
        (encrypted, public, members) in (any::<bool>(), any::<bool>(), 1..100_u64),
        (here, own, global) in (option(choice::<Send>()), option(choice::<Who>()), choice::<Who>()),
        (route, name_device) in (choice::<RouteChoice>(), choice::<NameDevice>()),
        (everywhere, incognito) in (choice::<Send>(), any::<bool>()),
    ) {
        let case = Case::with(|c| {
            c.sender = SenderFacts { ignored, known, verified, ..c.sender };
            c.room.encrypted = encrypted;
            c.room.join_rule = if public { JoinRule::Public } else { JoinRule::NotPublic };
            c.room.joined_members = members;
            c.settings = Settings { who: global, route, name_device, send: everywhere, incognito, ..Settings::default() };
            c.settings.rooms.extend(here.map(|send| (c.room.room_id.clone(), send)));
            c.settings.people.extend(own.map(|who| (c.event.sender.clone(), who)));
        });
        let sender = &case.event.sender;
        let to = Recipient {
            same_server: false,
            named: names_device(sender, case.sender, &case.settings),
            asking: vec![DeviceId::new("A")],
        };
        let done = match (case.decide(), choose(route, Some(ServerFacts::default()), ClaimState::Delivered, to)) {
            (Decision::Send, Plan::Withhold(reason)) if route == RouteChoice::Direct => Decision::Withhold(reason),
            (decision, _) => decision,
        };
        prop_assert_eq!(person_eligibility(sender, &case.room, case.sender, &case.settings), done);
    }
}

fn choice<T: Choice + std::fmt::Debug>() -> impl Strategy<Value = T> {
    (0..T::WORDS.len()).prop_map(|at| T::WORDS[at].1)
}

#[test]
fn asking_is_for_rooms_where_auto_would_send_or_that_are_set_to_on() {
    let asking = |change: fn(&mut Case)| {
        let case = Case::with(change);
        asks(&case.room, &case.settings)
    };
    assert!(asking(|_| {}));
    assert!(asking(|c| c.settings.send = Send::Off), "what is sent says nothing about what is asked for");
    assert!(asking(|c| (c.room.encrypted, c.settings.rooms) = (false, room_set_to(Send::On))));
    assert!(!asking(|c| c.room.encrypted = false));
    assert!(!asking(|c| c.room.join_rule = JoinRule::Unknown));
    assert!(!asking(|c| c.room.joined_members = 51));
    assert!(!asking(|c| (c.room.encrypted, c.settings.send) = (false, Send::On)), "a global `on` is not enough");
    assert!(!asking(|c| (c.settings.route, c.settings.rooms) = (RouteChoice::Off, room_set_to(Send::On))));
}

#[test]
fn p11_delays() {
    let ends = |timing: Timing| [0.0, 0.5, 0.999_999].map(|draw| timing.delay(draw).as_millis());
    assert_eq!(ends(Timing::Immediate), [0, 0, 0]);
    assert_eq!(ends(Timing::Prompt), [200, 600, 999]);
    assert_eq!(ends(Timing::Balanced), [500, 2_750, 4_999]);
    assert_eq!(ends(Timing::Guarded), [0, 15_000, 29_999]);
    assert_eq!(Timing::Balanced.delay(f64::NAN), ms(500), "total, also for what is no draw");
    assert_eq!(Timing::Balanced.delay(7.0), Duration::from_secs(5));
}

#[test]
fn p11_guarded_leaves_on_a_grid_and_never_early() {
    for (now, draw, due) in [(0, 0.0, 0), (1, 0.0, 15_000), (15_000, 0.5, 30_000), (15_001, 0.5, 45_000)] {
        assert_eq!(Timing::Guarded.due(at(now), draw), at(due), "{now} {draw}");
    }
    assert_eq!(Timing::Balanced.due(at(1_000), 0.5), at(3_750));
    assert_eq!(Timing::Immediate.due(at(1_000), 0.5), at(1_000));
}

#[test]
fn p11_guarded_hides_a_shift_of_one_second() {
    let draws: Vec<f64> = (0..200).map(|n| f64::from(n) / 200.0).collect();
    let dues = |start: Timestamp| draws.iter().map(|draw| Timing::Guarded.due(start, *draw)).collect::<Vec<_>>();
    let moved = dues(at(15_000_200)).iter().zip(dues(at(15_001_200))).filter(|(a, b)| **a != *b).count();
    assert!(moved <= 14, "one second moves at most one draw in fifteen to the next line: {moved} of 200");
}

/// What somebody can make of 200 receipts, if they know when the messages were sent: of a device
/// that was awake, and of one that slept for a second. In a hundred tries, how often do the two
/// look more different (Kolmogorov and Smirnov) than chance makes them one time in twenty?
#[test]
fn p11_two_hundred_receipts_tell_a_second_of_sleep_but_not_under_guarded() {
    for (timing, tells) in [(Timing::Prompt, 95..=100), (Timing::Balanced, 95..=100), (Timing::Guarded, 0..=15)] {
        let mut numbers = numbers(4089);
        let mut waits = |sleep: Duration| {
            let wait = |_| {
                let sent = NOW + ms(u64::from(numbers()) % 60_000);
                timing.due(sent + sleep, f64::from(numbers()) / (f64::from(u32::MAX) + 1.0)) - sent
            };
            let mut waits: Vec<Duration> = (0..200).map(wait).collect();
            waits.sort_unstable();
            waits
        };
        let mut differs = |_: &i32| {
            let (awake, asleep) = (waits(ms(0)), waits(Duration::from_secs(1)));
            let until = |waits: &[Duration], time: Duration| waits.partition_point(|wait| *wait <= time);
            let apart = awake.iter().map(|time| until(&awake, *time).abs_diff(until(&asleep, *time))).max();
            apart.unwrap() * 1_000 > 136 * 200
        };
        let told = (0..100).filter(&mut differs).count();
        assert!(tells.contains(&told), "{timing:?}: {told} of 100");
    }
}

/// Numbers as if by chance, always the same from the same seed (SplitMix64).
fn numbers(mut seed: u64) -> impl FnMut() -> u32 {
    move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap()
    }
}

#[test]
fn p12_incognito_withholds_everywhere_or_here_and_what_was_sent_before_it_ended() {
    let here = || BTreeSet::from([RoomId::new("!r")]);
    withholds(Reason::Incognito, |c| c.settings.incognito = true);
    withholds(Reason::Incognito, |c| c.settings.incognito_rooms = here());
    sends(|c| c.settings.incognito_rooms = BTreeSet::from([RoomId::new("!other")]));
    withholds(Reason::Incognito, |c| c.room.incognito_until = NOW + ms(1));
    sends(|c| c.room.incognito_until = NOW);
    withholds(Reason::Incognito, |c| {
        c.settings.incognito = true;
        c.settings.rooms = room_set_to(Send::On);
    });
    let facts = Case::base().room;
    let eligibility = |settings: &Settings| room_eligibility(&facts, settings);
    assert_eq!(
        eligibility(&Settings { incognito: true, ..Settings::default() }),
        Decision::Withhold(Reason::Incognito)
    );
    assert_eq!(
        eligibility(&Settings { incognito_rooms: here(), ..Settings::default() }),
        Decision::Withhold(Reason::Incognito)
    );
}

#[test]
fn p12_what_would_be_decided_later_is_decided_while_incognito() {
    for not_yet in [(|c| c.event.readable = false) as fn(&mut Case), |c| c.room.joined_since = None] {
        withholds(Reason::Incognito, |c| {
            not_yet(c);
            c.settings.incognito = true;
        });
    }
    withholds(Reason::NotAMessage, |c| {
        c.event.kind = EventKind::Other;
        c.settings.incognito = true;
    });
}

#[test]
fn p13_who_is_told_which_device_it_is() {
    use NameDevice::{Known, Never, Verified};
    let stranger = SenderFacts { known: false, ..Case::base().sender };
    let known = SenderFacts { known: true, ..stranger };
    let verified = SenderFacts { verified: true, ..stranger };
    for (setting, to_a_stranger, to_a_known, to_a_verified) in
        [(Known, false, true, true), (Verified, false, false, true), (Never, false, false, false)]
    {
        let names = |sender, people| {
            let settings = Settings { name_device: setting, people, ..Settings::default() };
            names_device(&UserId::new("@alice:a"), sender, &settings)
        };
        let unlisted = || BTreeMap::new();
        assert_eq!(names(stranger, unlisted()), to_a_stranger, "{setting:?}");
        assert_eq!(names(known, unlisted()), to_a_known, "{setting:?}");
        assert_eq!(names(verified, unlisted()), to_a_verified, "{setting:?}");
        for listed in [Who::Everyone, Who::Known, Who::Verified] {
            assert_eq!(names(stranger, person_set_to(listed)), setting == Known, "{setting:?} {listed:?}");
        }
        assert!(!names(stranger, person_set_to(Who::Nobody)), "{setting:?}");
    }
}

#[test]
fn every_reason_has_its_own_words_and_code() {
    let codes: HashSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    let sentences: HashSet<_> = Reason::ALL.iter().map(|reason| reason.sentence()).collect();
    assert_eq!((codes.len(), sentences.len()), (Reason::ALL.len(), Reason::ALL.len()));
    for reason in Reason::ALL {
        assert_eq!(Reason::from_code(reason.code()), Some(reason));
        assert_eq!(reason.status(), ReceiptStatus::Withheld { rule: reason.rule(), why: reason.sentence() });
        assert!(reason.sentence().ends_with('.'), "{reason:?}");
    }
    assert_eq!(Reason::from_code("nonsense"), None);
}

#[test]
fn a_refusal_lasts_where_circumstances_could_change_it() {
    for reason in Reason::ALL {
        let by_circumstance = matches!(reason.rule(), "P5" | "P6" | "P7" | "P8" | "P10" | "P12" | "P13" | "§2" | "§3");
        assert_eq!(reason.is_lasting(), by_circumstance || reason == Reason::FromTheFuture, "{reason:?}");
    }
}
