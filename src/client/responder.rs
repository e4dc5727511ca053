//! Answers requests: each of them once.
//!
//! Whoever drops a [`Responder`] without an answer has thereby answered that the request is not
//! wanted any more. So no request is forgotten, be it that its task was stopped or that its session
//! has ended.

use tokio::sync::mpsc::UnboundedSender;

use super::{
    reply::{Failure, Outcome},
    request::{Request, RequestId},
    tasks,
    update::Update,
};

/// Answers one request. Dropping it answers too.
#[derive(Debug)]
pub(super) struct Responder {
    id: RequestId,
    /// Handed back with the answer; `None` once it was given.
    request: Option<Box<Request>>,
    updates: UnboundedSender<Update>,
}

impl Responder {
    pub fn new(id: RequestId, request: &Request, updates: UnboundedSender<Update>) -> Self {
        Self { id, request: Some(Box::new(request.clone())), updates }
    }

    /// Tells what came of it.
    pub fn respond(mut self, outcome: Outcome) {
        self.answer(outcome);
    }

    /// Does something beside everything else, and tells what comes of it.
    pub fn beside(self, action: impl Future<Output = Outcome> + Send + 'static) {
        tasks::spawn(async move { self.respond(action.await) });
    }

    fn answer(&mut self, outcome: Outcome) {
        if let Some(request) = self.request.take() {
            // Nobody listens only while the program ends.
            let _ = self.updates.send(Update::Done { id: self.id, request, outcome });
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.answer(Err(Failure::cancelled()));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::client::{reply::Reply, request::SessionRequest};

    #[test]
    fn every_request_is_answered_once_and_gets_itself_back() {
        let (updates, mut told) = unbounded_channel();
        let request = Request::from(SessionRequest::Reconnect);
        let responder = |id| Responder::new(RequestId(id), &request, updates.clone());
        responder(1).respond(Ok(Reply::Done));
        drop(responder(2));
        for (id, expected) in [(1, Ok(Reply::Done)), (2, Err(Failure::cancelled()))] {
            let done = Update::Done { id: RequestId(id), request: Box::new(request.clone()), outcome: expected };
            assert_eq!(told.try_recv(), Ok(done));
        }
        assert!(told.is_empty());
    }
}
