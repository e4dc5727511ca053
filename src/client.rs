//! Everything that knows matrix-sdk: requests in, events out.
//!
//! One task takes requests in their order, so that what is typed is sent in that order; whatever
//! waits for the network runs beside it and answers with an event. No type of the SDK leaves this
//! module, and no text of the network leaves it but as [`crate::model::SafeText`].
//!
//! - [`session`]: log in, restore, log out; what of it is on disk, and how it is protected.
//! - [`sync`]: sliding sync or `/sync`, and the connection's state.
//! - [`rooms`], [`timeline`], [`content`]: the SDK's rooms and events as `model` has them.
//! - [`live`]: a session at work; [`actions`]: join, create, invite and the like; [`edits`].
//! - [`endings`]: rooms that ended, and what is said of them; [`leaving`].
//! - [`direct_chats`]: which rooms are chats with whom.
//! - [`disk`]: what must be kept is kept, also when the disk does not take it now.
//! - [`sending`]: when what was written may leave.
//! - [`receipts`]: delivery receipts at work; [`typing`]: that the user types.
//! - [`vouched`]: what only the server can vouch for, and is not believed from anybody else.
//! - [`peer`]: a client without a screen, for the people of the demo.
//! - [`errors`]: errors in sentences that say what to do.

use std::{io, path::PathBuf, thread, time::Duration};

use tokio::{
    runtime::Builder,
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    task::JoinHandle,
    time::Instant,
};

use self::{
    backoff::Backoff,
    errors::{LoginError, SessionError},
    live::{Live, NotLive},
    session::{
        Login, Restored, Session,
        trust::{self, End, Verdict},
    },
};
use crate::{
    client::{
        request::{Request, SessionRequest},
        update::Update,
    },
    delivery::policy::Settings,
    model::{Ms, SafeText},
};

mod actions;
mod address;
mod backoff;
mod body;
pub mod content;
mod direct_chats;
mod disk;
mod edits;
mod endings;
pub mod errors;
mod ids;
mod leaving;
mod live;
mod older;
pub mod peer;
mod polling;
mod receipts;
pub mod request;
mod rooms;
mod sending;
pub mod session;
mod sync;
mod timeline;
mod typed;
mod typing;
pub mod update;
mod vouched;

/// Where one account lives on this machine, and what it starts with.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The profile's own folder (made 0700 when missing). Everything of the account is in it.
    pub dir: PathBuf,
    /// The device's public name at first login.
    pub device_name: String,
    /// Delivery settings to start with; later ones come as [`SessionRequest::Settings`].
    pub settings: Settings,
    /// So long a message's key is waited for before its sender is told that it cannot be read;
    /// [`KEY_WAIT`](crate::delivery::receipt_queue::KEY_WAIT), but in tests.
    pub key_wait: Ms,
    /// The receipts of an own message with more of them than this are counted by the homeserver,
    /// where it can (§7).
    pub summary_above: u64,
}

/// The running half of the house that talks to the homeserver.
///
/// It has a thread and, for each session, a tokio runtime of its own. The SDK starts tasks that
/// nothing but the end of their runtime stops (a message being sent again and again); beside the
/// client of the next login, on the same databases, they would do harm. And its stacks are large,
/// because the SDK walks a message's HTML by recursion.
pub struct ClientHandle {
    requests: UnboundedSender<Request>,
    ended: oneshot::Receiver<()>,
}

/// Enough for the HTML of the largest event there can be (64 KiB of nested tags).
const STACK: usize = 16 << 20;
/// How long the tasks of a session that has ended may take to notice.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it may take to see that the program ends.
const CLOSED_WITHIN: Duration = Duration::from_millis(200);
/// Pauses before the profile is opened again while another program holds it.
const PAUSE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));

impl ClientHandle {
    /// Starts it. The first events tell whether there is a session ([`Update::LoggedIn`], with the
    /// rooms from the cache) or not ([`Update::LoggedOut`]).
    pub fn start(profile: Profile, events: UnboundedSender<Update>) -> io::Result<Self> {
        let (requests, receiver) = unbounded_channel();
        let (done, ended) = oneshot::channel();
        thread::Builder::new().name("client".to_owned()).stack_size(STACK).spawn(move || {
            if let Err(error) = run(profile, receiver, &events) {
                let sentence = format!("No session can be started: {error}. Quit and start again.");
                let _ = events.send(Update::Failed(SafeText::line(&sentence)));
            }
            let _ = done.send(());
        })?;
        Ok(Self { requests, ended })
    }

    /// Hands over a request; never blocks.
    pub fn run(&self, request: Request) {
        if self.requests.send(request).is_err() {
            tracing::error!("a request came after the end");
        }
    }

    /// Stops syncing, waits until everything owed is on disk, and closes the stores.
    pub async fn stop(self) {
        drop(self.requests);
        // An error only says that the thread has ended in another way.
        let _ = self.ended.await;
    }
}

/// One session after the other, each on its own runtime, until nobody asks for anything any more.
fn run(
    mut profile: Profile,
    mut requests: UnboundedReceiver<Request>,
    events: &UnboundedSender<Update>,
) -> io::Result<()> {
    let mut last = None;
    loop {
        let runtime =
            Builder::new_multi_thread().thread_name("client-worker").thread_stack_size(STACK).enable_all().build()?;
        let (tell, news) = unbounded_channel();
        let worker = Worker {
            profile: &mut profile,
            events: events.clone(),
            tell,
            login: None,
            granted: None,
            ended: None,
            live: None,
        };
        let end = runtime.block_on(worker.run(last, &mut requests, news));
        runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
        match end {
            SessionEnd::Quit => return Ok(()),
            end => last = Some(end),
        }
    }
}

/// How a session, or having none, ended.
enum SessionEnd {
    /// The program ends.
    Quit,
    /// The user logged out; the sentence tells when the server does not know it.
    LoggedOut(Option<SafeText>),
    /// Nobody here ended it.
    Itself(End),
    /// Somebody has logged in. Whatever was at the databases until now is gone before they are.
    Granted(Box<Login>),
}

/// What comes back from a task.
enum News {
    /// Of a login.
    Login(Result<Box<Login>, LoginError>),
    /// What the server says about the session that it had ended.
    Ended(Verdict),
}

struct Worker<'a> {
    profile: &'a mut Profile,
    events: UnboundedSender<Update>,
    tell: UnboundedSender<News>,
    /// A login or discovery under way.
    login: Option<JoinHandle<()>>,
    /// A login that would replace another account, and waits for the user's word.
    granted: Option<Box<Login>>,
    /// The session that the server says has ended, and the question whether that still holds.
    ended: Option<(Box<Session>, JoinHandle<()>)>,
    live: Option<Live>,
}

impl Worker<'_> {
    async fn run(
        mut self,
        last: Option<SessionEnd>,
        requests: &mut UnboundedReceiver<Request>,
        mut news: UnboundedReceiver<News>,
    ) -> SessionEnd {
        self.begin(last, requests).await;
        let end = loop {
            tokio::select! {
                request = requests.recv() => match request {
                    Some(Request::Session(SessionRequest::Logout)) if self.live.is_some() => break SessionEnd::LoggedOut(None),
                    Some(Request::Session(SessionRequest::ReplaceAccount)) => if let Some(login) = self.granted.take() {
                        break SessionEnd::Granted(login);
                    },
                    Some(request) => self.handle_until_closed(request, requests).await,
                    None => break SessionEnd::Quit,
                },
                Some(news) = news.recv() => match news {
                    News::Login(outcome) => if let Some(login) = self.granted(outcome).await {
                        break SessionEnd::Granted(login);
                    },
                    News::Ended(verdict) => self.heard(&verdict).await,
                },
                end = Live::ended(&mut self.live) => break SessionEnd::Itself(end),
            }
        };
        if let Some(login) = self.login.take() {
            login.abort();
        }
        if let Some(login) = self.granted.take() {
            login.give_up().await;
        }
        let Some(live) = self.live.take() else { return end };
        let session = live.stop().await;
        match end {
            SessionEnd::LoggedOut(_) => {
                let told = session::logout(self.profile, &session).await;
                SessionEnd::LoggedOut(told.err().map(|error| errors::line(&error)))
            }
            end => end,
        }
    }

    /// Puts the last session away, or takes up the one on disk.
    async fn begin(&mut self, last: Option<SessionEnd>, requests: &UnboundedReceiver<Request>) {
        match last {
            Some(SessionEnd::LoggedOut(sentence)) => return self.tell(Update::LoggedOut(sentence)),
            Some(SessionEnd::Granted(login)) => return self.move_in(*login).await,
            Some(SessionEnd::Itself(End::Revoked)) => {
                if let Err(error) = session::end(self.profile) {
                    self.tell(Update::Failed(errors::line(&error)));
                }
            }
            Some(SessionEnd::Quit | SessionEnd::Itself(End::Renewed)) | None => {}
        }
        self.take_up(requests).await;
    }

    /// Takes up the session on disk, as soon as nobody else holds its files.
    async fn take_up(&mut self, requests: &UnboundedReceiver<Request>) {
        let mut pause = PAUSE;
        loop {
            let failed = match session::restore(self.profile).await {
                Ok(Restored::Active(session)) => match Live::start(self.profile, *session, self.events.clone()).await {
                    Ok(live) => return self.live = Some(live),
                    Err(failed) => failed,
                },
                Ok(Restored::Nobody) => return self.tell(Update::LoggedOut(None)),
                Ok(Restored::Ended { account, session, why }) => {
                    self.tell(Update::SessionEnded { account, why });
                    self.ended = session.map(|session| self.ask_about(session));
                    return;
                }
                Err(error) => {
                    NotLive { passes: matches!(error, SessionError::Locked(_)), sentence: errors::line(&error) }
                }
            };
            if !failed.passes {
                return self.tell(Update::LoggedOut(Some(failed.sentence)));
            }
            self.tell(Update::Failed(failed.sentence));
            let end = Instant::now() + pause.next_delay();
            while Instant::now() < end {
                if requests.is_closed() {
                    return;
                }
                tokio::time::sleep(CLOSED_WITHIN).await;
            }
        }
    }

    /// The server may have been wrong: it is asked again.
    fn ask_about(&self, session: Box<Session>) -> (Box<Session>, JoinHandle<()>) {
        let (client, tell) = (session.client.clone(), self.tell.clone());
        let asking = tokio::spawn(async move {
            let _ = tell.send(News::Ended(trust::ask_until_heard(&client).await));
        });
        (session, asking)
    }

    /// A session that goes on after all, unless somebody is just logging in.
    async fn heard(&mut self, verdict: &Verdict) {
        if *verdict != Verdict::Alive || self.granted.is_some() {
            return;
        }
        let Some((session, _)) = self.ended.take() else { return };
        match session::revive(self.profile) {
            Ok(()) => self.go_live(*session).await,
            Err(error) => self.tell(Update::LoggedOut(Some(errors::line(&error)))),
        }
    }

    fn tell(&self, event: Update) {
        // Nobody listens only while the program ends.
        let _ = self.events.send(event);
    }

    async fn go_live(&mut self, session: Session) {
        match Live::start(self.profile, session, self.events.clone()).await {
            Ok(live) => self.live = Some(live),
            Err(NotLive { sentence, .. }) => self.tell(Update::LoggedOut(Some(sentence))),
        }
    }

    async fn move_in(&mut self, login: Login) {
        match session::move_in(self.profile, login).await {
            Ok(session) => self.go_live(session).await,
            Err(error) => self.tell(Update::LoggedOut(Some(errors::line(&error)))),
        }
    }

    /// The server has let somebody in. Whoever would replace another account is asked first.
    async fn granted(&mut self, outcome: Result<Box<Login>, LoginError>) -> Option<Box<Login>> {
        self.login = None;
        let replaces = match &outcome {
            Ok(login) => session::replaces(self.profile, login).await.map_err(LoginError::from),
            Err(_) => Ok(None),
        };
        match (outcome, replaces) {
            (Ok(login), Ok(None)) => return Some(login),
            (Ok(login), Ok(Some(former))) => {
                let former_session = self.ended.as_ref().map(|(session, _)| &**session);
                let question = session::losses(&former, former_session, &login).await;
                self.granted = Some(login);
                self.tell(Update::LoginReplaces(question));
            }
            (Ok(login), Err(error)) => {
                login.give_up().await;
                self.tell(Update::LoginFailed(errors::line(&error)));
            }
            (Err(error), _) => self.tell(Update::LoginFailed(errors::line(&error))),
        }
        None
    }

    /// Carries out a request. One that waits for the disk does not keep the program from quitting.
    async fn handle_until_closed(&mut self, request: Request, requests: &UnboundedReceiver<Request>) {
        let disk = self.live.as_ref().map(|live| live.disk().clone());
        let handled = self.handle(request);
        tokio::pin!(handled);
        while tokio::time::timeout(CLOSED_WITHIN, &mut handled).await.is_err() {
            if let Some(disk) = disk.as_ref().filter(|_| requests.is_closed()) {
                disk.give_up();
            }
        }
    }

    async fn handle(&mut self, request: Request) {
        match (request, &mut self.live) {
            (Request::Session(request), _) => self.handle_session(request),
            (Request::Rooms(request), Some(live)) => live.handle_rooms(request),
            (Request::Timeline(request), Some(live)) => live.handle_timeline(request).await,
            (Request::Receipts(request), Some(live)) => live.handle_receipts(request),
            (Request::Rooms(_) | Request::Timeline(_) | Request::Receipts(_), None) => {
                tracing::warn!("a request that needs a session came without one");
            }
        }
    }

    fn handle_session(&mut self, request: SessionRequest) {
        match request {
            SessionRequest::FindHomeserver(typed) => self.find(typed),
            SessionRequest::Login { homeserver, user, password } => {
                let profile = self.profile.clone();
                self.begin_login(async move { session::login_password(&profile, &homeserver, &user, &password).await });
            }
            SessionRequest::BrowserLogin { homeserver, method } => {
                let (profile, events) = (self.profile.clone(), self.events.clone());
                let open = move |url: String| {
                    let _ = events.send(Update::BrowserWaiting { url: SafeText::line(&url) });
                };
                self.begin_login(async move { session::login_browser(&profile, &homeserver, method, open).await });
            }
            SessionRequest::CancelLogin => {
                if let Some(login) = self.login.take() {
                    login.abort();
                }
                self.refuse();
            }
            SessionRequest::Settings(settings) => {
                self.profile.settings = settings.clone();
                if let Some(live) = &self.live {
                    live.set(settings);
                }
            }
            SessionRequest::Reconnect => {
                if let Some(live) = &self.live {
                    live.reconnect();
                }
            }
            // Taken by `run`, where there is a session to be ended, or a login that waits for this.
            SessionRequest::Logout | SessionRequest::ReplaceAccount => {}
        }
    }

    fn find(&mut self, typed: String) {
        let events = self.events.clone();
        self.replace_login(tokio::spawn(async move {
            let event = match session::find(&typed).await {
                Ok((homeserver, methods)) => Update::LoginMethods { homeserver, methods },
                Err(error) => Update::HomeserverNotFound(errors::line(&error)),
            };
            let _ = events.send(event);
        }));
    }

    fn begin_login(&mut self, login: impl Future<Output = Result<Login, LoginError>> + Send + 'static) {
        self.refuse();
        // Whoever logs in anew does not want the old session back in the middle of it.
        if let Some((_, asking)) = &self.ended {
            asking.abort();
        }
        let tell = self.tell.clone();
        self.replace_login(tokio::spawn(async move {
            let _ = tell.send(News::Login(login.await.map(Box::new)));
        }));
    }

    /// Gives up a login that nobody wants any more.
    fn refuse(&mut self) {
        if let Some(login) = self.granted.take() {
            tokio::spawn(login.give_up());
        }
    }

    /// Only the newest attempt counts.
    fn replace_login(&mut self, task: JoinHandle<()>) {
        if let Some(former) = self.login.replace(task) {
            former.abort();
        }
    }
}
