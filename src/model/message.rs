//! A message: what it says, what it belongs to, and what people made of it.

use super::{EventId, Line, Media, Poll, ReactionKey, SafeText, Timestamp, UserId};

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id; `None` while it is only a local echo.
    pub event_id: Option<EventId>,
    /// Who sent it.
    pub sender: UserId,
    /// Their display name, or their id.
    pub sender_name: SafeText,
    /// When, by the sender's server; for a local echo, by this machine.
    pub at: Timestamp,
    /// Sent by this account, from any of its devices.
    pub own: bool,
    /// What it says.
    pub body: Body,
    /// Its text as it was typed, where this user can edit it.
    pub source: Option<SafeText>,
    /// Changed after sending.
    pub edited: bool,
    /// Whom its sender wanted to mention.
    pub mentions: Mentions,
    /// What it answers.
    pub reply_to: Option<InReplyTo>,
    /// The first message of the thread that it is in.
    pub thread_root: Option<EventId>,
    /// Reactions, by key.
    pub reactions: Vec<Reaction>,
    /// How far sending has come; always `Sent` for others' messages.
    pub send_state: SendState,
    /// It came in the clear, and the room is encrypted now; not by itself amiss where it was not
    /// then.
    pub in_clear: bool,
    /// Others whose read receipt stands at this message.
    pub read_by: Vec<ReadBy>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Text, with basic formatting.
    Text(Vec<Line>),
    /// `/me` does something.
    Emote(Vec<Line>),
    /// Said by a bot.
    Notice(Vec<Line>),
    /// A file, picture, voice message or the like.
    Media(Box<Media>),
    /// A place.
    Location(Location),
    /// A question with answers to choose from.
    Poll(Box<Poll>),
    /// Could not be decrypted, and why.
    Undecryptable(SafeText),
    /// Removed.
    Redacted,
    /// Of a type that this client does not know.
    Unsupported(Unsupported),
    /// Something that this client has no own way to show, as a sentence.
    Other(SafeText),
}

impl Body {
    /// One line of what it says, to be quoted in its answers.
    pub fn preview(&self) -> SafeText {
        match self {
            Self::Text(lines) | Self::Emote(lines) | Self::Notice(lines) => first_line(lines),
            Self::Media(media) => SafeText::line(&format!("{}: {}", media.kind.as_str(), media.name)),
            Self::Location(location) => SafeText::line(&format!("location: {}", location.name)),
            Self::Poll(poll) => poll.sentence(),
            Self::Undecryptable(_) => SafeText::line("could not be decrypted"),
            Self::Redacted => SafeText::line("removed"),
            Self::Unsupported(message) if message.body.is_empty() => message.sentence(),
            Self::Unsupported(message) => first_line(&message.body),
            Self::Other(text) => text.clone(),
        }
    }
}

/// The first line that shows something.
fn first_line(lines: &[Line]) -> SafeText {
    let mut texts = lines.iter().map(|line| line.spans.iter().map(|span| &*span.text).collect::<String>());
    SafeText::line(texts.find(|text| !text.trim().is_empty()).unwrap_or_default().trim())
}

/// A place, or where somebody is at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// What it is shown as: the URI, or what somebody calls the location that they share live.
    pub name: SafeText,
    /// Its `geo:` URI (RFC 5870), where one is known.
    pub geo_uri: Option<SafeText>,
    /// What it is called.
    pub caption: Vec<Line>,
}

/// A message of a type that this client does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Its `msgtype`, or the type of the event.
    pub kind: SafeText,
    /// The same in plain text, for whoever does not know the type; empty where that shows nothing.
    pub body: Vec<Line>,
}

impl Unsupported {
    /// What is said in its place where it has no text.
    pub fn sentence(&self) -> SafeText {
        SafeText::line(&format!("unsupported message: {}", self.kind))
    }
}

/// Whom a message is to be brought to the notice of (`m.mentions`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// People.
    pub users: Vec<UserId>,
    /// Everybody in the room, if the sender may do that.
    pub room: bool,
    /// Somebody else mentions this user: they are among the above, or their push rules said so when
    /// the message came, which also know who may mention the room, and keywords.
    pub this_user: bool,
}

/// What a message answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InReplyTo {
    /// The message that is answered.
    pub event_id: EventId,
    /// Who sent it; `None` as long as it is not there.
    pub sender: Option<UserId>,
    /// When it was sent; `None` as long as it is not there.
    pub at: Option<Timestamp>,
    /// Their display name or id; empty as long as it is not there.
    pub sender_name: SafeText,
    /// One line of what it says, or why it is not there.
    pub preview: SafeText,
}

/// A new message that is not sent yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComposerDraft {
    /// Its text, as it is typed.
    pub text: String,
    /// The message that it answers.
    pub reply_to: Option<EventId>,
}

impl From<&str> for ComposerDraft {
    /// One that answers nothing.
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), reply_to: None }
    }
}

/// All reactions on a message that have the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// What has to be sent to agree. Keys that look the same may differ.
    pub key: ReactionKey,
    /// The emoji or text.
    pub text: SafeText,
    /// Whose they are, the oldest first.
    pub senders: Vec<UserId>,
    /// This user is among them.
    pub own: bool,
}

/// How far sending an own message has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendState {
    /// In the send queue.
    Waiting,
    /// Refused or given up, and why; kept until it is retried or discarded.
    Failed(SafeText),
    /// On the server.
    Sent,
}

/// A read receipt at a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBy {
    /// Whose.
    pub user_id: UserId,
    /// When, where known.
    pub at: Option<Timestamp>,
}
