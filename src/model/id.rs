//! Identifiers, kept exactly as the server gave them.
//!
//! They are opaque (Matrix spec, appendices, 'Common Identifier Format'): compared, hashed and sent
//! back, never taken apart. `Display` shows them made safe for a terminal.

use std::{fmt, sync::Arc};

use super::SafeText;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the identifier as it came.
            pub fn new(id: impl AsRef<str>) -> Self {
                Self(Arc::from(id.as_ref()))
            }

            /// The identifier as it came: to compare and to send, not to show.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The identifier as it may be shown on a terminal.
            pub fn shown(&self) -> SafeText {
                SafeText::line(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.shown().as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

identifier!(
    /// A room: `!opaque:server`.
    RoomId
);
identifier!(
    /// An event: `$opaque`.
    EventId
);
identifier!(
    /// A user: `@localpart:server`.
    UserId
);
identifier!(
    /// One of a user's devices, as its homeserver names it.
    DeviceId
);
identifier!(
    /// A tag of a room that the spec does not know: `u.name`, or anything.
    TagName
);
identifier!(
    /// A file on a homeserver: `mxc://server/opaque`.
    MxcUri
);
identifier!(
    /// What a reaction says: any text, mostly an emoji.
    ReactionKey
);
identifier!(
    /// One of a poll's answers.
    PollAnswerId
);
