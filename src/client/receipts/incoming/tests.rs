//! What others tell, without an actor around it.

use std::collections::BTreeMap;

use super::*;
use crate::{
    client::{
        receipts::testing::{Alone, alone},
        session::loopback::homeserver,
    },
    delivery::receipt::{Answer, Claim, ClaimState},
};

#[tokio::test]
async fn l1_claims_about_a_room_that_is_not_known_are_refused() {
    let Alone { mut context, events, .. } = alone(&homeserver(|_, _| None).await).await;
    let mut incoming = Incoming::new(Arc::default(), None);
    let claim = Claim { at: Some(Timestamp::from_millis(1)), state: ClaimState::Delivered };
    let answer = Answer {
        room_id: RoomId::new("!nowhere:example.org"),
        receipts: [1, 2].map(|n| (EventId::new(format!("${n}")), claim)).into(),
        quiet: false,
    };
    let phone = (UserId::new("@bob:example.org"), DeviceId::new("PHONE"));
    incoming.on_answer(&mut context, phone, answer).await;
    assert_eq!(incoming.refused, Refused::of(Refusal::Unknown, 2));
    assert!(incoming.held.is_empty() && events.is_empty());
}

#[tokio::test]
async fn a_sync_is_dealt_with_when_the_recipients_of_its_own_events_are_recorded() {
    let Alone { mut context, .. } = alone(&homeserver(|_, _| None).await).await;
    let mut incoming = Incoming::new(Arc::default(), None);
    let own = OwnEvent {
        room_id: RoomId::new("!room:example.org"),
        event_id: EventId::new("$own"),
        sent: Timestamp::from_millis(1),
        expected: BTreeMap::new(),
        claims: BTreeMap::new(),
    };
    incoming.recording.insert(own.event_id.clone());
    let (done, mut dealt_with) = oneshot::channel();
    incoming.tell_when_recorded(done);
    assert!(dealt_with.try_recv().is_err());

    let recipients = IncomingInput::Recipients { own_devices: own.clone(), own, with_gone: BTreeSet::new() };
    incoming.handle(&mut context, recipients).await;
    dealt_with.try_recv().expect("it is told");
    assert!(context.store.is_own_event(&EventId::new("$own")).unwrap());
}
