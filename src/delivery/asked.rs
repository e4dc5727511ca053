//! Devices that were asked for receipts (PROTOCOL §3), and when they are asked again.

use std::time::Duration;

use super::{ledger::OwnEvent, receipt::REQUEST_LIFETIME};
use crate::model::{DeviceId, Timestamp, UserId};

/// How long before its end a request is made again.
const RENEWED: Duration = Duration::from_hours(24);
/// How long a message may stay unanswered until its device is asked again: the first time, the
/// second, and the last.
const PATIENCE: [Duration; 3] = [Duration::from_mins(5), Duration::from_hours(1), Duration::from_hours(24)];

/// A device that was asked in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Until when the request holds.
    pub expires: Timestamp,
    /// How often it was made again before it was ending.
    pub repeats: usize,
}

impl Asked {
    /// A request that ends then, to a device that may have been asked `before`.
    pub fn until(expires: Timestamp, before: Option<Self>) -> Self {
        let at = expires - REQUEST_LIFETIME;
        let repeats =
            before.filter(|before| !before.is_ending(at)).map_or(0, |before| before.repeats.saturating_add(1));
        Self { expires, repeats }
    }

    /// Whether it is to be made again because it ends soon.
    pub fn is_ending(self, now: Timestamp) -> bool {
        self.expires <= now + RENEWED
    }

    /// Whether it may have been lost, by the time that passed: a kill loses what was decrypted and
    /// is not on disk yet (L8).
    pub fn may_be_lost(self, now: Timestamp) -> bool {
        self.patience().is_some_and(|patience| self.at() + patience <= now)
    }

    /// Whether a device that answers otherwise seems to have lost it: of the messages in that room
    /// that were sent since, it has answered none, and had time for one.
    pub fn seems_lost<'a>(
        self,
        (user, device): (&UserId, &DeviceId),
        own: impl IntoIterator<Item = &'a OwnEvent>,
        now: Timestamp,
    ) -> bool {
        let Some(patience) = self.patience() else { return false };
        let mut had_time = false;
        for own in own.into_iter().filter(|own| own.sent >= self.at()) {
            if own.claims.contains_key(&(user.clone(), Some(device.clone()))) {
                return false;
            }
            let given = own.expected.get(user).into_iter().flatten();
            let mut given = given.filter(|known| known.excluded.is_none());
            had_time |= own.sent + patience <= now && given.any(|known| known.device_id == *device);
        }
        had_time
    }

    fn at(self) -> Timestamp {
        self.expires - REQUEST_LIFETIME
    }

    fn patience(self) -> Option<Duration> {
        PATIENCE.get(self.repeats).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        delivery::{
            ledger::{ExpectedDevice, Stamp},
            receipt::ClaimState,
        },
        model::{EventId, RoomId, Route, SafeText},
    };

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const AT: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const MINUTE: Duration = Duration::from_mins(1);
    const HOUR: Duration = Duration::from_hours(1);

    fn first() -> Asked {
        Asked::until(AT + REQUEST_LIFETIME, None)
    }

    fn own(sent: Timestamp, excluded: Option<&str>, answered: bool) -> OwnEvent {
        let (user, device) = (UserId::new("@bob:x"), DeviceId::new("B"));
        let excluded = excluded.map(str::to_owned);
        let known = ExpectedDevice { device_id: device.clone(), name: SafeText::default(), excluded, silent: None };
        let stamp = Stamp { at: None, state: ClaimState::Delivered, route: Route::Direct, heard: sent };
        OwnEvent {
            room_id: RoomId::new("!r"),
            event_id: EventId::new(format!("${}", sent.as_millis())),
            sent,
            expected: BTreeMap::from([(user.clone(), vec![known])]),
            claims: answered.then_some(((user, Some(device)), stamp)).into_iter().collect(),
        }
    }

    #[test]
    fn l8_a_request_that_seems_lost_is_made_again_three_times() {
        let mut asked = first();
        let mut now = AT;
        for patience in [5 * MINUTE, HOUR, 24 * HOUR] {
            let bob = (&UserId::new("@bob:x"), &DeviceId::new("B"));
            let unanswered = [own(now, None, false)];
            let seems_lost = |own: &[OwnEvent], now| asked.may_be_lost(now) && asked.seems_lost(bob, own, now);
            assert!(!seems_lost(&unanswered, now + patience - ms(1)));
            assert!(seems_lost(&unanswered, now + patience));
            for held in [
                vec![],
                vec![own(now, Some("unverified"), false)],
                vec![own(now - ms(1), None, false)],
                vec![own(now + ms(1), None, false)],
                vec![own(now, None, false), own(now + patience, None, true)],
            ] {
                assert!(!seems_lost(&held, now + patience), "{held:?}");
            }
            let other = (&UserId::new("@bob:x"), &DeviceId::new("C"));
            assert!(!asked.seems_lost(other, &unanswered, now + patience));
            now += patience;
            asked = Asked::until(now + REQUEST_LIFETIME, Some(asked));
        }
        assert!(!asked.may_be_lost(Timestamp::MAX));
    }

    #[test]
    fn what_ends_soon_is_a_new_request() {
        let ends = AT + REQUEST_LIFETIME;
        assert!(!first().is_ending(ends - RENEWED - ms(1)) && first().is_ending(ends - RENEWED));
        let repeated = Asked::until(ends + ms(1), Some(first()));
        assert_eq!(repeated.repeats, 1);
        assert_eq!(Asked::until(ends + REQUEST_LIFETIME, Some(repeated)).repeats, 0);
    }
}
