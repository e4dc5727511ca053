//! What kind of failure an error is, for those who decide by it: scripts, and whoever asked.

use matrix_sdk::{
    Error, HttpError, QueueWedgeError,
    event_cache::EventCacheError,
    ruma::api::error::{Error as ApiError, ErrorKind},
    send_queue::RoomSendQueueError,
};
use matrix_sdk_ui::timeline::{Error as TimelineError, PaginationError, RedactError};

use super::{
    Unreachable, is_refusal, sentence,
    sentence::{http_sentence, is_no_encryption, queue_sentence, timeline_sentence, wait},
};
use crate::client::reply::{Failure, FailureKind};

/// Any failed call of the SDK.
pub fn failure(error: &Error) -> Failure {
    Failure::new(kind(error), &sentence(error))
}

/// A failed request.
pub fn http_failure(error: &HttpError) -> Failure {
    Failure::new(http_kind(error), &http_sentence(error))
}

/// Something that could not be put into the send queue.
pub fn queue_failure(error: &RoomSendQueueError) -> Failure {
    let kind = match error {
        RoomSendQueueError::RoomNotJoined | RoomSendQueueError::RoomDisappeared => FailureKind::NotFound,
        RoomSendQueueError::StorageError(_) => FailureKind::Storage,
        RoomSendQueueError::FailedToCreateAttachment => FailureKind::BadInput,
    };
    Failure::new(kind, &queue_sentence(error))
}

/// Something about an open timeline.
pub fn timeline_failure(error: &TimelineError) -> Failure {
    let kind = match error {
        TimelineError::PaginationError(PaginationError::NotSupported) => FailureKind::Refused,
        TimelineError::PaginationError(PaginationError::EventCache(EventCacheError::PaginationError(error))) => {
            kind(error)
        }
        TimelineError::PaginationError(PaginationError::EventCache(_)) | TimelineError::EventCacheError(_) => {
            FailureKind::Storage
        }
        TimelineError::SendQueueError(error) => return queue_failure(error),
        TimelineError::RedactError(RedactError::HttpError(error)) => return http_failure(error),
        _ => FailureKind::Bug,
    };
    Failure::new(kind, &timeline_sentence(error))
}

fn kind(error: &Error) -> FailureKind {
    match error {
        Error::Http(error) => http_kind(error),
        Error::SendQueueWedgeError(error) => match &**error {
            QueueWedgeError::MissingMediaContent | QueueWedgeError::InvalidMimeType { .. } => FailureKind::BadInput,
            _ => FailureKind::Refused,
        },
        Error::OAuth(error) if Unreachable::below(&**error).is_some() => FailureKind::Offline,
        Error::OAuth(_) => FailureKind::Forbidden,
        Error::Timeout => FailureKind::Offline,
        Error::Identifier(_) => FailureKind::BadInput,
        Error::AuthenticationRequired => FailureKind::NoSession,
        Error::UnknownError(error) if is_no_encryption(&error.to_string()) => FailureKind::Refused,
        Error::StateStore(_)
        | Error::EventCacheStore(_)
        | Error::MediaStore(_)
        | Error::CryptoStoreError(_)
        | Error::CrossProcessLockError(_)
        | Error::Io(_) => FailureKind::Storage,
        _ => FailureKind::Bug,
    }
}

fn http_kind(error: &HttpError) -> FailureKind {
    if Unreachable::from_http(error).is_some() {
        return FailureKind::Offline;
    }
    match error {
        HttpError::Cached(error) => http_kind(error),
        error if is_refusal(error) => FailureKind::NoSession,
        error => match error.as_client_api_error() {
            Some(error) => api_kind(error),
            None if error.as_uiaa_response().is_some() => FailureKind::Forbidden,
            None => FailureKind::Server,
        },
    }
}

/// By the error code where there is one that is known, else by the status.
fn api_kind(error: &ApiError) -> FailureKind {
    match error.error_kind() {
        Some(ErrorKind::LimitExceeded(limit)) => {
            return FailureKind::RateLimited { retry_after: limit.retry_after.as_ref().map(wait) };
        }
        Some(ErrorKind::TooLarge) => return FailureKind::TooLarge,
        Some(
            ErrorKind::Forbidden
            | ErrorKind::Unauthorized
            | ErrorKind::GuestAccessForbidden
            | ErrorKind::UserDeactivated
            | ErrorKind::InviteBlocked,
        ) => return FailureKind::Forbidden,
        Some(ErrorKind::NotFound) => return FailureKind::NotFound,
        Some(ErrorKind::MissingToken | ErrorKind::UnknownToken(_)) => return FailureKind::NoSession,
        Some(
            ErrorKind::InvalidUsername
            | ErrorKind::InvalidParam
            | ErrorKind::MissingParam
            | ErrorKind::BadJson
            | ErrorKind::NotJson,
        ) => return FailureKind::BadInput,
        _ => {}
    }
    match error.status_code.as_u16() {
        401 | 403 => FailureKind::Forbidden,
        404 => FailureKind::NotFound,
        413 => FailureKind::TooLarge,
        429 => FailureKind::RateLimited { retry_after: None },
        400..=499 => FailureKind::Refused,
        _ => FailureKind::Server,
    }
}
