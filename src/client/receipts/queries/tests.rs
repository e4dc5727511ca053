//! What views ask, without an actor around it.

use std::collections::BTreeMap;

use super::*;
use crate::{
    client::update::Update,
    client::{
        receipts::{
            Input,
            outgoing::Outgoing,
            testing::{Alone, alone, queue},
        },
        session::loopback::homeserver,
    },
    clock::now,
    delivery::ledger::OwnEvent,
    model::{ReceiptStatus, RoomId},
};

#[tokio::test]
async fn of_an_event_that_was_never_considered_it_is_told_so() {
    let Alone { mut context, mut events, .. } = alone(&homeserver(|_, _| None).await).await;
    let (room_id, event_id) = (RoomId::new("!nowhere:example.org"), EventId::new("$1"));
    status::tell(&mut context, &Outgoing::new(queue()), &room_id, event_id).await;
    let told = events.try_recv().unwrap();
    assert!(matches!(told, Update::ReceiptStatus { status: ReceiptStatus::NotConsidered, .. }));
}

#[tokio::test]
async fn a_room_that_is_opened_is_the_open_one() {
    let Alone { mut context, .. } = alone(&homeserver(|_, _| None).await).await;
    let mut queries = Queries::default();
    for (name, is_first) in [("!a:x", true), ("!b:x", false)] {
        assert_eq!(queries.on_opened(&mut context, RoomId::new(name)).await, is_first);
        assert_eq!(context.open_room.room_id, Some(RoomId::new(name)));
    }
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
    for _ in 0..2 {
        queries.search(&context).await;
    }
    for left in [1, 0] {
        assert!(matches!(inputs.recv().await, Some(Input::Query(Query::SearchOn))));
        queries.search_on(&context).await;
        assert_eq!(queries.searches.len(), left);
        assert!(matches!(events.recv().await, Some(Update::Undelivered(_))));
    }
    assert!(inputs.is_empty());
}
