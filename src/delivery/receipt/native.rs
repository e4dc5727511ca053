//! The route `native` on the wire: what is posted, and what `m.receipt` says (PROTOCOL §2).
//!
//! An `m.receipt` is read as plain JSON: typed content loses the devices, and one malformed time in
//! it would cost all the rest (L6).

use serde_json::{Map, Value, json};

use super::{NATIVE_DEVICES, NATIVE_FILTER, NATIVE_QUIET, NATIVE_SUMMARY, NATIVE_TYPE, NATIVE_TYPE_UNSTABLE, time};
use crate::model::{DeviceId, EventId, Timestamp, UserId};

/// How many receipts are read from one `m.receipt`; the rest is not looked at.
pub const NATIVE_READ: usize = 10_000;

/// One delivery receipt out of an `m.receipt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// The event.
    pub event_id: EventId,
    /// Whose receipt it is, as the homeserver says.
    pub user_id: UserId,
    /// Their device; `None` where only the person is named.
    pub device_id: Option<DeviceId>,
    /// When, by the homeserver's clock; `None` when it does not say.
    pub at: Option<Timestamp>,
    /// That this device was silent about what was sent in that room before means nothing (§3).
    pub quiet: bool,
}

impl Native {
    /// The body that is posted. A device is named only where this says so (P13), and only one that
    /// is named can say that its silence before means nothing.
    pub fn body(name_device: bool, quiet: bool) -> Value {
        match (name_device, quiet) {
            (false, _) => json!({}),
            (true, false) => json!({ NATIVE_DEVICES: true }),
            (true, true) => json!({ NATIVE_DEVICES: true, NATIVE_QUIET: true }),
        }
    }

    /// Reads the content of an `m.receipt`: every delivery receipt in it, under either name;
    /// entries that make no sense are left out (L6).
    pub fn parse(content: &Value) -> Vec<Self> {
        let entries = events(content)
            .flat_map(|(event, types)| names(types).flatten().map(move |(user, entry)| (event, user, entry)));
        let receipts = entries.flat_map(|(event, user, entry)| Self::entry(event, user, entry).unwrap_or_default());
        receipts.take(NATIVE_READ).collect()
    }

    /// What stands behind one user. Its own `ts` is the earliest of all their devices; so beside
    /// devices that are named it says something new only when it is earlier than each of theirs:
    /// then one more has it.
    fn entry(event: &str, user: &str, entry: &Value) -> Option<Vec<Self>> {
        let entry = entry.as_object().filter(|_| user.starts_with('@'))?;
        let receipt = |device, at| {
            let (event, user) = (EventId::new(event), UserId::new(user));
            Self { event_id: event, user_id: user, device_id: device, at, quiet: false }
        };
        let devices = entry.get(NATIVE_DEVICES).and_then(Value::as_object);
        let devices = devices.into_iter().flatten().filter(|(device, _)| !device.is_empty());
        let mut receipts: Vec<Self> = devices
            .filter_map(|(device, entry)| {
                let named = receipt(Some(DeviceId::new(device)), time(entry.as_object()?).ok()?);
                Some(Self { quiet: entry.get(NATIVE_QUIET) == Some(&Value::Bool(true)), ..named })
            })
            .collect();
        if let Ok(at) = time(entry)
            && receipts.iter().all(|named| at.is_some() && named.at > at)
        {
            receipts.push(receipt(None, at));
        }
        Some(receipts)
    }
}

/// How many have an event, as the homeserver has counted (§7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// People.
    pub users: usize,
    /// Their devices.
    pub devices: usize,
    /// The latest time, by the homeserver's clock; `None` when it does not say.
    pub latest: Option<Timestamp>,
}

/// Events with more receipts than this are asked for as summaries.
pub const SUMMARY_ABOVE: u64 = 200;

impl Summary {
    /// What stands in a filter's `room.ephemeral` to be given summaries of events with more
    /// receipts than this.
    pub fn asked_above(receipts: u64) -> Value {
        json!({ NATIVE_FILTER: { "summary_above": receipts } })
    }

    /// Reads the content of an `m.receipt`: every event that is summed up in it, under either name
    /// (L6).
    pub fn parse(content: &Value) -> Vec<(EventId, Self)> {
        let summed = events(content).flat_map(|(event, types)| {
            let named = names(types).filter_map(|users| users.get(NATIVE_SUMMARY)?.as_object());
            named.filter_map(move |entry| Some((EventId::new(event), Self::entry(entry)?)))
        });
        summed.take(NATIVE_READ).collect()
    }

    fn entry(entry: &Map<String, Value>) -> Option<Self> {
        let count = |name| usize::try_from(entry.get(name)?.as_u64()?).ok();
        let latest = entry
            .get("latest_ts")
            .map(|latest| latest.as_u64().map(Timestamp::from_millis).ok_or(()))
            .transpose()
            .ok()?;
        Some(Self { users: count("users")?, devices: count("devices")?, latest })
    }

    /// The larger of both, number by number: the counts only grow, so it is order-free (L3).
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            users: self.users.max(other.users),
            devices: self.devices.max(other.devices),
            latest: self.latest.max(other.latest),
        }
    }
}

/// What stands behind each event in an `m.receipt`.
fn events(content: &Value) -> impl Iterator<Item = (&String, &Value)> {
    content.as_object().into_iter().flatten().filter(|(event, _)| event.starts_with('$'))
}

/// What stands behind either name of a delivery receipt.
fn names(types: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    [NATIVE_TYPE, NATIVE_TYPE_UNSTABLE].into_iter().filter_map(|name| types.get(name)?.as_object())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::malformed::Malformed, *};

    const BOB: &str = "@bob:b";

    /// Device and time of what is read from Bob's entry.
    fn read(entry: &Value) -> Vec<(Option<String>, Option<u64>)> {
        let read = Native::parse(&json!({ "$e": { "m.delivery": { BOB: entry } } }));
        assert!(read.iter().all(|receipt| receipt.event_id.as_str() == "$e" && receipt.user_id.as_str() == BOB));
        read.into_iter()
            .map(|receipt| {
                (receipt.device_id.map(|device| device.as_str().to_owned()), receipt.at.map(Timestamp::as_millis))
            })
            .collect()
    }

    #[test]
    fn p13_a_device_is_named_only_on_purpose() {
        assert_eq!(Native::body(true, false), json!({ "dev.kvitto.devices": true }));
        assert_eq!(Native::body(true, true), json!({ "dev.kvitto.devices": true, "dev.kvitto.quiet": true }));
        assert_eq!((Native::body(false, false), Native::body(false, true)), (json!({}), json!({})));
    }

    #[test]
    fn a_device_that_is_named_can_say_that_its_silence_means_nothing() {
        let entry = json!({ "ts": 5, "dev.kvitto.quiet": true, "dev.kvitto.devices": {
            "D": { "ts": 5, "dev.kvitto.quiet": true }, "E": { "ts": 6 }, "F": { "ts": 7, "dev.kvitto.quiet": 1 },
        } });
        let read = Native::parse(&json!({ "$e": { "m.delivery": { BOB: entry } } }));
        assert_eq!(read.iter().map(|receipt| receipt.quiet).collect::<Vec<_>>(), [true, false, false]);
        let nobody = json!({ "$e": { "m.delivery": { BOB: { "ts": 5, "dev.kvitto.quiet": true } } } });
        assert!(!Native::parse(&nobody)[0].quiet);
    }

    #[test]
    fn an_entry_names_a_person_or_devices() {
        let named = |device: &str, at| (Some(device.to_owned()), Some(at));
        for (entry, expected) in [
            (json!({ "ts": 5 }), vec![(None, Some(5))]),
            (json!({}), vec![(None, None)]),
            (json!({ "ts": 5, "dev.kvitto.devices": {} }), vec![(None, Some(5))]),
            (json!({ "ts": 5, "dev.kvitto.devices": { "D": { "ts": 5 } } }), vec![named("D", 5)]),
            (
                json!({ "ts": 5, "dev.kvitto.devices": { "D": { "ts": 9 }, "E": { "ts": 5 } } }),
                vec![named("D", 9), named("E", 5)],
            ),
            // Earlier than every device that is named: one more has it, which did not want to be
            // named.
            (json!({ "ts": 4, "dev.kvitto.devices": { "D": { "ts": 5 } } }), vec![named("D", 5), (None, Some(4))]),
            (json!({ "ts": 4, "dev.kvitto.devices": { "D": {} } }), vec![(Some("D".to_owned()), None)]),
        ] {
            assert_eq!(read(&entry), expected, "{entry}");
        }
    }

    #[test]
    fn l6_a_malformed_entry_costs_that_entry_only() {
        for none in [json!(null), json!(5), json!([5]), json!({ "ts": "5" }), json!({ "ts": -5 }), json!({ "ts": 5.5 })]
        {
            assert_eq!(read(&none), [], "{none}");
        }
        let devices = json!({ "GOOD": { "ts": 6 }, "": { "ts": 1 }, "TEXT": { "ts": "1" }, "NULL": null });
        assert_eq!(read(&json!({ "ts": "x", "dev.kvitto.devices": devices })), [(Some("GOOD".to_owned()), Some(6))]);
        let content = json!({
            "$good": { "m.read": { BOB: { "ts": 1 } }, "m.delivery": { BOB: { "ts": 1 }, "bob": { "ts": 1 } } },
            "$list": [],
            "$types": { "m.delivery": [], "org.matrix.msc4089.delivery": null },
            "no_event": { "m.delivery": { BOB: { "ts": 1 } } },
        });
        assert_eq!(
            Native::parse(&content),
            [Native {
                event_id: EventId::new("$good"),
                user_id: UserId::new(BOB),
                device_id: None,
                at: Some(Timestamp::from_millis(1)),
                quiet: false
            }]
        );
        for none in [json!(null), json!([]), json!("$e")] {
            assert_eq!(Native::parse(&none), []);
        }
    }

    #[test]
    fn l3_both_names_are_one_type() {
        let content = json!({ "$e": {
            "m.delivery": { "@a:b": { "ts": 1 } },
            "org.matrix.msc4089.delivery": { "@a:b": { "ts": 2 }, "@c:d": { "ts": 3 } },
            "m.read": { "@e:f": { "ts": 4 } },
        }});
        let read = Native::parse(&content);
        let read: Vec<_> =
            read.iter().map(|receipt| (receipt.user_id.as_str(), receipt.at.map(Timestamp::as_millis))).collect();
        assert_eq!(read, [("@a:b", Some(1)), ("@a:b", Some(2)), ("@c:d", Some(3))]);
    }

    #[test]
    fn l7_only_so_many_are_read() {
        let users: Map<String, Value> = (0..NATIVE_READ + 5).map(|n| (format!("@{n}:b"), json!({ "ts": 1 }))).collect();
        assert_eq!(Native::parse(&json!({ "$e": { "m.delivery": users } })).len(), NATIVE_READ);
    }

    #[test]
    fn a_summary_stands_where_the_users_would() {
        let summed = |entry: Value| {
            let content = json!({ "$e": { "org.matrix.msc4089.delivery": { "dev.kvitto.delivery_summary": entry } } });
            assert_eq!(Native::parse(&content), [], "it is nobody's receipt");
            Summary::parse(&content).pop().map(|(event, summary)| (event.as_str().to_owned(), summary))
        };
        let all = Summary { users: 2, devices: 3, latest: Some(Timestamp::from_millis(9)) };
        assert_eq!(summed(json!({ "users": 2, "devices": 3, "latest_ts": 9 })), Some(("$e".to_owned(), all)));
        let undated = summed(json!({ "users": 2, "devices": 3 })).unwrap().1;
        assert_eq!(undated, Summary { latest: None, ..all });
        for none in [
            json!(null),
            json!([]),
            json!({}),
            json!({ "users": 2 }),
            json!({ "users": -2, "devices": 3 }),
            json!({ "users": 2, "devices": "3" }),
            json!({ "users": 2, "devices": 3, "latest_ts": 1.5 }),
        ] {
            assert_eq!(summed(none.clone()), None, "l6: {none}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), ".{0,3}".prop_map(Value::from)];
        let names = prop_oneof![
            Just("m.delivery".to_owned()),
            Just("dev.kvitto.devices".to_owned()),
            Just("ts".to_owned()),
            "[$@D]?.{0,3}",
        ];
        leaf.prop_recursive(6, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(names.clone(), inner, 0..6).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn l6_what_is_read_of_any_json_is_well_formed(json in any_json(), entry in any_json()) {
            let wrapped = json!({ "$e": { "m.delivery": { BOB: entry } } });
            for receipt in [json, wrapped].iter().flat_map(Native::parse) {
                prop_assert!(receipt.event_id.as_str().starts_with('$') && receipt.user_id.as_str().starts_with('@'));
                prop_assert!(receipt.device_id.is_none_or(|device| !device.as_str().is_empty()));
            }
        }

        #[test]
        fn l6_a_malformed_entry_anywhere_costs_itself_only(content in any_content(), malformed in Malformed::any()) {
            let spoiled = malformed.put_into(&content);
            prop_assert_ne!(&spoiled, &content);
            prop_assert_eq!(Native::parse(&spoiled), Native::parse(&content));
        }
    }

    /// The content of an `m.receipt` as a homeserver writes it.
    fn any_content() -> impl Strategy<Value = Value> {
        let time = || (0..9_u64).prop_map(|ts| json!({ "ts": ts }));
        let entry = (time(), prop::collection::btree_map("[A-C]", time(), 0..3)).prop_map(|(mut entry, devices)| {
            entry[NATIVE_DEVICES] = json!(devices);
            entry
        });
        let names = prop::sample::select(vec![NATIVE_TYPE, NATIVE_TYPE_UNSTABLE, "m.read"]);
        let types = prop::collection::btree_map(names, prop::collection::btree_map("@[a-c]:b", entry, 1..3), 1..3);
        prop::collection::btree_map("\\$[a-c]", types, 1..3).prop_map(|events| json!(events))
    }
}
