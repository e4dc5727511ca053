//! Asking other people's devices for receipts (§3): before a message, when they are new, again
//! before a request ends, and to tell again what a kill may have lost.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use matrix_sdk::{
    Room,
    ruma::{OwnedRoomId, OwnedUserId, RoomId as SdkRoomId},
};

use super::IncomingInput;
use crate::{
    client::{
        ids,
        receipts::{Context, Input, direct, members::others},
        tasks,
    },
    clock::now,
    delivery::{
        asked::Asked,
        ledger::OwnEvent,
        outbox::ROUTE_WAIT,
        policy::{self, RouteChoice},
        receipt::REQUEST_LIFETIME,
        route::{self, ServerFacts},
    },
    model::{DeviceId, RoomId, Timestamp, UserId},
};

/// How many own messages of a room are looked at for missing receipts.
const RECENT: usize = 50;

/// After how long a request to tell again is made once more if it reached nobody.
const RETRY: Duration = Duration::from_secs(20);
/// So much may a homeserver's clock be ahead of this one.
const SKEW: Duration = Duration::from_mins(1);

/// Asks the people of rooms for receipts, once at a time for each room.
#[derive(Default)]
pub(super) struct Asking {
    under_way: HashMap<OwnedRoomId, UnderWay>,
    /// Rooms whose people are to be asked when it is known what the homeserver can do.
    waiting: HashSet<OwnedRoomId>,
    /// When this run began, if the one before it was killed: perhaps when somebody's receipts were
    /// decrypted, which is done once, and not on disk yet (L8).
    began_after_kill: Option<Timestamp>,
    /// Rooms where receipts may have been lost so, and nobody was asked to tell them again.
    lost: HashSet<OwnedRoomId>,
    /// A request to tell again reached nobody, and is made once more.
    retrying: bool,
}

/// The people of a room are being asked.
#[derive(Default)]
struct UnderWay {
    /// They are asked to tell again what they have told.
    tell_again: bool,
    /// They are to be asked once more after that, and whether to tell again.
    once_more: Option<bool>,
}

impl Asking {
    /// The run before this one was killed: receipts may have been lost that are missing for what
    /// was sent in the last minutes.
    pub(super) fn on_killed(&mut self, context: &mut Context) {
        self.began_after_kill = Some(now());
        for room in context.client.joined_rooms() {
            let own_events = context.store.own_events(&ids::room(room.room_id()), RECENT);
            let mut own_events = context.stored(own_events).unwrap_or_default();
            own_events.retain(|own| own.sent > now() - ROUTE_WAIT);
            for own in own_events {
                let own_devices = context.store.own_devices(&own.event_id);
                let own_devices = context.stored(own_devices).flatten();
                self.look_for_lost([&own].into_iter().chain(&own_devices));
            }
        }
    }

    /// Looks whether receipts for an own event may have been lost. Returns whether that is news.
    pub(super) fn look_for_lost<'a>(&mut self, recorded: impl IntoIterator<Item = &'a OwnEvent>) -> bool {
        let Some(began) = self.began_after_kill else { return false };
        let is_of_then = |own: &OwnEvent| own.sent > now() - ROUTE_WAIT && own.sent < began + SKEW;
        let mut may_be_lost = recorded.into_iter().filter(|own| is_of_then(own) && own.is_open());
        let room_id = may_be_lost.next().and_then(|own| ids::sdk_room(&own.room_id));
        room_id.is_some_and(|room_id| self.lost.insert(room_id))
    }

    /// Whether people are to be asked to tell again. What is older than [`ROUTE_WAIT`] is not told
    /// again.
    pub(super) fn has_lost(&self) -> bool {
        !self.lost.is_empty() && self.is_after_kill()
    }

    /// Whether the run before this one was killed so lately that something may be lost.
    pub(super) fn is_after_kill(&self) -> bool {
        self.began_after_kill.is_some_and(|began| now() < began + ROUTE_WAIT)
    }

    /// It is P11's moment: asks where receipts may have been lost, if it is known what the
    /// homeserver can do. When that is known, it is asked for again.
    pub(super) async fn ask_again(&mut self, context: &mut Context) {
        self.retrying = false;
        if context.server.can_do().is_none() {
            return;
        }
        if !self.has_lost() {
            self.lost.clear();
        }
        for room_id in self.lost.clone() {
            match context.client.get_room(&room_id) {
                Some(room) => self.ask_in(context, &room, true).await,
                None => _ = self.lost.remove(&room_id),
            }
        }
    }

    /// Something is about to be sent into a room: being asked tells no more than that does.
    pub(super) async fn on_sending(&mut self, context: &mut Context, room: &Room) {
        let tell_again = self.has_lost() && self.lost.contains(room.room_id());
        self.ask_in(context, room, tell_again).await;
    }

    /// Asks the devices of everybody in a room for receipts, but those that were asked already, and
    /// people whose receipts come through the homeserver. This user's own other devices are asked
    /// too, since no homeserver carries their receipts.
    pub(super) async fn ask(&mut self, context: &mut Context, room: &Room) {
        self.ask_in(context, room, false).await;
    }

    async fn ask_in(&mut self, context: &mut Context, room: &Room, tell_again: bool) {
        let facts = context.room_facts(room).await;
        if !policy::asks(&facts, &context.settings) {
            return;
        }
        let server = context.server.can_do();
        if context.settings.route == RouteChoice::Auto && server.is_none() {
            self.waiting.insert(room.room_id().to_owned());
            return;
        }
        if let Some(under_way) = self.under_way.get_mut(room.room_id()) {
            if !(tell_again && under_way.tell_again) {
                // Whom this is about may have come after that one had begun.
                under_way.once_more = Some(tell_again || under_way.once_more == Some(true));
            }
            return;
        }
        self.under_way.insert(room.room_id().to_owned(), UnderWay { tell_again, once_more: None });
        let (choice, server) = (context.settings.route, server.unwrap_or_default());
        let asked = context.store.asked(&facts.room_id, now());
        let asked = context.stored(asked).unwrap_or_default();
        let lost = seem_lost(context, &facts.room_id, &asked);
        let expires = now() + REQUEST_LIFETIME;
        let (client, room, inputs) = (context.client.clone(), room.clone(), context.inputs.clone());
        tasks::spawn(async move {
            let outcome = match others(&room).await {
                Ok(mut people) => {
                    let here = room.own_user_id().server_name();
                    people.retain(|user| route::asks(choice, server, user.server_name() == here));
                    people.extend(
                        route::asks(choice, ServerFacts::default(), true).then(|| room.own_user_id().to_owned()),
                    );
                    let holds = |user: &UserId, device: &DeviceId| {
                        let device = (user.clone(), device.clone());
                        let holds = asked.get(&device).is_some_and(|asked| !asked.is_ending(now()));
                        holds && !tell_again && !lost.contains(&device)
                    };
                    direct::send_request(&client, room.room_id(), &people, holds, (expires, tell_again)).await
                }
                Err(error) => Err(direct::NotSent::from(&error)),
            };
            let _ = inputs.send(IncomingInput::Asked(room.room_id().to_owned(), outcome, expires).into());
        });
    }

    /// These devices were asked. A request that did not go out is made again with the next message;
    /// one to tell again also by itself.
    pub(super) async fn on_asked(
        &mut self,
        context: &mut Context,
        room_id: &SdkRoomId,
        outcome: Result<Vec<(UserId, DeviceId)>, direct::NotSent>,
        expires: Timestamp,
    ) {
        let under_way = self.under_way.remove(room_id).unwrap_or_default();
        tracing::debug!(room = %room_id, devices = outcome.as_ref().map_or(0, Vec::len), failed = outcome.is_err(), "asked");
        match outcome {
            Ok(devices) => {
                if under_way.tell_again {
                    self.lost.remove(room_id);
                }
                if !devices.is_empty() {
                    let kept = context.store.remember_asked(&ids::room(room_id), &devices, expires);
                    context.stored(kept);
                }
            }
            Err(not_sent) if under_way.tell_again => {
                if !std::mem::replace(&mut self.retrying, true) {
                    let (inputs, wait) = (context.inputs.clone(), not_sent.retry_after.unwrap_or(RETRY));
                    tasks::spawn(async move {
                        tokio::time::sleep(wait).await;
                        let _ = inputs.send(Input::Lost);
                    });
                }
                return;
            }
            Err(_) => {}
        }
        if let Some(tell_again) = under_way.once_more
            && let Some(room) = context.client.get_room(room_id)
        {
            self.ask_in(context, &room, tell_again).await;
        }
    }

    /// New devices of people who were asked are asked too.
    pub(super) async fn ask_new_devices(&mut self, context: &mut Context, users: &[OwnedUserId]) {
        let users: HashSet<UserId> = users.iter().map(|user| ids::user(user)).collect();
        for room in context.client.joined_rooms() {
            let asked = context.store.asked(&ids::room(room.room_id()), now());
            if context.stored(asked).unwrap_or_default().keys().any(|(user, _)| users.contains(user)) {
                self.ask(context, &room).await;
            }
        }
    }

    /// It is known what the homeserver can do: asks in the rooms that waited for that.
    pub(super) async fn ask_where_it_waited(&mut self, context: &mut Context) {
        for room_id in std::mem::take(&mut self.waiting) {
            if let Some(room) = context.client.get_room(&room_id) {
                self.ask(context, &room).await;
            }
        }
    }
}

/// The devices that were asked in this room and seem to have lost the request: they answer in other
/// rooms.
fn seem_lost(
    context: &Context,
    room_id: &RoomId,
    asked: &HashMap<(UserId, DeviceId), Asked>,
) -> HashSet<(UserId, DeviceId)> {
    let now = now();
    if !asked.values().any(|asked| asked.may_be_lost(now)) {
        return HashSet::new();
    }
    let sent = context.store.own_events(room_id, RECENT);
    let mut sent = context.stored(sent).unwrap_or_default();
    let own_devices: Result<Vec<_>, _> = sent.iter().map(|own| context.store.own_devices(&own.event_id)).collect();
    sent.extend(context.stored(own_devices).unwrap_or_default().into_iter().flatten());
    let mut lost = HashSet::new();
    for ((user, device), asked) in asked {
        if asked.may_be_lost(now) && asked.seems_lost((user, device), &sent, now) {
            let responsiveness = context.store.responsiveness(user);
            if context.stored(responsiveness).is_some_and(|responsiveness| responsiveness.is_heard(device)) {
                lost.insert((user.clone(), device.clone()));
            }
        }
    }
    lost
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::room_id;

    use super::*;
    use crate::client::{
        receipts::testing::{Alone, alone},
        session::loopback::homeserver,
    };

    #[tokio::test]
    async fn l8_people_are_asked_to_tell_again_until_they_were() {
        let Alone { mut context, mut inputs, .. } = alone(&homeserver(|_, _| None).await).await;
        let rooms = [room_id!("!one:example.org"), room_id!("!two:example.org")];
        let lost = rooms.map(ToOwned::to_owned);
        let mut asking = Asking { began_after_kill: Some(now()), lost: lost.into(), ..Asking::default() };
        let mut told = async |asking: &mut Asking, room_id: &SdkRoomId, tell_again, outcome| {
            asking.under_way.insert(room_id.to_owned(), UnderWay { tell_again, once_more: None });
            asking.on_asked(&mut context, room_id, outcome, now()).await;
            asking.lost.contains(room_id)
        };

        assert!(told(&mut asking, rooms[0], false, Ok(Vec::new())).await, "they were asked otherwise");
        let not_sent = || Err(direct::NotSent { retry_after: Some(Duration::from_millis(1)) });
        for room_id in rooms {
            assert!(told(&mut asking, room_id, true, not_sent()).await);
        }
        assert!(matches!(inputs.recv().await, Some(Input::Lost)));
        let more = tokio::time::timeout(Duration::from_millis(50), inputs.recv()).await;
        assert!(more.is_err(), "once for both");
        for room_id in rooms {
            assert!(!told(&mut asking, room_id, true, Ok(Vec::new())).await);
        }
    }

    #[tokio::test]
    async fn l8_after_ten_minutes_nobody_is_asked_to_tell_again() {
        let Alone { mut context, .. } = alone(&homeserver(|_, _| None).await).await;
        context.server.set_facts(ServerFacts::default(), context.settings.receipt_type);
        let began_after_kill = Some(now() - ROUTE_WAIT);
        let lost = [room_id!("!one:example.org").to_owned()].into();
        let mut asking = Asking { began_after_kill, lost, ..Asking::default() };
        assert!(!asking.has_lost());
        asking.ask_again(&mut context).await;
        assert!(asking.lost.is_empty() && asking.under_way.is_empty());
    }
}
