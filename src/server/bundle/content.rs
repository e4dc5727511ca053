//! One response's receipts, put together.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use super::{
    ENTRIES,
    known::{KnownReceipts, Summary},
};
use crate::{
    delivery::receipt::{NATIVE_DEVICES, NATIVE_QUIET, NATIVE_SUMMARY},
    model::{EventId, RoomId},
    server::routing::Receipt,
};

/// The contents of one `m.receipt` per room.
pub(super) struct Contents<'a> {
    known: &'a KnownReceipts,
    summary_above: Option<u64>,
    rooms: BTreeMap<RoomId, Value>,
    entries: usize,
    summed_up: HashSet<EventId>,
}

impl<'a> Contents<'a> {
    pub(super) fn new(known: &'a KnownReceipts, summary_above: Option<u64>) -> Self {
        Self { known, summary_above, rooms: BTreeMap::new(), entries: 0, summed_up: HashSet::new() }
    }

    /// Adds a receipt; `false` when there is no room for it. One that a summary counts already
    /// takes none.
    pub(super) fn add(&mut self, receipt: &Receipt) -> bool {
        if self.summed_up.contains(&receipt.event_id) {
            return true;
        }
        if self.entries == ENTRIES {
            return false;
        }
        self.entries += 1;
        match self.summary_above.and_then(|limit| self.known.summary_above(limit, &receipt.event_id)) {
            Some(summary) => self.put_summary(receipt, summary),
            None => self.put(receipt),
        }
        true
    }

    fn put(&mut self, receipt: &Receipt) {
        let earliest = self.known.earliest(receipt);
        let ts = self.known.ts(receipt);
        let entry = &mut self.receipts_like(receipt)[receipt.claimant.as_str()];
        entry["ts"] = earliest.as_millis().into();
        if let Some(device) = &receipt.device_id {
            let named = &mut entry[NATIVE_DEVICES][device.as_str()];
            named["ts"] = ts.as_millis().into();
            if receipt.quiet {
                named[NATIVE_QUIET] = true.into();
            }
        }
    }

    fn put_summary(&mut self, receipt: &Receipt, Summary { users, devices, latest }: Summary) {
        self.summed_up.insert(receipt.event_id.clone());
        self.receipts_like(receipt)[NATIVE_SUMMARY] =
            json!({ "users": users, "devices": devices, "latest_ts": latest });
    }

    /// The receipts for the same event under the same name.
    fn receipts_like(&mut self, receipt: &Receipt) -> &mut Value {
        let content = self.rooms.entry(receipt.room_id.clone()).or_default();
        &mut content[receipt.event_id.as_str()][receipt.name.as_str()]
    }

    pub(super) fn into_rooms(self) -> BTreeMap<RoomId, Value> {
        self.rooms
    }
}

/// A room's content, its summaries first and then what names users; `None` where there is nothing
/// of a kind.
pub(super) fn apart(content: Value) -> (Option<Value>, Option<Value>) {
    let (mut summaries, mut users) = (Map::new(), Map::new());
    for (event, names) in into_map(content) {
        let (summed_up, named): (Map<_, _>, Map<_, _>) =
            into_map(names).into_iter().partition(|(_, receipts)| receipts.get(NATIVE_SUMMARY).is_some());
        for (kind, names) in [(&mut summaries, summed_up), (&mut users, named)] {
            if !names.is_empty() {
                kind.insert(event.clone(), names.into());
            }
        }
    }
    let some = |content: Map<String, Value>| (!content.is_empty()).then(|| content.into());
    (some(summaries), some(users))
}

fn into_map(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}
