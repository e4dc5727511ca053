//! What each value of a setting means, in a sentence, and why receipts are sent where they are. Why
//! they are not is said by [`crate::delivery::policy::Reason`].

use std::borrow::Cow;

use crate::{
    delivery::policy::{Choice, NameDevice, ReceiptType, RouteChoice, Send, Settings, Timing, Who},
    model::{PersonEligibility, RoomSummary},
};

/// The largest room for `auto`.
pub const MAX_MEMBERS: &str = "In larger rooms `auto` sends no receipts, and writing makes nobody known to you.";

/// What this room is set to.
pub fn room_send(own: Option<Send>, settings: &Settings) -> Cow<'static, str> {
    match own {
        None => format!("As it is set for all rooms, which is {}.", settings.send.word()).into(),
        Some(Send::Auto) => {
            let most = settings.max_members;
            format!("Receipts are sent here while the room is encrypted, not public, and has at most {most} members.")
                .into()
        }
        Some(Send::On) => "Receipts are sent here and asked for, however large or public the room is.".into(),
        Some(Send::Off) => "No receipts are sent here.".into(),
    }
}

/// Why receipts are sent in this room.
pub fn room_is_sent(room: &RoomSummary, settings: &Settings) -> String {
    match (settings.rooms.get(&room.id), settings.send(&room.id)) {
        (_, Send::Auto | Send::Off) => format!("encrypted, not public, {} members", room.joined_members),
        (Some(_), Send::On) => "switched on for this room".to_owned(),
        (None, Send::On) => "switched on for all rooms".to_owned(),
    }
}

/// Whether the user is incognito in this room.
pub fn incognito_here(on: bool) -> &'static str {
    if on {
        "No receipts are sent here for now, and none are made up for later."
    } else {
        "Receipts are sent here as the other settings say."
    }
}

/// What this person is set to.
pub fn person_who(own: Option<Who>, settings: &Settings) -> Cow<'static, str> {
    match own {
        None => format!("As it is set for everyone, which is {}.", settings.who.word()).into(),
        Some(Who::Everyone) => "They are sent receipts in every room that allows it, whoever they are.".into(),
        Some(Who::Known) => {
            "They are sent receipts in every room that allows it, once you have dealt with them.".into()
        }
        Some(Who::Verified) => {
            "They are sent receipts in every room that allows it, once you have verified them.".into()
        }
        Some(Who::Nobody) => "They are sent no receipts, in any room.".into(),
    }
}

/// Why this person is sent receipts, and what P13 makes of it where they may not know which device
/// it is.
pub fn person_is_sent(person: &PersonEligibility, named: bool, settings: &Settings) -> String {
    let own = settings.people.contains_key(&person.user_id);
    let why = match settings.who(&person.user_id) {
        Who::Everyone if own => "you chose so for them",
        Who::Everyone => "everyone is sent them",
        Who::Known | Who::Verified | Who::Nobody if person.verified => "you have verified them",
        Who::Known | Who::Verified | Who::Nobody => "you have dealt with them",
    };
    let device = match settings.route {
        _ if named => "",
        RouteChoice::Native => "; your device is not named to them (P13)",
        _ => "; over `direct` not at all: your device is not named to them (P13)",
    };
    format!("{why}{device}")
}

/// In which rooms receipts are sent.
pub fn send(settings: &Settings) -> Cow<'static, str> {
    match settings.send {
        Send::Auto => {
            let most = settings.max_members;
            format!("Receipts are sent in encrypted rooms that are not public, of at most {most} members.").into()
        }
        Send::On => "Receipts are sent in every room, however large or public it is.".into(),
        Send::Off => "No receipts are sent, but in rooms that are set otherwise.".into(),
    }
}

/// Whose messages are acknowledged.
pub fn who(who: Who) -> &'static str {
    match who {
        Who::Everyone => "Everyone is sent receipts: strangers too can learn when your device is on.",
        Who::Known => "People you invited, answered, verified, or wrote with in small private rooms.",
        Who::Verified => "Only people whose identity you have verified.",
        Who::Nobody => "Nobody, but people who are set otherwise.",
    }
}

/// How long a receipt waits.
pub fn timing(timing: Timing) -> &'static str {
    match timing {
        Timing::Immediate => "Receipts do not wait, and tell exactly when your device woke up. For tests.",
        Timing::Prompt => "Receipts wait 0.2 to 1 second, which blurs a little when your device woke up.",
        Timing::Balanced => "Receipts wait 0.5 to 5 seconds, which blurs when your device woke up.",
        Timing::Guarded => {
            "Receipts wait up to 30 seconds, then for the next quarter of a minute: when your device woke up stays hidden."
        }
    }
}

/// Who is told which device it is.
pub fn name_device(to: NameDevice) -> &'static str {
    match to {
        NameDevice::Known => "Told to people you have dealt with. `direct` names it, so others get none that way.",
        NameDevice::Verified => "Told to people you have verified. `direct` names it, so others get none that way.",
        NameDevice::Never => "Told to nobody. `direct` names it, so no receipts go that way.",
    }
}

/// Which way receipts travel.
pub fn route(route: RouteChoice) -> &'static str {
    match route {
        RouteChoice::Auto => "Through the homeserver where it passes receipts on, else from device to device.",
        RouteChoice::Native => "Only through the homeserver. Where it does not pass them on, none are sent.",
        RouteChoice::Direct => "Only encrypted from device to device, on every homeserver. It names your device.",
        RouteChoice::Off => "Receipts are neither sent nor asked for.",
    }
}

/// Under which name receipts go through the homeserver.
pub fn receipt_type(receipt_type: ReceiptType) -> &'static str {
    match receipt_type {
        ReceiptType::Unstable => "Through the homeserver under the name from before MSC4089 is accepted.",
        ReceiptType::Stable => {
            "Through the homeserver under MSC4089's final name, or the other where that is not taken."
        }
    }
}

/// Whether the user is incognito everywhere.
pub fn incognito(on: bool) -> &'static str {
    if on {
        "No receipts are sent for now, and none are made up for later."
    } else {
        "Receipts are sent as the other settings say."
    }
}
