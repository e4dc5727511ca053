//! The route by which a batch of receipts travels.
//!
//! There are two. Over `native` (PROTOCOL §2) the homeserver passes a receipt on to the event's
//! sender; it is one request for each event, names this device only when told to, and works where
//! the server has MSC4089. Over `direct` (PROTOCOL §3) it goes encrypted to the sender's devices,
//! on every homeserver; the channel itself names this device.
//!
//! Nobody who has not asked is sent receipts over `direct`: an unknown to-device event does no good
//! to a client that cannot read it, and tells its server something. A request may come after the
//! event that it is about, so 'nobody has asked' is no refusal but a reason to wait; how long is
//! the [`super::outbox`]'s business.
//!
//! [`choose`] knows all of this. [`Names`] and [`Pace`] are what a session learns about the native
//! route as it goes.

use super::{
    policy::{Reason, RouteChoice},
    receipt::{ClaimState, NATIVE_DEVICES_FEATURE, NATIVE_FEATURE, NATIVE_FEDERATED_FEATURE},
};
use crate::model::DeviceId;

mod names;
mod pace;

pub use names::Names;
pub use pace::Pace;

/// What a homeserver can do with delivery receipts, as it says in `/versions` (PROTOCOL §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent features")]
pub struct ServerFacts {
    /// It has MSC4089.
    pub native: bool,
    /// It tells a user's devices apart, where they want that.
    pub devices: bool,
    /// It passes receipts on to other servers.
    pub federated: bool,
}

impl ServerFacts {
    /// From the features that the server `has`.
    pub fn new(has: impl Fn(&str) -> bool) -> Self {
        Self {
            native: has(NATIVE_FEATURE),
            devices: has(NATIVE_DEVICES_FEATURE),
            federated: has(NATIVE_FEDERATED_FEATURE),
        }
    }

    /// Whether receipts get to somebody through this server, and from them to its own users.
    pub fn reaches(self, same_server: bool) -> bool {
        self.native && (same_server || self.federated)
    }
}

/// The sender of an event, who is owed the receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Their homeserver is this user's.
    pub same_server: bool,
    /// They may be told which device this is ([`names_device`](super::policy::names_device), P13).
    pub named: bool,
    /// Their devices that have asked in this room (§3).
    pub asking: Vec<DeviceId>,
}

/// What to do with a batch now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Post it to the homeserver.
    Native {
        /// With the wish to have this device named (P13).
        name_device: bool,
    },
    /// Send it encrypted to these devices of the sender. Never empty.
    Direct(Vec<DeviceId>),
    /// It is not known yet what the homeserver can do.
    Undecided,
    /// There is no route yet; there may be one soon. When there is none in time, this is why.
    Wait(Reason),
    /// There will be no route.
    Withhold(Reason),
}

/// Chooses the route for receipts of one `state` to one person; `server` is `None` until it has
/// said what it can do.
pub fn choose(choice: RouteChoice, server: Option<ServerFacts>, state: ClaimState, to: Recipient) -> Plan {
    match (choice, state, server) {
        (RouteChoice::Off, ..) => return Plan::Withhold(Reason::RouteOff),
        // MSC4089 has no word for 'could not decrypt it'.
        (RouteChoice::Direct, ..) | (_, ClaimState::Undecryptable, _) => {}
        (RouteChoice::Auto | RouteChoice::Native, ClaimState::Delivered, None) => return Plan::Undecided,
        (RouteChoice::Auto | RouteChoice::Native, ClaimState::Delivered, Some(server)) => {
            if server.reaches(to.same_server) {
                return Plan::Native { name_device: server.devices && to.named };
            }
        }
    }
    if choice == RouteChoice::Native {
        Plan::Wait(Reason::NoNative)
    } else if !to.named {
        Plan::Withhold(Reason::DeviceNotNamed)
    } else if to.asking.is_empty() {
        Plan::Wait(Reason::NotAsked)
    } else {
        Plan::Direct(to.asking)
    }
}

/// Whether somebody has to be asked for receipts (§3): not those whose receipts come through the
/// homeserver anyway.
pub fn asks(choice: RouteChoice, server: ServerFacts, same_server: bool) -> bool {
    match choice {
        RouteChoice::Off | RouteChoice::Native => false,
        RouteChoice::Direct => true,
        RouteChoice::Auto => !server.reaches(same_server),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Option<ServerFacts> = Some(ServerFacts { native: false, devices: false, federated: false });
    const USERS: Option<ServerFacts> = Some(ServerFacts { native: true, devices: false, federated: false });
    const DEVICES: Option<ServerFacts> = Some(ServerFacts { native: true, devices: true, federated: false });
    const FEDERATED: Option<ServerFacts> = Some(ServerFacts { native: true, devices: true, federated: true });

    fn asked() -> Vec<DeviceId> {
        vec![DeviceId::new("A1"), DeviceId::new("A2")]
    }

    /// Somebody on the same server who has asked and may know this device.
    fn here() -> Recipient {
        Recipient { same_server: true, named: true, asking: asked() }
    }

    fn plan(choice: RouteChoice, server: Option<ServerFacts>, to: &Recipient) -> Plan {
        choose(choice, server, ClaimState::Delivered, to.clone())
    }

    #[test]
    fn the_server_says_what_it_can_do() {
        assert_eq!(ServerFacts::new(|_| false), ServerFacts::default());
        let only = |name: &'static str| ServerFacts::new(move |feature| feature == name);
        assert_eq!(only("org.matrix.msc4089"), ServerFacts { native: true, ..ServerFacts::default() });
        assert_eq!(only("dev.kvitto.delivery_devices"), ServerFacts { devices: true, ..ServerFacts::default() });
        assert_eq!(only("dev.kvitto.delivery_federated"), ServerFacts { federated: true, ..ServerFacts::default() });
    }

    #[test]
    fn auto_is_native_where_that_gets_there_and_else_direct() {
        use RouteChoice::Auto;
        let native = |name_device| Plan::Native { name_device };
        let elsewhere = Recipient { same_server: false, ..here() };
        for (server, to, expected) in [
            (NONE, here(), Plan::Direct(asked())),
            (USERS, here(), native(false)),
            (DEVICES, here(), native(true)),
            (DEVICES, Recipient { asking: vec![], ..here() }, native(true)),
            (DEVICES, Recipient { named: false, ..here() }, native(false)),
            (DEVICES, elsewhere.clone(), Plan::Direct(asked())),
            (FEDERATED, elsewhere.clone(), native(true)),
            (None, here(), Plan::Undecided),
            (None, elsewhere, Plan::Undecided),
        ] {
            assert_eq!(plan(Auto, server, &to), expected, "{server:?} {to:?}");
        }
        let liar = Some(ServerFacts { native: false, devices: true, federated: true });
        assert_eq!(plan(Auto, liar, &here()), Plan::Direct(asked()), "without MSC4089 the other features mean nothing");
    }

    #[test]
    fn over_direct_only_those_who_asked_are_answered() {
        let silent = Recipient { asking: vec![], ..here() };
        for (choice, server) in [
            (RouteChoice::Auto, NONE),
            (RouteChoice::Direct, NONE),
            (RouteChoice::Direct, FEDERATED),
            (RouteChoice::Direct, None),
        ] {
            assert_eq!(plan(choice, server, &here()), Plan::Direct(asked()));
            assert_eq!(plan(choice, server, &silent), Plan::Wait(Reason::NotAsked));
        }
    }

    #[test]
    fn p13_direct_is_off_towards_those_whom_the_device_is_not_named() {
        for asking in [asked(), vec![]] {
            let unnamed = Recipient { named: false, asking, ..here() };
            assert_eq!(plan(RouteChoice::Direct, FEDERATED, &unnamed), Plan::Withhold(Reason::DeviceNotNamed));
            assert_eq!(plan(RouteChoice::Auto, NONE, &unnamed), Plan::Withhold(Reason::DeviceNotNamed));
        }
    }

    #[test]
    fn native_alone_never_goes_direct() {
        use RouteChoice::Native;
        let elsewhere = Recipient { same_server: false, ..here() };
        assert_eq!(plan(Native, USERS, &here()), Plan::Native { name_device: false });
        assert_eq!(plan(Native, NONE, &here()), Plan::Wait(Reason::NoNative));
        assert_eq!(plan(Native, DEVICES, &elsewhere), Plan::Wait(Reason::NoNative));
        assert_eq!(plan(Native, None, &here()), Plan::Undecided);
    }

    #[test]
    fn off_is_off() {
        for server in [None, NONE, FEDERATED] {
            assert_eq!(plan(RouteChoice::Off, server, &here()), Plan::Withhold(Reason::RouteOff));
        }
    }

    #[test]
    fn undecryptable_goes_direct_only() {
        let broken = |choice, server, to: &Recipient| choose(choice, server, ClaimState::Undecryptable, to.clone());
        for server in [None, NONE, FEDERATED] {
            assert_eq!(broken(RouteChoice::Auto, server, &here()), Plan::Direct(asked()));
            assert_eq!(broken(RouteChoice::Native, server, &here()), Plan::Wait(Reason::NoNative));
        }
        let unnamed = Recipient { named: false, ..here() };
        assert_eq!(broken(RouteChoice::Auto, FEDERATED, &unnamed), Plan::Withhold(Reason::DeviceNotNamed));
    }

    #[test]
    fn whoever_is_reached_by_the_server_need_not_be_asked() {
        for (choice, server, here, elsewhere) in [
            (RouteChoice::Auto, NONE, true, true),
            (RouteChoice::Auto, USERS, false, true),
            (RouteChoice::Auto, FEDERATED, false, false),
            (RouteChoice::Direct, FEDERATED, true, true),
            (RouteChoice::Native, NONE, false, false),
            (RouteChoice::Off, NONE, false, false),
        ] {
            let asks = |same_server| asks(choice, server.unwrap(), same_server);
            assert_eq!((asks(true), asks(false)), (here, elsewhere), "{choice:?} {server:?}");
        }
    }
}
