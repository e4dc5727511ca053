//! One setting and its new value: what the screen asks for, what is written, and what that does to
//! the settings.

use super::{NameDevice, ReceiptType, RouteChoice, Send, Settings, Timing, Who};
use crate::model::{RoomId, UserId};

/// A setting that is to be another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// P5.
    Send(Send),
    /// P6.
    MaxMembers(u64),
    /// P7.
    Who(Who),
    /// P11.
    Timing(Timing),
    /// P13.
    NameDevice(NameDevice),
    /// §2, §3.
    Route(RouteChoice),
    /// §2.
    ReceiptType(ReceiptType),
    /// P12, everywhere.
    Incognito(bool),
    /// P5 in this room; `None`: as everywhere.
    RoomSend(RoomId, Option<Send>),
    /// P12, in this room.
    RoomIncognito(RoomId, bool),
    /// P7 for this person; `None`: as for everyone.
    PersonWho(UserId, Option<Who>),
}

impl Change {
    /// Makes it.
    pub fn apply(&self, settings: &mut Settings) {
        match self {
            Self::Send(send) => settings.send = *send,
            Self::MaxMembers(count) => settings.max_members = *count,
            Self::Who(who) => settings.who = *who,
            Self::Timing(timing) => settings.timing = *timing,
            Self::NameDevice(name_device) => settings.name_device = *name_device,
            Self::Route(route) => settings.route = *route,
            Self::ReceiptType(receipt_type) => settings.receipt_type = *receipt_type,
            Self::Incognito(on) => settings.incognito = *on,
            Self::RoomSend(room, Some(send)) => {
                settings.rooms.insert(room.clone(), *send);
            }
            Self::RoomSend(room, None) => {
                settings.rooms.remove(room);
            }
            Self::RoomIncognito(room, true) => {
                settings.incognito_rooms.insert(room.clone());
            }
            Self::RoomIncognito(room, false) => {
                settings.incognito_rooms.remove(room);
            }
            Self::PersonWho(user, Some(who)) => {
                settings.people.insert(user.clone(), *who);
            }
            Self::PersonWho(user, None) => {
                settings.people.remove(user);
            }
        }
    }
}
