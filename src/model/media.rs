//! Files that come with a message.
//!
//! All about them but the source is as their sender says: it can be shown, and not be relied on.

use std::time::Duration;

use super::{Line, MxcUri, SafeText, Secret};

/// A file that comes with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// Its file name; a sticker's description.
    pub name: SafeText,
    /// Its media type (RFC 6838), such as `image/png`.
    pub mimetype: Option<SafeText>,
    /// Bytes.
    pub size: Option<u64>,
    /// Of pictures and videos.
    pub dimensions: Option<Dimensions>,
    /// Of what can be heard.
    pub duration: Option<Duration>,
    /// A smaller picture of it.
    pub thumbnail: Option<Thumbnail>,
    /// Text sent along with it.
    pub caption: Vec<Line>,
    /// Where it is.
    pub source: MediaSource,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// Anything.
    File,
    /// A video.
    Video,
    /// Sound.
    Audio,
    /// Spoken into a microphone, as a message.
    VoiceMessage,
    /// A picture that is a message by itself.
    Sticker,
}

impl MediaKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::File => "file",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::VoiceMessage => "voice message",
            Self::Sticker => "sticker",
        }
    }
}

/// Width and height, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// Pixels from left to right.
    pub width: u64,
    /// Pixels from top to bottom.
    pub height: u64,
}

/// A smaller picture of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// Its media type.
    pub mimetype: Option<SafeText>,
    /// Bytes.
    pub size: Option<u64>,
    /// Width and height.
    pub dimensions: Option<Dimensions>,
    /// Where it is.
    pub source: MediaSource,
}

/// Where a file is, and how it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaSource {
    /// As it is.
    Plain(MxcUri),
    /// Encrypted.
    Encrypted {
        /// Where the ciphertext is.
        uri: MxcUri,
        /// The `EncryptedFile` (Matrix spec, 'Sending encrypted attachments') as JSON: key, hashes
        /// and, once more, where it is.
        file: Secret,
    },
}
