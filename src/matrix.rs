//! Everything that knows matrix-sdk: effects in, events out.
//!
//! One task takes effects in their order, so that what is typed is sent in that order; whatever waits for the network
//! runs beside it and answers with an event. No type of the SDK leaves this module, and no text of the network leaves
//! it but as [`crate::model::SafeText`].
//!
//! - [`session`]: log in, restore, log out; what of it is on disk, and how it is protected.
//! - [`sync`]: sliding sync or `/sync`, and the connection's state.
//! - [`rooms`], [`timeline`], [`content`]: the SDK's rooms and events as `model` has them.
//! - [`live`]: a session at work; [`actions`]: join, create, invite and the like.
//! - [`receipts`]: delivery receipts at work.
//! - [`errors`]: errors in sentences that say what to do.

use std::path::PathBuf;

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

use self::{
    errors::LoginError,
    live::{End, Live},
    session::Session,
};
use crate::{
    app::{effect::Effect, event::Event},
    delivery::policy::Settings,
    model::SafeText,
};

mod actions;
mod clock;
pub mod content;
pub mod errors;
mod ids;
mod live;
mod receipts;
mod rooms;
pub mod session;
mod sync;
mod timeline;

/// Where one account lives on this machine, and what it starts with.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The profile's own folder (made 0700 when missing). Everything of the account is in it.
    pub dir: PathBuf,
    /// The device's public name at first login.
    pub device_name: String,
    /// Delivery settings to start with; later ones come as [`Effect::Settings`].
    pub settings: Settings,
}

/// The running half of the house that talks to the homeserver.
pub struct Matrix {
    effects: UnboundedSender<Effect>,
    task: JoinHandle<()>,
}

impl Matrix {
    /// Starts it on the current tokio runtime. The first events tell whether there is a session
    /// ([`Event::LoggedIn`], with the rooms from the cache) or not ([`Event::LoggedOut`]).
    pub fn start(profile: Profile, events: UnboundedSender<Event>) -> Self {
        let (effects, receiver) = unbounded_channel();
        let (logins, outcomes) = unbounded_channel();
        let worker = Worker { profile, events, logins, login: None, live: None };
        Self { effects, task: tokio::spawn(worker.run(receiver, outcomes)) }
    }

    /// Hands over an effect; never blocks.
    pub fn run(&self, effect: Effect) {
        if self.effects.send(effect).is_err() {
            tracing::error!("an effect came after the end");
        }
    }

    /// Stops syncing, waits until everything owed is on disk, and closes the stores.
    pub async fn stop(self) {
        drop(self.effects);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the matrix task did not end well");
        }
    }
}

type LoginOutcome = Result<Session, LoginError>;

struct Worker {
    profile: Profile,
    events: UnboundedSender<Event>,
    logins: UnboundedSender<LoginOutcome>,
    /// A login or discovery under way.
    login: Option<JoinHandle<()>>,
    live: Option<Live>,
}

impl Worker {
    async fn run(mut self, mut effects: UnboundedReceiver<Effect>, mut outcomes: UnboundedReceiver<LoginOutcome>) {
        match session::restore(&self.profile).await {
            Ok(Some(session)) => self.go_live(session).await,
            Ok(None) => self.tell(Event::LoggedOut(None)),
            Err(error) => self.tell(Event::LoggedOut(Some(errors::line(&error)))),
        }
        loop {
            tokio::select! {
                effect = effects.recv() => match effect {
                    Some(effect) => self.handle(effect).await,
                    None => break,
                },
                outcome = outcomes.recv() => if let Some(outcome) = outcome {
                    self.logged_in(outcome).await;
                },
                end = Live::ended(&mut self.live) => self.session_ended(end).await,
            }
        }
        if let Some(login) = self.login.take() {
            login.abort();
        }
        if let Some(live) = self.live.take() {
            live.stop().await;
        }
    }

    fn tell(&self, event: Event) {
        // Nobody listens only while the program ends.
        let _ = self.events.send(event);
    }

    async fn go_live(&mut self, session: Session) {
        match Live::start(&self.profile, session, self.events.clone()).await {
            Ok(live) => self.live = Some(live),
            Err(sentence) => self.tell(Event::LoggedOut(Some(sentence))),
        }
    }

    async fn logged_in(&mut self, outcome: LoginOutcome) {
        self.login = None;
        match outcome {
            Ok(session) => self.go_live(session).await,
            Err(error) => self.tell(Event::LoginFailed(errors::line(&error))),
        }
    }

    /// The server has ended the session. What was typed and not sent stays on disk for the next login.
    async fn session_ended(&mut self, end: End) {
        let Some(live) = self.live.take() else { return };
        live.stop().await;
        session::end_device(&self.profile, end.soft).await;
        let sentence = "The homeserver has ended this session. Log in again: drafts and unsent messages are kept.";
        self.tell(Event::LoggedOut(Some(SafeText::line(sentence))));
    }

    async fn handle(&mut self, effect: Effect) {
        match effect {
            Effect::FindHomeserver(typed) => self.find(typed),
            Effect::Login { homeserver, user, password } => {
                let profile = self.profile.clone();
                self.begin_login(async move { session::login_password(&profile, &homeserver, &user, &password).await });
            }
            Effect::BrowserLogin { homeserver, method } => {
                let (profile, events) = (self.profile.clone(), self.events.clone());
                let open = move |url: String| {
                    let _ = events.send(Event::BrowserWaiting { url: SafeText::line(&url) });
                };
                self.begin_login(async move { session::login_browser(&profile, &homeserver, method, open).await });
            }
            Effect::CancelLogin => {
                if let Some(login) = self.login.take() {
                    login.abort();
                }
            }
            Effect::Logout => self.log_out().await,
            Effect::Settings(settings) => {
                self.profile.settings = settings.clone();
                if let Some(live) = &self.live {
                    live.set(settings);
                }
            }
            other => {
                if let Some(live) = &mut self.live {
                    live.handle(other).await;
                } else {
                    tracing::warn!("an effect that needs a session came without one");
                }
            }
        }
    }

    fn find(&mut self, typed: String) {
        let events = self.events.clone();
        self.replace_login(tokio::spawn(async move {
            let event = match session::find(&typed).await {
                Ok((homeserver, methods)) => Event::LoginMethods { homeserver, methods },
                Err(error) => Event::LoginFailed(errors::line(&error)),
            };
            let _ = events.send(event);
        }));
    }

    fn begin_login(&mut self, login: impl Future<Output = LoginOutcome> + Send + 'static) {
        let logins = self.logins.clone();
        self.replace_login(tokio::spawn(async move {
            let _ = logins.send(login.await);
        }));
    }

    /// Only the newest attempt counts.
    fn replace_login(&mut self, task: JoinHandle<()>) {
        if let Some(former) = self.login.replace(task) {
            former.abort();
        }
    }

    async fn log_out(&mut self) {
        let Some(live) = self.live.take() else { return };
        let session = live.stop().await;
        let sentence = session::logout(&self.profile, &session).await.err().map(|error| errors::line(&error));
        self.tell(Event::LoggedOut(sentence));
    }
}
