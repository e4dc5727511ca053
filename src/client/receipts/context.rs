//! What every part of the receipts actor works with: the client, the store, who the user is, the
//! rules in force, and the ways to tell the actor and the views something.

use std::collections::BTreeSet;

use matrix_sdk::Client;
use tokio::sync::mpsc::UnboundedSender;

use super::{Input, server::Server};
use crate::{
    client::{
        ids,
        reply::{Failure, FailureKind},
        update::Update,
    },
    delivery::{
        incognito::Incognito,
        policy::Settings,
        store::{Store, StoreError},
    },
    model::{DeviceId, RoomId, Timestamp, UserId},
};

/// What more than one part needs. A part is given it with each call.
pub(super) struct Context {
    pub client: Client,
    pub store: Store,
    pub user_id: UserId,
    pub device_id: DeviceId,
    /// P2: nothing that was sent before is owed.
    pub logged_in_at: Timestamp,
    /// The settings in force. They are changed by
    /// [`Outgoing::set_settings`](super::outgoing::Outgoing::set_settings) only.
    pub settings: Settings,
    /// P12: where there is or was incognito, changed together with the settings.
    pub incognito: Incognito,
    /// What the homeserver can do with receipts.
    pub server: Server,
    /// The rooms of which a timeline is open.
    pub open_rooms: OpenRooms,
    /// Tells this actor something, from tasks beside it.
    pub inputs: UnboundedSender<Input>,
    /// Tells the views something.
    pub events: UnboundedSender<Update>,
}

/// The rooms of which a timeline is open.
#[derive(Default)]
pub(super) struct OpenRooms {
    pub room_ids: BTreeSet<RoomId>,
    /// Set while [`Query::LookAgain`](super::Query::LookAgain) is to come.
    pub looking_again: bool,
}

impl Context {
    pub fn new(
        client: &Client,
        store: Store,
        logged_in_at: Timestamp,
        settings: &Settings,
        events: UnboundedSender<Update>,
        inputs: UnboundedSender<Input>,
    ) -> Self {
        Self {
            user_id: client.user_id().map_or_else(|| UserId::new(""), ids::user),
            device_id: client.device_id().map_or_else(|| DeviceId::new(""), ids::device),
            client: client.clone(),
            store,
            logged_in_at,
            settings: settings.clone(),
            incognito: Incognito::default(),
            server: Server::new(settings.receipt_type),
            open_rooms: OpenRooms::default(),
            inputs,
            events,
        }
    }

    /// Whether this is the account that is logged in.
    pub fn is_own(&self, user: &UserId) -> bool {
        *user == self.user_id
    }

    /// What the disk has answered; tells the user when it does not take or give what must be kept.
    pub fn stored<T>(&self, outcome: Result<T, StoreError>) -> Option<T> {
        stored(outcome).inspect_err(|failure| self.tell_view(Update::Warning(failure.sentence.clone()))).ok()
    }

    /// Tells the views something. Nobody listens any more when the session has ended.
    pub fn tell_view(&self, event: Update) {
        let _ = self.events.send(event);
    }
}

/// What the disk has answered to a request.
pub(super) fn stored<T>(outcome: Result<T, StoreError>) -> Result<T, Failure> {
    outcome.map_err(|error| {
        tracing::error!(%error, "the delivery store failed");
        Failure::new(FailureKind::Storage, &format!("Receipts cannot be kept: {error}"))
    })
}
