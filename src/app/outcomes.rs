//! What came of what was asked for, taken into the state.

use super::{App, effect::Effect, login::Found, status::Status};
use crate::{
    client::{
        reply::{Failure, FailureKind, Outcome, Reply},
        request::{Request, SessionRequest, TimelineRequest},
    },
    model::Ms,
};

impl App {
    /// A request is done, or it failed.
    pub(super) fn on_done(&mut self, request: Request, outcome: Outcome, now: Ms, out: &mut Vec<Effect>) {
        match outcome {
            Ok(reply) => self.on_reply(reply, now, out),
            Err(failure) => self.on_failure(request, failure, now, out),
        }
    }

    fn on_reply(&mut self, reply: Reply, now: Ms, out: &mut Vec<Effect>) {
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
            Reply::Draft { timeline_id, text } => self.on_draft(timeline_id, &text, out),
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
    fn on_failure(&mut self, request: Request, failure: Failure, now: Ms, out: &mut Vec<Effect>) {
        let Failure { kind, sentence } = failure;
        let is_unwanted = matches!(kind, FailureKind::Cancelled | FailureKind::NoSession);
        match request {
            Request::Timeline(TimelineRequest::Send { room_id, text }) => self.not_queued(room_id, &text, false, out),
            Request::Timeline(TimelineRequest::SendEmote { room_id, text }) => {
                self.not_queued(room_id, &text, true, out);
            }
            Request::Timeline(TimelineRequest::Edit { room_id, event_id, text }) => {
                self.edit_failed(room_id, event_id, (&text, kind == FailureKind::NotFound), out);
            }
            _ if is_unwanted => return,
            Request::Session(SessionRequest::FindHomeserver(_)) => {
                return self.on_login(|login| login.on_not_found(sentence));
            }
            Request::Session(
                SessionRequest::Login { .. } | SessionRequest::BrowserLogin { .. } | SessionRequest::ReplaceAccount,
            ) => {
                self.on_demo_doing(sentence.clone());
                return self.on_login(|login| login.failed(sentence));
            }
            // The login screen says it.
            Request::Session(SessionRequest::Logout) => return,
            Request::Session(_) | Request::Rooms(_) | Request::Timeline(_) | Request::Receipts(_) => {}
        }
        if !is_unwanted {
            self.status = Some(Status::error(sentence, now));
        }
    }
}
