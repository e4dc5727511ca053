//! To-device messages: to whom, how often, how large, how many.

use super::{super::testing::*, *};

fn send_json(
    world: &mut World,
    from: &Caller,
    id: &str,
    messages: Value,
) -> Answer<send_event_to_device::v3::Response> {
    send(world, from.clone(), request(&["m.dummy", id], "", json!({ "messages": messages })))
}

/// What waits for a device, without the positions.
fn inbox(world: &World, device: &Caller) -> Vec<Value> {
    world.device(device).unwrap().inbox.iter().map(|(_, message)| message.clone()).collect()
}

#[test]
fn a_message_goes_to_the_device_that_is_named_or_to_all() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let (phone, tablet) = (login(&mut world, "grace", "PHONE"), login(&mut world, "grace", "TABLET"));
    send_json(&mut world, &ada, "1", json!({ "@grace:localhost": { "TABLET": { "to": "tablet" } } })).unwrap();
    let to_tablet = json!({ "type": "m.dummy", "sender": "@ada:localhost", "content": { "to": "tablet" } });
    assert_eq!((inbox(&world, &phone), inbox(&world, &tablet)), (vec![], vec![to_tablet.clone()]));

    let since = world.position;
    send_json(&mut world, &ada, "2", json!({ "@grace:localhost": { "*": { "to": "all" } } })).unwrap();
    let to_all = json!({ "type": "m.dummy", "sender": "@ada:localhost", "content": { "to": "all" } });
    assert_eq!((inbox(&world, &phone), inbox(&world, &tablet)), (vec![to_all.clone()], vec![to_tablet, to_all]));
    assert!(world.device(&phone).unwrap().inbox[0].0 > since, "a sync that has seen all until then gets it");
}

#[test]
fn who_is_not_there_is_left_out_in_silence() {
    let mut world = world();
    let (ada, grace) = (login(&mut world, "ada", "PHONE"), login(&mut world, "grace", "PHONE"));
    let to_grace = json!({ "TABLET": {}, "PHONE": {} });
    let to = json!({ "@nobody:localhost": { "*": {} }, "@grace:localhost": to_grace, "@grace:elsewhere": { "*": {} } });
    send_json(&mut world, &ada, "1", to).unwrap();
    assert_eq!(inbox(&world, &grace).len(), 1);
}

#[test]
fn the_same_transaction_of_a_device_is_sent_once() {
    let mut world = world();
    let (phone, laptop) = (login(&mut world, "ada", "PHONE"), login(&mut world, "ada", "LAPTOP"));
    let grace = login(&mut world, "grace", "PHONE");
    let mut send = |from: &Caller, transaction: &str| {
        send_json(&mut world, from, transaction, json!({ "@grace:localhost": { "PHONE": {} } })).unwrap();
        (inbox(&world, &grace).len(), world.device(from).unwrap().transactions.len())
    };
    assert_eq!([&phone, &phone, &laptop].map(|from| send(from, "1")), [(1, 1), (1, 1), (2, 1)]);
    for later in 0..MOST_TRANSACTIONS {
        send(&phone, &format!("later {later}"));
    }
    assert_eq!(send(&phone, "later 0"), (2 + MOST_TRANSACTIONS, MOST_TRANSACTIONS));
}

#[test]
fn what_is_refused_reaches_nobody_and_can_be_sent_again() {
    let mut world = world();
    let (ada, grace) = (login(&mut world, "ada", "PHONE"), login(&mut world, "grace", "PHONE"));
    let too_large = json!({ "PHONE": {}, "*": { "text": "x".repeat(LARGEST) } });
    let refused = send_json(&mut world, &ada, "1", json!({ "@grace:localhost": too_large }));
    assert_eq!(refusal(refused), (413, "M_TOO_LARGE".to_owned()));
    let refused = send_json(&mut world, &ada, "1", json!({ "@grace:localhost": { "PHONE": [] } }));
    assert_eq!(refusal(refused), (400, "M_BAD_JSON".to_owned()));
    assert_eq!(inbox(&world, &grace).len(), 0);
    send_json(&mut world, &ada, "1", json!({ "@grace:localhost": { "PHONE": {} } })).unwrap();
    assert_eq!(inbox(&world, &grace).len(), 1);
}

#[test]
fn what_waits_is_bounded_and_the_oldest_goes_first() {
    let mut inbox = VecDeque::new();
    for number in 0..=MOST_WAITING {
        push(&mut inbox, number, MOST_WAITING);
    }
    assert_eq!((inbox.len(), inbox[0]), (MOST_WAITING, 1));
}
