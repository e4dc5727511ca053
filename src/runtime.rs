//! The one loop: wait for what happens, update, run effects, draw if there is something to draw.
//!
//! Everything that can happen comes together in one `select!`, so there is one order of events, and
//! one place that knows the clock. A burst (a thousand rooms from the first sync, a page of pasted
//! text) must cost one frame, not a thousand: what is ready is taken in first, and the screen is
//! drawn when nothing more is, at most 60 times a second, but also every 50 ms while a burst lasts.
//! When nothing happens, the loop sleeps until [`App::next_wake`].

use std::{io, path::PathBuf, time::Duration};

use jiff::tz::TimeZone;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{Instant, sleep_until, timeout},
};

use self::{
    effects::Effects,
    keyboard::Keyboard,
    signals::{Signal, Signals},
    terminal::Screen,
};
use crate::{
    app::{self, App, effect::Effect, event::Event},
    client::{ClientHandle, Profile, request::SessionRequest, update::Update},
    clock::now,
    model::Timestamp,
    settings::{Config, ui::Palette},
};

mod backend;
mod clusters;
mod effects;
mod keyboard;
pub mod log;
mod panics;
pub mod paths;
mod signals;
mod terminal;

pub use terminal::palette;

/// The least time between two frames.
const FRAME: Duration = Duration::from_micros(16_667);
/// How long a frame waits for a burst of events to end.
const BURST: Duration = Duration::from_millis(50);
/// How long the program takes to put everything away once it is told to quit.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// What the client starts with.
pub struct Start {
    /// The account.
    pub profile: Profile,
    /// The settings in force.
    pub settings: Config,
    /// Where they are written back to.
    pub config: PathBuf,
    /// What the environment says about the colours, where they are left to it.
    pub palette: Palette,
    /// The log.
    pub log: log::Handle,
    /// What the demo tells, if this is one.
    pub demo: Option<UnboundedReceiver<Event>>,
}

/// How the client ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The user quit.
    Quit,
    /// The user wants to see the demo.
    TryDemo,
}

/// Runs the client until the user wants it to end. An error is the terminal's.
pub fn run(start: Start) -> io::Result<End> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = tokio.block_on(run_in_tokio(start));
    tokio.shutdown_background();
    result
}

async fn run_in_tokio(start: Start) -> io::Result<End> {
    let (from_jobs, jobs) = unbounded_channel();
    let (from_matrix, matrix_events) = unbounded_channel();
    let _panics = panics::install(from_jobs.clone(), &start.log.folder);
    let signals = Signals::listen()?;
    let mut screen = Screen::take(start.palette)?;
    let mut app = App::new(start.settings, TimeZone::system());
    if start.demo.is_some() {
        app = app.in_demo();
    }
    // The first frame is there before anything is read from disk or asked of the network.
    screen.draw(&mut app)?;

    let effects = Effects::new(ClientHandle::start(start.profile, from_matrix)?, start.config, from_jobs);
    let typed = Keyboard::listen()?;
    let mut client = Client { app, screen, effects, log: start.log, dirty: None, drawn: Instant::now() };
    let demo = start.demo.unwrap_or_else(|| unbounded_channel().1);
    let result = client.run(Sources { signals, typed, jobs, matrix: matrix_events, demo }).await;
    tracing::info!(?result, "quitting");

    let Client { screen, effects, .. } = client;
    drop(screen);
    if timeout(SHUTDOWN_TIMEOUT, effects.finish()).await.is_err() {
        tracing::warn!("not everything could be put away in time");
    }
    result
}

/// Where everything that happens comes from.
struct Sources {
    signals: Signals,
    typed: Keyboard,
    jobs: UnboundedReceiver<Event>,
    matrix: UnboundedReceiver<Update>,
    demo: UnboundedReceiver<Event>,
}

/// What the loop has to do next.
enum Step {
    Signal(Signal),
    Happened(Event),
    JobDone(Event),
    Draw,
}

/// What comes after an event.
enum Next {
    GoOn,
    Leave(End),
}

struct Client {
    app: App,
    screen: Screen,
    effects: Effects,
    log: log::Handle,
    /// Since when there is something new to draw.
    dirty: Option<Instant>,
    /// When the last frame was drawn.
    drawn: Instant,
}

impl Client {
    async fn run(&mut self, mut sources: Sources) -> io::Result<End> {
        loop {
            let next = match self.next_step(&mut sources).await? {
                Step::Signal(Signal::Quit) => Next::Leave(End::Quit),
                // It also comes after a stop that nobody can hear (SIGSTOP), so the terminal is
                // taken again here only.
                Step::Signal(Signal::Resumed) => {
                    self.screen.take_again()?;
                    self.happened(Event::Resize)?
                }
                Step::Signal(Signal::Resized) => self.happened(Event::Resize)?,
                Step::Signal(Signal::Suspend) => {
                    terminal::stop_process()?;
                    Next::GoOn
                }
                Step::Happened(event) => self.happened(event)?,
                Step::JobDone(event) => {
                    if let Event::Settings(settings) = &event {
                        self.put_in_force(settings);
                    }
                    self.happened(event)?
                }
                Step::Draw => {
                    self.screen.draw(&mut self.app)?;
                    (self.dirty, self.drawn) = (None, Instant::now());
                    Next::GoOn
                }
            };
            if let Next::Leave(end) = next {
                return Ok(end);
            }
        }
    }

    /// Waits for the next step. The order is that of urgency; drawing comes when nothing else is
    /// ready.
    async fn next_step(&self, sources: &mut Sources) -> io::Result<Step> {
        let frame = self.dirty.map(|since| since.max(self.drawn + FRAME));
        if frame.is_some_and(|due| due + BURST <= Instant::now()) {
            return Ok(Step::Draw);
        }
        tokio::select! {
            biased;
            signal = sources.signals.next() => Ok(Step::Signal(signal)),
            typed = sources.typed.next(self.app.takes_text()) => match typed {
                Some(event) => Ok(Step::Happened(event)),
                // The terminal is gone.
                None => Ok(Step::Signal(Signal::Quit)),
            },
            Some(event) = sources.jobs.recv() => Ok(Step::JobDone(event)),
            Some(update) = sources.matrix.recv() => Ok(Step::Happened(update.into())),
            Some(event) = sources.demo.recv() => Ok(Step::Happened(event)),
            () = at(self.app.next_wake().map(instant)) => Ok(Step::Happened(Event::Wake)),
            () = at(frame) => Ok(Step::Draw),
        }
    }

    /// Tells those that go by settings of their own; the looks are asked for at each frame.
    fn put_in_force(&self, settings: &Config) {
        if settings.delivery != self.app.settings.delivery {
            self.effects.run(Effect::from(SessionRequest::Settings(settings.delivery.clone())));
        }
        self.log.set_level(settings.log_level);
    }

    fn happened(&mut self, event: Event) -> io::Result<Next> {
        self.dirty.get_or_insert_with(Instant::now);
        for effect in app::update(&mut self.app, event, now()) {
            match effect {
                Effect::Quit => return Ok(Next::Leave(End::Quit)),
                Effect::TryDemo => return Ok(Next::Leave(End::TryDemo)),
                Effect::Suspend => terminal::stop_process()?,
                Effect::Redraw => self.screen.forget()?,
                Effect::Copy(text) => terminal::copy(&text)?,
                other => self.effects.run(other),
            }
        }
        Ok(Next::GoOn)
    }
}

/// When it is that time, on the clock that timers use.
fn instant(time: Timestamp) -> Instant {
    Instant::now() + (time - now())
}

/// Waits for that moment, or for ever.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
