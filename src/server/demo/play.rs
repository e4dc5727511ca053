//! What happens when: the script and the habits of the cast, as a queue of cues.
//!
//! The play is told what the peers heard and what time it is, and says what is due. It knows no
//! network and no clock, and draws its paces from a seed, so the same things heard at the same
//! times give the same play.
//!
//! Two things are in it. **Habits**: every device acknowledges what the user wrote, or says that it
//! cannot decrypt it, and some people read it, each at their own pace; and whoever is invited
//! comes. **Scenes**: when the user writes or joins somewhere, the script has an answer. What the
//! cast says among itself it does not acknowledge: nobody would see it, and in the society it would
//! be forty times forty.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    cast::{DemoRoom, Device, Pace, Part},
    script::{Act, SCENES, Scene, When, spoken},
};
use crate::{
    client::peer::Heard,
    model::{DeviceId, EventId, RoomId, Timestamp, UserId},
};

/// How long it takes to type a character, and a line at least and at most.
const TYPING: (u64, Pace) = (12, Pace(500, 1_800));
/// How long somebody thinks about an invite.
const ACCEPTS: Pace = Pace(500, 1_500);

/// Something that a device is to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// Which.
    pub part: Part,
    /// What.
    pub deed: Deed,
}

/// What a device can do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "rooms, events and texts are what they are called")]
pub enum Deed {
    Acknowledge { room_id: RoomId, event_id: EventId },
    CannotDecrypt { room_id: RoomId, event_id: EventId },
    Read { room_id: RoomId, event_id: EventId },
    Type { room_id: RoomId },
    Say { room_id: RoomId, text: String },
    React { room_id: RoomId, event_id: EventId, with: &'static str },
    Join { room_id: RoomId },
    Probe { room_id: RoomId },
    SwitchOn,
}

/// The demo as far as it has come.
pub struct Play {
    you: UserId,
    /// The user's device that took their place in the rooms; it is not the one that they sit at.
    setting_up: DeviceId,
    devices: BTreeMap<Part, Device>,
    rooms: BTreeMap<DemoRoom, RoomId>,
    draws: Draws,
    /// By time, and in the order in which they were put there.
    due: BTreeMap<(Timestamp, u64), Cue>,
    put: u64,
    arrived: bool,
    gathered: bool,
    /// What the user wrote, each event once, however many devices heard it.
    wrote: BTreeMap<RoomId, BTreeSet<EventId>>,
}

impl Play {
    /// Before the user has come. `setting_up` is the device that takes their place in the rooms.
    pub fn new(you: UserId, setting_up: DeviceId, seed: u64) -> Self {
        Self {
            you,
            setting_up,
            devices: BTreeMap::new(),
            rooms: BTreeMap::new(),
            draws: Draws(seed),
            due: BTreeMap::new(),
            put: 0,
            arrived: false,
            gathered: false,
            wrote: BTreeMap::new(),
        }
    }

    /// This device plays.
    pub fn enter(&mut self, device: Device) {
        self.devices.insert(device.part, device);
    }

    /// This room is there.
    pub fn set(&mut self, place: DemoRoom, room: RoomId) {
        self.rooms.insert(place, room);
    }

    /// The room that is this place.
    pub fn room(&self, place: DemoRoom) -> Option<RoomId> {
        self.rooms.get(&place).cloned()
    }

    /// The society is there.
    pub fn gathered(&mut self, now: Timestamp) {
        self.gathered = true;
        if self.arrived {
            self.begin(When::Gathered, None, now);
        }
    }

    /// A device has heard something.
    pub fn heard(&mut self, part: Part, heard: &Heard, now: Timestamp) {
        match heard {
            Heard::Message { room_id: room, event_id: event, sender, .. } if *sender == self.you => {
                let Some(Device { answers, reads, .. }) = self.devices.get(&part).cloned() else { return };
                self.put_within(
                    part,
                    Deed::Acknowledge { room_id: room.clone(), event_id: event.clone() },
                    answers,
                    now,
                );
                if let Some(reads) = reads {
                    self.put_within(part, Deed::Read { room_id: room.clone(), event_id: event.clone() }, reads, now);
                }
                self.you_wrote(room, event, now);
            }
            Heard::Undecryptable { room_id: room, event_id: event, sender } if *sender == self.you => {
                let Some(Device { answers, .. }) = self.devices.get(&part).cloned() else { return };
                self.put_within(
                    part,
                    Deed::CannotDecrypt { room_id: room.clone(), event_id: event.clone() },
                    answers,
                    now,
                );
                self.you_wrote(room, event, now);
            }
            Heard::Invited { room_id: room } => {
                self.put_within(part, Deed::Join { room_id: room.clone() }, ACCEPTS, now);
            }
            Heard::Joined { room_id: room, user_id: user } if *user == self.you => {
                if let Some(place) = self.place(room) {
                    self.begin(When::Joined(place), None, now);
                }
            }
            Heard::Met { user_id: user, device_id: device } if *user == self.you && *device != self.setting_up => {
                self.you_arrived(now);
            }
            Heard::Message { .. } | Heard::Undecryptable { .. } | Heard::Joined { .. } | Heard::Met { .. } => {}
        }
    }

    /// The user's client has made its keys known: it can be written to.
    fn you_arrived(&mut self, now: Timestamp) {
        if !std::mem::replace(&mut self.arrived, true) {
            self.begin(When::Arrived, None, now);
            if self.gathered {
                self.begin(When::Gathered, None, now);
            }
        }
    }

    /// What is to be done by now.
    pub fn due(&mut self, now: Timestamp) -> Vec<Cue> {
        let later = self.due.split_off(&(now + Duration::from_millis(1), 0));
        std::mem::replace(&mut self.due, later).into_values().collect()
    }

    /// When [`Self::due`] has something to give.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    fn place(&self, room: &RoomId) -> Option<DemoRoom> {
        self.rooms.iter().find(|(_, known)| *known == room).map(|(place, _)| *place)
    }

    fn you_wrote(&mut self, room: &RoomId, event: &EventId, now: Timestamp) {
        let events = self.wrote.entry(room.clone()).or_default();
        if events.insert(event.clone()) {
            let times = events.len();
            if let Some(place) = self.place(room) {
                self.begin(When::Wrote(place, times), Some(event), now);
            }
        }
    }

    /// Every scene that answers this, beat by beat.
    fn begin(&mut self, when: When, event: Option<&EventId>, now: Timestamp) {
        for Scene { then, .. } in SCENES.iter().filter(|scene| scene.when == when) {
            let mut at = now;
            for beat in *then {
                at += self.draws.within(Pace(beat.after * 4 / 5, beat.after * 6 / 5));
                at = self.put_act(beat.who, beat.act, event, at);
            }
        }
    }

    /// Puts an act there, and returns when it is done.
    fn put_act(&mut self, who: Part, act: Act, event: Option<&EventId>, at: Timestamp) -> Timestamp {
        match act {
            Act::Say(place, line) => {
                let Some(room) = self.room(place) else { return at };
                let (per_char, Pace(least, most)) = TYPING;
                let text = spoken(line);
                let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
                let typed = at + Duration::from_millis(length.saturating_mul(per_char).clamp(least, most));
                self.put(who, Deed::Type { room_id: room.clone() }, at);
                self.put(who, Deed::Say { room_id: room, text }, typed);
                return typed;
            }
            Act::React(with) => {
                let room = event.and_then(|event| self.wrote.iter().find(|(_, events)| events.contains(event)));
                if let (Some((room, _)), Some(event)) = (room, event) {
                    let deed = Deed::React { room_id: room.clone(), event_id: event.clone(), with };
                    self.put(who, deed, at);
                }
            }
            Act::SwitchOn => self.put(who, Deed::SwitchOn, at),
            Act::Probe(place) => {
                if let Some(room) = self.room(place) {
                    self.put(who, Deed::Probe { room_id: room }, at);
                }
            }
        }
        at
    }

    fn put_within(&mut self, part: Part, deed: Deed, pace: Pace, now: Timestamp) {
        let at = now + self.draws.within(pace);
        self.put(part, deed, at);
    }

    fn put(&mut self, part: Part, deed: Deed, at: Timestamp) {
        self.due.insert((at, self.put), Cue { part, deed });
        self.put += 1;
    }
}

/// A sequence of numbers that nobody has to guess (SplitMix64, by Steele, Lea and Flood).
struct Draws(u64);

impl Draws {
    fn within(&mut self, Pace(shortest, longest): Pace) -> Duration {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Duration::from_millis(shortest + (mixed ^ (mixed >> 31)) % (longest.saturating_sub(shortest) + 1))
    }
}

#[cfg(test)]
mod tests;
