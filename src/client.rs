//! Everything that knows matrix-sdk: requests in, updates out.
//!
//! One task takes requests in their order, so that what is typed is sent in that order; whatever
//! waits for the network runs beside it. Each request is answered once ([`reply`]), and whatever
//! changes by itself is told as an [`update`]. No type of the SDK leaves this module, and no text
//! of the network leaves it but as [`crate::model::SafeText`].
//!
//! - [`request`], [`reply`], [`update`]: what it is asked, answers and tells; [`responder`].
//! - [`session`]: log in, restore, log out; what of it is on disk, and how it is protected.
//! - [`sync`]: sliding sync or `/sync`, and the connection's state.
//! - [`rooms`], [`timeline`], [`content`]: the SDK's rooms and events as `model` has them;
//!   [`timelines`]: those that are open.
//! - [`worker`]: one session after the other; [`live`]: a session at work; [`actions`]: join,
//!   create, invite and the like; [`edits`], [`replies`]; [`cached`]: events that are here.
//! - [`endings`]: rooms that ended, and what is said of them; [`leaving`].
//! - [`direct_chats`]: which rooms are chats with whom.
//! - [`disk`]: what must be kept is kept, also when the disk does not take it now.
//! - [`sending`]: when what was written may leave.
//! - [`receipts`]: delivery receipts at work; [`typing`]: that the user types.
//! - [`vouched`]: what only the server can vouch for, and is not believed from anybody else.
//! - [`peer`]: a client without a screen, for the people of the demo.
//! - [`errors`]: errors in sentences that say what to do.

use std::{
    io,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use tokio::sync::{
    mpsc::{UnboundedSender, unbounded_channel},
    oneshot,
};

use self::{
    request::{Request, RequestId},
    responder::Responder,
    update::Update,
};
use crate::{delivery::policy::Settings, model::SafeText};

mod actions;
mod address;
mod backoff;
mod body;
mod cached;
pub mod content;
mod direct_chats;
mod disk;
mod edits;
mod endings;
pub mod errors;
mod ids;
mod leaving;
mod live;
mod older;
pub mod peer;
mod polling;
mod receipts;
mod replies;
pub mod reply;
pub mod request;
mod responder;
mod rooms;
mod sending;
pub mod session;
mod source;
mod sync;
mod tasks;
mod timeline;
mod timelines;
mod timestamp;
mod typed;
mod typing;
pub mod update;
mod vouched;
mod worker;

/// Where one account lives on this machine, and what it starts with.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The profile's own folder (made 0700 when missing). Everything of the account is in it.
    pub dir: PathBuf,
    /// The device's public name at first login.
    pub device_name: String,
    /// Delivery settings to start with; later ones come as a
    /// [`SessionRequest`](request::SessionRequest).
    pub settings: Settings,
    /// So long a message's key is waited for before its sender is told that it cannot be read;
    /// [`KEY_WAIT`](crate::delivery::receipt_queue::KEY_WAIT), but in tests.
    pub key_wait: Duration,
    /// The receipts of an own message with more of them than this are counted by the homeserver,
    /// where it can (§7).
    pub summary_above: u64,
}

/// The running half of the house that talks to the homeserver.
///
/// It has a thread and, for each session, a tokio runtime of its own. The SDK starts tasks that
/// nothing but the end of their runtime stops (a message being sent again and again); beside the
/// client of the next login, on the same databases, they would do harm. And its stacks are large,
/// because the SDK walks a message's HTML by recursion.
pub struct ClientHandle {
    requests: UnboundedSender<Asked>,
    updates: UnboundedSender<Update>,
    next: AtomicU64,
    ended: oneshot::Receiver<()>,
}

/// A request, and what answers it.
type Asked = (Request, Responder);

/// Enough for the HTML of the largest event there can be (64 KiB of nested tags).
const STACK: usize = 16 << 20;

impl ClientHandle {
    /// Starts it. The first events tell whether there is a session ([`Update::LoggedIn`], with the
    /// rooms from the cache) or not ([`Update::LoggedOut`]).
    pub fn start(profile: Profile, events: UnboundedSender<Update>) -> io::Result<Self> {
        let (requests, receiver) = unbounded_channel();
        let (done, ended) = oneshot::channel();
        let updates = events.clone();
        thread::Builder::new().name("client".to_owned()).stack_size(STACK).spawn(move || {
            if let Err(error) = worker::run(profile, receiver, &events) {
                let sentence = format!("No session can be started: {error}. Quit and start again.");
                let _ = events.send(Update::Warning(SafeText::line(&sentence)));
            }
            let _ = done.send(());
        })?;
        Ok(Self { requests, updates, next: AtomicU64::new(0), ended })
    }

    /// Hands over a request; never blocks. Its outcome comes as [`Update::Done`] with this id.
    pub fn request(&self, request: Request) -> RequestId {
        let id = RequestId(self.next.fetch_add(1, Ordering::Relaxed));
        let responder = Responder::new(id, &request, self.updates.clone());
        if self.requests.send((request, responder)).is_err() {
            tracing::error!("a request came after the end");
        }
        id
    }

    /// Stops syncing, waits until everything owed is on disk, and closes the stores.
    pub async fn stop(self) {
        drop(self.requests);
        // An error only says that the thread has ended in another way.
        let _ = self.ended.await;
    }
}
