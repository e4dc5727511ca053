//! Everything around [`Debts`]: rooms and people as they are, a clock, a disk, and a network on which things fail. It does
//! what the actor does, and at each step it holds what is done against the rules, by facts of its own.

use tempfile::TempDir;

use super::{
    super::*,
    mortal::{Gone, Mortal},
};
use crate::delivery::{policy::JoinRule, store::Store};

pub const START: Ms = 1_800_000_000_000;
pub const DAY: Ms = 24 * 3_600 * 1_000;
pub const KEY: [u8; 32] = [7; 32];

/// What the network makes of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// It arrives.
    Sent,
    /// It fails, or seems to; the server can say how long to wait.
    Failed(Option<Ms>),
    /// The first so many arrive, the homeserver refuses the next one, and the rest is put off.
    Partly(usize),
    /// It is not tried, and put off.
    PutOff(Ms),
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
    came: Option<Ms>,
    /// A receipt for it is owed, since then.
    owed: Option<Ms>,
    /// When it was last sent over `direct`, in this run.
    told: Option<Ms>,
    /// So often it may be sent once more, to devices that asked later (§3).
    again: u32,
    /// It has left in this run, as that.
    left: HashSet<ClaimState>,
    pub delivered: u32,
    refused: bool,
}

pub struct World {
    dir: TempDir,
    pub book: Mortal,
    pub debts: Debts,
    pub settings: Settings,
    pub rooms: Vec<RoomFacts>,
    pub people: Vec<SenderFacts>,
    pub messages: Vec<Message>,
    pub server: Option<ServerFacts>,
    pub clock: Ms,
    /// The time that passed, by a clock that is only ever late.
    passed: Ms,
    seen: Ms,
    run_began: Ms,
    /// How many receipts left for each person in this run.
    turns: Vec<u64>,
    asking: BTreeMap<(usize, usize), BTreeMap<DeviceId, Ms>>,
    /// Per room, until when there was incognito.
    hidden: Vec<Ms>,
    under_way: Vec<Way>,
    /// Messages that came, and are not known to have been dealt with.
    unseen: Vec<usize>,
    draws: u32,
}

type Done<T = ()> = Result<T, Gone>;

pub fn person(n: usize) -> UserId {
    UserId::new(format!("@{n}:example.org"))
}

pub fn room(n: usize) -> RoomId {
    RoomId::new(format!("!{n}"))
}

impl World {
    /// Two rooms, and three people: two who are known, one of them on another server, and a stranger.
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path(), &KEY).unwrap();
        let facts = |n| RoomFacts {
            room: room(n),
            encrypted: true,
            join_rule: JoinRule::NotPublic,
            joined_members: 3,
            joined: true,
            joined_since: Some(START - 10 * DAY),
            incognito_until: 0,
        };
        let known = SenderFacts { own: false, joined: true, ignored: false, known: true, verified: false };
        let settings = Settings::default();
        let mut world = Self {
            dir,
            book: Mortal::new(store),
            debts: Debts::new(settings.clone(), KEY_WAIT),
            settings,
            rooms: vec![facts(0), facts(1)],
            people: vec![known, known, SenderFacts { known: false, ..known }],
            messages: Vec::new(),
            server: None,
            clock: START,
            passed: 0,
            seen: START,
            run_began: 0,
            turns: vec![0; 3],
            asking: BTreeMap::new(),
            hidden: vec![0; 2],
            under_way: Vec::new(),
            unseen: Vec::new(),
            draws: 0,
        };
        world.then(Self::resume);
        world
    }

    /// Does something, and begins anew if it is killed meanwhile; what was withheld must have been so for that reason.
    pub fn then(&mut self, doing: impl FnOnce(&mut Self) -> Done) {
        self.passed += self.clock.saturating_sub(self.seen);
        self.seen = self.clock;
        let mut done = doing(self);
        while let Err(gone) = done {
            self.check_reasons();
            assert!(matches!(gone, Gone::Killed), "{gone:?}");
            done = self.begin_anew();
        }
        self.check_reasons();
    }

    pub fn kill(&mut self) {
        self.then(|_| Err(Gone::Killed));
    }

    /// The program is started again: nothing is left but what is on disk, and what the homeserver sends again.
    fn begin_anew(&mut self) -> Done {
        self.book = Mortal::new(Store::open(self.dir.path(), &KEY)?);
        self.debts = Debts::new(self.settings.clone(), KEY_WAIT);
        self.under_way.clear();
        self.run_began = self.passed;
        self.turns.fill(0);
        for message in &mut self.messages {
            (message.told, message.again) = (None, 0);
            message.left.clear();
        }
        self.resume()
    }

    fn resume(&mut self) -> Done {
        let (now, draw) = (self.clock, draw(&mut self.draws));
        self.debts.resume(&mut self.book, draw, now)?;
        let awaiting: HashSet<_> = self.book.awaiting()?.into_iter().map(|awaited| awaited.event).collect();
        let locked = |n: &usize| awaiting.contains(&self.messages[*n].facts.event);
        let locked = (0..self.messages.len()).filter(locked).collect();
        self.take_in(locked)?;
        self.take_in(self.unseen.clone())
    }

    // ── what comes in ──

    pub fn comes(&mut self, room: usize, from: usize, sent: Ms, kind: EventKind, readable: bool) {
        let n = self.messages.len();
        let facts = EventFacts {
            event: EventId::new(format!("${n}")),
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
            delivered: 0,
            refused: false,
        });
        self.unseen.push(n);
    }

    pub fn sync(&mut self) {
        self.then(|world| world.take_in(world.unseen.clone()));
    }

    /// As the actor does it: each room for itself, and only those that are open.
    pub fn take_in(&mut self, messages: Vec<usize>) -> Done {
        for room in 0..self.rooms.len() {
            let here: Vec<usize> = messages.iter().copied().filter(|n| self.messages[*n].room == room).collect();
            let facts = self.room(room);
            let mut considered = Vec::new();
            let mut owed = Vec::new();
            for n in here.iter().copied() {
                let Message { person, facts: event, .. } = &self.messages[n];
                if !self.debts.is_open(&self.book, &facts.room, event)? {
                    continue;
                }
                let sender = self.people[*person];
                let rests_on_sender = self.debts.rests_on_sender(&facts, event, self.clock);
                considered.push((event.clone(), if rests_on_sender { sender } else { SenderFacts::WELCOME }));
                if event.readable && decide(event, &facts, &sender, &self.settings, self.clock) == Decision::Send {
                    owed.push(n);
                }
            }
            let (now, draw) = (self.clock, draw(&mut self.draws));
            self.debts.take_in(&mut self.book, &facts, considered, draw, now)?;
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

    pub fn asks(&mut self, from: usize, in_room: usize, device: u8, expires: Ms) {
        let device = DeviceId::new(format!("D{device}"));
        let now = self.clock;
        let known = self.asking.entry((from, in_room)).or_default();
        let is_new = known.get(&device).is_none_or(|until| *until <= now);
        known.insert(device.clone(), expires);
        if is_new {
            let (passed, messages) = (self.passed, self.messages.iter_mut());
            let told = |at: Option<Ms>| at.is_some_and(|at| passed - at < ROUTE_WAIT);
            messages
                .filter(|message| (message.person, message.room) == (from, in_room) && told(message.told))
                .for_each(|message| message.again += 1);
        }
        self.then(|world| {
            let draw = draw(&mut world.draws);
            world.debts.asked(&mut world.book, (&person(from), &device), &room(in_room), expires, draw, now)
        });
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
        self.then(|world| world.debts.set(&mut world.book, settings, world.clock));
    }

    // ── what goes out ──

    /// Does what is due; the network does to the batches what `outcomes` says, and then what `rest` says.
    pub fn work(&mut self, outcomes: &[Outcome], rest: Outcome) {
        self.then(|world| {
            let overdue = world.debts.overdue(world.clock).into_iter().map(|awaited| awaited.event);
            let overdue: HashSet<EventId> = overdue.collect();
            let locked = (0..world.messages.len()).filter(|n| overdue.contains(&world.messages[*n].facts.event));
            world.take_in(locked.collect())?;
            let mut outcomes = outcomes.iter().copied().chain(std::iter::repeat(rest));
            for batch in world.debts.due(world.clock) {
                let (room, from) = (world.room_named(&batch.room), world.person_named(&batch.sender));
                let (facts, sender) = (world.room(room), world.people[from]);
                let redacted = world.messages.iter().filter(|message| message.facts.redacted);
                let redacted = redacted.map(|message| message.facts.event.clone()).collect();
                let now = world.clock;
                let Some(batch) = world.debts.release(&mut world.book, batch, &facts, sender, &redacted, now)? else {
                    continue;
                };
                let server = (world.server, from != 1);
                if let Some(way) = world.debts.dispatch(&mut world.book, batch, sender, server, now)? {
                    let outcome = outcomes.next().unwrap_or(rest);
                    if let Outcome::PutOff(wait) = outcome {
                        world.debts.put_off(batch_of(way), now + wait);
                    } else {
                        world.leaves(&way)?;
                        world.land(way, outcome)?;
                    }
                }
            }
            Ok(())
        });
    }

    /// What was under way arrives, or does not.
    pub fn lands(&mut self, outcome: Outcome) {
        self.then(|world| mem::take(&mut world.under_way).into_iter().try_for_each(|way| world.land(way, outcome)));
    }

    fn land(&mut self, way: Way, outcome: Outcome) -> Done {
        let route = if matches!(way, Way::Native { .. }) { Route::Native } else { Route::Direct };
        let now = self.clock;
        match outcome {
            Outcome::Pending => {
                self.under_way.push(way);
                Ok(())
            }
            Outcome::Failed(retry_after) => {
                self.debts.failed(batch_of(way), retry_after, now);
                Ok(())
            }
            Outcome::Partly(sent) if route == Route::Native => {
                let mut batch = batch_of(way);
                let mut rest = batch.owed.split_off(sent.min(batch.owed.len()));
                self.debts.sent(&mut self.book, &batch.owed, route, now)?;
                let refused: Vec<Owed> = rest.drain(..rest.len().min(1)).collect();
                for owed in &refused {
                    let n = self.message_named(&owed.event);
                    self.messages[n].refused = true;
                }
                self.debts.withhold(&mut self.book, &refused, Reason::NotAccepted, now)?;
                batch.owed = rest;
                if !batch.owed.is_empty() {
                    self.debts.put_off(batch, now);
                }
                Ok(())
            }
            _ => self.debts.sent(&mut self.book, &batch_of(way).owed, route, now),
        }
    }

    /// Nothing forbidden leaves, nothing before it is owed on disk, and not more than P10 allows.
    fn leaves(&mut self, way: &Way) -> Done {
        let (Way::Native { batch, .. } | Way::Direct { batch, .. }) = way;
        let from = self.person_named(&batch.sender);
        let (in_room, sender) = (self.room_named(&batch.room), self.people[from]);
        let reached = self.server.is_some_and(|server| server.reaches(from != 1));
        let named = policy::names_device(&batch.sender, sender, &self.settings);
        match way {
            Way::Native { name_device, .. } => {
                assert!(reached && self.settings.route != policy::RouteChoice::Direct);
                assert!(!name_device || named, "P13");
                assert_eq!(batch.state, ClaimState::Delivered, "MSC4089 has no word for it");
            }
            Way::Direct { devices, .. } => {
                assert!(named, "P13");
                assert!(!matches!(self.settings.route, policy::RouteChoice::Native | policy::RouteChoice::Off));
                let asking = self.asking.get(&(from, in_room)).expect("§3: somebody has asked");
                assert!(devices.iter().all(|device| asking.get(device).is_some_and(|until| *until > self.clock)));
            }
        }
        assert!(!batch.owed.is_empty());
        let room = self.room(in_room);
        for owed in &batch.owed {
            let stage = self.book.stage(&owed.room, &owed.event)?;
            let n = self.message_named(&owed.event);
            let message = &mut self.messages[n];
            assert_eq!((owed.state, message.room, message.person), (batch.state, in_room, from));
            let facts = match owed.state {
                ClaimState::Delivered => message.facts.clone(),
                ClaimState::Undecryptable => {
                    assert!(!message.facts.readable, "P1: what can be read is not told to be undecryptable");
                    assert!(
                        message.came.is_some_and(|came| self.passed - came >= KEY_WAIT),
                        "P1: its key has its time"
                    );
                    as_if_readable(&message.facts)
                }
            };
            assert_eq!(decide(&facts, &room, &sender, &self.settings, self.clock), Decision::Send);
            assert!(owed.sent >= self.hidden[in_room], "P12: nothing is made up for");
            let once_more = match (owed.state, stage) {
                (ClaimState::Delivered, Some(Stage::Owed)) | (ClaimState::Undecryptable, Some(Stage::AwaitingKey)) => {
                    false
                }
                (ClaimState::Delivered, Some(Stage::Sent)) | (ClaimState::Undecryptable, Some(Stage::Told)) => true,
                _ => panic!("{owed:?} left and was {stage:?} on disk"),
            };
            if once_more {
                message.again = message.again.checked_sub(1).expect("§3: a device has asked since");
            }
            // P10: a turn is used once, however often it is tried; being told once more takes another.
            if message.left.insert(owed.state) || once_more {
                self.turns[from] += 1;
            }
            if matches!(way, Way::Direct { .. }) {
                message.told = Some(self.passed);
            }
            message.delivered += u32::from(owed.state == ClaimState::Delivered);
        }
        assert!(self.turns[from] <= 60 + (self.passed - self.run_began) / 1_000, "P10: {}", self.turns[from]);
        Ok(())
    }

    /// Whatever was withheld was withheld for a reason that is true.
    fn check_reasons(&mut self) {
        for (in_room, event, reason) in mem::take(&mut self.book.withheld) {
            let message = &self.messages[self.message_named(&event)];
            let (room, sender) = (self.room(self.room_named(&in_room)), self.people[message.person]);
            let waited = message.owed.is_some_and(|since| self.passed - since >= ROUTE_WAIT);
            let asking = self.asking.get(&(message.person, message.room));
            let is_true = match reason {
                Reason::Incognito => self.settings.is_incognito(&in_room) || message.facts.sent < room.incognito_until,
                Reason::TooMany => self.messages.iter().filter(|other| other.person == message.person).count() > 600,
                Reason::NotAsked => {
                    waited && asking.is_none_or(|asking| asking.values().all(|until| *until <= self.clock))
                }
                Reason::NoNative => waited && self.settings.route == policy::RouteChoice::Native,
                Reason::DeviceNotNamed => !policy::names_device(&message.facts.sender, sender, &self.settings),
                Reason::NotAccepted => message.refused,
                reason => {
                    let facts = as_if_readable(&message.facts);
                    decide(&facts, &room, &sender, &self.settings, self.clock) == Decision::Withhold(reason)
                }
            };
            assert!(is_true, "{event} was withheld, and not because of this: {reason:?}");
        }
    }

    /// Lets everything come to its end: the network is well, and time passes. Nothing that was owed is lost then.
    pub fn ends_well(&mut self) {
        self.server.get_or_insert_default();
        self.then(|world| {
            world.debts.routes_changed(world.clock);
            Ok(())
        });
        self.sync();
        self.lands(Outcome::Failed(None));
        for _ in 0..5_000 {
            let Some(wake) = self.debts.next_wake() else { break };
            self.clock = self.clock.max(wake);
            self.work(&[], Outcome::Sent);
        }
        assert_eq!((self.debts.next_wake(), self.debts.waiting()), (None, 0), "it comes to rest");
        for message in &self.messages {
            let stage = self.book.stage(&room(message.room), &message.facts.event).unwrap();
            match stage {
                Some(Stage::Sent) => assert!(message.delivered > 0),
                Some(Stage::Withheld) => {}
                Some(Stage::AwaitingKey | Stage::Told) => assert!(!message.facts.readable, "{message:?}"),
                Some(Stage::Owed) | None => assert_eq!(message.owed, None, "it was owed: {message:?} {stage:?}"),
            }
        }
        self.checks_log();
    }

    /// Whoever looks into the log finds each that was sent.
    fn checks_log(&self) {
        let log = self.book.log().unwrap();
        let told = |entry: &&crate::model::LogEntry| matches!(entry.what, crate::model::Logged::Delivered { .. });
        let told: HashSet<&EventId> = log.iter().filter(told).map(|entry| &entry.event).collect();
        for message in &self.messages {
            let stage = self.book.stage(&room(message.room), &message.facts.event).unwrap();
            assert_eq!(stage == Some(Stage::Sent), told.contains(&message.facts.event), "{message:?}");
        }
    }

    fn room(&self, n: usize) -> RoomFacts {
        RoomFacts { incognito_until: self.debts.incognito().until(&room(n)), ..self.rooms[n].clone() }
    }

    fn room_named(&self, id: &RoomId) -> usize {
        self.rooms.iter().position(|room| room.room == *id).unwrap()
    }

    fn person_named(&self, id: &UserId) -> usize {
        (0..self.people.len()).find(|n| person(*n) == *id).unwrap()
    }

    fn message_named(&self, id: &EventId) -> usize {
        id.as_str()[1..].parse().unwrap()
    }
}

fn batch_of(way: Way) -> Batch {
    let (Way::Native { batch, .. } | Way::Direct { batch, .. }) = way;
    batch
}

/// Numbers that are as good as random here.
fn draw(draws: &mut u32) -> impl FnMut() -> f64 + '_ {
    || {
        *draws = draws.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(*draws) / f64::from(u32::MAX)
    }
}
