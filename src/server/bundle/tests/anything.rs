//! Whatever is delivered, in whatever order, and whichever responses are lost.

use std::{collections::BTreeSet, ops::Range};

use proptest::prelude::*;

use super::*;
use crate::delivery::receipt::NATIVE_DEVICES;

/// Event, user and device of a receipt. Users with even numbers do not name their devices.
type Key = (usize, usize, Option<usize>);

#[derive(Clone, Debug)]
enum Step {
    /// These receipts come, a device each.
    Deliver { event: usize, users: Range<usize>, device: usize },
    /// One of the two devices syncs so much later.
    Sync { device: usize, later: Duration, how: How },
}

/// How a device syncs.
#[derive(Clone, Copy, Debug)]
struct How {
    /// Without its token.
    initial: bool,
    /// The response does not come.
    lost: bool,
    /// The response cannot speak of `!hidden`, the room of `$0`.
    blind: bool,
}

const PLAINLY: How = How { initial: false, lost: false, blind: false };

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let count = prop_oneof![9 => 0..5_usize, 1 => 0..1_500_usize];
    let deliver = (0..3_usize, 0..30_usize, count, 0..3_usize).prop_map(|(event, user, count, device)| Step::Deliver {
        event,
        users: user..user + count,
        device,
    });
    let how = (prop::bool::weighted(0.1), prop::bool::weighted(0.3), prop::bool::weighted(0.3))
        .prop_map(|(initial, lost, blind)| How { initial, lost, blind });
    let sync = (0..2_usize, 0..1_500_u64, how).prop_map(|(device, later, how)| Step::Sync {
        device,
        later: Duration::from_millis(later),
        how,
    });
    prop::collection::vec(prop_oneof![deliver, sync], 0..60)
}

/// A device of the user, as it sees itself.
#[derive(Default)]
struct Client {
    /// Of the last response that came.
    token: Option<u64>,
    /// What ever came.
    got: BTreeSet<Key>,
    /// What came since it last began without a token; its token speaks for this.
    held: BTreeSet<Key>,
    /// What a token that it sent back spoke for.
    proved: BTreeSet<Key>,
    last: Option<Timestamp>,
}

fn keys(bundle: &Bundle) -> BTreeSet<Key> {
    let mut found = BTreeSet::new();
    for (event, types) in bundle.rooms.values().flat_map(|content| content.as_object().unwrap()) {
        for (user, entry) in types["m.delivery"].as_object().unwrap() {
            let (event, user) = (event[1..].parse().unwrap(), user[1..].parse().unwrap());
            let devices = entry.get(NATIVE_DEVICES).map(|devices| devices.as_object().unwrap());
            if let Some(devices) = devices {
                found.extend(devices.keys().map(|device| (event, user, Some(device.parse().unwrap()))));
            } else {
                found.insert((event, user, None));
            }
        }
    }
    found
}

impl Client {
    fn sync(&mut self, mailbox: &mut Mailbox, name: &str, now: Timestamp, how: How) -> BTreeSet<Key> {
        let How { initial, lost, blind } = how;
        let device = DeviceId::new(name);
        let speaks = |room: &RoomId| !blind || *room != RoomId::new("!hidden");
        let number = self.token.filter(|_| !initial);
        if number.is_some() {
            self.proved.extend(&self.held);
        } else {
            self.held.clear();
        }
        mailbox.acknowledge(&device, number);
        let ready = mailbox.ready_at(&device, &Options::default(), speaks);
        let bundle = mailbox.respond(&device, &Options::default(), speaks, now);
        let found = keys(&bundle);
        assert_eq!(ready.is_some_and(|at| at <= now), !found.is_empty(), "it is ready when it says so");
        assert!(found.len() <= ENTRIES, "at most 1,000 entries a response");
        assert!(!blind || found.iter().all(|(event, ..)| *event != 0), "it speaks of nothing that it cannot");
        let again: Vec<_> = found.intersection(&self.proved).collect();
        // What a lost response left aside may come twice, since the server cannot know that it was
        // lost.
        assert!(again.iter().all(|(event, ..)| *event == 0), "nothing comes after it was acknowledged: {again:?}");
        if !found.is_empty() {
            assert!(self.last.is_none_or(|last| now - last >= GAP), "a second lies between two bundles");
            self.last = Some(now);
        }
        if !lost {
            self.token = Some(bundle.number);
            self.got.extend(&found);
            self.held.extend(&found);
        }
        found
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn everything_comes_at_least_once_and_nothing_after_it_was_acknowledged(steps in steps()) {
        let names = ["0", "1"];
        let mut mailbox = Mailbox::new(START);
        let mut clients = [Client::default(), Client::default()];
        for name in names {
            mailbox.add_device(&DeviceId::new(name));
        }
        let (mut now, mut delivered) = (LONG_AFTER, BTreeSet::new());
        for step in steps {
            match step {
                Step::Deliver { event, users, device } => {
                    for user in users {
                        let device = (user % 2 == 1).then_some(device);
                        let name = device.map(|device| device.to_string());
                        let room = RoomId::new(if event == 0 { "!hidden" } else { "!room" });
                        let receipt = receipt(&format!("${event}"), &format!("@{user}"), name.as_deref(), now);
                        let receipt = Receipt { room_id: room, ..receipt };
                        prop_assert_eq!(mailbox.deliver(receipt), delivered.insert((event, user, device)));
                    }
                }
                Step::Sync { device, later, how } => {
                    now += later;
                    clients[device].sync(&mut mailbox, names[device], now, how);
                }
            }
        }
        for (client, name) in clients.iter_mut().zip(names) {
            loop {
                now += GAP;
                if client.sync(&mut mailbox, name, now, PLAINLY).is_empty() {
                    break;
                }
            }
            prop_assert_eq!(&client.got, &delivered);
        }
        prop_assert_eq!(mailbox.log.len(), 0);
    }
}
