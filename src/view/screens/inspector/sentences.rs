//! What the inspector says of a message as a whole.

use crate::{
    model::{Bridge, BridgeState, Delivery, DeviceDelivery, DeviceState, PersonDelivery, Tally, UserId},
    view::{theme::Role, words},
};

/// How many have it, of how many that were given its key; and who is not counted.
pub fn summary(delivery: &Delivery) -> Vec<(String, Role)> {
    match &delivery.tally {
        Some(tally) => counted(tally),
        None if delivery.people.is_empty() && delivery.bridge.is_some() => Vec::new(),
        None if delivery.people.is_empty() => {
            vec![("It is on the server. Nobody else was in the room.".to_owned(), Role::Text)]
        }
        None => vec![(denominator(delivery), Role::Text)],
    }
}

fn counted(tally: &Tally) -> Vec<(String, Role)> {
    let people = words::count(tally.users, "person has it", "people have it");
    let devices = match tally.expected {
        0 => format!("on {}", words::count(tally.delivered, "device", "devices")),
        expected => format!("on {} of {expected} devices that were given the key when it was sent", tally.delivered),
    };
    let mut said = vec![(format!("{people}, {devices}."), Role::Text)];
    if tally.undecryptable > 0 {
        let devices = words::count(tally.undecryptable, "device", "devices");
        said.push((format!("{devices} could not decrypt it."), Role::Error));
    }
    said
}

/// The denominator that was recorded when it was sent, in one line.
fn denominator(delivery: &Delivery) -> String {
    let devices = || delivery.people.iter().flat_map(|person| &person.devices);
    let expected = || devices().filter(|device| device.expected);
    let delivered = expected().filter(|device| matches!(device.state, DeviceState::Delivered { .. })).count();
    let uncounted = |is: fn(&DeviceState) -> bool, one: &str, many: &str| match devices()
        .filter(|device| !device.expected && is(&device.state))
        .count()
    {
        0 => String::new(),
        1 => format!(" 1 device that {one} is not counted."),
        more => format!(" {more} devices that {many} are not counted."),
    };
    let silent = uncounted(
        |state| matches!(state, DeviceState::Silent { .. }),
        "has been silent for weeks",
        "have been silent for weeks",
    );
    let gone = uncounted(|state| *state == DeviceState::Gone, "is gone", "are gone");
    let all = expected().count();
    if all == 0 {
        let when = if gone.is_empty() { "were counted when it was sent" } else { "are counted" };
        return format!("No devices {when}.{silent}{gone}");
    }
    let devices = if all == 1 { "device that was" } else { "devices that were" };
    let verb = if delivered == 1 { "has" } else { "have" };
    let ones = delivery.people.iter().any(PersonDelivery::counts_as_one);
    let ones = if ones { " A person whose receipts name no device counts as one." } else { "" };
    format!("{delivered} of {all} {devices} given the key when it was sent {verb} it.{ones}{silent}{gone}")
}

/// What the user can do about what went wrong.
pub fn advice(delivery: &Delivery) -> Vec<String> {
    let people = delivery.people.iter().flat_map(|person| &person.devices);
    let any = |is: fn(&DeviceDelivery) -> bool| people.clone().any(is);
    let mut advice = Vec::new();
    if any(|device| matches!(device.state, DeviceState::Undecryptable { .. }))
        || delivery.tally.is_some_and(|tally| tally.undecryptable > 0)
    {
        let text = "A device that could not decrypt it did not get its key, or has lost it. /rekey gives the next message \
                    here a new key, which every device is sent; this one has to be sent again to be read there.";
        advice.push(text.to_owned());
    }
    if any(|device| device.expected && matches!(device.state, DeviceState::Missed { .. })) {
        let text = "A device that usually answers and has answered a later message most likely never got this one. Send it \
                    again if it matters.";
        advice.push(text.to_owned());
    }
    advice
}

/// What a bridge says of a message.
pub fn bridge(bridge: &Bridge, people: &[PersonDelivery]) -> (String, Role) {
    let why = if bridge.why.is_empty() { ".".to_owned() } else { format!(": {}", bridge.why) };
    match (bridge.state, bridge.delivered_to.as_deref()) {
        (BridgeState::Pending, _) => ("It is being sent to the other network.".to_owned(), Role::Dim),
        (BridgeState::Retriable, _) => {
            (format!("It could not be sent to the other network, and may be tried again{why}"), Role::Warning)
        }
        (BridgeState::Failed, _) => (format!("It cannot be sent to the other network{why}"), Role::Error),
        (BridgeState::Sent, None) => (
            "It is on the other network. Whether anybody received it there, the bridge will never know.".to_owned(),
            Role::Text,
        ),
        (BridgeState::Sent, Some([])) => (
            "It is on the other network. Nobody has received it there yet, as far as the bridge knows.".to_owned(),
            Role::Text,
        ),
        (BridgeState::Sent, Some(who)) => {
            let called = |user: &UserId| {
                let person = people.iter().find(|person| person.user_id == *user && !person.name.is_empty());
                person.map_or_else(|| user.to_string(), |person| person.name.to_string())
            };
            let who: Vec<String> = who.iter().map(called).collect();
            (format!("It is on the other network, received by {}.", words::names(&who)), Role::Good)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeviceId, EventId, SafeText, Timestamp};

    const HAS_IT: DeviceState = DeviceState::Delivered { at: None };
    const SILENT: DeviceState = DeviceState::Silent { since: Timestamp::EPOCH };

    fn device(state: DeviceState, expected: bool) -> DeviceDelivery {
        DeviceDelivery { device_id: Some(DeviceId::new("D")), name: SafeText::default(), state, route: None, expected }
    }

    fn delivery(devices: Vec<DeviceDelivery>) -> Delivery {
        let people =
            vec![PersonDelivery { user_id: UserId::new("@ada:example.org"), name: SafeText::default(), devices }];
        Delivery::new(EventId::new("$1"), Timestamp::EPOCH, people)
    }

    #[test]
    fn the_denominator_counts_expected_devices_only() {
        let excluded = || DeviceState::Excluded { why: SafeText::line("blocked") };
        let cases: [(&[DeviceDelivery], &str); 7] = [
            (
                &[device(HAS_IT, true), device(DeviceState::Gone, false)],
                "1 of 1 device that was given the key when it was sent has it. 1 device that is gone is not counted.",
            ),
            (
                &[device(DeviceState::Gone, false), device(DeviceState::Gone, false)],
                "No devices are counted. 2 devices that are gone are not counted.",
            ),
            (
                &[
                    device(HAS_IT, true),
                    device(DeviceState::Pending, true),
                    device(excluded(), false),
                    device(HAS_IT, false),
                ],
                "1 of 2 devices that were given the key when it was sent has it.",
            ),
            (&[device(DeviceState::Pending, true)], "0 of 1 device that was given the key when it was sent have it."),
            (&[device(HAS_IT, false)], "No devices were counted when it was sent."),
            (
                &[device(HAS_IT, true), device(SILENT, false)],
                "1 of 1 device that was given the key when it was sent has it. \
                 1 device that has been silent for weeks is not counted.",
            ),
            (
                &[device(SILENT, false), device(SILENT, false)],
                "No devices were counted when it was sent. 2 devices that have been silent for weeks are not counted.",
            ),
        ];
        for (devices, sentence) in cases {
            assert_eq!(denominator(&delivery(devices.to_vec())), sentence);
        }
    }

    #[test]
    fn a_tally_is_said_in_numbers() {
        let said = |tally: Tally| {
            let delivery = Delivery { tally: Some(tally), ..delivery(vec![device(HAS_IT, true)]) };
            summary(&delivery).into_iter().map(|(text, _)| text).collect::<Vec<_>>().join(" ")
        };
        let tally = Tally { users: 1, delivered: 1, ..Tally::default() };
        assert_eq!(said(tally), "1 person has it, on 1 device.");
        assert_eq!(
            said(Tally { users: 5_000, delivered: 12_000, undecryptable: 2, expected: 15_000, ..Tally::default() }),
            "5000 people have it, on 12000 of 15000 devices that were given the key when it was sent. \
             2 devices could not decrypt it."
        );
    }

    #[test]
    fn there_is_advice_for_what_went_wrong_and_only_for_that() {
        let about = |state, expected| {
            let advice = advice(&delivery(vec![device(HAS_IT, true), device(state, expected)]));
            assert!(advice.len() <= 1);
            advice.into_iter().next().unwrap_or_default()
        };
        assert!(about(DeviceState::Undecryptable { at: None }, true).contains("/rekey"));
        assert!(about(DeviceState::Missed { later: Timestamp::from_millis(1) }, true).contains("again"));
        for state in [HAS_IT, DeviceState::Pending, DeviceState::Unknown, DeviceState::Quiet] {
            assert_eq!(about(state, true), "");
        }
        assert_eq!(about(SILENT, false), "");
        assert_eq!(
            about(DeviceState::Excluded { why: SafeText::default() }, false),
            "",
            "what to do is said of the device"
        );
    }

    #[test]
    fn a_bridge_is_said_in_a_sentence() {
        let ada = UserId::new("@ada:example.org");
        let cases: [(BridgeState, &str, Option<&[&UserId]>, &str); 7] = [
            (BridgeState::Pending, "", None, "It is being sent to the other network."),
            (
                BridgeState::Retriable,
                "too fast",
                None,
                "It could not be sent to the other network, and may be tried again: too fast",
            ),
            (BridgeState::Failed, "", None, "It cannot be sent to the other network."),
            (BridgeState::Failed, "too large", Some(&[]), "It cannot be sent to the other network: too large"),
            (
                BridgeState::Sent,
                "",
                None,
                "It is on the other network. Whether anybody received it there, the bridge will never know.",
            ),
            (
                BridgeState::Sent,
                "",
                Some(&[]),
                "It is on the other network. Nobody has received it there yet, as far as the bridge knows.",
            ),
            (BridgeState::Sent, "", Some(&[&ada]), "It is on the other network, received by Ada."),
        ];
        let mut people = delivery(Vec::new()).people;
        people[0].name = SafeText::line("Ada");
        for (state, why, to, sentence) in cases {
            let delivered_to = to.map(|to| to.iter().map(|user| (*user).clone()).collect());
            let says = Bridge { bot: UserId::new("@bot:x"), state, why: SafeText::line(why), delivered_to };
            assert_eq!(bridge(&says, &people).0, sentence);
        }
    }
}
