//! What views ask, without an actor around it.

use std::collections::BTreeMap;

use super::*;
use crate::{
    client::{
        receipts::{
            Input,
            outgoing::Outgoing,
            testing::{Alone, alone, queue},
        },
        reply::Reply,
        request::RequestId,
        session::loopback::homeserver,
        update::Update,
    },
    clock::now,
    delivery::ledger::OwnEvent,
    model::{EventId, ReceiptStatus, RoomId},
};

#[tokio::test]
async fn of_an_event_that_was_never_considered_it_is_told_so() {
    let Alone { mut context, .. } = alone(&homeserver(|_, _| None).await).await;
    let (room_id, event_id) = (RoomId::new("!nowhere:example.org"), EventId::new("$1"));
    let told = status::of(&mut context, &Outgoing::new(queue()), &room_id, event_id).await.unwrap();
    assert!(matches!(told, Reply::ReceiptStatus { status: ReceiptStatus::NotConsidered, .. }));
}

#[tokio::test]
async fn a_room_is_open_from_when_it_is_opened_until_it_is_closed() {
    let Alone { mut context, .. } = alone(&homeserver(|_, _| None).await).await;
    let mut queries = Queries::default();
    let [a, b] = ["!a:x", "!b:x"].map(RoomId::new);
    for (room, is_first) in [(&a, true), (&b, false)] {
        assert_eq!(queries.on_opened(&mut context, room.clone()).await, is_first);
    }
    assert!(context.open_rooms.room_ids.iter().eq([&a, &b]));
    Queries::on_closed(&mut context, &a);
    assert!(context.open_rooms.room_ids.iter().eq([&b]));
    assert!(!queries.on_opened(&mut context, a).await, "it was not the first one");
}

#[tokio::test]
async fn each_search_for_undelivered_messages_goes_on_and_ends_by_itself() {
    let Alone { mut context, mut inputs, mut events, .. } = alone(&homeserver(|_, _| None).await).await;
    for n in 0..80 {
        let own = OwnEvent {
            room_id: RoomId::new("!room:example.org"),
            event_id: EventId::new(format!("${n}")),
            sent: now(),
            expected: BTreeMap::new(),
            claims: BTreeMap::new(),
        };
        context.store.record_recipients(&own).unwrap();
    }
    let mut queries = Queries::default();
    for id in 0..2 {
        let request = ReceiptsRequest::AskUndelivered.into();
        queries.search(&context, Responder::new(RequestId(id), &request, context.events.clone())).await;
    }
    for left in [1, 0] {
        assert!(matches!(inputs.recv().await, Some(Input::Query(Query::SearchOn))));
        queries.search_on(&context).await;
        assert_eq!(queries.searches.len(), left);
        let told = events.recv().await;
        assert!(matches!(told, Some(Update::Done { outcome: Ok(Reply::Undelivered(_)), .. })), "{told:?}");
    }
    assert!(inputs.is_empty());
}
