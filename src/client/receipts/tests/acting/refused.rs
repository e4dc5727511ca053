//! What the actor does not believe is counted as what it is, and nothing else is.

use super::*;
use crate::{
    client::{
        receipts::{fetch_members, incoming::bridges},
        reply::Reply,
        request::RequestId,
    },
    delivery::{
        ledger::{BridgeReport, PeerClaim, Refusal},
        receipt::BRIDGE_STATUS_TYPE,
    },
    model::{BridgeState, Route},
};

const CAROL: &str = "@carol:example.org";
const MALLORY: &str = "@mallory:example.org";
const BOT: &str = "@bot:example.org";

/// Alice ignores Carol, Mallory has left, and the bot may redact what others write.
async fn a_room_of_many_kinds() -> Loopback {
    let create = json!({
        "type": "m.room.create", "event_id": "$create", "sender": BOT, "state_key": "", "origin_server_ts": 1,
        "content": { "creator": BOT, "room_version": "10" },
    });
    let power = json!({
        "type": "m.room.power_levels", "event_id": "$power", "sender": BOT, "state_key": "", "origin_server_ts": 1,
        "content": { "users": { BOT: 100 } },
    });
    let mut state: Vec<Value> = ["@me:example.org", bob().as_str(), CAROL, BOT].map(joined).into();
    state.push(member(MALLORY, "leave"));
    let members = json!({ "chunk": state });
    state.extend([create, power]);
    let ignored = json!({ "type": "m.ignored_user_list", "content": { "ignored_users": { CAROL: {} } } });
    let room = json!({ "summary": { "m.joined_member_count": 4 }, "state": { "events": state } });
    let sync = json!({
        "next_batch": "s1", "rooms": { "join": { "!room:example.org": room } }, "account_data": { "events": [ignored] },
    });
    answering(sync, members).await
}

/// A homeserver that gives these answers to every sync, and to whoever asks for the members of a
/// room.
async fn answering(sync: Value, members: Value) -> Loopback {
    homeserver(move |_, request| match request.line.as_str() {
        "GET /_matrix/client/v3/sync" => Some(reply(200, &sync)),
        line if line.ends_with("/members") => Some(reply(200, &members)),
        _ => None,
    })
    .await
}

/// Everybody in the room is known.
async fn know_all(acting: &Acting) {
    fetch_members(&ids::find_room(&acting.actor.context.client, &room()).unwrap()).await.unwrap();
}

/// What happened since this was asked last.
fn refused(acting: &mut Acting) -> Vec<(Refusal, u64)> {
    std::mem::take(&mut acting.actor.incoming.refused).iter().collect()
}

#[tokio::test]
async fn l1_l2_l7_a_claim_that_is_not_believed_is_counted_as_what_it_is() {
    let server = a_room_of_many_kinds().await;
    let mut acting = acting(&server).await;
    acting.actor.context.client.sync_once(SyncSettings::new()).await.unwrap();
    know_all(&acting).await;
    acting.actor.take_in_what_came().await;
    acting.actor.context.store.record_recipients(&own(1)).unwrap();
    acting
        .actor
        .context
        .store
        .record_recipients(&OwnEvent { room_id: RoomId::new("!other:example.org"), ..own(2) })
        .unwrap();
    let summary = Summary { users: 1, devices: 1, latest: None };

    let bob = bob();
    let from = |user| receipt(1, user, None);
    let of_all = [bob.as_str(), CAROL, CAROL, MALLORY, "@me:example.org"].map(from);
    acting.actor.on_receipts(of_all.to_vec()).await;
    assert_eq!(refused(&mut acting), [(Refusal::Own, 1), (Refusal::NotJoined, 1), (Refusal::Ignored, 2)]);
    acting.actor.on_receipts(vec![from(bob.as_str())]).await;
    assert_eq!(refused(&mut acting), [], "l3: what is said twice is no lie");
    acting
        .actor
        .on_receipts(vec![Native { at: Some(Timestamp::EPOCH), ..receipt(1, bob.as_str(), Some("LATER")) }])
        .await;
    assert_eq!(refused(&mut acting), [], "l4: it costs the time only");

    acting.actor.on_receipts(vec![receipt(2, bob.as_str(), None)]).await;
    acting.actor.on_summary(&room(), 2, summary).await;
    assert_eq!(refused(&mut acting), [(Refusal::OtherRoom, 2)]);

    acting.actor.on_receipts(vec![receipt(3, bob.as_str(), None)]).await;
    acting.actor.on_summary(&room(), 3, summary).await;
    assert_eq!(refused(&mut acting), [], "the message may be on its way");
    let his = json!({
        "type": "m.room.message", "event_id": event(3).as_str(), "sender": bob.as_str(), "origin_server_ts": 1,
        "content": { "msgtype": "m.text", "body": "hello" },
    });
    let sdk_room = ids::find_room(&acting.actor.context.client, &room()).unwrap();
    acting.actor.take_in(&sdk_room, &[timeline_event(&his)]).await;
    assert_eq!(refused(&mut acting), [(Refusal::NotOwn, 2)], "it is Bob's");

    let nowhere = RoomId::new("!nowhere:example.org");
    let claims = vec![receipt(1, bob.as_str(), None)];
    acting.actor.incoming.on_native_receipts(&mut acting.actor.context, &nowhere, claims).await;
    acting.actor.on_summary(&nowhere, 1, summary).await;
    assert_eq!(refused(&mut acting), [(Refusal::Unknown, 2)]);

    let flood = |from| (from..from + 205).map(|n| receipt(n, bob.as_str(), None)).collect();
    acting.actor.on_receipts(flood(1_000)).await;
    assert_eq!(refused(&mut acting), [(Refusal::TooMany, 5)]);
    let devices = (0..101).map(|n| receipt(1, bob.as_str(), Some(&n.to_string()))).collect();
    acting.actor.on_receipts(devices).await;
    assert_eq!(refused(&mut acting), [(Refusal::TooMany, 3)], "of 101, since two were there");
}

#[tokio::test]
async fn l1_what_was_held_for_nothing_is_counted_and_shown_in_the_log() {
    let server = a_room_of_many_kinds().await;
    let mut acting = acting(&server).await;
    acting.actor.context.client.sync_once(SyncSettings::new()).await.unwrap();
    let claim = |n| PeerClaim::native(room(), receipt(n, bob().as_str(), None), Timestamp::EPOCH);
    acting.actor.take_in_what_came().await;
    acting.actor.incoming.recording.insert(event(2));
    for n in [1, 2] {
        acting.actor.incoming.held.hold(claim(n)).unwrap();
    }
    let _ = acting.actor.incoming.held.synced(Timestamp::EPOCH, |_, _| false);
    acting.actor.incoming.held.hold(claim(3)).unwrap();
    acting.actor.incoming.expire(&mut acting.actor.context, |_| false);
    acting.actor.handle(IncomingInput::Refused(Refused::of(Refusal::Unproven, 7)).into()).await;
    for _ in 0..2 {
        let request = ReceiptsRequest::AskReceiptLog;
        let responder = Responder::new(RequestId(0), &request.clone().into(), acting.actor.context.events.clone());
        acting.actor.handle(Query::Asked(request, responder).into()).await;
        let told = std::iter::from_fn(|| acting.events.try_recv().ok()).find_map(|event| match event {
            Update::Done { outcome: Ok(Reply::ReceiptLog(log)), .. } => {
                Some(log.not_believed.iter().map(|lie| (lie.rule, lie.claims)).collect())
            }
            _ => None,
        });
        assert_eq!(told, Some(vec![("L1", 1), ("L2", 7)]));
    }

    let elsewhere = RoomId::new("!other:example.org");
    acting.actor.incoming.held.hold(PeerClaim { room_id: elsewhere, ..claim(2) }).unwrap();
    refused(&mut acting);
    acting.actor.on_recipients(own(2), nobody(2)).await;
    assert_eq!(refused(&mut acting), [(Refusal::OtherRoom, 1)]);
    assert_eq!(acting.actor.context.store.own_event(&event(2)).unwrap().unwrap().claims.len(), 1, "the other was held");
}

#[tokio::test]
async fn l2_l7_what_no_bridge_says_is_counted_and_what_one_says_about_others_is_not() {
    let server = a_room_of_many_kinds().await;
    let mut acting = acting(&server).await;
    acting.actor.context.client.sync_once(SyncSettings::new()).await.unwrap();
    know_all(&acting).await;
    acting.actor.take_in_what_came().await;
    let sdk_room = ids::find_room(&acting.actor.context.client, &room()).unwrap();
    let status = |from: &str, n| {
        timeline_event(&json!({
            "type": BRIDGE_STATUS_TYPE, "event_id": format!("$of-{from}-{n}"), "sender": from, "origin_server_ts": 1,
            "content": {
                "m.relates_to": { "rel_type": "m.reference", "event_id": event(n).as_str() }, "status": "SUCCESS",
            },
        }))
    };
    let mut his = own_message(2);
    his["sender"] = json!(bob().as_str());
    let messages = [own_message(1), his].map(|message| timeline_event(&message));

    let said = [status(BOT, 1), status(bob().as_str(), 1), status(MALLORY, 1), status(BOT, 2)];
    acting
        .actor
        .incoming
        .on_bridge_events(&mut acting.actor.context, &sdk_room, &[&messages[..], &said].concat())
        .await;
    assert_eq!(refused(&mut acting), [(Refusal::NotJoined, 1), (Refusal::NoBridge, 1)]);
    let report = acting.actor.context.store.bridged(&event(1)).unwrap();
    assert!(matches!(report, Some(BridgeReport { state: BridgeState::Sent, bot, .. }) if bot.as_str() == BOT));
    assert_eq!(acting.actor.context.store.bridged(&event(2)).unwrap(), None);

    acting.actor.incoming.bridges.waiting.forget_permits(bridges::HELD_MOST);
    acting.actor.incoming.on_bridge_events(&mut acting.actor.context, &sdk_room, &[status(BOT, 9)]).await;
    assert_eq!(refused(&mut acting), [(Refusal::TooMany, 1)]);
}

#[tokio::test]
async fn l2_own_devices_are_no_liars_unless_they_name_another_room() {
    let server = a_room_of_many_kinds().await;
    let mut acting = acting(&server).await;
    acting.actor.context.client.sync_once(SyncSettings::new()).await.unwrap();
    let me = UserId::new("@me:example.org");
    let desk =
        ExpectedDevice { device_id: DeviceId::new("DESK"), name: SafeText::default(), excluded: None, silent: None };
    let own_devices = OwnEvent { expected: [(me.clone(), vec![desk])].into(), ..own(1) };
    acting.actor.context.store.record_own_devices(&own_devices).unwrap();
    acting.actor.context.store.record_recipients(&own(1)).unwrap();
    let said = |n, room: &RoomId| {
        let claim = PeerClaim::native(room.clone(), receipt(n, me.as_str(), Some("DESK")), now());
        vec![PeerClaim { route: Route::Direct, ..claim }]
    };
    acting.actor.incoming.on_own_device_claims(&mut acting.actor.context, &room(), said(1, &room())).await;
    assert_eq!(refused(&mut acting), [], "they are believed, apart from others");

    acting.actor.context.store.record_recipients(&own(2)).unwrap();
    acting.actor.incoming.on_own_device_claims(&mut acting.actor.context, &room(), said(2, &room())).await;
    assert!(acting.actor.incoming.held.holds(&event(2)), "it went to no own device, as far as is known");
    let sdk_room = ids::find_room(&acting.actor.context.client, &room()).unwrap();
    acting.actor.take_in(&sdk_room, &[timeline_event(&own_message(2))]).await;
    assert!(acting.actor.incoming.held.is_empty() && refused(&mut acting).is_empty(), "that is no lie");

    acting
        .actor
        .incoming
        .on_own_device_claims(&mut acting.actor.context, &room(), said(1, &RoomId::new("!other:example.org")))
        .await;
    acting
        .actor
        .incoming
        .on_own_device_claims(&mut acting.actor.context, &RoomId::new("!nowhere:example.org"), said(1, &room()))
        .await;
    assert_eq!(refused(&mut acting), [(Refusal::OtherRoom, 1), (Refusal::Unknown, 1)]);
}

#[tokio::test]
async fn l2_whoever_is_not_known_waits_until_everybody_in_the_room_is() {
    const DAN: &str = "@dan:example.org";
    let known = ["@me:example.org", bob().as_str()].map(joined);
    let room_of_three = json!({ "summary": { "m.joined_member_count": 3 }, "state": { "events": known } });
    let ignored = json!({ "type": "m.ignored_user_list", "content": { "ignored_users": { CAROL: {} } } });
    let sync = json!({
        "next_batch": "s1", "rooms": { "join": { "!room:example.org": room_of_three } },
        "account_data": { "events": [ignored] },
    });
    let all = ["@me:example.org", bob().as_str(), DAN].map(joined);
    let members = json!({ "chunk": all });
    let server = answering(sync, members).await;
    let mut acting = acting(&server).await;
    acting.actor.context.client.sync_once(SyncSettings::new()).await.unwrap();
    acting.actor.take_in_what_came().await;
    acting.actor.context.store.record_recipients(&own(1)).unwrap();
    let to_them = [DAN, CAROL].map(|user| (UserId::new(user), Vec::new()));
    acting.actor.context.store.record_recipients(&OwnEvent { expected: to_them.into(), ..own(2) }).unwrap();
    let claimants = |acting: &Acting, n| -> Vec<String> {
        let own = acting.actor.context.store.own_event(&event(n)).unwrap().unwrap();
        own.claims.keys().map(|(user, _)| user.to_string()).collect()
    };

    let about_the_second = [DAN, CAROL, MALLORY].map(|user| receipt(2, user, None));
    acting.actor.on_receipts(about_the_second.into()).await;
    assert_eq!(claimants(&acting, 2), [DAN], "he was given the key, so he was there");
    assert_eq!(refused(&mut acting), [(Refusal::NotJoined, 1)], "whoever is ignored is not looked for");
    acting.actor.on_receipts([bob().as_str(), DAN].map(|user| receipt(1, user, None)).into()).await;
    assert_eq!(claimants(&acting, 1), [bob().as_str()], "he is known");
    acting.actor.on_receipts((0..100).map(|_| receipt(1, MALLORY, None)).collect()).await;
    assert_eq!(refused(&mut acting), [(Refusal::TooMany, 1)], "l7");

    let known = acting.inputs.recv().await.unwrap();
    assert!(matches!(known, Input::Incoming(IncomingInput::Members(_))));
    acting.actor.handle(known).await;
    assert_eq!(claimants(&acting, 1), [bob().as_str(), DAN]);
    assert_eq!(refused(&mut acting), [(Refusal::NotJoined, 100)]);

    ids::find_room(&acting.actor.context.client, &room()).unwrap().mark_members_missing();
    acting.actor.on_receipts(vec![receipt(1, MALLORY, None)]).await;
    assert_eq!(refused(&mut acting), [(Refusal::NotJoined, 1)], "nobody looks twice a minute");
    assert!(acting.inputs.is_empty());
}
