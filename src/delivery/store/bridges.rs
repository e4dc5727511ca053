//! What bridges said about own messages (PROTOCOL §4): a row for each message, which holds all that
//! was ever said.

use std::collections::BTreeSet;

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{Access, Result, Store, StoreError};
use crate::{
    delivery::ledger::BridgeReport,
    model::{BridgeState, EventId, SafeText, Timestamp, UserId},
};

/// The states by their names on disk.
const STATES: [(&str, BridgeState); 4] = [
    ("pending", BridgeState::Pending),
    ("retriable", BridgeState::Retriable),
    ("failed", BridgeState::Failed),
    ("sent", BridgeState::Sent),
];

/// The event is in the key.
#[derive(Serialize, Deserialize)]
struct BridgedRow {
    state: String,
    at: Timestamp,
    bot: String,
    why: String,
    reached: Option<BTreeSet<String>>,
}

impl BridgedRow {
    fn new(report: &BridgeReport) -> Self {
        let state = STATES.iter().find(|(_, state)| *state == report.state).map_or("pending", |(name, _)| name);
        let reached = report.reached.iter();
        Self {
            state: state.to_owned(),
            at: report.at,
            bot: report.bot.as_str().to_owned(),
            why: report.why.to_string(),
            reached: reached.map(|users| users.iter().map(|user| user.as_str().to_owned()).collect()).next(),
        }
    }

    fn into_report(self) -> Result<BridgeReport> {
        let state = STATES.iter().find(|(name, _)| *name == self.state).map(|(_, state)| *state);
        Ok(BridgeReport {
            state: state.ok_or(StoreError::Entry("no such state of a bridge"))?,
            at: self.at,
            bot: UserId::new(self.bot),
            why: SafeText::line(&self.why),
            reached: self.reached.map(|users| users.into_iter().map(UserId::new).collect()),
        })
    }
}

impl Store {
    /// What bridges said about an own message.
    pub fn bridged(&self, event: &EventId) -> Result<Option<BridgeReport>> {
        read(&self.disk.read(), event)
    }

    /// A bridge says this about an own message. Whether that changes anything (L3).
    pub fn report(&mut self, event: &EventId, report: &BridgeReport) -> Result<bool> {
        self.disk.write(|tx| {
            let before = read(tx, event)?;
            let merged = before.clone().into_iter().fold(report.clone(), BridgeReport::merge);
            if before.as_ref() == Some(&merged) {
                return Ok(false);
            }
            tx.run(
                "INSERT OR REPLACE INTO bridged (key, value) VALUES (?1, ?2)",
                params![tx.key("event", &[event.as_str()]), tx.seal(&BridgedRow::new(&merged))?],
            )?;
            Ok(true)
        })
    }
}

fn read(disk: &Access<'_>, event: &EventId) -> Result<Option<BridgeReport>> {
    let key = disk.key("event", &[event.as_str()]);
    let row: Option<BridgedRow> = disk.one("SELECT value FROM bridged WHERE key = ?1", [key])?;
    row.map(BridgedRow::into_report).transpose()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn l8_what_a_bridge_said_is_merged_and_comes_back() {
        let dir = TempDir::new().unwrap();
        let open = || Store::open(dir.path(), &[7; 32]).unwrap();
        let (event, bot) = (EventId::new("$own"), UserId::new("@bot:x"));
        for (state, at, reached) in [
            (BridgeState::Pending, 1, None),
            (BridgeState::Retriable, 2, None),
            (BridgeState::Failed, 3, None),
            (BridgeState::Sent, 4, Some(BTreeSet::new())),
            (BridgeState::Sent, 5, Some(BTreeSet::from([UserId::new("@ghost:x")]))),
        ] {
            let why = SafeText::line("words");
            let report = BridgeReport { state, at: Timestamp::from_millis(at), bot: bot.clone(), why, reached };
            assert!(open().report(&event, &report).unwrap());
            assert!(!open().report(&event, &report).unwrap(), "said twice");
            assert_eq!(open().bridged(&event).unwrap(), Some(report));
        }
        let late = BridgeReport {
            state: BridgeState::Pending,
            at: Timestamp::from_millis(9),
            bot,
            why: SafeText::default(),
            reached: None,
        };
        assert!(!open().report(&event, &late).unwrap());
        assert_eq!(open().bridged(&EventId::new("$other")).unwrap(), None);
    }
}
