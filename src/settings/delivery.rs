//! What others are told: delivery receipts, read receipts and typing.

use super::Setting;
use crate::delivery::{
    attention::{ReadReceipts, Typing},
    policy::{NameDevice, ReceiptType, RouteChoice, Send, Timing, Who},
};

pub(super) const SETTINGS: &[Setting] = &[
    setting!(
        "delivery.send",
        Global,
        delivery.send,
        Send,
        "In which rooms receipts are sent: `auto` is encrypted rooms that are not public, of few members"
    ),
    setting!(
        "delivery.max_members",
        Global,
        delivery.max_members,
        u64,
        "How many joined members a room may have for `auto`"
    ),
    setting!(
        "delivery.who",
        Global,
        delivery.who,
        Who,
        "Whose messages are acknowledged: `known` is people that you have dealt with yourself"
    ),
    setting!(
        "delivery.timing",
        Global,
        delivery.timing,
        Timing,
        "How long a receipt waits, so that its time does not tell when your device woke up"
    ),
    setting!(
        "delivery.name_device",
        Global,
        delivery.name_device,
        NameDevice,
        "Whom a receipt tells which of your devices it comes from; who is not told gets none over `direct`"
    ),
    setting!(
        "delivery.route",
        Global,
        delivery.route,
        RouteChoice,
        "Which way receipts travel: through the homeserver (`native`), encrypted to devices (`direct`), the better of \
              them; `off` neither sends them nor asks for them"
    ),
    setting!(
        "delivery.receipt_type",
        Global,
        delivery.receipt_type,
        ReceiptType,
        "The name under which receipts go through the homeserver; `stable` falls back to the other"
    ),
    setting!(
        "delivery.incognito",
        Global,
        delivery.incognito,
        bool,
        "No receipts for now, and none made up for later; ends read receipts and typing too, where those are `auto`"
    ),
    setting!("delivery.rooms.*.send", Room, delivery.rooms, Send, "`delivery.send` for this room alone"),
    setting!(
        "delivery.rooms.*.incognito",
        Room,
        delivery.incognito_rooms,
        bool,
        "`delivery.incognito` for this room alone"
    ),
    setting!("delivery.people.*.who", Person, delivery.people, Who, "`delivery.who` for this person alone"),
    setting!(
        "privacy.read_receipts",
        Global,
        delivery.attention.read_receipts.all,
        ReadReceipts,
        "Who learns how far you have read: `auto` is people that you have dealt with, where there is nobody else"
    ),
    setting!(
        "privacy.typing",
        Global,
        delivery.attention.typing.all,
        Typing,
        "Who is told that you type: `auto` is people that you have dealt with, where there is nobody else"
    ),
    setting!(
        "privacy.rooms.*.read_receipts",
        Room,
        delivery.attention.read_receipts.rooms,
        ReadReceipts,
        "`privacy.read_receipts` for this room alone"
    ),
    setting!(
        "privacy.rooms.*.typing",
        Room,
        delivery.attention.typing.rooms,
        Typing,
        "`privacy.typing` for this room alone"
    ),
    setting!(
        "privacy.people.*.read_receipts",
        Person,
        delivery.attention.read_receipts.people,
        ReadReceipts,
        "`privacy.read_receipts` in rooms where this person is"
    ),
    setting!(
        "privacy.people.*.typing",
        Person,
        delivery.attention.typing.people,
        Typing,
        "`privacy.typing` in rooms where this person is"
    ),
];
