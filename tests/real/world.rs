//! What a scenario runs on: a homeserver, a kind of sync, a way for receipts to take, and two
//! people.
//!
//! A scenario is an `async fn(World)`, written once. The servers below are the columns of its
//! table, and [`on`] makes a test of each server and each kind of sync:
//! `scenario::server::by_sliding_sync`. A server of another kind is one more function here, and one
//! more name in those lists.

use std::{sync::Arc, time::Duration};

use kvitto::{
    client::request::RoomsRequest,
    delivery::policy::{RouteChoice, Settings},
    model::{RoomId, Route},
    server::homeserver::{
        Delivery, Options,
        faults::{Faults, Faulty},
    },
};
use matrix_sdk::ruma::UserId;
use serde_json::{Value, json};

use crate::{
    person::{DEADLINE, Person, SOME_DEVICE, at_once},
    support::{
        proxy::{Proxy, SlidingSync, count},
        server::{Account, Server},
        synapse,
    },
};

/// Makes the tests of a scenario.
macro_rules! on {
    ($scenario:ident: $($server:ident),+) => {
        mod $scenario {
            $(mod $server {
                use crate::{support::proxy::SlidingSync, world};

                #[tokio::test(flavor = "multi_thread")]
                async fn by_sliding_sync() {
                    super::super::$scenario(world::$server(SlidingSync::Kept)).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn by_plain_sync() {
                    super::super::$scenario(world::$server(SlidingSync::Hidden)).await;
                }
            })+
        }
    };
}
pub(crate) use on;

/// A real Synapse. No homeserver of today has MSC4089: receipts go from device to device.
pub fn synapse(sync: SlidingSync) -> World {
    World::new((synapse::shared(), None), RouteChoice::Auto, Ticks::Direct, sync)
}

/// The embedded homeserver, with all that it has: receipts go through it, and name devices.
pub fn embedded(sync: SlidingSync) -> World {
    let delivery = Some(Delivery { devices: true, stable: false });
    World::new(start(delivery), RouteChoice::Auto, Ticks::Native, sync)
}

/// The embedded homeserver with MSC4089 to the letter: receipts go through it, and name people
/// only.
pub fn embedded_users(sync: SlidingSync) -> World {
    let delivery = Some(Delivery { devices: false, stable: false });
    World::new(start(delivery), RouteChoice::Auto, Ticks::NativeUsers, sync)
}

/// The embedded homeserver has MSC4089, and the settings say that receipts go from device to device
/// all the same.
pub fn embedded_direct(sync: SlidingSync) -> World {
    let delivery = Some(Delivery { devices: true, stable: false });
    World::new(start(delivery), RouteChoice::Direct, Ticks::Direct, sync)
}

/// The embedded homeserver as one of today: receipts go from device to device since there is no
/// other way.
pub fn embedded_today(sync: SlidingSync) -> World {
    World::new(start(None), RouteChoice::Auto, Ticks::Direct, sync)
}

fn start(delivery: Option<Delivery>) -> (Arc<Server>, Option<Arc<Faulty>>) {
    let (server, homeserver) = embed(delivery);
    (Arc::new(server), Some(homeserver))
}

/// An embedded homeserver of this test's own, and the hand on it.
pub fn embed(delivery: Option<Delivery>) -> (Server, Arc<Faulty>) {
    let options = Options { delivery, ..Options::default() };
    let name = options.server_name.to_string();
    let homeserver = Arc::new(Faulty::start(options).expect("loopback has a free port"));
    (Server::new(homeserver.url(), &name, Arc::clone(&homeserver)), homeserver)
}

/// How ticks come to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ticks {
    /// From device to device.
    Direct,
    /// Through the homeserver, for devices.
    Native,
    /// Through the homeserver, for people.
    NativeUsers,
}

/// See the module.
pub struct World {
    /// The homeserver itself.
    pub server: Arc<Server>,
    /// The way to it.
    pub proxy: Proxy,
    /// Who says something.
    pub alice: Account,
    /// Who is to receive it.
    pub bob: Account,
    homeserver: Option<Arc<Faulty>>,
    /// Whether clients find sliding sync there.
    pub sync: SlidingSync,
    choice: RouteChoice,
    ticks: Ticks,
}

impl World {
    fn new(
        (server, homeserver): (Arc<Server>, Option<Arc<Faulty>>),
        choice: RouteChoice,
        ticks: Ticks,
        sync: SlidingSync,
    ) -> Self {
        let proxy = Proxy::start(&server.base_url, sync);
        let (alice, bob) = (server.register("alice"), server.register("bob"));
        Self { server, proxy, alice, bob, homeserver, sync, choice, ticks }
    }

    /// The settings that everybody has here: receipts go out at once.
    pub fn settings(&self) -> Settings {
        Settings { route: self.choice, ..at_once() }
    }

    /// A device of Alice's.
    pub async fn alice(&self, device: &str) -> Person {
        self.log_in(&self.alice, device).await
    }

    /// A device of Bob's.
    pub async fn bob(&self, device: &str) -> Person {
        self.log_in(&self.bob, device).await
    }

    /// A room of Bob's without encryption, which Alice is in; `token` is his, and `more` is what
    /// else is asked of the room when it is made.
    pub async fn room_of_bob(&self, alice: &mut Person, token: &str, more: &Value) -> RoomId {
        let mut create = json!({ "preset": "private_chat", "invite": [self.alice.user_id] });
        for (key, value) in more.as_object().expect("an object") {
            create[key] = value.clone();
        }
        let room = self.server.create_room(token, &create);
        alice.room("the invite", |summary| summary.id == room).await;
        alice.run(RoomsRequest::Accept(room.clone()));
        alice.sees_members(&room, 2).await;
        room
    }

    /// A device that others can encrypt for, also when it quits at once.
    async fn log_in(&self, account: &Account, device: &str) -> Person {
        let person = Person::log_in(&self.proxy.base_url, account, device, self.settings()).await;
        self.proxy.wait_for_keys(&person.device(), &person.device());
        person
    }

    /// Another way to the homeserver, for one device alone.
    pub fn line(&self) -> Proxy {
        Proxy::start(&self.server.base_url, self.sync)
    }

    /// The way that receipts take.
    pub fn route(&self) -> Route {
        if self.ticks == Ticks::Direct { Route::Direct } else { Route::Native }
    }

    /// What is in the path of a request that carries a receipt.
    pub fn receipt_path(&self) -> &'static str {
        match self.route() {
            Route::Direct => "/sendToDevice/",
            Route::Native => "/receipt/org.matrix.msc4089.delivery/",
        }
    }

    /// How many requests have carried a receipt so far.
    pub fn receipts_posted(&self) -> usize {
        count(&self.proxy.requests(), self.receipt_path())
    }

    /// How long a thousand requests may take. A real homeserver is slow; and of two ways to sync,
    /// one flood to the end is enough.
    pub fn patience(&self) -> Duration {
        match (&self.homeserver, self.sync == SlidingSync::Kept, self.route()) {
            (None, ..) => Duration::from_millis(800),
            (Some(_), true, Route::Native) | (Some(_), false, Route::Direct) => DEADLINE,
            (Some(_), ..) => Duration::from_millis(200),
        }
    }

    /// This world in a few words.
    pub fn name(&self) -> String {
        let server = if self.homeserver.is_some() { "embedded" } else { "Synapse" };
        let sync = if self.sync == SlidingSync::Kept { "sliding sync" } else { "/sync" };
        format!("{server}, {sync} | {}", if self.route() == Route::Native { "native" } else { "direct" })
    }

    /// What is in the answer to a sync that carries a receipt. Over `direct` that is an Olm
    /// message, whose ciphertext is an object, unlike that of a message in a room.
    pub fn receipt_in_sync(&self) -> &'static str {
        match self.route() {
            Route::Direct => r#""ciphertext":{"#,
            Route::Native => "org.matrix.msc4089.delivery",
        }
    }

    /// Whether it can be told what is to go wrong.
    pub fn takes_faults(&self) -> bool {
        self.homeserver.is_some()
    }

    /// What is to go wrong; on the embedded homeserver only.
    pub fn faults(&self) -> &Faults {
        self.embedded().faults()
    }

    /// Loses every to-device message for a device of Bob's from now on; on the embedded homeserver
    /// only.
    pub fn keep_to_device_from(&self, device: &Person) {
        let user = <&UserId>::try_from(self.bob.user_id.as_str()).expect("an account has a user id");
        self.embedded().keep_to_device_from(user, device.device().as_str().into());
    }

    fn embedded(&self) -> &Faulty {
        self.homeserver.as_deref().expect("only the embedded homeserver takes faults")
    }

    /// What ticks when these devices of one person have a message.
    pub fn ticks(&self, devices: &[&Person]) -> Vec<String> {
        if self.ticks == Ticks::NativeUsers {
            return vec![SOME_DEVICE.to_owned()];
        }
        devices.iter().map(|person| person.device()).collect()
    }
}
