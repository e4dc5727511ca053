//! A client's filter, and what goes into its syncs (PROTOCOL §7, 'Bundling', 'Opt-in and size'):
//! `[FILTER, CONTENT]`, where the receipts that come are those of the content of an `m.receipt`.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use kvitto_fuzz::{
    delivery::receipt::{NATIVE_SUMMARY, Native},
    laws::{self, NOW, ROOM},
    model::{DeviceId, EventId, RoomId, Timestamp, UserId},
    mutate,
    server::{
        bundle::{ENTRIES, GAP, Mailbox, Options, matches_type},
        routing::{Receipt, ReceiptName},
    },
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::{Value, json};

/// What is known of one event: the earliest time per user and device.
type Known = BTreeMap<(UserId, Option<DeviceId>), Timestamp>;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::json(data, size, max_size, seed) });
fuzz_target!(|data: &[u8]| {
    let Some(input) = laws::json(data) else { return };
    let [filter, content] = [&input[0], &input[1]];
    patterns_match(filter);
    let options = Options::from_filter(filter);

    let mut mailbox = Mailbox::new(0);
    let device = DeviceId::new("MINE");
    mailbox.add_device(&device);
    let mut known: BTreeMap<EventId, Known> = BTreeMap::new();
    for Native { event_id: event, user_id: user, device_id: device, at, quiet } in Native::parse(content) {
        let Some(ts) = at else { continue };
        let of_event = known.entry(event.clone()).or_default();
        let new = !of_event.contains_key(&(user.clone(), device.clone()));
        let earliest = of_event.entry((user.clone(), device.clone())).or_insert(ts);
        *earliest = ts.min(*earliest);
        let (room, to, name) = (RoomId::new(ROOM), UserId::new("@me:a"), ReceiptName::Unstable);
        assert_eq!(
            mailbox.deliver(Receipt {
                room_id: room,
                event_id: event,
                to,
                claimant: user,
                device_id: device,
                ts,
                name,
                quiet
            }),
            new
        );
    }

    let told = told(&mut mailbox, &device, &options);
    if !options.wanted {
        assert!(told.is_empty(), "what is not wanted waits");
        return;
    }
    assert_eq!(told.keys().collect::<BTreeSet<_>>(), known.keys().collect());
    for (event, known) in &known {
        let summed_up = options.summary_above.is_some_and(|above| known.len() as u64 > above);
        assert_eq!(told[event], if summed_up { summary(known) } else { receipts(known) });
    }
});

/// Everything that the device is told until nothing waits any more, each response of a bearable
/// size.
fn told(mailbox: &mut Mailbox, device: &DeviceId, options: &Options) -> BTreeMap<EventId, Value> {
    let mut told: BTreeMap<EventId, Value> = BTreeMap::new();
    let mut now = NOW;
    loop {
        now += GAP;
        let bundle = mailbox.respond(device, options, |_| true, now);
        mailbox.acknowledge(device, Some(bundle.number));
        let Some(content) = bundle.rooms.get(&RoomId::new(ROOM)) else { return told };
        let events = content.as_object().expect("an `m.receipt` has events");
        for (event, types) in events {
            let users = types[ReceiptName::Unstable.as_str()].as_object().expect("an event has users");
            assert!((1..=ENTRIES).contains(&users.len()));
            let value = match users.get(NATIVE_SUMMARY) {
                Some(summary) => summary.clone(),
                None => json!({}),
            };
            told.entry(EventId::new(event)).or_insert(value);
        }
        for Native { event_id: event, user_id: user, device_id: device, at, .. } in Native::parse(content) {
            let entry = &mut told.get_mut(&event).expect("it stands there")[user.as_str()];
            entry[device.as_ref().map_or("", DeviceId::as_str)] = json!(at);
        }
    }
}

/// The receipts of an event as a client reads them: who names no device says something new only
/// when nobody of theirs was as early (PROTOCOL §2).
fn receipts(known: &Known) -> Value {
    let mut users = json!({});
    for ((user, device), ts) in known {
        let mut named = known.iter().filter(|((of, device), _)| of == user && device.is_some());
        if device.is_some() || named.all(|(_, named)| named > ts) {
            users[user.as_str()][device.as_ref().map_or("", DeviceId::as_str)] = json!(ts);
        }
    }
    users
}

fn summary(known: &Known) -> Value {
    let users: BTreeSet<_> = known.keys().map(|(user, _)| user).collect();
    json!({ "users": users.len(), "devices": known.len(), "latest_ts": known.values().max() })
}

/// The patterns of a filter, compared with a matcher that goes through name and pattern character
/// by character.
fn patterns_match(filter: &Value) {
    let lists = ["/room/ephemeral/types", "/room/ephemeral/not_types"];
    let lists = lists.iter().filter_map(|list| filter.pointer(list)?.as_array());
    for pattern in lists.flatten().filter_map(Value::as_str) {
        let name = "m.receipt";
        // Which beginnings of the name are matched by the pattern so far.
        let mut matched = vec![false; name.len() + 1];
        matched[0] = true;
        for sign in pattern.chars() {
            let before = std::mem::replace(&mut matched, vec![false; name.len() + 1]);
            for length in 0..=name.len() {
                matched[length] = if sign == '*' {
                    before[..=length].contains(&true)
                } else {
                    length > 0 && before[length - 1] && name[..length].ends_with(sign)
                };
            }
        }
        assert_eq!(matches_type(pattern, name), matched[name.len()], "{pattern:?}");
    }
}
