//! The steps that one posted receipt goes through, in the order of PROTOCOL §7.

use serde_json::{Map, Value};

use super::{EventFacts, RateLimit, Receipt, ReceiptName, Refusal, addressee};
use crate::{
    delivery::receipt::{NATIVE_DEVICES, NATIVE_QUIET},
    model::{DeviceId, EventId, RoomId, Timestamp, UserId},
};

/// The longest body, in bytes. A server need not read on after that.
pub const MAX_BODY: usize = 4 * 1024;

/// Whom an access token belongs to: the only identity there is. What the path or the body say of
/// users and devices counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// The user.
    pub user_id: UserId,
    /// The device, where the token has one.
    pub device_id: Option<DeviceId>,
}

/// What the path names.
#[derive(Debug)]
struct Target {
    room_id: RoomId,
    event_id: EventId,
    name: ReceiptName,
}

/// `POST …/rooms/{room}/receipt/{name}/{event}`, of a size that is looked at.
#[derive(Debug)]
#[must_use]
pub struct Post<'a> {
    target: Target,
    body: &'a [u8],
}

impl<'a> Post<'a> {
    /// Step 1, the size: before the token is looked at, for that may cost a request.
    pub fn new(room: RoomId, event: EventId, name: ReceiptName, body: &'a [u8]) -> Result<Self, Refusal> {
        let target = Target { room_id: room, event_id: event, name };
        if body.len() > MAX_BODY { Err(Refusal::TooLarge) } else { Ok(Self { target, body }) }
    }

    /// Step 2, the token, and with it the right to hear what is wrong with the request. `taken` are
    /// the names that this server takes.
    ///
    /// The device is named only if it asks to be, with `true`. Whatever else stands there leaves it
    /// anonymous.
    pub fn claimed_by(self, claimant: Claimant, taken: &[ReceiptName]) -> Result<Claimed, Refusal> {
        let body: Map<String, Value> = serde_json::from_slice(self.body).map_err(|_| Refusal::NotJson)?;
        if body.contains_key("thread_id") {
            return Err(Refusal::Threaded);
        }
        if !taken.contains(&self.target.name) {
            return Err(Refusal::NameNotTaken);
        }
        let named = body.get(NATIVE_DEVICES) == Some(&Value::Bool(true));
        let device = claimant.device_id.filter(|_| named);
        let quiet = device.is_some() && body.get(NATIVE_QUIET) == Some(&Value::Bool(true));
        Ok(Claimed { target: self.target, user_id: claimant.user_id, device_id: device, quiet })
    }
}

/// A well-formed request by somebody.
#[derive(Debug)]
#[must_use]
pub struct Claimed {
    target: Target,
    user_id: UserId,
    device_id: Option<DeviceId>,
    quiet: bool,
}

impl Claimed {
    /// Step 3, the rate limit.
    pub fn within(self, limit: &mut RateLimit, now: Timestamp) -> Result<Paced, Refusal> {
        limit.take(&self.user_id, now).map_err(|retry_after| Refusal::LimitExceeded { retry_after })?;
        Ok(Paced(self))
    }
}

/// A request that came at a bearable pace.
#[derive(Debug)]
#[must_use]
pub struct Paced(Claimed);

impl Paced {
    /// Step 4: is the claimant joined to the room now?
    pub fn by_member(self, joined: bool) -> Result<Permitted, Refusal> {
        if joined { Ok(Permitted(self.0)) } else { Err(Refusal::NotJoined) }
    }
}

/// A request by somebody who is in the room.
#[derive(Debug)]
#[must_use]
pub struct Permitted(Claimed);

impl Permitted {
    /// Step 5, the event: `None` when there is no such event or the claimant may not see it. `now`
    /// becomes the receipt's time.
    ///
    /// `Ok(None)` is success with nothing more to do. So is a receipt that [`Mailbox::deliver`]
    /// knows already.
    ///
    /// [`Mailbox::deliver`]: crate::server::bundle::Mailbox::deliver
    pub fn about(self, event: Option<&EventFacts>, now: Timestamp) -> Result<Option<Receipt>, Refusal> {
        let Claimed { target: Target { room_id: room, event_id: id, name }, user_id: user, device_id: device, quiet } =
            self.0;
        let to = addressee(event, &room, &user).map_err(|_| Refusal::NotFound)?;
        Ok(to.map(|to| Receipt {
            room_id: room,
            event_id: id,
            to,
            claimant: user,
            device_id: device,
            ts: now,
            name,
            quiet,
        }))
    }
}
