//! Single stories; schedules of many things are in [`schedules`].

use self::world::{DAY, Outcome, START, World, person, room};
use super::*;
use crate::{
    delivery::{
        outbox::ROUTE_WAIT,
        policy::{RouteChoice, Timing},
    },
    model::Logged,
};

mod mortal;
mod schedules;
mod waking;
mod world;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Somebody known who has asked for receipts in a room, to be sent them at once and encrypted.
fn world() -> World {
    let mut world = World::new();
    world.set(|settings| {
        settings.timing = Timing::Immediate;
        settings.route = RouteChoice::Direct;
    });
    world.asks(0, 0, 0, START + 30 * DAY);
    world
}

impl World {
    /// A message comes, just sent.
    fn hears(&mut self, readable: bool) -> usize {
        self.comes(0, 0, self.clock, EventKind::Message, readable);
        self.sync();
        self.messages.len() - 1
    }

    /// So long passes, and whatever is due meanwhile is done.
    fn later(&mut self, time: Duration) {
        let until = self.clock + time;
        while let Some(wake) = self.receipt_queue.next_wake().filter(|wake| *wake <= until) {
            self.clock = self.clock.max(wake);
            self.work(&[], Outcome::Sent);
        }
        self.clock = until;
        self.work(&[], Outcome::Sent);
    }

    fn key_comes(&mut self, n: usize) {
        self.messages[n].facts.readable = true;
        self.then(|world| world.take_in(&[n], Came::Now));
    }

    /// What the log says, the latest last.
    fn told(&self) -> Vec<String> {
        let word = |what| match what {
            Logged::Delivered { .. } => "delivered",
            Logged::Undecryptable { .. } => "undecryptable",
            Logged::Withheld { rule, .. } => rule,
        };
        let log = self.journal.log().unwrap();
        log.iter().rev().map(|entry| format!("{} {}", entry.event_id, word(entry.what))).collect()
    }
}

#[test]
fn what_may_have_been_lost_is_told_once_more() {
    let mut world = world();
    world.hears(true);
    world.later(ms(0));
    let asks = |world: &mut World| {
        let request = Request { room_id: room(0), expires: START + 30 * DAY, again: true };
        let (now, device) = (world.clock, DeviceId::new("D0"));
        world.receipt_queue.asked(&mut world.journal, (&person(0), &device), &request, now).unwrap();
        world.receipt_queue.due(now).len()
    };
    assert_eq!([asks(&mut world), asks(&mut world)], [1, 0], "and no third time");
    world.hears(true);
    world.later(ms(0));
    world.clock += ROUTE_WAIT;
    assert_eq!(asks(&mut world), 0, "after ten minutes nobody remembers");
}

#[test]
fn p1_after_a_minute_without_its_key_the_sender_is_told_and_when_it_comes_again() {
    let mut world = world();
    let locked = world.hears(false);
    world.later(KEY_WAIT.saturating_sub(ms(1)));
    assert_eq!(world.told(), [""; 0]);
    world.later(ms(1));
    assert_eq!(
        (world.told(), world.stage(locked)),
        (vec!["$0 undecryptable".to_owned()], Some(Stage::ToldUndecryptable))
    );
    world.later(10 * KEY_WAIT);
    assert_eq!(world.told().len(), 1, "once");

    world.key_comes(locked);
    world.later(ms(0));
    assert_eq!(world.told(), ["$0 undecryptable", "$0 delivered"]);
    assert_eq!(world.stage(locked), Some(Stage::Sent));
}

#[test]
fn p1_a_key_in_time_withdraws_what_was_to_be_told() {
    let mut world = world();
    let locked = world.hears(false);
    world.clock += KEY_WAIT;
    world.work(&[Outcome::Failed(None)], Outcome::Sent);
    world.key_comes(locked);
    world.later(KEY_WAIT);
    assert_eq!(world.told(), ["$0 delivered"]);
}

#[test]
fn p1_nobody_is_told_who_is_to_get_no_receipt_or_has_not_asked() {
    let mut world = world();
    for from in 0..3 {
        world.comes(1, from, START, EventKind::Message, false);
    }
    world.sync();
    assert_eq!(world.stage(2), Some(Stage::Withheld), "a stranger");
    for _ in 0..3 {
        world.later(ROUTE_WAIT);
    }
    assert_eq!((world.told(), world.stage(0)), (vec!["$2 P7".to_owned()], Some(Stage::ToldUndecryptable)));

    // The receipt is owed as ever.
    world.key_comes(0);
    world.asks(0, 1, 0, START + DAY);
    world.later(ms(0));
    assert_eq!(world.told(), ["$2 P7", "$0 delivered"]);
}

#[test]
fn p8_while_its_key_is_awaited_the_rules_hold_as_ever() {
    let mut world = world();
    let locked = world.hears(false);
    world.people[0].ignored = true;
    world.later(KEY_WAIT);
    world.people[0].ignored = false;
    world.key_comes(locked);
    world.later(ms(0));
    assert_eq!(world.told(), ["$0 P8"], "what that withholds is never made up for");
}

#[test]
fn p1_who_was_told_of_what_is_no_message_is_not_told_again_for_a_day() {
    let mut world = world();
    let probe = world.hears(false);
    world.later(KEY_WAIT);
    assert_eq!(world.told(), ["$0 undecryptable"]);
    let waiting = world.hears(false);
    world.messages[probe].facts.kind = EventKind::Other;
    world.key_comes(probe);
    let traces = world.journal.traces();
    assert_eq!(
        traces.iter().map(|trace| (trace.event_id.as_str(), trace.told)).collect::<Vec<_>>(),
        [("$0", START + KEY_WAIT)]
    );
    world.later(KEY_WAIT);
    assert_eq!(world.stage(waiting), Some(Stage::ToldUndecryptable));
    assert_eq!(world.told(), ["$0 undecryptable", "$0 P4"], "and nothing is said of this one");
    world.kill();
    world.key_comes(waiting);
    world.later(ms(0));
    assert_eq!(world.told().last().unwrap(), "$1 delivered", "which gets its receipt all the same");

    world.clock = START + KEY_WAIT + DAY - ms(1);
    world.hears(false);
    world.later(KEY_WAIT);
    assert_eq!(world.told().last().unwrap(), "$2 undecryptable", "a day after the first");
}

#[test]
fn p10_a_turn_too_few_to_tell_of_a_lost_key_takes_no_receipt_away() {
    let mut world = world();
    let locked = world.hears(false);
    world.clock += KEY_WAIT;
    for _ in 0..660 {
        world.comes(0, 0, world.clock, EventKind::Message, true);
    }
    world.sync();
    world.work(&[], Outcome::Sent);
    assert_eq!(world.stage(locked), Some(Stage::ToldUndecryptable));
    world.later(TURNS);
    world.key_comes(locked);
    world.later(ms(0));
    assert_eq!(world.stage(locked), Some(Stage::Sent));
}

/// As long as all turns that somebody can have taken need to come.
const TURNS: Duration = Duration::from_secs(700);

/// §3: a device that asks a little later is told what the others were told; not twice, and not much
/// later.
#[test]
fn a_device_that_asks_later_is_told_once_what_the_others_were_told() {
    let mut world = world();
    world.hears(true);
    world.later(ms(0));
    world.asks(0, 0, 1, START + DAY);
    world.later(ms(0));
    world.asks(0, 0, 1, START + DAY);
    world.later(ms(0));
    assert_eq!(world.told(), ["$0 delivered", "$0 delivered"]);
    world.later(ROUTE_WAIT);
    world.asks(0, 0, 2, START + DAY);
    world.later(ms(0));
    assert_eq!(world.told().len(), 2);
}

#[test]
fn p8_what_was_withheld_is_not_told_to_a_device_that_asks_later() {
    let mut world = world();
    let message = world.hears(true);
    world.work(&[Outcome::Failed(None)], Outcome::Sent);
    world.people[0].ignored = true;
    world.later(KEY_WAIT);
    world.people[0].ignored = false;
    world.asks(0, 0, 1, START + DAY);
    world.later(KEY_WAIT);
    assert_eq!((world.told(), world.stage(message)), (vec!["$0 P8".to_owned()], Some(Stage::Withheld)));
}

#[test]
fn p12_after_a_restart_nothing_is_made_up_for() {
    let mut world = world();
    world.set(|settings| settings.incognito = true);
    world.clock += ms(10);
    let hidden = world.clock;
    world.set(|settings| settings.incognito = false);
    world.clock += ms(10);
    world.kill();
    world.comes(0, 0, hidden - ms(1), EventKind::Message, true);
    world.comes(0, 0, hidden, EventKind::Message, true);
    world.sync();
    world.later(ms(0));
    assert_eq!(world.told(), ["$0 P12", "$1 delivered"]);
}

/// The same story, killed before each of its writes in turn, ends the same.
#[test]
fn a_kill_between_any_two_writes_changes_nothing() {
    let story = |kill_after: u32| {
        let mut world = world();
        world.journal.kill_after(kill_after);
        let sent = world.hears(true);
        let locked = world.hears(false);
        world.comes(0, 2, START, EventKind::Message, true);
        world.sync();
        world.later(KEY_WAIT);
        // A restart gives the key its time once more.
        world.later(KEY_WAIT);
        world.key_comes(locked);
        world.later(KEY_WAIT);
        world.later(KEY_WAIT);
        let hidden = world.hears(true);
        world.set(|settings| settings.incognito = true);
        world.set(|settings| settings.incognito = false);
        world.clock += ms(1);
        let late = world.hears(true);
        world.later(KEY_WAIT);
        world.later(KEY_WAIT);
        [sent, locked, 2, hidden, late].map(|n| world.stage(n))
    };
    let whole = story(u32::MAX);
    let [sent, withheld] = [Some(Stage::Sent), Some(Stage::Withheld)];
    assert_eq!(whole, [sent, sent, withheld, withheld, sent]);
    for writes in 1..=20 {
        assert_eq!(story(writes), whole, "killed instead of write {writes}");
    }
}

#[test]
fn a_clock_that_goes_back_holds_nothing_up() {
    let mut world = world();
    world.set(|settings| settings.timing = Timing::Balanced);
    let message = world.hears(true);
    let locked = world.hears(false);
    world.clock -= Duration::from_mins(4);
    world.later(ms(0));
    world.later(Duration::from_secs(5));
    assert_eq!(world.stage(message), Some(Stage::Sent));
    world.later(KEY_WAIT);
    world.later(Duration::from_secs(5));
    assert_eq!(world.stage(locked), Some(Stage::ToldUndecryptable));
}

#[test]
fn p4_p9_what_is_refused_each_time_is_in_the_log_once() {
    let mut world = world();
    world.comes(0, 0, START, EventKind::Other, true);
    world.comes(0, 0, START, EventKind::State, true);
    world.comes(0, 0, START - 9 * DAY, EventKind::Message, true);
    world.comes(0, 0, START - 11 * DAY, EventKind::Message, true);
    for _ in 0..3 {
        world.then(|world| world.take_in(&[0, 1, 2, 3], Came::Now));
    }
    assert_eq!(world.told(), ["$0 P4", "$2 P9"], "and not what nobody asked for");
    assert_eq!(world.journal.log().unwrap().iter().map(|entry| entry.count).collect::<Vec<_>>(), [1, 1]);
}
