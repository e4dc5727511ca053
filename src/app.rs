//! The state of the app, and the one function that changes it.
//!
//! Everything that happens comes as an [`Event`] through [`update`], which changes [`App`] and
//! returns the [`Effect`]s that it asks for. It is pure and total: no clock, no network, no
//! terminal, and no event that it cannot take in any state. So a test is a list of events and what
//! has to come of them, and what the user sees can be replayed. Two things come from outside
//! besides events: the time, as an argument, and after each drawing what was on screen
//! ([`App::on_drawn`]), because only the view knows how high a message is.

use std::collections::HashMap;

use self::{
    demo::Demo,
    editing::Writing,
    effect::Effect,
    endings::Taken,
    event::Event,
    layout::{HitAreas, LayoutFacts},
    login::Login,
    rooms::Rooms,
    screens::Screens,
    status::Status,
    timeline::{Looked, OpenTimeline},
    timelines::Timelines,
};
use crate::{
    client::{request::TimelineRequest, update::Update},
    delivery::summary,
    input::{Context, Key, Keymap},
    model::{Account, Connection, Mark, RoomId, SafeText, TimelineId, Timestamp, UserId},
    settings::Config,
};
use jiff::tz::TimeZone;

mod actions;
pub mod command;
pub mod commands;
pub mod composer;
pub mod demo;
mod draft;
pub mod editing;
pub mod effect;
pub mod eligibility;
mod endings;
pub mod event;
mod invites;
pub mod layout;
pub mod login;
mod outcomes;
mod replying;
pub mod rooms;
pub mod screens;
mod session;
mod settings;
pub mod status;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod timeline;
pub mod timelines;

/// How far the user has come: what fills the terminal, below all [`screens`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "there is one")]
pub enum Phase {
    /// Whether there is a session is not known yet.
    Starting,
    /// There is none.
    Login(Login),
    /// There is one.
    Main,
}

/// Which pane of the main screen has the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// The room list.
    Rooms,
    /// The timeline.
    Timeline,
    /// The composer.
    Composer,
}

/// Whether somebody sees what is on the screen, as far as the terminal tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// It says whether its window has the focus.
    Told(bool),
    /// It has not said anything (tmux does not, unless it is told to, and passes nothing on of
    /// another window in front): a key was pressed since the last message came.
    Guessed(bool),
}

impl Default for Watched {
    fn default() -> Self {
        Self::Guessed(false)
    }
}

impl Watched {
    /// Whether there is somebody, or there was since the last message came.
    pub fn by_anybody(self) -> bool {
        let (Self::Told(watched) | Self::Guessed(watched)) = self;
        watched
    }

    fn key_pressed(&mut self) {
        if let Self::Guessed(pressed) = self {
            *pressed = true;
        }
    }

    /// A message came.
    fn message_came(&mut self) {
        if let Self::Guessed(pressed) = self {
            *pressed = false;
        }
    }
}

/// Everything there is to draw, and what has to be remembered to get there.
#[derive(Debug)]
pub struct App {
    /// What fills the terminal.
    pub phase: Phase,
    /// The room list.
    pub rooms: Rooms,
    /// The timelines that are open.
    pub timelines: Timelines,
    /// Which pane has the focus.
    pub focus: Focus,
    /// What stands over the main view.
    pub screens: Screens,
    /// What stands where, as it was drawn last.
    pub hits: HitAreas,
    /// The sentence in the status line.
    pub status: Option<Status>,
    /// How this client stands to its homeserver.
    pub connection: Connection,
    /// Who is logged in.
    pub account: Option<Account>,
    /// This is the demo.
    pub demo: Option<Demo>,
    /// The settings in force.
    pub settings: Config,
    /// Whether somebody sees what is on the screen.
    pub watched: Watched,
    /// In which times are shown.
    pub time_zone: TimeZone,
    /// Which keys mean what.
    pub keymap: Keymap,
    /// What is typed where no timeline is open.
    drafts: HashMap<TimelineId, Writing>,
    /// Texts of a room that has ended, on the way to the next room that is opened.
    taken: Option<Taken>,
    /// Whose drafts and rooms these are.
    user_id: Option<UserId>,
    /// Keys that are the beginning of a longer sequence.
    pressed: Pressed,
}

/// Keys that are the beginning of a longer sequence, and where they were pressed.
#[derive(Debug, Default)]
struct Pressed {
    contexts: &'static [Context],
    keys: Vec<Key>,
}

impl App {
    /// The app as it starts.
    pub fn new(settings: Config, time_zone: TimeZone) -> Self {
        Self {
            phase: Phase::Starting,
            rooms: Rooms::default(),
            timelines: Timelines::default(),
            focus: Focus::Rooms,
            screens: Screens::default(),
            hits: HitAreas::default(),
            status: None,
            connection: Connection::Connecting,
            account: None,
            demo: None,
            settings,
            watched: Watched::default(),
            time_zone,
            keymap: commands::default_keymap(),
            drafts: HashMap::new(),
            taken: None,
            user_id: None,
            pressed: Pressed::default(),
        }
    }

    /// The delivery mark of the own message at this index of the open timeline.
    pub fn mark(&self, index: usize) -> Option<Mark> {
        let open = self.timelines.shown()?;
        let message = open.message(index).filter(|message| message.own)?;
        let delivery = message.event_id.as_ref().and_then(|event| open.deliveries.get(event));
        let mark = summary::mark(&message.send_state, delivery, &open.readers(index));
        // Where nobody is asked for receipts, it is not known who was there.
        let is_known = || self.rooms.get(&open.id.room_id).is_some_and(|room| self.asks_in(room));
        Some(if mark == Mark::Nobody && !is_known() { Mark::Sent } else { mark })
    }

    /// Where the user is incognito (P12), of what is on screen: everywhere, or in the open room.
    pub fn incognito(&self) -> Option<&'static str> {
        let here = || self.timelines.shown().is_some_and(|open| self.settings.delivery.is_incognito(&open.id.room_id));
        if self.settings.delivery.incognito { Some("incognito") } else { here().then_some("incognito in this room") }
    }

    /// The user is incognito in this room by its own setting (P12).
    pub fn incognito_in(&self, room: &RoomId) -> bool {
        self.settings.delivery.incognito_rooms.contains(room)
    }

    /// Where the user is, for the keymap and the key hints: the nearest context first.
    pub fn contexts(&self) -> &'static [Context] {
        use Context as C;
        if let Some(screen) = self.screens.top() {
            return screen.behaviour().contexts(self);
        }
        match (&self.phase, self.focus) {
            (Phase::Starting, _) => &[C::Global],
            (Phase::Login(_), _) => &[C::Login, C::Edit, C::Global],
            (Phase::Main, Focus::Rooms) if self.rooms.filter.is_some() => &[C::Filter, C::Edit, C::Main, C::Global],
            (Phase::Main, Focus::Rooms) => &[C::Rooms, C::Browse, C::Main, C::Global],
            (Phase::Main, Focus::Timeline) => &[C::Timeline, C::Browse, C::Main, C::Global],
            (Phase::Main, Focus::Composer) if self.can_complete() => {
                &[C::CommandName, C::Composer, C::Edit, C::Main, C::Global]
            }
            (Phase::Main, Focus::Composer) => &[C::Composer, C::Edit, C::Main, C::Global],
        }
    }

    /// Tells what was drawn. To be called after each drawing, before the next event.
    pub fn on_drawn(&mut self, layout: LayoutFacts) {
        if let Some(open) = self.timelines.shown_mut() {
            open.on_drawn(layout.timeline);
        }
        self.screens.on_drawn(layout.screen.unwrap_or_default());
        self.hits = layout.hits;
    }

    /// When [`update`] wants to be called with [`Event::Wake`], if nothing else happens before; a
    /// time that has passed means at once.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let open = self.timelines.shown();
        let at_once = (self.may_mark_read().is_some() || self.wants_older().is_some()).then_some(Timestamp::EPOCH);
        let status = self.status.as_ref().map(|status| status.until);
        let draft = open.and_then(|open| open.writing.draft.save_at);
        let typing = open.and_then(|open| open.typing_notice).map(|notice| notice.until);
        [at_once, status, draft, typing].into_iter().flatten().min()
    }

    /// The open room and its newest message, if that is being looked at and its read receipt is
    /// still to be sent: the timeline's end is on screen, nothing covers it, and somebody is there.
    fn may_mark_read(&self) -> Option<Looked> {
        let looking = self.phase == Phase::Main && !self.screens.cover() && self.watched.by_anybody();
        let open = self.timelines.shown().filter(|_| looking)?;
        open.unmarked()
    }

    fn wants_older(&self) -> Option<&OpenTimeline> {
        self.timelines.shown().filter(|open| self.phase == Phase::Main && open.wants_older())
    }

    /// Does what has become due.
    fn tick(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        self.status.take_if(|status| status.until <= now);
        let Some(open) = self.timelines.shown() else { return };
        if open.writing.draft.save_at.is_some_and(|at| at <= now) {
            self.save_draft(out);
        }
        if self.timelines.shown().and_then(|open| open.typing_notice).is_some_and(|notice| notice.until <= now) {
            self.stop_typing(out);
        }
    }

    /// Asks for what the picture on screen calls for: a read receipt, older messages.
    fn follow_the_picture(&mut self, out: &mut Vec<Effect>) {
        let read = self.may_mark_read();
        let older = self.wants_older().is_some();
        let Some(open) = self.timelines.shown_mut() else { return };
        if let Some(looked) = read {
            open.on_marked_read(looked);
            out.push(Effect::from(TimelineRequest::MarkRead(open.id.clone())));
        }
        if older {
            open.older_are_coming();
            out.push(Effect::from(TimelineRequest::Paginate(open.id.clone())));
        }
    }

    /// Takes in what the client tells.
    fn on_update(&mut self, update: Update, now: Timestamp, out: &mut Vec<Effect>) {
        match update {
            Update::BrowserWaiting { url } => {
                self.browser_waits(url, out);
            }
            Update::LoggedIn(account) => self.logged_in(account, out),
            Update::LoggedOut(reason) => self.logged_out(reason, out),
            Update::SessionEnded { account, why } => self.session_ended(account, why, out),
            Update::Connection(connection) => self.on_connection(connection),

            Update::Rooms(rooms) => {
                self.rooms.update(rooms);
                self.begin_tour(out);
            }
            Update::RoomsGone(rooms) => self.rooms_gone(&rooms, out),
            Update::RoomsComplete => self.rooms.complete = true,

            Update::Timeline { timeline_id, changes } => self.timeline_changed(&timeline_id, changes, now, out),
            Update::Pagination { timeline_id, state } => {
                if let Some(open) = self.timelines.get_mut(&timeline_id) {
                    open.pagination = state;
                }
            }
            Update::Typing { room_id, who } => {
                self.timelines.of_room(&room_id).for_each(|open| open.typing.clone_from(&who));
            }

            Update::Deliveries { room_id, deliveries } => {
                for open in self.timelines.of_room(&room_id) {
                    let known = deliveries.iter().map(|delivery| (delivery.event_id.clone(), delivery.clone()));
                    open.deliveries.extend(known);
                }
            }
            Update::Traces { room_id, traces } => {
                self.timelines.of_room(&room_id).for_each(|open| open.traces.clone_from(&traces));
            }
            Update::Notice(text) => self.status = Some(Status::info(text, now)),
            Update::Warning(why) => self.status = Some(Status::error(why, now)),
            Update::Done { request, outcome, .. } => self.on_done(*request, outcome, now, out),
            Update::EditFailed { room_id: room, event_id: event, text, removed, why } => {
                self.edit_failed(room, event, (&text, removed), out);
                self.status = Some(Status::error(why, now));
            }
        }
    }
}

/// Takes in what happened, and returns what has to be done.
pub fn update(app: &mut App, event: Event, now: Timestamp) -> Vec<Effect> {
    let mut effects = Vec::new();
    let out = &mut effects;
    app.tick(now, out);
    match event {
        Event::Key(key) => {
            app.watched.key_pressed();
            app.press(key, now, out);
        }
        Event::Paste(text) => {
            app.watched.key_pressed();
            app.insert(&text, now, out);
        }
        Event::Focus(focused) => app.watched = Watched::Told(focused),

        Event::DemoDoing(what) => app.on_demo_doing(what),
        Event::DemoReady(entrance) => app.on_demo_ready(entrance, out),
        Event::Settings(settings) => app.settings = settings,
        Event::Failed(why) => app.status = Some(Status::error(why, now)),
        Event::Client(update) => {
            app.tell_screens(&update);
            app.on_update(update, now, out);
        }

        // What is done after each event is all that is to be done.
        Event::Resize | Event::Wake => {}
    }
    if app.timelines.shown_mut().is_some_and(OpenTimeline::seeks_in_vain) {
        let why = "That message could not be found any more; it may have been removed.";
        app.status = Some(Status::error(SafeText::line(why), now));
    }
    app.settle_screens(out);
    app.follow_the_picture(out);
    effects
}
