//! A tally is what the list of a small message would show, whatever comes and in whatever order.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    delivery::{ledger::OwnEvent, summary},
    model::{DeviceDelivery, DeviceState, Route, SafeText, UserId},
};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const SENT: Timestamp = Timestamp::from_millis(1_000_000);
const NOW: Timestamp = SENT.plus(Duration::from_mins(1));

fn key(user: &UserId) -> PersonKey {
    let mut key = PersonKey::default();
    key.iter_mut().zip(user.as_str().bytes()).for_each(|(to, from)| *to = from);
    key
}

fn own_event(expected: BTreeMap<UserId, Vec<ExpectedDevice>>) -> OwnEvent {
    OwnEvent {
        room_id: RoomId::new("!r"),
        event_id: EventId::new("$own"),
        sent: SENT,
        expected,
        claims: BTreeMap::new(),
    }
}

fn aggregate_of(own: &OwnEvent) -> Aggregate {
    let mut aggregate = Aggregate::new(own.sent);
    own.expected.iter().for_each(|(user, devices)| aggregate.expect(key(user), devices));
    aggregate
}

fn claim(user: &str, device: Option<&str>, at: Option<Timestamp>, state: ClaimState) -> PeerClaim {
    PeerClaim {
        room_id: RoomId::new("!r"),
        event_id: EventId::new("$own"),
        user_id: UserId::new(user),
        device_id: device.map(DeviceId::new),
        at,
        state,
        route: Route::Direct,
        heard: NOW,
        quiet: false,
    }
}

fn any_claim() -> impl Strategy<Value = PeerClaim> {
    let at =
        prop_oneof![Just(None), (0..9u64).prop_map(|later| Some(SENT - ms(3) + ms(later))), Just(Some(Timestamp::MAX))];
    let state = prop_oneof![Just(ClaimState::Delivered), Just(ClaimState::Undecryptable)];
    let route = prop_oneof![Just(Route::Direct), Just(Route::Native)];
    (0..3u8, prop::option::of(0..4u8), at, state, route, 1..=2u64).prop_map(
        |(user, device, at, state, route, heard)| {
            let device = device.map(|device| device.to_string());
            PeerClaim { route, heard: NOW - ms(heard), ..claim(&format!("@{user}"), device.as_deref(), at, state) }
        },
    )
}

/// Who was given the key: of two people, devices 0, 1 and 2, some of them left out.
fn any_expected() -> impl Strategy<Value = BTreeMap<UserId, Vec<ExpectedDevice>>> {
    prop::collection::btree_map(0..2u8, prop::collection::vec(any::<bool>(), 0..4), 0..3).prop_map(|people| {
        let device = |(id, given): (usize, bool)| ExpectedDevice {
            device_id: DeviceId::new(id.to_string()),
            name: SafeText::default(),
            excluded: (!given).then(|| "blocked".to_owned()),
            silent: None,
        };
        let devices = |given: Vec<bool>| given.into_iter().enumerate().map(device).collect();
        people.into_iter().map(|(user, given)| (UserId::new(format!("@{user}")), devices(given))).collect()
    })
}

fn merge_all<'a>(aggregate: &mut Aggregate, claims: impl IntoIterator<Item = &'a PeerClaim>) {
    for claim in claims {
        aggregate.merge(key(&claim.user_id), claim, NOW).unwrap();
    }
}

proptest! {
    #[test]
    fn l3_a_tally_says_what_the_list_of_a_small_message_shows(
        expected in any_expected(),
        claims in prop::collection::vec(any_claim(), 0..16),
    ) {
        let mut own = own_event(expected);
        let mut aggregate = aggregate_of(&own);
        for claim in &claims {
            let known = own.claims.get(&(claim.user_id.clone(), claim.device_id.clone())).copied();
            let merged = own.merge(claim.clone(), NOW).unwrap();
            let taken = aggregate.merge(key(&claim.user_id), claim, NOW).unwrap();
            let stamp = own.claims.get(&(claim.user_id.clone(), claim.device_id.clone())).copied();
            prop_assert_eq!(taken, stamp.filter(|stamp| Some(*stamp) != known).map(|stamp| (stamp, merged)));
        }
        let shown = summary::delivery(&own, &BTreeMap::new(), NOW);
        let devices: Vec<&DeviceDelivery> = shown.people.iter().flat_map(|person| &person.devices).collect();
        let counted = |is: fn(&DeviceState) -> bool| devices.iter().filter(|one| one.expected && is(&one.state)).count();
        let have = own.claims.iter().filter(|(_, stamp)| stamp.state == ClaimState::Delivered);
        let mut users: Vec<_> = have.clone().map(|((user, _), _)| user).collect();
        users.dedup();
        let of_one = |user: &&UserId| {
            have.clone().filter(|((of, device), _)| of == *user && device.is_some()).count().max(1)
        };
        let tally = aggregate.tally();
        prop_assert_eq!(tally, Tally {
            people: own.expected.values().filter(|of| of.iter().any(|known| known.excluded.is_none())).count(),
            expected: counted(|_| true),
            delivered: counted(|state| matches!(state, DeviceState::Delivered { .. })),
            undecryptable: counted(|state| matches!(state, DeviceState::Undecryptable { .. })),
            users: users.len(),
            devices: users.iter().map(of_one).sum(),
            latest: have.clone().filter_map(|(_, stamp)| stamp.at).max(),
        });
        prop_assert_eq!(aggregate.receipts(), own.claims.len());
        let lacks = |one: &DeviceDelivery| one.expected && !matches!(one.state, DeviceState::Delivered { .. });
        for person in &shown.people {
            prop_assert!(aggregate.is_one(&key(&person.user_id), PeopleFilter::Everybody));
            let is_missing = person.devices.iter().any(lacks);
            prop_assert_eq!(aggregate.is_one(&key(&person.user_id), PeopleFilter::Missing), is_missing);
        }
        prop_assert_eq!(aggregate.number(PeopleFilter::Everybody), shown.people.len());
        prop_assert_eq!(aggregate.number(PeopleFilter::Missing) > 0, tally.delivered < tally.expected);
        for ((user, device), stamp) in &own.claims {
            let row = devices.iter().any(|one| one.expected && one.device_id == *device && one.state == match stamp.state {
                ClaimState::Delivered => DeviceState::Delivered { at: stamp.at },
                ClaimState::Undecryptable => DeviceState::Undecryptable { at: stamp.at },
            });
            prop_assert!(!aggregate.counts(&key(user), device.as_ref()) || row, "what counts is a row that counts");
        }
    }

    #[test]
    fn l3_a_tally_is_order_free_and_idempotent_also_over_a_restart(
        expected in any_expected(),
        (claims, shuffled) in prop::collection::vec(any_claim(), 0..12)
            .prop_flat_map(|claims| (Just(claims.clone()), Just(claims).prop_shuffle())),
        split in 0..12usize,
    ) {
        let own = own_event(expected);
        let mut once = aggregate_of(&own);
        merge_all(&mut once, &claims);

        let (mut before, mut kept) = (aggregate_of(&own), Vec::new());
        let split = split.min(shuffled.len());
        for claim in &shuffled[..split] {
            let stamp = before.merge(key(&claim.user_id), claim, NOW).unwrap();
            kept.extend(stamp.map(|(stamp, _)| (claim.user_id.clone(), claim.device_id.clone(), stamp)));
        }
        let mut after = aggregate_of(&own);
        for (user, device, stamp) in kept.iter().rev() {
            after.recall(key(user), device.as_ref(), *stamp);
        }
        prop_assert_eq!(after.tally(), before.tally());
        merge_all(&mut after, shuffled[split..].iter().chain(&claims));
        prop_assert_eq!(after.tally(), once.tally());
    }

    #[test]
    fn a_liar_changes_nothing_of_others(
        honest in prop::collection::vec(any_claim(), 0..8),
        lies in prop::collection::vec(any_claim(), 0..8),
    ) {
        let mallory = |claim: PeerClaim| PeerClaim { user_id: UserId::new("@mallory"), ..claim };
        let lies: Vec<_> = lies.into_iter().map(mallory).collect();
        let [mut all, mut honest_alone, mut lies_alone] = [0; 3].map(|_| Aggregate::new(SENT));
        merge_all(&mut all, lies.iter().chain(&honest).chain(&lies));
        merge_all(&mut honest_alone, &honest);
        merge_all(&mut lies_alone, &lies);
        let [all, honest, lies] = [all.tally(), honest_alone.tally(), lies_alone.tally()];
        prop_assert_eq!((all.users, all.devices), (honest.users + lies.users, honest.devices + lies.devices));
    }
}

#[test]
fn l7_a_person_fills_an_aggregate_no_further_than_a_list() {
    let mut aggregate = Aggregate::new(SENT);
    let mut heard = |device: usize, at| {
        let claim = claim("@mallory", Some(&format!("D{device}")), Some(at), ClaimState::Delivered);
        aggregate.merge(key(&claim.user_id), &claim, NOW).map(|taken| taken.unwrap().1)
    };
    for device in 0..RECEIPTS_PER_PERSON {
        assert_eq!(heard(device, SENT + ms(2)), Ok(Merged::New));
    }
    assert_eq!(heard(RECEIPTS_PER_PERSON, SENT + ms(2)), Err(Refusal::TooMany));
    assert_eq!(heard(0, SENT + ms(1)), Ok(Merged::Earlier), "what is there still changes");
    assert_eq!((aggregate.receipts(), aggregate.tally().devices), (RECEIPTS_PER_PERSON, RECEIPTS_PER_PERSON));
}

#[test]
fn the_latest_time_follows_a_receipt_that_turns_out_earlier() {
    let mut aggregate = Aggregate::new(SENT);
    let mut latest = |user, at| {
        let claim = claim(user, None, Some(at), ClaimState::Delivered);
        aggregate.merge(key(&claim.user_id), &claim, NOW).unwrap();
        aggregate.tally().latest
    };
    assert_eq!(latest("@ada", SENT + ms(9)), Some(SENT + ms(9)));
    assert_eq!(latest("@bob", SENT + ms(5)), Some(SENT + ms(9)));
    assert_eq!(latest("@ada", SENT + ms(1)), Some(SENT + ms(5)));
}

fn large(counted: Tally) -> Large {
    let (room, event) = (RoomId::new("!r"), EventId::new("$own"));
    Large { room_id: room, event_id: event, sent: SENT, counted, summary: Summary::default(), newest: Vec::new() }
}

#[test]
fn what_the_homeserver_counted_is_taken_for_what_is_expected_as_far_as_there_is_so_much() {
    let counted =
        Tally { people: 10, expected: 30, delivered: 6, undecryptable: 2, users: 4, devices: 7, latest: None };
    let told = |users, devices| Summary { users, devices, latest: Some(SENT + ms(1)) };
    for (told, expected, delivered, undecryptable) in [
        (told(3, 6), 30, 6, 2),
        (told(5, 9), 30, 9, 2),
        (told(10, 29), 30, 29, 1),
        (told(10, 30), 30, 30, 0),
        (told(12, 40), 30, 30, 0),
        // It names people only: people are counted.
        (told(9, 9), 10, 9, 1),
        (told(10, 10), 10, 10, 0),
    ] {
        let tally = counted.with_summary(told);
        assert_eq!(
            (tally.expected, tally.delivered, tally.undecryptable),
            (expected, delivered, undecryptable),
            "{told:?}"
        );
        assert_eq!((tally.users, tally.devices), (told.users.max(4), told.devices.max(7)));
        assert_eq!(tally.latest, Some(SENT + ms(1)));
    }
}

#[test]
fn l3_summaries_are_merged_by_maximum_in_any_order() {
    let told = |users, devices, latest| Summary { users, devices, latest: Some(SENT + latest) };
    let [one, other] = [told(3, 9, ms(1)), told(4, 8, ms(2))];
    for order in [[one, other], [other, one]] {
        let mut large = large(Tally::default());
        assert!(large.sum_up(order[0], 100, NOW));
        assert!(large.sum_up(order[1], 100, NOW));
        assert!(!large.sum_up(order[0], 100, NOW), "twice is once");
        assert_eq!(large.summary, told(4, 9, ms(2)));
    }
}

#[test]
fn l7_an_absurd_summary_is_cut_to_the_size_of_the_room() {
    let mut large = large(Tally::default());
    assert!(large.sum_up(Summary { users: usize::MAX, devices: usize::MAX, latest: None }, 7, NOW));
    assert_eq!(large.summary, Summary { users: 7, devices: 700, latest: None });
    for latest in [SENT - ms(1), NOW + MAX_AHEAD + ms(1), Timestamp::MAX] {
        assert!(!large.sum_up(Summary { users: 7, devices: 700, latest: Some(latest) }, 7, NOW), "l4: {latest:?}");
    }
}

#[test]
fn the_few_that_came_last_are_at_hand() {
    let mut large = large(Tally::default());
    let newest = |user: &str, at| Newest {
        who: (UserId::new(user), None),
        stamp: Stamp { at: Some(at), state: ClaimState::Delivered, route: Route::Native, heard: at },
        counts: true,
    };
    large.came(["@a", "@b", "@c", "@d", "@e", "@f"].map(|user| newest(user, Timestamp::from_millis(5))));
    large.came([newest("@c", Timestamp::from_millis(4))]);
    let users: Vec<_> = large.newest.iter().map(|newest| newest.who.0.as_str()).collect();
    assert_eq!(users, ["@b", "@d", "@e", "@f", "@c"]);
}
