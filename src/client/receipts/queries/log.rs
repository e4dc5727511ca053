//! The log: what was told to others and what was withheld from them, and what they said that is not
//! believed.

use std::collections::HashMap;

use super::room_name;
use crate::{
    client::{
        ids,
        receipts::{Context, context::stored},
        reply::{Outcome, Reply},
    },
    delivery::ledger::Refused,
    model::{ReceiptLog, RoomId, SafeText},
};

/// The log as it is now.
pub(in crate::client::receipts) fn read(context: &Context, refused: &Refused) -> Outcome {
    let mut entries = stored(context.store.log())?;
    entries.retain(|entry| !context.is_own(&entry.person));
    let mut names: HashMap<RoomId, SafeText> = HashMap::new();
    for entry in &mut entries {
        let name = || {
            let room = ids::find_room(&context.client, &entry.room_id);
            room.map(|room| room_name(&room)).unwrap_or_default()
        };
        entry.room_name = names.entry(entry.room_id.clone()).or_insert_with(name).clone();
    }
    Ok(Reply::ReceiptLog(ReceiptLog { entries, not_believed: refused.not_believed() }))
}

/// Empties the log; gives the empty one.
pub(in crate::client::receipts) fn empty(context: &mut Context, refused: &Refused) -> Outcome {
    stored(context.store.empty_log())?;
    read(context, refused)
}
