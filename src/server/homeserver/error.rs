//! The errors of the specification, in a word each.

use axum::http::StatusCode;
use ruma::api::{
    client::uiaa::UiaaResponse,
    error::{Error, ErrorBody, ErrorKind, StandardErrorBody, UnknownTokenErrorData},
};

/// What an endpoint answers; ruma's name for 'no' includes 'prove first who you are'.
pub type Answer<T> = Result<T, UiaaResponse>;

/// An error of the specification.
pub fn error(status: StatusCode, kind: ErrorKind, message: impl Into<String>) -> UiaaResponse {
    UiaaResponse::MatrixError(Error::new(status, ErrorBody::Standard(StandardErrorBody::new(kind, message.into()))))
}

/// 403 `M_FORBIDDEN`.
pub fn forbidden(message: impl Into<String>) -> UiaaResponse {
    error(StatusCode::FORBIDDEN, ErrorKind::Forbidden, message)
}

/// 401 `M_UNKNOWN_TOKEN`.
pub fn unknown_token() -> UiaaResponse {
    let kind = ErrorKind::UnknownToken(UnknownTokenErrorData::new());
    error(StatusCode::UNAUTHORIZED, kind, "Nobody is logged in with this token")
}

/// 400 `M_NOT_JSON`, or `M_BAD_JSON` for JSON that says something else than it should.
#[expect(clippy::needless_pass_by_value, reason = "so `map_err` takes it as it is")]
pub fn bad_json(why: serde_json::Error) -> UiaaResponse {
    let kind = if why.is_data() { ErrorKind::BadJson } else { ErrorKind::NotJson };
    error(StatusCode::BAD_REQUEST, kind, why.to_string())
}

/// 404 `M_NOT_FOUND`.
pub fn not_found(message: impl Into<String>) -> UiaaResponse {
    error(StatusCode::NOT_FOUND, ErrorKind::NotFound, message)
}

/// 400 `M_BAD_JSON`, for JSON that can be read and makes no sense.
pub fn senseless(message: impl Into<String>) -> UiaaResponse {
    error(StatusCode::BAD_REQUEST, ErrorKind::BadJson, message)
}

/// 400 `M_INVALID_PARAM`.
pub fn invalid(message: impl Into<String>) -> UiaaResponse {
    error(StatusCode::BAD_REQUEST, ErrorKind::InvalidParam, message)
}

/// 500 `M_UNKNOWN`: what cannot be, or was told to be.
pub fn failed(why: impl ToString) -> UiaaResponse {
    error(StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::Unknown, why.to_string())
}

/// 404 `M_UNRECOGNIZED`.
pub fn unrecognized() -> UiaaResponse {
    error(StatusCode::NOT_FOUND, ErrorKind::Unrecognized, "This homeserver has no such endpoint")
}

/// 413 `M_TOO_LARGE`.
pub fn too_large(message: impl Into<String>) -> UiaaResponse {
    error(StatusCode::PAYLOAD_TOO_LARGE, ErrorKind::TooLarge, message)
}
