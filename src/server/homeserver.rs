//! A Matrix homeserver in memory, on a loopback port: for the demo and for tests.
//!
//! Who has no account and no network must still see kvitto at work, with real clients and real
//! encryption; and tests need a homeserver that starts in milliseconds, has MSC4089, and misbehaves
//! when told to ([`faults`]).
//!
//! **It is not a homeserver to run.** Nothing is on disk, nothing is federated, passwords stand in
//! memory as they were typed, state is never resolved because there is nobody to disagree with, and
//! one lock holds it all. What waits for a device is bounded, and so are media; what users say, and
//! keep for themselves, is bounded only by the size of a request. It has what the clients here ask
//! for: no presence, no directories, no threads' list. What it does answer, it answers as the
//! specification says, with the specification's error codes; everything else is 404
//! `M_UNRECOGNIZED`.
//!
//! It is made of four layers, each of which knows only those above it here:
//!
//! - [`world`] is all there is to know: users, devices, rooms, and a position that every change
//!   moves on. It knows no network and no clock.
//! - [`http`] makes a route of a function: it reads the request, finds out who asks, holds the lock
//!   while the function runs, and wakes the syncs that wait when the position has moved.
//! - One module for each subject, of functions `(&mut World, who asks, request) -> answer` in
//!   ruma's types: [`accounts`], [`devices`], [`profiles`], [`account_data`], [`rooms`],
//!   [`history`], [`receipts`], [`typing`], [`keys`], [`to_device`], [`backup`], [`media`]; and the
//!   two that wait, [`sync`] and [`sliding`].
//! - [`router`] gathers their routes.
#![allow(
    clippy::needless_pass_by_value,
    clippy::result_large_err,
    clippy::unnecessary_wraps,
    reason = "every endpoint is given what was asked and answers in ruma's types, whose errors are large"
)]

use std::{
    io,
    net::{self, SocketAddr},
    sync::Arc,
    thread,
};

use axum::Router;
use ruma::{DeviceId, OwnedServerName, ServerName, UserId};
use tokio::{net::TcpListener, runtime::Builder, sync::oneshot};

use self::{http::Shared, world::Caller};

mod account_data;
mod accounts;
mod backup;
mod devices;
mod error;
pub mod faults;
mod history;
mod http;
mod keys;
mod media;
mod profiles;
mod receipts;
mod rooms;
mod router;
mod sliding;
mod sync;
#[cfg(test)]
mod testing;
mod to_device;
mod typing;
mod world;

/// What a homeserver is started as.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name: the part after the colon in its users' ids.
    pub server_name: OwnedServerName,
    /// Whether it has simplified sliding sync (MSC4186).
    pub sliding_sync: bool,
    /// What it has of MSC4089; `None` is a homeserver of today.
    pub delivery: Option<Delivery>,
}

/// What a homeserver has of MSC4089.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// It tells devices apart (`dev.kvitto.delivery_devices`).
    pub devices: bool,
    /// It takes `m.delivery` too, as after the proposal's acceptance.
    pub stable: bool,
}

impl Default for Options {
    /// Everything that it can do, under the name `localhost`.
    fn default() -> Self {
        Self {
            server_name: ServerName::parse("localhost").expect("this is a server's name"),
            sliding_sync: true,
            delivery: Some(Delivery { devices: true, stable: false }),
        }
    }
}

/// A running homeserver. It ends, with all that it knows, when this is dropped.
///
/// It has a thread and a tokio runtime of its own, so it can be used from anywhere.
pub struct Homeserver {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Homeserver {
    /// Starts one on a free loopback port; it answers as soon as this returns.
    pub fn start(options: Options) -> io::Result<Self> {
        Self::start_behind(options, |router, _| router)
    }

    /// The same, with something around all endpoints.
    fn start_behind(options: Options, layer: impl FnOnce(Router, &Arc<Shared>) -> Router) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        // Nothing here waits on a runtime: the caller may be inside one.
        let listener = net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let shared = Arc::new(Shared::new(options));
        let router = layer(router::router(&shared), &shared);
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("homeserver".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    served = axum::serve(listener, router) => {
                        if let Err(error) = served {
                            tracing::error!(%error, "the homeserver has ended");
                        }
                    }
                    _ = stopped => {}
                }
            });
            // Requests that wait are not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Loses, from now on, every to-device message for this device, and with them the room keys.
    pub fn keep_to_device_from(&self, user: &UserId, device: &DeviceId) {
        let device = Caller { user_id: user.to_owned(), device_id: device.to_owned() };
        self.shared.with(|world| world.unreached.insert(device));
    }

    /// Where it answers, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Homeserver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
