//! `m.receipt` as a homeserver hands it out (PROTOCOL §2).

#![no_main]

use kvitto_fuzz::{
    delivery::{
        ledger::PeerClaim,
        receipt::{NATIVE_READ, Native},
    },
    laws,
    model::RoomId,
    mutate,
    server::routing::federation,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::json(data, size, max_size, seed) });
fuzz_target!(|data: &[u8]| {
    let Some(mut content) = laws::json(data) else { return };
    let receipts = Native::parse(&content);
    assert!(receipts.len() <= NATIVE_READ);
    for Native { event_id: event, user_id: user, device_id: device, .. } in &receipts {
        assert!(event.as_str().starts_with('$') && user.as_str().starts_with('@'));
        assert!(device.as_ref().is_none_or(|device| !device.as_str().is_empty()));
    }

    let claim = |receipt| PeerClaim::native(RoomId::new(laws::ROOM), receipt, laws::NOW);
    laws::are_believed_by_the_rules(&receipts.into_iter().map(claim).collect::<Vec<_>>());

    federation::strip(&mut content);
    assert_eq!(Native::parse(&content), [], "whoever strips it leaves nothing to read");
});
