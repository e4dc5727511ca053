//! The demo: a homeserver, and people to talk to, in one process.
//!
//! Who has no account, no network and nobody who uses kvitto must still see what it does, and it
//! must be the real thing: so here are a [`homeserver`](super::homeserver) on a loopback port, and
//! the people are real clients ([`peer`](crate::client::peer)) with keys and syncs of their own.
//! The user's own client is not touched. It is only told where to log in, and nothing in it knows
//! that the others are played.
//!
//! - [`cast`] is who there is and where they meet; [`script`] what they say, and in answer to what:
//!   plain data.
//! - [`play`] makes a queue of it: what was heard comes in, what is due comes out. It is pure.
//! - [`stage`] makes the rooms, and carries out what is due.
//!
//! Not everything is real. Linus's laptop cannot decrypt because the homeserver loses the keys on
//! the way to it, and the paces are drawn.
//!
//! Everything is in memory and ends when [`Demo`] is dropped.

use std::{io, thread, time::Duration};

use tokio::{runtime::Builder, sync::oneshot};

use super::homeserver::{Homeserver, Options};
use crate::model::{Entrance, SafeText};

mod cast;
mod play;
mod script;
mod stage;

/// Futures of the SDK are large, most of all in debug builds.
const STACK: usize = 8 << 20;
/// How long the peers may take to notice that it is over.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(200);

/// What the demo tells.
pub enum News {
    /// What is being done: a few words, while it is made ready.
    Doing(SafeText),
    /// Everything is there for the user to log in.
    Ready(Entrance),
    /// The demo, or a part of it, cannot be given: a sentence.
    Failed(SafeText),
}

/// A running demo.
pub struct Demo {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Demo {
    /// Starts it on threads of its own; `tell` is called on them.
    pub fn start(tell: impl Fn(News) + Send + Sync + 'static) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("demo")
            .thread_stack_size(STACK)
            .enable_all()
            .build()?;
        let (stop, mut stopped) = oneshot::channel::<()>();
        let play = move || {
            tell(News::Doing(SafeText::line("A homeserver starts")));
            let named = cast::SERVER_NAME.try_into().map_err(io::Error::other);
            match named.and_then(|server_name| Homeserver::start(Options { server_name, ..Options::default() })) {
                Ok(server) => runtime.block_on(async {
                    tokio::select! {
                        Err(why) = stage::perform(&server, &tell) => {
                            tell(News::Failed(why));
                            // What is there already stays until the user goes.
                            let _ = stopped.await;
                        }
                        _ = &mut stopped => {}
                    }
                }),
                Err(error) => tell(News::Failed(SafeText::line(&format!("No homeserver can be started: {error}.")))),
            }
            runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
        };
        let thread = thread::Builder::new().name("demo".to_owned()).stack_size(STACK).spawn(play)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
