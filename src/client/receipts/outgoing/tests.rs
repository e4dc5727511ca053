//! What is owed, without an actor around it.

use super::*;
use crate::{
    client::{
        receipts::testing::{Alone, alone, queue},
        session::loopback::homeserver,
    },
    delivery::{
        outbox::{Draw, Outbox, Owed},
        policy::Timing,
        receipt::ClaimState,
        receipt_queue::{Entry, Journal, Step},
    },
};

#[tokio::test]
async fn nothing_is_told_to_a_room_that_was_left() {
    let Alone { mut context, inputs, .. } = alone(&homeserver(|_, _| None).await).await;
    let mut outgoing = Outgoing::new(queue());
    let owed = Owed {
        room_id: RoomId::new("!left:example.org"),
        event_id: EventId::new("$1"),
        sender: UserId::new("@bob:example.org"),
        sent: now(),
        since: now(),
        state: ClaimState::Delivered,
        quiet: false,
    };
    context.store.record(&[Entry::about(&owed, Step::Owe(owed.since))], now()).unwrap();
    let mut outbox = Outbox::new();
    outbox.owe(owed.clone(), Timestamp::EPOCH, 0.0, Timestamp::EPOCH).unwrap();
    let batch = outbox.due(Draw { timing: Timing::Immediate, number: 0.0 }, Timestamp::EPOCH).remove(0);

    assert!(outgoing.answer(&mut context, batch).await.is_none(), "no members have to be fetched");
    let status = context.store.status(&owed.room_id, &owed.event_id).unwrap();
    assert_eq!(status, Some(Reason::Left.status()));
    assert!(inputs.is_empty() && outgoing.next_wake().is_none(), "nothing is sent, now or later");
}

#[tokio::test]
async fn every_part_reads_the_settings_that_the_queue_has() {
    let Alone { mut context, .. } = alone(&homeserver(|_, _| None).await).await;
    let mut outgoing = Outgoing::new(queue());
    let settings = Settings { max_members: 3, ..Settings::default() };
    outgoing.set_settings(&mut context, settings.clone());
    assert_eq!((&context.settings, outgoing.queue.settings()), (&settings, &settings));
    assert_eq!(&context.incognito, outgoing.queue.incognito());
}
