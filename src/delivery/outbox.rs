//! What is owed to others and not sent yet, in memory.
//!
//! A receipt does not leave at the moment at which its event was read: that moment would tell when
//! the device woke up (P11). Instead a [moment](Outbox::moment) is drawn when there is none to
//! come, and all that is owed by then, to whomever, leaves at it. So everybody is told the same
//! about the waking, however many they are and however much they have sent. What is owed to one
//! sender in one room makes a batch. That a message cannot be read is said in a batch of its own,
//! since it takes another route. A batch that is due is taken out with [`Outbox::due`]; then
//! exactly one of these happens to it:
//!
//! - it is sent: nothing more is to be done here;
//! - it [`failed`](Outbox::failed): it comes back, and waits longer each time;
//! - it is [`put off`](Outbox::put_off), because it is not its turn yet;
//! - there is [`no route`](Outbox::no_route), because nobody asked: it comes back and waits for a
//!   request, at most ten minutes (PROTOCOL §3).
//!
//! Somebody who sends a great many messages must not learn for each of them when it came (P10). So
//! whatever leaves takes its turn from a [bucket](super::bucket) of its sender's over all rooms, by
//! the moments at which things leave and not by those at which they came; what has no turn waits
//! for the next line of a grid that begins at such a moment. A turn is used once: being tried
//! again, by whatever route, needs no other. How much is taken in at all is counted apart, when it
//! comes: what would wait for its turn longer than ten minutes is not, which bounds what one sender
//! can make this device remember.
//!
//! The outbox has no clock, no dice and no disk. What is owed is on disk before it comes
//! here ([`super::store`]), so losing the outbox loses nothing; it then begins with full buckets.

use std::{collections::BTreeMap, time::Duration};

use super::{
    bucket::{Bucket, Buckets},
    policy::Timing,
    receipt::{Answer, Claim, ClaimState, RECEIPTS_SENT},
};
use crate::model::{EventId, RoomId, Timestamp, UserId};

/// How long a receipt waits for somebody to ask for it (§3).
pub const ROUTE_WAIT: Duration = Duration::from_mins(10);
/// P10: so many receipts may leave at once for one sender, over all rooms.
pub const BURST: u64 = 60;
/// P10: then one in this time.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// P10: so long a receipt waits for its turn.
pub const TURN_WAIT: Duration = Duration::from_mins(10);
/// P11: what a backfill finds leaves so long after a moment, or a multiple of that.
const BACKFILL_LINE: Duration = Duration::from_secs(15);
/// P11: what was sent so long ago was there before a backfill began.
const JUST_NOW: Duration = Duration::from_secs(30);
/// P11: what leaves so much later than at its moment would tell when a device woke up that slept
/// through it.
const PUNCTUAL: Duration = Duration::from_secs(2);
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_LONGEST: Duration = Duration::from_mins(5);

/// One receipt that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The event's room.
    pub room_id: RoomId,
    /// The event.
    pub event_id: EventId,
    /// Who sent it, and is owed the receipt.
    pub sender: UserId,
    /// When they sent it (`origin_server_ts`).
    pub sent: Timestamp,
    /// Since when it is owed.
    pub since: Timestamp,
    /// What the receipt says.
    pub state: ClaimState,
    /// Whether the receipt also says that the silence before it means nothing (§3). Decided when it
    /// leaves.
    pub quiet: bool,
}

impl Owed {
    /// The message: its room and its id.
    pub fn event_ref(&self) -> (RoomId, EventId) {
        (self.room_id.clone(), self.event_id.clone())
    }
}

/// What is owed to one sender in one room, to be sent now.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// To whom.
    pub sender: UserId,
    /// In which room.
    pub room_id: RoomId,
    /// What each of the receipts says.
    pub state: ClaimState,
    /// At least one, at most [`RECEIPTS_SENT`], each event once.
    pub owed: Vec<Owed>,
    /// How often it was tried before.
    pub attempt: u32,
    /// Batches of one moment leave in the order of such random numbers.
    order: f64,
}

impl Batch {
    /// The message to send. Every receipt carries the time of sending, as it would when a
    /// homeserver made it; the time at which this device woke up is not told (P11).
    pub fn answer(&self, now: Timestamp) -> Answer {
        let claim = |owed: &Owed| (owed.event_id.clone(), Claim { at: Some(now), state: owed.state });
        let quiet = self.owed.iter().any(|owed| owed.quiet);
        Answer { room_id: self.room_id.clone(), receipts: self.owed.iter().map(claim).collect(), quiet }
    }
}

/// How an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// With a sync, or its key did.
    Now,
    /// A backfill found it, page by page, after a sync that left it out.
    ByBackfill,
}

impl Came {
    /// Of what a backfill finds, an event that was sent just now came now.
    pub fn found(sent: Timestamp, now: Timestamp) -> Self {
        if sent + JUST_NOW > now { Self::Now } else { Self::ByBackfill }
    }
}

/// What a moment is drawn from (P11).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// From what range.
    pub timing: Timing,
    /// A random number in [0, 1).
    pub number: f64,
}

/// What makes a batch: the sender, the room, and what it says.
type BatchKey = (UserId, RoomId, ClaimState);

/// A batch while it waits.
#[derive(Debug)]
struct Waiting {
    owed: BTreeMap<EventId, Entry>,
    until: Until,
    attempt: u32,
    order: f64,
}

/// A receipt while it waits, and the moment before which it does not leave (P11).
#[derive(Debug)]
struct Entry {
    owed: Owed,
    moment: Timestamp,
    /// Whether it has had its turn (P10): it needs no other.
    had_turn: bool,
}

/// What a batch waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Until {
    /// This moment.
    At(Timestamp),
    /// A route to the sender, such as their request, or the end of the first receipt's time.
    Asked,
}

impl Waiting {
    fn due(&self) -> Timestamp {
        match self.until {
            Until::At(due) => due,
            Until::Asked => end_of_wait(self.owed.values().map(|entry| &entry.owed)),
        }
    }

    /// There is a route: what waited for one leaves at this moment.
    fn route_appeared(&mut self, moment: Timestamp) {
        if self.until == Until::Asked {
            self.until = Until::At(moment);
        }
    }

    fn add(&mut self, owed: Owed, moment: Timestamp, had_turn: bool) {
        let since = owed.since;
        let known = self.owed.entry(owed.event_id.clone()).or_insert(Entry { owed, moment, had_turn });
        known.owed.since = known.owed.since.min(since);
        known.moment = known.moment.min(moment);
        known.had_turn |= had_turn;
    }

    /// What waits for its moment leaves at the first of them.
    fn leave_by(&mut self, moment: Timestamp) {
        if let Until::At(due) = &mut self.until
            && self.attempt == 0
        {
            *due = (*due).min(moment);
        }
    }

    fn clock_went_back(&mut self, by: Duration) {
        if let Until::At(due) = &mut self.until {
            *due -= by;
        }
        for entry in self.owed.values_mut() {
            entry.owed.since -= by;
            entry.moment -= by;
        }
    }

    /// Takes out what leaves at `moment`, in the order of the events, as far as there are turns.
    /// The rest waits on, for its moment, or for a turn on the next line of the timing's grid.
    fn take(&mut self, moment: Timestamp, turns: &mut Bucket, timing: Timing) -> Vec<Owed> {
        let leaves = |entry: &Entry, turns: &mut Bucket| {
            let has_turn = entry.had_turn || turns.available(moment) > 0;
            if entry.moment <= moment && has_turn && !entry.had_turn {
                turns.take(1, moment);
            }
            entry.moment <= moment && has_turn
        };
        let taken = self.owed.extract_if(.., |_, entry| leaves(entry, turns)).map(|(_, entry)| entry.owed).collect();
        let line = timing.line(moment, turns.next(1, moment));
        if let Some(next) =
            self.owed.values().map(|entry| if entry.moment <= moment { line } else { entry.moment }).min()
        {
            self.until = Until::At(next);
            self.attempt = 0;
        }
        taken
    }
}

/// When the first of these has waited for a request long enough.
fn end_of_wait<'a>(owed: impl Iterator<Item = &'a Owed>) -> Timestamp {
    owed.map(|owed| owed.since).min().unwrap_or_default() + ROUTE_WAIT
}

/// All that is owed and not sent yet.
#[derive(Debug)]
pub struct Outbox {
    waiting: BTreeMap<BatchKey, Waiting>,
    /// How many receipts for each sender may still be taken in (P10).
    admission: Buckets,
    /// How many receipts for each sender may still leave (P10).
    turns: Buckets,
    /// The moment that was drawn last, also when it has passed.
    moment: Option<Timestamp>,
}

impl Default for Outbox {
    fn default() -> Self {
        let full = || Buckets::new(INTERVAL, BURST);
        Self { waiting: BTreeMap::new(), admission: full(), turns: full(), moment: None }
    }
}

impl Outbox {
    /// Owes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The moment at which what becomes owed `now` leaves (P11). One that was drawn and is still to
    /// come is everybody's, so that no number of senders has more than one draw to look at; what
    /// comes until then joins in, so that it does not show when the draw was made. How much a
    /// backfill has found by that moment would tell how long ago it began, so what it finds leaves
    /// later, when it has ended, or nearly always.
    pub fn moment(&mut self, came: Came, Draw { timing, number }: Draw, now: Timestamp) -> Timestamp {
        match (self.moment, came) {
            _ if timing == Timing::Immediate => now,
            (Some(moment), Came::ByBackfill) => now.max(moment + BACKFILL_LINE).on_grid(moment, BACKFILL_LINE),
            (Some(moment), Came::Now) if moment >= now => moment,
            _ => *self.moment.insert(timing.due(now, number)),
        }
    }

    /// Adds a receipt to its sender's batch, to leave at this moment; `order` is a random number in
    /// [0, 1), used only when a batch is opened. Owing the same event again adds nothing, but
    /// 'delivered' replaces 'undecryptable'. Gives the receipt back when the sender's turns of the
    /// next ten minutes are all taken: it is to be dropped (P10).
    pub fn owe(&mut self, owed: Owed, moment: Timestamp, order: f64, now: Timestamp) -> Result<(), Owed> {
        let key_of = |state| (owed.sender.clone(), owed.room_id.clone(), state);
        match owed.state {
            ClaimState::Delivered => self.withdraw(&key_of(ClaimState::Undecryptable), &owed.event_id),
            ClaimState::Undecryptable if self.waits(&key_of(ClaimState::Delivered), &owed.event_id) => return Ok(()),
            ClaimState::Undecryptable => {}
        }
        let key = key_of(owed.state);
        if !self.waits(&key, &owed.event_id) && !self.admit(&owed.sender, now) {
            return Err(owed);
        }
        let opened = || Waiting { owed: BTreeMap::new(), until: Until::At(moment), attempt: 0, order };
        let waiting = self.waiting.entry(key).or_insert_with(opened);
        waiting.add(owed, moment, false);
        waiting.leave_by(moment);
        Ok(())
    }

    /// Takes in one more receipt for this sender, if its turn comes in time (P10).
    fn admit(&mut self, sender: &UserId, now: Timestamp) -> bool {
        let admission = self.admission.of(sender, now);
        let in_time = admission.next(1, now) - now <= TURN_WAIT;
        if in_time {
            admission.take(1, now);
        }
        in_time
    }

    fn waits(&self, key: &BatchKey, event: &EventId) -> bool {
        self.waiting.get(key).is_some_and(|waiting| waiting.owed.contains_key(event))
    }

    fn withdraw(&mut self, key: &BatchKey, event: &EventId) {
        if let Some(waiting) = self.waiting.get_mut(key) {
            waiting.owed.remove(event);
            if waiting.owed.is_empty() {
                self.waiting.remove(key);
            }
        }
    }

    /// Takes out what is due and has its turn. Batches of one moment come in a random order, not in
    /// that of the events. What was due long ago, because the machine slept meanwhile, has a new
    /// moment drawn.
    pub fn due(&mut self, draw: Draw, now: Timestamp) -> Vec<Batch> {
        let was_missed = |waiting: &Waiting| waiting.due() + PUNCTUAL < now;
        if draw.timing != Timing::Immediate && self.waiting.values().any(was_missed) {
            let moment = self.moment(Came::Now, draw, now);
            for waiting in self.waiting.values_mut().filter(|waiting| was_missed(waiting)) {
                waiting.until = Until::At(moment);
            }
        }
        let mut due = Vec::new();
        let Self { waiting, turns, .. } = self;
        waiting.retain(|(sender, room, state), waiting| {
            let at = waiting.due();
            if at > now {
                return true;
            }
            let (attempt, order) = (waiting.attempt, waiting.order);
            let moment = if draw.timing == Timing::Immediate { now } else { at };
            let owed = waiting.take(moment, turns.of(sender, now), draw.timing);
            let batch = |owed: &[Owed]| {
                let (sender, room) = (sender.clone(), room.clone());
                (at, Batch { sender, room_id: room, state: *state, owed: owed.to_vec(), attempt, order })
            };
            due.extend(owed.chunks(RECEIPTS_SENT).map(batch));
            !waiting.owed.is_empty()
        });
        due.sort_by(|(a_at, a), (b_at, b)| a_at.cmp(b_at).then(a.order.total_cmp(&b.order)));
        due.into_iter().map(|(_, batch)| batch).collect()
    }

    /// When [`Self::due`] will return something.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.waiting.values().map(Waiting::due).min()
    }

    /// Puts back a batch that could not be sent, for as long as the server said (`retry_after`),
    /// else for 1 s, 2 s, 4 s … up to 5 minutes.
    pub fn failed(&mut self, batch: Batch, now: Timestamp, retry_after: Option<Duration>) {
        let backoff = BACKOFF_FIRST.saturating_mul(1 << batch.attempt.min(16)).min(BACKOFF_LONGEST);
        let due = now + retry_after.unwrap_or(backoff);
        let attempt = batch.attempt.saturating_add(1);
        self.put_back(batch, Until::At(due), attempt);
    }

    /// Puts back a batch that was not tried, until then.
    pub fn put_off(&mut self, batch: Batch, until: Timestamp) {
        let attempt = batch.attempt;
        self.put_back(batch, Until::At(until), attempt);
    }

    /// Puts back a batch that nobody has asked for yet, and returns what has waited long enough, to
    /// be dropped. The rest is due again when a [route appeared](Self::route_appeared), or when the
    /// time of one of them is over.
    pub fn no_route(&mut self, mut batch: Batch, now: Timestamp) -> Vec<Owed> {
        // A restart after the clock went back can bring a time to come.
        batch.owed.iter_mut().for_each(|owed| owed.since = owed.since.min(now));
        let over = batch.owed.extract_if(.., |owed| now >= owed.since + ROUTE_WAIT).collect();
        if !batch.owed.is_empty() {
            let attempt = batch.attempt;
            self.put_back(batch, Until::Asked, attempt);
        }
        over
    }

    /// A device of this sender has asked for receipts in this room: what waited for that leaves at
    /// this moment, and not on the tick of the request.
    pub fn route_appeared(&mut self, sender: &UserId, room: &RoomId, moment: Timestamp) {
        for state in [ClaimState::Delivered, ClaimState::Undecryptable] {
            if let Some(waiting) = self.waiting.get_mut(&(sender.clone(), room.clone(), state)) {
                waiting.route_appeared(moment);
            }
        }
    }

    /// There may be a route now where there was none, to anybody: the server can do more, or the
    /// settings allow more. What waited for one leaves at this moment.
    pub fn routes_changed(&mut self, moment: Timestamp) {
        self.waiting.values_mut().for_each(|waiting| waiting.route_appeared(moment));
    }

    /// Takes out, and returns, what is not to be kept: the policy or the circumstances have changed
    /// (P3, P5, P8, P12).
    pub fn cancel(&mut self, mut keep: impl FnMut(&Owed) -> bool) -> Vec<Owed> {
        let mut cancelled = Vec::new();
        self.waiting.retain(|_, waiting| {
            cancelled.extend(waiting.owed.extract_if(.., |_, entry| !keep(&entry.owed)).map(|(_, entry)| entry.owed));
            !waiting.owed.is_empty()
        });
        cancelled
    }

    /// The clock went back by so much: what waits is moved back with it.
    pub fn clock_went_back(&mut self, by: Duration) {
        self.waiting.values_mut().for_each(|waiting| waiting.clock_went_back(by));
        self.admission.clock_went_back(by);
        self.turns.clock_went_back(by);
        self.moment = self.moment.map(|moment| moment - by);
    }

    /// How many receipts wait.
    pub fn len(&self) -> usize {
        self.waiting.values().map(|waiting| waiting.owed.len()).sum()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Back into the queue; what was owed to the same sender meanwhile waits as the batch does.
    fn put_back(&mut self, batch: Batch, until: Until, attempt: u32) {
        let Batch { sender, room_id: room, state, owed, order, .. } = batch;
        let opened = Waiting { owed: BTreeMap::new(), until, attempt, order };
        let waiting = self.waiting.entry((sender, room, state)).or_insert(opened);
        waiting.until = match (waiting.until, until) {
            // What has had no turn yet does not wait for a request, and its time may be over: it is
            // tried first.
            (Until::At(at), Until::Asked) => Until::At(at.min(end_of_wait(owed.iter()))),
            _ => until,
        };
        waiting.attempt = waiting.attempt.max(attempt);
        for owed in owed {
            waiting.add(owed, Timestamp::EPOCH, true);
        }
    }
}

#[cfg(test)]
mod tests;
