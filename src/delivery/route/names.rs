//! The name under which this server takes native receipts (PROTOCOL §2).
//!
//! MSC4089's names change when it is accepted, and nothing in `/versions` says which of them a
//! server takes. So they are tried in order, and a server that answers 400 to one is not sent it
//! again in this session. Once a name was taken, a 400 is about the one receipt and no longer about
//! the name.

use crate::delivery::{
    policy::ReceiptType,
    receipt::{NATIVE_TYPE, NATIVE_TYPE_UNSTABLE},
};

/// The names that a server may take, and what it has said to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    left: &'static [&'static str],
    taken: bool,
}

impl Names {
    /// Nothing was tried yet.
    pub fn new(choice: ReceiptType) -> Self {
        let left: &[&str] = match choice {
            ReceiptType::Unstable => &[NATIVE_TYPE_UNSTABLE],
            ReceiptType::Stable => &[NATIVE_TYPE, NATIVE_TYPE_UNSTABLE],
        };
        Self { left, taken: false }
    }

    /// The name to use; `None` when the server took none of them: then it has no native route after
    /// all.
    pub fn best(&self) -> Option<&'static str> {
        self.left.first().copied()
    }

    /// The server took the best name: it is the one from now on.
    pub fn accept(&mut self) {
        self.taken = true;
    }

    /// The server answered 400 to the best name. True when that was about the name, which is then
    /// given up.
    pub fn refuse(&mut self) -> bool {
        if !self.taken {
            self.left = self.left.get(1..).unwrap_or_default();
        }
        !self.taken
    }

    /// Takes over what another copy of these names has been told meanwhile.
    pub fn learn(&mut self, other: Self) {
        if !self.taken && (other.taken || other.left.len() < self.left.len()) {
            *self = other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STABLE: Option<&str> = Some("m.delivery");
    const UNSTABLE: Option<&str> = Some("org.matrix.msc4089.delivery");

    #[test]
    fn the_unstable_name_alone_unless_the_stable_one_is_wished_for() {
        let mut names = Names::new(ReceiptType::Unstable);
        assert_eq!(names.best(), UNSTABLE);
        assert!(names.refuse());
        assert_eq!(names.best(), None);
        assert!(names.refuse(), "and there it stays");
        assert_eq!(names.best(), None);
    }

    #[test]
    fn the_stable_name_first_then_the_unstable_one() {
        let mut names = Names::new(ReceiptType::Stable);
        assert_eq!(names.best(), STABLE);
        assert!(names.refuse());
        assert_eq!(names.best(), UNSTABLE);
        names.accept();
        assert!(!names.refuse(), "a name that was taken is not given up for one receipt");
        assert_eq!(names.best(), UNSTABLE);
    }

    #[test]
    fn what_one_batch_learns_the_others_know() {
        let fresh = || Names::new(ReceiptType::Stable);
        let (mut accepted, mut refused) = (fresh(), fresh());
        accepted.accept();
        refused.refuse();
        for (mut names, told, expected) in [
            (fresh(), refused.clone(), &refused),
            (refused.clone(), fresh(), &refused),
            (refused.clone(), accepted.clone(), &accepted),
            (accepted.clone(), refused.clone(), &accepted),
        ] {
            names.learn(told);
            assert_eq!(names, *expected);
        }
    }
}
