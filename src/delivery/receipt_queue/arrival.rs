//! When something came, and the numbers that are drawn for it (P11).

use std::fmt;

use crate::model::Timestamp;

/// Something came: when, and at which moment what is owed for it leaves.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub(super) now: Timestamp,
    pub(super) moment: Timestamp,
}

impl Arrival {
    /// The moment from which everything about it is reckoned (P11).
    pub fn moment(self) -> Timestamp {
        self.moment
    }
}

/// Random numbers in [0, 1).
pub struct Numbers(Box<dyn FnMut() -> f64 + Send>);

impl Numbers {
    /// These.
    pub fn new(numbers: impl FnMut() -> f64 + Send + 'static) -> Self {
        Self(Box::new(numbers))
    }

    pub(super) fn next(&mut self) -> f64 {
        (self.0)()
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Numbers")
    }
}
