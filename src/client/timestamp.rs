//! Moments, from the SDK's type to ours.

use matrix_sdk::ruma::MilliSecondsSinceUnixEpoch;

use crate::model::Timestamp;

pub(super) fn timestamp(at: MilliSecondsSinceUnixEpoch) -> Timestamp {
    Timestamp::from_millis(at.get().into())
}
