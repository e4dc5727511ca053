//! What a sender was told that it cannot be read, and what was no message when it could be: a trace
//! of each stays, for the user's eyes, and for the rule that such a sender is not told again for a
//! day (P1).

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{Result, STATUS_DAYS, Store, disk::Access, keys::status_key};
use crate::{
    delivery::receipt_queue::Entry,
    model::{EventId, RoomId, SafeText, Timestamp, Trace, UserId},
};

/// The room and the person are in the keys, too.
#[derive(Serialize, Deserialize)]
struct TraceRow {
    event: String,
    sender: String,
    sent: Timestamp,
    told: Timestamp,
}

impl Store {
    /// The traces in a room, by the time at which their messages were sent.
    pub fn traces(&self, room: &RoomId) -> Result<Vec<Trace>> {
        let disk = self.disk.read();
        let rows: Vec<TraceRow> =
            disk.all("SELECT value FROM traces WHERE room = ?1", [disk.key("room", &[room.as_str()])])?;
        let trace = |TraceRow { event, sender, sent, told }| Trace {
            event_id: EventId::new(event),
            sender: UserId::new(sender),
            sent,
            told,
            what: SafeText::default(),
        };
        let mut traces: Vec<Trace> = rows.into_iter().map(trace).collect();
        traces.sort_by_key(|trace| trace.sent);
        Ok(traces)
    }
}

/// When this person was last told something of the kind.
pub(super) fn last(disk: &Access<'_>, person: &UserId) -> Result<Option<Timestamp>> {
    let rows: Vec<TraceRow> =
        disk.all("SELECT value FROM traces WHERE person = ?1", [disk.key("user", &[person.as_str()])])?;
    Ok(rows.iter().map(|row| row.told).max())
}

/// What this is about was told then, and turned out to be no message.
pub(super) fn leave(tx: &Access<'_>, entry: &Entry, told: Timestamp, now: Timestamp) -> Result<()> {
    let (room, person, event) = (entry.room_id.as_str(), entry.sender.as_str(), entry.event_id.as_str());
    let row = TraceRow { event: event.to_owned(), sender: person.to_owned(), sent: entry.sent, told };
    tx.run(
        "INSERT OR IGNORE INTO traces (key, room, person, day, value) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            status_key(tx, room, event),
            tx.key("room", &[room]),
            tx.key("user", &[person]),
            now.day() + STATUS_DAYS,
            tx.seal(&row)?
        ],
    )?;
    Ok(())
}
