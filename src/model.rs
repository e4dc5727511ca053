//! Plain data that all layers share.
//!
//! Nothing here does anything: no clock, no files, no network, no terminal. Identifiers keep what
//! the server sent, byte for byte, because they are compared and sent back; everything else that
//! came from the network is a [`SafeText`], whose only constructors make it safe for a terminal. So
//! a string that was not made safe cannot be put where it is drawn.

mod id;
mod mark;
mod media;
mod message;
mod overview;
mod people;
mod poll;
mod room;
mod session;
mod source;
mod text;
mod timeline;
mod timeline_id;
mod timestamp;
mod url;

pub use id::{DeviceId, EventId, MxcUri, PollAnswerId, ReactionKey, RoomId, TagName, UserId};
pub use mark::{
    Bridge, BridgeState, Delivery, DeviceDelivery, DeviceState, Mark, PersonDelivery, ReceiptStatus, Route, Tally,
};
pub use media::{Dimensions, Media, MediaKind, MediaSource, Thumbnail};
pub use message::{
    Body, ComposerDraft, InReplyTo, Location, Mentions, Message, Reaction, ReadBy, SendState, Unsupported,
};
pub use overview::{LogEntry, Logged, NotBelieved, PersonEligibility, ReceiptLog, Trace, Undelivered};
pub use people::{PeopleFilter, PeoplePage};
pub use poll::{Poll, PollAnswer, PollKind};
pub use room::{Ending, How, Membership, NotificationMode, RoomSummary, RoomTag, RoomType, Tag};
pub use session::{Account, Connection, Entrance, LoginMethod, Secret};
pub use source::EventSource;
pub use text::{Line, SafeText, Span, SpanStyle};
pub use timeline::{ItemKey, Pagination, TimelineChange, TimelineItem, TimelineItemKind};
pub use timeline_id::{TimelineFocus, TimelineId};
pub use timestamp::Timestamp;
pub use url::Url;
