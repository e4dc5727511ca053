//! Another program holds one of the databases while something comes, as a backup or a virus scanner
//! does: the screen says so, what cannot be kept is not acknowledged, and when the file is free
//! again nothing is missing, also after a restart.

use kvitto::{
    app::Phase,
    client::request::RoomsRequest,
    model::{Connection, EventId, RoomId},
};
use rusqlite::Connection as Sqlite;
use std::{path::Path, time::Duration};

use crate::{
    person::{Person, direct_chat},
    support::{screens, terminal::text},
    world::{World, on},
};

/// Every database of a profile that something is kept in which comes only once.
const FILES: [&str; 4] =
    ["matrix-sdk-crypto.sqlite3", "matrix-sdk-event-cache.sqlite3", "matrix-sdk-state.sqlite3", "delivery.sqlite3"];

/// Holds a database until this is dropped.
struct Held(Sqlite);

impl Held {
    fn hold(folder: &Path, file: &str) -> Self {
        let sqlite = Sqlite::open(folder.join(file)).expect("the client has made it");
        sqlite.busy_timeout(Duration::from_secs(30)).expect("a number");
        sqlite.execute_batch("BEGIN IMMEDIATE").expect("nobody writes for half a minute");
        Self(sqlite)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.execute_batch("ROLLBACK").expect("it was held");
    }
}

/// Waits until the screen says that this file is held.
async fn says_so(person: &mut Person, file: &str) {
    let is_told = |person: &mut Person| {
        let Connection::Offline(why) = &person.app.connection else { return None };
        (why.contains(file) && why.contains("locked by another program")).then_some(())
    };
    person.until(&format!("the word that {file} is held"), is_told).await;
}

/// Bob's client receives a message whose key comes for the first time, once with each file held;
/// and a receipt.
async fn what_comes_while_a_database_is_held_is_not_lost(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let (his, hers) = (world.ticks(&[&bob]), world.ticks(&[&alice]));
    let mut said: Vec<(String, EventId)> = Vec::new();
    for file in FILES {
        alice.say(&room, &format!("before {file} is held"));
        let event = alice.sees(&format!("before {file} is held")).await;
        alice.delivered_to(&event, &world.bob.user_id, &his).await;
        bob.say(&room, &format!("his, before {file} is held"));
        let own = bob.sees(&format!("his, before {file} is held")).await;
        bob.delivered_to(&own, &world.alice.user_id, &hers).await;

        let held = Held::hold(bob.profile_dir(), file);
        // A new key for each.
        alice.run(RoomsRequest::Rekey(room.clone()));
        let text = format!("while {file} is held");
        alice.say(&room, &text);
        let event = alice.sees(&text).await;
        says_so(&mut bob, file).await;
        drop(held);
        bob.online().await;
        assert_eq!(bob.sees(&text).await, event);
        alice.delivered_to(&event, &world.bob.user_id, &his).await;
        said.push((text, event));
    }
    after_a_restart(bob, &room, &said).await;
}
on!(what_comes_while_a_database_is_held_is_not_lost: synapse, embedded);

/// All of it is there, though nothing comes any more.
async fn after_a_restart(person: Person, room: &RoomId, said: &[(String, EventId)]) {
    let mut person = person.quit().await.back().await;
    person.open(room).await;
    for (text, event) in said {
        assert_eq!(person.sees(text).await, *event);
    }
}

/// Whoever sends something meanwhile has it back, with nothing of it queued, and whoever quits does
/// not wait for the disk.
async fn what_is_sent_while_a_database_is_held_comes_back(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let bob = bob.quit().await;
    let mut screen = bob.on_screen();
    screens::open_first_room(&screen, &world.alice.name);
    let held = [FILES[0], FILES[2]].map(|file| Held::hold(bob.profile_dir(), file));
    alice.say(&room, "wakes him");
    screen.wait_for_text("is locked by another program");
    screens::say(&screen, "cannot be queued");
    screen.type_text("and this");
    screen.wait_for("both texts in the composer", |screen| {
        ["cannot be queued", "and this"].iter().all(|said| text(screen).contains(said))
    });
    screen.key("ctrl-q");
    screen.wait_exit();
    drop(held);
    let mut bob = bob.back().await;
    bob.open(&room).await;
    bob.sees("wakes him").await;
    assert_eq!(bob.messages().filter(|message| message.own).count(), 0, "nothing was queued");
}
on!(what_is_sent_while_a_database_is_held_comes_back: embedded);

/// A file that is held at the start is waited for: nobody is asked to log in.
async fn a_start_waits_for_a_database_that_is_held(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let bob = bob.quit().await;
    alice.say(&room, "while he is away");
    let event = alice.sees("while he is away").await;
    let held = FILES.map(|file| Held::hold(bob.profile_dir(), file));
    let mut bob = bob.starts();
    let is_told = |person: &mut Person| {
        let status = person.app.status.as_ref()?;
        (status.text.contains("Another program holds") && person.app.phase == Phase::Starting).then_some(())
    };
    bob.until("the word that the files are held", is_told).await;
    drop(held);
    bob.online().await;
    bob.open(&room).await;
    assert_eq!(bob.sees("while he is away").await, event);
}
on!(a_start_waits_for_a_database_that_is_held: embedded);
