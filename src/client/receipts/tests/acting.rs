//! The actor on the native route: what it does with the answers it gets, and what it believes.

use std::{sync::Arc, time::Duration};

use matrix_sdk::{config::SyncSettings, deserialized_responses::TimelineEvent, ruma::serde::Raw};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::super::{
    testing::{Alone, alone, queue},
    *,
};
use crate::{
    client::update::Update,
    client::{
        ids,
        session::loopback::{Loopback, homeserver, refuse, reply},
    },
    delivery::{
        ledger::{Answers, ExpectedDevice, OwnEvent, Refused},
        outbox::{Batch, Draw, Outbox, Owed},
        policy::{Reason, SenderFacts, Timing},
        receipt::{ClaimState, Native, Summary},
        receipt_queue::{Entry, Journal, Step},
        store::Store,
    },
    model::{DeviceId, EventId, ReceiptStatus, RoomId, Route, SafeText, Timestamp, UserId},
};

mod refused;

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// An actor whose homeserver has MSC4089, and what it is told.
struct Acting {
    actor: Actor,
    inputs: UnboundedReceiver<Input>,
    events: UnboundedReceiver<Update>,
    dir: TempDir,
}

async fn acting(server: &Loopback) -> Acting {
    let Alone { context, inputs, events, dir } = alone(server).await;
    let mut actor = actor(context);
    actor.on_server(ServerFacts { native: true, devices: true, federated: false }).await;
    Acting { actor, inputs, events, dir }
}

fn actor(context: Context) -> Actor {
    Actor::new(context, queue(), Incoming::new(Arc::default(), None))
}

impl Actor {
    async fn on_receipts(&mut self, receipts: Vec<Native>) {
        self.incoming.on_native_receipts(&mut self.context, &room(), receipts).await;
    }

    async fn on_summary(&mut self, room_id: &RoomId, n: usize, summary: Summary) {
        self.incoming.on_summaries(&mut self.context, room_id, vec![(event(n), summary)]).await;
    }

    async fn on_recipients(&mut self, own: OwnEvent, own_devices: OwnEvent) {
        let with_gone = BTreeSet::new();
        self.handle(IncomingInput::Recipients { own, own_devices, with_gone }.into()).await;
    }
}

fn bob() -> UserId {
    UserId::new("@bob:example.org")
}

fn room() -> RoomId {
    RoomId::new("!room:example.org")
}

fn event(n: usize) -> EventId {
    EventId::new(format!("${n}"))
}

const KNOWN: SenderFacts = SenderFacts { own: false, joined: true, ignored: false, known: true, verified: false };

impl Acting {
    /// Owes Bob receipts for these events, as if their time had come.
    fn owe(&mut self, events: &[usize]) -> Batch {
        let owed: Vec<Owed> = events
            .iter()
            .map(|n| Owed {
                room_id: room(),
                event_id: event(*n),
                sender: bob(),
                sent: now(),
                since: now(),
                state: ClaimState::Delivered,
                quiet: false,
            })
            .collect();
        self.actor
            .context
            .store
            .record(&owed.iter().map(|owed| Entry::about(owed, Step::Owe(owed.since))).collect::<Vec<_>>(), now())
            .unwrap();
        let mut outbox = Outbox::new();
        for owed in owed {
            outbox.owe(owed, at(0), 0.0, at(0)).unwrap();
        }
        outbox.due(Draw { timing: Timing::Immediate, number: 0.0 }, at(0)).remove(0)
    }

    /// Sends a batch, and takes in what became of it.
    async fn send(&mut self, batch: Batch) {
        self.actor.outgoing.send(&mut self.actor.context, batch, KNOWN);
        match self.inputs.recv().await {
            Some(input @ Input::Outgoing(OutgoingInput::Posted(_))) => self.actor.handle(input).await,
            _ => panic!("it was not posted"),
        }
    }

    fn status(&self, n: usize) -> Option<ReceiptStatus> {
        self.actor.context.store.status(&room(), &event(n)).unwrap()
    }

    fn is_sent(&self, n: usize) -> bool {
        matches!(self.status(n), Some(ReceiptStatus::Sent { route: Route::Native, .. }))
    }
}

/// A server that answers receipts for `$2` in this way and takes all others.
async fn second_answered(answer: String) -> Loopback {
    homeserver(move |_, request| {
        let event = request.line.strip_prefix("POST ").filter(|path| path.contains("/receipt/"))?.rsplit('/').next()?;
        Some(if event == "$2" { answer.clone() } else { reply(200, &json!({})) })
    })
    .await
}

#[tokio::test]
async fn a_receipt_that_is_refused_is_settled_by_itself() {
    let server = second_answered(refuse(404, "M_NOT_FOUND")).await;
    let mut acting = acting(&server).await;
    let batch = acting.owe(&[1, 2, 3]);
    acting.send(batch).await;
    assert!(acting.is_sent(1) && acting.is_sent(3));
    assert_eq!(acting.status(2), Some(Reason::NotAccepted.status()));
    assert!(acting.actor.outgoing.queue.waiting() == 0 && acting.actor.context.store.owed().unwrap().is_empty());
}

#[tokio::test]
async fn after_a_429_the_whole_route_waits_and_only_the_rest_is_owed() {
    const WAIT: Duration = Duration::from_mins(1);
    let limited = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "", "retry_after_ms": WAIT.as_millis() });
    let server = second_answered(reply(429, &limited)).await;
    let mut acting = acting(&server).await;
    let before = now();
    let batch = acting.owe(&[1, 2, 3]);
    acting.send(batch).await;
    assert!(acting.is_sent(1));
    let owed: Vec<_> = acting.actor.context.store.owed().unwrap().into_iter().map(|owed| owed.event_id).collect();
    assert_eq!((owed.len(), acting.actor.outgoing.queue.waiting()), (2, 2), "{owed:?}");

    // Another batch is put off without a request.
    let batch = acting.owe(&[4]);
    acting.actor.outgoing.send(&mut acting.actor.context, batch, KNOWN);
    assert_eq!(acting.actor.outgoing.queue.waiting(), 3);
    assert!(acting.actor.outgoing.queue.next_wake().unwrap() >= before + WAIT);
    assert!(acting.inputs.is_empty());
}

#[tokio::test]
async fn when_no_name_is_taken_the_batch_goes_direct() {
    let server = homeserver(|_, request| request.line.contains("/receipt/").then(|| refuse(400, "M_UNKNOWN"))).await;
    let mut acting = acting(&server).await;
    acting.actor.context.store.remember_request(&bob(), &DeviceId::new("PHONE"), &room(), Timestamp::MAX).unwrap();
    let batch = acting.owe(&[1]);
    acting.send(batch).await;
    assert_eq!(acting.actor.context.server.can_do(), Some(ServerFacts::default()));
    assert!(matches!(acting.status(1), Some(ReceiptStatus::Owed { .. })), "nothing is lost");

    let batch = acting.actor.outgoing.queue.due(now()).remove(0);
    acting.actor.outgoing.send(&mut acting.actor.context, batch, KNOWN);
    assert!(
        matches!(acting.inputs.recv().await, Some(Input::Outgoing(OutgoingInput::SentDirect(batch, _))) if batch.owed.len() == 1)
    );
}

#[tokio::test]
async fn until_the_server_has_said_what_it_can_do_a_batch_waits_for_that() {
    let server = second_answered(refuse(500, "M_UNKNOWN")).await;
    let mut acting = acting(&server).await;
    acting.actor.context.server.facts = None;
    let batch = acting.owe(&[1]);
    acting.actor.outgoing.send(&mut acting.actor.context, batch, KNOWN);
    assert_eq!(acting.actor.outgoing.queue.next_wake(), None);

    acting.actor.on_server(ServerFacts { native: true, ..ServerFacts::default() }).await;
    let moment = acting.actor.outgoing.queue.next_wake().expect("it leaves after that");
    let batch = acting.actor.outgoing.queue.due(moment).remove(0);
    acting.send(batch).await;
    assert!(acting.is_sent(1));
}

/// An own message to Bob's only device.
fn own(n: usize) -> OwnEvent {
    let (device, name) = (DeviceId::new("PHONE"), SafeText::default());
    let phone = ExpectedDevice { device_id: device, name, excluded: None, silent: None };
    OwnEvent {
        room_id: room(),
        event_id: event(n),
        sent: at(1),
        expected: [(bob(), vec![phone])].into(),
        claims: std::collections::BTreeMap::new(),
    }
}

/// The same message, to no own device.
fn nobody(n: usize) -> OwnEvent {
    OwnEvent { expected: std::collections::BTreeMap::new(), ..own(n) }
}

fn receipt(n: usize, user: &str, device: Option<&str>) -> Native {
    Native {
        event_id: event(n),
        user_id: UserId::new(user),
        device_id: device.map(DeviceId::new),
        at: Some(at(2)),
        quiet: false,
    }
}

/// The messages of the last deliveries that were told, each with whether Bob counts as one.
fn told(events: &mut UnboundedReceiver<Update>) -> Vec<(EventId, bool)> {
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Update::Deliveries { deliveries, .. } = event {
            told = deliveries.iter().map(|own| (own.event_id.clone(), own.people[0].counts_as_one())).collect();
        }
    }
    told.sort();
    told
}

#[tokio::test]
async fn l2_l5_receipts_of_others_are_believed_and_told() {
    let server = a_plain_room_of(2).await;
    let mut acting = acting(&server).await;
    acting.actor.context.client.sync_once(SyncSettings::new()).await.unwrap();
    acting.actor.context.store.record_recipients(&own(1)).unwrap();
    acting.actor.context.store.record_recipients(&own(2)).unwrap();

    let receipts = vec![receipt(1, bob().as_str(), None), receipt(1, "@me:example.org", Some("MINE"))];
    acting.actor.on_receipts(receipts).await;
    let claims = acting.actor.context.store.own_event(&event(1)).unwrap().unwrap().claims;
    assert_eq!(claims.keys().collect::<Vec<_>>(), [&(bob(), None)], "l2: nobody acknowledges their own");
    assert!(claims.values().all(|stamp| stamp.route == Route::Native && stamp.at == Some(at(2))));
    assert_eq!(told(&mut acting.events), [(event(1), true), (event(2), true)], "l5: it says something about both");

    acting.actor.on_receipts(vec![receipt(2, bob().as_str(), None)]).await;
    assert_eq!(told(&mut acting.events), [(event(2), true)]);
    acting.actor.on_receipts(vec![receipt(2, bob().as_str(), None)]).await;
    assert_eq!(told(&mut acting.events), [], "l3: twice is once");

    acting.actor.on_receipts(vec![receipt(2, bob().as_str(), Some("PHONE"))]).await;
    assert_eq!(told(&mut acting.events), [(event(1), false), (event(2), false)]);
    assert_eq!(acting.actor.context.store.answers(&bob()).unwrap(), Answers::Named);
}

#[tokio::test]
async fn l8_a_sync_waits_until_receipts_are_on_disk_and_not_for_their_event() {
    let server = a_plain_room_of(2).await;
    let mut acting = acting(&server).await;
    acting.actor.context.client.sync_once(SyncSettings::new()).await.unwrap();
    acting.actor.take_in_what_came().await;
    acting.actor.incoming.recording.insert(event(1));
    let waits = async |actor: &mut Actor, n, kept| {
        actor.on_receipts(vec![receipt(n, bob().as_str(), None)]).await;
        actor.handle(SyncInput::Receipts(kept).into()).await;
    };

    for n in [1, 2] {
        let (kept, mut on_disk) = oneshot::channel();
        waits(&mut acting.actor, n, kept).await;
        on_disk.try_recv().expect("it is kept");
        assert_eq!(acting.actor.context.store.early().unwrap().claims.len(), n);
    }
    acting.actor.on_recipients(own(1), nobody(1)).await;
    assert_eq!(acting.actor.context.store.own_event(&event(1)).unwrap().unwrap().claims.len(), 1);
    assert_eq!(acting.actor.context.store.early().unwrap().claims.len(), 1, "about the second");
}

/// L8: what a run that was killed had been told before its time, about a message or about members,
/// the next one knows.
#[tokio::test]
async fn l8_what_came_early_outlives_a_kill() {
    let server = a_plain_room_of(2).await;
    let mut before = acting(&server).await;
    before.actor.context.client.sync_once(SyncSettings::new()).await.unwrap();
    before.actor.take_in_what_came().await;
    before.actor.on_receipts(vec![receipt(1, bob().as_str(), Some("PHONE"))]).await;
    let summary = Summary { users: 1, devices: 1, latest: None };
    before.actor.on_summary(&room(), 2, summary).await;
    let sdk_room = ids::find_room(&before.actor.context.client, &room()).unwrap();
    sdk_room.mark_members_missing();
    before.actor.on_receipts(vec![receipt(3, "@carol:example.org", None)]).await;

    let Acting { actor, dir, .. } = before;
    let (client, events) = (actor.context.client.clone(), unbounded_channel().0);
    drop(actor);
    let store = Store::open(dir.path(), &[7; 32]).unwrap();
    let (inputs, _inputs) = unbounded_channel();
    let mut after = self::actor(Context::new(&client, store, at(0), &Settings::default(), events, inputs));
    after.resume().await;
    assert!(after.incoming.held.holds(&event(1)) && after.incoming.held.holds(&event(2)));
    after.on_recipients(own(1), nobody(1)).await;
    after.on_recipients(own(2), nobody(2)).await;
    assert_eq!(after.context.store.own_event(&event(1)).unwrap().unwrap().claims.len(), 1);
    assert_eq!(after.context.store.large_event(&event(2)).unwrap().map(|large| large.tally().users), Some(1));
    let early = after.context.store.early().unwrap();
    assert_eq!(early.claims.iter().map(|claim| &claim.event_id).collect::<Vec<_>>(), [&event(3)]);
}

/// L8: of what was sent before a kill and is seen only after it, receipts may be lost. They are
/// asked for until the request has left.
#[tokio::test]
async fn l8_what_a_kill_may_have_lost_of_messages_seen_later_is_asked_for() {
    let server = homeserver(|_, _| None).await;
    let Alone { mut context, mut inputs, dir, .. } = alone(&server).await;
    context.store.begin_run().unwrap();
    let mut actor = actor(context);
    actor.resume().await;
    let mut lost =
        || std::iter::from_fn(|| inputs.try_recv().ok()).filter(|input| matches!(input, Input::Lost)).count();
    let recorded = |n, sent, room: &str| OwnEvent { sent, room_id: RoomId::new(room), ..own(n) };

    let of_another_time = [at(1), now() + Duration::from_mins(2)].map(|sent| recorded(1, sent, "!room:example.org"));
    for own in of_another_time {
        actor.on_recipients(own, nobody(1)).await;
    }
    assert_eq!(lost(), 0, "too old, or sent by this run");
    let before = now() - Duration::from_secs(1);
    actor.on_recipients(recorded(2, before, "!room:example.org"), nobody(2)).await;
    assert_eq!(lost(), 1);
    actor.on_recipients(recorded(3, before, "!room:example.org"), nobody(3)).await;
    assert_eq!(lost(), 0, "it is asked for already");
    let to_own_device = recorded(4, before, "!notes:example.org");
    let to_nobody = OwnEvent { expected: std::collections::BTreeMap::new(), ..to_own_device.clone() };
    actor.on_recipients(to_nobody, to_own_device).await;
    assert_eq!(lost(), 1, "an own device may have answered too");
    assert!(actor.incoming.has_lost());

    // It ends before it has asked: the next one is to ask.
    let (to_actor, stop) = unbounded_channel();
    let (done, ended) = oneshot::channel();
    to_actor.send(Input::Stop(done)).ok().unwrap();
    actor.run(stop).await;
    ended.await.unwrap();
    assert!(Store::open(dir.path(), &[7; 32]).unwrap().begin_run().unwrap());
}

#[tokio::test]
async fn what_the_homeserver_sums_up_is_told_as_counts_also_when_it_comes_early() {
    let server = a_plain_room_of(2).await;
    let mut acting = acting(&server).await;
    acting.actor.context.client.sync_once(SyncSettings::new()).await.unwrap();
    acting.actor.incoming.recording.insert(event(1));
    let summary = Summary { users: 5, devices: 1, latest: Some(now()) };
    acting.actor.on_summary(&room(), 1, summary).await;
    acting.actor.on_recipients(own(1), nobody(1)).await;
    let mut told = Vec::new();
    while let Ok(said) = acting.events.try_recv() {
        if let Update::Deliveries { deliveries, .. } = said {
            told.extend(deliveries.into_iter().map(|delivery| delivery.tally.map(|tally| tally.users)));
        }
    }
    assert_eq!(told, [None, Some(2)], "l7: no more people than the room has");
}

fn joined(user: &str) -> Value {
    member(user, "join")
}

fn member(user: &str, membership: &str) -> Value {
    json!({
        "type": "m.room.member", "event_id": format!("$member-of-{user}"), "sender": user, "state_key": user,
        "room_id": "!room:example.org", "origin_server_ts": 1, "content": { "membership": membership },
    })
}

/// A server on which this user is in a room of so many with Bob and has said `$1`. The room is not
/// encrypted: so nobody is asked for receipts there.
async fn a_plain_room_of(members: u64) -> Loopback {
    let joined = ["@me:example.org", bob().as_str()].map(joined);
    let room = json!({
        "summary": { "m.joined_member_count": members }, "state": { "events": joined },
        "timeline": { "events": [own_message(1)] },
    });
    let sync = json!({ "next_batch": "s1", "rooms": { "join": { "!room:example.org": room } } });
    homeserver(move |_, request| (request.line == "GET /_matrix/client/v3/sync").then(|| reply(200, &sync))).await
}

fn own_message(n: usize) -> Value {
    json!({
        "type": "m.room.message", "event_id": event(n).as_str(), "sender": "@me:example.org", "origin_server_ts": 1,
        "content": { "msgtype": "m.text", "body": "hello" },
    })
}

fn timeline_event(event: &Value) -> TimelineEvent {
    TimelineEvent::from_plaintext(Raw::new(event).unwrap().cast_unchecked())
}

#[tokio::test]
async fn l1_l7_a_receipt_that_nobody_asked_for_is_believed_in_small_rooms_only() {
    for (members, believed) in [(50, true), (51, false)] {
        let server = a_plain_room_of(members).await;
        let mut acting = acting(&server).await;
        acting.actor.context.client.sync_once(SyncSettings::new()).await.unwrap();
        let sdk_room = ids::find_room(&acting.actor.context.client, &room()).unwrap();

        acting.actor.on_receipts(vec![receipt(1, bob().as_str(), Some("PHONE"))]).await;
        acting.actor.take_in(&sdk_room, &[own_message(1), own_message(2)].map(|own| timeline_event(&own))).await;
        while let Ok(input) = acting.inputs.try_recv() {
            acting.actor.handle(input).await;
        }
        let recorded = acting.actor.context.store.own_event(&event(1)).unwrap();
        assert_eq!(recorded.is_some(), believed);
        if let Some(own) = recorded {
            assert_eq!(own.expected.len(), 0, "nobody is waited for");
            assert_eq!(own.claims.keys().collect::<Vec<_>>(), [&(bob(), Some(DeviceId::new("PHONE")))]);
        }
        assert_eq!(acting.actor.context.store.own_event(&event(2)).unwrap(), None, "there is nothing to tell");
        assert!(!acting.actor.context.store.is_known(&bob()).unwrap(), "p7: acknowledging makes nobody known");
        assert!(
            acting.actor.incoming.held.is_empty() && acting.actor.incoming.refused == Refused::default(),
            "it is no lie either way"
        );
    }
}

#[tokio::test]
async fn a_disk_that_takes_nothing_is_not_tried_for_ever() {
    let server = a_plain_room_of(2).await;
    let mut acting = acting(&server).await;
    let client = acting.actor.context.client.clone();
    client.event_cache().subscribe().unwrap();
    let mut cached = client.event_cache().subscribe_to_room_generic_updates();
    client.sync_once(SyncSettings::new()).await.unwrap();
    cached.recv().await.unwrap();
    let disk = rusqlite::Connection::open(acting.dir.path().join("delivery.sqlite3")).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON own_events BEGIN SELECT RAISE (ABORT, 'full'); END";
    disk.execute(full, []).unwrap();

    acting.actor.on_receipts(vec![receipt(1, bob().as_str(), None)]).await;
    let Ok(Input::Incoming(IncomingInput::Recipients { own, own_devices, .. })) = acting.inputs.try_recv() else {
        panic!("the event was there to be recorded")
    };
    acting.actor.on_recipients(own, own_devices).await;
    assert!(acting.inputs.is_empty() && acting.actor.incoming.held.is_empty());
}

#[tokio::test]
async fn p7_whoever_answers_at_once_is_no_stranger() {
    let state = |kind: &str, content: Value| {
        json!({
            "type": kind, "event_id": format!("${kind}"), "sender": bob().as_str(), "state_key": "",
            "origin_server_ts": 1, "content": content,
        })
    };
    let [me, him] = ["@me:example.org", bob().as_str()].map(joined);
    let encryption = state("m.room.encryption", json!({ "algorithm": "m.megolm.v1.aes-sha2" }));
    let invited = state("m.room.join_rules", json!({ "join_rule": "invite" }));
    let state = [me, him, encryption, invited];
    let room_of_two = json!({ "summary": { "m.joined_member_count": 2 }, "state": { "events": state } });
    let sync = json!({ "next_batch": "s1", "rooms": { "join": { "!room:example.org": room_of_two } } });
    let server =
        homeserver(move |_, request| (request.line == "GET /_matrix/client/v3/sync").then(|| reply(200, &sync))).await;
    let mut acting = acting(&server).await;
    acting.actor.context.client.sync_once(SyncSettings::new()).await.unwrap();
    let sdk_room = ids::find_room(&acting.actor.context.client, &room()).unwrap();

    let message = |n, from: &str| {
        let mut message = own_message(n);
        message["sender"] = json!(from);
        message["origin_server_ts"] = json!(now());
        timeline_event(&message)
    };
    let [before, own, after] =
        [(1, bob().as_str()), (2, "@me:example.org"), (3, bob().as_str())].map(|(n, from)| message(n, from));
    acting.actor.take_in(&sdk_room, &[before, own, after]).await;
    assert_eq!(acting.status(1), Some(Reason::Stranger.status()));
    assert!(matches!(acting.status(3), Some(ReceiptStatus::Owed { .. })), "{:?}", acting.status(3));
}
