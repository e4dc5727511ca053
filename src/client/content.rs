//! What a message says: the SDK's content in, [`Body`] out.
//!
//! **Problem.** Content is written by strangers' clients: formatted in HTML or not, named twice or
//! not at all, of types this client has never heard of. The rest of the program wants lines of safe
//! text, and all that it takes to act on it.
//!
//! **Why this way.** Every string passes through [`SafeText`] here, on its way into the model, or
//! becomes an identifier, which is kept as it came. Nothing is dropped in silence: what cannot be
//! shown is named ([`Body::Unsupported`]), what cannot be read says why ([`Body::Undecryptable`]).
//!
//! **How.** [`body`] takes message-like content; `content/html.rs` turns `formatted_body` into
//! styled lines, `content/media.rs` and `content/poll.rs` take files and polls, and
//! `content/state.rs` turns changes of the room into sentences.

mod html;
mod less;
mod link;
mod media;
mod poll;
mod state;

pub use state::{membership, profile, state};

use matrix_sdk::ruma::{
    OwnedEventId,
    events::room::message::{FormattedBody, MessageFormat, MessageType},
};
use matrix_sdk_base::crypto::types::events::UtdCause;
use matrix_sdk_ui::timeline::{EncryptedMessage, MsgLikeKind};

use serde::Deserialize;
use serde_json::Value;

use self::media::Info;
use crate::model::{Body, Line, Location, MediaKind, SafeText, Unsupported};

/// What a message-like item says.
pub fn body(kind: &MsgLikeKind) -> Body {
    match kind {
        MsgLikeKind::Message(message) => message_body(message.msgtype()),
        MsgLikeKind::Sticker(sticker) => {
            let sticker = sticker.content();
            let source = sticker.source.clone().into();
            media::media(MediaKind::Sticker, &sticker.body, Vec::new(), &source, Info::from(&sticker.info))
        }
        MsgLikeKind::Poll(poll) => Body::Poll(Box::new(poll::poll(poll))),
        MsgLikeKind::Redacted => Body::Redacted,
        MsgLikeKind::UnableToDecrypt(message) => Body::Undecryptable(match message {
            EncryptedMessage::MegolmV1AesSha2 { cause, .. } => undecryptable(*cause),
            EncryptedMessage::OlmV1Curve25519AesSha2 { .. } | EncryptedMessage::Unknown => {
                SafeText::line("it is encrypted in a way that this program does not know")
            }
        }),
        MsgLikeKind::Other(other) => unsupported(&other.event_type().to_string()),
        MsgLikeKind::LiveLocation(location) => Body::Location(Location {
            name: media::name(location.description().unwrap_or("live location")),
            geo_uri: location.latest_location().map(|latest| SafeText::line(latest.geo_uri())),
            caption: Vec::new(),
        }),
    }
}

/// What an `m.room.message` says.
pub fn message_body(message: &MessageType) -> Body {
    match message {
        MessageType::Text(text) => Body::Text(lines(&text.body, text.formatted.as_ref())),
        MessageType::Notice(text) => Body::Notice(lines(&text.body, text.formatted.as_ref())),
        MessageType::Emote(text) => Body::Emote(lines(&text.body, text.formatted.as_ref())),
        MessageType::ServerNotice(notice) => Body::Notice(lines(&notice.body, None)),
        MessageType::Image(image) => {
            let caption = caption(image.caption(), image.formatted_caption());
            media::media(MediaKind::Image, image.filename(), caption, &image.source, info(image.info.as_deref()))
        }
        MessageType::File(file) => {
            let caption = caption(file.caption(), file.formatted_caption());
            media::media(MediaKind::File, file.filename(), caption, &file.source, info(file.info.as_deref()))
        }
        MessageType::Video(video) => {
            let caption = caption(video.caption(), video.formatted_caption());
            media::media(MediaKind::Video, video.filename(), caption, &video.source, info(video.info.as_deref()))
        }
        MessageType::Audio(audio) => {
            let kind = if audio.voice.is_some() { MediaKind::VoiceMessage } else { MediaKind::Audio };
            let caption = caption(audio.caption(), audio.formatted_caption());
            let duration = audio.audio.as_ref().map(|audio| audio.duration);
            let info = info(audio.info.as_deref()).or_duration(duration);
            media::media(kind, audio.filename(), caption, &audio.source, info)
        }
        MessageType::Location(location) => Body::Location(Location {
            name: media::name(&location.geo_uri),
            geo_uri: Some(SafeText::line(&location.geo_uri)).filter(|uri| !uri.is_blank()),
            caption: lines(&location.body, None),
        }),
        MessageType::VerificationRequest(_) => Body::Other(SafeText::line("a request to verify a device")),
        // Every message says it in plain text too, for whoever does not know its type.
        other => Body::Unsupported(Unsupported {
            kind: SafeText::line(other.msgtype()),
            body: Some(lines(other.body(), None)).filter(|lines| !lines.iter().all(Line::is_blank)).unwrap_or_default(),
        }),
    }
}

/// Whether a person sees nothing of an `m.room.message` (P4).
pub fn shows_nothing(message: &MessageType) -> bool {
    match message_body(message) {
        Body::Text(lines) | Body::Notice(lines) | Body::Emote(lines) => lines.iter().all(Line::is_blank),
        _ => false,
    }
}

/// The same of an event that was not read yet, by its type and content: only messages can.
pub fn event_shows_nothing(kind: &str, content: &Value) -> bool {
    kind == "m.room.message" && MessageType::deserialize(content).is_ok_and(|message| shows_nothing(&message))
}

/// How an event relates to another one (`rel_type`), by its content.
pub fn relation(content: &Value) -> Option<&str> {
    content.pointer("/m.relates_to/rel_type").and_then(Value::as_str)
}

/// The root of the thread that an event is in, by its content.
pub fn thread_root(content: &Value) -> Option<OwnedEventId> {
    relation(content).filter(|relation| *relation == "m.thread")?;
    content.pointer("/m.relates_to/event_id")?.as_str()?.try_into().ok()
}

/// The text of an unsent message as it was typed: an emote's, too.
pub fn typed(kind: &MsgLikeKind) -> Option<SafeText> {
    match kind {
        MsgLikeKind::Message(message) => match message.msgtype() {
            MessageType::Emote(emote) => whole(&emote.body),
            message => source_of(message),
        },
        _ => None,
    }
}

/// The text as it was typed, where it can be edited: the plain body is the markdown that the
/// formatted one was made of. One that is too long to be kept whole is none, since it would be cut.
pub fn source(kind: &MsgLikeKind) -> Option<SafeText> {
    let MsgLikeKind::Message(message) = kind else { return None };
    source_of(message.msgtype())
}

/// The same of a message.
pub fn source_of(message: &MessageType) -> Option<SafeText> {
    let MessageType::Text(text) = message else { return None };
    whole(&text.body)
}

fn whole(body: &str) -> Option<SafeText> {
    let fits = body.len() < SafeText::BLOCK_BYTES && body.lines().count() < SafeText::BLOCK_LINES;
    fits.then(|| SafeText::block(body))
}

/// An event of a type that this client cannot show.
pub fn unsupported(event_type: &str) -> Body {
    Body::Unsupported(Unsupported { kind: SafeText::line(event_type), body: Vec::new() })
}

/// Why a message could not be decrypted, and what to do where something can be done.
pub fn undecryptable(cause: UtdCause) -> SafeText {
    SafeText::line(match cause {
        UtdCause::SentBeforeWeJoined => "it was sent before you joined the room",
        UtdCause::VerificationViolation => {
            "its sender was verified and has a new identity since: verify them again to read it"
        }
        UtdCause::UnsignedDevice => "the device that sent it is not verified by its owner",
        UtdCause::UnknownDevice => "the device that sent it is not known",
        UtdCause::HistoricalMessageAndBackupIsDisabled => {
            "it was sent before this device was logged in, and there is no key backup"
        }
        UtdCause::HistoricalMessageAndDeviceIsUnverified => {
            "it was sent before this device was logged in: verify this device to get its key from the backup"
        }
        UtdCause::WithheldForUnverifiedOrInsecureDevice => {
            "its sender gives the key to verified devices only: verify this device"
        }
        UtdCause::WithheldBySender => "its sender could or would not give the key to this device",
        UtdCause::Unknown => "its key has not arrived",
    })
}

fn info<'a, I>(info: Option<&'a I>) -> Info
where
    Info: From<&'a I>,
{
    info.map(Info::from).unwrap_or_default()
}

fn caption(plain: Option<&str>, formatted: Option<&FormattedBody>) -> Vec<Line> {
    plain.map(|plain| lines(plain, formatted)).unwrap_or_default()
}

/// The formatted body where it is HTML and shows no less than the plain one, else that. At least
/// one line.
fn lines(plain: &str, formatted: Option<&FormattedBody>) -> Vec<Line> {
    formatted
        .filter(|formatted| formatted.format == MessageFormat::Html)
        .and_then(|formatted| html::lines(&formatted.body))
        .filter(|lines| !less::shows_less(lines, plain))
        .unwrap_or_else(|| SafeText::lines(plain.trim_end_matches(['\r', '\n'])).into_iter().map(Line::plain).collect())
}

#[cfg(test)]
mod tests;
