//! From what somebody typed to a homeserver that answers.
//!
//! A *name* (`example.org`) is looked up by `.well-known` first, then tried itself (Matrix spec,
//! 'Server Discovery'); a *URL* is taken at its word, and looked up only when no homeserver is
//! there. The SDK can discover too, but it retries each request three times for thirty seconds and
//! then reports the first failure, whatever it was. Here each request is made once, and the failure
//! that is reported is the one that the user can do something about.

use std::time::Duration;

use crate::{
    client::errors::{LoginError, Unreachable},
    model::{LoginMethod, SafeText},
};
use matrix_sdk::{
    Client, HttpError,
    config::RequestConfig,
    ruma::{
        ServerName,
        api::{
            client::discovery::discover_homeserver,
            error::{ErrorKind, FromHttpResponseError},
        },
    },
    sliding_sync::{Version, VersionBuilder},
};
use url::Url;

/// A homeserver that answers.
pub(super) struct Found {
    /// A client for it that keeps everything in memory, to log in with.
    pub client: Client,
    /// Its URL.
    pub url: Url,
    /// Whether it has simplified sliding sync (MSC4186).
    pub sliding_sync: bool,
}

impl Found {
    /// The homeserver, to show.
    pub fn shown(&self) -> SafeText {
        SafeText::line(self.url.as_str().trim_end_matches('/'))
    }
}

/// Finds the homeserver, within `patience`.
pub(super) async fn homeserver(typed: &str, patience: Duration) -> Result<Found, LoginError> {
    let address = Address::parse(typed).ok_or_else(|| LoginError::Address(SafeText::line(typed.trim())))?;
    let host = shown_host(address.url());
    tokio::time::timeout(patience, look(address))
        .await
        .unwrap_or(Err(LoginError::Unreachable { host, why: Unreachable::TimedOut }))
}

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
enum Address {
    /// A server name, and where its `.well-known` file is.
    Name(Url),
    /// A homeserver's URL.
    Url(Url),
}

impl Address {
    fn parse(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        if typed.contains("://") {
            let mut url = Url::parse(typed).ok()?;
            url.set_query(None);
            url.set_fragment(None);
            return (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(Self::Url(url));
        }
        let name = ServerName::parse(typed.trim_end_matches('/').to_lowercase()).ok()?;
        // Nobody has a certificate for these, and nobody else can listen in.
        let scheme = if matches!(name.host(), "localhost" | "127.0.0.1" | "[::1]") { "http" } else { "https" };
        Url::parse(&format!("{scheme}://{name}")).ok().map(Self::Name)
    }

    fn url(&self) -> &Url {
        let (Self::Name(url) | Self::Url(url)) = self;
        url
    }
}

async fn look(address: Address) -> Result<Found, LoginError> {
    match address {
        Address::Url(url) => match ask_versions(url.clone()).await {
            Err(LoginError::NotMatrix(host)) => match ask_well_known(&url).await {
                Ok(WellKnown::At(url)) => ask_versions(url).await,
                _ => Err(LoginError::NotMatrix(host)),
            },
            found => found,
        },
        Address::Name(url) => match ask_well_known(&url).await? {
            WellKnown::At(url) => ask_versions(url).await,
            WellKnown::Absent => ask_versions(url).await,
            WellKnown::Broken => ask_versions(url).await.map_err(|error| match error {
                LoginError::NotMatrix(host) => LoginError::BrokenWellKnown(host),
                error => error,
            }),
        },
    }
}

/// What `/.well-known/matrix/client` says.
enum WellKnown {
    At(Url),
    Absent,
    Broken,
}

async fn ask_well_known(url: &Url) -> Result<WellKnown, LoginError> {
    let client = client(url).await?;
    match client.send(discover_homeserver::Request::new()).await {
        Ok(response) => Ok(match Url::parse(&response.homeserver.base_url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => WellKnown::At(url),
            _ => WellKnown::Broken,
        }),
        Err(HttpError::Api(error)) => Ok(match *error {
            FromHttpResponseError::Server(_) => WellKnown::Absent,
            _ => WellKnown::Broken,
        }),
        Err(error) => Err(LoginError::from_http(&error, &shown_host(url), LoginMethod::Password)),
    }
}

async fn ask_versions(url: Url) -> Result<Found, LoginError> {
    let client = client(&url).await?;
    match client.supported_versions().await {
        Ok(versions) => {
            let sliding_sync = matches!(VersionBuilder::DiscoverNative.build(Some(&versions)), Ok(Version::Native));
            Ok(Found { client, url, sliding_sync })
        }
        Err(error) => Err(match root_of(&error) {
            error @ HttpError::Api(_) if !is_homeserver(error) => LoginError::NotMatrix(shown_host(&url)),
            error => LoginError::from_http(error, &shown_host(&url), LoginMethod::Password),
        }),
    }
}

/// Whether this error comes from a homeserver, or from a proxy that has lost the homeserver behind
/// it.
fn is_homeserver(error: &HttpError) -> bool {
    let fault = error.as_client_api_error().is_some_and(|error| error.status_code.is_server_error());
    let known = error
        .client_api_error_kind()
        .is_some_and(|kind| !matches!(kind, ErrorKind::Unrecognized | ErrorKind::NotFound));
    fault || known
}

fn root_of(error: &HttpError) -> &HttpError {
    match error {
        HttpError::Cached(error) => root_of(error),
        error => error,
    }
}

/// A client that keeps nothing, and makes each request once.
async fn client(url: &Url) -> Result<Client, LoginError> {
    Client::builder()
        .homeserver_url(url)
        .user_agent(super::USER_AGENT)
        .request_config(RequestConfig::new().disable_retry())
        .build()
        .await
        .map_err(|error| LoginError::Server { host: shown_host(url), why: SafeText::line(&error.to_string()) })
}

fn shown_host(url: &Url) -> SafeText {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => SafeText::line(&format!("{host}:{port}")),
        None => SafeText::line(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_capitals() {
        assert_eq!(Address::parse("LOCALHOST:8008"), Address::parse("localhost:8008"));
        assert_eq!(Address::parse("Example.ORG/"), Address::parse("example.org"));
        assert_eq!(Address::parse("LOCALHOST:8008").unwrap().url().as_str(), "http://localhost:8008/");
    }
}
