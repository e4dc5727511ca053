//! A batch of receipts as requests, one after the other.
//!
//! The request is the SDK's own, but for its body, in which that has no place for our key.
//! `Room::send_single_receipt` would clear the room's 'marked unread' besides.
//!
//! | answer | what it means |
//! | --- | --- |
//! | 200 | the server has it, now or since before |
//! | 400, or 'unknown endpoint' | it does not take this name; after it has taken one: it does not take this receipt |
//! | 403, 404 | it will never take this receipt |
//! | 429, 5xx, no answer, an answer that is none of Matrix | not now; what is left of the batch waits |

use std::collections::VecDeque;

use matrix_sdk::{
    Client, Error, HttpResult,
    ruma::api::{
        client::receipt::create_receipt::v3 as create_receipt,
        error::{ErrorBody, ErrorKind},
    },
};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    client::{
        body::WithBody,
        ids,
        receipts::{direct::NotSent, server::once},
    },
    delivery::{
        outbox::{Batch, Owed},
        receipt::Native,
        route::Names,
    },
    model::{EventId, RoomId},
};

/// What became of a batch.
#[derive(Debug)]
pub(in crate::client::receipts) struct Posted {
    /// The server has these.
    pub accepted: Vec<Owed>,
    /// The server will never take these.
    pub refused: Vec<Owed>,
    /// What is left of the batch, and still owed.
    pub left: Batch,
    /// Why something is left; `None` when the server takes no name for a receipt, and when the time
    /// was over.
    pub why: Option<NotSent>,
    /// What the server said to the names.
    pub names: Names,
}

/// Posts a batch until the server stops taking it, or until the decision to send it is no longer
/// good.
pub(super) async fn post(
    client: &Client,
    mut batch: Batch,
    mut names: Names,
    name_device: bool,
    good_until: Instant,
) -> Posted {
    let (mut accepted, mut refused, mut why) = (Vec::new(), Vec::new(), None);
    let mut owed = VecDeque::from(std::mem::take(&mut batch.owed));
    while let (Some(next), Some(name)) = (owed.front(), names.best())
        && Instant::now() < good_until
    {
        let body = Native::body(name_device, next.quiet);
        let answer = match request(&next.room_id, &next.event_id, name, body) {
            Some(request) => Answer::of(client.send(request).with_request_config(once()).await),
            None => Answer::Refused,
        };
        match answer {
            Answer::Accepted => {
                names.accept();
                accepted.extend(owed.pop_front());
            }
            Answer::BadRequest if names.refuse() => {}
            Answer::BadRequest | Answer::Refused => refused.extend(owed.pop_front()),
            Answer::NotNow(reason) => {
                why = Some(reason);
                break;
            }
        }
    }
    batch.owed = owed.into();
    Posted { accepted, refused, left: batch, why, names }
}

/// What the server says to one receipt.
enum Answer {
    Accepted,
    BadRequest,
    Refused,
    NotNow(NotSent),
}

impl Answer {
    fn of(answer: HttpResult<create_receipt::Response>) -> Self {
        let Err(error) = answer.map_err(Error::from) else { return Self::Accepted };
        // What does not say so in Matrix's words comes from something on the way, and means nothing
        // for ever.
        let said = error.as_client_api_error().filter(|said| matches!(said.body, ErrorBody::Standard(_)));
        match said.map(|said| (said.status_code.as_u16(), said.error_kind())) {
            Some((_, Some(ErrorKind::Unrecognized)) | (400, _)) => Self::BadRequest,
            Some((403 | 404, _)) => Self::Refused,
            _ => Self::NotNow(NotSent::from(&error)),
        }
    }
}

/// The request; `None` when an id is not of the form of one.
pub(in crate::client) fn request(
    room: &RoomId,
    event: &EventId,
    name: &str,
    body: Value,
) -> Option<WithBody<create_receipt::Request>> {
    let (room, event) = (ids::sdk_room(room)?, ids::sdk_event(event)?);
    let plain = create_receipt::Request::new(room, name.into(), event);
    Some(WithBody { plain, body })
}

#[cfg(test)]
mod tests;
