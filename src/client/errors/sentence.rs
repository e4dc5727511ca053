//! SDK errors as short plain sentences: the error codes of the Matrix spec ('Standard error
//! response') in words, then what the server itself says.

use std::time::{Duration, SystemTime};

use matrix_sdk::{
    Error, HttpError, QueueWedgeError, RefreshTokenError,
    authentication::oauth::{
        OAuthError,
        error::{BasicErrorResponseType, RequestTokenError},
    },
    event_cache::EventCacheError,
    ruma::api::error::{Error as ApiError, ErrorBody, ErrorKind, RetryAfter},
    send_queue::{RoomSendQueueError, RoomSendQueueStorageError},
};
use matrix_sdk_base::Error as BaseError;
use matrix_sdk_ui::timeline::{Error as TimelineError, PaginationError, RedactError};

use super::{Unreachable, chain};
use crate::model::SafeText;

/// Whether that is true is found out elsewhere, and said there.
const NOT_KNOWN: &str = "The homeserver does not know this session at the moment";

/// What any failed call of the SDK means.
pub fn sentence(error: &Error) -> SafeText {
    match error {
        Error::Http(error) => http_sentence(error),
        Error::SendQueueWedgeError(error) => wedge_sentence(error),
        Error::OAuth(error) => match Unreachable::below(&**error) {
            Some(why) => unreachable_sentence(&why),
            None => said("The login server did not accept the request", &error.to_string()),
        },
        Error::Timeout => unreachable_sentence(&Unreachable::TimedOut),
        Error::Identifier(error) => said("This is no valid Matrix identifier", &error.to_string()),
        Error::AuthenticationRequired => said("You are not logged in", ""),
        Error::UnknownError(error) if is_no_encryption(&error.to_string()) => encryption_not_understood(),
        Error::StateStore(_)
        | Error::EventCacheStore(_)
        | Error::MediaStore(_)
        | Error::CryptoStoreError(_)
        | Error::CrossProcessLockError(_)
        | Error::Io(_) => not_kept(error),
        error => said("It did not work", &error.to_string()),
    }
}

/// What a failed request means.
pub fn http_sentence(error: &HttpError) -> SafeText {
    if let Some(why) = Unreachable::from_http(error) {
        return unreachable_sentence(&why);
    }
    if let HttpError::Cached(error) = error {
        return http_sentence(error);
    }
    match error.as_client_api_error() {
        Some(error) => api_sentence(error),
        None if error.as_uiaa_response().is_some() => said("The homeserver wants you to prove first who you are", ""),
        None if is_refusal(error) => said(NOT_KNOWN, ""),
        None if let HttpError::RefreshToken(error) = error => refresh_sentence(error),
        None => said("The homeserver's answer makes no sense", &chain::root(error).to_string()),
    }
}

const NOT_ALLOWED: &str = "The homeserver does not allow this";

/// Why the send queue gave a message up.
pub fn wedge_sentence(error: &QueueWedgeError) -> SafeText {
    match error {
        QueueWedgeError::InsecureDevices { .. } => {
            said("Somebody in the room has devices that they have not verified", "")
        }
        QueueWedgeError::IdentityViolations { .. } => {
            said("Somebody you had verified has a new identity; verify them again", "")
        }
        QueueWedgeError::CrossVerificationRequired => said("Verify this device first", ""),
        QueueWedgeError::MissingMediaContent => said("The file is no longer there; attach it again", ""),
        QueueWedgeError::InvalidMimeType { mime_type } => said("The file's type is not understood", mime_type),
        QueueWedgeError::GenericApiError { msg } if is_no_encryption(msg) => encryption_not_understood(),
        QueueWedgeError::GenericApiError { msg } => match msg.split_once("[403 / M_FORBIDDEN]") {
            // Of a message that failed before its timeline was opened, only this text is left.
            Some((_, why)) => said(NOT_ALLOWED, why.trim()),
            None => said("The homeserver did not take it", msg),
        },
    }
}

/// The SDK knows that a room is encrypted, and not how: see `client::sending`. What it says then
/// depends on how it was built.
pub(super) fn is_no_encryption(text: &str) -> bool {
    let error = BaseError::EncryptionNotEnabled;
    text.contains(&error.to_string()) || text.contains(&format!("{error:?}"))
}

fn encryption_not_understood() -> SafeText {
    said(
        "This room's encryption is not understood, and nothing is sent in the clear where it was once switched on; \
         whoever runs the room can switch it on anew",
        "",
    )
}

/// Why a message could not even be put into the send queue.
pub fn queue_sentence(error: &RoomSendQueueError) -> SafeText {
    match error {
        RoomSendQueueError::RoomNotJoined => said("You are not in this room; join it first", ""),
        RoomSendQueueError::RoomDisappeared => said("The room is gone", ""),
        RoomSendQueueError::StorageError(error) => storage_sentence(error),
        RoomSendQueueError::FailedToCreateAttachment => said("The attachment could not be made; try it again", ""),
    }
}

/// Why the send queue could not be changed on disk.
pub fn storage_sentence(error: &RoomSendQueueStorageError) -> SafeText {
    not_kept(error)
}

/// Why something about the open timeline failed.
pub fn timeline_sentence(error: &TimelineError) -> SafeText {
    match error {
        TimelineError::PaginationError(PaginationError::NotSupported) => said("There is no way back from here", ""),
        TimelineError::PaginationError(PaginationError::EventCache(error)) | TimelineError::EventCacheError(error) => {
            cache_sentence(error)
        }
        TimelineError::SendQueueError(error) => queue_sentence(error),
        TimelineError::RedactError(RedactError::HttpError(error)) => http_sentence(error),
        error => said("It did not work", &chain::root(error).to_string()),
    }
}

fn cache_sentence(error: &EventCacheError) -> SafeText {
    match error {
        EventCacheError::PaginationError(error) => sentence(error),
        error => not_kept(error),
    }
}

fn not_kept(error: &(dyn std::error::Error + 'static)) -> SafeText {
    said("This machine could not keep it; is the disk full?", &chain::root(error).to_string())
}

/// An error whose own words are a sentence.
pub fn line(error: &impl std::fmt::Display) -> SafeText {
    SafeText::line(&error.to_string())
}

/// Whether the server does not know the token.
pub fn is_unknown_token(error: &Error) -> bool {
    matches!(error.client_api_error_kind(), Some(ErrorKind::UnknownToken(_)))
}

/// Whether the server says that it does not know this session (any more). It is asked again before
/// that is believed.
pub fn is_refusal(error: &HttpError) -> bool {
    match error {
        HttpError::Cached(error) => is_refusal(error),
        HttpError::RefreshToken(RefreshTokenError::RefreshTokenRequired) => true,
        // 401 for a token that is not known, 403 for one that was used.
        HttpError::RefreshToken(RefreshTokenError::MatrixAuth(error)) => {
            matches!(error.client_api_error_kind(), Some(ErrorKind::UnknownToken(_) | ErrorKind::Forbidden))
        }
        HttpError::RefreshToken(RefreshTokenError::OAuth(error)) => matches!(
            &**error,
            OAuthError::RefreshToken(RequestTokenError::ServerResponse(answer))
                if *answer.error() == BasicErrorResponseType::InvalidGrant
        ),
        error => matches!(error.client_api_error_kind(), Some(ErrorKind::UnknownToken(_))),
    }
}

/// Whether this says something about the session, and nothing about what was asked for: once the
/// session is right again, the same may be asked again.
pub fn is_of_session(error: &Error) -> bool {
    matches!(error, Error::Http(error) if is_refusal(error) || matches!(**error, HttpError::RefreshToken(_)))
}

/// Why new tokens could not be had.
fn refresh_sentence(error: &RefreshTokenError) -> SafeText {
    match error {
        RefreshTokenError::MatrixAuth(error) => http_sentence(error),
        RefreshTokenError::OAuth(error) => said("The login server did not renew this session", &error.to_string()),
        RefreshTokenError::RefreshTokenRequired => said(NOT_KNOWN, ""),
    }
}

/// How long the server wants us to wait, if it says so.
pub fn retry_after(error: &Error) -> Option<Duration> {
    match error.client_api_error_kind()? {
        ErrorKind::LimitExceeded(limit) => limit.retry_after.as_ref().map(wait),
        _ => None,
    }
}

pub(super) fn wait(retry_after: &RetryAfter) -> Duration {
    match retry_after {
        RetryAfter::Delay(wait) => *wait,
        RetryAfter::DateTime(until) => until.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO),
    }
}

/// How long the server wants us to wait, in seconds, rounded up.
pub(super) fn seconds(retry_after: &RetryAfter) -> Option<u64> {
    u64::try_from(wait(retry_after).as_millis().div_ceil(1000)).ok()
}

fn api_sentence(error: &ApiError) -> SafeText {
    let message = match &error.body {
        ErrorBody::Standard(body) => body.message.as_str(),
        ErrorBody::Json(_) | ErrorBody::NotJson { .. } => "",
    };
    let Some(kind) = error.error_kind() else {
        return said(&format!("The homeserver answered with status {}", error.status_code.as_u16()), message);
    };
    let plain = match kind {
        ErrorKind::Forbidden | ErrorKind::Unauthorized | ErrorKind::GuestAccessForbidden => NOT_ALLOWED,
        ErrorKind::NotFound => "The homeserver does not know this",
        ErrorKind::LimitExceeded(limit) => {
            return match limit.retry_after.as_ref().and_then(seconds) {
                Some(seconds) => said(&format!("Too fast for the homeserver; try again in {seconds} s"), message),
                None => said("Too fast for the homeserver; try again later", message),
            };
        }
        ErrorKind::TooLarge => "This is too large for the homeserver",
        ErrorKind::UnknownToken(_) | ErrorKind::MissingToken => NOT_KNOWN,
        ErrorKind::UserDeactivated => "This account is deactivated",
        ErrorKind::InviteBlocked => "This user takes no invites",
        ErrorKind::RoomInUse => "That address is taken; choose another",
        ErrorKind::BadAlias => "That address does not lead to this room",
        ErrorKind::UnsupportedRoomVersion | ErrorKind::IncompatibleRoomVersion(_) => {
            "The homeserver does not know this room's version"
        }
        ErrorKind::UnableToAuthorizeJoin | ErrorKind::UnableToGrantJoin => {
            "The homeserver cannot tell whether you may join"
        }
        ErrorKind::ResourceLimitExceeded(_) => "The homeserver has reached its own limit",
        ErrorKind::ConnectionFailed | ErrorKind::ConnectionTimeout => "The other server cannot be reached",
        ErrorKind::Unrecognized => "The homeserver cannot do this",
        ErrorKind::InvalidUsername
        | ErrorKind::InvalidParam
        | ErrorKind::MissingParam
        | ErrorKind::BadJson
        | ErrorKind::NotJson => "The homeserver does not accept this",
        kind => return said(&format!("The homeserver answered {}", kind.errcode()), message),
    };
    said(plain, message)
}

fn unreachable_sentence(why: &Unreachable) -> SafeText {
    SafeText::line(&format!("Cannot reach the homeserver: {why}. {}", why.hint()))
}

/// Our words, then theirs, with one full stop at the end.
fn said(plain: &str, theirs: &str) -> SafeText {
    match theirs.trim().trim_end_matches('.') {
        "" => SafeText::line(&format!("{plain}.")),
        theirs => SafeText::line(&format!("{plain}: {theirs}.")),
    }
}
