//! From sending a message to its tick, against the time to the read receipt that the same peer
//! sends at once.
//!
//! Two whole clients without their terminals, as in the tests, in one process, on one Synapse;
//! timing `immediate`. The clock starts when the message is handed to the send queue and stops when
//! the tick, and the read receipt, would be drawn.

use std::time::{Duration, Instant};

use kvitto::{
    client::request::TimelineRequest,
    model::{DeviceState, RoomId, TimelineId},
};

use crate::{
    person::{Person, at_once, body, direct_chat},
    support::server::Server,
};

/// Messages that count, after one that does not: with it come the keys and the request for
/// receipts.
pub const MESSAGES: usize = 100;
/// At this distance no number of them is too much for one sender (P10).
const APART: Duration = Duration::from_secs(1);

/// All times, sorted.
pub struct Ticks {
    /// To the tick.
    pub tick: Vec<Duration>,
    /// To the read receipt.
    pub read: Vec<Duration>,
}

/// Sends messages one after the other, each when the one before has come back in both ways.
pub fn measure(synapse: &Server) -> Ticks {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let ticks = runtime.block_on(run(synapse));
    runtime.shutdown_background();
    ticks
}

async fn run(synapse: &Server) -> Ticks {
    let (ada, bob) = (synapse.register("ada"), synapse.register("bob"));
    let mut peer = Person::log_in(&synapse.base_url, &bob, "phone", at_once()).await;
    let mut sender = Person::log_in(&synapse.base_url, &ada, "desk", at_once()).await;
    let room = direct_chat(&mut sender, &mut peer, &bob.user_id).await;
    tokio::spawn(read_at_once(peer, room.clone()));
    let mut ticks = Ticks { tick: Vec::new(), read: Vec::new() };
    for number in 0..=MESSAGES {
        tokio::time::sleep(APART).await;
        let (tick, read) = send(&mut sender, &room, &format!("message {number}")).await;
        if number > 0 {
            ticks.tick.push(tick);
            ticks.read.push(read);
        }
    }
    ticks.tick.sort();
    ticks.read.sort();
    ticks
}

/// Sends the read receipt of every message as soon as it is there.
async fn read_at_once(mut peer: Person, room: RoomId) {
    let mut seen = 0;
    loop {
        seen = peer.until("another message", |p| Some(p.messages().count()).filter(|count| *count > seen)).await;
        peer.run(TimelineRequest::MarkRead(TimelineId::live(room.clone())));
    }
}

async fn send(sender: &mut Person, room: &RoomId, text: &str) -> (Duration, Duration) {
    let start = Instant::now();
    sender.say(room, text);
    let (mut tick, mut read) = (None, None);
    sender
        .until(text, |p| {
            let open = p.app.timelines.shown()?;
            let index =
                (0..open.items.len()).rev().find(|index| open.message(*index).is_some_and(|m| body(m) == text))?;
            let delivery = open.deliveries.get(open.message(index)?.event_id.as_ref()?);
            let mut devices =
                delivery.into_iter().flat_map(|delivery| &delivery.people).flat_map(|person| &person.devices);
            if devices.any(|device| matches!(device.state, DeviceState::Delivered { .. })) {
                tick.get_or_insert_with(|| start.elapsed());
            }
            if !open.readers(index).is_empty() {
                read.get_or_insert_with(|| start.elapsed());
            }
            tick.zip(read)
        })
        .await
}
