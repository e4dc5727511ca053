//! Who was given the key of an own event: what this device did, and not only whom it would give it
//! to now.
//!
//! The SDK keeps beside the key that it encrypts with to which devices it gave it. An own event
//! comes back later than it was sent, and by then a device can be new, or gone. The key that
//! another own device encrypts with stands nowhere here; nor does one that was replaced meanwhile.
//! Whom that was given to, only the devices of now can say.

use std::collections::{BTreeMap, BTreeSet};

use matrix_sdk::Room;

use crate::{
    client::{
        disk::{Given, Keys},
        ids,
        receipts::event_cache,
    },
    delivery::ledger::ExpectedDevice,
    model::{DeviceId, EventId, SafeText, UserId},
};

/// Whom an event's key was given to, as far as it is still the one that this device encrypts with
/// in that room.
pub(super) async fn given(keys: Option<&Keys>, room: &Room, event_id: &EventId) -> Option<Given> {
    let event = event_cache::find(room, event_id).await?;
    keys?.given(room.room_id(), event.kind.session_id()?).await
}

/// Corrects whom the key would be given to now by whom it was given to. Returns the people of whom
/// a device is gone since.
pub(super) fn correct(expected: &mut BTreeMap<UserId, Vec<ExpectedDevice>>, given: &Given) -> BTreeSet<UserId> {
    let nobody = BTreeMap::new();
    let mut with_gone = BTreeSet::new();
    for (user, now) in expected {
        let then = ids::sdk_user(user).and_then(|user| given.get(&user)).unwrap_or(&nobody);
        let was_given = |id: &DeviceId| then.iter().find(|(device, _)| device.as_str() == id.as_str());
        // What is left out now, and was not given the key, was left out then.
        now.retain(|device| device.excluded.is_some() || was_given(&device.device_id).is_some());
        for device in now.iter_mut() {
            match was_given(&device.device_id) {
                Some((_, None)) => device.excluded = None,
                Some((_, Some(why))) => drop(device.excluded.get_or_insert_with(|| (*why).to_owned())),
                None => {}
            }
        }
        let gone = then
            .iter()
            .filter(|(id, why)| why.is_none() && !now.iter().any(|device| device.device_id.as_str() == id.as_str()));
        let gone: Vec<ExpectedDevice> = gone
            .map(|(id, _)| ExpectedDevice {
                device_id: ids::device(id),
                name: SafeText::default(),
                excluded: None,
                silent: None,
            })
            .collect();
        if !gone.is_empty() {
            with_gone.insert(user.clone());
            now.extend(gone);
            now.sort_by(|a, b| a.device_id.cmp(&b.device_id));
        }
    }
    with_gone
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::{OwnedDeviceId, owned_user_id};

    use super::*;

    fn device(id: &str, excluded: Option<&str>) -> ExpectedDevice {
        let excluded = excluded.map(str::to_owned);
        ExpectedDevice { device_id: DeviceId::new(id), name: SafeText::default(), excluded, silent: None }
    }

    fn given(to: &[(&str, Option<&'static str>)]) -> Given {
        let to = to.iter().map(|(id, why)| (OwnedDeviceId::from(*id), *why)).collect();
        BTreeMap::from([(owned_user_id!("@bob:x"), to)])
    }

    fn corrected(now: &[ExpectedDevice], to: &[(&str, Option<&'static str>)]) -> (Vec<ExpectedDevice>, bool) {
        let bob = UserId::new("@bob:x");
        let mut expected = BTreeMap::from([(bob.clone(), now.to_vec())]);
        let gone = correct(&mut expected, &given(to));
        (expected.remove(&bob).unwrap(), gone.contains(&bob))
    }

    #[test]
    fn a_device_that_is_new_was_not_given_the_key() {
        let now = [device("OLD", None), device("NEW", None)];
        assert_eq!(corrected(&now, &[("OLD", None)]), (vec![device("OLD", None)], false));
        assert_eq!(corrected(&now, &[("OLD", None), ("NEW", None)]), (now.to_vec(), false));
    }

    #[test]
    fn a_device_that_is_gone_was_given_the_key() {
        let two = vec![device("GONE", None), device("PHONE", None)];
        assert_eq!(corrected(&[device("PHONE", None)], &[("GONE", None), ("PHONE", None)]), (two, true));
        let one = vec![device("PHONE", None)];
        assert_eq!(corrected(&one.clone(), &[("GONE", Some("why")), ("PHONE", None)]), (one, false));
    }

    #[test]
    fn a_device_that_was_left_out_stays_so_and_one_that_was_not_does_not_become_so() {
        let blocked = Some("you blocked it");
        assert_eq!(corrected(&[device("A", blocked)], &[("A", None)]).0, [device("A", None)]);
        assert_eq!(corrected(&[device("A", blocked)], &[]).0, [device("A", blocked)]);
        assert_eq!(corrected(&[device("A", None)], &[("A", Some("no key"))]).0, [device("A", Some("no key"))]);
        assert_eq!(corrected(&[device("A", blocked)], &[("A", Some("no key"))]).0, [device("A", blocked)]);
    }

    #[test]
    fn who_was_given_nothing_expects_nothing() {
        let bob = UserId::new("@bob:x");
        let mut expected = BTreeMap::from([(bob.clone(), vec![device("A", None)])]);
        assert_eq!(correct(&mut expected, &Given::new()), BTreeSet::new());
        assert_eq!(expected, BTreeMap::from([(bob, vec![])]));
    }
}
