//! Each kind of answer that a server gives, and what becomes of the batch.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    client::{
        receipts::testing::client,
        session::loopback::{Loopback, homeserver, refuse, reply, response},
    },
    delivery::{
        outbox::{Draw, Outbox},
        policy::{ReceiptType, Timing},
        receipt::ClaimState,
    },
    model::{EventId, RoomId, Timestamp, UserId},
};

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

const STABLE: &str = "m.delivery";
const UNSTABLE: &str = "org.matrix.msc4089.delivery";

/// A batch of receipts for `$1`, `$2` and so on.
fn batch(events: usize) -> Batch {
    let mut outbox = Outbox::new();
    for n in 1..=events {
        let owed = Owed {
            room_id: RoomId::new("!room:example.org"),
            event_id: EventId::new(format!("${n}")),
            sender: UserId::new("@bob:example.org"),
            sent: at(1),
            since: at(1),
            state: ClaimState::Delivered,
            quiet: false,
        };
        outbox.owe(owed, at(1), 0.0, at(1)).unwrap();
    }
    outbox.due(Draw { timing: Timing::Immediate, number: 0.0 }, at(1)).remove(0)
}

/// A server that answers each receipt by its name and event.
async fn server(answer: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> Loopback {
    homeserver(move |_, request| receipt(&request.line).map(|(name, event)| answer(&name, &event))).await
}

/// Name and event of a receipt that is posted.
fn receipt(line: &str) -> Option<(String, String)> {
    let path = line.strip_prefix("POST /_matrix/client/v3/rooms/!room:example.org/receipt/")?;
    let (name, event) = path.split_once('/')?;
    Some((name.to_owned(), event.to_owned()))
}

/// The names and events of everything that was posted, in order.
fn seen(server: &Loopback) -> Vec<(String, String)> {
    server.seen.lock().unwrap().iter().filter_map(|request| receipt(&request.line)).collect()
}

/// Later than any test takes.
fn in_time() -> Instant {
    Instant::now() + Duration::from_hours(1)
}

fn taken() -> String {
    reply(200, &json!({}))
}

fn events(owed: &[Owed]) -> Vec<&str> {
    owed.iter().map(|owed| owed.event_id.as_str()).collect()
}

async fn posted(server: &Loopback, events: usize, choice: ReceiptType) -> Posted {
    post(&client(server).await, batch(events), Names::new(choice), false, in_time()).await
}

#[tokio::test]
async fn each_receipt_is_one_request_which_changes_nothing_else() {
    for (name_device, body) in [(true, json!({ "dev.kvitto.devices": true })), (false, json!({}))] {
        let server = server(|_, _| taken()).await;
        let client = client(&server).await;
        let posted = post(&client, batch(2), Names::new(ReceiptType::Unstable), name_device, in_time()).await;
        assert_eq!(events(&posted.accepted), ["$1", "$2"]);
        assert_eq!((posted.refused, posted.left.owed), (vec![], vec![]));
        let seen = server.seen.lock().unwrap();
        let changing: Vec<_> = seen.iter().filter(|request| !request.line.starts_with("GET ")).collect();
        let lines: Vec<_> = changing.iter().filter_map(|request| receipt(&request.line)).collect();
        assert_eq!(lines, ["$1", "$2"].map(|event| (UNSTABLE.to_owned(), event.to_owned())));
        assert_eq!(changing.len(), 2, "neither 'marked unread' nor m.read");
        for request in changing {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&request.body).unwrap(), body, "p13");
            assert_eq!(request.token.as_deref(), Some("secret"));
        }
    }
}

#[tokio::test]
async fn a_name_that_is_refused_is_tried_once() {
    for refusal in [refuse(400, "M_UNKNOWN"), refuse(400, "M_INVALID_PARAM"), refuse(404, "M_UNRECOGNIZED")] {
        let server = server(move |name, _| if name == STABLE { refusal.clone() } else { taken() }).await;
        let posted = posted(&server, 2, ReceiptType::Stable).await;
        assert_eq!(events(&posted.accepted), ["$1", "$2"]);
        let expected = [(STABLE, "$1"), (UNSTABLE, "$1"), (UNSTABLE, "$2")];
        assert_eq!(seen(&server), expected.map(|(name, event)| (name.to_owned(), event.to_owned())));
        assert_eq!(posted.names.best(), Some(UNSTABLE));
    }
}

#[tokio::test]
async fn a_server_that_takes_no_name_has_no_native_route_and_nothing_is_lost() {
    for (choice, tries) in [(ReceiptType::Stable, 2), (ReceiptType::Unstable, 1)] {
        let server = server(|_, _| refuse(400, "M_UNKNOWN")).await;
        let posted = posted(&server, 3, choice).await;
        assert_eq!(events(&posted.left.owed), ["$1", "$2", "$3"]);
        assert_eq!((posted.accepted, posted.refused), (vec![], vec![]));
        assert!(posted.why.is_none() && posted.names.best().is_none());
        assert_eq!(seen(&server).len(), tries, "not once for each receipt");
    }
}

#[tokio::test]
async fn once_a_name_was_taken_a_400_is_about_one_receipt() {
    let server = server(|_, event| if event == "$2" { refuse(400, "M_UNKNOWN") } else { taken() }).await;
    let posted = posted(&server, 3, ReceiptType::Unstable).await;
    assert_eq!((events(&posted.accepted), events(&posted.refused)), (vec!["$1", "$3"], vec!["$2"]));
    assert_eq!(posted.names.best(), Some(UNSTABLE));
}

#[tokio::test]
async fn what_will_never_be_taken_is_given_up_and_costs_itself_only() {
    for refusal in [refuse(403, "M_FORBIDDEN"), refuse(404, "M_NOT_FOUND")] {
        let server = server(move |_, event| if event == "$2" { refusal.clone() } else { taken() }).await;
        let posted = posted(&server, 3, ReceiptType::Unstable).await;
        assert_eq!((events(&posted.accepted), events(&posted.refused)), (vec!["$1", "$3"], vec!["$2"]));
        assert!(posted.left.owed.is_empty());
    }
}

/// The answer to `$2` of three: what is owed afterwards, and how long to wait.
async fn second_answered(answer: String) -> Option<Duration> {
    let server = server(move |_, event| if event == "$2" { answer.clone() } else { taken() }).await;
    let posted = posted(&server, 3, ReceiptType::Unstable).await;
    assert_eq!(events(&posted.accepted), ["$1"]);
    assert_eq!(events(&posted.left.owed), ["$2", "$3"]);
    assert_eq!(posted.refused, []);
    assert_eq!(seen(&server).len(), 2, "neither is it tried again here, nor is the next one");
    posted.why.expect("a reason").retry_after
}

#[tokio::test]
async fn a_429_stops_the_batch_for_as_long_as_the_server_says() {
    let limited = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "", "retry_after_ms": 2_500 });
    assert_eq!(second_answered(reply(429, &limited)).await, Some(Duration::from_millis(2_500)));
    let never = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "", "retry_after_ms": 365 * 24 * 3_600 * 1_000_u64 });
    assert_eq!(second_answered(reply(429, &never)).await, Some(Duration::from_hours(24)), "though not for ever");
    let by_header = response(429, "retry-after: 7\r\n", "application/json", &limited.to_string());
    assert_eq!(second_answered(by_header).await, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn what_may_pass_keeps_the_rest_owed() {
    for answer in [
        refuse(500, "M_UNKNOWN"),
        refuse(401, "M_UNKNOWN_TOKEN"),
        response(502, "", "text/html", "<html>Bad gateway</html>"),
        response(404, "", "text/html", "<html>Not here</html>"),
        response(400, "", "text/html", "<html>What?</html>"),
        response(200, "", "application/json", "{}").replace("content-length: 2", "content-length: 200"),
    ] {
        assert_eq!(second_answered(answer).await, None);
    }
}

#[tokio::test]
async fn without_a_network_all_of_it_stays_owed() {
    let server = server(|_, _| taken()).await;
    let client = client(&server).await;
    server.stop().await;
    let posted = post(&client, batch(2), Names::new(ReceiptType::Unstable), false, in_time()).await;
    assert_eq!(events(&posted.left.owed), ["$1", "$2"]);
    assert!(posted.why.is_some() && posted.names == Names::new(ReceiptType::Unstable));
}

#[tokio::test]
async fn p8_nothing_leaves_when_it_was_decided_too_long_ago() {
    let server = server(|_, _| taken()).await;
    let client = client(&server).await;
    let names = Names::new(ReceiptType::Unstable);
    let posted = post(&client, batch(2), names.clone(), false, Instant::now()).await;
    assert_eq!(events(&posted.left.owed), ["$1", "$2"]);
    assert_eq!((seen(&server), posted.names), (vec![], names));
    assert!(posted.why.is_none(), "it need not wait");
}
