//! Logging in by the browser: single sign-on (`m.login.sso`) and OAuth 2.0 (Matrix 1.15).
//!
//! Both go the same way: a server on the loopback interface waits for one request, the browser is
//! sent to the login page, and the page sends it back to that server with the proof in the query.
//! Dropping the future closes the server and leaves nothing behind.

use std::net::Ipv4Addr;

use axum::{Router, response::Redirect, routing::get};
use matrix_sdk::{
    AuthSession,
    authentication::{
        matrix::MatrixSession,
        oauth::registration::{ApplicationType, ClientMetadata, Localized, OAuthGrantType},
    },
    ruma::{
        OwnedDeviceId,
        api::client::session::login::v3::{LoginInfo, Request, Token},
        serde::Raw,
    },
    utils::local_server::{LocalServerBuilder, LocalServerIpAddress, LocalServerRedirectHandle, LocalServerResponse},
};
use tokio::{net::TcpListener, task::AbortHandle};
use url::Url;

use super::discover::Found;
use crate::{
    client::{errors::LoginError, tasks},
    model::{LoginMethod, SafeText},
};

/// The page about this client that a login server may link to, and wants to be told (RFC 7591,
/// `client_uri`). A package without a homepage has none of its own; then the page of what kvitto
/// implements says best what it is.
const PAGE: &str = if env!("CARGO_PKG_HOMEPAGE").is_empty() {
    "https://github.com/matrix-org/matrix-spec-proposals/pull/4089"
} else {
    env!("CARGO_PKG_HOMEPAGE")
};

/// What the user sees when the browser comes back.
const DONE: &str = "You can close this page and go back to kvitto.";

/// Single sign-on.
pub(super) async fn sso(
    found: &Found,
    device: Option<OwnedDeviceId>,
    device_name: &str,
    open: impl Fn(String) + Send,
) -> Result<AuthSession, LoginError> {
    let failed = |error: &matrix_sdk::Error| LoginError::from_sdk(error, &found.shown(), LoginMethod::Sso);
    let (mut redirect, callback) = wait_for_browser().await?;
    // SSO has no `state` as OAuth does. Without one, any page could make the browser log us in as
    // somebody else.
    let state = format!("{:032x}", rand::random::<u128>());
    redirect.query_pairs_mut().append_pair("state", &state);

    let url = found.client.matrix_auth().get_sso_login_url(redirect.as_str(), None).await.map_err(|e| failed(&e))?;
    let door = Door::to(url).await?;
    open(door.address.clone());
    drop(open);

    let query = callback.await.map(|query| query.0).unwrap_or_default();
    let token = login_token(&query, &state)?;
    let mut request = Request::new(LoginInfo::Token(Token::new(token)));
    request.device_id = device;
    request.initial_device_display_name = Some(device_name.to_owned());
    request.refresh_token = true;
    let response = found.client.send(request).await.map_err(|error| failed(&error.into()))?;
    Ok(AuthSession::Matrix(MatrixSession::from(&response)))
}

/// OAuth 2.0, authorization code flow with PKCE.
pub(super) async fn oauth(
    found: &Found,
    device: Option<OwnedDeviceId>,
    open: impl Fn(String) + Send,
) -> Result<AuthSession, LoginError> {
    let failed = |error: &matrix_sdk::Error| LoginError::from_sdk(error, &found.shown(), LoginMethod::OAuth);
    let oauth = found.client.oauth();
    let (redirect, callback) = wait_for_browser().await?;
    let registration = registration()?;
    let login = oauth
        .login(redirect, device, Some(registration.into()), None)
        .build()
        .await
        .map_err(|error| LoginError::from_oauth(&error, &found.shown()))?;
    let door = Door::to(login.url.into()).await?;
    open(door.address.clone());
    drop(open);

    let query = callback.await.ok_or_else(no_answer)?;
    oauth.finish_login(query.into()).await.map_err(|error| failed(&error))?;
    found.client.session().ok_or_else(no_answer)
}

async fn wait_for_browser() -> Result<(Url, LocalServerRedirectHandle), LoginError> {
    LocalServerBuilder::new()
        .ip_address(LocalServerIpAddress::Localhostv4)
        .response(LocalServerResponse::PlainText(DONE.to_owned()))
        .spawn()
        .await
        .map_err(|error| no_port(&error))
}

fn no_port(error: &std::io::Error) -> LoginError {
    LoginError::Browser(SafeText::line(&format!("no free port for its answer ({error})")))
}

/// A short address on this machine that leads to the login page, whose own one fills several lines
/// of a terminal: there it can be neither clicked nor copied. The browser has to be on this machine
/// anyway.
struct Door {
    address: String,
    server: AbortHandle,
}

impl Door {
    async fn to(page: String) -> Result<Self, LoginError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| no_port(&error))?;
        let address = format!("http://{}/", listener.local_addr().map_err(|error| no_port(&error))?);
        let leads = Router::new().route("/", get(move || std::future::ready(Redirect::to(&page))));
        let server = tasks::spawn(axum::serve(listener, leads).into_future()).abort_handle();
        Ok(Self { address, server })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The login token, from a request that answers ours.
fn login_token(query: &str, state: &str) -> Result<String, LoginError> {
    let value = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    if value("state").as_deref() != Some(state) {
        return Err(LoginError::Browser(SafeText::line("the answer is not to our request")));
    }
    value("loginToken").ok_or_else(no_answer)
}

fn no_answer() -> LoginError {
    LoginError::Browser(SafeText::line("the answer has no login in it"))
}

/// How kvitto introduces itself to a login server that does not know it (RFC 7591).
fn registration() -> Result<Raw<ClientMetadata>, LoginError> {
    let broken = |error: &dyn std::fmt::Display| LoginError::Browser(SafeText::line(&error.to_string()));
    let home = Url::parse(PAGE).map_err(|error| broken(&error))?;
    // Without a port: a login server has to take any port of a loopback address (RFC 8252, section
    // 7.3).
    let redirect = Url::parse("http://127.0.0.1/").map_err(|error| broken(&error))?;
    let grant = OAuthGrantType::AuthorizationCode { redirect_uris: vec![redirect] };
    let mut metadata = ClientMetadata::new(ApplicationType::Native, vec![grant], Localized::new(home, None));
    metadata.client_name = Some(Localized::new("kvitto".to_owned(), None));
    Raw::new(&metadata).map_err(|error| broken(&error))
}
