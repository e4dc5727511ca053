//! A lost wake-up of the SDK (0.18), made up for.
//!
//! Whoever paginates a room waits for one future together with a task of the event cache, and each
//! leaves it to the other to poll it. When a sync leaves a gap in that room meanwhile, the event
//! cache aborts its task, at times just after the other one was sent back to sleep because of it:
//! then nobody polls the page any more. Half decrypted, it holds all connections to the keys, so
//! every sync waits for it too, and the client stands still until it is restarted.

use std::{pin::pin, time::Duration};

use tokio::time::timeout;

const EVERY: Duration = Duration::from_secs(1);

/// Waits for this, and looks at it every second although nothing has woken it.
pub(super) async fn keep_polling<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Ok(output) = timeout(EVERY, &mut future).await {
            return output;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Poll};

    use super::*;

    #[tokio::test]
    async fn what_nobody_wakes_goes_on() {
        let mut polled = 0;
        let forgotten = poll_fn(|_| {
            polled += 1;
            if polled > 1 { Poll::Ready("a page") } else { Poll::Pending }
        });
        assert_eq!(keep_polling(forgotten).await, "a page");
    }
}
