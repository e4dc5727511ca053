//! What is owed to others and not sent yet, in memory.
//!
//! A receipt does not leave at the moment at which its event was read: that moment would tell when the device woke
//! up (P11). Instead all that is owed to one sender in one room is gathered into a batch, and the batch's delay is
//! drawn once, when it is opened. That a message cannot be read is said in a batch of its own, since it takes another
//! way. A batch that is due is taken out with [`Outbox::due`]; then exactly one of these
//! happens to it:
//!
//! - it is sent: nothing more is to be done here;
//! - it [`failed`](Outbox::failed): it comes back, and waits longer each time;
//! - it is [`put off`](Outbox::put_off), because it is not its turn yet;
//! - there is [`no route`](Outbox::no_route), because nobody asked: it comes back and waits for a request, at most ten
//!   minutes (PROTOCOL §3).
//!
//! Somebody who sends a great many messages must not learn for each of them when it came (P10). So whatever is owed gets
//! its turn when it comes in, from a [bucket](super::bucket) of its sender's over all rooms, and does not leave before.
//! What would wait for its turn longer than ten minutes is not taken in at all, which bounds what one sender can make this
//! device remember. A turn is used once: being tried again, by whatever route, needs no other, and what is cancelled
//! does not give it back.
//!
//! The outbox keeps no clock, draws no numbers and writes nothing down. What is owed is on disk before it comes
//! here ([`super::store`]), so losing the outbox loses nothing; it then begins with full buckets.

use std::collections::BTreeMap;

use super::{
    bucket::Buckets,
    policy::Timing,
    receipt::{Answer, Claim, ClaimState, RECEIPTS_SENT},
};
use crate::model::{EventId, Ms, RoomId, UserId};

/// So long a receipt waits for somebody to ask for it (§3).
pub const ROUTE_WAIT: Ms = 10 * 60 * 1000;
/// P10: so many receipts may leave at once for one sender, over all rooms.
pub const BURST: u64 = 60;
/// P10: then one in this time.
pub const INTERVAL: Ms = 1000;
/// P10: so long a receipt waits for its turn.
pub const TURN_WAIT: Ms = 10 * 60 * 1000;
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
    /// It is said with it that the silence before it means nothing (§3): known when it leaves.
    pub quiet: bool,
}

impl Owed {
    /// Under what the message is found.
    pub fn place(&self) -> (RoomId, EventId) {
        (self.room.clone(), self.event.clone())
    }
}

/// What is owed to one sender in one room, to be sent now.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// To whom.
    pub sender: UserId,
    /// In which room.
    pub room: RoomId,
    /// What all of it says.
    pub state: ClaimState,
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
        let quiet = self.owed.iter().any(|owed| owed.quiet);
        Answer { room: self.room.clone(), receipts: self.owed.iter().map(claim).collect(), quiet }
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
    owed: BTreeMap<EventId, Entry>,
    until: Until,
    attempt: u32,
    pace: Pace,
}

/// A receipt while it waits, and the moment before which it does not leave (P10); 0 when its turn has come before.
#[derive(Debug)]
struct Entry {
    owed: Owed,
    turn: Ms,
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
            Until::Asked => {
                let first = self.owed.values().map(|entry| entry.owed.since).min();
                first.unwrap_or(0).saturating_add(ROUTE_WAIT)
            }
        }
    }

    /// There is a route: what waited for one is due after its delay.
    fn route_appeared(&mut self, now: Ms) {
        if self.until == Until::Asked {
            self.until = Until::At(self.pace.timing.due(now, self.pace.draw));
        }
    }

    fn add(&mut self, owed: Owed, turn: Ms) {
        let since = owed.since;
        let known = self.owed.entry(owed.event.clone()).or_insert(Entry { owed, turn });
        known.owed.since = known.owed.since.min(since);
        known.turn = known.turn.min(turn);
    }

    fn clock_went_back(&mut self, by: Ms) {
        if let Until::At(due) = &mut self.until {
            *due = due.saturating_sub(by);
        }
        for entry in self.owed.values_mut() {
            entry.owed.since = entry.owed.since.saturating_sub(by);
            entry.turn = entry.turn.saturating_sub(by);
        }
    }

    /// Takes out what has its turn, in the order of the events. The rest waits on, and is as little tied to the moment of
    /// its turn as to any other (P11).
    fn take(&mut self, now: Ms) -> Vec<Owed> {
        let taken = self.owed.extract_if(.., |_, entry| entry.turn <= now).map(|(_, entry)| entry.owed).collect();
        if let Some(next) = self.owed.values().map(|entry| entry.turn).min() {
            self.until = Until::At(self.pace.timing.due(next, self.pace.draw));
        }
        taken
    }
}

/// All that is owed and not sent yet.
#[derive(Debug)]
pub struct Outbox {
    waiting: BTreeMap<(UserId, RoomId, ClaimState), Waiting>,
    turns: Buckets,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), turns: Buckets::new(INTERVAL, BURST) }
    }
}

impl Outbox {
    /// Owes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a receipt to its sender's batch, or opens one; `draw` is a random number in [0, 1), used only when a batch
    /// is opened. Owing the same event again adds nothing, but 'delivered' replaces 'undecryptable'. Gives the receipt
    /// back when the sender's turns of the next ten minutes are all taken: it is to be dropped (P10).
    pub fn owe(&mut self, owed: Owed, timing: Timing, draw: f64, now: Ms) -> Result<(), Owed> {
        let place = |state| (owed.sender.clone(), owed.room.clone(), state);
        match owed.state {
            ClaimState::Delivered => self.withdraw(&place(ClaimState::Undecryptable), &owed.event),
            ClaimState::Undecryptable if self.waits(&place(ClaimState::Delivered), &owed.event) => return Ok(()),
            ClaimState::Undecryptable => {}
        }
        let place = place(owed.state);
        let turn = if self.waits(&place, &owed.event) {
            Ms::MAX
        } else {
            self.turn(&owed.sender, now).ok_or_else(|| owed.clone())?
        };
        let opened = || {
            let until = Until::At(timing.due(now.max(turn), draw));
            Waiting { owed: BTreeMap::new(), until, attempt: 0, pace: Pace { timing, draw } }
        };
        self.waiting.entry(place).or_insert_with(opened).add(owed, turn);
        Ok(())
    }

    fn waits(&self, place: &(UserId, RoomId, ClaimState), event: &EventId) -> bool {
        self.waiting.get(place).is_some_and(|waiting| waiting.owed.contains_key(event))
    }

    fn withdraw(&mut self, place: &(UserId, RoomId, ClaimState), event: &EventId) {
        if let Some(waiting) = self.waiting.get_mut(place) {
            waiting.owed.remove(event);
            if waiting.owed.is_empty() {
                self.waiting.remove(place);
            }
        }
    }

    /// The moment from which one more receipt may leave for this sender (P10).
    fn turn(&mut self, sender: &UserId, now: Ms) -> Option<Ms> {
        let turns = self.turns.of(sender, now);
        let turn = turns.next(1, now);
        let in_time = turn.saturating_sub(now) <= TURN_WAIT;
        in_time.then(|| {
            turns.take(1, now);
            turn
        })
    }

    /// Takes out what is due and has its turn. Batches of one moment come in the order of their draws, not of the events.
    pub fn due(&mut self, now: Ms) -> Vec<Batch> {
        let mut due = Vec::new();
        self.waiting.retain(|(sender, room, state), waiting| {
            let at = waiting.due();
            if at > now {
                return true;
            }
            let (attempt, pace) = (waiting.attempt, waiting.pace);
            let owed = waiting.take(now);
            let batch = |owed: &[Owed]| {
                let (sender, room) = (sender.clone(), room.clone());
                (at, Batch { sender, room, state: *state, owed: owed.to_vec(), attempt, pace })
            };
            due.extend(owed.chunks(RECEIPTS_SENT).map(batch));
            !waiting.owed.is_empty()
        });
        due.sort_by(|(a_at, a), (b_at, b)| a_at.cmp(b_at).then(a.pace.draw.total_cmp(&b.pace.draw)));
        due.into_iter().map(|(_, batch)| batch).collect()
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
        // A restart after the clock went back can bring a time to come.
        batch.owed.iter_mut().for_each(|owed| owed.since = owed.since.min(now));
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
        for state in [ClaimState::Delivered, ClaimState::Undecryptable] {
            if let Some(waiting) = self.waiting.get_mut(&(sender.clone(), room.clone(), state)) {
                waiting.route_appeared(now);
            }
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
            cancelled.extend(waiting.owed.extract_if(.., |_, entry| !keep(&entry.owed)).map(|(_, entry)| entry.owed));
            !waiting.owed.is_empty()
        });
        cancelled
    }

    /// The clock went back by so much: what waits is moved back with it.
    pub fn clock_went_back(&mut self, by: Ms) {
        self.waiting.values_mut().for_each(|waiting| waiting.clock_went_back(by));
        self.turns.clock_went_back(by);
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
        let Batch { sender, room, state, owed, pace, .. } = batch;
        let opened = Waiting { owed: BTreeMap::new(), until, attempt, pace };
        let waiting = self.waiting.entry((sender, room, state)).or_insert(opened);
        waiting.until = until;
        waiting.attempt = waiting.attempt.max(attempt);
        for owed in owed {
            waiting.add(owed, 0);
        }
    }
}

#[cfg(test)]
mod tests;
