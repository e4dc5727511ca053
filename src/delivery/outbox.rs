//! What is owed to others and not sent yet, in memory.
//!
//! A receipt does not leave at the moment at which its event was read: that moment would tell when the device woke
//! up (P11). Instead all that is owed to one sender in one room is gathered into a batch, and the batch's delay is
//! drawn once, when it is opened. A batch that is due is taken out with [`Outbox::due`]; then exactly one of these
//! happens to it:
//!
//! - it is sent: nothing more is to be done here;
//! - it [`failed`](Outbox::failed): it comes back, and waits longer each time;
//! - it is [`put off`](Outbox::put_off), because it is not its turn yet;
//! - there is [`no route`](Outbox::no_route), because nobody asked: it comes back and waits for a request, at most ten
//!   minutes (PROTOCOL §3).
//!
//! The outbox keeps no clock, draws no numbers and writes nothing down. What is owed is on disk before it comes
//! here ([`super::store`]), so losing the outbox loses nothing.

use std::collections::BTreeMap;

use super::{
    policy::Timing,
    receipt::{Answer, Claim, ClaimState, RECEIPTS_SENT},
};
use crate::model::{EventId, Ms, RoomId, UserId};

/// So long a receipt waits for somebody to ask for it (§3).
pub const ROUTE_WAIT: Ms = 10 * 60 * 1000;
const BACKOFF_FIRST: Ms = 1000;
const BACKOFF_LONGEST: Ms = 5 * 60 * 1000;

/// One receipt that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The event's room.
    pub room: RoomId,
    /// The event.
    pub event: EventId,
    /// Who sent it, and is owed the receipt.
    pub sender: UserId,
    /// When they sent it (`origin_server_ts`).
    pub sent: Ms,
    /// Since when it is owed.
    pub since: Ms,
    /// What there is to say.
    pub state: ClaimState,
}

/// What is owed to one sender in one room, to be sent now.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// To whom.
    pub sender: UserId,
    /// In which room.
    pub room: RoomId,
    /// At least one, at most [`RECEIPTS_SENT`], each event once.
    pub owed: Vec<Owed>,
    /// How often it was tried before.
    pub attempt: u32,
    pace: Pace,
}

impl Batch {
    /// The message to send. Every receipt carries the time of sending, as it would when a homeserver made it; the time
    /// at which this device woke up is not told (P11).
    pub fn answer(&self, now: Ms) -> Answer {
        let claim = |owed: &Owed| (owed.event.clone(), Claim { at: Some(now), state: owed.state });
        Answer { room: self.room.clone(), receipts: self.owed.iter().map(claim).collect() }
    }
}

/// How a batch is delayed: drawn once.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pace {
    timing: Timing,
    draw: f64,
}

/// A batch while it waits.
#[derive(Debug)]
struct Waiting {
    owed: BTreeMap<EventId, Owed>,
    until: Until,
    attempt: u32,
    pace: Pace,
}

/// What a batch waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Until {
    /// This moment.
    At(Ms),
    /// A way to the sender, such as their request, or the end of the first receipt's time.
    Asked,
}

impl Waiting {
    fn due(&self) -> Ms {
        match self.until {
            Until::At(due) => due,
            Until::Asked => self.owed.values().map(|owed| owed.since).min().unwrap_or(0).saturating_add(ROUTE_WAIT),
        }
    }

    /// There is a route: what waited for one is due after its delay.
    fn route_appeared(&mut self, now: Ms) {
        if self.until == Until::Asked {
            self.until = Until::At(self.pace.timing.due(now, self.pace.draw));
        }
    }

    fn add(&mut self, owed: Owed) {
        let (since, state) = (owed.since, owed.state);
        let known = self.owed.entry(owed.event.clone()).or_insert(owed);
        known.since = known.since.min(since);
        known.state = known.state.min(state);
    }
}

/// All that is owed and not sent yet.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: BTreeMap<(UserId, RoomId), Waiting>,
}

impl Outbox {
    /// Owes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a receipt to its sender's batch, or opens one; `draw` is a random number in [0, 1), used only when a batch
    /// is opened. Owing the same event again adds nothing, but 'delivered' replaces 'undecryptable'.
    pub fn owe(&mut self, owed: Owed, timing: Timing, draw: f64, now: Ms) {
        let pace = Pace { timing, draw };
        let until = Until::At(timing.due(now, draw));
        let opened = Waiting { owed: BTreeMap::new(), until, attempt: 0, pace };
        self.waiting.entry((owed.sender.clone(), owed.room.clone())).or_insert(opened).add(owed);
    }

    /// Takes out the batches that are due. Those of one moment come in the order of their draws, not of the events.
    pub fn due(&mut self, now: Ms) -> Vec<Batch> {
        let mut due: Vec<_> = self.waiting.extract_if(.., |_, waiting| waiting.due() <= now).collect();
        due.sort_by(|(_, a), (_, b)| a.due().cmp(&b.due()).then(a.pace.draw.total_cmp(&b.pace.draw)));
        let batches = due.into_iter().flat_map(|((sender, room), Waiting { owed, attempt, pace, .. })| {
            let owed: Vec<Owed> = owed.into_values().collect();
            let batch = |owed: &[Owed]| Batch {
                sender: sender.clone(),
                room: room.clone(),
                owed: owed.to_vec(),
                attempt,
                pace,
            };
            owed.chunks(RECEIPTS_SENT).map(batch).collect::<Vec<_>>()
        });
        batches.collect()
    }

    /// When [`Self::due`] has something to give.
    pub fn next_wake(&self) -> Option<Ms> {
        self.waiting.values().map(Waiting::due).min()
    }

    /// Puts back a batch that could not be sent, for as long as the server said (`retry_after`), else for 1 s, 2 s,
    /// 4 s … up to 5 minutes.
    pub fn failed(&mut self, batch: Batch, now: Ms, retry_after: Option<Ms>) {
        let backoff = BACKOFF_FIRST.saturating_mul(1 << batch.attempt.min(16)).min(BACKOFF_LONGEST);
        let due = now.saturating_add(retry_after.unwrap_or(backoff));
        let attempt = batch.attempt.saturating_add(1);
        self.put_back(batch, Until::At(due), attempt);
    }

    /// Puts back a batch that was not tried, until then.
    pub fn put_off(&mut self, batch: Batch, until: Ms) {
        let attempt = batch.attempt;
        self.put_back(batch, Until::At(until), attempt);
    }

    /// Puts back a batch that nobody has asked for yet, and returns what has waited long enough, to be dropped. The
    /// rest is due again when a [route appeared](Self::route_appeared), or when the time of one of them is over.
    pub fn no_route(&mut self, mut batch: Batch, now: Ms) -> Vec<Owed> {
        let over = batch.owed.extract_if(.., |owed| now >= owed.since.saturating_add(ROUTE_WAIT)).collect();
        if !batch.owed.is_empty() {
            let attempt = batch.attempt;
            self.put_back(batch, Until::Asked, attempt);
        }
        over
    }

    /// A device of this sender has asked for receipts in this room: what waited for that is sent, after the delay that
    /// was drawn for it and not on the tick of the request.
    pub fn route_appeared(&mut self, sender: &UserId, room: &RoomId, now: Ms) {
        if let Some(waiting) = self.waiting.get_mut(&(sender.clone(), room.clone())) {
            waiting.route_appeared(now);
        }
    }

    /// There may be a route now where there was none, to anybody: the server can do more, or the settings allow more.
    /// What waited for one is due again, after the delay that was drawn for it.
    pub fn routes_changed(&mut self, now: Ms) {
        self.waiting.values_mut().for_each(|waiting| waiting.route_appeared(now));
    }

    /// Takes out, and returns, what is not to be kept: the policy or the circumstances have changed (P3, P5, P8, P12).
    pub fn cancel(&mut self, mut keep: impl FnMut(&Owed) -> bool) -> Vec<Owed> {
        let mut cancelled = Vec::new();
        self.waiting.retain(|_, waiting| {
            cancelled.extend(waiting.owed.extract_if(.., |_, owed| !keep(owed)).map(|(_, owed)| owed));
            !waiting.owed.is_empty()
        });
        cancelled
    }

    /// How many receipts wait.
    pub fn len(&self) -> usize {
        self.waiting.values().map(|waiting| waiting.owed.len()).sum()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Back into the queue; what was owed to the same sender meanwhile shares the batch's luck.
    fn put_back(&mut self, batch: Batch, until: Until, attempt: u32) {
        let Batch { sender, room, owed, pace, .. } = batch;
        let opened = Waiting { owed: BTreeMap::new(), until, attempt, pace };
        let waiting = self.waiting.entry((sender, room)).or_insert(opened);
        waiting.until = until;
        waiting.attempt = waiting.attempt.max(attempt);
        for owed in owed {
            waiting.add(owed);
        }
    }
}

#[cfg(test)]
mod tests;
