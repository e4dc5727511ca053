//! The laws of merging, and the bounds of what is held.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::delivery::receipt::Summary;

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const SENT: Timestamp = Timestamp::from_millis(1_000_000);
const NOW: Timestamp = SENT.plus(Duration::from_mins(1));

fn own_event() -> OwnEvent {
    OwnEvent {
        room_id: RoomId::new("!r"),
        event_id: EventId::new("$own"),
        sent: SENT,
        expected: BTreeMap::new(),
        claims: BTreeMap::new(),
    }
}

fn claim(user: &str, at: Option<Timestamp>, state: ClaimState) -> PeerClaim {
    PeerClaim {
        room_id: RoomId::new("!r"),
        event_id: EventId::new("$own"),
        user_id: UserId::new(user),
        device_id: Some(DeviceId::new("D")),
        at,
        state,
        route: Route::Direct,
        heard: NOW,
        quiet: false,
    }
}

fn delivered(user: &str, at: Timestamp) -> PeerClaim {
    claim(user, Some(at), ClaimState::Delivered)
}

/// What is known of the one device after these claims, and what each of them changed.
fn after(claims: &[PeerClaim]) -> (Vec<Merged>, Option<Timestamp>, ClaimState) {
    let mut own = own_event();
    let merged = claims.iter().map(|claim| own.merge(claim.clone(), NOW).unwrap()).collect();
    let stamp = own.claims.into_values().next().unwrap();
    (merged, stamp.at, stamp.state)
}

#[test]
fn l3_the_earliest_time_holds() {
    use Merged::{Earlier, New, Same};
    let (early, late) = (delivered("@bob", SENT + ms(1)), delivered("@bob", SENT + ms(2)));
    let expected = (Some(SENT + ms(1)), ClaimState::Delivered);
    for (claims, changes) in [
        ([&early, &early, &late], [New, Same, Same]),
        ([&late, &early, &early], [New, Earlier, Same]),
        ([&late, &late, &early], [New, Same, Earlier]),
    ] {
        let (merged, at, state) = after(&claims.map(Clone::clone));
        assert_eq!((merged, (at, state)), (changes.to_vec(), expected));
    }
}

#[test]
fn l3_delivered_replaces_undecryptable_and_never_the_other_way() {
    let (failed, read) =
        (claim("@bob", Some(SENT + ms(1)), ClaimState::Undecryptable), delivered("@bob", SENT + ms(9)));
    let expected = (Some(SENT + ms(9)), ClaimState::Delivered);
    let (merged, at, state) = after(&[failed.clone(), read.clone()]);
    assert_eq!((merged, (at, state)), (vec![Merged::New, Merged::New], expected));
    let (merged, at, state) = after(&[read, failed]);
    assert_eq!((merged, (at, state)), (vec![Merged::New, Merged::Same], expected));
}

#[test]
fn l4_an_impossible_time_is_unknown() {
    for (at, kept) in [
        (SENT - ms(1), None),
        (SENT, Some(SENT)),
        (NOW + MAX_AHEAD, Some(NOW + MAX_AHEAD)),
        (NOW + MAX_AHEAD + ms(1), None),
        (Timestamp::MAX, None),
    ] {
        assert_eq!(after(&[delivered("@bob", at)]).1, kept, "{at:?}");
    }
}

#[test]
fn l4_a_known_time_replaces_an_unknown_one() {
    let (unknown, known) = (claim("@bob", None, ClaimState::Delivered), delivered("@bob", SENT + ms(5)));
    assert_eq!(after(&[unknown.clone(), known.clone()]).0, [Merged::New, Merged::Earlier]);
    assert_eq!(after(&[known, unknown]), (vec![Merged::New, Merged::Same], Some(SENT + ms(5)), ClaimState::Delivered));
}

#[test]
fn l1_a_claim_that_names_another_event_or_room_is_refused_and_changes_nothing() {
    let mut own = own_event();
    let elsewhere = PeerClaim { room_id: RoomId::new("!other"), ..delivered("@bob", SENT) };
    let another = PeerClaim { event_id: EventId::new("$other"), ..delivered("@bob", SENT) };
    for (foreign, refusal) in [(elsewhere, Refusal::OtherRoom), (another, Refusal::Unknown)] {
        assert_eq!(own.merge(foreign, NOW), Err(refusal));
    }
    assert_eq!(own, own_event());
}

#[test]
fn l2_who_may_claim() {
    let honest = ClaimantFacts { own: false, joined: true, ignored: false, proven: true };
    for (facts, expected) in [
        (honest, Ok(())),
        (ClaimantFacts { own: true, ..honest }, Err(Refusal::Own)),
        (ClaimantFacts { joined: false, ..honest }, Err(Refusal::NotJoined)),
        (ClaimantFacts { ignored: true, ..honest }, Err(Refusal::Ignored)),
        (ClaimantFacts { proven: false, ..honest }, Err(Refusal::Unproven)),
    ] {
        assert_eq!(admissible(facts), expected, "{facts:?}");
    }
}

fn about(user: &str, event: &str) -> PeerClaim {
    PeerClaim { event_id: EventId::new(event), ..delivered(user, SENT) }
}

#[test]
fn l1_an_early_claim_is_held_until_its_event_is_known() {
    let mut held = Held::new();
    for (user, event) in [("@bob", "$1"), ("@carol", "$1"), ("@bob", "$2")] {
        held.hold(about(user, event)).unwrap();
    }
    assert_eq!(held.take(&EventId::new("$1")).claims, [about("@bob", "$1"), about("@carol", "$1")]);
    assert_eq!(held.take(&EventId::new("$1")), Early::default());
    assert_eq!(held.len(), 1);
}

/// Nothing is on its way.
fn nothing(_: &EventId, _: &RoomId) -> bool {
    false
}

#[test]
fn l1_for_sixty_seconds_from_one_sync_to_another() {
    let mut held = Held::new();
    held.hold(about("@bob", "$1")).unwrap();
    held.hold(about("@bob", "$2")).unwrap();
    let second = |event: &EventId, room: &RoomId| event.as_str() == "$2" && *room == RoomId::new("!r");
    assert_eq!(held.synced(at(600_000), second), Early::default(), "there was no connection, or no program");
    held.hold(about("@bob", "$1")).unwrap();
    assert_eq!(held.synced(at(600_001), second), Early::default());
    assert_eq!(held.synced(at(659_999), second), Early::default());
    assert_eq!(held.synced(at(660_000), second).claims, [about("@bob", "$1")]);
    assert_eq!(held.take(&EventId::new("$1")).claims.len(), 1);
    assert_eq!(held.take(&EventId::new("$2")).claims.len(), 1, "its message is on its way");
    assert!(held.is_empty());
}

#[test]
fn l1_what_was_held_about_another_room_or_somebody_elses_message_is_refused() {
    let mut held = Held::new();
    let (event, room, other) = (EventId::new("$1"), RoomId::new("!r"), RoomId::new("!other"));
    held.hold(about("@bob", "$1")).unwrap();
    held.hold(PeerClaim { room_id: other.clone(), ..about("@bob", "$1") }).unwrap();
    held.hold_summary(Counted { room_id: other, event_id: event.clone(), summary: Summary::default() }).unwrap();
    let (here, elsewhere) = held.take(&event).in_room(&room);
    assert_eq!(here, Early::from(vec![about("@bob", "$1")]));
    assert_eq!(elsewhere.refused(Refusal::OtherRoom), Refused::of(Refusal::OtherRoom, 2));
}

#[test]
fn l1_what_is_held_is_bounded() {
    let mut held = Held::new();
    let flood = |held: &mut Held, user: &str| {
        let outcomes = (0..201).map(|n| held.hold(about(user, &format!("${n}"))));
        let (taken, refused): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
        assert!(refused.iter().all(|outcome| *outcome == Err(Refusal::TooMany)));
        taken.len()
    };
    assert_eq!(flood(&mut held, "@mallory"), 200, "per user");
    assert_eq!(flood(&mut held, "@bob"), 200, "one user's flood leaves room for the others");
    let others: usize = (0..48).map(|n| flood(&mut held, &format!("@{n}"))).sum();
    assert_eq!((others, flood(&mut held, "@late")), (9_600, 0), "in all");
    assert!(held.synced(at(0), nothing).is_empty());
    assert_eq!(held.synced(at(60_000), nothing).claims.len(), 10_000);
    assert_eq!(flood(&mut held, "@bob"), 200, "what is over makes room, also for those who had used theirs up");
    assert_eq!(held.len(), 200);
}

#[test]
fn l1_l7_what_the_homeserver_counted_early_is_held_for_a_minute_and_bounded() {
    let mut held = Held::new();
    let event = |number: usize| EventId::new(format!("${number}"));
    let counted = |number, users| {
        let summary = Summary { users, ..Summary::default() };
        Counted { room_id: RoomId::new("!r"), event_id: event(number), summary }
    };
    let outcomes = (0..1_001).map(|number| held.hold_summary(counted(number, 1)));
    assert_eq!(outcomes.collect::<Vec<_>>().split_off(999), [Ok(()), Err(Refusal::TooMany)]);
    held.hold_summary(counted(0, 2)).expect("the last that was said about it");
    assert!(held.holds(&event(0)) && !held.holds(&event(1_000)));
    assert_eq!(held.take(&event(0)), Early::from(counted(0, 2)));
    assert_eq!(held.take(&event(0)), Early::default());
    let first = |of: &EventId, _: &RoomId| *of == event(1);
    assert!(held.synced(at(0), first).is_empty() && held.synced(at(59_999), first).is_empty());
    assert!(held.holds(&event(2)));
    assert_eq!(held.synced(at(60_000), first).refused(Refusal::Unknown), Refused::of(Refusal::Unknown, 998));
    assert!(held.holds(&event(1)) && !held.holds(&event(2)));
}

fn any_claim() -> impl Strategy<Value = PeerClaim> {
    let at = prop_oneof![
        Just(None),
        (0..9u64).prop_map(|later| Some(SENT - ms(3) + ms(later))),
        (0..6u64).prop_map(|later| Some(NOW + MAX_AHEAD - ms(3) + ms(later))),
    ];
    let state = prop_oneof![Just(ClaimState::Delivered), Just(ClaimState::Undecryptable)];
    let route = prop_oneof![Just(Route::Direct), Just(Route::Native)];
    (0..3u8, prop::option::of(0..2u8), at, state, route, 1..=2u64).prop_map(
        |(user, device, at, state, route, heard)| PeerClaim {
            device_id: device.map(|device| DeviceId::new(device.to_string())),
            at,
            route,
            heard: NOW - ms(heard),
            quiet: false,
            ..claim(&format!("@{user}"), None, state)
        },
    )
}

fn merge_all<'a>(claims: impl IntoIterator<Item = &'a PeerClaim>) -> OwnEvent {
    let mut own = own_event();
    for claim in claims {
        own.merge(claim.clone(), NOW).unwrap();
    }
    own
}

proptest! {
    #[test]
    fn l3_merging_is_order_free_and_idempotent(
        (claims, shuffled) in prop::collection::vec(any_claim(), 0..12)
            .prop_flat_map(|claims| (Just(claims.clone()), Just(claims).prop_shuffle()))
    ) {
        let once = merge_all(&claims);
        prop_assert_eq!(&merge_all(&shuffled), &once);
        prop_assert_eq!(&merge_all(claims.iter().chain(&shuffled)), &once);
    }

    #[test]
    fn l3_same_means_that_nothing_to_be_seen_changed(claims in prop::collection::vec(any_claim(), 0..12)) {
        let mut own = own_event();
        for claim in claims {
            let who = (claim.user_id.clone(), claim.device_id.clone());
            let seen = |own: &OwnEvent| own.claims.get(&who).map(|stamp| (stamp.state, stamp.at));
            let before = seen(&own);
            let merged = own.merge(claim, NOW);
            prop_assert_eq!(merged == Ok(Merged::Same), seen(&own) == before);
        }
    }

    #[test]
    fn a_liar_changes_nothing_of_others(
        honest in prop::collection::vec(any_claim(), 0..8),
        lies in prop::collection::vec(any_claim(), 0..8),
    ) {
        let mallory = |claim: PeerClaim| PeerClaim { user_id: UserId::new("@mallory"), ..claim };
        let lies: Vec<_> = lies.into_iter().map(mallory).collect();
        let mut own = merge_all(lies.iter().chain(&honest).chain(&lies));
        own.claims.retain(|(user, _), _| user.as_str() != "@mallory");
        prop_assert_eq!(own, merge_all(&honest));
    }
}

#[test]
fn l7_nobody_fills_the_ledger_with_made_up_devices() {
    let mut own = own_event();
    let of = |user: &str, device: usize, at| PeerClaim {
        device_id: Some(DeviceId::new(format!("D{device}"))),
        ..delivered(user, at)
    };
    for device in 0..RECEIPTS_PER_PERSON {
        assert_eq!(own.merge(of("@mallory", device, SENT + ms(2)), NOW), Ok(Merged::New));
    }
    assert_eq!(own.merge(of("@mallory", RECEIPTS_PER_PERSON, SENT + ms(2)), NOW), Err(Refusal::TooMany));
    assert_eq!(own.claims.len(), RECEIPTS_PER_PERSON);
    assert_eq!(own.merge(of("@mallory", 0, SENT + ms(1)), NOW), Ok(Merged::Earlier), "what is there still changes");
    for other in ["@bob", "@nancy"] {
        assert_eq!(own.merge(of(other, 0, SENT + ms(1)), NOW), Ok(Merged::New), "and it costs nobody else anything");
    }
}
