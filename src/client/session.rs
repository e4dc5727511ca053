//! Logging in, coming back, and going: from what is on this machine to an SDK client, and back.
//!
//! The problem is in the corners. A start has to work without a network, so nothing that it needs
//! may be asked for. A login that fails must leave what was there as it was. And when the server
//! ends a session, what the user wrote and has not sent must outlive it, and so must the keys:
//! without them nothing that was ever read can be read again.
//!
//! So a login is made by a client that keeps everything in memory ([`discover`]). Only when the
//! server has said who we are, the profile's folder is touched ([`vault`]) and the session goes
//! over to a client that has its databases there. What it finds decides what is kept:
//!
//! | the folder knows | then |
//! | --- | --- |
//! | nobody | fresh databases |
//! | the same user, and has the device's keys | everything goes on |
//! | the same user, and not the device's keys | a new device; room keys, drafts, unsent messages and the cache stay |
//! | another user | everything goes, after a question that says so ([`losses`]) |
//!
//! Whose keys there are is read from the crypto store itself ([`keys`]); a login asks for that
//! device again, whatever ended the session. A server that has deleted the device meanwhile makes
//! it anew, and gets its keys again ([`upkeep`]).
//!
//! A new device must not go on from the old one's sync position, or it would miss what is only sent
//! at the beginning (account data, room state, device lists). With `/sync` that position is kept
//! for one device's id; with sliding sync it is in the crypto store and goes with the device.
//!
//! **A session that the server has ended is kept, tokens and all**, since servers are wrong at
//! times ([`trust`]). At each start its tokens are tried again.
//!
//! Refreshed tokens are written to the session file from inside the SDK's refresh, before they are
//! used for the first time ([`keeper`]). No second process can be at it: the profile is locked.

mod browser;
mod discover;
mod keeper;
mod keys;
mod login;
pub(super) mod trust;
mod upkeep;
mod vault;
pub(super) mod warnings;

use std::{path::Path, sync::Arc, time::Duration};

use matrix_sdk::{
    AuthSession, Client, SqliteStoreConfig,
    config::RequestConfig,
    cross_process_lock::CrossProcessLockConfig,
    encryption::{BackupDownloadStrategy, EncryptionSettings},
    ruma::{OwnedDeviceId, OwnedUserId, api::client::uiaa},
    sliding_sync::VersionBuilder,
};
use matrix_sdk_base::StateStoreDataKey;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
};

pub use self::login::{Login, find, login_browser, login_password};
use self::{
    keeper::Keeper,
    keys::Owner,
    vault::{Granted, Record, State, Vault},
};
use super::{
    Profile,
    disk::{self, Disk, Keys},
    errors::{SessionError, is_refusal, sentence},
    tasks,
    vouched::Nothings,
};
use crate::{
    clock::now,
    model::{Account, SafeText, Timestamp, UserId},
};

/// How long finding a homeserver, and then logging in, may take each.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a logout waits for the server.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a program that ends right after the login waits until encryption is set up.
const SETTLED: Duration = Duration::from_secs(30);
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
    /// The keys that are there.
    pub(super) keys: Keys,
    /// What came encrypted and is nothing.
    pub nothings: Arc<Nothings>,
    /// Who.
    pub account: Account,
    /// When this device logged in (P2).
    pub logged_in_at: Timestamp,
    /// What the profile's files are encrypted with.
    pub key: [u8; 32],
    /// What keeps its tokens.
    pub(super) keeper: Arc<Keeper>,
    /// Why tokens could not be kept.
    pub(super) troubles: Option<UnboundedReceiver<SessionError>>,
    /// What the upkeep needs; taken when it begins.
    upkeep: Option<(Option<uiaa::Password>, bool)>,
    under_way: Option<JoinHandle<()>>,
}

impl Session {
    /// Begins to look after what others need to reach this device.
    pub(super) fn begin_upkeep(&mut self) {
        if let Some((password, returned)) = self.upkeep.take() {
            self.under_way = Some(tasks::spawn(upkeep::look_after(self.client.clone(), password, returned)));
        }
    }

    /// Stops that.
    pub(super) fn end_upkeep(&mut self) {
        if let Some(task) = self.under_way.take() {
            task.abort();
        }
    }

    /// Waits until encryption is set up on the server: for a program that ends right after the
    /// login.
    pub async fn settle(&mut self) {
        // Nobody would be told what is waited for.
        self.disk.give_up();
        self.begin_upkeep();
        if let Some(task) = self.under_way.take() {
            let _ = tokio::time::timeout(SETTLED, task).await;
        }
    }
}

/// What the profile's folder knows.
pub enum Restored {
    /// Nobody.
    Nobody,
    /// Somebody who is logged in.
    Active(Box<Session>),
    /// Somebody who was.
    Ended {
        /// Who, as the login screen is filled in.
        account: Account,
        /// The session, when its tokens may be tried again.
        session: Option<Box<Session>>,
        /// A sentence.
        why: SafeText,
    },
}

/// What is kept in the profile's folder. Makes no request.
pub async fn restore(profile: &Profile) -> Result<Restored, SessionError> {
    let Some((vault, record)) = Vault::open(&profile.dir)? else { return Ok(Restored::Nobody) };
    let ended = |session, why: &str| Restored::Ended { account: account(&record), session, why: SafeText::line(why) };
    let Some(auth) = record.session() else {
        return Ok(ended(None, "Log in again: messages, drafts and unsent messages are kept."));
    };
    if !keys::are_there(&vault) {
        // With new keys the old device's id may not be used again.
        return Ok(ended(None, "This device's keys are gone. Log in again, as a new device."));
    }
    let (disk, nothings) = (Disk::new(), Arc::<Nothings>::default());
    let client = open(&vault, &record, &disk, &nothings).await?;
    let session = Box::new(resume(client, (disk, nothings), auth, &vault, &record).await?);
    Ok(match record.state {
        State::Active(_) => Restored::Active(session),
        _ => ended(
            Some(session),
            "The homeserver has ended this session. Log in again: keys, drafts and unsent messages are kept.",
        ),
    })
}

/// Ends the session on the server and deletes everything in the profile's folder. Stop everything
/// that uses the session first.
///
/// The folder is empty also after [`SessionError::ServerNotTold`].
pub async fn logout(profile: &Profile, session: &Session) -> Result<(), SessionError> {
    let told = tell_logout(session).await;
    Vault::clear(&profile.dir)?;
    told.map_err(|why| SessionError::ServerNotTold { device: session.account.device.clone(), why })
}

/// Ends the session on the server, and keeps what is in the folder for the next login as the same
/// device. The server forgets the device's one-time keys with it, which is the way out when it has
/// others than this machine.
pub async fn leave(profile: &Profile, session: &Session) -> Result<(), SessionError> {
    tell_logout(session).await.map_err(|why| SessionError::NotLeft { why })?;
    let Some((vault, _)) = Vault::open(&profile.dir)? else { return Ok(()) };
    vault.change(|state| match state.device() {
        Some(device) => State::SoftLoggedOut { device_id: device.clone() },
        None => state,
    })
}

/// Deletes everything in the profile's folder.
pub fn forget(profile: &Profile) -> Result<(), SessionError> {
    Vault::clear(&profile.dir)
}

async fn tell_logout(session: &Session) -> Result<(), SafeText> {
    match tokio::time::timeout(SHUTDOWN_TIMEOUT, session.client.logout()).await {
        Ok(Err(matrix_sdk::Error::Http(error))) if is_refusal(&error) => Ok(()),
        Ok(Err(error)) => Err(sentence(&error)),
        Err(_) => Err(sentence(&matrix_sdk::Error::Timeout)),
        Ok(Ok(())) => Ok(()),
    }
}

/// The server insists that the session has ended. Everything stays, also the tokens.
pub fn end(profile: &Profile) -> Result<(), SessionError> {
    let Some((vault, _)) = Vault::open(&profile.dir)? else { return Ok(()) };
    vault.change(State::ended)
}

/// The server was wrong: the session goes on.
pub fn revive(profile: &Profile) -> Result<(), SessionError> {
    let Some((vault, _)) = Vault::open(&profile.dir)? else { return Ok(()) };
    vault.change(State::revived)
}

/// What the folder knows before a login.
struct FormerProfile {
    record: Option<Record>,
    owner: Option<Owner>,
}

impl FormerProfile {
    async fn of(profile: &Profile) -> Result<Self, SessionError> {
        if let Some((vault, record)) = Vault::open(&profile.dir)? {
            let owner = keys::owner(&vault).await?.filter(|owner| owner.user_id == record.user_id);
            return Ok(Self { record: Some(record), owner });
        }
        // A session file that was lost does not make the keys nobody's.
        let owner = match Vault::open_by_key(&profile.dir)? {
            Some(vault) => keys::owner(&vault).await.unwrap_or_default(),
            None => None,
        };
        Ok(Self { record: None, owner })
    }

    fn user(&self) -> Option<&OwnedUserId> {
        self.record.as_ref().map(|record| &record.user_id).or(self.owner.as_ref().map(|owner| &owner.user_id))
    }

    /// The device to go on with, for a user who is like this.
    fn device_of(&self, user: impl Fn(&OwnedUserId) -> bool) -> Option<OwnedDeviceId> {
        self.owner.as_ref().filter(|owner| user(&owner.user_id)).map(|owner| owner.device_id.clone())
    }
}

/// Whose place in the profile's folder this login would take, if somebody else's.
pub async fn replaces(profile: &Profile, login: &Login) -> Result<Option<UserId>, SessionError> {
    let known = FormerProfile::of(profile).await?;
    Ok(known.user().filter(|user| **user != login.auth.meta().user_id).map(UserId::new))
}

/// The question before another account's things are deleted for this login, as exact as can be.
pub async fn losses(former: &UserId, session: Option<&Session>, login: &Login) -> SafeText {
    let counted = match session {
        Some(session) => unsent(&session.client).await.ok(),
        None => None,
    };
    let texts = match counted {
        Some((0, 0)) => String::new(),
        Some((drafts, unsent)) => {
            format!("{}, {}, and ", counted_as(drafts, "draft"), counted_as(unsent, "unsent message"))
        }
        None => "drafts, unsent messages, and ".to_owned(),
    };
    SafeText::line(&format!(
        "This profile is {former}'s. To log in as {}, what {former} has here is deleted: {texts}the keys to all encrypted \
         messages that were read here. Delete it? (Another profile keeps both: --profile.)",
        login.user()
    ))
}

fn counted_as(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// How many drafts and unsent messages there are.
async fn unsent(client: &Client) -> Result<(usize, usize), matrix_sdk::Error> {
    let store = client.state_store();
    let mut drafts = 0;
    for room in client.rooms() {
        let draft = store.get_kv_data(StateStoreDataKey::ComposerDraft(room.room_id(), None)).await?;
        drafts += usize::from(draft.is_some());
    }
    let mut unsent = 0;
    for room in store.load_rooms_with_unsent_requests().await? {
        unsent += store.load_send_queue_requests(&room).await?.len();
    }
    Ok((drafts, unsent))
}

/// Takes the session into the profile's folder (see the table above). Stop everything that uses the
/// folder first; what another user had there is gone.
pub async fn move_in(profile: &Profile, login: Login) -> Result<Session, SessionError> {
    let Login { found, auth, password } = login;
    let meta = auth.meta();
    let mut known = FormerProfile::of(profile).await?;
    if known.user().is_some_and(|user| *user != meta.user_id) {
        Vault::clear(&profile.dir)?;
        known = FormerProfile { record: None, owner: None };
    }
    let vault = Vault::create(&profile.dir)?;
    let mut record = Record {
        homeserver: found.url.to_string(),
        sliding_sync: found.sliding_sync,
        user_id: meta.user_id.clone(),
        logged_in_at: now(),
        state: State::HardLoggedOut,
    };
    let same_device = known.owner.is_some_and(|owner| owner.device_id == meta.device_id);
    match known.record {
        previous if same_device => {
            record.logged_in_at = previous.map_or(record.logged_in_at, |previous| previous.logged_in_at);
        }
        Some(_) => {
            // First of all the old device is given up, so that a crash cannot bring it back without
            // its keys.
            vault.write(&record)?;
            keys::give_up_device(&vault)?;
        }
        None => vault.forget_databases()?,
    }
    let (disk, nothings) = (Disk::new(), Arc::<Nothings>::default());
    let client = open(&vault, &record, &disk, &nothings).await?;
    record.state = State::Active(Granted::of(&auth));
    // Before the client can refresh these tokens: what it writes then must not be overwritten.
    vault.write(&record)?;
    let mut session = resume(client, (disk, nothings), auth, &vault, &record).await?;
    session.upkeep = Some((password, same_device));
    Ok(session)
}

/// Builds the client on the folder's databases. Makes no request.
async fn open(
    vault: &Vault,
    record: &Record,
    disk: &Arc<Disk>,
    nothings: &Arc<Nothings>,
) -> Result<(Client, Keys), SessionError> {
    let stores = SqliteStoreConfig::new(vault.dir()).key(Some(vault.key())).pool_max_size(POOL);
    let (stores, keys) = disk::stores(vault.dir(), stores, disk, nothings).await?;
    let client = Client::builder()
        .homeserver_url(&record.homeserver)
        .sliding_sync_version_builder(if record.sliding_sync { VersionBuilder::Native } else { VersionBuilder::None })
        .user_agent(USER_AGENT)
        // The SDK would ask a server that is in trouble for a quarter of an hour and say nothing,
        // also when it renews the tokens. Whoever asks for something tries again here, and says
        // why.
        .request_config(RequestConfig::new().disable_retry())
        .handle_refresh_tokens()
        .cross_process_store_config(LOCKS)
        .with_encryption_settings(EncryptionSettings {
            auto_enable_cross_signing: true,
            auto_enable_backups: false,
            backup_download_strategy: BackupDownloadStrategy::AfterDecryptionFailure,
        })
        .store_config(stores)
        .build()
        .await
        .map_err(|error| SessionError::building(vault.dir(), &error))?;
    vault.make_files_private()?;
    Ok((client, keys))
}

/// Makes the client go on with this session, and keep its tokens.
async fn resume(
    (client, keys): (Client, Keys),
    (disk, nothings): (Arc<Disk>, Arc<Nothings>),
    auth: AuthSession,
    vault: &Vault,
    record: &Record,
) -> Result<Session, SessionError> {
    let restoring = |error: matrix_sdk::Error| SessionError::restoring(vault.dir(), &error);
    let (tell, troubles) = unbounded_channel();
    let keeper = Arc::new(Keeper::new(vault.clone(), &auth, tell));
    let writing = keeper.clone();
    client
        .set_session_callbacks(
            // Asked for only where several processes share a session by the SDK's own lock.
            Box::new(|_| Err("the session has one process".into())),
            Box::new(move |client| Ok(writing.keep_or_tell(&client)?)),
        )
        .map_err(restoring)?;
    forget_notes(&client, vault.dir()).await?;
    client.restore_session(auth).await.map_err(restoring)?;
    Ok(Session {
        client,
        disk,
        keys,
        nothings,
        account: account(record),
        logged_in_at: record.logged_in_at,
        key: *vault.key(),
        keeper,
        troubles: Some(troubles),
        upkeep: Some((None, false)),
        under_way: None,
    })
}

/// Drops what the state store remembers of the way with the server.
///
/// The `/sync` position that the SDK keeps by itself is past what a kill cut off, and the SDK
/// (0.18) takes an answer that ends there for one that it has dealt with. How far we came is [kept
/// apart](super::sync). That the server has other one-time keys is noted for ever, and not said
/// again; it is to be found out anew.
async fn forget_notes(client: &Client, folder: &Path) -> Result<(), SessionError> {
    for key in [StateStoreDataKey::SyncToken, StateStoreDataKey::OneTimeKeyAlreadyUploaded] {
        let removed = client.state_store().remove_kv_data(key).await;
        removed.map_err(|error| SessionError::restoring(folder, &error.into()))?;
    }
    Ok(())
}

fn account(record: &Record) -> Account {
    Account {
        user_id: UserId::new(&record.user_id),
        device: SafeText::line(record.state.device().map_or("", |device| device.as_str())),
        homeserver: SafeText::line(record.homeserver.trim_end_matches('/')),
    }
}

#[cfg(test)]
pub(super) mod loopback;
#[cfg(test)]
mod tests;
