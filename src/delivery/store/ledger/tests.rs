//! Messages to few, on real files; for those to many see [`super::large`].

use tempfile::TempDir;

use super::*;
use crate::delivery::{
    ledger::Refused,
    store::{
        disk::Disk,
        tests::{KEY, NOW, bob, claim, event, open, own, room, temporary},
    },
};

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

#[test]
fn recording_twice_changes_nothing() {
    let (_dir, mut store) = temporary();
    store.record_recipients(&own("own", at(5))).unwrap();
    store.claim(&[claim("own", Some("B1"), Some(at(6)))], NOW).unwrap();
    let snapshot = store.own_event(&event("own")).unwrap();
    let mut second = OwnEvent { expected: BTreeMap::new(), ..own("own", at(99)) };
    second.merge(claim("own", Some("B9"), Some(at(100))), NOW).unwrap();
    store.record_recipients(&second).unwrap();
    assert_eq!(store.own_event(&event("own")).unwrap(), snapshot);
}

#[test]
fn recording_keeps_what_was_already_claimed() {
    let (_dir, mut store) = temporary();
    let mut with_claim = own("own", at(5));
    with_claim.merge(claim("own", Some("B1"), Some(at(6))), NOW).unwrap();
    store.record_recipients(&with_claim).unwrap();
    assert_eq!(store.own_event(&event("own")).unwrap(), Some(with_claim));
}

#[test]
fn own_events_are_the_newest_of_the_room() {
    let (_dir, mut store) = temporary();
    for (name, sent) in [("1", 10), ("3", 30), ("2", 20)] {
        store.record_recipients(&own(name, at(sent))).unwrap();
    }
    store.record_recipients(&OwnEvent { room_id: RoomId::new("!other"), ..own("4", at(40)) }).unwrap();
    let names =
        |limit| store.own_events(&room(), limit).unwrap().into_iter().map(|own| own.event_id).collect::<Vec<_>>();
    assert_eq!(names(9), ["3", "2", "1"].map(event));
    assert_eq!(names(2), ["3", "2"].map(event));
}

#[test]
fn l1_a_claim_about_an_unknown_event_or_another_room_is_none() {
    let (_dir, mut store) = temporary();
    store.record_recipients(&own("own", at(5))).unwrap();
    let unknown = claim("unknown", Some("B1"), None);
    let elsewhere = PeerClaim { room_id: RoomId::new("!other"), ..claim("own", Some("B1"), None) };
    let claims = [unknown, elsewhere];
    let refused = Refused::of(Refusal::OtherRoom, 1);
    let expected = Claimed { unknown: claims[..1].to_vec(), refused, ..Claimed::default() };
    assert_eq!(store.claim(&claims, NOW).unwrap(), expected);
    assert_eq!(store.answers(&bob()).unwrap(), Answers::Never, "l5: it counts as no answer either");
    let mixed = [claims[0].clone(), claim("own", Some("B1"), None)];
    let claimed = store.claim(&mixed, NOW).unwrap();
    assert_eq!(claimed.unknown, mixed[..1], "and costs itself only");
    assert_eq!(claimed.changed.len(), 1);
}

#[test]
fn l3_claims_are_merged_on_disk_as_in_memory() {
    let (_dir, mut store) = temporary();
    store.record_recipients(&own("own", at(5))).unwrap();
    let mut expected = own("own", at(5));
    for (id, time) in
        [(Some("B1"), Some(9)), (Some("B1"), Some(7)), (Some("B1"), Some(8)), (None, Some(1)), (None, None)]
    {
        let claim = claim("own", id, time.map(at));
        let merged = expected.merge(claim.clone(), NOW).unwrap();
        let changed = if merged == Merged::Same { vec![] } else { vec![expected.clone()] };
        assert_eq!(store.claim(&[claim], NOW).unwrap().changed, changed, "{id:?} {time:?}");
        assert_eq!(store.own_event(&event("own")).unwrap().as_ref(), Some(&expected));
    }
}

#[test]
fn l3_many_claims_at_once_are_as_many_one_by_one() {
    let (_dir, mut store) = temporary();
    let mut expected = [own("1", at(5)), own("2", at(5))];
    for own in &expected {
        store.record_recipients(own).unwrap();
    }
    let claims = [
        claim("1", Some("B1"), Some(at(9))),
        claim("2", None, Some(at(8))),
        claim("1", Some("B2"), None),
        claim("1", Some("B1"), Some(at(7))),
        claim("2", None, Some(at(9))),
    ];
    for claim in &claims {
        let about = expected.iter_mut().find(|own| own.event_id == claim.event_id).unwrap();
        about.merge(claim.clone(), NOW).unwrap();
    }
    assert_eq!(store.claim(&claims, NOW).unwrap().changed, expected);
    for own in expected {
        assert_eq!(store.own_event(&own.event_id).unwrap(), Some(own));
    }
    assert_eq!(store.claim(&claims, NOW).unwrap(), Claimed::default(), "twice is once");
}

/// What version 1 wrote of the ledger, word for word.
fn of_version_1(dir: &TempDir) {
    let mut disk = Disk::open_at(1, &dir.path().join("delivery.sqlite3"), &KEY).unwrap();
    let devices = serde_json::json!([
        { "device": "DEVICEB1", "name": "Bob's laptop", "excluded": null },
        { "device": "DEVICEB2", "name": "Bob's laptop", "excluded": "blocked" },
    ]);
    let own = serde_json::json!({
        "room": room().as_str(), "event": event("own").as_str(), "sent": 5, "expected": { bob().as_str(): devices },
    });
    disk.write(|tx| {
        let event_key = tx.key("event", &[event("own").as_str()]);
        let sql = "INSERT INTO own_events (key, room, value) VALUES (?1, ?2, ?3)";
        tx.run(sql, params![event_key, tx.key("room", &[room().as_str()]), tx.seal(&own)?])?;
        for (id, kind) in [(Some("DEVICEB1"), "user"), (None, "some device of")] {
            let (own, bob) = (event("own"), bob());
            let claim = serde_json::json!({
                "user": bob.as_str(), "device": id, "at": 6, "state": "delivered", "route": "direct", "heard": NOW,
            });
            let names: Vec<&str> = [own.as_str(), bob.as_str()].into_iter().chain(id).collect();
            let user = tx.key(kind, &[bob.as_str()]);
            let sql = "INSERT INTO claims (key, event, user, value) VALUES (?1, ?2, ?3, ?4)";
            tx.run(sql, params![tx.key("claim", &names), event_key, user, tx.seal(&claim)?])?;
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn l8_a_ledger_of_version_1_goes_on() {
    let dir = TempDir::new().unwrap();
    of_version_1(&dir);
    let mut store = open(&dir);
    let mut expected = own("own", at(5));
    expected.merge(claim("own", Some("B1"), Some(at(6))), NOW).unwrap();
    expected.merge(claim("own", None, Some(at(6))), NOW).unwrap();
    assert_eq!(store.own_event(&event("own")).unwrap(), Some(expected));
    assert_eq!(store.answers(&bob()).unwrap(), Answers::Named);
    let again = [claim("own", Some("B1"), Some(at(6))), claim("own", None, Some(at(7)))];
    assert_eq!(store.claim(&again, NOW).unwrap(), Claimed::default());
    assert_eq!(store.claim(&[claim("own", Some("B2"), Some(at(8)))], NOW).unwrap().changed.len(), 1);
}

#[test]
fn l5_how_a_person_answers_is_known_by_their_best_claim() {
    let (_dir, mut store) = temporary();
    store.record_recipients(&own("1", at(5))).unwrap();
    store.record_recipients(&own("2", at(5))).unwrap();
    for (claim, answers, changed) in [
        (claim("1", None, Some(at(6))), Answers::Unnamed, true),
        (claim("2", None, Some(at(6))), Answers::Unnamed, false),
        (claim("2", Some("B1"), Some(at(6))), Answers::Named, true),
        (claim("2", None, Some(at(5))), Answers::Named, false),
    ] {
        assert_eq!(store.claim(&[claim], NOW).unwrap().answers_changed, changed);
        assert_eq!(store.answers(&bob()).unwrap(), answers);
    }
    assert_eq!(store.answers(&UserId::new("@carol:example.org")).unwrap(), Answers::Never);
}
