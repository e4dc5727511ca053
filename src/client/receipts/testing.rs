//! What the tests of every part begin with: a client that is logged in, and a context of its own.

use matrix_sdk::{
    Client, SessionMeta, SessionTokens,
    authentication::matrix::MatrixSession,
    ruma::{owned_device_id, owned_user_id},
};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Context, Input};
use crate::{
    client::session::loopback::Loopback,
    client::update::Update,
    delivery::{
        policy::Settings,
        receipt_queue::{KEY_WAIT, Numbers, ReceiptQueue},
        store::Store,
    },
    model::Timestamp,
};

/// A client that is logged in at this server, with nothing on disk.
pub(super) async fn client(server: &Loopback) -> Client {
    let client = Client::builder().homeserver_url(&server.url).build().await.unwrap();
    let meta = SessionMeta { user_id: owned_user_id!("@me:example.org"), device_id: owned_device_id!("MINE") };
    let tokens = SessionTokens { access_token: "secret".to_owned(), refresh_token: None };
    client.restore_session(MatrixSession { meta, tokens }).await.unwrap();
    client
}

/// A queue that owes nothing.
pub(super) fn queue() -> ReceiptQueue {
    ReceiptQueue::new(Settings::default(), KEY_WAIT, Numbers::new(|| 0.5))
}

/// A context without an actor around it, and what the actor and the views are told.
pub(super) struct Alone {
    pub context: Context,
    pub inputs: UnboundedReceiver<Input>,
    pub events: UnboundedReceiver<Update>,
    /// Where the store is.
    pub dir: TempDir,
}

/// Of a client that is logged in at this server.
pub(super) async fn alone(server: &Loopback) -> Alone {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path(), &[7; 32]).unwrap();
    let ((to_inputs, inputs), (to_events, events)) = (unbounded_channel(), unbounded_channel());
    let context =
        Context::new(&client(server).await, store, Timestamp::EPOCH, &Settings::default(), to_events, to_inputs);
    Alone { context, inputs, events, dir }
}
