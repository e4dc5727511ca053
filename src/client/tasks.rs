//! Tasks, as light to compile as can be.
//!
//! What a runtime needs for a task, about seventy functions, is compiled for each type of future
//! that becomes one, and again for each kind of runtime: with a type of its own for each task that
//! was every seventh function of the whole program. Behind a box all futures are of one type.

use std::pin::Pin;

use tokio::task::JoinHandle;

/// [`tokio::spawn`], which nothing else here calls.
pub(super) fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let future: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(future);
    tokio::spawn(future)
}
