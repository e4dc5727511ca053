//! Who is logged in, how to log in, and how the client stands to its homeserver.

use std::fmt;

use super::{RoomId, SafeText, UserId};

/// A password or key: never shown, not even by `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How this client stands to its homeserver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// The first answer is awaited.
    Connecting,
    /// Syncing.
    Online,
    /// Not reachable; it is tried again by itself. The reason is a sentence.
    Offline(SafeText),
}

/// A way to log in that a homeserver offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginMethod {
    /// User name and password.
    Password,
    /// Single sign-on in the browser (`m.login.sso`).
    Sso,
    /// OAuth 2.0 in the browser (Matrix 1.15).
    OAuth,
}

/// Who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user_id: UserId,
    /// This device's id, to show.
    pub device: SafeText,
    /// The homeserver, to show.
    pub homeserver: SafeText,
}

/// How to get into the demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// The homeserver's URL.
    pub homeserver: String,
    /// The user's name on it.
    pub user: String,
    /// Their password.
    pub password: Secret,
    /// The room with the tour.
    pub tour: RoomId,
}
