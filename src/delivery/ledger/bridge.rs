//! What is believed of bridges (PROTOCOL §4).
//!
//! A bridge's bot is one more claimant: it repeats itself, its events come in any order, and
//! anybody may send one that looks alike. So what it says is a maximum, as all of the ledger is: of
//! the state the last word, by the server's clock, where 'pending' is none; and of those who were
//! reached all. A retry undoes a failure, and a bridge that takes back what it had said to be sent
//! is believed too. Who may redact others' messages in a room runs it or speaks for whoever does;
//! nobody else is taken for a bridge (L2).

use std::collections::BTreeSet;

use super::Refusal;
use crate::{
    delivery::receipt::{BridgeStatus, REACHED_KEPT},
    model::{BridgeState, SafeText, Timestamp, UserId},
};

/// What bridges said about one own message, merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeReport {
    /// How far it is.
    pub state: BridgeState,
    /// When that was said, by the server's clock.
    pub at: Timestamp,
    /// Who said it.
    pub bot: UserId,
    /// Why it failed; else empty.
    pub why: SafeText,
    /// Who has it; `None` while nobody has said that this will be known.
    pub reached: Option<BTreeSet<UserId>>,
}

impl BridgeReport {
    /// What one status says.
    pub fn new(bot: UserId, at: Timestamp, status: BridgeStatus) -> Self {
        Self { state: status.state, at, bot, why: status.why, reached: status.reached }
    }

    /// The greatest is believed: the last word, and 'pending' while there is none. The rest only
    /// makes the order total.
    fn rank(&self) -> impl Ord + '_ {
        (self.state != BridgeState::Pending, self.at, self.state, &self.bot, &self.why)
    }

    /// Takes in another one about the same message (L3).
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let (last, before) = if self.rank() >= other.rank() { (self, other) } else { (other, self) };
        let reached = match (last.reached, before.reached) {
            // The first by id, not by time: so it does not matter which came first (L3, L7).
            (Some(one), Some(more)) => Some(one.into_iter().chain(more).collect::<BTreeSet<_>>()),
            (one, more) => one.or(more),
        };
        let reached = reached.map(|all| all.into_iter().take(REACHED_KEPT).collect());
        Self { reached, ..last }
    }
}

/// Whether a status of this sender may be considered, who [may claim](super::admissible) anything
/// or not (L2).
pub fn is_bridge(sender: Result<(), Refusal>, may_redact_others: bool) -> Result<(), Refusal> {
    sender?;
    if may_redact_others { Ok(()) } else { Err(Refusal::NoBridge) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn report(state: BridgeState, at: Timestamp, reached: Option<&[&str]>) -> BridgeReport {
        let reached = reached.map(|users| users.iter().map(UserId::new).collect());
        BridgeReport { state, at, bot: UserId::new("@bot:x"), why: SafeText::default(), reached }
    }

    #[test]
    fn l3_the_last_word_counts_and_pending_is_none() {
        use BridgeState::{Failed, Pending, Retriable, Sent};
        for (first, second, state) in [
            (Sent, Pending, Sent),
            (Sent, Failed, Failed),
            (Sent, Retriable, Retriable),
            (Retriable, Sent, Sent),
            (Failed, Sent, Sent),
            (Retriable, Failed, Failed),
            (Failed, Retriable, Retriable),
            (Retriable, Pending, Retriable),
            (Pending, Pending, Pending),
        ] {
            for (one, other) in [(0, 1), (1, 0)] {
                let said = [report(first, at(1), None), report(second, at(2), None)];
                let merged = said[one].clone().merge(said[other].clone());
                assert_eq!(merged.state, state, "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn l3_what_is_taken_back_leaves_whoever_was_reached() {
        let sent = report(BridgeState::Sent, at(1), Some(&["@ghost:x"]));
        let taken_back = sent.merge(report(BridgeState::Failed, at(2), Some(&[])));
        assert_eq!(taken_back, report(BridgeState::Failed, at(2), Some(&["@ghost:x"])));
    }

    #[test]
    fn l3_of_the_same_state_the_latest_words_hold() {
        let said = |at, why| BridgeReport { why: SafeText::line(why), ..report(BridgeState::Retriable, at, None) };
        assert_eq!(&*said(at(2), "a").merge(said(at(1), "b")).why, "a");
        assert_eq!(&*said(at(1), "b").merge(said(at(2), "a")).why, "a");
    }

    #[test]
    fn l3_whoever_was_reached_stays_reached() {
        let sent = |reached| report(BridgeState::Sent, at(1), reached);
        for (first, second, reached) in [
            (None, None, None),
            (None, Some(&[][..]), Some(&[][..])),
            (Some(&["@a:x"][..]), None, Some(&["@a:x"][..])),
            (Some(&["@a:x"]), Some(&[]), Some(&["@a:x"])),
            (Some(&["@b:x"]), Some(&["@a:x"]), Some(&["@a:x", "@b:x"])),
        ] {
            assert_eq!(sent(first).merge(sent(second)), sent(reached), "{first:?} {second:?}");
        }
    }

    #[test]
    fn l2_only_who_may_redact_others_is_a_bridge() {
        for (sender, power, expected) in [
            (Ok(()), true, Ok(())),
            (Ok(()), false, Err(Refusal::NoBridge)),
            (Err(Refusal::NotJoined), true, Err(Refusal::NotJoined)),
            (Err(Refusal::Own), false, Err(Refusal::Own)),
        ] {
            assert_eq!(is_bridge(sender, power), expected, "{sender:?} {power}");
        }
    }

    fn any_report() -> impl Strategy<Value = BridgeReport> {
        use BridgeState::{Failed, Pending, Retriable, Sent};
        let users =
            prop::collection::btree_set((0..REACHED_KEPT + 9).prop_map(|n| UserId::new(format!("@{n}:x"))), 0..4);
        let bots = prop::sample::select(vec!["@bot:x", "@other:x"]).prop_map(UserId::new);
        let states = prop::sample::select(vec![Pending, Retriable, Failed, Sent]);
        (states, 0_u64..3, bots, "[ab]?", prop::option::of(users)).prop_map(|(state, at, bot, why, reached)| {
            BridgeReport { state, at: Timestamp::from_millis(at), bot, why: SafeText::line(&why), reached }
        })
    }

    fn aggregate(from: usize) -> impl Strategy<Value = BridgeReport> {
        any_report().prop_map(move |report| {
            let users = (from..from + REACHED_KEPT).map(|n| UserId::new(format!("@{n}:x")));
            BridgeReport { reached: Some(users.collect()), ..report }
        })
    }

    proptest! {
        #[test]
        fn l3_merging_is_idempotent_and_order_free(
            reports in prop::collection::vec(any_report(), 1..8).prop_shuffle(),
            again in any::<prop::sample::Index>(),
        ) {
            let all = |reports: Vec<BridgeReport>| reports.into_iter().reduce(BridgeReport::merge);
            let mut backwards: Vec<_> = reports.iter().rev().cloned().collect();
            backwards.push(again.get(&reports).clone());
            prop_assert_eq!(all(reports), all(backwards));
        }

        #[test]
        fn l7_an_aggregate_is_cut_the_same_way_in_any_order(a in aggregate(0), b in aggregate(500), c in any_report()) {
            let one = a.clone().merge(b.clone()).merge(c.clone());
            let other = c.merge(b.merge(a));
            prop_assert_eq!(one.reached.as_ref().map(BTreeSet::len), Some(REACHED_KEPT));
            prop_assert_eq!(one, other);
        }
    }
}
