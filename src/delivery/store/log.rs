//! The log of receipts: what was told to whom and when, and what was withheld by which rule.
//!
//! It is there for the user alone, who is to see what their client reveals. What was sent is a row
//! each. What was withheld is rolled up: a row for each day, room, person and reason, so that a
//! thousand reactions of a stranger are one row that counts them. It is written together with what
//! it is about, kept for thirty days, bounded, and can be emptied.

use std::collections::HashMap;

use rusqlite::params;

use super::{
    Result, Store,
    disk::{Access, RowKey},
    rows::LogRow,
};
use crate::{
    delivery::receipt_queue::Entry,
    model::{LogEntry, Timestamp},
};

/// So many rows are kept; the oldest go first.
pub const LOG_ROWS: u32 = 10_000;
/// So many days a row is kept.
pub(super) const LOG_DAYS: u64 = 30;

impl Store {
    /// The log of receipts, the latest first. The rooms' names are not in it.
    pub fn log(&self) -> Result<Vec<LogEntry>> {
        let rows: Vec<LogRow> = self.disk.read().all("SELECT value FROM log ORDER BY rowid DESC", [])?;
        rows.iter().map(LogRow::to_entry).collect()
    }

    /// Forgets it.
    pub fn empty_log(&mut self) -> Result<()> {
        self.disk.write(|tx| {
            tx.run("DELETE FROM log", [])?;
            Ok(())
        })
    }
}

/// What one transaction adds to the log: those alike are summed up before they are written.
pub(super) struct LogBatch<'a> {
    tx: &'a Access<'a>,
    now: Timestamp,
    rows: Vec<(Option<RowKey>, LogRow)>,
    alike: HashMap<RowKey, usize>,
}

impl<'a> LogBatch<'a> {
    pub fn new(tx: &'a Access<'a>, now: Timestamp) -> Self {
        Self { tx, now, rows: Vec::new(), alike: HashMap::new() }
    }

    /// Adds a step, if it is one that belongs into the log.
    pub fn add(&mut self, entry: &Entry) {
        let Some(row) = LogRow::of(entry, self.now) else { return };
        let day = self.now.day().to_string();
        let key = row.alike().map(|[room, person, code]| self.tx.key("log", &[&day, room, person, code]));
        let alike = key.and_then(|key| self.alike.get(&key)).and_then(|at| self.rows.get_mut(*at));
        if let Some((_, before)) = alike {
            *before = row.after(before);
        } else {
            self.alike.extend(key.map(|key| (key, self.rows.len())));
            self.rows.push((key, row));
        }
    }

    /// Writes it. A row that stands there already is replaced by a new one, which is the latest
    /// then.
    pub fn write(self) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        for (key, mut row) in self.rows {
            let before: Option<LogRow> = self.tx.one("SELECT value FROM log WHERE key = ?1", [key])?;
            if let Some(before) = before {
                row = row.after(&before);
            }
            self.tx.run(
                "INSERT OR REPLACE INTO log (key, day, value) VALUES (?1, ?2, ?3)",
                params![key, self.now.day() + LOG_DAYS, self.tx.seal(&row)?],
            )?;
        }
        self.tx.run(
            "DELETE FROM log WHERE rowid <= (SELECT rowid FROM log ORDER BY rowid DESC LIMIT 1 OFFSET ?1)",
            [LOG_ROWS],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
