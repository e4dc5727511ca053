//! Whether a message fits into an event.
//!
//! **Problem.** An event has at most 65,536 bytes (spec, 'Size limits'), as the homeserver puts it
//! together: encrypted where it is, with what the homeserver adds. What is larger is refused, after
//! it was taken out of the composer.
//!
//! **How.** What goes into the event by itself is counted: its content as JSON, or the ciphertext
//! of it. What the homeserver adds differs a little from event to event; so much is left for it as
//! it usually takes. Where that is too little, it still refuses the message.

use matrix_sdk::Room;
use serde::Serialize;

use crate::client::reply::{Failure, FailureKind};

/// Bytes of an event.
const LIMIT: usize = 65_536;
/// Ids of the events before, signatures, hashes, names and braces.
const ENVELOPE: usize = 650;
/// Megolm's version, message index, checksum and signature.
const MEGOLM: usize = 1 + 6 + 6 + 8 + 64;
/// The fields beside a ciphertext: algorithm, the sender's key and device, the session.
const BESIDE: usize = 200;

/// Fails when this content is too large to be sent into this room.
pub(in crate::client) fn fits(room: &Room, content: &impl Serialize) -> Result<(), Failure> {
    let Ok(content) = serde_json::to_string(content).map(|json| json.len()) else { return Ok(()) };
    let names = room.room_id().as_str().len() + room.own_user_id().as_str().len();
    // Where it is not known, it may turn out to be.
    let encrypted = room.encryption_settings().is_some() || room.encryption_state().is_unknown();
    let excess = event(content, names, encrypted).saturating_sub(LIMIT);
    if excess == 0 {
        return Ok(());
    }
    // What is left out of an encrypted text makes a third more.
    let excess = if encrypted { excess * 3 / 4 + 1 } else { excess };
    let sentence = format!(
        "This text is too long for one message, by about {} bytes. Shorten it, or send it in parts.",
        grouped(excess)
    );
    Err(Failure::new(FailureKind::TooLarge, &sentence))
}

/// The size of the event.
fn event(content: usize, names: usize, encrypted: bool) -> usize {
    if !encrypted {
        return content + names + ENVELOPE;
    }
    // The room's id stands inside too, and AES fills up its last block.
    let plain = content + names + r#"{"type":"m.room.message","room_id":"","content":}"#.len();
    let sealed = (plain / 16 + 1) * 16 + MEGOLM;
    sealed.div_ceil(3) * 4 + BESIDE + names + ENVELOPE
}

/// `12,345`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let groups = digits.bytes().enumerate().flat_map(|(at, digit)| {
        let comma = at > 0 && at % 3 == first;
        comma.then_some(',').into_iter().chain([char::from(digit)])
    });
    groups.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_text_has_about_three_quarters_of_the_room() {
        let fits =
            |bytes: usize, encrypted| event(r#"{"msgtype":"m.text","body":""}"#.len() + bytes, 70, encrypted) <= LIMIT;
        assert!(fits(48_000, true) && !fits(49_000, true));
        assert!(fits(64_700, false) && !fits(65_000, false));
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in
            [(7, "7"), (123, "123"), (1_234, "1,234"), (12_345, "12,345"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), expected);
        }
    }
}
