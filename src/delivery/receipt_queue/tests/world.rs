//! Everything around [`ReceiptQueue`]: rooms and people as they are, a clock, a disk, and a network
//! on which things fail. It does what the actor does, and at each step it holds what is done
//! against the rules, by facts of its own.

use std::time::Duration;

use tempfile::TempDir;

use super::{
    super::*,
    mortal::{Killed, Mortal},
};
use crate::delivery::{outbox::ROUTE_WAIT, policy::JoinRule, receipt::Request, store::Store};

mod rules;
mod sender;

use self::sender::Sender;

pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
pub const DAY: Duration = Duration::from_hours(24);
pub const KEY: [u8; 32] = [7; 32];

/// What the network makes of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// It arrives.
    Sent,
    /// It fails, or seems to; the server can say how long to wait.
    Failed(Option<Duration>),
    /// The first so many arrive, the homeserver refuses the next one, and the rest is put off.
    Partly(usize),
    /// It is not tried, and put off.
    PutOff(Duration),
    /// It is under way.
    Pending,
}

/// A message, as it is.
#[derive(Debug)]
pub struct Message {
    pub room: usize,
    pub person: usize,
    pub facts: EventFacts,
    /// For how long it has been here, in time that passed.
    came: Option<Timestamp>,
    /// A receipt for it is owed, since then.
    owed: Option<Timestamp>,
    /// When it was last sent over `direct`, in this run.
    told: Option<Timestamp>,
    /// So often it may be sent once more, to devices that asked later (§3).
    again: u32,
    /// It has left in this run, as that.
    left: HashSet<ClaimState>,
    /// It did not arrive when it last left as that, as far as this side knows.
    failed: HashSet<ClaimState>,
    pub delivered: u32,
    refused: bool,
    /// Its sender heard that this device has it.
    arrived: bool,
}

pub struct World {
    dir: TempDir,
    pub journal: Mortal,
    pub receipt_queue: ReceiptQueue,
    pub settings: Settings,
    pub rooms: Vec<RoomFacts>,
    pub people: Vec<SenderFacts>,
    pub messages: Vec<Message>,
    pub server: Option<ServerFacts>,
    pub clock: Timestamp,
    /// The time that passed, by a clock that is only ever late.
    passed: Timestamp,
    seen: Timestamp,
    run_began: Timestamp,
    /// How many receipts left for each person in this run.
    turns: Vec<u64>,
    asking: BTreeMap<(usize, usize), BTreeMap<DeviceId, Timestamp>>,
    /// Per room, until when there was incognito.
    hidden: Vec<Timestamp>,
    under_way: Vec<Dispatch>,
    /// Messages that came, and are not known to have been dealt with.
    unseen: Vec<usize>,
    /// The first person, at the other end.
    pub sender: Sender,
    /// What left, when, and to whom.
    pub observed: Vec<(Timestamp, usize, Vec<EventId>)>,
}

type Done<T = ()> = Result<T, Killed>;

pub fn person(n: usize) -> UserId {
    UserId::new(format!("@{n}:example.org"))
}

pub fn room(n: usize) -> RoomId {
    RoomId::new(format!("!{n}"))
}

impl World {
    /// Two rooms, and three people: two who are known, one of them on another server, and a
    /// stranger.
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path(), &KEY).unwrap();
        let facts = |n| RoomFacts {
            room_id: room(n),
            encrypted: true,
            join_rule: JoinRule::NotPublic,
            joined_members: 3,
            joined: true,
            joined_since: Some(START - 10 * DAY),
            incognito_until: Timestamp::EPOCH,
        };
        let known = SenderFacts { own: false, joined: true, ignored: false, known: true, verified: false };
        let settings = Settings::default();
        let mut world = Self {
            dir,
            journal: Mortal::new(store),
            receipt_queue: ReceiptQueue::new(settings.clone(), KEY_WAIT, numbers(0)),
            settings,
            rooms: vec![facts(0), facts(1)],
            people: vec![known, known, SenderFacts { known: false, ..known }],
            messages: Vec::new(),
            server: None,
            clock: START,
            passed: Timestamp::EPOCH,
            seen: START,
            run_began: Timestamp::EPOCH,
            turns: vec![0; 3],
            asking: BTreeMap::new(),
            hidden: vec![Timestamp::EPOCH; 2],
            under_way: Vec::new(),
            unseen: Vec::new(),
            sender: Sender::new(),
            observed: Vec::new(),
        };
        world.then(Self::resume);
        world
    }

    /// So many people, all known.
    pub fn of(people: usize) -> Self {
        let mut world = Self::new();
        world.people = vec![world.people[0]; people];
        world.turns = vec![0; people];
        world
    }

    /// Does something, and begins anew if it is killed meanwhile; what was withheld must have been
    /// so for that reason.
    pub fn then(&mut self, doing: impl FnOnce(&mut Self) -> Done) {
        self.passed += self.clock - self.seen;
        self.seen = self.clock;
        let mut done = doing(self);
        self.check_reasons();
        while done.is_err() {
            done = self.begin_anew();
            self.check_reasons();
        }
    }

    pub fn kill(&mut self) {
        self.then(|_| Err(Killed));
    }

    /// The program is started again: nothing is left but what is on disk, and what the homeserver
    /// sends again.
    fn begin_anew(&mut self) -> Done {
        self.journal = Mortal::new(Store::open(self.dir.path(), &KEY).unwrap());
        self.receipt_queue = ReceiptQueue::new(self.settings.clone(), KEY_WAIT, numbers(self.passed.as_millis()));
        self.under_way.clear();
        self.run_began = self.passed;
        self.turns.fill(0);
        for message in &mut self.messages {
            (message.told, message.again) = (None, 0);
            message.left.clear();
            message.failed.clear();
        }
        self.resume()
    }

    fn resume(&mut self) -> Done {
        self.receipt_queue.resume(&mut self.journal, self.clock)?;
        let awaiting: HashSet<_> = self.journal.awaiting()?.into_iter().map(|awaited| awaited.event_id).collect();
        let locked = |n: &usize| awaiting.contains(&self.messages[*n].facts.event_id);
        let locked: Vec<usize> = (0..self.messages.len()).filter(locked).collect();
        self.take_in(&locked, Came::Now)?;
        self.take_in(&self.unseen.clone(), Came::Now)
    }

    // ── what comes in ──

    pub fn comes(&mut self, room: usize, from: usize, sent: Timestamp, kind: EventKind, readable: bool) {
        let n = self.messages.len();
        let facts = EventFacts {
            device_id: None,
            event_id: EventId::new(format!("${n}")),
            sender: person(from),
            sent,
            kind,
            readable,
            redacted: false,
        };
        self.messages.push(Message {
            room,
            person: from,
            facts,
            came: None,
            owed: None,
            told: None,
            again: 0,
            left: HashSet::new(),
            failed: HashSet::new(),
            delivered: 0,
            refused: false,
            arrived: false,
        });
        self.unseen.push(n);
    }

    pub fn sync(&mut self) {
        self.then(|world| world.take_in(&world.unseen.clone(), Came::Now));
    }

    /// As the actor does it: each room for itself, and only those that are open.
    pub fn take_in(&mut self, messages: &[usize], came: Came) -> Done {
        for room in 0..self.rooms.len() {
            let here: Vec<usize> = messages.iter().copied().filter(|n| self.messages[*n].room == room).collect();
            if here.is_empty() {
                continue;
            }
            let (facts, arrival) = (self.room(room), self.receipt_queue.arrives(came, self.clock));
            let mut considered = Vec::new();
            let mut owed = Vec::new();
            for n in here.iter().copied() {
                let Message { person, facts: event, .. } = &self.messages[n];
                if !self.receipt_queue.is_open(&self.journal, &facts.room_id, event)? {
                    // A kill can come between the disk and what is noted here.
                    if self.stage(n) == Some(Stage::Owed) {
                        owed.push(n);
                    }
                    continue;
                }
                let sender = self.people[*person];
                let rests_on_sender = self.receipt_queue.rests_on_sender(&facts, event, arrival);
                considered.push((event.clone(), if rests_on_sender { sender } else { SenderFacts::WELCOME }));
                if event.readable && decide(event, &facts, &sender, &self.settings, arrival.moment()) == Decision::Send
                {
                    owed.push(n);
                }
            }
            self.receipt_queue.take_in(&mut self.journal, &facts, considered, arrival)?;
            for n in owed {
                self.messages[n].owed.get_or_insert(self.passed);
            }
            for n in here {
                self.messages[n].came.get_or_insert(self.passed);
                self.unseen.retain(|unseen| *unseen != n);
            }
        }
        Ok(())
    }

    pub fn asks(&mut self, from: usize, in_room: usize, device: u8, expires: Timestamp) {
        let device = DeviceId::new(format!("D{device}"));
        let now = self.clock;
        let asking = self.asking.entry((from, in_room)).or_default();
        let is_new = asking.get(&device).is_none_or(|until| *until <= now);
        if is_new {
            let (passed, messages) = (self.passed, self.messages.iter_mut());
            let told = |at: Option<Timestamp>| at.is_some_and(|at| passed - at < ROUTE_WAIT);
            messages
                .filter(|message| (message.person, message.room) == (from, in_room) && told(message.told))
                .for_each(|message| message.again += 1);
        }
        // When it is not on disk at a kill, it is asked once more.
        let mut is_known = false;
        while !is_known {
            self.then(|world| {
                let request = Request { room_id: room(in_room), expires, again: false };
                world.receipt_queue.asked(&mut world.journal, (&person(from), &device), &request, now)?;
                is_known = true;
                Ok(())
            });
        }
        self.asking.entry((from, in_room)).or_default().insert(device, expires);
    }

    pub fn set(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.clone();
        change(&mut settings);
        for (n, hidden) in self.hidden.iter_mut().enumerate() {
            if self.settings.is_incognito(&room(n)) && !settings.is_incognito(&room(n)) {
                *hidden = self.clock;
            }
        }
        // It is in the user's file from now on, whatever happens.
        self.settings = settings.clone();
        self.then(|world| world.receipt_queue.set(&mut world.journal, settings, world.clock));
    }

    // ── what goes out ──

    /// Does what is due; the network does to the batches what `outcomes` says, and then what `rest`
    /// says.
    pub fn work(&mut self, outcomes: &[Outcome], rest: Outcome) {
        self.then(|world| {
            let overdue = world.receipt_queue.overdue(world.clock).into_iter().map(|awaited| awaited.event_id);
            let overdue: HashSet<EventId> = overdue.collect();
            let locked: Vec<usize> =
                (0..world.messages.len()).filter(|n| overdue.contains(&world.messages[*n].facts.event_id)).collect();
            world.take_in(&locked, Came::Now)?;
            let mut outcomes = outcomes.iter().copied().chain(std::iter::repeat(rest));
            for batch in world.receipt_queue.due(world.clock) {
                let (room, from) = (world.room_named(&batch.room_id), world.person_named(&batch.sender));
                let (facts, sender) = (world.room(room), world.people[from]);
                let redacted = world.messages.iter().filter(|message| message.facts.redacted);
                let redacted = redacted.map(|message| message.facts.event_id.clone()).collect();
                let now = world.clock;
                let Some(batch) =
                    world.receipt_queue.release(&mut world.journal, batch, &facts, sender, &redacted, now)?
                else {
                    continue;
                };
                let server = (world.server, from != 1);
                if let Some(dispatch) = world.receipt_queue.dispatch(&mut world.journal, batch, sender, server, now)? {
                    let outcome = outcomes.next().unwrap_or(rest);
                    if let Outcome::PutOff(wait) = outcome {
                        world.receipt_queue.put_off(batch_of(dispatch), now + wait);
                    } else {
                        world.leaves(&dispatch)?;
                        world.land(dispatch, outcome)?;
                    }
                }
            }
            Ok(())
        });
    }

    /// The other end's sync brings what was sent so far.
    pub fn sender_syncs(&mut self) {
        self.sender.syncs(&self.messages, self.clock);
    }

    /// What was under way arrives, or does not.
    pub fn lands(&mut self, outcome: Outcome) {
        self.then(|world| {
            mem::take(&mut world.under_way).into_iter().try_for_each(|dispatch| world.land(dispatch, outcome))
        });
    }

    fn land(&mut self, dispatch: Dispatch, outcome: Outcome) -> Done {
        let route = if matches!(dispatch, Dispatch::Native { .. }) { Route::Native } else { Route::Direct };
        let now = self.clock;
        match outcome {
            Outcome::Pending => {
                self.under_way.push(dispatch);
                Ok(())
            }
            Outcome::Failed(retry_after) => {
                // It may only seem so.
                if retry_after.is_none() {
                    self.arrives(&dispatch, usize::MAX);
                }
                let batch = batch_of(dispatch);
                self.has_failed(&batch);
                self.receipt_queue.failed(batch, retry_after, now);
                Ok(())
            }
            Outcome::Partly(sent) if route == Route::Native => {
                self.arrives(&dispatch, sent);
                let mut batch = batch_of(dispatch);
                let mut rest = batch.owed.split_off(sent.min(batch.owed.len()));
                self.receipt_queue.sent(&mut self.journal, &batch.owed, route, now)?;
                let refused: Vec<Owed> = rest.drain(..rest.len().min(1)).collect();
                for owed in &refused {
                    let n = message_named(&owed.event_id);
                    self.messages[n].refused = true;
                }
                self.receipt_queue.withhold(&mut self.journal, &refused, Reason::NotAccepted, now)?;
                batch.owed = rest;
                if !batch.owed.is_empty() {
                    self.has_failed(&batch);
                    self.receipt_queue.put_off(batch, now);
                }
                Ok(())
            }
            _ => {
                self.arrives(&dispatch, usize::MAX);
                self.receipt_queue.sent(&mut self.journal, &batch_of(dispatch).owed, route, now)
            }
        }
    }

    fn has_failed(&mut self, batch: &Batch) {
        for owed in &batch.owed {
            self.messages[message_named(&owed.event_id)].failed.insert(owed.state);
        }
    }

    fn room(&self, n: usize) -> RoomFacts {
        RoomFacts { incognito_until: self.receipt_queue.incognito().until(&room(n)), ..self.rooms[n].clone() }
    }

    fn room_named(&self, id: &RoomId) -> usize {
        self.rooms.iter().position(|room| room.room_id == *id).unwrap()
    }

    fn person_named(&self, id: &UserId) -> usize {
        (0..self.people.len()).find(|n| person(*n) == *id).unwrap()
    }

    /// How far the n-th message is, on disk.
    pub fn stage(&self, n: usize) -> Option<Stage> {
        self.journal.stage(&room(self.messages[n].room), &self.messages[n].facts.event_id).unwrap()
    }
}

fn message_named(id: &EventId) -> usize {
    id.as_str()[1..].parse().unwrap()
}

fn batch_of(dispatch: Dispatch) -> Batch {
    let (Dispatch::Native { batch, .. } | Dispatch::Direct { batch, .. }) = dispatch;
    batch
}

/// Numbers that are as good as random here.
pub fn numbers(seed: u64) -> Numbers {
    let mut state = u32::try_from(seed % (1 << 32)).unwrap();
    Numbers::new(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state) / (f64::from(u32::MAX) + 1.0)
    })
}
