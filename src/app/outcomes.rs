//! What came of what was asked for, taken into the state.

use super::{App, effect::Effect, login::Found, status::Status};
use crate::{
    client::{
        reply::{Failure, FailureKind, Outcome, Reply},
        request::{Request, SessionRequest, TimelineRequest},
    },
    model::{ComposerDraft, SafeText, Timestamp},
};

impl App {
    /// A request is done, or it failed.
    pub(super) fn on_done(&mut self, request: Request, outcome: Outcome, now: Timestamp, out: &mut Vec<Effect>) {
        match outcome {
            Ok(reply) => self.on_reply(reply, now, out),
            Err(failure) => self.on_failure(request, failure, now, out),
        }
    }

    fn on_reply(&mut self, reply: Reply, now: Timestamp, out: &mut Vec<Effect>) {
        match reply {
            Reply::Said(text) => self.status = Some(Status::info(text, now)),
            Reply::Room { room_id, said } => {
                self.open_room(&room_id, out);
                if let Some(text) = said {
                    self.status = Some(Status::info(text, now));
                }
            }
            Reply::LoginMethods { homeserver, methods } => {
                self.on_login(|login| login.on_found(Found { homeserver, methods }));
            }
            Reply::LoginReplaces(question) => self.login_replaces(&question),
            Reply::Draft { timeline_id, draft } => self.on_draft(&timeline_id, &draft, out),
            Reply::Done
            // Of interest to screens only.
            | Reply::Source(_)
            | Reply::ReceiptStatus { .. }
            | Reply::People(_)
            | Reply::Eligibility { .. }
            | Reply::Undelivered(_)
            | Reply::ReceiptLog(_) => {}
        }
    }

    /// What the user wrote comes back; whatever else nobody wants any more is passed over.
    fn on_failure(&mut self, request: Request, failure: Failure, now: Timestamp, out: &mut Vec<Effect>) {
        let Failure { kind, sentence } = failure;
        let is_wanted = kind != FailureKind::Cancelled;
        match request {
            Request::Timeline(request) => self.give_back(request, kind, out),
            Request::Session(request) if is_wanted && self.is_said_at_login(&request, &sentence) => return,
            Request::Session(_) | Request::Rooms(_) | Request::Receipts(_) => {}
        }
        if is_wanted {
            self.status = Some(Status::error(sentence, now));
        }
    }

    /// Puts a text that was not taken where it can be corrected.
    fn give_back(&mut self, request: TimelineRequest, kind: FailureKind, out: &mut Vec<Effect>) {
        match request {
            TimelineRequest::Send { room_id, text, reply_to } => {
                self.not_queued(room_id, ComposerDraft { text, reply_to }, false, out);
            }
            TimelineRequest::SendEmote { room_id, text, reply_to } => {
                self.not_queued(room_id, ComposerDraft { text, reply_to }, true, out);
            }
            TimelineRequest::Edit { room_id, event_id, text } => {
                self.edit_failed(room_id, event_id, (&text, kind == FailureKind::Redacted), out);
            }
            // The text is where it was typed, and is still to be kept.
            TimelineRequest::SaveDraft { timeline_id, .. } => self.writing_in(&timeline_id).draft.not_kept(),
            TimelineRequest::Open(_)
            | TimelineRequest::Close(_)
            | TimelineRequest::Paginate(_)
            | TimelineRequest::MarkRead(_)
            | TimelineRequest::Retry { .. }
            | TimelineRequest::Discard { .. }
            | TimelineRequest::Typing { .. }
            | TimelineRequest::ForgetEdit { .. }
            | TimelineRequest::ToggleReaction { .. }
            | TimelineRequest::AskSource { .. }
            | TimelineRequest::Redact { .. } => {}
        }
    }

    /// Says on the login screen what failed about logging in or out. False when it is to be said in
    /// the status line.
    fn is_said_at_login(&mut self, request: &SessionRequest, sentence: &SafeText) -> bool {
        match request {
            SessionRequest::FindHomeserver(_) => self.on_login(|login| login.on_not_found(sentence.clone())),
            SessionRequest::Login { .. } | SessionRequest::BrowserLogin { .. } | SessionRequest::ReplaceAccount => {
                self.on_demo_doing(sentence.clone());
                self.on_login(|login| login.failed(sentence.clone()));
            }
            // That the server was not told is said when the session has ended.
            SessionRequest::Logout => {}
            SessionRequest::Settings(_) | SessionRequest::CancelLogin | SessionRequest::Reconnect => return false,
        }
        true
    }
}
