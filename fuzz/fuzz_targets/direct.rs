//! The two to-device messages between devices (PROTOCOL §3).

#![no_main]

use kvitto_fuzz::{
    delivery::{
        ledger::PeerClaim,
        receipt::{Answer, RECEIPTS_READ, REQUEST_LIFETIME, Request},
    },
    laws::{self, NOW},
    model::{DeviceId, UserId},
    mutate,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::json(data, size, max_size, seed) });
fuzz_target!(|data: &[u8]| {
    let Some(content) = laws::json(data) else { return };
    if let Some(request) = Request::parse(&content) {
        assert!(request.room_id.as_str().starts_with('!'));
        let until = request.holds_until(NOW);
        assert_eq!(until.is_some(), request.expires > NOW);
        assert!(until.is_none_or(|until| until > NOW && until <= NOW + REQUEST_LIFETIME));
        assert_eq!(Request::parse(&request.to_json()), Some(request), "what was read could have been written");
    }
    if let Some(answer) = Answer::parse(&content) {
        assert!(answer.room_id.as_str().starts_with('!') && answer.receipts.len() <= RECEIPTS_READ);
        assert!(answer.receipts.iter().all(|(event, _)| event.as_str().starts_with('$')));
        assert_eq!(Answer::parse(&answer.to_json()).as_ref(), Some(&answer), "what was read could have been written");
        let (user, device) = (UserId::new("@bob:b"), DeviceId::new("PHONE"));
        let claim =
            |(event, claim)| PeerClaim::direct(answer.room_id.clone(), event, claim, user.clone(), device.clone(), NOW);
        let claims = answer.receipts.into_iter().map(claim);
        laws::are_believed_by_the_rules(&claims.collect::<Vec<_>>());
    }
});
