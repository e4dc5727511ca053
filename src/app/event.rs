//! Everything that can happen to the app: one closed list.

use crate::{
    client::update::Update,
    delivery::policy::Settings,
    input::Key,
    model::{Entrance, SafeText},
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
    /// Delivery settings are now these (at start, and after a change was written).
    Settings(Settings),
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
