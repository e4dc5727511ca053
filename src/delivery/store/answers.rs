//! How people have ever answered: by device, or without naming one (L5).

use super::{
    Result, Store,
    disk::{Access, RowKey},
};
use crate::{delivery::ledger::Answers, model::UserId};

impl Store {
    /// How this person's devices answer (L5).
    pub fn answers(&self, user: &UserId) -> Result<Answers> {
        let disk = self.disk.read();
        for answers in [Answers::Named, Answers::Unnamed] {
            if disk.exists("SELECT 1 FROM answers WHERE key = ?1", [claimant(&disk, user, answers)])? {
                return Ok(answers);
            }
        }
        Ok(Answers::Never)
    }
}

/// The key of the row that says how a person answers: there is one for receipts that name a device,
/// and one for those that do not.
fn claimant(disk: &Access<'_>, user: &UserId, answers: Answers) -> RowKey {
    let kind = if answers == Answers::Named { "user" } else { "some device of" };
    disk.key(kind, &[user.as_str()])
}

/// This person has answered like this. Whether that is more than was known.
pub(super) fn note_answer(tx: &Access<'_>, user: &UserId, answers: Answers) -> Result<bool> {
    if answers == Answers::Unnamed
        && tx.exists("SELECT 1 FROM answers WHERE key = ?1", [claimant(tx, user, Answers::Named)])?
    {
        return Ok(false);
    }
    let row = [claimant(tx, user, answers)];
    Ok(tx.run("INSERT OR IGNORE INTO answers (key) VALUES (?1)", row)? > 0)
}
