//! The body of a posted receipt (PROTOCOL §7, steps 1 to 7).

#![no_main]

use kvitto_fuzz::{
    delivery::receipt::{NATIVE_DEVICES, NATIVE_QUIET},
    laws::{self, NOW, ROOM},
    model::{DeviceId, EventId, RoomId, UserId},
    mutate,
    server::routing::{Claimant, EventFacts, MAX_BODY, Post, RateLimit, Receipt, ReceiptName, Refusal},
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::Value;

const TAKEN: [&[ReceiptName]; 3] = [&[], &[ReceiptName::Unstable], &ReceiptName::ALL];

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::json(data, size, max_size, seed) });
fuzz_target!(|body: &[u8]| {
    let object = laws::json(body).filter(Value::is_object);
    for name in ReceiptName::ALL {
        for taken in TAKEN {
            for device in [None, Some(DeviceId::new("PHONE"))] {
                let expected = match &object {
                    _ if body.len() > MAX_BODY => Err(Refusal::TooLarge),
                    None => Err(Refusal::NotJson),
                    Some(object) if object.get("thread_id").is_some() => Err(Refusal::Threaded),
                    Some(_) if !taken.contains(&name) => Err(Refusal::NameNotTaken),
                    Some(object) => {
                        let named = object[NATIVE_DEVICES] == Value::Bool(true);
                        let quiet = object[NATIVE_QUIET] == Value::Bool(true);
                        Ok(receipt(name, device.clone().filter(|_| named), quiet))
                    }
                };
                let posted = post(body, name, taken, device);
                assert_eq!(posted, expected.map(Some));
                if let Err(refusal) = posted {
                    assert_eq!(refusal.body()["errcode"], refusal.errcode());
                }
            }
        }
    }
});

fn receipt(name: ReceiptName, device: Option<DeviceId>, quiet: bool) -> Receipt {
    Receipt {
        quiet: quiet && device.is_some(),
        room_id: RoomId::new(ROOM),
        event_id: EventId::new("$e"),
        to: UserId::new("@alice:a"),
        claimant: UserId::new("@bob:b"),
        device_id: device,
        ts: NOW,
        name,
    }
}

/// Through all the steps, as somebody who is in the room and may see the event.
fn post(
    body: &[u8],
    name: ReceiptName,
    taken: &[ReceiptName],
    device: Option<DeviceId>,
) -> Result<Option<Receipt>, Refusal> {
    let Receipt { room_id: room, event_id: event, to, claimant, .. } = receipt(name, None, false);
    let facts = EventFacts { room_id: room.clone(), sender: to, since_join: true, state: false, redacted: false };
    Post::new(room, event, name, body)?
        .claimed_by(Claimant { user_id: claimant, device_id: device }, taken)?
        .within(&mut RateLimit::default(), NOW)?
        .by_member(true)?
        .about(Some(&facts), NOW)
}
