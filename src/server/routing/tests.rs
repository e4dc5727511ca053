//! The sentences of PROTOCOL §7 about posting, each with a test that is named after it.

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const EVERYTHING: &[u8] = br#"{"dev.kvitto.devices": true}"#;

/// One request, and the world that it comes into. By itself it is a receipt of @ada's phone for
/// @you's event.
struct Case {
    body: Vec<u8>,
    name: ReceiptName,
    claimant: Claimant,
    limit: RateLimit,
    joined: bool,
    event: Option<EventFacts>,
}

/// What the server was asked for, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Token,
    Pace,
    Membership,
    Event,
}

impl Case {
    fn new() -> Self {
        Self {
            body: b"{}".to_vec(),
            name: ReceiptName::Unstable,
            claimant: Claimant { user_id: UserId::new("@ada:host"), device_id: Some(DeviceId::new("PHONE")) },
            limit: RateLimit::default(),
            joined: true,
            event: Some(EventFacts {
                room_id: RoomId::new("!room"),
                sender: UserId::new("@you:host"),
                since_join: true,
                state: false,
                redacted: false,
            }),
        }
    }

    fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut case = Self::new();
        change(&mut case);
        case
    }

    fn with_event(change: impl FnOnce(&mut EventFacts)) -> Self {
        Self::with(|case| change(case.event.as_mut().unwrap()))
    }

    fn with_body(body: &str) -> Self {
        Self::with(|case| case.body = body.as_bytes().to_vec())
    }

    /// As a server does it, noting what it looks up.
    fn run(&mut self, asked: &mut Vec<Asked>) -> Result<Option<Receipt>, Refusal> {
        let post = Post::new(RoomId::new("!room"), EventId::new("$event"), self.name, &self.body)?;
        asked.push(Asked::Token);
        let post = post.claimed_by(self.claimant.clone(), &[ReceiptName::Unstable])?;
        asked.push(Asked::Pace);
        let post = post.within(&mut self.limit, NOW)?;
        asked.push(Asked::Membership);
        let post = post.by_member(self.joined)?;
        asked.push(Asked::Event);
        post.about(self.event.as_ref(), NOW)
    }

    fn outcome(mut self) -> Result<Option<Receipt>, Refusal> {
        self.run(&mut Vec::new())
    }

    fn receipt(self) -> Receipt {
        self.outcome().unwrap().unwrap()
    }
}

fn exhausted(user: &UserId) -> RateLimit {
    let mut limit = RateLimit::new(Duration::from_millis(200), 1);
    limit.take(user, NOW).unwrap();
    limit
}

#[track_caller]
fn check_wire(refusal: Refusal, status: u16, errcode: &str) {
    assert_eq!((refusal.status(), refusal.errcode()), (status, errcode));
    assert_eq!(refusal.body()["errcode"], errcode);
    assert_eq!(refusal.body()["error"], refusal.to_string());
}

#[test]
fn the_checks_come_in_this_order_and_nothing_is_asked_for_after_a_refusal() {
    use Asked::{Event, Membership, Pace, Token};
    type Mend = fn(&mut Case);
    let mut case = Case::with(|case| {
        case.body = vec![b' '; MAX_BODY + 1];
        case.name = ReceiptName::Stable;
        case.limit = exhausted(&case.claimant.user_id);
        case.joined = false;
        case.event = None;
    });
    let mends: [(Refusal, &[Asked], Mend); 7] = [
        (Refusal::TooLarge, &[], |case| case.body = b"[]".to_vec()),
        (Refusal::NotJson, &[Token], |case| case.body = br#"{"thread_id": "main"}"#.to_vec()),
        (Refusal::Threaded, &[Token], |case| case.body = b"{}".to_vec()),
        (Refusal::NameNotTaken, &[Token], |case| case.name = ReceiptName::Unstable),
        (Refusal::LimitExceeded { retry_after: Duration::from_millis(200) }, &[Token, Pace], |case| {
            case.limit = RateLimit::default();
        }),
        (Refusal::NotJoined, &[Token, Pace, Membership], |case| case.joined = true),
        (Refusal::NotFound, &[Token, Pace, Membership, Event], |case| case.event = Case::new().event),
    ];
    for (refusal, expected, mend) in mends {
        let mut asked = Vec::new();
        assert_eq!(case.run(&mut asked), Err(refusal));
        assert_eq!(asked, expected, "{refusal}");
        mend(&mut case);
    }
    assert!(case.outcome().unwrap().is_some());
}

#[test]
fn size_over_4_kib_is_refused_before_the_token_is_looked_at() {
    let body_of = |size: usize| Case::with_body(&format!("{{{:size$}}}", "", size = size - 2));
    assert!(body_of(4096).outcome().is_ok());
    let mut asked = Vec::new();
    assert_eq!(body_of(4097).run(&mut asked), Err(Refusal::TooLarge));
    assert_eq!(asked, []);
    check_wire(Refusal::TooLarge, 413, "M_TOO_LARGE");
}

#[test]
fn the_token_gives_the_only_identity_there_is() {
    let claims = r#"{"user_id": "@eve:host", "device_id": "EVE", "claimant": "@eve:host", "dev.kvitto.devices": true}"#;
    let receipt = Case::with_body(claims).receipt();
    assert_eq!((receipt.claimant, receipt.device_id), (UserId::new("@ada:host"), Some(DeviceId::new("PHONE"))));

    let without_device = Case::with(|case| {
        case.body = EVERYTHING.to_vec();
        case.claimant.device_id = None;
    });
    assert_eq!(without_device.receipt().device_id, None);
}

#[test]
fn a_device_is_named_only_when_it_says_true() {
    for (body, named) in [
        (r#"{"dev.kvitto.devices": true}"#, true),
        (r#"{"dev.kvitto.devices": false}"#, false),
        (r#"{"dev.kvitto.devices": "true"}"#, false),
        (r#"{"dev.kvitto.devices": 1}"#, false),
        (r#"{"dev.kvitto.devices": {"PHONE": {"ts": 1}}}"#, false),
        ("{}", false),
    ] {
        assert_eq!(Case::with_body(body).receipt().device_id.is_some(), named, "{body}");
    }
}

#[test]
fn what_is_no_json_object_is_400_not_json() {
    for body in ["", "{", "[]", "null", "1", "\"{}\"", "{} {}", "\u{feff}{}"] {
        assert_eq!(Case::with_body(body).outcome(), Err(Refusal::NotJson), "{body:?}");
    }
    let nested = "[".repeat(MAX_BODY - 5);
    assert_eq!(Case::with_body(&format!("{{\"a\":{nested}")).outcome(), Err(Refusal::NotJson));
    let not_utf8 = Case::with(|case| case.body = b"{\"a\": \"\xff\"}".to_vec());
    assert_eq!(not_utf8.outcome(), Err(Refusal::NotJson));
    check_wire(Refusal::NotJson, 400, "M_NOT_JSON");
}

#[test]
fn thread_id_is_400_invalid_param() {
    for body in [r#"{"thread_id": "main"}"#, r#"{"thread_id": null, "dev.kvitto.devices": true}"#] {
        assert_eq!(Case::with_body(body).outcome(), Err(Refusal::Threaded), "{body}");
    }
    check_wire(Refusal::Threaded, 400, "M_INVALID_PARAM");
}

#[test]
fn both_names_are_known_and_one_that_is_not_taken_is_400_so_that_a_client_falls_back() {
    assert_eq!(ReceiptName::parse("m.delivery"), Some(ReceiptName::Stable));
    assert_eq!(ReceiptName::parse("org.matrix.msc4089.delivery"), Some(ReceiptName::Unstable));
    assert_eq!(ReceiptName::parse("m.read"), None);
    assert_eq!(Case::with(|case| case.name = ReceiptName::Stable).outcome(), Err(Refusal::NameNotTaken));
    check_wire(Refusal::NameNotTaken, 400, "M_INVALID_PARAM");
    assert_eq!(Case::new().receipt().name, ReceiptName::Unstable);
}

#[test]
fn over_the_rate_limit_is_429_with_retry_after() {
    let limited = Case::with(|case| case.limit = exhausted(&case.claimant.user_id));
    let refusal = limited.outcome().unwrap_err();
    check_wire(refusal, 429, "M_LIMIT_EXCEEDED");
    assert_eq!((refusal.retry_after_seconds(), &refusal.body()["retry_after_ms"]), (Some(1), &json!(200)));
    for (retry_after, seconds) in [(1, 1), (1000, 1), (1001, 2)] {
        assert_eq!(
            Refusal::LimitExceeded { retry_after: Duration::from_millis(retry_after) }.retry_after_seconds(),
            Some(seconds)
        );
    }
    assert_eq!(Refusal::NotJoined.retry_after_seconds(), None);
    assert_eq!(Refusal::NotJoined.body().get("retry_after_ms"), None);

    let limited_is_another = Case::with(|case| case.limit = exhausted(&UserId::new("@eve:host")));
    assert!(limited_is_another.outcome().is_ok());
}

#[test]
fn who_is_not_joined_now_gets_403() {
    assert_eq!(Case::with(|case| case.joined = false).outcome(), Err(Refusal::NotJoined));
    check_wire(Refusal::NotJoined, 403, "M_FORBIDDEN");
}

#[test]
fn unknown_invisible_and_wrong_room_are_one_and_the_same_404() {
    let unknown_or_invisible = Case::with(|case| case.event = None);
    let wrong_room = Case::with_event(|event| event.room_id = RoomId::new("!other"));
    let wrong_room_and_own = Case::with_event(|event| {
        event.room_id = RoomId::new("!other");
        event.sender = UserId::new("@ada:host");
    });
    for case in [unknown_or_invisible, wrong_room, wrong_room_and_own] {
        assert_eq!(case.outcome(), Err(Refusal::NotFound));
    }
    check_wire(Refusal::NotFound, 404, "M_NOT_FOUND");
}

#[test]
fn what_was_sent_before_the_callers_join_is_404_also_when_nothing_would_come_of_it() {
    assert_eq!(Case::with_event(|event| event.since_join = false).outcome(), Err(Refusal::NotFound));
    let redacted = Case::with_event(|event| (event.since_join, event.redacted) = (false, true));
    assert_eq!(redacted.outcome(), Err(Refusal::NotFound));
}

#[test]
fn own_redacted_and_state_events_are_200_and_nothing_else() {
    for case in [
        Case::with_event(|event| event.sender = UserId::new("@ada:host")),
        Case::with_event(|event| event.redacted = true),
        Case::with_event(|event| event.state = true),
    ] {
        assert_eq!(case.outcome(), Ok(None));
    }
}

#[test]
fn it_is_routed_to_the_events_sender_and_the_server_sets_ts() {
    for body in ["{}", r#"{"ts": 1, "to": "@eve:host", "data": {"ts": 1}}"#] {
        let expected = Receipt {
            room_id: RoomId::new("!room"),
            event_id: EventId::new("$event"),
            to: UserId::new("@you:host"),
            claimant: UserId::new("@ada:host"),
            device_id: None,
            ts: NOW,
            name: ReceiptName::Unstable,
            quiet: false,
        };
        assert_eq!(Case::with_body(body).receipt(), expected);
    }
}
