//! Everything the app can ask for: one closed list. `update` returns these; only the runtime
//! carries them out.

use crate::{client::request::Request, settings::Change};

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Something that the client does.
    Client(Request),
    /// End the program.
    Quit,
    /// Put the program to the background (Ctrl-Z).
    Suspend,
    /// Draw everything anew (Ctrl-L).
    Redraw,
    /// End the client, and start the demo in its place.
    TryDemo,
    /// Open an address in the browser.
    OpenUrl(String),
    /// Put a text into the clipboard, as far as the terminal lets it (OSC 52).
    Copy(String),
    /// Write a setting to `config.toml`; answered by `Event::Settings` or `Event::Failed`.
    SaveSetting(Change),
}

impl<T: Into<Request>> From<T> for Effect {
    fn from(request: T) -> Self {
        Self::Client(request.into())
    }
}
