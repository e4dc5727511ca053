//! The log: what was told to others and what was withheld from them, and what they said that is not
//! believed.

use std::collections::HashMap;

use super::{Queries, room_name};
use crate::{
    app::event::Event,
    client::{ids, receipts::Context},
    delivery::ledger::Refused,
    model::{ReceiptLog, RoomId, SafeText},
};

impl Queries {
    /// Tells the views the log.
    pub fn tell_log(&self, context: &Context, refused: &Refused) {
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
        context.tell_view(Event::ReceiptLog(ReceiptLog { entries, not_believed: refused.not_believed() }));
    }

    /// Empties the log, and tells the views the empty one.
    pub fn empty_log(&self, context: &mut Context, refused: &Refused) {
        let emptied = context.store.empty_log();
        context.stored(emptied);
        self.tell_log(context, refused);
    }
}
