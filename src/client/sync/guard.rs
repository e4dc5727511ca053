//! What a sync does after a failure, of whatever kind: it waits, longer each time, and gives up an
//! answer that it never gets past.
//!
//! A failure that lies in the network or in the server passes by itself. One that lies in what an
//! answer says does not: asked again, the server says the same. The SDK's own offline mode makes no
//! difference between them, and asks again at once when `/versions` is answered, fifty times a
//! second for as long as the answer stays as it is; so it is not used.

use std::time::Duration;

use matrix_sdk::{
    Error, HttpError,
    ruma::api::error::{ErrorKind, FromHttpResponseError},
};
use matrix_sdk_ui::{
    encryption_sync_service::Error as EncryptionError, room_list_service::Error as ListError,
    sync_service::Error as SyncError,
};
use tokio::time::Instant;

use crate::{
    client::{backoff::Backoff, errors},
    model::SafeText,
};

/// Pauses between attempts.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// After so long without a failure, the next one is the first again. One half of a sliding sync can
/// be well all the time while the other fails, so an answer alone proves nothing; this is more than
/// the longest pause and the longest request.
const CALM: Duration = Duration::from_mins(2);
/// An answer that failed so often is taken for one that always will.
const ENOUGH: u32 = 3;

/// Where a failure lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// In the network or the server: it passes.
    Elsewhere,
    /// The server has forgotten the sliding connection, as it may: a new one is begun.
    Forgotten,
    /// Perhaps in what the answer says, or the server refuses to answer.
    Answer,
    /// In an event of the answer, which the SDK has stored.
    Event,
}

impl Cause {
    /// Where this error lies.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::SerdeJson(_) => Self::Event,
            error if error.client_api_error_kind() == Some(&ErrorKind::UnknownPos) => Self::Forgotten,
            Error::Http(error) => Self::of_http(error),
            Error::StateStore(_)
            | Error::EventCacheStore(_)
            | Error::MediaStore(_)
            | Error::CryptoStoreError(_)
            | Error::CrossProcessLockError(_)
            | Error::Io(_)
            | Error::Timeout
            | Error::OAuth(_)
            | Error::AuthenticationRequired => Self::Elsewhere,
            _ => Self::Answer,
        }
    }

    fn of_http(error: &HttpError) -> Self {
        match error {
            HttpError::Api(error) if matches!(**error, FromHttpResponseError::Deserialization(_)) => Self::Answer,
            HttpError::Cached(error) => Self::of_http(error),
            // The server does not have this kind of sync any more, or not as the SDK asks for it.
            error => match error.as_client_api_error().map(|error| error.status_code.as_u16()) {
                Some(400 | 404 | 405) => Self::Answer,
                _ => Self::Elsewhere,
            },
        }
    }
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Try again after this.
    Again(Duration),
    /// This will not pass.
    Stuck,
}

/// What went wrong so far with one way to sync.
pub(super) struct Guard {
    pause: Backoff,
    last: Option<Instant>,
    in_answers: u32,
}

impl Guard {
    /// Nothing has gone wrong yet.
    pub(super) fn new() -> Self {
        Self { pause: PAUSE, last: None, in_answers: 0 }
    }

    /// It failed.
    pub(super) fn failed(&mut self, cause: Cause, now: Instant) -> Verdict {
        let is_first = self.last.replace(now).is_none_or(|last| now - last > CALM);
        if is_first {
            *self = Self { last: self.last, ..Self::new() };
        }
        match cause {
            Cause::Forgotten if is_first => return Verdict::Again(Duration::ZERO),
            Cause::Answer | Cause::Event => self.in_answers += 1,
            Cause::Elsewhere | Cause::Forgotten => {}
        }
        if cause == Cause::Event || self.in_answers >= ENOUGH {
            return Verdict::Stuck;
        }
        Verdict::Again(self.pause.next_delay())
    }

    /// It works. That ends a failure of the network; one of an answer may only be the other half's.
    pub(super) fn works(&mut self) {
        if self.in_answers == 0 {
            self.pause.reset();
        }
    }
}

/// The SDK's error at the bottom of one of the sync service.
pub(super) fn inner(error: &SyncError) -> Option<&Error> {
    match error {
        SyncError::RoomList(ListError::SlidingSync(error))
        | SyncError::EncryptionSync(
            EncryptionError::SlidingSync(error)
            | EncryptionError::LockError(error)
            | EncryptionError::ClientError(error),
        ) => Some(error),
        SyncError::RoomList(_) | SyncError::Supervisor => None,
    }
}

/// An error of the sync service in a sentence.
pub(super) fn sentence(error: &SyncError) -> SafeText {
    inner(error).map_or_else(|| errors::line(error), errors::sentence)
}

#[cfg(test)]
mod tests {
    use std::io;

    use matrix_sdk::ruma::{
        api::error::{Error as ApiError, ErrorBody},
        exports::http::StatusCode,
    };

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn json() -> serde_json::Error {
        serde_json::from_str::<u8>("{").unwrap_err()
    }

    #[test]
    fn whatever_fails_again_and_again_is_tried_less_and_less_often() {
        let (mut guard, mut now, mut pauses) = (Guard::new(), Instant::now(), Vec::new());
        for _ in 0..7 {
            let Verdict::Again(pause) = guard.failed(Cause::Elsewhere, now) else { panic!("a network comes back") };
            pauses.push(pause.as_secs());
            now += pause + SECOND;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        guard.works();
        assert_eq!(guard.failed(Cause::Elsewhere, now), Verdict::Again(SECOND));
    }

    #[test]
    fn an_answer_that_always_fails_is_given_up_though_the_other_half_works() {
        let (mut guard, now) = (Guard::new(), Instant::now());
        assert_eq!(guard.failed(Cause::Answer, now), Verdict::Again(SECOND));
        guard.works();
        assert_eq!(guard.failed(Cause::Elsewhere, now), Verdict::Again(2 * SECOND));
        assert_eq!(guard.failed(Cause::Answer, now), Verdict::Again(4 * SECOND));
        guard.works();
        assert_eq!(guard.failed(Cause::Answer, now), Verdict::Stuck);
    }

    #[test]
    fn a_failure_after_a_calm_time_is_the_first_one() {
        let (mut guard, now) = (Guard::new(), Instant::now());
        for _ in 1..ENOUGH {
            guard.failed(Cause::Answer, now);
        }
        assert_eq!(guard.failed(Cause::Answer, now + CALM + SECOND), Verdict::Again(SECOND));
    }

    #[test]
    fn an_event_that_the_sdk_has_stored_is_given_up_at_once() {
        assert_eq!(Guard::new().failed(Cause::Event, Instant::now()), Verdict::Stuck);
        assert_eq!(Cause::of(&Error::SerdeJson(json())), Cause::Event);
    }

    #[test]
    fn a_connection_that_was_forgotten_is_begun_anew_at_once_and_then_less_often() {
        let (mut guard, now) = (Guard::new(), Instant::now());
        let pauses = [(); 3].map(|()| guard.failed(Cause::Forgotten, now));
        assert_eq!(pauses, [Duration::ZERO, SECOND, 2 * SECOND].map(Verdict::Again));
    }

    #[test]
    fn a_disk_and_a_clock_are_no_fault_of_the_answer() {
        assert_eq!(Cause::of(&Error::Io(io::ErrorKind::StorageFull.into())), Cause::Elsewhere);
        assert_eq!(Cause::of(&Error::Timeout), Cause::Elsewhere);
        let answer = FromHttpResponseError::Deserialization(json().into());
        assert_eq!(Cause::of(&HttpError::Api(Box::new(answer)).into()), Cause::Answer);
        assert_eq!(Cause::of(&Error::InsufficientData), Cause::Answer);
        for (status, cause) in [(400, Cause::Answer), (404, Cause::Answer), (502, Cause::Elsewhere)] {
            let error = ApiError::new(StatusCode::from_u16(status).unwrap(), ErrorBody::Json(serde_json::Value::Null));
            let error = HttpError::from(FromHttpResponseError::Server(error));
            assert_eq!(Cause::of(&error.into()), cause, "{status}");
        }
    }
}
