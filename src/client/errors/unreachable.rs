//! Why a server gave no answer at all.
//!
//! reqwest says `is_connect()` to everything from a misspelt name to an expired certificate. What
//! happened stands at the bottom of the chain, partly as an [`io::ErrorKind`] and partly only as
//! text: `getaddrinfo`'s failures have no kind, and 'no such name' calls for another remedy than
//! 'no network'.

use std::{error::Error, fmt, io};

use matrix_sdk::{HttpError, RefreshTokenError};

use super::chain;
use crate::model::SafeText;

/// Why there was no answer. `Display` is a clause without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// The name is not in the DNS.
    NoSuchHost,
    /// Names cannot be looked up, or there is no route.
    NoNetwork,
    /// Nothing listens there.
    Refused,
    /// Nothing came back in time.
    TimedOut,
    /// TLS failed, by this reason.
    Tls(SafeText),
    /// The connection broke, by this reason.
    Broken(SafeText),
}

impl Unreachable {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoSuchHost => "Check the spelling.",
            Self::NoNetwork => "Check your connection and try again.",
            Self::Refused => "Check the address and the port, or try again later.",
            Self::TimedOut => "Check the address and your connection, or try again later.",
            Self::Tls(_) => "Check the address; the server's certificate may be wrong or expired.",
            Self::Broken(_) => "Try again.",
        }
    }

    /// Whether, and why, this request got no answer.
    pub(super) fn from_http(error: &HttpError) -> Option<Self> {
        match error {
            HttpError::Reqwest(error) if error.is_timeout() => Some(Self::TimedOut),
            HttpError::Reqwest(error) => Some(Self::from_causes(error)),
            HttpError::Cached(error) | HttpError::RefreshToken(RefreshTokenError::MatrixAuth(error)) => {
                Self::from_http(error)
            }
            HttpError::RefreshToken(RefreshTokenError::OAuth(error)) => Self::below(&**error),
            _ => None,
        }
    }

    /// Whether, and why, a connection failed somewhere below this error.
    pub(super) fn below(error: &(dyn Error + 'static)) -> Option<Self> {
        chain::causes(error).any(<dyn Error>::is::<io::Error>).then(|| Self::from_causes(error))
    }

    /// The reason for a connection's failure.
    pub(super) fn from_causes(error: &(dyn Error + 'static)) -> Self {
        let lookup = chain::causes(error).any(|cause| cause.to_string().starts_with("dns error"));
        let root = chain::root(error).to_string();
        if lookup {
            // EAI_AGAIN and EAI_FAIL, as glibc, musl and macOS put them.
            let no_answer = ["Temporary failure", "Try again", "Non-recoverable"];
            return if no_answer.iter().any(|text| root.contains(text)) { Self::NoNetwork } else { Self::NoSuchHost };
        }
        for cause in chain::causes(error) {
            let Some(error) = cause.downcast_ref::<io::Error>() else { continue };
            match error.kind() {
                io::ErrorKind::ConnectionRefused => return Self::Refused,
                io::ErrorKind::TimedOut => return Self::TimedOut,
                io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkDown => {
                    return Self::NoNetwork;
                }
                // rustls hands over everything it finds wrong as `InvalidData`.
                io::ErrorKind::InvalidData => return Self::Tls(SafeText::line(&root)),
                io::ErrorKind::UnexpectedEof if root.contains("tls") => return Self::Tls(SafeText::line(&root)),
                _ => {}
            }
        }
        Self::Broken(SafeText::line(&root))
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchHost => f.write_str("there is no server of that name"),
            Self::NoNetwork => f.write_str("there seems to be no network"),
            Self::Refused => f.write_str("nothing accepts connections there"),
            Self::TimedOut => f.write_str("it does not answer"),
            Self::Tls(why) => write!(f, "no secure connection can be made ({why})"),
            Self::Broken(why) => write!(f, "the connection broke ({why})"),
        }
    }
}
