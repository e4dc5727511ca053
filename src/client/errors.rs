//! What went wrong, with what, and what to do: every failure of the network, of the server and of
//! the disk as one or two plain sentences.
//!
//! The SDK's own error texts are written for its developers (`error sending request for url (…)`),
//! name no remedy, and may carry text of the server's. So nothing outside of this module shows an
//! SDK error by its `Display`: logging in has its own closed list ([`LoginError`],
//! [`SessionError`]), and everything else goes through [`sentence()`] and its siblings. A server's
//! text is always made safe for a terminal on the way.

mod chain;
mod failure;
mod hindrance;
mod sentence;
mod unreachable;

pub use failure::{failure, http_failure, queue_failure, timeline_failure};
pub use hindrance::Hindrance;
pub(super) use hindrance::SqliteError;
pub use sentence::{
    http_sentence, line, queue_sentence, sentence, storage_sentence, timeline_sentence, wedge_sentence,
};
pub(super) use sentence::{is_of_session, is_refusal, is_unknown_token, retry_after};
pub use unreachable::Unreachable;

use std::{error::Error as StdError, io, path::Path, time::Duration};

use crate::{
    client::reply::{Failure, FailureKind},
    model::{LoginMethod, SafeText},
};
use matrix_sdk::{
    HttpError,
    authentication::oauth::{
        OAuthError,
        error::{OAuthAuthorizationCodeError, OAuthDiscoveryError},
    },
    ruma::api::error::ErrorKind,
};

/// Why logging in failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// What was typed is no homeserver.
    #[error(
        "'{0}' is neither a server name nor a URL. Type a name such as matrix.org, or the homeserver's full address."
    )]
    Address(SafeText),
    /// What was typed is no user.
    #[error("'{0}' is no user name. Type the name alone, such as alice, or the full id, such as @alice:example.org.")]
    UserName(SafeText),
    /// No answer could be had.
    #[error("Cannot reach {host}: {why}. {}", why.hint())]
    Unreachable {
        /// Where.
        host: SafeText,
        /// Why not.
        why: Unreachable,
    },
    /// Something answered, but not a homeserver.
    #[error("{0} answers, but speaks no Matrix. Check the name, or type the homeserver's full address.")]
    NotMatrix(SafeText),
    /// There is a `.well-known` file, and it is no use.
    #[error("{0} has a broken /.well-known/matrix/client file. Type the homeserver's full address instead.")]
    BrokenWellKnown(SafeText),
    /// 429.
    #[error("{host} has seen too many attempts. Try again {}.", in_seconds(*.seconds))]
    RateLimited {
        /// Who says so.
        host: SafeText,
        /// How long to wait, when the server told.
        seconds: Option<u64>,
    },
    /// 403 to a password.
    #[error("Wrong user name or password. Check both and try again.")]
    WrongPassword,
    /// The account is closed.
    #[error("This account is deactivated. Ask the homeserver's administrator.")]
    Deactivated,
    /// The homeserver does not have this way to log in.
    #[error("{host} does not offer {}. Choose another way to log in.", method_name(*.method))]
    NotOffered {
        /// The homeserver.
        host: SafeText,
        /// What it does not have.
        method: LoginMethod,
    },
    /// The homeserver has no way to log in that is known here.
    #[error("{0} offers no way to log in that kvitto knows (password, single sign-on, OAuth).")]
    NothingOffered(SafeText),
    /// The user said no in the browser.
    #[error("The login was cancelled in the browser. Start it again when you are ready.")]
    BrowserCancelled,
    /// The browser came back with something else than a login.
    #[error("The login in the browser failed: {0}. Start it again.")]
    Browser(SafeText),
    /// The server said something else.
    #[error("{host} did not log you in. {why}")]
    Server {
        /// The homeserver.
        host: SafeText,
        /// A sentence.
        why: SafeText,
    },
    /// The session could not be kept on this machine.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl LoginError {
    /// What kind of failure it is; the program's exit code is made from it.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Unreachable { .. } => FailureKind::Offline,
            Self::RateLimited { seconds, .. } => {
                FailureKind::RateLimited { retry_after: seconds.map(Duration::from_secs) }
            }
            Self::WrongPassword | Self::Deactivated => FailureKind::Forbidden,
            Self::NotOffered { .. } | Self::NothingOffered(_) | Self::BrowserCancelled | Self::Browser(_) => {
                FailureKind::Refused
            }
            Self::Server { .. } => FailureKind::Server,
            Self::Address(_) | Self::UserName(_) => FailureKind::BadInput,
            Self::NotMatrix(_) | Self::BrokenWellKnown(_) => FailureKind::NotFound,
            Self::Session(_) => FailureKind::Storage,
        }
    }

    /// The same in a sentence.
    pub(super) fn failure(&self) -> Failure {
        Failure::new(self.kind(), self)
    }

    /// A request to `host` failed while logging in by `method`.
    pub(super) fn from_http(error: &HttpError, host: &SafeText, method: LoginMethod) -> Self {
        let host = host.clone();
        if let Some(why) = Unreachable::from_http(error) {
            return Self::Unreachable { host, why };
        }
        match error.client_api_error_kind() {
            // A password is the only thing that is checked here: a token from the browser is not
            // the user's to correct.
            Some(ErrorKind::Forbidden | ErrorKind::Unauthorized) if method == LoginMethod::Password => {
                Self::WrongPassword
            }
            Some(ErrorKind::UserDeactivated) => Self::Deactivated,
            Some(ErrorKind::LimitExceeded(limit)) => {
                Self::RateLimited { host, seconds: limit.retry_after.as_ref().and_then(sentence::seconds) }
            }
            Some(ErrorKind::Unrecognized) => Self::NotOffered { host, method },
            _ => Self::Server { host, why: http_sentence(error) },
        }
    }

    /// Something else failed while logging in by `method`.
    pub(super) fn from_sdk(error: &matrix_sdk::Error, host: &SafeText, method: LoginMethod) -> Self {
        match error {
            matrix_sdk::Error::Http(error) => Self::from_http(error, host, method),
            matrix_sdk::Error::OAuth(error) => Self::from_oauth(error, host),
            error => Self::Server { host: host.clone(), why: sentence(error) },
        }
    }

    /// OAuth failed.
    pub(super) fn from_oauth(error: &OAuthError, host: &SafeText) -> Self {
        let method = LoginMethod::OAuth;
        match error {
            OAuthError::Discovery(OAuthDiscoveryError::NotSupported) => Self::NotOffered { host: host.clone(), method },
            OAuthError::Discovery(OAuthDiscoveryError::Http(error)) => Self::from_http(error, host, method),
            OAuthError::AuthorizationCode(OAuthAuthorizationCodeError::Cancelled) => Self::BrowserCancelled,
            error => match Unreachable::below(error) {
                Some(why) => Self::Unreachable { host: host.clone(), why },
                None => Self::Browser(SafeText::line(&error.to_string())),
            },
        }
    }
}

fn in_seconds(seconds: Option<u64>) -> String {
    match seconds {
        Some(1) => "in 1 second".to_owned(),
        Some(seconds) => format!("in {seconds} seconds"),
        None => "in a few minutes".to_owned(),
    }
}

fn method_name(method: LoginMethod) -> &'static str {
    match method {
        LoginMethod::Password => "logging in with a password",
        LoginMethod::Sso => "single sign-on",
        LoginMethod::OAuth => "OAuth",
    }
}

/// Why a session could not be read, kept or ended on this machine.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SessionError {
    /// A file or folder.
    #[error("Cannot use {path}: {why}. {hint}")]
    Disk {
        /// Which.
        path: SafeText,
        /// Why not.
        why: SafeText,
        /// What to do.
        hint: &'static str,
    },
    /// The key file is not there, or not the one that the rest was encrypted with.
    #[error(
        "The key file {0} is missing or does not fit the files beside it. \
         Put the right key file back, or move the folder away and log in again."
    )]
    Key(SafeText),
    /// The session file makes no sense, although the key is right.
    #[error(
        "{0} is damaged, or was written by a newer kvitto. \
         Put back a good copy, or move the folder away and log in again."
    )]
    Damaged(SafeText),
    /// A database is not usable.
    #[error(
        "The databases in {folder} cannot be opened: {why}. \
         Put back a good copy, or move the folder away and log in again."
    )]
    Store {
        /// Where they are.
        folder: SafeText,
        /// Why not.
        why: SafeText,
    },
    /// Another program has a database open in a way that keeps everybody else out.
    #[error(
        "Another program holds the databases in {0}. kvitto goes on as soon as a backup or a scan lets go of them."
    )]
    Locked(SafeText),
    /// Logged out here; the server does not know.
    #[error(
        "You are logged out on this machine, but the homeserver was not told: {why} \
         Device {device} stays in your list of sessions until you remove it there."
    )]
    ServerNotTold {
        /// The device that stays.
        device: SafeText,
        /// A sentence.
        why: SafeText,
    },
    /// Nothing was ended, since the server does not know.
    #[error("The homeserver was not told: {why} Everything is as it was.")]
    NotLeft {
        /// A sentence.
        why: SafeText,
    },
}

impl SessionError {
    /// A file operation on `path` failed.
    pub(super) fn disk(path: &Path, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "Free some space and try again.",
            io::ErrorKind::PermissionDenied => "Make it yours and writable, or choose another folder with --data-dir.",
            io::ErrorKind::ReadOnlyFilesystem => "Choose a folder that can be written to, with --data-dir.",
            _ => "Check the folder, or choose another one with --data-dir.",
        };
        Self::Disk { path: shown(path), why: SafeText::line(&error.to_string()), hint }
    }

    /// The SDK could not open its databases in `folder`.
    pub(super) fn building(folder: &Path, error: &(dyn StdError + 'static)) -> Self {
        Self::opening(folder, error)
    }

    /// The SDK could not go on from its databases in `folder`.
    pub(super) fn restoring(folder: &Path, error: &matrix_sdk::Error) -> Self {
        Self::opening(folder, error)
    }

    /// A database in `folder` could not be opened or used.
    pub(super) fn opening(folder: &Path, error: &(dyn StdError + 'static)) -> Self {
        match Hindrance::below(error) {
            Some(Hindrance::Locked) => return Self::Locked(shown(folder)),
            Some(Hindrance::Full) => return Self::disk(folder, &io::ErrorKind::StorageFull.into()),
            Some(Hindrance::ReadOnly) => return Self::disk(folder, &io::ErrorKind::PermissionDenied.into()),
            Some(Hindrance::Broken(why)) => return Self::disk(folder, &io::Error::other(why)),
            None => {}
        }
        for cause in chain::causes(error) {
            if cause.is::<matrix_sdk_store_encryption::Error>() {
                return Self::Key(shown(&folder.join("key")));
            }
            if let Some(error) = cause.downcast_ref::<io::Error>() {
                return Self::disk(folder, error);
            }
        }
        Self::Store { folder: shown(folder), why: SafeText::line(chain::root(error).to_string().trim_end_matches('.')) }
    }
}

/// A path as it may be shown.
pub(super) fn shown(path: &Path) -> SafeText {
    SafeText::line(&path.display().to_string())
}

#[cfg(test)]
mod tests;
