//! Logging in, coming back, and going: from what is on this machine to an SDK client, and back.
//!
//! The problem is in the corners. A start has to work without a network, so nothing that it needs may be asked for. A
//! login that fails must leave what was there as it was. And when the server ends a session, what the user wrote and
//! has not sent must outlive it, although the device and its keys are gone.
//!
//! So a login is made by a client that keeps everything in memory ([`discover`]). Only when the server has said who
//! we are, the profile's folder is touched ([`vault`]) and the session goes over to a client that has its databases
//! there. What it finds decides what is kept:
//!
//! | the folder knows | then |
//! | --- | --- |
//! | nobody | fresh databases |
//! | the same user, the same device (a *soft* logout) | everything goes on |
//! | the same user, another device (a *hard* logout) | the keys go; drafts, unsent messages and the cache stay |
//! | another user | everything goes |
//!
//! A new device must not go on from the old one's sync position, or it would miss what is only sent at the beginning
//! (account data, room state, device lists). With `/sync` that position is in the state store and is removed here;
//! with sliding sync it is in the crypto store and goes with the keys.
//!
//! Refreshed tokens are written to the session file from inside the SDK's refresh, before they are used for the first
//! time; nobody has to watch for them.

mod browser;
mod discover;
mod vault;

use std::{path::Path, sync::Arc, time::Duration};

use matrix_sdk::{
    AuthSession, Client, SqliteStoreConfig,
    authentication::matrix::MatrixSession,
    cross_process_lock::CrossProcessLockConfig,
    encryption::{BackupDownloadStrategy, EncryptionSettings},
    ruma::{
        OwnedDeviceId, UserId as RumaUserId,
        api::client::{
            session::{get_login_types::v3::LoginType, login::v3 as login},
            uiaa::{self, MatrixUserIdentifier, UserIdentifier},
        },
        api::error::ErrorKind,
    },
    sliding_sync::VersionBuilder,
};
use matrix_sdk_base::StateStoreDataKey;
use tokio::task::JoinHandle;
use tracing::warn;

use self::{
    discover::Found,
    vault::{Record, State, Vault},
};
use super::{
    Profile,
    disk::{self, Disk},
    errors::{LoginError, SessionError, Unreachable, sentence},
    vouched::Nothings,
};
use crate::{
    app::{
        effect::Secret,
        event::{Account, LoginMethod},
    },
    clock::now,
    model::{Ms, SafeText, UserId},
};

/// How long finding a homeserver, and then logging in, may take each.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a logout waits for the server.
const FAREWELL: Duration = Duration::from_secs(5);
/// Connections to each of the SDK's databases.
const POOL: usize = 4;
/// No other program uses them.
const LOCKS: CrossProcessLockConfig = CrossProcessLockConfig::SingleProcess;

const USER_AGENT: &str = concat!("kvitto/", env!("CARGO_PKG_VERSION"));

/// Somebody is logged in.
pub struct Session {
    /// The SDK's client, on the databases in the profile's folder.
    pub client: Client,
    /// How it stands with those.
    pub(super) disk: Arc<Disk>,
    /// What came encrypted and is nothing.
    pub nothings: Arc<Nothings>,
    /// Who.
    pub account: Account,
    /// When this device logged in (P2).
    pub logged_in_at: Ms,
    /// What the profile's files are encrypted with.
    pub key: [u8; 32],
    /// Making the cross-signing keys, after a login with a password.
    cross_signing: Option<JoinHandle<()>>,
}

impl Session {
    /// Waits until encryption is set up on the server: for a program that ends right after the login.
    pub async fn settle(&mut self) {
        // Nobody would be told what is waited for.
        self.disk.give_up();
        if let Some(task) = self.cross_signing.take() {
            let _ = task.await;
        }
        self.client.encryption().wait_for_e2ee_initialization_tasks().await;
    }
}

/// The session that is kept in the profile's folder, if there is one. Makes no request.
pub async fn restore(profile: &Profile) -> Result<Option<Session>, SessionError> {
    let Some((vault, record)) = Vault::open(&profile.dir)? else { return Ok(None) };
    let Some(auth) = record.session() else { return Ok(None) };
    let (disk, nothings) = (Disk::new(), Arc::<Nothings>::default());
    let client = open(&vault, &record, &disk, &nothings).await?;
    resume(&client, auth, &vault).await?;
    Ok(Some(session(client, disk, nothings, &vault, &record)))
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
) -> Result<Session, LoginError> {
    let user = user.trim();
    let is_id = !user.starts_with('@') || RumaUserId::parse(user).is_ok();
    if user.is_empty() || user.contains(char::is_whitespace) || !is_id {
        return Err(LoginError::UserName(SafeText::line(user)));
    }
    let device = device_to_go_on_with(profile, Some(user))?;
    let found = discover::homeserver(homeserver, PATIENCE).await?;
    let identifier = UserIdentifier::Matrix(MatrixUserIdentifier::new(user.to_owned()));
    let auth = in_time(&found, async {
        let mut request = login::Request::new(login::LoginInfo::Password(login::Password::new(
            identifier.clone(),
            password.0.clone(),
        )));
        request.device_id = device;
        request.initial_device_display_name = Some(profile.device_name.clone());
        request.refresh_token = true;
        match found.client.send(request).await {
            Ok(response) => Ok(AuthSession::Matrix(MatrixSession::from(&response))),
            // The spec has no code for 'no passwords here'; servers say M_UNKNOWN or M_FORBIDDEN.
            Err(error)
                if matches!(error.client_api_error_kind(), Some(ErrorKind::Unknown | ErrorKind::Forbidden))
                    && !methods(&found).await?.contains(&LoginMethod::Password) =>
            {
                Err(LoginError::NotOffered { host: found.shown(), method: LoginMethod::Password })
            }
            Err(error) => Err(LoginError::from_http(&error, &found.shown(), LoginMethod::Password)),
        }
    })
    .await?;

    let mut session = move_in(profile, &found, auth).await?;
    let (client, password) = (session.client.clone(), uiaa::Password::new(identifier, password.0.clone()));
    session.cross_signing = Some(tokio::spawn(async move {
        // The SDK has tried by itself, without a password; older servers want one (before MSC3967).
        client.encryption().wait_for_e2ee_initialization_tasks().await;
        let auth = uiaa::AuthData::Password(password);
        if let Err(error) = client.encryption().bootstrap_cross_signing_if_needed(Some(auth)).await {
            warn!(error = %sentence(&error), "cross-signing could not be set up");
        }
    }));
    Ok(session)
}

/// Logs in by the browser. `open` is given the address of the login page, once. Dropping the future cancels.
pub async fn login_browser(
    profile: &Profile,
    homeserver: &str,
    method: LoginMethod,
    open: impl Fn(String) + Send,
) -> Result<Session, LoginError> {
    // Nobody knows yet who will log in. Another user merely gets a device of that name.
    let device = device_to_go_on_with(profile, None)?;
    let found = discover::homeserver(homeserver, PATIENCE).await?;
    let auth = match method {
        LoginMethod::Sso => browser::sso(&found, device, &profile.device_name, open).await?,
        LoginMethod::OAuth => browser::oauth(&found, device, open).await?,
        LoginMethod::Password => return Err(LoginError::NotOffered { host: found.shown(), method }),
    };
    Ok(move_in(profile, &found, auth).await?)
}

/// Ends the session on the server and deletes everything in the profile's folder. Stop everything that uses the
/// session first.
///
/// The folder is empty also after [`SessionError::ServerNotTold`].
pub async fn logout(profile: &Profile, session: &Session) -> Result<(), SessionError> {
    let told = match tokio::time::timeout(FAREWELL, session.client.logout()).await {
        Ok(Err(error)) if !matches!(error.client_api_error_kind(), Some(ErrorKind::UnknownToken(_))) => {
            Err(sentence(&error))
        }
        Err(_) => Err(sentence(&matrix_sdk::Error::Timeout)),
        Ok(_) => Ok(()),
    };
    Vault::clear(&profile.dir)?;
    told.map_err(|why| SessionError::ServerNotTold { device: session.account.device.clone(), why })
}

/// The server has ended the session. After a `soft` logout everything is kept for the same device; after a hard one
/// the tokens and the device's keys go. Drafts, unsent messages and the cache stay for the same user's next login.
/// Stop everything that uses the session first.
pub async fn end_device(profile: &Profile, soft: bool) {
    let dir = profile.dir.clone();
    match tokio::task::spawn_blocking(move || put_away(&dir, soft)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(%error, "the ended session could not be put away"),
        Err(error) => warn!(%error, "putting away the ended session was cut off"),
    }
}

fn put_away(dir: &Path, soft: bool) -> Result<(), SessionError> {
    let Some((vault, mut record)) = Vault::open(dir)? else { return Ok(()) };
    record.state = match record.state.device() {
        Some(device) if soft => State::SoftLoggedOut { device: device.clone() },
        _ => State::HardLoggedOut,
    };
    vault.write(&record)?;
    if soft { Ok(()) } else { vault.forget_device() }
}

/// Takes the session into the profile's folder (see the table above).
async fn move_in(profile: &Profile, found: &Found, auth: AuthSession) -> Result<Session, SessionError> {
    let meta = auth.meta();
    let previous = Vault::open(&profile.dir)?.map(|(_, record)| record);
    if previous.as_ref().is_some_and(|previous| previous.user != meta.user_id) {
        Vault::clear(&profile.dir)?;
    }
    let vault = Vault::create(&profile.dir)?;
    let mut record = Record {
        homeserver: found.url.to_string(),
        sliding_sync: found.sliding_sync,
        user: meta.user_id.clone(),
        logged_in_at: now(),
        state: State::HardLoggedOut,
    };
    let previous = previous.filter(|previous| previous.user == record.user);
    let same_device = previous.as_ref().and_then(|previous| previous.state.device()) == Some(&meta.device_id);
    match previous {
        Some(previous) if same_device => record.logged_in_at = previous.logged_in_at,
        Some(_) => {
            // First of all the old device is given up, so that a crash cannot bring it back without its keys.
            vault.write(&record)?;
            vault.forget_device()?;
        }
        None => vault.forget_databases()?,
    }
    let (disk, nothings) = (Disk::new(), Arc::<Nothings>::default());
    let client = open(&vault, &record, &disk, &nothings).await?;
    if !same_device {
        forget_position(&client, vault.dir()).await?;
    }
    record.state = State::active(&auth);
    // Before the client can refresh these tokens: what it writes then must not be overwritten.
    vault.write(&record)?;
    resume(&client, auth, &vault).await?;
    Ok(session(client, disk, nothings, &vault, &record))
}

/// Builds the client on the folder's databases. Makes no request.
async fn open(
    vault: &Vault,
    record: &Record,
    disk: &Arc<Disk>,
    nothings: &Arc<Nothings>,
) -> Result<Client, SessionError> {
    let stores = SqliteStoreConfig::new(vault.dir()).key(Some(vault.key())).pool_max_size(POOL);
    let client = Client::builder()
        .homeserver_url(&record.homeserver)
        .sliding_sync_version_builder(if record.sliding_sync { VersionBuilder::Native } else { VersionBuilder::None })
        .user_agent(USER_AGENT)
        .handle_refresh_tokens()
        .cross_process_store_config(LOCKS)
        .with_encryption_settings(EncryptionSettings {
            auto_enable_cross_signing: true,
            auto_enable_backups: false,
            backup_download_strategy: BackupDownloadStrategy::AfterDecryptionFailure,
        })
        .store_config(disk::stores(vault.dir(), stores, disk, nothings).await?)
        .build()
        .await
        .map_err(|error| SessionError::building(vault.dir(), &error))?;
    vault.make_files_private()?;
    Ok(client)
}

/// Makes the client go on with this session, and keep its tokens.
async fn resume(client: &Client, auth: AuthSession, vault: &Vault) -> Result<(), SessionError> {
    let restoring = |error: matrix_sdk::Error| SessionError::restoring(vault.dir(), &error);
    let (reading, writing) = (vault.clone(), vault.clone());
    client
        .set_session_callbacks(
            Box::new(move |_| match reading.read()?.map(|record| record.state) {
                Some(State::Active { tokens, .. }) => Ok(tokens.0),
                _ => Err("the session has ended".into()),
            }),
            Box::new(move |client| Ok(keep_tokens(&writing, &client)?)),
        )
        .map_err(restoring)?;
    forget_sync_token(client, vault.dir()).await?;
    client.restore_session(auth).await.map_err(restoring)
}

/// Drops the `/sync` position that the SDK keeps by itself: it is past what a kill cut off, and the SDK (0.18) takes an
/// answer that ends there for one that it has dealt with. How far we came is [kept apart](super::sync).
async fn forget_sync_token(client: &Client, folder: &Path) -> Result<(), SessionError> {
    let removed = client.state_store().remove_kv_data(StateStoreDataKey::SyncToken).await;
    removed.map_err(|error| SessionError::restoring(folder, &error.into()))
}

/// Writes the client's new tokens to the session file, unless the session has ended meanwhile.
fn keep_tokens(vault: &Vault, client: &Client) -> Result<(), SessionError> {
    let (Some(auth), Some(mut record)) = (client.session(), vault.read()?) else { return Ok(()) };
    if matches!(&record.state, State::Active { device, .. } if *device == auth.meta().device_id) {
        record.state = State::active(&auth);
        vault.write(&record)?;
    }
    Ok(())
}

/// Drops what the state store remembers of another device's way with the server.
async fn forget_position(client: &Client, folder: &Path) -> Result<(), SessionError> {
    let removed = client.state_store().remove_kv_data(StateStoreDataKey::OneTimeKeyAlreadyUploaded).await;
    removed.map_err(|error| SessionError::restoring(folder, &error.into()))
}

fn session(client: Client, disk: Arc<Disk>, nothings: Arc<Nothings>, vault: &Vault, record: &Record) -> Session {
    let account = Account {
        user: UserId::new(&record.user),
        device: SafeText::line(record.state.device().map_or("", |device| device.as_str())),
        homeserver: SafeText::line(record.homeserver.trim_end_matches('/')),
    };
    let (logged_in_at, key) = (record.logged_in_at, *vault.key());
    Session { client, disk, nothings, account, logged_in_at, key, cross_signing: None }
}

/// The device that a soft logout has left, if this user (as typed, when known) may be its owner.
fn device_to_go_on_with(profile: &Profile, typed: Option<&str>) -> Result<Option<OwnedDeviceId>, SessionError> {
    let Some((_, record)) = Vault::open(&profile.dir)? else { return Ok(None) };
    let State::SoftLoggedOut { device } = record.state else { return Ok(None) };
    let owner = typed.is_none_or(|typed| typed == record.user.as_str() || typed == record.user.localpart());
    Ok(owner.then_some(device))
}

/// The ways to log in, best first: OAuth is offered only where it is the server's own way; a password is the fewest
/// steps in a terminal.
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
pub(super) mod loopback;
#[cfg(test)]
mod tests;
