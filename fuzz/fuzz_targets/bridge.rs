//! `com.beeper.message_send_status`, what bridges say (PROTOCOL §4).

#![no_main]

use kvitto_fuzz::{
    delivery::receipt::{BridgeStatus, REACHED_KEPT},
    laws, mutate,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::json(data, size, max_size, seed) });
fuzz_target!(|data: &[u8]| {
    let Some(content) = laws::json(data) else { return };
    let Some(status) = BridgeStatus::parse(&content) else { return };
    assert!(status.event.as_str().starts_with('$'));
    laws::is_safe(&status.why);
    assert!(!status.why.contains('\n'));
    let reached = status.reached.unwrap_or_default();
    assert!(reached.len() <= REACHED_KEPT && reached.iter().all(|user| user.as_str().starts_with('@')));
});
