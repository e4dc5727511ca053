//! Real clients on a homeserver that misbehaves: they come back from everything, say everything
//! once, and lose no receipt. Each fault is counted where it strikes, so none of this passes
//! because nothing went wrong.

use kvitto::{
    model::{Connection, ReceiptStatus, Route},
    server::homeserver::faults::{Fault, Matching, Strikes},
};
use matrix_sdk::ruma::UserId;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::timeout;

use crate::{
    person::{DEADLINE, Person, body, direct_chat},
    support::proxy::{SlidingSync, count},
    world::{World, on},
};

/// How long a busy server wants to be left alone: longer than a client's own first pause.
const BUSY: Duration = Duration::from_secs(2);

/// What befalls one request without another. [`Fault::Overtaken`] takes two and has a test of its
/// own.
const FAULTS: [Fault; 7] = [
    Fault::Refused,
    Fault::Lost,
    Fault::Half,
    Fault::Failed,
    Fault::Twice,
    Fault::Limited(BUSY),
    Fault::Late(Duration::from_millis(500)),
];

/// The requests of one user to this path.
fn of(user: &str, path: &str) -> Matching {
    Matching::path(path).by(<&UserId>::try_from(user).expect("an account has a user id"))
}

async fn struck(strikes: &mut Strikes) {
    timeout(DEADLINE, strikes.reach(1)).await.expect("the fault strikes");
}

/// Bob's sync goes wrong in every way; he comes back each time and has missed nothing.
async fn a_sync_that_goes_wrong_goes_on(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let his = world.ticks(&[&bob]);
    for fault in FAULTS {
        let mut strikes = world.faults().next(of(&world.bob.user_id, "/sync"), 1, fault);
        for text in [format!("wakes a sync that is {fault:?}"), format!("comes after it was {fault:?}")] {
            alice.say(&room, &text);
            let event = alice.sees(&text).await;
            assert_eq!(bob.sees(&text).await, event);
            alice.delivered_to(&event, &world.bob.user_id, &his).await;
            struck(&mut strikes).await;
        }
    }
    bob.online().await;
}
on!(a_sync_that_goes_wrong_goes_on: embedded);

/// A request that the homeserver lets hang looks like one that waits for news, and the SDK gives it
/// three minutes.
async fn a_sync_that_hangs_is_said_to_be_offline(world: World) {
    let line = world.line();
    let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", world.settings()).await;
    bob.online().await;
    if world.sync == SlidingSync::Kept {
        line.hold_rooms();
    } else {
        line.hold_next("/sync");
    }
    // The one under way is answered, and the next hangs.
    world.server.create_room(&world.server.login_raw(&world.bob).token, &json!({}));
    let why = |p: &mut Person| match &p.app.connection {
        Connection::Offline(why) => Some(why.to_string()),
        _ => None,
    };
    assert_eq!(bob.until("being offline", why).await, "the homeserver does not answer");
    line.allow();
    bob.online().await;
}
on!(a_sync_that_hangs_is_said_to_be_offline: synapse, embedded);

/// What Alice says while her requests go wrong is said, and said once.
async fn what_is_said_is_said_once(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let sent = |requests: &[String]| count(requests, "/send/m.room.encrypted/");
    let mut said = Vec::new();
    for fault in FAULTS {
        let mut strikes = world.faults().next(of(&world.alice.user_id, "/send/m.room.encrypted/"), 1, fault);
        let text = format!("said while {fault:?}");
        let before = sent(&world.proxy.requests());
        alice.say(&room, &text);
        let event = alice.sees(&text).await;
        assert_eq!(bob.sees(&text).await, event);
        struck(&mut strikes).await;
        if matches!(fault, Fault::Lost | Fault::Half) {
            // She has it by a sync, and the answer to her request is still missing.
            world.proxy.wait_for_requests("it to be sent again", |requests| sent(requests) > before + 1);
        }
        said.push(text);
    }
    let heard: Vec<String> = bob.messages().map(body).filter(|text| text.starts_with("said")).collect();
    assert_eq!(heard, said);
}
on!(what_is_said_is_said_once: embedded);

/// The keys for what Alice says go wrong on their way; Bob can read it all the same.
async fn keys_that_go_wrong_arrive(world: World) {
    for fault in [Fault::Lost, Fault::Failed, Fault::Twice, Fault::Limited(BUSY)] {
        // New people, so that there are keys to be claimed and handed out.
        let (ada, ben) = (world.server.register("ada"), world.server.register("ben"));
        let mut phone = Person::log_in(&world.proxy.base_url, &ben, "phone", world.settings()).await;
        world.proxy.wait_for_keys(&phone.device(), &phone.device());
        let mut desk = Person::log_in(&world.proxy.base_url, &ada, "desk", world.settings()).await;
        let mut claims = world.faults().next(of(&ada.user_id, "/keys/claim"), 1, fault);
        let mut hands_out = world.faults().next(of(&ada.user_id, "/sendToDevice/"), 1, fault);
        let room = direct_chat(&mut desk, &mut phone, &ben.user_id).await;
        let text = format!("locked while {fault:?}");
        desk.say(&room, &text);
        assert_eq!(desk.sees(&text).await, phone.sees(&text).await);
        struck(&mut claims).await;
        struck(&mut hands_out).await;
        desk.quit().await;
        phone.quit().await;
    }
}
on!(keys_that_go_wrong_arrive: embedded);

/// Bob's receipts go wrong in every way: each arrives, and is asked for no more often than it
/// takes.
async fn no_receipt_is_lost(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let his = world.ticks(&[&bob]);
    for fault in FAULTS {
        let mut strikes = world.faults().next(of(&world.bob.user_id, world.receipt_path()), 1, fault);
        let posted = world.receipts_posted();
        let text = format!("acknowledged while {fault:?}");
        let began = Instant::now();
        alice.say(&room, &text);
        let event = alice.sees(&text).await;
        struck(&mut strikes).await;
        alice.delivered_to(&event, &world.bob.user_id, &his).await;
        if let Fault::Limited(busy) = fault {
            assert!(began.elapsed() >= busy, "{:?} after it was told to wait {busy:?}", began.elapsed());
        }
        let status = bob.last_status_of(&room, &event).await;
        assert!(matches!(status, ReceiptStatus::Sent { route, .. } if route == world.route()), "{fault:?}: {status:?}");
        if world.route() == Route::Native {
            let again = usize::from(!matches!(fault, Fault::Twice | Fault::Late(_)));
            assert_eq!(world.receipts_posted() - posted, 1 + again, "{fault:?}");
        }
    }
}
on!(no_receipt_is_lost: embedded, embedded_users, embedded_direct);

/// The receipt of Bob's phone arrives after that of his laptop, which it set out before.
async fn receipts_in_the_wrong_order_both_arrive(world: World) {
    let mut phone = world.bob("phone").await;
    let mut laptop = world.bob("laptop").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    laptop.sees_direct(&room).await;
    laptop.open(&room).await;
    let mut strikes = world.faults().next(of(&world.bob.user_id, world.receipt_path()), 1, Fault::Overtaken);
    alice.say(&room, "to both");
    let event = alice.sees("to both").await;
    alice.delivered_to(&event, &world.bob.user_id, &world.ticks(&[&phone, &laptop])).await;
    struck(&mut strikes).await;
}
on!(receipts_in_the_wrong_order_both_arrive: embedded, embedded_direct);

/// PROTOCOL §7, 'at least once': the answer that carried the receipt to Alice is lost, and the next
/// one carries it again.
async fn a_receipt_in_a_lost_answer_comes_again(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    for fault in [Fault::Lost, Fault::Half] {
        let carries = of(&world.alice.user_id, "/sync").answering(world.receipt_in_sync());
        let mut strikes = world.faults().next(carries, 1, fault);
        let text = format!("the receipt is {fault:?}");
        alice.say(&room, &text);
        let event = alice.sees(&text).await;
        alice.delivered_to(&event, &world.bob.user_id, &world.ticks(&[&bob])).await;
        struck(&mut strikes).await;
    }
}
on!(a_receipt_in_a_lost_answer_comes_again: embedded, embedded_users, embedded_direct);

/// A device that no key reaches cannot read, and is not said to have what it cannot read; the other
/// one is.
async fn a_device_that_gets_no_key_has_no_tick(world: World) {
    let mut phone = world.bob("phone").await;
    let mut laptop = world.bob("laptop").await;
    let mut alice = world.alice("desk").await;
    world.keep_to_device_from(&laptop);
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    laptop.sees_direct(&room).await;
    laptop.open(&room).await;
    alice.say(&room, "for the phone");
    let event = alice.sees("for the phone").await;
    assert_eq!(phone.sees("for the phone").await, event);
    alice.delivered_to(&event, &world.bob.user_id, &world.ticks(&[&phone])).await;
    assert_eq!(laptop.status_of(&room, &event).await, ReceiptStatus::AwaitingKey);
    assert_eq!(alice.ticks(&event, &world.bob.user_id), world.ticks(&[&phone]));
}
on!(a_device_that_gets_no_key_has_no_tick: embedded, embedded_direct);
