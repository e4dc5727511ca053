//! `next_batch` and `since`.

use std::{fmt, str::FromStr};

use super::super::error::{Answer, invalid};

/// How far a device is, written `s7_3`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncToken {
    /// The position up to which it has been told everything.
    pub position: u64,
    /// The number of the last bundle of delivery receipts.
    pub bundle: u64,
}

impl fmt::Display for SyncToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "s{}_{}", self.position, self.bundle)
    }
}

/// What was given is no token.
#[derive(Debug, PartialEq, Eq)]
pub struct NoToken;

impl FromStr for SyncToken {
    type Err = NoToken;

    fn from_str(token: &str) -> Result<Self, NoToken> {
        let (position, bundle) = token.strip_prefix('s').and_then(|rest| rest.split_once('_')).ok_or(NoToken)?;
        let number = |digits: &str| digits.parse().map_err(|_| NoToken);
        Ok(Self { position: number(position)?, bundle: number(bundle)? })
    }
}

impl SyncToken {
    /// The token in a request's parameter; 400 `M_INVALID_PARAM` when it was not given out here, or
    /// not yet.
    pub fn given(parameter: Option<&str>, position: u64) -> Answer<Option<Self>> {
        let token = parameter.map(str::parse::<Self>).transpose();
        let token = token.ok().filter(|token| token.is_none_or(|token| token.position <= position));
        token.ok_or_else(|| invalid("This is no token of this homeserver's syncs"))
    }
}
