//! What the screen says about the connection. When this machine cannot keep what comes, that is
//! more important than how it stands with the homeserver, and the sync waits for it anyway.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{client::disk::Disk, client::update::Update, model::Connection};
use tokio::sync::mpsc::UnboundedSender;

/// Tells the connection.
pub(super) struct Screen {
    disk: Arc<Disk>,
    events: UnboundedSender<Update>,
    /// How it stands with the homeserver.
    connection: Mutex<Connection>,
}

impl Screen {
    pub(super) fn new(disk: Arc<Disk>, events: UnboundedSender<Update>) -> Self {
        Self { disk, events, connection: Mutex::new(Connection::Connecting) }
    }

    /// It stands so with the homeserver.
    pub(super) fn shows(&self, connection: Connection) {
        self.tell(|last| *last = connection);
    }

    fn tell(&self, change: impl FnOnce(&mut Connection)) {
        // Held while telling, so that what is told last is what holds.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut connection);
        let shown = self.disk.trouble().map(|trouble| Connection::Offline(trouble.short()));
        let _ = self.events.send(Update::Connection(shown.unwrap_or_else(|| connection.clone())));
    }
}

/// Tells when the disk takes no more, and when it does again.
pub(super) async fn tell_trouble(screen: Arc<Screen>) {
    let mut troubles = screen.disk.watch();
    while troubles.changed().await.is_ok() {
        let trouble = troubles.borrow_and_update().clone();
        screen.tell(|_| ());
        if let Some(trouble) = trouble {
            let _ = screen.events.send(Update::Warning(trouble.sentence()));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::{client::errors::Hindrance, model::SafeText};

    #[tokio::test]
    async fn what_the_disk_does_not_take_is_shown_until_it_does_and_then_how_the_connection_is() {
        let (events, mut told) = unbounded_channel();
        let disk = Disk::new();
        let screen = Arc::new(Screen::new(disk.clone(), events));
        let telling = tokio::spawn(tell_trouble(screen.clone()));
        let mut next = async || told.recv().await.unwrap();
        screen.shows(Connection::Connecting);
        assert_eq!(next().await, Update::Connection(Connection::Connecting));
        let mut waiting = None;
        tokio::task::yield_now().await;
        assert!(disk.pause_thread("keys", Hindrance::Full, &mut waiting));
        let full = Update::Connection(Connection::Offline(SafeText::line("the disk is full, at keys")));
        assert_eq!(next().await, full);
        assert!(matches!(next().await, Update::Warning(why) if why.contains("Free some space")));
        screen.shows(Connection::Online);
        assert_eq!(next().await, full);
        drop(waiting);
        assert_eq!(next().await, Update::Connection(Connection::Online));
        telling.abort();
    }
}
