//! What comes from the homeserver, taken into the state: the session, the rooms, the open room,
//! drafts.
//!
//! Whatever happens to the session, what the user typed stays: the drafts are kept through a logout
//! that the server forced, and are written again when the same user is back. Only when the user
//! logs out, or somebody else logs in, is everything forgotten.
use super::{
    App, Focus, Phase, Watched,
    editing::Writing,
    effect::Effect,
    login::{Login, LoginState},
    replying::brought,
    rooms::Rooms,
    screens::{Question, Scope},
    timeline::OpenTimeline,
};
use crate::{
    client::request::{SessionRequest, TimelineRequest},
    model::{Account, ComposerDraft, Connection, RoomId, SafeText, TimelineChange, TimelineId, Timestamp},
};

impl App {
    /// Changes the login screen, if it is shown.
    pub(super) fn on_login(&mut self, change: impl FnOnce(&mut Login)) {
        if let Phase::Login(login) = &mut self.phase {
            change(login);
        }
    }

    /// The browser is to be opened for logging in, unless that was cancelled meanwhile.
    pub(super) fn browser_waits(&mut self, url: SafeText, out: &mut Vec<Effect>) {
        self.on_login(|login| {
            if matches!(login.state, LoginState::Browser { .. }) {
                out.push(Effect::OpenUrl(url.to_string()));
                login.state = LoginState::Browser { url: Some(url) };
            }
        });
    }

    pub(super) fn logged_in(&mut self, account: Account, out: &mut Vec<Effect>) {
        if self.user_id.as_ref() != Some(&account.user_id) {
            self.forget();
        }
        self.user_id = Some(account.user_id.clone());
        self.account = Some(account);
        self.phase = Phase::Main;
        self.connection = Connection::Connecting;
        for (id, writing) in &mut self.drafts {
            out.extend(writing.save(id));
        }
        self.save_draft(out);
        for open in self.timelines.all_mut() {
            open.reopened();
            out.push(Effect::from(TimelineRequest::Open(open.id.clone())));
        }
    }

    pub(super) fn logged_out(&mut self, reason: Option<SafeText>, out: &mut Vec<Effect>) {
        if self.demo.is_some() {
            match (reason, &self.phase) {
                (Some(why), _) => self.on_demo_doing(why),
                // Before the login there is no session, as ever.
                (None, Phase::Starting) => {}
                (None, _) => out.push(Effect::Quit),
            }
            self.phase = Phase::Starting;
            return;
        }
        self.screens.clear();
        match (reason, &mut self.phase) {
            (None, Phase::Login(_)) => {}
            (None, Phase::Starting | Phase::Main) => {
                self.forget();
                self.phase = Phase::Login(Login::default());
            }
            (Some(why), Phase::Login(login)) => login.failed(why),
            (Some(why), Phase::Starting | Phase::Main) => {
                for writing in self.drafts.values_mut() {
                    writing.draft.disk_is_gone();
                }
                for open in self.timelines.all_mut() {
                    open.typing_notice = None;
                    open.writing.draft.disk_is_gone();
                }
                self.phase = Phase::Login(Login::again(self.account.as_ref(), why));
            }
        }
        self.account = None;
    }

    /// The session has ended, here or before this start: the login screen is filled in with it.
    pub(super) fn session_ended(&mut self, account: Account, why: SafeText, out: &mut Vec<Effect>) {
        if self.phase == Phase::Starting {
            self.user_id = Some(account.user_id.clone());
        }
        self.account = Some(account);
        self.logged_out(Some(why), out);
    }

    /// Somebody else has logged in: that is asked about before anything is deleted.
    pub(super) fn login_replaces(&mut self, question: &SafeText) {
        self.on_login(|login| login.state = LoginState::Idle);
        self.screens.push(Question::new(question, Effect::from(SessionRequest::ReplaceAccount)));
    }

    /// Forgets everything that belongs to an account.
    fn forget(&mut self) {
        self.rooms = Rooms::default();
        self.timelines.clear();
        self.screens.close_about(Scope::Account);
        self.screens.close_about(Scope::Room);
        self.drafts.clear();
        self.taken = None;
        self.focus = Focus::Rooms;
        self.user_id = None;
    }

    pub(super) fn on_connection(&mut self, connection: Connection) {
        let before = std::mem::replace(&mut self.connection, connection);
        let back = matches!(before, Connection::Offline(_)) && self.connection == Connection::Online;
        if back {
            self.timelines.all_mut().for_each(OpenTimeline::try_again);
        }
    }

    pub(super) fn rooms_gone(&mut self, gone: &[RoomId], out: &mut Vec<Effect>) {
        self.rooms.remove(gone);
        if self.timelines.shown().is_some_and(|open| gone.contains(&open.id.room_id)) {
            self.put_away(out);
            self.focus = Focus::Rooms;
        }
        for id in gone.iter().flat_map(|room_id| self.timelines.ids_of(room_id)).collect::<Vec<_>>() {
            self.close(&id, out);
        }
    }

    pub(super) fn timeline_changed(
        &mut self,
        id: &TimelineId,
        changes: Vec<TimelineChange>,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        let watched = self.phase == Phase::Main && self.watched == Watched::Told(true);
        let is_shown = self.timelines.shown().is_some_and(|open| open.id == *id);
        if let Some(open) = self.timelines.get_mut(id) {
            let newest = open.newest_of_others().cloned();
            open.writing.quote_answered(brought(&changes));
            open.apply(changes, watched && is_shown);
            if is_shown && newest.is_some() && open.newest_of_others() != newest.as_ref() {
                self.watched.message_came();
            }
        }
        self.edited_may_be_removed(now, out);
    }

    /// The draft of an earlier run came; the room may have been left meanwhile.
    pub(super) fn on_draft(&mut self, timeline_id: &TimelineId, draft: &ComposerDraft, out: &mut Vec<Effect>) {
        let writing = self.writing_in(timeline_id);
        writing.load(draft);
        out.extend(writing.save(timeline_id));
        self.timelines.get_mut(timeline_id).map(OpenTimeline::quote_answered);
    }

    /// A message could not be put into the queue: its text goes back to where it was typed, below
    /// what is there now.
    pub(super) fn not_queued(&mut self, room_id: RoomId, draft: ComposerDraft, emote: bool, out: &mut Vec<Effect>) {
        let timeline_id = TimelineId::live(room_id);
        let writing = self.writing_in(&timeline_id);
        writing.put_back(draft, emote);
        out.extend(writing.save(&timeline_id));
        self.timelines.get_mut(&timeline_id).map(OpenTimeline::quote_answered);
    }

    /// What is written in a timeline, open or not.
    pub(super) fn writing_in(&mut self, id: &TimelineId) -> &mut Writing {
        match self.timelines.get_mut(id) {
            Some(open) => &mut open.writing,
            None => self.drafts.entry(id.clone()).or_default(),
        }
    }
}
