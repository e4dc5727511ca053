//! Everything that can happen to the app: one closed list.

use crate::{
    client::update::Update,
    input::Key,
    model::{Entrance, SafeText},
    settings::Config,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The terminal has a new size (it is drawn anew).
    Resize,
    /// The terminal's window got or lost the focus.
    Focus(bool),
    /// The time that [`crate::app::App::next_wake`] asked for has come.
    Wake,
    /// What is being prepared.
    DemoDoing(SafeText),
    /// It is prepared: log in.
    DemoReady(Entrance),
    /// These settings are in force from now on: a change was written.
    Settings(Config),
    /// What the runtime was asked for failed: a sentence that says what to do.
    Failed(SafeText),
    /// The client tells something.
    Client(Update),
}

impl From<Update> for Event {
    fn from(update: Update) -> Self {
        Self::Client(update)
    }
}
