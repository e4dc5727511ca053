//! Logging in: from what somebody typed to a login that the homeserver has granted. Nothing of it
//! is on disk yet.
//!
//! A login asks for the device whose keys are here ([`FormerProfile`]). Whose they are, the server
//! says: when it knows somebody by another name than was expected, it is asked once more, now for
//! that device.

use matrix_sdk::{
    AuthSession,
    authentication::matrix::MatrixSession,
    ruma::{
        OwnedDeviceId, UserId as RumaUserId,
        api::{
            client::{
                session::{get_login_types::v3::LoginType, login::v3 as login},
                uiaa::{self, EmailUserIdentifier, MatrixUserIdentifier, UserIdentifier},
            },
            error::ErrorKind,
        },
    },
};

use super::{
    FormerProfile, PATIENCE, SHUTDOWN_TIMEOUT, browser,
    discover::{self, Found},
};
use crate::{
    client::{
        Profile,
        errors::{LoginError, Unreachable},
    },
    model::{LoginMethod, SafeText, Secret, UserId},
};

/// A login that the homeserver has granted. Nothing of it is on disk yet.
pub struct Login {
    pub(super) found: Found,
    pub(super) auth: AuthSession,
    pub(super) password: Option<uiaa::Password>,
}

impl Login {
    /// Who has logged in.
    pub fn user(&self) -> UserId {
        UserId::new(&self.auth.meta().user_id)
    }

    /// Ends it on the server again, as far as that can be reached.
    pub async fn give_up(self) {
        let client = self.found.client;
        let end = async {
            if client.session().is_none() {
                client.restore_session(self.auth).await?;
            }
            client.logout().await
        };
        if !matches!(tokio::time::timeout(SHUTDOWN_TIMEOUT, end).await, Ok(Ok(()))) {
            tracing::warn!("a login that nobody wants stays on the homeserver");
        }
    }
}

/// The homeserver of this name or URL, to show, and how one can log in there, best first.
pub async fn find(homeserver: &str) -> Result<(SafeText, Vec<LoginMethod>), LoginError> {
    let found = discover::homeserver(homeserver, PATIENCE).await?;
    let methods = in_time(&found, methods(&found)).await?;
    if methods.is_empty() {
        return Err(LoginError::NothingOffered(found.shown()));
    }
    Ok((found.shown(), methods))
}

/// Logs in with a password.
pub async fn login_password(
    profile: &Profile,
    homeserver: &str,
    user: &str,
    password: &Secret,
) -> Result<Login, LoginError> {
    let user = user.trim();
    let is_id = !user.starts_with('@') || RumaUserId::parse(user).is_ok();
    if user.is_empty() || user.contains(char::is_whitespace) || !is_id {
        return Err(LoginError::UserName(SafeText::line(user)));
    }
    let known = FormerProfile::of(profile).await?;
    let device = known.device_of(|owner| is_spelling_of(user, owner));
    let found = discover::homeserver(homeserver, PATIENCE).await?;
    let identifier = identifier(user);
    let auth = in_time(&found, by_password(profile, &found, &identifier, password, device.clone())).await?;
    // The server knows best how somebody is spelled.
    let other = known.device_of(|owner| *owner == auth.meta().user_id).filter(|_| device.is_none());
    let password_again = uiaa::Password::new(identifier.clone(), password.0.clone());
    let login = Login { found, auth, password: Some(password_again) };
    let Some(device) = other else { return Ok(login) };
    let found = discover::homeserver(homeserver, PATIENCE).await?;
    let auth = in_time(&found, by_password(profile, &found, &identifier, password, Some(device))).await?;
    let again = Login { found, auth, password: login.password.clone() };
    login.give_up().await;
    Ok(again)
}

/// Whom somebody who types this means: a user, by name or id, or whoever has this e-mail address.
fn identifier(typed: &str) -> UserIdentifier {
    if typed.find('@').is_some_and(|at| at > 0) {
        UserIdentifier::Email(EmailUserIdentifier::new(typed.to_owned()))
    } else {
        UserIdentifier::Matrix(MatrixUserIdentifier::new(typed.to_owned()))
    }
}

async fn by_password(
    profile: &Profile,
    found: &Found,
    identifier: &UserIdentifier,
    password: &Secret,
    device: Option<OwnedDeviceId>,
) -> Result<AuthSession, LoginError> {
    let credentials = login::Password::new(identifier.clone(), password.0.clone());
    let mut request = login::Request::new(login::LoginInfo::Password(credentials));
    request.device_id = device;
    request.initial_device_display_name = Some(profile.device_name.clone());
    request.refresh_token = true;
    match found.client.send(request).await {
        Ok(response) => Ok(AuthSession::Matrix(MatrixSession::from(&response))),
        // The spec has no code for 'no passwords here'; servers say M_UNKNOWN or M_FORBIDDEN.
        Err(error)
            if matches!(error.client_api_error_kind(), Some(ErrorKind::Unknown | ErrorKind::Forbidden))
                && !methods(found).await?.contains(&LoginMethod::Password) =>
        {
            Err(LoginError::NotOffered { host: found.shown(), method: LoginMethod::Password })
        }
        Err(error) => Err(LoginError::from_http(&error, &found.shown(), LoginMethod::Password)),
    }
}

/// Whether somebody who types this may mean that user.
fn is_spelling_of(typed: &str, user: &RumaUserId) -> bool {
    let typed = typed.to_lowercase();
    typed == user.as_str().to_lowercase() || typed == user.localpart().to_lowercase()
}

/// Logs in by the browser. `open` is given the address of the login page, once. Dropping the future
/// cancels.
pub async fn login_browser(
    profile: &Profile,
    homeserver: &str,
    method: LoginMethod,
    open: impl Fn(String) + Send,
) -> Result<Login, LoginError> {
    // Nobody knows yet who will log in. Another user merely gets a device of that name.
    let device = FormerProfile::of(profile).await?.device_of(|_| true);
    let found = discover::homeserver(homeserver, PATIENCE).await?;
    let auth = match method {
        LoginMethod::Sso => browser::sso(&found, device, &profile.device_name, open).await?,
        LoginMethod::OAuth => browser::oauth(&found, device, open).await?,
        LoginMethod::Password => return Err(LoginError::NotOffered { host: found.shown(), method }),
    };
    Ok(Login { found, auth, password: None })
}

/// The ways to log in, best first: OAuth is offered only where it is the server's own way; a
/// password is the fewest steps in a terminal.
async fn methods(found: &Found) -> Result<Vec<LoginMethod>, LoginError> {
    let (auth, oauth) = (found.client.matrix_auth(), found.client.oauth());
    let (flows, oauth) = tokio::join!(auth.get_login_types(), oauth.server_metadata());
    let flows = match flows {
        Ok(response) => response.flows,
        // A homeserver with OAuth only need not have the old API at all.
        Err(_) if oauth.is_ok() => Vec::new(),
        Err(error) => return Err(LoginError::from_http(&error, &found.shown(), LoginMethod::Password)),
    };
    let oauth = oauth.is_ok().then_some(LoginMethod::OAuth);
    let password = flows.iter().any(|flow| matches!(flow, LoginType::Password(_))).then_some(LoginMethod::Password);
    let sso = flows.iter().any(|flow| matches!(flow, LoginType::Sso(_))).then_some(LoginMethod::Sso);
    Ok([oauth, password, sso].into_iter().flatten().collect())
}

async fn in_time<T>(found: &Found, work: impl Future<Output = Result<T, LoginError>>) -> Result<T, LoginError> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(LoginError::Unreachable { host: found.shown(), why: Unreachable::TimedOut }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_named_by_name_id_or_email_address() {
        for (typed, email) in
            [("alice", false), ("@alice:example.org", false), ("alice@mail.example", true), ("@alice", false)]
        {
            assert_eq!(matches!(identifier(typed), UserIdentifier::Email(_)), email, "{typed}");
        }
    }
}
