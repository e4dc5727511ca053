//! What this client believes about its own messages: who was given the key, and who answered.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use matrix_sdk::{
    Client, Room, RoomMemberships,
    ruma::{OwnedUserId, api::client::keys::get_keys},
};
use tokio::time::timeout;

use super::{
    Actor, Input,
    backfill::until_cached,
    direct, given, ids,
    members::{self, Member},
    observe, own_devices,
};
use crate::{
    app::event::Event,
    client::backoff::Backoff,
    clock::now,
    delivery::{
        ledger::{
            Counted, Early, ExpectedDevice, OwnEvent, PeerClaim, Refusal, Refused,
            aggregate::{LARGE, Large},
        },
        policy::{self, EventFacts, RoomFacts},
        receipt::{Request, Summary},
        responsiveness::Responsiveness,
        store::{Claimed, Summed},
        summary,
    },
    model::{Delivery, EventId, RoomId, UserId},
};

/// Own messages of a room whose ticks are told when it is opened.
const TOLD: usize = 500;
/// So many events about which something is held are waited for at once; the others are held all the same (L7).
const LOOKED_UP: usize = 16;
/// How long the event cache may take to have such an event from the server.
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(10);
/// Pauses between attempts to find out who is in a room.
pub(super) const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));

impl Actor {
    /// An own event came by: from this device, or from another one of this user's. It is recorded with the devices that
    /// were given its key where this client asks for receipts. Elsewhere nobody is waited for; but somebody can send a
    /// native receipt all the same, and then the event is recorded with nobody expected, so that the receipt is seen.
    pub(super) async fn own_event(&mut self, room: &Room, facts: &RoomFacts, event: &EventFacts) {
        let Some(since) = facts.joined_since.filter(|_| event.readable) else { return };
        let asks = policy::asks(facts, self.receipt_queue.settings());
        let bridged = !asks && self.stored(self.store.bridged(&event.event_id)).flatten().is_some();
        // L7: not in a room of thousands, each of whom may send one.
        let answered =
            facts.joined_members <= self.receipt_queue.settings().max_members && self.held.holds(&event.event_id);
        if self.freezing.contains(&event.event_id) {
            return;
        }
        let known = self.store.is_own_event(&event.event_id);
        let Some(is_recorded) = self.stored(known) else { return };
        // Who was given the key of an older one, nobody can say now.
        let in_time = event.sent >= since;
        if is_recorded || event.redacted || !in_time || !(asks || bridged || answered) {
            // What is still held is no lie, but there is nowhere to keep it.
            let (here, elsewhere) = self.held.take(&event.event_id).in_room(&facts.room_id);
            self.refuse_early(&elsewhere, Refusal::OtherRoom);
            return self.forget_early(&here);
        }
        self.freezing.insert(event.event_id.clone());
        if asks && facts.joined_members <= self.receipt_queue.settings().max_members {
            self.know_members(room).await;
        }
        let own = OwnEvent {
            room_id: facts.room_id.clone(),
            event_id: event.event_id.clone(),
            sent: event.sent,
            expected: BTreeMap::new(),
            claims: BTreeMap::new(),
        };
        let (client, room_of_task, inputs) = (self.client.clone(), room.clone(), self.inputs.clone());
        if !(asks || bridged) {
            let _ = inputs.send(Input::Recipients { own_devices: own.clone(), own, with_gone: BTreeSet::new() });
            return;
        }
        let (this, sender) = (self.device_id.clone(), event.device_id.clone());
        let keys = self.keys.clone();
        tokio::spawn(async move {
            let mut pause = PAUSE;
            while !inputs.is_closed() {
                let found = if asks {
                    let own_devices = own_devices::expected(&client, &this, sender.as_ref());
                    tokio::try_join!(expected(&client, &room_of_task), own_devices)
                } else {
                    deviceless(&client, &room_of_task).await.map(|people| (people, BTreeMap::new()))
                };
                match found {
                    Ok((people, own_devices)) => {
                        let own_devices = OwnEvent { expected: own_devices, ..own.clone() };
                        let (mut own, mut own_devices) = (OwnEvent { expected: people, ..own }, own_devices);
                        let mut with_gone = BTreeSet::new();
                        if let Some(given) = given::given(keys.as_ref(), &room_of_task, &own.event_id).await {
                            for own in [&mut own, &mut own_devices] {
                                with_gone.extend(given::correct(&mut own.expected, &given));
                            }
                        }
                        if own.expected.is_empty() {
                            own.expected = invited(&room_of_task).await;
                        }
                        let _ = inputs.send(Input::Recipients { own, own_devices, with_gone });
                        return;
                    }
                    Err(error) => tracing::info!(%error, "who has the key of an own event is not known yet"),
                }
                tokio::time::sleep(pause.next_delay()).await;
            }
        });
        if asks {
            self.ask(room).await;
        }
    }

    /// P7: the user has sent into a room. Whoever is known to be in it is known at once, since they may answer at once.
    async fn know_members(&mut self, room: &Room) {
        let members = self.client.state_store().get_user_ids(room.room_id(), RoomMemberships::JOIN).await;
        let members = members.inspect_err(|error| tracing::warn!(%error, "members cannot be looked up"));
        let others = members.unwrap_or_default().into_iter().filter(|user| user != room.own_user_id());
        self.know(&others.map(|user| ids::user(&user)).collect::<Vec<_>>());
    }

    /// P7: the user has sent into a room that these people share.
    fn know(&mut self, others: &[UserId]) {
        if u64::try_from(others.len()).is_ok_and(|others| others < self.receipt_queue.settings().max_members) {
            let kept = self.store.remember_known(others);
            self.stored(kept);
        }
    }

    /// Who was given the key is known: from now on it does not change any more.
    pub(super) async fn on_recipients(&mut self, own: OwnEvent, own_devices: OwnEvent, with_gone: BTreeSet<UserId>) {
        self.freezing.remove(&own.event_id);
        self.snapshot(own, own_devices).await;
        if !with_gone.is_empty() {
            self.devices_changed(with_gone);
        }
        self.tell_dealt_with();
    }

    async fn snapshot(&mut self, mut own: OwnEvent, mut own_devices: OwnEvent) {
        let people = own.people();
        for own in [&mut own, &mut own_devices] {
            let (sent, expected) = (own.sent, &mut own.expected);
            for (user, devices) in expected.iter_mut().filter(|_| people <= LARGE) {
                self.responsiveness(user).fold(devices, sent);
            }
        }
        tracing::debug!(event = %own.event_id, people = own.expected.len(), "who was given the key is known");
        let (early, elsewhere) = self.held.take(&own.event_id).in_room(&own.room_id);
        self.refuse_early(&elsewhere, Refusal::OtherRoom);
        let (own_claims, claims): (Vec<_>, Vec<_>) =
            early.claims.into_iter().partition(|claim| self.is_own(&claim.user_id));
        // The own devices first: by the others it is seen that the event is recorded.
        let kept = self.store.record_own_devices(&own_devices).and_then(|()| self.store.record_recipients(&own));
        if self.stored(kept).is_none() {
            // Believing these would only begin anew; they are looked at after a restart.
            return;
        }
        // Not those without a device: they may only be invited.
        let with_device = own.expected.iter().filter(|(_, devices)| !devices.is_empty());
        self.know(&with_device.map(|(user, _)| user.clone()).collect::<Vec<_>>());
        let large = self.store.large_event(&own.event_id);
        match self.stored(large).flatten() {
            Some(large) => self.tell_all(&own.room_id, &[], &[large]).await,
            None => self.tell_all(&own.room_id, std::slice::from_ref(&own), &[]).await,
        }
        self.believe(&own.room_id, claims).await;
        self.believe_own_devices(&own.room_id, own_claims).await;
        for Counted { room_id: room, event_id: event, summary } in early.summaries {
            self.summed_up(&room, vec![(event, summary)]).await;
        }
    }

    /// What a former run was told before its time (L8). The room of each is known, or else it was not to be believed.
    pub(super) async fn take_up_what_came_early(&mut self) {
        let early = self.store.early();
        let Early { claims, summaries } = self.stored(early).unwrap_or_default();
        let mut rooms: BTreeMap<RoomId, (Vec<PeerClaim>, Vec<PeerClaim>)> = BTreeMap::new();
        for claim in claims {
            let (own, others) = rooms.entry(claim.room_id.clone()).or_default();
            if self.is_own(&claim.user_id) { own.push(claim) } else { others.push(claim) }
        }
        for (room, (own, others)) in rooms {
            self.believe(&room, others).await;
            self.believe_own_devices(&room, own).await;
        }
        for Counted { room_id: room, event_id: event, summary } in summaries {
            self.summed_up(&room, vec![(event, summary)]).await;
        }
    }

    /// L8: this waits for its message, or for the members of its room.
    pub(super) fn remember_early(&mut self, early: &Early) {
        let kept = self.store.remember_early(early, now());
        self.stored(kept);
    }

    fn forget_early(&mut self, early: &Early) {
        let forgotten = self.store.forget_early(early);
        self.stored(forgotten);
    }

    /// Counts what is not believed, and does not keep it any more where it had been waiting.
    pub(super) fn refuse_early(&mut self, early: &Early, refusal: Refusal) {
        if !early.is_empty() {
            self.refuse(early.refused(refusal));
            self.forget_early(early);
        }
    }

    /// A message of ours came from another device.
    pub(super) async fn received(&mut self, received: direct::Received) {
        let direct::Received { user_id: user, device_id: device, message, in_hand: _until_the_end } = received;
        tracing::debug!(%user, %device, kind = message.kind(), "a delivery message came");
        match message {
            direct::Message::Request(request) => {
                let Some(expires) = request.holds_until(now()) else { return };
                let (asking, request) = ((&user, &device), Request { expires, ..request });
                let kept = self.receipt_queue.asked(&mut self.store, asking, &request, now());
                self.stored(kept);
            }
            direct::Message::Answer(answer) => {
                let heard = now();
                let claim = |(event, claim)| {
                    let (user, device) = (user.clone(), device.clone());
                    let claim = PeerClaim::direct(answer.room_id.clone(), event, claim, user, device, heard);
                    PeerClaim { quiet: answer.quiet, ..claim }
                };
                let claims = answer.receipts.into_iter().map(claim).collect();
                if self.is_own(&user) {
                    self.believe_own_devices(&answer.room_id, claims).await;
                } else {
                    self.believe(&answer.room_id, claims).await;
                }
            }
        }
    }

    /// Takes claims of people who are in a room into the ledger (L1).
    pub(super) async fn take(&mut self, room: &Room, claims: &[PeerClaim]) {
        let room_id = &ids::room(room.room_id());
        let claimed = self.store.claim(claims, now());
        let Some(claimed) = self.stored(claimed) else { return };
        let Claimed { changed, tallied, answers_changed, unknown, refused } = claimed;
        self.refuse(refused);
        // L5: how somebody answers says something about all messages that they were sent.
        if answers_changed {
            self.tell_room(room_id).await;
        } else {
            self.tell_all(room_id, &changed, &tallied).await;
        }
        self.hold(room, unknown).await;
        self.look_again_later();
    }

    /// The homeserver has counted the receipts of these events (§7).
    pub(super) async fn summed_up(&mut self, room_id: &RoomId, summaries: Vec<(EventId, Summary)>) {
        let counted =
            |(event, summary): (EventId, Summary)| Counted { room_id: room_id.clone(), event_id: event, summary };
        let Some(room) = ids::find_room(&self.client, room_id) else {
            let summaries = summaries.into_iter().map(counted).collect();
            return self.refuse_early(&Early { claims: Vec::new(), summaries }, Refusal::Unknown);
        };
        let members = usize::try_from(room.joined_members_count()).unwrap_or(usize::MAX);
        let summed = self.store.sum_up(room_id, &summaries, members, now());
        let Some(Summed { tallied, unknown, refused }) = self.stored(summed) else { return };
        self.refuse(refused);
        self.tell_all(room_id, &[], &tallied).await;
        for counted in unknown.into_iter().map(counted) {
            let early = Early::from(counted.clone());
            match self.held.hold_summary(counted) {
                Ok(()) => {
                    self.remember_early(&early);
                    for Counted { event_id: event, .. } in &early.summaries {
                        self.look_up(&room, event).await;
                    }
                }
                Err(refusal) => self.refuse_early(&early, refusal),
            }
        }
    }

    /// L1: claims about events that are not known as own ones wait for a while, unless they are somebody else's.
    pub(super) async fn hold(&mut self, room: &Room, claims: Vec<PeerClaim>) {
        if claims.is_empty() {
            return;
        }
        let (held, too_many): (Vec<_>, Vec<_>) =
            claims.into_iter().partition(|claim| self.held.hold(claim.clone()).is_ok());
        self.refuse_early(&too_many.into(), Refusal::TooMany);
        let events: BTreeSet<EventId> = held.iter().map(|claim| claim.event_id.clone()).collect();
        self.remember_early(&held.into());
        for event in events {
            self.look_up(room, &event).await;
        }
    }

    /// Whether an event about which something is held is an own one. One that the event cache does not have from the server
    /// yet is looked at when it has, or after a while.
    async fn look_up(&mut self, room: &Room, event: &EventId) {
        if let Some(facts) = from_server(room, event).await {
            return self.decide_on_held(room, &facts).await;
        }
        if self.looking_up.len() >= LOOKED_UP || !self.looking_up.insert(event.clone()) {
            return;
        }
        let (room, event, inputs) = (room.clone(), event.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let _ = timeout(LOOKED_UP_WITHIN, appears_from_server(&room, &event)).await;
            let _ = inputs.send(Input::Appeared(room.room_id().to_owned(), event));
        });
    }

    /// An event about which something is held was waited for: what there is of it now decides.
    pub(super) async fn looked_up(&mut self, room: &Room, event: &EventId) {
        self.looking_up.remove(event);
        if let Some(facts) = self.find(room, event).await {
            self.decide_on_held(room, &facts).await;
        }
    }

    async fn decide_on_held(&mut self, room: &Room, facts: &EventFacts) {
        if facts.sender.as_str() == room.own_user_id() {
            let room_facts = self.room_facts(room).await;
            self.own_event(room, &room_facts, facts).await;
        } else {
            self.not_own_event(&facts.event_id);
        }
    }

    /// L1: an event is somebody else's, so what was claimed about it is none of this user's business.
    pub(super) fn not_own_event(&mut self, event: &EventId) {
        let early = self.held.take(event);
        self.refuse_early(&early, Refusal::NotOwn);
    }

    /// L1: a sync has brought something. What was held for a minute is not waited for any more, unless its event is being
    /// recorded, or may be among those that are being fetched.
    pub(super) fn expire(&mut self) {
        let is_walked = |room: &RoomId| ids::sdk_room(room).is_some_and(|room| self.walking.contains_key(&room));
        let over = self.held.synced(now(), |event, room| self.freezing.contains(event) || is_walked(room));
        self.refuse_early(&over, Refusal::Unknown);
    }

    /// Counts what is not believed: every place that refuses a claim ends here.
    pub(super) fn refuse(&mut self, refused: Refused) {
        for (refusal, claims) in refused.iter() {
            tracing::info!(%refusal, claims, "claims were not believed");
        }
        self.refused.add(refused);
    }

    /// Tells what is known about a room's own events.
    pub(super) async fn tell_room(&self, room: &RoomId) {
        let own_events = self.store.own_events(room, TOLD);
        let large = self.store.large_events(room, TOLD);
        let (own_events, large) = (self.stored(own_events).unwrap_or_default(), self.stored(large).unwrap_or_default());
        self.tell_all(room, &own_events, &large).await;
    }

    pub(super) async fn tell_all(&self, room: &RoomId, own_events: &[OwnEvent], large: &[Large]) {
        let mut deliveries = self.deliveries(own_events, large);
        self.name_people(room, &mut deliveries).await;
        if !deliveries.is_empty() {
            let _ = self.events.send(Event::Deliveries { room_id: room.clone(), deliveries });
        }
    }

    /// What is known about own events; nobody has a name.
    pub(super) fn deliveries(&self, own_events: &[OwnEvent], large: &[Large]) -> Vec<Delivery> {
        let now = now();
        let people: HashSet<&UserId> = own_events.iter().flat_map(|own| own.expected.keys()).collect();
        let responsiveness = people.into_iter().map(|user| (user.clone(), self.responsiveness(user)));
        let (responsiveness, own_responsiveness): (BTreeMap<UserId, Responsiveness>, _) =
            (responsiveness.collect(), self.responsiveness(&self.user_id));
        let delivery = |own: &OwnEvent| {
            let own_devices = self.stored(self.store.own_devices(&own.event_id)).flatten();
            Delivery {
                own_devices: own_devices
                    .map(|own_devices| summary::own_devices(&own_devices, &own_responsiveness, now))
                    .unwrap_or_default(),
                ..summary::delivery(own, &responsiveness, now)
            }
        };
        let mut deliveries: Vec<_> =
            own_events.iter().map(delivery).chain(large.iter().map(summary::tallied)).collect();
        for delivery in &mut deliveries {
            if let Some(report) = self.stored(self.store.bridged(&delivery.event_id)).flatten() {
                summary::bridged(delivery, &report);
            }
        }
        deliveries
    }

    pub(super) fn responsiveness(&self, user: &UserId) -> Responsiveness {
        self.stored(self.store.responsiveness(user)).unwrap_or_default()
    }

    /// Calls people what they are called in a room.
    pub(super) async fn name_people(&self, room: &RoomId, deliveries: &mut [Delivery]) {
        let names =
            self.names(room, deliveries.iter().flat_map(|known| &known.people).map(|person| &person.user_id)).await;
        for person in deliveries.iter_mut().flat_map(|delivery| &mut delivery.people) {
            person.name = names.get(&person.user_id).map(|member| member.name.clone()).unwrap_or_default();
        }
    }

    /// What people are called in a room, as far as this machine knows.
    async fn names(&self, room: &RoomId, users: impl Iterator<Item = &UserId>) -> HashMap<UserId, Member> {
        let Some(room) = ids::find_room(&self.client, room) else { return HashMap::new() };
        let members = members::members(&room, users).await;
        members.inspect_err(|error| tracing::warn!(%error, "members cannot be looked up")).unwrap_or_default()
    }
}

/// An event, once the event cache has it from the server.
async fn from_server(room: &Room, event: &EventId) -> Option<EventFacts> {
    let (cache, _keep) = room.event_cache().await.ok()?;
    let event = cache.find_event(&ids::sdk_event(event)?).await.ok()??;
    observe::facts_in(room, &event).await.filter(|_| !observe::is_ahead_of_the_server(&event))
}

/// Waits for that.
async fn appears_from_server(room: &Room, event: &EventId) {
    let Ok((cache, _keep)) = room.event_cache().await else { return };
    let find = |_| async move { Ok(from_server(room, event).await) };
    let _ = until_cached(room, &cache, find).await;
}

/// Everybody else who is joined.
pub(super) async fn others(room: &Room) -> matrix_sdk::Result<Vec<OwnedUserId>> {
    let members = members::joined(room).await?;
    Ok(members.iter().map(|member| member.user_id().to_owned()).filter(|user| user != room.own_user_id()).collect())
}

/// Where nobody else is joined: who can get a message all the same, once they take the invite. Whether a device of theirs
/// was given the key counts for nothing.
async fn invited(room: &Room) -> BTreeMap<UserId, Vec<ExpectedDevice>> {
    let invited = room.members_no_sync(RoomMemberships::INVITE).await.unwrap_or_default();
    invited.iter().map(|member| (ids::user(member.user_id()), Vec::new())).collect()
}

/// Everybody else who is joined and has no device, in a room whose messages take no key: whom of them a bridge reached, it
/// may tell (§4).
async fn deviceless(client: &Client, room: &Room) -> matrix_sdk::Result<BTreeMap<UserId, Vec<ExpectedDevice>>> {
    let others = others(room).await?;
    let mut query = get_keys::v3::Request::new();
    query.device_keys = others.iter().map(|user| (user.clone(), Vec::new())).collect();
    let known = client.send(query).await?.device_keys;
    let deviceless = others.iter().filter(|user| known.get(*user).is_none_or(BTreeMap::is_empty));
    Ok(deviceless.map(|user| (ids::user(user), Vec::new())).collect())
}

/// Everybody else who is joined, with the devices that are given the room key now.
async fn expected(client: &Client, room: &Room) -> matrix_sdk::Result<BTreeMap<UserId, Vec<ExpectedDevice>>> {
    let mut expected = BTreeMap::new();
    for user in others(room).await? {
        expected.insert(ids::user(&user), direct::expected_devices(client, &user).await?);
    }
    Ok(expected)
}
