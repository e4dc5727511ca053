//! A message with more receipts than are worth being listed: the homeserver counts them (PROTOCOL §7).

use kvitto::{
    delivery::summary,
    model::{Delivery, Mark, SendState, Tally},
};

use crate::{
    person::{Person, direct_chat},
    support::{proxy::SlidingSync, screens},
    world,
};

fn mark(delivery: &Delivery) -> Mark {
    summary::mark(&SendState::Sent, Some(delivery), &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_homeserver_sums_up_is_a_count_also_after_a_restart() {
    let world = world::embedded(SlidingSync::Hidden);
    let summing = |profile: &mut kvitto::matrix::Profile| profile.summary_above = 2;
    let url = &world.proxy.base_url;
    let mut alice = Person::log_in_with(url, &world.alice, "desk", world.settings(), summing).await;
    let mut phone = world.bob("phone").await;
    let laptop = world.bob("laptop").await;
    let tablet = world.bob("tablet").await;
    let drawer = world.bob("in a drawer").await;
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    let drawer = drawer.quit().await;

    alice.say(&room, "hello, all of you");
    let hello = alice.sees("hello, all of you").await;
    let tally = alice
        .delivery(&hello, "three receipts, summed up", |known| known.tally.filter(|tally| tally.delivered == 3))
        .await;
    let latest = tally.latest.expect("the homeserver says when it was");
    assert_eq!(
        tally,
        Tally { users: 1, delivered: 3, undecryptable: 0, expected: 4, latest: Some(latest), anonymous: true }
    );
    let count = Mark::Count { delivered: 3, expected: 4, undecryptable: 0, missed: 0 };
    assert_eq!(alice.delivery(&hello, "its mark", |known| Some(mark(known))).await, count);

    let alice = alice.quit().await;
    let screen = alice.on_screen();
    screens::open_first_room(&screen, &world.bob.name);
    screens::wait_for_mark(&screen, "hello, all of you", "3/4");
    screen.key("esc");
    screen.wait_for("the timeline's keys", vt100::Screen::hide_cursor);
    screen.type_text("i");
    screen.wait_for_text("1 person has it, on 3 of 4 devices");
    drop((phone, laptop, tablet, drawer));
}
