//! The ledger at its largest: one message to 50,000 people with three devices each (L7).
//!
//! Run it with `cargo bench --bench ledger`. The goals: 150,000 receipts are taken in within 0.5 s,
//! for at most 64 MiB more memory, and a restart has their counts again within 0.2 s. The memory is
//! that of the process, from before the message to the most that it ever was.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use criterion::{BatchSize, Criterion};
use kvitto::{
    delivery::{
        ledger::{
            ExpectedDevice, OwnEvent, PeerClaim,
            aggregate::{Aggregate, PersonKey},
        },
        receipt::ClaimState,
        store::Store,
    },
    model::{DeviceId, EventId, PeopleFilter, PeoplePage, RoomId, Route, SafeText, Timestamp, UserId},
};
use tempfile::TempDir;

const PEOPLE: usize = 50_000;
const DEVICES: usize = 3;
/// So many receipts a sync brings.
const BATCH: usize = 1_000;
const BATCHES: usize = PEOPLE * DEVICES / BATCH;
/// Sunday 22 November 2026.
const SENT: Timestamp = Timestamp::from_millis(1_795_305_600_000);
const NOW: Timestamp = SENT.plus(Duration::from_mins(1));

fn room() -> RoomId {
    RoomId::new("!everybody:example.org")
}

fn event() -> EventId {
    EventId::new("$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg")
}

fn user(number: usize) -> UserId {
    UserId::new(format!("@person-number-{number}:example.org"))
}

fn device(number: usize) -> DeviceId {
    DeviceId::new(format!("DEVICE{number:04}"))
}

fn own() -> OwnEvent {
    let known = |number| ExpectedDevice {
        device_id: device(number),
        name: SafeText::line("kvitto on somebody's laptop"),
        excluded: None,
        silent: None,
    };
    let expected = (0..PEOPLE).map(|number| (user(number), (0..DEVICES).map(known).collect())).collect();
    OwnEvent { room_id: room(), event_id: event(), sent: SENT, expected, claims: BTreeMap::new() }
}

/// Everybody's first device, then their second and third, in an order that is none.
fn receipt(number: usize) -> PeerClaim {
    PeerClaim {
        room_id: room(),
        event_id: event(),
        user_id: user(number * 7_919 % PEOPLE),
        device_id: Some(device(number / PEOPLE)),
        at: Some(SENT + Duration::from_millis(u64::try_from(number % 50_000).unwrap_or(0))),
        state: ClaimState::Delivered,
        route: Route::Native,
        heard: NOW,
        quiet: false,
    }
}

fn batch(number: usize) -> Vec<PeerClaim> {
    (number * BATCH..(number + 1) * BATCH).map(receipt).collect()
}

fn open(dir: &Path) -> Store {
    Store::open(dir, &[7; 32]).unwrap_or_else(|error| panic!("{error}"))
}

fn recorded() -> (TempDir, Store) {
    let dir = TempDir::new().unwrap_or_else(|error| panic!("{error}"));
    let mut store = open(dir.path());
    if let Err(error) = store.record_recipients(&own()) {
        panic!("{error}");
    }
    (dir, store)
}

fn take_in(store: &mut Store, claims: &[PeerClaim]) {
    match store.claim(claims, NOW) {
        Ok(claimed) => drop(black_box(claimed)),
        Err(error) => panic!("{error}"),
    }
}

fn full() -> (TempDir, Store) {
    let (dir, mut store) = recorded();
    (0..BATCHES).for_each(|number| take_in(&mut store, &batch(number)));
    (dir, store)
}

fn counts(store: &Store) -> usize {
    let large = store.large_events(&room(), 500).unwrap_or_else(|error| panic!("{error}"));
    large.iter().map(|large| large.tally().delivered).sum()
}

/// How long it takes to read a page of these people, of whom there are so many.
fn page(store: &Store, whom: PeopleFilter, all: usize) -> Duration {
    let begin = Instant::now();
    let page = store.page(&event(), whom, Some(&user(25_000)), PeoplePage::MOST);
    let took = begin.elapsed();
    let Ok(Some(page)) = page else { panic!("{page:?}") };
    assert_eq!((page.all, page.own.people()), (all, all.min(PeoplePage::MOST)));
    took
}

/// The memory that this process has in the machine, in bytes.
fn memory() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4096
}

/// Once, step by step, for what cannot be averaged.
fn once() {
    let before = memory();
    let begin = Instant::now();
    let (dir, mut store) = recorded();
    let recording = begin.elapsed();
    let after_recording = memory();
    let (mut took, mut longest, mut most) = (Duration::ZERO, Duration::ZERO, 0);
    for number in 0..BATCHES {
        let claims = batch(number);
        let begin = Instant::now();
        take_in(&mut store, &claims);
        longest = longest.max(begin.elapsed());
        took += begin.elapsed();
        most = most.max(memory());
    }
    assert_eq!(counts(&store), PEOPLE * DEVICES);
    drop(store);
    let begin = Instant::now();
    let mut store = open(dir.path());
    assert_eq!(counts(&store), PEOPLE * DEVICES);
    let restart = begin.elapsed();
    let cold = page(&store, PeopleFilter::Missing, 0);
    let begin = Instant::now();
    take_in(&mut store, &batch(0));
    let first = begin.elapsed();
    let paged = page(&store, PeopleFilter::Everybody, PEOPLE);
    let file = fs::metadata(dir.path().join("delivery.sqlite3")).map_or(0, |file| file.len());
    let mib = |bytes: usize| bytes.div_ceil(1 << 20);
    println!("recorded                 {recording:9.1?}");
    println!("{} receipts taken in {took:9.1?}, the longest batch {longest:.1?}", BATCH * BATCHES);
    println!("restart with counts      {restart:9.1?}");
    println!("first batch after it     {first:9.1?}");
    println!("a page of who lacks it   {cold:9.1?}");
    println!("a page of everybody      {paged:9.1?}, while receipts come in");
    println!(
        "memory                   {:5} MiB more, {} MiB of them for recording",
        mib(most - before),
        mib(after_recording - before)
    );
    println!("file                     {:5} MiB", mib(usize::try_from(file).unwrap_or(0)));
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ledger");
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(5));
    group.bench_function("150,000 receipts taken in", |bencher| {
        let batches: Vec<_> = (0..BATCHES).map(batch).collect();
        let all = |(_dir, store): &mut (TempDir, Store)| batches.iter().for_each(|claims| take_in(store, claims));
        bencher.iter_batched_ref(recorded, all, BatchSize::PerIteration);
    });
    let (dir, mut store) = full();
    group.bench_function("restart", |bencher| bencher.iter(|| counts(&open(dir.path()))));
    group.bench_function("1,000 receipts more", |bencher| {
        let next = Cell::new(PEOPLE * DEVICES);
        let new = || (0..BATCH).map(|_| receipt(next.replace(next.get() + 1))).collect::<Vec<_>>();
        bencher.iter_batched(new, |claims| take_in(&mut store, &claims), BatchSize::PerIteration);
    });
    group.bench_function("1,000 receipts again", |bencher| {
        let claims = batch(7);
        bencher.iter(|| take_in(&mut store, &claims));
    });
    group.bench_function("one receipt merged", |bencher| {
        let key = |number: usize| {
            let mut key = PersonKey::default();
            key[..8].copy_from_slice(&number.to_le_bytes());
            key
        };
        let mut aggregate = Aggregate::new(SENT);
        (0..PEOPLE * DEVICES).for_each(|number| _ = aggregate.merge(key(number % PEOPLE), &receipt(number), NOW));
        let again = receipt(7);
        bencher.iter(|| aggregate.merge(black_box(key(7)), &again, NOW));
    });
}

fn main() {
    once();
    let mut criterion = Criterion::default().configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}
