//! What is not believed, and how often (PROTOCOL §6).
//!
//! A claim that is refused leaves no trace in the ledger, so nobody would see that it was looked
//! at, nor that somebody tries. So it is counted, by reason. A place that refuses gives back a
//! [`Refusal`] in its result, or all of them as [`Refused`]; neither can be dropped unseen, and
//! both end in the one count of a session. There are as many numbers as reasons, whoever claims
//! whatever. Only claims count: what was said twice is none too many (L3), and a time that cannot
//! be costs the time only (L4).

use std::{collections::BTreeMap, fmt};

use crate::model::NotBelieved;

/// Why a claim is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// L1: the message is known, and its sender is somebody else.
    NotOwn,
    /// L1: the message is known, and stands in another room than the claim says.
    OtherRoom,
    /// L1: no such message came while the claim was held.
    Unknown,
    /// L2: nothing proves whose device sent it.
    Unproven,
    /// L2: it is this account itself.
    Own,
    /// L2: the claimant is not in the room.
    NotJoined,
    /// L2: the claimant is ignored.
    Ignored,
    /// L2: it says what a bridge says, and has not the power of one.
    NoBridge,
    /// L7: there is no room for it.
    TooMany,
}

impl Refusal {
    /// The rule and, to be read after a number of claims, the reason.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NotOwn => ("L1", "about other people's messages"),
            Self::OtherRoom => ("L1", "naming another room than the message's"),
            Self::Unknown => ("L1", "about messages that are not known here"),
            Self::Unproven => ("L2", "from devices that nothing proves"),
            Self::Own => ("L2", "in the name of this account itself"),
            Self::NotJoined => ("L2", "from people who are not in the room"),
            Self::Ignored => ("L2", "from people whom you ignore"),
            Self::NoBridge => ("L2", "from senders without a bridge's power"),
            Self::TooMany => ("L7", "beyond the number that is kept"),
        }
    }

    /// The rule of PROTOCOL.
    pub const fn rule(self) -> &'static str {
        self.words().0
    }

    /// The reason in a few words, such as 'from people whom you ignore'.
    pub const fn why(self) -> &'static str {
        self.words().1
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rule, why) = self.words();
        write!(f, "{why} ({rule})")
    }
}

/// How many claims were refused, by reason.
#[must_use = "what is refused is counted"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused(BTreeMap<Refusal, u64>);

impl Refused {
    /// So many, for one reason.
    pub fn of(refusal: Refusal, claims: usize) -> Self {
        let mut refused = Self::default();
        refused.count(refusal, claims);
        refused
    }

    /// So many more, for one reason.
    pub fn count(&mut self, refusal: Refusal, claims: usize) {
        if claims > 0 {
            let count = self.0.entry(refusal).or_default();
            *count = count.saturating_add(u64::try_from(claims).unwrap_or(u64::MAX));
        }
    }

    /// What came of a claim that is believed; one that is not is counted.
    pub fn believed<T>(&mut self, outcome: Result<T, Refusal>) -> Option<T> {
        outcome.map_err(|refusal| self.count(refusal, 1)).ok()
    }

    /// All of these more.
    pub fn add(&mut self, more: Self) {
        for (refusal, claims) in more.0 {
            let count = self.0.entry(refusal).or_default();
            *count = count.saturating_add(claims);
        }
    }

    /// The reasons that there were, in the order of the rules, each with its number.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u64)> {
        self.0.iter().map(|(refusal, claims)| (*refusal, *claims))
    }

    /// The same, to be shown.
    pub fn not_believed(&self) -> Vec<NotBelieved> {
        self.iter().map(|(refusal, claims)| NotBelieved { claims, rule: refusal.rule(), why: refusal.why() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_counted_by_reason_and_nothing_else_is() {
        let mut refused = Refused::of(Refusal::TooMany, 0);
        assert_eq!(refused, Refused::default(), "no reason without a claim");
        assert_eq!(refused.believed(Ok(5)), Some(5));
        assert_eq!(refused.believed::<()>(Err(Refusal::Ignored)), None);
        refused.count(Refusal::NotOwn, 3);
        refused.add(Refused::of(Refusal::Ignored, 2));
        assert_eq!(refused.iter().collect::<Vec<_>>(), [(Refusal::NotOwn, 3), (Refusal::Ignored, 3)]);
        refused.add(refused.clone());
        assert_eq!(refused.iter().map(|(_, claims)| claims).sum::<u64>(), 12);
        let mut full = Refused(BTreeMap::from([(Refusal::Own, u64::MAX)]));
        full.add(full.clone());
        full.count(Refusal::Own, 1);
        assert_eq!(full, Refused(BTreeMap::from([(Refusal::Own, u64::MAX)])), "nobody makes it begin anew");
    }

    #[test]
    fn every_reason_names_its_rule_and_fits_a_row() {
        use Refusal::{Ignored, NoBridge, NotJoined, NotOwn, OtherRoom, Own, TooMany, Unknown, Unproven};
        let of_rule = [
            ("L1", vec![NotOwn, OtherRoom, Unknown]),
            ("L2", vec![Unproven, Own, NotJoined, Ignored, NoBridge]),
            ("L7", vec![TooMany]),
        ];
        for (rule, refusals) in of_rule {
            for refusal in refusals {
                assert_eq!(refusal.rule(), rule);
                assert!(refusal.to_string().chars().count() <= 48, "beside a number, on a screen of 60: {refusal}");
            }
        }
    }

    #[test]
    fn a_reason_is_said_in_one_way() {
        let refused = Refused::of(Refusal::Ignored, 2);
        let told = NotBelieved { claims: 2, rule: "L2", why: "from people whom you ignore" };
        assert_eq!(refused.not_believed(), [told]);
        assert_eq!(Refusal::Ignored.to_string(), "from people whom you ignore (L2)");
    }
}
