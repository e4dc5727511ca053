//! What others are shown beside delivery receipts: how far the user has read (P14), and that they
//! type (P15).
//!
//! Both tell everybody in the room that somebody is there now, and neither can be told to one
//! person alone. So it depends on who is there: what one of them is not to know, nobody is told. As
//! for delivery receipts (P7), people whom the user has dealt with are told and strangers are not,
//! and incognito ends it, unless it is set otherwise. [`decide`] is asked when there is something
//! to tell, and again when that has waited.

use std::collections::BTreeMap;

use crate::model::{RoomId, UserId};

/// Who learns how far the user has read (P14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadReceipts {
    /// As [`Self::Public`] among people whom the user has dealt with; as [`Self::Private`] where
    /// there is a stranger, and while incognito.
    #[default]
    Auto,
    /// Everybody in the room (`m.read`).
    Public,
    /// The user's own other devices, by their homeserver (`m.read.private`).
    Private,
    /// Nobody.
    Off,
}

/// Whether others are told that the user types (P15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Typing {
    /// Among people whom the user has dealt with, but not while incognito.
    #[default]
    Auto,
    /// Everybody in the room.
    On,
    /// Nobody.
    Off,
}

/// A setting for everything, and where it is another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowed<T> {
    /// For everything.
    pub all: T,
    /// For these rooms.
    pub rooms: BTreeMap<RoomId, T>,
    /// Where these people are.
    pub people: BTreeMap<UserId, T>,
}

/// All settings of this module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attention {
    /// P14.
    pub read_receipts: Narrowed<ReadReceipts>,
    /// P15.
    pub typing: Narrowed<Typing>,
}

impl Attention {
    /// Whether something is set for this person.
    pub fn names(&self, user: &UserId) -> bool {
        self.read_receipts.people.contains_key(user) || self.typing.people.contains_key(user)
    }
}

/// Everybody else who is in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Who, and whether they are a stranger: somebody whom the user has not dealt with (P7), or
    /// ignores.
    pub people: Vec<(UserId, bool)>,
    /// There may be others, of whom nothing is known.
    pub others: bool,
}

impl Audience {
    fn has_stranger(&self) -> bool {
        self.others || self.people.iter().any(|(_, stranger)| *stranger)
    }
}

/// What kind of read receipt is sent; the one that fewer people see comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadReceipt {
    /// `m.read.private`.
    Private,
    /// `m.read`.
    Public,
}

/// What a room is shown. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// How far the user has read.
    pub read_receipt: Option<ReadReceipt>,
    /// That they type.
    pub typing: bool,
    /// A read receipt waits for the moment of P11: a stranger can see it, or by the homeserver that
    /// something was done.
    pub waits: bool,
}

/// What this room is shown now, where the user may be incognito: P14 and P15.
pub fn decide(room: &RoomId, audience: &Audience, settings: &Attention, incognito: bool) -> Shown {
    let Attention { read_receipts, typing } = settings;
    let read_receipt = least(read_receipts, room, audience, |setting, stranger| match setting {
        ReadReceipts::Auto if stranger || incognito => Some(ReadReceipt::Private),
        ReadReceipts::Auto | ReadReceipts::Public => Some(ReadReceipt::Public),
        ReadReceipts::Private => Some(ReadReceipt::Private),
        ReadReceipts::Off => None,
    });
    let typing = least(typing, room, audience, |setting, stranger| match setting {
        Typing::Auto => !stranger && !incognito,
        Typing::On => true,
        Typing::Off => false,
    });
    Shown { read_receipt, typing, waits: read_receipt.is_some() && audience.has_stranger() }
}

/// The least that anybody in the room is to be shown. What is set for a room or a person stands
/// over what is set for everything; of both, that holds which shows less, but for a room's `auto`.
fn least<T: Copy + Default + PartialEq, S: Ord>(
    setting: &Narrowed<T>,
    room: &RoomId,
    audience: &Audience,
    shown: impl Fn(T, bool) -> S,
) -> S {
    let own = setting.rooms.get(room).copied();
    let here = own.unwrap_or(setting.all);
    let of = |(user, stranger): &(UserId, bool)| match (setting.people.get(user), own) {
        (Some(person), Some(own)) if own != T::default() => shown(*person, *stranger).min(shown(own, *stranger)),
        (Some(person), _) => shown(*person, *stranger),
        (None, _) => shown(here, *stranger),
    };
    let others = audience.others.then(|| shown(here, true));
    // Where there is nobody else, it is the own devices that are told.
    audience.people.iter().map(of).chain(others).min().unwrap_or_else(|| shown(here, false))
}

#[cfg(test)]
mod tests;
