//! What is owed to others, from the message that came to the receipt that went: every decision, and
//! its order on disk.
//!
//! A message climbs [`Stage`] by stage, and each step is on disk before anything is done about it:
//!
//! 1. It comes ([`ReceiptQueue::take_in`]). By [`decide`] its receipt is owed, or withheld; or its
//!    key is awaited (P1).
//! 2. What is owed waits in the [`Outbox`] (P10, P11). What is [due](ReceiptQueue::due) is decided
//!    about once more, with the facts of that moment ([`ReceiptQueue::release`]), and gets a route
//!    ([`ReceiptQueue::dispatch`]).
//! 3. It [was sent](ReceiptQueue::sent); or that [failed](ReceiptQueue::failed), and it is due
//!    again later; or it is [withheld](ReceiptQueue::withhold) after all.
//!
//! **A key that does not come.** When a message is [overdue](ReceiptQueue::overdue) its sender is
//! told, over `direct` and if they have asked, that it cannot be read; that passes the same rules
//! and the same outbox. It is owed for as long as its key is awaited, so it needs no record of its
//! own: after a restart the key has its time once more, since it may have come meanwhile. When it
//! comes, what was not told is withdrawn, and the receipt is owed as ever.
//!
//! **Silence.** The sender may wonder about a message that gets no receipt, when a later one gets
//! one. So with that the device says that its silence before means nothing, if it has withheld a
//! receipt for anything that they sent there before ([`Reason::is_silence`]): not for what nor why,
//! and not when it had come. Nothing is said where nothing is acknowledged.
//!
//! **A kill** at any instant loses what is in memory and nothing else. What was sent and not yet
//! written down is sent again after the restart, and merged (L3); nothing leaves that was withheld
//! on disk.
//!
//! **The moment** at which receipts leave (P11) is all that a sender may learn of when a message
//! came. So whatever depends on the time in a way that a sender can see, such as how old a message
//! is (P9), how long a key or a route is waited for, and what was sent lately, is reckoned from
//! that moment, and not from when the device woke up.
//!
//! **The clock** is an argument. When it goes back, everything that waits is moved back with it; it
//! would wait for that moment to come again, and the buckets of P10 would seem to be empty.
//!
//! Nothing here knows a network: facts come in, batches go out, and a [`Journal`] is written. So
//! all of it is tested by random schedules, with kills between any two steps.

use std::{
    collections::{BTreeMap, HashSet},
    mem,
    time::Duration,
};

use self::{
    counted::Counted,
    journal::{told_in_vain, write},
    recent::Recent,
};
use super::{
    incognito::Incognito,
    outbox::{Batch, Came, Draw, Outbox, Owed},
    policy::{self, Decision, EventFacts, EventKind, Reason, RoomFacts, SenderFacts, Settings, decide},
    receipt::{ClaimState, Request},
    route::{self, Plan, Recipient, ServerFacts},
};
use crate::model::{DeviceId, EventId, RoomId, Route, Timestamp, UserId};

mod arrival;
mod counted;
mod dispatch;
mod journal;
mod recent;

pub use arrival::{Arrival, Numbers};
pub use dispatch::Dispatch;
pub use journal::{Awaited, Entry, Journal, Stage, Step};

/// How long a message's key is waited for before its sender is told that it cannot be read.
pub const KEY_WAIT: Duration = Duration::from_mins(1);

/// Everything that is owed, as far as it is in memory.
#[derive(Debug)]
pub struct ReceiptQueue {
    settings: Settings,
    key_wait: Duration,
    numbers: Numbers,
    outbox: Outbox,
    incognito: Incognito,
    /// Whose key is awaited, and when that has taken too long; without those whose senders were
    /// told.
    keys: BTreeMap<EventRef, AwaitedKey>,
    /// Batches that wait until the homeserver has said what it can do.
    undecided: Vec<Batch>,
    /// What was sent over `direct` in the last minutes, for devices of the same people that ask a
    /// little later (§3).
    recent: Recent,
    counted: Counted,
    /// The time when this was last called.
    clock: Timestamp,
}

/// A message, by its room and its id.
type EventRef = (RoomId, EventId);

#[derive(Debug)]
struct AwaitedKey {
    awaited: Awaited,
    due: Timestamp,
    late: bool,
}

impl ReceiptQueue {
    /// Owes nothing yet. `key_wait` is [`KEY_WAIT`], but in tests.
    pub fn new(settings: Settings, key_wait: Duration, numbers: Numbers) -> Self {
        Self {
            settings,
            key_wait,
            numbers,
            outbox: Outbox::new(),
            incognito: Incognito::default(),
            keys: BTreeMap::new(),
            undecided: Vec::new(),
            recent: Recent::default(),
            counted: Counted::default(),
            clock: Timestamp::EPOCH,
        }
    }

    /// The settings of now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where there is or was incognito (P12).
    pub fn incognito(&self) -> &Incognito {
        &self.incognito
    }

    /// Takes up what a former run left in the journal.
    pub fn resume<B: Journal>(&mut self, journal: &mut B, now: Timestamp) -> Result<(), B::Error> {
        self.incognito = journal.incognito()?;
        let (awaiting, mut owed) = (journal.awaiting()?, journal.owed()?);
        let arrival = self.arrives(Came::Now, now);
        for awaited in awaiting.into_iter().filter(|awaited| !awaited.sender_told) {
            self.wait_for_key(awaited, arrival.moment);
        }
        owed.sort_by_key(|owed| owed.since);
        self.queue(journal, owed, arrival)?;
        self.set(journal, self.settings.clone(), now)
    }

    /// The settings are these now: there may be a route for what had none, and where incognito
    /// began, what waits for its time, a route or a key is cancelled (P12).
    pub fn set<B: Journal>(&mut self, journal: &mut B, settings: Settings, now: Timestamp) -> Result<(), B::Error> {
        self.tick(now);
        self.settings = settings;
        self.routes_changed(now);
        if self.incognito.set(&self.settings, now) {
            journal.set_incognito(&self.incognito)?;
        }
        let settings = &self.settings;
        let hidden = Step::Withhold(Reason::Incognito);
        let waiting = self.outbox.cancel(|owed| !settings.is_incognito(&owed.room_id));
        let mut entries: Vec<Entry> = waiting.iter().map(|owed| Entry::about(owed, hidden.clone())).collect();
        let awaiting = journal.awaiting()?.into_iter().filter(|awaited| settings.is_incognito(&awaited.room_id));
        entries.extend(awaiting.map(|awaited| {
            let Awaited { room_id: room, event_id: event, sender, sent, sender_told: _ } = awaited;
            Entry { room_id: room, event_id: event, sender, sent, step: hidden.clone() }
        }));
        self.keys.retain(|(room, _), _| !settings.is_incognito(room));
        write(journal, &entries, now)
    }

    // ── what comes in ──

    /// Whether there is anything to be decided about an event of somebody else's, which may have
    /// been considered before.
    pub fn is_open<B: Journal>(&self, journal: &B, room: &RoomId, event: &EventFacts) -> Result<bool, B::Error> {
        // What is no message stays none, so the disk is not asked about the same thousand reactions
        // again and again.
        if event.readable && event.kind == EventKind::Other && self.counted.events.contains(&event.event_id) {
            return Ok(false);
        }
        Ok(self.is_open_at(journal.stage(room, &event.event_id)?, room, event))
    }

    fn is_open_at(&self, stage: Option<Stage>, room: &RoomId, event: &EventFacts) -> bool {
        let late = || self.keys.get(&(room.clone(), event.event_id.clone())).is_some_and(|key| key.late);
        match stage {
            None => event.kind != EventKind::State,
            Some(Stage::AwaitingKey) => event.readable || late(),
            Some(Stage::ToldUndecryptable) => event.readable,
            Some(Stage::Owed | Stage::Withheld | Stage::Sent) => false,
        }
    }

    /// Something comes now.
    pub fn arrives(&mut self, came: Came, now: Timestamp) -> Arrival {
        self.tick(now);
        let draw = self.draw();
        Arrival { now, moment: self.outbox.moment(came, draw, now) }
    }

    fn draw(&mut self) -> Draw {
        Draw { timing: self.settings.timing, number: self.numbers.next() }
    }

    /// Whether it depends on the sender what becomes of an event. Most rooms and events say no to
    /// everybody.
    pub fn rests_on_sender(&self, room: &RoomFacts, event: &EventFacts, arrival: Arrival) -> bool {
        decide(&as_if_readable(event), room, &SenderFacts::WELCOME, &self.settings, arrival.moment) == Decision::Send
    }

    /// Takes in events of a room with their senders; for those that do not [rest on
    /// them](Self::rests_on_sender), any will do.
    pub fn take_in<B: Journal>(
        &mut self,
        journal: &mut B,
        room: &RoomFacts,
        events: Vec<(EventFacts, SenderFacts)>,
        arrival: Arrival,
    ) -> Result<(), B::Error> {
        let Arrival { now, moment } = arrival;
        let (mut entries, mut owed, mut awaited) = (Vec::new(), Vec::new(), Vec::new());
        for (event, sender) in events {
            let recorded = journal.stage(&room.room_id, &event.event_id)?;
            if !self.is_open_at(recorded, &room.room_id, &event) {
                continue;
            }
            let is_awaited = recorded.is_some();
            // What cannot be read yet is decided as if it could: only then is it worth waiting for
            // its key (P1).
            let decision = decide(&as_if_readable(&event), room, &sender, &self.settings, moment);
            let (room, readable) = (room.room_id.clone(), event.readable);
            let EventFacts { event_id: event, sender, sent, .. } = event;
            let state = if readable { ClaimState::Delivered } else { ClaimState::Undecryptable };
            let receipt = Owed { room_id: room, event_id: event, sender, sent, since: moment, state, quiet: false };
            let step = match decision {
                Decision::Send if readable => Step::Owe(moment),
                Decision::Send if is_awaited && told_in_vain(journal, &receipt.sender, moment)? => {
                    Step::TellUndecryptable(None)
                }
                Decision::Send if is_awaited => {
                    owed.push(receipt);
                    continue;
                }
                Decision::Send => Step::AwaitKey,
                // A fact that is missing is waited for.
                Decision::Withhold(Reason::JoinTimeUnknown) => continue,
                Decision::Withhold(reason) if reason.is_lasting() || is_awaited => Step::Withhold(reason),
                Decision::Withhold(reason) if self.counted.insert(&receipt.event_id) => Step::Refuse(reason),
                Decision::Withhold(_) => continue,
            };
            entries.push(Entry::about(&receipt, step.clone()));
            match step {
                Step::Owe(_) => owed.push(receipt),
                Step::AwaitKey => awaited.push(receipt),
                _ => {}
            }
        }
        write(journal, &entries, now)?;
        for event in entries.iter().map(Entry::event_ref).chain(owed.iter().map(Owed::event_ref)) {
            self.keys.remove(&event);
        }
        for Owed { room_id: room, event_id: event, sender, sent, .. } in awaited {
            self.wait_for_key(Awaited { room_id: room, event_id: event, sender, sent, sender_told: false }, moment);
        }
        self.queue(journal, owed, arrival)
    }

    fn wait_for_key(&mut self, awaited: Awaited, since: Timestamp) {
        let event = (awaited.room_id.clone(), awaited.event_id.clone());
        self.keys.insert(event, AwaitedKey { awaited, due: since + self.key_wait, late: false });
    }

    /// The messages whose key has not come in time: to be looked at again, and [taken
    /// in](Self::take_in) as they are now.
    pub fn overdue(&mut self, now: Timestamp) -> Vec<Awaited> {
        self.tick(now);
        let overdue = self.keys.values_mut().filter(|key| key.due <= now).map(|key| {
            key.late = true;
            key.due = now + self.key_wait;
            key.awaited.clone()
        });
        overdue.collect()
    }

    /// A device asks for receipts in a room until `expires` (§3). What waited for that has a route
    /// now. When it has not asked before, what the sender's other devices were told in the last
    /// minutes, or are being told, is sent again, so that all of them show the same. One that may
    /// have lost what it was told is told it again, once.
    pub fn asked<B: Journal>(
        &mut self,
        journal: &mut B,
        (user, device): (&UserId, &DeviceId),
        Request { room_id: room, expires, again }: &Request,
        now: Timestamp,
    ) -> Result<(), B::Error> {
        let arrival = self.arrives(Came::Now, now);
        let moment = arrival.moment;
        let is_new = !journal.asking_devices(user, room, now)?.contains(device);
        journal.remember_request(user, device, room, *expires)?;
        if is_new || *again {
            let sent = self.recent.for_device((user, room), is_new, moment);
            self.queue(journal, sent, arrival)?;
        }
        self.outbox.route_appeared(user, room, moment);
        Ok(())
    }

    /// There may be a route for what had none: the homeserver can do more, or the settings allow
    /// more.
    pub fn routes_changed(&mut self, now: Timestamp) {
        let Arrival { moment, .. } = self.arrives(Came::Now, now);
        self.outbox.routes_changed(moment);
        for batch in mem::take(&mut self.undecided) {
            self.outbox.put_off(batch, moment);
        }
    }

    /// Into the outbox with what is on disk; what is too much for its sender is settled (P10).
    fn queue<B: Journal>(
        &mut self,
        journal: &mut B,
        owed: Vec<Owed>,
        Arrival { now, moment }: Arrival,
    ) -> Result<(), B::Error> {
        let Self { outbox, numbers, .. } = self;
        let queued = owed.into_iter().map(|owed| outbox.owe(owed, moment, numbers.next(), now));
        let over: Vec<Owed> = queued.filter_map(Result::err).collect();
        self.withhold(journal, &over, Reason::TooMany, now)
    }

    // ── what goes out ──

    /// When there is something to be done: [`Self::due`], [`Self::overdue`].
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.keys.values().map(|key| key.due).chain(self.outbox.next_wake()).min()
    }

    /// The batches whose time has come, to be decided about once more.
    pub fn due(&mut self, now: Timestamp) -> Vec<Batch> {
        self.tick(now);
        let draw = self.draw();
        self.outbox.due(draw, now)
    }

    /// The part of a batch that may still be sent (P1, P3, P5, P7, P8, P9, P12); the rest is
    /// settled.
    pub fn release<B: Journal>(
        &mut self,
        journal: &mut B,
        mut batch: Batch,
        room: &RoomFacts,
        sender: SenderFacts,
        redacted: &HashSet<EventId>,
        now: Timestamp,
    ) -> Result<Option<Batch>, B::Error> {
        self.tick(now);
        let mut kept = Vec::new();
        let mut settled = Vec::new();
        for owed in mem::take(&mut batch.owed) {
            let is_open = match (owed.state, journal.stage(&owed.room_id, &owed.event_id)?) {
                (ClaimState::Delivered, stage) => matches!(stage, Some(Stage::Owed | Stage::Sent)),
                (ClaimState::Undecryptable, stage) => {
                    matches!(stage, Some(Stage::AwaitingKey | Stage::ToldUndecryptable))
                }
            };
            if !is_open {
                continue;
            }
            let facts = EventFacts {
                event_id: owed.event_id.clone(),
                sender: owed.sender.clone(),
                device_id: None,
                sent: owed.sent,
                kind: EventKind::Message,
                readable: true,
                redacted: redacted.contains(&owed.event_id),
            };
            match decide(&facts, room, &sender, &self.settings, now) {
                Decision::Send
                    if owed.state == ClaimState::Undecryptable && told_in_vain(journal, &owed.sender, now)? =>
                {
                    settled.push(Entry::about(&owed, Step::TellUndecryptable(None)));
                }
                Decision::Send => kept.push(owed),
                Decision::Withhold(reason) => settled.push(Entry::about(&owed, Step::Withhold(reason))),
            }
        }
        write(journal, &settled, now)?;
        batch.owed = kept;
        Ok((!batch.owed.is_empty()).then_some(batch))
    }

    /// Finds the route for a batch; when there is none now, it waits for one, or is withheld.
    pub fn dispatch<B: Journal>(
        &mut self,
        journal: &mut B,
        mut batch: Batch,
        sender: SenderFacts,
        (server, same_server): (Option<ServerFacts>, bool),
        now: Timestamp,
    ) -> Result<Option<Dispatch>, B::Error> {
        let to = Recipient {
            same_server,
            named: policy::names_device(&batch.sender, sender, &self.settings),
            asking: journal.asking_devices(&batch.sender, &batch.room_id, now)?,
        };
        let withheld = journal.withheld(&batch.sender, &batch.room_id)?;
        for owed in &mut batch.owed {
            owed.quiet = owed.state == ClaimState::Delivered && withheld.is_some_and(|withheld| withheld < owed.sent);
        }
        match route::choose(self.settings.route, server, batch.state, to) {
            Plan::Native { name_device } => return Ok(Some(Dispatch::Native { batch, name_device })),
            Plan::Direct(devices) => {
                self.recent.add(&batch, now);
                return Ok(Some(Dispatch::Direct { batch, devices }));
            }
            Plan::Undecided => self.undecided.push(batch),
            Plan::Wait(reason) => {
                let over = self.outbox.no_route(batch, now);
                self.withhold(journal, &over, reason, now)?;
            }
            Plan::Withhold(reason) => self.withhold(journal, &batch.owed, reason, now)?,
        }
        Ok(None)
    }

    /// These were sent.
    pub fn sent<B: Journal>(
        &mut self,
        journal: &mut B,
        owed: &[Owed],
        route: Route,
        now: Timestamp,
    ) -> Result<(), B::Error> {
        self.settle(journal, owed, now, |owed| match owed.state {
            ClaimState::Delivered => Step::Sent { at: now, route, quiet: owed.quiet },
            ClaimState::Undecryptable => Step::TellUndecryptable(Some(now)),
        })
    }

    /// These are not sent, for this reason. Where there is only no way to say that a message cannot
    /// be read, its receipt is owed all the same when the key comes.
    pub fn withhold<B: Journal>(
        &mut self,
        journal: &mut B,
        owed: &[Owed],
        reason: Reason,
        now: Timestamp,
    ) -> Result<(), B::Error> {
        self.settle(journal, owed, now, |owed| match owed.state {
            ClaimState::Undecryptable if reason.is_of_the_route() => Step::TellUndecryptable(None),
            ClaimState::Delivered | ClaimState::Undecryptable => Step::Withhold(reason),
        })
    }

    fn settle<B: Journal>(
        &mut self,
        journal: &mut B,
        owed: &[Owed],
        now: Timestamp,
        step: impl Fn(&Owed) -> Step,
    ) -> Result<(), B::Error> {
        self.tick(now);
        let entries: Vec<Entry> = owed.iter().map(|owed| Entry::about(owed, step(owed))).collect();
        write(journal, &entries, now)
    }

    /// This batch could not be sent: it is due again after as long as the server said, else after a
    /// pause.
    pub fn failed(&mut self, batch: Batch, retry_after: Option<Duration>, now: Timestamp) {
        self.tick(now);
        self.outbox.failed(batch, now, retry_after);
    }

    /// This batch was not tried: it is due again then, and nobody was told.
    pub fn put_off(&mut self, batch: Batch, until: Timestamp) {
        self.recent.forget(&batch);
        self.outbox.put_off(batch, until);
    }

    /// How many receipts wait in memory.
    pub fn waiting(&self) -> usize {
        self.outbox.len() + self.undecided.iter().map(|batch| batch.owed.len()).sum::<usize>()
    }

    /// It is this time. When the clock went back, what waits is moved back with it.
    fn tick(&mut self, now: Timestamp) {
        let back = self.clock - now;
        self.clock = now;
        if !back.is_zero() {
            self.outbox.clock_went_back(back);
            self.keys.values_mut().for_each(|key| key.due -= back);
            self.recent.clock_went_back(back);
        }
    }
}

fn as_if_readable(event: &EventFacts) -> EventFacts {
    EventFacts { readable: true, ..event.clone() }
}

#[cfg(test)]
mod tests;
