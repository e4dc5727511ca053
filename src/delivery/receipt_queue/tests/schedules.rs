//! Random schedules: messages, keys, settings, requests, failures, kills between any two writes,
//! and a clock that jumps; at the other end a sync that comes late, kills, and a device that goes.
//! Whatever happens, nothing that is owed is lost, nothing leaves that is forbidden, and in the end
//! the marks at the other end are true (see [`World`]).

use std::time::Duration;

use proptest::prelude::*;

use super::{
    super::*,
    world::{DAY, Outcome, World, person, room},
};
use crate::delivery::policy::{JoinRule, NameDevice, RouteChoice, Send, Timing, Who};

#[derive(Clone, Debug)]
enum Happening {
    Comes {
        room: usize,
        from: usize,
        kind: EventKind,
        age: i64,
        readable: bool,
    },
    Flood {
        room: usize,
        from: usize,
        messages: usize,
    },
    /// The key of the n-th locked message, and whether anybody is told that it came.
    KeyComes {
        n: usize,
        told: bool,
    },
    IsRedacted(usize),
    /// A backfill brings everything once more.
    Backfill,
    Setting(Setting),
    Room(usize, RoomChange),
    Person(usize, PersonChange),
    Asks {
        from: usize,
        room: usize,
        device: u8,
        lifetime: Duration,
    },
    Server(Option<ServerFacts>),
    Passes(Duration),
    /// Until the next batch is due.
    Waits,
    ClockJumps(i64),
    Works(Vec<Outcome>),
    Lands(Outcome),
    Killed,
    KilledAfter(u32),
    /// The first person's sync brings what they have sent.
    SenderSyncs,
    SenderIsKilled,
    /// This account's other device is logged out.
    LaptopGoes,
}

/// A day in milliseconds.
const DAY_MS: i64 = 24 * 3_600 * 1_000;

#[derive(Clone, Copy, Debug)]
enum Setting {
    Send(Send),
    RoomSend(usize, Option<Send>),
    Who(Who),
    Person(usize, Option<Who>),
    Timing(Timing),
    Route(RouteChoice),
    NameDevice(NameDevice),
    Incognito(bool),
    IncognitoRoom(usize, bool),
}

#[derive(Clone, Copy, Debug)]
enum RoomChange {
    Joined(bool),
    Public(bool),
    Encrypted(bool),
    Members(u64),
}

#[derive(Clone, Copy, Debug)]
enum PersonChange {
    Joined(bool),
    Ignored(bool),
    Known,
    Verified(bool),
}

fn any_setting() -> impl Strategy<Value = Setting> {
    use prop::{option, sample::select};
    let send = || select(vec![Send::Auto, Send::Auto, Send::On, Send::Off]);
    let who = || select(vec![Who::Everyone, Who::Known, Who::Known, Who::Verified, Who::Nobody]);
    let timing = select(vec![Timing::Immediate, Timing::Prompt, Timing::Balanced, Timing::Guarded]);
    let route = select(vec![
        RouteChoice::Auto,
        RouteChoice::Auto,
        RouteChoice::Direct,
        RouteChoice::Direct,
        RouteChoice::Native,
        RouteChoice::Off,
    ]);
    let name_device = select(vec![NameDevice::Known, NameDevice::Verified, NameDevice::Never]);
    prop_oneof![
        send().prop_map(Setting::Send),
        (0..2usize, option::of(send())).prop_map(|(room, send)| Setting::RoomSend(room, send)),
        who().prop_map(Setting::Who),
        (0..3usize, option::of(who())).prop_map(|(person, who)| Setting::Person(person, who)),
        timing.prop_map(Setting::Timing),
        route.prop_map(Setting::Route),
        name_device.prop_map(Setting::NameDevice),
        any::<bool>().prop_map(Setting::Incognito),
        (0..2usize, any::<bool>()).prop_map(|(room, on)| Setting::IncognitoRoom(room, on)),
    ]
}

/// More often than not; else things would never get far.
fn mostly() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.7)
}

fn any_wait() -> impl Strategy<Value = Duration> {
    (0..100_000u64).prop_map(Duration::from_millis)
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => Just(Outcome::Sent),
        2 => prop::option::of(any_wait()).prop_map(Outcome::Failed),
        1 => (0..4usize).prop_map(Outcome::Partly),
        1 => any_wait().prop_map(Outcome::PutOff),
        2 => Just(Outcome::Pending),
    ]
}

fn any_happening() -> impl Strategy<Value = Happening> {
    // Most of it is between two people in one room, or things would seldom meet.
    let from = || prop_oneof![4 => Just(0usize), 1 => 1..3usize];
    let in_room = || prop_oneof![4 => Just(0usize), 1 => Just(1usize)];
    let kind = prop_oneof![6 => Just(EventKind::Message), 1 => Just(EventKind::Other), 1 => Just(EventKind::State)];
    let age = prop_oneof![8 => 0..60_000i64, 1 => 0..12 * DAY_MS, 1 => -600_000..0i64];
    let room_change = prop_oneof![
        mostly().prop_map(RoomChange::Joined),
        mostly().prop_map(|private| RoomChange::Public(!private)),
        mostly().prop_map(RoomChange::Encrypted),
        (1..70u64).prop_map(RoomChange::Members),
    ];
    let person_change = prop_oneof![
        mostly().prop_map(PersonChange::Joined),
        mostly().prop_map(|welcome| PersonChange::Ignored(!welcome)),
        Just(PersonChange::Known),
        mostly().prop_map(PersonChange::Verified),
    ];
    let server = (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(native, devices, federated)| ServerFacts {
        native,
        devices,
        federated,
    });
    let jump = prop_oneof![2 => -7_200_000..7_200_000i64, 1 => -2 * DAY_MS..2 * DAY_MS];
    let messages = || prop_oneof![10 => 2..80usize, 1 => 300..700usize];
    prop_oneof![
        10 => (in_room(), from(), kind, age, mostly())
            .prop_map(|(room, from, kind, age, readable)| Happening::Comes { room, from, kind, age, readable }),
        1 => (in_room(), from(), messages())
            .prop_map(|(room, from, messages)| Happening::Flood { room, from, messages }),
        4 => (any::<usize>(), mostly()).prop_map(|(n, told)| Happening::KeyComes { n, told }),
        1 => any::<usize>().prop_map(Happening::IsRedacted),
        1 => Just(Happening::Backfill),
        3 => any_setting().prop_map(Happening::Setting),
        1 => (in_room(), room_change).prop_map(|(room, change)| Happening::Room(room, change)),
        2 => (from(), person_change).prop_map(|(person, change)| Happening::Person(person, change)),
        5 => (from(), in_room(), 0..2u8, prop_oneof![Just(7 * DAY), (0..900_000u64).prop_map(Duration::from_millis)])
            .prop_map(|(from, room, device, lifetime)| Happening::Asks { from, room, device, lifetime }),
        2 => prop::option::of(server).prop_map(Happening::Server),
        6 => prop_oneof![0..10_000u64, 0..900_000u64].prop_map(|ms| Happening::Passes(Duration::from_millis(ms))),
        6 => Just(Happening::Waits),
        1 => jump.prop_map(Happening::ClockJumps),
        10 => prop::collection::vec(any_outcome(), 0..3).prop_map(Happening::Works),
        2 => any_outcome().prop_map(Happening::Lands),
        1 => Just(Happening::Killed),
        2 => (1..5u32).prop_map(Happening::KilledAfter),
        3 => Just(Happening::SenderSyncs),
        2 => Just(Happening::SenderIsKilled),
        1 => Just(Happening::LaptopGoes),
    ]
}

fn set(settings: &mut Settings, setting: Setting) {
    match setting {
        Setting::Send(send) => settings.send = send,
        Setting::RoomSend(n, Some(send)) => drop(settings.rooms.insert(room(n), send)),
        Setting::RoomSend(n, None) => drop(settings.rooms.remove(&room(n))),
        Setting::Who(who) => settings.who = who,
        Setting::Person(n, Some(who)) => drop(settings.people.insert(person(n), who)),
        Setting::Person(n, None) => drop(settings.people.remove(&person(n))),
        Setting::Timing(timing) => settings.timing = timing,
        Setting::Route(route) => settings.route = route,
        Setting::NameDevice(name_device) => settings.name_device = name_device,
        Setting::Incognito(on) => settings.incognito = on,
        Setting::IncognitoRoom(n, true) => drop(settings.incognito_rooms.insert(room(n))),
        Setting::IncognitoRoom(n, false) => drop(settings.incognito_rooms.remove(&room(n))),
    }
}

/// So many milliseconds later, or earlier.
fn moved(time: Timestamp, by: i64) -> Timestamp {
    Timestamp::from_millis(time.as_millis().saturating_add_signed(by))
}

fn happen(world: &mut World, happening: Happening) {
    match happening {
        Happening::Comes { room, from, kind, age, readable } => {
            world.comes(room, from, moved(world.clock, -age), kind, readable);
            world.sync();
        }
        Happening::Flood { room, from, messages } => {
            for _ in 0..messages {
                world.comes(room, from, world.clock, EventKind::Message, true);
            }
            world.sync();
        }
        Happening::KeyComes { n, told } => {
            let mut locked = world.messages.iter_mut().enumerate().filter(|(_, message)| !message.facts.readable);
            let Some((n, message)) = locked.nth(n % 3) else { return };
            message.facts.readable = true;
            // Whoever is not told looks again at the next start.
            if told {
                world.then(|world| world.take_in(&[n], Came::Now));
            } else {
                world.kill();
            }
        }
        Happening::IsRedacted(n) => {
            let count = world.messages.len().max(1);
            if let Some(message) = world.messages.get_mut(n % count) {
                message.facts.redacted = true;
            }
        }
        Happening::Backfill => {
            world.then(|world| world.take_in(&(0..world.messages.len()).collect::<Vec<_>>(), Came::ByBackfill));
        }
        Happening::Setting(setting) => world.set(|settings| set(settings, setting)),
        Happening::Room(room, change) => {
            let room = &mut world.rooms[room];
            match change {
                RoomChange::Joined(joined) => room.joined = joined,
                RoomChange::Public(true) => room.join_rule = JoinRule::Public,
                RoomChange::Public(false) => room.join_rule = JoinRule::NotPublic,
                RoomChange::Encrypted(encrypted) => room.encrypted = encrypted,
                RoomChange::Members(members) => room.joined_members = members,
            }
        }
        Happening::Person(person, change) => {
            let person = &mut world.people[person];
            match change {
                PersonChange::Joined(joined) => person.joined = joined,
                PersonChange::Ignored(ignored) => person.ignored = ignored,
                PersonChange::Known => person.known = true,
                PersonChange::Verified(verified) => person.verified = verified,
            }
        }
        Happening::Asks { from, room, device, lifetime } => world.asks(from, room, device, world.clock + lifetime),
        Happening::Server(server) => {
            world.server = server;
            world.then(|world| {
                world.receipt_queue.routes_changed(world.clock);
                Ok(())
            });
        }
        Happening::Passes(time) => world.clock += time,
        Happening::Waits => {
            world.clock = world.receipt_queue.next_wake().map_or(world.clock, |wake| world.clock.max(wake));
        }
        Happening::ClockJumps(by) => world.clock = moved(world.clock, by),
        Happening::Works(outcomes) => world.work(&outcomes, Outcome::Sent),
        Happening::Lands(outcome) => world.lands(outcome),
        Happening::Killed => world.kill(),
        Happening::KilledAfter(writes) => world.journal.kill_after(writes),
        Happening::SenderSyncs => world.sender_syncs(),
        Happening::SenderIsKilled => world.sender.is_killed(world.clock),
        Happening::LaptopGoes => world.sender.laptop_goes(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// See the module.
    #[test]
    fn nothing_owed_is_lost_and_nothing_forbidden_leaves(happenings in prop::collection::vec(any_happening(), 0..80)) {
        let mut world = World::new();
        for happening in happenings {
            happen(&mut world, happening);
        }
        world.ends_well();
    }
}
