//! Keeps the tokens: every pair is in the session file before whoever asked for it goes on.
//!
//! The SDK calls this from inside its refresh, and throws an error away. A pair that is not on disk
//! is lost with the program, and the one before it is dead by then; so what could not be written is
//! told, and written later.
//!
//! A file that somebody else has written since is newer than what is in memory.

use std::sync::{Mutex, PoisonError};

use matrix_sdk::{AuthSession, Client};
use tokio::sync::mpsc::UnboundedSender;

use super::vault::{Granted, State, Vault};
use crate::client::errors::SessionError;

/// See the module.
pub(in crate::client) struct Keeper {
    vault: Vault,
    /// The access token in the file, as it was last read or written here.
    written: Mutex<String>,
    /// Why a pair could not be written.
    troubles: UnboundedSender<SessionError>,
}

impl Keeper {
    /// Keeps what follows this session, which is in the file.
    pub(super) fn new(vault: Vault, session: &AuthSession, troubles: UnboundedSender<SessionError>) -> Self {
        Self { vault, written: Mutex::new(session.access_token().to_owned()), troubles }
    }

    /// Writes the client's tokens, unless the session is put away meanwhile.
    pub fn keep(&self, client: &Client) -> Result<(), SessionError> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked only now: whoever wrote before this may have written newer ones.
        let Some(session) = client.session() else { return Ok(()) };
        self.vault.change(|state| state.with(Granted::of(&session)))?;
        session.access_token().clone_into(&mut written);
        Ok(())
    }

    /// The same, from inside the SDK: a failure is told.
    pub fn keep_or_tell(&self, client: &Client) -> Result<(), SessionError> {
        self.keep(client).inspect_err(|error| {
            // Nobody listens only while the program ends.
            let _ = self.troubles.send(error.clone());
        })
    }

    /// Whether somebody else has written newer tokens.
    pub fn is_behind(&self) -> bool {
        let Ok(Some(record)) = self.vault.read() else { return false };
        let State::Active(granted) = record.state else { return false };
        granted.tokens.0.access_token != *self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
