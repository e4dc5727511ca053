//! What must hold whatever happens.

use super::*;
use crate::model::{LogEntry, Logged};

impl World {
    /// Nothing forbidden leaves, nothing before it is owed on disk, and not more than P10 allows.
    pub(super) fn leaves(&mut self, dispatch: &Dispatch) -> Done {
        let (Dispatch::Native { batch, .. } | Dispatch::Direct { batch, .. }) = dispatch;
        let from = self.person_named(&batch.sender);
        let (in_room, sender) = (self.room_named(&batch.room_id), self.people[from]);
        let reached = self.server.is_some_and(|server| server.reaches(from != 1));
        let named = policy::names_device(&batch.sender, sender, &self.settings);
        match dispatch {
            Dispatch::Native { name_device, .. } => {
                assert!(reached && self.settings.route != policy::RouteChoice::Direct);
                assert!(!name_device || named, "P13");
                assert_eq!(batch.state, ClaimState::Delivered, "MSC4089 has no word for it");
            }
            Dispatch::Direct { devices, .. } => {
                assert!(named, "P13");
                assert!(!matches!(self.settings.route, policy::RouteChoice::Native | policy::RouteChoice::Off));
                let asking = self.asking.get(&(from, in_room)).expect("§3: somebody has asked");
                assert!(devices.iter().all(|device| asking.get(device).is_some_and(|until| *until > self.clock)));
            }
        }
        assert!(!batch.owed.is_empty());
        self.observed.push((self.clock, from, batch.owed.iter().map(|owed| owed.event_id.clone()).collect()));
        let room = self.room(in_room);
        for owed in &batch.owed {
            let stage = self.journal.stage(&owed.room_id, &owed.event_id)?;
            let n = message_named(&owed.event_id);
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
                (ClaimState::Delivered, Some(Stage::Sent))
                | (ClaimState::Undecryptable, Some(Stage::ToldUndecryptable)) => true,
                _ => panic!("{owed:?} left and was {stage:?} on disk"),
            };
            // What failed is tried again, also when another batch has told the same meanwhile.
            let once_more = once_more && !message.failed.contains(&owed.state);
            message.failed.remove(&owed.state);
            if once_more {
                message.again = message.again.checked_sub(1).expect("§3: a device has asked since");
            }
            // P10: a turn is used once, however often it is tried; being told once more takes
            // another.
            if message.left.insert(owed.state) || once_more {
                self.turns[from] += 1;
            }
            if matches!(dispatch, Dispatch::Direct { .. }) {
                message.told = Some(self.passed);
            }
            message.delivered += u32::from(owed.state == ClaimState::Delivered);
        }
        assert!(self.turns[from] <= 60 + (self.passed - self.run_began).as_secs(), "P10: {}", self.turns[from]);
        Ok(())
    }

    /// Whatever was withheld was withheld for a reason that is true.
    pub(super) fn check_reasons(&mut self) {
        for (in_room, event, reason) in mem::take(&mut self.journal.withheld) {
            let message = &self.messages[message_named(&event)];
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
                // Who sent it is not asked where nobody is welcome.
                reason => [sender, SenderFacts::WELCOME].iter().any(|sender| {
                    let facts = as_if_readable(&message.facts);
                    decide(&facts, &room, sender, &self.settings, self.clock) == Decision::Withhold(reason)
                }),
            };
            assert!(is_true, "{event} was withheld, and not because of this: {reason:?}");
        }
    }

    /// Lets everything come to its end: the network is well, and time passes. Nothing that was owed
    /// is lost then.
    pub fn ends_well(&mut self) {
        self.server.get_or_insert_default();
        self.then(|world| {
            world.receipt_queue.routes_changed(world.clock);
            Ok(())
        });
        self.sync();
        self.lands(Outcome::Failed(None));
        self.comes_to_rest();
        for message in &self.messages {
            let stage = self.journal.stage(&room(message.room), &message.facts.event_id).unwrap();
            match stage {
                Some(Stage::Sent) => assert!(message.delivered > 0),
                Some(Stage::Withheld) => {}
                Some(Stage::AwaitingKey | Stage::ToldUndecryptable) => assert!(!message.facts.readable, "{message:?}"),
                Some(Stage::Owed) | None => assert_eq!(message.owed, None, "it was owed: {message:?} {stage:?}"),
            }
        }
        self.checks_log();
        self.marks_are_true();
    }

    /// The network is well, and time passes.
    pub(super) fn comes_to_rest(&mut self) {
        let mut at_once = 0;
        for _ in 0..5_000 {
            let Some(wake) = self.receipt_queue.next_wake() else { break };
            at_once = if wake > self.clock { 0 } else { at_once + 1 };
            // Being killed meanwhile is a reason, and little else is.
            assert!(at_once < 5, "again and again at {:?}", self.clock);
            self.clock = self.clock.max(wake);
            self.work(&[], Outcome::Sent);
        }
        assert_eq!((self.receipt_queue.next_wake(), self.receipt_queue.waiting()), (None, 0), "it comes to rest");
    }

    /// Nothing is against a receipt any more.
    pub(super) fn makes_up(&mut self) {
        self.server = Some(ServerFacts::default());
        for room in &mut self.rooms {
            (room.joined, room.encrypted, room.join_rule, room.joined_members) = (true, true, JoinRule::NotPublic, 3);
        }
        self.people[0] = SenderFacts { own: false, joined: true, ignored: false, known: true, verified: false };
        self.set(|settings| *settings = Settings { timing: policy::Timing::Immediate, ..Settings::default() });
    }

    /// Whoever looks into the log finds each that was sent.
    fn checks_log(&self) {
        let log = self.journal.log().unwrap();
        let told = |entry: &&LogEntry| matches!(entry.what, Logged::Delivered { .. });
        let told: HashSet<&EventId> = log.iter().filter(told).map(|entry| &entry.event_id).collect();
        for message in &self.messages {
            let stage = self.journal.stage(&room(message.room), &message.facts.event_id).unwrap();
            assert_eq!(stage == Some(Stage::Sent), told.contains(&message.facts.event_id), "{message:?}");
        }
    }
}
