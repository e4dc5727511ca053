//! Signals as events of the one loop.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// What another process, or the terminal's driver, wants of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// To end: SIGTERM, SIGHUP, SIGINT.
    Quit,
    /// To go to the background: SIGTSTP.
    Suspend,
    /// The terminal has another size: SIGWINCH.
    Resized,
    /// It was stopped, however, and goes on: SIGCONT.
    Resumed,
}

/// The signals that this process hears from now on.
pub struct Signals {
    terminate: unix::Signal,
    hang_up: unix::Signal,
    interrupt: unix::Signal,
    suspend: unix::Signal,
    resume: unix::Signal,
    resize: unix::Signal,
}

impl Signals {
    /// Starts to listen.
    pub fn listen() -> io::Result<Self> {
        let listen_to = |number| unix::signal(SignalKind::from_raw(number));
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            hang_up: unix::signal(SignalKind::hangup())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            suspend: listen_to(signal_hook::consts::SIGTSTP)?,
            resume: listen_to(signal_hook::consts::SIGCONT)?,
            resize: unix::signal(SignalKind::window_change())?,
        })
    }

    /// Waits for the next one. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Quit,
            _ = self.hang_up.recv() => Signal::Quit,
            _ = self.interrupt.recv() => Signal::Quit,
            _ = self.suspend.recv() => Signal::Suspend,
            _ = self.resume.recv() => Signal::Resumed,
            _ = self.resize.recv() => Signal::Resized,
        }
    }
}
