//! Carries out what the app asks for, without ever making the loop wait.

use std::{path::PathBuf, sync::mpsc, thread};

use tokio::{sync::mpsc::UnboundedSender, task};

use crate::{
    app::{effect::Effect, event::Event},
    client::ClientHandle,
    config,
    model::SafeText,
    settings::Change,
};

/// Where effects go to.
pub struct Effects {
    matrix: ClientHandle,
    events: UnboundedSender<Event>,
    saves: mpsc::Sender<Change>,
    saving: task::JoinHandle<()>,
}

impl Effects {
    /// What comes of the effects that are done here is told to `events`; `matrix` has a way of its
    /// own.
    pub fn new(matrix: ClientHandle, config: PathBuf, events: UnboundedSender<Event>) -> Self {
        let (saves, requests) = mpsc::channel();
        let outcomes = events.clone();
        // One thread writes one change after the other, so none is lost and the last one stands.
        let saving = task::spawn_blocking(move || {
            for change in requests {
                let _ = outcomes.send(match config::save(&config, &change) {
                    Ok(settings) => Event::Settings(settings),
                    Err(error) => Event::Failed(SafeText::line(&format!("Not saved: {error}"))),
                });
            }
        });
        Self { matrix, events, saves, saving }
    }

    /// Starts what the effect asks for. The terminal's own effects mean nothing here.
    pub fn run(&self, effect: Effect) {
        match effect {
            Effect::Quit | Effect::Suspend | Effect::Redraw | Effect::Copy(_) | Effect::TryDemo => {}
            Effect::OpenUrl(url) => self.open(url),
            Effect::SaveSetting(change) => {
                // The thread ends after this.
                let _ = self.saves.send(change);
            }
            Effect::Client(request) => {
                // Its answer comes with the request in it.
                self.matrix.request(request);
            }
        }
    }

    /// Waits until everything that was asked for is on disk.
    pub async fn finish(self) {
        drop(self.saves);
        if self.saving.await.is_err() {
            tracing::error!("a setting may not be saved");
        }
        self.matrix.stop().await;
    }

    /// Starts the browser in a thread of its own: some browsers return only when they are closed.
    fn open(&self, url: String) {
        let (events, by_hand) = (self.events.clone(), url.clone());
        let start = move || {
            if !is_page(&url) || webbrowser::open(&url).is_err() {
                let sentence = format!("No browser could be started. Open this by hand: {url}");
                let _ = events.send(Event::Failed(SafeText::line(&sentence)));
            }
        };
        if thread::Builder::new().name("browser".into()).spawn(start).is_err() {
            let sentence = format!("Open this by hand: {by_hand}");
            let _ = self.events.send(Event::Failed(SafeText::line(&sentence)));
        }
    }
}

/// Only pages go to the browser: an address may come from somebody else's message, and `file:`
/// reads this machine.
fn is_page(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_given_to_the_browser() {
        for url in ["https://matrix.org", "http://127.0.0.1:8080/?token=a", "HTTPS://matrix.org"] {
            assert!(is_page(url), "{url}");
        }
        for url in ["file:///etc/passwd", "javascript:alert(1)", "vnc://host", "-h", "", "matrix.org"] {
            assert!(!is_page(url), "{url}");
        }
    }
}
