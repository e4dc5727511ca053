//! The people of a message that went to more than can be listed at once (L7), a page at a time.

use super::{EventId, PersonDelivery, Timestamp, UserId};

/// Which of the people of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PeopleFilter {
    /// Those with a device that counts and does not have it.
    #[default]
    Missing,
    /// All of them.
    Everybody,
}

/// Some of them, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeoplePage {
    /// The message.
    pub event_id: EventId,
    /// Of whom this is a page.
    pub filter: PeopleFilter,
    /// The person that these come after; nobody on the first page.
    pub after: Option<UserId>,
    /// They themselves.
    pub people: Vec<PersonDelivery>,
    /// Whether there are others after them.
    pub more: bool,
    /// How many there are on all pages.
    pub all: usize,
    /// When this was so.
    pub at: Timestamp,
}

impl PeoplePage {
    /// So many people are on a page, at most.
    pub const MOST: usize = 50;
}
