//! On real files: a large message is believed as a small one is, whatever is killed in between.

use std::{collections::BTreeSet, fs, path::Path};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{
    delivery::{
        ledger::{
            ExpectedDevice, RECEIPTS_PER_PERSON, Refusal,
            aggregate::{LARGE, Tally},
        },
        receipt::ClaimState,
        store::{Claimed, Store, Summed},
        summary,
    },
    model::{DeviceDelivery, DeviceId, DeviceState, PeopleFilter, Route, SafeText},
};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const KEY: [u8; 32] = [7; 32];
const SENT: Timestamp = Timestamp::from_millis(1_000_000);
const NOW: Timestamp = SENT.plus(Duration::from_mins(1));

fn temporary() -> (TempDir, Store) {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path(), &KEY).unwrap();
    (dir, store)
}

fn room() -> RoomId {
    RoomId::new("!room:example.org")
}

fn event() -> EventId {
    EventId::new("$own")
}

fn user(number: usize) -> UserId {
    UserId::new(format!("@{number:05}:example.org"))
}

/// A message to so many people with two devices each, the second of which was left out.
fn own(people: usize) -> OwnEvent {
    let device = |id: &str, excluded| {
        let name = SafeText::line("a laptop");
        ExpectedDevice { device_id: DeviceId::new(id), name, excluded, silent: None }
    };
    let devices = || vec![device("A", None), device("B", Some("blocked".to_owned()))];
    let expected = (0..people).map(|number| (user(number), devices())).collect();
    OwnEvent { room_id: room(), event_id: event(), sent: SENT, expected, claims: BTreeMap::new() }
}

fn claim(number: usize, device: Option<&str>, at: Timestamp) -> PeerClaim {
    PeerClaim {
        room_id: room(),
        event_id: event(),
        user_id: user(number),
        device_id: device.map(DeviceId::new),
        at: Some(at),
        state: ClaimState::Delivered,
        route: Route::Native,
        heard: NOW,
        quiet: false,
    }
}

fn delivered(number: usize) -> PeerClaim {
    claim(number, Some("A"), SENT + ms(5))
}

fn counted(store: &Store) -> Option<Tally> {
    store.large_event(&event()).unwrap().map(|large| large.counted)
}

/// Everything that is on disk about the message.
fn all(store: &Store) -> OwnEvent {
    let small = store.own_event(&event()).unwrap();
    let large = store.page(&event(), PeopleFilter::Everybody, None, usize::MAX).unwrap();
    assert!(small.is_none() || large.is_none(), "it is one or the other");
    small.or(large.map(|page| page.own)).unwrap()
}

/// The files as they are while the store is open, without any of what closing does: what a kill
/// leaves.
fn killed(dir: &Path) -> (TempDir, Store) {
    let left = TempDir::new().unwrap();
    for file in fs::read_dir(dir).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), left.path().join(file.file_name())).unwrap();
    }
    let store = Store::open(left.path(), &KEY).unwrap();
    (left, store)
}

fn segments(dir: &TempDir) -> (usize, usize) {
    let db = rusqlite::Connection::open(dir.path().join("delivery.sqlite3")).unwrap();
    let sql = "SELECT count(*), coalesce(sum(entries), 0) FROM segments WHERE kind = 0";
    db.query_one(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn any_claim() -> impl Strategy<Value = PeerClaim> {
    let at =
        prop_oneof![Just(None), (0..6u64).prop_map(|later| Some(SENT - ms(2) + ms(later))), Just(Some(Timestamp::MAX))];
    let state = prop_oneof![Just(ClaimState::Delivered), Just(ClaimState::Undecryptable)];
    let route = prop_oneof![Just(Route::Direct), Just(Route::Native)];
    let device = prop_oneof![Just(None), Just(Some("A")), Just(Some("B")), Just(Some("C"))];
    (LARGE - 2..LARGE + 2, device, at, state, route, 0..3u64).prop_map(|(number, device, at, state, route, heard)| {
        PeerClaim { at, state, route, heard: NOW - ms(2) + ms(heard), ..claim(number, device, Timestamp::EPOCH) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// People 0 to 198 or 199 were given the key, and 198 to 201 claim things: it may be small,
    /// grow, or be large.
    #[test]
    fn l3_l8_batches_with_kills_between_them_say_what_one_list_says(
        people in LARGE - 1..LARGE + 2,
        batches in prop::collection::vec((prop::collection::vec(any_claim(), 0..6), any::<bool>()), 0..5),
        again in any::<prop::sample::Index>(),
    ) {
        let (mut dir, mut store) = temporary();
        let mut expected = own(people);
        store.record_recipients(&expected).unwrap();
        let mut told = Vec::new();
        let mut claims: Vec<_> = batches.clone();
        if !batches.is_empty() {
            claims.push(again.get(&batches).clone());
        }
        for (batch, kill) in claims {
            let Claimed { changed, tallied, unknown, refused, .. } = store.claim(&batch, NOW).unwrap();
            let mut seen = false;
            for claim in batch {
                seen |= expected.merge(claim, NOW) != Ok(Merged::Same);
            }
            prop_assert_eq!(changed.len() + tallied.len() > 0, seen);
            prop_assert!(unknown.is_empty() && refused == Refused::default());
            prop_assert!(changed.iter().all(|own| *own == expected));
            told.extend(tallied);
            if kill {
                (dir, store) = killed(dir.path());
            }
        }
        prop_assert_eq!(all(&store), expected.clone());
        let large = store.large_event(&event()).unwrap();
        prop_assert_eq!(large.is_some(), expected.people() > LARGE);
        if let Some(large) = large {
            let mut aggregate = Aggregate::new(SENT);
            let disk = store.disk.read();
            expected.expected.iter().for_each(|(user, devices)| aggregate.expect(person(&disk, user), devices));
            for ((user, device), stamp) in &expected.claims {
                aggregate.recall(person(&disk, user), device.as_ref(), *stamp);
            }
            prop_assert_eq!(large.counted, aggregate.tally());
            prop_assert!(told.last().is_none_or(|told| *told == large), "what was told last is what stands");
        }
    }
}

#[test]
fn a_message_to_more_than_200_people_is_large_from_the_start() {
    for (people, large) in [(LARGE, false), (LARGE + 1, true)] {
        let (_dir, mut store) = temporary();
        store.record_recipients(&own(people)).unwrap();
        assert!(store.is_own_event(&event()).unwrap());
        assert_eq!(store.own_event(&event()).unwrap().is_none(), large);
        assert_eq!(store.own_events(&room(), 9).unwrap().is_empty(), large);
        assert_eq!(store.large_events(&room(), 9).unwrap().len(), usize::from(large));
        assert_eq!(all(&store), own(people));
        store.record_recipients(&own(3)).unwrap();
        assert_eq!(all(&store), own(people), "the first record holds");
    }
}

#[test]
fn l8_after_a_restart_the_counts_are_there_and_twice_is_still_once() {
    let (dir, mut store) = temporary();
    store.record_recipients(&own(300)).unwrap();
    let claims: Vec<_> = (0..250).map(delivered).collect();
    let claimed = store.claim(&claims, NOW).unwrap();
    assert_eq!((claimed.tallied.len(), claimed.answers_changed), (1, true));
    let tally = Tally {
        people: 300,
        expected: 300,
        delivered: 250,
        users: 250,
        devices: 250,
        latest: Some(SENT + ms(5)),
        ..Tally::default()
    };
    drop(store);
    let mut store = Store::open(dir.path(), &KEY).unwrap();
    assert_eq!(counted(&store), Some(tally));
    assert_eq!(store.claim(&claims, NOW).unwrap(), Claimed::default());
    assert_eq!(counted(&store), Some(tally));
    let newest = store.large_event(&event()).unwrap().unwrap().newest;
    assert_eq!(
        newest.iter().map(|newest| newest.who.0.clone()).collect::<Vec<_>>(),
        [245, 246, 247, 248, 249].map(user)
    );
    assert_eq!(store.answers(&user(7)).unwrap(), Answers::Named);
    assert_eq!(store.answers(&user(270)).unwrap(), Answers::Never);
}

#[test]
fn l8_a_write_that_fails_counts_nothing() {
    let (dir, mut store) = temporary();
    store.record_recipients(&own(300)).unwrap();
    store.claim(&[delivered(0)], NOW).unwrap();
    let other = rusqlite::Connection::open(dir.path().join("delivery.sqlite3")).unwrap();
    other.execute_batch("CREATE TRIGGER full BEFORE UPDATE ON large BEGIN SELECT raise(ABORT, 'full'); END").unwrap();
    let claims = [delivered(1), delivered(2)];
    assert!(store.claim(&claims, NOW).is_err());
    assert_eq!(counted(&store).map(|tally| tally.delivered), Some(1));
    assert_eq!(all(&store).claims.len(), 1);
    assert_eq!(store.answers(&user(1)).unwrap(), Answers::Never);
    other.execute_batch("DROP TRIGGER full").unwrap();
    let claimed = store.claim(&claims, NOW).unwrap();
    assert_eq!((claimed.tallied.len(), counted(&store).map(|tally| tally.delivered)), (1, Some(3)));
}

#[test]
fn receipts_that_come_one_by_one_make_few_segments() {
    let (dir, mut store) = temporary();
    store.record_recipients(&own(300)).unwrap();
    for number in 0..255 {
        store.claim(&[delivered(number)], NOW).unwrap();
    }
    assert_eq!(segments(&dir), (8, 255), "128, 64, 32 and so on");
    assert_eq!(counted(&store).map(|tally| tally.delivered), Some(255));
    assert_eq!(all(&store).claims.len(), 255);
}

#[test]
fn l7_whoever_betters_their_receipt_for_ever_does_not_fill_the_disk() {
    let (dir, mut store) = temporary();
    store.record_recipients(&own(300)).unwrap();
    let better =
        |round: u64| (0..201).map(move |number| claim(number, Some("A"), SENT + ms(50 - round))).collect::<Vec<_>>();
    for round in 0..20 {
        assert_eq!(store.claim(&better(round), NOW).unwrap().tallied.len(), 1);
        assert!(segments(&dir).1 <= 2 * 201 + SEGMENT);
    }
    assert!(all(&store).claims.values().all(|stamp| stamp.at == Some(SENT + ms(31))));
    assert_eq!(counted(&store).map(|tally| tally.latest), Some(Some(SENT + ms(31))));
}

#[test]
fn l1_l7_what_is_refused_of_a_large_message_is_counted() {
    let (_dir, mut store) = temporary();
    store.record_recipients(&own(300)).unwrap();
    let devices: Vec<String> = (0..RECEIPTS_PER_PERSON + 2).map(|number| format!("D{number}")).collect();
    let mut claims: Vec<_> = devices.iter().map(|device| claim(1, Some(device), SENT)).collect();
    claims.push(PeerClaim { room_id: RoomId::new("!other"), ..delivered(2) });
    let mut refused = Refused::of(Refusal::TooMany, 2);
    refused.count(Refusal::OtherRoom, 1);
    assert_eq!(store.claim(&claims, NOW).unwrap().refused, refused);
    assert_eq!(all(&store).claims.len(), RECEIPTS_PER_PERSON);
}

#[test]
fn a_batch_larger_than_a_segment_is_taken_in_as_a_whole() {
    let (dir, mut store) = temporary();
    store.record_recipients(&own(300)).unwrap();
    let claims: Vec<_> = (0..SEGMENT + 500).map(delivered).collect();
    store.claim(&claims, NOW).unwrap();
    assert_eq!(segments(&dir), (2, SEGMENT + 500));
    let tally = counted(&store).unwrap();
    assert_eq!((tally.delivered, tally.devices), (300, SEGMENT + 500), "the others were not expected");
}

/// Everybody on a page, by id.
fn people(own: &OwnEvent) -> Vec<UserId> {
    let users: BTreeSet<_> = own.expected.keys().chain(own.claims.keys().map(|(user, _)| user)).collect();
    users.into_iter().cloned().collect()
}

/// Goes through all pages; says who was on each.
fn all_pages(store: &Store, filter: PeopleFilter, most: usize) -> Vec<Page> {
    let (mut pages, mut after): (Vec<Page>, Option<UserId>) = (Vec::new(), None);
    loop {
        let page = store.page(&event(), filter, after.as_ref(), most).unwrap().unwrap();
        after = people(&page.own).pop();
        pages.push(page);
        if !pages.last().is_some_and(|page| page.more) {
            return pages;
        }
    }
}

/// Those of whom the list of a small message would show a device that counts and does not have it.
fn missing(own: &OwnEvent) -> Vec<UserId> {
    let shown = summary::delivery(own, &BTreeMap::new(), NOW);
    let lacks = |device: &DeviceDelivery| device.expected && !matches!(device.state, DeviceState::Delivered { .. });
    shown.people.into_iter().filter(|person| person.devices.iter().any(lacks)).map(|person| person.user_id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// People 0 to 209 were given the key; 198 to 219 claim things, some of them over and over.
    #[test]
    fn all_pages_have_each_person_once_in_order_and_with_all_that_is_known(
        many in prop::collection::vec((200_usize..220, 0_u8..4), 0..60),
        few in prop::collection::vec(any_claim(), 0..12),
        most in 1_usize..130,
        at_once in any::<bool>(),
    ) {
        let (mut dir, mut store) = temporary();
        store.record_recipients(&own(210)).unwrap();
        let devices = [None, Some("A"), Some("B"), Some("C")];
        let many = many.into_iter().map(|(number, device)| claim(number, devices[usize::from(device)], SENT + ms(5)));
        let claims: Vec<_> = many.chain(few).collect();
        for some in claims.chunks(if at_once { 100 } else { 7 }) {
            store.claim(some, NOW).unwrap();
        }
        let whole = all(&store);
        if !at_once {
            // From disk alone, with no aggregate at hand.
            (dir, store) = killed(dir.path());
        }
        for (filter, expected) in [(PeopleFilter::Everybody, people(&whole)), (PeopleFilter::Missing, missing(&whole))] {
            let pages = all_pages(&store, filter, most);
            prop_assert!(pages.iter().rev().skip(1).all(|page| people(&page.own).len() == most), "only the last is not full");
            prop_assert!(pages.iter().all(|page| page.all == expected.len()));
            let (mut found, mut claims) = (Vec::new(), BTreeMap::new());
            for page in pages {
                found.extend(people(&page.own));
                claims.extend(page.own.claims);
            }
            prop_assert_eq!(&found, &expected);
            let of_them = whole.claims.iter().filter(|((user, _), _)| expected.contains(user));
            prop_assert_eq!(claims, of_them.map(|(who, stamp)| (who.clone(), *stamp)).collect());
        }
        drop(dir);
    }
}

#[test]
fn who_lacks_it_is_a_page_of_its_own() {
    let (_dir, mut store) = temporary();
    store.record_recipients(&own(300)).unwrap();
    let page = |store: &Store, filter, after: Option<usize>| {
        let page = store.page(&event(), filter, after.map(user).as_ref(), 50).unwrap().unwrap();
        (people(&page.own), page.more, page.all)
    };
    let numbered = |numbers: std::ops::Range<usize>| numbers.map(user).collect::<Vec<_>>();
    assert_eq!(page(&store, PeopleFilter::Missing, None), (numbered(0..50), true, 300));

    store.claim(&(0..240).rev().map(delivered).collect::<Vec<_>>(), NOW).unwrap();
    store.claim(&(310..320).map(delivered).collect::<Vec<_>>(), NOW).unwrap();
    assert_eq!(page(&store, PeopleFilter::Missing, None), (numbered(240..290), true, 60));
    assert_eq!(page(&store, PeopleFilter::Missing, Some(289)), (numbered(290..300), false, 60));
    assert_eq!(
        page(&store, PeopleFilter::Everybody, Some(259)),
        ([numbered(260..300), numbered(310..320)].concat(), false, 310)
    );
    assert_eq!(page(&store, PeopleFilter::Everybody, Some(319)), (Vec::new(), false, 310), "nobody more");

    store.claim(&[PeerClaim { state: ClaimState::Undecryptable, ..delivered(240) }], NOW).unwrap();
    assert_eq!(page(&store, PeopleFilter::Missing, None).0, numbered(240..290), "who cannot decrypt it lacks it");
    store.claim(&(240..300).map(delivered).collect::<Vec<_>>(), NOW).unwrap();
    assert_eq!(page(&store, PeopleFilter::Missing, None), (Vec::new(), false, 0), "everybody has it");
}

#[test]
fn only_a_large_message_has_pages() {
    let (_dir, mut store) = temporary();
    assert_eq!(store.page(&event(), PeopleFilter::Missing, None, 50).unwrap(), None);
    store.record_recipients(&own(3)).unwrap();
    assert_eq!(store.page(&event(), PeopleFilter::Missing, None, 50).unwrap(), None);
}

#[test]
fn the_large_messages_of_all_rooms_are_gone_through_from_the_latest_on() {
    let (_dir, mut store) = temporary();
    for number in 0..5 {
        let (room, event) = (RoomId::new(format!("!{}", number % 2)), EventId::new(format!("${number}")));
        store.record_recipients(&OwnEvent { room_id: room, event_id: event, ..own(201) }).unwrap();
    }
    let latest = |without, limit| {
        let found = store.latest_large_events(without, limit).unwrap();
        found.into_iter().map(|large| large.event_id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(latest(0, 2), ["$4", "$3"]);
    assert_eq!(latest(2, 9), ["$2", "$1", "$0"]);
    assert!(latest(5, 9).is_empty());
}

#[test]
fn what_the_homeserver_sums_up_is_large_and_kept() {
    let (dir, mut store) = temporary();
    store.record_recipients(&own(4)).unwrap();
    store.claim(&[delivered(1)], NOW).unwrap();
    let told = Summary { users: 3, devices: 4, latest: Some(SENT + ms(9)) };
    let mut elsewhere = || store.sum_up(&RoomId::new("!other"), &[(event(), told)], 5, NOW).unwrap();
    let refused = Summed { refused: Refused::of(Refusal::OtherRoom, 1), ..Summed::default() };
    assert_eq!(elsewhere(), refused, "l1: not in another room");
    assert!(store.own_event(&event()).unwrap().is_some());

    let Summed { tallied, unknown, .. } = store.sum_up(&room(), &[(event(), told)], 5, NOW).unwrap();
    assert_eq!((tallied.len(), unknown.len()), (1, 0));
    let tally = tallied[0].tally();
    assert_eq!((tally.users, tally.delivered, tally.expected, tally.latest), (3, 4, 4, Some(SENT + ms(9))));
    let again = store.sum_up(&room(), &[(event(), told)], 5, NOW).unwrap();
    assert_eq!(again, Summed::default(), "twice is once");
    let elsewhere = store.sum_up(&RoomId::new("!other"), &[(event(), told)], 5, NOW).unwrap();
    assert_eq!(elsewhere, refused, "l1: nor when it is large");

    let (_left, mut store) = killed(dir.path());
    assert_eq!(store.large_event(&event()).unwrap().unwrap(), tallied[0]);
    store.claim(&[delivered(2)], NOW).unwrap();
    let large = store.large_event(&event()).unwrap().unwrap();
    assert_eq!((large.summary, large.counted.delivered), (told, 2), "both are kept apart");
}

#[test]
fn aggregates_are_forgotten_when_nothing_comes_for_them() {
    let (_dir, mut store) = temporary();
    for number in 0..IN_MEMORY + 2 {
        store.record_recipients(&OwnEvent { event_id: EventId::new(format!("${number}")), ..own(201) }).unwrap();
        assert!(store.aggregates.0.len() <= IN_MEMORY);
    }
    let about = |number: usize| [PeerClaim { event_id: EventId::new(format!("${number}")), ..delivered(1) }];
    store.claim(&about(0), NOW).unwrap();
    store.claim(&about(0), NOW + KEPT - ms(1)).unwrap();
    assert_eq!(store.aggregates.0.len(), IN_MEMORY);
    store.claim(&about(1), NOW + KEPT).unwrap();
    assert!(store.aggregates.0.contains_key(&EventId::new("$1")));
    store.claim(&[], NOW + 3 * KEPT).unwrap();
    store.claim(&[], NOW + 4 * KEPT).unwrap();
    assert!(store.aggregates.0.is_empty());
}

#[test]
fn nothing_of_it_stands_in_the_files_in_the_clear() {
    let (dir, mut store) = temporary();
    store.record_recipients(&own(300)).unwrap();
    store.claim(&(0..250).map(delivered).collect::<Vec<_>>(), NOW).unwrap();
    for file in fs::read_dir(dir.path()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        for secret in ["example.org", "$own", "a laptop", "blocked", "delivered"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
}
