//! The other end: the first person's client, with the ledger of what they sent. It hears what this
//! device says, may be killed before it knows its own message, and its marks are held against what
//! really happened.

use std::{collections::BTreeSet, time::Duration};

use tempfile::TempDir;

use super::{KEY, Message, World, message_named, person, room};
use crate::{
    delivery::{
        ledger::{Early, ExpectedDevice, Held, OwnEvent, PeerClaim},
        policy::EventKind,
        receipt::{Answer, ClaimState, Native},
        receipt_queue::{Dispatch, Stage},
        responsiveness::GRACE,
        store::Store,
        summary,
    },
    model::{DeviceDelivery, DeviceId, DeviceState, EventId, Mark, SafeText, SendState, Timestamp, UserId},
};

/// This account, as the other end knows it, and its two devices: this one, and one that never says
/// anything.
const ME: &str = "@me:example.org";
const PHONE: &str = "PHONE";
const LAPTOP: &str = "LAPTOP";
/// With more messages than this nobody watches any more: it takes time, and shows nothing new.
const WATCHED: usize = 100;

pub struct Sender {
    dir: TempDir,
    store: Store,
    held: Held,
    /// Their sync has brought so many of all messages.
    echoed: usize,
    laptop_is_gone: bool,
}

impl Sender {
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path(), &KEY).unwrap();
        Self { dir, store, held: Held::new(), echoed: 0, laptop_is_gone: false }
    }

    /// As the actor does it: what is about no message that is known is held, and is on disk.
    fn hears(&mut self, claims: &[PeerClaim], now: Timestamp) {
        let unknown = self.store.claim(claims, now).unwrap().unknown;
        let (held, over): (Vec<_>, Vec<_>) =
            unknown.into_iter().partition(|claim| self.held.hold(claim.clone()).is_ok());
        self.store.remember_early(&held.into(), now).unwrap();
        self.store.forget_early(&over.into()).unwrap();
    }

    /// Their program is killed and started again.
    pub fn is_killed(&mut self, now: Timestamp) {
        self.store = Store::open(self.dir.path(), &KEY).unwrap();
        self.held = Held::new();
        let Early { claims, .. } = self.store.early().unwrap();
        self.hears(&claims, now);
    }

    /// Their sync brings what they have sent.
    pub fn syncs(&mut self, messages: &[Message], now: Timestamp) {
        if messages.len() > WATCHED {
            return;
        }
        let news = messages[self.echoed..].iter().filter(|message| is_recorded(message));
        for Message { room: in_room, facts, .. } in news {
            let known = |id: &str| ExpectedDevice {
                device_id: DeviceId::new(id),
                name: SafeText::default(),
                excluded: None,
                silent: None,
            };
            let devices = if self.laptop_is_gone { vec![known(PHONE)] } else { vec![known(LAPTOP), known(PHONE)] };
            let own = OwnEvent {
                room_id: room(*in_room),
                event_id: facts.event_id.clone(),
                sent: facts.sent,
                expected: [(UserId::new(ME), devices)].into(),
                claims: [].into(),
            };
            self.store.record_recipients(&own).unwrap();
            let early = self.held.take(&own.event_id);
            self.hears(&early.claims, now);
        }
        self.echoed = messages.len();
        let over = self.held.synced(now, |_, _| false);
        self.store.forget_early(&over).unwrap();
    }

    /// The other device is logged out.
    pub fn laptop_goes(&mut self) {
        self.laptop_is_gone = true;
        self.store.on_devices(&UserId::new(ME), &BTreeSet::from([DeviceId::new(PHONE)])).unwrap();
    }

    /// What the other end shows of these two devices, and the mark.
    fn shows(&self, event: &EventId, now: Timestamp) -> (Option<DeviceDelivery>, DeviceDelivery, Mark) {
        let own = self.store.own_event(event).unwrap().expect("it was recorded");
        let me = UserId::new(ME);
        let responsiveness = [(me.clone(), self.store.responsiveness(&me).unwrap())].into();
        let known = summary::delivery(&own, &responsiveness, now);
        let of =
            |id: &str| known.people[0].devices.iter().find(|known| known.device_id == Some(DeviceId::new(id))).cloned();
        (of(LAPTOP), of(PHONE).unwrap(), summary::mark(&SendState::Sent, Some(&known), &[]).counted())
    }
}

/// Whether receipts are waited for.
fn is_recorded(message: &Message) -> bool {
    message.person == 0 && message.facts.kind == EventKind::Message
}

impl World {
    /// What leaves over the encrypted route arrives, over the wire. (Through a homeserver it may
    /// name nobody.)
    pub(super) fn arrives(&mut self, dispatch: &Dispatch, first: usize) {
        let (Dispatch::Native { batch, .. } | Dispatch::Direct { batch, .. }) = dispatch;
        if batch.sender != person(0) || self.messages.len() > WATCHED {
            return;
        }
        let (me, phone, now) = (UserId::new(ME), DeviceId::new(PHONE), self.clock);
        let claims: Vec<PeerClaim> = match dispatch {
            Dispatch::Direct { batch, .. } => {
                let answer = Answer::parse(&batch.answer(now).to_json()).unwrap();
                let claim = |(event, claim)| {
                    let claim = PeerClaim::direct(answer.room_id.clone(), event, claim, me.clone(), phone.clone(), now);
                    PeerClaim { quiet: answer.quiet, ..claim }
                };
                answer.receipts.into_iter().map(claim).collect()
            }
            Dispatch::Native { batch, name_device } => {
                let device = name_device.then_some(phone);
                let receipt = |event: &EventId, quiet| {
                    let (event, user, device) = (event.clone(), me.clone(), device.clone());
                    Native {
                        event_id: event,
                        user_id: user,
                        device_id: device,
                        at: Some(now),
                        quiet: quiet && *name_device,
                    }
                };
                let owed = batch.owed.iter().take(first);
                owed.map(|owed| PeerClaim::native(owed.room_id.clone(), receipt(&owed.event_id, owed.quiet), now))
                    .collect()
            }
        };
        for claim in claims.iter().filter(|claim| claim.state == ClaimState::Delivered && claim.device_id.is_some()) {
            self.messages[message_named(&claim.event_id)].arrived = true;
        }
        self.sender.hears(&claims, now);
    }

    /// Everything is as it was at first, and the first person says one more thing in each room,
    /// which is acknowledged. Then their marks say what happened.
    pub(super) fn marks_are_true(&mut self) {
        if self.messages.len() + 2 > WATCHED {
            return;
        }
        self.makes_up();
        let last = self.messages.len()..self.messages.len() + 2;
        // Later than all that was sent before, all that the clock showed, and the last moment of
        // incognito (P12).
        let before = self.messages.iter().map(|message| message.facts.sent).chain(self.hidden.iter().copied());
        let sent = before.fold(self.clock, Timestamp::max) + Duration::from_millis(1);
        self.clock = sent;
        for in_room in 0..2 {
            self.asks(0, in_room, 7, sent + super::DAY);
            self.comes(in_room, 0, sent, EventKind::Message, true);
        }
        self.sync();
        self.comes_to_rest();
        self.sender.syncs(&self.messages, self.clock);
        self.sender.is_killed(self.clock);
        let later = self.clock + 2 * GRACE;
        for (n, message) in self.messages.iter().enumerate().filter(|(_, message)| is_recorded(message)) {
            let (laptop, phone, mark) = self.sender.shows(&message.facts.event_id, later);
            let delivered = matches!(phone.state, DeviceState::Delivered { .. });
            assert_eq!(delivered, message.arrived, "{message:?} is shown as {phone:?}");
            assert!(!last.contains(&n) || delivered, "{message:?}");
            if let Some(laptop) = laptop {
                assert_eq!(laptop.expected, !self.sender.laptop_is_gone, "{laptop:?}");
            }
            assert_eq!(mark == Mark::Delivered, delivered && self.sender.laptop_is_gone, "{message:?}: {mark:?}");
            let missed = matches!(phone.state, DeviceState::Missed { .. });
            assert!(!missed || !self.is_silence(n), "{message:?} was withheld, and seems to be missed");
        }
    }

    /// Whether a message gets no receipt because of a rule, and its sender may wait for one.
    fn is_silence(&self, n: usize) -> bool {
        let (message, stage) = (&self.messages[n], self.stage(n));
        let is_old_to_this_device =
            self.rooms[message.room].joined_since.is_some_and(|since| message.facts.sent < since);
        let is_awaited = matches!(stage, Some(Stage::AwaitingKey | Stage::ToldUndecryptable));
        !message.arrived && !message.facts.redacted && !is_old_to_this_device && !is_awaited
    }
}
