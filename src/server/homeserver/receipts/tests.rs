use ruma::OwnedRoomId;

use super::{
    super::testing::{from, login, refusal, room, say, set_membership, world},
    *,
};

fn scene() -> (World, Caller, OwnedRoomId, [ruma::OwnedEventId; 2]) {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let id = room(&mut world, "room", &[&ada]);
    let events = ["one", "two"].map(|text| say(&mut world, &id, &ada, text));
    (world, ada, id, events)
}

fn post(
    world: &mut World,
    who: &Caller,
    room: &RoomId,
    kind: &str,
    event: &EventId,
    thread: ReceiptThread,
) -> Answer<()> {
    let mut request = create_receipt::v3::Request::new(room.to_owned(), kind.into(), event.to_owned());
    request.thread = thread;
    read(world, who, request).map(|_| ())
}

/// What a user's receipts are, by type and thread.
fn receipts(world: &World, room: &RoomId) -> Vec<(String, String, String)> {
    let receipts = world.rooms[room].receipts.iter();
    receipts.map(|((_, kind, thread), at)| (kind.clone(), thread.clone(), at.event_id.to_string())).collect()
}

#[test]
fn a_read_receipt_moves_on_and_never_back() {
    let (mut world, ada, id, [one, two]) = scene();
    for (event, moves) in [(&one, true), (&one, false), (&two, true), (&one, false)] {
        let before = world.position;
        post(&mut world, &ada, &id, "m.read", event, ReceiptThread::Unthreaded).unwrap();
        assert_eq!(world.position > before, moves, "{event}");
    }
    assert_eq!(receipts(&world, &id), [("m.read".to_owned(), String::new(), two.to_string())]);
}

#[test]
fn each_thread_has_receipts_of_its_own_and_so_has_each_type() {
    let (mut world, ada, id, [one, two]) = scene();
    post(&mut world, &ada, &id, "m.read", &two, ReceiptThread::Unthreaded).unwrap();
    post(&mut world, &ada, &id, "m.read", &one, ReceiptThread::Main).unwrap();
    post(&mut world, &ada, &id, "m.read.private", &one, ReceiptThread::Thread(one.clone())).unwrap();
    let expected = [("m.read", "", &two), ("m.read", "main", &one), ("m.read.private", one.as_str(), &one)];
    assert_eq!(
        receipts(&world, &id),
        expected.map(|(kind, thread, at)| (kind.to_owned(), thread.to_owned(), at.to_string()))
    );
}

#[test]
fn markers_are_set_together_and_the_read_marker_is_account_data() {
    let (mut world, ada, id, [one, two]) = scene();
    for (event, kept) in [(&one, &one), (&two, &two), (&one, &two)] {
        let mut request = set_read_marker::v3::Request::new(id.clone());
        request.fully_read = Some(event.clone());
        request.read_receipt = Some(event.clone());
        set_markers(&mut world, ada.clone(), request).unwrap();
        let key = (id.clone(), "m.fully_read".to_owned());
        assert_eq!(world.user(&ada.user_id).unwrap().room_account_data[&key].1, json!({ "event_id": kept }));
        assert_eq!(receipts(&world, &id), [("m.read".to_owned(), String::new(), kept.to_string())]);
    }
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let (mut world, ada, id, [one, _]) = scene();
    let (eve, unknown) = (login(&mut world, "eve", "SPY"), EventId::parse("$unknown").unwrap());
    let position = world.position;
    for (who, kind, event, thread, status, code) in [
        (&ada, "m.seen", &one, ReceiptThread::Unthreaded, 400, "M_INVALID_PARAM"),
        (&ada, "m.fully_read", &one, ReceiptThread::Main, 400, "M_INVALID_PARAM"),
        (&ada, "m.read", &unknown, ReceiptThread::Unthreaded, 404, "M_NOT_FOUND"),
        (&ada, "m.fully_read", &unknown, ReceiptThread::Unthreaded, 404, "M_NOT_FOUND"),
        (&eve, "m.read", &one, ReceiptThread::Unthreaded, 403, "M_FORBIDDEN"),
        (&eve, "m.read", &unknown, ReceiptThread::Unthreaded, 403, "M_FORBIDDEN"),
    ] {
        let answer = post(&mut world, who, &id, kind, event, thread);
        assert_eq!(refusal(answer), (status, code.to_owned()), "{kind} {event}");
    }
    assert_eq!(world.position, position);
    set_membership(&mut world, &id, &ada, "leave");
    let answer = post(&mut world, &ada, &id, "m.read", &one, from(json!("main")));
    assert_eq!(refusal(answer), (403, "M_FORBIDDEN".to_owned()));
}
