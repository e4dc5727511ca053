//! One session after the other: takes it up, logs in and out, and hands requests to whoever carries
//! them out.

use std::{io, time::Duration};

use tokio::{
    runtime::Builder,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::Instant,
};

use super::{
    Asked, Profile, STACK,
    backoff::Backoff,
    errors::{self, LoginError, SessionError},
    live::{Live, NotLive},
    reply::{Failure, FailureKind, Reply},
    request::{Request, SessionRequest},
    responder::Responder,
    session::{
        self, Login, Restored, Session,
        trust::{self, End, Verdict},
    },
    tasks,
    update::Update,
};
use crate::model::SafeText;

/// How long the tasks of a session that has ended may take to notice when the program ends too.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// The same when another session follows. A write waits for five seconds at a database that is
/// locked, also when nobody waits for it any more, and must not come to what is the next one's.
const BETWEEN_SESSIONS: Duration = Duration::from_secs(7);
/// How long it may take to see that the program ends.
const CLOSED_WITHIN: Duration = Duration::from_millis(200);
/// Pauses before the profile is opened again while another program holds it.
const PAUSE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));

/// One session after the other, each on its own runtime, until nobody asks for anything any more.
pub(super) fn run(
    mut profile: Profile,
    mut requests: UnboundedReceiver<Asked>,
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
        if matches!(end, SessionEnd::Quit) {
            runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
            return Ok(());
        }
        runtime.shutdown_timeout(BETWEEN_SESSIONS);
        last = Some(end);
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
    /// Somebody has logged in, by this request. Whatever was at the databases until now is gone
    /// before they are.
    Granted(Box<Login>, Responder),
}

/// What comes back from a task.
enum News {
    /// Of a login.
    Login(Result<Box<Login>, LoginError>, Responder),
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
        requests: &mut UnboundedReceiver<Asked>,
        mut news: UnboundedReceiver<News>,
    ) -> SessionEnd {
        self.begin(last, requests).await;
        let mut logout = None;
        let end = loop {
            tokio::select! {
                request = requests.recv() => match request {
                    Some((Request::Session(SessionRequest::Logout), responder)) if self.live.is_some() => {
                        logout = Some(responder);
                        break SessionEnd::LoggedOut(None);
                    }
                    Some((Request::Session(SessionRequest::ReplaceAccount), responder)) if self.granted.is_some() => {
                        if let Some(login) = self.granted.take() {
                            break SessionEnd::Granted(login, responder);
                        }
                    }
                    Some(asked) => self.handle_until_closed(asked, requests).await,
                    None => break SessionEnd::Quit,
                },
                Some(news) = news.recv() => match news {
                    News::Login(outcome, responder) => {
                        if let Some((login, responder)) = self.granted(outcome, responder).await {
                            break SessionEnd::Granted(login, responder);
                        }
                    }
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
                let told = session::logout(self.profile, &session).await.map_err(|error| errors::line(&error));
                if let Some(responder) = logout {
                    let failed = |sentence| Failure::new(FailureKind::Server, sentence);
                    responder.respond(told.as_ref().map(|()| Reply::Done).map_err(failed));
                }
                SessionEnd::LoggedOut(told.err())
            }
            end => end,
        }
    }

    /// Puts the last session away, or takes up the one on disk.
    async fn begin(&mut self, last: Option<SessionEnd>, requests: &UnboundedReceiver<Asked>) {
        match last {
            Some(SessionEnd::LoggedOut(sentence)) => return self.tell(Update::LoggedOut(sentence)),
            Some(SessionEnd::Granted(login, responder)) => return self.move_in(*login, responder).await,
            Some(SessionEnd::Itself(End::Revoked)) => {
                if let Err(error) = session::end(self.profile) {
                    self.tell(Update::Warning(errors::line(&error)));
                }
            }
            Some(SessionEnd::Quit | SessionEnd::Itself(End::Renewed)) | None => {}
        }
        self.take_up(requests).await;
    }

    /// Takes up the session on disk, as soon as nobody else holds its files.
    async fn take_up(&mut self, requests: &UnboundedReceiver<Asked>) {
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
            self.tell(Update::Warning(failed.sentence));
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
        let asking = tasks::spawn(async move {
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
            Ok(()) => {
                if let Err(sentence) = self.go_live(*session).await {
                    self.tell(Update::LoggedOut(Some(sentence)));
                }
            }
            Err(error) => self.tell(Update::LoggedOut(Some(errors::line(&error)))),
        }
    }

    fn tell(&self, event: Update) {
        // Nobody listens only while the program ends.
        let _ = self.events.send(event);
    }

    /// A session goes to work, or it is said why it cannot.
    async fn go_live(&mut self, session: Session) -> Result<(), SafeText> {
        let live = Live::start(self.profile, session, self.events.clone()).await;
        self.live = Some(live.map_err(|failed| failed.sentence)?);
        Ok(())
    }

    async fn move_in(&mut self, login: Login, responder: Responder) {
        let live = match session::move_in(self.profile, login).await {
            Ok(session) => self.go_live(session).await,
            Err(error) => Err(errors::line(&error)),
        };
        if let Err(sentence) = &live {
            self.tell(Update::LoggedOut(Some(sentence.clone())));
        }
        let failed = |sentence: SafeText| Failure::new(FailureKind::Storage, &sentence);
        responder.respond(live.map(|()| Reply::Done).map_err(failed));
    }

    /// The server has let somebody in. Whoever would replace another account is asked first.
    async fn granted(
        &mut self,
        outcome: Result<Box<Login>, LoginError>,
        responder: Responder,
    ) -> Option<(Box<Login>, Responder)> {
        self.login = None;
        let replaces = match &outcome {
            Ok(login) => session::replaces(self.profile, login).await.map_err(LoginError::from),
            Err(_) => Ok(None),
        };
        match (outcome, replaces) {
            (Ok(login), Ok(None)) => return Some((login, responder)),
            (Ok(login), Ok(Some(former))) => {
                let former_session = self.ended.as_ref().map(|(session, _)| &**session);
                let question = session::losses(&former, former_session, &login).await;
                self.granted = Some(login);
                responder.respond(Ok(Reply::LoginReplaces(question)));
            }
            (Ok(login), Err(error)) => {
                login.give_up().await;
                responder.respond(Err(error.failure()));
            }
            (Err(error), _) => responder.respond(Err(error.failure())),
        }
        None
    }

    /// Carries out a request. One that waits for the disk does not keep the program from quitting.
    async fn handle_until_closed(&mut self, asked: Asked, requests: &UnboundedReceiver<Asked>) {
        let disk = self.live.as_ref().map(|live| live.disk().clone());
        let handled = self.handle(asked);
        tokio::pin!(handled);
        while tokio::time::timeout(CLOSED_WITHIN, &mut handled).await.is_err() {
            if let Some(disk) = disk.as_ref().filter(|_| requests.is_closed()) {
                disk.give_up();
            }
        }
    }

    async fn handle(&mut self, (request, responder): Asked) {
        match (request, &mut self.live) {
            (Request::Session(request), _) => self.handle_session(request, responder),
            (Request::Rooms(request), Some(live)) => live.handle_rooms(request, responder),
            (Request::Timeline(request), Some(live)) => live.handle_timeline(request, responder).await,
            (Request::Receipts(request), Some(live)) => live.handle_receipts(request, responder),
            (Request::Rooms(_) | Request::Timeline(_) | Request::Receipts(_), None) => {
                responder.respond(Err(no_session()));
            }
        }
    }

    fn handle_session(&mut self, request: SessionRequest, responder: Responder) {
        match request {
            SessionRequest::FindHomeserver(typed) => return self.find(typed, responder),
            SessionRequest::Login { homeserver, user, password } => {
                let profile = self.profile.clone();
                let login = async move { session::login_password(&profile, &homeserver, &user, &password).await };
                return self.begin_login(login, responder);
            }
            SessionRequest::BrowserLogin { homeserver, method } => {
                let (profile, events) = (self.profile.clone(), self.events.clone());
                let open = move |url: String| {
                    let _ = events.send(Update::BrowserWaiting { url: SafeText::line(&url) });
                };
                let login = async move { session::login_browser(&profile, &homeserver, method, open).await };
                return self.begin_login(login, responder);
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
            // `run` takes them where there is a session to be ended, or a login that waits.
            SessionRequest::Logout | SessionRequest::ReplaceAccount => return responder.respond(Err(no_session())),
        }
        responder.respond(Ok(Reply::Done));
    }

    fn find(&mut self, typed: String, responder: Responder) {
        self.replace_login(tasks::spawn(async move {
            let found = session::find(&typed).await;
            let reply = found.map(|(homeserver, methods)| Reply::LoginMethods { homeserver, methods });
            responder.respond(reply.map_err(|error| error.failure()));
        }));
    }

    fn begin_login(
        &mut self,
        login: impl Future<Output = Result<Login, LoginError>> + Send + 'static,
        responder: Responder,
    ) {
        self.refuse();
        // Whoever logs in anew does not want the old session back in the middle of it.
        if let Some((_, asking)) = &self.ended {
            asking.abort();
        }
        let tell = self.tell.clone();
        self.replace_login(tasks::spawn(async move {
            let _ = tell.send(News::Login(login.await.map(Box::new), responder));
        }));
    }

    /// Gives up a login that nobody wants any more.
    fn refuse(&mut self) {
        if let Some(login) = self.granted.take() {
            tasks::spawn(login.give_up());
        }
    }

    /// Only the newest attempt counts.
    fn replace_login(&mut self, task: JoinHandle<()>) {
        if let Some(former) = self.login.replace(task) {
            former.abort();
        }
    }
}

/// The session ended first, or there never was one.
fn no_session() -> Failure {
    Failure::new(FailureKind::Cancelled, "You are not logged in.")
}
