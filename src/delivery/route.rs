//! Which way a batch of receipts travels.
//!
//! Nobody who has not asked is sent receipts over `direct` (PROTOCOL §3): an unknown to-device event does no good to
//! a client that cannot read it, and tells its server something. A request may come after the event that it is about,
//! so 'nobody has asked' is no refusal but a reason to wait; how long is the [`super::outbox`]'s business.

use super::policy::RouteChoice;
use crate::model::DeviceId;

/// What to do with a batch now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Send it encrypted to these devices of the sender. Never empty.
    Direct(Vec<DeviceId>),
    /// There is no way yet; there may be one soon.
    Wait,
    /// Receipts are switched off: there will be no way.
    Off,
}

/// Chooses the way for one sender's batch; `asking` are the sender's devices that have asked in this room.
///
/// MSC4089's own route will be one more thing that the caller knows about the server, and stands before `asking`.
pub fn choose(choice: RouteChoice, asking: Vec<DeviceId>) -> Plan {
    match choice {
        RouteChoice::Off => Plan::Off,
        RouteChoice::Auto | RouteChoice::Direct if asking.is_empty() => Plan::Wait,
        RouteChoice::Auto | RouteChoice::Direct => Plan::Direct(asking),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_asked_are_answered() {
        let asked = vec![DeviceId::new("A1"), DeviceId::new("A2")];
        for choice in [RouteChoice::Auto, RouteChoice::Direct] {
            assert_eq!(choose(choice, asked.clone()), Plan::Direct(asked.clone()));
            assert_eq!(choose(choice, vec![]), Plan::Wait);
        }
        assert_eq!(choose(RouteChoice::Off, asked), Plan::Off);
        assert_eq!(choose(RouteChoice::Off, vec![]), Plan::Off);
    }
}
