//! Whether the homeserver has really ended a session.
//!
//! `M_UNKNOWN_TOKEN` is said by more than a server that has ended a session: by one whose database
//! is empty for a moment, by a proxy with a mind of its own, about a token that another process has
//! replaced. And the SDK says that a session has ended when its connection broke while the tokens
//! were renewed. So the word is only a reason to ask: what is on disk first, then the server
//! (`/whoami`, by which the SDK also renews the tokens), again and again with growing pauses. Only
//! refusals, some in a row, end a session; whatever else goes wrong says nothing about it.

use std::time::Duration;

use matrix_sdk::{Client, SessionChange};
use tokio::{
    sync::{broadcast, mpsc::UnboundedSender},
    time::sleep,
};

use super::keeper::Keeper;
use crate::{
    client::{backoff::Backoff, errors},
    model::SafeText,
};

/// So many refusals in a row are believed.
const REFUSALS: u8 = 4;
/// Between asking and asking again.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// What the homeserver says about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) enum Verdict {
    /// It knows it.
    Alive,
    /// It does not.
    Refused,
    /// Nothing, for this reason.
    Unheard(SafeText),
}

/// How a session ends that nobody has ended here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum End {
    /// The homeserver insists that it has ended.
    Revoked,
    /// Another process has renewed the tokens: go on with these.
    Renewed,
}

/// A session that may have ended.
pub(super) struct Doubt {
    refusals: u8,
    pause: Backoff,
}

/// What comes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The session goes on.
    Trust,
    /// Ask again after this.
    AskAfter(Duration),
    /// It has ended.
    End,
}

impl Doubt {
    pub fn new() -> Self {
        Self { refusals: 0, pause: PAUSE }
    }

    /// Takes in one answer.
    pub fn hear(&mut self, verdict: &Verdict) -> Next {
        self.refusals = match verdict {
            Verdict::Alive => return Next::Trust,
            Verdict::Refused => self.refusals + 1,
            Verdict::Unheard(_) => 0,
        };
        if self.refusals < REFUSALS { Next::AskAfter(self.pause.next_delay()) } else { Next::End }
    }
}

/// Asks the homeserver once.
pub(in crate::client) async fn ask(client: &Client) -> Verdict {
    match client.whoami().await {
        Ok(me) if client.user_id() == Some(&me.user_id) => Verdict::Alive,
        Ok(_) => Verdict::Refused,
        Err(error) if errors::is_refusal(&error) => {
            tracing::info!(%error, "the homeserver refuses this session");
            Verdict::Refused
        }
        Err(error) => Verdict::Unheard(errors::http_sentence(&error)),
    }
}

/// Asks the homeserver once more: its verdict, when that settles the matter; else after a pause.
async fn ask_again(client: &Client, doubt: &mut Doubt) -> Option<Verdict> {
    let verdict = ask(client).await;
    tracing::info!(?verdict, "the homeserver was asked about this session");
    match doubt.hear(&verdict) {
        Next::Trust | Next::End => Some(verdict),
        Next::AskAfter(pause) => {
            sleep(pause).await;
            None
        }
    }
}

/// Asks until the homeserver has said that it knows the session, or has insisted that it does not.
/// One refusal says no more than in a live session: of requests that begin together, one may be
/// refused while another renews the tokens.
pub(in crate::client) async fn ask_until_heard(client: &Client) -> Verdict {
    let mut doubt = Doubt::new();
    loop {
        if let Some(verdict) = ask_again(client, &mut doubt).await {
            return verdict;
        }
    }
}

/// Watches a live session; tells when it has ended.
pub(in crate::client) async fn watch(
    client: Client,
    keeper: &Keeper,
    mut changes: broadcast::Receiver<SessionChange>,
    ends: UnboundedSender<End>,
) {
    loop {
        match changes.recv().await {
            Ok(SessionChange::TokensRefreshed) => continue,
            // The channel holds one change: another may have pushed the word out.
            Ok(SessionChange::UnknownToken(_)) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
        if let Some(end) = look_into_it(&client, keeper).await {
            let _ = ends.send(end);
            return;
        }
        // What was said meanwhile is settled.
        changes = changes.resubscribe();
    }
}

async fn look_into_it(client: &Client, keeper: &Keeper) -> Option<End> {
    let mut doubt = Doubt::new();
    loop {
        if keeper.is_behind() {
            return Some(End::Renewed);
        }
        match ask_again(client, &mut doubt).await {
            None => {}
            Some(Verdict::Alive) => return None,
            Some(_) => return Some(if keeper.is_behind() { End::Renewed } else { End::Revoked }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(verdicts: &[Verdict]) -> Next {
        let mut doubt = Doubt::new();
        verdicts.iter().map(|verdict| doubt.hear(verdict)).last().unwrap()
    }

    #[test]
    fn only_refusals_in_a_row_end_a_session() {
        let unheard = Verdict::Unheard(SafeText::line("broken"));
        let refused = [const { Verdict::Refused }; REFUSALS as usize];
        assert_eq!(next(&refused), Next::End);
        assert!(matches!(next(&refused[1..]), Next::AskAfter(_)));
        let mut interrupted = refused.to_vec();
        interrupted.insert(1, unheard.clone());
        assert!(matches!(next(&interrupted), Next::AskAfter(_)));
        assert_eq!(next(&[Verdict::Refused, Verdict::Alive]), Next::Trust);
        assert!(matches!(next(&vec![unheard; 100]), Next::AskAfter(_)), "no silence ends a session");
    }

    #[test]
    fn it_is_asked_with_growing_pauses() {
        let mut doubt = Doubt::new();
        let pauses = [(); 3].map(|()| doubt.hear(&Verdict::Refused));
        assert_eq!(pauses, [1, 2, 4].map(|seconds| Next::AskAfter(Duration::from_secs(seconds))));
    }
}
