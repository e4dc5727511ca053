//! Where in a room's order somebody reads, as clients are told it.

use std::{fmt, str::FromStr};

use crate::server::homeserver::error::{Answer, invalid};

/// The gap before the event with this index, written `t7`: reading goes back from here with what is
/// before, and forward with what is after.
///
/// `/sync`'s `prev_batch`, and what `/messages`, `/context` and `/relations` give and take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(pub usize);

impl fmt::Display for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "t{}", self.0)
    }
}

/// What was given is no token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no token of this homeserver")]
pub struct NoToken;

impl FromStr for Token {
    type Err = NoToken;

    fn from_str(token: &str) -> Result<Self, NoToken> {
        token.strip_prefix('t').and_then(|place| place.parse().ok()).map(Self).ok_or(NoToken)
    }
}

impl Token {
    /// The token in a request's parameter; 400 `M_INVALID_PARAM` when it is none.
    pub fn given(parameter: Option<&str>) -> Answer<Option<Self>> {
        parameter.map(|token| token.parse().map_err(|why: NoToken| invalid(why.to_string()))).transpose()
    }
}
