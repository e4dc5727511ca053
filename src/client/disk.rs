//! What must be kept is kept, also when the disk does not take it now.
//!
//! Another program can hold one of the databases for longer than SQLite waits (a backup, a virus
//! scanner), the disk can be full, or become read-only. The SDK has moved on in memory by the time
//! it writes: it has taken a room key out of its Olm message, which cannot be decrypted again, or
//! shows a message that will be gone after a restart. So a failed write must not reach it. Its
//! stores are wrapped here: [`Steady`] hands everything on to the SQLite store and tries again,
//! after growing pauses, what the disk did not take, for as long as it takes. Whoever waits for the
//! write waits on: the sync does not go on, so nothing is acknowledged that is not kept, and after
//! a kill the server still has it.
//!
//! Meanwhile there is a [`Trouble`]. The sync pauses for it ([`super::sync`]), what the user sends
//! goes back to the composer ([`super::live`]), and the screen says what is wrong. When the program
//! quits, waiting is [given up](Disk::give_up).

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{backoff::Backoff, errors::Hindrance};
use crate::{
    delivery::store::{Keeper, StoreError},
    model::SafeText,
};

mod cache;
mod crypto;
mod state;
mod steady;
mod stores;
mod whole;

pub(super) use self::{
    crypto::{Given, Keys},
    stores::stores,
};

/// Pauses between attempts; a database that is locked has been waited for five seconds by then.
const PAUSE: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// The same for a thread that can do nothing else meanwhile, not even quit.
const SHORT: Duration = Duration::from_millis(500);

/// The receipt store.
const RECEIPTS: &str = "delivery.sqlite3";

/// A file that cannot be written now, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    file: &'static str,
    why: Hindrance,
}

impl Trouble {
    /// In a few words.
    pub(super) fn short(&self) -> SafeText {
        SafeText::line(&self.why.of_file(self.file))
    }

    /// In a sentence or two, with what to do.
    pub(super) fn sentence(&self) -> SafeText {
        let Self { file, why } = self;
        SafeText::line(&format!("This machine cannot keep what comes: {}. {}", why.of_file(file), why.hint()))
    }
}

/// How it stands with the disk, for all who write on it in a session.
#[derive(Debug)]
pub(super) struct Disk {
    /// What waits, by file: how many writes, and why.
    waiting: Mutex<BTreeMap<&'static str, (usize, Hindrance)>>,
    trouble: watch::Sender<Option<Trouble>>,
    given_up: watch::Sender<bool>,
    /// See [`Disk::by_plain_sync`].
    by_plain_sync: AtomicBool,
}

impl Disk {
    /// Nothing is known of any trouble.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::default(),
            trouble: watch::Sender::new(None),
            given_up: watch::Sender::new(false),
            by_plain_sync: AtomicBool::new(false),
        })
    }

    /// What is wrong now.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble.borrow().clone()
    }

    /// Tells of every change.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Trouble>> {
        self.trouble.subscribe()
    }

    /// Waits until nothing is wrong.
    pub(super) async fn well(&self) {
        // The sender is in `self`.
        let _ = self.watch().wait_for(Option::is_none).await;
    }

    /// From now on what comes, comes by `/sync`. The SDK keeps beside the keys how far it has come
    /// with to-device messages, of either kind of sync, and asks a sliding sync to go on from
    /// there; a homeserver does not understand the other kind's. So that of `/sync`, which goes on
    /// from a token of its own, is not kept.
    pub(super) fn by_plain_sync(&self) {
        self.by_plain_sync.store(true, Ordering::Relaxed);
    }

    /// From now on a write that the disk does not take fails.
    pub(super) fn give_up(&self) {
        self.given_up.send_replace(true);
    }

    /// Does this until the disk takes it.
    async fn steady<T, E, Attempt>(
        &self,
        file: &'static str,
        hindrance: impl Fn(&E) -> Option<Hindrance>,
        attempt: impl Fn() -> Attempt,
    ) -> Result<T, E>
    where
        Attempt: Future<Output = Result<T, E>>,
    {
        let mut given_up = self.given_up.subscribe();
        let (mut pause, mut waiting) = (PAUSE, None);
        loop {
            let done = attempt().await;
            let Some(why) = done.as_ref().err().and_then(&hindrance).filter(|_| !*given_up.borrow()) else {
                return done;
            };
            tracing::warn!(file, ?why, "a write is tried again");
            waiting.get_or_insert_with(|| self.wait(file)).because(why);
            let _ = tokio::time::timeout(pause.next_delay(), given_up.wait_for(|given_up| *given_up)).await;
        }
    }

    /// The same for whoever has a thread of its own: after a failure for this reason, waits before
    /// the next attempt, and says whether there is to be one. `waiting` is for the caller to keep
    /// until the write was done.
    pub(super) fn pause_thread<'a>(
        &'a self,
        file: &'static str,
        why: Hindrance,
        waiting: &mut Option<Waiting<'a>>,
    ) -> bool {
        if *self.given_up.borrow() {
            return false;
        }
        tracing::warn!(file, ?why, "a write is tried again");
        waiting.get_or_insert_with(|| self.wait(file)).because(why);
        std::thread::sleep(SHORT);
        true
    }

    fn wait(&self, file: &'static str) -> Waiting<'_> {
        Waiting { disk: self, file, counted: false }
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<&'static str, (usize, Hindrance)>)) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut waiting);
        let now = waiting.iter().next().map(|(file, (_, why))| Trouble { file, why: why.clone() });
        self.trouble.send_if_modified(|trouble| {
            let is_new = *trouble != now;
            *trouble = now;
            is_new
        });
    }
}

/// For the receipt store, whose file is kvitto's own: does a write until the disk takes it. The
/// store's thread can wait.
pub(super) fn keeper(disk: &Arc<Disk>) -> Keeper {
    let disk = Arc::clone(disk);
    Box::new(move |attempt| {
        let mut waiting = None;
        loop {
            let done = attempt();
            let Err(StoreError::Sqlite(error)) = &done else { return done };
            let Some(why) = Hindrance::of(error) else { return done };
            if !disk.pause_thread(RECEIPTS, why, &mut waiting) {
                return done;
            }
        }
    })
}

/// A write that waits; until this goes there is trouble.
pub(super) struct Waiting<'a> {
    disk: &'a Disk,
    file: &'static str,
    counted: bool,
}

impl Waiting<'_> {
    fn because(&mut self, why: Hindrance) {
        let is_new = !std::mem::replace(&mut self.counted, true);
        self.disk.change(|waiting| {
            let (count, last) = waiting.entry(self.file).or_insert((0, why.clone()));
            *last = why;
            *count += usize::from(is_new);
        });
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.disk.change(|waiting| {
            if let Some((count, _)) = waiting.get_mut(self.file).filter(|_| self.counted) {
                *count -= 1;
            }
            waiting.retain(|_, (count, _)| *count > 0);
        });
    }
}

/// A store of the SDK that does not fail when the disk does not take something now.
#[derive(Debug)]
struct Steady<Store> {
    inner: Store,
    disk: Arc<Disk>,
    file: &'static str,
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const FILE: &str = "keys";

    async fn fails(disk: &Disk, times: u32, why: Option<Hindrance>) -> (Result<u32, ()>, Vec<Option<Trouble>>) {
        let (tried, seen) = (Cell::new(0), std::cell::RefCell::new(Vec::new()));
        let done = disk
            .steady(
                FILE,
                |()| why.clone(),
                || {
                    tried.set(tried.get() + 1);
                    seen.borrow_mut().push(disk.trouble());
                    let done = if tried.get() > times { Ok(tried.get()) } else { Err(()) };
                    std::future::ready(done)
                },
            )
            .await;
        (done, seen.into_inner())
    }

    fn locked() -> Trouble {
        Trouble { file: FILE, why: Hindrance::Locked }
    }

    #[tokio::test]
    async fn what_the_disk_does_not_take_is_tried_until_it_does_and_meanwhile_there_is_trouble() {
        let disk = Disk::new();
        let (done, seen) = fails(&disk, 2, Some(Hindrance::Locked)).await;
        assert_eq!((done, seen), (Ok(3), vec![None, Some(locked()), Some(locked())]));
        assert_eq!(disk.trouble(), None);
        disk.well().await;
    }

    #[tokio::test]
    async fn what_is_no_fault_of_the_disk_fails_at_once() {
        let disk = Disk::new();
        assert_eq!(fails(&disk, 3, None).await, (Err(()), vec![None]));
    }

    #[tokio::test]
    async fn whoever_quits_does_not_wait() {
        let disk = Disk::new();
        let endless = fails(&disk, u32::MAX, Some(Hindrance::Full));
        let quits = async {
            let _ = disk.watch().wait_for(Option::is_some).await;
            disk.give_up();
        };
        let ((done, _), ()) = tokio::join!(endless, quits);
        assert_eq!((done, disk.trouble()), (Err(()), None));
        assert_eq!(fails(&disk, 1, Some(Hindrance::Full)).await.0, Err(()));
    }

    #[test]
    fn trouble_lasts_as_long_as_anybody_waits() {
        let disk = Disk::new();
        let mut two = [disk.wait(FILE), disk.wait(FILE)];
        let mut other = disk.wait("messages");
        assert_eq!(disk.trouble(), None);
        for waiting in &mut two {
            waiting.because(Hindrance::Locked);
        }
        other.because(Hindrance::Full);
        let [first, second] = two;
        drop(first);
        assert_eq!(disk.trouble(), Some(locked()));
        drop(second);
        assert_eq!(disk.trouble(), Some(Trouble { file: "messages", why: Hindrance::Full }));
        drop(other);
        assert_eq!(disk.trouble(), None);
    }
}
