//! What a message says: the SDK's content in, [`Body`] out.
//!
//! **Problem.** Content is written by strangers' clients: formatted in HTML or not, named twice or
//! not at all, of types this client has never heard of. The rest of the program wants lines of safe
//! text and a word for what it is.
//!
//! **Why this way.** Every string passes through [`SafeText`] here, on its way into the model, and
//! nothing is dropped in silence: what cannot be shown is named ([`Body::Other`]), what cannot be
//! read says why ([`Body::Undecryptable`]).
//!
//! **How.** [`body`] takes message-like content; `content/html.rs` turns `formatted_body` into
//! styled lines and `content/state.rs` turns changes of the room into sentences.

mod html;
mod less;
mod link;
mod state;

pub use state::{membership, profile, state};

use matrix_sdk::ruma::events::room::message::{FormattedBody, MessageFormat, MessageType};
use matrix_sdk_base::crypto::types::events::UtdCause;
use matrix_sdk_ui::timeline::{EncryptedMessage, MsgLikeKind};

use serde::Deserialize;
use serde_json::Value;

use crate::model::{Body, Line, SafeText};

/// What a message-like item says.
pub fn body(kind: &MsgLikeKind) -> Body {
    match kind {
        MsgLikeKind::Message(message) => message_body(message.msgtype()),
        MsgLikeKind::Sticker(sticker) => {
            let sticker = sticker.content();
            file("sticker", &sticker.body, sticker.info.size.map(Into::into), Vec::new())
        }
        MsgLikeKind::Poll(poll) => Body::Other(SafeText::line(&format!("poll: {}", poll.results().question))),
        MsgLikeKind::Redacted => Body::Redacted,
        MsgLikeKind::UnableToDecrypt(message) => Body::Undecryptable(match message {
            EncryptedMessage::MegolmV1AesSha2 { cause, .. } => undecryptable(*cause),
            EncryptedMessage::OlmV1Curve25519AesSha2 { .. } | EncryptedMessage::Unknown => {
                SafeText::line("it is encrypted in a way that this program does not know")
            }
        }),
        MsgLikeKind::Other(other) => unsupported(&other.event_type().to_string()),
        MsgLikeKind::LiveLocation(location) => {
            file("location", location.description().unwrap_or("live location"), None, Vec::new())
        }
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
            let size = image.info.as_ref().and_then(|info| info.size).map(Into::into);
            file("image", image.filename(), size, caption(image.caption(), image.formatted_caption()))
        }
        MessageType::File(attached) => {
            let size = attached.info.as_ref().and_then(|info| info.size).map(Into::into);
            file("file", attached.filename(), size, caption(attached.caption(), attached.formatted_caption()))
        }
        MessageType::Video(video) => {
            let size = video.info.as_ref().and_then(|info| info.size).map(Into::into);
            file("video", video.filename(), size, caption(video.caption(), video.formatted_caption()))
        }
        MessageType::Audio(audio) => {
            let what = if audio.voice.is_some() { "voice message" } else { "audio" };
            let size = audio.info.as_ref().and_then(|info| info.size).map(Into::into);
            file(what, audio.filename(), size, caption(audio.caption(), audio.formatted_caption()))
        }
        MessageType::Location(location) => file("location", &location.geo_uri, None, lines(&location.body, None)),
        MessageType::VerificationRequest(_) => Body::Other(SafeText::line("a request to verify a device")),
        other if SafeText::block(other.body()).is_blank() => unsupported(other.msgtype()),
        // Every message says it in plain text too, for whoever does not know its type.
        other => Body::Text(lines(other.body(), None)),
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

/// A message of a type that this client cannot show.
pub fn unsupported(event_type: &str) -> Body {
    Body::Other(SafeText::line(&format!("unsupported message: {event_type}")))
}

/// One line of what a message says, to be quoted in its answers.
pub fn preview(body: &Body) -> SafeText {
    match body {
        Body::Text(lines) | Body::Emote(lines) | Body::Notice(lines) => {
            let mut texts = lines.iter().map(|line| line.spans.iter().map(|span| &*span.text).collect::<String>());
            SafeText::line(texts.find(|text| !text.trim().is_empty()).unwrap_or_default().trim())
        }
        Body::File { what, name, .. } => SafeText::line(&format!("{what}: {name}")),
        Body::Undecryptable(_) => SafeText::line("could not be decrypted"),
        Body::Redacted => SafeText::line("removed"),
        Body::Other(text) => text.clone(),
    }
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

fn file(what: &'static str, name: &str, size: Option<u64>, caption: Vec<Line>) -> Body {
    Body::File { what, name: SafeText::line(name).or(SafeText::line("(no name)")), size, caption }
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
