//! Peers among themselves, on the homeserver that they are for.

use std::time::Duration;

use ruma::UserId as SdkUserId;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

use super::*;
use crate::server::homeserver::{Homeserver, Options};

/// How long anything may take, on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// A peer that listens, and what it hears.
struct Listening {
    peer: Peer,
    heard: UnboundedReceiver<Heard>,
}

impl Listening {
    async fn register(host: &Host, name: &str) -> Self {
        let peer = Peer::register(host, name, "password", "PHONE", "phone").await.unwrap();
        peer.catch_up().await.unwrap();
        Self::with(peer)
    }

    fn with(peer: Peer) -> Self {
        let (hear, heard) = unbounded_channel();
        peer.listen(move |what| drop(hear.send(what)));
        Self { peer, heard }
    }

    /// Waits for something like this; what else is heard does not matter.
    async fn hears<T>(&mut self, what: &str, is: impl Fn(Heard) -> Option<T>) -> T {
        let heard = timeout(DEADLINE, async {
            loop {
                let heard = self.heard.recv().await.expect("the peer listens");
                if let Some(found) = is(heard) {
                    return found;
                }
            }
        });
        heard.await.unwrap_or_else(|_elapsed| panic!("waited for {what}"))
    }

    async fn is_invited(&mut self) -> RoomId {
        self.hears("an invite", |heard| if let Heard::Invited { room_id: room } = heard { Some(room) } else { None })
            .await
    }
}

fn server() -> (Homeserver, Host) {
    let server = Homeserver::start(Options::default()).unwrap();
    let host = Host::new(&server.url());
    (server, host)
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_meet_and_talk_in_an_encrypted_room() {
    let (_server, host) = server();
    let mut ada = Listening::register(&host, "ada").await;
    let mut bob = Listening::register(&host, "bob").await;
    let (ada_id, bob_id) = (ada.peer.user(), bob.peer.user());
    let wanted = NewRoom { name: Some("Lake"), encrypted: true, ..NewRoom::default() };
    let room = ada.peer.create(&wanted).await.unwrap();
    ada.peer.invite(&room, &bob_id).await.unwrap();
    assert_eq!(bob.is_invited().await, room);
    bob.peer.join(&room).await.unwrap();
    let joined = Heard::Joined { room_id: room.clone(), user_id: bob_id.clone() };
    ada.hears("Bob's joining", |heard| (heard == joined).then_some(())).await;

    bob.peer.types(&room).await.unwrap();
    let event = bob.peer.say(&room, "hello").await.unwrap();
    let said =
        Heard::Message { room_id: room.clone(), event_id: event.clone(), sender: bob_id, text: "hello".to_owned() };
    ada.hears("Bob's line", |heard| (heard == said).then_some(())).await;
    ada.peer.acknowledge(&room, &event).await.unwrap();
    ada.peer.read(&room, &event).await.unwrap();
    ada.peer.react(&room, &event, "👍").await.unwrap();

    bob.peer.edit(&room, &event, "hello!").await.unwrap();
    let next = bob.peer.say(&room, "bye").await.unwrap();
    let (heard_next, heard_edit) = ada
        .hears("the next line", |heard| match heard {
            Heard::Message { event_id: event, text, .. } => Some((event, text == "hello!")),
            _ => None,
        })
        .await;
    assert_eq!((heard_next, heard_edit), (next, false), "an edit is no new message");
    assert_eq!(ada.peer.user(), ada_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_whose_keys_are_lost_says_that_it_cannot_decrypt() {
    let (server, host) = server();
    let ada = Listening::register(&host, "ada").await;
    let mut linus = Listening::register(&host, "linus").await;
    let user = SdkUserId::parse(linus.peer.user().as_str()).unwrap();
    server.keep_to_device_from(&user, linus.peer.device().as_str().into());
    let invite = [linus.peer.user()];
    let room = ada.peer.create(&NewRoom { direct: true, encrypted: true, invite: &invite, ..NewRoom::default() }).await;
    let room = room.unwrap();
    assert_eq!(linus.is_invited().await, room);
    linus.peer.join(&room).await.unwrap();
    let event = ada.peer.say(&room, "hello").await.unwrap();
    let sender = ada.peer.user();
    let lost = Heard::Undecryptable { room_id: room.clone(), event_id: event.clone(), sender: sender.clone() };
    linus.hears("what it cannot decrypt", |heard| (heard == lost).then_some(())).await;
    linus.peer.cannot_decrypt(&room, &event, &sender, Timestamp::from_millis(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_device_is_met_and_what_came_meanwhile_is_heard_when_it_comes_on() {
    let (_server, host) = server();
    let mut ada = Listening::register(&host, "ada").await;
    let phone = Listening::register(&host, "grace").await.peer;
    let tablet = Peer::log_in(&host, "grace", "password", "TABLET", "tablet").await.unwrap();
    tablet.catch_up().await.unwrap();
    let (room, grace) = (NewRoom { encrypted: true, ..NewRoom::default() }, phone.user());
    let room = ada.peer.create(&room).await.unwrap();
    ada.peer.invite(&room, &grace).await.unwrap();
    phone.join(&room).await.unwrap();
    let met = Heard::Met { user_id: grace, device_id: tablet.device() };
    ada.hears("the tablet's keys", |heard| (heard == met).then_some(())).await;
    let event = ada.peer.say(&room, "hello").await.unwrap();
    let mut tablet = Listening::with(tablet);
    let heard = tablet.hears("the line", |heard| match heard {
        Heard::Message { event_id: event, text, .. } => Some((event, text)),
        _ => None,
    });
    assert_eq!(heard.await, (event, "hello".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said_in_a_sentence() {
    let (_server, host) = server();
    let ada = Peer::register(&host, "ada", "password", "PHONE", "phone").await.unwrap();
    let taken = Peer::register(&host, "ada", "password", "PHONE", "phone").await;
    assert!(taken.is_err_and(|why| why.ends_with('.')));
    assert!(Peer::log_in(&host, "ada", "wrong", "PHONE", "phone").await.is_err());
    let nowhere = RoomId::new("!nowhere:localhost");
    for outcome in [
        ada.join(&nowhere).await,
        ada.say(&nowhere, "hello").await.map(drop),
        ada.acknowledge(&nowhere, &EventId::new("$1")).await,
        ada.join(&RoomId::new("no room")).await,
    ] {
        assert!(outcome.is_err());
    }
    ada.log_out().await.unwrap();
    assert!(ada.catch_up().await.is_err());
}
