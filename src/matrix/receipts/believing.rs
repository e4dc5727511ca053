//! What this client believes about its own messages: who was given the key, and who answered.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use matrix_sdk::{
    Client, Room, RoomMemberships,
    ruma::{OwnedUserId, RoomId as SdkRoomId, events::room::member::MembershipState},
};

use super::{Actor, Input, direct, fleet, ids};
use crate::{
    app::event::Event,
    clock::now,
    delivery::{
        habits::{GRACE, Habits},
        ledger::{Answers, ClaimantFacts, ExpectedDevice, OwnEvent, PeerClaim, Refusal, admissible},
        policy::{self, EventFacts, RoomFacts, RouteChoice},
        receipt::{Claim, REQUEST_LIFETIME},
        route::{self, ServerFacts},
        store::Claimed,
        summary,
    },
    matrix::pause::Pause,
    model::{Delivery, DeviceId, EventId, Ms, RoomId, Route, SafeText, UserId},
};

/// How long before its end a request is made again.
const REQUEST_RENEWED: Ms = 24 * 3_600 * 1_000;
/// Own messages of a room whose ticks are told when it is opened.
const TOLD: usize = 500;
/// Pauses between attempts to find out who is in a room.
const PAUSE: Pause = Pause::new(Duration::from_secs(1), Duration::from_mins(1));

impl Actor {
    /// An own event came by: from this device, or from another one of this user's. It is recorded with the devices that
    /// were given its key where this client asks for receipts. Elsewhere nobody is waited for; but somebody can send a
    /// native receipt all the same, and then the event is recorded with nobody expected, so that the receipt is seen.
    pub(super) async fn own_event(&mut self, room: &Room, facts: &RoomFacts, event: &EventFacts) {
        let Some(id) = ids::sdk_event(&event.event) else { return };
        // Who was given the key of an older one, nobody can say now.
        let in_time = facts.joined_since.is_some_and(|since| event.sent >= since);
        let asks = policy::asks(facts, &self.settings);
        // L7: not in a room of thousands, each of whom may send one.
        let answered = facts.joined_members <= self.settings.max_members && self.held.holds(&event.event);
        if !event.readable || event.redacted || !in_time || !(asks || answered) {
            return;
        }
        let known = self.store.own_event(&event.event);
        if self.freezing.contains(&id) || self.stored(known).flatten().is_some() {
            return;
        }
        self.freezing.insert(id);
        let own = OwnEvent {
            room: facts.room.clone(),
            event: event.event.clone(),
            sent: event.sent,
            expected: BTreeMap::new(),
            claims: BTreeMap::new(),
        };
        let (client, room_of_task, inputs) = (self.client.clone(), room.clone(), self.inputs.clone());
        if !asks {
            let _ = inputs.send(Input::Frozen { fleet: own.clone(), own });
            return;
        }
        let (this, sender) = (self.device.clone(), event.device.clone());
        tokio::spawn(async move {
            let mut pause = PAUSE;
            while !inputs.is_closed() {
                let people = expected(&client, &room_of_task);
                match tokio::try_join!(people, fleet::expected(&client, &this, sender.as_ref())) {
                    Ok((people, fleet)) => {
                        let fleet = OwnEvent { expected: fleet, ..own.clone() };
                        let _ = inputs.send(Input::Frozen { own: OwnEvent { expected: people, ..own }, fleet });
                        return;
                    }
                    Err(error) => tracing::info!(%error, "who has the key of an own event is not known yet"),
                }
                tokio::time::sleep(pause.lengthen()).await;
            }
        });
        self.ask(room).await;
    }

    /// Who was given the key is known: from now on it does not change any more.
    pub(super) async fn frozen(&mut self, mut own: OwnEvent, mut fleet: OwnEvent) {
        if let Some(id) = ids::sdk_event(&own.event) {
            self.freezing.remove(&id);
        }
        for own in [&mut own, &mut fleet] {
            let sent = own.sent;
            for (user, devices) in &mut own.expected {
                self.habits(user).fold(devices, sent);
            }
        }
        tracing::debug!(event = %own.event, people = own.expected.len(), "who was given the key is known");
        let early = self.held.take(&own.event).into_iter().filter(|claim| claim.room == own.room);
        let (own_early, early) = early.partition(|claim| self.is_own(&claim.user));
        // The own devices first: whether the event is recorded is seen by the others.
        let kept = self.store.freeze_fleet(&fleet).and_then(|()| self.store.freeze(&own));
        if self.stored(kept).is_none() {
            // Believing these would only begin anew.
            self.tell_kept();
            return;
        }
        // P7: the user has sent into a room that these people share.
        if u64::try_from(own.expected.len()).is_ok_and(|others| others < self.settings.max_members) {
            let people: Vec<UserId> = own.expected.keys().cloned().collect();
            let kept = self.store.remember_known(&people);
            self.stored(kept);
        }
        self.tell_all(&own.room, std::slice::from_ref(&own)).await;
        self.believe(&own.room, early).await;
        self.believe_fleet(&own.room, own_early).await;
        self.tell_kept();
    }

    /// A message of ours came from another device.
    pub(super) async fn received(&mut self, received: direct::Received) {
        let direct::Received { user, device, message } = received;
        tracing::debug!(%user, %device, kind = message.kind(), "a delivery message came");
        match message {
            direct::Message::Request(request) => {
                let Some(expires) = request.holds_until(now()) else { return };
                let asking = self.store.asking_devices(&user, &request.room, now());
                if !self.stored(asking).unwrap_or_default().contains(&device) {
                    self.owe_once_more(&user, &request.room);
                }
                let kept = self.store.remember_request(&user, &device, &request.room, expires);
                self.stored(kept);
                self.outbox.route_appeared(&user, &request.room, now());
            }
            direct::Message::Answer(answer) => {
                let heard = now();
                let claim = |(event, claim): (EventId, Claim)| PeerClaim {
                    room: answer.room.clone(),
                    event,
                    user: user.clone(),
                    device: Some(device.clone()),
                    at: claim.at,
                    state: claim.state,
                    route: Route::Direct,
                    heard,
                };
                let claims = answer.receipts.into_iter().map(claim).collect();
                if self.is_own(&user) {
                    self.believe_fleet(&answer.room, claims).await;
                } else {
                    self.believe(&answer.room, claims).await;
                }
            }
        }
    }

    /// Takes claims about a room's events into the ledger (L1, L2).
    pub(super) async fn believe(&mut self, room_id: &RoomId, mut claims: Vec<PeerClaim>) {
        let Some(room) = ids::find_room(&self.client, room_id) else { return };
        // How each of them has answered until now, and nothing for those who may not claim anything.
        let mut claimants: HashMap<UserId, Option<Answers>> = HashMap::new();
        for claim in &claims {
            if !claimants.contains_key(&claim.user) {
                let answers = match self.admissible(&room, &claim.user).await {
                    Ok(()) => self.stored(self.store.answers(&claim.user)),
                    Err(refusal) => {
                        tracing::info!(?refusal, "a claim was refused");
                        None
                    }
                };
                claimants.insert(claim.user.clone(), answers);
            }
        }
        claims.retain(|claim| claimants.get(&claim.user).is_some_and(Option::is_some));
        let claimed = self.store.claim(&claims, now());
        let Some(Claimed { changed, unknown }) = self.stored(claimed) else { return };
        let answers_change = |(user, before): (&UserId, &Option<Answers>)| {
            before.is_some_and(|before| self.stored(self.store.answers(user)).is_some_and(|after| after != before))
        };
        // L5: how somebody answers says something about all messages that they were sent.
        if claimants.iter().any(answers_change) {
            self.tell_room(room_id).await;
        } else {
            self.tell_all(room_id, &changed).await;
        }
        self.hold(&room, unknown).await;
        self.look_again_later();
    }

    /// That a device has answered one message says, after a while, that it has missed another, in whatever room.
    fn look_again_later(&mut self) {
        if self.opened.is_none() || self.looking_again {
            return;
        }
        self.looking_again = true;
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(GRACE)).await;
            let _ = inputs.send(Input::LookAgain);
        });
    }

    /// L1: claims about events that are not known as own ones wait for a while, unless they are somebody else's.
    pub(super) async fn hold(&mut self, room: &Room, claims: Vec<PeerClaim>) {
        let mut events = BTreeSet::new();
        for claim in claims {
            let event = claim.event.clone();
            if self.held.hold(claim, now()) {
                events.insert(event);
            }
        }
        for event in events {
            let Some(facts) = self.find(room, &event).await else { continue };
            if facts.sender.as_str() == room.own_user_id() {
                let room_facts = self.room_facts(room).await;
                self.own_event(room, &room_facts, &facts).await;
            } else {
                self.held.take(&event);
            }
        }
    }

    async fn admissible(&self, room: &Room, claimant: &UserId) -> Result<(), Refusal> {
        let mut joined = false;
        let mut ignored = false;
        if let Some(user) = &ids::sdk_user(claimant) {
            let member = room.get_member_no_sync(user).await.ok().flatten();
            joined = match member {
                Some(member) => *member.membership() == MembershipState::Join,
                // Not known and not all fetched: whoever was given the key was joined then.
                None => !room.are_members_synced(),
            };
            ignored = self.client.is_user_ignored(user).await;
        }
        let own = claimant.as_str() == room.own_user_id();
        // What reaches this point came by Olm from a device of the claimant's (`direct::read`), or from this user's own
        // homeserver (`native::read`).
        admissible(ClaimantFacts { own, joined, ignored, proven: true })
    }

    /// Asks the devices of everybody in a room for receipts, but those that were asked already, and people whose receipts
    /// come through the homeserver. This user's own other devices are asked too; they have no other way.
    pub(super) async fn ask(&mut self, room: &Room) {
        let facts = self.room_facts(room).await;
        if !policy::asks(&facts, &self.settings) {
            return;
        }
        let server = self.server();
        if self.settings.route == RouteChoice::Auto && server.is_none() {
            self.to_ask.insert(room.room_id().to_owned());
            return;
        }
        if !self.asking.insert(room.room_id().to_owned()) {
            return;
        }
        let (choice, server) = (self.settings.route, server.unwrap_or_default());
        let asked = self.store.asked(&facts.room, now());
        let asked: HashMap<(UserId, DeviceId), Ms> = self.stored(asked).unwrap_or_default();
        let expires = now() + REQUEST_LIFETIME;
        let renewed = now() + REQUEST_RENEWED;
        let (client, room, inputs) = (self.client.clone(), room.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let outcome = match others(&room).await {
                Ok(mut people) => {
                    let here = room.own_user_id().server_name();
                    people.retain(|user| route::asks(choice, server, user.server_name() == here));
                    people.extend(route::asks(choice, ServerFacts::default(), true).then(|| room.own_user_id().to_owned()));
                    let holds = |user: &UserId, device: &DeviceId| {
                        asked.get(&(user.clone(), device.clone())).is_some_and(|until| *until > renewed)
                    };
                    direct::send_request(&client, room.room_id(), &people, holds, expires).await
                }
                Err(error) => Err(direct::NotSent::from(&error)),
            };
            let _ = inputs.send(Input::Asked(room.room_id().to_owned(), outcome, expires));
        });
    }

    /// A request that did not go out is made again with the next message.
    pub(super) fn asked(
        &mut self,
        room: &SdkRoomId,
        outcome: Result<Vec<(UserId, DeviceId)>, direct::NotSent>,
        expires: Ms,
    ) {
        self.asking.remove(room);
        tracing::debug!(%room, devices = outcome.as_ref().map_or(0, Vec::len), failed = outcome.is_err(), "asked");
        if let Ok(devices) = outcome
            && !devices.is_empty()
        {
            let kept = self.store.remember_asked(&ids::room(room), &devices, expires);
            self.stored(kept);
        }
    }

    /// New devices of people who were asked are asked too.
    pub(super) async fn new_devices(&mut self, users: &[OwnedUserId]) {
        let users: HashSet<UserId> = users.iter().map(|user| ids::user(user)).collect();
        for room in self.client.joined_rooms() {
            let asked = self.store.asked(&ids::room(room.room_id()), now());
            if self.stored(asked).unwrap_or_default().keys().any(|(user, _)| users.contains(user)) {
                self.ask(&room).await;
            }
        }
    }

    /// Tells what is known about a room's own events.
    pub(super) async fn tell_room(&self, room: &RoomId) {
        let own_events = self.store.own_events(room, TOLD);
        self.tell_all(room, &self.stored(own_events).unwrap_or_default()).await;
    }

    pub(super) async fn tell_all(&self, room: &RoomId, own_events: &[OwnEvent]) {
        let mut deliveries = self.deliveries(own_events);
        self.name_people(room, &mut deliveries).await;
        if !deliveries.is_empty() {
            let _ = self.events.send(Event::Deliveries { room: room.clone(), deliveries });
        }
    }

    /// What is known about own events; nobody has a name.
    pub(super) fn deliveries(&self, own_events: &[OwnEvent]) -> Vec<Delivery> {
        let now = now();
        let people: HashSet<&UserId> = own_events.iter().flat_map(|own| own.expected.keys()).collect();
        let habits: HashMap<UserId, Habits> =
            people.into_iter().map(|user| (user.clone(), self.habits(user))).collect();
        let own_habits = self.habits(&self.user);
        let delivery = |own: &OwnEvent| {
            let fleet = self.stored(self.store.fleet(&own.event)).flatten();
            Delivery {
                fleet: fleet.map(|fleet| summary::fleet(&fleet, &own_habits, now)).unwrap_or_default(),
                ..summary::delivery(own, &habits, now)
            }
        };
        own_events.iter().map(delivery).collect()
    }

    fn habits(&self, user: &UserId) -> Habits {
        self.stored(self.store.habits(user)).unwrap_or_default()
    }

    /// Calls people what they are called in a room.
    pub(super) async fn name_people(&self, room: &RoomId, deliveries: &mut [Delivery]) {
        let mut names: HashMap<UserId, SafeText> = HashMap::new();
        for person in deliveries.iter_mut().flat_map(|delivery| &mut delivery.people) {
            if !names.contains_key(&person.user) {
                names.insert(person.user.clone(), self.name(room, &person.user).await);
            }
            person.name = names.get(&person.user).cloned().unwrap_or_default();
        }
    }

    /// What somebody is called in a room, as far as this machine knows; else nothing.
    async fn name(&self, room: &RoomId, user: &UserId) -> SafeText {
        let room = ids::find_room(&self.client, room);
        let (Some(room), Some(user)) = (room, ids::sdk_user(user)) else { return SafeText::default() };
        let member = room.get_member_no_sync(&user).await.ok().flatten();
        SafeText::line(member.as_ref().and_then(|member| member.display_name()).unwrap_or_default())
    }
}

/// Everybody else who is joined.
async fn others(room: &Room) -> matrix_sdk::Result<Vec<OwnedUserId>> {
    let members = room.members(RoomMemberships::JOIN).await?;
    Ok(members.iter().map(|member| member.user_id().to_owned()).filter(|user| user != room.own_user_id()).collect())
}

/// Everybody else who is joined, with the devices that are given the room key now.
async fn expected(client: &Client, room: &Room) -> matrix_sdk::Result<BTreeMap<UserId, Vec<ExpectedDevice>>> {
    let mut expected = BTreeMap::new();
    for user in others(room).await? {
        expected.insert(ids::user(&user), direct::expected_devices(client, &user).await?);
    }
    Ok(expected)
}
