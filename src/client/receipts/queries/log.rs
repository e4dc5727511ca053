//! The log: what was told to others and what was withheld from them, and what they said that is not
//! believed.

use std::collections::HashMap;

use super::room_name;
use crate::{
    client::update::Update,
    client::{ids, receipts::Context},
    delivery::ledger::Refused,
    model::{ReceiptLog, RoomId, SafeText},
};

/// Tells the views the log.
pub(in crate::client::receipts) fn tell(context: &Context, refused: &Refused) {
    let Some(mut entries) = context.stored(context.store.log()) else { return };
    entries.retain(|entry| !context.is_own(&entry.person));
    let mut names: HashMap<RoomId, SafeText> = HashMap::new();
    for entry in &mut entries {
        let name = || {
            let room = ids::find_room(&context.client, &entry.room_id);
            room.map(|room| room_name(&room)).unwrap_or_default()
        };
        entry.room_name = names.entry(entry.room_id.clone()).or_insert_with(name).clone();
    }
    context.tell_view(Update::ReceiptLog(ReceiptLog { entries, not_believed: refused.not_believed() }));
}

/// Empties the log, and tells the views the empty one.
pub(in crate::client::receipts) fn empty(context: &mut Context, refused: &Refused) {
    let emptied = context.store.empty_log();
    context.stored(emptied);
    tell(context, refused);
}
