//! Error codes, proxies' pages, broken connections and full disks, each against its sentence.

use std::{fmt, io, sync::Arc};

use matrix_sdk::{
    Error, QueueWedgeError, RefreshTokenError,
    event_cache::EventCacheError,
    ruma::{
        api::error::{
            Error as ApiError, ErrorBody, FromHttpResponseError, LimitExceededErrorData, RetryAfter, StandardErrorBody,
            UnknownTokenErrorData,
        },
        assign,
        exports::http::StatusCode,
    },
    send_queue::RoomSendQueueError,
};
use matrix_sdk_ui::timeline::{Error as TimelineError, PaginationError};

use super::*;

fn answered(status: u16, kind: ErrorKind, message: &str) -> HttpError {
    let body = ErrorBody::Standard(StandardErrorBody::new(kind, message.to_owned()));
    FromHttpResponseError::Server(ApiError::new(StatusCode::from_u16(status).unwrap(), body)).into()
}

#[test]
fn a_spec_error_code_becomes_plain_words_and_then_the_servers_own() {
    let limit = |delay| {
        let mut limit = LimitExceededErrorData::new();
        limit.retry_after = Some(RetryAfter::Delay(std::time::Duration::from_millis(delay)));
        ErrorKind::LimitExceeded(limit)
    };
    for (status, kind, message, expected) in [
        (403, ErrorKind::Forbidden, "You are not invited.", "The homeserver does not allow this: You are not invited."),
        (404, ErrorKind::NotFound, "", "The homeserver does not know this."),
        (429, limit(2001), "", "Too fast for the homeserver; try again in 3 s."),
        (413, ErrorKind::TooLarge, "100 MB", "This is too large for the homeserver: 100 MB."),
        (
            401,
            ErrorKind::UnknownToken(UnknownTokenErrorData::new()),
            "",
            "The homeserver does not know this session at the moment.",
        ),
        (400, ErrorKind::Unknown, "Oh", "The homeserver answered M_UNKNOWN: Oh."),
        (404, ErrorKind::Unrecognized, "", "The homeserver cannot do this."),
    ] {
        let error = answered(status, kind, message);
        assert_eq!(http_sentence(&error).as_str(), expected);
        assert_eq!(sentence(&error.into()).as_str(), expected);
    }
}

#[test]
fn a_failed_refresh_is_a_refusal_only_when_the_token_is_refused() {
    let unknown = || ErrorKind::UnknownToken(UnknownTokenErrorData::new());
    let refresh = |error: HttpError| HttpError::RefreshToken(RefreshTokenError::MatrixAuth(Arc::new(error)));
    assert!(is_refusal(&answered(401, unknown(), "")));
    assert!(is_refusal(&refresh(answered(401, unknown(), ""))));
    assert!(is_refusal(&refresh(answered(403, ErrorKind::Forbidden, "used"))));
    assert!(is_refusal(&HttpError::RefreshToken(RefreshTokenError::RefreshTokenRequired)));
    for (error, sentence) in [
        (answered(500, ErrorKind::Unknown, "Oh"), "The homeserver answered M_UNKNOWN: Oh."),
        (answered(404, ErrorKind::Unrecognized, ""), "The homeserver cannot do this."),
        (answered(502, ErrorKind::NotJson, ""), "The homeserver does not accept this."),
    ] {
        let error = refresh(error);
        assert!(!is_refusal(&error), "{error}");
        assert_eq!(http_sentence(&error).as_str(), sentence);
        assert!(is_of_session(&error.into()), "what was asked for is not what failed");
    }
    assert!(!is_refusal(&answered(403, ErrorKind::Forbidden, "You are not invited.")));
    assert!(!is_of_session(&answered(403, ErrorKind::Forbidden, "You are not invited.").into()));
}

#[test]
fn a_failed_page_of_the_timeline_is_told_as_the_request_that_failed() {
    let request: Error = answered(403, ErrorKind::Forbidden, "").into();
    let page = EventCacheError::PaginationError(Arc::new(request));
    let error = TimelineError::PaginationError(PaginationError::EventCache(page));
    assert_eq!(timeline_sentence(&error).as_str(), "The homeserver does not allow this.");
}

#[test]
fn the_error_page_of_a_proxy_is_told_by_its_status_alone() {
    let body = ErrorBody::Json(serde_json::json!({ "html": "<h1>" }));
    let error: HttpError = FromHttpResponseError::Server(ApiError::new(StatusCode::BAD_GATEWAY, body)).into();
    assert_eq!(http_sentence(&error).as_str(), "The homeserver answered with status 502.");
}

#[test]
fn a_room_that_is_encrypted_in_no_way_that_is_known_is_told_in_words() {
    let now: matrix_sdk::Error = matrix_sdk_base::Error::EncryptionNotEnabled.into();
    let later = QueueWedgeError::from(&now);
    for told in [sentence(&now), wedge_sentence(&later)] {
        assert!(
            told.starts_with("This room's encryption is not understood, and nothing is sent in the clear"),
            "{told}"
        );
    }
}

/// An error with a source, as hyper makes them.
#[derive(Debug)]
struct Layer(&'static str, io::Error);

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl StdError for Layer {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.1)
    }
}

#[test]
fn the_reason_for_no_answer_is_found_at_the_bottom_of_the_chain() {
    let lookup = |text: &str| Layer("dns error", io::Error::other(format!("failed to lookup address: {text}")));
    let connect = |kind: io::ErrorKind| Layer("tcp connect error", kind.into());
    let tls = |kind, text: &'static str| Layer("client error (Connect)", io::Error::new(kind, text));
    for (error, expected) in [
        (lookup("Name or service not known"), Unreachable::NoSuchHost),
        (lookup("nodename nor servname provided, or not known"), Unreachable::NoSuchHost),
        (lookup("Temporary failure in name resolution"), Unreachable::NoNetwork),
        (connect(io::ErrorKind::ConnectionRefused), Unreachable::Refused),
        (connect(io::ErrorKind::TimedOut), Unreachable::TimedOut),
        (connect(io::ErrorKind::NetworkUnreachable), Unreachable::NoNetwork),
        (
            tls(io::ErrorKind::InvalidData, "invalid peer certificate: Expired"),
            Unreachable::Tls(SafeText::line("invalid peer certificate: Expired")),
        ),
        (tls(io::ErrorKind::UnexpectedEof, "tls handshake eof"), Unreachable::Tls(SafeText::line("tls handshake eof"))),
        (tls(io::ErrorKind::ConnectionReset, "reset by peer"), Unreachable::Broken(SafeText::line("reset by peer"))),
    ] {
        assert_eq!(Unreachable::from_causes(&error), expected, "{error:?}");
    }
}

#[test]
fn the_kind_of_a_login_failure_tells_a_refusal_from_a_dead_network() {
    let host = SafeText::line("example.org");
    let kind = |error: &HttpError, method| LoginError::from_http(error, &host, method).kind();
    assert_eq!(kind(&answered(403, ErrorKind::Forbidden, ""), LoginMethod::Password), FailureKind::Forbidden);
    let unreachable = LoginError::Unreachable { host: host.clone(), why: Unreachable::NoNetwork };
    assert_eq!(unreachable.kind(), FailureKind::Offline);
    assert_eq!(
        unreachable.to_string(),
        "Cannot reach example.org: there seems to be no network. Check your connection and try again."
    );
    assert_eq!(LoginError::NotMatrix(host.clone()).kind(), FailureKind::NotFound);
    // Only what the user typed can be a wrong password.
    let refused = LoginError::from_http(&answered(403, ErrorKind::Forbidden, "Bad token"), &host, LoginMethod::Sso);
    assert_eq!(refused.to_string(), "example.org did not log you in. The homeserver does not allow this: Bad token.");
}

#[test]
fn a_disk_failure_says_what_to_do() {
    for (kind, hint) in [
        (io::ErrorKind::StorageFull, "Free some space and try again."),
        (io::ErrorKind::ReadOnlyFilesystem, "Choose a folder that can be written to, with --data-dir."),
        (io::ErrorKind::PermissionDenied, "Make it yours and writable, or choose another folder with --data-dir."),
    ] {
        let error = SessionError::disk(Path::new("/there/key"), &kind.into()).to_string();
        assert!(error.starts_with("Cannot use /there/key: ") && error.ends_with(hint), "{error}");
    }
}

#[test]
fn a_database_that_another_program_holds_is_not_called_broken() {
    let busy = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None);
    let error = SessionError::building(Path::new("/there"), &busy).to_string();
    assert!(error.starts_with("Another program holds the databases in /there."), "{error}");
}

#[test]
fn whoever_asked_can_decide_by_the_kind_of_a_failure() {
    let limit = |retry_after| ErrorKind::LimitExceeded(assign!(LimitExceededErrorData::new(), { retry_after }));
    let wait = Duration::from_secs(7);
    let table = [
        (answered(403, ErrorKind::Forbidden, ""), FailureKind::Forbidden),
        (answered(404, ErrorKind::NotFound, ""), FailureKind::NotFound),
        (answered(413, ErrorKind::TooLarge, ""), FailureKind::TooLarge),
        (answered(429, limit(Some(RetryAfter::Delay(wait))), ""), FailureKind::RateLimited { retry_after: Some(wait) }),
        (answered(429, limit(None), ""), FailureKind::RateLimited { retry_after: None }),
        (answered(401, ErrorKind::UnknownToken(UnknownTokenErrorData::new()), ""), FailureKind::NoSession),
        (answered(400, ErrorKind::InvalidParam, ""), FailureKind::BadInput),
        (answered(409, ErrorKind::RoomInUse, ""), FailureKind::Refused),
        (answered(404, ErrorKind::Unrecognized, ""), FailureKind::NotFound),
        (answered(500, ErrorKind::Unknown, ""), FailureKind::Server),
    ];
    for (error, expected) in table {
        let sentence = http_sentence(&error);
        assert_eq!(http_failure(&error), Failure::new(expected, &sentence), "{error:?}");
        assert_eq!(failure(&error.into()), Failure::new(expected, &sentence));
    }
    assert_eq!(failure(&Error::Timeout).kind, FailureKind::Offline);
    assert_eq!(failure(&Error::AuthenticationRequired).kind, FailureKind::NoSession);
    assert_eq!(failure(&Error::Io(io::ErrorKind::StorageFull.into())).kind, FailureKind::Storage);
    assert_eq!(queue_failure(&RoomSendQueueError::RoomNotJoined).kind, FailureKind::NotFound);
    assert_eq!(failure(&Error::NoOlmMachine).kind, FailureKind::Bug);
}

#[test]
fn a_message_that_was_not_allowed_says_the_same_after_a_restart() {
    let msg = "the server returned an error: [403 / M_FORBIDDEN] You may not.".to_owned();
    let sentence = wedge_sentence(&QueueWedgeError::GenericApiError { msg });
    assert_eq!(sentence.as_str(), "The homeserver does not allow this: You may not.");
}
